/* io/result.c: result.h5, what the sums of all lanes come to. Sums are merged sixteen at a time by
 * lane index, then these sixteen at a time, never in the order in which lanes came to be: the same
 * bytes whoever made them and when. A few rows at a time, so that memory does not grow with the
 * product. Written by rank 0 at the end. */
#include "base/utc.h"
#include "io/index.h"
#include "io/lane_layout.h"
#include "io/out.h"
#include "io/part.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FAN = 16, LEVELS = 16, CHUNK = 8 << 20 };

/** Where a lane file keeps its sums and counts. */
typedef struct source {
    const mr_lane_entry *e;
    char *path;
    uint64_t sums_at, counts_at;
} source;

/** One part on its way into the file. */
typedef struct result {
    mr_lane_part part;
    mr_row_shape shape;
    size_t depth, counts, nc; /* values and counts a channel, channels */
    source *lane;
    int64_t *count; /* [counts][nc] */
    uint64_t at;    /* of its array in the file */
} result;

static void result_fini(result *r)
{
    for (size_t i = 0; r->lane && i < r->part.n; i++) free(r->lane[i].path);
    free(r->lane);
    free(r->count);
    mr_part_fini(&r->part);
}

/** Place of a contiguous dataset of so many bytes; 0 if it is not that. */
static uint64_t find(hid_t file, const char *name, size_t bytes)
{
    uint64_t at = 0;
    hid_t d = H5Dopen2(file, name, H5P_DEFAULT);
    if (d < 0) return 0;
    const haddr_t offset = H5Dget_offset(d);
    if (offset != HADDR_UNDEF && H5Dget_storage_size(d) == bytes) at = (uint64_t)offset;
    H5Dclose(d);
    return at;
}

static mr_status look_into(const result *r, const char *folder, source *s)
{
    mr_status st = MR_OK;
    const size_t nc = s->e->c1 - s->e->c0;
    MR_TRY(mr_out_join(folder, s->e->rel, &s->path));
    hid_t file = mr_h5w_open(s->path);
    if (file < 0) return MR_EOUTPUT;
    s->sums_at = find(file, mr_array_name(s->e->quantity), mr_shape_bytes(&r->shape, nc));
    s->counts_at = find(file, "count", r->counts * nc * sizeof(int32_t));
    H5Fclose(file);
    if (!s->sums_at || !s->counts_at)
        st = MR_RAISE(MR_EOUTPUT, "%s: holds no sums of this chain", s->path);
out:
    return st;
}

