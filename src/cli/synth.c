/* cli/synth.c: `millrace synth OUT`: a made-up archive of recorder files and truth.json, the
 * answers that a program which reads them should find. */
#include "cli/cli.h"
#include "cli/common/opts.h"
#include "base/quantity.h"
#include "base/text.h"
#include "base/utc.h"
#include "out/output.h"
#include "synth/synth.h"
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PROGRAM "millrace synth" /* truth.json says so */

enum {
    O_LAYOUT,
    O_FILES,
    O_FILE_LENGTH,
    O_RATE,
    O_CHANNELS,
    O_SPACING,
    O_GAUGE,
    O_DTYPE,
    O_BIG_ENDIAN,
    O_ORDER,
    O_CHUNK,
    O_DEFLATE,
    O_SHUFFLE,
    O_FLETCHER32,
    O_START,
    O_SEED,
    O_MODEL,
    O_EVENTS,
    O_QUIET
};
static const mr_opt table[] = {
    [O_LAYOUT] = {"layout", "NAME", "prodml", "how the files are laid out"},
    [O_FILES] = {"files", "N", "6", "number of files"},
    [O_FILE_LENGTH] = {"file-length", "TIME", "60s", "time in one file"},
    [O_RATE] = {"rate", "FREQ", "500Hz", "samples a second"},
    [O_CHANNELS] = {"channels", "N", "400", "number of channels"},
    [O_SPACING] = {"spacing", "LENGTH", "10m", "distance of two channels"},
    [O_GAUGE] = {"gauge", "LENGTH", "10m", "gauge length written to the files"},
    [O_DTYPE] = {"dtype", "TYPE", "float32",
                 "int8..int64, uint8..uint64, float16, float32, float64"},
    [O_BIG_ENDIAN] = {"big-endian", NULL, NULL, "store samples big-endian"},
    [O_ORDER] = {"order", "ORDER", NULL, "time-first or channel-first"},
    [O_CHUNK] = {"chunk", "T,C", NULL, "chunks of T samples x C channels"},
    [O_DEFLATE] = {"deflate", "LEVEL", "0", "compress, 1..9"},
    [O_SHUFFLE] = {"shuffle", NULL, NULL, "shuffle bytes before compression"},
    [O_FLETCHER32] = {"fletcher32", NULL, NULL, "a checksum on every chunk"},
    [O_START] = {"start", "UTC", "2026-01-01T00:00:00Z", "time of the first sample"},
    [O_SEED] = {"seed", "N", "1", "of everything random"},
    [O_MODEL] = {"model", "LIST", "drift,coherent,common,noise,vehicles,quakes",
                 "+ tube, leak, bad"},
    [O_EVENTS] = {"events", "N", "0", "waves of known time, place, velocity and size"},
    [O_QUIET] = {"quiet", NULL, NULL, "print nothing but errors"},
    {0}};

/* a checked request */
typedef struct request {
    const char *folder;
    mr_synth_spec spec;
    mr_synth_file how;
    int64_t files;
    uint64_t file_nt;
    const char *dtype;
    bool quiet;
} request;

static mr_status parse_int(const mr_opts *o, int k, int64_t lo, int64_t hi, int64_t *out)
{
    mr_status st = MR_OK;
    int64_t v = 0;
    MR_TRY(mr_int_parse(o->val[k], &v));
    if (v < lo || v > hi)
        MR_TRY(MR_RAISE(MR_ECONFIG, "%lld is outside %lld..%lld", (long long)v, (long long)lo,
                        (long long)hi));
    *out = v;
out:
    if (st != MR_OK) mr_note("in --%s", table[k].name);
    return st;
}

static mr_status parse_quantity(const mr_opts *o, int k, mr_dim dim, double *out)
{
    mr_status st = mr_quantity_parse(o->val[k], dim, out);
    if (st != MR_OK) mr_note("in --%s", table[k].name);
    return st;
}

static mr_status parse_dtype(const char *text, mr_dtype *out)
{
    static const struct {
        const char *name;
        uint8_t kind, size;
    } types[] = {
        {"int8", MR_DT_INT, 1},      {"int16", MR_DT_INT, 2},    {"int32", MR_DT_INT, 4},
        {"int64", MR_DT_INT, 8},     {"uint8", MR_DT_UINT, 1},   {"uint16", MR_DT_UINT, 2},
        {"uint32", MR_DT_UINT, 4},   {"uint64", MR_DT_UINT, 8},  {"float16", MR_DT_FLOAT, 2},
        {"float32", MR_DT_FLOAT, 4}, {"float64", MR_DT_FLOAT, 8}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strcmp(text, types[i].name) != 0) continue;
        out->kind = types[i].kind;
        out->size = types[i].size;
        return MR_OK;
    }
    return MR_RAISE(MR_ECONFIG, "--dtype: no type '%s'; see --help", text);
}

