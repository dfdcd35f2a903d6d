/* in/raw/raw.c: an input file open for reading its samples. Those that lie in the file as they are
 * are read by extent.c, chunks by chunk.c. Reader threads call this, each with its own handle. */
#include "in/raw/raw_priv.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static mr_status open_checked(mr_raw *r, const char *path, const mr_file_info *info)
{
    struct stat sb;
    do r->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    while (r->fd < 0 && errno == EINTR);
    if (r->fd < 0) return MR_RAISE(MR_EINPUT, "cannot open: %s", strerror(errno));
    if (fstat(r->fd, &sb) != 0) return MR_RAISE(MR_EINPUT, "cannot stat: %s", strerror(errno));
    if (!S_ISREG(sb.st_mode))
        return MR_RAISE(MR_EINPUT, "changed since the survey: no regular file any more");
    int64_t mtime_ns = (int64_t)sb.st_mtim.tv_sec * 1000000000 + sb.st_mtim.tv_nsec;
    if (sb.st_size != info->size)
        return MR_RAISE(MR_EINPUT, "changed since the survey: %" PRId64 " bytes, were %" PRId64,
                        (int64_t)sb.st_size, info->size);
    if (mtime_ns != info->mtime_ns)
        return MR_RAISE(MR_EINPUT, "changed since the survey: modified at another time");
    if ((uint64_t)sb.st_ino != info->inode)
        return MR_RAISE(MR_EINPUT, "changed since the survey: another file of that name");
    r->size = (uint64_t)sb.st_size;
    /* Cold files came in at 1.7 GB/s with this advice, at 0.4 to 1.6 without; the many runs of a
     * channel-first file gained nothing. Only advice: failing changes nothing. O_DIRECT instead was
     * slower, with 2, 4 or 8 reads in flight: 1.5, 1.3, 1.4 s for 1.4 GB filtered and decimated
     * from a cold disk, against 1.2, 1.2, 1.1; it saves processor time, but the kernel reads ahead
     * better. */
    if (info->store.time_first || info->store.storage == MR_ST_CHUNKED)
        posix_fadvise(r->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    return MR_OK;
}

/* Sizes that the arithmetic of this room relies on: all products of extents fit in int64. */
static mr_status check_store(const mr_store *s, const mr_file_info *info, bool have_chunks)
{
    uint64_t bytes;
    unsigned size = s->dtype.size;
    bool ok = (size == 1 || size == 2 || size == 4 || size == 8) &&
              !(s->dtype.kind == MR_DT_FLOAT && size == 1) && s->n_filters <= MR_MAX_FILTERS;
    ok = ok && !__builtin_mul_overflow(s->nt, s->nc, &bytes) &&
         !__builtin_mul_overflow(bytes, (uint64_t)size, &bytes) && bytes <= INT64_MAX / 2 &&
         s->offset <= INT64_MAX / 2;
    const uint64_t rows = mr_store_rows(s);
    ok = ok && info->nc == s->nc && s->row0 <= rows && info->nt <= rows - s->row0;
    if (ok && s->storage == MR_ST_CHUNKED) {
        ok = have_chunks && s->chunk_t > 0 && s->chunk_c > 0 &&
             !__builtin_mul_overflow(s->chunk_t, s->chunk_c, &bytes) &&
             !__builtin_mul_overflow(bytes, (uint64_t)size, &bytes) && bytes < UINT32_MAX;
        ok = ok && s->n_chunks == ((s->nt + s->chunk_t - 1) / s->chunk_t) *
                                      ((s->nc + s->chunk_c - 1) / s->chunk_c);
    }
    return ok ? MR_OK : MR_RAISE(MR_EINPUT, "its description does not hold together");
}

mr_status mr_raw_open(const char *path, const mr_file_info *info, const mr_chunk *chunks,
                      mr_raw **out)
{
    mr_status st = MR_OK;
    mr_raw *r = NULL;
    MR_TRY(mr_alloc(1, sizeof *r, "an open input", &r));
    r->fd = -1;
    r->tier_index = UINT64_MAX;
    MR_TRY(mr_alloc(strlen(path) + 1, 1, "a file's name", &r->path));
    strcpy(r->path, path);
    MR_TRY(check_store(&info->store, info, chunks != NULL));
    mr_file_info none;
    if (mr_null_probe(path, &none))
        MR_TRY(mr_null_open(info, &r->null));
    else
        MR_TRY(open_checked(r, path, info));
    r->store = info->store;
    r->nt = info->nt;
    r->nc = info->nc;
    r->chunks = chunks;
    *out = r;
    r = NULL;
out:
    if (st != MR_OK) mr_note("%s", path);
    mr_raw_close(r);
    return st;
}

void mr_raw_close(mr_raw *r)
{
    if (!r) return;
    if (r->fd >= 0) close(r->fd);
    mr_big_free(r->scratch, MR_RAW_SCRATCH);
    mr_big_free(r->packed, r->chunk_bytes);
    mr_big_free(r->plain, r->chunk_bytes);
    mr_big_free(r->tier, r->tier_bytes);
    free(r->tier_fate);
    mr_codec_free(r->codec);
    mr_null_close(r->null);
    free(r->path);
    free(r);
}

/* Rows as they are stored. */
static mr_status read_stored(mr_raw *r, uint64_t t, uint64_t nt, const mr_chsel *sel, uint8_t *dst,
                             size_t stride, mr_lost_fn lost, void *arg)
{
    mr_extent e = {r->store.offset, r->store.nt, r->store.nc};
    if (r->store.storage == MR_ST_CHUNKED)
        return mr_raw_chunked(r, t, nt, sel, dst, stride, lost, arg);
    return mr_raw_extent(r, &e, t, nt, sel, dst, stride);
}

/* A loss told of a part of a request: its rows count from the part's first. */
typedef struct part {
    mr_lost_fn lost;
    void *arg;
    int64_t at;
} part;

static void lost_of_part(void *arg, mr_slab rows, mr_slab chans, const char *why)
{
    const part *p = arg;
    p->lost(p->arg, (mr_slab){rows.a + p->at, rows.b + p->at}, chans, why);
}

/* Rows that count, from frames with rows before and behind them that do not. */
static mr_status read_frames(mr_raw *r, uint64_t t, uint64_t nt, const mr_chsel *sel, uint8_t *dst,
                             size_t stride, mr_lost_fn lost, void *arg)
{
    mr_status st = MR_OK;
    const mr_store *s = &r->store;
    part p = {lost, arg, 0};
    for (uint64_t i = 0; i < nt && st == MR_OK;) {
        const uint64_t b = (t + i) / s->keep, k = (t + i) % s->keep;
        const uint64_t n = MR_MIN(s->keep - k, nt - i);
        p.at = (int64_t)i;
        st = read_stored(r, b * s->pad + s->lead + k, n, sel, dst + i * stride, stride,
                         lost ? lost_of_part : NULL, &p);
        i += n;
    }
    return st;
}

mr_status mr_raw_read(mr_raw *r, uint64_t t, uint64_t nt, const mr_chsel *sel, void *dst,
                      size_t stride, mr_lost_fn lost, void *arg)
{
    mr_status st = MR_OK;
    mr_chsel s = *sel;
    if (s.n <= 1) s.step = 1;
    if (nt == 0 || s.n == 0) return MR_OK;
    MR_ASSERT(t <= r->nt && nt <= r->nt - t);
    MR_ASSERT(s.step > 0 && s.first < r->nc && (s.n - 1) <= (r->nc - 1 - s.first) / s.step);
    MR_ASSERT(stride >= s.n * r->store.dtype.size);
    t += r->store.row0;
    if (r->null)
        mr_null_read(r->null, t, nt, &s, dst, stride);
    else if (r->store.pad)
        st = read_frames(r, t, nt, &s, dst, stride, lost, arg);
    else
        st = read_stored(r, t, nt, &s, dst, stride, lost, arg);
    if (st != MR_OK) mr_note("%s", r->path);
    return st;
}

uint64_t mr_raw_tier_rows(const mr_file_info *info)
{
    const mr_store *s = &info->store;
    if (s->storage != MR_ST_CHUNKED || s->ragged) return 1;
    if (!s->pad) return s->chunk_t;
    return MR_MAX(MR_MAX(s->chunk_t / s->pad, (uint64_t)1) * s->keep, (uint64_t)1);
}

size_t mr_raw_buffer_bytes(const mr_file_info *info, const mr_chsel *sel)
{
    size_t bytes = sizeof(mr_raw) + MR_RAW_SCRATCH;
    if (info->store.storage == MR_ST_CHUNKED) bytes += mr_chunk_buffer_bytes(&info->store, sel);
    return bytes;
}

size_t mr_dtype_name(mr_dtype dt, char *buf, size_t size)
{
    static const char *const kinds[] = {"int", "uint", "float"};
    int n = snprintf(buf, size, "%s%u%s", dt.kind < 3 ? kinds[dt.kind] : "unknown", 8u * dt.size,
                     dt.big_endian && dt.size > 1 ? " (big-endian)" : "");
    return n < 0 ? 0 : (size_t)n;
}
