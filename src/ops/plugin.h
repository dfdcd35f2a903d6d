/* ops/plugin.h: operators brought by shared objects: `plugin: ./myop.so` in a config, and those
 * that MILLRACE_PLUGINS names. Loaded before the chain is read, in every rank; never unloaded. */
#ifndef MR_PLUGIN_H
#define MR_PLUGIN_H
#include "base/text.h"
#include "millrace/op.h"

/** Load the operators of a shared object; one that was loaded before is fine. Main thread, before
 *  others start. MR_ECONFIG: not there, no plug-in, made for another millrace, a row that is not
 *  complete, a name that is taken: each by name. */
mr_status mr_plugin_load(const char *path);
/** Those of MILLRACE_PLUGINS, apart by colons. */
mr_status mr_plugins_of_environment(void);
/** Operator i of all plug-ins; NULL beyond the last. */
typedef struct mr_plugged {
    char *path;
    char digest[33];
    const mr_plugin *plugin;
} mr_plugged;
/** The same file by another name, or once more? (ops/table.c, like all that follows) */
bool mr_plugin_known(const char digest[33]);
/** [take] p's path; MR_ECONFIG, without taking it, where there are too many. */
mr_status mr_plugin_keep(const mr_plugged *p);
const mr_op *mr_plugin_op(size_t i);
/** Where an operator comes from: path and digest of its shared object; NULL: from this program. */
const char *mr_plugin_path(const mr_op *op);
const char *mr_plugin_digest(const mr_op *op);
/** Is all there that the chain relies on in a row? MR_EBUG with what is missing. */
mr_status mr_op_complete(const mr_op *op);
#endif
