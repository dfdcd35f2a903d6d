/* cli/inspect/inspect.h: inside `inspect` only: what was found, and its two ways out. */
#ifndef MR_CLI_INSPECT_H
#define MR_CLI_INSPECT_H
#include "plan/span.h"

/** All files that were looked at, and how they lie in time. */
typedef struct mr_found {
    mr_strs paths;
    mr_probed *file; /* [paths.n] */
    mr_catalog *cat;
    mr_spans spans;
    char *
        *product; /* [paths.n] what it is if it holds spectra, correlations, statistics; or NULL */
    size_t n_refused, n_products; /* neither: recordings */
} mr_found;

/** The recording that speaks for a file: the first that can be used, else the first. */
static inline const mr_file_info *mr_found_main(const mr_probed *p)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->rec[i].state == MR_OK) return &p->rec[i];
    return p->rec;
}
/** Recordings of a file, those that go on told as one. */
size_t mr_found_recordings(const mr_probed *p);
/** One line a kind of file, or with `details` a page a file; then spans, ledger, what was
 *  assumed. */
mr_status mr_found_print(const mr_found *f, bool details);
/** The same as one JSON object. */
mr_status mr_found_json(const mr_found *f);
#endif
