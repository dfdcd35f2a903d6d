/* watch/loop_uv.c: the watching thread: one libuv loop that waits for callers, those who have
 * called, signals, new files and the clock at once. */
#if MR_UV && MR_SODIUM
#include "watch/inside.h"
#include "watch/live.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>
#include <uv.h>

enum { GUESTS = 32, NAMED = 256 }; /* callers; files named at once */
struct loop;

/** Somebody who has the key. */
typedef struct guest {
    struct loop *l;
    mr_conn *c; /* NULL: on its way out */
    uv_poll_t poll;
    bool watches;
} guest;

typedef struct loop {
    mr_watch *w;
    uv_loop_t uv;
    uv_async_t nudge;
    uv_timer_t tick;
    uv_poll_t listener[2], signals, files, live;
    bool has_listener[2], has_signals, has_files, has_live;
    int inotify; /* -1: none */
    size_t folders_seen;
    int *folder; /* [folders_seen] what inotify calls them */
    size_t cap_folders;
    guest *guest[GUESTS];
    size_t n_guests;
    bool said, over;
    int ticks;
} loop;

const char *mr_watch_deaf(void)
{
    return NULL;
}

/* --- guests ---------------------------------------------------------------------------------- */

static void guest_gone(uv_handle_t *h)
{
    guest *g = h->data;
    mr_conn_free(g->c);
    free(g);
}

static void see_off(loop *l, guest *g)
{
    for (size_t i = 0; i < l->n_guests; i++)
        if (l->guest[i] == g) l->guest[i] = l->guest[--l->n_guests];
    uv_poll_stop(&g->poll);
    uv_close((uv_handle_t *)&g->poll, guest_gone);
}

/** A guest that does not read what it is told has to go. */
static void tell(loop *l, guest *g, const char *text)
{
    if (mr_send(g->c, text, strlen(text), 0) != MR_OK) see_off(l, g);
}

static void on_guest(uv_poll_t *p, MR_UNUSED int status, MR_UNUSED int events)
{
    guest *g = p->data;
    loop *l = g->l;
    mr_text t = {0};
    mr_status st;
    for (int i = 0; i < 16 && (st = mr_recv(g->c, &t, 0)) == MR_OK; i++) {
        char *answer = NULL;
        st = mr_watch_answer(l->w, t.s, t.len, &g->watches, &answer);
        if (st == MR_OK) st = mr_send(g->c, answer, strlen(answer), 0);
        free(answer);
        t.len = 0;
        if (st != MR_OK) break;
    }
    if (st != MR_OK && st != MR_ETIMEOUT) {
        mr_error_clear();
        see_off(l, g);
    }
    mr_text_fini(&t);
}

static void take_in(loop *l, mr_conn *c)
{
    guest *g = NULL;
    if (l->n_guests == GUESTS || mr_alloc(1, sizeof *g, "a caller", &g) != MR_OK) {
        mr_conn_free(c);
        return;
    }
    g->l = l;
    g->c = c;
    uv_poll_init(&l->uv, &g->poll, mr_conn_fd(c));
    g->poll.data = g;
    l->guest[l->n_guests++] = g;
    uv_poll_start(&g->poll, UV_READABLE | UV_DISCONNECT, on_guest);
    on_guest(&g->poll, 0, 0); /* its first words may have come with its proof */
}

static void hear(loop *l, int i)
{
    mr_conn *c = NULL;
    while (mr_accept(l->w->listener[i], 0, &c) == MR_OK) take_in(l, c);
    mr_watch_say_refused(l->w, l->w->listener[i], &l->said);
}

static void on_caller(uv_poll_t *p, MR_UNUSED int status, MR_UNUSED int events)
{
    loop *l = p->data;
    hear(l, p == &l->listener[1]);
}

static void on_live(uv_poll_t *p, MR_UNUSED int status, MR_UNUSED int events)
{
    loop *l = p->data;
    mr_live_run(l->w->live);
}

/* --- files and signals ----------------------------------------------------------------------- */

/** Add a path to those that something has happened to; the gate is ours. false: it is not known, or
 *  they are too many. */
static bool name_file(loop *l, const struct inotify_event *e)
{
    mr_watch *w = l->w;
    mr_text t = {0};
    size_t i = 0;
    while (i < l->folders_seen && l->folder[i] != e->wd) i++;
    if (i == l->folders_seen || !e->len || e->mask & IN_Q_OVERFLOW || w->news_of.n == NAMED)
        return false;
    const bool good = mr_text_add(&t, "%s%s", w->folders.v[i], e->name) == MR_OK &&
                      mr_strs_add(&w->news_of, t.s) == MR_OK;
    if (!good) mr_error_clear();
    mr_text_fini(&t);
    return good;
}

static void on_files(uv_poll_t *p, MR_UNUSED int status, MR_UNUSED int events)
{
    char buf[16384] __attribute__((aligned(8)));
    loop *l = p->data;
    mr_watch *w = l->w;
    ssize_t n;
    mr_mutex_lock(w->m);
    bool named = !w->new_files || w->news_of.n;
    while ((n = read(l->inotify, buf, sizeof buf)) > 0)
        for (ssize_t at = 0; at < n;) {
            const struct inotify_event *e = (const void *)(buf + at);
            named = named && name_file(l, e);
            at += (ssize_t)(sizeof *e + e->len);
        }
    if (!named) mr_strs_fini(&w->news_of);
    w->new_files = true;
    mr_mutex_wake(w->m);
    mr_mutex_unlock(w->m);
}

