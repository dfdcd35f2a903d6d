/* cli/common/samples.c: see samples.h. */
#include "cli/common/samples.h"
#include "out/product/product.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void mr_source_fini(mr_source *s)
{
    for (size_t i = 0; i < s->n; i++) {
        free(s->v[i].path);
        free(s->v[i].chunks);
    }
    free(s->v);
}

/* One recording of a file; the chunk table is its own. */
static mr_status add_piece(mr_source *s, const char *path, const mr_file_info *info,
                           const mr_chunk *chunks)
{
    mr_status st = MR_OK;
    mr_piece p = {.info = *info};
    const size_t n = (size_t)info->store.n_chunks;
    MR_TRY(mr_strdup(path, &p.path));
    if (chunks) {
        MR_TRY(mr_alloc(n, sizeof *chunks, "a chunk table", &p.chunks));
        memcpy(p.chunks, chunks, n * sizeof *chunks);
    }
    MR_TRY(mr_grow(&s->v, &s->cap, s->n + 1, sizeof *s->v, "files to view"));
    s->v[s->n++] = p;
    p = (mr_piece){0};
out:
    free(p.path);
    free(p.chunks);
    return st;
}

/* Its recordings; *why: what is wrong with one of them. */
static mr_status add_file(mr_source *s, const char *path, const mr_probed *p, char why[MR_NOTE_MAX])
{
    mr_status st = MR_OK;
    for (size_t i = 0; i < p->n; i++) {
        const mr_file_info *r = &p->rec[i];
        const bool fits = s->n == 0 || fabs(r->dx_m - s->v[0].info.dx_m) <= 1e-6 * fabs(r->dx_m);
        if (r->state == MR_OK && r->rate_hz > 0 && fits)
            MR_TRY(add_piece(s, path, r, r->set < p->n_tables ? p->table[r->set] : NULL));
        else
            snprintf(why, MR_NOTE_MAX, "%s",
                     r->state != MR_OK ? r->reason
                     : fits            ? "no even sampling rate"
                                       : "another channel spacing");
    }
out:
    return st;
}

/* Channel of the whole at which a piece begins. */
static uint64_t first_channel(const mr_source *s, const mr_piece *p)
{
    return s->dx_m > 0 ? (uint64_t)llround((p->info.x0_m - s->x0_m) / s->dx_m) : 0;
}

static void frame_source(mr_source *s)
{
    s->x0_m = s->v[0].info.x0_m;
    s->dx_m = s->v[0].info.dx_m;
    s->t0_ns = INT64_MAX;
    s->t1_ns = INT64_MIN;
    s->dt_ns = INFINITY;
    for (size_t i = 0; i < s->n; i++) s->x0_m = MR_MIN(s->x0_m, s->v[i].info.x0_m);
    for (size_t i = 0; i < s->n; i++) {
        const mr_file_info *f = &s->v[i].info;
        double dt = 1e9 / f->rate_hz;
        s->nc = MR_MAX(s->nc, first_channel(s, &s->v[i]) + f->nc);
        s->t0_ns = MR_MIN(s->t0_ns, f->t0_ns);
        s->t1_ns = MR_MAX(s->t1_ns, f->t0_ns + (int64_t)llround(dt * (double)f->nt));
        s->dt_ns = MR_MIN(s->dt_ns, dt);
    }
}

mr_status mr_source_open(mr_prober *prober, const char *arg, const mr_strs *files, mr_source *s)
{
    mr_status st = MR_OK;
    mr_probed p = {0};
    char last[MR_NOTE_MAX] = "no recordings there";
    for (size_t i = 0; i < files->n; i++) {
        char why[MR_NOTE_MAX] = "";
        MR_TRY(mr_probe_file(prober, files->v[i], true, &p));
        if (i == 0 && p.rec[0].state != MR_OK && mr_is_output(files->v[i])) {
            s->product = true;
            goto out;
        }
        MR_TRY(add_file(s, files->v[i], &p, why));
        mr_probed_fini(&p);
        if (!why[0]) continue;
        memcpy(last, why, sizeof last);
        if (files->n > 1) mr_log(MR_WARN, "%s: %s", files->v[i], why);
    }
    if (s->n == 0)
        MR_TRY(MR_RAISE(MR_EINPUT, "%s: %s%s", arg, files->n > 1 ? "nothing to view: " : "", last));
    frame_source(s);
out:
    mr_probed_fini(&p);
    return st;
}

/* By its stamps. */
static double step_ns(const mr_file_info *f)
{
    return f->nt > 1 ? (double)(f->t1_ns - f->t0_ns) / ((double)f->nt - 1) : 1e9 / f->rate_hz;
}

mr_status mr_source_read(const mr_source *s, size_t i, uint64_t c0, uint64_t c1, int64_t t0_ns,
                         int64_t t1_ns, mr_rows_fn fn, void *self)
{
    mr_status st = MR_OK;
    const mr_piece *p = &s->v[i];
    const mr_file_info *f = &p->info;
    mr_raw *raw = NULL;
    void *stored = NULL;
    double *tile = NULL;
    const double dt = step_ns(f), k = f->to_native > 0 ? f->to_native : 1;
    const uint64_t at = first_channel(s, p);
    c0 = MR_MAX(c0, at);
    c1 = MR_MIN(c1, at + f->nc);
    const double a = floor((double)(t0_ns - f->t0_ns) / dt),
                 b = ceil((double)(t1_ns - f->t0_ns) / dt);
    uint64_t t0 = a > 0 ? (uint64_t)a : 0, t1 = b > 0 ? MR_MIN(f->nt, (uint64_t)b) : 0;
    if (t0 >= t1 || c0 >= c1) return MR_OK;
    const mr_chsel sel = {.first = c0 - at, .step = 1, .n = c1 - c0};
    const size_t row = sel.n * f->store.dtype.size;
    const uint64_t tier = mr_raw_tier_rows(f);
    const uint64_t block = MR_MAX(((uint64_t)2 << 20) / sel.n / tier * tier, tier);
    MR_TRY(mr_alloc(block, row, "a block", &stored));
    MR_TRY(mr_alloc(block * sel.n, sizeof *tile, "a block", &tile));
    MR_TRY(mr_raw_open(p->path, f, p->chunks, &raw));
    for (uint64_t t = t0 / tier * tier; t < t1; t += block) {
        const uint64_t n = MR_MIN(block, f->nt - t);
        MR_TRY(mr_raw_read(raw, t, n, &sel, stored, row, NULL, NULL));
        mr_load_values(f, 1, stored, row, n, sel.n, tile, sel.n);
        for (size_t q = 0; q < n * sel.n && k != 1; q++) tile[q] *= k;
        const mr_view view = {.d = tile, .nt = n, .nc = sel.n, .stride = sel.n};
        MR_TRY(fn(self, f->t0_ns + (int64_t)llround((double)t * dt), dt, c0, &view));
    }
out:
    mr_raw_close(raw);
    free(stored);
    free(tile);
    return st;
}
