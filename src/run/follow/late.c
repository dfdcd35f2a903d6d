/* run/follow/late.c: see late.h. */
#include "run/follow/late.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/quantity.h"
#include "base/utc.h"

#define DAY_NS INT64_C(86400000000000)

typedef struct late {
    char *path;
    size_t at; /* its number in the catalogue, the last time */
    int64_t t0_ns, t1_ns;
    uint64_t lanes; /* that had to be made anew */
    char note[MR_NOTE_MAX];
} late;

struct mr_lates {
    char *folder, *file;
    late *v;
    size_t n, cap;
};

void mr_lates_free(mr_lates *l)
{
    if (!l) return;
    for (size_t i = 0; i < l->n; i++) free(l->v[i].path);
    free(l->v);
    free(l->folder);
    free(l->file);
    free(l);
}

/* --- on disk: "t0 t1 lanes PATH-IN-HEX note", a line each ------------------------------------- */

static mr_status add(mr_lates *l, const char *path, const late *row)
{
    mr_status st = MR_OK;
    char *own = NULL;
    MR_TRY(mr_grow(&l->v, &l->cap, l->n + 1, sizeof *l->v, "late files"));
    MR_TRY(mr_strdup(path, &own));
    l->v[l->n] = *row;
    l->v[l->n++].path = own;
out:
    return st;
}

static mr_status save(const mr_lates *l)
{
    mr_status st = MR_OK;
    mr_text t = {0};
    for (size_t i = 0; i < l->n; i++) {
        const late *r = &l->v[i];
        MR_TRY(mr_text_add(&t, "%lld %lld %llu ", (long long)r->t0_ns, (long long)r->t1_ns,
                           (unsigned long long)r->lanes));
        for (const char *p = r->path; *p; p++)
            MR_TRY(mr_text_add(&t, "%02x", (unsigned)(unsigned char)*p));
        MR_TRY(mr_text_add(&t, " %s\n", r->note));
    }
    MR_TRY(mr_write_durably(l->file, t.s, t.len));
out:
    mr_text_fini(&t);
    return st;
}

/** One line; false: it is none of ours. */
static bool parse(char *line, char **path, late *r)
{
    long long a, b;
    unsigned long long n;
    int hex = 0, end = 0;
    *r = (late){0};
    if (sscanf(line, "%lld %lld %llu %n%*[0-9a-f]%n", &a, &b, &n, &hex, &end) != 3 || !end ||
        (end - hex) % 2 || line[end] != ' ')
        return false;
    for (int i = hex, k = hex; i < end; i += 2) {
        const char two[3] = {line[i], line[i + 1], '\0'};
        line[k++] = (char)strtoul(two, NULL, 16);
        line[k] = '\0';
    }
    *path = line + hex;
    r->t0_ns = a;
    r->t1_ns = b;
    r->lanes = n;
    snprintf(r->note, sizeof r->note, "%s", line + end + 1);
    return true;
}

mr_status mr_lates_open(const char *folder, mr_lates **out)
{
    mr_status st = MR_OK;
    mr_lates *l = NULL;
    mr_text name = {0}, t = {0};
    MR_TRY(mr_alloc(1, sizeof *l, "late files", &l));
    MR_TRY(mr_strdup(folder, &l->folder));
    MR_TRY(mr_text_add(&name, "%s/.millrace/late", folder));
    MR_TRY(mr_strdup(name.s, &l->file));
    if (access(l->file, F_OK) == 0) MR_TRY(mr_read_text(l->file, (size_t)64 << 20, &t));
    for (char *s = t.s, *next; s && *s; s = next) {
        char *path;
        late r;
        next = s + strcspn(s, "\n");
        if (*next) *next++ = '\0';
        if (parse(s, &path, &r)) MR_TRY(add(l, path, &r));
    }
    *out = l;
    l = NULL;
out:
    mr_lates_free(l);
    mr_text_fini(&name);
    mr_text_fini(&t);
    return st;
}

/* --- who is late ------------------------------------------------------------------------------ */

/** Is there a lane on disk that begins where planned lane l lies, of its channels? */
static bool was_made(const mr_lates *l, const mr_lane *lane)
{
    char day[40], path[4300];
    const char *channels = strrchr(lane->rel, '_');
    bool found = false;
    for (int64_t t = lane->t0_ns; !found && t < lane->t1_ns + DAY_NS; t += DAY_NS) {
        snprintf(path, sizeof path, "%s/lanes/%s", l->folder,
                 mr_utc_date(MR_MIN(t, lane->t1_ns), day));
        DIR *d = opendir(path);
        for (struct dirent *e; d && !found && (e = readdir(d));) {
            int64_t at;
            const char *tail = strrchr(e->d_name, '_');
            if (!tail || strcmp(tail, channels) != 0) continue;
            if (mr_utc_scan(e->d_name, "%Y%m%dT%H%M%S.%f", &at) == MR_OK)
                found = at >= lane->t0_ns && at <= lane->t1_ns;
            else
                mr_error_clear();
        }
        if (d) closedir(d);
    }
    return found;
}

