/* out/digests.c: what a lane says of itself: its series, a digest of the raw samples that were read
 * of every input, and the place in a lane file where they stand: behind HDF5's own end, before the
 * trailer, as lines of text and 16 bytes that say how long they are. */
#include "out/digests.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>
#include "out/out.h"

enum { FOOT_BYTES = 16 };
/* the same digest by the widest vectors of the machine, where the library was built with that:
 * 10 GB/s instead of 6 */
XXH128_hash_t XXH3_128bits_dispatch(const void *p, size_t n) __attribute__((weak));
static const char magic[8] = {'M', 'R', 'I', 'N', 'P', 'U', 'T', '3'};

void mr_rows_add(mr_rows_sum *s, const void *rows, uint64_t first, uint64_t n, size_t row_bytes,
                 size_t stride)
{
    const uint8_t *p = rows;
    XXH128_hash_t (*digest)(const void *, size_t) = XXH3_128bits;
    if (XXH3_128bits_dispatch) digest = XXH3_128bits_dispatch;
    for (uint64_t i = 0; i < n; i++, p += stride) {
        const XXH128_hash_t h = digest(p, row_bytes);
        const uint64_t place[3] = {h.low64, h.high64, first + i};
        const XXH128_hash_t v = XXH3_128bits(place, sizeof place);
        mr_rows_merge(s, &(mr_rows_sum){v.low64, v.high64});
    }
}

void mr_rows_merge(mr_rows_sum *s, const mr_rows_sum *more)
{
    const uint64_t lo = s->lo + more->lo;
    s->hi += more->hi + (lo < s->lo);
    s->lo = lo;
}

/* --- lines ----------------------------------------------------------------------------------- */

/** A name or text without anything that would end a word or a line. */
static mr_status add_word(mr_text *t, const char *word)
{
    mr_status st = MR_OK;
    for (const unsigned char *p = (const unsigned char *)word; *p; p++) {
        if (*p <= ' ' || *p == 0x7f || *p == '%')
            MR_TRY(mr_text_add(t, "%%%02x", *p));
        else
            MR_TRY(mr_text_add_bytes(t, p, 1));
    }
out:
    return st;
}

/** The same back, in place. */
static void restore_word(char *s)
{
    unsigned c;
    char *to = s;
    for (; *s; s++) {
        if (*s == '%' && sscanf(s + 1, "%2x", &c) == 1 && c) {
            *to++ = (char)c;
            s += 2;
        } else {
            *to++ = *s;
        }
    }
    *to = '\0';
}

mr_status mr_inputs_line(mr_text *t, const mr_input_line *l)
{
    mr_status st = MR_OK;
    char digest[40] = "-";
    if (l->known)
        snprintf(digest, sizeof digest, "%016llx%016llx", (unsigned long long)l->sum.hi,
                 (unsigned long long)l->sum.lo);
    MR_TRY(mr_text_add(t, "%llu %llu %llu %llu %llu %s %lld ", (unsigned long long)l->row,
                       (unsigned long long)l->rows, (unsigned long long)l->sel.first,
                       (unsigned long long)l->sel.step, (unsigned long long)l->sel.n, digest,
                       (long long)l->t0_ns));
    MR_TRY(add_word(t, l->name));
    MR_TRY(mr_text_add(t, "\n"));
out:
    return st;
}

/** Cut the line at *text off; NULL: there is none. */
static char *next_line(char **text)
{
    char *s = *text, *end = strchr(s, '\n');
    if (!end) return NULL;
    *end = '\0';
    *text = end + 1;
    return s;
}

bool mr_inputs_next(char **text, mr_input_line *l)
{
    unsigned long long v[5], hi = 0, lo = 0;
    long long t0;
    char digest[40], *s = next_line(text);
    int n = 0;
    if (!s ||
        sscanf(s, "%llu %llu %llu %llu %llu %33s %lld %n", &v[0], &v[1], &v[2], &v[3], &v[4],
               digest, &t0, &n) != 7 ||
        !n)
        return false;
    *l = (mr_input_line){
        .row = v[0], .rows = v[1], .sel = {v[2], v[3], v[4]}, .t0_ns = t0, .name = s + n};
    restore_word(s + n);
    l->known = sscanf(digest, "%16llx%16llx", &hi, &lo) == 2;
    l->sum = (mr_rows_sum){.lo = lo, .hi = hi};
    return l->known || strcmp(digest, "-") == 0;
}

mr_status mr_lost_print(mr_text *t, const mr_lost_line *l)
{
    mr_status st = MR_OK;
    MR_TRY(
        mr_text_add(t, "lost %lld %lld %d ", (long long)l->t0_ns, (long long)l->t1_ns, l->again));
    MR_TRY(add_word(t, l->name));
    MR_TRY(mr_text_add(t, " "));
    MR_TRY(add_word(t, l->note));
    MR_TRY(mr_text_add(t, "\n"));
out:
    return st;
}

bool mr_lost_next(char **text, mr_lost_line *l)
{
    long long a, b;
    int again, n = 0;
    char *s, *note;
    if (strncmp(*text, "lost ", 5) != 0 || !(s = next_line(text)) ||
        sscanf(s, "lost %lld %lld %d %n", &a, &b, &again, &n) != 3 || !n ||
        !(note = strchr(s + n, ' ')))
        return false;
    *note++ = '\0';
    restore_word(s + n);
    restore_word(note);
    *l = (mr_lost_line){.t0_ns = a, .t1_ns = b, .again = again != 0, .name = s + n, .note = note};
    return true;
}

