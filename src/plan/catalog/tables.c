/* plan/catalog/tables.c: chunk tables, one behind the other, each with its length and digest before
 * it. */
#include "plan/catalog/tables.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/text.h"
#include "out/output.h"

enum { OFFSET_BITS = 48 };

struct mr_tables {
    char *path;
    uint64_t number, end;
    int fd;
};

typedef struct head {
    uint64_t n;
    char digest[32];
} head;

static mr_status file_name(const char *base, uint64_t number, char **out)
{
    mr_text t = {0};
    const mr_status st = mr_text_add(&t, "%s.%u", base, (unsigned)number);
    if (st == MR_OK)
        *out = t.s;
    else
        mr_text_fini(&t);
    return st;
}

static head head_of(const mr_chunk *v, uint64_t n)
{
    head h = {.n = n};
    memcpy(h.digest, mr_digest_of(v, (size_t)n * sizeof *v).hex, sizeof h.digest);
    return h;
}

uint64_t mr_tables_bytes(uint64_t n)
{
    return sizeof(head) + n * sizeof(mr_chunk);
}

mr_status mr_tables_open(const char *base, unsigned number, uint64_t end, mr_tables **out)
{
    mr_status st = MR_OK;
    mr_tables *t = NULL;
    MR_ASSERT(number < 1u << (64 - OFFSET_BITS));
    MR_TRY(mr_alloc(1, sizeof *t, "chunk tables", &t));
    t->number = number;
    t->end = end;
    t->fd = -1;
    MR_TRY(file_name(base, number, &t->path));
    t->fd = open(t->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (t->fd < 0 || ftruncate(t->fd, (off_t)end) != 0) {
        st = MR_RAISE(MR_EOUTPUT, "%s: %s", t->path, strerror(errno));
        goto out;
    }
    *out = t;
    t = NULL;
out:
    mr_tables_close(t);
    return st;
}

static mr_status append(mr_tables *t, const void *p, size_t n, uint64_t at)
{
    for (size_t done = 0; done < n;) {
        const ssize_t k = pwrite(t->fd, (const char *)p + done, n - done, (off_t)(at + done));
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) return MR_RAISE(MR_EOUTPUT, "%s: cannot write: %s", t->path, strerror(errno));
        done += (size_t)k;
    }
    return MR_OK;
}

mr_status mr_tables_add(mr_tables *t, const mr_chunk *v, uint64_t n, uint64_t *pos)
{
    mr_status st = MR_OK;
    const head h = head_of(v, n);
    MR_TRY(append(t, &h, sizeof h, t->end));
    MR_TRY(append(t, v, (size_t)n * sizeof *v, t->end + sizeof h));
    *pos = t->number << OFFSET_BITS | t->end;
    t->end += mr_tables_bytes(n);
out:
    return st;
}

uint64_t mr_tables_end(const mr_tables *t)
{
    return t->end;
}

mr_status mr_tables_sync(mr_tables *t)
{
    if (fsync(t->fd) == 0) return MR_OK;
    return MR_RAISE(MR_EOUTPUT, "%s: cannot bring it to disk: %s", t->path, strerror(errno));
}

void mr_tables_close(mr_tables *t)
{
    if (!t) return;
    if (t->fd >= 0) close(t->fd);
    free(t->path);
    free(t);
}

void mr_tables_drop(mr_tables *t)
{
    if (t) unlink(t->path);
    mr_tables_close(t);
}

/** False at an error or the end of the file. */
static bool read_at(int fd, void *p, size_t n, uint64_t at)
{
    for (size_t done = 0; done < n;) {
        const ssize_t k = pread(fd, (char *)p + done, n - done, (off_t)(at + done));
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) return false;
        done += (size_t)k;
    }
    return true;
}

mr_status mr_tables_read(const char *base, uint64_t pos, uint64_t n, mr_chunk **out)
{
    mr_status st = MR_OK;
    char *path = NULL;
    mr_chunk *v = NULL;
    head was = {0};
    const uint64_t at = pos & (((uint64_t)1 << OFFSET_BITS) - 1);
    MR_TRY(file_name(base, pos >> OFFSET_BITS, &path));
    MR_TRY(mr_alloc((size_t)n, sizeof *v, "a chunk table", &v));
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const bool whole = fd >= 0 && read_at(fd, &was, sizeof was, at) && was.n == n &&
                       read_at(fd, v, (size_t)n * sizeof *v, at + sizeof was);
    const int why = errno;
    if (fd >= 0) close(fd);
    const head now = head_of(v, n);
    if (fd < 0)
        st = MR_RAISE(MR_EOUTPUT, "%s: %s", path, strerror(why));
    else if (!whole || memcmp(&was, &now, sizeof now) != 0)
        st = MR_RAISE(MR_EOUTPUT, "%s: damaged; remove .millrace/survey and run again", path);
    if (st != MR_OK) goto out;
    *out = v;
    v = NULL;
out:
    free(path);
    free(v);
    return st;
}
