/* out/product/kinds.c: see kinds.h. */
#include "out/product/kinds.h"
#include "out/index.h"
#include <string.h>

const mr_product_row mr_products[MR_PRODUCT_KINDS] = {
    [MR_SAMPLES] = {"samples", .plain = true, .counted = true, .packs = true, .end = MR_END_MASTER,
                    .merged = {MR_MASTER_NAME}},
    [MR_ROWS] = {"rows", .counted = true, .packs = true, .end = MR_END_MASTER,
                 .merged = {MR_MASTER_NAME}},
    [MR_SUMS] = {"sums", .counted = true, .sums = true, .end = MR_END_RESULT,
                 .merged = {MR_RESULT_NAME}},
    [MR_TABLE] = {"table", .end = MR_END_EVENTS,
                  .merged = {MR_EVENTS_NAME, MR_EVENTS_CSV, MR_EVENTS_XML}},
};

mr_product_kind mr_product_named(const char *name)
{
    for (mr_product_kind k = 0; name && k < MR_PRODUCT_KINDS; k++)
        if (strcmp(name, mr_products[k].name) == 0) return k;
    return MR_SAMPLES;
}

mr_product_kind mr_product_unnamed(bool f64)
{
    return f64 ? MR_SUMS : MR_ROWS;
}