static mr_status read_at(const source *s, uint64_t at, size_t n, void *buf)
{
    const int fd = open(s->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return MR_RAISE(MR_EOUTPUT, "cannot open %s: %s", s->path, strerror(errno));
    const mr_status st = mr_out_pread(fd, buf, n, at, s->path);
    close(fd);
    return st;
}

/** Counts of all lanes. */
static mr_status add_counts(result *r)
{
    mr_status st = MR_OK;
    int32_t *one = NULL;
    MR_TRY(mr_alloc(r->counts * r->nc, sizeof *r->count, "counts", &r->count));
    MR_TRY(mr_alloc(r->counts * r->nc, sizeof *one, "counts", &one));
    for (size_t i = 0; i < r->part.n; i++) {
        const source *s = &r->lane[i];
        const size_t nc = s->e->c1 - s->e->c0, c0 = s->e->c0 - r->part.c0;
        MR_TRY(read_at(s, s->counts_at, r->counts * nc * sizeof *one, one));
        for (size_t k = 0; k < r->counts; k++)
            for (size_t c = 0; c < nc; c++) r->count[k * r->nc + c0 + c] += one[k * nc + c];
    }
out:
    free(one);
    return st;
}

/* --- the tree -----------------------------------------------------------------------------------
 */

typedef struct tree {
    size_t n;            /* numbers of a node */
    double *sum[LEVELS]; /* [n] what is not yet sixteen nodes of the level */
    unsigned held[LEVELS];
} tree;

static void tree_fini(tree *t)
{
    for (size_t i = 0; i < LEVELS; i++) free(t->sum[i]);
}

/** Add a node to a level; sixteen of them are one of the next. */
static mr_status tree_add(tree *t, size_t level, const double *v)
{
    mr_status st = MR_OK;
    MR_ASSERT(level < LEVELS);
    if (!t->sum[level]) MR_TRY(mr_alloc_f64(t->n, "sums", &t->sum[level]));
    double *sum = t->sum[level];
    if (t->held[level] == 0)
        memcpy(sum, v, t->n * sizeof *sum);
    else
        for (size_t i = 0; i < t->n; i++) sum[i] += v[i];
    if (++t->held[level] < FAN) return MR_OK;
    t->held[level] = 0;
    st = tree_add(t, level + 1, sum);
out:
    return st;
}

/** The sum of all, in the highest level that holds something. */
static mr_status tree_total(tree *t, const double **out)
{
    mr_status st = MR_OK;
    size_t top = 0;
    for (size_t i = 0; i < LEVELS; i++)
        if (t->held[i]) top = i;
    for (size_t i = 0; i < top; i++)
        if (t->held[i]) MR_TRY(tree_add(t, i + 1, t->sum[i]));
    for (size_t i = 0; i < LEVELS; i++)
        if (t->sum[i] && (t->held[i] || i == top)) *out = t->sum[i];
out:
    return st;
}

/** A strip of channels on its way: rows [d0, d1) of it at a time, in buffers for the most of them.
 */
typedef struct strip {
    const result *r;
    size_t first, nc, c0; /* first lane that has it; its channels; its place among all */
    double *v;            /* of one lane */
    tree t;
    float *mean;
} strip;

static mr_status strip_init(strip *s, const result *r, size_t first, size_t rows)
{
    mr_status st = MR_OK;
    const mr_lane_entry *e = r->lane[first].e;
    *s = (strip){.r = r, .first = first, .nc = e->c1 - e->c0, .c0 = e->c0 - r->part.c0};
    s->t.n = rows * s->nc;
    MR_TRY(mr_alloc_f64(s->t.n, "sums", &s->v));
    MR_TRY(mr_alloc(s->t.n, sizeof *s->mean, "means", &s->mean));
out:
    return st;
}

static void strip_fini(strip *s)
{
    tree_fini(&s->t);
    free(s->v);
    free(s->mean);
}

/** The sums of these rows of all lanes that have the strip. */
static mr_status merge_rows(strip *s, size_t d0, size_t d1, const double **total)
{
    mr_status st = MR_OK;
    const result *r = s->r;
    memset(s->t.held, 0, sizeof s->t.held);
    s->t.n = (d1 - d0) * s->nc;
    for (size_t i = s->first; i < r->part.n; i++) {
        const source *l = &r->lane[i];
        if (l->e->c0 != r->lane[s->first].e->c0) continue;
        MR_TRY(read_at(l, l->sums_at + d0 * s->nc * sizeof *s->v, s->t.n * sizeof *s->v, s->v));
        MR_TRY(tree_add(&s->t, 0, s->v));
    }
    st = tree_total(&s->t, total);
out:
    return st;
}

/** Sums of rows [d0, d1) become means at their places: whole rows in one go. */
static mr_status write_rows(strip *s, size_t d0, size_t d1, const double *sum, int fd,
                            const char *path)
{
    mr_status st = MR_OK;
    const result *r = s->r;
    const bool whole = s->nc == r->nc;
    for (size_t d = d0; d < d1; d++) {
        const int64_t *n = r->count + d / (r->depth / r->counts) * r->nc + s->c0;
        float *row = s->mean + (d - d0) * s->nc;
        for (size_t c = 0; c < s->nc; c++)
            row[c] = n[c] ? (float)(sum[(d - d0) * s->nc + c] / (double)n[c]) : NAN;
    }
    for (size_t d = d0; d < d1; d += whole ? d1 - d0 : 1)
        MR_TRY(mr_out_pwrite(fd, s->mean + (d - d0) * s->nc,
                             (whole ? d1 - d0 : 1) * s->nc * sizeof *s->mean,
                             r->at + (d * r->nc + s->c0) * sizeof *s->mean, path));
out:
    return st;
}

/** Means of one strip into the open file. */
static mr_status write_strip(const result *r, size_t first, int fd, const char *path)
{
    mr_status st = MR_OK;
    strip s;
    const mr_lane_entry *e = r->lane[first].e;
    const size_t step = MR_MAX((size_t)CHUNK / ((e->c1 - e->c0) * sizeof(double)), (size_t)1);
    MR_TRY(strip_init(&s, r, first, MR_MIN(step, r->depth)));
    for (size_t d0 = 0; d0 < r->depth; d0 += step) {
        const size_t d1 = MR_MIN(d0 + step, r->depth);
        const double *sum = NULL;
        MR_TRY(merge_rows(&s, d0, d1, &sum));
        MR_TRY(write_rows(&s, d0, d1, sum, fd, path));
    }
out:
    strip_fini(&s);
    return st;
}

/** Is lane i the first of its strip of channels? */
static bool first_of_strip(const result *r, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (r->lane[j].e->c0 == r->lane[i].e->c0) return false;
    return true;
}

/* --- the file -----------------------------------------------------------------------------------
 */

static void words(mr_h5w *w, hid_t at, const result *r)
{
    const mr_lane_part *p = &r->part;
    const mr_lane_entry *e = p->v[0];
    char when[40];
    int64_t t1 = e->t1_ns;
    for (size_t i = 0; i < p->n; i++) t1 = MR_MAX(t1, p->v[i]->t1_ns);
    mr_h5w_text(w, at, "title", p->title);
    mr_h5w_text(w, at, "units", e->unit);
    mr_h5w_text(w, at, "time_coverage_start", mr_utc_iso(e->t0_ns, when));
    mr_h5w_text(w, at, "time_coverage_end", mr_utc_iso(t1, when));
    mr_h5w_f64(w, at, "channel_spacing_m", p->dx_m);
    mr_h5w_f64(w, at, "gauge_length_m", p->gauge_m);
    mr_h5w_text(w, at, "chain", p->chain);
    mr_h5w_i64(w, at, "n_lanes", (int64_t)p->n);
}

static void lay_out(mr_h5w *w, hid_t at, result *r, int32_t first_dimid)
{
    const mr_lane_entry *e = r->part.v[0];
    const int axes = (int)r->shape.n_axes;
    mr_cf_dims d = {.rank = axes + 1}, c = {.rank = r->shape.count_axes};
    words(w, at, r);
    for (int i = 0; i < axes; i++) {
        d.n[i] = r->shape.axis[i].n;
        d.id[i] = first_dimid + i;
        d.scale[i] = mr_cf_axis(w, at, &r->shape.axis[i], d.id[i]);
    }
    d.n[axes] = r->nc;
    d.id[axes] = first_dimid + axes;
    d.scale[axes] = mr_cf_distance(w, at, r->part.distance, r->nc, d.id[axes]);
    hid_t array = mr_h5w_dataset(w, at, mr_array_name(e->quantity), H5T_IEEE_F32LE,
                                 H5T_NATIVE_FLOAT, d.rank, d.n, NULL, NULL);
    mr_cf_array(w, array, e->quantity, e->unit, &d);
    for (int i = 0; i < c.rank; i++) {
        const int from = i + 1 == c.rank ? axes : i;
        c.n[i] = d.n[from];
        c.id[i] = d.id[from];
        c.scale[i] = d.scale[from];
    }
    hid_t counts = mr_h5w_dataset(w, at, "count", H5T_STD_I64LE, H5T_NATIVE_INT64, c.rank, c.n,
                                  r->count, NULL);
    mr_cf_counts(w, counts, &c);
    if (w->st == MR_OK) r->at = (uint64_t)H5Dget_offset(array);
    mr_h5w_done(w, counts);
    mr_h5w_done(w, array);
    for (int i = d.rank; i-- > 0;) mr_h5w_done(w, d.scale[i]);
}

static mr_status result_init(result *r, const char *folder)
{
    mr_status st = MR_OK;
    mr_lane_part *p = &r->part;
    r->shape = p->v[0]->shape;
    r->depth = mr_shape_depth(&r->shape);
    r->counts = mr_shape_counts(&r->shape);
    MR_TRY(mr_part_measure(p));
    MR_TRY(mr_part_learn(p, folder));
    r->nc = p->c1 - p->c0;
    MR_TRY(mr_alloc(p->n, sizeof *r->lane, "the lanes", &r->lane));
    for (size_t i = 0; i < p->n; i++) {
        r->lane[i].e = p->v[i];
        MR_TRY(look_into(r, folder, &r->lane[i]));
    }
    st = add_counts(r);
out:
    return st;
}

/** All parts: the first at the root, others in groups. */
static mr_status lay_out_parts(mr_h5w *w, result *r, size_t n)
{
    char name[32];
    mr_h5w_text(w, w->file, "Conventions", "CF-1.9");
    mr_h5w_text(w, w->file, "millrace_version", MR_VERSION);
    for (size_t i = 0; i < n; i++) {
        snprintf(name, sizeof name, "part%zu", i + 1);
        hid_t at = i ? mr_h5w_group(w, w->file, name) : w->file;
        lay_out(w, at, &r[i], (int32_t)(i * (1 + r[i].shape.n_axes)));
        if (i) mr_h5w_done(w, at);
    }
    return w->st;
}

static mr_status write_means(const result *r, size_t n, const char *path)
{
    mr_status st = MR_OK;
    const int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return MR_RAISE(MR_EOUTPUT, "cannot open %s: %s", path, strerror(errno));
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < r[i].part.n; k++)
            if (first_of_strip(&r[i], k)) MR_TRY(write_strip(&r[i], k, fd, path));
out:
    close(fd);
    return st;
}

