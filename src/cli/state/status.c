/* cli/state/status.c: status OUT: how a run stands, from files alone, so that it works from any
 * host. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "base/quantity.h"
#include "cli/cli.h"
#include "cli/common/opts.h"
#include "cli/inspect/show.h"
#include "cli/state/state.h"
#include "cli/state/status.h"

static double number(const json_t *o, const char *key)
{
    return json_number_value(json_object_get(o, key));
}

static const char *word(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

int mr_status_line(const json_t *o, char *line, size_t size)
{
    char eta[32];
    const json_t *lanes = json_object_get(o, "lanes"), *left = json_object_get(o, "eta_s");
    int n = snprintf(line, size, "%s, %.0f", word(o, "state"), number(lanes, "done"));
    if (json_is_number(json_object_get(lanes, "total")))
        n += snprintf(line + n, size - (size_t)n, " of %.0f", number(lanes, "total"));
    n += snprintf(line + n, size - (size_t)n, " lanes");
    if (json_is_number(json_object_get(o, "rate_mb_s")) && json_is_number(left) &&
        number(o, "eta_s") > 0)
        n += snprintf(line + n, size - (size_t)n, ", %.0f MB/s, ETA %s", number(o, "rate_mb_s"),
                      mr_fmt_hms(number(o, "eta_s"), eta));
    if (*word(o, "bottleneck"))
        n += snprintf(line + n, size - (size_t)n, ", waits for %s", word(o, "bottleneck"));
    if (number(o, "losses") > 0)
        n += snprintf(line + n, size - (size_t)n, ", %.0f files with losses", number(o, "losses"));
    return n;
}

static void print_text(const char *folder, const mr_state *s)
{
    char line[512], b0[32], b1[32];
    const json_t *o = s->json, *mem = json_object_get(o, "memory"), *r;
    const json_t *ranks = json_object_get(o, "ranks");
    size_t i;
    mr_status_line(o, line, sizeof line);
    printf("%s: %s\n", folder, line);
    if (*word(o, "error")) printf("  why        %s\n", word(o, "error"));
    if (strcmp(s->name, "died") == 0)
        printf("  what now   what is finished is kept: run the same command again to go on\n");
    if (s->age_s >= 0) printf("  as of      %.0f s ago, on %s\n", s->age_s, word(o, "host"));
    if (number(mem, "planned_bytes") > 0)
        printf("  memory     %s a rank at most, planned %s\n",
               mr_fmt_bytes(number(mem, "peak_bytes"), b0),
               mr_fmt_bytes(number(mem, "planned_bytes"), b1));
    json_array_foreach((json_t *)(uintptr_t)ranks, i, r)
    {
        if (json_array_size(ranks) == 1 || i == 16) break;
        printf("  rank %-5zu %s: %.0f lanes, %.0f %% of the work\n", i, word(r, "host"),
               number(r, "lanes"), 100 * number(r, "share"));
    }
    if (json_array_size(ranks) > 16)
        printf("  ...        and %zu more ranks (--json lists all)\n", json_array_size(ranks) - 16);
}

static mr_status print(const char *folder, const mr_state *s, bool json)
{
    if (!json) {
        print_text(folder, s);
        return MR_OK;
    }
    char *t = json_dumps(s->json, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
    if (!t) return MR_RAISE(MR_EMEM, "no memory for the status");
    puts(t);
    free(t);
    return MR_OK;
}

mr_status mr_status_follow(const char *folder, bool json)
{
    static const struct timespec pause = {2, 0};
    mr_status st = MR_OK;
    bool live = true;
    while (live && st == MR_OK) {
        mr_state s;
        st = mr_state_read(folder, &s);
        if (st != MR_OK) break;
        char line[512], *t = json ? json_dumps(s.json, JSON_COMPACT) : NULL;
        mr_status_line(s.json, line, sizeof line);
        printf("%s\n", t ? t : line);
        fflush(stdout);
        free(t);
        live = s.live;
        mr_state_fini(&s);
        if (live) nanosleep(&pause, NULL);
    }
    return st;
}

int mr_cli_status(int argc, char **argv)
{
    static const mr_opt table[] = {
        {"json", NULL, NULL, "as JSON"},
        {"watch", NULL, NULL, "again every two seconds, until the run is over"},
        {0}};
    mr_opts o;
    mr_state s;
    mr_status st = mr_opts_parse(table, argc, argv, 1, 1, &o);
    if (st != MR_OK) return (int)st;
    if (o.help) {
        mr_opts_help("status OUT [--json] [--watch]", table);
        printf("\nHow the run of an output folder stands, by its files alone: surveying, planning, "
               "running,\npaused, merging, following, finished, stopped or died. Status 0 whatever "
               "it is, 3 where no\nrun has been.\n");
        return MR_OK;
    }
    if (o.val[1]) return (int)mr_status_follow(o.arg[0], o.val[0] != NULL);
    st = mr_state_read(o.arg[0], &s);
    if (st != MR_OK) return (int)st;
    st = print(o.arg[0], &s, o.val[0] != NULL);
    mr_state_fini(&s);
    return (int)st;
}
