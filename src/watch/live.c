/* watch/live.c: see live.h. The library is loaded when it is asked for: it brings gnutls and eight
 * more, which every start of the program would pay for. */
#include "watch/live.h"
#if MR_HTTP && MR_UV && MR_SODIUM
#include <dlfcn.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "watch/address.h"
#include "watch/inside.h"

enum { TOKEN_BYTES = 16, TOKEN_HEX = 2 * TOKEN_BYTES };

/** The calls that are used. */
typedef struct library {
    void *handle;
    __typeof__(&MHD_start_daemon) start;
    __typeof__(&MHD_stop_daemon) stop;
    __typeof__(&MHD_run) run;
    __typeof__(&MHD_get_daemon_info) info;
    __typeof__(&MHD_create_response_from_buffer) response;
    __typeof__(&MHD_queue_response) queue;
    __typeof__(&MHD_destroy_response) destroy;
    __typeof__(&MHD_add_response_header) header;
    __typeof__(&MHD_lookup_connection_value) value;
} library;

struct mr_live {
    mr_watch *w;
    library lib;
    struct MHD_Daemon *daemon;
    int fd; /* of the listening socket until the daemon has it */
    char token[TOKEN_HEX + 1];
    char *path; /* of a Unix socket */
};

static mr_status load(library *l)
{
    static const char *const names[] = {"MHD_start_daemon",
                                        "MHD_stop_daemon",
                                        "MHD_run",
                                        "MHD_get_daemon_info",
                                        "MHD_create_response_from_buffer",
                                        "MHD_queue_response",
                                        "MHD_destroy_response",
                                        "MHD_add_response_header",
                                        "MHD_lookup_connection_value"};
    void *to[sizeof names / sizeof *names];
    l->handle = dlopen("libmicrohttpd.so.12", RTLD_NOW | RTLD_LOCAL);
    if (!l->handle) l->handle = dlopen("libmicrohttpd.so", RTLD_NOW | RTLD_LOCAL);
    if (!l->handle)
        return MR_RAISE(MR_ECONFIG, "--live: libmicrohttpd cannot be loaded: %s", dlerror());
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!(to[i] = dlsym(l->handle, names[i])))
            return MR_RAISE(MR_ECONFIG, "--live: libmicrohttpd has no %s", names[i]);
    memcpy(&l->start, to, sizeof to); /* function pointers, in the same order */
    return MR_OK;
}

/* --- answers --------------------------------------------------------------------------------- */

static enum MHD_Result answer(mr_live *l, struct MHD_Connection *c, unsigned status,
                              const char *type, const char *text)
{
    struct MHD_Response *r =
        l->lib.response(strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
    if (!r) return MHD_NO;
    if (*text) {
        l->lib.header(r, "Content-Type", type);
        l->lib.header(r, "Cache-Control", "no-store");
        l->lib.header(r, "Referrer-Policy", "no-referrer");
        l->lib.header(r, "X-Content-Type-Options", "nosniff");
        l->lib.header(r, "Content-Security-Policy",
                      "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
                      "connect-src 'self'; img-src data:; frame-ancestors 'none'");
    }
    const enum MHD_Result done = l->lib.queue(c, status, r);
    l->lib.destroy(r);
    return done;
}

/** In a time that says nothing of where they differ. */
static bool same_token(const char *mine, const char *given)
{
    unsigned char differ = 0;
    if (!given || strlen(given) != TOKEN_HEX) return false;
    for (size_t i = 0; i < TOKEN_HEX; i++) differ |= (unsigned char)(mine[i] ^ given[i]);
    return differ == 0;
}

static enum MHD_Result give_shown(mr_live *l, struct MHD_Connection *c, mr_shown what)
{
    mr_mutex_lock(l->w->m);
    if (what == MR_SHOWN_PICTURE) l->w->asked = mr_now();
    const char *s = l->w->shown[what] ? l->w->shown[what] : "null";
    const enum MHD_Result done = answer(l, c, 200, "application/json", s); /* copies it */
    mr_mutex_unlock(l->w->m);
    return done;
}

/** All that changes from second to second; of the rest how often it has. [give] */
static mr_status all_text(mr_watch *w, char **out)
{
    mr_status st = MR_OK;
    char *status = NULL;
    mr_text t = {0};
    MR_TRY(mr_status_text(w, false, 200, &status));
    mr_mutex_lock(w->m);
    st = mr_text_add(&t, "{\"status\":%s,\"states\":%s,\"n\":[", status,
                     w->shown[MR_SHOWN_STATES] ? w->shown[MR_SHOWN_STATES] : "null");
    for (int i = 0; st == MR_OK && i < MR_SHOWN_N; i++)
        st = mr_text_add(&t, "%s%llu", i ? "," : "", (unsigned long long)w->n_shown[i]);
    if (st == MR_OK) st = mr_text_add(&t, "],\"history\":");
    if (st == MR_OK) st = mr_history_json(&w->history, &t);
    if (st == MR_OK) st = mr_text_add(&t, "}");
    mr_mutex_unlock(w->m);
    MR_TRY(st);
    *out = t.s;
    t = (mr_text){0};
out:
    free(status);
    mr_text_fini(&t);
    return st;
}

static enum MHD_Result give(mr_live *l, struct MHD_Connection *c, const char *url)
{
    static const struct {
        const char *url;
        mr_shown what;
    } shown[] = {{"/lanes.json", MR_SHOWN_LANES},
                 {"/ledger.json", MR_SHOWN_LEDGER},
                 {"/picture.json", MR_SHOWN_PICTURE}};
    char *s = NULL;
    enum MHD_Result done;
    if (strcmp(url, "/") == 0) return answer(l, c, 200, "text/html; charset=utf-8", mr_live_page);
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        if (strcmp(url, shown[i].url) == 0) return give_shown(l, c, shown[i].what);
    const bool all = strcmp(url, "/live.json") == 0;
    if (!all && strcmp(url, "/status.json") != 0)
        return answer(l, c, 404, "text/plain", "no such page\n");
    if ((all ? all_text(l->w, &s) : mr_status_text(l->w, false, 200, &s)) != MR_OK) {
        mr_error_clear();
        return MHD_NO;
    }
    done = answer(l, c, 200, "application/json", s);
    free(s);
    return done;
}

/** stop, pause, resume. */
static enum MHD_Result act(mr_live *l, struct MHD_Connection *c, const char *url)
{
    char request[64], *s = NULL;
    bool watches = false;
    if (strcmp(url, "/stop") != 0 && strcmp(url, "/pause") != 0 && strcmp(url, "/resume") != 0)
        return answer(l, c, 404, "text/plain", "no such thing to do\n");
    const int n = snprintf(request, sizeof request, "{\"do\":\"%s\"}", url + 1);
    if (mr_watch_answer(l->w, request, (size_t)n, &watches, &s) != MR_OK) return MHD_NO;
    const enum MHD_Result done = answer(l, c, 200, "application/json", s);
    free(s);
    return done;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *url,
                                  const char *method, MR_UNUSED const char *version,
                                  MR_UNUSED const char *upload, size_t *n, void **seen)
{
    static int met;
    mr_live *l = arg;
    const char *token = l->lib.value(c, MHD_GET_ARGUMENT_KIND, "token");
    if (!same_token(l->token, token)) return answer(l, c, 401, "", "");
    if (strcmp(method, "GET") == 0) return give(l, c, url);
    if (strcmp(method, "POST") != 0) return answer(l, c, 405, "text/plain", "GET or POST\n");
    if (!*seen) { /* its body may follow, and is not looked at */
        *seen = &met;
        return MHD_YES;
    }
    if (*n) {
        *n = 0;
        return MHD_YES;
    }
    return act(l, c, url);
}

/* --- its life -------------------------------------------------------------------------------- */

static mr_status serve(mr_live *l)
{
    l->daemon =
        l->lib.start(MHD_USE_EPOLL, 0, NULL, NULL, on_request, l, MHD_OPTION_LISTEN_SOCKET, l->fd,
                     MHD_OPTION_CONNECTION_LIMIT, 64u, MHD_OPTION_CONNECTION_TIMEOUT, 10u,
                     MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)32768, MHD_OPTION_END);
    if (!l->daemon) return MR_RAISE(MR_EOUTPUT, "--live: libmicrohttpd does not start");
    l->fd = -1; /* the daemon's */
    return MR_OK;
}

