/* ops/chain/program.c: the step program of a chain: which operators run together, from where to
 * where, and in what pieces a team shares out the work. Pieces are constants of chain and block:
 * not one bit depends on who does them, or on how many do. */
#include "ops/chain/chain_priv.h"
#include <string.h>

enum {
    TILE = 32,  /* channels: the chain's samples of them stay in cache */
    SLICES = 16 /* pieces of a block that an operator across all channels is shared out in */
};

static size_t rows_of(mr_slab s)
{
    return s.b > s.a ? (size_t)(s.b - s.a) : 0;
}

static void push(mr_program *p, mr_step s)
{
    MR_ASSERT(p->n < MR_MAX_STEPS);
    s.tile = s.tile ? s.tile : TILE;
    p->v[p->n++] = s;
}

/* Operators from i on that run together. */
static size_t together(const mr_chain *c, size_t i, size_t n)
{
    size_t k = i;
    while (k < n && !mr_bound_alone(&c->v[k])) k++;
    return k - i;
}

size_t mr_chain_state_before(const mr_chain *c)
{
    return mr_chain_last(c) ? mr_chain_last(c)->state_at : c->state;
}

void mr_program_make(const mr_chain *c, mr_program *p)
{
    const mr_bound *reducer = mr_chain_last(c);
    const size_t n = c->n - (reducer != NULL);
    const mr_to end = reducer ? MR_TO_FOLD : MR_TO_ROWS;
    mr_from from = MR_FROM_RAW;
    *p = (mr_program){0};
    for (size_t i = 0, m; i < n; i += m, from = MR_FROM_BLOCK) {
        m = together(c, i, n);
        if (m) {
            push(p, (mr_step){i, m, from, i + m == n ? end : MR_TO_BLOCK, MR_BY_TILE, 0});
            continue;
        }
        const mr_needs *d = &c->v[i].needs;
        m = 1;
        /* what is NaN in all of a block has to be known before an operator decides about it */
        if (from == MR_FROM_RAW && (d->couples || c->v[i].op->nan)) {
            push(p, (mr_step){i, 0, from, MR_TO_BLOCK, MR_BY_TILE, 0});
            from = MR_FROM_BLOCK;
        }
        if (!d->couples) {
            const mr_to to = i + 1 == n && !reducer ? end : MR_TO_BLOCK;
            push(p, (mr_step){i, 1, from, to, MR_BY_TILE, MR_MAX(TILE / d->ch_down, (size_t)1)});
            continue;
        }
        push(p, (mr_step){i, 1, MR_FROM_BLOCK, MR_TO_BLOCK, MR_BY_SLICE, 0});
    }
    if (!p->n || p->v[p->n - 1].to == MR_TO_BLOCK)
        push(p, (mr_step){n, 0, from, end, MR_BY_TILE, 0});
    if (!reducer || !reducer->needs.n_sources) return;
    mr_step last = p->v[--p->n], sources = last;
    sources.to = MR_TO_SOURCES;
    sources.by = MR_BY_SOURCE;
    push(p, sources);
    push(p, last);
}

const mr_program *mr_chain_program(const mr_chain *c)
{
    return &c->program;
}

mr_status mr_program_print(const mr_chain *c, mr_text *t)
{
    static const char *const from[] = {"raw", "block"};
    static const char *const to[] = {"block", "rows", "fold", "sources"};
    static const char *const by[] = {"tile", "slice", "source"};
    mr_status st = MR_OK;
    for (size_t k = 0; k < c->program.n; k++) {
        const mr_step *s = &c->program.v[k];
        MR_TRY(mr_text_add(t, "%zu. %s -> %s by %s:", k + 1, from[s->from], to[s->to], by[s->by]));
        for (size_t i = s->first; i < s->first + s->n; i++)
            MR_TRY(mr_text_add(t, "%s %s%s", i > s->first ? "," : "", c->v[i].op->name,
                               c->v[i].defer ? " +" : ""));
        const bool folds = s->to == MR_TO_FOLD || s->to == MR_TO_SOURCES;
        if (folds) MR_TRY(mr_text_add(t, "%s %s", s->n ? "," : "", mr_chain_last(c)->op->name));
        for (size_t i = 0; s->to == MR_TO_FOLD && i < c->n_rows; i++)
            MR_TRY(mr_text_add(t, ", %s", c->row[i].op->name));
        MR_TRY(mr_text_add(t, "%s\n", s->n || folds ? "" : " copy"));
    }
out:
    return st;
}

