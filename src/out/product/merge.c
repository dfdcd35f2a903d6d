/* out/product/merge.c: see merge.h. Sums are merged sixteen at a time by lane index, then these
 * sixteen at a time, never in the order in which lanes came to be: the same bytes whoever made them
 * and when. Pieces end where blocks of the file do, so that no two nodes write into one page of it,
 * and are small, so that memory does not grow with the product. */
#include "out/product/merge.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "out/out.h"

enum { FAN = 16, LEVELS = 16, STEP = 1 << 15 };

/* --- the tree --------------------------------------------------------------------------------- */

/** What merging a piece takes; kept from piece to piece, since fresh memory is slow. */
struct mr_merge_room {
    size_t cap;          /* numbers of a level */
    double *sum[LEVELS]; /* [cap] what is not yet sixteen nodes of the level */
    unsigned filled[LEVELS];
    double v[STEP];
    uint8_t *mean; /* of the result's type */
    size_t mean_cap;
};

mr_status mr_merge_room_new(mr_merge_room **out)
{
    return mr_alloc(1, sizeof **out, "merging", out);
}

void mr_merge_room_free(mr_merge_room *t)
{
    for (size_t i = 0; t && i < LEVELS; i++) free(t->sum[i]);
    if (t) free(t->mean);
    free(t);
}

/** Start over with nodes of n numbers. */
static void tree_clear(mr_merge_room *t, size_t n)
{
    memset(t->filled, 0, sizeof t->filled);
    if (n <= t->cap) return;
    for (size_t i = 0; i < LEVELS; i++) {
        free(t->sum[i]);
        t->sum[i] = NULL;
    }
    t->cap = n;
}

static mr_status tree_level(mr_merge_room *t, size_t level)
{
    MR_ASSERT(level < LEVELS);
    return t->sum[level] ? MR_OK : mr_alloc_f64(t->cap, "sums", &t->sum[level]);
}

static void add(double *restrict sum, const double *restrict v, size_t n)
{
    for (size_t i = 0; i < n; i++) sum[i] += v[i];
}

static mr_status tree_carry(mr_merge_room *t, size_t level, size_t n);

/** Add a node of n numbers to a level. */
static mr_status tree_add(mr_merge_room *t, size_t level, const double *v, size_t n)
{
    const mr_status st = tree_level(t, level);
    if (st != MR_OK) return st;
    if (t->filled[level] == 0)
        memcpy(t->sum[level], v, n * sizeof *v);
    else
        add(t->sum[level], v, n);
    return tree_carry(t, level, n);
}

/** One more is in a level; sixteen of them are one of the next. */
static mr_status tree_carry(mr_merge_room *t, size_t level, size_t n)
{
    if (++t->filled[level] < FAN) return MR_OK;
    t->filled[level] = 0;
    return tree_add(t, level + 1, t->sum[level], n);
}

/** The sum of all, in the highest level that holds something. */
static mr_status tree_total(mr_merge_room *t, size_t n, const double **out)
{
    mr_status st = MR_OK;
    size_t top = 0, at = 0;
    for (size_t i = 0; i < LEVELS; i++)
        if (t->filled[i]) top = i;
    for (size_t i = 0; i < top; i++)
        if (t->filled[i]) MR_TRY(tree_add(t, i + 1, t->sum[i], n));
    for (size_t i = 0; i < LEVELS; i++)
        if (t->filled[i]) at = i;
    *out = t->sum[at];
out:
    return st;
}

/* --- rows of the array ------------------------------------------------------------------------ */

