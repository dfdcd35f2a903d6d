/* in/hdf5/store.c: type, filters, place and chunk table of a dataset. */
#include "in/hdf5/store.h"
#include "in/hdf5/api.h"
#include "in/hdf5/btree.h"
#include <stdlib.h>
#include <string.h>

static mr_status float_type(hid_t t, size_t size)
{
    size_t spos, epos, esize, mpos, msize;
    static const struct {
        size_t size, esize, msize;
    } ieee[] = {{2, 5, 10}, {4, 8, 23}, {8, 11, 52}};
    const bool usual = H5Tget_norm(t) == H5T_NORM_IMPLIED;
    if (usual && H5Tget_fields(t, &spos, &epos, &esize, &mpos, &msize) >= 0)
        for (size_t i = 0; i < 3; i++)
            if (ieee[i].size == size && ieee[i].esize == esize && ieee[i].msize == msize &&
                spos == size * 8 - 1 && epos == msize && mpos == 0 &&
                H5Tget_ebias(t) == ((size_t)1 << (esize - 1)) - 1)
                return MR_OK;
    return MR_RAISE(MR_EINPUT, "floating-point type of %zu bytes that is not IEEE", size);
}

static mr_status read_type(hid_t dset, mr_dtype *out)
{
    mr_status st = MR_OK;
    hid_t t = H5Dget_type(dset);
    if (t < 0) return MR_RAISE(MR_EINPUT, "type cannot be read");
    H5T_class_t cls = H5Tget_class(t);
    size_t size = H5Tget_size(t);
    if (cls != H5T_INTEGER && cls != H5T_FLOAT)
        st = MR_RAISE(MR_EINPUT, "samples are not numbers");
    else if ((size != 1 && size != 2 && size != 4 && size != 8) ||
             H5Tget_precision(t) != 8 * size || H5Tget_offset(t) != 0)
        st = MR_RAISE(MR_EINPUT, "samples of %zu bytes, %zu bits used", size, H5Tget_precision(t));
    else if (H5Tget_order(t) != H5T_ORDER_LE && H5Tget_order(t) != H5T_ORDER_BE)
        st = MR_RAISE(MR_EINPUT, "byte order of the samples");
    else if (cls == H5T_FLOAT)
        st = float_type(t, size);
    if (st == MR_OK) {
        out->kind = cls == H5T_FLOAT              ? MR_DT_FLOAT
                    : H5Tget_sign(t) == H5T_SGN_2 ? MR_DT_INT
                                                  : MR_DT_UINT;
        out->size = (uint8_t)size;
        out->big_endian = H5Tget_order(t) == H5T_ORDER_BE;
    }
    H5Tclose(t);
    return st;
}

static mr_status read_filters(hid_t plist, mr_store *s)
{
    int n = H5Pget_nfilters(plist);
    if (n < 0 || n > MR_MAX_FILTERS) return MR_RAISE(MR_EINPUT, "%d filters", n);
    for (int i = 0; i < n; i++) {
        unsigned flags, cfg;
        size_t k = 0;
        H5Z_filter_t id = H5Pget_filter2(plist, (unsigned)i, &flags, &k, NULL, 0, NULL, &cfg);
        if (id != H5Z_FILTER_DEFLATE && id != H5Z_FILTER_SHUFFLE && id != H5Z_FILTER_FLETCHER32)
            return MR_RAISE(MR_EINPUT, "filter %d is not supported", (int)id);
        s->filters[i] = (uint8_t)id;
    }
    s->n_filters = (uint8_t)n;
    return MR_OK;
}

uint64_t mr_store_n_chunks(const mr_store *s)
{
    uint64_t a, b, n;
    if (s->storage != MR_ST_CHUNKED) return 0;
    if (!s->chunk_t || !s->chunk_c) return UINT64_MAX;
    a = s->nt / s->chunk_t + (s->nt % s->chunk_t != 0);
    b = s->nc / s->chunk_c + (s->nc % s->chunk_c != 0);
    return __builtin_mul_overflow(a, b, &n) ? UINT64_MAX : n;
}

static mr_status read_contiguous(const mr_h5 *h, hid_t dset, mr_store *s)
{
    uint64_t bytes, end;
    haddr_t at = H5Dget_offset(dset);
    if (at == HADDR_UNDEF) return MR_RAISE(MR_EINPUT, "the samples were never written");
    s->offset = at;
    if (__builtin_mul_overflow(s->nt, s->nc, &bytes) ||
        __builtin_mul_overflow(bytes, (uint64_t)s->dtype.size, &bytes) ||
        __builtin_add_overflow(bytes, s->offset, &end))
        return MR_RAISE(MR_EINPUT, "more samples than any file holds");
    if (end > h->size)
        return MR_RAISE(MR_EINPUT, "the samples end at byte %llu of a file of %llu",
                        (unsigned long long)end, (unsigned long long)h->size);
    return MR_OK;
}

