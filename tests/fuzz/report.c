/* tests/fuzz/report.c: report.json as verify --deep reads it: paths of the inputs, in order, and a
 * config. */
#include <stdlib.h>
#include <string.h>
#include "plan/catalog/catalog.h"
#include "run/folder/deep_report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mr_report_inputs r = {0};
    if (mr_report_inputs_parse("report.json", (const char *)data, size, &r) == MR_OK) {
        if (!r.cfg) abort();
        for (size_t i = 1; i < r.paths.n; i++)
            if (strcmp(mr_base_name(r.paths.v[i - 1]), mr_base_name(r.paths.v[i])) > 0) abort();
    } else if (!*mr_error()) {
        abort(); /* refused without a word */
    }
    mr_report_inputs_fini(&r);
    mr_error_clear();
    return 0;
}
