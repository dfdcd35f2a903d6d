/* in/hdf5/h5.c: opening a file that may be hostile. Only workers and tests come here. */
#include "in/hdf5/h5.h"
#include "base/text.h"
#include "in/hdf5/api.h"
#include "in/hdf5/h5vfd.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static herr_t refuse_link(MR_UNUSED const char *pf, MR_UNUSED const char *pg,
                          MR_UNUSED const char *cf, MR_UNUSED const char *co,
                          MR_UNUSED unsigned *flags, MR_UNUSED hid_t fapl, MR_UNUSED void *arg)
{
    return -1;
}

static herr_t first_complaint(unsigned n, const H5E_error2_t *e, void *arg)
{
    char *s = arg;
    if (n == 0 && e->desc) mr_printable(e->desc, s, 100);
    return 0;
}

const char *mr_h5_complaint(char *buf, size_t size)
{
    char s[100] = "";
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, first_complaint, s);
    if (size) mr_printable(s, buf, size);
    return buf;
}

static uint64_t le_at(const unsigned char *p, unsigned n)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < n && i < 8; i++) v |= (uint64_t)p[i] << (8 * i);
    return v;
}

/** Bytes from `at` on, at least `least` of n. */
static bool look_at(const mr_h5 *h, uint64_t at, unsigned char *b, size_t n, size_t least)
{
    if (at <= h->n_head && n <= h->n_head - at) {
        memcpy(b, h->head + at, n);
        return true;
    }
    return pread(h->fd, b, n, (off_t)at) >= (ssize_t)least;
}

