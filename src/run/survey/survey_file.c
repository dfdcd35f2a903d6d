/* run/survey/survey_file.c: see survey_file.h. */
#include "run/survey/survey_file.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "plan/catalog/tables.h"

typedef struct head {
    char magic[8];
    char version[16];
    uint64_t row_bytes, facts_bytes;
    char map[40]; /* digest of input.map and input.dataset: others, another survey */
    uint64_t generation, n_ends, block_bytes;
} head;
enum { DIGEST = 32 };

/** Chunk tables that no file needs any more are dropped when they outweigh the others by this. */
#define GARBAGE ((uint64_t)64 << 20)

static mr_status head_of(const mr_config *cfg, head *h)
{
    mr_status st = MR_OK;
    mr_text t = {0};
    memset(h, 0, sizeof *h);
    memcpy(h->magic, "MRSURV3", 8);
    snprintf(h->version, sizeof h->version, "%s", MR_VERSION);
    h->row_bytes = sizeof(mr_row);
    h->facts_bytes = sizeof(mr_file_info);
    if (cfg->map) MR_TRY(mr_node_print(cfg->map, &t));
    if (cfg->dataset) MR_TRY(mr_text_add(&t, "\ndataset %s", cfg->dataset));
    if (t.len) {
        snprintf(h->map, sizeof h->map, "%s", mr_digest_of(t.s, t.len).hex);
    }
out:
    mr_text_fini(&t);
    return st;
}

/* --- names ----------------------------------------------------------------------------------- */

mr_status mr_survey_path(const char *folder, char **out)
{
    mr_text t = {0};
    const mr_status st = mr_text_add(&t, "%s/.millrace/survey", folder);
    if (st == MR_OK)
        *out = t.s;
    else
        mr_text_fini(&t);
    return st;
}

mr_status mr_survey_chunks(const char *folder, uint64_t generation, char **out)
{
    mr_text t = {0};
    const mr_status st =
        mr_text_add(&t, "%s/.millrace/chunks-%llu", folder, (unsigned long long)generation);
    if (st == MR_OK)
        *out = t.s;
    else
        mr_text_fini(&t);
    return st;
}

typedef void (*chunks_fn)(void *arg, int dir, const char *name, uint64_t generation);

static void each_chunks_file(const char *folder, chunks_fn fn, void *arg)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/.millrace", folder);
    DIR *d = opendir(path);
    if (!d) return;
    for (struct dirent *e; (e = readdir(d));) {
        unsigned long long generation;
        unsigned number;
        if (sscanf(e->d_name, "chunks-%llu.%u", &generation, &number) == 2)
            fn(arg, dirfd(d), e->d_name, generation);
    }
    closedir(d);
}

static void highest(void *arg, MR_UNUSED int dir, MR_UNUSED const char *name, uint64_t generation)
{
    uint64_t *most = arg;
    *most = MR_MAX(*most, generation);
}

uint64_t mr_survey_generation(const char *folder)
{
    uint64_t most = 0;
    each_chunks_file(folder, highest, &most);
    return most + 1;
}

static void remove_other(void *arg, int dir, const char *name, uint64_t generation)
{
    if (generation != *(const uint64_t *)arg) (void)unlinkat(dir, name, 0);
}

void mr_survey_clear(const char *folder, uint64_t generation)
{
    each_chunks_file(folder, remove_other, &generation);
}

/* --- writing --------------------------------------------------------------------------------- */

size_t mr_survey_image_bytes(const mr_catalog *c, size_t n_ends)
{
    return sizeof(head) + n_ends * sizeof(uint64_t) + mr_catalog_bytes(c) + DIGEST;
}

mr_status mr_survey_image(const mr_config *cfg, const mr_catalog *c, uint64_t generation,
                          const uint64_t *ends, size_t n_ends, void *image)
{
    mr_status st = MR_OK;
    head h;
    char *s = image;
    MR_TRY(head_of(cfg, &h));
    h.generation = generation;
    h.n_ends = n_ends;
    h.block_bytes = mr_catalog_bytes(c);
    const size_t block = sizeof h + n_ends * sizeof *ends, end = block + (size_t)h.block_bytes;
    memcpy(s, &h, sizeof h);
    memcpy(s + sizeof h, ends, n_ends * sizeof *ends);
    mr_catalog_pack(c, s + block);
    memcpy(s + end, mr_digest_of(s, end).hex, DIGEST);
out:
    return st;
}

mr_status mr_survey_image_catalog(const void *image, size_t bytes, mr_catalog **out)
{
    head h;
    if (bytes < sizeof h + DIGEST) return MR_RAISE(MR_EINPUT, "no survey");
    memcpy(&h, image, sizeof h);
    const size_t room = bytes - sizeof h - DIGEST;
    if (h.n_ends > room / sizeof(uint64_t) ||
        h.block_bytes != room - (size_t)h.n_ends * sizeof(uint64_t))
        return MR_RAISE(MR_EINPUT, "no survey");
    return mr_catalog_view((const char *)image + sizeof h + (size_t)h.n_ends * sizeof(uint64_t),
                           (size_t)h.block_bytes, out);
}

