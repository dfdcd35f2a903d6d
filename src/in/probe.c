/* in/probe.c: look at one file: recognise the layout, read its facts, find its samples. Runs in a
 * worker, because a damaged header can crash libhdf5. */
#include "in/probe.h"
#include "base/text.h"
#include "in/layout.h"
#include "in/packing.h"
#include "in/hdf5/store.h"
#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void mr_find_fini(mr_find *f)
{
    mr_clock_fini(&f->clock);
    free(f->stretch);
    free(f->x_m);
    free(f->chunk);
    free(f->stamp_ns);
    f->x_m = NULL;
    f->stamp_ns = NULL;
    f->stretch = NULL;
    f->chunk = NULL;
    f->n_stretch = f->cap_stretch = 0;
}

static void set_identity(mr_file_info *i, const struct stat *sb)
{
    i->size = sb->st_size;
    i->mtime_ns = (int64_t)sb->st_mtim.tv_sec * 1000000000 + sb->st_mtim.tv_nsec;
    i->inode = sb->st_ino;
    i->device = sb->st_dev;
}

/** Forget what a layout said, not what the file is. */
static void clear_facts(mr_find *f)
{
    mr_file_info *i = f->info;
    mr_find_fini(f);
    *i = (mr_file_info){
        .size = i->size, .mtime_ns = i->mtime_ns, .inode = i->inode, .device = i->device};
    *f = (mr_find){.info = i, .tables = f->tables, .time_first = true};
}

/** The dataset the map names, if this file has it. */
static const char *map_data(const mr_h5 *h, const mr_node *map)
{
    const mr_node *n = mr_node_get(map, "data");
    if (!n || n->kind != MR_NODE_SCALAR || !mr_h5_has(h, n->text)) return NULL;
    return n->text + strspn(n->text, "/");
}

/** One dataset of a file, as its layout finds it. */
typedef struct set {
    mr_find f;
    mr_file_info info;
    mr_status st;
    char why[MR_NOTE_MAX]; /* it cannot be used */
    bool left_out;         /* not asked for, or unlike the largest */
} set;

/** What is looked at, and what for. */
typedef struct looking {
    mr_infile *src;
    const mr_layout *layout;
    const mr_probe_opts *o;
    char *name[MR_MAX_SETS]; /* datasets that the layout, or the map, lists */
    size_t n;                /* at least 1 */
    set *v;                  /* [n] */
    mr_file_info file;
    bool tables;
    bool mapped; /* they are those of the map's pattern */
} looking;

/** A known layout reads the file, the map has the last word on single facts; the map alone reads
 * what no layout can, and a dataset other than the layout's. */
static mr_status find_layout(const looking *k, mr_find *f)
{
    const mr_layout *l = k->layout;
    const mr_node *map = k->o->map;
    const char *data = k->mapped ? f->want : map_data(k->src->h5, map);
    mr_status st = MR_OK;
    if (l && l->read && !k->mapped && !(data && strcmp(l->name, "bare") == 0)) {
        snprintf(f->info->layout, sizeof f->info->layout, "%s", l->name);
        st = l->read(k->src, f);
        if (!data || (st == MR_OK && strcmp(f->path, data) == 0)) {
            if (st != MR_OK) mr_note("%s layout", l->title);
            return st == MR_OK && map ? mr_map_apply(k->src, map, f) : st;
        }
    }
    if (data) {
        const char *want = f->want;
        clear_facts(f);
        f->want = k->mapped ? want : NULL;
        snprintf(f->info->layout, sizeof f->info->layout, "map");
        return mr_map_read(k->src, map, f);
    }
    if (l && !l->read)
        return MR_RAISE(MR_EINPUT, "%s layout is not supported yet; give input.map", l->title);
    return mr_node_get(map, "data")
               ? MR_RAISE(MR_EINPUT, "no known layout, and not the dataset of input.map")
               : MR_RAISE(MR_EINPUT, "no 2-D recording found in a known layout; give input.map");
}

/** The clock of the valid rows. */
static mr_status find_clock(const looking *k, mr_find *f)
{
    const uint64_t rows = f->dims[f->time_first ? 0 : 1];
    if (f->row0 >= rows) return MR_RAISE(MR_EINPUT, "no valid samples");
    return mr_clock_settle(k->src->h5, f, f->nt ? f->nt : rows - f->row0);
}