static mr_status open_lane(const mr_merge *m, size_t i, int *fd)
{
    *fd = open(m->path[i], O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (*fd >= 0) return MR_OK;
    return MR_RAISE(MR_EOUTPUT, "cannot open %s: %s", m->path[i], strerror(errno));
}

mr_status mr_merge_read(const mr_merge *m, size_t i, uint64_t at, size_t n, void *buf)
{
    int fd;
    mr_status st = open_lane(m, i, &fd);
    if (st != MR_OK) return st;
    st = mr_out_pread(fd, buf, n, at, m->path[i]);
    close(fd);
    return st;
}

/** n sums of lane i into the tree: by steps that stay in cache, where others are there already. */
static mr_status add_lane(mr_merge_room *t, const mr_merge *m, size_t i, uint64_t at, size_t n)
{
    mr_status st = MR_OK;
    int fd = -1;
    MR_TRY(tree_level(t, 0));
    MR_TRY(open_lane(m, i, &fd));
    const bool begins = t->filled[0] == 0;
    const size_t step = begins ? n : STEP;
    for (size_t k = 0; k < n; k += step) {
        const size_t some = MR_MIN(step, n - k);
        double *to = begins ? t->sum[0] : t->v;
        MR_TRY(mr_out_pread(fd, to, some * sizeof *to, at + k * sizeof *to, m->path[i]));
        if (!begins) add(t->sum[0] + k, t->v, some);
    }
    st = tree_carry(t, 0, n);
out:
    if (fd >= 0) close(fd);
    return st;
}

/** Means of rows [d0, d1) of one strip into these rows of the whole width. */
static mr_status strip_means(mr_merge_room *t, const mr_merge *m, size_t first, size_t d0,
                             size_t d1)
{
    mr_status st = MR_OK;
    const mr_lane_entry *e = m->part.v[first];
    const size_t nc = e->c1 - e->c0, c0 = e->c0 - m->part.c0, n = (d1 - d0) * nc;
    const double *sum = NULL;
    tree_clear(t, n);
    for (size_t i = first; i < m->part.n; i++)
        if (m->part.v[i]->c0 == e->c0)
            MR_TRY(add_lane(t, m, i, m->lane[i].sums + d0 * nc * sizeof *sum, n));
    MR_TRY(tree_total(t, n, &sum));
    for (size_t d = d0; d < d1; d++) {
        const int64_t *items = m->count + d / (m->depth / m->counts) * m->nc + c0;
        const size_t at = (d - d0) * m->nc + c0;
        for (size_t c = 0; c < nc; c++) {
            const double v = items[c] ? sum[(d - d0) * nc + c] / (double)items[c] : NAN;
            if (m->shape.f64)
                ((double *)(void *)t->mean)[at + c] = v;
            else
                ((float *)(void *)t->mean)[at + c] = (float)v;
        }
    }
out:
    return st;
}

/* --- pieces of the file ----------------------------------------------------------------------- */

uint64_t mr_merge_end(const mr_merge *m)
{
    return m->at + m->depth * m->nc * mr_shape_result_cell(&m->shape);
}

mr_slab mr_merge_within(const mr_merge *m, mr_slab piece)
{
    const int64_t a = MR_MAX(piece.a, (int64_t)m->at);
    return (mr_slab){a, MR_MAX(a, MR_MIN(piece.b, (int64_t)mr_merge_end(m)))};
}

mr_digest mr_merge_digest(const mr_digest *before, const void *bytes, size_t n)
{
    char two[2 * sizeof before->hex];
    const mr_digest own = mr_digest_of(bytes, n);
    snprintf(two, sizeof two, "%s%s", before->hex, own.hex);
    return mr_digest_of(two, strlen(two));
}

mr_status mr_merge_piece(const mr_merge *m, mr_slab piece, mr_merge_room *room, int fd,
                         const char *path, mr_digest *sum)
{
    mr_status st = MR_OK;
    const size_t row = m->nc * mr_shape_result_cell(&m->shape);
    const mr_slab own = mr_merge_within(m, piece);
    const uint64_t a = (uint64_t)own.a, b = (uint64_t)own.b;
    if (a == b) return MR_OK;
    const size_t d0 = (a - m->at) / row, d1 = (b - m->at + row - 1) / row;
    MR_TRY(mr_grow(&room->mean, &room->mean_cap, (d1 - d0) * row, 1, "means"));
    memset(room->mean, 0, (d1 - d0) * row);
    for (size_t i = 0; i < m->n_strips; i++) MR_TRY(strip_means(room, m, m->strip[i], d0, d1));
    const uint8_t *bytes = room->mean + (a - m->at - d0 * row);
    MR_TRY(mr_out_pwrite(fd, bytes, b - a, a, path));
    *sum = mr_merge_digest(sum, bytes, b - a);
out:
    return st;
}

/** The first lane of each strip of channels. */
static mr_status find_strips(mr_merge *m)
{
    mr_status st = MR_OK;
    size_t cap = 0;
    for (size_t i = 0; i < m->part.n; i++) {
        size_t k = 0;
        while (k < m->n_strips && m->part.v[m->strip[k]]->c0 != m->part.v[i]->c0) k++;
        if (k < m->n_strips) continue;
        MR_TRY(mr_grow(&m->strip, &cap, k + 1, sizeof *m->strip, "strips"));
        m->strip[m->n_strips++] = i;
    }
out:
    return st;
}

mr_status mr_merge_init(mr_merge *m, const char *folder)
{
    mr_status st = MR_OK;
    mr_lane_part *p = &m->part;
    m->shape = p->v[0]->shape;
    m->depth = mr_shape_depth(&m->shape);
    m->counts = mr_shape_counts(&m->shape);
    MR_TRY(mr_part_measure(p));
    m->nc = p->c1 - p->c0;
    MR_TRY(find_strips(m));
    MR_TRY(mr_alloc(p->n, sizeof *m->lane, "the lanes", &m->lane));
    MR_TRY(mr_alloc(m->counts * m->nc, sizeof *m->count, "counts", &m->count));
    MR_TRY(mr_alloc(p->n, sizeof *m->path, "the lanes", &m->path));
    for (size_t i = 0; i < p->n; i++) MR_TRY(mr_out_join(folder, p->v[i]->rel, &m->path[i]));
out:
    return st;
}

void mr_merge_fini(mr_merge *m)
{
    for (size_t i = 0; m->path && i < m->part.n; i++) free(m->path[i]);
    free(m->path);
    free(m->lane);
    free(m->count);
    free(m->strip);
    mr_part_fini(&m->part);
}
