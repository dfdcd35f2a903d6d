/* tests/fuzz/survey.c: the survey file of an output folder, past its checksum: whatever is in it,
 * it is refused or every row of it can be asked for. */
#include <stdlib.h>
#include <string.h>
#include "run/survey/survey_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mr_catalog *c = NULL;
    mr_file_info info;
    size_t sum = 0;
    char *image = malloc(size + 1); /* aligned, as the mapped file is */
    if (!image) return 0;
    memcpy(image, data, size);
    if (mr_survey_image_catalog(image, size, &c) == MR_OK) {
        for (size_t i = 0; i < c->n; i++) {
            const char *note = mr_catalog_note(c, i);
            sum += strlen(mr_catalog_path(c, i)) + (note ? strlen(note) : 0);
            mr_catalog_info(c, i, &info);
            sum += strlen(info.reason) + strlen(info.unit) + (size_t)info.state;
            if (c->rows[i].form != MR_REFUSED) sum += mr_catalog_group_of(c, i);
        }
        for (uint32_t g = 0; g < c->n_groups; g++) sum += strlen(mr_catalog_group(c, g)->layout);
    }
    mr_catalog_free(c);
    mr_error_clear();
    free(image);
    return sum == SIZE_MAX;
}
