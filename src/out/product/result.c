/* out/product/result.c: result.h5, what the sums of all lanes come to. Rank 0 finds the sums and
 * lays the file out, all ranks merge pieces of it (out/product/merge.c), rank 0 seals it. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/utc.h"
#include "out/index.h"
#include "out/lane/layout.h"
#include "out/product/merge.h"
#include "out/product/merged.h"
#include "out/out.h"

enum { ROOMS = 64 };

struct mr_result {
    char *path;
    mr_text part; /* name of the file while it is not complete */
    const mr_lane_entry **lane;
    size_t n_lanes;
    mr_merge *v;
    size_t n;
    mr_digest index; /* binds the index and so every lane */
    mr_digest id;    /* the same, and where its pieces end: what a list of them is for */
    uint8_t *there;  /* [pieces] merged by a run before this one */
    int list;        /* of what this rank merged */
    int fd;          /* of the part file, while pieces are written */
    bool owner;      /* laid it out: removes it when it comes to nothing */
    _Atomic(mr_merge_room *) idle[ROOMS];
};

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

/** Where lane i of a part keeps its sums. */
static mr_status look_into(const mr_merge *m, size_t i)
{
    const mr_lane_entry *e = m->part.v[i];
    const size_t nc = e->c1 - e->c0;
    char name[128];
    hid_t file = mr_h5w_open(m->path[i]);
    if (file < 0) return MR_EOUTPUT;
    m->lane[i].sums =
        find(file, mr_lane_array_name(e->quantity, &m->shape, name), mr_shape_bytes(&m->shape, nc));
    m->lane[i].counts = find(file, "count", m->counts * nc * sizeof(int32_t));
    H5Fclose(file);
    if (!m->lane[i].sums || !m->lane[i].counts)
        return MR_RAISE(MR_EOUTPUT, "%s: holds no sums of this chain", m->path[i]);
    return MR_OK;
}

/** Counts of all lanes. */
static mr_status add_counts(mr_merge *m)
{
    mr_status st = MR_OK;
    int32_t *one = NULL;
    MR_TRY(mr_alloc(m->counts * m->nc, sizeof *one, "counts", &one));
    for (size_t i = 0; i < m->part.n; i++) {
        const mr_lane_entry *e = m->part.v[i];
        const size_t nc = e->c1 - e->c0, c0 = e->c0 - m->part.c0;
        MR_TRY(mr_merge_read(m, i, m->lane[i].counts, m->counts * nc * sizeof *one, one));
        for (size_t k = 0; k < m->counts; k++)
            for (size_t c = 0; c < nc; c++) m->count[k * m->nc + c0 + c] += one[k * nc + c];
    }
out:
    free(one);
    return st;
}

/* --- the file -----------------------------------------------------------------------------------
 */

static void words(mr_h5w *w, hid_t at, const mr_merge *m)
{
    const mr_lane_part *p = &m->part;
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
    mr_cf_product(w, at, &m->shape);
}

static void lay_out(mr_h5w *w, hid_t at, mr_merge *m, int32_t first_dimid)
{
    const mr_lane_entry *e = m->part.v[0];
    const int axes = (int)m->shape.n_axes;
    mr_cf_dims d = {.rank = axes + 1}, c = {.rank = m->shape.count_axes};
    words(w, at, m);
    for (int i = 0; i < axes; i++) {
        d.n[i] = m->shape.axis[i].n;
        d.id[i] = first_dimid + i;
        d.scale[i] = mr_cf_axis(w, at, &m->shape.axis[i], d.id[i]);
    }
    d.n[axes] = m->nc;
    d.id[axes] = first_dimid + axes;
    d.scale[axes] = mr_cf_distance(w, at, m->part.distance, m->nc, d.id[axes]);
    hid_t array = mr_h5w_dataset(w, at, mr_array_name(e->quantity, &m->shape),
                                 m->shape.f64 ? H5T_IEEE_F64LE : H5T_IEEE_F32LE, H5T_NATIVE_FLOAT,
                                 d.rank, d.n, NULL, NULL);
    mr_cf_array(w, array, e->quantity, e->unit, &m->shape, &d);
    for (int i = 0; i < c.rank; i++) {
        const int from = i + 1 == c.rank ? axes : i;
        c.n[i] = d.n[from];
        c.id[i] = d.id[from];
        c.scale[i] = d.scale[from];
    }
    hid_t counts = mr_h5w_dataset(w, at, "count", H5T_STD_I64LE, H5T_NATIVE_INT64, c.rank, c.n,
                                  m->count, NULL);
    mr_cf_counts(w, counts, &c);
    if (w->st == MR_OK) m->at = (uint64_t)H5Dget_offset(array);
    mr_h5w_done(w, counts);
    mr_h5w_done(w, array);
    for (int i = d.rank; i-- > 0;) mr_h5w_done(w, d.scale[i]);
}