/* --- reading --------------------------------------------------------------------------------- */

static bool map_file(const char *path, mr_last *l)
{
    struct stat sb;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    if (fstat(fd, &sb) == 0 && S_ISREG(sb.st_mode) && sb.st_size > (off_t)(sizeof(head) + DIGEST)) {
        l->bytes = (size_t)sb.st_size;
        l->map = mmap(NULL, l->bytes, PROT_READ, MAP_PRIVATE, fd, 0);
        if (l->map == MAP_FAILED) l->map = NULL;
    }
    close(fd);
    return l->map != NULL;
}

static bool same_head(const head *a, const head *b)
{
    return memcmp(a->magic, b->magic, sizeof a->magic) == 0 &&
           memcmp(a->version, b->version, sizeof a->version) == 0 && a->row_bytes == b->row_bytes &&
           a->facts_bytes == b->facts_bytes && memcmp(a->map, b->map, sizeof a->map) == 0;
}

/** Are the files of chunk tables mostly tables that still count? */
static bool tidy(const mr_last *l)
{
    uint64_t sum = 0, live = 0;
    mr_file_info info;
    for (size_t k = 0; k < l->n_ends; k++) sum += l->ends[k];
    if (sum < GARBAGE) return true;
    for (size_t i = 0; i < l->cat->n; i++) {
        mr_catalog_info(l->cat, i, &info);
        if (info.store.storage == MR_ST_CHUNKED) live += mr_tables_bytes(info.store.n_chunks);
    }
    return sum - MR_MIN(live, sum) < live + GARBAGE;
}

/** Are the files of chunk tables there, as long as they are said to be? */
static bool complete(const char *survey, const mr_last *l)
{
    struct stat sb;
    mr_text t = {0};
    bool yes = true;
    for (size_t k = 0; yes && k < l->n_ends; k++) {
        t.len = 0;
        if (l->ends[k] == 0) continue;
        yes = mr_text_add(&t, "%.*s/chunks-%llu.%zu", (int)(mr_base_name(survey) - survey - 1),
                          survey, (unsigned long long)l->generation, k) == MR_OK &&
              stat(t.s, &sb) == 0 && (uint64_t)sb.st_size >= l->ends[k];
    }
    mr_text_fini(&t);
    return yes;
}

static int by_path(const void *pa, const void *pb, void *arg)
{
    const mr_catalog *c = arg;
    return strcmp(mr_catalog_path(c, *(const uint32_t *)pa),
                  mr_catalog_path(c, *(const uint32_t *)pb));
}

mr_status mr_last_open(const char *path, const mr_config *cfg, mr_last *l)
{
    mr_status st = MR_OK;
    head want;
    *l = (mr_last){0};
    MR_TRY(head_of(cfg, &want));
    if (!map_file(path, l)) return MR_OK;
    const char *s = l->map;
    const head *h = l->map;
    l->digest = mr_digest_of(s, l->bytes - DIGEST);
    if (!same_head(h, &want) || memcmp(l->digest.hex, s + l->bytes - DIGEST, DIGEST) != 0 ||
        mr_survey_image_catalog(s, l->bytes, &l->cat) != MR_OK) {
        mr_error_clear();
        mr_last_fini(l);
        return MR_OK;
    }
    l->generation = h->generation;
    l->n_ends = (size_t)h->n_ends;
    l->ends = (const uint64_t *)(const void *)(s + sizeof *h);
    if (!complete(path, l) || !tidy(l)) {
        mr_last_fini(l);
        return MR_OK;
    }
    const size_t n = l->cat->n_files;
    MR_TRY(mr_alloc(n, sizeof *l->by_path, "the last survey", &l->by_path));
    bool sorted = true;
    for (size_t i = 0; i < n; i++) {
        l->by_path[i] = (uint32_t)i;
        if (i && by_path(&l->by_path[i - 1], &l->by_path[i], l->cat) > 0) sorted = false;
    }
    if (!sorted) qsort_r(l->by_path, n, sizeof *l->by_path, by_path, l->cat);
out:
    return st;
}

void mr_last_fini(mr_last *l)
{
    if (l->map) munmap(l->map, l->bytes);
    mr_catalog_free(l->cat);
    free(l->by_path);
    *l = (mr_last){0};
}

size_t mr_last_find(const mr_last *l, const char *path, size_t guess)
{
    if (!l->cat) return SIZE_MAX;
    if (guess < l->cat->n_files && strcmp(mr_catalog_path(l->cat, guess), path) == 0) return guess;
    size_t a = 0, b = l->cat->n_files;
    while (a < b) {
        const size_t mid = a + (b - a) / 2;
        const int d = strcmp(path, mr_catalog_path(l->cat, l->by_path[mid]));
        if (d == 0) return l->by_path[mid];
        if (d < 0)
            b = mid;
        else
            a = mid + 1;
    }
    return SIZE_MAX;
}
