/* run/piece/spoils.h: samples that are not finite, kept beside them. See spoils.c. */
#ifndef MR_SPOILS_H
#define MR_SPOILS_H
#include "millrace/grid.h"

/** Samples that are not finite: channel (of the array) and raw grid indices. */
typedef struct mr_spoil {
    uint32_t c;
    mr_slab raw;
} mr_spoil;
typedef struct mr_spoils {
    mr_spoil *v;
    size_t n, cap;
} mr_spoils;
mr_status mr_spoil_add(uint64_t c, mr_slab bad, mr_spoils *sp);
#endif
