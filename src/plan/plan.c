/* plan/plan.c: arrays (chain, channels, grid) and the plan's text; lanes and memory beside. */
#include "plan/plan.h"
#include "base/utc.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/** What the type of integer samples holds, as they are loaded; 0, 0: floats. */
static mr_limits limits_of(const mr_file_info *f)
{
    const mr_dtype type = f->store.dtype;
    const double k = f->packing.scale != 0 ? f->packing.scale : 1, all = exp2(8 * type.size);
    if (type.kind == MR_DT_FLOAT) return (mr_limits){0, 0};
    const double lo = type.kind == MR_DT_UINT ? 0 : -all / 2, hi = lo + all - 1;
    return (mr_limits){fmin(k * lo, k * hi) + f->packing.offset,
                       fmax(k * lo, k * hi) + f->packing.offset};
}

/** Those of a group, where all its files have the same. */
static mr_limits limits_of_group(const mr_catalog *cat, uint32_t group)
{
    const mr_limits lead = limits_of(mr_catalog_group(cat, group));
    for (size_t k = 0; k < cat->n_forms; k++) {
        const mr_limits l = limits_of(&cat->facts[k]);
        if (cat->group[k] == group && (l.lowest != lead.lowest || l.highest != lead.highest))
            return (mr_limits){0, 0};
    }
    return lead;
}

static void geom_of(const mr_file_info *f, uint64_t nc, mr_geom *g)
{
    *g = (mr_geom){.rate_hz = f->rate_hz,
                   .nc = nc,
                   .dx_m = f->dx_m,
                   .gauge_m = f->gauge_m,
                   .quantity = f->quantity,
                   .unit = f->unit,
                   .to_native = f->to_native,
                   .native_unit = f->native_unit,
                   .native_quantity = f->native_quantity,
                   .to_strain_rate = f->to_strain_rate,
                   .to_strain = f->to_strain,
                   .uneven = f->uneven};
}

/** Evenly stepped selections are read as such; others as the range around them. */
static void selection_shape(mr_array *a)
{
    const uint64_t step = a->nc > 1 ? a->chan[1] - a->chan[0] : 1;
    a->even = true;
    for (uint64_t i = 1; i < a->nc; i++)
        if (a->chan[i] - a->chan[i - 1] != step) a->even = false;
    a->sel = a->even ? (mr_chsel){a->chan[0], step, a->nc}
                     : (mr_chsel){a->chan[0], 1, a->chan[a->nc - 1] - a->chan[0] + 1};
}

/** Positions that no spacing gives, from a file that has them; NULL: a spacing does. [give] */
static mr_status ask_places(const mr_plan *p, uint32_t group, const mr_file_info *f, double **x_m)
{
    mr_status st = MR_OK;
    mr_prober *prober = NULL;
    size_t i = 0;
    *x_m = NULL;
    if (!f->places) return MR_OK;
    while (i < p->cat->n &&
           (p->cat->rows[i].form == MR_REFUSED || mr_catalog_group_of(p->cat, i) != group ||
            strcmp(p->cat->facts[p->cat->rows[i].form].dataset, f->dataset) != 0))
        i++;
    MR_TRY(mr_prober_new(1, p->cfg->map, &prober));
    mr_prober_pick(prober, p->cfg->dataset);
    MR_TRY(mr_probe_places(prober, mr_catalog_path(p->cat, i), f->dataset, f->nc, x_m));
out:
    mr_prober_free(prober);
    return st;
}

