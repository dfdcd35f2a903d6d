/* cli/state/state.c: see state.h. A run that has died cannot say so: its lock and the age of its
 * status, by the clock of the file server, say it instead. */
#include "cli/state/state.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "base/text.h"
#include "run/folder/lock_record.h"

/** Without a word for so long a run is taken for dead. */
#define SILENT_S 30.0
enum { HEAD_BYTES = 1 << 20 };

static bool inside(const char *folder, const char *name, char *path, size_t size)
{
    return snprintf(path, size, "%s/%s", folder, name) < (int)size;
}

static double seconds(const struct timespec *t)
{
    return (double)t->tv_sec + 1e-9 * (double)t->tv_nsec;
}

/** What time it is where the folder lies: that of a file just made there, else our own. */
static double clock_there(const char *folder)
{
    char path[4200], name[64];
    struct stat sb;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(name, sizeof name, ".millrace/clock-%ld.tmp", (long)getpid());
    if (!inside(folder, name, path, sizeof path)) return seconds(&now);
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return seconds(&now);
    const bool known = fstat(fd, &sb) == 0;
    close(fd);
    unlink(path);
    return known ? seconds(&sb.st_mtim) : seconds(&now);
}

/** Who holds the lock: 1 somebody who may live, 0 nobody, -1 somebody who is provably gone. */
static int holder(const char *folder, long long *pid)
{
    char path[4200];
    mr_lock_record mine, r;
    int fd = -1, who = 0;
    if (!inside(folder, ".millrace/lock", path, sizeof path)) return 0;
    const mr_status st = mr_lock_record_read(path, &r, &fd);
    if (st == MR_OK && mr_lock_record_mine(&mine) == MR_OK) {
        who = mr_lock_record_dead(&r, &mine, fd) ? -1 : 1;
        *pid = r.pid;
    } else if (st != MR_ECLOSED) {
        who = 1;
    }
    if (fd >= 0) close(fd);
    mr_error_clear();
    return who;
}

static bool is_over(const char *name)
{
    return strcmp(name, "finished") == 0 || strcmp(name, "stopped") == 0;
}

/* --- folders without a status file ----------------------------------------------------------- */

/** The facts of report.json without its long lists, which stand behind them. NULL: none. [give] */
static json_t *report_head(const char *folder)
{
    char path[4200], *buf = NULL;
    json_t *o = NULL;
    size_t n = 0;
    if (!inside(folder, "report.json", path, sizeof path)) return NULL;
    FILE *f = fopen(path, "re");
    if (f && mr_alloc(HEAD_BYTES + 2, 1, "the report", &buf) == MR_OK)
        n = fread(buf, 1, HEAD_BYTES, f);
    if (f) fclose(f);
    if (n) {
        buf[n] = '\0';
        char *lists = strstr(buf, ",\n \"inputs\": [");
        if (lists) memcpy(lists, "}", 2);
        o = json_loads(buf, 0, NULL);
    }
    free(buf);
    mr_error_clear();
    return o;
}

static size_t count_lines(const char *path)
{
    char buf[65536];
    size_t n = 0, k;
    FILE *f = fopen(path, "re");
    if (!f) return 0;
    while ((k = fread(buf, 1, sizeof buf, f)) > 0)
        for (const char *p = buf, *end = buf + k; (p = memchr(p, '\n', (size_t)(end - p))); p++)
            n++;
    fclose(f);
    return n;
}

/** Lane files in lanes/DAY/. */
static size_t count_files(const char *path, int depth)
{
    size_t n = 0;
    char sub[4300];
    DIR *d = opendir(path);
    if (!d) return 0;
    for (struct dirent *e; (e = readdir(d));) {
        const size_t len = strlen(e->d_name);
        if (e->d_name[0] == '.') continue;
        if (depth > 0 && snprintf(sub, sizeof sub, "%s/%s", path, e->d_name) < (int)sizeof sub)
            n += count_files(sub, depth - 1);
        else
            n += len > 3 && strcmp(e->d_name + len - 3, ".h5") == 0;
    }
    closedir(d);
    return n;
}

static json_t *old_folder(const char *folder, bool held)
{
    char path[4200];
    json_t *report = report_head(folder);
    const json_t *status = json_object_get(report, "status");
    const json_int_t st = json_integer_value(status);
    const bool index = inside(folder, "index.csv", path, sizeof path) && access(path, F_OK) == 0;
    const size_t lines = index ? count_lines(path) : 0;
    size_t done = lines ? lines - 1 : 0; /* its first line names the columns */
    if (!index && inside(folder, "lanes", path, sizeof path)) done = count_files(path, 1);
    const bool good = status && (st == MR_OK || st == MR_LOSSES) && index;
    json_t *o = json_pack("{s:i s:s s:O* s:{s:I s:o}}", "schema", 1, "state",
                          held     ? "running"
                          : good   ? "finished"
                          : status ? "stopped"
                                   : "died",
                          "status", status, "lanes", "done", (json_int_t)done, "total",
                          good ? json_integer((json_int_t)done) : json_null());
    const char *const same[] = {"error", "bottleneck", "memory"};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        json_t *v = json_object_get(report, same[i]);
        if (v) json_object_set(o, same[i], v);
    }
    json_decref(report);
    return o;
}

/* --- all of it ------------------------------------------------------------------------------- */

static const char *known_name(const char *s)
{
    static const char *const names[] = {"surveying", "planning", "running", "paused", "merging",
                                        "following", "finished", "stopped", "died"};
    for (size_t i = 0; s && i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], s) == 0) return names[i];
    return NULL;
}

mr_status mr_state_read(const char *folder, mr_state *out)
{
    char path[4200], shown[256];
    struct stat sb = {0};
    long long pid = 0;
    mr_printable(folder, shown, sizeof shown);
    *out = (mr_state){.age_s = -1};
    const bool ours = inside(folder, ".millrace", path, sizeof path) && access(path, F_OK) == 0;
    const bool told = inside(folder, "report.json", path, sizeof path) && access(path, F_OK) == 0;
    if (!ours && !told)
        return MR_RAISE(MR_EINPUT, "%s: no run has been here (a run's output folder is needed)",
                        shown);
    const int who = holder(folder, &pid);
    json_t *o = inside(folder, ".millrace/status.json", path, sizeof path) && stat(path, &sb) == 0
                    ? json_load_file(path, 0, NULL)
                    : NULL;
    const bool file = o != NULL;
    if (!known_name(json_string_value(json_object_get(o, "state")))) {
        json_decref(o);
        o = old_folder(folder, who > 0);
    }
    const char *name = known_name(json_string_value(json_object_get(o, "state")));
    if (!o || !name) {
        json_decref(o);
        return MR_RAISE(MR_EMEM, "no memory for the status of %s", shown);
    }
    if (file) out->age_s = MR_MAX(clock_there(folder) - seconds(&sb.st_mtim), 0.0);
    const bool another = who > 0 && pid && pid != json_integer_value(json_object_get(o, "pid"));
    if (file && is_over(name) && who > 0 && another)
        name = "surveying"; /* the next run has just begun */
    else if (!is_over(name) && (who <= 0 || (file && out->age_s > SILENT_S)))
        name = "died";
    json_object_set_new(o, "state", json_string(name));
    if (file) json_object_set_new(o, "age_s", json_real(out->age_s));
    out->name = name;
    out->live = !is_over(name) && strcmp(name, "died") != 0;
    out->json = o;
    return MR_OK;
}

void mr_state_fini(mr_state *s)
{
    json_decref(s->json);
    *s = (mr_state){0};
}
