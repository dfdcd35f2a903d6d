/* plan/config/select.c: which channels of a file a config asks for: indices, half-open ranges with
 * a stride, lists of both, all but these, or a range of distance. run/ and cli/ ask once a layout.
 */
#include "base/quantity.h"
#include "plan/config/config.h"
#include "plan/config/tree.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CHANNEL (INT64_C(1) << 40)

typedef struct pick { /* [a, b) every step */
    int64_t a, b, step;
} pick;

/* Text of one part of a range as an integer; the copy keeps the message to that part. */
static mr_status part_int(const mr_node *n, const char *s, size_t len, int64_t *out)
{
    char buf[40], shown[96];
    while (len && *s == ' ') s++, len--;
    while (len && s[len - 1] == ' ') len--;
    if (len && len < sizeof buf) {
        memcpy(buf, s, len);
        buf[len] = '\0';
        if (mr_int_parse(buf, out) == MR_OK && *out <= MAX_CHANNEL) return MR_OK;
    }
    mr_printable(n->text, shown, sizeof shown);
    return MR_RAISE_AT(MR_ECONFIG, n,
                       "input.channels: '%s' is no selection; write 100..900 (half-open), "
                       "100..900:2, 17 or a list of these",
                       shown);
}

static mr_status parse_pick(const mr_node *n, pick *out)
{
    mr_status st = MR_OK;
    pick p = {.step = 1};
    if (n->kind != MR_NODE_SCALAR)
        return MR_RAISE_AT(MR_ECONFIG, n,
                           "input.channels: %s where 17, 100..900 or 100..900:2 fits",
                           mr_node_what(n));
    const char *s = n->text, *dots = strstr(s, ".."), *colon = strchr(s, ':');
    if (!dots) {
        MR_TRY(part_int(n, s, strlen(s), &p.a));
        p.b = p.a + 1;
    } else {
        size_t end = colon ? (size_t)(colon - s) : strlen(s), at = (size_t)(dots - s) + 2;
        if (at > end) end = strlen(s); /* a colon before the dots: refused as no number */
        MR_TRY(part_int(n, s, at - 2, &p.a));
        MR_TRY(part_int(n, s + at, end - at, &p.b));
        if (s[end] == ':') MR_TRY(part_int(n, s + end + 1, strlen(s + end + 1), &p.step));
    }
    if (p.a >= p.b)
        st = MR_RAISE_AT(MR_ECONFIG, n,
                         "input.channels: %" PRId64 "..%" PRId64 " holds no channel; ranges are "
                         "half-open and run upwards",
                         p.a, p.b);
    else if (p.step < 1)
        st = MR_RAISE_AT(MR_ECONFIG, n, "input.channels: a stride of 0; the least is 1");
    else
        *out = p;
out:
    return st;
}

/* {except: ...}: the node of what is left out, NULL: another kind. */
static mr_status except_of(const mr_node *n, const mr_node **out)
{
    *out = NULL;
    if (n->kind != MR_NODE_MAP) return MR_OK;
    if (n->n != 1 || strcmp(n->entries[0].key, "except") != 0)
        return MR_RAISE_AT(MR_ECONFIG, n,
                           "input.channels: a map says what is left out: {except: bad.csv}, "
                           "{except: 17} or {except: [3, 100..200]}");
    *out = &n->entries[0];
    return MR_OK;
}

/* Is this the name of a table, not a selection? */
static bool names_table(const mr_node *n)
{
    return n->kind == MR_NODE_SCALAR && n->text && n->text[strspn(n->text, "0123456789.: ")];
}

/* The channels of a CSV table as `quality` writes it: any with a column `channel`. */
static mr_status load_table(const mr_node *n, mr_chantable *t)
{
    mr_status st = MR_OK;
    char *path = NULL;
    char why[512];
    MR_TRY(mr_path_expand(n, "input.channels", &path));
    st = mr_chantable_load(path, t);
    if (st == MR_ECONFIG) {
        snprintf(why, sizeof why, "%s", mr_error());
        st = MR_RAISE_AT(MR_ECONFIG, n, "input.channels: %s", why);
    }
out:
    free(path);
    return st;
}

