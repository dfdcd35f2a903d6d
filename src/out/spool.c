/* out/spool.c: rows of which it is not known how many there will be, in order: in memory up to a
 * piece, then in a file without a name, which is gone with the process. */
#include "out/output.h"
#include "out/out.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PIECE = 1 << 20 };

struct mr_spool {
    int fd;
    char *folder, *piece;
    size_t filled;   /* bytes of piece that are not in the file */
    uint64_t stored; /* bytes that are */
};

mr_status mr_spool_new(const char *folder, mr_spool **out)
{
    mr_status st = MR_OK;
    mr_spool *s = NULL;
    MR_TRY(mr_alloc(1, sizeof *s, "rows", &s));
    s->fd = -1;
    MR_TRY(mr_strdup(folder, &s->folder));
    MR_TRY(mr_alloc(PIECE, 1, "rows", &s->piece));
    *out = s;
    s = NULL;
out:
    mr_spool_free(s);
    return st;
}

void mr_spool_free(mr_spool *s)
{
    if (!s) return;
    if (s->fd >= 0) close(s->fd);
    free(s->piece);
    free(s->folder);
    free(s);
}

/** Where the file system knows no files without a name: one that loses it at once. */
static int nameless(const char *folder)
{
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    mr_text name = {0};
    if (fd < 0 && mr_text_add(&name, "%s/rows.XXXXXX", folder) == MR_OK) {
        fd = mkostemp(name.s, O_CLOEXEC);
        if (fd >= 0) unlink(name.s);
    }
    mr_text_fini(&name);
    return fd;
}

static mr_status flush(mr_spool *s)
{
    if (s->fd < 0) s->fd = nameless(s->folder);
    if (s->fd < 0)
        return MR_RAISE(MR_EOUTPUT, "cannot keep rows in %s: %s", s->folder, strerror(errno));
    const mr_status st = mr_out_pwrite(s->fd, s->piece, s->filled, s->stored, s->folder);
    if (st != MR_OK) return st;
    s->stored += s->filled;
    s->filled = 0;
    return MR_OK;
}

mr_status mr_spool_add(mr_spool *s, const void *data, size_t n)
{
    mr_status st = MR_OK;
    for (size_t k; n && st == MR_OK; n -= k) {
        k = MR_MIN(n, (size_t)PIECE - s->filled);
        memcpy(s->piece + s->filled, data, k);
        data = (const char *)data + k;
        s->filled += k;
        if (s->filled == PIECE) st = flush(s);
    }
    return st;
}

uint64_t mr_spool_bytes(const mr_spool *s)
{
    return s->stored + s->filled;
}

mr_status mr_spool_read(const mr_spool *s, uint64_t at, size_t n, void *out)
{
    mr_status st = MR_OK;
    const size_t first = at < s->stored ? (size_t)MR_MIN((uint64_t)n, s->stored - at) : 0;
    if (first) st = mr_out_pread(s->fd, out, first, at, s->folder);
    if (st == MR_OK && n > first)
        memcpy((char *)out + first, s->piece + (at + first - s->stored), n - first);
    return st;
}
