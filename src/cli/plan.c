/* cli/plan.c: plan CONFIG: what a run would do, need and write, without doing it. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/quantity.h"
#include "base/utc.h"
#include "cli/cli.h"
#include "cli/plan_slurm.h"
#include "cli/common/run_opts.h"
#include "cli/common/show_json.h"
#include "plan/advice.h"
#include "plan/odds.h"
#include "report/report.h"

static uint64_t input_bytes(const mr_plan *p)
{
    uint64_t n = 0;
    for (size_t i = 0; i < p->cat->n_files; i++)
        if (p->cat->rows[i].form != MR_REFUSED) n += (uint64_t)p->cat->rows[i].size;
    return n;
}

static void print_product(const mr_geom *g, const mr_needs *reduces)
{
    char b[32];
    printf("  output:   %s, %s, ", g->quantity, g->unit);
    if (!reduces)
        printf("%.9g Hz", g->rate_hz);
    else if (reduces->row_ns == MR_ALL)
        printf("one mean of everything in result.h5");
    else
        printf("a row each %s", mr_fmt_hms(1e-9 * (double)reduces->row_ns, b));
    for (size_t i = 0; i < g->n_axes; i++)
        printf("%s%zu x %s", i ? ", " : ": ", g->axis[i].n, g->axis[i].name);
    printf("\n");
}

static void print_arrays(const mr_plan *p)
{
    char b[32];
    for (size_t i = 0; i < p->n_arrays; i++) {
        const mr_array *a = &p->arrays[i];
        size_t lanes = 0, blocks = 0;
        if (!a->chain) {
            printf("layout %zu:   not used: %s\n", i, a->why);
            continue;
        }
        for (size_t l = 0; l < p->n_lanes; l++)
            if (p->lanes[l].array == i) {
                lanes++;
                blocks += mr_lane_blocks(p, &p->lanes[l]);
            }
        if (!lanes && mr_array_wants_aligning(a)) continue; /* its spans have arrays of their own */
        const double halo = 100 * (a->before_s + a->after_s) / (1e-9 * (double)a->grid_ns);
        printf("layout %u:   %s, %s%.9g Hz, %llu of %llu channels\n", a->group, a->facts.layout,
               a->grid_hz > 0    ? "irregular rows as "
               : a->facts.uneven ? "irregular rows, about "
                                 : "",
               a->facts.rate_hz, (unsigned long long)a->nc, (unsigned long long)a->facts.nc);
        printf("  context:  %.3g s before, %.3g s after\n", a->before_s, a->after_s);
        if (a->grid_ns == INT64_MAX)
            printf("  lanes:    %zu, one a span\n", lanes);
        else
            printf("  lanes:    %zu of %s, halo %.1f %%\n", lanes,
                   mr_fmt_hms(1e-9 * (double)a->grid_ns, b), halo);
        if (blocks == lanes)
            printf("  blocks:   one a lane");
        else
            printf("  blocks:   %zu of up to %.3g s, context included", blocks,
                   (double)a->block_raw / a->in.rate_hz);
        if (a->strip < a->out_nc) printf(", strips of %llu channels", (unsigned long long)a->strip);
        printf("\n");
        print_product(mr_chain_out(a->chain), mr_chain_reduces(a->chain));
    }
}

/** What a block goes through, and what for: -v. */
static mr_status print_steps(const mr_plan *p)
{
    mr_status st = MR_OK;
    const mr_memory_plan *m = &p->mem;
    char b[4][32];
    for (size_t i = 0; i < p->n_arrays; i++) {
        const mr_array *a = &p->arrays[i];
        mr_text t = {0};
        if (!a->chain) continue;
        MR_TRY(mr_program_print(a->chain, &t));
        printf("steps of layout %zu:\n", i);
        for (char *next, *line = t.s; line && *line; line = next) {
            next = strchr(line, '\n');
            *next++ = '\0';
            printf("  %s\n", line);
        }
        mr_text_fini(&t);
    }
    printf("walked through: %s a thread, %s between steps, %s of states, %s of sources\n",
           mr_fmt_bytes((double)m->work_bytes, b[0]),
           mr_fmt_bytes((double)(m->mid_bytes[0] + m->mid_bytes[1]), b[1]),
           mr_fmt_bytes((double)m->state_bytes, b[2]), mr_fmt_bytes((double)m->shared_bytes, b[3]));
out:
    return st;
}

