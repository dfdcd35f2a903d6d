/* watch/status.c: the news as JSON, for status.json and for those who watch. */
#include <jansson.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "base/utc.h"
#include "watch/inside.h"

static json_t *text(const char *s)
{
    char safe[1024];
    mr_printable(s, safe, sizeof safe);
    return json_string(safe);
}

static int64_t clock_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static const char *state_name(const mr_watch *w, bool over)
{
    static const char *const names[] = {"surveying", "planning", "running", "merging", "following"};
    if (over) return w->end == MR_OK || w->end == MR_LOSSES ? "finished" : "stopped";
    if (w->paused && (w->news.phase == MR_RUNNING || w->news.phase == MR_FOLLOWING))
        return "paused";
    return names[w->news.phase];
}

/** What has changed since some ticks ago; false when there is nothing to compare with. */
static bool lately(const mr_watch *w, mr_rate *d)
{
    const mr_news *n = &w->news;
    if (!w->n_rates) return false;
    const size_t back = MR_MIN(w->n_rates, (size_t)MR_WATCH_RATES);
    const mr_rate *r = &w->rate[(w->n_rates - back) % MR_WATCH_RATES];
    *d = (mr_rate){mr_now() - r->at,
                   n->bytes - r->bytes,
                   n->samples - r->samples,
                   n->blocks_done - r->blocks,
                   n->wait_read_s - r->wait_read_s,
                   n->wait_write_s - r->wait_write_s};
    return d->at > 0.1 && n->blocks_done >= r->blocks;
}

static void note_rate(mr_watch *w)
{
    const mr_news *n = &w->news;
    w->rate[w->n_rates++ % MR_WATCH_RATES] =
        (mr_rate){mr_now(), n->bytes, n->samples, n->blocks_done, n->wait_read_s, n->wait_write_s};
}

static const char *bottleneck(const mr_watch *w, const mr_rate *d)
{
    const double all = d->at * w->o.ranks;
    const double busy = MR_MAX(all - d->wait_read_s - d->wait_write_s, 0.01 * all);
    if (w->news.phase == MR_SURVEYING || w->news.phase == MR_PLANNING) return "surveying";
    if (w->news.phase == MR_MERGING) return "finishing";
    if (d->wait_read_s >= 0.2 * busy && d->wait_read_s >= d->wait_write_s) return "reading";
    return d->wait_write_s >= 0.2 * busy ? "writing" : "computing";
}

static json_t *ranks_json(const mr_watch *w, size_t n_ranks)
{
    json_t *list = json_array();
    double all = 0;
    for (int i = 0; i < w->o.ranks; i++) all += (double)w->rank[i].samples;
    for (int i = 0; i < w->o.ranks && (size_t)i < n_ranks; i++) {
        const mr_tally *t = &w->rank[i];
        json_array_append_new(
            list, json_pack("{s:i s:o s:I s:I s:I s:f s:f s:f}", "rank", i, "host",
                            text(w->hosts + (size_t)i * MR_HOST_BYTES), "lanes",
                            (json_int_t)t->lanes, "blocks", (json_int_t)t->blocks, "bytes",
                            (json_int_t)t->bytes, "share", all > 0 ? (double)t->samples / all : 0.0,
                            "wait_read_s", t->wait_read_s, "wait_write_s", t->wait_write_s));
    }
    return list;
}

static json_t *speed_json(json_t *o, const mr_watch *w, bool over)
{
    const mr_news *n = &w->news;
    mr_rate d;
    const bool known = lately(w, &d);
    const uint64_t left = n->blocks - MR_MIN(n->blocks_done, n->blocks);
    json_object_set_new(o, "rate_mb_s",
                        known ? json_real(1e-6 * (double)d.bytes / d.at) : json_null());
    json_object_set_new(o, "rate_msamples_s",
                        known ? json_real(1e-6 * (double)d.samples / d.at) : json_null());
    json_object_set_new(o, "eta_s",
                        over                ? json_integer(0)
                        : known && d.blocks ? json_real(d.at * (double)left / (double)d.blocks)
                                            : json_null());
    json_object_set_new(o, "bottleneck",
                        known && !over ? json_string(bottleneck(w, &d)) : json_null());
    return o;
}

static json_t *control_json(const mr_watch *w)
{
    json_t *o = json_object();
    if (w->listener[0]) json_object_set_new(o, "socket", json_string("control"));
    if (w->listener[1]) json_object_set_new(o, "tcp", text(mr_listener_address(w->listener[1])));
    return o;
}

