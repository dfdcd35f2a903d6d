/* watch/watch.c: begin and end of watching, and what the run's own thread calls: see watch.h. */
#include "watch/inside.h"
#include "watch/live.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PICTURE_S 3.0 /* between two pictures */
#define LOOKS_S 10.0  /* somebody who asked for one is looking */

static mr_status in_folder(const char *before, const char *folder, const char *name, char **out)
{
    mr_text t = {0};
    const mr_status st = mr_text_add(&t, "%s%s/.millrace/%s", before, folder, name);
    if (st == MR_OK)
        *out = t.s;
    else
        mr_text_fini(&t);
    return st;
}

static void watch_free(mr_watch *w)
{
    if (!w) return;
    if (w->loop) mr_watch_loop_free(w);
    mr_live_free(w->live);
    for (int i = 0; i < 2; i++) mr_listener_free(w->listener[i]);
    mr_mutex_free(w->m);
    mr_strs_fini(&w->folders);
    mr_strs_fini(&w->news_of);
    mr_key_wipe(&w->key, sizeof w->key);
    free(w->folder);
    free(w->path);
    free(w->socket);
    free(w->key_path);
    free(w->hosts);
    for (int i = 0; i < MR_SHOWN_N; i++) free(w->shown[i]);
    mr_text_fini(&w->before);
    free(w->rank);
    free(w);
}

