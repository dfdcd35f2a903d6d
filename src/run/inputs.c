/* run/inputs.c: config and list of files: rank 0 reads and looks, all ranks get the same. */
#include "run/inputs.h"
#include <stdlib.h>
#include <string.h>

/** Rank 0 reads the file, all parse it: one message, the same settings. */
mr_status mr_inputs_config(mr_comm *c, const mr_run_opts *o, mr_config **out)
{
    mr_text t = {0};
    void *data = NULL;
    size_t n = 0;
    mr_status st = MR_OK;
    if (mr_comm_rank(c) == 0)
        st = o->text ? mr_text_add(&t, "%s", o->text) : mr_read_text(o->config, 1 << 20, &t);
    st = mr_agree(c, st);
    if (st == MR_OK) {
        data = t.s;
        n = t.len;
        t = (mr_text){0};
        st = mr_bcast(c, &data, &n);
    }
    if (st == MR_OK)
        st = mr_config_parse_bytes(o->config, data, n, o->overrides, o->n_overrides, out);
    if (st == MR_OK) (*out)->strict = o->strict;
    free(data);
    mr_text_fini(&t);
    return mr_agree(c, st);
}

mr_status mr_inputs_files(mr_comm *c, const mr_config *cfg, mr_inputs_list how, void *arg,
                          mr_listing *list)
{
    mr_listing found = {0};
    mr_text t = {0};
    void *data = NULL;
    size_t n = 0;
    mr_status st = MR_OK;
    if (mr_comm_rank(c) == 0) {
        st = how ? how(arg, &found) : mr_config_list(cfg, &found);
        for (size_t i = 0; st == MR_OK && i < found.paths.n; i++)
            st = mr_text_add_bytes(&t, found.paths.v[i], strlen(found.paths.v[i]) + 1);
        mr_strs_fini(&found.paths);
    }
    st = mr_agree(c, st);
    if (st == MR_OK) {
        data = t.s;
        n = t.len;
        t = (mr_text){0};
        st = mr_bcast(c, &data, &n);
    }
    for (size_t at = 0; st == MR_OK && at < n; at += strlen((char *)data + at) + 1)
        st = mr_strs_add(&found.paths, (char *)data + at);
    free(data);
    mr_text_fini(&t);
    st = mr_agree(c, st);
    if (st == MR_OK)
        *list = found;
    else
        mr_listing_fini(&found);
    return st;
}