mr_status mr_channels_table(const mr_node *channels, mr_text *text)
{
    mr_status st = MR_OK;
    const mr_node *out;
    mr_chantable t = {0};
    MR_TRY(except_of(channels, &out));
    if (!out || !names_table(out)) return MR_OK;
    MR_TRY(load_table(out, &t));
    for (size_t i = 0; i < t.n; i++)
        MR_TRY(mr_text_add(text, "%s%" PRId64, i ? "," : " ", t.channel[i]));
out:
    mr_chantable_fini(&t);
    return st;
}

static mr_status check_list(const mr_node *n)
{
    mr_status st = MR_OK;
    pick p;
    if (n->kind != MR_NODE_LIST) return parse_pick(n, &p);
    if (n->n == 0) return MR_RAISE_AT(MR_ECONFIG, n, "input.channels: the list is empty");
    for (size_t i = 0; i < n->n; i++) MR_TRY(parse_pick(&n->entries[i], &p));
out:
    return st;
}

mr_status mr_channels_check(const mr_node *n)
{
    mr_status st = MR_OK;
    const mr_node *out;
    mr_chantable t = {0};
    MR_TRY(except_of(n, &out));
    if (out && names_table(out))
        st = load_table(out, &t);
    else
        st = check_list(out ? out : n);
    mr_chantable_fini(&t);
out:
    return st;
}

mr_status mr_distance_check(const mr_node *n, double *lo_m, double *hi_m)
{
    if (n->kind != MR_NODE_SCALAR)
        return MR_RAISE_AT(MR_ECONFIG, n, "input.distance: %s; write a range, as 1.2..3.4 km",
                           mr_node_what(n));
    if (mr_range_parse(n->text, MR_DIM_LENGTH, lo_m, hi_m) == MR_OK) return MR_OK;
    char why[256];
    snprintf(why, sizeof why, "%s", mr_error());
    return MR_RAISE_AT(MR_ECONFIG, n, "input.distance: %s", why);
}

static mr_status mark_pick(const mr_node *n, uint64_t nc, uint8_t *mark)
{
    mr_status st = MR_OK;
    pick p;
    MR_TRY(parse_pick(n, &p));
    if ((uint64_t)p.b > nc) {
        char shown[96];
        mr_printable(n->text, shown, sizeof shown);
        return MR_RAISE_AT(MR_ECONFIG, n,
                           "input.channels: %s is outside the file's channels 0..%" PRIu64, shown,
                           nc);
    }
    for (int64_t k = p.a; k < p.b; k += p.step) mark[k] = 1;
out:
    return st;
}

/* Channel k lies at x0 + k * dx. A limit within a millionth of a spacing of a channel is on it. */
static mr_status mark_distance(const mr_node *n, uint64_t nc, double x0, double dx, uint8_t *mark)
{
    mr_status st = MR_OK;
    double lo, hi;
    MR_TRY(mr_distance_check(n, &lo, &hi));
    if (!(fabs(dx) > 0) || !isfinite(dx) || !isfinite(x0))
        return MR_RAISE_AT(MR_ECONFIG, n,
                           "input.distance: the file does not say its channel spacing; select by "
                           "channels or give input.map: {spacing: 10 m}");
    double last = x0 + dx * (double)(nc - 1), from = MR_MIN(x0, last), to = MR_MAX(x0, last);
    double slack = fabs(dx) * (1 + 1e-6);
    if (lo < from - slack || hi > to + slack)
        return MR_RAISE_AT(MR_ECONFIG, n, "input.distance: %g..%g m is outside the file's %g..%g m",
                           lo, hi, from, to + fabs(dx));
    size_t found = 0;
    for (uint64_t k = 0; k < nc; k++) {
        double x = x0 + dx * (double)k, tol = 1e-6 * fabs(dx);
        mark[k] = x >= lo - tol && x < hi - tol;
        found += mark[k];
    }
    if (!found)
        st = MR_RAISE_AT(MR_ECONFIG, n,
                         "input.distance: no channel lies in %g..%g m; they are %g m apart", lo, hi,
                         fabs(dx));
out:
    return st;
}

