/* cli/inspect/inspect.c: `millrace inspect PATH...`: what is in recorder files and how they lie in
 * time. One process; the files are looked at by several threads through workers. */
#include "cli/inspect/inspect.h"
#include "cli/cli.h"
#include "cli/common/opts.h"
#include "cli/inspect/show.h"
#include "out/product/product.h"
#include "par/thread.h"
#include "plan/config/config.h"
#include "base/quantity.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { O_DETAILS, O_JSON, O_CONFIG, O_THREADS, MAX_THREADS = 64 };
static const mr_opt table[] = {
    [O_DETAILS] = {"verbose", NULL, NULL, "all that is known of each file (also -v)"},
    [O_JSON] = {"json", NULL, NULL, "one JSON object instead of text"},
    [O_CONFIG] = {"config", "FILE", NULL, "with its input.map; without PATH: its input.files"},
    [O_THREADS] = {"io-threads", "N", "4", "files that are looked at at once"},
    {0}};

/* --- which files ----------------------------------------------------------------------------- */

static mr_status inside(const char *folder, const char *name, bool *there, mr_text *path)
{
    struct stat sb;
    path->len = 0;
    mr_status st = mr_text_add(path, "%s/%s", folder, name);
    *there = st == MR_OK && stat(path->s, &sb) == 0 && S_ISDIR(sb.st_mode);
    return st;
}

/** All files below a folder; of an output folder its lanes. */
static mr_status add_folder(const char *folder, mr_strs *out)
{
    mr_status st = MR_OK;
    bool ours = false, lanes = false;
    mr_text path = {0};
    mr_strs found = {0};
    mr_node node = {.kind = MR_NODE_SCALAR};
    mr_config all = {.files = &node, .folder = (char[]){"/dev/null/none"}};
    MR_TRY(inside(folder, ".millrace", &ours, &path));
    MR_TRY(inside(folder, "lanes", &lanes, &path));
    MR_TRY(mr_strs_add(&all.patterns, ours && lanes ? path.s : folder));
    st = mr_config_files(&all, &found);
    if (st == MR_EINPUT) {
        mr_log(MR_WARN, "%s: there is no file in it", folder);
        mr_error_clear();
        st = MR_OK;
    }
    for (size_t i = 0; st == MR_OK && i < found.n; i++) st = mr_strs_add(out, found.v[i]);
out:
    mr_strs_fini(&found);
    mr_strs_fini(&all.patterns);
    mr_text_fini(&path);
    return st;
}

static mr_status list(const mr_opts *o, const mr_config *cfg, mr_strs *out)
{
    mr_status st = MR_OK;
    struct stat sb;
    if (o->n_args == 0 && cfg) return mr_config_files(cfg, out);
    for (int i = 0; i < o->n_args; i++)
        if (stat(o->arg[i], &sb) == 0 && S_ISDIR(sb.st_mode))
            MR_TRY(add_folder(o->arg[i], out));
        else
            MR_TRY(mr_strs_add(out, o->arg[i]));
    if (!out->n) st = MR_RAISE(MR_EINPUT, "there is nothing to look at");
out:
    return st;
}

/* --- looking --------------------------------------------------------------------------------- */

/** A file to look at. */
typedef struct look {
    mr_prober *prober;
    const char *path;
    mr_probed *out;
} look;

static mr_status look_at(void *arg, MR_UNUSED mr_future *self)
{
    const look *l = arg;
    mr_probed_fini(l->out);
    return mr_probe_file(l->prober, l->path, false, l->out);
}

/** Each thread has a file in hand; the next one goes to whoever is done first. */
static mr_status look_all(mr_found *f, const mr_config *cfg, int threads)
{
    mr_status st = MR_OK;
    mr_prober *prober = NULL;
    mr_crew *crew = NULL;
    mr_future *task[MAX_THREADS] = {0};
    look hand[MAX_THREADS];
    bool seen[MAX_THREADS] = {0};
    const size_t n = MR_MIN((size_t)threads, f->paths.n);
    MR_TRY(mr_prober_new((int)n, cfg ? cfg->map : NULL, &prober));
    mr_prober_pick(prober, cfg ? cfg->dataset : NULL);
    MR_TRY(mr_crew_new("inspect", (int)n, &crew));
    for (size_t i = 0, next = 0; st == MR_OK; next++) {
        if (next >= n) {
            st = mr_as_completed(task, n, seen, -1, &i);
            if (st == MR_OK) st = mr_future_wait(task[i], -1);
        } else {
            i = next;
        }
        if (st != MR_OK || next >= f->paths.n) continue;
        mr_future_free(task[i]);
        task[i] = NULL;
        seen[i] = false;
        hand[i] = (look){prober, f->paths.v[next], &f->file[next]};
        MR_TRY(mr_crew_submit(crew, look_at, &hand[i], &task[i]));
    }
    if (st == MR_ECLOSED) st = MR_OK; /* all are seen */
out:
    if (crew) mr_crew_free(crew, true);
    for (size_t i = 0; i < n; i++) mr_future_free(task[i]);
    mr_prober_free(prober);
    return st;
}

/* --- products -------------------------------------------------------------------------------- */

