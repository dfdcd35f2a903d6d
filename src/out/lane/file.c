/* out/lane/file.c: one lane file from skeleton to final name. libhdf5 lays out the .part and closes
 * it; the samples go to their places by pwrite while the checksum runs along; then trailer, fsync,
 * publish. Deflated samples go through deflate.c instead; libhdf5 then keeps the .part until
 * all are in, and the checksum is taken from the smaller file afterwards. */
#include "out/product/kinds.h"
#include "out/digests.h"
#include "out/lane/deflate.h"
#include "out/lane/layout.h"
#include "out/out.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WRITE_BEHIND                                                                               \
    ((uint64_t)8                                                                                   \
     << 20) /* bytes after which the kernel is told to start writing                   \
                         */

/* Samples are written once and synced at once: past the page cache that costs half the cycles of a
 * copy into it. Direct writes want aligned memory, places and sizes, so whole buckets go that way.
 * The disk's own cache is emptied little by little: at the end, with 100 MB in it, that took 60 to
 * 90 ms, in which the disk took nothing else and the chain ran out of output buffers. */
enum { BUCKET = 4 << 20, SYNC_EVERY = 4 * BUCKET, DIRECT_ALIGN = 4096 };

struct mr_lane_file {
    int fd;
    char *part, *path;
    bool made, new_folder; /* the .part exists; its folder did not before */
    uint64_t rows, done;   /* rows appended so far */
    uint64_t data_at, end; /* first byte of the samples; HDF5's own end of file */
    size_t row_bytes;
    uint64_t counts_at; /* first byte of the rows' counts; 0: there are none */
    size_t count_bytes; /* of a row */
    uint64_t pushed;    /* bytes of the samples that writing back was begun for */
    int direct;         /* a second handle past the page cache, -1: not to be had or not worth it */
    char *bucket;       /* [BUCKET] what goes through it next */
    uint64_t filled;    /* bytes waiting in it; they follow the `pushed` ones */
    mr_digest plan, lane;
    mr_text self;          /* which lane it is, then what it was made from, in lines */
    mr_sum *sum;           /* of everything before data_at + done rows */
    mr_deflater *deflater; /* NULL: contiguous */
    mr_h5w w;              /* open only while deflating */
};

static void lane_free(mr_lane_file *f)
{
    if (!f) return;
    mr_deflater_free(f->deflater);
    if (f->w.file >= 0) mr_h5w_close(&f->w);
    if (f->fd >= 0) close(f->fd);
    if (f->direct >= 0) close(f->direct);
    mr_big_free(f->bucket, BUCKET);
    if (f->made) unlink(f->part);
    mr_sum_free(f->sum);
    mr_text_fini(&f->self);
    free(f->part);
    free(f->path);
    free(f);
}

void mr_lane_abort(mr_lane_file *f)
{
    lane_free(f);
}

static mr_status check_spec(const mr_lane_spec *s)
{
    uint8_t raw[16];
    size_t cells;
    const bool table = !mr_product_of(&s->shape)->counted; /* may be empty, has no time axis */
    if (s->nc == 0 || !s->distance_m || (!table && (s->rows == 0 || !s->time_ns)))
        return MR_RAISE(MR_EBUG, "lane file %s without rows, channels or coordinates", s->rel);
    if (!mr_digest_parse(s->plan.hex, raw) || !mr_digest_parse(s->lane.hex, raw))
        return MR_RAISE(MR_EBUG, "lane file %s without plan or lane digest", s->rel);
    return mr_mul_add(s->rows, mr_shape_bytes(&s->shape, s->nc), 0, &cells);
}

/** Names, folder, skeleton. */
static mr_status lay_out(mr_lane_file *f, const mr_lane_spec *s)
{
    mr_status st = MR_OK;
    char *dir = NULL;
    mr_text part = {0};
    struct stat sb;
    MR_TRY(mr_out_join(s->folder, s->rel, &f->path));
    MR_TRY(mr_text_add(&part, "%s.%s.part", f->path, s->attempt ? s->attempt : "0"));
    MR_TRY(mr_strdup(part.s, &f->part));
    MR_TRY(mr_out_folder_of(f->path, &dir));
    f->new_folder = stat(dir, &sb) != 0;
    MR_TRY(mr_mkdirs(dir));
    mr_h5w_create(&f->w, f->part, false);
    f->made = f->w.file >= 0;
    mr_lane_layout(&f->w, s, &f->data_at, &f->counts_at);
    st = mr_lane_deflated(s) ? mr_h5w_check(&f->w) : mr_h5w_close(&f->w);
out:
    mr_text_fini(&part);
    free(dir);
    return st;
}

