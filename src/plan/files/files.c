/* plan/files/files.c: input.files to a list of paths: globs, folders with all below, lists. What
 * lies below folders plan/files/finder.c says. */
#include "plan/files/finder.h"
#include "plan/config/tree.h"
#include "in/null.h"
#include "plan/files/wild.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HINT_NAMES = 4096 };

typedef struct lister {
    mr_finder find;
    mr_listing *out;
    char *out_real; /* the output folder, which need not be there yet */
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

/* A file or folder that a pattern named. */
static mr_status add_path(lister *l, const char *path, bool there, const struct stat *sb,
                          bool named)
{
    mr_status st = MR_OK;
    struct stat own;
    if (!there || !S_ISDIR(sb->st_mode)) return mr_finder_file(&l->find, path);
    if (!named && lstat(path, &own) == 0 && S_ISLNK(own.st_mode))
        return mr_finder_link(&l->find, path);
    const size_t before = l->out->paths.n + l->find.pending.n + l->out->outputs.n;
    MR_TRY(mr_finder_folder(&l->find, path, named));
    if (named && l->out->paths.n + l->find.pending.n + l->out->outputs.n == before)
        MR_TRY(mr_strs_add(&l->out->idle, path));
out:
    return st;
}

/* --- patterns -------------------------------------------------------------------------------- */

static const mr_node *node_of(const mr_config *c, size_t i)
{
    return c->files->kind == MR_NODE_LIST ? &c->files->entries[i] : c->files;
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
    MR_TRY(mr_list_names(NULL, folder, &names, &ok));
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

static mr_status add_glob(lister *l, const mr_config *c, size_t i)
{
    mr_status st = MR_OK;
    const char *pattern = c->patterns.v[i];
    mr_strs names = {0}, closed = {0};
    MR_TRY(mr_wild(pattern, &names, &closed));
    if (names.n + closed.n == 0) MR_TRY(mr_strs_add(&l->out->idle, pattern));
    for (size_t k = 0; k < names.n; k++) {
        struct stat sb = {0};
        bool there = stat(names.v[k], &sb) == 0; /* a link to nothing is listed, and refused */
        if (!(there && S_ISDIR(sb.st_mode)) && mr_is_part(names.v[k])) continue;
        MR_TRY(add_path(l, names.v[k], there, &sb, false));
    }
    /* a folder that cannot be looked into stands in the list itself, so that it is refused by name
     */
    for (size_t k = 0; k < closed.n; k++) {
        char *folder = closed.v[k];
        for (size_t n = strlen(folder); n > 1 && folder[n - 1] == '/'; n--) folder[n - 1] = '\0';
        MR_TRY(mr_finder_file(&l->find, folder));
    }
out:
    mr_strs_fini(&names);
    mr_strs_fini(&closed);
    return st;
}

static mr_status add_null(lister *l, const mr_config *c, size_t i)
{
    if (mr_null_files(c->patterns.v[i], &l->out->paths) == MR_OK) return MR_OK;
    char why[300];
    snprintf(why, sizeof why, "%s", mr_error());
    return MR_RAISE_AT(MR_ECONFIG, node_of(c, i), "input.files: %s", why);
}

static mr_status add_pattern(lister *l, const mr_config *c, size_t i)
{
    mr_status st = MR_OK;
    const char *pattern = c->patterns.v[i];
    if (mr_null_is(pattern)) return MR_OK; /* named below, as the finder looks at files */
    struct stat sb;
    bool there = stat(pattern, &sb) == 0; /* also a name that holds [ or * itself */
    if (!there && !strpbrk(pattern, "*?[")) return refuse_missing(c, i);
    MR_TRY(check_apart(c, l, i, there && S_ISDIR(sb.st_mode)));
    MR_TRY(there ? add_path(l, pattern, true, &sb, true) : add_glob(l, c, i));
out:
    return st;
}

/* The folder of the pattern, from which links may lead out. */
static mr_status add_root(lister *l, const char *pattern)
{
    mr_status st = MR_OK;
    struct stat sb;
    char *folder = NULL;
    MR_TRY(fixed_folder(pattern, stat(pattern, &sb) == 0 && S_ISDIR(sb.st_mode), &folder));
    MR_TRY(mr_finder_root(&l->find, folder));
out:
    free(folder);
    return st;
}

static mr_status refuse_none(const mr_config *c, const mr_listing *l)
{
    char shown[300];
    struct stat sb;
    const bool folder = stat(c->patterns.v[0], &sb) == 0 && S_ISDIR(sb.st_mode);
    mr_printable(c->patterns.v[0], shown, sizeof shown);
    if (l->outputs.n)
        return MR_RAISE_AT(MR_EINPUT, c->files,
                           "input.files: %s: nothing but the output of other runs; name an output "
                           "folder itself to take its lanes as input",
                           shown);
    return MR_RAISE_AT(MR_EINPUT, c->files, "input.files: no file %s %s%s",
                       folder ? "in the folder" : "matches", shown,
                       c->patterns.n > 1 ? " or the others of the list" : "");
}

void mr_listing_fini(mr_listing *l)
{
    mr_strs_fini(&l->paths);
    mr_strs_fini(&l->idle);
    mr_strs_fini(&l->links);
    mr_strs_fini(&l->targets);
    mr_strs_fini(&l->outputs);
}

mr_status mr_config_list(const mr_config *c, mr_listing *out)
{
    mr_status st = MR_OK;
    mr_listing list = {0};
    lister l = {.out = &list};
    mr_finder_init(&l.find, c->folder, &list);
    MR_TRY(real_or_future(c->folder, &l.out_real));
    for (size_t i = 0; i < c->patterns.n; i++)
        if (!mr_null_is(c->patterns.v[i])) MR_TRY(add_root(&l, c->patterns.v[i]));
    for (size_t i = 0; i < c->patterns.n; i++) MR_TRY(add_pattern(&l, c, i));
    MR_TRY(mr_finder_end(&l.find));
    for (size_t i = 0; i < c->patterns.n; i++)
        if (mr_null_is(c->patterns.v[i])) MR_TRY(add_null(&l, c, i));
    if (list.paths.n == 0) MR_TRY(refuse_none(c, &list));
    *out = list;
    list = (mr_listing){0}; /* given away */
out:
    mr_listing_fini(&list);
    mr_finder_fini(&l.find);
    free(l.out_real);
    return st;
}

mr_status mr_config_files(const mr_config *c, mr_strs *out)
{
    mr_status st = MR_OK;
    mr_listing l = {0};
    MR_TRY(mr_config_list(c, &l));
    for (size_t i = 0; i < l.idle.n; i++)
        mr_log(MR_INFO, "input.files: %s matches nothing", l.idle.v[i]);
    *out = l.paths;
    l.paths = (mr_strs){0}; /* given away */
out:
    mr_listing_fini(&l);
    return st;
}