typedef struct table {
    const mr_store *s;
    mr_chunk *v;
    uint64_t cols, size, outside;
} table;

/** off: where the chunk begins, in file order; of frames [frame][row][channel]. */
static mr_status table_put(void *arg, const uint64_t *off, uint64_t addr, uint32_t nbytes,
                           uint32_t mask)
{
    table *t = arg;
    uint64_t a = off[t->s->time_first ? 0 : 1], c = off[t->s->time_first ? 1 : 0];
    if (t->s->pad && (off[1] >= t->s->pad || __builtin_mul_overflow(off[0], t->s->pad, &a)))
        return MR_RAISE(MR_EINPUT, "damaged: a chunk between the chunks' grid");
    if (t->s->pad) {
        a += off[1];
        c = off[2];
    }
    if (a % t->s->chunk_t || c % t->s->chunk_c)
        return MR_RAISE(MR_EINPUT, "damaged: a chunk between the chunks' grid");
    if (a >= t->s->nt || c >= t->s->nc) return MR_OK; /* left over from before it was shrunk */
    if (addr > t->size || nbytes > t->size - addr) t->outside++;
    t->v[a / t->s->chunk_t * t->cols + c / t->s->chunk_c] = (mr_chunk){addr, nbytes, mask};
    return MR_OK;
}

/** One element of a linear index: which chunk it is depends on the greatest extents. */
typedef struct linear {
    table *t;
    uint64_t per_row;  /* chunks of the faster dimension, at its greatest extent */
    uint64_t chunk[2]; /* in file order */
    uint64_t chunk_bytes;
    bool swapped; /* the unlimited dimension is the second */
} linear;

static mr_status linear_put(void *arg, uint64_t i, uint64_t addr, uint64_t nbytes, uint32_t mask)
{
    linear *l = arg;
    uint64_t slow = i / l->per_row, fast = i % l->per_row;
    uint64_t off[2] = {(l->swapped ? fast : slow) * l->chunk[0],
                       (l->swapped ? slow : fast) * l->chunk[1]};
    if (nbytes == 0) nbytes = l->chunk_bytes;
    if (nbytes > UINT32_MAX) return MR_RAISE(MR_EINPUT, "damaged: bytes of a chunk");
    return table_put(l->t, off, addr, (uint32_t)nbytes, mask);
}

/** Single, implicit, fixed and extensible: chunks are numbered in row order of the greatest
 * extents, an unlimited dimension being the slow one. */
static mr_status table_linear(const mr_bytes *b, hid_t dset, const mr_layout_msg *msg, table *t)
{
    mr_status st = MR_OK;
    const mr_store *s = t->s;
    hsize_t d[2], max[2];
    linear l = {.t = t, .chunk_bytes = s->chunk_t * s->chunk_c * s->dtype.size};
    l.chunk[0] = s->time_first ? s->chunk_t : s->chunk_c;
    l.chunk[1] = s->time_first ? s->chunk_c : s->chunk_t;
    hid_t space = H5Dget_space(dset);
    int rank = space < 0 ? -1 : H5Sget_simple_extent_dims(space, d, max);
    if (space >= 0) H5Sclose(space);
    if (rank != 2) return MR_RAISE(MR_EINPUT, "shape cannot be read");
    l.swapped = msg->index == MR_IX_EXTENSIBLE_ARRAY && max[1] == H5S_UNLIMITED;
    int fast = l.swapped ? 0 : 1;
    if (max[fast] == H5S_UNLIMITED) return MR_RAISE(MR_EINPUT, "damaged: chunk index");
    l.per_row = max[fast] / l.chunk[fast] + (max[fast] % l.chunk[fast] != 0);
    uint64_t rows = (d[1 - fast] + l.chunk[1 - fast] - 1) / l.chunk[1 - fast], n;
    if (!l.per_row || __builtin_mul_overflow(rows, l.per_row, &n) || n > 4ull * MR_MAX_CHUNKS)
        return MR_RAISE(MR_EINPUT, "a chunk index of %llu x %llu", (unsigned long long)rows,
                        (unsigned long long)l.per_row);
    if (msg->addr == UINT64_MAX) return MR_OK; /* nothing was ever written */
    if (msg->index == MR_IX_FIXED_ARRAY)
        return mr_fixed_array_walk(b, msg->addr, n, linear_put, &l);
    if (msg->index == MR_IX_EXTENSIBLE_ARRAY)
        return mr_extensible_array_walk(b, msg->addr, n, linear_put, &l);
    if (msg->index == MR_IX_SINGLE) n = 1;
    for (uint64_t i = 0; i < n; i++)
        MR_TRY(linear_put(&l, i, msg->addr + b->base + i * l.chunk_bytes, msg->nbytes, msg->mask));
out:
    return st;
}