/** Split the sorted lanes into parts and learn what they hold. */
static mr_status split(const mr_lane_entry *const *v, size_t n, const char *folder, result **out,
                       size_t *n_out)
{
    mr_status st = MR_OK;
    for (size_t a = 0, b, cap = 0; a < n; a = b) {
        for (b = a + 1; b < n && v[b]->part == v[a]->part;) b++;
        MR_TRY(mr_grow(out, &cap, *n_out + 1, sizeof **out, "results"));
        result *r = &(*out)[(*n_out)++];
        *r = (result){.part = {.v = v + a, .n = b - a}};
        MR_TRY(result_init(r, folder));
    }
out:
    return st;
}

mr_status mr_result_write(const char *folder, const mr_lane_entry *lanes, size_t n,
                          const mr_digest *plan)
{
    mr_status st = MR_OK, closed;
    const mr_lane_entry **v = NULL;
    result *r = NULL;
    size_t n_parts = 0;
    char *path = NULL;
    bool made = false;
    mr_text part = {0}, index = {0};
    mr_h5w w = {.file = -1, .driver = -1};
    MR_TRY(mr_out_join(folder, MR_RESULT_NAME, &path));
    MR_TRY(mr_text_add(&part, "%s.part", path));
    MR_TRY(mr_lanes_sorted(lanes, n, &v));
    MR_TRY(mr_index_text(lanes, n, &index));
    mr_h5w_quiet();
    MR_TRY(split(v, n, folder, &r, &n_parts));
    if (unlink(part.s) != 0 && errno != ENOENT) {
        st = MR_RAISE(MR_EOUTPUT, "cannot remove %s: %s", part.s, strerror(errno));
        goto out;
    }
    mr_h5w_create(&w, part.s, false);
    made = w.st == MR_OK;
    st = w.st != MR_OK ? w.st : lay_out_parts(&w, r, n_parts);
    closed = mr_h5w_close(&w);
    MR_TRY(st);
    MR_TRY(closed);
    MR_TRY(write_means(r, n_parts, part.s));
    const mr_digest id = mr_digest_of(index.s, index.len); /* binds the index and so every lane */
    made = false;                                          /* sealing removes it when it fails */
    MR_TRY(mr_seal(part.s, path, plan, &id));
out:
    if (made) unlink(part.s);
    if (st != MR_OK) mr_note("writing %s", MR_RESULT_NAME);
    for (size_t i = 0; i < n_parts; i++) result_fini(&r[i]);
    free(r);
    mr_text_fini(&index);
    mr_text_fini(&part);
    free(v);
    free(path);
    return st;
}