static mr_status parse_layout(const char *text, const char **out)
{
    const char *const *names = mr_synth_layouts();
    size_t n = 0;
    for (; names[n]; n++) {
        if (strcmp(text, names[n]) == 0) {
            *out = names[n];
            return MR_OK;
        }
    }
    const char *near = mr_nearest(text, names, n, sizeof *names);
    return MR_RAISE(MR_ECONFIG, "--layout: no layout '%s'%s%s; --help lists them", text,
                    near ? "; did you mean " : "", near ? near : "");
}

/* --order, --chunk, --deflate, --shuffle, --fletcher32, --big-endian */
static mr_status parse_storage(const mr_opts *o, mr_synth_file *how)
{
    mr_status st = MR_OK;
    int64_t level = 0;
    const char *order = o->val[O_ORDER];
    if (order) {
        how->channel_first = strcmp(order, "channel-first") == 0;
        if (!how->channel_first && strcmp(order, "time-first") != 0)
            MR_TRY(MR_RAISE(MR_ECONFIG, "--order: '%s' is neither time-first nor channel-first",
                            order));
    }
    if (o->val[O_CHUNK]) {
        unsigned long long t = 0, c = 0;
        int end = 0;
        if (sscanf(o->val[O_CHUNK], "%9llu,%9llu%n", &t, &c, &end) != 2 || o->val[O_CHUNK][end] ||
            !t || !c)
            MR_TRY(MR_RAISE(MR_ECONFIG, "--chunk: '%s' is not SAMPLES,CHANNELS", o->val[O_CHUNK]));
        how->chunk_t = t;
        how->chunk_c = c;
    }
    MR_TRY(parse_int(o, O_DEFLATE, 0, 9, &level));
    how->deflate = (int)level;
    how->shuffle = o->val[O_SHUFFLE] != NULL;
    how->fletcher32 = o->val[O_FLETCHER32] != NULL;
    how->dtype.big_endian = o->val[O_BIG_ENDIAN] != NULL;
out:
    return st;
}

/* --model, --events */
static mr_status parse_model(const mr_opts *o, mr_synth_spec *p)
{
    static const char *const words[] = {"drift",  "coherent", "common", "noise", "vehicles",
                                        "quakes", "tube",     "bad",    "leak"};
    enum { N = sizeof words / sizeof *words };
    mr_status st = MR_OK;
    int64_t n = 0;
    MR_TRY(parse_int(o, O_EVENTS, 0, 100000, &n));
    p->n_events = (uint64_t)n;
    for (const char *s = o->val[O_MODEL]; *s;) {
        char word[16];
        const size_t len = strcspn(s, ",");
        size_t k = 0;
        snprintf(word, sizeof word, "%.*s", (int)MR_MIN(len, sizeof word - 1), s);
        while (k < N && strcmp(words[k], word) != 0) k++;
        const char *near = k < N ? NULL : mr_nearest(word, words, N, sizeof *words);
        if (k == N)
            return MR_RAISE(MR_ECONFIG, "--model: there is no '%s'%s%s; see --help", word,
                            near ? "; did you mean " : "", near ? near : "");
        p->model |= 1u << k;
        s += len + (s[len] == ',');
    }
out:
    return st;
}

