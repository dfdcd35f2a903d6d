/* plan/memory.c: lengths of blocks, strips and buffers, and what they come to. Lengths depend on
 * chain, rate, channels and storage alone; the limit decides only how many buffers there are. */
#include "plan/plan.h"
#include "plan/precision.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A block is as short as its context allows: what lies between reading and computing stays in the
 * last cache, there is less memory to touch first, and the first block of a run is there sooner.
 * What is read twice, at least ctx of each block, is to be a small part of a block that is short
 * anyway (OVER), and never more than a quarter. LEAST of 4, 6 and 8 MiB: the same within 3 %. */
enum {
    QUANTUM = 112 << 20,
    SMOOTH = 24 << 20, /* bytes of a block up to which OVER contexts are granted */
    LEAST = 12 << 20,
    INTAKE = 4 << 20,
    EVEN = 1 << 20, /* bytes of irregular rows that are made even at once */
    OVER = 12,
    OUTS = 24 << 20, /* bytes of output that may wait while the writer syncs a lane */
    MOST_OUTS = 8,
    MAX_ROWS = 65536
};

/** Does a block have to be whole in memory between two steps; and may channels not be cut? */
static bool joint(const mr_chain *c, bool *couples)
{
    const mr_program *p = mr_chain_program(c);
    bool blocks = false;
    *couples = false;
    for (size_t i = 0; i < mr_chain_n(c); i++) *couples = *couples || mr_chain_needs(c, i)->couples;
    for (size_t k = 0; k < p->n; k++) blocks = blocks || p->v[k].to == MR_TO_BLOCK;
    return blocks;
}

/** Input channels of the array for each that the chain gives. */
static double fan_in(const mr_array *a)
{
    return (double)a->nc / (double)a->out_nc;
}

/** Channels that a strip reads at most, its neighbours' included. */
static uint64_t widest_strip(const mr_array *a)
{
    mr_slab ch[MR_MAX_OPS + 1];
    int64_t most = 0;
    for (uint64_t c = 0; c < a->out_nc; c += a->strip) {
        const mr_slab out = {(int64_t)c, (int64_t)MR_MIN(c + a->strip, a->out_nc)};
        mr_chain_channels(a->chain, out, ch);
        most = MR_MAX(most, ch[0].b - ch[0].a);
    }
    return (uint64_t)most;
}

/** Bytes of the largest sample that files of the array store; also whether these are all alike. */
static size_t widest_sample(const mr_plan *p, mr_array *a)
{
    const mr_dtype lead = a->facts.store.dtype;
    const mr_quantity_join by = (mr_quantity_join)mr_config_joins(p->cfg);
    size_t most = lead.size;
    a->uniform = true;
    if (a->grid_hz > 0) return most;
    for (size_t k = 0; k < p->cat->n_forms; k++) {
        const mr_file_info *f = &p->cat->facts[k];
        const mr_dtype dt = f->store.dtype;
        if (p->cat->group[k] != a->group) continue;
        most = MR_MAX(most, (size_t)dt.size);
        a->wide |= mr_wider_than_float(dt) || mr_is_packed(&f->packing);
        a->uniform &= dt.kind == lead.kind && dt.size == lead.size && !mr_is_packed(&f->packing) &&
                      mr_catalog_factor(by, &a->facts, f) == 1;
    }
    return most;
}

