/* in/hdf5/h5vfd.h: the file driver through which libhdf5 writes our files and reads others'.
 * Internal to in/ and out/. */
#ifndef MR_IN_HDF5_H5VFD_H
#define MR_IN_HDF5_H5VFD_H
#include <hdf5.h>

/** Make fapl use the driver. *failed [borrow] becomes the errno of the first call to the system
 * that fails while the file is open; libhdf5 is told that it went well. Gives the driver's id, or
 * -1 where libhdf5 refuses; it must outlive the file: libhdf5 looks into it after the last close.
 */
hid_t mr_h5vfd_use(hid_t fapl, int *failed);
/** The same for reading the very file that fd [borrow] is open on, whatever its name means by now;
 *  its first n_head bytes [borrow] are at hand. libhdf5 is told of reads that fail, and *failed has
 *  the errno of the first. */
hid_t mr_h5vfd_read(hid_t fapl, int fd, const void *head, size_t n_head, int *failed);
void mr_h5vfd_done(hid_t *id);
#endif
