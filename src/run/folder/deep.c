/* run/folder/deep.c: see deep.h. Lanes follow each other in time, and so do the inputs they share:
 * the few last ones stay open. Called by `verify --deep`. */
#include "run/folder/deep.h"
#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "out/digests.h"
#include "plan/catalog/catalog.h"
#include "run/folder/deep_report.h"

#define PIECE_BYTES ((size_t)4 << 20)
enum { KEPT = 4 };

/** A dataset of an input that is open. */
typedef struct opened {
    const char *path; /* in the report; NULL: free */
    uint32_t set, n_sets;
    mr_file_info info; /* all its valid rows */
    mr_chunk *chunks;
    mr_raw *raw;
    char why[MR_NOTE_MAX]; /* "" if it can be read */
} opened;

typedef struct deep {
    const char *folder;
    mr_findings found;
    mr_report_inputs inputs;
    mr_prober *prober;
    size_t n_ranges;
    mr_kept left; /* lanes whose inputs are gone */
    opened kept[KEPT];
    size_t next; /* the one to be replaced */
    uint8_t *buf;
} deep;

static void close_input(opened *o)
{
    mr_raw_close(o->raw);
    free(o->chunks);
    *o = (opened){0};
}

/** Facts and chunk table of a dataset, as its first recording says, but of all its rows. */
static mr_status probe(deep *d, const char *path, uint32_t set, opened *o)
{
    mr_status st = MR_OK;
    mr_probed p = {0};
    MR_TRY(mr_probe_file(d->prober, path, true, &p));
    size_t i = 0;
    while (i + 1 < p.n && p.rec[i].set < set) i++;
    o->path = path;
    o->set = set;
    o->n_sets = (uint32_t)MR_MAX(p.n_tables, (size_t)1);
    o->info = p.rec[i];
    if (o->info.state != MR_OK) goto out;
    o->info.nt = o->info.store.nt - o->info.store.row0;
    o->chunks = p.table[set];
    p.table[set] = NULL;
out:
    mr_probed_fini(&p);
    return st;
}

/** A dataset of the input, open if that can be had; *out->why says what is wrong with it
 *  otherwise. */
static mr_status open_input(deep *d, const char *path, uint32_t set, opened **out)
{
    mr_status st = MR_OK;
    for (size_t i = 0; i < KEPT; i++)
        if (d->kept[i].path == path && d->kept[i].set == set) {
            *out = &d->kept[i];
            return MR_OK;
        }
    opened *o = &d->kept[d->next++ % KEPT];
    close_input(o);
    MR_TRY(probe(d, path, set, o));
    if (o->info.state != MR_OK)
        memcpy(o->why, o->info.reason, sizeof o->why); /* of the same size, and it ends */
    else
        st = mr_raw_open(path, &o->info, o->chunks, &o->raw);
    if (st == MR_EINPUT) {
        snprintf(o->why, sizeof o->why, "%.*s", (int)sizeof o->why - 1, mr_error());
        st = MR_OK;
    }
    *out = o;
out:
    return st;
}

/** The digest of a range of an open input. MR_EINPUT when it cannot be read. */
static mr_status digest(const deep *d, const opened *o, const mr_input_line *l, mr_rows_sum *sum)
{
    mr_status st = MR_OK;
    const size_t size = o->info.store.dtype.size;
    const mr_chsel *sel = &l->sel;
    *sum = (mr_rows_sum){0};
    if (l->rows > o->info.nt || l->row > o->info.nt - l->rows || sel->n == 0 || sel->step == 0 ||
        sel->first >= o->info.nc || sel->n - 1 > (o->info.nc - 1 - sel->first) / sel->step)
        return MR_RAISE(MR_EINPUT, "it has fewer samples now");
    const size_t bytes = (size_t)sel->n * size;
    if (bytes > PIECE_BYTES) return MR_RAISE(MR_EINPUT, "its rows are too long");
    const uint64_t step = PIECE_BYTES / bytes;
    for (uint64_t i = 0; i < l->rows; i += step) {
        const uint64_t n = MR_MIN(step, l->rows - i);
        MR_TRY(mr_raw_read(o->raw, l->row + i, n, sel, d->buf, bytes, NULL, NULL));
        mr_rows_add(sum, d->buf, l->row + i, n, bytes, bytes);
    }
out:
    return st;
}

/** One line of a lane: any input of that name that has the samples will do. A lane that is held has
 *  inputs that are gone. */
