/* out/verify.c: is an output folder what the run left? Every file's checksum, every name, and that
 * none is missing, swapped or added. Uses no libhdf5, so damage can do no harm here. */
#include "base/utc.h"
#include "out/index.h"
#include "out/out.h"
#include "out/product/kinds.h"
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_INDEX_BYTES ((size_t)1 << 30)
#define MAX_DEPTH 8
#define REPORT "report.json"

typedef struct place {
    dev_t dev;
    ino_t ino;
} place;

typedef struct check {
    const char *folder;
    mr_findings found;
    bool have_index; /* index.csv could be read */
    mr_index index;
    mr_digest index_sum; /* of its text */
    mr_digest plan;      /* "" until the first good trailer says */
    mr_kept kept;        /* lanes whose inputs are gone */
    bool *kept_seen;     /* [kept.n] */
    bool running;        /* a run works on the folder now */
    place *seen;         /* folders under lanes/ that were gone through: links may lead back */
    size_t n_seen, cap_seen;
    mr_verified out;
} check;

/** Something that is to be known and is no damage. */
static void note(check *k, const char *rel, const char *what)
{
    const bool any = k->found.any;
    mr_finding(&k->found, "%s: %s", rel, what);
    k->found.any = any;
}

/** In a finished folder nothing is left over; the next run removes it. */
static void check_part(check *k, const char *rel)
{
    static const char what[] = "left over from a run that was ended; the next run removes it";
    if (k->running) return;
    if (k->out.unfinished)
        note(k, rel, what);
    else
        mr_finding(&k->found, "%s: %s", rel, what);
}

static void bad_line(void *arg, int line)
{
    check *k = arg;
    mr_finding(&k->found, "%s:%d: damaged line", MR_INDEX_NAME, line);
}

/** Read index.csv. MR_OK also when it is missing or damaged, which are findings. */
static mr_status check_index(check *k)
{
    mr_status st = MR_OK;
    char *path = NULL;
    mr_text text = {0};
    struct stat sb;
    MR_TRY(mr_out_join(k->folder, MR_INDEX_NAME, &path));
    if (k->out.unfinished) goto out; /* what there is may be of an earlier run */
    if (lstat(path, &sb) != 0) {
        mr_finding(&k->found, "%s: missing", MR_INDEX_NAME);
        goto out;
    }
    st = mr_read_text(path, MAX_INDEX_BYTES, &text);
    if (st == MR_EMEM) goto out;
    if (st != MR_OK) {
        mr_finding(&k->found, "%s: cannot be read", MR_INDEX_NAME);
        st = MR_OK;
        goto out;
    }
    k->have_index = true;
    k->index_sum = mr_digest_of(text.s, text.len);
    MR_TRY(mr_index_parse(&text, &k->index, bad_line, k));
    for (size_t i = 1; i < k->index.n; i++)
        if (strcmp(k->index.v[i].file, k->index.v[i - 1].file) == 0)
            mr_finding(&k->found, "%s: lists %s twice", MR_INDEX_NAME, k->index.v[i].file);
out:
    mr_text_fini(&text);
    free(path);
    return st;
}

/** Name of a lane file against the row of the index: start and channels, then a number where other
 *  lanes would have the same name. */
static bool name_fits(const mr_index_row *row)
{
    char compact[40], want[128];
    const char *base = strrchr(row->file, '/');
    mr_utc_compact(row->t0_ns, compact);
    snprintf(want, sizeof want, "%s_c%05lld-%05lld", compact, (long long)row->c0,
             (long long)row->c1);
    if (!base || strncmp(base + 1, want, strlen(want)) != 0) return false;
    const char *rest = base + 1 + strlen(want);
    if (*rest == '_') rest += 1 + strspn(rest + 1, "0123456789");
    return strcmp(rest, ".h5") == 0;
}

/** A name that a lane may have, whatever the index says. */
static bool lane_name(const char *rel)
{
    const char *base = strrchr(rel, '/');
    return fnmatch(
               "[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]T[0-9][0-9][0-9][0-9][0-9][0-9].*Z_c*.h5",
               base ? base + 1 : rel, 0) == 0;
}

/** Has the run that is at work taken it away since it was listed? A lane that was published lost
 *  its .part, one that is made anew its old file. */
static bool is_taken(const check *k, const char *path)
{
    struct stat sb;
    return k->running && lstat(path, &sb) != 0 && errno == ENOENT;
}