mr_extent mr_step_in(const mr_step *s, const mr_block_ranges *r)
{
    if (r->n == 0) return (mr_extent){r->in[0], r->ch[0]}; /* an empty chain copies */
    if (s->first == r->n) return (mr_extent){r->out, r->ch[r->n]};
    return (mr_extent){r->in[s->first], r->ch[s->first]};
}

mr_extent mr_step_out(const mr_step *s, const mr_block_ranges *r)
{
    const size_t end = s->first + s->n;
    return (mr_extent){end < r->n ? r->in[end] : r->out, r->ch[end]};
}

/* Rows of a slice: what it looks at beside its own is to be little of it. */
static size_t slice_rows(const mr_bound *b, size_t rows)
{
    const mr_needs *d = &b->needs;
    size_t context = (d->before + d->after) * d->up / d->down;
    if (d->window_ns == MR_WINDOW_SPAN) return rows;
    if (d->window_ns > 0) context += (size_t)((double)d->window_ns * 1e-9 * b->out.rate_hz);
    const size_t least = MR_MAX(4 * context, d->stripe * d->up / d->down);
    return MR_MAX(MR_MAX(least, (rows + SLICES - 1) / SLICES), (size_t)1);
}

size_t mr_step_pieces(const mr_chain *c, const mr_step *s, const mr_block_ranges *r)
{
    const mr_extent out = mr_step_out(s, r);
    if (s->by == MR_BY_TILE) return (rows_of(out.c) + s->tile - 1) / s->tile;
    return MR_MAX(rows_of(out.t) / slice_rows(&c->v[s->first], rows_of(out.t)), (size_t)1);
}

void mr_step_piece(const mr_chain *c, const mr_step *s, const mr_block_ranges *r, size_t k,
                   mr_extent *in, mr_extent *out)
{
    *in = mr_step_in(s, r);
    *out = mr_step_out(s, r);
    if (s->by == MR_BY_TILE) {
        out->c.a += (int64_t)(k * s->tile);
        out->c.b = MR_MIN(out->c.b, out->c.a + (int64_t)s->tile);
        in->c = s->n == 1 && mr_bound_fans(&c->v[s->first])
                    ? mr_bound_channels(&c->v[s->first], out->c)
                    : out->c;
    } else if (s->by == MR_BY_SLICE) {
        const size_t n = mr_step_pieces(c, s, r);
        const int64_t a = out->t.a, rows = (int64_t)rows_of(out->t);
        if (n == 1) return;
        out->t.a = a + (int64_t)((size_t)rows * k / n);
        out->t.b = a + (int64_t)((size_t)rows * (k + 1) / n);
        in->t = mr_bound_input(&c->v[s->first], r->span[s->first], out->t, r->fresh);
    }
}

static mr_view view_in(mr_arena *a, size_t rows, size_t width)
{
    return (mr_view){mr_arena_f64(a, rows * width), rows, width, width};
}

/* Rows that a reducer loads for itself, where nothing comes before it. */
static size_t stripe_rows(const mr_chain *c, mr_extent in)
{
    const mr_needs *d = &mr_chain_last(c)->needs;
    return MR_MIN(rows_of(in.t), MR_MAX(d->stripe, (size_t)d->items.len));
}

/* Output rows of the operators before a reducer, for its sources. */
static size_t source_rows(const mr_chain *c, const mr_step *s, const mr_block_ranges *r)
{
    return c->n == 1 ? 0 : rows_of(mr_step_out(s, r).t);
}

size_t mr_sources_shared(const mr_chain *c, const mr_block_ranges *r, mr_view *columns, mr_arena *a,
                         double **shared)
{
    const mr_needs *d = &mr_chain_last(c)->needs;
    const mr_program *p = &c->program;
    if (!d->n_sources) return 0;
    *shared = mr_arena_f64(a, rows_of(r->out) * d->shared);
    *columns = view_in(a, source_rows(c, &p->v[p->n - 1], r), d->n_sources);
    return a->used;
}

void mr_sources_lay_columns(const mr_chain *c, const mr_step *s, const mr_block_ranges *r,
                            size_t width, mr_arena *a, mr_room *room)
{
    *room = (mr_room){0};
    if (!s->n) return;
    room->x = view_in(a, rows_of(mr_step_in(s, r).t), width);
    room->work = mr_arena_f64(a, mr_pass_work(c, s->first, s->n, r, width, width));
}