/** Where the input's channels are: by the file, or by the channel table where it has them. */
static mr_status distances(const mr_chantable *t, const double *x_m, mr_array *a)
{
    mr_status st = MR_OK;
    MR_TRY(mr_alloc_f64(a->nc, "distances", &a->x_m));
    for (uint64_t i = 0; i < a->nc; i++)
        a->x_m[i] =
            x_m ? x_m[a->chan[i]]
                : a->facts.x0_m + (double)a->chan[i] * (a->facts.dx_m != 0 ? a->facts.dx_m : 1);
    if (!t->n) goto out;
    MR_TRY(mr_alloc_f64(a->nc, "latitudes", &a->lat));
    MR_TRY(mr_alloc_f64(a->nc, "longitudes", &a->lon));
    MR_TRY(mr_alloc_f64(a->nc, "elevations", &a->elev));
    for (uint64_t i = 0, j = 0; i < a->nc; i++) { /* both in order of channels */
        a->lat[i] = a->lon[i] = a->elev[i] = NAN;
        while (j < t->n && t->channel[j] < (int64_t)a->chan[i]) j++;
        for (; j < t->n && t->channel[j] == (int64_t)a->chan[i]; j++) {
            if (t->distance && isfinite(t->distance[j])) a->x_m[i] = t->distance[j];
            if (t->latitude) a->lat[i] = t->latitude[j];
            if (t->longitude) a->lon[i] = t->longitude[j];
            if (t->elevation) a->elev[i] = t->elevation[j];
        }
    }
out:
    return st;
}

/** What the input channels have -> what the chain's output channels have. */
static mr_status carry(const mr_array *a, double **v)
{
    double *out = NULL;
    if (!*v) return MR_OK;
    const mr_status st = mr_chain_place(a->chain, *v, &out);
    if (st != MR_OK) return st;
    free(*v);
    *v = out;
    return MR_OK;
}

/** Longitudes on both sides of the line of date are brought to one before they are averaged. */
static mr_status carry_longitudes(const mr_array *a, double **v)
{
    double lo = INFINITY, hi = -INFINITY;
    for (uint64_t i = 0; *v && i < a->nc; i++)
        if (isfinite((*v)[i])) lo = MR_MIN(lo, (*v)[i]), hi = MR_MAX(hi, (*v)[i]);
    const bool wraps = hi - lo > 180 && mr_chain_out(a->chain)->nc != a->nc;
    for (uint64_t i = 0; wraps && i < a->nc; i++)
        if ((*v)[i] < 0) (*v)[i] += 360;
    const mr_status st = carry(a, v);
    for (uint64_t i = 0; wraps && st == MR_OK && i < mr_chain_out(a->chain)->nc; i++)
        if ((*v)[i] > 180) (*v)[i] -= 360;
    return st;
}

static mr_status places(mr_array *a)
{
    mr_status st = MR_OK;
    MR_TRY(mr_chain_place(a->chain, a->x_m, &a->distance_m));
    MR_TRY(carry(a, &a->lat));
    MR_TRY(carry_longitudes(a, &a->lon));
    MR_TRY(carry(a, &a->elev));
    a->out_nc = mr_chain_out(a->chain)->nc;
out:
    return st;
}

/** Where its first operator makes irregular rows even, the chain is bound to the grid that they are
 *  made samples of. */
static mr_status chain_on_grid(const mr_plan *p, mr_array *a)
{
    if (!a->in.uneven || mr_chain_out(a->chain)->uneven) return MR_OK;
    const mr_needs *d = mr_chain_needs(a->chain, 0);
    const double grid_hz = mr_chain_first_rate(a->chain) * (double)d->down / (double)d->up;
    mr_chain_free(a->chain);
    a->chain = NULL;
    a->grid_hz = a->in.rate_hz = a->facts.rate_hz = grid_hz;
    a->in.uneven = false;
    a->facts.store.dtype = (mr_dtype){.kind = MR_DT_FLOAT, .size = sizeof(double)};
    a->facts.packing = (mr_packing){0};
    return mr_chain_new(p->cfg->chain, &a->in, &a->chain);
}