/** The version-2 B-tree (two unlimited dimensions), through the library. */
static mr_status table_by_library(const mr_h5 *h, hid_t dset, mr_index ix, table *t)
{
    hsize_t n = 0;
    hid_t space = H5Dget_space(dset);
    mr_status st = MR_OK;
    if (h->base != 0) {
        st = MR_RAISE(MR_EINPUT, "chunk index (%s) behind a user block", mr_index_name(ix));
        goto out;
    }
    if (space < 0 || H5Dget_num_chunks(dset, space, &n) < 0) {
        st = MR_RAISE(MR_EINPUT, "damaged: chunk index");
        goto out;
    }
    if (n > MR_MAX_SLOW_CHUNKS) {
        st = MR_RAISE(MR_EINPUT, "chunk index (%s) with %llu chunks", mr_index_name(ix),
                      (unsigned long long)n);
        goto out;
    }
    for (hsize_t i = 0; i < n; i++) {
        hsize_t off[H5S_MAX_RANK], size;
        unsigned mask;
        haddr_t addr;
        if (H5Dget_chunk_info(dset, space, i, off, &mask, &addr, &size) < 0 || size > UINT32_MAX) {
            st = MR_RAISE(MR_EINPUT, "damaged: chunk index");
            goto out;
        }
        uint64_t o[3] = {off[0], off[1], t->s->pad ? off[2] : 0};
        if (addr != HADDR_UNDEF) MR_TRY(table_put(t, o, addr, (uint32_t)size, mask));
    }
out:
    if (space >= 0) H5Sclose(space);
    return st;
}

static mr_status read_table(const mr_h5 *h, hid_t dset, mr_store *s, mr_chunk **chunks,
                            uint64_t *outside)
{
    mr_status st = MR_OK;
    mr_layout_msg msg;
    mr_bytes b = {.fd = h->fd, .size = h->size, .base = h->base, .so = h->so, .sl = h->sl};
    table t = {.s = s, .size = h->size, .cols = (s->nc + s->chunk_c - 1) / s->chunk_c};
    MR_TRY(mr_alloc((size_t)s->n_chunks, sizeof *t.v, "chunk table", &t.v));
    const haddr_t header = mr_h5_header_address(dset);
    if (header == HADDR_UNDEF) st = MR_RAISE(MR_EINPUT, "damaged: object header");
    MR_TRY(st);
    MR_TRY(mr_layout_find(&b, header, &msg));
    if (msg.index == MR_IX_BTREE1 && msg.ndims != (s->pad ? 4 : 3))
        st = MR_RAISE(MR_EINPUT, "damaged: dimensions of the chunk index");
    else if (msg.index == MR_IX_BTREE1) /* twice: chunks outside the present extents may be left */
        st = mr_btree_walk(&b, msg.addr, msg.ndims, 2 * s->n_chunks + 64, table_put, &t);
    else if (msg.index == MR_IX_BTREE2 || (s->pad && msg.index != MR_IX_NONE))
        st = table_by_library(h, dset, msg.index, &t);
    else if (msg.index == MR_IX_NONE)
        st = MR_RAISE(MR_EINPUT, "damaged: no chunk index");
    else
        st = table_linear(&b, dset, &msg, &t);
    MR_TRY(st);
    *outside = t.outside;
    *chunks = t.v;
    t.v = NULL;
out:
    free(t.v);
    return st;
}

/** A file none of whose chunks can be had holds nothing, and what it would take to decode them must
 *  not count. Deflate makes at most 1032 bytes of one. */
