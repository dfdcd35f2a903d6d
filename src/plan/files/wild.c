/* plan/files/wild.c: a pattern part by part: names are matched folder by folder, other parts are
 * taken as they are. */
#include "plan/files/wild.h"
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct search {
    mr_strs *names, *closed;
} search;

/** Length of the part at p, up to the next slash outside of brackets (inside them glob has none).
 */
static size_t part_length(const char *p)
{
    size_t n = 0;
    while (p[n] && p[n] != '/') n += p[n] == '\\' && p[n + 1] ? 2 : 1;
    return n;
}

static bool is_wild(const char *part)
{
    for (; *part; part++) {
        if (*part == '\\' && part[1])
            part++;
        else if (strchr("*?[", *part))
            return true;
    }
    return false;
}

/** The characters that the part of a name means. */
static void unescape(char *s)
{
    char *to = s;
    for (; *s; s++) {
        if (*s == '\\' && s[1]) s++;
        *to++ = *s;
    }
    *to = '\0';
}

static mr_status look_closed(search *s, const char *folder)
{
    if (errno != EACCES && errno != EIO && errno != ESTALE) return MR_OK;
    for (size_t i = 0; i < s->closed->n; i++)
        if (strcmp(s->closed->v[i], folder) == 0) return MR_OK;
    return mr_strs_add(s->closed, folder);
}

static mr_status match(search *s, const char *at, const char *rest);

/** A name below `at`, which ends in a slash or is empty: the end of the pattern, or a folder to go
 * on in. */
static mr_status step(search *s, const char *at, const char *name, const char *rest)
{
    mr_status st = MR_OK;
    mr_text path = {0};
    struct stat sb;
    MR_TRY(mr_text_add(&path, "%s%s", at, name));
    if (*rest) {
        size_t slashes = strspn(rest, "/");
        MR_TRY(mr_text_add_bytes(&path, rest, slashes));
        MR_TRY(match(s, path.s, rest + slashes));
    } else if (lstat(path.s, &sb) == 0) {
        MR_TRY(mr_strs_add(s->names, path.s));
    } else {
        MR_TRY(look_closed(s, *at ? at : "."));
    }
out:
    mr_text_fini(&path);
    return st;
}

static mr_status match_folder(search *s, const char *at, const char *part, const char *rest)
{
    mr_status st = MR_OK;
    mr_strs found = {0};
    DIR *d = opendir(*at ? at : ".");
    if (!d) return look_closed(s, *at ? at : ".");
    for (struct dirent *e; (e = readdir(d));) {
        if (fnmatch(part, e->d_name, FNM_PERIOD) != 0) continue;
        const bool folder = e->d_type == DT_DIR || e->d_type == DT_LNK || e->d_type == DT_UNKNOWN;
        if (!*rest || folder) MR_TRY(mr_strs_add(&found, e->d_name));
    }
    closedir(d);
    d = NULL;
    for (size_t i = 0; i < found.n; i++) {
        if (*rest) {
            MR_TRY(step(s, at, found.v[i], rest));
        } else {
            mr_text path = {0};
            st = mr_text_add(&path, "%s%s", at, found.v[i]);
            if (st == MR_OK) st = mr_strs_add(s->names, path.s);
            mr_text_fini(&path);
            MR_TRY(st);
        }
    }
out:
    if (d) closedir(d);
    mr_strs_fini(&found);
    return st;
}

/** What `rest` of the pattern names below `at`. */
static mr_status match(search *s, const char *at, const char *rest)
{
    mr_status st = MR_OK;
    struct stat sb;
    const size_t n = part_length(rest);
    char *part = NULL;
    if (!*rest) /* the pattern ends in a slash: a folder */
        return stat(at, &sb) == 0 && S_ISDIR(sb.st_mode) ? mr_strs_add(s->names, at) : MR_OK;
    MR_TRY(mr_alloc(n + 1, 1, "a pattern", &part));
    memcpy(part, rest, n);
    if (is_wild(part)) {
        MR_TRY(match_folder(s, at, part, rest + n));
    } else {
        unescape(part);
        MR_TRY(step(s, at, part, rest + n));
    }
out:
    free(part);
    return st;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

mr_status mr_wild(const char *pattern, mr_strs *names, mr_strs *closed)
{
    mr_status st = MR_OK;
    search s = {names, closed};
    const size_t slashes = strspn(pattern, "/");
    char *root = NULL;
    MR_TRY(mr_alloc(slashes + 1, 1, "a pattern", &root));
    memcpy(root, pattern, slashes);
    MR_TRY(match(&s, root, pattern + slashes));
    if (names->n) qsort(names->v, names->n, sizeof *names->v, by_text);
out:
    free(root);
    return st;
}