/** rate_hz: 0, or an aligned one. */
static mr_status array_init(const mr_plan *p, const mr_chantable *table, uint32_t group,
                            double rate_hz, mr_array *a)
{
    mr_status st = MR_OK;
    double *x_m = NULL;
    a->group = group;
    a->aligned = rate_hz > 0;
    a->f64 = p->cfg->f64;
    a->facts = *mr_catalog_group(p->cat, group);
    const mr_file_info *f = &a->facts;
    MR_TRY(mr_catalog_series(f, &a->series));
    MR_TRY(ask_places(p, group, f, &x_m));
    st = mr_config_channels_at(p->cfg, f->nc, x_m, f->x0_m, f->dx_m, &a->chan, &a->nc);
    if (st == MR_OK) {
        geom_of(f, a->nc, &a->in);
        a->in.limits = limits_of_group(p->cat, group);
        if (a->aligned) a->in.rate_hz = rate_hz;
        MR_TRY(distances(table, x_m, a));
        a->in.chan = a->chan;
        a->in.x_m = a->x_m;
        st = mr_chain_new(p->cfg->chain, &a->in, &a->chain);
        if (st == MR_OK) st = chain_on_grid(p, a);
    }
    if (st == MR_ECONFIG) { /* it may fit the other groups: the planner decides */
        st = mr_strdup(mr_error(), &a->why);
        goto out;
    }
    MR_TRY(st);
    selection_shape(a);
    MR_TRY(places(a));
    mr_array_mask(p->cfg, a);
    mr_array_context(a, false, &a->before_s, &a->after_s);
    st = mr_lane_size(p->cfg, a);
    if (st == MR_ECONFIG) {
        st = mr_strdup(mr_error(), &a->why);
        mr_chain_free(a->chain);
        a->chain = NULL;
        goto out;
    }
    MR_TRY(st);
    MR_TRY(mr_blocks_size(p, a));
out:
    free(x_m);
    return st;
}

/** What the output depends on beyond the inputs, in words and numbers. */
static mr_status plan_text(mr_plan *p)
{
    mr_status st = MR_OK;
    mr_text *t = &p->text;
    MR_TRY(mr_text_add(t, "millrace %s\n", MR_VERSION));
    for (size_t i = 0; i < p->n_arrays; i++)
        if (p->arrays[i].chain) {
            MR_TRY(mr_chain_brief(p->arrays[i].chain, t));
            break;
        }
    MR_TRY(mr_text_add(t, "compress %s\n", p->cfg->deflate ? "deflate" : "none"));
    if (p->cfg->f64) MR_TRY(mr_text_add(t, "type float64\n"));
    if (p->cfg->lane_ns) MR_TRY(mr_text_add(t, "lane %lld ns\n", (long long)p->cfg->lane_ns));
    if (p->cfg->strip)
        MR_TRY(mr_text_add(t, "strip %llu channels\n", (unsigned long long)p->cfg->strip));
    if (p->cfg->title) MR_TRY(mr_text_add(t, "title %s\n", p->cfg->title));
    if (p->cfg->geometry) {
        mr_text g = {0};
        st = mr_read_text(p->cfg->geometry, 64 << 20, &g);
        if (st == MR_OK) st = mr_text_add(t, "geometry table %s\n", mr_digest_of(g.s, g.len).hex);
        mr_text_fini(&g);
        MR_TRY(st);
    }
    if (p->cfg->dataset) MR_TRY(mr_text_add(t, "dataset %s\n", p->cfg->dataset));
    if (p->cfg->join != MR_JOIN) MR_TRY(mr_text_add(t, "join %a\n", p->cfg->join));
    if (p->cfg->mask_s > 0) MR_TRY(mr_text_add(t, "mask constant %a s\n", p->cfg->mask_s));
    if (isfinite(p->cfg->mask_above)) MR_TRY(mr_text_add(t, "mask above %a\n", p->cfg->mask_above));
    const mr_node *sel[] = {p->cfg->channels, p->cfg->distance, p->cfg->map};
    static const char *const name[] = {"channels", "distance", "map"};
    for (size_t i = 0; i < 3; i++)
        if (sel[i]) {
            MR_TRY(mr_text_add(t, "%s ", name[i]));
            MR_TRY(mr_node_print(sel[i], t));
            if (i == 0) MR_TRY(mr_channels_table(sel[i], t));
            MR_TRY(mr_text_add(t, "\n"));
        }
    p->digest = mr_digest_of(t->s, t->len);
    for (size_t i = 0; i < p->n_arrays; i++) {
        mr_array *a = &p->arrays[i];
        if (!a->chain) continue;
        const size_t from = p->coefficients.len;
        MR_TRY(mr_text_add(&p->coefficients,
                           "array rate %a channels %llu grid_ns %lld block %lld strip %llu\n",
                           a->in.rate_hz, (unsigned long long)a->nc, (long long)a->grid_ns,
                           (long long)a->block_out, (unsigned long long)a->strip));
        MR_TRY(mr_chain_describe(a->chain, &p->coefficients));
        a->design = mr_digest_of(p->coefficients.s + from, p->coefficients.len - from);
    }
out:
    return st;
}

