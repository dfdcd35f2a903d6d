/* tests/fuzz/config.c: a config file, then one -s setting after a NUL byte. What is taken has to be
 * taken again in the same way. */
#include <stdlib.h>
#include <string.h>
#include "plan/config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    mr_config *c = NULL;
    if (!text) return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    const size_t n = strlen(text);
    const char *setting = n < size ? text + n + 1 : NULL;
    if (mr_config_parse("fuzz.yaml", text, &setting, setting != NULL, &c) == MR_OK) {
        mr_config_free(c);
        if (mr_config_parse("fuzz.yaml", text, &setting, setting != NULL, &c) != MR_OK) abort();
        uint64_t *idx = NULL, n_idx;
        if (mr_config_channels(c, 1000, 0, 10, &idx, &n_idx) == MR_OK && n_idx == 0) abort();
        free(idx);
        mr_config_free(c);
    } else if (!*mr_error()) {
        abort(); /* refused without a word */
    }
    mr_error_clear();
    free(text);
    return 0;
}
