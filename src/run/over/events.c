/* run/over/events.c: see events.h. The picks of a span come in order of (on, channel): lanes one
 * after the other in time, the strips of one stretch side by side. Memory: a piece of each of
 * these. */
#include "run/over/events.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { PIECE = 1024 };

/** The picks of one lane file, a piece at a time. */
typedef struct source {
    mr_table_file *file;
    uint64_t next, n;
    size_t at, loaded;
    mr_pick_row *v; /* [PIECE] */
} source;

/** Where the events of a span go. */
typedef struct sink {
    const mr_plan *p;
    const mr_lane *lane; /* any of the span */
    mr_events *to;
    size_t stream;
} sink;

static mr_status take_event(void *arg, const mr_event *e)
{
    const sink *s = arg;
    const mr_array *a = &s->p->arrays[s->lane->array];
    const mr_event_row row = {.start_ns = mr_lane_time(s->p, s->lane, e->on),
                              .end_ns = mr_lane_time(s->p, s->lane, e->off),
                              .channel_first = (int64_t)mr_array_channel(a, e->channel[0]),
                              .channel_last = (int64_t)mr_array_channel(a, e->channel[1]),
                              .distance_first_m = a->distance_m[e->channel[0]],
                              .distance_last_m = a->distance_m[e->channel[1]],
                              .peak = e->peak,
                              .peak_ns = mr_lane_time(s->p, s->lane, e->peak_at),
                              .peak_channel = (int64_t)mr_array_channel(a, e->peak_channel),
                              .n_channels = e->n,
                              .velocity_m_s = e->velocity,
                              .velocity_error_m_s = e->velocity_sd,
                              .score = e->score,
                              .flags = (int32_t)e->flags,
                              .template = e->template};
    return mr_events_add(s->to, s->stream, &row);
}

static mr_status source_open(const char *folder, mr_lane_entry *e, source *s)
{
    mr_status st = MR_OK;
    mr_text path = {0};
    MR_TRY(mr_text_add(&path, "%s/%s", folder, e->rel));
    MR_TRY(mr_table_open(path.s, &mr_pick_table, &s->file));
    s->n = e->rows = mr_table_rows(s->file);
    MR_TRY(mr_alloc(PIECE, sizeof *s->v, "picks", &s->v));
out:
    mr_text_fini(&path);
    return st == MR_EINPUT ? MR_EOUTPUT : st;
}

static mr_status look(source *s, const mr_pick_row **out)
{
    *out = NULL;
    if (s->at == s->loaded) {
        s->loaded = (size_t)MR_MIN((uint64_t)PIECE, s->n - s->next);
        s->at = 0;
        if (!s->loaded) return MR_OK;
        const mr_status st = mr_table_read(s->file, s->next, s->loaded, s->v);
        if (st != MR_OK) return st;
        s->next += s->loaded;
    }
    *out = &s->v[s->at];
    return MR_OK;
}

static bool before(const mr_pick_row *a, const mr_pick_row *b)
{
    return a->on != b->on ? a->on < b->on : a->column < b->column;
}

/** The picks of n strips of one stretch of time. */
static mr_status join_strips(const char *folder, mr_lane_entry *e, size_t n, mr_join *join)
{
    mr_status st = MR_OK;
    source *s = NULL;
    MR_TRY(mr_alloc(n, sizeof *s, "strips", &s));
    for (size_t i = 0; i < n; i++) MR_TRY(source_open(folder, &e[i], &s[i]));
    for (;;) {
        const mr_pick_row *row, *first = NULL;
        size_t which = 0;
        for (size_t i = 0; i < n; i++) {
            MR_TRY(look(&s[i], &row));
            if (row && (!first || before(row, first))) {
                first = row;
                which = i;
            }
        }
        if (!first) break;
        MR_TRY(mr_chain_join_add(join, &(mr_pick){.on = first->on,
                                                  .off = first->off,
                                                  .peak_at = first->peak_at,
                                                  .peak = first->peak,
                                                  .channel = (uint32_t)first->column,
                                                  .flags = (uint32_t)first->flags}));
        s[which].at++;
    }
out:
    for (size_t i = 0; s && i < n; i++) {
        mr_table_close(s[i].file);
        free(s[i].v);
    }
    free(s);
    return st;
}

/** Lanes [a, b) are those of one span, in order of time, then channels. */
static mr_status join_span(const mr_plan *p, const char *folder, mr_lane_entry *e, size_t a,
                           size_t b, mr_events *to)
{
    mr_status st = MR_OK;
    const mr_lane *l = &p->lanes[e[a].number];
    const mr_array *array = &p->arrays[l->array];
    sink s = {p, l, to, array->group};
    const mr_joining in = {
        .nc = array->out_nc, .distance_m = array->distance_m, .give = take_event, .arg = &s};
    mr_join *join = NULL;
    MR_TRY(mr_chain_join_begin(array->chain, &in, &join));
    for (size_t i = a, n; i < b; i += n) {
        const int64_t from = p->lanes[e[i].number].own.a;
        for (n = 1; i + n < b && p->lanes[e[i + n].number].own.a == from;) n++;
        MR_TRY(join_strips(folder, &e[i], n, join));
    }
out:
    if (st != MR_OK) {
        (void)mr_chain_join_end(join, true);
        return st;
    }
    return mr_chain_join_end(join, false);
}

/** By input.geometry, of the first array that has the channel. */
static bool spot_of(const void *arg, int64_t channel, mr_spot *out)
{
    const mr_plan *p = arg;
    for (size_t i = 0; i < p->n_arrays; i++) {
        const mr_array *a = &p->arrays[i];
        for (uint64_t c = 0; a->chain && a->lat && a->lon && c < a->out_nc; c++) {
            if ((int64_t)mr_array_channel(a, c) != channel) continue;
            *out = (mr_spot){a->lat[c], a->lon[c]};
            return isfinite(out->latitude) && isfinite(out->longitude);
        }
    }
    return false;
}

mr_status mr_events_of_lanes(const mr_plan *p, const char *folder, mr_lane_entry *lanes, size_t n)
{
    mr_status st = MR_OK;
    mr_events *to = NULL;
    mr_text chain = {0};
    mr_digest index;
    MR_TRY(mr_events_new(folder, p->n_arrays, &to));
    for (size_t a = 0, b; a < n; a = b) {
        const uint32_t span = p->lanes[lanes[a].number].span;
        for (b = a + 1; b < n && p->lanes[lanes[b].number].span == span;) b++;
        MR_TRY(join_span(p, folder, lanes, a, b, to));
    }
    const mr_chain *c = p->arrays[p->lanes[0].array].chain;
    MR_TRY(mr_chain_brief(c, &chain));
    MR_TRY(mr_index_digest(lanes, n, &index));
    const mr_events_words words = {.title = p->cfg->title ? p->cfg->title : "",
                                   .chain = chain.s ? chain.s : "",
                                   .unit = mr_chain_out(c)->unit,
                                   .quakeml = p->cfg->quakeml,
                                   .spot = spot_of,
                                   .arg = p};
    MR_TRY(mr_events_write(to, &words, &p->digest, &index));
out:
    mr_text_fini(&chain);
    mr_events_free(to);
    return st;
}