/* Each channel by its own position. */
static mr_status mark_places(const mr_node *n, uint64_t nc, const double *x, uint8_t *mark)
{
    mr_status st = MR_OK;
    double lo, hi, from = INFINITY, to = -INFINITY;
    uint64_t found = 0;
    MR_TRY(mr_distance_check(n, &lo, &hi));
    const double tol = 1e-9 * MR_MAX(fabs(lo), fabs(hi));
    for (uint64_t k = 0; k < nc; k++) {
        mark[k] = x[k] >= lo - tol && x[k] < hi - tol;
        found += mark[k];
        if (x[k] < from) from = x[k];
        if (x[k] > to) to = x[k];
    }
    if (!found)
        st =
            MR_RAISE_AT(MR_ECONFIG, n,
                        "input.distance: no channel lies in %g..%g m; they lie between %g and %g m",
                        lo, hi, from, to);
out:
    return st;
}

static mr_status mark_list(const mr_node *n, uint64_t nc, uint8_t *mark)
{
    mr_status st = MR_OK;
    if (n->kind != MR_NODE_LIST) return mark_pick(n, nc, mark);
    for (size_t i = 0; i < n->n; i++) MR_TRY(mark_pick(&n->entries[i], nc, mark));
out:
    return st;
}

/* All but those; a table may speak of channels that this layout does not have. */
static mr_status mark_others(const mr_node *n, uint64_t nc, uint8_t *mark)
{
    mr_status st = MR_OK;
    mr_chantable t = {0};
    uint64_t left = 0;
    if (names_table(n)) {
        MR_TRY(load_table(n, &t));
        for (size_t i = 0; i < t.n; i++)
            if (t.channel[i] >= 0 && (uint64_t)t.channel[i] < nc) mark[t.channel[i]] = 1;
    } else {
        MR_TRY(mark_list(n, nc, mark));
    }
    for (uint64_t k = 0; k < nc; k++) left += mark[k] = !mark[k];
    if (!left) st = MR_RAISE_AT(MR_ECONFIG, n, "input.channels: except leaves no channel");
out:
    mr_chantable_fini(&t);
    return st;
}

mr_status mr_config_channels(const mr_config *c, uint64_t nc, double x0_m, double dx_m,
                             uint64_t **idx, uint64_t *n)
{
    return mr_config_channels_at(c, nc, NULL, x0_m, dx_m, idx, n);
}

mr_status mr_config_channels_at(const mr_config *c, uint64_t nc, const double *x_m, double x0_m,
                                double dx_m, uint64_t **idx, uint64_t *n)
{
    mr_status st = MR_OK;
    uint8_t *mark = NULL;
    uint64_t *v = NULL, found = 0;
    if (nc == 0) return MR_RAISE(MR_EINPUT, "the file holds no channels");
    MR_TRY(mr_alloc(nc, 1, "the selection of channels", &mark));
    if (c->distance)
        MR_TRY(x_m ? mark_places(c->distance, nc, x_m, mark)
                   : mark_distance(c->distance, nc, x0_m, dx_m, mark));
    else if (!c->channels)
        memset(mark, 1, nc);
    else if (c->channels->kind == MR_NODE_MAP)
        MR_TRY(mark_others(&c->channels->entries[0], nc, mark));
    else
        MR_TRY(mark_list(c->channels, nc, mark));
    for (uint64_t k = 0; k < nc; k++) found += mark[k];
    MR_TRY(mr_alloc(found, sizeof *v, "the selection of channels", &v));
    for (uint64_t k = 0, o = 0; k < nc; k++)
        if (mark[k]) v[o++] = k;
    *idx = v;
    *n = found;
out:
    free(mark);
    return st;
}
