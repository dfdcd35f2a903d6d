/* run/survey/survey.c: every file is a piece of work that the ranks' I/O threads share out: known
 * from the last survey, or looked at by a worker. What was found is gathered and becomes the
 * catalogue, one a node. */
#include "run/survey/survey.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "par/map.h"
#include "par/thread.h"
#include "report/report.h"
#include "run/told/stop.h"
#include "run/survey/survey_file.h"

#define LAST UINT32_MAX /* origin of what the last survey knew */

/** What became of one recording: goes from whoever looked to all ranks, its note behind it; those
 *  of a file one behind the other. */
typedef struct finding {
    mr_row row;      /* form: a number in its origin's list */
    uint32_t origin; /* the rank that looked, or LAST */
    uint16_t note_bytes;
    uint8_t changed, probed;
} finding;

/** One rank's part. */
typedef struct look {
    const mr_strs *files;
    mr_last last;
    mr_prober *prober;
    uint32_t rank;
    uint64_t generation;
    char *tables_base;     /* NULL: chunk tables are not kept */
    mr_progress *progress; /* NULL: of another rank */
    uint64_t seen, ranks;  /* by this rank; the calling thread's */
    mr_mutex *gate;        /* guards what follows */
    mr_forms forms;
    mr_tables *tables;
} look;

/* --- one file -------------------------------------------------------------------------------- */

/** Is the file the one that the last survey used? Refused ones get another look: what was wrong may
 *  have been put right without a trace in size, time or inode. */
static bool unchanged(const mr_last *l, size_t at, const char *path, finding *f)
{
    struct stat sb;
    const mr_row *r = &l->cat->rows[at];
    if (stat(path, &sb) != 0) return false;
    const int64_t mtime = (int64_t)sb.st_mtim.tv_sec * 1000000000 + sb.st_mtim.tv_nsec;
    const bool same = r->size == sb.st_size && r->mtime_ns == mtime && r->inode == sb.st_ino;
    size_t first, n = mr_catalog_further(l->cat, at, &first);
    bool refused = r->form == MR_REFUSED;
    while (n-- > 0) refused |= r[first + n - at].form == MR_REFUSED;
    f->changed = !same;
    return same && !refused;
}

static mr_status add_finding(mr_text *out, finding *f, const char *note)
{
    mr_status st = MR_OK;
    f->note_bytes = (uint16_t)(note && *note ? strlen(note) + 1 : 0);
    MR_TRY(mr_text_add_bytes(out, f, sizeof *f));
    if (f->note_bytes) MR_TRY(mr_text_add_bytes(out, note, f->note_bytes));
out:
    return st;
}

/** Where the chunk table of each dataset went: *where[n_tables]. The gate is ours. */
static mr_status keep_tables(look *l, const mr_probed *p, uint64_t *where)
{
    mr_status st = MR_OK;
    const uint64_t end = l->rank < l->last.n_ends ? l->last.ends[l->rank] : 0;
    for (size_t i = 0, next = 0; i < p->n; i++) { /* recordings are in order of datasets */
        const mr_file_info *r = &p->rec[i];
        if (r->state != MR_OK || r->set < next || !p->table[r->set]) continue;
        next = r->set + 1u;
        if (!l->tables) MR_TRY(mr_tables_open(l->tables_base, l->rank, end, &l->tables));
        MR_TRY(mr_tables_add(l->tables, p->table[r->set], r->store.n_chunks, &where[r->set]));
    }
out:
    return st;
}

/** Facts, chunk tables and findings of a file that was looked at. */
static mr_status enter(look *l, const mr_probed *p, bool changed, mr_text *out)
{
    mr_status st = MR_OK;
    uint64_t where[MR_MAX_SETS] = {0};
    finding f;
    mr_mutex_lock(l->gate);
    if (l->tables_base) MR_TRY(keep_tables(l, p, where));
    for (size_t i = 0; i < p->n; i++) {
        const mr_file_info *r = &p->rec[i];
        const char *note;
        memset(&f, 0, sizeof f);
        f.probed = i == 0;
        f.changed = changed;
        f.origin = l->rank;
        if (mr_row_of(r, where[r->set % MR_MAX_SETS], &f.row, &note))
            MR_TRY(mr_forms_add(&l->forms, r, &f.row.form));
        MR_TRY(add_finding(out, &f, note));
    }
out:
    mr_mutex_unlock(l->gate);
    return st;
}