mr_status mr_blocks_size(const mr_plan *p, mr_array *a)
{
    double before, after;
    mr_array_context(a, true, &before, &after);
    bool coupled;
    const bool whole = a->grid_ns == INT64_MAX, blocks = joint(a->chain, &coupled);
    const mr_needs *reduces = mr_chain_reduces(a->chain);
    const bool sources = reduces && reduces->n_sources; /* all channels need them: no strips */
    const double rate = a->in.rate_hz;
    const uint64_t read = a->even ? a->nc : a->sel.n; /* channels buffered a row */
    const size_t cost = a->facts.store.dtype.size + (blocks ? 16u : 0u);
    const double ctx = whole ? 0.0 : ceil((before + after) * rate);
    const double deferred = whole ? 0.0 : ceil(mr_chain_deferred(a->chain) * rate);
    double rows = MR_MIN((double)QUANTUM / (double)(read * cost), (double)MAX_ROWS);
    if (!p->cfg->strip && !whole && !coupled && !sources && a->even && a->sel.step == 1 &&
        2 * (ctx + deferred) > rows)
        a->strip_in = MR_MIN(
            a->strip_in,
            mr_strip_columns(a, (double)QUANTUM / (2 * (ctx + deferred) * (double)cost), cost));
    const bool strips = a->strip_in < a->nc;
    if (strips)
        rows = MR_MIN((double)QUANTUM / ((double)a->strip_in * (double)cost), (double)MAX_ROWS);
    a->strip = a->out_nc;
    if (strips) a->strip = (uint64_t)MR_MAX((double)a->strip_in / fan_in(a), 1.0);
    const double row = (double)(strips ? a->strip_in : read) * (double)cost;
    const double small = MR_MAX((double)LEAST / row, MR_MIN(OVER * ctx, (double)SMOOTH / row));
    rows = MR_MIN(rows, MR_MAX(MR_MAX(small, 4 * ctx), deferred / 2));
    a->block_raw = (int64_t)MR_MAX(MR_MAX(rows - ctx, ctx), 1.0);
    a->block_out = (int64_t)((double)a->block_raw / rate * mr_chain_rate(a->chain));
    if (whole) a->block_out = INT64_MAX / 4;
    a->block_out = MR_MAX(a->block_out, 1);
    a->row_bytes = (size_t)(strips ? widest_strip(a) : read) * widest_sample(p, a);
    a->intake_rows = MR_MAX((uint64_t)INTAKE / a->row_bytes, (uint64_t)1);
    for (size_t k = 0; k < p->cat->n_forms; k++) {
        const mr_file_info *f = &p->cat->facts[k];
        const uint64_t tier = mr_raw_tier_rows(f);
        if (p->cat->group[k] == a->group && tier > a->intake_rows &&
            tier * a->row_bytes <= 8u * INTAKE)
            a->intake_rows = tier;
    }
    return MR_OK;
}

size_t mr_array_even_rows(const mr_array *a)
{
    const size_t n = EVEN / ((size_t)a->sel.n * sizeof(double));
    return MR_MAX(MR_MIN(n, (size_t)4096), (size_t)2);
}

size_t mr_array_even_bytes(const mr_array *a)
{
    return (2 * mr_array_even_rows(a) + 1) * (size_t)a->sel.n * sizeof(double);
}

/** Intakes that the raw range touches: they lie end to end, in order. */
static size_t touched(const mr_slab_list *s, mr_slab raw)
{
    size_t a = 0, b = s->n;
    while (a < b) { /* the first that ends beyond raw.a */
        const size_t mid = a + (b - a) / 2;
        if (s->v[mid].b > raw.a)
            b = mid;
        else
            a = mid + 1;
    }
    while (b < s->n && s->v[b].a < raw.b) b++;
    return b - a;
}

typedef struct demand {
    size_t intake_bytes, intakes, steady, ahead, out, work, state, mid[2], shared, lane, decode,
        writer, picks, marks;
} demand;

/** What the walk through the steps of this block takes: laid out as the run does it. */
static void demand_of_block(const mr_plan *p, const mr_lane *l, const mr_block_ranges *r, demand *d)
{
    const mr_chain *c = p->arrays[l->array].chain;
    const mr_row_shape shape = mr_array_shape(&p->arrays[l->array]);
    const mr_slab done = mr_lane_rows_done(p, l, r->out);
    size_t blocks[2], loaded, states, counts_at;
    mr_program_blocks(c, r, blocks);
    for (size_t i = 0; i < 2; i++) d->mid[i] = MR_MAX(d->mid[i], blocks[i] * sizeof(double));
    d->marks = MR_MAX(d->marks, mr_program_marks(c, r));
    d->work = MR_MAX(d->work, mr_program_room(c, r));
    d->out = MR_MAX(d->out,
                    mr_shape_block(&shape, (uint64_t)(done.b - done.a), l->c1 - l->c0, &counts_at));
    mr_lane_tiles(p, l, &loaded, &states);
    d->state = MR_MAX(d->state, states * MR_TILE * mr_chain_state(c) * sizeof(double));
    if (!mr_chain_reduces(c)) return;
    mr_arena shared = {0};
    mr_view columns;
    double *at;
    d->shared = MR_MAX(d->shared, mr_sources_shared(c, r, &columns, &shared, &at));
}

/* What a channel may have of them in a block, or in the cells that are in hand. */
enum { PICKS_LEAST = 1 << 16, PICKS_CHANNEL = 64, PICKS_EVERY = 32 };

size_t mr_picks_most(const mr_array *a, const mr_lane *l)
{
    const int64_t rows = MR_MIN(a->block_out, l->out.b - l->out.a);
    const size_t each = MR_MAX((size_t)rows / PICKS_EVERY, (size_t)PICKS_CHANNEL);
    return MR_MAX((l->c1 - l->c0) * each, (size_t)PICKS_LEAST);
}

/** The block that completes the most rows need not be the first: one more than a full block spans
 *  is always enough. */
