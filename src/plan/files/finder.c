/* plan/files/finder.c: see finder.h. */
#include "plan/files/finder.h"
#include "plan/files/wild.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include "plan/catalog/catalog.h"

enum { DEPTH_MAX = 64 };
#define SAY_AFTER_S 1.5

static bool same_place(mr_place a, mr_place b)
{
    return a.dev == b.dev && a.ino == b.ino;
}

static bool is_free(mr_place p)
{
    return !p.dev && !p.ino;
}

static bool place_of(const char *path, mr_place *p)
{
    struct stat sb;
    if (stat(path, &sb) != 0) return false;
    *p = (mr_place){sb.st_dev, sb.st_ino};
    return true;
}

/** Whoever waits is told what for: after a second and a half, then ever more rarely. */
static void say_how_far(mr_finder *f, const char *path)
{
    const double now = mr_now();
    if (!f || now < f->say_s) return;
    mr_log(MR_INFO, "looking for files: %zu names so far, now in %s", f->n_names, path);
    f->say_s = now + MR_MIN(2 * SAY_AFTER_S + (now - f->say_s), 30.0);
}

/* --- folders that were gone through ---------------------------------------------------------- */

static size_t slot_of(const mr_finder *f, mr_place p)
{
    uint64_t h = ((uint64_t)p.ino ^ (uint64_t)p.dev << 40) * 0x9e3779b97f4a7c15u;
    size_t i = (size_t)(h >> 20) & (f->n_slots - 1);
    while (!is_free(f->seen[i]) && !same_place(f->seen[i], p)) i = (i + 1) & (f->n_slots - 1);
    return i;
}

static mr_status grow_seen(mr_finder *f)
{
    mr_status st = MR_OK;
    mr_place *old = f->seen, *more = NULL;
    const size_t n = f->n_slots;
    if (f->n_seen * 2 < n) return MR_OK;
    MR_TRY(mr_alloc(n ? n * 2 : 256, sizeof *more, "the folders of the input", &more));
    f->seen = more;
    f->n_slots = n ? n * 2 : 256;
    for (size_t i = 0; i < n; i++)
        if (!is_free(old[i])) f->seen[slot_of(f, old[i])] = old[i];
    free(old);
out:
    return st;
}

/** Mark it; *first: it was not marked yet. */
static mr_status visit(mr_finder *f, mr_place p, bool *first)
{
    mr_status st = MR_OK;
    MR_TRY(grow_seen(f));
    const size_t i = slot_of(f, p);
    *first = is_free(f->seen[i]);
    f->seen[i] = p;
    f->n_seen += *first;
out:
    return st;
}