static mr_status parse_request(const mr_opts *o, request *r)
{
    mr_status st = MR_OK;
    int64_t length_ns = 0, nc = 0, seed = 0;
    r->folder = o->arg[0];
    r->dtype = o->val[O_DTYPE];
    r->quiet = o->val[O_QUIET] != NULL;
    MR_TRY(parse_layout(o->val[O_LAYOUT], &r->how.layout));
    MR_TRY(parse_int(o, O_FILES, 1, 1000000, &r->files));
    MR_TRY(parse_int(o, O_CHANNELS, 1, 1000000, &nc));
    MR_TRY(parse_int(o, O_SEED, 0, INT64_MAX, &seed));
    MR_TRY(parse_quantity(o, O_RATE, MR_DIM_FREQ, &r->spec.rate_hz));
    MR_TRY(parse_quantity(o, O_SPACING, MR_DIM_LENGTH, &r->spec.dx_m));
    MR_TRY(parse_quantity(o, O_GAUGE, MR_DIM_LENGTH, &r->how.gauge_m));
    MR_TRY(parse_dtype(o->val[O_DTYPE], &r->how.dtype));
    MR_TRY(parse_storage(o, &r->how));
    MR_TRY(mr_utc_parse(o->val[O_START], &r->how.start_ns));
    if ((st = mr_duration_parse(o->val[O_FILE_LENGTH], &length_ns)) != MR_OK) {
        mr_note("in --file-length");
        goto out;
    }
    double nt = rint((double)length_ns * 1e-9 * r->spec.rate_hz);
    if (!(nt >= 2 && nt < 1e10))
        MR_TRY(MR_RAISE(MR_ECONFIG, "--file-length %s is %.0f samples at this rate",
                        o->val[O_FILE_LENGTH], nt));
    r->file_nt = (uint64_t)nt;
    r->spec.nc = (uint64_t)nc;
    r->spec.seed = (uint64_t)seed;
    r->spec.length_s = (double)r->files * nt / r->spec.rate_hz;
    MR_TRY(parse_model(o, &r->spec));
out:
    return st;
}

/* "synth_20260101T000000Z.h5"; with nanoseconds where the archive is not on whole seconds */
static mr_status file_path(const request *r, int64_t k, mr_text *out)
{
    char t[40];
    bool whole = true;
    for (int64_t i = 0; i < MR_MIN(r->files, 1000); i++)
        whole =
            whole &&
            mr_synth_time_ns(&r->spec, r->how.start_ns, i * (int64_t)r->file_nt) % 1000000000 == 0;
    mr_utc_compact(mr_synth_time_ns(&r->spec, r->how.start_ns, k * (int64_t)r->file_nt), t);
    if (whole) strcpy(strchr(t, '.'), "Z");
    return mr_text_add(out, "%s/synth_%s.h5", r->folder, t);
}

static json_t *truth_files(const request *r)
{
    json_t *list = json_array();
    for (int64_t k = 0; k < r->files; k++) {
        mr_text path = {0};
        char t0[40], t1[40];
        int64_t n0 = k * (int64_t)r->file_nt;
        if (file_path(r, k, &path) != MR_OK) break;
        mr_utc_iso(mr_synth_time_ns(&r->spec, r->how.start_ns, n0), t0);
        mr_utc_iso(mr_synth_time_ns(&r->spec, r->how.start_ns, n0 + (int64_t)r->file_nt - 1), t1);
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:I}", "name",
                                              strrchr(path.s, '/') + 1, "first", t0, "last", t1,
                                              "samples", (json_int_t)r->file_nt));
        mr_text_fini(&path);
    }
    return list;
}

static json_t *truth_vehicles(const request *r, const mr_synth *s)
{
    json_t *list = json_array();
    double end_s = (double)r->files * (double)r->file_nt / r->spec.rate_hz;
    for (uint64_t k = 0;; k++) {
        mr_synth_vehicle v;
        mr_synth_vehicle_at(s, k, &v);
        if (v.enter_s >= end_s) break;
        json_array_append_new(list, json_pack("{s:f, s:f, s:f, s:f}", "enter_s", v.enter_s, "x0_m",
                                              v.x0_m, "speed_m_s", v.speed_m_s, "amplitude",
                                              v.amplitude));
    }
    return list;
}

static json_t *truth_quakes(const request *r, const mr_synth *s)
{
    json_t *list = json_array();
    double end_s = (double)r->files * (double)r->file_nt / r->spec.rate_hz;
    for (uint64_t k = 0;; k++) {
        mr_synth_quake q;
        mr_synth_quake_at(s, k, &q);
        if (q.origin_s >= end_s) break;
        json_array_append_new(list, json_pack("{s:f, s:f, s:f, s:f, s:f, s:f}", "origin_s",
                                              q.origin_s, "x_m", q.x_m, "depth_m", q.depth_m,
                                              "amplitude", q.amplitude, "p_speed_m_s", MR_SYNTH_VP,
                                              "s_speed_m_s", MR_SYNTH_VS));
    }
    return list;
}

static json_t *truth_events(const mr_synth_spec *p)
{
    json_t *list = json_array();
    for (uint64_t k = 0; k < p->n_events; k++) {
        mr_synth_event e;
        mr_synth_event_at(p, k, &e);
        json_array_append_new(list, json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "start_s",
                                              e.start_s, "x0_m", e.x0_m, "x1_m", e.x1_m,
                                              "speed_m_s", e.speed_m_s, "snr", e.snr,
                                              "frequency_hz", e.f_hz, "duration_s", e.duration_s));
    }
    return list;
}