static void most_rows(const mr_plan *p, const mr_lane *l, demand *d)
{
    const mr_array *a = &p->arrays[l->array];
    const mr_row_shape shape = mr_array_shape(a);
    size_t counts_at;
    const mr_slab head = {l->out.a, MR_MIN(l->out.b, l->out.a + a->block_out)};
    const mr_slab rows = mr_chain_rows(a->chain, head);
    const int64_t n = MR_MIN(rows.b - rows.a + 1, l->rows.b - l->rows.a);
    d->out = MR_MAX(d->out, mr_shape_block(&shape, (uint64_t)n, l->c1 - l->c0, &counts_at));
}

/** Every block has all its intakes in hand at once: fewer than the most would never go on. */
static mr_status demand_of_lane(const mr_plan *p, const mr_lane *l, demand *d)
{
    mr_status st = MR_OK;
    const mr_array *a = &p->arrays[l->array];
    const size_t n = mr_lane_blocks(p, l);
    const mr_lane_spec spec = {.rows = (uint64_t)(l->rows.b - l->rows.a),
                               .nc = l->c1 - l->c0,
                               .deflate = p->cfg->deflate,
                               .shape = mr_array_shape(a)};
    const mr_needs *reduces = mr_chain_reduces(a->chain);
    mr_slab_list intakes = {0};
    mr_block_ranges r;
    MR_TRY(mr_lane_intakes(p, l, &intakes));
    mr_lane_ranges(p, l, 0, &r);
    int64_t from = n > 1 ? r.raw.b : r.raw.a; /* a block's first new row */
    for (size_t i = 0; i < n; i++) {
        mr_lane_ranges(p, l, i, &r);
        d->intakes = MR_MAX(d->intakes, touched(&intakes, r.raw));
        if (i > 0) d->steady = MR_MAX(d->steady, touched(&intakes, r.raw));
        d->ahead = MR_MAX(d->ahead, touched(&intakes, (mr_slab){from, r.raw.b}));
        from = r.raw.b;
        if (i < 2 || i + 1 == n) demand_of_block(p, l, &r, d);
    }
    const bool picks = mr_chain_picks(a->chain);
    if (reduces && !picks) most_rows(p, l, d);
    if (picks) d->out = MR_MAX(d->out, (size_t)64); /* they come in lists of their own */
    /* with the tiles, sorted in hand, on their way to the writer */
    if (picks) d->picks = MR_MAX(d->picks, 3 * mr_picks_most(a, l) * sizeof(mr_pick));
    d->intake_bytes = MR_MAX(d->intake_bytes, a->intake_rows * a->row_bytes);
    const size_t sources = mr_chain_sources_state(a->chain) * sizeof(double);
    d->lane = MR_MAX(d->lane, (size_t)spec.rows * 8 * 2 + intakes.n * 256 + sources);
    d->writer = MR_MAX(d->writer, mr_lane_buffer_bytes(&spec));
out:
    free(intakes.v);
    return st;
}

size_t mr_memory_decode(const mr_plan *p, size_t form)
{
    const mr_array *a = &p->arrays[p->cat->group[form]];
    mr_file_info f = p->cat->facts[form];
    f.store.nt = UINT64_MAX; /* each file's own: taken as many */
    return a->chain ? mr_raw_buffer_bytes(&f, &a->sel) : 0;
}

/** What a reader holds beside its intake: decoded chunks, and the chunk table of its file. */
static size_t decode_bytes(const mr_plan *p, size_t *file)
{
    size_t most = 0, table = 0, form = SIZE_MAX;
    *file = SIZE_MAX;
    for (size_t k = 0; k < p->cat->n_forms; k++) {
        const size_t bytes = p->barred && p->barred[k] ? 0 : mr_memory_decode(p, k);
        if (bytes > most) form = k;
        most = MR_MAX(most, bytes);
    }
    for (size_t i = 0; i < p->cat->n; i++) {
        const mr_row *r = &p->cat->rows[i];
        if (r->form == MR_REFUSED) continue;
        if (r->form == form && *file == SIZE_MAX) *file = i;
        const mr_store *s = &p->cat->facts[r->form].store;
        if (s->storage != MR_ST_CHUNKED) continue;
        const size_t n = (size_t)((r->nt_stored + s->chunk_t - 1) / s->chunk_t *
                                  ((s->nc + s->chunk_c - 1) / s->chunk_c));
        table = MR_MAX(table, n * sizeof(mr_chunk));
    }
    return most + table;
}

/** The times of irregular rows. */
static size_t stamps_bytes(const mr_spans *s)
{
    size_t n = 0;
    for (size_t i = 0; s->stamp && i < s->n_legs; i++) n += s->leg[i].rows;
    return n * sizeof **s->stamp;
}