/** A chain that fits no group is the config's fault; one that fits some is noted for the others. */
static mr_status some_chain(const mr_plan *p)
{
    for (size_t i = 0; i < p->n_arrays; i++)
        if (p->arrays[i].chain) return MR_OK;
    if (!p->n_arrays) return MR_RAISE(MR_EINPUT, "none of %zu files can be used", p->cat->n_files);
    mr_error_set(p->arrays[0].why);
    return MR_ECONFIG;
}

double mr_plan_largest_share(const mr_plan *p)
{
    double most = 0, all = 0;
    for (size_t i = 0; i < p->n_lanes; i++) {
        const mr_lane *l = &p->lanes[i];
        const double n = (double)(l->raw.b - l->raw.a) * (double)(l->c1 - l->c0);
        most = MR_MAX(most, n);
        all += n;
    }
    return all > 0 ? most / all : 0;
}

mr_status mr_plan_nothing(const mr_plan *p)
{
    char a[40], b[40];
    int64_t t0 = INT64_MAX, t1 = INT64_MIN;
    double longest_s = 0;
    const mr_node *input = mr_node_get(&p->cfg->root, "input");
    const mr_node *time = input ? mr_node_get(input, "time") : NULL;
    for (size_t i = 0; i < p->spans.n_spans; i++) {
        const mr_span *sp = &p->spans.span[i];
        const int64_t end = mr_span_time(&p->spans, sp, sp->index0 + sp->n, 1);
        t0 = MR_MIN(t0, sp->t0_ns);
        t1 = MR_MAX(t1, end);
        longest_s = MR_MAX(longest_s, 1e-9 * (double)(end - sp->t0_ns));
    }
    if (time && (p->cfg->time_a >= t1 || p->cfg->time_b <= t0))
        return MR_RAISE_AT(MR_EINPUT, time,
                           "input.time: the archive has nothing then; it is of %s .. %s",
                           mr_utc_iso(t0, a), mr_utc_iso(t1, b));
    return MR_RAISE(MR_EINPUT,
                    "nothing to do: no stretch without gap is long enough for one output sample of "
                    "this chain%s (the longest is %.6g s)",
                    time ? " in input.time" : "", longest_s);
}

/** Spans beyond this many share the last one's rate: half a sample is not worth more. */
enum { MOST_ALIGNED = 1000 };

/** Give each span of such a rate an array of its own: the first one has its group's. */
static mr_status align_all(mr_plan *p, const mr_chantable *table)
{
    mr_status st = MR_OK;
    for (size_t i = 0, n = 0; i < p->spans.n_spans && n < MOST_ALIGNED; i++) {
        mr_span *sp = &p->spans.span[i];
        if (!mr_array_wants_aligning(&p->arrays[sp->group])) continue;
        const double rate_hz = mr_rate_aligned(p->arrays[sp->group].facts.rate_hz, sp->t0_ns);
        sp->array = (uint32_t)p->n_arrays++;
        MR_TRY(array_init(p, table, sp->group, rate_hz, &p->arrays[sp->array]));
        sp->index0 = mr_index_at(sp->t0_ns, rate_hz);
        n++;
    }
out:
    return st;
}