/** Is the folder the output folder or below it? Its parents are asked, which needs no names. */
static bool in_output(const mr_finder *f, const char *folder)
{
    struct stat sb;
    mr_place below = {0};
    bool yes = false;
    if (!f->have_output) return false;
    int fd = open(*folder ? folder : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    while (fd >= 0 && !yes && fstat(fd, &sb) == 0) {
        const mr_place here = {sb.st_dev, sb.st_ino};
        if (same_place(here, below)) break; /* the root is its own parent */
        yes = same_place(here, f->output);
        below = here;
        const int up = openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
        close(fd);
        fd = up;
    }
    if (fd >= 0) close(fd);
    return yes;
}

/* --- files ----------------------------------------------------------------------------------- */

static mr_status enter(mr_finder *f, const char *path, mr_place folder, const char *own_name)
{
    mr_status st = MR_OK;
    const size_t n = f->out->paths.n;
    MR_TRY(mr_grow(&f->file, &f->cap_files, n + 1, sizeof *f->file, "the list of input files"));
    MR_TRY(mr_strs_add(&f->out->paths, path));
    const char *name = mr_base_name(f->out->paths.v[n]);
    const bool link = own_name && strcmp(own_name, name) != 0;
    if (own_name) {
        MR_TRY(mr_strs_add(&f->names, own_name));
        name = f->names.v[f->names.n - 1];
    }
    f->file[n] = (mr_found_file){folder, name, link};
out:
    return st;
}

/** Say so where a link leads out of the folders that the config names. */
static mr_status note_link(mr_finder *f, const char *path, const char *real)
{
    mr_status st = MR_OK;
    for (size_t i = 0; i < f->roots.n; i++) {
        const char *root = f->roots.v[i];
        const size_t n = strcmp(root, "/") == 0 ? 0 : strlen(root);
        if (strncmp(real, root, n) == 0 && (real[n] == '/' || real[n] == '\0')) return MR_OK;
    }
    MR_TRY(mr_strs_add(&f->out->links, path));
    MR_TRY(mr_strs_add(&f->out->targets, real));
out:
    return st;
}

/** The folder of the last file stays known: they come folder by folder. */
static mr_status look_at_folder(mr_finder *f, const char *path, size_t n)
{
    mr_status st = MR_OK;
    if (f->dir && strlen(f->dir) == n && strncmp(f->dir, path, n) == 0) return MR_OK;
    free(f->dir);
    f->dir = NULL;
    f->dir_at = (mr_place){0};
    MR_TRY(mr_strdup(path, &f->dir));
    f->dir[n] = '\0';
    (void)place_of(n ? f->dir : ".", &f->dir_at);
    f->dir_is_output = in_output(f, f->dir);
out:
    return st;
}

/** A file in the folder it is found in. */
static mr_status add_here(mr_finder *f, const char *path)
{
    mr_status st = MR_OK;
    MR_TRY(look_at_folder(f, path, (size_t)(mr_base_name(path) - path)));
    if (!f->dir_is_output) MR_TRY(enter(f, path, f->dir_at, NULL));
out:
    return st;
}

/** A file that a link leads to. */
static mr_status add_linked(mr_finder *f, const char *path)
{
    mr_status st = MR_OK;
    mr_place folder;
    char *real = realpath(path, NULL), *name = NULL;
    if (!real) return add_here(f, path); /* to nothing: listed, and refused */
    char *slash = strrchr(real, '/');
    MR_TRY(mr_strdup(slash + 1, &name));
    MR_TRY(note_link(f, path, real));
    slash[slash == real] = '\0';
    if (!in_output(f, real) && place_of(real, &folder)) MR_TRY(enter(f, path, folder, name));
out:
    free(real);
    free(name);
    return st;
}

mr_status mr_finder_file(mr_finder *f, const char *path)
{
    if (++f->n_names % 16 == 0) say_how_far(f, path);
    struct stat sb;
    const bool link = lstat(path, &sb) == 0 && S_ISLNK(sb.st_mode);
    return link ? add_linked(f, path) : add_here(f, path);
}

/* --- folders --------------------------------------------------------------------------------- */

bool mr_is_part(const char *name)
{
    const size_t n = strlen(name);
    return n >= 5 && strcmp(name + n - 5, ".part") == 0;
}

/** What commonly lies beside recordings and says by its name that it is none. Only a folder leaves
 *  it out; a pattern that names it gets it, and the report says why it is refused. */
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

mr_status mr_list_names(mr_finder *f, const char *path, mr_strs *names, bool *ok)
{
    mr_status st = MR_OK;
    DIR *d = opendir(path);
    *ok = d != NULL;
    if (!d) return MR_OK;
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] != '.') MR_TRY(mr_strs_add(names, e->d_name));
        if (names->n % 64 == 0) say_how_far(f, path);
    }
    if (names->n) qsort(names->v, names->n, sizeof *names->v, by_text);
out:
    closedir(d);
    return st;
}

static mr_status has_folder(const char *folder, const char *name, bool *yes)
{
    mr_status st = MR_OK;
    mr_text t = {0};
    struct stat sb;
    MR_TRY(mr_text_add(&t, "%s/%s", folder, name));
    *yes = stat(t.s, &sb) == 0 && S_ISDIR(sb.st_mode);
out:
    mr_text_fini(&t);
    return st;
}

/** What a run has made: lanes, and its hidden folder or, where a copy has left that behind, an
 *  index. */
static mr_status is_output_folder(const char *path, bool *yes)
{
    mr_status st = MR_OK;
    mr_text t = {0};
    struct stat sb;
    MR_TRY(has_folder(path, "lanes", yes));
    if (!*yes) return MR_OK;
    MR_TRY(has_folder(path, ".millrace", yes));
    MR_TRY(mr_text_add(&t, "%s/index.csv", path));
    *yes = *yes || (stat(t.s, &sb) == 0 && S_ISREG(sb.st_mode));
out:
    mr_text_fini(&t);
    return st;
}

static mr_status walk(mr_finder *f, const char *path, int depth, bool named);

/** A name in a folder that is gone through. */
static mr_status step(mr_finder *f, const char *path, const char *name, int depth)
{
    struct stat link, sb;
    if (++f->n_names % 16 == 0) say_how_far(f, path);
    const bool is_link = lstat(path, &link) == 0 && S_ISLNK(link.st_mode);
    const bool folder =
        is_link ? stat(path, &sb) == 0 && S_ISDIR(sb.st_mode) : S_ISDIR(link.st_mode);
    if (folder) return is_link ? mr_finder_link(f, path) : walk(f, path, depth + 1, false);
    if (mr_is_part(name) || is_beside(name)) return MR_OK;
    return is_link ? add_linked(f, path) : add_here(f, path);
}

