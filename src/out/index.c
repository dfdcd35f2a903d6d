/* out/index.c: index.csv, the list of lane files: file, start, end, rows, channels, checksum. */
#include "out/index.h"
#include "base/quantity.h"
#include "base/utc.h"
#include "out/out.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char header[] = "file,start,end,rows,channels,checksum";

static int by_place(const void *pa, const void *pb)
{
    const mr_lane_entry *a = *(const mr_lane_entry *const *)pa;
    const mr_lane_entry *b = *(const mr_lane_entry *const *)pb;
    if (a->part != b->part) return a->part < b->part ? -1 : 1;
    if (a->t0_ns != b->t0_ns) return a->t0_ns < b->t0_ns ? -1 : 1;
    if (a->c0 != b->c0) return a->c0 < b->c0 ? -1 : 1;
    return strcmp(a->rel, b->rel);
}

mr_status mr_lanes_sorted(const mr_lane_entry *lanes, size_t n, const mr_lane_entry ***out)
{
    const mr_lane_entry **v = NULL;
    mr_status st = mr_alloc(n, sizeof *v, "the list of lanes", &v);
    if (st != MR_OK) return st;
    for (size_t i = 0; i < n; i++) v[i] = &lanes[i];
    qsort(v, n, sizeof *v, by_place);
    *out = v;
    return MR_OK;
}

mr_status mr_index_text(const mr_lane_entry *lanes, size_t n, mr_text *out)
{
    mr_status st = MR_OK;
    const mr_lane_entry **v = NULL;
    char t0[40], t1[40];
    MR_TRY(mr_lanes_sorted(lanes, n, &v));
    MR_TRY(mr_text_add(out, "%s\n", header));
    for (size_t i = 0; i < n; i++)
        MR_TRY(mr_text_add(out, "%s,%s,%s,%" PRIu64 ",%" PRIu64 "..%" PRIu64 ",%s\n", v[i]->rel,
                           mr_utc_iso(v[i]->t0_ns, t0), mr_utc_iso(v[i]->t1_ns, t1), v[i]->rows,
                           v[i]->ch1 ? v[i]->ch0 : v[i]->c0, v[i]->ch1 ? v[i]->ch1 : v[i]->c1,
                           v[i]->digest.hex));
out:
    free(v);
    return st;
}

const char *const mr_plan_files[] = {"plan.json",         "plan.txt",          "kept.sum",
                                     "../" MR_EVENTS_CSV, "../" MR_EVENTS_XML, NULL};

/** Checksum of a file of any size. */
static mr_status file_digest(const char *path, uint64_t n, mr_digest *out)
{
    mr_status st = MR_OK;
    mr_sum *sum = NULL;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return MR_RAISE(MR_EOUTPUT, "cannot open %s: %s", path, strerror(errno));
    MR_TRY(mr_sum_new(&sum));
    MR_TRY(mr_sum_add_file(sum, fd, 0, n, path));
    *out = mr_sum_digest(sum);
out:
    mr_sum_free(sum);
    close(fd);
    return st;
}

mr_status mr_plan_sums(const char *folder, mr_text *out)
{
    mr_status st = MR_OK;
    for (size_t i = 0; mr_plan_files[i] && st == MR_OK; i++) {
        mr_text path = {0};
        mr_digest digest;
        struct stat sb;
        st = mr_text_add(&path, "%s/.millrace/%s", folder, mr_plan_files[i]);
        if (st == MR_OK && stat(path.s, &sb) == 0) {
            st = file_digest(path.s, (uint64_t)sb.st_size, &digest);
            if (st == MR_OK) st = mr_text_add(out, "%s  %s\n", digest.hex, mr_plan_files[i]);
        }
        mr_text_fini(&path);
    }
    return st;
}

/** plan.sum; nothing where there is no plan. */
static mr_status watch_plan(const char *folder)
{
    mr_status st = MR_OK;
    char *sum = NULL;
    mr_text text = {0};
    MR_TRY(mr_out_join(folder, MR_PLAN_SUM_NAME, &sum));
    MR_TRY(mr_plan_sums(folder, &text));
    if (text.len > 0) MR_TRY(mr_write_durably(sum, text.s, text.len));
out:
    mr_text_fini(&text);
    free(sum);
    return st;
}

