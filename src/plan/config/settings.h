/* plan/config/settings.h: inside the config's parser only: the sections of the config, checked and
 * taken over from the tree. All refusals are MR_ECONFIG with file:line:column. */
#ifndef MR_SETTINGS_H
#define MR_SETTINGS_H
#include "plan/config/config.h"

/** The root's own keys, then each section into c. c->root is set; nodes are borrowed from it. */
mr_status mr_settings_take(mr_config *c);
/** The chain: known operators, one an entry, each with parameters that its table accepts. Entries
 *  that say "- abs:" without parameters get an empty map. */
mr_status mr_chain_check(mr_node *chain);
/** input.mask, a map of `constant` and `above`, one at least: seconds (0: none) and a magnitude
 *  (INFINITY: none). */
mr_status mr_mask_take(const mr_node *n, double *constant_s, double *above);
#endif
