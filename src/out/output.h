/* out/output.h: lane files, the master file and the index: laid out by libhdf5, filled by our own
 * pwrite, committed by the protocol part -> trailer -> fsync -> publish -> fsync folder. */
#ifndef MR_OUT_OUTPUT_H
#define MR_OUT_OUTPUT_H
#include "base/base.h"
#include "base/text.h"
#include "millrace/grid.h"

/** 128-bit digest as 32 hex characters and NUL. */
typedef struct mr_digest {
    char hex[33];
} mr_digest;
/** Give memory that libhdf5 and the heap keep for later back to the system. */
void mr_out_tidy(void);
/** XXH3-128 of bytes. */
mr_digest mr_digest_of(const void *p, size_t n);

/** What lanes hold, and what all of them come to at the end (out/product/kinds.c). */
typedef enum mr_product_kind {
    MR_SAMPLES, /* values [time][distance]; a virtual master over all lanes */
    MR_ROWS,    /* the same with axes in between, a row an interval */
    MR_SUMS,    /* float64 sums and their counts; merged and divided into one result */
    MR_TABLE,   /* rows of a table, any number; a span's rows come to events, once */
    MR_PRODUCT_KINDS
} mr_product_kind;

/** What a row of a product holds per channel, and as what. Zero: one float32 sample. */
typedef struct mr_row_shape {
    size_t n_axes;       /* between time and distance */
    const mr_axis *axis; /* [borrow] [n_axes] */
    mr_product_kind kind;
    int count_axes; /* int32 counts beside it: 1 [time][distance], 2 [time][axis 0][distance] */
    bool f64;       /* values are float64, in the end */
    bool power;     /* mr_geom.power */
    const mr_table *table; /* of MR_TABLE: then a row is one of it, and there are no axes */
} mr_row_shape;
/** Values and counts of a row per channel; bytes of a row of nc channels without its counts. */
size_t mr_shape_depth(const mr_row_shape *s);
size_t mr_shape_counts(const mr_row_shape *s);
size_t mr_shape_bytes(const mr_row_shape *s, uint64_t nc);
/** An output block of so many rows: all rows, behind them all counts, from *counts_at on. Bytes. */
size_t mr_shape_block(const mr_row_shape *s, uint64_t rows, uint64_t nc, size_t *counts_at);
/** Bytes of one value as a lane holds it, and as result.h5 does. */
size_t mr_shape_cell(const mr_row_shape *s);
size_t mr_shape_result_cell(const mr_row_shape *s);

/** What tells the series of one archive apart: lanes of one series never overlap in time. */
typedef struct mr_series {
    mr_digest what; /* all that must be equal: channels, types, quantities, units */
    double rate_hz, dx_m, x0_m, gauge_m; /* what may differ a little from file to file */
} mr_series;
bool mr_series_near(const mr_series *a, const mr_series *b); /* the numbers alone */
bool mr_series_same(const mr_series *a, const mr_series *b);

/** What goes into one lane file. All [borrow] for the time of mr_lane_create. */
typedef struct mr_lane_spec {
    const char *folder;  /* the output folder */
    const char *rel;     /* final name relative to it: lanes/2026-01-01/...h5 */
    const char *attempt; /* goes into the .part name only */
    uint64_t rows, nc;
    const int64_t *time_ns;      /* [rows]; NULL for a table */
    int64_t t0_ns, t1_ns;        /* as the index lists it */
    int64_t from_ns, to_ns;      /* what it stands for: [from, to) */
    const double *distance_m;    /* [nc] */
    double rate_hz;              /* of the output */
    double gauge_m, dx_m;        /* 0 unknown */
    const char *quantity, *unit; /* array's name, its units */
    const char *title;
    const char *chain;         /* canonical human text of the chain */
    const char *inputs;        /* one line a file: name size t0 (no path, no clock) */
    const char *const *ledger; /* lines of the ledger that touch this lane */
    size_t n_ledger;
    /* geometry table, carried if present: [nc] each or NULL */
    const double *latitude, *longitude, *elevation;
    bool deflate; /* compress: deflate (shuffle + level 4); float64 sums stay as they are */
    mr_row_shape shape;
    mr_series series;
    mr_digest plan; /* digest of the plan */
    mr_digest lane; /* identity of the lane */
} mr_lane_spec;

