/* plan/files.c: input.files to a list of paths: globs, folders with all below, lists. Nothing of
 * the output folder is ever input: real paths are compared, so links do not get around it. */
#include "plan/config.h"
#include "plan/tree.h"
#include "plan/wild.h"
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { DEPTH_MAX = 64, HINT_NAMES = 4096 };

typedef struct lister {
    mr_strs paths, real;  /* as found, and as they are once links are followed; side by side */
    mr_strs idle;         /* globs that match nothing */
    char *out_real;       /* the output folder, which need not be there yet */
    char *dir, *dir_real; /* the folder of the last file of a glob */
} lister;

/* --- real paths ------------------------------------------------------------------------------ */

/* The real path of what may not exist: of the nearest parent that does, and the rest as written. */
static mr_status real_or_future(const char *path, char **out)
{
    mr_status st = MR_OK;
    char *head = NULL, *real = NULL;
    mr_text t = {0};
    MR_TRY(mr_text_add(&t, "%s%s", *path == '/' ? "" : "./", path));
    MR_TRY(mr_strdup(t.s, &head));
    size_t cut = strlen(head);
    while (!(real = realpath(*head ? head : "/", NULL)) && cut > 0) {
        while (cut > 0 && head[cut - 1] != '/') cut--;
        while (cut > 0 && head[cut - 1] == '/') cut--;
        head[cut] = '\0';
    }
    const char *rest = t.s + cut;
    mr_text whole = {0};
    st = mr_text_add(&whole, "%s", real && strcmp(real, "/") != 0 ? real : "");
    while (st == MR_OK && *(rest += strspn(rest, "/"))) {
        size_t n = strcspn(rest, "/");
        char *up = whole.len ? strrchr(whole.s, '/') : NULL;
        if (n == 2 && rest[0] == '.' && rest[1] == '.') {
            if (up) {
                *up = '\0';
                whole.len = (size_t)(up - whole.s);
            }
        } else if (n != 1 || rest[0] != '.') {
            st = mr_text_add(&whole, "/%.*s", (int)n, rest);
        }
        rest += n;
    }
    if (st == MR_OK && whole.len == 0) st = mr_text_add(&whole, "/");
    if (st == MR_OK)
        *out = whole.s;
    else
        mr_text_fini(&whole);
out:
    mr_text_fini(&t);
    free(head);
    free(real);
    return st;
}

