/* in/null.c: see null.h. A file's name says all that there is to know of it, so that ranks need
 * nothing but the list of names. */
#include "in/null.h"
#include "base/quantity.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BEGIN_NS 1767225600000000000 /* 2026-01-01 */
enum { MOST_FILES = 4000000, NOISE = 16384 /* samples, a power of 2: stays in cache */ };

static const struct type {
    const char *name;
    mr_dtype dt;
} types[] = {{"float32", {MR_DT_FLOAT, 4, __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__, 0}},
             {"float64", {MR_DT_FLOAT, 8, __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__, 0}},
             {"int16", {MR_DT_INT, 2, __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__, 0}},
             {"int32", {MR_DT_INT, 4, __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__, 0}}};
enum { N_TYPES = sizeof types / sizeof *types };

/** What the text asks for. */
typedef struct wish {
    double rate_hz;
    int64_t channels, file_ns, all_ns;
    const struct type *type;
} wish;

bool mr_null_is(const char *text)
{
    return strncmp(text, MR_NULL, sizeof MR_NULL - 1) == 0;
}

static mr_status read_number(const char *value, double factor_s, int64_t *ns)
{
    char *end;
    const double v = strtod(value, &end);
    if (end == value || *end || !(v > 0) || v * factor_s > 1e9)
        return MR_RAISE(MR_ECONFIG, "\"%s\": a positive number is needed", value);
    *ns = llround(v * factor_s * 1e9);
    return MR_OK;
}

static mr_status read_key(const char *key, const char *value, wish *w)
{
    if (strcmp(key, "rate") == 0) return mr_quantity_parse(value, MR_DIM_FREQ, &w->rate_hz);
    if (strcmp(key, "channels") == 0) return mr_int_parse(value, &w->channels);
    if (strcmp(key, "file") == 0) return mr_duration_parse(value, &w->file_ns);
    if (strcmp(key, "days") == 0) return read_number(value, 86400, &w->all_ns);
    if (strcmp(key, "hours") == 0) return read_number(value, 3600, &w->all_ns);
    if (strcmp(key, "minutes") == 0) return read_number(value, 60, &w->all_ns);
    if (strcmp(key, "type") == 0) {
        for (size_t i = 0; i < N_TYPES; i++)
            if (strcmp(types[i].name, value) == 0) w->type = &types[i];
        if (w->type) return MR_OK;
        return MR_RAISE(MR_ECONFIG, "type=%s: one of float32, float64, int16, int32 is needed",
                        value);
    }
    return MR_RAISE(MR_ECONFIG,
                    "there is no \"%s\": rate, channels, days, hours, minutes, file, type", key);
}

static mr_status read_wish(const char *text, wish *w)
{
    mr_status st = MR_OK;
    char *copy = NULL, *rest = NULL;
    MR_TRY(mr_strdup(text + sizeof MR_NULL - 1, &copy));
    for (char *entry = strtok_r(copy, ",", &rest); entry; entry = strtok_r(NULL, ",", &rest)) {
        entry += strspn(entry, " ");
        char *value = strchr(entry, '=');
        if (!value) {
            st = MR_RAISE(MR_ECONFIG, "\"%s\": key=value is needed, as rate=500Hz", entry);
            goto out;
        }
        *value++ = '\0';
        MR_TRY(read_key(entry, value, w));
    }
    if (!(w->rate_hz > 0) || w->channels < 1 || w->channels > INT32_MAX || !w->all_ns)
        st = MR_RAISE(MR_ECONFIG, "rate, channels and days (hours, minutes) are needed, as in "
                                  "null:rate=500Hz,channels=1000,hours=1");
out:
    free(copy);
    return st;
}