typedef struct mr_lane_file mr_lane_file;
/** Lay out the .part file (O_EXCL) and close it in libhdf5. One thread at a time uses a handle.
 * Only the writer thread calls these. */
mr_status mr_lane_create(const mr_lane_spec *spec, mr_lane_file **out);
/** Append nr rows ([nr][axes...][nc], packed, of the shape's type), in order; any nr. With deflate
 * rows are collected to whole chunk tiers (mr_lane_tier_rows) and packed here;
 * appending whole tiers saves the copying. */
mr_status mr_lane_append(mr_lane_file *f, const void *data, uint64_t nr);
/** The counts of rows [row, row + nr), where the shape has any. */
mr_status mr_lane_counts(mr_lane_file *f, const int32_t *counts, uint64_t row, uint64_t nr);
/** Rows of a chunk when deflating (about 1 MiB of samples; 1 without deflate). */
uint64_t mr_lane_tier_rows(const mr_lane_spec *spec);
/** Bytes that an open lane file holds beside the caller's rows, for the memory plan. */
size_t mr_lane_buffer_bytes(const mr_lane_spec *spec);
/** What the lane was made from, as lines of out/digests.h. Once, before mr_lane_commit. */
mr_status mr_lane_inputs(mr_lane_file *f, const mr_text *lines);
/** Trailer, fsync, close, publish without overwriting, fsync folder. An equal complete file already
 *  there is adopted (*adopted = true). [take] f in any case (freed; the .part unlinked on failure).
 *  digest: of the file before its trailer. */
mr_status mr_lane_commit(mr_lane_file *f, mr_digest *digest, bool *adopted);
/** Drop an unfinished lane: unlink its .part. [take] */
void mr_lane_abort(mr_lane_file *f);

/** Rows of one size, in order, as many as come. folder: where they may lie when they are many. One
 *  thread at a time. */
typedef struct mr_spool mr_spool;
mr_status mr_spool_new(const char *folder, mr_spool **out);
void mr_spool_free(mr_spool *s);
mr_status mr_spool_add(mr_spool *s, const void *data, size_t n);
uint64_t mr_spool_bytes(const mr_spool *s);
mr_status mr_spool_read(const mr_spool *s, uint64_t at, size_t n, void *out);

/** A row of a lane of picks, and one of the table of events. Times are by the stamps; channels are
 *  numbered as in the input. */
typedef struct mr_pick_row {
    int64_t start_ns, end_ns, peak_ns, channel;
    double distance_m, peak;
    int64_t on, off, peak_at; /* the same times as numbers of samples */
    int32_t flags, column;    /* column: of the array */
} mr_pick_row;
extern const mr_table mr_pick_table;
typedef struct mr_event_row {
    int64_t start_ns, end_ns, channel_first, channel_last;
    double distance_first_m, distance_last_m, peak;
    int64_t peak_ns, peak_channel, n_channels;
    double velocity_m_s, velocity_error_m_s, score;
    int32_t flags, template;
} mr_event_row;
extern const mr_table mr_event_table;

/** events.h5, events.csv and, if asked for, events.xml (QuakeML) of any number of events, which are
 *  ordered by start, then first channel, within each stream, and then over all. Rank 0 only. */
typedef struct mr_events mr_events;
typedef struct mr_spot {
    double latitude, longitude; /* degrees */
} mr_spot;
typedef struct mr_events_words {
    const char *title, *chain, *unit; /* unit: of the peaks */
    bool quakeml;
    bool (*spot)(const void *arg, int64_t channel, mr_spot *out); /* where a channel is, if known */
    const void *arg;
} mr_events_words;
mr_status mr_events_new(const char *folder, size_t streams, mr_events **out);
void mr_events_free(mr_events *e);
mr_status mr_events_add(mr_events *e, size_t stream, const mr_event_row *row);
uint64_t mr_events_count(const mr_events *e);
/** index: digest of the text of index.csv, which is then written. */
mr_status mr_events_write(mr_events *e, const mr_events_words *words, const mr_digest *plan,
                          const mr_digest *index);

