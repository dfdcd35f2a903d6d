/* plan/config/settings.c: the sections input, output and run of a config: which keys there are,
 * what they may hold, and into mr_config with them. plan/config/config.c calls it with the finished
 * tree. */
#include "plan/config/settings.h"
#include "base/quantity.h"
#include "base/utc.h"
#include "ops/plugin.h"
#include "plan/config/tree.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TITLE_MAX = 1000, MAX_KEYS = 12 };
#define LANE_MIN_NS INT64_C(1000000000)
#define LANE_MAX_NS (INT64_C(364) * 86400 * 1000000000)
#define MEMORY_MIN 1048576.0 /* whether it is enough is the plan's to say */
#define MEMORY_MAX (1024 * 1073741824.0)

typedef struct section { /* keys of one map; name "" is the root */
    const char *name;
    size_t n;
    const char *keys[MAX_KEYS];
} section;
static const section sections[] = {
    {"", 6, {"input", "chain", "output", "run", "plugin", "follow"}},
    {"input",
     9,
     {"files", "channels", "distance", "time", "map", "geometry", "dataset", "join", "mask"}},
    {"output", 7, {"folder", "title", "compress", "type", "lane", "strip", "quakeml"}},
    {"run", 2, {"memory", "io_threads"}},
    {"follow", 2, {"patience", "idle"}},
};
enum { ROOT, INPUT, OUTPUT, RUN, FOLLOW, N_SECTIONS };

/* --- keys ------------------------------------------------------------------------------------ */

static bool has_key(const section *s, const char *key)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->keys[i], key) == 0) return true;
    return false;
}

/* What people look for here and find elsewhere. */
static const struct {
    const char *key, *where;
} elsewhere[] = {
    {"threads", "compute threads are OMP_NUM_THREADS=N, or -c N of a Slurm job"},
    {"cores", "the cores are OMP_NUM_THREADS=N, or -c N of a Slurm job"},
    {"cpus", "the cores are OMP_NUM_THREADS=N, or -c N of a Slurm job"},
    {"ranks", "ranks are started: mpirun -n N millrace run CONFIG, or srun -n N"},
    {"processes", "processes are started: mpirun -n N millrace run CONFIG, or srun -n N"},
    {"tasks", "tasks are started: mpirun -n N millrace run CONFIG, or srun -n N"},
    {"nodes", "nodes are asked for where ranks are started: mpirun, or sbatch -N"},
};

static mr_status refuse_key(const mr_node *n, const section *s)
{
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++)
        if (strcmp(n->key, elsewhere[i].key) == 0)
            return MR_RAISE_KEY(MR_ECONFIG, n, "%s%s%s: is no setting: %s", s->name,
                                *s->name ? "." : "", n->key, elsewhere[i].where);
    char shown[80], list[128] = "";
    size_t len = 0;
    mr_printable(n->key, shown, sizeof shown);
    const char *dot = *s->name ? "." : "",
               *near = mr_nearest(n->key, s->keys, s->n, sizeof(char *));
    for (size_t i = 0; i < s->n; i++)
        len += (size_t)snprintf(list + len, sizeof list - len, "%s%s", i ? " " : "", s->keys[i]);
    for (size_t i = 1; i < N_SECTIONS; i++) /* the right key in the wrong place */
        if (has_key(&sections[i], n->key))
            return MR_RAISE_KEY(MR_ECONFIG, n,
                                "%s%s%s: no such key here; it belongs under %s:", s->name, dot,
                                shown, sections[i].name);
    return MR_RAISE_KEY(MR_ECONFIG, n, "%s%s%s: no such key%s%s%s (keys: %s)", s->name, dot, shown,
                        near ? "; did you mean " : "", near ? near : "", near ? "?" : "", list);
}

/* n is a map and holds only the section's keys. */
static mr_status check_keys(const mr_node *n, const section *s)
{
    if (n->kind != MR_NODE_MAP)
        return MR_RAISE_AT(MR_ECONFIG, n,
                           "%s: %s where a map of its keys is needed, as %s: {%s: ...}", s->name,
                           mr_node_what(n), s->name, s->keys[0]);
    for (size_t i = 0; i < n->n; i++)
        if (!has_key(s, n->entries[i].key)) return refuse_key(&n->entries[i], s);
    return MR_OK;
}

