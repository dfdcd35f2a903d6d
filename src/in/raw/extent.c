/* in/raw/extent.c: reads of samples that lie in the file as they are: a rectangle of
 * [time][channel] or [channel][time], any channels of it. */
#include "in/raw/place.h"
#include "in/raw/raw_priv.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

mr_status mr_raw_pread(const mr_raw *r, void *buf, size_t n, uint64_t offset)
{
    uint8_t *p = buf;
    size_t done = 0;
    while (done < n) {
        ssize_t got = pread(r->fd, p + done, n - done, (off_t)(offset + done));
        if (got > 0) {
            done += (size_t)got;
        } else if (got == 0) {
            struct stat sb;
            int64_t end = fstat(r->fd, &sb) == 0 ? (int64_t)sb.st_size : (int64_t)(offset + done);
            return MR_RAISE(MR_EINPUT,
                            "truncated: %zu bytes wanted at offset %" PRIu64
                            ", file ends at %" PRId64,
                            n, offset, end);
        } else if (errno != EINTR) {
            return MR_RAISE(MR_EINPUT, "cannot read %zu bytes at offset %" PRIu64 ": %s", n, offset,
                            strerror(errno));
        }
    }
    return MR_OK;
}

static mr_status need_scratch(mr_raw *r)
{
    return r->scratch ? MR_OK : mr_big_alloc(MR_RAW_SCRATCH, "an input's buffer", &r->scratch);
}

/* Whole rows, side by side in the file and in dst: straight to where they belong. */
static mr_status read_straight(mr_raw *r, uint64_t offset, size_t bytes, uint8_t *dst)
{
    mr_status st = MR_OK;
    unsigned size = r->store.dtype.size;
    for (size_t at = 0; at < bytes && st == MR_OK; at += MR_RAW_PIECE) {
        size_t n = MR_MIN(MR_RAW_PIECE, bytes - at);
        st = mr_raw_pread(r, dst + at, n, offset + at);
        if (st == MR_OK && mr_raw_swaps(&r->store)) mr_swap_bytes(dst + at, n / size, size);
    }
    return st;
}

/* [time][channel], a selection whose span of a row fits the scratch buffer: many rows at once where
 * it covers a good part of them, else row by row. */
static mr_status read_rows(mr_raw *r, const mr_extent *e, uint64_t t, uint64_t nt,
                           const mr_chsel *sel, uint8_t *dst, size_t stride)
{
    mr_status st = MR_OK;
    unsigned size = r->store.dtype.size;
    uint64_t row = e->nc * size, from = e->offset + t * row + sel->first * size;
    size_t span = (size_t)(((sel->n - 1) * sel->step + 1) * size);
    size_t n_at_once = 1; /* rows */
    if (row <= 4096 || span >= row / 4) n_at_once = (size_t)((MR_RAW_SCRATCH - span) / row + 1);
    mr_patch p = {NULL,           (size_t)e->nc, (size_t)sel->step,      0,
                  (size_t)sel->n, size,          mr_raw_swaps(&r->store)};
    MR_TRY(need_scratch(r));
    p.src = r->scratch;
    for (uint64_t i = 0; i < nt; i += p.nt) {
        p.nt = (size_t)MR_MIN((uint64_t)n_at_once, nt - i);
        MR_TRY(mr_raw_pread(r, r->scratch, (p.nt - 1) * (size_t)row + span, from + i * row));
        mr_place(&p, dst + i * stride, stride);
    }
out:
    return st;
}

/* [channel][time]: the runs of some channels side by side in the scratch buffer, then transposed.
 */
static mr_status read_runs(mr_raw *r, const mr_extent *e, uint64_t t, uint64_t nt,
                           const mr_chsel *sel, uint8_t *dst, size_t stride)
{
    mr_status st = MR_OK;
    unsigned size = r->store.dtype.size;
    uint64_t at_once = MR_MAX(16u, 128u / size); /* channels: whole cache lines of dst */
    uint64_t run = MR_RAW_SCRATCH / size / at_once - 16, n_runs = (nt + run - 1) / run;
    run = (nt + n_runs - 1) / n_runs;            /* all alike, none of a few rows */
    bool whole = run == e->nt && sel->step == 1; /* runs follow each other in the file */
    uint64_t pitch = whole ? run : run + 16;     /* else odd, so that runs share no cache set */
    mr_patch p = {NULL, 1, (size_t)pitch, 0, 0, size, mr_raw_swaps(&r->store)};
    MR_TRY(need_scratch(r));
    p.src = r->scratch;
    for (uint64_t c = 0; c < sel->n; c += at_once)
        for (uint64_t i = 0; i < nt; i += run) {
            p.nt = (size_t)MR_MIN(run, nt - i);
            p.nc = (size_t)MR_MIN(at_once, sel->n - c);
            for (size_t k = 0; k < p.nc; k++) {
                uint64_t chan = sel->first + (c + k) * sel->step;
                uint64_t from = e->offset + (chan * e->nt + t + i) * size;
                MR_TRY(mr_raw_pread(r, r->scratch + k * pitch * size,
                                    p.nt * size * (whole ? p.nc : 1), from));
                if (whole) break;
            }
            mr_place(&p, dst + i * stride + c * size, stride);
        }
out:
    return st;
}

mr_status mr_raw_extent(mr_raw *r, const mr_extent *e, uint64_t t, uint64_t nt, const mr_chsel *sel,
                        uint8_t *dst, size_t stride)
{
    mr_status st = MR_OK;
    unsigned size = r->store.dtype.size;
    if (!r->store.time_first) return read_runs(r, e, t, nt, sel, dst, stride);
    if (sel->step == 1 && sel->n == e->nc && stride == e->nc * size)
        return read_straight(r, e->offset + t * stride, (size_t)nt * stride, dst);
    uint64_t group = (MR_RAW_SCRATCH / size - 1) / sel->step + 1; /* channels whose span fits */
    for (uint64_t c = 0; c < sel->n && st == MR_OK; c += group) {
        mr_chsel part = {sel->first + c * sel->step, sel->step, MR_MIN(group, sel->n - c)};
        st = read_rows(r, e, t, nt, &part, dst + c * size, stride);
    }
    return st;
}