/** One file under lanes/, rel like "lanes/DAY/NAME". */
static mr_status check_lane(check *k, const char *rel)
{
    mr_status st = MR_OK;
    char *path = NULL;
    mr_trailer t;
    mr_index_row *row = mr_index_find(&k->index, rel);
    if (row) row->seen = true;
    if (fnmatch("*.part", rel, 0) == 0) {
        check_part(k, rel);
        return MR_OK;
    }
    const mr_kept_lane *kept = row ? NULL : mr_kept_find(&k->kept, rel);
    if (kept) k->kept_seen[kept - k->kept.v] = true;
    MR_TRY(mr_out_join(k->folder, rel, &path));
    st = mr_trailer_read(path, true, &t);
    if (st == MR_EVERIFY && is_taken(k, path)) {
        mr_error_clear();
        st = MR_OK;
        goto out;
    }
    if (st == MR_EVERIFY && !row && !kept && !lane_name(rel)) {
        note(k, rel, "not of a run; left alone");
        mr_error_clear();
        k->out.n_foreign++;
        st = MR_OK;
        goto out;
    }
    if (k->have_index && !row && !kept) mr_finding(&k->found, "%s: not in %s", rel, MR_INDEX_NAME);
    k->out.n_files++;
    if (st == MR_EVERIFY) {
        mr_finding(&k->found, "%s", mr_error());
        mr_error_clear();
        st = MR_OK;
        goto out;
    }
    if (st != MR_OK) goto out;
    if (!k->plan.hex[0]) k->plan = t.plan;
    if (!mr_digest_same(&k->plan, &t.plan))
        mr_finding(&k->found, "%s: is the output of another plan", rel);
    if (row && strcmp(row->checksum, t.content.hex) != 0)
        mr_finding(&k->found, "%s: is not the file that %s lists (checksum %s, listed %s)", rel,
                   MR_INDEX_NAME, t.content.hex, row->checksum);
    if (kept && strcmp(kept->checksum.hex, t.content.hex) != 0)
        mr_finding(&k->found, "%s: is not the lane that was kept (checksum %s, listed %s)", rel,
                   t.content.hex, kept->checksum.hex);
    k->out.n_kept += kept != NULL;
    if (row && !name_fits(row))
        mr_finding(&k->found, "%s: its name and its line in %s do not agree", rel, MR_INDEX_NAME);
out:
    free(path);
    return st;
}

static mr_status check_master(check *k)
{
    mr_status st = MR_OK;
    char *path = NULL;
    const char *name = NULL;
    mr_trailer t;
    struct stat sb;
    if (k->out.unfinished) return MR_OK;
    for (size_t i = 0; i < MR_PRODUCT_KINDS && !name; i++) { /* one of them was made */
        free(path);
        path = NULL;
        MR_TRY(mr_out_join(k->folder, mr_products[i].merged[0], &path));
        if (lstat(path, &sb) == 0) name = mr_products[i].merged[0];
    }
    if (!name) {
        mr_finding(&k->found, "%s: missing", MR_MASTER_NAME);
        goto out;
    }
    k->out.n_files++;
    st = mr_trailer_read(path, true, &t);
    if (st == MR_EVERIFY) {
        mr_finding(&k->found, "%s", mr_error());
        mr_error_clear();
        st = MR_OK;
    } else if (st == MR_OK) {
        k->plan = t.plan;
        if (k->have_index && !mr_digest_same(&t.lane, &k->index_sum))
            mr_finding(&k->found, "%s: is not the one that %s was made with", MR_INDEX_NAME, name);
    }
out:
    free(path);
    return st;
}

/** The line of a plan.sum text that ends in "  name", or NULL; *n its length with the newline. */
static const char *sum_line(const mr_text *t, const char *name, size_t *n)
{
    char end[64];
    snprintf(end, sizeof end, "  %s\n", name);
    const char *p = t->len ? strstr(t->s, end) : NULL;
    if (!p || p - t->s < 32) return NULL;
    *n = 32 + strlen(end);
    return p - 32;
}

/** The files of the plan against plan.sum; an unfinished run has none yet. */
static mr_status check_plan(check *k)
{
    mr_status st = MR_OK;
    char *path = NULL;
    mr_text have = {0}, listed = {0};
    struct stat sb;
    bool named = false;
    if (k->out.unfinished) return MR_OK;
    MR_TRY(mr_out_join(k->folder, MR_PLAN_SUM_NAME, &path));
    MR_TRY(mr_plan_sums(k->folder, &have));
    if (stat(path, &sb) != 0) {
        if (have.len > 0 && k->have_index) mr_finding(&k->found, "%s: missing", MR_PLAN_SUM_NAME);
        goto out;
    }
    MR_TRY(mr_read_text(path, 4096, &listed));
    for (size_t i = 0; mr_plan_files[i]; i++) {
        size_t n = 0, m = 0;
        const char *now = sum_line(&have, mr_plan_files[i], &n);
        const char *then = sum_line(&listed, mr_plan_files[i], &m);
        if (now && then ? memcmp(now, then, n) == 0 : now == then) continue;
        const bool above = strncmp(mr_plan_files[i], "../", 3) == 0;
        mr_finding(&k->found, "%s%s: %s", above ? "" : ".millrace/", mr_plan_files[i] + 3 * above,
                   !now    ? "missing"
                   : !then ? "not listed in plan.sum"
                           : "damaged, it does not fit plan.sum");
        named = true;
    }
    if (!named && (have.len != listed.len || (have.len && memcmp(have.s, listed.s, have.len))))
        mr_finding(&k->found, "%s: damaged", MR_PLAN_SUM_NAME);
out:
    if (st != MR_OK && st != MR_EMEM) {
        mr_finding(&k->found, "%s", mr_error());
        mr_error_clear();
        st = MR_OK;
    }
    mr_text_fini(&listed);
    mr_text_fini(&have);
    free(path);
    return st;
}