static mr_status walk(mr_finder *f, const char *path, int depth, bool named)
{
    mr_status st = MR_OK;
    mr_strs names = {0};
    mr_text sub = {0};
    mr_place here;
    bool ok = false, first = true, output = false;
    if (place_of(path, &here)) {
        if (f->have_output && same_place(here, f->output)) goto out;
        MR_TRY(visit(f, here, &first));
    }
    if (!first) goto out;
    MR_TRY(is_output_folder(path, &output));
    if (output) MR_TRY(mr_strs_add(&f->out->outputs, path));
    if (output && !named) goto out;
    if (depth < DEPTH_MAX) MR_TRY(mr_list_names(f, path, &names, &ok));
    if (!ok) MR_TRY(add_here(f, path));
    for (size_t i = 0; i < names.n; i++) {
        const size_t n = strlen(path);
        if (output && strcmp(names.v[i], "lanes") != 0) continue;
        sub.len = 0;
        MR_TRY(mr_text_add(&sub, "%s%s%s", path, n && path[n - 1] == '/' ? "" : "/", names.v[i]));
        MR_TRY(step(f, sub.s, names.v[i], depth));
    }
out:
    mr_strs_fini(&names);
    mr_text_fini(&sub);
    return st;
}

mr_status mr_finder_root(mr_finder *f, const char *folder)
{
    mr_status st = MR_OK;
    char *real = realpath(*folder ? folder : ".", NULL);
    if (real) MR_TRY(mr_strs_add(&f->roots, real));
out:
    free(real);
    return st;
}

mr_status mr_finder_folder(mr_finder *f, const char *path, bool named)
{
    return in_output(f, path) ? MR_OK : walk(f, path, 0, named);
}

mr_status mr_finder_link(mr_finder *f, const char *path)
{
    return mr_strs_add(&f->pending, path);
}

/* --- the end --------------------------------------------------------------------------------- */

/** Links to folders, and those that turn up behind them. */
static mr_status follow(mr_finder *f)
{
    mr_status st = MR_OK;
    for (size_t i = 0; i < f->pending.n; i++) {
        mr_place here;
        char *real = NULL;
        const char *path = f->pending.v[i];
        if (place_of(path, &here) && f->n_slots && !is_free(f->seen[slot_of(f, here)])) continue;
        if ((real = realpath(path, NULL))) st = note_link(f, path, real);
        free(real);
        MR_TRY(st);
        MR_TRY(mr_finder_folder(f, path, false));
    }
out:
    return st;
}

typedef struct twin {
    const mr_found_file *file;
    size_t at;
} twin;

static int by_identity(const mr_found_file *x, const mr_found_file *y)
{
    if (x->folder.dev != y->folder.dev) return x->folder.dev < y->folder.dev ? -1 : 1;
    if (x->folder.ino != y->folder.ino) return x->folder.ino < y->folder.ino ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int by_file(const void *a, const void *b, void *paths)
{
    const twin *x = a, *y = b;
    const mr_strs *p = paths;
    int d = by_identity(x->file, y->file);
    if (d == 0) d = x->file->link - y->file->link;
    if (d == 0 && x->file->link) d = strcmp(p->v[x->at], p->v[y->at]);
    return d ? d : (x->at > y->at) - (x->at < y->at);
}

/** Of the names of one file its own stays, whatever the order they are listed in. */
static mr_status drop_twins(mr_finder *f)
{
    mr_status st = MR_OK;
    twin *t = NULL;
    mr_strs *p = &f->out->paths;
    const size_t n = p->n;
    size_t kept = 0;
    MR_TRY(mr_alloc(n, sizeof *t, "the list of input files", &t));
    for (size_t i = 0; i < n; i++) t[i] = (twin){&f->file[i], i};
    if (n) qsort_r(t, n, sizeof *t, by_file, p);
    bool *drop = NULL;
    MR_TRY(mr_alloc(n, sizeof *drop, "the list of input files", &drop));
    for (size_t i = 1; i < n; i++) drop[t[i].at] = by_identity(t[i].file, t[i - 1].file) == 0;
    for (size_t i = 0; i < n; i++) {
        if (drop[i])
            free(p->v[i]);
        else
            p->v[kept++] = p->v[i];
    }
    p->n = kept;
    free(drop);
out:
    free(t);
    return st;
}

mr_status mr_finder_end(mr_finder *f)
{
    mr_status st = MR_OK;
    MR_TRY(follow(f));
    MR_TRY(drop_twins(f));
out:
    return st;
}

mr_status mr_finder_init(mr_finder *f, const char *output, mr_listing *out)
{
    *f = (mr_finder){.out = out, .say_s = mr_now() + SAY_AFTER_S};
    f->have_output = place_of(output, &f->output);
    return MR_OK;
}

void mr_finder_fini(mr_finder *f)
{
    mr_strs_fini(&f->names);
    mr_strs_fini(&f->roots);
    mr_strs_fini(&f->pending);
    free(f->file);
    free(f->seen);
    free(f->dir);
    *f = (mr_finder){0};
}
