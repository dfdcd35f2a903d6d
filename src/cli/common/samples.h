/* cli/common/samples.h: recordings read through by one process, for `view` and `report`: as many as
 * there are, block by block. */
#ifndef MR_CLI_SAMPLES_H
#define MR_CLI_SAMPLES_H
#include "base/text.h"
#include "millrace/grid.h"
#include "in/input.h"

/** One recording. */
typedef struct mr_piece {
    char *path;
    mr_file_info info;
    mr_chunk *chunks;
} mr_piece;

/** Recordings that are looked at together. Zero-initialise. */
typedef struct mr_source {
    mr_piece *v; /* [n] */
    size_t n, cap;
    double x0_m, dx_m; /* of all their channels together */
    uint64_t nc;
    int64_t t0_ns, t1_ns; /* half-open */
    double dt_ns;         /* shortest */
    bool product;         /* the first file is a product of ours: nothing was opened */
} mr_source;
/** Look at each file; those that cannot be used are said and left out. MR_EINPUT: none can. */
mr_status mr_source_open(mr_prober *prober, const char *arg, const mr_strs *files, mr_source *s);
void mr_source_fini(mr_source *s);

/** Row t lies at t_ns + t * dt_ns, its first sample is channel `first` of the source. */
typedef mr_status (*mr_rows_fn)(void *self, int64_t t_ns, double dt_ns, uint64_t first,
                                const mr_view *rows);
/** Channels [c0, c1) of recording i over (at least) [t0, t1), block by block. */
mr_status mr_source_read(const mr_source *s, size_t i, uint64_t c0, uint64_t c1, int64_t t0_ns,
                         int64_t t1_ns, mr_rows_fn fn, void *self);
#endif
