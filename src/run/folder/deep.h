/* run/folder/deep.h: are the inputs of an output folder still what its lanes were made from? */
#ifndef MR_DEEP_H
#define MR_DEEP_H
#include "base/base.h"

/** Read again every input range that the lanes of a folder were made from, at the paths that its
 *  report.json knows, and compare digests. One line a finding through `say`, each naming a file;
 *  MR_OK, or MR_EVERIFY. n_ranges: how many were compared. Needs the zygote; not collective. */
mr_status mr_deep_verify(const char *folder, void (*say)(void *arg, const char *line), void *arg,
                         size_t *n_ranges);
#endif
