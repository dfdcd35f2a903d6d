/* out/finished.c: is an output folder finished? A mark says that a run began to change it and has
 * not written its report yet: then index, master and report may be of different runs. And the
 * report's own checksum, as its last members. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "out/index.h"
#include "out/out.h"
#include "out/product/kinds.h"

#define MARK_NAME ".millrace/unfinished"
static const char index_key[] = ",\n \"index\": \"", digest_key[] = ",\n \"digest\": \"";
static const char end[] = "\"\n}\n";

static mr_status exists(const char *folder, const char *name, bool *yes)
{
    struct stat sb;
    char *path = NULL;
    const mr_status st = mr_out_join(folder, name, &path);
    if (st == MR_OK) *yes = lstat(path, &sb) == 0;
    free(path);
    return st;
}

mr_status mr_unfinished_mark(const char *folder)
{
    mr_status st = MR_OK;
    char *path = NULL;
    bool there, marked;
    MR_TRY(exists(folder, ".millrace", &there));
    MR_TRY(exists(folder, MARK_NAME, &marked));
    if (!there || marked) goto out;
    MR_TRY(mr_out_join(folder, MARK_NAME, &path));
    MR_TRY(mr_write_durably(path, "", 0));
out:
    free(path);
    return st;
}

mr_status mr_unfinished_clear(const char *folder)
{
    mr_status st = MR_OK;
    char *path = NULL;
    MR_TRY(mr_out_join(folder, MARK_NAME, &path));
    if (unlink(path) == 0)
        st = mr_out_sync_folder_of(path);
    else if (errno != ENOENT && errno != ENOTDIR)
        st = MR_RAISE(MR_EOUTPUT, "cannot remove %s: %s", path, strerror(errno));
out:
    free(path);
    return st;
}

mr_status mr_unfinished(const char *folder, bool *yes)
{
    mr_status st = MR_OK;
    bool any = false, there;
    MR_TRY(exists(folder, MARK_NAME, yes));
    if (*yes) return MR_OK;
    MR_TRY(exists(folder, MR_INDEX_NAME, &any));
    MR_TRY(exists(folder, MR_PLAN_SUM_NAME, &there));
    any = any || there;
    for (size_t i = 0; i < MR_PRODUCT_KINDS && !any; i++)
        MR_TRY(exists(folder, mr_products[i].merged[0], &any));
    *yes = !any; /* nothing says that it ever was */
out:
    return st;
}

mr_status mr_report_seal(mr_text *t, const char *folder)
{
    mr_status st = MR_OK;
    char *path = NULL;
    mr_text index = {0};
    bool there, unfinished;
    mr_digest sum = {""};
    MR_TRY(exists(folder, MR_INDEX_NAME, &there));
    MR_TRY(mr_out_join(folder, MR_INDEX_NAME, &path));
    MR_TRY(mr_unfinished(folder, &unfinished));
    if (there) {
        st = mr_read_text(path, (size_t)1 << 30, &index);
        if (st == MR_ECONFIG) st = MR_EOUTPUT;
        MR_TRY(st);
        sum = mr_digest_of(index.s, index.len);
    }
    MR_TRY(mr_text_add(t, "%s%s\"", index_key, sum.hex));
    sum = mr_digest_of(t->s, t->len);
    MR_TRY(mr_text_add(t, "%s%s%s", digest_key, sum.hex, end));
out:
    free(path);
    mr_text_fini(&index);
    return st;
}

bool mr_report_sealed(const mr_text *t, mr_digest *index)
{
    const size_t n_digest = strlen(digest_key) + 32 + strlen(end);
    if (t->len < n_digest) return false;
    const char *at = t->s + (t->len - n_digest); /* of the digest's member */
    const mr_digest sum = mr_digest_of(t->s, t->len - n_digest);
    if (strncmp(at, digest_key, strlen(digest_key)) != 0 ||
        strncmp(at + strlen(digest_key), sum.hex, 32) != 0 ||
        strcmp(t->s + t->len - strlen(end), end) != 0)
        return false;
    *index = (mr_digest){""};
    const size_t n_index = strlen(index_key) + 32 + 1;
    if ((size_t)(at - t->s) > n_index && strncmp(at - n_index, index_key, strlen(index_key)) == 0)
        memcpy(index->hex, at - 33, 32);
    return true;
}
