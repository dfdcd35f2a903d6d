/* tests/fuzz/records.c: what we read back of our own: index.csv, the lock's record, and what a
 * worker that may have been taken over sends: a map and the facts of a file. The first byte
 * chooses. */
#include <stdlib.h>
#include <string.h>
#include "out/index.h"
#include "in/probe.h"
#include "in/zygote.h"
#include "run/folder/lock_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void bad_line(void *arg, int line)
{
    *(int *)arg += line;
}

static void facts(const uint8_t *data, size_t size)
{
    mr_file_info info;
    mr_chunk *chunks = NULL;
    const size_t n = size > sizeof info ? (size - sizeof info) / sizeof *chunks : 0;
    memset(&info, 0, sizeof info);
    memcpy(&info, data, size < sizeof info ? size : sizeof info);
    if (n && (chunks = malloc(n * sizeof *chunks)))
        memcpy(chunks, data + sizeof info, n * sizeof *chunks);
    mr_info_check(&info, chunks, chunks ? n : 0);
    for (size_t k = 0; info.state == MR_OK && chunks && k < n; k++)
        if (chunks[k].offset > (uint64_t)info.size) abort();
    if (strlen(info.reason) >= sizeof info.reason || strlen(info.unit) >= sizeof info.unit) abort();
    free(chunks);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mr_index ix = {0};
    mr_lock_record r;
    mr_node node = {0};
    int lines = 0;
    if (size < 1) return 0;
    const uint8_t which = data[0] & 3;
    data++, size--;
    char *text = malloc(size + 1);
    if (!text) return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    const mr_text t = {.s = text, .len = size, .cap = size + 1};
    if (which == 0 && mr_index_parse(&t, &ix, bad_line, &lines) == MR_OK)
        for (size_t i = 0; i < ix.n; i++)
            if (!mr_index_find(&ix, ix.v[i].file)) abort();
    if (which == 1 && mr_lock_record_parse(text, &r)) (void)strlen(r.host);
    if (which == 2 && mr_node_unpack(data, size, &node) == MR_OK) mr_node_fini(&node);
    if (which == 3) facts(data, size);
    mr_index_fini(&ix);
    mr_error_clear();
    free(text);
    return 0;
}
