/* plan/files/wild.h: names that match a pattern. */
#ifndef MR_WILD_H
#define MR_WILD_H
#include "base/text.h"

/** Names that match, sorted: as glob(3) has it (* ? [ ] within a name, a leading dot by a dot only,
 *  \\ before a character that means itself). Folders on the way that cannot be looked into come
 *  into `closed`, where glob would pass over them or give up. Any thread. */
mr_status mr_wild(const char *pattern, mr_strs *names, mr_strs *closed);
/** Would this be taken for an unfinished file? */
bool mr_is_part(const char *name);
#endif
