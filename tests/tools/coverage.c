/* tests/tools/coverage.c: linked into the coverage build with -Wl,--wrap, so that processes which
 * end without an exit handler are counted too: those that call _exit, and workers, which end by
 * SIGKILL: they are counted after each file, and may write files, unlike real ones. */
#include <sys/resource.h>
#include "in/probe.h"

void __gcov_dump(void);
void __gcov_reset(void);
_Noreturn void __real__exit(int status);
_Noreturn void __wrap__exit(int status);
int __real_setrlimit(__rlimit_resource_t what, const struct rlimit *to);
int __wrap_setrlimit(__rlimit_resource_t what, const struct rlimit *to);
mr_status __real_mr_probe_file_here(const char *path, const mr_probe_opts *o, bool tables,
                                    mr_probed *out);
mr_status __wrap_mr_probe_file_here(const char *path, const mr_probe_opts *o, bool tables,
                                    mr_probed *out);

_Noreturn void __wrap__exit(int status)
{
    __gcov_dump();
    __real__exit(status);
}

mr_status __wrap_mr_probe_file_here(const char *path, const mr_probe_opts *o, bool tables,
                                    mr_probed *out)
{
    const mr_status st = __real_mr_probe_file_here(path, o, tables, out);
    __gcov_dump();
    __gcov_reset();
    return st;
}

int __wrap_setrlimit(__rlimit_resource_t what, const struct rlimit *to)
{
    return what == RLIMIT_FSIZE && to->rlim_max == 0 ? 0 : __real_setrlimit(what, to);
}