static mr_status watch_new(const mr_watch_opts *o, mr_watch **out)
{
    mr_status st = MR_OK;
    mr_watch *w = NULL;
    struct timespec t;
    const size_t n = (size_t)o->ranks;
    MR_TRY(mr_alloc(1, sizeof *w, "the watch", &w));
    w->o = *o;
    clock_gettime(CLOCK_REALTIME, &t);
    w->started_ns = (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
    gethostname(w->host, sizeof w->host - 1);
    MR_TRY(mr_mutex_new("watch", &w->m));
    MR_TRY(mr_strdup(o->folder, &w->folder));
    MR_TRY(in_folder("", o->folder, "status.json", &w->path));
    MR_TRY(in_folder("unix:", o->folder, "control", &w->socket));
    MR_TRY(in_folder("", o->folder, "key", &w->key_path));
    if (access(w->path, F_OK) == 0 && mr_read_text(w->path, 64 << 20, &w->before) != MR_OK)
        mr_error_clear();
    MR_TRY(mr_alloc(n, MR_HOST_BYTES, "the hosts", &w->hosts));
    memcpy(w->hosts, o->hosts, n * MR_HOST_BYTES);
    MR_TRY(mr_alloc(n, sizeof *w->rank, "the ranks", &w->rank));
    *out = w;
    w = NULL;
out:
    watch_free(w);
    return st;
}

/** Key, socket and port. Only the port has to be had. */
static mr_status be_heard(mr_watch *w)
{
    mr_status st = MR_OK;
    mr_text at = {0};
    const char *deaf = mr_watch_deaf();
    if (deaf && w->o.tcp) return MR_RAISE(MR_ECONFIG, "--control: %s", deaf);
    if (deaf) return MR_OK;
    st = mr_key_make(w->key_path, &w->key);
    if (st == MR_OK) st = mr_listen(w->socket, &w->key, &w->listener[0]);
    if (st != MR_OK) {
        mr_log(MR_WARN, "only signals stop this run: %s", mr_error());
        mr_error_clear();
    }
    if (!w->o.tcp) return MR_OK;
    const char *colon = strrchr(w->o.tcp, ':'), *bracket = strrchr(w->o.tcp, ']');
    const bool port = colon && (!bracket || colon > bracket);
    MR_TRY(mr_text_add(&at, "tcp:%s%s", w->o.tcp, port ? "" : ":0"));
    MR_TRY(mr_listen(at.s, &w->key, &w->listener[1]));
    mr_log(MR_INFO, "control: %s", mr_listener_address(w->listener[1]));
out:
    mr_text_fini(&at);
    return st;
}

mr_status mr_watch_open(const mr_watch_opts *o, mr_watch **out)
{
    mr_status st = MR_OK;
    mr_watch *w = NULL;
    MR_TRY(watch_new(o, &w));
    MR_TRY(be_heard(w));
    if (o->live) MR_TRY(mr_live_open(w, o->live, &w->live));
    MR_TRY(mr_watch_loop_new(w));
    MR_TRY(mr_crew_new("watch", 1, &w->crew));
    st = mr_crew_submit(w->crew, mr_watch_loop, w, &w->task);
    if (st != MR_OK) {
        mr_crew_free(w->crew, true);
        goto out;
    }
    *out = w;
    w = NULL;
out:
    watch_free(w);
    return st;
}

void mr_watch_tell(mr_watch *w, const mr_news *n, const mr_tally *rank)
{
    if (!w) return;
    mr_mutex_lock(w->m);
    const bool turn = n->phase != w->news.phase;
    if (n->blocks_done < w->news.blocks_done) w->n_rates = 0; /* another round */
    w->news = *n;
    w->ran = w->ran || n->phase > MR_PLANNING;
    if (rank) memcpy(w->rank, rank, (size_t)w->o.ranks * sizeof *rank);
    mr_mutex_unlock(w->m);
    if (turn) mr_watch_nudge(w);
}

void mr_watch_show(mr_watch *w, mr_shown what, char *json)
{
    if (!w) {
        free(json);
        return;
    }
    mr_mutex_lock(w->m);
    free(w->shown[what]);
    w->shown[what] = json;
    w->n_shown[what]++;
    if (what == MR_SHOWN_PICTURE) w->drawn = mr_now();
    mr_mutex_unlock(w->m);
}

bool mr_watch_wants_picture(mr_watch *w)
{
    const double now = mr_now();
    if (!w) return false;
    mr_mutex_lock(w->m);
    const bool wants = w->asked > 0 && now - w->asked < LOOKS_S && now - w->drawn >= PICTURE_S;
    mr_mutex_unlock(w->m);
    return wants;
}

bool mr_watch_paused(mr_watch *w)
{
    if (!w) return false;
    mr_mutex_lock(w->m);
    const bool paused = w->paused;
    mr_mutex_unlock(w->m);
    return paused;
}

void mr_watch_no_pause(mr_watch *w, const char *why)
{
    if (!w) return;
    mr_mutex_lock(w->m);
    w->no_pause = why;
    mr_mutex_unlock(w->m);
}

bool mr_watch_folder(mr_watch *w, const char *path)
{
    if (!w) return false;
    bool known = false;
    mr_mutex_lock(w->m);
    for (size_t i = 0; i < w->folders.n && !known; i++) known = strcmp(w->folders.v[i], path) == 0;
    if (!known && mr_strs_add(&w->folders, path) != MR_OK) mr_error_clear();
    mr_mutex_unlock(w->m);
    if (!known) mr_watch_nudge(w);
    return !known;
}

bool mr_watch_notices(const mr_watch *w)
{
    return w && mr_watch_loop_notices(w);
}

bool mr_watch_wait(mr_watch *w, double timeout_s, bool *files, mr_strs *paths)
{
    const double until = mr_now() + timeout_s;
    double left;
    mr_mutex_lock(w->m);
    while (!w->woken && !w->new_files && (left = until - mr_now()) > 0) mr_mutex_wait(w->m, left);
    const bool any = w->woken || w->new_files;
    *files = w->new_files;
    w->woken = w->new_files = false;
    mr_strs_fini(paths);
    *paths = w->news_of;
    w->news_of = (mr_strs){0};
    mr_mutex_unlock(w->m);
    return any;
}

/** A run that was refused has not touched the folder: what its status was stands again. */
static void put_back(const mr_watch *w)
{
    FILE *f = w->before.len ? fopen(w->path, "we") : NULL;
    if (f) fwrite(w->before.s, 1, w->before.len, f);
    if (f) fclose(f);
    if (!f) unlink(w->path);
}

void mr_watch_close(mr_watch *w, mr_status st, const char *why)
{
    if (!w) return;
    mr_mutex_lock(w->m);
    w->closing = true;
    w->end = st;
    snprintf(w->why, sizeof w->why, "%s", why);
    mr_mutex_unlock(w->m);
    mr_watch_nudge(w);
    mr_crew_free(w->crew, false); /* the thread has written the last status */
    mr_future_free(w->task);
    unlink(w->key_path);
    if (w->news.phase <= MR_PLANNING && !w->ran && (st == MR_ECONFIG || st == MR_EMEM)) put_back(w);
    watch_free(w);
}
