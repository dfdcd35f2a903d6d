/* in/found.c: what a layout found, and what several layouts need to find it. */
#include "in/layout.h"
#include "base/utc.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add_remark(char *field, size_t size, const char *fmt, va_list ap)
{
    size_t n = strlen(field);
    if (n && n + 3 < size) n += (size_t)snprintf(field + n, size - n, "; ");
    vsnprintf(field + n, size - n, fmt, ap);
}

void mr_odd(mr_find *f, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add_remark(f->info->odd, sizeof f->info->odd, fmt, ap);
    va_end(ap);
}

void mr_assume(mr_find *f, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add_remark(f->info->assumed, sizeof f->info->assumed, fmt, ap);
    va_end(ap);
}

static mr_status find_dataset(const mr_h5 *h, const char *path, unsigned want, uint64_t *dims)
{
    mr_status st = MR_OK;
    hid_t d = -1;
    unsigned rank = 0;
    MR_TRY(mr_h5_dataset(h, path, &d));
    MR_TRY(mr_h5_shape(d, want, &rank, dims));
    if (rank != want) st = MR_RAISE(MR_EINPUT, "no %u-D recording: %u dimension(s)", want, rank);
out:
    if (d >= 0) H5Oclose(d);
    return st;
}

mr_status mr_find_data(const mr_h5 *h, mr_find *f, const char *path)
{
    mr_status st = MR_OK;
    uint64_t dims[2];
    MR_TRY(find_dataset(h, path, 2, dims));
    snprintf(f->path, sizeof f->path, "%s", path);
    memcpy(f->dims, dims, sizeof dims);
out:
    return st;
}

mr_status mr_find_frames(const mr_h5 *h, mr_find *f, const char *path)
{
    mr_status st = MR_OK;
    uint64_t dims[3], rows;
    MR_TRY(find_dataset(h, path, 3, dims));
    if (!dims[1] || dims[1] > UINT32_MAX || __builtin_mul_overflow(dims[0], dims[1], &rows))
        return MR_RAISE(MR_EINPUT, "frames of %llu rows", (unsigned long long)dims[1]);
    snprintf(f->path, sizeof f->path, "%s", path);
    f->dims[0] = rows;
    f->dims[1] = dims[2];
    f->time_first = true;
    f->info->store.pad = f->info->store.keep = (uint32_t)dims[1];
out:
    return st;
}

bool mr_ns_of_s(double s, int64_t *ns)
{
    if (!isfinite(s) || fabs(s) > 4.6e9) return false;
    *ns = llroundl((long double)s * 1e9L);
    return true;
}

bool mr_time_fact(const mr_h5 *h, const char *where, int64_t *ns)
{
    char s[64];
    if (!mr_h5_text(h, where, 0, s, sizeof s) || !*s) return false;
    if (mr_utc_parse(s, ns) == MR_OK) return true;
    mr_error_clear();
    return false;
}
