/* in/clock/line.h: stamps of rows -> the lines they lie on. Arithmetic on ns since some moment, so
 * that it can be tested without a file. Called by in/clock/stamps.c. */
#ifndef MR_IN_CLOCK_LINE_H
#define MR_IN_CLOCK_LINE_H
#include "base/base.h"

/** Rows [row, row + nt) whose times are t0_ns + i * (t1_ns - t0_ns) / (nt - 1). */
typedef struct mr_piece {
    uint64_t row, nt;
    double t0_ns, t1_ns;
    double step_ns; /* robust; the ends may be stamps, which tremble */
} mr_piece;

typedef enum mr_line_fault {
    MR_LINE_OK,
    MR_LINE_CONSTANT, /* one and the same stamp */
    MR_LINE_FALLING,  /* times do not rise */
    MR_LINE_IRREGULAR /* no step holds for three rows running */
} mr_line_fault;

/** What the stamps of consecutive rows say. Zero-initialise; mr_line_fini. */
typedef struct mr_line {
    mr_line_fault fault;
    mr_piece *piece; /* [n_pieces], at least one unless there is a fault */
    size_t n_pieces, cap_pieces;
    double step_ns;   /* robust, over all pieces */
    double noise_ns;  /* how far good stamps lie from their line at most */
    uint64_t n_bad;   /* single stamps off the line */
    uint64_t packets; /* rows that share a stamp, as a rule; 0: each has its own */
} mr_line;

/** The lines of stamps t[n], ns, NaN where there is none. res_ns: what a stamp is good to. A line
 *  ends where a stamp leaves it by more than half a step and its next two agree with it; slow drift
 *  bends it. Takes scratch of 3 x n. */
mr_status mr_line_of(const double *t, size_t n, double res_ns, mr_line *out);
/** Append what a later block of rows, of stamps since the same moment, says. */
mr_status mr_line_join(mr_line *all, const mr_line *next, double res_ns);
void mr_line_fini(mr_line *l);
/** The step over the most rows that follow one another without a jump, and the time they take. */
double mr_line_step(const mr_line *l, double *span_ns);
/** The one round rate (whole Hz, or whole us or ns of step) that a step measured over span_ns may
 *  stand for where the ends are good to slack_ns each; else the rate itself. */
double mr_line_rate(double step_ns, double span_ns, double slack_ns);
#endif
