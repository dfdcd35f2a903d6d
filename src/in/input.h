/* in/input.h: recorder files as the rest of the program sees them: what a file holds (found by a
 * worker process), and its raw samples (read by pread, decoded by us). No rank opens an input with
 * libhdf5; only workers do. */
#ifndef MR_IN_INPUT_H
#define MR_IN_INPUT_H
#include "base/base.h"
#include "base/node.h"
#include "millrace/grid.h"

typedef enum mr_dtype_kind { MR_DT_INT, MR_DT_UINT, MR_DT_FLOAT } mr_dtype_kind;
/** Type of a stored sample. size: 1, 2, 4, 8 bytes (float: 2, 4, 8). */
typedef struct mr_dtype {
    uint8_t kind, size, big_endian, pad;
} mr_dtype;

typedef enum mr_storage { MR_ST_CONTIGUOUS, MR_ST_CHUNKED } mr_storage;
typedef enum mr_filter { MR_FI_DEFLATE = 1, MR_FI_SHUFFLE = 2, MR_FI_FLETCHER32 = 3 } mr_filter;
#define MR_MAX_FILTERS 4

/** How and where the samples lie in the file. */
typedef struct mr_store {
    mr_dtype dtype;
    uint8_t storage;    /* mr_storage */
    uint8_t time_first; /* 1: [time][channel], 0: [channel][time] */
    uint8_t n_filters;
    uint8_t filters[MR_MAX_FILTERS]; /* in the order of the pipeline when writing */
    uint8_t ragged; /* chunks without filters: the last ones along time are stored with only the
                       rows that are left of nt, not with chunk_t */
    /* A third axis: stored rows come in frames of pad, of which [lead, lead + keep) count and stand
     * side by side in the recording. pad 0: all count. nt is a multiple of pad. */
    uint32_t pad, lead, keep;
    uint64_t nt, nc;           /* stored extents, by meaning */
    uint64_t row0;             /* first row that is valid (preallocated heads cut), of those that
                                  count */
    uint64_t offset;           /* contiguous: byte position of the first sample */
    uint64_t chunk_t, chunk_c; /* chunk extents by meaning; 0 if contiguous */
    uint64_t n_chunks;         /* entries of the chunk table: ceil(nt/chunk_t)*ceil(nc/chunk_c) */
} mr_store;
/** How many of its rows count; 0 where pad, lead and keep make no sense. */
static inline uint64_t mr_store_rows(const mr_store *s)
{
    if (!s->pad) return s->nt;
    const bool ok = s->keep && s->lead <= s->pad && s->keep <= s->pad - s->lead;
    return ok && s->nt % s->pad == 0 ? s->nt / s->pad * s->keep : 0;
}

/** One chunk: table index = (t / chunk_t) * ceil(nc / chunk_c) + c / chunk_c. nbytes 0: not stored
 *  (reads as NaN, integers as 0, and is listed). A chunk that the file places outside itself has
 * its offset at the end of the file: it cannot be had. */
typedef struct mr_chunk {
    uint64_t offset;
    uint32_t nbytes, mask; /* mask: HDF5 filter mask, bit i = filter i skipped */
} mr_chunk;

#define MR_NOTE_MAX 160
#define MR_ODD_MAX 640
#define MR_MAX_RECORDINGS 4096 /* of one file */
#define MR_MAX_SETS 64         /* datasets of one file */
#define MR_MAX_FILLS 4
/** How numbers are packed by the CF conventions: value = stored number x scale + offset; scale 0:
 *  as they are. Zero: nothing of it. */
typedef struct mr_packing {
    double scale, offset;
    double lo, hi; /* ranged: numbers outside are none */
    double fill[MR_MAX_FILLS];
    uint32_t n_fill, ranged;
} mr_packing;
static inline bool mr_is_packed(const mr_packing *p)
{
    return p->scale != 0 || p->n_fill || p->ranged;
}

/** A recording: rows of one dataset of a file with one clock, one rate, one set of channels; and
 *  the facts of its file. Plain data, so that it can cross processes. state != MR_OK: refused,
 *  `reason` says why (printable text) and only path-independent facts that could be read are set.
 *  What was odd are remarks joined by "; ", each "KIND: text" or "KIND(COUNT): text" with a kind of
 *  the ledger ("clock", "stamp", "place", ...); without one it is of the layout. */
