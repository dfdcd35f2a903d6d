/* out/out.h: what the files of the output side share: checked system calls, the running checksum,
 * the trailer, publishing. Internal to out/. */
#ifndef MR_OUT_OUT_H
#define MR_OUT_OUT_H
#include "out/output.h"

/* --- checksum that runs along with the writing ------------------------------------------------ */

/** XXH3-128 of all bytes added so far. */
typedef struct mr_sum mr_sum;
mr_status mr_sum_new(mr_sum **out);
void mr_sum_free(mr_sum *s);
void mr_sum_add(mr_sum *s, const void *p, size_t n);
mr_digest mr_sum_digest(const mr_sum *s);
/** Add the bytes [a, b) of an open file. path is for messages. */
mr_status mr_sum_add_file(mr_sum *s, int fd, uint64_t a, uint64_t b, const char *path);
/** 32 hex characters to 16 bytes; false if malformed. */
bool mr_digest_parse(const char *hex, uint8_t raw[16]);
bool mr_digest_same(const mr_digest *a, const mr_digest *b);

/* --- system calls that retry only EINTR and short counts; MR_EOUTPUT names path and reason ---- */

mr_status mr_out_pwrite(int fd, const void *p, size_t n, uint64_t at, const char *path);
/** Exactly n bytes or MR_EOUTPUT. */
mr_status mr_out_pread(int fd, void *p, size_t n, uint64_t at, const char *path);
/** fsync once, never again after a failure, and close; *fd becomes -1 in any case. */
mr_status mr_out_sync_close(int *fd, const char *path);
/** part -> path in one step, then the folder to disk. */
mr_status mr_out_replace(const char *part, const char *path);
/** fsync the folder that holds path. */
mr_status mr_out_sync_folder_of(const char *path);
/** "a/b" of "a/b/c"; "." if there is no slash. [give] out. */
mr_status mr_out_folder_of(const char *path, char **out);
/** a/b in one string. [give] out. */
mr_status mr_out_join(const char *a, const char *b, char **out);

/** Lines of mr_inputs_line at *end, which moves behind them. */
mr_status mr_inputs_append(int fd, uint64_t *end, const mr_text *lines, mr_sum *sum,
                           const char *path);

/* --- trailer and publishing ------------------------------------------------------------------- */

/** Append the trailer at `length` to a file whose bytes before it are in `sum`; content: the
 * checksum. */
mr_status mr_trailer_append(int fd, uint64_t length, const mr_digest *plan, const mr_digest *lane,
                            mr_sum *sum, mr_digest *content, const char *path);
/** Give a synced, complete .part its final name without overwriting, then fsync the folder. A file
 * of the same bytes that is there already is adopted and the .part removed. One that is damaged, or
 * is of the same plan with other inputs, is named and replaced. One of another plan, or of the same
 * lane with other samples, is MR_EOUTPUT and stays. The .part is gone after MR_OK only. */
mr_status mr_publish(const char *part, const char *final_path, const mr_trailer *mine,
                     bool *adopted);
#endif
