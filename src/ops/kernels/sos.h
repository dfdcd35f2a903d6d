/* ops/kernels/sos.h: running a cascade of second-order sections over a tile, forward in time or
 * both ways. float64, fused multiply-adds in one fixed order, so that the bits depend neither on
 * the tile's width nor on the vector length of the machine. */
#ifndef MR_SOS_H
#define MR_SOS_H
#include "ops/design/design.h"
#include "millrace/op.h"

typedef enum mr_phase {
    MR_PHASE_ZERO,   /* forward, then backward; odd extension at the span's ends (sosfiltfilt) */
    MR_PHASE_CAUSAL, /* forward, from rest at the span's start (sosfilt) */
    MR_PHASE_STEADY  /* forward, from the steady state of the span's first sample */
} mr_phase;

/** What a cascade needs of the chain. */
void mr_sos_needs(const mr_sos *f, mr_phase phase, mr_needs *needs);
/** Filter p->x into p->y (up = down = 1; y may lie on x). Starts as p says: from the carried state;
 * at the span's start by the phase's rule; elsewhere from the steady state of the first row, which
 * is also how the backward run starts before the span's end. Overwrites x. */
void mr_sos_run(const mr_sos *f, mr_phase phase, const mr_piece *p);
/** What a zero-phase run of new rows alone begins and ends with; the rows after them are not there
 * yet. */
typedef struct mr_sos_open {
    size_t from;         /* rows of x before this are not wanted */
    const double *prior; /* [pad][nc] the rows before x (NULL: fresh); mirrored at the span's end */
    double *rows;        /* [pad][nc] out: x's last rows as they came; fewer fill its end */
    double *last;        /* [nc] out: the forward run's last row, before the backward run */
    double *back; /* [2 n][nc] out: the backward run's states before row x0 - 1, if from = 0 */
} mr_sos_open;
/** Forward over x from the carried state, as mr_sos_run does, and backward over x, in place:
 * from the span's end by its rule, elsewhere from the steady state of `last`. That the true states
 * differ from this adds mr_sos_ring of the difference to every row before; who gets the rows that
 * follow knows it (ops/chain/defer.h). p->y is not used; p->snap is x's end, or INT64_MAX. */
void mr_sos_run_open(const mr_sos *f, const mr_piece *p, const mr_sos_open *o);
/** One line a section, %a. */
mr_status mr_sos_describe(const mr_sos *f, mr_text *t);
#endif
