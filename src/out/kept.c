/* out/kept.c: the list of lanes that stay although their inputs are gone: one line each, checksum
 * and name. `verify` reads it; plan.sum watches it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "out/index.h"
#include "out/out.h"

#define MAX_KEPT_BYTES ((size_t)1 << 30)

mr_status mr_kept_add(mr_kept *k, const char *rel, const mr_digest *checksum)
{
    mr_status st = MR_OK;
    MR_TRY(mr_grow(&k->v, &k->cap, k->n + 1, sizeof *k->v, "the kept lanes"));
    k->v[k->n] = (mr_kept_lane){.checksum = *checksum};
    MR_TRY(mr_strdup(rel, &k->v[k->n].rel));
    k->n++;
out:
    return st;
}

void mr_kept_fini(mr_kept *k)
{
    for (size_t i = 0; i < k->n; i++) free(k->v[i].rel);
    free(k->v);
    *k = (mr_kept){0};
}

static int by_rel(const void *a, const void *b)
{
    return strcmp(((const mr_kept_lane *)a)->rel, ((const mr_kept_lane *)b)->rel);
}

mr_kept_lane *mr_kept_find(const mr_kept *k, const char *rel)
{
    const mr_kept_lane key = {.rel = (char *)(uintptr_t)rel};
    return k->n ? bsearch(&key, k->v, k->n, sizeof *k->v, by_rel) : NULL;
}

/** Is that the text of the file? None and an empty text are the same. */
static mr_status unchanged(const char *path, const mr_text *now, bool *same)
{
    mr_status st = MR_OK;
    mr_text was = {0};
    if (access(path, F_OK) == 0) MR_TRY(mr_read_text(path, MAX_KEPT_BYTES, &was));
    *same = was.len == now->len && (!was.len || memcmp(was.s, now->s, was.len) == 0);
out:
    mr_text_fini(&was);
    return st == MR_ECONFIG ? MR_EOUTPUT : st;
}

mr_status mr_kept_write(const char *folder, mr_kept *k)
{
    mr_status st = MR_OK;
    char *path = NULL;
    mr_text t = {0};
    bool same;
    if (k->n) qsort(k->v, k->n, sizeof *k->v, by_rel);
    for (size_t i = 0; i < k->n; i++)
        MR_TRY(mr_text_add(&t, "%s  %s\n", k->v[i].checksum.hex, k->v[i].rel));
    MR_TRY(mr_out_join(folder, MR_KEPT_NAME, &path));
    MR_TRY(unchanged(path, &t, &same));
    if (same) goto out;
    MR_TRY(mr_master_remove(folder));
    if (t.len)
        MR_TRY(mr_write_durably(path, t.s, t.len));
    else if (unlink(path) != 0)
        st = MR_RAISE(MR_EOUTPUT, "cannot remove %s", path);
out:
    mr_text_fini(&t);
    free(path);
    return st;
}

mr_status mr_kept_read(const char *folder, mr_kept *out)
{
    mr_status st = MR_OK;
    char *path = NULL;
    mr_text t = {0};
    MR_TRY(mr_out_join(folder, MR_KEPT_NAME, &path));
    if (access(path, F_OK) != 0) goto out;
    MR_TRY(mr_read_text(path, MAX_KEPT_BYTES, &t));
    for (char *s = t.s, *end; s < t.s + t.len; s = end + 1) {
        uint8_t raw[16];
        mr_digest sum = {""};
        end = strchr(s, '\n');
        if (end) *end = '\0';
        if (end && end - s > 34) memcpy(sum.hex, s, 32);
        if (!mr_digest_parse(sum.hex, raw) || strncmp(s + 32, "  lanes/", 8) != 0) {
            st = MR_RAISE(MR_EVERIFY, "%s: damaged", MR_KEPT_NAME);
            goto out;
        }
        MR_TRY(mr_kept_add(out, s + 34, &sum));
    }
    if (out->n) qsort(out->v, out->n, sizeof *out->v, by_rel);
out:
    if (st == MR_ECONFIG || st == MR_EOUTPUT) st = MR_EVERIFY;
    mr_text_fini(&t);
    free(path);
    return st;
}
