/* out/product/merged.c: see merged.h. Called by out/product/result.c. */
#include "out/product/merged.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME "merged."
enum { MOST_BYTES = 64 << 20 };

/** Calls fn for each list of the folder, by path and rank. */
static mr_status each_list(const char *folder, mr_status (*fn)(const char *path, int rank, void *),
                           void *arg)
{
    mr_status st = MR_OK;
    mr_text path = {0};
    MR_TRY(mr_text_add(&path, "%s/.millrace", folder));
    DIR *d = opendir(path.s);
    if (!d && errno == ENOENT) goto out;
    if (!d) {
        st = MR_RAISE(MR_EOUTPUT, "cannot list %s: %s", path.s, strerror(errno));
        goto out;
    }
    for (struct dirent *e; st == MR_OK && (e = readdir(d));) {
        char *end = NULL;
        if (strncmp(e->d_name, NAME, strlen(NAME)) != 0) continue;
        const long rank = strtol(e->d_name + strlen(NAME), &end, 10);
        if (*end || rank < 0 || rank > 1 << 24) continue;
        path.len = 0;
        st = mr_text_add(&path, "%s/.millrace/%s", folder, e->d_name);
        if (st == MR_OK) st = fn(path.s, (int)rank, arg);
    }
    closedir(d);
out:
    mr_text_fini(&path);
    return st;
}

typedef struct reading {
    const mr_digest *id;
    uint64_t n;
    mr_digest *sum;
} reading;

/** One list; what stands in none is not merged, so one that cannot be read costs time alone. */
static mr_status read_list(const char *path, int rank, void *arg)
{
    (void)rank;
    reading *r = arg;
    mr_text t = {0};
    char want[64];
    snprintf(want, sizeof want, "of %s\n", r->id->hex);
    if (mr_read_text(path, MOST_BYTES, &t) == MR_OK && t.s && strncmp(t.s, want, strlen(want)) == 0)
        for (const char *s = strchr(t.s, '\n'); s && *++s; s = strchr(s, '\n')) {
            uint64_t piece;
            mr_digest sum;
            char end, line[80]; /* sscanf looks for the end of the whole text first */
            snprintf(line, sizeof line, "%.*s", (int)MR_MIN(strcspn(s, "\n") + 1, sizeof line), s);
            if (sscanf(line, "%" SCNu64 " %32[0-9a-f]%c", &piece, sum.hex, &end) == 3 &&
                end == '\n' && strlen(sum.hex) == 32 && piece < r->n)
                r->sum[piece] = sum;
        }
    mr_error_clear();
    mr_text_fini(&t);
    return MR_OK;
}

mr_status mr_merged_read(const char *folder, const mr_digest *id, uint64_t n, mr_digest *sum)
{
    reading r = {id, n, sum};
    return each_list(folder, read_list, &r);
}

mr_status mr_merged_begin(const char *folder, int rank, const mr_digest *id, int *fd)
{
    mr_status st = MR_OK;
    mr_text path = {0}, head = {0};
    MR_TRY(mr_text_add(&path, "%s/.millrace", folder));
    (void)mkdir(path.s, 0777); /* if it is not there, opening says so */
    MR_TRY(mr_text_add(&path, "/" NAME "%d", rank));
    MR_TRY(mr_text_add(&head, "of %s\n", id->hex));
    *fd = open(path.s, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (*fd < 0) {
        st = MR_RAISE(MR_EOUTPUT, "cannot create %s: %s", path.s, strerror(errno));
        goto out;
    }
    st = mr_out_pwrite(*fd, head.s, head.len, 0, path.s);
out:
    mr_text_fini(&path);
    mr_text_fini(&head);
    return st;
}

mr_status mr_merged_add(int fd, uint64_t piece, const mr_digest *sum)
{
    char line[64];
    const int n = snprintf(line, sizeof line, "%" PRIu64 " %s\n", piece, sum->hex);
    ssize_t done;
    do done = write(fd, line, (size_t)n);
    while (done < 0 && errno == EINTR);
    if (done >= 0) return MR_OK; /* a line that is cut is none: its piece is merged again */
    return MR_RAISE(MR_EOUTPUT, "cannot write down what is merged: %s", strerror(errno));
}

static mr_status remove_list(const char *path, int rank, void *but)
{
    if (rank == *(const int *)but || unlink(path) == 0 || errno == ENOENT) return MR_OK;
    return MR_RAISE(MR_EOUTPUT, "cannot remove %s: %s", path, strerror(errno));
}

mr_status mr_merged_remove(const char *folder, int but)
{
    return each_list(folder, remove_list, &but);
}
