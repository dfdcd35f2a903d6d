/* ops/names.h: names of what operators make of a quantity: no rms of strain rate is strain rate. */
#ifndef MR_OPS_NAMES_H
#define MR_OPS_NAMES_H
#include "millrace/grid.h"

typedef struct mr_made { /* an operator keeps it: its output's geometry borrows the text */
    char name[64];
} mr_made;

/** out->quantity becomes in's with "_what" behind it, in m. `what` must be of the words in names.c.
 */
void mr_name_made(mr_made *m, const mr_geom *in, const char *what, mr_geom *out);
/** out->quantity becomes `base`, with what had been made of in's quantity behind it. */
void mr_name_based(mr_made *m, const mr_geom *in, const char *base, mr_geom *out);
/** One that is divided by its own size: no unit, no way back to one. */
void mr_name_without_unit(mr_made *m, const mr_geom *in, const char *what, mr_geom *out);
#endif
