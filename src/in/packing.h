/* in/packing.h: packed numbers by the CF conventions, as the probe reads them. Workers only. */
#ifndef MR_IN_PACKING_H
#define MR_IN_PACKING_H
#include "in/layout.h"

/** What the attributes of a variable say; false if nothing. */
bool mr_packing_of(const mr_h5 *h, const char *path, mr_packing *out);
/** The samples' packing into f->info, and the unit that they are unpacked to. scaled: the map says
 *  what a stored number is worth, so that only fill values and ranges count. */
void mr_packing_read(const mr_h5 *h, mr_find *f, bool scaled);
#endif