/** "psd, 6 x 513 frequency x 400 channels, ..." */
static mr_status product_text(const mr_product *p, char **out)
{
    mr_status st = MR_OK;
    char t0[40], t1[40];
    mr_text t = {0};
    MR_TRY(mr_text_add(&t, "%s, ", p->quantity));
    if (!p->result) MR_TRY(mr_text_add(&t, "%zu x ", p->rows));
    for (size_t i = 0; i < p->n_axes; i++)
        MR_TRY(mr_text_add(&t, "%zu %s x ", p->axis[i].n, p->axis[i].name));
    MR_TRY(mr_text_add(&t, "%zu channels, ", p->nc));
    if (strcmp(p->unit, "1") != 0) MR_TRY(mr_text_add(&t, "%s, ", p->unit));
    for (size_t i = 0; i < p->n_axes; i++) {
        const mr_product_axis *a = &p->axis[i];
        for (size_t k = 0; a->label && k < a->n; k++)
            MR_TRY(mr_text_add(&t, "%s%s", a->label[k], k + 1 < a->n ? " " : ", "));
        if (a->v && a->n)
            MR_TRY(mr_text_add(&t, "%s %.6g..%.6g%s%s, ", a->name, a->v[0], a->v[a->n - 1],
                               strcmp(a->unit, "1") == 0 ? "" : " ",
                               strcmp(a->unit, "1") == 0 ? "" : a->unit));
    }
    mr_show_time(p->t0_ns, t0);
    mr_show_time(p->t1_ns, t1);
    if (p->rows == 1 && !p->result)
        MR_TRY(mr_text_add(&t, "row of %s", t0));
    else
        MR_TRY(mr_text_add(&t, "%s %s .. %s", p->result ? "mean of" : "rows of", t0, t1));
    *out = t.s;
    t = (mr_text){0};
out:
    mr_text_fini(&t);
    return st;
}

/** Files that are no recordings, but products of ours. */
static mr_status name_products(mr_found *f)
{
    mr_status st = MR_OK;
    MR_TRY(mr_alloc(f->paths.n, sizeof *f->product, "the files", &f->product));
    for (size_t i = 0; i < f->paths.n; i++) {
        mr_product *p = NULL;
        mr_file_info *info = f->file[i].rec;
        if (f->file[i].n > 1 || info->state == MR_OK || !mr_is_output(f->paths.v[i])) continue;
        st = mr_product_open(f->paths.v[i], &p);
        if (st == MR_OK) st = product_text(p, &f->product[i]);
        if (st == MR_EVERIFY) /* ours, but damaged: that is the better reason */
            snprintf(info->reason, sizeof info->reason, "%.*s", MR_NOTE_MAX - 1, mr_error());
        mr_product_close(p);
        if (st == MR_EVERIFY || st == MR_EINPUT) {
            mr_error_clear();
            st = MR_OK;
        }
        MR_TRY(st);
        f->n_products += f->product[i] != NULL;
    }
out:
    return st;
}

static mr_status arrange(mr_found *f, double join)
{
    mr_status st = MR_OK;
    MR_TRY(mr_catalog_new(&f->paths, &f->cat));
    for (size_t i = 0; i < f->paths.n; i++) {
        MR_TRY(mr_catalog_set_all(f->cat, i, &f->file[i]));
        f->n_refused += mr_found_main(&f->file[i])->state != MR_OK && !f->product[i];
    }
    MR_TRY(mr_spans_build(f->cat, join, NULL, &f->spans));
out:
    return st;
}

static void found_fini(mr_found *f)
{
    mr_spans_fini(&f->spans);
    mr_catalog_free(f->cat);
    for (size_t i = 0; f->product && i < f->paths.n; i++) free(f->product[i]);
    free(f->product);
    for (size_t i = 0; f->file && i < f->paths.n; i++) mr_probed_fini(&f->file[i]);
    free(f->file);
    mr_strs_fini(&f->paths);
}

static mr_status verdict(const mr_found *f)
{
    if (f->n_refused == f->paths.n)
        return MR_RAISE(MR_EINPUT, "none of %zu files can be used", f->n_refused);
    return f->n_refused ? MR_LOSSES : MR_OK;
}

int mr_cli_inspect(int argc, char **argv)
{
    mr_status st = MR_OK;
    mr_opts o;
    mr_found f = {0};
    mr_config *cfg = NULL;
    int64_t threads = 0;
    MR_TRY(mr_opts_parse(table, argc, argv, 0, argc, &o));
    if (o.help) {
        mr_opts_help("inspect PATH... [options]\n\nSay what recorder files hold: files, or folders "
                     "with all below them.\nStatus: 0 all can be used, 10 some are refused, 3 all "
                     "are.\n",
                     table);
        return MR_OK;
    }
    if (!o.n_args && !o.val[O_CONFIG])
        MR_TRY(MR_RAISE(MR_ECONFIG, "inspect: which files? see millrace help inspect"));
    MR_TRY(mr_int_parse(o.val[O_THREADS], &threads));
    if (threads < 1 || threads > MAX_THREADS)
        MR_TRY(MR_RAISE(MR_ECONFIG, "--io-threads %s is outside 1..%d", o.val[O_THREADS],
                        MAX_THREADS));
    if (o.val[O_CONFIG]) MR_TRY(mr_config_load(o.val[O_CONFIG], NULL, 0, &cfg));
    MR_TRY(list(&o, cfg, &f.paths));
    MR_TRY(mr_alloc(f.paths.n, sizeof *f.file, "the files", &f.file));
    MR_TRY(look_all(&f, cfg, (int)threads));
    MR_TRY(name_products(&f));
    MR_TRY(arrange(&f, cfg ? cfg->join : MR_JOIN));
    MR_TRY(o.val[O_JSON] ? mr_found_json(&f) : mr_found_print(&f, o.val[O_DETAILS] != NULL));
    st = verdict(&f);
out:
    found_fini(&f);
    mr_config_free(cfg);
    return (int)st;
}
