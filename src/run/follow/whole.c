/* run/follow/whole.c: see whole.h. */
#include "run/follow/whole.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#define SETTLED_S 0.4 /* between two looks that find the same */
#define OLD_S 5.0     /* nobody has written for so long */

typedef struct seen {
    char *path;
    int64_t size, mtime_ns;
    double since, first; /* it is as it is; it was met */
    bool taken, said, here, stirred;
} seen;

struct mr_whole {
    double patience_s;
    seen *v; /* by path */
    size_t n, cap;
};

mr_status mr_whole_new(double patience_s, mr_whole **out)
{
    mr_whole *w = NULL;
    const mr_status st = mr_alloc(1, sizeof *w, "the files", &w);
    if (st != MR_OK) return st;
    w->patience_s = patience_s;
    *out = w;
    return MR_OK;
}

void mr_whole_free(mr_whole *w)
{
    if (!w) return;
    for (size_t i = 0; i < w->n; i++) free(w->v[i].path);
    free(w->v);
    free(w);
}

/* --- what stands in a file ------------------------------------------------------------------- */

static uint64_t little(const unsigned char *p, size_t n)
{
    uint64_t v = 0;
    for (size_t i = n; i-- > 0;) v = v << 8 | p[i];
    return v;
}

/** The end of file that an HDF5 superblock names; false: it is none of a known version. */
static bool hdf5_end(const unsigned char *b, uint64_t *end, unsigned *flags)
{
    const unsigned version = b[8];
    const bool old = version <= 1;
    const size_t bytes = old ? b[13] : b[9];
    if (version > 3 || (bytes != 4 && bytes != 8)) return false;
    const size_t base = version == 0 ? 24 : version == 1 ? 28 : 12;
    *end = little(b + base, bytes) + little(b + base + 2 * bytes, bytes);
    *flags = version == 3 ? b[11] : 0;
    return true;
}

bool mr_whole_inside(const char *path, char *why, size_t size)
{
    static const unsigned char signature[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
    unsigned char b[64] = {0};
    struct stat sb;
    uint64_t end;
    unsigned flags;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &sb) != 0) {
        snprintf(why, size, "%s", strerror(errno));
        if (fd >= 0) close(fd);
        return errno != EAGAIN && errno != ENOENT; /* the survey says what is wrong */
    }
    const ssize_t n = pread(fd, b, sizeof b, 0);
    close(fd);
    if (!S_ISREG(sb.st_mode)) return true;
    snprintf(why, size, "it is empty");
    if (sb.st_size == 0) return false;
    if (n < (ssize_t)sizeof b || memcmp(b, signature, 8) != 0 || !hdf5_end(b, &end, &flags))
        return true; /* of another kind: its size and time have to say it */
    if (flags & 4) {
        snprintf(why, size, "a writer has it open for concurrent reading (SWMR)");
        return false;
    }
    if (flags & 1) {
        snprintf(why, size, "a writer has it open");
        return false;
    }
    snprintf(why, size, "its HDF5 end of file is at %llu, it has %lld bytes",
             (unsigned long long)end, (long long)sb.st_size);
    return end <= (uint64_t)sb.st_size;
}

/** Does somebody on this host hold a lock for writing on it? Read from the kernel's list: asking by
 *  taking one could get in the writer's way. */
static bool locked(const struct stat *sb)
{
    char line[256], want[64];
    bool found = false;
    snprintf(want, sizeof want, " %02x:%02x:%llu ", major(sb->st_dev), minor(sb->st_dev),
             (unsigned long long)sb->st_ino);
    FILE *f = fopen("/proc/locks", "re");
    while (f && !found && fgets(line, sizeof line, f))
        found = strstr(line, want) && strstr(line, " WRITE ");
    if (f) fclose(f);
    return found;
}

/* --- a look ---------------------------------------------------------------------------------- */

static int by_path(const void *a, const void *b)
{
    return strcmp(((const seen *)a)->path, ((const seen *)b)->path);
}

