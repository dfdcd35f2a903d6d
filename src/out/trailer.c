/* out/trailer.c: the last 64 bytes of an output file, which say that it is complete and whose it
 * is: magic, plan digest, lane identity, length of what comes before, and the XXH3-128 of every
 * byte before that checksum (the trailer's own first 48 bytes included, so that no bit of the file
 * is unwatched). */
#define XXH_INLINE_ALL /* the state's layout is needed here only; one copy, this file */
#include "out/out.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#define SUM_STEP ((size_t)1 << 20)
static const char magic[8] = {'M', 'R', 'L', 'A', 'N', 'E', '0', '1'};
enum { AT_PLAN = 8, AT_LANE = 24, AT_LENGTH = 40, AT_SUM = 48 };

struct mr_sum {
    XXH3_state_t x;
};

mr_status mr_sum_new(mr_sum **out)
{
    mr_sum *s = aligned_alloc(64, (sizeof *s + 63) / 64 * 64);
    if (!s) return MR_RAISE(MR_EMEM, "no memory for a checksum");
    XXH3_128bits_reset(&s->x);
    *out = s;
    return MR_OK;
}

void mr_sum_free(mr_sum *s)
{
    free(s);
}

void mr_sum_add(mr_sum *s, const void *p, size_t n)
{
    XXH3_128bits_update(&s->x, p, n);
}

static mr_digest digest_text(const uint8_t raw[16])
{
    static const char hex[] = "0123456789abcdef";
    mr_digest d = {{0}};
    for (size_t i = 0; i < 16; i++) {
        d.hex[2 * i] = hex[raw[i] >> 4];
        d.hex[2 * i + 1] = hex[raw[i] & 15];
    }
    return d;
}

static mr_digest digest_of_hash(XXH128_hash_t h)
{
    XXH128_canonical_t c;
    XXH128_canonicalFromHash(&c, h);
    return digest_text(c.digest);
}

mr_digest mr_sum_digest(const mr_sum *s)
{
    return digest_of_hash(XXH3_128bits_digest(&s->x));
}

mr_digest mr_digest_of(const void *p, size_t n)
{
    return digest_of_hash(XXH3_128bits(p, n));
}

bool mr_digest_parse(const char *hex, uint8_t raw[16])
{
    for (size_t i = 0; i < 32; i++) {
        char c = hex[i];
        uint8_t v;
        if (c >= '0' && c <= '9')
            v = (uint8_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            v = (uint8_t)(c - 'a' + 10);
        else
            return false;
        raw[i / 2] = (uint8_t)(i % 2 ? raw[i / 2] | v : v << 4);
    }
    return hex[32] == '\0';
}

bool mr_digest_same(const mr_digest *a, const mr_digest *b)
{
    return memcmp(a->hex, b->hex, sizeof a->hex) == 0;
}

mr_status mr_sum_add_file(mr_sum *s, int fd, uint64_t a, uint64_t b, const char *path)
{
    mr_status st = MR_OK;
    uint8_t *buf = NULL;
    const uint64_t step = MR_MIN((uint64_t)SUM_STEP, b - a); /* most files are shorter */
    if (a >= b) return MR_OK;
    MR_TRY(mr_alloc(1, step, "checksum buffer", &buf));
    while (a < b) {
        size_t n = (size_t)MR_MIN(step, b - a);
        MR_TRY(mr_out_pread(fd, buf, n, a, path));
        mr_sum_add(s, buf, n);
        a += n;
    }
out:
    free(buf);
    return st;
}

mr_status mr_trailer_append(int fd, uint64_t length, const mr_digest *plan, const mr_digest *lane,
                            mr_sum *sum, mr_digest *content, const char *path)
{
    uint8_t raw[MR_TRAILER_BYTES];
    memcpy(raw, magic, sizeof magic);
    if (!mr_digest_parse(plan->hex, raw + AT_PLAN) || !mr_digest_parse(lane->hex, raw + AT_LANE))
        return MR_RAISE(MR_EBUG, "%s: plan or lane digest is not 32 hex characters", path);
    for (int i = 0; i < 8; i++) raw[AT_LENGTH + i] = (uint8_t)(length >> (8 * i));
    mr_sum_add(sum, raw, AT_SUM);
    mr_digest d = mr_sum_digest(sum);
    mr_digest_parse(d.hex, raw + AT_SUM);
    mr_status st = mr_out_pwrite(fd, raw, sizeof raw, length, path);
    if (st == MR_OK) *content = d;
    return st;
}

/** The trailer of an open file of `size` bytes; reasons are raised as MR_EVERIFY. */
static mr_status trailer_parse(int fd, uint64_t size, const char *path, mr_trailer *t)
{
    uint8_t raw[MR_TRAILER_BYTES];
    if (size < sizeof raw) return MR_RAISE(MR_EVERIFY, "%s: too short for a trailer", path);
    mr_status st = mr_out_pread(fd, raw, sizeof raw, size - sizeof raw, path);
    if (st != MR_OK) return st;
    if (memcmp(raw, magic, sizeof magic) != 0)
        return MR_RAISE(MR_EVERIFY, "%s: no trailer (incomplete or cut)", path);
    t->length = 0;
    for (int i = 7; i >= 0; i--) t->length = t->length << 8 | raw[AT_LENGTH + i];
    t->plan = digest_text(raw + AT_PLAN);
    t->lane = digest_text(raw + AT_LANE);
    t->content = digest_text(raw + AT_SUM);
    if (t->length != size - sizeof raw)
        return MR_RAISE(MR_EVERIFY, "%s: length %" PRIu64 " but the trailer says %" PRIu64, path,
                        size - sizeof raw, t->length);
    return MR_OK;
}

mr_status mr_trailer_read(const char *path, bool deep, mr_trailer *out)
{
    mr_status st = MR_OK;
    mr_sum *sum = NULL;
    mr_trailer t;
    struct stat sb;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) return MR_RAISE(MR_EVERIFY, "%s: cannot be opened: %s", path, strerror(errno));
    if (fstat(fd, &sb) != 0 || !S_ISREG(sb.st_mode)) {
        st = MR_RAISE(MR_EVERIFY, "%s: not a regular file", path);
        goto out;
    }
    MR_TRY(trailer_parse(fd, (uint64_t)sb.st_size, path, &t));
    if (deep) {
        MR_TRY(mr_sum_new(&sum));
        MR_TRY(mr_sum_add_file(sum, fd, 0, t.length + AT_SUM, path));
        mr_digest d = mr_sum_digest(sum);
        if (!mr_digest_same(&d, &t.content)) {
            st = MR_RAISE(MR_EVERIFY, "%s: damaged: checksum %s, the trailer says %s", path, d.hex,
                          t.content.hex);
            goto out;
        }
    }
    *out = t;
out:
    if (st == MR_EOUTPUT) st = MR_EVERIFY; /* a file that cannot be read is not a file to trust */
    mr_sum_free(sum);
    close(fd);
    return st;
}