/** The report against its own checksum, and the index that it was written with. */
static mr_status check_report(check *k)
{
    mr_status st = MR_OK;
    char *path = NULL;
    mr_text text = {0};
    mr_digest index;
    struct stat sb;
    MR_TRY(mr_out_join(k->folder, REPORT, &path));
    if (lstat(path, &sb) != 0) {
        if (!k->out.unfinished) mr_finding(&k->found, "%s: missing", REPORT);
        goto out;
    }
    st = mr_read_text(path, MAX_INDEX_BYTES, &text);
    if (st == MR_EMEM) goto out;
    if (st != MR_OK)
        mr_finding(&k->found, "%s: cannot be read", REPORT);
    else if (!mr_report_sealed(&text, &index))
        mr_finding(&k->found, "%s: is not as it was written", REPORT);
    else if (k->have_index && !mr_digest_same(&index, &k->index_sum))
        mr_finding(&k->found, "%s: was not written with %s", REPORT, MR_INDEX_NAME);
    st = MR_OK;
out:
    mr_error_clear();
    mr_text_fini(&text);
    free(path);
    return st;
}

/** The list of kept lanes; a damaged one is a finding. */
static mr_status check_kept(check *k)
{
    if (k->out.unfinished) return MR_OK;
    mr_status st = mr_kept_read(k->folder, &k->kept);
    if (st == MR_EVERIFY) {
        mr_finding(&k->found, "%s", mr_error());
        mr_error_clear();
        st = MR_OK;
    }
    return st == MR_OK ? mr_alloc(k->kept.n, 1, "the kept lanes", &k->kept_seen) : st;
}

/** Sorted names in folder/rel, "." and ".." left out. */
static mr_status list_folder(const check *k, const char *rel, mr_strs *out)
{
    mr_status st = MR_OK;
    char *path = NULL;
    struct dirent **entries = NULL;
    int n = -1;
    MR_TRY(mr_out_join(k->folder, rel, &path));
    n = scandir(path, &entries, NULL, alphasort);
    if (n < 0) {
        st = MR_RAISE(MR_EVERIFY, "%s: cannot be listed: %s", path, strerror(errno));
        goto out;
    }
    for (int i = 0; i < n; i++)
        if (strcmp(entries[i]->d_name, ".") != 0 && strcmp(entries[i]->d_name, "..") != 0)
            MR_TRY(mr_strs_add(out, entries[i]->d_name));
out:
    for (int i = 0; i < n; i++) free(entries[i]);
    free(entries);
    free(path);
    return st;
}

/** Mark a folder; *first: it was not yet. */
static mr_status visit(check *k, const char *rel, bool *first)
{
    mr_status st = MR_OK;
    struct stat sb;
    char *path = NULL;
    *first = true;
    MR_TRY(mr_out_join(k->folder, rel, &path));
    if (stat(path, &sb) != 0) goto out; /* the listing says why */
    for (size_t i = 0; i < k->n_seen && *first; i++)
        *first = k->seen[i].dev != sb.st_dev || k->seen[i].ino != sb.st_ino;
    if (!*first) goto out;
    MR_TRY(mr_grow(&k->seen, &k->cap_seen, k->n_seen + 1, sizeof *k->seen, "the folders"));
    k->seen[k->n_seen++] = (place){sb.st_dev, sb.st_ino};
out:
    free(path);
    return st;
}