/** Valid rows. */
static mr_status settle(mr_find *f)
{
    mr_file_info *o = f->info;
    const mr_store *s = &o->store;
    const uint64_t rows = mr_store_rows(s);
    if (f->row0 >= rows) return MR_RAISE(MR_EINPUT, "no valid samples");
    o->store.row0 = f->row0;
    o->nt = f->nt ? f->nt : rows - f->row0;
    o->nc = s->nc;
    if (o->nt > rows - f->row0) return MR_RAISE(MR_EINPUT, "more time stamps than samples");
    return MR_OK;
}

/* --- which datasets -------------------------------------------------------------------------- */

static bool is_called(const char *pattern, const char *name)
{
    return strcmp(pattern, name) == 0 || fnmatch(pattern, name, FNM_PERIOD) == 0;
}

/** Is this dataset the one (or one of those) that input.dataset names? */
static bool wanted(const char *pattern, const set *s)
{
    const char *p = pattern + strspn(pattern, "/");
    return is_called(p, s->f.path) || (s->f.want && is_called(p, s->f.want));
}

static double samples_of(const set *s)
{
    const mr_find *f = &s->f; /* valid ones: a file may be allocated ahead */
    const uint64_t all = f->dims[f->time_first ? 0 : 1], nc = f->dims[f->time_first ? 1 : 0];
    return (double)(f->nt ? f->nt : all - MR_MIN(all, f->row0)) * (double)nc;
}

static bool alike(const set *a, const set *b)
{
    const mr_file_info *x = &a->info, *y = &b->info;
    return a->f.dims[a->f.time_first] == b->f.dims[b->f.time_first] && x->dx_m == y->dx_m &&
           x->x0_m == y->x0_m && fabs(x->rate_hz / y->rate_hz - 1) < 1e-3 &&
           strcmp(x->unit, y->unit) == 0 && strcmp(x->quantity, y->quantity) == 0;
}

/** Simultaneous recordings are several arrays: one of them is read. */
static bool at_once(const set *a, const set *b)
{
    return a->info.t0_ns <= b->info.t1_ns && b->info.t0_ns <= a->info.t1_ns;
}

/** Those that are asked for; else all that are alike to the largest and of other times. Gives the
 *  first that is used, which bears the remark on the others; NULL if there is none. */
static set *choose(looking *k)
{
    set *largest = NULL, *first = NULL;
    for (size_t i = 0; i < k->n; i++) {
        set *s = &k->v[i];
        s->left_out = k->o->dataset && !wanted(k->o->dataset, s);
        if (s->st == MR_OK && !s->left_out && (!largest || samples_of(s) > samples_of(largest)))
            largest = s;
    }
    for (size_t i = 0; largest && i < k->n; i++) {
        set *s = &k->v[i];
        if (s->st != MR_OK || s->left_out) continue;
        s->left_out = s != largest && !alike(s, largest);
        for (size_t j = 0; j < k->n && !s->left_out; j++) {
            const set *t = &k->v[j];
            const bool before = t == largest || (j < i && s != largest);
            s->left_out = s != t && before && t->st == MR_OK && !t->left_out && at_once(s, t);
        }
        if (!s->left_out && !first) first = s;
    }
    return first;
}

static void say_left_out(const looking *k, set *first)
{
    char names[MR_NOTE_MAX] = "";
    size_t n = 0, len = 0;
    for (size_t i = 0; i < k->n; i++) {
        const set *s = &k->v[i];
        if (!s->left_out) continue;
        const int w = snprintf(names + len, sizeof names - len, "%s%.60s", n++ ? ", " : "",
                               s->f.want ? s->f.want : s->f.path);
        len = MR_MIN(len + (size_t)w, sizeof names - 1);
    }
    if (n)
        mr_odd(&first->f, "left_out(%zu): of %zu datasets %s %s left out%s", n, k->n, names,
               n > 1 ? "are" : "is", k->o->dataset ? "" : " (input.dataset picks)");
}

/* --- all of it ------------------------------------------------------------------------------- */