/** What the last survey knew of file `at`. */
static mr_status recalled(const mr_catalog *last, size_t at, finding *f, mr_text *out)
{
    mr_status st = MR_OK;
    size_t first, n = mr_catalog_further(last, at, &first);
    f->origin = LAST;
    f->row = last->rows[at];
    MR_TRY(add_finding(out, f, mr_catalog_note(last, at)));
    for (size_t k = first; k < first + n; k++) {
        f->row = last->rows[k];
        MR_TRY(add_finding(out, f, mr_catalog_note(last, k)));
    }
out:
    return st;
}

static mr_status look_at(void *arg, uint64_t i, mr_text *out)
{
    mr_status st = MR_OK;
    look *l = arg;
    mr_probed p = {0};
    struct stat sb;
    const char *path = l->files->v[i];
    finding f;
    memset(&f, 0, sizeof f);
    const size_t at = mr_last_find(&l->last, path, (size_t)i);
    if (at != SIZE_MAX && unchanged(&l->last, at, path, &f)) {
        MR_TRY(recalled(l->last.cat, at, &f, out));
    } else if (stat(path, &sb) == 0 && S_ISDIR(sb.st_mode)) { /* others are listed, not named */
        f.probed = 1;
        f.origin = l->rank;
        f.row.form = MR_REFUSED;
        MR_TRY(add_finding(out, &f, "a folder that cannot be listed"));
    } else {
        MR_TRY(mr_probe_file(l->prober, path, true, &p));
        MR_TRY(enter(l, &p, f.changed, out));
    }
out:
    mr_probed_fini(&p);
    return st;
}

static mr_status may_go_on(void *arg, uint64_t i, const char *bytes, size_t n)
{
    look *l = arg;
    (void)i, (void)bytes, (void)n;
    l->seen++;
    if (l->progress) /* others are about as fast; asking them would cost more than it tells */
        mr_progress_survey(l->progress, MR_MIN(l->seen * l->ranks, (uint64_t)l->files->n),
                           l->files->n);
    return mr_stop_wanted() ? MR_RAISE(MR_STOPPED, "stopped while looking at the files") : MR_OK;
}

/* --- all files ------------------------------------------------------------------------------- */

/** What every rank tells beside its findings: where its chunk tables end, and the facts it met. */
static mr_status gather_forms(mr_comm *c, const look *l, void **all, size_t **offs)
{
    mr_status st = MR_OK;
    mr_text mine = {0};
    const uint64_t end = l->tables ? mr_tables_end(l->tables) : 0;
    st = mr_text_add_bytes(&mine, &end, sizeof end);
    if (st == MR_OK) st = mr_text_add_bytes(&mine, l->forms.v, l->forms.n * sizeof *l->forms.v);
    st = mr_agree(c, st);
    if (st == MR_OK) st = mr_allgather(c, mine.s, mine.len, all, offs);
    mr_text_fini(&mine);
    return st;
}

/** Facts by origin and number there, with their numbers in the catalogue. */
typedef struct origins {
    const mr_file_info **facts; /* [n + 1], the last survey's behind the ranks' */
    uint32_t **number;          /* UINT32_MAX: not entered yet */
    size_t n;
} origins;

static mr_status origins_add(origins *o, const void *facts, size_t n)
{
    mr_status st = MR_OK;
    MR_TRY(mr_alloc(n, sizeof(uint32_t), "the survey", &o->number[o->n]));
    memset(o->number[o->n], 0xff, n * sizeof(uint32_t));
    o->facts[o->n++] = facts;
out:
    return st;
}

static void origins_fini(origins *o)
{
    for (size_t k = 0; k < o->n; k++) free(o->number[k]);
    free(o->number);
    free(o->facts);
}

static mr_status origins_init(const look *l, const char *forms, const size_t *offs, size_t size,
                              origins *o)
{
    mr_status st = MR_OK;
    MR_TRY(mr_alloc(size + 1, sizeof *o->facts, "the survey", &o->facts));
    MR_TRY(mr_alloc(size + 1, sizeof *o->number, "the survey", &o->number));
    for (size_t r = 0; r < size; r++) {
        const size_t from = offs[r] + sizeof(uint64_t);
        MR_TRY(origins_add(o, forms + from, (offs[r + 1] - from) / sizeof(mr_file_info)));
    }
    const mr_catalog *last = l->last.cat;
    MR_TRY(origins_add(o, last ? last->facts : NULL, last ? last->n_forms : 0));
out:
    return st;
}

/** The finding at *at, which moves behind it. */
static finding next_finding(const mr_mapped *m, size_t *at, const char **note)
{
    finding f;
    memcpy(&f, m->bytes + *at, sizeof f);
    *note = f.note_bytes ? m->bytes + *at + sizeof f : "";
    *at += sizeof f + f.note_bytes;
    return f;
}