/* What was asked for beyond the usual. */
static void add_extras(json_t *j, const mr_synth_spec *p)
{
    mr_synth_tube t;
    mr_synth_tube_at(p, &t);
    const mr_synth_bad bad = mr_synth_bad_channels(p);
    if (p->n_events) {
        json_object_set_new(j, "event_formula",
                            json_string("snr (1 - u^2)^2 sin(2 pi f (t - t0)), u from -1 to 1 over "
                                        "duration; t0 = start + |x - first| / |speed| for x0 <= x "
                                        "<= x1, first = x0, or x1 for negative speeds"));
        json_object_set_new(j, "events", truth_events(p));
    }
    if (p->model & MR_SYNTH_TUBE)
        json_object_set_new(j, "tube",
                            json_pack("{s:f, s:f, s:f, s:f, s:f, s:f}", "first_s", t.first_s,
                                      "every_s", t.every_s, "speed_m_s", t.speed_m_s,
                                      "frequency_hz", t.f_hz, "amplitude", t.amplitude,
                                      "reflection", t.reflection));
    mr_synth_leak l;
    mr_synth_leak_at(p, &l);
    if (p->model & MR_SYNTH_LEAK)
        json_object_set_new(j, "leak",
                            json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "start_s", l.start_s,
                                      "end_s", l.end_s, "x_m", l.x_m, "half_m", l.half_m, "f0_hz",
                                      l.f0_hz, "f1_hz", l.f1_hz, "rms", l.rms));
    if (p->model & MR_SYNTH_BAD)
        json_object_set_new(j, "bad",
                            json_pack("{s:I, s:I, s:f, s:I}", "dead", (json_int_t)bad.dead,
                                      "clipped", (json_int_t)bad.clipped, "clip", bad.clip, "spiky",
                                      (json_int_t)bad.spiky));
}

static json_t *truth_coherent(const mr_synth *s)
{
    json_t *tones = json_array();
    const mr_synth_tone *t = mr_synth_tones(s);
    for (int k = 0; k < MR_SYNTH_N_TONES; k++)
        json_array_append_new(tones,
                              json_pack("{s:f, s:f, s:f}", "amplitude", t[k].amplitude,
                                        "frequency_hz", t[k].f_hz, "phase_turns", t[k].phase));
    return json_pack("{s:f, s:i, s:s, s:o}", "speed_m_s", MR_SYNTH_NOISE_V, "oversample",
                     MR_SYNTH_OVERSAMPLE, "formula",
                     "sum amplitude * sin(2 pi (frequency * (t - x / speed) + phase)), the delay "
                     "x / speed rounded to 1 / (oversample * rate)",
                     "tones", tones);
}

static json_t *truth_noise(const request *r, const mr_synth *s)
{
    json_t *std = json_array();
    for (uint64_t c = 0; c < r->spec.nc; c++)
        json_array_append_new(std, json_real(mr_synth_noise_std(s, c)));
    return json_pack("{s:f, s:s, s:o}", "common_std", 0.288675, "formula",
                     "common: uniform in [-0.5, 0.5), the same on all channels; incoherent: near "
                     "Gaussian with this standard deviation per channel",
                     "std", std);
}

static json_t *truth(const request *r, const mr_synth *s)
{
    char t0[40];
    double per_unit, offset;
    mr_utc_iso(r->how.start_ns, t0);
    mr_synth_scale(r->how.dtype, &per_unit, &offset);
    json_t *j =
        json_pack("{s:i, s:s, s:s, s:s, s:I, s:s, s:f, s:I, s:f, s:f, s:s, s:f, s:f}", "schema", 1,
                  "program", PROGRAM, "version", MR_VERSION, "layout", r->how.layout, "seed",
                  (json_int_t)r->spec.seed, "start", t0, "rate_hz", r->spec.rate_hz, "channels",
                  (json_int_t)r->spec.nc, "spacing_m", r->spec.dx_m, "gauge_m", r->how.gauge_m,
                  "dtype", r->dtype, "counts_per_unit", per_unit, "counts_offset", offset);
    if (!j) return NULL;
    json_object_set_new(j, "unit", json_string("nanostrain/s"));
    json_object_set_new(j, "model",
                        json_string("drift + coherent + common + incoherent + vehicles + "
                                    "quakes; t in s since start, x = channel * spacing"));
    json_object_set_new(
        j, "drift",
        json_string("40 (0.6 + 0.4 sin(2 pi x/2500)) (sin(2 pi t/300) + 0.5 sin(2 pi "
                    "(t/97 + 0.3)))"));
    json_object_set_new(j, "coherent", truth_coherent(s));
    json_object_set_new(
        j, "vehicle_formula",
        json_string("u = (x - x0 - speed (t - enter)) / 12; q = 1/(1 + u^2); amplitude "
                    "(3.0792 u q^2 + 0.35 sin(2 pi 11 t) q^2) for |u| < 20"));
    json_object_set_new(j, "vehicles", truth_vehicles(r, s));
    json_object_set_new(
        j, "quake_formula",
        json_string("arrival = origin + sqrt((x - x_m)^2 + depth^2) / speed, wave trains "
                    "of 25 s"));
    json_object_set_new(j, "quakes", truth_quakes(r, s));
    json_object_set_new(j, "noise", truth_noise(r, s));
    json_object_set_new(j, "files", truth_files(r));
    add_extras(j, &r->spec);
    return j;
}