/* --- in a lane file -------------------------------------------------------------------------- */

mr_status mr_inputs_append(int fd, uint64_t *end, const mr_text *lines, mr_sum *sum,
                           const char *path)
{
    mr_status st = MR_OK;
    uint8_t foot[FOOT_BYTES];
    memcpy(foot, magic, sizeof magic);
    for (int i = 0; i < 8; i++) foot[8 + i] = (uint8_t)((uint64_t)lines->len >> (8 * i));
    if (lines->len) MR_TRY(mr_out_pwrite(fd, lines->s, lines->len, *end, path));
    MR_TRY(mr_out_pwrite(fd, foot, sizeof foot, *end + lines->len, path));
    if (lines->len) mr_sum_add(sum, lines->s, lines->len);
    mr_sum_add(sum, foot, sizeof foot);
    *end += lines->len + sizeof foot;
out:
    return st;
}

static bool near_rel(double a, double b, double rel)
{
    return fabs(a - b) <= rel * fmax(fabs(a), fabs(b));
}

bool mr_series_near(const mr_series *a, const mr_series *b)
{
    return near_rel(a->rate_hz, b->rate_hz, 1e-3) && near_rel(a->dx_m, b->dx_m, 1e-6) &&
           near_rel(a->x0_m, b->x0_m, 1e-6) && near_rel(a->gauge_m, b->gauge_m, 1e-6);
}

bool mr_series_same(const mr_series *a, const mr_series *b)
{
    return strcmp(a->what.hex, b->what.hex) == 0 && mr_series_near(a, b);
}

mr_status mr_lane_self_line(mr_text *t, const mr_lane_self *self, const char *rel)
{
    const mr_series *s = &self->series;
    return mr_text_add(t, "lane %s %a %a %a %a %lld %lld %lld %lld %llu %.*s\n",
                       s->what.hex[0] ? s->what.hex : "-", s->rate_hz, s->dx_m, s->x0_m, s->gauge_m,
                       (long long)self->t0_ns, (long long)self->t1_ns, (long long)self->from_ns,
                       (long long)self->to_ns, (unsigned long long)self->rows,
                       (int)mr_lane_stem(rel), rel);
}

bool mr_lane_self_fits(const mr_lane_self *s, const char *rel)
{
    const size_t n = strlen(s->stem);
    const char *rest = rel + n;
    if (strncmp(rel, s->stem, n) != 0) return false;
    if (*rest == '_') rest += 1 + strspn(rest + 1, "0123456789");
    return strcmp(rest, ".h5") == 0;
}

/** Cut the first line off. */
static bool take_self(char *text, size_t *len, mr_lane_self *self)
{
    mr_series *s = &self->series;
    long long t0, t1, from, to;
    unsigned long long rows;
    char *end = strchr(text, '\n');
    if (!end || sscanf(text, "lane %32s %la %la %la %la %lld %lld %lld %lld %llu %103s",
                       s->what.hex, &s->rate_hz, &s->dx_m, &s->x0_m, &s->gauge_m, &t0, &t1, &from,
                       &to, &rows, self->stem) != 11)
        return false;
    self->t0_ns = t0;
    self->t1_ns = t1;
    self->from_ns = from;
    self->to_ns = to;
    self->rows = rows;
    *len -= (size_t)(end + 1 - text);
    memmove(text, end + 1, *len + 1);
    return true;
}

mr_status mr_inputs_read(const char *path, mr_lane_self *self, mr_text *lines)
{
    mr_status st = MR_OK;
    mr_trailer t;
    uint8_t foot[FOOT_BYTES];
    char *s = NULL;
    uint64_t n = 0;
    MR_TRY(mr_trailer_read(path, false, &t));
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) return MR_RAISE(MR_EVERIFY, "%s: cannot be opened: %s", path, strerror(errno));
    if (t.length >= sizeof foot)
        st = mr_out_pread(fd, foot, sizeof foot, t.length - sizeof foot, path);
    for (int i = 7; st == MR_OK && t.length >= sizeof foot && i >= 0; i--) n = n << 8 | foot[8 + i];
    if (st == MR_OK && (t.length < sizeof foot || memcmp(foot, magic, sizeof magic) != 0 ||
                        n > t.length - sizeof foot))
        st = MR_RAISE(MR_EVERIFY, "%s: says nothing of its inputs' samples", path);
    if (st == MR_OK) st = mr_alloc((size_t)n + 1, 1, "a lane's inputs", &s);
    if (st == MR_OK) st = mr_out_pread(fd, s, (size_t)n, t.length - sizeof foot - n, path);
    close(fd);
    size_t len = (size_t)n;
    if (st == MR_OK && !take_self(s, &len, self))
        st = MR_RAISE(MR_EVERIFY, "%s: does not say which lane it is", path);
    MR_TRY(st);
    if (!lines) goto out;
    *lines = (mr_text){.s = s, .len = len, .cap = (size_t)n + 1};
    s = NULL;
out:
    if (st == MR_EOUTPUT) st = MR_EVERIFY;
    free(s);
    return st;
}
