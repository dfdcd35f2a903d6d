/* in/batches.c: samples that a layout found itself, in batches of rows of all channels: as one
 * extent, or as chunks. Workers only. */
#include "in/layout.h"
#include "in/hdf5/store.h"
#include <stdlib.h>

#define MOST_PARTS 65536 /* that a batch is cut into, so that a chunk is not too large */

/** Rows of a chunk: all batches but the last are whole chunks. 0: there is no such number. */
static uint64_t chunk_rows(const mr_batch *v, size_t n, uint64_t row_bytes, bool time_first)
{
    const uint64_t most = MR_MAX_CHUNK_BYTES / row_bytes;
    uint64_t k = v[0].rows, parts = 1;
    for (size_t i = 1; i + 1 < n; i++) k = (uint64_t)mr_gcd((int64_t)k, (int64_t)v[i].rows);
    if (!time_first) { /* a channel's rows lie behind each other: no part of a batch is a chunk */
        for (size_t i = 0; i + 1 < n; i++)
            if (v[i].rows != k) return 0;
        return k <= most && v[n - 1].rows <= k ? k : 0;
    }
    while (parts < MOST_PARTS && (k / parts > most || k % parts)) parts++;
    return k % parts == 0 && k / parts <= most ? k / parts : 0;
}

static mr_status fill_table(const mr_batch *v, size_t n, const mr_store *s, mr_chunk **out)
{
    mr_status st = MR_OK;
    const uint64_t row = s->nc * s->dtype.size;
    mr_chunk *table = NULL;
    uint64_t k = 0;
    MR_TRY(mr_alloc((size_t)s->n_chunks, sizeof *table, "chunk table", &table));
    for (size_t i = 0; i < n; i++)
        for (uint64_t t = 0; t < v[i].rows; t += s->chunk_t) {
            const uint64_t rows = MR_MIN(s->chunk_t, v[i].rows - t);
            table[k++] = (mr_chunk){v[i].offset + t * row, (uint32_t)(rows * row), 0};
        }
    *out = table;
out:
    return st;
}

mr_status mr_find_batches(mr_find *f, mr_dtype dt, uint64_t nc, const mr_batch *v, size_t n)
{
    mr_status st = MR_OK;
    mr_store s = {.dtype = dt, .time_first = f->time_first, .nc = nc};
    uint64_t row;
    if (!n || !nc || __builtin_mul_overflow(nc, (uint64_t)dt.size, &row))
        return MR_RAISE(MR_EINPUT, "it holds no samples");
    for (size_t i = 0; i < n; i++)
        if (!v[i].rows || v[i].rows > INT64_MAX || __builtin_add_overflow(s.nt, v[i].rows, &s.nt) ||
            s.nt > INT64_MAX / row)
            return MR_RAISE(MR_EINPUT, "more samples than any file holds");
    if (n == 1) {
        s.offset = v[0].offset;
    } else {
        s.storage = MR_ST_CHUNKED;
        s.ragged = 1;
        s.chunk_t = chunk_rows(v, n, row, f->time_first);
        s.chunk_c = nc;
        s.n_chunks = s.chunk_t ? mr_store_n_chunks(&s) : 0;
        if (!s.n_chunks || s.n_chunks > MR_MAX_CHUNKS)
            return MR_RAISE(MR_EINPUT, "%zu batches of samples whose lengths have little in common",
                            n);
        if (f->tables) MR_TRY(fill_table(v, n, &s, &f->chunk));
    }
    f->info->store = s;
    f->stored = true;
    f->dims[f->time_first ? 0 : 1] = s.nt;
    f->dims[f->time_first ? 1 : 0] = s.nc;
out:
    return st;
}
