/* base/base.h: what every room may use; most of it is public. */
#ifndef MR_BASE_INSIDE_H
#define MR_BASE_INSIDE_H
#include "millrace/base.h"

/** Give what the heap keeps for later back to the system, where that can be. */
void mr_heap_trim(void);
#endif
