/* in/raw/chunk.c: reads of samples stored in chunks. A tier is one row of chunks along time. Where
 * a read wants a whole tier its chunks are placed straight in the caller's rows; where it wants a
 * part, the tier is decoded into a buffer once and the next read goes on from there. Chunks without
 * filters are read like small contiguous datasets. */
#include "in/raw/raw_priv.h"
#include "in/raw/codec.h"
#include "in/raw/place.h"
#include <stdlib.h>
#include <string.h>

/* The part of a request that falls into one chunk. */
typedef struct piece {
    const mr_chunk *chunk;
    uint64_t rows;  /* that it is stored with */
    uint64_t lo, n; /* rows inside the chunk */
    uint64_t col;   /* first selected column inside the chunk */
    uint64_t j, nj; /* selected channels, counted in the selection */
} piece;

/* Selected channels inside chunk column k. */
static void piece_of_column(const mr_store *s, const mr_chsel *sel, uint64_t k, piece *p)
{
    uint64_t c0 = k * s->chunk_c, c1 = c0 + s->chunk_c;
    uint64_t from = c0 > sel->first ? (c0 - sel->first + sel->step - 1) / sel->step : 0;
    uint64_t to = c1 > sel->first ? (c1 - sel->first + sel->step - 1) / sel->step : 0;
    to = MR_MIN(to, sel->n);
    p->j = from;
    p->nj = to > from ? to - from : 0;
    p->col = p->nj ? sel->first + from * sel->step - c0 : 0;
}

static size_t chunk_sample_bytes(const mr_store *s)
{
    return (size_t)(s->chunk_t * s->chunk_c * s->dtype.size);
}

/* Lost samples: NaN, or 0 where there is none. */
static void fill_lost(const mr_store *s, uint8_t *dst, size_t stride, uint64_t nt, uint64_t nc)
{
    static const uint64_t nan_bits[9] = {[2] = 0x7e00, [4] = 0x7fc00000, [8] = 0x7ff8000000000000};
    unsigned size = s->dtype.size;
    uint64_t bits = s->dtype.kind == MR_DT_FLOAT ? nan_bits[size] : 0;
    uint16_t h = (uint16_t)bits;
    uint32_t f = (uint32_t)bits;
    const void *one = size == 2 ? (const void *)&h : size == 4 ? (const void *)&f : &bits;
    for (uint64_t t = 0; t < nt; t++)
        for (uint64_t c = 0; c < nc; c++) memcpy(dst + t * stride + c * size, one, size);
}

/* Is the chunk where and as large as it can be? */
static mr_chunk_fate check_place(const mr_raw *r, const piece *p)
{
    const mr_chunk *c = p->chunk;
    size_t bytes = (size_t)(p->rows * r->store.chunk_c * r->store.dtype.size);
    if (c->nbytes == 0) return MR_CHUNK_ABSENT;
    if (c->offset > r->size || c->nbytes > r->size - c->offset) return MR_CHUNK_OUTSIDE;
    if (r->store.n_filters == 0) return c->nbytes == bytes ? MR_CHUNK_OK : MR_CHUNK_SIZE;
    return c->nbytes <= mr_codec_cap(bytes) ? MR_CHUNK_OK : MR_CHUNK_SIZE;
}

static mr_status need_buffers(mr_raw *r)
{
    mr_status st = MR_OK;
    r->chunk_bytes = mr_codec_cap(chunk_sample_bytes(&r->store));
    if (!r->packed) MR_TRY(mr_big_alloc(r->chunk_bytes, "a stored chunk", &r->packed));
    if (!r->plain) MR_TRY(mr_big_alloc(r->chunk_bytes, "a decoded chunk", &r->plain));
    if (!r->codec) MR_TRY(mr_codec_new(&r->codec));
out:
    return st;
}

