/* base/text.c: growing texts, lists of strings, nearest names, printing what strangers wrote. */
#include "base/text.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

mr_status mr_strdup(const char *s, char **out)
{
    mr_status st = MR_OK;
    size_t n = strlen(s) + 1;
    char *p = NULL;
    MR_TRY(mr_alloc(n, 1, "a text", &p));
    memcpy(p, s, n);
    *out = p;
out:
    return st;
}

/* --- growing text ---------------------------------------------------------------------------- */

mr_status mr_text_add_bytes(mr_text *t, const void *p, size_t n)
{
    mr_status st = MR_OK;
    size_t need;
    MR_TRY(mr_mul_add(n, 1, t->len + 1, &need));
    MR_TRY(mr_grow(&t->s, &t->cap, need, 1, "a text"));
    if (n) memcpy(t->s + t->len, p, n);
    t->len += n;
    t->s[t->len] = '\0';
out:
    return st;
}

/** The C library takes memory of its own for long pieces. */
static mr_status unprinted(const char *fmt)
{
    return errno == ENOMEM ? MR_RAISE(MR_EMEM, "no memory for a text")
                           : MR_RAISE(MR_EBUG, "text: format '%s' fails", fmt);
}

mr_status mr_text_add(mr_text *t, const char *fmt, ...)
{
    mr_status st = MR_OK;
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0) return unprinted(fmt);
    MR_TRY(mr_grow(&t->s, &t->cap, t->len + (size_t)n + 1, 1, "a text"));
    va_start(ap, fmt);
    const int got = vsnprintf(t->s + t->len, (size_t)n + 1, fmt, ap);
    va_end(ap);
    if (got == n)
        t->len += (size_t)n;
    else
        st = unprinted(fmt);
    t->s[t->len] = '\0';
out:
    return st;
}

void mr_text_fini(mr_text *t)
{
    if (!t) return;
    free(t->s);
    *t = (mr_text){0};
}

/* --- list of strings ------------------------------------------------------------------------- */

mr_status mr_strs_add(mr_strs *l, const char *s)
{
    mr_status st = MR_OK;
    MR_TRY(mr_grow(&l->v, &l->cap, l->n + 1, sizeof *l->v, "a list of texts"));
    MR_TRY(mr_strdup(s, &l->v[l->n]));
    l->n++;
out:
    return st;
}

void mr_strs_fini(mr_strs *l)
{
    if (!l) return;
    for (size_t i = 0; i < l->n; i++) free(l->v[i]);
    free(l->v);
    *l = (mr_strs){0};
}

/* --- nearest name ---------------------------------------------------------------------------- */

enum { NEAREST_MAX = 64 }; /* longer words are no typing errors */

/* Edit distance with swaps of neighbours; letters that differ in case only cost nothing. */
static size_t edit_distance(const char *a, size_t na, const char *b, size_t nb)
{
    size_t d[3][NEAREST_MAX + 1];
    for (size_t j = 0; j <= nb; j++) d[0][j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t *now = d[i % 3], *was = d[(i + 2) % 3], *before = d[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            int ca = tolower((unsigned char)a[i - 1]), cb = tolower((unsigned char)b[j - 1]);
            size_t v = was[j - 1] + (ca != cb);
            v = MR_MIN(v, was[j] + 1);
            v = MR_MIN(v, now[j - 1] + 1);
            if (i > 1 && j > 1 && ca == tolower((unsigned char)b[j - 2]) &&
                cb == tolower((unsigned char)a[i - 2]))
                v = MR_MIN(v, before[j - 2] + 1);
            now[j] = v;
        }
    }
    return d[na % 3][nb];
}

const char *mr_nearest(const char *word, const void *names, size_t n, size_t stride)
{
    const char *best = NULL;
    size_t len = strlen(word), best_d = SIZE_MAX;
    if (len == 0 || len > NEAREST_MAX) return NULL;
    for (size_t i = 0; i < n; i++) {
        const char *name = *(const char *const *)((const char *)names + i * stride);
        size_t nn = strlen(name);
        if (nn == 0 || nn > NEAREST_MAX) continue;
        size_t d = edit_distance(word, len, name, nn);
        /* a name of which no letter is kept is no suggestion */
        if (d <= 1 + len / 3 && d < MR_MAX(len, nn) && d < best_d) {
            best = name;
            best_d = d;
        }
    }
    return best;
}

/* --- printing -------------------------------------------------------------------------------- */

size_t mr_utf8_next(const char *s, size_t n, uint32_t *code)
{
    const unsigned char *p = (const unsigned char *)s;
    if (n == 0) return 0;
    uint32_t c = p[0], least;
    size_t len;
    if (c < 0x80) {
        *code = c;
        return 1;
    }
    if (c >= 0xc2 && c <= 0xdf)
        len = 2, c &= 0x1f, least = 0x80;
    else if (c >= 0xe0 && c <= 0xef)
        len = 3, c &= 0x0f, least = 0x800;
    else if (c >= 0xf0 && c <= 0xf4)
        len = 4, c &= 0x07, least = 0x10000;
    else
        return 0;
    if (n < len) return 0;
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80) return 0;
        c = c << 6 | (p[i] & 0x3fu);
    }
    if (c < least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) return 0;
    *code = c;
    return len;
}