/** All parts: the first at the root, others in groups. */
static mr_status lay_out_parts(mr_h5w *w, mr_merge *v, size_t n)
{
    char name[32];
    mr_h5w_text(w, w->file, "Conventions", "CF-1.9");
    mr_h5w_text(w, w->file, "millrace_version", MR_VERSION);
    for (size_t i = 0; i < n; i++) {
        snprintf(name, sizeof name, "part%zu", i + 1);
        hid_t at = i ? mr_h5w_group(w, w->file, name) : w->file;
        lay_out(w, at, &v[i], (int32_t)(i * (1 + v[i].shape.n_axes)));
        if (i) mr_h5w_done(w, at);
    }
    return w->st;
}

/** Split the sorted lanes into parts. */
static mr_status split(mr_result *r, const char *folder)
{
    mr_status st = MR_OK;
    for (size_t a = 0, b, cap = 0; a < r->n_lanes; a = b) {
        for (b = a + 1; b < r->n_lanes && r->lane[b]->part == r->lane[a]->part;) b++;
        MR_TRY(mr_grow(&r->v, &cap, r->n + 1, sizeof *r->v, "results"));
        mr_merge *m = &r->v[r->n++];
        *m = (mr_merge){.part = {.v = r->lane + a, .n = b - a}};
        MR_TRY(mr_merge_init(m, folder));
    }
out:
    return st;
}

static mr_status result_new(const char *folder, const mr_lane_entry *lanes, size_t n,
                            mr_result **out)
{
    mr_status st = MR_OK;
    mr_result *r = NULL;
    MR_TRY(mr_alloc(1, sizeof *r, MR_RESULT_NAME, &r));
    r->fd = r->list = -1;
    r->n_lanes = n;
    MR_TRY(mr_out_join(folder, MR_RESULT_NAME, &r->path));
    MR_TRY(mr_text_add(&r->part, "%s.part", r->path));
    MR_TRY(mr_lanes_sorted(lanes, n, &r->lane));
    MR_TRY(split(r, folder));
    *out = r;
    r = NULL;
out:
    mr_result_free(r);
    return st;
}

void mr_result_free(mr_result *r)
{
    if (!r) return;
    if (r->fd >= 0) close(r->fd);
    if (r->list >= 0) close(r->list);
    free(r->there);
    if (r->owner) unlink(r->part.s);
    for (size_t i = 0; i < ROOMS; i++) mr_merge_room_free(r->idle[i]);
    for (size_t i = 0; i < r->n; i++) mr_merge_fini(&r->v[i]);
    free(r->v);
    free(r->lane);
    mr_text_fini(&r->part);
    free(r->path);
    free(r);
}

