/* run/mill/losses.h: samples that were wanted and could not be had: of a lane in hand, of all lanes
 * that a rank made, of lanes that were done before. */
#ifndef MR_LOSSES_H
#define MR_LOSSES_H
#include "plan/plan.h"

/** One entry of what was lost while running. */
typedef struct mr_loss {
    uint32_t file;
    int64_t t0_ns, t1_ns;
    bool again; /* reading failed: another run may have more luck */
    char note[MR_NOTE_MAX];
} mr_loss;
typedef struct mr_losses {
    mr_loss *v;
    size_t n, cap;
} mr_losses;

/** One more; what is there already stays once. */
mr_status mr_losses_add(mr_losses *l, const mr_loss *row);
/** As lines for a lane's file, sorted: an order that does not depend on which thread met them. */
mr_status mr_losses_print(const mr_catalog *c, mr_losses *l, mr_text *lines);
/** As a row of the ledger; all of them into it. */
mr_odd mr_loss_odd(const mr_loss *l);
mr_status mr_losses_note(const mr_losses *l, mr_spans *ledger);
#endif