mr_status mr_null_files(const char *text, mr_strs *out)
{
    mr_status st = MR_OK;
    wish w = {.file_ns = 60000000000};
    char name[160];
    MR_TRY(read_wish(text, &w));
    const double rows = round(w.rate_hz * (double)w.file_ns / 1e9);
    const double n = ceil((double)w.all_ns / (double)w.file_ns);
    if (!w.type) w.type = types;
    if (rows < 1 || rows > 1e9 || n > MOST_FILES) {
        st = MR_RAISE(MR_ECONFIG, "%.0f files of %.0f rows: not possible; another file= is needed",
                      n, rows);
        goto out;
    }
    for (int64_t k = 0; k < (int64_t)n; k++) {
        snprintf(name, sizeof name,
                 MR_NULL "rate=%.17g,channels=%" PRId64 ",rows=%.0f,type=%s,at=%07" PRId64,
                 w.rate_hz, w.channels, rows, w.type->name, k);
        MR_TRY(mr_strs_add(out, name));
    }
out:
    if (st != MR_OK) mr_note("%s", text);
    return st;
}

bool mr_null_probe(const char *path, mr_file_info *out)
{
    double rate;
    uint64_t nc, nt, at;
    char type[16];
    int end = 0;
    if (!mr_null_is(path) ||
        sscanf(path + sizeof MR_NULL - 1,
               "rate=%lf,channels=%" SCNu64 ",rows=%" SCNu64 ",type=%15[a-z0-9],at=%" SCNu64 "%n",
               &rate, &nc, &nt, type, &at, &end) != 5 ||
        path[sizeof MR_NULL - 1 + (size_t)end] || !nt || !nc)
        return false;
    const struct type *t = NULL;
    for (size_t i = 0; i < N_TYPES; i++)
        if (strcmp(types[i].name, type) == 0) t = &types[i];
    if (!t) return false;
    *out = (mr_file_info){
        .layout = "null",
        .dataset = "noise",
        .store = {.dtype = t->dt, .storage = MR_ST_CONTIGUOUS, .time_first = 1, .nt = nt, .nc = nc},
        .size = (int64_t)(nt * nc * t->dt.size),
        .inode = at + 1,
        .t0_ns = BEGIN_NS + llround((double)(at * nt) * 1e9 / rate),
        .t1_ns = BEGIN_NS + llround((double)(at * nt + nt - 1) * 1e9 / rate),
        .nt = nt,
        .nc = nc,
        .rate_hz = rate,
        .dx_m = 1,
        .to_native = 1,
        .to_strain_rate = 1,
        .quantity = "strain_rate",
        .unit = "1/s",
        .native_quantity = "strain_rate",
        .native_unit = "1/s"};
    return true;
}

struct mr_null {
    size_t size;
    uint8_t noise[]; /* NOISE samples */
};

static void make(const mr_dtype *dt, uint8_t *at, uint64_t k)
{
    uint64_t x = (k + 1) * 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x ^= x >> 31;
    const int32_t whole = (int32_t)(x & 0xffff) - 0x8000;
    const int16_t half = (int16_t)whole;
    const float f32 = (float)whole / 32768;
    const double f64 = (double)whole / 32768;
    if (dt->kind == MR_DT_FLOAT)
        memcpy(at, dt->size == 4 ? (const void *)&f32 : &f64, dt->size);
    else
        memcpy(at, dt->size == 2 ? (const void *)&half : &whole, dt->size);
}

mr_status mr_null_open(const mr_file_info *info, mr_null **out)
{
    const mr_dtype *dt = &info->store.dtype;
    const mr_status st = mr_alloc(1, sizeof **out + (size_t)NOISE * dt->size, "noise", out);
    if (st != MR_OK) return st;
    (*out)->size = dt->size;
    for (uint64_t k = 0; k < NOISE; k++) make(dt, (*out)->noise + k * dt->size, k);
    return MR_OK;
}

void mr_null_close(mr_null *n)
{
    free(n);
}

void mr_null_read(const mr_null *n, uint64_t t, uint64_t nt, const mr_chsel *sel, uint8_t *dst,
                  size_t stride)
{
    for (uint64_t i = 0; i < nt; i++, dst += stride) {
        uint64_t from = (t + i) * 7919 + sel->first;
        for (uint64_t c = 0; c < sel->n;) {
            const uint64_t k = from % NOISE;
            const uint64_t m = sel->step == 1 ? MR_MIN(sel->n - c, NOISE - k) : 1;
            memcpy(dst + c * n->size, n->noise + k * n->size, m * n->size);
            c += m;
            from += m * sel->step;
        }
    }
}