static mr_status open_part(mr_result *r)
{
    r->fd = open(r->part.s, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (r->fd < 0) return MR_RAISE(MR_EOUTPUT, "cannot open %s: %s", r->part.s, strerror(errno));
    return MR_OK;
}

static uint64_t array_end(const mr_result *r)
{
    uint64_t end = 0;
    for (size_t i = 0; i < r->n; i++) end = MR_MAX(end, mr_merge_end(&r->v[i]));
    return end;
}

/** Bytes of a piece, the same for all ranks: enough pieces to share out, none so large that its
 * fresh memory costs more than its numbers. */
static uint64_t piece_bytes(const mr_result *r)
{
    const uint64_t page = 1 << 16, want = array_end(r) / 32 / page * page;
    return MR_MIN(MR_MAX(want, 2 * page), 16 * page);
}

uint64_t mr_result_pieces(const mr_result *r)
{
    return (array_end(r) + piece_bytes(r) - 1) / piece_bytes(r);
}

/** Another length of pieces, another place of an array: other pieces. */
static mr_status name_merging(mr_result *r)
{
    mr_status st = MR_OK;
    mr_text t = {0};
    MR_TRY(mr_text_add(&t, "%s %llu", r->index.hex, (unsigned long long)piece_bytes(r)));
    for (size_t i = 0; i < r->n; i++)
        MR_TRY(mr_text_add(&t, " %llu", (unsigned long long)r->v[i].at));
    r->id = mr_digest_of(t.s, t.len);
out:
    mr_text_fini(&t);
    return st;
}

/** What of piece i stands in the part file of a run before; its digest is right. */
static mr_status copy_piece(const mr_result *r, uint64_t i, const mr_digest *want, int from, int to,
                            mr_text *buf, bool *same)
{
    mr_status st = MR_OK;
    const int64_t bytes = (int64_t)piece_bytes(r);
    const mr_slab piece = {(int64_t)i * bytes, ((int64_t)i + 1) * bytes};
    mr_digest sum = {0};
    for (size_t k = 0; k < r->n; k++) {
        const mr_slab own = mr_merge_within(&r->v[k], piece);
        const size_t n = (size_t)(own.b - own.a);
        if (!n) continue;
        MR_TRY(mr_grow(&buf->s, &buf->cap, n, 1, "a piece"));
        MR_TRY(mr_out_pread(from, buf->s, n, (uint64_t)own.a, r->part.s));
        sum = mr_merge_digest(&sum, buf->s, n);
        MR_TRY(mr_out_pwrite(to, buf->s, n, (uint64_t)own.a, r->part.s));
    }
    *same = strcmp(sum.hex, want->hex) == 0; /* else it is merged over this */
out:
    return st;
}

/** Pieces that a run before this one merged, of the same lanes: into the fresh file. Then one list
 *  says which they are, before any other is begun. */
static mr_status take_over(mr_result *r, const char *folder, const char *fresh)
{
    mr_status st = MR_OK;
    const uint64_t n = mr_result_pieces(r);
    mr_digest *sum = NULL;
    mr_text buf = {0};
    int from = open(r->part.s, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), to = -1;
    uint64_t have = 0;
    MR_TRY(mr_alloc(n, sizeof *sum, "what is merged", &sum));
    if (from >= 0) MR_TRY(mr_merged_read(folder, &r->id, n, sum));
    to = open(fresh, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (to < 0) {
        st = MR_RAISE(MR_EOUTPUT, "cannot open %s: %s", fresh, strerror(errno));
        goto out;
    }
    for (uint64_t i = 0; i < n; i++) {
        bool same = false;
        if (!sum[i].hex[0]) continue;
        if (copy_piece(r, i, &sum[i], from, to, &buf, &same) != MR_OK) mr_error_clear();
        r->there[i] = same;
        have += same;
        if (!same) sum[i].hex[0] = 0;
    }
    if (have)
        mr_log(MR_INFO, "merging goes on: %llu of %llu pieces are there", (unsigned long long)have,
               (unsigned long long)n);
    MR_TRY(mr_merged_begin(folder, 0, &r->id, &r->list));
    for (uint64_t i = 0; i < n; i++)
        if (sum[i].hex[0]) MR_TRY(mr_merged_add(r->list, i, &sum[i]));
    st = mr_merged_remove(folder, 0);
out:
    if (from >= 0) close(from);
    if (to >= 0) close(to);
    free(sum);
    mr_text_fini(&buf);
    return st;
}

mr_status mr_result_begin(const char *folder, const mr_lane_entry *lanes, size_t n, mr_result **out)
{
    mr_status st = MR_OK, closed;
    mr_result *r = NULL;
    mr_text index = {0}, fresh = {0};
    bool made = false;
    mr_h5w w = {.file = -1, .driver = -1};
    mr_h5w_quiet();
    MR_TRY(result_new(folder, lanes, n, &r));
    MR_TRY(mr_index_text(lanes, n, &index));
    r->index = mr_digest_of(index.s, index.len);
    for (size_t i = 0; i < r->n; i++) {
        mr_merge *m = &r->v[i];
        MR_TRY(mr_part_learn(&m->part, folder));
        for (size_t k = 0; k < m->part.n; k++) MR_TRY(look_into(m, k));
        MR_TRY(add_counts(m));
    }
    MR_TRY(mr_text_add(&fresh, "%s.new.part", r->path));
    if (unlink(fresh.s) != 0 && errno != ENOENT) {
        st = MR_RAISE(MR_EOUTPUT, "cannot remove %s: %s", fresh.s, strerror(errno));
        goto out;
    }
    mr_h5w_create(&w, fresh.s, false);
    made = w.st == MR_OK;
    st = w.st != MR_OK ? w.st : lay_out_parts(&w, r->v, r->n);
    closed = mr_h5w_close(&w);
    MR_TRY(st);
    MR_TRY(closed);
    MR_TRY(mr_alloc(mr_result_pieces(r), 1, "what is merged", &r->there));
    MR_TRY(name_merging(r));
    MR_TRY(take_over(r, folder, fresh.s));
    MR_TRY(mr_out_replace(fresh.s, r->part.s));
    made = false;
    r->owner = true;
    MR_TRY(open_part(r));
    *out = r;
    r = NULL;
out:
    if (made) unlink(fresh.s);
    mr_result_free(r);
    mr_text_fini(&index);
    mr_text_fini(&fresh);
    if (st != MR_OK) mr_note("writing %s", MR_RESULT_NAME);
    return st;
}

mr_status mr_result_pack(const mr_result *r, mr_text *out)
{
    mr_status st = MR_OK;
    for (size_t i = 0; i < r->n; i++) {
        const mr_merge *m = &r->v[i];
        MR_TRY(mr_text_add_bytes(out, &m->at, sizeof m->at));
        MR_TRY(mr_text_add_bytes(out, m->lane, m->part.n * sizeof *m->lane));
        MR_TRY(mr_text_add_bytes(out, m->count, m->counts * m->nc * sizeof *m->count));
    }
    MR_TRY(mr_text_add_bytes(out, &r->id, sizeof r->id));
    MR_TRY(mr_text_add_bytes(out, r->there, mr_result_pieces(r)));
out:
    return st;
}

/** The next n of what mr_result_pack gave. */
static bool take(const char **from, size_t *left, void *to, size_t n)
{
    if (*left < n) return false;
    memcpy(to, *from, n);
    *from += n;
    *left -= n;
    return true;
}

mr_status mr_result_join(const char *folder, const mr_lane_entry *lanes, size_t n, const void *pack,
                         size_t pack_bytes, mr_result **out)
{
    mr_status st = MR_OK;
    const char *from = pack;
    mr_result *r = NULL;
    MR_TRY(result_new(folder, lanes, n, &r));
    for (size_t i = 0; i < r->n; i++) {
        mr_merge *m = &r->v[i];
        if (!take(&from, &pack_bytes, &m->at, sizeof m->at) ||
            !take(&from, &pack_bytes, m->lane, m->part.n * sizeof *m->lane) ||
            !take(&from, &pack_bytes, m->count, m->counts * m->nc * sizeof *m->count)) {
            st = MR_RAISE(MR_EBUG, "ranks do not agree on what %s holds", MR_RESULT_NAME);
            goto out;
        }
    }
    MR_TRY(mr_alloc(mr_result_pieces(r), 1, "what is merged", &r->there));
    if (!take(&from, &pack_bytes, &r->id, sizeof r->id) ||
        !take(&from, &pack_bytes, r->there, mr_result_pieces(r))) {
        st = MR_RAISE(MR_EBUG, "ranks do not agree on what %s holds", MR_RESULT_NAME);
        goto out;
    }
    MR_TRY(open_part(r));
    *out = r;
    r = NULL;
out:
    mr_result_free(r);
    if (st != MR_OK) mr_note("writing %s", MR_RESULT_NAME);
    return st;
}

/** One that no thread has now. */
static mr_status room_take(mr_result *r, mr_merge_room **out)
{
    for (size_t i = 0; i < ROOMS; i++)
        if ((*out = atomic_exchange(&r->idle[i], NULL))) return MR_OK;
    return mr_merge_room_new(out);
}

static void room_give(mr_result *r, mr_merge_room *room)
{
    for (size_t i = 0; room && i < ROOMS; i++) {
        mr_merge_room *none = NULL;
        if (atomic_compare_exchange_strong(&r->idle[i], &none, room)) return;
    }
    mr_merge_room_free(room);
}

mr_status mr_result_merge(mr_result *r, uint64_t piece, mr_digest *sum)
{
    mr_status st = MR_OK;
    *sum = (mr_digest){0};
    if (r->there[piece]) return MR_OK;
    mr_merge_room *room = NULL;
    const int64_t bytes = (int64_t)piece_bytes(r), from = (int64_t)piece * bytes;
    MR_TRY(room_take(r, &room));
    for (size_t i = 0; i < r->n; i++) /* arrays of two parts may meet in one page */
        MR_TRY(
            mr_merge_piece(&r->v[i], (mr_slab){from, from + bytes}, room, r->fd, r->part.s, sum));
out:
    room_give(r, room);
    if (st != MR_OK) mr_note("writing %s", MR_RESULT_NAME);
    return st;
}

mr_status mr_result_note(mr_result *r, const char *folder, int rank, uint64_t piece,
                         const mr_digest *sum)
{
    mr_status st = MR_OK;
    if (r->there[piece] || !sum->hex[0]) return MR_OK;
    if (r->list < 0) MR_TRY(mr_merged_begin(folder, rank, &r->id, &r->list));
    st = mr_merged_add(r->list, piece, sum);
out:
    return st;
}

void mr_result_keep(mr_result *r)
{
    if (r) r->owner = false;
}

mr_status mr_result_sync(mr_result *r)
{
    const mr_status st = mr_out_sync_close(&r->fd, r->part.s);
    if (st != MR_OK) mr_note("writing %s", MR_RESULT_NAME);
    return st;
}

mr_status mr_result_seal(mr_result *r, const char *folder, const mr_digest *plan)
{
    r->owner = false; /* sealing removes it when it fails */
    mr_status st = mr_seal(r->part.s, r->path, plan, &r->index);
    if (st == MR_OK) st = mr_merged_remove(folder, -1);
    if (st != MR_OK) mr_note("writing %s", MR_RESULT_NAME);
    return st;
}