/** A table of a file of ours. MR_EINPUT: it holds none of this kind. [give] out */
typedef struct mr_table_file mr_table_file;
mr_status mr_table_open(const char *path, const mr_table *t, mr_table_file **out);
uint64_t mr_table_rows(const mr_table_file *f);
mr_status mr_table_read(const mr_table_file *f, uint64_t first, uint64_t n, void *rows);
void mr_table_close(mr_table_file *f);

/** The last 64 bytes of an output file. */
typedef struct mr_trailer {
    uint64_t length; /* bytes before the trailer */
    mr_digest plan, lane, content;
} mr_trailer;
#define MR_TRAILER_BYTES 64
/** Read the trailer: MR_OK, or MR_EVERIFY with the reason (absent, cut, damaged). deep: also digest
 *  the content and compare. */
mr_status mr_trailer_read(const char *path, bool deep, mr_trailer *out);
/** Append a trailer to a closed file, fsync it, rename it to its final name (replacing), fsync the
 *  folder: for master.h5. */
mr_status mr_seal(const char *part, const char *final_path, const mr_digest *plan,
                  const mr_digest *id);
/** Durable small file: write NAME.part, fsync, rename over NAME, fsync folder. */
mr_status mr_write_durably(const char *path, const void *data, size_t n);

/** A lane as the master file and the index list it. */
typedef struct mr_lane_entry {
    const char *rel;       /* relative to the output folder */
    int64_t t0_ns, t1_ns;  /* first and last sample */
    uint64_t rows, c0, c1; /* rows, half-open channel range in the selection's numbering */
    uint64_t ch0, ch1;     /* the same in the input's numbering, as in the name; 0, 0: c0, c1 */
    mr_digest digest;
    int part; /* 0 = first rate and layout, 1.. = /part2.. */
    double rate_hz;
    const char *quantity, *unit;
    mr_row_shape shape;
    size_t number; /* of the planned lane in whose place it stands */
} mr_lane_entry;
/** master.h5: a virtual dataset over the lanes of each part, time order; sealed with a trailer.
 *  Deterministic bytes. index.csv beside it. Rank 0 only. */
mr_status mr_master_write(const char *folder, const mr_lane_entry *lanes, size_t n,
                          const mr_digest *plan);

/* --- result.h5 instead, where lanes hold sums: merged in a tree of sixteen by lane index, divided
 * by their counts: [axes...][distance] float32 and the counts of each part. Deterministic bytes.
 * Rank 0 begins; the others join with what it packs; whoever is there merges pieces, each once, in
 * any order; all sync; when all have, rank 0 seals. */
typedef struct mr_result mr_result;
/** Find the sums and lay out the file, as a .part; what a run that was killed had merged of the
 *  same lanes is taken over. lanes [borrow] for the life of *out. */
mr_status mr_result_begin(const char *folder, const mr_lane_entry *lanes, size_t n,
                          mr_result **out);
/** What the others need to know, appended. */
mr_status mr_result_pack(const mr_result *r, mr_text *out);
/** The same lanes and rank 0's pack. */
mr_status mr_result_join(const char *folder, const mr_lane_entry *lanes, size_t n, const void *pack,
                         size_t pack_bytes, mr_result **out);
uint64_t mr_result_pieces(const mr_result *r);
/** Merge and write one piece of about 1 MiB, in about 10 MB of memory, unless it is there: its
 *  digest, or "". Any thread. */
mr_status mr_result_merge(mr_result *r, uint64_t piece, mr_digest *sum);
/** Write down that it is merged, for a run that goes on after this one was killed. Main thread. */
mr_status mr_result_note(mr_result *r, const char *folder, int rank, uint64_t piece,
                         const mr_digest *sum);
/** What this process wrote is on disk after this. */
mr_status mr_result_sync(mr_result *r);
/** Trailer and final name. */
mr_status mr_result_seal(mr_result *r, const char *folder, const mr_digest *plan);
/** What was merged stays for another run, whatever becomes of this one. */
void mr_result_keep(mr_result *r);
/** Unless it was sealed, removes what mr_result_begin laid out. */
void mr_result_free(mr_result *r);

