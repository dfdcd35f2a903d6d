/* out/product/kinds.h: the kinds of products as a table, so that what handles all of them (verify,
 * resume, the end of a run, `view`) asks it and not a name. A new kind is one row here and the
 * files that write and read it. */
#ifndef MR_OUT_PRODUCT_KINDS_H
#define MR_OUT_PRODUCT_KINDS_H
#include "out/output.h"

enum { MR_MERGED_FILES = 4 };
typedef struct mr_product_row {
    const char *name; /* the attribute `product` of its files; samples have none */
    /** What all lanes come to, in the output folder; NULL-terminated. The first has a trailer that
     * binds the index, and so every lane, to it. */
    const char *merged[MR_MERGED_FILES];
} mr_product_row;
extern const mr_product_row mr_products[MR_PRODUCT_KINDS];
/** The kind of that name; MR_SAMPLES for NULL, "" and words that are none. */
mr_product_kind mr_product_named(const char *name);
#endif
