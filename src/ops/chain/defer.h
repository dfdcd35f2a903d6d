/* ops/chain/defer.h: a zero-phase cascade and the decimation after it (any finite response that
 * lowers the rate by a whole number) as one operator that reads each row once.
 *
 * The backward run needs rows far ahead: sos.h's `fade`, 8.7 s for a corner of 1 Hz. Blocks that
 * each load and filter those rows again do a third of the work twice. Here a block runs backward
 * over its own new rows, as if nothing but its last row went on, decimates what comes out, and
 * holds back the outputs that more would be needed for. The rows of the next block say with what
 * states the backward run truly came to the block's end; the cascade is linear, so what that
 * changes is the ringing of the difference: 2 n products for each output held back, from a table
 * (superposition of zero-input responses; Oppenheim and Schafer, Discrete-Time Signal
 * Processing, 2.5). An output is given once all rows within `fade` are known: the same outputs,
 * within the same 1e-9, as if the block had been filtered with all of its context. */
#ifndef MR_DEFER_H
#define MR_DEFER_H
#include "ops/kernels/fir.h"
#include "ops/kernels/sos.h"

typedef struct mr_defer mr_defer;

/** For a cascade whose output goes through a response with up = 1; `overlap`: outputs, at most,
 * that two blocks both give. [borrow] sos and fir, as long as it lives; [give] out. */
mr_status mr_defer_new(const mr_sos *sos, const mr_fir *fir, size_t overlap, mr_defer **out);
void mr_defer_free(mr_defer *d);
/** Rows of mr_piece.carry. */
size_t mr_defer_carry(const mr_defer *d);
/** Rows of scratch. */
size_t mr_defer_scratch(const mr_defer *d);
/** p->x: the rows since the block before (fresh: with all context before p->y0), to `fade` and the
 * decimation's context after p->y's last output; p->y0 counts the decimation's outputs, phase as in
 * op.h. state: the forward run's. When the feed turns out spoilt, carry is left as it was. */
void mr_defer_run(const mr_defer *d, int64_t phase, const mr_piece *p);
#endif
