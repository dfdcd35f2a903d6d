/* cli/state/control.c: stop, pause, resume, watch OUT: say it to the run, through the socket in its
 * folder or, from another host, through its port, with the folder's key. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/text.h"
#include "cli/cli.h"
#include "cli/common/opts.h"
#include "cli/state/state.h"
#include "cli/state/status.h"
#include "watch/conn.h"

#define PATIENCE_S 10.0

static mr_status no_run(const char *folder, const mr_state *s)
{
    char shown[256];
    mr_printable(folder, shown, sizeof shown);
    return MR_RAISE(MR_EINPUT, "%s: no run is at work there%s%s", shown,
                    s ? "; the last one is " : "", s ? s->name : "");
}

/** The socket in the folder; over TCP where that is another host's. */
static mr_status reach(const char *folder, const mr_state *s, mr_conn **out)
{
    mr_status st = MR_OK;
    mr_text path = {0}, address = {0};
    mr_key key = {0};
    const char *host = json_string_value(json_object_get(s->json, "host"));
    const json_t *control = json_object_get(s->json, "control");
    const char *tcp = json_string_value(json_object_get(control, "tcp"));
    MR_TRY(mr_text_add(&path, "%s/.millrace/key", folder));
    st = mr_key_read(path.s, &key);
    if (st == MR_ECLOSED)
        st = MR_RAISE(MR_EINPUT,
                      "%s: there is none; the run there hears nobody (it was built "
                      "without libuv or libsodium, or says why in its log)",
                      path.s);
    if (st != MR_OK) goto out;
    MR_TRY(mr_text_add(&address, "unix:%s/.millrace/control", folder));
    st = mr_connect(address.s, &key, PATIENCE_S, out);
    if (st == MR_ECLOSED && tcp) {
        address.len = 0;
        if (strncmp(tcp, "tcp::", 5) == 0) /* all addresses of its host */
            st = mr_text_add(&address, "tcp:%s%s", host ? host : "", tcp + 4);
        else
            st = mr_text_add(&address, "%s", tcp);
        if (st == MR_OK) st = mr_connect(address.s, &key, PATIENCE_S, out);
    } else if (st == MR_ECLOSED) {
        st = MR_RAISE(MR_EINPUT,
                      "the run is on host %s and its socket is not heard from here: "
                      "say it there, or start it with --control tcp",
                      host ? host : "?");
    }
    if (st == MR_ECLOSED) st = MR_EINPUT;
    if (st == MR_ETIMEOUT)
        st = MR_RAISE(MR_EOUTPUT, "%s: no answer in %.0f s", address.s, PATIENCE_S);
out:
    mr_key_wipe(&key, sizeof key);
    mr_text_fini(&path);
    mr_text_fini(&address);
    return st;
}

static mr_status ask(mr_conn *c, const char *verb, mr_text *answer)
{
    char line[64];
    const int n = snprintf(line, sizeof line, "{\"do\":\"%s\"}", verb);
    mr_status st = mr_send(c, line, (size_t)n, PATIENCE_S);
    if (st == MR_OK) st = mr_recv(c, answer, PATIENCE_S);
    if (st == MR_ECLOSED) return MR_RAISE(MR_EDENIED, "the run turned this caller away");
    if (st == MR_ETIMEOUT) return MR_RAISE(MR_EOUTPUT, "the run does not answer");
    return st;
}

static mr_status say(mr_conn *c, const char *verb)
{
    mr_text t = {0};
    mr_status st = ask(c, verb, &t);
    if (st == MR_OK) {
        json_t *o = json_loadb(t.s, t.len, 0, NULL);
        const char *note = json_string_value(json_object_get(o, "note"));
        if (json_is_true(json_object_get(o, "ok")))
            printf("%s\n", note ? note : "done");
        else
            st = MR_RAISE(MR_ECONFIG, "%s: %s", verb, note ? note : "refused");
        json_decref(o);
    }
    mr_text_fini(&t);
    return st;
}

/** A line whenever it changes, at most one a second. */
static mr_status watch(mr_conn *c, bool json)
{
    char last[512] = "", line[512];
    mr_text t = {0};
    mr_status st = ask(c, "watch", &t);
    const bool terminal = isatty(STDOUT_FILENO);
    while (st == MR_OK) {
        json_t *o = json_loadb(t.s, t.len, 0, NULL);
        const bool over = json_is_integer(json_object_get(o, "status"));
        char *text = json ? json_dumps(o, JSON_COMPACT) : NULL;
        mr_status_line(o, line, sizeof line);
        if (text)
            printf("%s\n", text);
        else if (strcmp(last, line) != 0)
            printf(terminal ? "\r%-78s" : "%s\n", line);
        fflush(stdout);
        snprintf(last, sizeof last, "%s", line);
        free(text);
        json_decref(o);
        if (over) break;
        t.len = 0;
        st = mr_recv(c, &t, 60);
    }
    if (terminal && !json) printf("\n");
    mr_text_fini(&t);
    return st == MR_ECLOSED ? MR_OK : st;
}

int mr_cli_control(int argc, char **argv)
{
    static const mr_opt table[] = {{"json", NULL, NULL, "watch: as JSON"}, {0}};
    mr_opts o;
    mr_state s = {0};
    mr_conn *c = NULL;
    mr_status st = mr_opts_parse(table, argc, argv, 1, 1, &o);
    if (st != MR_OK) return (int)st;
    if (o.help) {
        printf("usage: millrace %s OUT\n\nTo the run that is at work in this output folder: stop "
               "(finish the block in hand, leave with\n75; a run that follows ends its archive "
               "here), pause (what was computed is still written),\nresume, watch (how it stands, "
               "as it changes). It takes the key in OUT/.millrace/key, and\nthe run's host or "
               "`run --control tcp`. Status 0 done, 3 no run, 77 not allowed.\n",
               argv[0]);
        return MR_OK;
    }
    st = mr_state_read(o.arg[0], &s);
    if (st == MR_OK && !s.live) st = no_run(o.arg[0], &s);
    if (st != MR_OK) goto out;
    const bool watches = strcmp(argv[0], "watch") == 0;
    st = reach(o.arg[0], &s, &c);
    if (watches && st == MR_EINPUT) { /* the files tell as much, if less often */
        mr_log(MR_INFO, "by its files: %s", mr_error());
        st = mr_status_follow(o.arg[0], o.val[0] != NULL);
        goto out;
    }
    if (st == MR_OK) st = watches ? watch(c, o.val[0] != NULL) : say(c, argv[0]);
out:
    mr_conn_free(c);
    mr_state_fini(&s);
    return (int)st;
}