/** Everybody's findings, in the order of files. */
static mr_status build(const mr_config *cfg, const look *l, const mr_mapped *m, origins *o,
                       mr_catalog **out)
{
    mr_status st = MR_OK;
    mr_catalog *c = NULL;
    MR_TRY(mr_catalog_new(l->files, &c));
    c->join_by = mr_config_joins(cfg);
    for (size_t i = 0; i < c->n_files; i++)
        for (size_t at = m->offs[i]; at < m->offs[i + 1];) {
            const char *note;
            const bool further = at > m->offs[i];
            finding f = next_finding(m, &at, &note);
            const size_t from = f.origin == LAST ? o->n - 1 : f.origin;
            if (f.row.form != MR_REFUSED) {
                uint32_t *number = &o->number[from][f.row.form];
                if (*number == UINT32_MAX)
                    MR_TRY(mr_catalog_form(c, &o->facts[from][f.row.form], number));
                f.row.form = *number;
            }
            MR_TRY(further ? mr_catalog_more(c, i, &f.row, note)
                           : mr_catalog_put(c, i, &f.row, note));
        }
    MR_TRY(mr_catalog_settle(c));
    *out = c;
    c = NULL;
out:
    mr_catalog_free(c);
    return st;
}

/** Collective: a number that the first rank of the node knows, to its other ranks. */
static mr_status tell_node(mr_comm *c, size_t *n)
{
    mr_status st = MR_OK;
    mr_shared *s = NULL;
    MR_TRY(mr_shared_new(c, sizeof *n, &s));
    size_t *at = mr_shared_data(s);
    if (mr_comm_node_rank(c) == 0) *at = *n;
    mr_shared_ready(c, s);
    *n = *at;
    mr_shared_free(c, s);
out:
    return st;
}

/** Collective: the first rank of each node builds the catalogue in memory that all of it share. */
static mr_status share_out(mr_comm *c, const mr_config *cfg, const look *l, mr_mapped *m,
                           mr_survey *out)
{
    mr_status st = MR_OK;
    const size_t size = (size_t)mr_comm_size(c), n_ends = MR_MAX(size, l->last.n_ends);
    const bool builds = mr_comm_node_rank(c) == 0;
    mr_catalog *cat = NULL;
    uint64_t *ends = NULL;
    origins o = {0};
    void *forms = NULL;
    size_t *offs = NULL;
    MR_TRY(gather_forms(c, l, &forms, &offs));
    st = mr_alloc(n_ends, sizeof *ends, "the survey", &ends);
    for (size_t r = 0; st == MR_OK && r < n_ends; r++) {
        if (r < l->last.n_ends) ends[r] = l->last.ends[r];
        if (r < size)
            ends[r] = MR_MAX(ends[r], *(const uint64_t *)(const void *)((char *)forms + offs[r]));
    }
    if (st == MR_OK && builds) st = origins_init(l, forms, offs, size, &o);
    if (st == MR_OK && builds) st = build(cfg, l, m, &o, &cat);
    MR_TRY(mr_agree(c, st));
    mr_mapped_fini(m);
    if (builds) out->image_bytes = mr_survey_image_bytes(cat, n_ends);
    MR_TRY(tell_node(c, &out->image_bytes));
    MR_TRY(mr_shared_new(c, out->image_bytes, &out->image));
    if (builds)
        st = mr_survey_image(cfg, cat, l->generation, ends, n_ends, mr_shared_data(out->image));
    mr_shared_ready(c, out->image);
    if (st == MR_OK)
        st = mr_survey_image_catalog(mr_shared_data(out->image), out->image_bytes, &out->cat);
    st = mr_agree(c, st);
out:
    mr_catalog_free(cat);
    origins_fini(&o);
    free(ends);
    free(forms);
    free(offs);
    return st;
}

/** Collective: the last survey, if all ranks see the same one. */
static mr_status recall(mr_comm *c, const mr_config *cfg, const char *folder, mr_last *l)
{
    void *all = NULL;
    size_t *offs = NULL;
    char *path = NULL;
    mr_status st = mr_survey_path(folder, &path);
    if (st == MR_OK) st = mr_last_open(path, cfg, l);
    MR_TRY(mr_agree(c, st));
    MR_TRY(mr_allgather(c, &l->digest, sizeof l->digest, &all, &offs));
    for (int r = 1; r < mr_comm_size(c); r++)
        if (memcmp(all, (const mr_digest *)all + r, sizeof l->digest) != 0) {
            mr_last_fini(l);
            break;
        }
out:
    free(path);
    free(all);
    free(offs);
    return st;
}

/** Collective: where chunk tables go: behind those of the last survey, or to new files, since the
 *  run may yet be refused and leave the folder as it was. */