typedef struct mr_file_info {
    mr_status state;
    char reason[MR_NOTE_MAX];
    char layout[24];  /* "prodml", "terra15", ... or "map" */
    char dataset[96]; /* path of the samples inside the file */
    uint32_t set;     /* number of that dataset among those of the file that are read */
    mr_store store;
    int64_t size, mtime_ns;
    uint64_t inode, device;
    int64_t t0_ns;   /* time of the first valid sample */
    int64_t t1_ns;   /* of the last, by the stamps: (t1 - t0) / (nt - 1) is the measured step */
    uint64_t nt, nc; /* valid samples per channel, channels */
    double rate_hz;  /* nominal */
    double dx_m, x0_m, gauge_m; /* 0 = unknown (x0: 0); dx_m: of all steps, negative: they fall */
    uint64_t places;            /* 0: channel i is at x0_m + i dx_m; else they are asked for */
    uint32_t uneven; /* 1: rows at no even times: they are asked for, rate_hz is about their mean */
    mr_packing packing;                          /* undone as samples are loaded */
    double to_native, to_strain_rate, to_strain; /* factors on these; 0 = unknown */
    char quantity[32], unit[32];                 /* of the stored samples as they are */
    char native_quantity[32], native_unit[32];
    char assumed[MR_NOTE_MAX]; /* what had to be assumed, for inspect; "" if nothing */
    char odd[MR_ODD_MAX];      /* contradictions found (flagged, still used); "" if none */
} mr_file_info;

/** All that a file holds: n >= 1 recordings, in order of dataset and row; a refused file is one
 *  refused recording. Zero-initialise; mr_probed_fini. */
typedef struct mr_probed {
    mr_file_info *rec; /* [n] */
    size_t n;
    mr_chunk **table; /* [n_tables] of dataset rec[i].set; NULL: contiguous, refused, not wanted */
    size_t n_tables;
    double **place;  /* [n_tables] positions of channels, where rec[i].places; NULL: not wanted */
    int64_t **stamp; /* [n_tables] times of rows, where rec[i].uneven; NULL: not wanted */
} mr_probed;
void mr_probed_fini(mr_probed *p);
/** Does recording b of a file go on where a ends, though their clocks' steps differ (drift)? They
 *  are told as one. */
bool mr_recording_goes_on(const mr_file_info *a, const mr_file_info *b);

/** Row i of the table of layouts, in the order of recognition; false beyond its end. supported:
 *  can be read. Strings are constants. Any thread. */
bool mr_layout_row(size_t i, const char **name, const char **title, bool *supported);

/** How files are to be probed: the config's input.map node, and its input.dataset; NULL: none. */
typedef struct mr_probe_opts {
    const mr_node *map;
    const char *dataset;
} mr_probe_opts;

/* --- zygote: fork it first thing in main, before MPI and before any thread
 * ------------------------- */

/** Fork the process that will fork workers. It has no MPI, no HDF5 until a worker needs it, closes
 *  the standard streams, dies with its parent. */
mr_status mr_zygote_start(void);
/** End it and its workers. Safe to call twice or without start. */
void mr_zygote_stop(void);

/** A pool of up to n workers under limits (memory 1 GiB address space beyond its start, 20 s of CPU
 * a file, 30 s of wall time a file). The node `map` may be NULL. Workers start when first needed; a
 *  new one after a crash, a limit or 1,000 files. Any thread may probe; calls beyond n wait. */
typedef struct mr_prober mr_prober;
mr_status mr_prober_new(int n, const mr_node *map, mr_prober **out);
/** Before the first file: the datasets that are wanted where a file has several. [borrow] */
void mr_prober_pick(mr_prober *p, const char *dataset);
void mr_prober_free(mr_prober *p);
/** Look at one file. Always fills out (a crash or limit of the worker is a refused file: "the
 * header crashed the HDF5 library (signal 11)"). tables: with the chunk tables. Returns MR_OK
 * unless we have no memory or no zygote. The file is a regular file opened without following a
 * final symlink loop; directories, FIFOs and devices are refused unopened. Thread-safe.
 * [give] out */