/** Why libhdf5 would not open it: our own look at the first bytes. */
static mr_status explain_refusal(const mr_h5 *h)
{
    static const unsigned char sig[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
    unsigned char b[64] = {0};
    const uint64_t size = h->size;
    uint64_t at = 0;
    char why[100];
    mr_h5_complaint(why, sizeof why);
    for (;; at = at ? at * 2 : 512) {
        if (at >= size || at > (1u << 30)) return MR_RAISE(MR_EINPUT, "not an HDF5 file");
        if (!look_at(h, at, b, sizeof b, 48)) continue;
        if (memcmp(b, sig, 8) == 0) break;
    }
    unsigned v = b[8], so = v < 2 ? b[13] : b[9];
    unsigned eof_at = (v == 0 ? 24 : v == 1 ? 28 : 12) + 2 * so;
    if (v <= 3 && (so == 4 || so == 8)) {
        uint64_t end = le_at(b + eof_at, so);
        if (end != UINT64_MAX && end > size - at)
            return MR_RAISE(MR_EINPUT, "truncated: %llu bytes of %llu are there",
                            (unsigned long long)size, (unsigned long long)end);
        if (v == 3 && (b[11] & 5))
            return MR_RAISE(MR_EINPUT, "still open for writing, or its writer died (h5clear -s)");
    }
    return MR_RAISE(MR_EINPUT, "the HDF5 library cannot open it: %s", why);
}

/** Newest superblocks say when a file is open for writing; nobody unsays it for a writer that died.
 */
static bool being_written(const mr_h5 *h)
{
    unsigned char b[12] = {0};
    return look_at(h, h->base, b, sizeof b, sizeof b) && b[8] == 3 && (b[11] & 1);
}

static hid_t access_list(void)
{
    hid_t fapl = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fclose_degree(fapl, H5F_CLOSE_STRONG);
#if H5_VERSION_GE(1, 10, 7)
    H5Pset_file_locking(fapl, 0, 1);
#endif
    return fapl;
}

static herr_t look_for_memory(MR_UNUSED unsigned n, const H5E_error2_t *e, void *failed)
{
    int *to = failed;
    if (e->maj_num == H5E_RESOURCE && !*to) *to = ENOMEM;
    return 0;
}

/** Whatever fails in libhdf5 comes by here: what memory did not suffice for is not "not there". */
static herr_t note_failure(hid_t stack, void *failed)
{
    return H5Ewalk2(stack, H5E_WALK_UPWARD, look_for_memory, failed);
}

mr_status mr_h5_open(mr_h5 *h)
{
    mr_status st = MR_OK;
    hsize_t user = 0;
    size_t so = 8, sl = 8;
    h->file = h->lapl = h->driver = -1;
    h->failed = 0;
    h->note = &h->failed;
    H5dont_atexit();
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    mr_h5_no_plugins();
    hid_t fapl = access_list();
    h->driver = mr_h5vfd_read(fapl, h->fd, h->head, h->n_head, &h->failed);
    if (h->driver >= 0) h->file = H5Fopen(h->path, H5F_ACC_RDONLY, fapl);
    if (h->file < 0)
        st = h->failed ? MR_RAISE(MR_EINPUT, "cannot be read: %s", strerror(h->failed))
                       : explain_refusal(h);
    H5Pclose(fapl);
    MR_TRY(st);
    hid_t fcpl = H5Fget_create_plist(h->file);
    H5Pget_userblock(fcpl, &user);
    H5Pget_sizes(fcpl, &so, &sl);
    H5Pclose(fcpl);
    h->base = user;
    h->writing = being_written(h);
    h->so = (unsigned)so;
    h->sl = (unsigned)sl;
    h->lapl = H5Pcreate(H5P_LINK_ACCESS);
    if (h->lapl < 0 || H5Pset_elink_cb(h->lapl, refuse_link, NULL) < 0 ||
        H5Eset_auto2(H5E_DEFAULT, note_failure, &h->failed) < 0)
        st = MR_RAISE(MR_EMEM, "no memory for HDF5");
out:
    if (st != MR_OK) mr_h5_close(h);
    return st;
}

void mr_h5_close(mr_h5 *h)
{
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    if (h->lapl >= 0) H5Pclose(h->lapl);
    if (h->file < 0 || H5Fclose(h->file) >= 0) mr_h5vfd_done(&h->driver);
    h->file = h->lapl = -1;
}

hid_t mr_h5_object(const mr_h5 *h, const char *path)
{
    if (!h) return -1;
    while (*path == '/') path++;
    return H5Oopen(h->file, *path ? path : ".", h->lapl);
}

bool mr_h5_is_group(const mr_h5 *h, const char *path)
{
    hid_t o = mr_h5_object(h, path);
    bool yes = o >= 0 && H5Iget_type(o) == H5I_GROUP;
    if (o >= 0) H5Oclose(o);
    return yes;
}

/** Virtual, external and foreign storage is refused here, on the creation list alone. */
static mr_status check_creation(hid_t plist)
{
    H5D_layout_t lay = H5Pget_layout(plist);
    int ext = H5Pget_external_count(plist), nf = H5Pget_nfilters(plist);
    if (lay == H5D_VIRTUAL) return MR_RAISE(MR_EINPUT, "virtual dataset: not followed");
    if (lay < 0 || ext < 0 || nf < 0) return MR_RAISE(MR_EINPUT, "storage cannot be understood");
    if (ext > 0) return MR_RAISE(MR_EINPUT, "samples lie in another file: not followed");
    for (int i = 0; i < nf; i++) {
        unsigned flags, cfg;
        size_t n = 0;
        char name[64] = "", safe[64];
        H5Z_filter_t id =
            H5Pget_filter2(plist, (unsigned)i, &flags, &n, NULL, sizeof name, name, &cfg);
        name[sizeof name - 1] = 0;
        mr_printable(name, safe, sizeof safe);
        if (id < H5Z_FILTER_DEFLATE || id > H5Z_FILTER_FLETCHER32)
            return MR_RAISE(MR_EINPUT, "filter %d%s%s is not supported", (int)id, *safe ? " " : "",
                            safe);
    }
    return MR_OK;
}

mr_status mr_h5_dataset(const mr_h5 *h, const char *path, hid_t *out)
{
    mr_status st = MR_OK;
    char safe[80];
    hid_t plist = -1, o = mr_h5_object(h, path);
    if (o < 0 || H5Iget_type(o) != H5I_DATASET) {
        st = MR_RAISE(MR_EINPUT, "no dataset there");
        goto out;
    }
    plist = H5Dget_create_plist(o);
    if (plist < 0) st = MR_RAISE(MR_EINPUT, "storage cannot be understood");
    MR_TRY(st);
    MR_TRY(check_creation(plist));
    *out = o;
    o = -1;
out:
    if (plist >= 0) H5Pclose(plist);
    if (o >= 0) H5Oclose(o);
    mr_printable(path, safe, sizeof safe);
    if (st != MR_OK) mr_note("%s", safe);
    return st;
}

mr_status mr_h5_shape(hid_t dset, unsigned max_rank, unsigned *rank, uint64_t *dims)
{
    mr_status st = MR_OK;
    hsize_t d[H5S_MAX_RANK];
    hid_t space = H5Dget_space(dset);
    int r = space < 0 ? -1 : H5Sget_simple_extent_dims(space, d, NULL);
    if (r < 0 || H5Sget_simple_extent_type(space) == H5S_NULL)
        st = MR_RAISE(MR_EINPUT, "shape cannot be read");
    else if ((unsigned)r > max_rank)
        st = MR_RAISE(MR_EINPUT, "%d dimensions, not %u", r, max_rank);
    else {
        *rank = (unsigned)r;
        for (int i = 0; i < r; i++) dims[i] = d[i];
    }
    if (space >= 0) H5Sclose(space);
    return st;
}

typedef struct members {
    size_t n, max;
    char **v;
} members;

static herr_t add_member(MR_UNUSED hid_t g, const char *name, MR_UNUSED const mr_h5_link *info,
                         void *arg)
{
    members *m = arg;
    if (m->n == m->max) return 1;
    if (mr_strdup(name, &m->v[m->n]) != MR_OK) return -1;
    m->n++;
    return 0;
}

size_t mr_h5_members(const mr_h5 *h, const char *group, size_t max, char **v)
{
    members m = {.max = max, .v = v};
    hid_t o = mr_h5_object(h, group);
    if (o >= 0 && H5Iget_type(o) == H5I_GROUP)
        mr_h5_iterate(o, H5_INDEX_NAME, H5_ITER_INC, NULL, add_member, &m);
    if (o >= 0) H5Oclose(o);
    return m.n;
}