mr_status mr_live_open(mr_watch *w, const char *address, mr_live **out)
{
    mr_status st = MR_OK;
    mr_live *l = NULL;
    mr_text at = {0};
    char got[MR_ADDRESS_BYTES];
    const bool local = strncmp(address, "unix:", 5) == 0;
    const char *colon = strrchr(address, ':'), *bracket = strrchr(address, ']');
    const bool port = colon && (!bracket || colon > bracket);
    MR_TRY(mr_alloc(1, sizeof *l, "the live page", &l));
    l->w = w;
    l->fd = -1;
    MR_TRY(mr_random_hex(TOKEN_BYTES, l->token));
    MR_TRY(load(&l->lib));
    if (local)
        st = mr_text_add(&at, "%s", address);
    else
        st = mr_text_add(&at, "tcp:%s%s", *address ? address : "127.0.0.1", port ? "" : ":0");
    if (st == MR_OK) st = mr_address_listen(at.s, &l->fd, got);
    if (st == MR_OK && local) st = mr_strdup(address + 5, &l->path);
    MR_TRY(st);
    MR_TRY(serve(l));
    fprintf(stderr, "live: %s%s/?token=%s\n", local ? "" : "http://", local ? got : got + 4,
            l->token);
    *out = l;
    l = NULL;
out:
    mr_text_fini(&at);
    mr_live_free(l);
    return st;
}

int mr_live_fd(const mr_live *l)
{
    const union MHD_DaemonInfo *i = l->lib.info(l->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    return i ? i->epoll_fd : -1;
}

void mr_live_run(mr_live *l)
{
    l->lib.run(l->daemon);
}

void mr_live_free(mr_live *l)
{
    if (!l) return;
    if (l->daemon) l->lib.stop(l->daemon);
    if (l->fd >= 0) close(l->fd);
    if (l->path) unlink(l->path);
    free(l->path);
    if (l->lib.handle) dlclose(l->lib.handle);
    mr_key_wipe(l, sizeof *l);
    free(l);
}
#else
mr_status mr_live_open(MR_UNUSED mr_watch *w, MR_UNUSED const char *address,
                       MR_UNUSED mr_live **out)
{
    return MR_RAISE(MR_ECONFIG, "--live: this millrace was built without libmicrohttpd, libuv or "
                                "libsodium (make HTTP=0, UV=0 or SODIUM=0)");
}

int mr_live_fd(MR_UNUSED const mr_live *l)
{
    return -1;
}

void mr_live_run(MR_UNUSED mr_live *l)
{
}

void mr_live_free(MR_UNUSED mr_live *l)
{
}
#endif
