/* cli/check.c: `millrace check CONFIG`: is it right, is it wise? Nothing is written. Of the input
 * only the first file's header is looked at, for the sampling rate and channels. */
#include "cli/cli.h"
#include "cli/common/run_opts.h"
#include "plan/advice.h"
#include "plan/odds.h"
#include "cli/common/show_json.h"
#include <stdio.h>

enum { LOOKS = 3 }; /* files that are tried before the header is given up */

/** The first of a few files that can be used, alone in a catalogue; *out stays NULL if there is
 *  none, and why says what is wrong with the first. */
static mr_status first_file(const mr_config *cfg, const mr_strs *files, mr_text *why,
                            mr_catalog **out)
{
    mr_status st = MR_OK;
    mr_prober *prober = NULL;
    mr_catalog *cat = NULL;
    mr_probed info = {0};
    MR_TRY(mr_prober_new(1, cfg->map, &prober));
    mr_prober_pick(prober, cfg->dataset);
    for (size_t i = 0; i < files->n && i < LOOKS; i++) {
        const mr_strs one = {.v = &files->v[i], .n = 1};
        MR_TRY(mr_probe_file(prober, files->v[i], false, &info));
        MR_TRY(mr_catalog_new(&one, &cat));
        cat->join_by = mr_config_joins(cfg);
        MR_TRY(mr_catalog_set_all(cat, 0, &info));
        mr_probed_fini(&info);
        if (cat->n_forms) break;
        if (i == 0)
            MR_TRY(mr_text_add(why, "%s", mr_catalog_note(cat, 0) ? mr_catalog_note(cat, 0) : ""));
        mr_catalog_free(cat);
        cat = NULL;
    }
    *out = cat;
    cat = NULL;
out:
    mr_probed_fini(&info);
    mr_catalog_free(cat);
    mr_prober_free(prober);
    return st;
}

/** Bind the chain to the first file, as a run would: what does not fit it is refused. */
static mr_status bind_chain(const mr_config *cfg, mr_catalog **cat, mr_plan **plan, mr_strs *advice)
{
    mr_status st = MR_OK;
    mr_strs files = {0};
    mr_text why = {0};
    MR_TRY(mr_config_files(cfg, &files)); /* input that is not there is no config that is right */
    MR_TRY(first_file(cfg, &files, &why, cat));
    if (*cat) {
        MR_TRY(mr_plan_new(cfg, *cat, SIZE_MAX / 2, 0, 1, plan));
    } else if (files.n <= LOOKS) {
        st = MR_RAISE(MR_EINPUT, "%s cannot be used: %s%s", files.v[0], why.s ? why.s : "",
                      files.n > 1 ? "; nor can the others" : "");
    } else {
        mr_text t = {0};
        MR_TRY(mr_text_add(&t,
                           "%s and the next %d cannot be used (millrace inspect says why); what "
                           "depends on the sampling rate is not checked",
                           files.v[0], LOOKS - 1));
        st = mr_strs_add(advice, t.s);
        mr_text_fini(&t);
    }
out:
    mr_text_fini(&why);
    mr_strs_fini(&files);
    return st;
}

static mr_status print_json(const char *config, const mr_plan *p, const mr_strs *advice)
{
    json_t *warnings = json_array();
    for (size_t i = 0; i < advice->n; i++)
        json_array_append_new(warnings, json_string(advice->v[i]));
    json_t *j = json_pack("{s:s s:b s:o s:o}", "config", config, "ok", 1, "warnings", warnings,
                          "odd", p ? mr_show_odd_json(p) : json_array());
    return mr_show_json(j);
}

int mr_cli_check(MR_UNUSED mr_comm *c, int argc, char **argv)
{
    mr_run_args a;
    mr_config *cfg = NULL;
    mr_catalog *cat = NULL;
    mr_plan *plan = NULL;
    mr_strs advice = {0};
    mr_text odd = {0};
    mr_status st = MR_OK;
    MR_TRY(mr_run_args_parse(argc, argv, "json", &a));
    if (a.help) {
        printf(
            "millrace check CONFIG [-s KEY=VALUE]... [--json]\n\nIs a config right? Warns also of "
            "what is "
            "legal but unwise. Of the input only the header of\nthe first file is read; nothing is "
            "written.\nStatus: 0 right, 2 config, 3 no input is there or can be used.\n");
        return MR_OK;
    }
    MR_TRY(mr_config_load(a.o.config, a.o.overrides, a.o.n_overrides, &cfg));
    MR_TRY(bind_chain(cfg, &cat, &plan, &advice));
    MR_TRY(mr_advise(cfg, plan, &advice));
    if (a.o.json) {
        MR_TRY(print_json(a.o.config, plan, &advice));
        goto out;
    }
    for (size_t i = 0; i < advice.n; i++) mr_log(MR_WARN, "warning: %s", advice.v[i]);
    if (plan) MR_TRY(mr_odds_lines(&plan->spans, cat, &odd));
    printf("%s%s: ok", odd.s ? odd.s : "", a.o.config);
    if (advice.n) printf(", %zu warning%s", advice.n, advice.n == 1 ? "" : "s");
    printf("\n");
out:
    mr_text_fini(&odd);
    mr_strs_fini(&advice);
    mr_plan_free(plan);
    mr_catalog_free(cat);
    mr_config_free(cfg);
    return (int)st;
}