void mr_sources_lay_item(const mr_chain *c, mr_arena *a, mr_room *room)
{
    const mr_needs *d = &mr_chain_last(c)->needs;
    *room = (mr_room){0};
    if (c->n == 1) room->x = view_in(a, (size_t)d->items.len, d->n_sources);
    room->work = mr_arena_f64(a, mr_chain_fold_work(c, d->n_sources));
}

static size_t sources_room(const mr_chain *c, const mr_step *s, const mr_block_ranges *r)
{
    mr_arena columns = {0}, item = {0};
    mr_room room;
    const size_t n = mr_chain_last(c)->needs.n_sources;
    mr_sources_lay_columns(c, s, r, MR_MIN(n, (size_t)MR_SOURCE_BUNDLE), &columns, &room);
    mr_sources_lay_item(c, &item, &room);
    return MR_MAX(columns.used, item.used);
}

void mr_step_lay(const mr_chain *c, const mr_step *s, const mr_block_ranges *r, mr_extent in,
                 mr_extent out, mr_arena *a, mr_room *room)
{
    const size_t x_width = rows_of(in.c), y_width = rows_of(out.c);
    const bool folds = s->to == MR_TO_FOLD;
    size_t work = s->n ? mr_pass_work(c, s->first, s->n, r, x_width, y_width) : 0;
    *room = (mr_room){0};
    if (folds) work = MR_MAX(work, mr_chain_fold_work(c, y_width));
    if (s->by == MR_BY_TILE) {
        if (s->from == MR_FROM_RAW && folds && !s->n)
            room->x = view_in(a, mr_chain_by_rows(c) ? 0 : stripe_rows(c, in), x_width);
        else if (s->from == MR_FROM_RAW && (s->n || s->to != MR_TO_BLOCK))
            room->x = view_in(a, rows_of(in.t), x_width);
        if (s->n && s->to != MR_TO_BLOCK) room->y = view_in(a, rows_of(out.t), y_width);
        if (s->from == MR_FROM_RAW && s->n)
            room->keep = mr_arena_f64(a, mr_chain_state_before(c) * TILE);
    }
    room->work = mr_arena_f64(a, work);
}

size_t mr_program_room(const mr_chain *c, const mr_block_ranges *r)
{
    size_t most = 0;
    for (size_t k = 0; k < c->program.n; k++) {
        const mr_step *s = &c->program.v[k];
        const size_t n = s->by == MR_BY_SOURCE ? 0 : mr_step_pieces(c, s, r);
        if (s->by == MR_BY_SOURCE) most = MR_MAX(most, sources_room(c, s, r));
        for (size_t i = 0; i < n; i++) {
            mr_arena a = {0};
            mr_extent in, out;
            mr_room room;
            mr_step_piece(c, s, r, i, &in, &out);
            mr_step_lay(c, s, r, in, out, &a, &room);
            most = MR_MAX(most, a.used);
        }
    }
    return most;
}

size_t mr_program_block(const mr_program *p, size_t k)
{
    size_t n = 0;
    for (size_t i = 0; i < k; i++) n += p->v[i].to == MR_TO_BLOCK;
    return n % 2;
}

size_t mr_program_marks(const mr_chain *c, const mr_block_ranges *r)
{
    size_t most = 0;
    for (size_t k = 0; k < c->program.n; k++) {
        const mr_step *s = &c->program.v[k];
        const mr_extent in = mr_step_in(s, r), out = mr_step_out(s, r);
        const bool decides = s->n == 1 && mr_chain_decides(c, s->first);
        if (s->by != MR_BY_SLICE && !decides) continue;
        most = MR_MAX(most, rows_of(in.t) * rows_of(in.c) +
                                (decides ? rows_of(out.t) * rows_of(out.c) : 0));
    }
    return most;
}

void mr_program_blocks(const mr_chain *c, const mr_block_ranges *r, size_t n[2])
{
    n[0] = n[1] = 0;
    for (size_t k = 0; k < c->program.n; k++) {
        const mr_step *s = &c->program.v[k];
        if (s->to != MR_TO_BLOCK) continue;
        const mr_extent out = mr_step_out(s, r);
        const size_t at = mr_program_block(&c->program, k);
        n[at] = MR_MAX(n[at], rows_of(out.t) * rows_of(out.c));
    }
}
