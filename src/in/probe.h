/* in/probe.h: between probe.c, the worker and the prober. */
#ifndef MR_IN_PROBE_H
#define MR_IN_PROBE_H
#include "in/input.h"

/** Is this what a sound worker may say? Strings ended and printable, numbers finite and in range,
 *  samples inside the file, the table as long as the shape asks. n_chunks entries at chunks (NULL
 * and 0 when none); those outside the file are moved to its end, so that reading them is a loss and
 *  nothing else. Turns info into a refusal when not. */
void mr_info_check(mr_file_info *info, mr_chunk *chunks, uint64_t n_chunks);
/** The same of all recordings of a file: those of one dataset share its table. */
void mr_probed_check(mr_probed *p);
/** Make p one refused recording without facts but the file's size, which it may have already. */
mr_status mr_probed_refuse(mr_probed *p, const char *reason);
/** The first recording and its table out of p, which is emptied. */
void mr_probed_first(mr_probed *p, mr_file_info *info, mr_chunk **chunks);
/** Make info a refusal with this reason. */
void mr_info_refuse(mr_file_info *info, const char *fmt, ...) MR_PRINTF(2, 3);
#endif