/* Control characters, and marks that hide or turn around the text near them. */
static bool is_plain(uint32_t c)
{
    if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0xfeff) return false;
    if (c >= 0x200b && c <= 0x200f) return false;
    if ((c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f)) return false;
    return (c & 0xfffe) != 0xfffe && !(c >= 0xfff9 && c <= 0xfffb) && c < 0xe0000;
}

void mr_printable(const char *s, char *out, size_t size)
{
    static const char dots[] = "...", digits[] = "0123456789abcdef";
    size_t n = strlen(s), o = 0, fit = 0; /* fit: where dots still find room */
    if (size == 0) return;
    for (size_t i = 0; i < n;) {
        uint32_t c = 0;
        size_t len = mr_utf8_next(s + i, n - i, &c);
        bool plain = len > 0 && is_plain(c);
        size_t take = len ? len : 1, need = plain ? take : 4 * take;
        if (o + need + 1 > size) { /* cut: leave whole characters and dots */
            o = fit;
            if (o + sizeof dots <= size) {
                memcpy(out + o, dots, sizeof dots - 1);
                o += sizeof dots - 1;
            }
            break;
        }
        if (plain)
            memcpy(out + o, s + i, take);
        else
            for (size_t k = 0; k < take; k++) {
                unsigned char b = (unsigned char)s[i + k];
                const char hex[4] = {'\\', 'x', digits[b >> 4], digits[b & 15]};
                memcpy(out + o + 4 * k, hex, sizeof hex);
            }
        o += need;
        i += take;
        if (o + sizeof dots <= size) fit = o;
    }
    out[o] = '\0';
}

/* --- files ----------------------------------------------------------------------------------- */

mr_status mr_read_text(const char *path, size_t max, mr_text *t)
{
    mr_status st = MR_OK;
    char buf[16384], shown[256];
    struct stat sb;
    size_t begin = t->len;
    mr_printable(path, shown, sizeof shown);
    int fd;
    do fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hold us up */
    while (fd < 0 && errno == EINTR);
    if (fd < 0) return MR_RAISE(MR_ECONFIG, "%s: cannot be opened: %s", shown, strerror(errno));
    if (fstat(fd, &sb) != 0 || !S_ISREG(sb.st_mode)) {
        st = MR_RAISE(MR_ECONFIG, "%s: is %s, not a file", shown,
                      S_ISDIR(sb.st_mode) ? "a folder" : "something else");
        goto out;
    }
    for (;;) {
        ssize_t n = read(fd, buf, sizeof buf);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            st = MR_RAISE(MR_ECONFIG, "%s: cannot be read: %s", shown, strerror(errno));
            goto out;
        }
        if (n == 0) break;
        if (t->len - begin + (size_t)n > max) {
            st = MR_RAISE(MR_ECONFIG, "%s: is longer than %zu bytes, the most allowed", shown, max);
            goto out;
        }
        if (t->len == begin && n >= 8 && memcmp(buf, "\x89HDF\r\n\x1a\n", 8) == 0) {
            st = MR_RAISE(MR_ECONFIG,
                          "%s: is an HDF5 file, not a text; a config names it under input: {files: "
                          "%s} (millrace help config), millrace inspect %s looks at it",
                          shown, shown, shown);
            goto out;
        }
        MR_TRY(mr_text_add_bytes(t, buf, (size_t)n));
    }
    MR_TRY(mr_text_add_bytes(t, "", 0)); /* an empty file is an empty text, not NULL */
out:
    close(fd);
    return st;
}

mr_status mr_mkdirs(const char *path)
{
    mr_status st = MR_OK;
    char *p = NULL;
    MR_TRY(mr_strdup(path, &p));
    for (char *q = p;; q++) {
        if (*q != '/' && *q != '\0') continue;
        char end = *q;
        *q = '\0';
        if (q > p && mkdir(p, 0777) != 0 && errno != EEXIST) {
            int why = errno; /* a read-only parent that exists says EROFS or EACCES, not EEXIST */
            struct stat sb;
            if (stat(p, &sb) != 0 || !S_ISDIR(sb.st_mode)) {
                st = MR_RAISE(MR_EOUTPUT, "%s: cannot be made: %s", p, strerror(why));
                goto out;
            }
        }
        *q = end;
        if (end == '\0') break;
    }
    struct stat sb;
    if (stat(path, &sb) != 0 || !S_ISDIR(sb.st_mode))
        st = MR_RAISE(MR_EOUTPUT, "%s: is there already and is not a folder", path);
out:
    free(p);
    return st;
}

void mr_finding(mr_findings *f, const char *fmt, ...)
{
    char text[1024], line[2048];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    mr_printable(text, line, sizeof line);
    f->any = true;
    if (f->say) f->say(f->arg, line);
}
