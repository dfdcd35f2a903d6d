/* cli/op_facts.c: see op_facts.h. The example is read from a config like any other's; what its
 * operators declare is put in words. */
#include "cli/op_facts.h"
#include <stdio.h>
#include <string.h>
#include "ops/try/walk.h"
#include "plan/config/config.h"

static void context_of(const mr_chain *c, char *out, size_t size)
{
    double before, after;
    const mr_needs *fold = mr_chain_reduces(c);
    for (size_t i = 0; i < mr_chain_n(c); i++) {
        const mr_needs *d = mr_chain_needs(c, i);
        if (d->window_ns > 0 && d->window_ns != MR_WINDOW_SPAN) {
            snprintf(out, size, "the UTC window of %.6g s that a sample lies in",
                     1e-9 * (double)d->window_ns);
            return;
        }
    }
    mr_chain_context(c, &before, &after);
    if (mr_chain_whole_span(c, NULL))
        snprintf(out, size, "the whole span");
    else if (mr_chain_picks(c))
        snprintf(out, size, "%d cells of %.6g s before, %d after", mr_chain_picks(c)->cells_before,
                 1e-9 * (double)mr_chain_picks(c)->row_ns, mr_chain_picks(c)->cells_after);
    else if (fold && fold->items.len == 1)
        snprintf(out, size, "the samples of a row");
    else if (fold)
        snprintf(out, size, "segments of %.6g s of a row",
                 (double)fold->items.len / mr_chain_reducer_rate(c));
    else if (!(before > 0) && !(after > 0))
        snprintf(out, size, "a sample at a time");
    else
        snprintf(out, size, "%.3g s before, %.3g s after", before, after);
}

static void channels_of(const mr_chain *c, char *out, size_t size)
{
    size_t before = 0, after = 0;
    const mr_needs *fold = mr_chain_reduces(c);
    snprintf(out, size, "each for itself");
    if (fold && fold->n_sources) snprintf(out, size, "each with each source");
    for (size_t i = 0; i < mr_chain_n(c); i++) {
        const mr_needs *d = mr_chain_needs(c, i);
        before = MR_MAX(before, d->ch_before);
        after = MR_MAX(after, d->ch_after);
        if (d->couples) {
            snprintf(out, size, "all of the array");
            return;
        }
    }
    if (before || after) snprintf(out, size, "with %zu below and %zu above", before, after);
}

static void gives_of(const mr_op *op, const mr_chain *c, char *out, size_t size)
{
    const mr_geom *g = mr_chain_out(c);
    const mr_needs *fold = mr_chain_reduces(c);
    size_t n = 0;
    if (op->join || mr_chain_picks(c)) {
        snprintf(out, size, "a table of %s", op->join ? "events" : "picks");
        return;
    }
    if (fold) {
        n = (size_t)snprintf(out, size, "rows [time]");
        for (size_t i = 0; i < g->n_axes && n < size; i++)
            n += (size_t)snprintf(out + n, size - n, "[%s]", g->axis[i].name);
        if (n < size) n += (size_t)snprintf(out + n, size - n, "[channel]");
        if (n < size && fold->row_ns == MR_ALL)
            snprintf(out + n, size - n, ", one of everything");
        else if (n < size)
            snprintf(out + n, size - n, ", one each %.6g s", 1e-9 * (double)fold->row_ns);
        return;
    }
    n = (size_t)snprintf(out, size, "samples");
    if (g->rate_hz != mr_try_geom.rate_hz && n < size)
        n += (size_t)snprintf(out + n, size - n, ", %.6g Hz of %.6g", g->rate_hz,
                              mr_try_geom.rate_hz);
    if (g->nc != mr_try_geom.nc && n < size)
        snprintf(out + n, size - n, ", %zu channels of %zu", g->nc, mr_try_geom.nc);
}

mr_status mr_op_facts_of(const mr_op *op, mr_op_facts *f)
{
    mr_status st = MR_OK;
    mr_config *cfg = NULL;
    mr_chain *c = NULL;
    mr_text text = {0};
    MR_TRY(mr_text_add(&text, "input: {files: none.h5}\nchain:\n"));
    for (size_t i = 0; op->join && mr_op_at(i); i++) /* of what gives picks */
        if (mr_op_at(i)->pick) {
            MR_TRY(mr_text_add(&text, "  - %s: {%s}\n", mr_op_at(i)->name, mr_op_at(i)->example));
            break;
        }
    MR_TRY(mr_text_add(&text, "  - %s: {%s}\noutput: {folder: none}\n", op->name,
                       op->example ? op->example : ""));
    MR_TRY(mr_config_parse("example", text.s, NULL, 0, &cfg));
    MR_TRY(mr_chain_new(cfg->chain, &mr_try_geom, &c));
    context_of(c, f->context, sizeof f->context);
    channels_of(c, f->channels, sizeof f->channels);
    gives_of(op, c, f->gives, sizeof f->gives);
    if (op->join) snprintf(f->context, sizeof f->context, "all picks of a span");
    if (op->join) snprintf(f->channels, sizeof f->channels, "those of all channels together");
out:
    if (st == MR_ECONFIG) { /* somebody's plug-in: the rest of its page is worth reading */
        snprintf(f->context, sizeof f->context, "not known: its example is refused");
        snprintf(f->channels, sizeof f->channels, "not known");
        snprintf(f->gives, sizeof f->gives, "not known");
        mr_error_clear();
        st = MR_OK;
    }
    mr_chain_free(c);
    mr_config_free(cfg);
    mr_text_fini(&text);
    return st;
}