/** A truth.json of an earlier synth may be written anew; another's is left, and nothing is put
 *  beside it. */
static mr_status may_write_truth(const char *path)
{
    struct stat sb;
    json_error_t e;
    bool ours = false;
    if (lstat(path, &sb) != 0) return MR_OK;
    if (S_ISREG(sb.st_mode)) {
        json_t *j = json_load_file(path, 0, &e);
        const char *by = json_string_value(json_object_get(j, "program"));
        ours = by && strcmp(by, PROGRAM) == 0;
        json_decref(j);
    }
    return ours ? MR_OK
                : MR_RAISE(MR_EOUTPUT,
                           "%s is there and not of millrace synth; choose another folder", path);
}

static mr_status write_truth(const char *path, const request *r, const mr_synth *s)
{
    mr_status st = MR_OK;
    json_t *j = truth(r, s);
    char *text = j ? json_dumps(j, JSON_INDENT(1) | JSON_REAL_PRECISION(15)) : NULL;
    st = text ? mr_write_durably(path, text, strlen(text))
              : MR_RAISE(MR_EMEM, "no memory for truth.json");
    free(text);
    json_decref(j);
    return st;
}

static mr_status write_archive(const request *r, mr_synth *s)
{
    mr_status st = MR_OK;
    mr_text path = {0}, answers = {0};
    double start = mr_now();
    MR_TRY(mr_text_add(&answers, "%s/truth.json", r->folder));
    MR_TRY(may_write_truth(answers.s));
    MR_TRY(mr_mkdirs(r->folder));
    for (int64_t k = 0; k < r->files; k++) {
        mr_text_fini(&path);
        path = (mr_text){0};
        MR_TRY(file_path(r, k, &path));
        MR_TRY(mr_synth_write(s, &r->spec, &r->how, path.s, k * (int64_t)r->file_nt, r->file_nt));
    }
    MR_TRY(write_truth(answers.s, r, s));
    if (!r->quiet) {
        char size[32];
        double bytes =
            (double)r->files * (double)r->file_nt * (double)r->spec.nc * r->how.dtype.size;
        printf(
            "%s: %lld files of %llu samples x %llu channels %s at %g Hz, layout %s, %s of samples, "
            "%.1f s; answers in truth.json\n",
            r->folder, (long long)r->files, (unsigned long long)r->file_nt,
            (unsigned long long)r->spec.nc, r->dtype, r->spec.rate_hz, r->how.layout,
            mr_fmt_bytes(bytes, size), mr_now() - start);
    }
out:
    mr_text_fini(&answers);
    mr_text_fini(&path);
    return st;
}

static void print_help(void)
{
    mr_opts_help("synth OUT [options]", table);
    printf("layouts:");
    for (const char *const *n = mr_synth_layouts(); *n; n++) printf(" %s", *n);
    printf("\n");
}

int mr_cli_synth(int argc, char **argv)
{
    mr_status st = MR_OK;
    mr_opts o;
    request r = {0};
    mr_synth *s = NULL;
    MR_TRY(mr_opts_parse(table, argc, argv, 1, 1, &o));
    if (o.help) {
        print_help();
        goto out;
    }
    MR_TRY(parse_request(&o, &r));
    MR_TRY(mr_synth_new(&r.spec, &s));
    MR_TRY(write_archive(&r, s));
out:
    mr_synth_free(s);
    return (int)st;
}
