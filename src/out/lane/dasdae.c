/* out/lane/dasdae.c: a lane file as DASDAE version 1, the container that DASCore reads through
 * PyTables: /waveforms/NAME/data is a hard link to the samples, coordinates are plain copies, the
 * rest are attributes. Texts are fixed-length UTF-8, because PyTables knows no other kind. */
#include "base/utc.h"
#include "out/lane/layout.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void pytables(mr_h5w *w, hid_t obj, const char *class, const char *version)
{
    mr_h5w_fixed(w, obj, "CLASS", class);
    mr_h5w_fixed(w, obj, "TITLE", "");
    mr_h5w_fixed(w, obj, "VERSION", version);
}

/** 2000-01-01T00:00:00.000000000 (as numpy prints it), or with _ for what a name must not have. */
static void stamp(int64_t t_ns, bool as_name, char buf[40])
{
    mr_utc_iso(t_ns, buf);
    size_t n = strlen(buf);
    if (n > 0 && buf[n - 1] == 'Z') buf[n - 1] = '\0';
    for (char *p = buf; as_name && *p; p++)
        if (strchr("-:.", *p)) *p = '_';
}

/** DASCore's (pint's) word for one of ours, or NULL: a word it does not know would stop it. */
static const char *pint_word(const char *name, size_t n)
{
    static const char *const words[][2] = {{"m", "m"},
                                           {"mm", "mm"},
                                           {"um", "um"},
                                           {"nm", "nm"},
                                           {"km", "km"},
                                           {"s", "s"},
                                           {"ms", "ms"},
                                           {"rad", "rad"},
                                           {"radian", "rad"},
                                           {"radians", "rad"},
                                           {"Hz", "Hz"},
                                           {"V", "V"},
                                           {"K", "K"},
                                           {"Pa", "Pa"},
                                           {"count", "count"},
                                           {"counts", "count"},
                                           {"strain", "(m / m)"},
                                           {"microstrain", "(um / m)"},
                                           {"nanostrain", "(nm / m)"}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strlen(words[i][0]) == n && strncmp(words[i][0], name, n) == 0) return words[i][1];
    return NULL;
}

/** One factor of a unit, "m" or "s-2", onto buf; sign -1 after a slash. */
static bool add_factor(const char *word, size_t n, int sign, char *buf, size_t size)
{
    size_t letters = 0, used = strlen(buf);
    while (letters < n && isalpha((unsigned char)word[letters])) letters++;
    const char *name = pint_word(word, letters);
    if (!name || n - letters > 3) return false;
    char power[8] = "", raised[32] = "", *end = power;
    snprintf(power, sizeof power, "%.*s", (int)(n - letters), word + letters);
    long p = sign * (power[0] ? strtol(power, &end, 10) : 1);
    if (*end || p == 0) return false;
    if (labs(p) != 1) snprintf(raised, sizeof raised, "**%ld", labs(p));
    const char *join = used ? (p < 0 ? " / " : " * ") : (p < 0 ? "1 / " : "");
    int k = snprintf(buf + used, size - used, "%s%s%s", join, name, raised);
    return k >= 0 && (size_t)k < size - used;
}

/** "strain s-1" or "strain/s" -> "(m / m) / s". "" where there is no unit or it has another form.
 */
static void pint_unit(const char *cf, char *buf, size_t size)
{
    int sign = 1;
    buf[0] = '\0';
    while (cf && *cf) {
        size_t n = strcspn(cf, " */");
        if (n > 0) {
            if (!add_factor(cf, n, sign, buf, size)) {
                buf[0] = '\0';
                return;
            }
            sign = 1;
        }
        if (cf[n] == '/') sign = -1;
        cf += n + (cf[n] != '\0');
    }
}

/** DASCore knows these kinds of data and refuses others. */
static const char *data_type(const char *quantity)
{
    static const char *const known[] = {"velocity", "strain_rate", "strain", "phase",
                                        "temperature"};
    for (size_t i = 0; quantity && i < sizeof known / sizeof known[0]; i++)
        if (strcmp(quantity, known[i]) == 0) return quantity;
    return "";
}

/** Spacing if it is even to 1e-6 of itself, else NaN. */
static double even_step(const mr_lane_spec *s)
{
    const double *d = s->distance_m;
    if (s->nc == 1) return s->dx_m != 0 ? s->dx_m : NAN;
    double step = (d[s->nc - 1] - d[0]) / (double)(s->nc - 1);
    for (uint64_t c = 1; c < s->nc; c++)
        if (!(fabs(d[c] - d[c - 1] - step) <= 1e-6 * fabs(step))) return NAN;
    return step;
}

/** "time,frequency,distance" */
static void dims_text(const mr_row_shape *s, char *buf, size_t size)
{
    size_t n = (size_t)snprintf(buf, size, "time");
    for (size_t i = 0; i < s->n_axes && n < size; i++)
        n += (size_t)snprintf(buf + n, size - n, ",%s", s->axis[i].name);
    if (n < size) snprintf(buf + n, size - n, ",distance");
}