/* The section's map; an absent or empty one is NULL. */
static mr_status find_section(const mr_node *root, const section *s, const mr_node **out)
{
    *out = mr_node_get(root, s->name);
    if (*out && mr_node_empty(*out)) *out = NULL;
    return *out ? check_keys(*out, s) : MR_OK;
}

/* A key that must be a text and not empty. */
static mr_status need_text(const mr_node *n, const char *key, const char *example)
{
    if (n->kind == MR_NODE_SCALAR && !mr_node_empty(n)) return MR_OK;
    return MR_RAISE_AT(MR_ECONFIG, n, "%s: %s where a value is needed, as %s", key, mr_node_what(n),
                       example);
}

static mr_status missing(const mr_config *c, const mr_node *section_node, const char *key,
                         const char *example)
{
    const mr_node *at = section_node ? section_node : &c->root;
    return MR_RAISE_AT(MR_ECONFIG, at, "%s: is missing; write %s", key, example);
}

/* --- input ----------------------------------------------------------------------------------- */

static mr_status take_pattern(mr_config *c, const mr_node *n)
{
    mr_status st = MR_OK;
    char *path = NULL;
    MR_TRY(need_text(n, "input.files", "data/*.h5"));
    MR_TRY(mr_path_expand(n, "input.files", &path));
    if (strstr(path, "**"))
        st = MR_RAISE_AT(MR_ECONFIG, n,
                         "input.files: ** is not used here; name the folder alone and all files "
                         "below it are taken");
    else
        st = mr_strs_add(&c->patterns, path);
out:
    free(path);
    return st;
}

static mr_status take_files(mr_config *c, const mr_node *n)
{
    mr_status st = MR_OK;
    c->files = n;
    if (n->kind == MR_NODE_MAP)
        return MR_RAISE_AT(MR_ECONFIG, n,
                           "input.files: a map; write a glob, a folder or a list of these");
    if (n->kind == MR_NODE_SCALAR) return take_pattern(c, n);
    if (n->n == 0) return MR_RAISE_AT(MR_ECONFIG, n, "input.files: the list is empty");
    for (size_t i = 0; i < n->n; i++) MR_TRY(take_pattern(c, &n->entries[i]));
out:
    return st;
}

/* One end of a time range; empty leaves it open. */
static mr_status take_moment(const mr_node *n, const char *s, size_t len, int64_t *out)
{
    char buf[64];
    while (len && *s == ' ') s++, len--;
    while (len && s[len - 1] == ' ') len--;
    if (len == 0) return MR_OK;
    snprintf(buf, sizeof buf, "%.*s", (int)MR_MIN(len, sizeof buf - 1), s);
    if (mr_utc_parse(buf, out) == MR_OK) return MR_OK;
    char why[256];
    snprintf(why, sizeof why, "%s", mr_error());
    return MR_RAISE_AT(MR_ECONFIG, n, "input.time: %s", why);
}

/* "2026-01-01" alone is that day. */
static bool one_day(mr_config *c, const char *text)
{
    char date[16];
    const size_t from = strspn(text, " ");
    snprintf(date, sizeof date, "%.10s", text + from);
    if (strlen(date) < 10 || text[from + 10 + strspn(text + from + 10, " ")]) return false;
    if (mr_utc_parse(date, &c->time_a) != MR_OK) {
        c->time_a = INT64_MIN;
        mr_error_clear();
        return false;
    }
    c->time_b = c->time_a + (int64_t)86400 * 1000000000;
    return true;
}