static mr_status check_line(deep *d, const char *lane, const mr_input_line *l)
{
    mr_status st = MR_OK;
    char why[MR_NOTE_MAX] = "";
    const char *path = NULL;
    if (!l->known) return MR_OK; /* it could not be read then: the report says so */
    uint32_t set = 0, n_sets = 1;
    const mr_strs *in = &d->inputs.paths;
    size_t i = mr_report_inputs_find(&d->inputs, l->name);
    if (i == in->n && mr_report_inputs_held(&d->inputs, lane)) return MR_OK;
    d->n_ranges++;
    for (; i < in->n && strcmp(mr_base_name(in->v[i]), l->name) == 0; i += set == 0) {
        opened *o;
        mr_rows_sum sum;
        path = in->v[i];
        MR_TRY(open_input(d, path, set, &o));
        n_sets = o->n_sets;
        set = set + 1 < n_sets ? set + 1 : 0; /* the next to try */
        st = *o->why ? MR_EINPUT : digest(d, o, l, &sum);
        if (st == MR_OK && sum.lo == l->sum.lo && sum.hi == l->sum.hi) return MR_OK;
        if (st == MR_OK)
            snprintf(why, sizeof why, "its samples are others now");
        else
            snprintf(why, sizeof why, "%.*s", (int)sizeof why - 1, *o->why ? o->why : mr_error());
        if (st != MR_EINPUT && st != MR_OK) goto out;
        st = MR_OK;
    }
    mr_finding(&d->found, "%s: %s (rows %llu to %llu went into %s)", path ? path : l->name,
               path ? why : "is not among the inputs of report.json", (unsigned long long)l->row,
               (unsigned long long)(l->row + l->rows), lane);
out:
    return st;
}

static mr_status check_lane(deep *d, const char *path)
{
    mr_status st = MR_OK;
    mr_text t = {0};
    mr_input_line l;
    mr_lost_line lost;
    mr_lane_self self;
    const char *rel = path + strlen(d->folder) + 1;
    if (mr_kept_find(&d->left, rel)) return MR_OK; /* there is nothing to compare with */
    st = mr_inputs_read(path, &self, &t);
    if (st == MR_EVERIFY) { /* damaged, which the plain check says, or no lane */
        mr_error_clear();
        st = MR_OK;
        goto out;
    }
    MR_TRY(st);
    char *s = t.s;
    while (mr_lost_next(&s, &lost)) continue;
    while (*s && strncmp(s, "seen ", 5) != 0) {
        if (!mr_inputs_next(&s, &l)) {
            mr_finding(&d->found, "%s: what it says of its inputs is damaged", rel);
            break;
        }
        MR_TRY(check_line(d, rel, &l));
    }
out:
    mr_text_fini(&t);
    return st;
}

static int in_order(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

mr_status mr_deep_verify(const char *folder, void (*say)(void *arg, const char *line), void *arg,
                         size_t *n_ranges)
{
    mr_status st = MR_OK;
    deep d = {.folder = folder, .found = {say, arg, false}};
    mr_text lanes = {0}, report = {0};
    FTS *f = NULL;
    MR_TRY(mr_text_add(&report, "%s/report.json", folder));
    MR_TRY(mr_report_inputs_read(report.s, &d.inputs));
    MR_TRY(mr_prober_new(1, d.inputs.cfg->map, &d.prober));
    mr_prober_pick(d.prober, d.inputs.cfg->dataset);
    MR_TRY(mr_kept_read(folder, &d.left));
    MR_TRY(mr_alloc(PIECE_BYTES, 1, "samples", &d.buf));
    MR_TRY(mr_text_add(&lanes, "%s/lanes", folder));
    char *roots[] = {lanes.s, NULL};
    f = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, in_order);
    for (FTSENT *e; f && (e = fts_read(f));) {
        const size_t n = strlen(e->fts_path);
        if (e->fts_info == FTS_F && n > 3 && strcmp(e->fts_path + n - 3, ".h5") == 0)
            MR_TRY(check_lane(&d, e->fts_path));
    }
    *n_ranges = d.n_ranges;
    if (d.found.any) st = MR_RAISE(MR_EVERIFY, "%s: inputs are not what they were", folder);
out:
    if (f) fts_close(f);
    for (size_t i = 0; i < KEPT; i++) close_input(&d.kept[i]);
    mr_kept_fini(&d.left);
    mr_prober_free(d.prober);
    free(d.buf);
    mr_report_inputs_fini(&d.inputs);
    mr_text_fini(&report);
    mr_text_fini(&lanes);
    return st;
}