/* Whether path is folder or lies below it; both real. */
static bool is_inside(const char *path, const char *folder)
{
    size_t n = strlen(folder);
    if (strcmp(folder, "/") == 0) return true;
    return strncmp(path, folder, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

/* --- finding --------------------------------------------------------------------------------- */

static mr_status add_file(lister *l, const char *path, const char *real)
{
    mr_status st = MR_OK;
    if (is_inside(real, l->out_real)) return MR_OK;
    MR_TRY(mr_strs_add(&l->paths, path));
    MR_TRY(mr_strs_add(&l->real, real));
out:
    return st;
}

static bool is_part(const char *name)
{
    size_t n = strlen(name);
    return n >= 5 && strcmp(name + n - 5, ".part") == 0;
}

/* What commonly lies beside recordings and says by its name that it is none. Only a folder leaves
 * it out; a pattern that names it gets it, and the report says why it is refused. */
static bool is_beside(const char *name)
{
    static const char *const ends[] = {".json", ".txt", ".csv", ".log", ".md",
                                       ".yaml", ".yml", ".png", ".pdf", ".sha256"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof ends / sizeof *ends; i++)
        if (strcasecmp(dot, ends[i]) == 0) return true;
    return false;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names in a folder, hidden ones left out, sorted. False if it cannot be read. */
static mr_status list_names(const char *path, mr_strs *names, bool *ok)
{
    mr_status st = MR_OK;
    DIR *d = opendir(path);
    *ok = d != NULL;
    if (!d) return MR_OK;
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.') MR_TRY(mr_strs_add(names, e->d_name));
    if (names->n) qsort(names->v, names->n, sizeof *names->v, by_text);
out:
    closedir(d);
    return st;
}

typedef struct trail { /* the folders above, to see a link that leads back to one of them */
    const struct trail *up;
    dev_t dev;
    ino_t ino;
    int depth;
} trail;

static bool leads_back(const trail *t, const struct stat *sb)
{
    for (; t; t = t->up)
        if (t->dev == sb->st_dev && t->ino == sb->st_ino) return true;
    return false;
}

/* All files below a folder. One that cannot be listed is listed itself, so that it is named as
 * refused and not passed over. */
static mr_status walk(lister *l, const char *path, const struct stat *own, const trail *up)
{
    mr_status st = MR_OK;
    mr_strs names = {0};
    mr_text sub = {0};
    char *real = NULL;
    bool ok = false;
    const trail here = {up, own->st_dev, own->st_ino, up ? up->depth + 1 : 0};
    MR_TRY(real_or_future(path, &real));
    if (is_inside(real, l->out_real)) goto out;
    if (here.depth < DEPTH_MAX) MR_TRY(list_names(path, &names, &ok));
    if (!ok) {
        MR_TRY(add_file(l, path, real));
        goto out;
    }
    for (size_t i = 0; i < names.n; i++) {
        struct stat link, sb;
        size_t n = strlen(path);
        sub.len = 0;
        MR_TRY(mr_text_add(&sub, "%s%s%s", path, n && path[n - 1] == '/' ? "" : "/", names.v[i]));
        bool is_link = lstat(sub.s, &link) == 0 && S_ISLNK(link.st_mode);
        if (stat(sub.s, &sb) == 0 && S_ISDIR(sb.st_mode)) {
            if (!leads_back(&here, &sb)) MR_TRY(walk(l, sub.s, &sb, &here));
            continue;
        }
        if (is_part(names.v[i]) || is_beside(names.v[i])) continue;
        char file_real[PATH_MAX];
        if (!is_link || !realpath(sub.s, file_real))
            snprintf(file_real, sizeof file_real, "%s/%s", strcmp(real, "/") ? real : "",
                     names.v[i]);
        MR_TRY(add_file(l, sub.s, file_real));
    }
out:
    mr_strs_fini(&names);
    mr_text_fini(&sub);
    free(real);
    return st;
}

/* A file or folder that a pattern named. */
static mr_status add_path(lister *l, const char *path, const struct stat *sb)
{
    mr_status st = MR_OK;
    char *real = NULL;
    struct stat link;
    if (S_ISDIR(sb->st_mode)) return walk(l, path, sb, NULL);
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) + 1 : 0;
    if (lstat(path, &link) == 0 && S_ISLNK(link.st_mode)) {
        MR_TRY(real_or_future(path, &real));
    } else {
        if (!l->dir || strlen(l->dir) != n || strncmp(l->dir, path, n) != 0) {
            free(l->dir);
            free(l->dir_real);
            l->dir = l->dir_real = NULL;
            MR_TRY(mr_strdup(path, &l->dir));
            l->dir[n] = '\0';
            MR_TRY(real_or_future(n ? l->dir : ".", &l->dir_real));
        }
        mr_text t = {0};
        MR_TRY(mr_text_add(&t, "%s/%s", strcmp(l->dir_real, "/") ? l->dir_real : "", path + n));
        real = t.s;
    }
    MR_TRY(add_file(l, path, real));
out:
    free(real);
    return st;
}

/* --- patterns -------------------------------------------------------------------------------- */

static const mr_node *node_of(const mr_config *c, size_t i)
{
    return c->files->kind == MR_NODE_LIST ? &c->files->items[i] : c->files;
}

/* The folder that a pattern begins with, before any wildcard. */
static mr_status fixed_folder(const char *pattern, bool literal_folder, char **out)
{
    mr_status st = MR_OK;
    char *p = NULL;
    MR_TRY(mr_strdup(pattern, &p));
    if (!literal_folder) {
        struct stat sb;
        if (stat(p, &sb) != 0) p[strcspn(p, "*?[")] = '\0';
        char *slash = strrchr(p, '/');
        if (slash)
            slash[slash == p] = '\0';
        else
            strcpy(p, "."); /* a pattern is never empty */
    }
    *out = p;
out:
    return st;
}

static mr_status refuse_missing(const mr_config *c, size_t i)
{
    mr_status st = MR_OK;
    const char *path = c->patterns.v[i], *slash = strrchr(path, '/'), *near = NULL;
    char shown[300], why[128], *folder = NULL;
    mr_strs names = {0};
    bool ok;
    snprintf(why, sizeof why, "%s", strerror(errno));
    mr_printable(path, shown, sizeof shown);
    MR_TRY(fixed_folder(path, false, &folder));
    MR_TRY(list_names(folder, &names, &ok));
    const char *name = slash ? slash + 1 : path;
    near = mr_nearest(name, names.v, MR_MIN(names.n, (size_t)HINT_NAMES), sizeof *names.v);
    if (near)
        st = MR_RAISE_AT(MR_ECONFIG, node_of(c, i), "input.files: %s: %s; did you mean %.*s%s?",
                         shown, why, slash ? (int)(slash - path) + 1 : 0, path, near);
    else
        st = MR_RAISE_AT(MR_ECONFIG, node_of(c, i), "input.files: %s: %s%s", shown, why,
                         ok ? "" : "; its folder is not there either");
out:
    mr_strs_fini(&names);
    free(folder);
    return st;
}

/* Input that lies in the output folder would be left out without a word: refused instead. */
static mr_status check_apart(const mr_config *c, const lister *l, size_t i, bool literal_folder)
{
    mr_status st = MR_OK;
    char *folder = NULL, *real = NULL;
    const mr_node *out = mr_node_get(mr_node_get(&c->root, "output"), "folder");
    MR_TRY(fixed_folder(c->patterns.v[i], literal_folder, &folder));
    MR_TRY(real_or_future(folder, &real));
    if (is_inside(real, l->out_real)) {
        char in_shown[200], out_shown[200];
        mr_printable(c->patterns.v[i], in_shown, sizeof in_shown);
        mr_printable(c->folder, out_shown, sizeof out_shown);
        st = MR_RAISE_AT(MR_ECONFIG, out ? out : &c->root,
                         "output.folder: %s%s holds the input %s; name a folder that holds no "
                         "input, as %sout/NAME",
                         strcmp(c->folder, ".") == 0 ? "the working directory " : "", out_shown,
                         in_shown, strncmp(c->folder, "..", 2) == 0 ? "../" : "");
    }
out:
    free(folder);
    free(real);
    return st;
}

/* A folder that cannot be looked into stands in the list itself, so that it is refused by name. */
static mr_status add_closed(lister *l, char *folder)
{
    mr_status st = MR_OK;
    char *real = NULL;
    for (size_t n = strlen(folder); n > 1 && folder[n - 1] == '/'; n--) folder[n - 1] = '\0';
    MR_TRY(real_or_future(folder, &real));
    MR_TRY(add_file(l, folder, real));
out:
    free(real);
    return st;
}

static mr_status add_glob(lister *l, const mr_config *c, size_t i)
{
    mr_status st = MR_OK;
    const char *pattern = c->patterns.v[i];
    mr_strs names = {0}, closed = {0};
    MR_TRY(mr_wild(pattern, &names, &closed));
    if (names.n + closed.n == 0) MR_TRY(mr_strs_add(&l->idle, pattern));
    for (size_t k = 0; k < names.n; k++) {
        struct stat sb = {0};
        bool there = stat(names.v[k], &sb) == 0; /* a link to nothing is listed, and refused */
        if (!(there && S_ISDIR(sb.st_mode)) && is_part(names.v[k])) continue;
        MR_TRY(add_path(l, names.v[k], &sb));
    }
    for (size_t k = 0; k < closed.n; k++) MR_TRY(add_closed(l, closed.v[k]));
out:
    mr_strs_fini(&names);
    mr_strs_fini(&closed);
    return st;
}

static mr_status add_pattern(lister *l, const mr_config *c, size_t i)
{
    mr_status st = MR_OK;
    const char *pattern = c->patterns.v[i];
    struct stat sb;
    bool there = stat(pattern, &sb) == 0; /* also a name that holds [ or * itself */
    if (!there && !strpbrk(pattern, "*?[")) return refuse_missing(c, i);
    MR_TRY(check_apart(c, l, i, there && S_ISDIR(sb.st_mode)));
    MR_TRY(there ? add_path(l, pattern, &sb) : add_glob(l, c, i));
out:
    return st;
}

/* --- once each ------------------------------------------------------------------------------- */

typedef struct entry {
    const char *real, *path;
    bool link; /* by another name than its own */
    size_t at;
} entry;

static int by_real(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    int d = strcmp(x->real, y->real);
    if (d == 0) d = x->link - y->link;
    if (d == 0 && x->link) d = strcmp(x->path, y->path);
    return d ? d : (x->at > y->at) - (x->at < y->at);
}

static bool other_name(const char *path, const char *real)
{
    const char *a = strrchr(path, '/'), *b = strrchr(real, '/');
    return strcmp(a ? a + 1 : path, b ? b + 1 : real) != 0;
}

/* Of the names of one file its own stays, whatever the order they are listed in. */
static mr_status drop_twins(lister *l)
{
    mr_status st = MR_OK;
    entry *e = NULL;
    size_t n = l->paths.n, kept = 0;
    MR_TRY(mr_alloc(n, sizeof *e, "the list of input files", &e));
    for (size_t i = 0; i < n; i++)
        e[i] = (entry){l->real.v[i], l->paths.v[i], other_name(l->paths.v[i], l->real.v[i]), i};
    qsort(e, n, sizeof *e, by_real);
    for (size_t i = 1; i < n; i++)
        if (strcmp(e[i].real, e[i - 1].real) == 0) {
            free(l->paths.v[e[i].at]);
            l->paths.v[e[i].at] = NULL;
        }
    for (size_t i = 0; i < n; i++)
        if (l->paths.v[i]) l->paths.v[kept++] = l->paths.v[i];
    l->paths.n = kept;
out:
    free(e);
    return st;
}

mr_status mr_config_files(const mr_config *c, mr_strs *out)
{
    mr_status st = MR_OK;
    lister l = {0};
    MR_TRY(real_or_future(c->folder, &l.out_real));
    for (size_t i = 0; i < c->patterns.n; i++) MR_TRY(add_pattern(&l, c, i));
    if (l.paths.n == 0) {
        char shown[300];
        struct stat sb;
        const bool folder = stat(c->patterns.v[0], &sb) == 0 && S_ISDIR(sb.st_mode);
        mr_printable(c->patterns.v[0], shown, sizeof shown);
        st = MR_RAISE_AT(MR_EINPUT, c->files, "input.files: no file %s %s%s",
                         folder ? "in the folder" : "matches", shown,
                         c->patterns.n > 1 ? " or the others of the list" : "");
        goto out;
    }
    MR_TRY(drop_twins(&l));
    for (size_t i = 0; i < l.idle.n; i++)
        mr_log(MR_INFO, "input.files: %s matches nothing", l.idle.v[i]);
    *out = l.paths;
    l.paths = (mr_strs){0}; /* given away */
out:
    mr_strs_fini(&l.paths);
    mr_strs_fini(&l.real);
    mr_strs_fini(&l.idle);
    free(l.out_real);
    free(l.dir);
    free(l.dir_real);
    return st;
}
