/* out/product/kinds.h: the kinds of products as a table, so that what handles all of them asks it
 * and not a name: the layout of a lane and how rows come to it, what all lanes come to and who
 * makes that, how it is read. A new kind is one row here; where it is like no other, also the files
 * that write and read it. */
#ifndef MR_OUT_PRODUCT_KINDS_H
#define MR_OUT_PRODUCT_KINDS_H
#include "out/output.h"

/** What all lanes come to. */
typedef enum mr_product_end {
    MR_END_MASTER, /* virtual datasets over their files (master.c): rank 0, of those so far, too */
    MR_END_RESULT, /* means of all (result.c): all ranks, once, when all lanes are there */
    MR_END_EVENTS, /* a table made of theirs (run/over/events.c): rank 0 */
    MR_PRODUCT_ENDS
} mr_product_end;

enum { MR_MERGED_FILES = 4 };
typedef struct mr_product_row {
    const char *name; /* the attribute `product` of its files */
    bool plain;       /* they do not say it */
    /** Layout: how many rows a lane has is known before they come, and each has a time; else they
     * are rows of a table, as many as come, and the file is made when all are there. */
    bool counted;
    bool sums;  /* values are float64 sums, with what went in beside them: read as means */
    bool packs; /* values are deflated where that is asked for */
    mr_product_end end;
    /** Its files in the output folder; NULL-terminated. The first has a trailer that binds the
     * index, and so every lane, to it. */
    const char *merged[MR_MERGED_FILES];
} mr_product_row;
extern const mr_product_row mr_products[MR_PRODUCT_KINDS];

static inline const mr_product_row *mr_product_of(const mr_row_shape *s)
{
    return &mr_products[s->kind];
}
/** The kind of that name; MR_SAMPLES for NULL, "" and words that are none. */
mr_product_kind mr_product_named(const char *name);
/** The kind that a file of ours which does not say is of, by whether its values are float64. */
mr_product_kind mr_product_unnamed(bool f64);
#endif
