/* base/text.h: strings: growing buffer, list of strings, nearest name, safe printing. */
#ifndef MR_TEXT_H
#define MR_TEXT_H
#include "base/base.h"

/** A growing text. Zero-initialise; .s is always NUL-terminated once written to. */
typedef struct mr_text {
    char *s;
    size_t len, cap;
} mr_text;
mr_status mr_text_add(mr_text *t, const char *fmt, ...) MR_PRINTF(2, 3);
mr_status mr_text_add_bytes(mr_text *t, const void *p, size_t n);
void mr_text_fini(mr_text *t);

/** A list of owned strings. Zero-initialise. */
typedef struct mr_strs {
    char **v;
    size_t n, cap;
} mr_strs;
mr_status mr_strs_add(mr_strs *l, const char *s);
void mr_strs_fini(mr_strs *l);

/** The nearest of n names to `word` (edit distance <= 1 + len/3), or NULL. names[i] is at
 *  (const char *const *)((const char *)names + i * stride). */
const char *mr_nearest(const char *word, const void *names, size_t n, size_t stride);
/** Copy s to out[size], every byte that is not printable UTF-8 as \xNN; always terminated. What
 * does not fit is cut between characters and ends in "..." where there is room. */
void mr_printable(const char *s, char *out, size_t size);
/** What a check finds: printable lines through `say`, which may be NULL. */
typedef struct mr_findings {
    void (*say)(void *arg, const char *line);
    void *arg;
    bool any;
} mr_findings;
void mr_finding(mr_findings *f, const char *fmt, ...) MR_PRINTF(2, 3);
/** Bytes of the UTF-8 character at s[0..n), its code into *code; 0 if there is none. */
size_t mr_utf8_next(const char *s, size_t n, uint32_t *code);
/** Append a whole regular file to *t (at most max bytes, else MR_ECONFIG; a NUL inside is kept). */
mr_status mr_read_text(const char *path, size_t max, mr_text *t);
/** Create a folder and its parents. */
mr_status mr_mkdirs(const char *path);
#endif
