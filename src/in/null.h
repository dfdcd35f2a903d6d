/* in/null.h: recordings that are not there, for timing the pipe without a disk: files without bytes
 * whose samples are noise from a buffer in cache. Every run sees the same samples. */
#ifndef MR_IN_NULL_H
#define MR_IN_NULL_H
#include "in/input.h"
#include "base/text.h"

#define MR_NULL "null:" /* begins input.files; is output.folder */
/** Does an entry of input.files say so? */
bool mr_null_is(const char *text);
/** The names of the files that "null:rate=500 Hz,channels=1000,hours=1" (days, minutes, file=60 s,
 *  type=float32|float64|int16|int32) means, added to out. MR_ECONFIG without a place. */
mr_status mr_null_files(const char *text, mr_strs *out);
/** The facts of one of those names; false: it is none. */
bool mr_null_probe(const char *path, mr_file_info *out);

/** One file's samples. */
typedef struct mr_null mr_null;
mr_status mr_null_open(const mr_file_info *info, mr_null **out);
void mr_null_close(mr_null *n);
/** Rows [t, t + nt) of the selected channels. A sample depends on its row and channel alone. */
void mr_null_read(const mr_null *n, uint64_t t, uint64_t nt, const mr_chsel *sel, uint8_t *dst,
                  size_t stride);
#endif