/** The archive's rows, counted in full for every rank, though a node holds the catalogue once; the
 *  lanes; and the report, index and master file at the end. */
static size_t rows_bytes(const mr_plan *p)
{
    const mr_spans *s = &p->spans;
    const size_t cat = mr_catalog_bytes(p->cat);
    const size_t spans = s->n_legs * sizeof *s->leg + s->n_spans * sizeof *s->span +
                         s->n_odd * (sizeof *s->odd + 12) + stamps_bytes(s);
    const size_t lanes = p->n_lanes * (sizeof *p->lanes + 128);
    const size_t report = cat + p->cat->n * 200 + s->n_odd * 500 + p->n_lanes * 200;
    const size_t master = p->n_lanes << 15; /* what libhdf5 holds of a mapping: measured 29 KB */
    return cat + spans + lanes + report + master;
}

mr_status mr_memory_size(mr_plan *p, size_t limit_bytes, size_t base_bytes, int threads)
{
    mr_status st = MR_OK;
    mr_memory_plan *m = &p->mem;
    demand d = {0};
    for (size_t i = 0; i < p->n_lanes; i++) MR_TRY(demand_of_lane(p, &p->lanes[i], &d));
    size_t file, even = 0;
    d.decode = decode_bytes(p, &file);
    *m = (mr_memory_plan){.limit_bytes = limit_bytes,
                          .base_bytes = base_bytes,
                          .intake_bytes = d.intake_bytes,
                          .out_bytes = d.out,
                          .n_outs = MR_MAX(2, MR_MIN(OUTS / MR_MAX(d.out, 1), MOST_OUTS)),
                          .work_bytes = d.work,
                          .state_bytes = d.state,
                          .mid_bytes = {d.mid[0], d.mid[1]},
                          .shared_bytes = d.shared,
                          .decode_bytes = d.decode * (size_t)p->cfg->io_threads,
                          .decode_file = file,
                          .threads = threads};
    for (size_t i = 0; i < p->n_arrays; i++)
        if (p->arrays[i].grid_hz > 0) even = MR_MAX(even, mr_array_even_bytes(&p->arrays[i]));
    d.decode += even;
    m->other_bytes = rows_bytes(p) + 3 * d.lane + d.decode * (size_t)p->cfg->io_threads + d.writer +
                     d.picks + d.marks;
    const size_t fixed = base_bytes + m->n_outs * d.out + (size_t)threads * d.work + d.state +
                         d.mid[0] + d.mid[1] + d.shared + m->other_bytes;
    m->need_bytes = fixed + d.intakes * d.intake_bytes;
    size_t more = limit_bytes > m->need_bytes && d.intake_bytes
                      ? (limit_bytes - m->need_bytes) / d.intake_bytes
                      : 0;
    /* the next block is read while this one is computed; no more, for what lies about for longer
     * has left the cache. While a lane's first block is, its intakes are many where it warms up. */
    const size_t want = MR_MAX(d.steady + d.ahead, d.intakes) + (size_t)p->cfg->io_threads;
    m->n_intakes = d.intakes + MR_MIN(more, want - d.intakes);
    m->planned_bytes = fixed + m->n_intakes * d.intake_bytes;
out:
    return st;
}

static double first_number(const char *path)
{
    double v = 0;
    FILE *f = fopen(path, "re");
    if (!f) return 0;
    if (fscanf(f, "%lf", &v) != 1) v = 0;
    fclose(f);
    return v;
}

size_t mr_memory_default(int ranks_on_node)
{
    double limit = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    static const char *const cgroup[] = {"/sys/fs/cgroup/memory.max",
                                         "/sys/fs/cgroup/memory/memory.limit_in_bytes"};
    for (size_t i = 0; i < 2; i++) {
        const double v = first_number(cgroup[i]);
        if (v > 0 && v < limit) limit = v;
    }
    const char *slurm = getenv("SLURM_MEM_PER_NODE");
    if (slurm && atof(slurm) > 0 && atof(slurm) * 1048576.0 < limit)
        limit = atof(slurm) * 1048576.0;
    const double each = 0.7 * limit / MR_MAX(ranks_on_node, 1);
    return (size_t)MR_MIN(each, 4.0 * 1073741824.0);
}

size_t mr_memory_now(void)
{
    char line[128];
    unsigned long long kib, sum = 0;
    FILE *f = fopen("/proc/self/status", "re");
    if (!f) return 0;
    while (fgets(line, sizeof line, f))
        if (sscanf(line, "RssAnon: %llu", &kib) == 1 || sscanf(line, "RssShmem: %llu", &kib) == 1)
            sum += kib;
    fclose(f);
    return (size_t)sum * 1024;
}