/** index.csv. Rank 0 only. */
mr_status mr_index_write(const char *folder, const mr_lane_entry *lanes, size_t n);
/** Digest of the text that mr_index_write would write. */
mr_status mr_index_digest(const mr_lane_entry *lanes, size_t n, mr_digest *out);
/** Remove index.csv, master.h5, result.h5 and plan.sum, durably: before the first lane file is
 * added or replaced, so that a folder with an index is always a finished one. At the end:
 * mr_master_write, then mr_index_write, which is what says "finished". Absent files are fine. */
mr_status mr_master_remove(const char *folder);

/** Lanes whose inputs are not in the archive any more. */
typedef struct mr_kept_lane {
    char *rel;
    mr_digest checksum;
    size_t n_losses; /* known where it was just looked at; not in the list on disk */
} mr_kept_lane;
typedef struct mr_kept {
    mr_kept_lane *v;
    size_t n, cap;
} mr_kept;
mr_status mr_kept_add(mr_kept *k, const char *rel, const mr_digest *checksum);
void mr_kept_fini(mr_kept *k);
/** The list in the folder, for verify; none where there are none. Where it changes, "finished" is
 *  taken back first (mr_master_remove). Before mr_index_write, which watches it. */
mr_status mr_kept_write(const char *folder, mr_kept *k);
/** Read it back, sorted. A missing one is empty; MR_EVERIFY: damaged. */
mr_status mr_kept_read(const char *folder, mr_kept *out);
mr_kept_lane *mr_kept_find(const mr_kept *k, const char *rel);

/** A lane that stays although inputs of it are gone: it stands in index and master in the place of
 *  a planned lane, which could only hold less. */
typedef struct mr_held {
    uint64_t lane; /* the planned lane, by number */
    bool first;    /* of those that it stands for: the one that is listed */
    uint64_t rows, n_losses;
    int64_t t0_ns, t1_ns;
    mr_digest digest;
    char rel[104];
    char missing[300]; /* the first input that is gone, printable */
} mr_held;

/** Length of a lane's name up to the number that may be behind it. */
size_t mr_lane_stem(const char *rel);
/** Another number behind the name of a complete lane file, one that `taken` does not claim and no
 *  file has. [give] now: its name then. */
mr_status mr_lane_aside(const char *folder, const char *rel,
                        bool (*taken)(void *arg, const char *rel), void *arg, char **now);

/** A run begins to change the folder: until mr_unfinished_clear it is an unfinished one. */
mr_status mr_unfinished_mark(const char *folder);
mr_status mr_unfinished_clear(const char *folder);
/** Marked, or nothing of a finished run is there. */
mr_status mr_unfinished(const char *folder, bool *yes);
/** The end of report.json: the digest of the folder's index.csv, and of all before. */
mr_status mr_report_seal(mr_text *t, const char *folder);
/** Is it as it was written? index: the one it was written with, "" for none. */
bool mr_report_sealed(const mr_text *t, mr_digest *index);
/** Does somebody else's file stand in the place of a lane? It is nothing that a run writes, in a
 *  folder that a link leads to. */
bool mr_lane_foreign(const char *path);

typedef struct mr_verified {
    size_t n_files;   /* trailers that were checked */
    size_t n_kept;    /* of these, kept lanes' */
    size_t n_foreign; /* files that no run made: named, not judged */
    bool unfinished;  /* what is there was checked, but it is not all */
} mr_verified;
/** Check an output folder: every file under lanes/ and the master against trailers, index.csv, the
 *  list of kept lanes and names; plan.json against the checksum that mr_index_write left beside it;
 *  report.json against its own. One line a finding through `say`, each naming a file. MR_OK;
 *  MR_EVERIFY; MR_STOPPED: nothing is damaged, but a run is to go on here. running: one does. */
mr_status mr_verify_folder(const char *folder, bool running,
                           void (*say)(void *arg, const char *line), void *arg, mr_verified *out);
mr_status mr_output_versions(mr_text *t); /* "HDF5 1.10.8, libdeflate 1.14, ..." */
#endif