static void on_signals(uv_poll_t *p, MR_UNUSED int status, MR_UNUSED int events)
{
    loop *l = p->data;
    uint64_t n;
    while (read(l->w->o.stop_fd, &n, sizeof n) > 0) continue;
    mr_mutex_lock(l->w->m);
    l->w->woken = true;
    mr_mutex_wake(l->w->m);
    mr_mutex_unlock(l->w->m);
}

static void watch_folders(loop *l)
{
    mr_watch *w = l->w;
    mr_mutex_lock(w->m);
    if (mr_grow(&l->folder, &l->cap_folders, w->folders.n, sizeof *l->folder, "folders") != MR_OK)
        mr_error_clear();
    for (; l->folders_seen < MR_MIN(w->folders.n, l->cap_folders); l->folders_seen++)
        l->folder[l->folders_seen] =
            inotify_add_watch(l->inotify, w->folders.v[l->folders_seen],
                              IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_ONLYDIR);
    mr_mutex_unlock(w->m);
}

/* --- the clock ------------------------------------------------------------------------------- */

static void tell_all(loop *l, bool over)
{
    char *s = NULL;
    bool any = false;
    for (size_t i = 0; i < l->n_guests; i++) any = any || l->guest[i]->watches;
    if (!any || mr_status_text(l->w, over, 200, &s) != MR_OK) return;
    for (size_t i = l->n_guests; i-- > 0;)
        if (l->guest[i]->watches) tell(l, l->guest[i], s);
    free(s);
}

/** Every second: silent callers are let go, watchers are told; every other one: the file. */
static void on_tick(uv_timer_t *t)
{
    loop *l = t->data;
    for (int i = 0; i < 2; i++)
        if (l->w->listener[i]) hear(l, i);
    if (l->w->live) {
        mr_mutex_lock(l->w->m);
        mr_history_note(&l->w->history, mr_now(), l->w->news.bytes, l->w->news.samples);
        mr_mutex_unlock(l->w->m);
        mr_live_run(l->w->live);
    }
    if (++l->ticks % (int)MR_WATCH_EVERY_S == 0) mr_status_write(l->w, false);
    tell_all(l, false);
}

static void close_handle(uv_handle_t *h, MR_UNUSED void *arg)
{
    if (!uv_is_closing(h)) uv_close(h, NULL);
}

static void leave(loop *l)
{
    if (l->over) return;
    l->over = true;
    mr_status_write(l->w, true);
    tell_all(l, true);
    for (size_t i = 0; i < l->n_guests; i++) (void)mr_flush(l->guest[i]->c, 0.2);
    while (l->n_guests) see_off(l, l->guest[0]);
    uv_walk(&l->uv, close_handle, NULL);
}

static void on_nudge(uv_async_t *a)
{
    loop *l = a->data;
    mr_mutex_lock(l->w->m);
    const bool closing = l->w->closing;
    mr_mutex_unlock(l->w->m);
    watch_folders(l);
    if (closing)
        leave(l);
    else
        mr_status_write(l->w, false);
}

/* --- its life -------------------------------------------------------------------------------- */

static void poll_on(loop *l, uv_poll_t *p, int fd, uv_poll_cb call, bool *has)
{
    *has = fd >= 0 && uv_poll_init(&l->uv, p, fd) == 0;
    p->data = l;
    if (*has) uv_poll_start(p, UV_READABLE, call);
}

mr_status mr_watch_loop_new(mr_watch *w)
{
    mr_status st = MR_OK;
    loop *l = NULL;
    MR_TRY(mr_alloc(1, sizeof *l, "the watch", &l));
    l->w = w;
    if (uv_loop_init(&l->uv) != 0 || uv_async_init(&l->uv, &l->nudge, on_nudge) != 0) {
        free(l);
        return MR_RAISE(MR_EOUTPUT, "libuv does not start");
    }
    l->nudge.data = l->tick.data = l;
    uv_timer_init(&l->uv, &l->tick);
    uv_timer_start(&l->tick, on_tick, 1000, 1000);
    for (int i = 0; i < 2; i++)
        poll_on(l, &l->listener[i], w->listener[i] ? mr_listener_fd(w->listener[i]) : -1, on_caller,
                &l->has_listener[i]);
    poll_on(l, &l->live, w->live ? mr_live_fd(w->live) : -1, on_live, &l->has_live);
    poll_on(l, &l->signals, w->o.stop_fd, on_signals, &l->has_signals);
    l->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    poll_on(l, &l->files, l->inotify, on_files, &l->has_files);
    w->loop = l;
out:
    return st;
}

void mr_watch_loop_free(mr_watch *w)
{
    loop *l = w->loop;
    if (!l->over) uv_walk(&l->uv, close_handle, NULL); /* its thread never ran */
    uv_run(&l->uv, UV_RUN_DEFAULT);
    uv_loop_close(&l->uv);
    if (l->inotify >= 0) close(l->inotify);
    free(l->folder);
    free(l);
    w->loop = NULL;
}

bool mr_watch_loop_notices(const mr_watch *w)
{
    const loop *l = w->loop;
    return l->has_files;
}

void mr_watch_nudge(mr_watch *w)
{
    loop *l = w->loop;
    uv_async_send(&l->nudge);
}

mr_status mr_watch_loop(void *arg, MR_UNUSED mr_future *self)
{
    mr_watch *w = arg;
    loop *l = w->loop;
    mr_status_write(w, false);
    uv_run(&l->uv, UV_RUN_DEFAULT);
    return MR_OK;
}
#else
typedef int mr_loop_is_plain;
#endif
