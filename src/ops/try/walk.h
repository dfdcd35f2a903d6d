/* ops/try/walk.h: what the chain relies on, tried: any operator, anybody's. `ops NAME --try` and
 * the tests walk the same properties. */
#ifndef MR_WALK_H
#define MR_WALK_H
#include "ops/chain/chain.h"

/** The signal that operators are tried on: 3003 samples at 100 Hz of 45 channels of noise on a
 *  drift, with every conversion of units known. */
extern const mr_geom mr_try_geom;

/** A property of a chain that was bound to mr_try_geom: what is wrong with it is added to `say`, a
 *  line each; nothing where it holds. */
typedef struct mr_property {
    const char *name; /* in words: what holds */
    mr_status (*walk)(const mr_chain *c, mr_text *say);
} mr_property;
extern const mr_property mr_properties[];
extern const size_t mr_n_properties;
#endif
