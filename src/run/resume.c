/* run/resume.c: see resume.h. A lane file under its final name whose trailer matches is done; there
 * is no other record. */
#include "run/resume.h"
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "report/json.h"

static mr_status file_path(const char *folder, const char *rel, mr_text *t)
{
    t->len = 0;
    return mr_text_add(t, "%s/%s", folder, rel);
}

/** Lines of a text as a JSON list, without those that are not UTF-8. NULL: no memory. */
static json_t *lines_json(const char *s)
{
    json_t *list = json_array();
    for (size_t n; list && s && *s; s += n + (s[n] != '\0')) {
        n = strcspn(s, "\n");
        errno = 0;
        json_t *line = json_stringn(s, n);
        if (line ? json_array_append_new(list, line) == 0 : errno != ENOMEM) continue;
        json_decref(list);
        list = NULL;
    }
    return list;
}

/** The first line in which the folder's plan and this one differ, as "was ..., now ..."; false if
 *  they are the same. */
static bool first_difference(const json_t *was, const json_t *now, char *out, size_t size)
{
    const size_t n = MR_MAX(json_array_size(was), json_array_size(now));
    for (size_t i = 0; i < n; i++) {
        const char *a = json_string_value(json_array_get(was, i));
        const char *b = json_string_value(json_array_get(now, i));
        if (a && b && strcmp(a, b) == 0) continue;
        snprintf(out, size, "was \"%.160s\", now \"%.160s\"", a ? a : "", b ? b : "");
        return true;
    }
    return false;
}

mr_status mr_resume_plan(const mr_plan *p, const char *folder)
{
    mr_status st = MR_OK;
    mr_text path = {0};
    char diff[400], *s = NULL;
    json_t *old = NULL, *now = NULL, *lines = lines_json(p->text.s);
    now = json_pack("{s:i s:s s:O s:o}", "schema", 1, "digest", p->digest.hex, "plan", lines,
                    "coefficients", lines_json(p->coefficients.s));
    if (!now) {
        st = MR_RAISE(MR_EMEM, "no memory for plan.json");
        goto out;
    }
    MR_TRY(file_path(folder, ".millrace/plan.json", &path));
    if (access(path.s, F_OK) == 0) {
        json_error_t e;
        old = json_load_file(path.s, 0, &e);
        if (!old)
            mr_log(MR_WARN, "%s is damaged (%s); it is written anew", path.s, e.text);
        else if (first_difference(json_object_get(old, "plan"), lines, diff, sizeof diff)) {
            st = MR_RAISE(MR_ECONFIG,
                          "%s holds results of another chain: %s; choose another output.folder, or "
                          "remove this one to start over",
                          folder, diff);
            goto out;
        }
    }
    s = mr_json_text(now, JSON_INDENT(1));
    if (!s) {
        st = MR_RAISE(MR_EMEM, "no memory for plan.json");
        goto out;
    }
    MR_TRY(mr_write_durably(path.s, s, strlen(s)));
out:
    json_decref(old);
    json_decref(now);
    json_decref(lines);
    free(s);
    mr_text_fini(&path);
    return st;
}

static bool inputs_changed(const mr_plan *p, const mr_lane *l, const uint8_t *changed)
{
    const mr_span *sp = &p->spans.span[l->span];
    size_t first, n;
    mr_span_parts(&p->spans, sp, l->raw.a - sp->index0, l->raw.b - sp->index0, &first, &n);
    for (size_t i = first; i < first + n; i++)
        if (changed[mr_catalog_file(p->cat, p->spans.part[i].file)]) return true;
    return false;
}

/** The sidecar of a lane: .millrace/losses/<name>.txt, one line a loss. */
static mr_status losses_path(const char *folder, const mr_lane *l, mr_text *t)
{
    t->len = 0;
    return mr_text_add(t, "%s/.millrace/losses/%s.txt", folder, mr_base_name(l->rel));
}

/** One line: from, to, 1 if another run is to try again, name of the file, tab, note. The place of
 *  the name, or NULL. */
