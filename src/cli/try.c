/* cli/try.c: see try.h. The operator is read from a config like any other's. */
#include "cli/try.h"
#include <stdio.h>
#include <string.h>
#include "ops/try/walk.h"
#include "plan/config/config.h"

/** One setting of it. set: "chain.NAME.KEY=VALUE", or NULL: its example. */
static mr_status try_one(const mr_op *op, const char *what, const char *set, size_t *wrong)
{
    mr_status st = MR_OK;
    mr_config *cfg = NULL;
    mr_chain *c = NULL;
    mr_text text = {0}, say = {0};
    MR_TRY(mr_text_add(&text,
                       "input: {files: none.h5}\nchain:\n  - %s: {%s}\noutput: {folder: none}\n",
                       op->name, op->example ? op->example : ""));
    MR_TRY(mr_config_parse("example", text.s, &set, set != NULL, &cfg));
    MR_TRY(mr_chain_new(cfg->chain, &mr_try_geom, &c));
    for (size_t i = 0; i < mr_n_properties; i++) {
        say.len = 0;
        MR_TRY(mr_properties[i].walk(c, &say));
        *wrong += say.len > 0;
        printf("%s  %s: %s\n%s", say.len ? "WRONG" : "ok   ", what, mr_properties[i].name,
               say.len ? say.s : "");
    }
out:
    if (st != MR_OK) mr_note("trying %s", what);
    mr_chain_free(c);
    mr_config_free(cfg);
    mr_text_fini(&text);
    mr_text_fini(&say);
    return st;
}

mr_status mr_try_op(const mr_op *op)
{
    mr_status st = MR_OK;
    size_t wrong = 0;
    mr_text set = {0}, what = {0};
    if (op->pick || op->join)
        return MR_RAISE(MR_ECONFIG, "%s gives a table: the walk tries operators that give values",
                        op->name);
    MR_TRY(try_one(op, op->name, NULL, &wrong));
    for (const mr_param *p = op->params; p && p->name; p++)
        for (size_t k = 0; p->names && p->names[k]; k++) {
            set.len = what.len = 0;
            MR_TRY(mr_text_add(&set, "chain.%s.%s=%s", op->name, p->name, p->names[k]));
            MR_TRY(mr_text_add(&what, "%s %s=%s", op->name, p->name, p->names[k]));
            MR_TRY(try_one(op, what.s, set.s, &wrong));
        }
    if (wrong)
        st = MR_RAISE(MR_EVERIFY, "operator %s: %zu properties do not hold", op->name, wrong);
out:
    mr_text_fini(&set);
    mr_text_fini(&what);
    return st;
}