/* Samples of a decoded chunk to their rows, the shuffle undone on the way. */
static void place_piece(mr_raw *r, const mr_codec_io *io, const piece *p, uint64_t step,
                        uint8_t *dst, size_t stride)
{
    const mr_store *s = &r->store;
    size_t all = (size_t)(s->chunk_t * s->chunk_c);
    mr_planes planes = {io->a, all, s->dtype.size, mr_raw_swaps(s)};
    mr_patch patch = {io->a, 1, 1, (size_t)p->n, (size_t)p->nj, s->dtype.size, mr_raw_swaps(s)};
    if (io->shuffled && s->time_first && step == 1 && p->nj >= 16) {
        for (uint64_t t = 0; t < p->n; t++)
            mr_unshuffle(&planes, (size_t)((p->lo + t) * s->chunk_c + p->col), (size_t)p->nj,
                         dst + t * stride);
        return;
    }
    if (io->shuffled) {
        mr_unshuffle(&planes, 0, all, io->b);
        patch.src = io->b;
        patch.swap = false;
    }
    patch.t_step = s->time_first ? (size_t)s->chunk_c : 1;
    patch.c_step = s->time_first ? 1 : (size_t)s->chunk_t;
    patch.src += (p->lo * patch.t_step + p->col * patch.c_step) * s->dtype.size;
    patch.c_step *= (size_t)step;
    mr_place(&patch, dst, stride);
}

/* One chunk with filters, decoded and placed. *fate: whether it is lost (dst untouched then). */
static mr_status decode_piece(mr_raw *r, const piece *p, uint64_t step, uint8_t *dst, size_t stride,
                              mr_chunk_fate *fate)
{
    mr_status st = MR_OK;
    const mr_store *s = &r->store;
    mr_pipe pipe = {.n = s->n_filters, .size = s->dtype.size, .bytes = chunk_sample_bytes(s)};
    memcpy(pipe.filters, s->filters, sizeof pipe.filters);
    MR_TRY(need_buffers(r));
    MR_TRY(mr_raw_pread(r, r->packed, p->chunk->nbytes, p->chunk->offset));
    mr_codec_io io = {r->packed, r->plain, p->chunk->nbytes, r->chunk_bytes, false};
    *fate = mr_codec_decode(r->codec, &pipe, p->chunk->mask, &io);
    if (*fate == MR_CHUNK_OK) place_piece(r, &io, p, step, dst, stride);
out:
    return st;
}

/* One piece of a request into its place, whatever the chunk is like. */
static mr_status read_piece(mr_raw *r, const piece *p, uint64_t step, uint8_t *dst, size_t stride,
                            mr_chunk_fate *fate)
{
    mr_status st = MR_OK;
    const mr_store *s = &r->store;
    *fate = check_place(r, p);
    if (*fate == MR_CHUNK_OK && s->n_filters == 0) {
        mr_extent e = {p->chunk->offset, p->rows, s->chunk_c};
        mr_chsel sel = {p->col, step, p->nj};
        MR_TRY(mr_raw_extent(r, &e, p->lo, p->n, &sel, dst, stride));
    } else if (*fate == MR_CHUNK_OK) {
        MR_TRY(decode_piece(r, p, step, dst, stride, fate));
    }
    if (*fate != MR_CHUNK_OK) fill_lost(s, dst, stride, p->n, p->nj);
out:
    return st;
}

/* What a request has to do in one tier. */
typedef struct tier_job {
    uint64_t b;     /* index of the tier */
    uint64_t rows;  /* rows of the tier that the dataset has */
    uint64_t lo, n; /* rows wanted */
    uint64_t at;    /* row of the request where they go */
} tier_job;

/* Each chunk column that the selection touches: its piece, all wanted rows of it. */
static bool next_piece(const mr_raw *r, const mr_chsel *sel, uint64_t b, uint64_t *k, piece *p)
{
    const mr_store *s = &r->store;
    uint64_t n_cols = (s->nc + s->chunk_c - 1) / s->chunk_c;
    uint64_t last = (sel->first + (sel->n - 1) * sel->step) / s->chunk_c;
    for (; *k <= last; ++*k) {
        piece_of_column(s, sel, *k, p);
        if (p->nj == 0) continue;
        p->chunk = &r->chunks[b * n_cols + *k];
        p->rows = s->ragged ? MR_MIN(s->chunk_t, s->nt - b * s->chunk_t) : s->chunk_t;
        ++*k;
        return true;
    }
    return false;
}

static void tell_lost(mr_lost_fn lost, void *arg, const tier_job *j, const piece *p,
                      mr_chunk_fate fate)
{
    if (fate == MR_CHUNK_OK || !lost) return;
    lost(arg, (mr_slab){(int64_t)j->at, (int64_t)(j->at + j->n)},
         (mr_slab){(int64_t)p->j, (int64_t)(p->j + p->nj)}, mr_chunk_why(fate));
}

