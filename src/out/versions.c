/* out/versions.c: the libraries the output side uses, as they are at run time. */
#include "out/output.h"
#include <hdf5.h>
#include <xxhash.h>
#include <zlib.h>
#ifdef MR_LIBDEFLATE
#include <libdeflate.h>
#define DEFLATE_WITH "libdeflate " LIBDEFLATE_VERSION_STRING
#else
#define DEFLATE_WITH "no libdeflate (zlib deflates)"
#endif

mr_status mr_output_versions(mr_text *t)
{
    unsigned major = 0, minor = 0, release = 0, x = XXH_versionNumber();
    H5dont_atexit();
    H5get_libversion(&major, &minor, &release);
    return mr_text_add(t, "HDF5 %u.%u.%u, zlib %s, %s, xxhash %u.%u.%u", major, minor, release,
                       zlibVersion(), DEFLATE_WITH, x / 10000, x / 100 % 100, x % 100);
}