/** Open the skeleton for our own writing; the checksum takes in what lies before the samples. */
static mr_status take_over(mr_lane_file *f)
{
    struct stat sb;
    size_t bytes = f->deflater ? 0 : f->rows * f->row_bytes; /* the product was checked */
    mr_status st = mr_sum_new(&f->sum);
    if (st != MR_OK) return st;
    f->fd = open(f->part, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (f->fd < 0 || fstat(f->fd, &sb) != 0)
        return MR_RAISE(MR_EOUTPUT, "cannot open %s: %s", f->part, strerror(errno));
    f->end = (uint64_t)sb.st_size;
    if (bytes >= 2 * (size_t)BUCKET && f->data_at % DIRECT_ALIGN == 0)
        f->direct = open(f->part, O_WRONLY | O_DIRECT | O_CLOEXEC | O_NOFOLLOW); /* if it can */
    if (f->direct >= 0 && (st = mr_big_alloc(BUCKET, "direct writing", &f->bucket)) != MR_OK)
        return st;
    if (f->data_at + bytes > f->end)
        return MR_RAISE(MR_EOUTPUT, "%s: skeleton is shorter than its samples", f->part);
    return f->counts_at ? MR_OK : mr_sum_add_file(f->sum, f->fd, 0, f->data_at, f->part);
}

mr_status mr_lane_create(const mr_lane_spec *spec, mr_lane_file **out)
{
    mr_status st = MR_OK;
    mr_lane_file *f = NULL;
    MR_TRY(check_spec(spec));
    MR_TRY(mr_alloc(1, sizeof *f, "a lane file", &f));
    f->fd = f->direct = -1;
    f->w.file = f->w.driver = -1;
    f->rows = spec->rows;
    f->row_bytes = mr_shape_bytes(&spec->shape, spec->nc);
    f->count_bytes = mr_shape_counts(&spec->shape) * spec->nc * sizeof(int32_t);
    f->plan = spec->plan;
    f->lane = spec->lane;
    const mr_lane_self self = {.series = spec->series,
                               .t0_ns = spec->t0_ns,
                               .t1_ns = spec->t1_ns,
                               .from_ns = spec->from_ns,
                               .to_ns = spec->to_ns,
                               .rows = spec->rows};
    MR_TRY(mr_lane_self_line(&f->self, &self, spec->rel));
    MR_TRY(lay_out(f, spec));
    if (mr_lane_deflated(spec))
        MR_TRY(mr_deflater_new(&f->w, spec, &f->deflater));
    else
        MR_TRY(take_over(f));
    *out = f;
    f = NULL;
out:
    if (st != MR_OK) mr_note("creating %s", spec->rel);
    lane_free(f);
    return st;
}

uint64_t mr_lane_tier_rows(const mr_lane_spec *spec)
{
    hsize_t chunk[MR_LANE_RANK] = {1};
    if (mr_lane_deflated(spec)) mr_lane_chunk(spec, chunk);
    return chunk[0];
}

size_t mr_lane_buffer_bytes(const mr_lane_spec *spec)
{
    /* handle and checksum, and what libhdf5 keeps of an open file */
    size_t fixed = ((size_t)2 << 20) + BUCKET;
    return mr_lane_deflated(spec) ? fixed + mr_deflater_bytes(spec) : fixed;
}

/** Write what is in the bucket: a whole one past the page cache, the rest through it. A direct
 * write that fails (another alignment is wanted, a full disk) is done over the other way, which
 * says why. */
static mr_status pour(mr_lane_file *f)
{
    mr_status st = MR_OK;
    const uint64_t at = f->data_at + f->pushed;
    const bool done = f->filled == BUCKET && f->direct >= 0 &&
                      pwrite(f->direct, f->bucket, BUCKET, (off_t)at) == BUCKET;
    if (!done) st = mr_out_pwrite(f->fd, f->bucket, f->filled, at, f->part);
    if (st != MR_OK) return st;
    f->pushed += f->filled;
    f->filled = 0;
    if (done && f->pushed % SYNC_EVERY == 0 && fsync(f->direct) != 0)
        st = MR_RAISE(MR_EOUTPUT, "cannot bring %s to disk: %s", f->part, strerror(errno));
    return st;
}

static mr_status append_direct(mr_lane_file *f, const char *data, size_t n)
{
    mr_status st = MR_OK;
    for (size_t k; n && st == MR_OK; data += k, n -= k) {
        k = MR_MIN(n, (size_t)BUCKET - f->filled);
        memcpy(f->bucket + f->filled, data, k);
        f->filled += k;
        if (f->filled == BUCKET) st = pour(f);
    }
    return st;
}

/** Through the page cache; the kernel is told early, so that the fsync at the end finds little to
 * do. */
static mr_status append_cached(mr_lane_file *f, const char *data, size_t n)
{
    const uint64_t at = f->done * f->row_bytes;
    mr_status st = mr_out_pwrite(f->fd, data, n, f->data_at + at, f->part);
    if (st != MR_OK) return st;
    if (at + n - f->pushed >= WRITE_BEHIND) {
        sync_file_range(f->fd, (off_t)(f->data_at + f->pushed), (off_t)(at + n - f->pushed),
                        SYNC_FILE_RANGE_WRITE);
        f->pushed = at + n;
    }
    return MR_OK;
}

mr_status mr_lane_append(mr_lane_file *f, const void *data, uint64_t nr)
{
    mr_status st;
    if (nr > f->rows - f->done)
        return MR_RAISE(MR_EBUG, "%s: more rows than the lane has", f->path);
    const size_t n = nr * f->row_bytes;
    if (f->deflater)
        st = mr_deflater_append(f->deflater, data, nr);
    else if (f->bucket)
        st = append_direct(f, data, n);
    else
        st = append_cached(f, data, n);
    if (st != MR_OK) return st;
    if (!f->deflater && !f->counts_at) mr_sum_add(f->sum, data, n);
    f->done += nr;
    return MR_OK;
}

mr_status mr_lane_counts(mr_lane_file *f, const int32_t *counts, uint64_t row, uint64_t nr)
{
    if (!f->counts_at || row + nr > f->rows)
        return MR_RAISE(MR_EBUG, "%s: counts that the lane has no place for", f->path);
    if (f->deflater) return mr_deflater_counts(f->deflater, counts, row, nr);
    return mr_out_pwrite(f->fd, counts, nr * f->count_bytes, f->counts_at + row * f->count_bytes,
                         f->part);
}

mr_status mr_lane_inputs(mr_lane_file *f, const mr_text *lines)
{
    return lines->len ? mr_text_add(&f->self, "%s", lines->s) : MR_OK;
}

mr_status mr_lane_commit(mr_lane_file *f, mr_digest *digest, bool *adopted)
{
    mr_status st = MR_OK;
    mr_trailer mine = {.plan = f->plan, .lane = f->lane};
    uint64_t data_end;
    if (f->done != f->rows) {
        st = MR_RAISE(MR_EBUG, "%s: committed with rows missing", f->path);
        goto out;
    }
    if (f->deflater) {
        MR_TRY(mr_deflater_finish(f->deflater));
        MR_TRY(mr_h5w_close(&f->w));
        MR_TRY(take_over(f));
    }
    if (f->filled) MR_TRY(pour(f));
    data_end = f->deflater ? f->data_at : f->data_at + f->done * f->row_bytes;
    if (f->counts_at) data_end = 0; /* they lie anywhere: the sum is taken afterwards */
    MR_TRY(mr_sum_add_file(f->sum, f->fd, data_end, f->end, f->part));
    MR_TRY(mr_inputs_append(f->fd, &f->end, &f->self, f->sum, f->part));
    mine.length = f->end;
    MR_TRY(mr_trailer_append(f->fd, f->end, &f->plan, &f->lane, f->sum, &mine.content, f->part));
    MR_TRY(mr_out_sync_close(&f->fd, f->part));
    MR_TRY(mr_publish(f->part, f->path, &mine, adopted));
    f->made = false;
    *digest = mine.content;
    if (f->new_folder) { /* its name lies in the folder above */
        char *dir = NULL;
        MR_TRY(mr_out_folder_of(f->path, &dir));
        st = mr_out_sync_folder_of(dir);
        free(dir);
    }
out:
    lane_free(f);
    return st;
}