mr_status mr_probe_file(mr_prober *p, const char *path, bool tables, mr_probed *out);
/** Positions of the channels of one of its datasets. [give] x_m[nc]; MR_EINPUT: not to be had. */
mr_status mr_probe_places(mr_prober *p, const char *path, const char *dataset, uint64_t nc,
                          double **x_m);
/** Times of the nt rows, rising, of one of its datasets whose rows are uneven. [give] t_ns[nt];
 *  MR_EINPUT: not to be had. */
mr_status mr_probe_stamps(mr_prober *p, const char *path, const char *dataset, uint64_t nt,
                          int64_t **t_ns);
/** mr_probe_file of its first recording alone. chunks: [give] its chunk table of
 * info->store.n_chunks entries (NULL when contiguous or refused); pass NULL if not wanted. */
mr_status mr_probe(mr_prober *p, const char *path, mr_file_info *info, mr_chunk **chunks);
/** The same in this process, without a worker: only workers and tests call them. */
mr_status mr_probe_file_here(const char *path, const mr_probe_opts *o, bool tables, mr_probed *out);
mr_status mr_probe_here(const char *path, const mr_node *map, mr_file_info *info,
                        mr_chunk **chunks);
/** Check an input.map node before anything runs: keys, types, units; MR_ECONFIG with the place. */
mr_status mr_map_check(const mr_node *map);
/** Peak resident bytes of the workers so far. */
size_t mr_prober_peak_bytes(const mr_prober *p);

/* --- raw samples --------------------------------------------------------------------------------
 */

/** Which channels: first, first + step, ... n of them. */
typedef struct mr_chsel {
    uint64_t first, step, n;
} mr_chsel;

/** An open input. One reader at a time for mr_raw_read on the same handle. */
typedef struct mr_raw mr_raw;
/** Open for reading and check that size, mtime and inode are as surveyed, else MR_EINPUT "changed
 *  since the survey". chunks [borrow] must outlive it. */
mr_status mr_raw_open(const char *path, const mr_file_info *info, const mr_chunk *chunks,
                      mr_raw **out);
void mr_raw_close(mr_raw *r);
/** Read valid rows [t, t + nt) of the selected channels into dst, always [time][channel] with rows
 *  `stride` bytes apart, in the stored type but native byte order. Chunks that cannot be had (bad
 *  checksum, wrong inflated length, outside the file) are filled with NaN for floats, with 0 for
 *  integers. Every such rectangle is reported through `lost` (may be NULL), called with row and
 *  selected-channel ranges relative to the request; a chunk that two reads touch is reported by
 * each. Returns MR_EINPUT only when the file as a whole fails (I/O error, truncated): then dst's
 * content is undefined. Fastest when stride is n channels x size and all channels are wanted; of
 * chunks with filters, a tier in part is kept decoded for the next read. */
typedef void (*mr_lost_fn)(void *arg, mr_slab rows, mr_slab chans, const char *why);
mr_status mr_raw_read(mr_raw *r, uint64_t t, uint64_t nt, const mr_chsel *sel, void *dst,
                      size_t stride, mr_lost_fn lost, void *arg);
/** Rows that are best read together (chunk rows; 1 if contiguous), and the bytes of decode buffers
 * an open handle may hold. */
uint64_t mr_raw_tier_rows(const mr_file_info *info);
size_t mr_raw_buffer_bytes(const mr_file_info *info, const mr_chsel *sel);

/** Convert nt rows x nc channels of stored samples (native byte order, rows src_stride bytes apart)
 *  to float64 tile rows dst_stride doubles apart. Returns true if any value is NaN or infinite
 * (only floats can). SIMD, any thread. */
bool mr_load_f64(mr_dtype dt, const void *src, size_t src_stride, size_t nt, size_t nc, double *dst,
                 size_t dst_stride);
/** Numbers x as stored to values x factor; true if some are none, they become NaN. */
bool mr_unpack(const mr_packing *p, double factor, size_t nt, size_t nc, double *x, size_t stride);
/** Both: stored samples of a file to values x factor. */
bool mr_load_values(const mr_file_info *f, double factor, const void *src, size_t src_stride,
                    size_t nt, size_t nc, double *dst, size_t dst_stride);
size_t mr_dtype_name(mr_dtype dt, char *buf, size_t size); /* "float32", "int16 (big-endian)" */
#endif