/** How many lanes that were made read file i. */
static uint64_t lanes_of(const mr_lates *l, const mr_plan *p, size_t file)
{
    uint64_t n_lanes = 0;
    for (size_t i = 0; i < p->n_lanes; i++) {
        const mr_lane *lane = &p->lanes[i];
        const mr_span *sp = &p->spans.span[lane->span];
        size_t first, n, k;
        mr_span_legs(&p->spans, sp, lane->raw.a - sp->index0, lane->raw.b - sp->index0, &first, &n);
        for (k = first; k < first + n; k++)
            if (mr_catalog_file(p->cat, p->spans.leg[k].file) == file) break;
        n_lanes += k < first + n && was_made(l, lane);
    }
    return n_lanes;
}

static double came_s(const char *path)
{
    struct stat sb;
    if (stat(path, &sb) != 0) return 0;
    return (double)sb.st_ctim.tv_sec + 1e-9 * (double)sb.st_ctim.tv_nsec;
}

/** The recording behind this file that was known already; SIZE_MAX: none is. */
static size_t known_behind(const mr_catalog *c, const uint8_t *probed, size_t file)
{
    size_t best = SIZE_MAX;
    for (size_t k = 0; k < c->n; k++) {
        const mr_row *r = &c->rows[k];
        if (r->form == MR_REFUSED || probed[mr_catalog_file(c, k)]) continue;
        if (r->t0_ns <= c->rows[file].t0_ns) continue;
        if (best == SIZE_MAX || r->t0_ns < c->rows[best].t0_ns) best = k;
    }
    return best;
}

static mr_status enter(mr_lates *l, const mr_plan *p, size_t i, size_t behind, bool changed)
{
    mr_status st = MR_OK;
    char ago[32];
    const char *path = mr_catalog_path(p->cat, i);
    late r = {.at = i, .t0_ns = p->cat->rows[i].t0_ns, .t1_ns = p->cat->rows[i].t1_ns};
    r.lanes = lanes_of(l, p, i);
    if (!r.lanes) return MR_OK;
    const double by = came_s(path) - came_s(mr_catalog_path(p->cat, behind));
    snprintf(r.note, sizeof r.note, "%s %s after the file behind it: %llu lane%s made anew",
             changed ? "changed" : "came", mr_fmt_hms(MR_MAX(by, 0.0), ago),
             (unsigned long long)r.lanes, r.lanes == 1 ? " is" : "s are");
    mr_log(MR_WARN, "%s: %s", path, r.note);
    for (size_t k = 0; k < l->n; k++)
        if (strcmp(l->v[k].path, path) == 0) { /* once more */
            r.path = l->v[k].path;
            l->v[k] = r;
            return MR_OK;
        }
    MR_TRY(add(l, path, &r));
out:
    return st;
}

mr_status mr_lates_find(mr_lates *l, const mr_plan *p, const mr_survey *s)
{
    mr_status st = MR_OK;
    const size_t before = l->n;
    for (size_t i = 0; i < p->cat->n_files; i++) {
        if (!s->probed[i] || p->cat->rows[i].form == MR_REFUSED) continue;
        const size_t behind = known_behind(p->cat, s->probed, i);
        if (behind != SIZE_MAX) MR_TRY(enter(l, p, i, behind, s->changed[i]));
    }
    if (l->n > before) MR_TRY(save(l));
out:
    return st;
}

mr_status mr_lates_note(mr_lates *l, mr_plan *p)
{
    mr_status st = MR_OK;
    const mr_catalog *c = p->cat;
    for (size_t i = 0; i < l->n; i++) {
        late *r = &l->v[i];
        if (r->at >= c->n_files || strcmp(mr_catalog_path(c, r->at), r->path) != 0)
            for (r->at = 0; r->at < c->n_files; r->at++)
                if (strcmp(mr_catalog_path(c, r->at), r->path) == 0) break;
        if (r->at == c->n_files || c->rows[r->at].form == MR_REFUSED) continue;
        mr_odd row = {.kind = MR_ODD_LATE,
                      .file = r->at,
                      .other = SIZE_MAX,
                      .count = r->lanes,
                      .t0_ns = r->t0_ns,
                      .t1_ns = r->t1_ns,
                      .equal = -1};
        memcpy(row.note, r->note, sizeof row.note);
        MR_TRY(mr_spans_note(&p->spans, &row));
    }
out:
    return st;
}