mr_status mr_index_write(const char *folder, const mr_lane_entry *lanes, size_t n)
{
    mr_status st = MR_OK;
    char *path = NULL;
    mr_text text = {0};
    MR_TRY(watch_plan(folder));
    MR_TRY(mr_out_join(folder, MR_INDEX_NAME, &path));
    MR_TRY(mr_index_text(lanes, n, &text));
    MR_TRY(mr_write_durably(path, text.s, text.len));
out:
    mr_text_fini(&text);
    free(path);
    return st;
}

/** Cut `line` at its commas into exactly six fields. */
static bool six_fields(char *line, char *field[6])
{
    for (int i = 0; i < 6; i++) {
        field[i] = line;
        line = strchr(line, ',');
        if ((line != NULL) != (i < 5)) return false;
        if (line) *line++ = '\0';
    }
    return true;
}

static bool inside_lanes(const char *file)
{
    return strncmp(file, "lanes/", 6) == 0 && !strstr(file, "/../") && !strstr(file, "//");
}

/** A line of our own making into *row (file not yet owned), or false. */
static bool parse_row(char *line, mr_index_row *row)
{
    char *f[6], iso[40];
    uint8_t raw[16];
    if (!six_fields(line, f) || !inside_lanes(f[0])) return false;
    char *dots = strstr(f[4], "..");
    if (!dots) return false;
    *dots = '\0';
    if (mr_utc_parse(f[1], &row->t0_ns) != MR_OK || mr_utc_parse(f[2], &row->t1_ns) != MR_OK ||
        mr_int_parse(f[3], &row->rows) != MR_OK || mr_int_parse(f[4], &row->c0) != MR_OK ||
        mr_int_parse(dots + 2, &row->c1) != MR_OK || !mr_digest_parse(f[5], raw))
        return false;
    if (strcmp(mr_utc_iso(row->t0_ns, iso), f[1]) != 0 ||
        strcmp(mr_utc_iso(row->t1_ns, iso), f[2]) != 0)
        return false;
    memcpy(row->checksum, f[5], sizeof row->checksum);
    row->file = f[0];
    return row->rows >= 0 && row->c0 < row->c1 && row->t0_ns <= row->t1_ns;
}

static int by_file(const void *a, const void *b)
{
    return strcmp(((const mr_index_row *)a)->file, ((const mr_index_row *)b)->file);
}

mr_status mr_index_parse(const mr_text *text, mr_index *out, void (*bad)(void *arg, int line),
                         void *arg)
{
    mr_status st = MR_OK;
    char *copy = NULL;
    int number = 0;
    MR_TRY(mr_alloc(text->len + 1, 1, "index.csv", &copy));
    if (text->len > 0) memcpy(copy, text->s, text->len);
    for (char *line = copy, *next; line < copy + text->len; line = next) {
        char *end = memchr(line, '\n', (size_t)(copy + text->len - line));
        mr_index_row row = {.line = ++number};
        next = end ? end + 1 : copy + text->len;
        if (end) *end = '\0';
        if (!end || (number == 1 ? strcmp(line, header) != 0 : !parse_row(line, &row))) {
            bad(arg, number);
            continue;
        }
        if (number == 1) continue;
        MR_TRY(mr_grow(&out->v, &out->cap, out->n + 1, sizeof row, "index.csv"));
        MR_TRY(mr_strdup(row.file, &row.file));
        out->v[out->n++] = row;
    }
    if (number == 0) bad(arg, 1);
    if (out->n > 1) qsort(out->v, out->n, sizeof out->v[0], by_file);
    mr_error_clear(); /* what the rows' parsers said is told by line numbers */
out:
    free(copy);
    return st;
}

void mr_index_fini(mr_index *ix)
{
    for (size_t i = 0; i < ix->n; i++) free(ix->v[i].file);
    free(ix->v);
    *ix = (mr_index){0};
}

mr_index_row *mr_index_find(const mr_index *ix, const char *file)
{
    mr_index_row key = {.file = (char *)(uintptr_t)file};
    return ix->n ? bsearch(&key, ix->v, ix->n, sizeof ix->v[0], by_file) : NULL;
}

mr_status mr_index_digest(const mr_lane_entry *lanes, size_t n, mr_digest *out)
{
    mr_text text = {0};
    const mr_status st = mr_index_text(lanes, n, &text);
    if (st == MR_OK) *out = mr_digest_of(text.s, text.len);
    mr_text_fini(&text);
    return st;
}
