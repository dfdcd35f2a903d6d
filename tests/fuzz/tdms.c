/* tests/fuzz/tdms.c: the reader of TDMS headers, through the probe as a worker calls it, on a file
 * in memory: whatever is in it, it is refused or every sample that it tells of can be read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "in/input.h"

#define MOST_ROW 65536 /* bytes: a row of many channels is read in part */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all(const char *path, const mr_file_info *info, const mr_chunk *chunks)
{
    static uint8_t row[MOST_ROW];
    const uint64_t nc = MR_MIN(info->nc, (uint64_t)(MOST_ROW / info->store.dtype.size));
    const mr_chsel sel = {info->nc - nc, 1, nc};
    mr_raw *r = NULL;
    if (mr_raw_open(path, info, chunks, &r) != MR_OK) abort(); /* what was found holds together */
    for (uint64_t t = 0; t < info->nt; t += 1 + info->nt / 64)
        if (mr_raw_read(r, t, 1, &sel, row, (size_t)nc * info->store.dtype.size, NULL, NULL) !=
            MR_OK)
            abort(); /* and lies inside the file */
    mr_raw_close(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    static char path[40];
    const mr_probe_opts o = {0};
    mr_probed p;
    if (size < 8) return 0;
    if (fd < 0 && (fd = memfd_create("fuzz", 0)) < 0) abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size ||
        pwrite(fd, "TDSm", 4, 0) != 4)
        abort();
    if (mr_probe_file_here(path, &o, true, &p) == MR_OK)
        for (size_t i = 0; i < p.n; i++)
            if (p.rec[i].state == MR_OK) read_all(path, &p.rec[i], p.table[p.rec[i].set]);
    mr_probed_fini(&p);
    mr_error_clear();
    return 0;
}
