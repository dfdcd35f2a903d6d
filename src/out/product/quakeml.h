/* out/product/quakeml.h: between events.c and quakeml.c. */
#ifndef MR_OUT_PRODUCT_QUAKEML_H
#define MR_OUT_PRODUCT_QUAKEML_H
#include "base/text.h"
#include "out/output.h"

/** What stands before the events, and behind them; appended. plan: makes the identifiers. */
mr_status mr_quakeml_begin(mr_text *t, const mr_digest *plan);
mr_status mr_quakeml_end(mr_text *t);
/** Event number k, from 1 on; unit: of its peak; at: where its first channel is, or NULL. */
mr_status mr_quakeml_event(mr_text *t, const mr_digest *plan, uint64_t k, const mr_event_row *r,
                           const char *unit, const mr_spot *at);
/** The channel at which it comes in, as its velocity has it: the first, or of a negative one the
 *  last. */
int64_t mr_quakeml_first(const mr_event_row *r);
#endif