/** Everything under rel, folders by recursion, links to folders too: somebody has moved them. */
static mr_status check_tree(check *k, const char *rel, int depth)
{
    mr_status st = MR_OK;
    mr_strs names = {0};
    char *sub = NULL, *path = NULL;
    bool first;
    MR_TRY(visit(k, rel, &first));
    if (!first) return MR_OK;
    MR_TRY(list_folder(k, rel, &names));
    for (size_t i = 0; i < names.n; i++) {
        struct stat sb;
        MR_TRY(mr_out_join(rel, names.v[i], &sub));
        MR_TRY(mr_out_join(k->folder, sub, &path));
        if (lstat(path, &sb) != 0 && !is_taken(k, path))
            mr_finding(&k->found, "%s: cannot be looked at: %s", sub, strerror(errno));
        else if (stat(path, &sb) == 0 && S_ISDIR(sb.st_mode) && depth < MAX_DEPTH)
            MR_TRY(check_tree(k, sub, depth + 1));
        else
            MR_TRY(check_lane(k, sub));
        free(path);
        free(sub);
        path = sub = NULL;
    }
out:
    free(path);
    free(sub);
    mr_strs_fini(&names);
    return st;
}

/** Is it what the lanes of a product come to? */
static bool is_merged(const char *name)
{
    for (size_t i = 0; i < MR_PRODUCT_KINDS; i++)
        for (size_t k = 0; mr_products[i].merged[k]; k++)
            if (strcmp(mr_products[i].merged[k], name) == 0) return true;
    return false;
}

/** A file beside lanes/ that no run puts there: a copy of a lane or of a master has no business
 *  here; what somebody else has written is his. */
static mr_status check_stranger(check *k, const char *name)
{
    mr_status st = MR_OK;
    char *path = NULL;
    mr_trailer t;
    MR_TRY(mr_out_join(k->folder, name, &path));
    st = mr_trailer_read(path, false, &t);
    if (st == MR_OK) {
        mr_finding(&k->found, "%s: not a file of a run", name);
    } else if (st == MR_EVERIFY) {
        note(k, name, "not of a run; left alone");
        mr_error_clear();
        k->out.n_foreign++;
        st = MR_OK;
    }
out:
    free(path);
    return st;
}

/** The output folder itself: only what a run or `view` puts there. */
static mr_status check_top(check *k)
{
    static const char *const known[] = {"lanes", MR_INDEX_NAME, "report.json", ".millrace",
                                        "*.png", "*.svg",       "*.pdf",       "*.html",
                                        "cut",   ".nfs*",       "slurm-*.out"};
    mr_status st = MR_OK;
    mr_strs names = {0};
    bool lanes = false;
    MR_TRY(list_folder(k, ".", &names));
    for (size_t i = 0; i < names.n; i++) {
        bool ok = false;
        for (size_t j = 0; j < sizeof known / sizeof known[0]; j++)
            ok = ok || fnmatch(known[j], names.v[i], FNM_PERIOD) == 0;
        ok = ok || is_merged(names.v[i]);
        if (fnmatch("*.part", names.v[i], 0) == 0)
            check_part(k, names.v[i]);
        else if (!ok)
            MR_TRY(check_stranger(k, names.v[i]));
        lanes = lanes || strcmp(names.v[i], "lanes") == 0;
    }
    if (lanes)
        MR_TRY(check_tree(k, "lanes", 0));
    else if (!k->out.unfinished)
        mr_finding(&k->found, "lanes: missing");
out:
    mr_strs_fini(&names);
    return st;
}

mr_status mr_verify_folder(const char *folder, bool running,
                           void (*say)(void *arg, const char *line), void *arg, mr_verified *out)
{
    mr_status st = MR_OK;
    check k = {.folder = folder, .found = {say, arg, false}, .running = running};
    MR_TRY(mr_unfinished(folder, &k.out.unfinished));
    k.out.unfinished = k.out.unfinished || running;
    MR_TRY(check_index(&k));
    MR_TRY(check_master(&k)); /* before the lanes: its plan is the measure for theirs */
    MR_TRY(check_plan(&k));
    MR_TRY(check_report(&k));
    MR_TRY(check_kept(&k));
    MR_TRY(check_top(&k));
    for (size_t i = 0; i < k.index.n; i++)
        if (!k.index.v[i].seen) mr_finding(&k.found, "%s: missing", k.index.v[i].file);
    for (size_t i = 0; i < k.kept.n; i++)
        if (!k.kept_seen[i]) mr_finding(&k.found, "%s: missing", k.kept.v[i].rel);
    *out = k.out;
    if (k.found.any)
        st = MR_RAISE(MR_EVERIFY, "%s: verification failed", folder);
    else if (k.out.unfinished)
        st = MR_RAISE(MR_STOPPED, "%s: %s", folder,
                      running ? "a run works on it; what it has finished is whole"
                              : "not finished; what is there is whole: run again to go on");
out:
    mr_index_fini(&k.index);
    mr_kept_fini(&k.kept);
    free(k.kept_seen);
    free(k.seen);
    return st;
}