static void attributes(mr_h5w *w, const mr_lane_spec *s, hid_t g)
{
    char text[96], dims[96];
    dims_text(&s->shape, dims, sizeof dims);
    pytables(w, g, "GROUP", "1.0");
    mr_h5w_fixed(w, g, "_attrs_data_category", "DAS");
    mr_h5w_fixed(w, g, "_attrs_data_type", data_type(s->quantity));
    pint_unit(s->unit, text, sizeof text);
    if (text[0]) mr_h5w_fixed(w, g, "_attrs_data_units", text);
    mr_h5w_fixed(w, g, "_attrs_dims", dims);
    mr_h5w_fixed(w, g, "_attrs_id", s->plan.hex); /* of the series: DASCore merges only equals */
    stamp(s->time_ns[0], false, text);
    mr_h5w_fixed(w, g, "_attrs_time_min", text);
    stamp(s->time_ns[s->rows - 1], false, text);
    mr_h5w_fixed(w, g, "_attrs_time_max", text);
    mr_h5w_f64(w, g, "_attrs_time_step", s->rate_hz > 0 ? 1 / s->rate_hz : NAN); /* seconds */
    mr_h5w_fixed(w, g, "_attrs_time_units", "s");
    mr_h5w_fixed(w, g, "_attrs_time_dtype", "datetime64");
    double step = even_step(s), first = s->distance_m[0], last = s->distance_m[s->nc - 1];
    mr_h5w_f64(w, g, "_attrs_distance_min", fmin(first, last));
    mr_h5w_f64(w, g, "_attrs_distance_max", fmax(first, last));
    if (!isnan(step)) mr_h5w_f64(w, g, "_attrs_distance_step", step);
    mr_h5w_fixed(w, g, "_attrs_distance_units", "m");
    mr_h5w_fixed(w, g, "_attrs_distance_dtype", "float64");
    if (s->gauge_m > 0) mr_h5w_f64(w, g, "_attrs_gauge_length", s->gauge_m);
    mr_h5w_fixed(w, g, "_cdims_distance", "distance");
    mr_h5w_fixed(w, g, "_cdims_time", "time");
    for (size_t i = 0; i < s->shape.n_axes; i++) {
        snprintf(text, sizeof text, "_cdims_%s", s->shape.axis[i].name);
        mr_h5w_fixed(w, g, text, s->shape.axis[i].name);
    }
    mr_h5w_fixed(w, g, "_dims", dims);
}

static void coordinate(mr_h5w *w, hid_t g, const char *name, hid_t file_type, hid_t mem_type,
                       hsize_t n, const void *v, bool is_time)
{
    hid_t d = mr_h5w_dataset(w, g, name, file_type, mem_type, 1, &n, v, NULL);
    pytables(w, d, "ARRAY", "2.4");
    mr_h5w_fixed(w, d, "FLAVOR", "numpy");
    mr_h5w_i8(w, d, "is_datetime64", is_time);
    mr_h5w_i8(w, d, "is_timedelta64", 0);
    mr_h5w_done(w, d);
}

/** Its values; where it has names, their numbers. */
static void axis_coordinate(mr_h5w *w, hid_t g, const mr_axis *a)
{
    char name[64];
    double *v = NULL;
    if (w->st != MR_OK || (w->st = mr_alloc_f64(a->n, "an axis", &v)) != MR_OK) return;
    for (size_t i = 0; i < a->n; i++) v[i] = a->v ? a->v[i] : (double)i;
    snprintf(name, sizeof name, "_coord_%s", a->name);
    coordinate(w, g, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, a->n, v, false);
    free(v);
}

void mr_lane_dasdae(mr_h5w *w, const mr_lane_spec *s, hid_t array)
{
    char t0[40], t1[40], name[128];
    pytables(w, w->file, "GROUP", "1.0");
    mr_h5w_fixed(w, w->file, "PYTABLES_FORMAT_VERSION", "2.1");
    mr_h5w_fixed(w, w->file, "__format__", "DASDAE");
    mr_h5w_fixed(w, w->file, "__DASDAE_version__", "1");
    mr_h5w_fixed(w, w->file, "__dascore__version__", "0.0.14"); /* whose layout this is */
    const bool chunked = mr_lane_deflated(s);
    pytables(w, array, chunked ? "CARRAY" : "ARRAY", chunked ? "1.1" : "2.4");
    mr_h5w_fixed(w, array, "FLAVOR", "numpy");
    hid_t top = mr_h5w_group(w, w->file, "waveforms");
    pytables(w, top, "GROUP", "1.0");
    stamp(s->time_ns[0], true, t0);
    stamp(s->time_ns[s->rows - 1], true, t1);
    snprintf(name, sizeof name, "DAS________%s__%s", t0, t1); /* no network, station, tag */
    hid_t g = mr_h5w_group(w, top, name);
    attributes(w, s, g);
    coordinate(w, g, "_coord_time", H5T_STD_I64LE, H5T_NATIVE_INT64, s->rows, s->time_ns, true);
    coordinate(w, g, "_coord_distance", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, s->nc, s->distance_m,
               false);
    for (size_t i = 0; i < s->shape.n_axes; i++) axis_coordinate(w, g, &s->shape.axis[i]);
    mr_h5w_link(w, array, g, "data");
    mr_h5w_done(w, g);
    mr_h5w_done(w, top);
}
