/* cli/quality/rows.c: the lanes that a quality run left, row after row. */
#include "base/text.h"
#include "cli/quality/quality.h"
#include "cli/view/view.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void mr_quality_rows_fini(mr_quality_rows *q)
{
    mr_strs_fini(&q->files);
}

/* The first channel of a lane: its name ends in _c00100-00900.h5. */
static mr_status first_channel(const char *path, size_t *c0)
{
    const char *at = strrchr(path, '/');
    unsigned long long c = 0;
    while (at && (at = strstr(at, "_c")) && sscanf(at, "_c%llu-", &c) != 1) at++;
    if (!at) return MR_RAISE(MR_EVERIFY, "%s: its name says no channels", path);
    *c0 = (size_t)c;
    return MR_OK;
}

/* Is it the table of figures that this program makes? */
static bool is_quality(const mr_product *p)
{
    return strcmp(p->quantity, "quality") == 0 && p->n_axes == 1 && p->depth == MR_Q_FIGURES &&
           p->axis[0].label && p->rows > 0 && p->nc > 0;
}

static mr_status open_lane(const char *path, mr_product **out)
{
    mr_status st = MR_OK;
    mr_product *p = NULL;
    MR_TRY(mr_product_open(path, &p));
    if (!is_quality(p)) {
        st = MR_RAISE(MR_EVERIFY, "%s: holds no figures of channels", path);
        goto out;
    }
    *out = p;
    p = NULL;
out:
    mr_product_close(p);
    return st;
}

mr_status mr_quality_rows_open(const char *folder, mr_quality_rows *q)
{
    mr_status st = MR_OK;
    mr_product *p = NULL;
    mr_text master = {0};
    size_t c0 = 0;
    MR_TRY(mr_text_add(&master, "%s/master.h5", folder));
    MR_TRY(mr_view_files(master.s, &q->files));
    q->t0_ns = INT64_MAX;
    q->t1_ns = INT64_MIN;
    for (size_t i = 0; i < q->files.n; i++) {
        MR_TRY(open_lane(q->files.v[i], &p));
        MR_TRY(first_channel(q->files.v[i], &c0));
        q->nc = MR_MAX(q->nc, c0 + p->nc);
        q->t0_ns = MR_MIN(q->t0_ns, p->time_ns[0]);
        q->t1_ns = MR_MAX(q->t1_ns, p->time_ns[p->rows - 1] + (int64_t)llround(1e9 * p->row_s));
        if (i == 0) {
            q->row_ns = 1e9 * p->row_s;
            snprintf(q->unit, sizeof q->unit, "%s", p->unit);
            for (size_t k = 0; k < MR_Q_FIGURES; k++)
                snprintf(q->name[k], sizeof q->name[k], "%s", p->axis[0].label[k]);
        }
        if (q->dx_m == 0 && p->nc > 1) {
            q->dx_m = (p->distance_m[p->nc - 1] - p->distance_m[0]) / (double)(p->nc - 1);
            q->x0_m = p->distance_m[0] - (double)c0 * q->dx_m;
        }
        mr_product_close(p);
        p = NULL;
    }
    if (!q->nc) st = MR_RAISE(MR_EINPUT, "%s: no interval has samples", folder);
out:
    mr_product_close(p);
    mr_text_fini(&master);
    return st;
}

/* Powers in other bands than the first lane's, of another rate, are none of these. */
static void other_bands(const mr_quality_rows *q, const mr_product *p, double *v)
{
    for (size_t k = MR_Q_POWER; k < MR_Q_FIGURES; k++)
        if (strcmp(q->name[k], p->axis[0].label[k]) != 0)
            for (size_t c = 0; c < p->nc; c++) v[k * p->nc + c] = NAN;
}

mr_status mr_quality_rows_each(const mr_quality_rows *q, mr_quality_fn f, void *arg)
{
    mr_status st = MR_OK;
    mr_product *p = NULL;
    double *v = NULL;
    size_t c0 = 0;
    for (size_t i = 0; i < q->files.n; i++) {
        MR_TRY(open_lane(q->files.v[i], &p));
        MR_TRY(first_channel(q->files.v[i], &c0));
        free(v);
        v = NULL;
        MR_TRY(mr_alloc_f64(p->depth * p->nc, "figures", &v));
        for (size_t k = 0; k < p->rows; k++) {
            MR_TRY(mr_product_read(p, k, v));
            other_bands(q, p, v);
            MR_TRY(f(arg, p->time_ns[k], c0, p->nc, v, p->distance_m));
        }
        mr_product_close(p);
        p = NULL;
    }
out:
    mr_product_close(p);
    free(v);
    return st;
}
