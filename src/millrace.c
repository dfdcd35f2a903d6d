/* millrace.c: see millrace/millrace.h. main.c and programs of others call it. */
#include "millrace/millrace.h"
#include "in/input.h"
#include "par/par.h"
#include "plan/plan.h"
#include "ops/plugin.h"
#include "par/thread.h"
#include "run/inputs.h"
#include "run/run.h"
#include <stdlib.h>

/** This program's own rows. */
static mr_status check_own(void)
{
    for (size_t i = 0; mr_own_ops[i]; i++) {
        const mr_status st = mr_op_complete(mr_own_ops[i]);
        if (st != MR_OK) return st;
        if (mr_op_find(mr_own_ops[i]->name) != mr_own_ops[i])
            return MR_RAISE(MR_EBUG,
                            "there is an operator %s already; give this program's another "
                            "name",
                            mr_own_ops[i]->name);
    }
    return MR_OK;
}

mr_status mr_start(int *argc, char ***argv, mr_comm **world)
{
    mr_status st = MR_OK;
    *world = NULL;
    mr_cpu_free_places();      /* before anything inherits one of them */
    MR_TRY(mr_zygote_start()); /* it forks: not possible once MPI runs */
    MR_TRY(mr_comm_start(argc, argv, world));
    mr_log_init(mr_comm_rank(*world), getenv("MILLRACE_DEBUG") ? MR_DEBUG : MR_INFO);
    MR_TRY(check_own());
    MR_TRY(mr_agree(*world, mr_plugins_of_environment()));
out:
    return st;
}

void mr_end(mr_comm *world)
{
    if (world) mr_comm_stop(world);
    mr_zygote_stop();
}

struct mr_work {
    mr_comm *world;
    mr_run_opts opts;
    mr_config *cfg;
    mr_dry dry;
};

static mr_status read_config(mr_work *w, const char *path, const char *const *overrides, size_t n)
{
    w->opts = (mr_run_opts){
        .config = path, .overrides = overrides, .n_overrides = n, .progress = "never"};
    return mr_inputs_config(w->world, &w->opts, &w->cfg);
}

mr_status mr_work_open(mr_comm *world, const char *path, const char *const *overrides, size_t n,
                       mr_work **out)
{
    mr_work *w = NULL;
    mr_status st = mr_agree(world, mr_alloc(1, sizeof *w, "the work", &w));
    MR_TRY(st);
    w->world = world;
    MR_TRY(read_config(w, path, overrides, n));
    *out = w;
    w = NULL; /* given away */
out:
    mr_work_close(w);
    return st;
}

const mr_config *mr_work_config(const mr_work *w)
{
    return w->cfg;
}

mr_status mr_work_plan(mr_work *w, const mr_plan **out)
{
    mr_status st = MR_OK;
    if (!w->dry.plan) {
        mr_dry_fini(&w->dry); /* what an attempt that failed has left */
        w->dry = (mr_dry){0};
        MR_TRY(mr_run_dry(w->world, &w->opts, &w->dry));
    }
    *out = w->dry.plan;
out:
    return st;
}

mr_plan_facts mr_plan_facts_of(const mr_plan *p)
{
    return (mr_plan_facts){.files = p->cat->n,
                           .lanes = p->n_lanes,
                           .output_bytes = p->out_bytes,
                           .memory_bytes = p->mem.planned_bytes};
}

mr_status mr_work_run(mr_work *w)
{
    return mr_run(w->world, &w->opts);
}

void mr_work_close(mr_work *w)
{
    if (!w) return;
    mr_dry_fini(&w->dry);
    mr_config_free(w->cfg);
    free(w);
}

mr_status mr_work_begin(int *argc, char ***argv, const char *path, mr_work **out)
{
    mr_status st = MR_OK;
    mr_work *w = NULL;
    MR_TRY(mr_alloc(1, sizeof *w, "the work", &w));
    *out = w; /* also where the rest fails: mr_work_end ends what was begun */
    MR_TRY(mr_start(argc, argv, &w->world));
    MR_TRY(read_config(w, path, NULL, 0));
out:
    return st;
}

int mr_work_end(mr_work *w, mr_status st)
{
    mr_comm *world = w ? w->world : NULL;
    if (st != MR_OK && st != MR_LOSSES && *mr_error() && (!world || mr_comm_rank(world) == 0))
        mr_log(MR_QUIET, "%s", mr_error());
    mr_work_close(w);
    mr_end(world);
    return (int)st;
}
