/* run/folder/resume.c: see resume.h. A lane file under its final name whose trailer matches is
 * done; there is no other record. */
#include "run/folder/resume.h"
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "out/index.h"
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
    bool unfinished;
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
    MR_TRY(mr_unfinished(folder, &unfinished));
    if (unfinished) MR_TRY(mr_unfinished_mark(folder));
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
    mr_span_legs(&p->spans, sp, l->raw.a - sp->index0, l->raw.b - sp->index0, &first, &n);
    for (size_t i = first; i < first + n; i++)
        if (changed[mr_catalog_file(p->cat, p->spans.leg[i].file)]) return true;
    return false;
}

/** What a lane lost when it was made, into `out`; *again: some of it may be read another time. */
static mr_status take_losses(const mr_plan *p, const mr_lane *l, const mr_text *lines,
                             mr_losses *out, bool *again)
{
    mr_status st = MR_OK;
    char *copy = NULL;
    mr_lost_line lost;
    const size_t before = out->n;
    *again = false;
    MR_TRY(mr_strdup(lines->s, &copy));
    for (char *s = copy; mr_lost_next(&s, &lost);) {
        mr_loss row = {.file = mr_said_file(p, l, lost.name, lost.t0_ns),
                       .t0_ns = lost.t0_ns,
                       .t1_ns = lost.t1_ns,
                       .again = lost.again};
        snprintf(row.note, sizeof row.note, "%s", lost.note);
        *again = *again || lost.again;
        if (row.file != UINT32_MAX) MR_TRY(mr_losses_add(out, &row));
    }
    if (*again) out->n = before;
out:
    free(copy);
    return st;
}

/** A rank's part. */
typedef struct check {
    const mr_plan *plan;
    const char *folder;
    const uint8_t *changed; /* per file of the input */
    bool deep;
    mr_names names; /* once they are needed */
    mr_index index; /* of the last finished run, once it is needed; empty if there is none */
    bool have_index;
    mr_known *known; /* NULL: none */
    mr_losses *losses;
    double n_stale;
} check;

/** A complete lane of this chain that is not what is planned: does it hold samples that have gone
 *  from the archive? Then rank 0 decides on it. */
static mr_status is_short(check *k, const mr_lane *l, const mr_lane_self *self, mr_text *lines,
                          bool *yes)
{
    mr_status st = MR_OK;
    mr_gone gone;
    *yes = false;
    if (inputs_changed(k->plan, l, k->changed) ||
        !mr_series_same(&self->series, &k->plan->arrays[l->array].series))
        return MR_OK; /* another's lane in this place moves aside */
    if (!k->names.row) MR_TRY(mr_names_new(k->plan, &k->names));
    mr_said_gone(&k->names, self, lines, &gone);
    *yes = gone.any;
out:
    return st;
}

static mr_status redo(check *k, const char *path, const char *why)
{
    k->n_stale++;
    return mr_leftover_remove(path, why);
}

static void ignore(MR_UNUSED void *arg, MR_UNUSED int line)
{
}

static mr_status read_index(const char *folder, mr_index *out)
{
    mr_status st = MR_OK;
    mr_text path = {0}, t = {0};
    MR_TRY(file_path(folder, MR_INDEX_NAME, &path));
    if (access(path.s, F_OK) != 0) goto out;
    st = mr_read_text(path.s, (size_t)1 << 30, &t);
    if (st == MR_ECONFIG) st = MR_EOUTPUT;
    MR_TRY(st);
    MR_TRY(mr_index_parse(&t, out, ignore, NULL));
out:
    mr_text_fini(&path);
    mr_text_fini(&t);
    return st;
}

/** The list of the last finished run, if there is one: each rank looks itself. */
static mr_status need_index(check *k)
{
    mr_status st = MR_OK;
    if (!k->have_index) st = read_index(k->folder, &k->index);
    k->have_index = true;
    return st;
}

/** A lane that this run knows: its losses are its own, whatever lies beside it by now. */
static mr_status recall(check *k, const mr_lane *l, uint8_t *done, mr_digest *digest)
{
    mr_status st = MR_OK;
    mr_digest content;
    const char *lost;
    bool again = false;
    if (inputs_changed(k->plan, l, k->changed) || !mr_known_find(k->known, l, &content, &lost))
        return MR_OK;
    if (lost) {
        const mr_text lines = {.s = (char *)(uintptr_t)lost, .len = strlen(lost)};
        MR_TRY(take_losses(k->plan, l, &lines, k->losses, &again));
    }
    if (again) return MR_OK; /* it is tried again */
    *done = MR_LANE_DONE;
    *digest = content;
out:
    return st;
}

