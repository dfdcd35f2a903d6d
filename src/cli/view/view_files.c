/* cli/view/view_files.c: which files `view` draws: a file, a folder of recordings and what lies
 * below it, an output folder by its index, or by the lanes that are there while it is not finished.
 */
#include "cli/view/view.h"
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { DEPTH_MAX = 16 };

static bool is_folder(const char *path)
{
    struct stat sb;
    return stat(path, &sb) == 0 && S_ISDIR(sb.st_mode);
}

static bool is_there(const char *folder, const char *name)
{
    struct stat sb;
    mr_text path = {0};
    const bool yes = mr_text_add(&path, "%s/%s", folder, name) == MR_OK && stat(path.s, &sb) == 0;
    mr_text_fini(&path);
    return yes;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_visible(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

static bool is_recording(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && (strcmp(dot, ".h5") == 0 || strcmp(dot, ".hdf5") == 0 || strcmp(dot, ".nc") == 0);
}

/* Recordings in a folder; where there are none, those of its folders. */
static mr_status list_folder(const char *folder, int depth, mr_strs *out)
{
    mr_status st = MR_OK;
    struct dirent **names = NULL;
    mr_text path = {0};
    const size_t before = out->n;
    int n = scandir(folder, &names, is_visible, by_name);
    if (n < 0) return MR_RAISE(MR_EINPUT, "cannot list %s", folder);
    for (int i = 0; i < n; i++) {
        path.len = 0;
        MR_TRY(mr_text_add(&path, "%s/%s", folder, names[i]->d_name));
        if (is_recording(names[i]->d_name) && !is_folder(path.s)) MR_TRY(mr_strs_add(out, path.s));
    }
    const bool none = out->n == before && depth < DEPTH_MAX;
    for (int i = 0; i < n && none; i++) {
        path.len = 0;
        MR_TRY(mr_text_add(&path, "%s/%s", folder, names[i]->d_name));
        if (is_folder(path.s)) MR_TRY(list_folder(path.s, depth + 1, out));
    }
out:
    for (int i = 0; i < n; i++) free(names[i]);
    free(names);
    mr_text_fini(&path);
    return st;
}

/* The lanes of an output folder: the first column of its index, after the header line. */
mr_status mr_view_lanes(const char *folder, mr_strs *out)
{
    mr_status st = MR_OK;
    mr_text text = {0}, path = {0};
    char *keep = NULL;
    MR_TRY(mr_text_add(&path, "%s/index.csv", folder));
    MR_TRY(mr_read_text(path.s, (size_t)1 << 30, &text));
    char *line = strtok_r(text.s, "\n", &keep);
    while (line && (line = strtok_r(NULL, "\n", &keep))) {
        line[strcspn(line, ",")] = 0;
        if (!*line || *line == '#') continue;
        path.len = 0;
        MR_TRY(mr_text_add(&path, "%s/%s", folder, line));
        MR_TRY(mr_strs_add(out, path.s));
    }
out:
    mr_text_fini(&text);
    mr_text_fini(&path);
    return st;
}

bool mr_has_events(const char *folder)
{
    return is_there(folder, "events.h5") && is_there(folder, "index.csv");
}

mr_status mr_view_files(const char *arg, mr_strs *out)
{
    mr_status st = MR_OK;
    mr_text folder = {0}, path = {0};
    const char *slash = strrchr(arg, '/');
    const bool master = strcmp(slash ? slash + 1 : arg, "master.h5") == 0;
    if (master)
        MR_TRY(mr_text_add(&folder, "%.*s", slash ? (int)(slash - arg) : 1, slash ? arg : "."));
    else
        MR_TRY(mr_text_add(&folder, "%s", arg));
    if (!master && !is_folder(arg)) {
        st = mr_strs_add(out, arg);
    } else if (!master && is_there(arg, "events.h5")) {
        MR_TRY(mr_text_add(&path, "%s/events.h5", arg));
        st = mr_strs_add(out, path.s);
    } else if (!master && is_there(arg, "result.h5")) {
        MR_TRY(mr_text_add(&path, "%s/result.h5", arg));
        st = mr_strs_add(out, path.s);
    } else if (is_there(folder.s, "index.csv") && is_there(folder.s, "master.h5")) {
        st = mr_view_lanes(folder.s, out); /* what is finished */
    } else if (is_there(folder.s, "lanes") && is_there(folder.s, ".millrace")) {
        MR_TRY(mr_text_add(&path, "%s/lanes", folder.s));
        MR_TRY(list_folder(path.s, 0, out)); /* what is there so far */
        if (!out->n) st = MR_RAISE(MR_EINPUT, "%s: no lane is finished yet", arg);
    } else {
        st = master ? mr_strs_add(out, arg) : list_folder(arg, 0, out);
    }
out:
    mr_text_fini(&folder);
    mr_text_fini(&path);
    return st;
}