static const char *parse_loss(const char *s, mr_loss *row)
{
    long long a, b;
    int again, n = 0;
    if (sscanf(s, "%lld %lld %d %n", &a, &b, &again, &n) != 3 || !n) return NULL;
    *row = (mr_loss){.t0_ns = a, .t1_ns = b, .again = again == 1};
    return s + n;
}

/** Did the run that made this lane fail to read some of its samples? */
static mr_status read_failed(const char *folder, const mr_lane *l, bool *yes)
{
    mr_status st = MR_OK;
    mr_text path = {0}, t = {0};
    mr_loss row;
    *yes = false;
    MR_TRY(losses_path(folder, l, &path));
    if (access(path.s, F_OK) != 0) goto out;
    MR_TRY(mr_read_text(path.s, 64 << 20, &t));
    for (const char *s = t.s; *s && parse_loss(s, &row); s += strcspn(s, "\n") + 1) {
        *yes = *yes || row.again;
        if (!strchr(s, '\n')) break;
    }
out:
    if (st == MR_ECONFIG) st = MR_EOUTPUT;
    mr_text_fini(&path);
    mr_text_fini(&t);
    return st;
}

/** Is this lane done? A file that is not this lane's any more is removed. */
static mr_status check_lane(const mr_plan *p, const char *folder, const char *path,
                            const mr_lane *l, const uint8_t *changed, bool deep, uint8_t *done,
                            mr_digest *digest, double *n_stale)
{
    mr_trailer t;
    bool again = false;
    if (access(path, F_OK) != 0) return MR_OK;
    mr_status st = mr_trailer_read(path, deep, &t);
    if (st != MR_OK && st != MR_EVERIFY) return st;
    if (st == MR_OK && strcmp(t.plan.hex, p->digest.hex) != 0)
        return MR_RAISE(MR_EOUTPUT,
                        "%s is of another chain; it is left alone: remove it or choose "
                        "another output.folder",
                        path);
    const bool ours =
        st == MR_OK && strcmp(t.lane.hex, l->key.hex) == 0 && !inputs_changed(p, l, changed);
    if (ours) st = read_failed(folder, l, &again);
    if (st != MR_OK && st != MR_EVERIFY) return st;
    if (ours && !again) {
        *done = 1;
        *digest = t.content;
        return MR_OK;
    }
    if (st == MR_OK && !again) {
        bool moved = false;
        st = mr_leftover_aside(p, folder, l, &moved);
        if (st != MR_OK || moved) return st;
    }
    ++*n_stale;
    return mr_leftover_remove(
        path, st != MR_OK ? "it is damaged"
              : again     ? "inputs could not be read when it was made; it is tried again"
                          : "its inputs changed; the lane is redone");
}

mr_status mr_resume_lanes(mr_comm *c, const mr_plan *p, const char *folder, const uint8_t *changed,
                          bool deep, mr_resume *out)
{
    mr_status st = MR_OK;
    mr_text path = {0};
    void *all = NULL;
    size_t *offs = NULL, n = p->n_lanes, size = (size_t)mr_comm_size(c);
    struct row {
        uint64_t lane;
        mr_digest digest;
    } *mine = NULL;
    size_t n_mine = 0;
    double n_stale = 0;
    MR_TRY(mr_alloc(n, 1, "the lanes", &out->done));
    MR_TRY(mr_alloc(n, sizeof *out->digest, "the lanes", &out->digest));
    MR_TRY(mr_alloc(n / size + 1, sizeof *mine, "the lanes", &mine));
    for (size_t i = (size_t)mr_comm_rank(c); i < n; i += size) {
        uint8_t done = 0;
        MR_TRY(file_path(folder, p->lanes[i].rel, &path));
        MR_TRY(check_lane(p, folder, path.s, &p->lanes[i], changed, deep, &done,
                          &mine[n_mine].digest, &n_stale));
        if (done) mine[n_mine++].lane = i;
    }
out:
    st = mr_agree(c, st); /* nothing is moved any more */
    if (st == MR_OK && mr_comm_rank(c) == 0) st = mr_leftovers_find(p, folder, &out->left);
    st = mr_agree(c, st);
    if (st == MR_OK) st = mr_allgather(c, mine, n_mine * sizeof *mine, &all, &offs);
    if (st == MR_OK) {
        const struct row *r = all;
        for (size_t i = 0; i < offs[size] / sizeof *r; i++) {
            out->done[r[i].lane] = 1;
            out->digest[r[i].lane] = r[i].digest;
            out->n_done++;
        }
        mr_sum_f64(c, &n_stale, 1);
        out->n_stale = (size_t)n_stale;
    }
    free(mine);
    free(all);
    free(offs);
    mr_text_fini(&path);
    return st;
}