/* The whole tier, or chunks without filters: no buffer in between. */
static mr_status read_tier_straight(mr_raw *r, const tier_job *j, const mr_chsel *sel, uint8_t *dst,
                                    size_t stride, mr_lost_fn lost, void *arg)
{
    mr_status st = MR_OK;
    piece p = {0};
    mr_chunk_fate fate;
    for (uint64_t k = sel->first / r->store.chunk_c; next_piece(r, sel, j->b, &k, &p);) {
        p.lo = j->lo;
        p.n = j->n;
        MR_TRY(read_piece(r, &p, sel->step, dst + p.j * r->store.dtype.size, stride, &fate));
        tell_lost(lost, arg, j, &p, fate);
    }
out:
    return st;
}

static size_t tier_row_bytes(const mr_store *s, const mr_chsel *sel)
{
    return (size_t)(sel->n * s->dtype.size);
}

/* Make the handle's tier be tier j->b of the selection. */
static mr_status fetch_tier(mr_raw *r, const tier_job *j, const mr_chsel *sel)
{
    mr_status st = MR_OK;
    const mr_store *s = &r->store;
    piece p = {0};
    size_t stride = tier_row_bytes(s, sel), bytes = (size_t)MR_MIN(s->chunk_t, s->nt) * stride;
    size_t n_cols = (size_t)((s->nc + s->chunk_c - 1) / s->chunk_c);
    if (r->tier_index == j->b && r->tier_sel.first == sel->first && r->tier_sel.n == sel->n &&
        r->tier_sel.step == sel->step)
        return MR_OK;
    r->tier_index = UINT64_MAX;
    if (r->tier_bytes < bytes) {
        mr_big_free(r->tier, r->tier_bytes);
        r->tier = NULL;
        r->tier_bytes = 0;
        MR_TRY(mr_big_alloc(bytes, "a tier of chunks", &r->tier));
        r->tier_bytes = bytes;
    }
    if (!r->tier_fate) MR_TRY(mr_alloc(n_cols, 1, "states of chunks", &r->tier_fate));
    for (uint64_t k = sel->first / s->chunk_c; next_piece(r, sel, j->b, &k, &p);) {
        mr_chunk_fate fate;
        p.n = j->rows;
        MR_TRY(read_piece(r, &p, sel->step, r->tier + p.j * s->dtype.size, stride, &fate));
        r->tier_fate[k - 1] = (uint8_t)fate;
    }
    r->tier_index = j->b;
    r->tier_sel = *sel;
out:
    return st;
}

/* Part of a tier, by way of the handle's buffer. */
static mr_status read_tier_part(mr_raw *r, const tier_job *j, const mr_chsel *sel, uint8_t *dst,
                                size_t stride, mr_lost_fn lost, void *arg)
{
    mr_status st = MR_OK;
    piece p = {0};
    size_t row = tier_row_bytes(&r->store, sel);
    MR_TRY(fetch_tier(r, j, sel));
    for (uint64_t t = 0; t < j->n; t++) memcpy(dst + t * stride, r->tier + (j->lo + t) * row, row);
    for (uint64_t k = sel->first / r->store.chunk_c; next_piece(r, sel, j->b, &k, &p);)
        tell_lost(lost, arg, j, &p, r->tier_fate[k - 1]);
out:
    return st;
}

mr_status mr_raw_chunked(mr_raw *r, uint64_t t, uint64_t nt, const mr_chsel *sel, uint8_t *dst,
                         size_t stride, mr_lost_fn lost, void *arg)
{
    mr_status st = MR_OK;
    const mr_store *s = &r->store;
    for (uint64_t i = 0; i < nt && st == MR_OK;) {
        tier_job j = {.b = (t + i) / s->chunk_t, .lo = (t + i) % s->chunk_t, .at = i};
        j.rows = MR_MIN(s->chunk_t, s->nt - j.b * s->chunk_t);
        j.n = MR_MIN(j.rows - j.lo, nt - i);
        if (s->n_filters == 0 || (j.n == j.rows && r->tier_index != j.b))
            st = read_tier_straight(r, &j, sel, dst + i * stride, stride, lost, arg);
        else
            st = read_tier_part(r, &j, sel, dst + i * stride, stride, lost, arg);
        i += j.n;
    }
    return st;
}

size_t mr_chunk_buffer_bytes(const mr_store *s, const mr_chsel *sel)
{
    if (s->n_filters == 0) return 0;
    return 2 * mr_codec_cap(chunk_sample_bytes(s)) +
           (size_t)MR_MIN(s->chunk_t, s->nt) * tier_row_bytes(s, sel) +
           (size_t)((s->nc + s->chunk_c - 1) / s->chunk_c) + ((size_t)64 << 10); /* the inflater */
}
