/* out/product/table.h: tables in HDF5: a dataset of compound rows that lie in the file as in
 * memory, so that rows are written and read by plain pwrite and pread. Internal to out/. */
#ifndef MR_OUT_PRODUCT_TABLE_H
#define MR_OUT_PRODUCT_TABLE_H
#include "out/h5w.h"
#include "out/output.h"

/** Lay out n rows; *at: where the first is to be written (0 where there are none). */
void mr_table_lay_out(mr_h5w *w, hid_t where, const mr_table *t, uint64_t n, uint64_t *at);
#endif