void mr_resume_fini(mr_resume *r)
{
    free(r->done);
    free(r->digest);
    mr_leftovers_fini(&r->left);
    *r = (mr_resume){0};
}

mr_status mr_resume_note_losses(const mr_plan *p, const char *folder, const mr_lane *l,
                                const mr_losses *losses)
{
    mr_status st = MR_OK;
    mr_text path = {0}, t = {0};
    MR_TRY(losses_path(folder, l, &path));
    if (!losses->n) {
        unlink(path.s); /* of an earlier attempt; usually there is none */
        goto out;
    }
    for (size_t i = 0; i < losses->n; i++)
        MR_TRY(mr_text_add(&t, "%lld %lld %d %s\t%s\n", (long long)losses->v[i].t0_ns,
                           (long long)losses->v[i].t1_ns, losses->v[i].again,
                           mr_base_name(mr_catalog_path(p->cat, losses->v[i].file)),
                           losses->v[i].note));
    MR_TRY(mr_text_add(&path, "%s", ""));
    char *cut = strrchr(path.s, '/');
    *cut = '\0';
    MR_TRY(mr_mkdirs(path.s));
    *cut = '/';
    MR_TRY(mr_write_durably(path.s, t.s, t.len));
out:
    mr_text_fini(&path);
    mr_text_fini(&t);
    return st;
}

/** The part of the lane whose file has that base name; UINT32_MAX if none. */
static uint32_t file_named(const mr_plan *p, const mr_lane *l, const char *base, size_t len)
{
    const mr_span *sp = &p->spans.span[l->span];
    size_t first, n;
    mr_span_parts(&p->spans, sp, l->raw.a - sp->index0, l->raw.b - sp->index0, &first, &n);
    for (size_t i = first; i < first + n; i++) {
        const char *b = mr_base_name(mr_catalog_path(p->cat, p->spans.part[i].file));
        if (strlen(b) == len && memcmp(b, base, len) == 0) return p->spans.part[i].file;
    }
    return UINT32_MAX;
}

static mr_status parse_losses(const mr_plan *p, const mr_lane *l, const char *s, mr_losses *out)
{
    mr_status st = MR_OK;
    while (*s) {
        mr_loss row;
        const char *end = strchr(s, '\n'), *base = parse_loss(s, &row);
        const char *tab = end && base ? memchr(base, '\t', (size_t)(end - base)) : NULL;
        if (!tab) break;
        row.file = file_named(p, l, base, (size_t)(tab - base));
        snprintf(row.note, sizeof row.note, "%.*s", (int)(end - tab - 1), tab + 1);
        if (row.file != UINT32_MAX) MR_TRY(mr_losses_add(out, &row));
        s = end + 1;
    }
out:
    return st;
}

mr_status mr_resume_read_losses(const mr_plan *p, const char *folder, const mr_resume *r,
                                mr_losses *out)
{
    mr_status st = MR_OK;
    mr_text path = {0};
    for (size_t i = 0; i < p->n_lanes; i++) {
        mr_text t = {0};
        if (!r->done[i]) continue;
        MR_TRY(losses_path(folder, &p->lanes[i], &path));
        if (access(path.s, F_OK) != 0) continue;
        st = mr_read_text(path.s, 64 << 20, &t);
        if (st == MR_OK) st = parse_losses(p, &p->lanes[i], t.s, out);
        mr_text_fini(&t);
        MR_TRY(st);
    }
out:
    mr_text_fini(&path);
    return st;
}
