/* in/hdf5/h5vfd.c: a file driver for libhdf5 that never fails to write. A full disk sends libhdf5
 * down paths on which it crashes, at the latest when the file is closed; here it does not hear of
 * it. The first errno is kept for us, the file is then dropped. Reading is honest, and its failures
 * are kept too. Otherwise as its POSIX driver. */
#include "in/hdf5/h5vfd.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

#define MAX_ADDRESS (((haddr_t)1 << 63) - 1)

typedef struct driver_info {
    int *failed;
    int fd; /* to read from; -1: open the name */
    const char *head;
    size_t n_head; /* bytes at head are the file's first */
} driver_info;

typedef struct driver_file {
    H5FD_t pub; /* must be first */
    int fd;
    haddr_t eoa, eof;
    int *failed;
    const char *head; /* of driver_info */
    size_t n_head;
} driver_file;

static void note_failure(const driver_file *f)
{
    if (!*f->failed) *f->failed = errno ? errno : EIO;
}

static H5FD_t *driver_open(const char *name, unsigned flags, hid_t fapl, haddr_t maxaddr)
{
    const driver_info *info = H5Pget_driver_info(fapl);
    struct stat sb;
    (void)maxaddr;
    if (!info) return NULL;
    int how = flags & H5F_ACC_RDWR ? O_RDWR : O_RDONLY;
    if (flags & H5F_ACC_TRUNC) how |= O_TRUNC;
    if (info->fd >= 0 && flags & H5F_ACC_RDWR) return NULL;
    int fd = info->fd >= 0 ? fcntl(info->fd, F_DUPFD_CLOEXEC, 3)
                           : open(name, how | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return NULL;
    driver_file *f = fstat(fd, &sb) == 0 ? calloc(1, sizeof *f) : NULL;
    if (!f) {
        if (!*info->failed) *info->failed = ENOMEM;
        close(fd);
        return NULL;
    }
    f->fd = fd;
    f->eof = (haddr_t)sb.st_size;
    f->failed = info->failed;
    f->head = info->head;
    f->n_head = info->n_head;
    return &f->pub;
}

static herr_t driver_close(H5FD_t *file)
{
    driver_file *f = (driver_file *)file;
    if (close(f->fd) != 0 && errno != EINTR) note_failure(f);
    free(f);
    return 0;
}

static herr_t driver_query(const H5FD_t *file, unsigned long *flags)
{
    (void)file;
    *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
             H5FD_FEAT_AGGREGATE_SMALLDATA;
    return 0;
}

static haddr_t driver_get_eoa(const H5FD_t *file, H5FD_mem_t type)
{
    (void)type;
    return ((const driver_file *)file)->eoa;
}

static herr_t driver_set_eoa(H5FD_t *file, H5FD_mem_t type, haddr_t addr)
{
    (void)type;
    ((driver_file *)file)->eoa = addr;
    return 0;
}

static haddr_t driver_get_eof(const H5FD_t *file, H5FD_mem_t type)
{
    (void)type;
    return ((const driver_file *)file)->eof;
}

static herr_t driver_read(H5FD_t *file, H5FD_mem_t type, hid_t dxpl, haddr_t addr, size_t size,
                          void *buffer)
{
    const driver_file *f = (const driver_file *)file;
    char *b = buffer;
    (void)type;
    (void)dxpl;
    if (addr <= f->n_head && size <= f->n_head - addr) {
        memcpy(b, f->head + addr, size);
        return 0;
    }
    while (size > 0) {
        ssize_t n = pread(f->fd, b, size, (off_t)addr);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            note_failure(f);
            return -1;
        }
        if (n == 0) { /* beyond the end there are zeros, as after a truncation */
            memset(b, 0, size);
            return 0;
        }
        b += n;
        addr += (haddr_t)n;
        size -= (size_t)n;
    }
    return 0;
}

static herr_t driver_write(H5FD_t *file, H5FD_mem_t type, hid_t dxpl, haddr_t addr, size_t size,
                           const void *buffer)
{
    driver_file *f = (driver_file *)file;
    const char *b = buffer;
    (void)type;
    (void)dxpl;
    if (addr + size > f->eof) f->eof = addr + size;
    while (size > 0 && !*f->failed) {
        ssize_t n = pwrite(f->fd, b, size, (off_t)addr);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            if (n == 0) errno = EIO;
            note_failure(f);
            break;
        }
        b += n;
        addr += (haddr_t)n;
        size -= (size_t)n;
    }
    return 0;
}

static herr_t driver_truncate(H5FD_t *file, hid_t dxpl, hbool_t closing)
{
    driver_file *f = (driver_file *)file;
    (void)dxpl;
    (void)closing;
    if (f->eoa == f->eof) return 0;
    if (!*f->failed && ftruncate(f->fd, (off_t)f->eoa) != 0) note_failure(f);
    f->eof = f->eoa;
    return 0;
}

static const H5FD_class_t driver = {
#if H5_VERSION_GE(1, 13, 0)
    .version = H5FD_CLASS_VERSION,
    .value = (H5FD_class_value_t)300, /* 256 to 511 are for drivers that nobody else opens */
#endif
    .name = "millrace",
    .maxaddr = MAX_ADDRESS,
    .fc_degree = H5F_CLOSE_STRONG,
    .fapl_size = sizeof(driver_info),
    .open = driver_open,
    .close = driver_close,
    .query = driver_query,
    .get_eoa = driver_get_eoa,
    .set_eoa = driver_set_eoa,
    .get_eof = driver_get_eof,
    .read = driver_read,
    .write = driver_write,
    .truncate = driver_truncate,
    .fl_map = H5FD_FLMAP_DICHOTOMY,
};

static hid_t use(hid_t fapl, driver_info info)
{
    hid_t id = H5FDregister(&driver);
    if (id >= 0 && H5Pset_driver(fapl, id, &info) < 0) mr_h5vfd_done(&id);
    return id;
}

hid_t mr_h5vfd_use(hid_t fapl, int *failed)
{
    return use(fapl, (driver_info){.failed = failed, .fd = -1});
}

hid_t mr_h5vfd_read(hid_t fapl, int fd, const void *head, size_t n_head, int *failed)
{
    return use(fapl, (driver_info){.failed = failed, .fd = fd, .head = head, .n_head = n_head});
}

void mr_h5vfd_done(hid_t *id)
{
    if (*id >= 0) H5FDunregister(*id);
    *id = -1;
}