/** Is this lane done? A file that is not this lane's any more is removed. */
static mr_status check_lane(check *k, const char *path, const mr_lane *l, uint8_t *done,
                            mr_digest *digest)
{
    mr_status st = MR_OK;
    mr_trailer t;
    mr_lane_self self;
    mr_text lines = {0};
    bool again = false, stays = false, moved = false;
    const size_t before = k->losses->n;
    *done = MR_LANE_TODO;
    MR_TRY(recall(k, l, done, digest));
    if (*done == MR_LANE_DONE || access(path, F_OK) != 0) return MR_OK;
    MR_TRY(need_index(k));
    st = mr_trailer_read(path, k->deep, &t);
    if (st == MR_OK && strcmp(t.plan.hex, k->plan->digest.hex) != 0)
        return MR_RAISE(MR_EOUTPUT,
                        "%s is of another chain; it is left alone: remove it or choose "
                        "another output.folder",
                        path);
    if (st == MR_OK) st = mr_inputs_read(path, &self, &lines);
    if (st == MR_EVERIFY && mr_lane_foreign(path)) {
        st = MR_RAISE(MR_EOUTPUT,
                      "%s is no lane, and its folder is linked from elsewhere; it is left alone: "
                      "remove it, or the link",
                      path);
        goto out;
    }
    const mr_index_row *listed = mr_index_find(&k->index, l->rel);
    const bool other = st == MR_OK && listed && strcmp(listed->checksum, t.content.hex) != 0;
    if (st == MR_EVERIFY || other) {
        st = redo(k, path, other ? "it is not the one that index.csv lists" : "it is damaged");
        goto out;
    }
    MR_TRY(st);
    if (strcmp(t.lane.hex, l->key.hex) == 0 && !inputs_changed(k->plan, l, k->changed)) {
        MR_TRY(take_losses(k->plan, l, &lines, k->losses, &again));
        if (again) {
            st = redo(k, path, "inputs could not be read when it was made; it is tried again");
            goto out;
        }
        *done = MR_LANE_DONE;
        *digest = t.content;
        const bool lost = k->losses->n > before;
        if (k->known) st = mr_known_add(k->known, l, digest, lost ? lines.s : NULL);
        goto out;
    }
    MR_TRY(is_short(k, l, &self, &lines, &stays));
    *done = stays ? MR_LANE_SHORT : MR_LANE_TODO;
    if (stays) goto out;
    MR_TRY(mr_leftover_aside(k->plan, k->folder, l, &moved));
    if (!moved) st = redo(k, path, "its inputs changed; the lane is redone");
out:
    mr_text_fini(&lines);
    return st;
}

/** Collective: the lanes that stay in the place of others, from rank 0 to all. */
static mr_status tell_held(mr_comm *c, mr_resume *out)
{
    mr_status st = MR_OK;
    mr_leftovers *l = &out->left;
    size_t n = l->n_held * sizeof *l->held;
    void *data = l->held;
    if (mr_comm_rank(c) == 0 && !data) st = mr_alloc(1, sizeof *l->held, "the lanes", &data);
    MR_TRY(mr_agree(c, st));
    l->held = data;
    MR_TRY(mr_bcast(c, &data, &n));
    l->held = data;
    l->n_held = n / sizeof *l->held;
    for (size_t i = 0; i < l->n_held; i++) {
        out->done[l->held[i].lane] = 1;
        out->digest[l->held[i].lane] = l->held[i].digest;
    }
    out->n_done += l->n_held;
out:
    return st;
}

/** One lane, as it goes round. */
typedef struct state {
    uint64_t lane;
    uint8_t done;
    mr_digest digest;
} state;

/** Rank 0: what else is under lanes/, unless it is known that nothing is. */
static mr_status look_through(check *k, mr_resume *out)
{
    mr_status st = MR_OK;
    mr_leftovers *l = &out->left;
    if (!k->n_stale && mr_known_all(k->known, out->n_done)) return MR_OK;
    MR_TRY(need_index(k));
    MR_TRY(mr_leftovers_find(k->plan, k->folder, out->done, &k->index, l));
    mr_known_looked(k->known,
                    !l->kept.n && !l->superseded.n && !l->strangers.n && !l->n_held && !l->shrunk.n,
                    out->n_done);
out:
    return st;
}

mr_status mr_resume_lanes(mr_comm *c, const mr_plan *p, const char *folder, const uint8_t *changed,
                          bool deep, mr_known *known, mr_resume *out)
{
    mr_status st = MR_OK;
    mr_text path = {0};
    void *all = NULL;
    size_t *offs = NULL, n = p->n_lanes, size = (size_t)mr_comm_size(c), n_mine = 0;
    state *mine = NULL;
    check k = {.plan = p,
               .folder = folder,
               .changed = changed,
               .deep = deep,
               .losses = &out->losses,
               .known = known};
    MR_TRY(mr_alloc(n, 1, "the lanes", &out->done));
    MR_TRY(mr_alloc(n, sizeof *out->digest, "the lanes", &out->digest));
    MR_TRY(mr_alloc(n / size + 1, sizeof *mine, "the lanes", &mine));
    for (size_t i = (size_t)mr_comm_rank(c); i < n; i += size) {
        state *s = &mine[n_mine];
        MR_TRY(file_path(folder, p->lanes[i].rel, &path));
        MR_TRY(check_lane(&k, path.s, &p->lanes[i], &s->done, &s->digest));
        s->lane = i;
        n_mine += s->done != MR_LANE_TODO;
    }
out:
    st = mr_agree(c, st); /* nothing is moved any more */
    if (st == MR_OK) st = mr_allgather(c, mine, n_mine * sizeof *mine, &all, &offs);
    if (st == MR_OK) {
        const state *r = all;
        for (size_t i = 0; i < offs[size] / sizeof *r; i++) {
            out->done[r[i].lane] = r[i].done;
            out->digest[r[i].lane] = r[i].digest;
            out->n_done += r[i].done == MR_LANE_DONE;
        }
        mr_sum_f64(c, &k.n_stale, 1);
        if (mr_comm_rank(c) == 0) st = look_through(&k, out);
        for (size_t i = 0; i < n; i++) out->done[i] = out->done[i] == MR_LANE_DONE;
        st = mr_agree(c, st);
    }
    if (st == MR_OK) st = tell_held(c, out);
    out->n_stale = (size_t)k.n_stale;
    mr_names_fini(&k.names);
    mr_index_fini(&k.index);
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
    free(r->losses.v);
    mr_leftovers_fini(&r->left);
    *r = (mr_resume){0};
}