static mr_status take_time(mr_config *c, const mr_node *n)
{
    static const char example[] = "2026-01-01T00:00:00Z .. 2026-01-02T00:00:00Z";
    mr_status st = MR_OK;
    MR_TRY(need_text(n, "input.time", example));
    const char *dots = strstr(n->text, "..");
    if (!dots && one_day(c, n->text)) return MR_OK;
    if (!dots || dots[2 + strspn(dots + 2, " ")] == '.' || strlen(n->text) < 8) {
        char shown[80];
        mr_printable(n->text, shown, sizeof shown);
        return MR_RAISE_AT(MR_ECONFIG, n, "input.time: '%s' is no range of time; write %s", shown,
                           example);
    }
    MR_TRY(take_moment(n, n->text, (size_t)(dots - n->text), &c->time_a));
    MR_TRY(take_moment(n, dots + 2, strlen(dots + 2), &c->time_b));
    if (c->time_a >= c->time_b) {
        char a[40], b[40];
        st = MR_RAISE_AT(MR_ECONFIG, n,
                         "input.time: the range is empty: it ends at %s, which is not after %s",
                         mr_utc_iso(c->time_b, b), mr_utc_iso(c->time_a, a));
    }
out:
    return st;
}

static mr_status take_geometry(mr_config *c, const mr_node *n)
{
    mr_status st = MR_OK;
    mr_chantable t = {0};
    MR_TRY(need_text(n, "input.geometry", "channels.csv"));
    if (mr_chantable_load(n->text, &t) != MR_OK) {
        char why[512];
        snprintf(why, sizeof why, "%s", mr_error());
        return MR_RAISE_AT(MR_ECONFIG, n, "input.geometry: %s", why);
    }
    mr_chantable_fini(&t);
    MR_TRY(mr_strdup(n->text, &c->geometry));
out:
    return st;
}

static mr_status take_dataset(mr_config *c, const mr_node *n)
{
    mr_status st = MR_OK;
    MR_TRY(need_text(n, "input.dataset", "Raw[0]"));
    c->dataset = n->text;
out:
    return st;
}

/* Samples, so that it means the same at every rate. */
static mr_status take_join(mr_config *c, const mr_node *n)
{
    char *end;
    if (n->kind == MR_NODE_SCALAR && *n->text) {
        c->join = strtod(n->text, &end);
        if (!*end && c->join >= 0 && c->join <= 5) return MR_OK;
    }
    return MR_RAISE_AT(MR_ECONFIG, n,
                       "input.join: a number of samples from 0 to 5: how far apart two recordings "
                       "may lie and still be one span (default 0.5)");
}

static mr_status take_input(mr_config *c)
{
    mr_status st = MR_OK;
    const mr_node *in, *n;
    double lo, hi;
    MR_TRY(find_section(&c->root, &sections[INPUT], &in));
    n = mr_node_get(in, "files");
    if (!n) return missing(c, in, "input.files", "input: {files: data/*.h5}");
    MR_TRY(take_files(c, n));
    c->channels = mr_node_get(in, "channels");
    if (c->channels) MR_TRY(mr_channels_check(c->channels));
    c->distance = mr_node_get(in, "distance");
    if (c->distance && c->channels)
        return MR_RAISE_KEY(MR_ECONFIG, c->distance,
                            "input.distance: stands beside input.channels (line %d); keep one",
                            c->channels->key_line);
    if (c->distance) MR_TRY(mr_distance_check(c->distance, &lo, &hi));
    if ((n = mr_node_get(in, "time"))) MR_TRY(take_time(c, n));
    if ((n = mr_node_get(in, "geometry"))) MR_TRY(take_geometry(c, n));
    c->map = mr_node_get(in, "map");
    MR_TRY(mr_map_check(c->map));
    if ((n = mr_node_get(in, "dataset"))) MR_TRY(take_dataset(c, n));
    if ((n = mr_node_get(in, "join"))) MR_TRY(take_join(c, n));
    if ((n = mr_node_get(in, "mask"))) MR_TRY(mr_mask_take(n, &c->mask_s, &c->mask_above));
out:
    return st;
}

/* --- output and run -------------------------------------------------------------------------- */