static mr_status add_recording(mr_probed *out, size_t *cap, const mr_file_info *r)
{
    mr_status st = MR_OK;
    if (out->n == MR_MAX_RECORDINGS)
        return MR_RAISE(MR_EINPUT, "its clock breaks into more than %d recordings",
                        MR_MAX_RECORDINGS);
    MR_TRY(mr_grow(&out->rec, cap, out->n + 1, sizeof *out->rec, "recordings"));
    out->rec[out->n++] = *r;
out:
    return st;
}

/** What a dataset holds, by its stretches. */
static mr_status add_set(mr_probed *out, size_t *cap, const set *s)
{
    mr_status st = MR_OK;
    mr_file_info r = s->info;
    if (!s->f.n_stretch) return add_recording(out, cap, &r);
    for (size_t i = 0; i < s->f.n_stretch; i++) {
        const mr_stretch *t = &s->f.stretch[i];
        r.store.row0 = s->info.store.row0 + t->row;
        r.nt = t->nt;
        r.t0_ns = t->t0_ns;
        r.t1_ns = t->t1_ns;
        MR_TRY(add_recording(out, cap, &r));
        r.odd[0] = '\0'; /* the first bears the remarks */
    }
out:
    return st;
}

/** A lane of ours says in its name which channels of its archive it holds; here they count from 0.
 */
static void say_lane(const looking *k, set *s)
{
    unsigned first, end;
    char version[32];
    const char *at = strstr(k->src->name, "Z_c");
    if (at && sscanf(at, "Z_c%5u-%5u", &first, &end) == 2 && first > 0 &&
        mr_h5_text(k->src->h5, "/@millrace_version", 0, version, sizeof version))
        mr_odd(&s->f, "its channels count from 0 here; they were %u..%u", first, end);
}

/** The samples of a dataset: where and how they are stored. */
static mr_status read_store(const looking *k, set *s, mr_chunk **table)
{
    mr_status st = MR_OK;
    const mr_h5 *h = k->src->h5;
    hid_t dset = -1;
    uint64_t outside = 0;
    mr_file_info *o = &s->info;
    mr_printable(s->f.path, o->dataset, sizeof o->dataset);
    if (s->f.stored) {
        *table = s->f.chunk;
        s->f.chunk = NULL;
        return settle(&s->f);
    }
    MR_TRY(mr_h5_dataset(h, s->f.path, &dset));
    MR_TRY(mr_store_read(h, dset, s->f.time_first, &o->store, k->tables ? table : NULL, &outside));
    if (h->writing) mr_odd(&s->f, "still open for writing, or its writer died (h5clear -s)");
    if (outside) mr_odd(&s->f, "%llu chunks lie outside the file", (unsigned long long)outside);
    say_lane(k, s);
    MR_TRY(settle(&s->f));
out:
    if (dset >= 0) H5Oclose(dset);
    return st;
}

/** A refusal of one dataset, unless memory is short or it is the only one. */
static mr_status may_fail(const looking *k, set *s, mr_status st)
{
    s->st = st;
    if (st == MR_OK || st == MR_EMEM || k->n <= 1) return st;
    snprintf(s->why, sizeof s->why, "%.40s: %.110s", s->f.want ? s->f.want : s->f.path, mr_error());
    mr_error_clear();
    return MR_OK;
}

static mr_status read_sets(looking *k, size_t n_names)
{
    mr_status st = MR_OK;
    MR_TRY(mr_alloc(k->n, sizeof *k->v, "datasets", &k->v));
    for (size_t i = 0; i < k->n; i++) {
        set *s = &k->v[i];
        s->info = k->file;
        s->f = (mr_find){.info = &s->info,
                         .tables = k->tables,
                         .time_first = true,
                         .want = i < n_names ? k->name[i] : NULL};
        mr_status one = find_layout(k, &s->f);
        if (one == MR_OK)
            mr_packing_read(k->src->h5, &s->f, mr_node_get(k->o->map, "scale") != NULL);
        if (one == MR_OK) one = find_clock(k, &s->f);
        if (one == MR_OK && s->f.strain_per_sample != 0)
            s->info.to_native = s->info.to_strain_rate = s->f.strain_per_sample * s->info.rate_hz;
        MR_TRY(may_fail(k, s, one));
    }
out:
    return st;
}

