/* in/hdf5/api.h: the calls of libhdf5 whose types changed between 1.10 and 1.12, by their versioned
 * names: no call that a library built without deprecated symbols lacks. */
#ifndef MR_IN_HDF5_API_H
#define MR_IN_HDF5_API_H
#include <hdf5.h>

#if H5_VERSION_GE(1, 12, 0)
typedef H5L_info2_t mr_h5_link;
#define mr_h5_iterate H5Literate2
#define mr_h5_reclaim H5Treclaim
#else
typedef H5L_info_t mr_h5_link;
#define mr_h5_iterate H5Literate
#define mr_h5_reclaim H5Dvlen_reclaim
#endif

/** No code but ours is loaded, whatever a file or the environment names. The loading state tells
 *  off filters; from 1.14 on a file that the native connector refuses is offered to every connector
 *  in the folders of plug-ins whatever that state, so that none of these may be left. Any number of
 *  times. */
static inline void mr_h5_no_plugins(void)
{
    unsigned n = 0;
    H5PLset_loading_state(0);
    while (H5PLsize(&n) >= 0 && n > 0 && H5PLremove(n - 1) >= 0) {
    }
}

/** Where an object's header lies in its file, from the superblock's zero address; HADDR_UNDEF when
 *  it cannot be had. */
static inline haddr_t mr_h5_header_address(hid_t object)
{
    haddr_t at = HADDR_UNDEF;
#if H5_VERSION_GE(1, 12, 0)
    H5O_info2_t info;
    if (H5Oget_info3(object, &info, H5O_INFO_BASIC) < 0 ||
        H5VLnative_token_to_addr(object, info.token, &at) < 0)
        at = HADDR_UNDEF;
#elif H5_VERSION_GE(1, 10, 3)
    H5O_info_t info;
    if (H5Oget_info2(object, &info, H5O_INFO_BASIC) >= 0) at = info.addr;
#else
    H5O_info_t info;
    if (H5Oget_info(object, &info) >= 0) at = info.addr;
#endif
    return at;
}
#endif