/* output.KEY: one of two words; *is: the second. */
static mr_status take_either(const mr_node *o, const char *key, const char *usual,
                             const char *other, bool *is)
{
    mr_status st = MR_OK;
    char shown[64], name[32];
    const mr_node *n = mr_node_get(o, key);
    if (!n) return MR_OK;
    snprintf(name, sizeof name, "output.%s", key);
    MR_TRY(need_text(n, name, other));
    *is = strcmp(n->text, other) == 0;
    if (*is || strcmp(n->text, usual) == 0) return MR_OK;
    mr_printable(n->text, shown, sizeof shown);
    st = MR_RAISE_AT(MR_ECONFIG, n, "%s: '%s' is not known; %s or %s", name, shown, usual, other);
out:
    return st;
}

static mr_status take_lane(mr_config *c, const mr_node *n)
{
    mr_status st = MR_OK;
    char why[256];
    MR_TRY(need_text(n, "output.lane", "1 h"));
    if (strcmp(n->text, "auto") == 0) return MR_OK;
    if (mr_duration_parse(n->text, &c->lane_ns) != MR_OK) {
        snprintf(why, sizeof why, "%s", mr_error());
        return MR_RAISE_AT(MR_ECONFIG, n, "output.lane: %s; or auto", why);
    }
    if (c->lane_ns < LANE_MIN_NS || c->lane_ns > LANE_MAX_NS)
        st = MR_RAISE_AT(MR_ECONFIG, n, "output.lane: %s is outside 1 s..364 d", n->text);
out:
    return st;
}

static mr_status take_strip(mr_config *c, const mr_node *n)
{
    mr_status st = MR_OK;
    int64_t v;
    MR_TRY(need_text(n, "output.strip", "50"));
    if (strcmp(n->text, "auto") == 0) return MR_OK;
    if (mr_int_parse(n->text, &v) != MR_OK || v < 1) {
        char shown[64];
        mr_printable(n->text, shown, sizeof shown);
        return MR_RAISE_AT(MR_ECONFIG, n,
                           "output.strip: '%s' is no number of channels from 1 up; or auto", shown);
    }
    c->strip = (uint64_t)v;
out:
    return st;
}

static mr_status take_output(mr_config *c)
{
    mr_status st = MR_OK;
    const mr_node *o, *n;
    MR_TRY(find_section(&c->root, &sections[OUTPUT], &o));
    n = mr_node_get(o, "folder");
    if (!n) return missing(c, o, "output.folder", "output: {folder: out/name}");
    MR_TRY(need_text(n, "output.folder", "out/name"));
    MR_TRY(mr_path_expand(n, "output.folder", &c->folder));
    n = mr_node_get(o, "title");
    if (n) MR_TRY(need_text(n, "output.title", "\"strain rate at the north cable\""));
    if (n && strlen(n->text) > TITLE_MAX)
        return MR_RAISE_AT(MR_ECONFIG, n, "output.title: %zu bytes; at most %d are allowed",
                           strlen(n->text), TITLE_MAX);
    MR_TRY(mr_strdup(n ? n->text : "", &c->title));
    MR_TRY(take_either(o, "compress", "none", "deflate", &c->deflate));
    MR_TRY(take_either(o, "type", "float32", "float64", &c->f64));
    MR_TRY(take_either(o, "quakeml", "false", "true", &c->quakeml));
    if ((n = mr_node_get(o, "lane"))) MR_TRY(take_lane(c, n));
    if ((n = mr_node_get(o, "strip"))) MR_TRY(take_strip(c, n));
out:
    return st;
}

static mr_status take_memory(mr_config *c, const mr_node *n)
{
    mr_status st = MR_OK;
    double v;
    MR_TRY(need_text(n, "run.memory", "2 GiB"));
    if (mr_quantity_parse(n->text, MR_DIM_BYTES, &v) != MR_OK) {
        char why[256];
        snprintf(why, sizeof why, "%s", mr_error());
        return MR_RAISE_AT(MR_ECONFIG, n, "run.memory: %s", why);
    }
    if (!(v >= MEMORY_MIN && v <= MEMORY_MAX)) {
        char shown[64];
        mr_printable(n->text, shown, sizeof shown);
        return MR_RAISE_AT(MR_ECONFIG, n, "run.memory: %s is outside 1 MiB..1024 GiB a rank",
                           shown);
    }
    c->memory_bytes = (uint64_t)v;
out:
    return st;
}

