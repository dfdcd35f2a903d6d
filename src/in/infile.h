/* in/infile.h: a file as a layout sees it: its name, its size, its first bytes, bytes at any place,
 * and its HDF5, which is opened when the first layout that is one is asked. Workers and tests only:
 * what is read here may be hostile. */
#ifndef MR_IN_INFILE_H
#define MR_IN_INFILE_H
#include "in/hdf5/h5.h"
#include <sys/stat.h>

#define MR_INFILE_HEAD 8192 /* of most, that is all their facts */

/** An open file. Layouts have it as const: all they may do to it is look. */
typedef struct mr_infile {
    const char *path; /* [borrow] as given */
    const char *name; /* its last part, in path */
    uint64_t size;    /* bytes */
    size_t n_head;    /* min(size, MR_INFILE_HEAD) */
    uint8_t head[MR_INFILE_HEAD];
    const mr_h5 *h5; /* NULL: not opened as HDF5. Never for layouts whose row says hdf5 */
    int fd;          /* ours, whatever the name means by now */
    int failed;      /* errno of the first read that the system refused; 0 none */
    int *note;       /* &failed, for whoever has the file as const */
    mr_h5 file;      /* what h5 points at */
} mr_infile;

/** Regular files only, no symlink loop, never blocks on a FIFO; never empty. MR_EINPUT with a
 *  printable reason. s stays where it is until it is closed. Whoever has read looks at
 *  mr_infile_failed: what could not be read looks like what is not there. */
mr_status mr_infile_open(const char *path, mr_infile *s, struct stat *sb);
/** NULL-safe fields: may be closed after a failed open, and twice. */
void mr_infile_close(mr_infile *s);
/** Bytes [at, at + n) of the file; false: it has not as many, or the system refused (noted). */
bool mr_infile_read(const mr_infile *s, uint64_t at, void *to, size_t n);
/** Does the file begin with these n bytes? */
bool mr_infile_begins(const mr_infile *s, const void *bytes, size_t n);
/** Open it as HDF5, if that was not done; s->h5 is there then. MR_EINPUT says why it is none. */
mr_status mr_infile_h5(mr_infile *s);
/** errno of the first read of bytes or by libhdf5 that the system refused; 0: none. */
int mr_infile_failed(const mr_infile *s);
#endif