/** A plan without the forms that are barred (NULL: with all). [take] barred, on success */
static mr_status plan_without(const mr_config *cfg, const mr_catalog *cat, size_t limit_bytes,
                              size_t base_bytes, int threads, uint8_t *barred, mr_plan **out)
{
    mr_status st = MR_OK;
    mr_plan *p = NULL;
    mr_chantable table = {0};
    MR_TRY(mr_alloc(1, sizeof *p, "the plan", &p));
    p->cfg = cfg;
    p->cat = cat;
    p->barred = barred;
    if (cfg->geometry) MR_TRY(mr_chantable_load(cfg->geometry, &table));
    MR_TRY(mr_spans_build(cat, cfg->join, barred, &p->spans));
    const size_t more = MR_MIN(p->spans.n_spans, (size_t)MOST_ALIGNED);
    MR_TRY(mr_alloc(cat->n_groups + more, sizeof *p->arrays, "the arrays", &p->arrays));
    for (p->n_arrays = 0; p->n_arrays < cat->n_groups; p->n_arrays++)
        MR_TRY(array_init(p, &table, (uint32_t)p->n_arrays, 0, &p->arrays[p->n_arrays]));
    MR_TRY(align_all(p, &table));
    MR_TRY(some_chain(p));
    MR_TRY(mr_spans_stamps(&p->spans, cat, cfg));
    for (size_t i = 0; i < cat->n_groups; i++)
        if (p->arrays[i].grid_hz > 0)
            mr_spans_to_grid(&p->spans, (uint32_t)i, p->arrays[i].grid_hz);
    MR_TRY(plan_text(p));
    MR_TRY(mr_lanes_build(p));
    MR_TRY(mr_memory_size(p, limit_bytes, base_bytes, threads));
    *out = p;
    p = NULL;
out:
    if (p) p->barred = NULL; /* still the caller's */
    mr_chantable_fini(&table);
    mr_plan_free(p);
    return st;
}

uint64_t mr_chunk_bytes(const mr_store *s)
{
    if (s->storage != MR_ST_CHUNKED) return 0;
    const double bytes = (double)s->chunk_t * (double)s->chunk_c * (double)s->dtype.size;
    return bytes < 0x1p62 ? (uint64_t)bytes : UINT64_MAX;
}

/** The forms with chunks that nothing is decoded for: whatever memory there is, so that the same
 *  archive always comes to the same. NULL where there are none, or no others. [give] */
static mr_status too_large(const mr_catalog *cat, uint8_t **out)
{
    mr_status st = MR_OK;
    uint8_t *barred = NULL;
    size_t left = 0, n = 0;
    *out = NULL;
    MR_TRY(mr_alloc(MR_MAX(cat->n_forms, (size_t)1), 1, "the plan", &barred));
    for (size_t k = 0; k < cat->n_forms; k++) {
        barred[k] = mr_chunk_bytes(&cat->facts[k].store) > MR_MOST_CHUNK_BYTES;
        n += barred[k];
        left += !barred[k];
    }
    if (n && left) {
        *out = barred;
        barred = NULL;
    }
out:
    free(barred);
    return st;
}

mr_status mr_plan_new(const mr_config *cfg, const mr_catalog *cat, size_t limit_bytes,
                      size_t base_bytes, int threads, mr_plan **out)
{
    uint8_t *barred = NULL;
    mr_status st = too_large(cat, &barred);
    if (st == MR_OK) st = plan_without(cfg, cat, limit_bytes, base_bytes, threads, barred, out);
    if (st != MR_OK) free(barred);
    return st;
}

static void array_fini(mr_array *a)
{
    mr_chain_free(a->chain);
    free(a->why);
    free(a->chan);
    free(a->x_m);
    free(a->distance_m);
    free(a->lat);
    free(a->lon);
    free(a->elev);
}

void mr_plan_free(mr_plan *p)
{
    if (!p) return;
    for (size_t i = 0; p->arrays && i < MR_MAX(p->n_arrays, p->cat->n_groups); i++)
        array_fini(&p->arrays[i]);
    mr_spans_fini(&p->spans);
    mr_text_fini(&p->text);
    mr_text_fini(&p->coefficients);
    free(p->arrays);
    free(p->barred);
    free(p->lanes);
    free(p);
}