static mr_status take_run(mr_config *c)
{
    mr_status st = MR_OK;
    const mr_node *r, *n;
    int64_t threads = 2;
    MR_TRY(find_section(&c->root, &sections[RUN], &r));
    if ((n = mr_node_get(r, "memory"))) MR_TRY(take_memory(c, n));
    if ((n = mr_node_get(r, "io_threads"))) {
        MR_TRY(need_text(n, "run.io_threads", "2"));
        if (mr_int_parse(n->text, &threads) != MR_OK || threads < 1 || threads > 64) {
            char shown[64];
            mr_printable(n->text, shown, sizeof shown);
            return MR_RAISE_AT(MR_ECONFIG, n, "run.io_threads: '%s' is not a whole number in 1..64",
                               shown);
        }
    }
    c->io_threads = (int)threads;
out:
    return st;
}

/* --- follow ---------------------------------------------------------------------------------- */

static mr_status take_span(const mr_node *in, const char *key, double def, double *out)
{
    mr_status st = MR_OK;
    char name[32];
    const mr_node *n = mr_node_get(in, key);
    *out = def;
    if (!n) return MR_OK;
    snprintf(name, sizeof name, "follow.%s", key);
    MR_TRY(need_text(n, name, "10 min"));
    if (mr_quantity_parse(n->text, MR_DIM_TIME, out) != MR_OK) {
        char why[256];
        snprintf(why, sizeof why, "%s", mr_error());
        st = MR_RAISE_AT(MR_ECONFIG, n, "%s: %s", name, why);
    } else if (!(*out >= 0.1 && *out <= 366.0 * 86400)) {
        st = MR_RAISE_AT(MR_ECONFIG, n, "%s: is outside 0.1 s..366 d", name);
    }
out:
    return st;
}

static mr_status take_follow(mr_config *c)
{
    mr_status st = MR_OK;
    const mr_node *f;
    MR_TRY(find_section(&c->root, &sections[FOLLOW], &f));
    MR_TRY(take_span(f, "patience", 600, &c->patience_s));
    MR_TRY(take_span(f, "idle", 3600, &c->idle_s));
out:
    return st;
}

/* --- the root -------------------------------------------------------------------------------- */

static mr_status check_root(const mr_config *c)
{
    const mr_node *r = &c->root;
    if (mr_node_empty(r))
        return MR_RAISE_AT(MR_ECONFIG, r,
                           "the config is empty; it needs input: {files: ...} and output: {folder: "
                           "...}");
    if (r->kind != MR_NODE_MAP)
        return MR_RAISE_AT(MR_ECONFIG, r,
                           "the config is %s; a map of input, chain, output and run is "
                           "needed",
                           mr_node_what(r));
    return check_keys(r, &sections[ROOT]);
}

/* Shared objects whose operators the chain may name. */
static mr_status take_plugins(const mr_config *c)
{
    mr_status st = MR_OK;
    const mr_node *n = mr_node_get(&c->root, "plugin");
    char *path = NULL;
    if (!n || mr_node_empty(n)) return MR_OK;
    const bool list = n->kind == MR_NODE_LIST;
    for (size_t i = 0; i < (list ? n->n : 1); i++) {
        const mr_node *at = list ? &n->entries[i] : n;
        MR_TRY(need_text(at, "plugin", "./myop.so"));
        MR_TRY(mr_path_expand(at, "plugin", &path));
        st = mr_plugin_load(path);
        free(path);
        path = NULL;
        if (st != MR_OK) return mr_reraise_at(st, at);
    }
out:
    return st;
}

mr_status mr_settings_take(mr_config *c)
{
    mr_status st = MR_OK;
    MR_TRY(check_root(c));
    MR_TRY(take_plugins(c));
    MR_TRY(take_input(c));
    MR_TRY(take_output(c));
    MR_TRY(take_run(c));
    MR_TRY(take_follow(c));
out:
    return st;
}
