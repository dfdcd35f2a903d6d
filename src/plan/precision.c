/* plan/precision.c: will float32 do? A look at the first samples of an archive whose type holds
 * more than float32 does. Called by mr_advise; run/ looks at all samples. */
#include "plan/precision.h"
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 1000, CHANNELS = 64 };

bool mr_wider_than_float(mr_dtype t)
{
    return t.kind == MR_DT_FLOAT ? t.size > 4 : t.size >= 4;
}

bool mr_signal_too_small(double lo, double hi)
{
    const double most = fmax(fabs(lo), fabs(hi));
    const double step = (double)(nextafterf((float)most, INFINITY) - (float)most);
    return hi > lo && hi - lo < MR_SIGNAL_STEPS * step;
}

/** Largest magnitude of the first channel whose signal float32 leaves too few steps; 0: none. */
static double coarse(const double *v, size_t nt, size_t nc)
{
    for (size_t c = 0; c < nc; c++) {
        double lo = INFINITY, hi = -INFINITY;
        bool changed = false;
        for (size_t t = 0; t < nt; t++) {
            const double x = v[t * nc + c];
            if (!(fabs(x) <= FLT_MAX)) continue;
            lo = fmin(lo, x);
            hi = fmax(hi, x);
            changed |= (double)(float)x != x;
        }
        if (changed && mr_signal_too_small(lo, hi)) return fmax(fabs(lo), fabs(hi));
    }
    return 0;
}

static mr_status look(const mr_config *cfg, const mr_array *a, const char *path, double *most)
{
    mr_status st = MR_OK;
    mr_prober *prober = NULL;
    mr_file_info info;
    mr_chunk *chunks = NULL;
    mr_raw *raw = NULL;
    char *buf = NULL;
    double *v = NULL;
    MR_TRY(mr_prober_new(1, cfg->map, &prober));
    mr_prober_pick(prober, cfg->dataset);
    MR_TRY(mr_probe(prober, path, &info, &chunks));
    if (info.state != MR_OK || info.nc <= a->chan[a->nc - 1]) goto out;
    const size_t nt = (size_t)MR_MIN(info.nt, (uint64_t)ROWS);
    const mr_chsel sel = {a->chan[0], MR_MAX((a->chan[a->nc - 1] - a->chan[0]) / CHANNELS, 1),
                          MR_MIN(a->nc, (uint64_t)CHANNELS)};
    const size_t nc = (size_t)sel.n, stride = nc * info.store.dtype.size;
    MR_TRY(mr_raw_open(path, &info, chunks, &raw));
    MR_TRY(mr_alloc(nt, stride, "the first samples", &buf));
    MR_TRY(mr_alloc_f64(nt * nc, "the first samples", &v));
    MR_TRY(mr_raw_read(raw, 0, nt, &sel, buf, stride, NULL, NULL));
    mr_load_values(&info, 1, buf, stride, nt, nc, v, nc);
    *most = coarse(v, nt, nc);
out:
    mr_raw_close(raw);
    mr_prober_free(prober);
    free(chunks);
    free(buf);
    free(v);
    if (st == MR_EINPUT) { /* it is the run's to say */
        mr_error_clear();
        st = MR_OK;
    }
    return st;
}

mr_status mr_precision_advise(const mr_config *cfg, const mr_plan *p, mr_strs *out)
{
    mr_status st = MR_OK;
    mr_text t = {0};
    double most = 0;
    if (cfg->f64) return MR_OK;
    for (size_t i = 0; i < p->spans.n_spans && most == 0; i++) {
        const mr_span *sp = &p->spans.span[i];
        const mr_array *a = &p->arrays[sp->array];
        const uint32_t row = p->spans.leg[sp->leg0].file;
        if (!a->chain || !mr_chain_keeps_level(a->chain) ||
            !mr_wider_than_float(p->cat->facts[p->cat->rows[row].form].store.dtype))
            continue;
        MR_TRY(look(cfg, a, mr_catalog_path(p->cat, row), &most));
        if (most == 0) break; /* one look is enough */
        MR_TRY(mr_text_add(&t,
                           "%s: values up to %.6g leave the signal fewer than 12 bits of float32; "
                           "write output.type: float64, or take the offset out first",
                           mr_catalog_path(p->cat, row), most));
        MR_TRY(mr_strs_add(out, t.s));
    }
out:
    mr_text_fini(&t);
    return st;
}
