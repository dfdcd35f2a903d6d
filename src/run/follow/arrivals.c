/* run/follow/arrivals.c: what has come: folders that are watched, files that are looked at. Where
 * events tell of a file by name, only that one is; the archive is listed when a name is new, and
 * now and then because events may be missed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include "plan/files/wild.h"
#include "run/follow/inside.h"

#define LOOK_S 30.0      /* where new files are told by events */
#define LOOK_FAR_S 2.0   /* where they are not: network file systems */
#define LOOK_SHARE 50.0  /* ... but not for more of the time than this part */
#define LOOK_SOON_S 0.45 /* files that are not whole yet */

/** The folder of a path, to be watched; whether events come from there. */
static void watch_folder_of(mr_follow *f, const char *path, char *last, size_t size)
{
    static const long far[] = {0x6969,     0x0BD00BD0, 0x517B,    (long)0xFF534D42,
                               0x65735546, 0x47504653, 0x01021997};
    const char *slash = strrchr(path, '/');
    const size_t n = slash ? (size_t)(slash - path) + 1 : 0;
    struct statfs fs;
    char folder[4096];
    if (n >= sizeof folder || n >= size) return;
    memcpy(folder, n ? path : ".", n ? n : 1);
    folder[n ? n : 1] = '\0';
    if (strcmp(folder, last) == 0) return;
    snprintf(last, size, "%s", folder);
    if (!mr_watch_folder(f->watch, folder)) return;
    f->stale = true; /* what came before it was watched told nobody */
    f->far = f->far || !mr_watch_notices(f->watch);
    if (statfs(folder, &fs) != 0) return;
    for (size_t i = 0; i < sizeof far / sizeof *far; i++)
        f->far = f->far || (long)fs.f_type == far[i];
}

static void watch_folders(mr_follow *f, const mr_strs *paths)
{
    char last[4096] = "", pattern[4096];
    struct stat sb;
    for (size_t i = 0; i < f->cfg->patterns.n; i++) { /* up to its first wildcard */
        snprintf(pattern, sizeof pattern - 2, "%s", f->cfg->patterns.v[i]);
        if (stat(pattern, &sb) == 0 && S_ISDIR(sb.st_mode))
            strcat(pattern, "/");
        else
            pattern[strcspn(pattern, "*?[")] = '\0';
        watch_folder_of(f, pattern, last, sizeof last);
    }
    for (size_t i = 0; i < paths->n; i++) watch_folder_of(f, paths->v[i], last, sizeof last);
}

static void take_news(mr_follow *f, const mr_whole_news *news)
{
    f->n_pending = news->n_pending;
    f->fresh = f->fresh || news->n_new > 0;
    if (news->n_new) f->came = mr_now();
    f->judged = mr_now();
}

/** List the archive anew. all: look at every file of it, too. */
static mr_status list_all(mr_follow *f, bool all)
{
    mr_whole_news news = {0};
    mr_strs paths = {0};
    const double t0 = mr_now();
    f->stale = false;
    mr_listing_fini(&f->list);
    mr_status st = mr_config_list(f->cfg, &f->list);
    if (st == MR_EINPUT && !f->last) { /* nothing matches yet */
        mr_error_clear();
        st = MR_OK;
    }
    MR_TRY(st);
    watch_folders(f, &f->list.paths);
    if (f->last) goto out;
    for (size_t i = 0; i < f->list.paths.n; i++) MR_TRY(mr_strs_add(&paths, f->list.paths.v[i]));
    MR_TRY(mr_whole_look(f->whole, &paths, all, &news));
    take_news(f, &news);
    f->looked = mr_now();
    f->took = f->looked - t0;
out:
    mr_strs_fini(&paths);
    return st;
}

static mr_status copy(const mr_strs *from, mr_strs *to)
{
    mr_status st = MR_OK;
    for (size_t i = 0; st == MR_OK && i < from->n; i++) st = mr_strs_add(to, from->v[i]);
    return st;
}

mr_status mr_follow_list(void *follow, mr_listing *out)
{
    mr_status st = MR_OK;
    mr_follow *f = follow;
    mr_whole_news news = {0};
    mr_listing list = {0};
    if (!f->looked || f->last) MR_TRY(list_all(f, true));
    MR_TRY(copy(&f->list.paths, &list.paths));
    MR_TRY(copy(&f->list.idle, &list.idle));
    MR_TRY(copy(&f->list.links, &list.links));
    MR_TRY(copy(&f->list.targets, &list.targets));
    MR_TRY(copy(&f->list.outputs, &list.outputs));
    if (!f->last) {
        MR_TRY(mr_whole_look(f->whole, &list.paths, false, &news));
        take_news(f, &news);
    }
    f->fresh = false; /* all that was taken by now is in it */
    *out = list;
    list = (mr_listing){0};
out:
    mr_listing_fini(&list);
    return st;
}

double mr_follow_due(const mr_follow *f)
{
    const double far = MR_MAX(LOOK_FAR_S, LOOK_SHARE * f->took);
    const double list = f->stale ? 0 : f->looked + (f->far ? far : LOOK_S);
    return f->n_pending ? MR_MIN(list, f->judged + LOOK_SOON_S) : list;
}

mr_status mr_follow_look(mr_follow *f, bool events, const mr_strs *paths)
{
    mr_whole_news news;
    const double now = mr_now();
    const bool due =
        now >= f->looked + (f->far ? MR_MAX(LOOK_FAR_S, LOOK_SHARE * f->took) : LOOK_S);
    bool list = f->stale || due || (events && !paths->n);
    for (size_t i = 0; events && i < paths->n; i++)
        list = (!mr_whole_stir(f->whole, paths->v[i]) && !mr_is_part(paths->v[i])) || list;
    if (list) return list_all(f, due);
    mr_whole_again(f->whole, &news);
    take_news(f, &news);
    return MR_OK;
}