static json_t *all_json(const mr_watch *w, bool over, size_t n_ranks)
{
    char now[40], then[40];
    const mr_news *n = &w->news;
    const uint64_t done = MR_MIN(n->lanes_done, n->lanes);
    const uint64_t hand = over ? 0 : MR_MIN(n->lanes_in_hand, n->lanes - done);
    json_t *o = json_pack("{s:i s:s s:o s:o s:s s:s}", "schema", 1, "state", state_name(w, over),
                          "status", over ? json_integer(w->end) : json_null(), "error",
                          text(over ? w->why : ""), "updated", mr_utc_iso(clock_ns(), now),
                          "started", mr_utc_iso(w->started_ns, then));
    json_object_set_new(o, "lanes",
                        json_pack("{s:I s:I s:I s:I}", "done", (json_int_t)done, "in_hand",
                                  (json_int_t)hand, "left", (json_int_t)(n->lanes - done - hand),
                                  "total", (json_int_t)n->lanes));
    json_object_set_new(
        o, "blocks",
        json_pack("{s:I s:I}", "done", (json_int_t)n->blocks_done, "total", (json_int_t)n->blocks));
    speed_json(o, w, over);
    json_object_set_new(o, "losses", json_integer((json_int_t)n->losses));
    json_object_set_new(o, "memory",
                        json_pack("{s:I s:I}", "planned_bytes", (json_int_t)n->planned_bytes,
                                  "peak_bytes", (json_int_t)n->peak_bytes));
    json_object_set_new(o, "host", text(w->host));
    json_object_set_new(o, "pid", json_integer((json_int_t)getpid()));
    json_object_set_new(o, "follow", json_boolean(w->o.follow));
    json_object_set_new(o, "threads", json_integer(w->o.threads));
    json_object_set_new(o, "control", over ? json_object() : control_json(w));
    json_object_set_new(o, "ranks", ranks_json(w, n_ranks));
    return o;
}

mr_status mr_status_text(mr_watch *w, bool over, size_t n_ranks, char **out)
{
    mr_mutex_lock(w->m);
    json_t *o = all_json(w, over, n_ranks);
    mr_mutex_unlock(w->m);
    char *s = json_dumps(o, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
    json_decref(o);
    if (!s) return MR_RAISE(MR_EMEM, "no memory for the status");
    *out = s;
    return MR_OK;
}

/** Not synced: it tells of now, and another comes in two seconds. */
void mr_status_write(mr_watch *w, bool over)
{
    char tmp[4200], *s = NULL;
    if (mr_status_text(w, over, SIZE_MAX, &s) != MR_OK) {
        mr_error_clear();
        return;
    }
    snprintf(tmp, sizeof tmp, "%s.tmp", w->path);
    FILE *f = fopen(tmp, "we");
    const size_t n = strlen(s);
    bool good = f && fwrite(s, 1, n, f) == n && fputc('\n', f) == '\n';
    if (f && fclose(f) != 0) good = false;
    if (!good || rename(tmp, w->path) != 0) unlink(tmp); /* a full disk: the run will say so */
    mr_mutex_lock(w->m);
    note_rate(w);
    mr_mutex_unlock(w->m);
    free(s);
}

/* --- requests -------------------------------------------------------------------------------- */

static mr_status reply(bool ok, const char *note, char **out)
{
    json_t *o = json_pack("{s:b s:s}", "ok", ok, "note", note);
    *out = json_dumps(o, JSON_COMPACT);
    json_decref(o);
    return *out ? MR_OK : MR_RAISE(MR_EMEM, "no memory for an answer");
}

static mr_status set_paused(mr_watch *w, bool on, char **out)
{
    mr_mutex_lock(w->m);
    const char *no = w->no_pause;
    if (!no) w->paused = on;
    w->woken = true;
    mr_mutex_wake(w->m);
    mr_mutex_unlock(w->m);
    if (no) return reply(false, no, out);
    mr_log(MR_INFO, on ? "paused: millrace resume goes on" : "resumed");
    mr_status_write(w, false);
    return reply(true, on ? "paused" : "resumed", out);
}

mr_status mr_watch_answer(mr_watch *w, const char *request, size_t n, bool *watches, char **out)
{
    json_t *o = n <= 4096 ? json_loadb(request, n, JSON_REJECT_DUPLICATES, NULL) : NULL;
    const char *verb = json_string_value(json_object_get(o, "do"));
    mr_status st;
    if (verb && strcmp(verb, "stop") == 0) {
        mr_log(MR_INFO, "asked to stop");
        if (w->o.stop) w->o.stop(w->o.arg);
        mr_mutex_lock(w->m);
        w->woken = true;
        w->paused = false; /* a paused run that is to stop has to move */
        mr_mutex_wake(w->m);
        mr_mutex_unlock(w->m);
        st = reply(true, "stopping", out);
    } else if (verb && (strcmp(verb, "pause") == 0 || strcmp(verb, "resume") == 0)) {
        st = set_paused(w, *verb == 'p', out);
    } else if (verb && (strcmp(verb, "status") == 0 || strcmp(verb, "watch") == 0)) {
        *watches = *verb == 'w' || *watches;
        st = mr_status_text(w, false, 200, out);
    } else {
        st = reply(false, "there is stop, pause, resume, status and watch", out);
    }
    json_decref(o);
    return st;
}

void mr_watch_say_refused(MR_UNUSED mr_watch *w, const mr_listener *l, bool *said)
{
    const char *why;
    if (*said || !l || !mr_listener_refused(l, &why)) return;
    mr_log(MR_WARN, "control: a caller was turned away: %s (this is said once)", why);
    *said = true;
}