static double wall_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/** One file: has it become whole since the last look? */
static void judge(mr_whole *w, seen *s, bool all, mr_whole_news *news)
{
    struct stat sb;
    char why[160] = "";
    if (s->taken && !all && !s->stirred) return;
    s->stirred = false;
    if (stat(s->path, &sb) != 0) return;
    const int64_t mtime = (int64_t)sb.st_mtim.tv_sec * 1000000000 + sb.st_mtim.tv_nsec;
    const double now = mr_now();
    if (sb.st_size == s->size && mtime == s->mtime_ns && s->taken) return;
    if (sb.st_size != s->size || mtime != s->mtime_ns) {
        s->size = sb.st_size;
        s->mtime_ns = mtime;
        s->since = now;
        s->taken = false;
    }
    const double age = wall_s() - 1e-9 * (double)mtime;
    const bool settled = now - s->since >= SETTLED_S || age > OLD_S;
    if (settled && mr_whole_inside(s->path, why, sizeof why) && !locked(&sb)) {
        s->taken = true;
        news->n_new++;
        return;
    }
    news->n_pending++;
    if (s->said || now - s->first < w->patience_s) return;
    s->said = true;
    mr_log(MR_WARN, "%s: is not whole: %s; it is waited for to the end", s->path,
           *why ? why : "somebody writes to it");
}

/** Where a path stands, or would. guess: where it may well be. */
static size_t place_of(const mr_whole *w, const char *path, size_t guess, bool *there)
{
    const seen key = {.path = (char *)(uintptr_t)path};
    size_t a = 0, b = w->n;
    *there = guess < w->n && by_path(&w->v[guess], &key) == 0;
    if (*there) return guess;
    while (a < b) {
        const size_t mid = a + (b - a) / 2;
        if (by_path(&w->v[mid], &key) < 0)
            a = mid + 1;
        else
            b = mid;
    }
    *there = a < w->n && by_path(&w->v[a], &key) == 0;
    return a;
}

static mr_status meet(mr_whole *w, const char *path, size_t guess, seen **out)
{
    mr_status st = MR_OK;
    bool there;
    const size_t a = place_of(w, path, guess, &there);
    if (!there) {
        char *own = NULL;
        MR_TRY(mr_grow(&w->v, &w->cap, w->n + 1, sizeof *w->v, "the files"));
        MR_TRY(mr_strdup(path, &own));
        memmove(w->v + a + 1, w->v + a, (w->n++ - a) * sizeof *w->v);
        w->v[a] = (seen){.path = own, .size = -1, .first = mr_now(), .since = mr_now()};
    }
    *out = &w->v[a];
out:
    return st;
}

bool mr_whole_stir(mr_whole *w, const char *path)
{
    bool there;
    const size_t at = place_of(w, path, SIZE_MAX, &there);
    if (there) w->v[at].stirred = true;
    return there;
}

void mr_whole_again(mr_whole *w, mr_whole_news *news)
{
    *news = (mr_whole_news){0};
    for (size_t i = 0; i < w->n; i++) {
        seen *s = &w->v[i];
        if (s->taken && !s->stirred) continue;
        judge(w, s, false, news);
        s->here = s->here || s->taken;
    }
}

mr_status mr_whole_look(mr_whole *w, mr_strs *paths, bool all, mr_whole_news *news)
{
    mr_status st = MR_OK;
    size_t kept = 0, n = paths->n;
    *news = (mr_whole_news){0};
    for (size_t i = 0; i < n; i++) {
        seen *s = NULL;
        bool before;
        MR_TRY(meet(w, paths->v[i], i, &s));
        before = s->taken || s->here;
        judge(w, s, all, news);
        s->here = s->here || s->taken; /* once taken it stays: what it is now the survey sees */
        if (before || s->taken) {
            char *p = paths->v[i];
            paths->v[i] = NULL;
            paths->v[kept++] = p;
        } else {
            free(paths->v[i]);
            paths->v[i] = NULL;
        }
    }
    paths->n = kept;
out:
    if (st != MR_OK) { /* no holes are left */
        for (size_t i = kept; i < n; i++) free(paths->v[i]);
        paths->n = kept;
    }
    return st;
}
