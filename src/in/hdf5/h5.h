/* in/hdf5/h5.h: a hostile-file-proof corner of libhdf5 for workers and tests: open without locks,
 * plug-ins or links out of the file, and read single facts whatever type they were stored in.
 *
 * Facts are named as users name them: "Acquisition@PulseRate" is an attribute, "@fileVersion" one
 * of the root, "header/dt" a dataset. */
#ifndef MR_IN_HDF5_H5_H
#define MR_IN_HDF5_H5_H
#include "base/base.h"
#include <hdf5.h>

/** An open file. */
typedef struct mr_h5 {
    const char *path;    /* [borrow] as given */
    int fd;              /* [borrow] read through it, whatever the name means by now */
    uint64_t size;       /* bytes of the file */
    const uint8_t *head; /* [borrow] its first bytes, which libhdf5 need not read again */
    size_t n_head;
    hid_t file, lapl; /* lapl refuses external links; pass it with every name */
    uint64_t base;    /* bytes before the superblock's zero address */
    unsigned so, sl;  /* bytes of an address and of a length in the file's own structures */
    bool writing;     /* its writer said that it is not done */
    hid_t driver;     /* libhdf5 reads through it */
    int failed;       /* errno of the first read that the system refused, ENOMEM where libhdf5
                            had no memory; 0 none */
    int *note;        /* &failed, for whoever has the file as const */
} mr_h5;

/** Open what path, fd, size, head and n_head say: in/infile.c fills them. MR_EINPUT with a
 *  printable reason. h stays where it is until it is closed. Whoever has read facts looks at
 *  h->failed: what could not be read looks like what is not there. A file that is no HDF5, h NULL,
 *  has no facts. */
mr_status mr_h5_open(mr_h5 *h);
/** Everything opened through h is closed with it. */
void mr_h5_close(mr_h5 *h);

/** Open a group or dataset; -1 if there is none. Caller closes with H5Oclose. */
hid_t mr_h5_object(const mr_h5 *h, const char *path);
bool mr_h5_is_group(const mr_h5 *h, const char *path);
/** True if `where` is there (attribute or object). */
bool mr_h5_has(const mr_h5 *h, const char *where);
/** Has the object one of these attributes? Opened once for all. */
bool mr_h5_has_any(const mr_h5 *h, const char *path, const char *const *names, size_t n);
/** A dataset whose samples lie in this very file and need no plug-in: checked on the creation list
 *  before anything else is asked. MR_EINPUT names what is wrong. */
mr_status mr_h5_dataset(const mr_h5 *h, const char *path, hid_t *out);
/** Rank and extents (up to max_rank) of a dataset opened by mr_h5_dataset. */
mr_status mr_h5_shape(hid_t dset, unsigned max_rank, unsigned *rank, uint64_t *dims);
/** Names of the members of a group, in name order, at most max (the rest is not counted). [give]
 * each in v[i], free() them. */
size_t mr_h5_members(const mr_h5 *h, const char *group, size_t max, char **v);

/** Number of elements of a fact; 0 if missing, empty or unreadable. */
uint64_t mr_h5_count(const mr_h5 *h, const char *where);
/** First element as a number, from integers, floats, booleans or text of a number; false if
 * missing, not a number or not finite. */
bool mr_h5_f64(const mr_h5 *h, const char *where, double *out);
bool mr_h5_i64(const mr_h5 *h, const char *where, int64_t *out);
/** Element i as text, cut at size - 1, spaces at the ends removed. False if missing or not text. */
bool mr_h5_text(const mr_h5 *h, const char *where, uint64_t i, char *buf, size_t size);
/** Elements [first, first + n) of a numeric fact of one dimension (others of extent 1). */
bool mr_h5_f64s(const mr_h5 *h, const char *where, uint64_t first, uint64_t n, double *out);
bool mr_h5_i64s(const mr_h5 *h, const char *where, uint64_t first, uint64_t n, int64_t *out);
/** How the numbers of a fact are stored. */
typedef enum mr_number_class { MR_NUMBER_NONE, MR_NUMBER_INT, MR_NUMBER_FLOAT } mr_number_class;
typedef struct mr_number {
    mr_number_class cls;
    size_t size; /* bytes of one */
    uint64_t n;  /* how many there are */
} mr_number;
mr_number mr_h5_number(const mr_h5 *h, const char *where);
/** True if the fact is stored as whole numbers. */
bool mr_h5_is_int(const mr_h5 *h, const char *where);
/** What libhdf5 last complained about, innermost first, printable; "" if nothing. */
const char *mr_h5_complaint(char *buf, size_t size);
#endif