static void print_plan(const mr_plan *p)
{
    const mr_memory_plan *m = &p->mem;
    char b0[32], b1[32], b2[32], t0[40], t1[40];
    size_t refused = 0, gaps = 0;
    for (size_t i = 0; i < p->cat->n_files; i++) refused += p->cat->rows[i].form == MR_REFUSED;
    for (size_t i = 0; i < p->spans.n_odd; i++) gaps += p->spans.odd[i].kind == MR_ODD_GAP;
    printf("input:      %zu files, %s, %zu refused\n", p->cat->n_files,
           mr_fmt_bytes((double)input_bytes(p), b0), refused);
    mr_text odd = {0};
    if (mr_odds_lines(&p->spans, p->cat, &odd) == MR_OK && odd.s) fputs(odd.s, stdout);
    mr_text_fini(&odd);
    printf("spans:      %zu, %zu gaps\n", p->spans.n_spans, gaps);
    for (size_t i = 0; i < p->spans.n_spans && i < 20; i++) {
        const mr_span *s = &p->spans.span[i];
        printf("  %s .. %s  %zu files\n", mr_utc_iso(s->t0_ns, t0),
               mr_utc_iso(mr_span_time(&p->spans, s, s->index0 + s->n, 1), t1), s->n_legs);
    }
    if (p->spans.n_spans > 20) printf("  ... and %zu more\n", p->spans.n_spans - 20);
    print_arrays(p);
    printf("output:     %s in %zu lane files under %s, the largest %.0f %% of the work\n",
           mr_fmt_bytes((double)p->out_bytes, b0), p->n_lanes, p->cfg->folder,
           100 * mr_plan_largest_share(p));
    printf("memory:     %s a rank of %s allowed (at least %s): %zu input buffers of %s,\n",
           mr_fmt_bytes((double)m->planned_bytes, b0), mr_fmt_bytes((double)m->limit_bytes, b1),
           mr_fmt_bytes((double)m->need_bytes, b2), m->n_intakes,
           mr_fmt_bytes((double)m->intake_bytes, t0));
    printf("            %zu output buffers of %s, %d threads with %s each, %s for MPI and HDF5\n",
           m->n_outs, mr_fmt_bytes((double)m->out_bytes, b0), m->threads,
           mr_fmt_bytes((double)m->work_bytes, b1), mr_fmt_bytes((double)m->base_bytes, b2));
}

static mr_status print_json(const mr_plan *p)
{
    json_t *spans = json_array();
    char t0[40], t1[40];
    size_t refused = 0;
    for (size_t i = 0; i < p->cat->n_files; i++) refused += p->cat->rows[i].form == MR_REFUSED;
    for (size_t i = 0; i < p->spans.n_spans; i++) {
        const mr_span *s = &p->spans.span[i];
        json_array_append_new(
            spans,
            json_pack("{s:s s:s s:I s:f s:I}", "t0", mr_utc_iso(s->t0_ns, t0), "t1",
                      mr_utc_iso(mr_span_time(&p->spans, s, s->index0 + s->n, 1), t1), "samples",
                      (json_int_t)s->n, "rate_hz", s->rate_hz, "files", (json_int_t)s->n_legs));
    }
    json_t *j = json_pack(
        "{s:I s:I s:o s:I s:f s:I s:{s:I s:I s:I}}", "files", (json_int_t)p->cat->n_files,
        "refused", (json_int_t)refused, "spans", spans, "lanes", (json_int_t)p->n_lanes,
        "largest_lane_share", mr_plan_largest_share(p), "output_bytes", (json_int_t)p->out_bytes,
        "memory", "planned_bytes", (json_int_t)p->mem.planned_bytes, "need_bytes",
        (json_int_t)p->mem.need_bytes, "limit_bytes", (json_int_t)p->mem.limit_bytes);
    if (j) json_object_set_new(j, "odd", mr_show_odd_json(p));
    return mr_show_json(j);
}

/** A rank without a lane has nothing to do. */
static void warn_ranks(const mr_plan *p, int ranks)
{
    if (p->n_lanes && p->n_lanes < (size_t)ranks)
        mr_log(MR_WARN,
               "warning: %zu lane%s for %d ranks, the others idle: fewer ranks with more threads "
               "each, or output.lane, output.strip for more lanes",
               p->n_lanes, p->n_lanes > 1 ? "s" : "", ranks);
}

int mr_cli_plan(mr_comm *c, int argc, char **argv)
{
    mr_run_args a;
    mr_dry d = {0};
    mr_strs advice = {0};
    char need[32], limit[32];
    mr_status st = mr_run_args_parse(argc, argv, "json slurm verbose", &a);
    if (st != MR_OK) return (int)st;
    if (a.help) {
        if (mr_comm_rank(c) == 0)
            printf(
                "millrace plan CONFIG [-s KEY=VALUE]... [--json | --slurm] [-v]\n\nSay what a "
                "run would read, write and need, without doing it; -v, --verbose: also the\nsteps "
                "that a block goes through.\nStatus 5: run.memory does not "
                "suffice.\n");
        return MR_OK;
    }
    st = mr_run_dry(c, &a.o, &d);
    if (st == MR_OK && mr_comm_rank(c) == 0) {
        const mr_account acc = {.plan = d.plan, .cat = d.plan->cat, .listing = &d.files};
        if (a.o.json)
            st = print_json(d.plan);
        else if (a.slurm)
            mr_plan_slurm(d.plan, &a.o);
        else
            print_plan(d.plan);
        if (a.verbose && !a.o.json && !a.slurm) st = print_steps(d.plan);
        if (!a.o.json && !a.slurm) {
            mr_report_warn(&acc);
            if (mr_advise(d.cfg, d.plan, &advice) != MR_OK) mr_error_clear();
            for (size_t i = 0; i < advice.n; i++) mr_log(MR_WARN, "warning: %s", advice.v[i]);
            if (d.plan->mem.need_bytes <= d.plan->mem.limit_bytes)
                warn_ranks(d.plan, mr_comm_size(c));
        }
        if (st == MR_OK && d.plan->mem.need_bytes > d.plan->mem.limit_bytes)
            st = MR_RAISE(
                MR_EMEM,
                "this chain needs %s a rank, run.memory allows %s: give more memory, fewer "
                "channels (input.channels) or fewer threads",
                mr_fmt_bytes((double)d.plan->mem.need_bytes, need),
                mr_fmt_bytes((double)d.plan->mem.limit_bytes, limit));
        else if (st == MR_OK && !d.plan->n_lanes)
            st = mr_plan_nothing(d.plan);
    }
    st = mr_agree(c, st);
    mr_strs_fini(&advice);
    mr_dry_fini(&d);
    return (int)st;
}