static mr_status take_sets(looking *k, mr_probed *out)
{
    mr_status st = MR_OK;
    size_t cap = 0;
    MR_TRY(mr_alloc(k->n, sizeof *out->table, "datasets", &out->table));
    MR_TRY(mr_alloc(k->n, sizeof *out->place, "datasets", &out->place));
    MR_TRY(mr_alloc(k->n, sizeof *out->stamp, "datasets", &out->stamp));
    for (size_t i = 0; i < k->n; i++) {
        set *s = &k->v[i];
        if (s->left_out) continue;
        const size_t number = out->n_tables++;
        s->info.set = (uint32_t)number;
        out->place[number] = s->f.x_m;
        out->stamp[number] = s->f.stamp_ns;
        s->f.x_m = NULL;
        s->f.stamp_ns = NULL;
        if (s->st == MR_OK) MR_TRY(may_fail(k, s, read_store(k, s, &out->table[number])));
        if (s->st != MR_OK) mr_info_refuse(&s->info, "%s", s->why);
        MR_TRY(add_set(out, &cap, s));
    }
out:
    return st;
}

static mr_status look(looking *k, const struct stat *sb, mr_probed *out)
{
    mr_status st = MR_OK;
    size_t n_names = 0;
    MR_TRY(mr_layout_of(k->src, &k->layout));
    set_identity(&k->file, sb);
    n_names = mr_map_list(k->src->h5, k->o->map, MR_MAX_SETS, k->name);
    k->mapped = n_names > 0;
    if (!k->mapped && k->layout && k->layout->list && !map_data(k->src->h5, k->o->map))
        n_names = k->layout->list(k->src, MR_MAX_SETS, k->name);
    k->n = MR_MAX(n_names, (size_t)1);
    MR_TRY(read_sets(k, n_names));
    set *first = choose(k);
    if (first) {
        say_left_out(k, first);
    } else if (k->o->dataset && k->v[0].st == MR_OK) {
        st = MR_RAISE(MR_EINPUT, "input.dataset: %.40s is none of its %zu dataset%s (%.60s%s)",
                      k->o->dataset, k->n, k->n > 1 ? "s" : "", k->v[0].f.path,
                      k->n > 1 ? ", ..." : "");
        goto out;
    }
    MR_TRY(take_sets(k, out));
out:
    for (size_t i = 0; k->v && i < k->n; i++) mr_find_fini(&k->v[i].f);
    for (size_t i = 0; i < n_names; i++) free(k->name[i]);
    free(k->v);
    return st;
}

mr_status mr_probe_file_here(const char *path, const mr_probe_opts *o, bool tables, mr_probed *out)
{
    struct stat sb;
    mr_infile src;
    looking k = {.src = &src, .o = o, .tables = tables};
    memset(out, 0, sizeof *out);
    mr_status st = mr_infile_open(path, &src, &sb);
    if (st == MR_OK) {
        st = look(&k, &sb, out);
        const int failed = mr_infile_failed(&src);
        if (failed && st != MR_EMEM)
            st = MR_RAISE(MR_EINPUT, "cannot be read: %s", strerror(failed));
        mr_infile_close(&src);
    }
    if (st != MR_OK) {
        mr_probed_fini(out);
        if (mr_alloc(1, sizeof *out->rec, "a recording", &out->rec) != MR_OK) return MR_EMEM;
        out->rec[0] = k.file;
        out->n = 1;
        mr_info_refuse(out->rec, "%s", mr_error());
    }
    mr_probed_check(out);
    mr_error_clear();
    return st == MR_EMEM ? MR_EMEM : MR_OK;
}

mr_status mr_probe_here(const char *path, const mr_node *map, mr_file_info *info, mr_chunk **chunks)
{
    mr_probed p;
    const mr_probe_opts o = {.map = map};
    memset(info, 0, sizeof *info);
    if (chunks) *chunks = NULL;
    const mr_status st = mr_probe_file_here(path, &o, chunks != NULL, &p);
    if (p.n) mr_probed_first(&p, info, chunks);
    return st;
}
