/* run/inputs.h: config and list of files, the same on every rank. Both are collective. */
#ifndef MR_INPUTS_H
#define MR_INPUTS_H
#include "run/run.h"

/** Rank 0 reads the file, all parse it. [give] out: mr_config_free. */
mr_status mr_inputs_config(mr_comm *c, const mr_run_opts *o, mr_config **out);
/** Lists them in place of mr_config_list; may be NULL. Rank 0. */
typedef mr_status (*mr_inputs_list)(void *arg, mr_listing *out);
/** Rank 0 looks for the files; all get the list. */
mr_status mr_inputs_files(mr_comm *c, const mr_config *cfg, mr_inputs_list how, void *arg,
                          mr_listing *list);
#endif