static mr_status choose_tables(mr_comm *c, const char *folder, look *l)
{
    mr_status st = MR_OK;
    void *data = NULL;
    size_t n = sizeof l->generation;
    l->generation = l->last.generation;
    if (l->last.cat) return mr_survey_chunks(folder, l->generation, &l->tables_base);
    if (mr_comm_rank(c) == 0) {
        l->generation = mr_survey_generation(folder);
        st = mr_alloc(n, 1, "the survey", &data);
        if (st == MR_OK) memcpy(data, &l->generation, n);
    }
    MR_TRY(mr_agree(c, st));
    MR_TRY(mr_bcast(c, &data, &n));
    memcpy(&l->generation, data, sizeof l->generation);
    MR_TRY(mr_survey_chunks(folder, l->generation, &l->tables_base));
out:
    free(data);
    return st;
}

static mr_status prepare(const mr_config *cfg, look *l)
{
    mr_status st = MR_OK;
    MR_TRY(mr_mutex_new("survey", &l->gate));
    MR_TRY(mr_prober_new(cfg->io_threads, cfg->map, &l->prober));
    mr_prober_pick(l->prober, cfg->dataset);
out:
    return st;
}

static mr_status take_counts(const mr_mapped *m, const look *l, mr_survey *out)
{
    mr_status st = MR_OK;
    MR_TRY(mr_alloc(l->files->n, 1, "the survey", &out->changed));
    MR_TRY(mr_alloc(l->files->n, 1, "the survey", &out->probed));
    for (size_t i = 0; i < l->files->n; i++) {
        finding f;
        memcpy(&f, m->bytes + m->offs[i], sizeof f);
        out->changed[i] = f.changed;
        out->probed[i] = f.probed;
        out->n_probed += f.probed;
    }
    out->news = out->n_probed > 0 || !l->last.cat || l->last.cat->n_files != l->files->n;
out:
    return st;
}

mr_status mr_survey_files(mr_comm *c, const mr_config *cfg, const mr_strs *files,
                          const char *folder, mr_survey_use use, mr_survey *out)
{
    mr_status st = MR_OK;
    mr_mapped found = {0};
    look l = {.files = files,
              .rank = (uint32_t)mr_comm_rank(c),
              .ranks = (uint64_t)mr_comm_size(c),
              .progress = out->progress};
    out->comm = c;
    MR_TRY(recall(c, cfg, folder, &l.last));
    if (use == MR_SURVEY_KEEP) st = choose_tables(c, folder, &l);
    if (st == MR_OK) st = prepare(cfg, &l);
    MR_TRY(mr_agree(c, st));
    MR_TRY(mr_map_ranks(c, files->n, cfg->io_threads, look_at, may_go_on, &l, &found));
    out->worker_bytes = mr_prober_peak_bytes(l.prober);
    MR_TRY(mr_agree(c, take_counts(&found, &l, out)));
    MR_TRY(share_out(c, cfg, &l, &found, out));
    if (use == MR_SURVEY_KEEP) {
        out->cat->tables = l.tables_base;
        out->tables = l.tables;
        out->generation = l.generation;
        out->fresh = !l.last.cat;
        l.tables_base = NULL;
        l.tables = NULL;
    }
out:
    mr_mapped_fini(&found);
    mr_prober_free(l.prober);
    mr_mutex_free(l.gate);
    mr_forms_fini(&l.forms);
    if (l.last.cat)
        mr_tables_close(l.tables);
    else
        mr_tables_drop(l.tables);
    mr_last_fini(&l.last);
    free(l.tables_base);
    return st;
}

mr_status mr_survey_save(mr_survey *s, const char *folder)
{
    mr_status st = MR_OK;
    char *path = NULL;
    if (s->tables) st = mr_tables_sync(s->tables);
    MR_TRY(mr_agree(s->comm, st));
    s->fresh = false; /* the survey file may speak of them from here on, however the writing ends */
    if (s->news && mr_comm_rank(s->comm) == 0) {
        MR_TRY(mr_survey_path(folder, &path));
        MR_TRY(mr_write_durably(path, mr_shared_data(s->image), s->image_bytes));
        mr_survey_clear(folder, s->generation);
    }
out:
    free(path);
    st = mr_agree(s->comm, st);
    if (st == MR_OK) {
        mr_tables_close(s->tables);
        s->tables = NULL;
    }
    return st;
}

void mr_survey_fini(mr_survey *s)
{
    mr_catalog_free(s->cat);
    if (s->fresh) /* not saved: nothing speaks of them */
        mr_tables_drop(s->tables);
    else
        mr_tables_close(s->tables);
    if (s->image) mr_shared_free(s->comm, s->image);
    free(s->changed);
    free(s->probed);
    *s = (mr_survey){0};
}