static mr_status any_usable(const mr_h5 *h, const mr_store *s, const mr_chunk *v)
{
    const uint64_t bytes = s->chunk_t * s->chunk_c * s->dtype.size;
    bool written = false;
    for (uint64_t i = 0; i < s->n_chunks; i++) {
        if (v[i].nbytes == 0) continue;
        written = true;
        const bool inside = v[i].offset <= h->size && v[i].nbytes <= h->size - v[i].offset;
        if (inside && (uint64_t)v[i].nbytes * 1032 >= bytes) return MR_OK;
    }
    return written ? MR_RAISE(MR_EINPUT, "damaged: none of its chunks can be whole")
                   : MR_RAISE(MR_EINPUT, "the samples were never written");
}

static mr_status read_chunked(const mr_h5 *h, hid_t dset, hid_t plist, mr_store *s,
                              mr_chunk **chunks, uint64_t *outside)
{
    hsize_t c[3];
    uint64_t bytes;
    const int rank = s->pad ? 3 : 2;
    if (H5Pget_chunk(plist, rank, c) != rank) return MR_RAISE(MR_EINPUT, "damaged: chunk shape");
    if (s->pad && c[1] != s->pad && (c[0] != 1 || !c[1] || s->pad % c[1]))
        return MR_RAISE(MR_EINPUT, "chunks of %llu x %llu rows that cut frames of %u unevenly",
                        (unsigned long long)c[0], (unsigned long long)c[1], s->pad);
    if (s->pad) { /* frames are rows one behind the other */
        c[0] = c[0] <= UINT64_MAX / c[1] ? c[0] * c[1] : 0;
        c[1] = c[2];
    }
    s->storage = MR_ST_CHUNKED;
    s->chunk_t = c[s->time_first ? 0 : 1];
    s->chunk_c = c[s->time_first ? 1 : 0];
    if (!c[0] || !c[1] || __builtin_mul_overflow(c[0], c[1], &bytes) ||
        __builtin_mul_overflow(bytes, (uint64_t)s->dtype.size, &bytes) ||
        bytes > MR_MAX_CHUNK_BYTES)
        return MR_RAISE(MR_EINPUT, "chunks of %llu x %llu samples", (unsigned long long)c[0],
                        (unsigned long long)c[1]);
    s->n_chunks = mr_store_n_chunks(s);
    if (s->n_chunks > MR_MAX_CHUNKS)
        return MR_RAISE(MR_EINPUT, "more than %u chunks", MR_MAX_CHUNKS);
    if (!chunks) return MR_OK;
    mr_status st = read_table(h, dset, s, chunks, outside);
    if (st == MR_OK) st = any_usable(h, s, *chunks);
    if (st != MR_OK) {
        free(*chunks);
        *chunks = NULL;
    }
    return st;
}

mr_status mr_store_read(const mr_h5 *h, hid_t dset, bool time_first, mr_store *s, mr_chunk **chunks,
                        uint64_t *outside)
{
    mr_status st = MR_OK;
    unsigned rank;
    uint64_t d[3];
    const unsigned want = s->pad ? 3 : 2;
    mr_store r = {.time_first = time_first, .pad = s->pad, .lead = s->lead, .keep = s->keep};
    hid_t plist = H5Dget_create_plist(dset);
    if (plist < 0) return MR_RAISE(MR_EINPUT, "storage cannot be understood");
    *outside = 0;
    MR_TRY(read_type(dset, &r.dtype));
    MR_TRY(mr_h5_shape(dset, want, &rank, d));
    if (rank != want || d[0] == 0 || d[1] == 0 || (rank == 3 && d[2] == 0))
        st = MR_RAISE(MR_EINPUT, "no %u-D recording found: %u dimension(s), or empty", want, rank);
    MR_TRY(st);
    if (s->pad && (d[1] != s->pad || __builtin_mul_overflow(d[0], d[1], &d[0])))
        st = MR_RAISE(MR_EINPUT, "frames of %llu rows", (unsigned long long)d[1]);
    MR_TRY(st);
    if (s->pad) d[1] = d[2];
    r.nt = d[time_first ? 0 : 1];
    r.nc = d[time_first ? 1 : 0];
    MR_TRY(read_filters(plist, &r));
    switch (H5Pget_layout(plist)) {
    case H5D_CONTIGUOUS: MR_TRY(read_contiguous(h, dset, &r)); break;
    case H5D_CHUNKED: MR_TRY(read_chunked(h, dset, plist, &r, chunks, outside)); break;
    case H5D_COMPACT: st = MR_RAISE(MR_EINPUT, "samples inside the header (compact)"); break;
    default: st = MR_RAISE(MR_EINPUT, "storage is neither contiguous nor chunked");
    }
    MR_TRY(st);
    *s = r;
out:
    H5Pclose(plist);
    return st;
}
