/* cli/inspect/show.h: facts of a recorder file as short texts, for those who read them. */
#ifndef MR_CLI_SHOW_H
#define MR_CLI_SHOW_H
#include "in/input.h"

#define MR_SHOW 160
/** "2026-01-01T00:00:00.5Z": mr_utc_iso without needless zeros, into buf (>= 40). */
const char *mr_show_time(int64_t ns, char *buf);
/** "60 s", "2 h 30 min", "1 d" into buf (>= 40). */
const char *mr_show_length(double seconds, char *buf);
/** "[time][channel]" as stored. [borrow] */
const char *mr_show_axes(const mr_store *s);
/** "contiguous", "chunks of 512 x 43, shuffle deflate" into buf (>= MR_SHOW). */
const char *mr_show_storage(const mr_store *s, char *buf);
/** "strain_rate in nm/m/s", or "counts; x 0.0123 = strain_rate in strain/s", into buf (>= MR_SHOW).
 */
const char *mr_show_unit(const mr_file_info *f, char *buf);
/** Without what a stored count stands for: "strain_rate in nm/m/s". */
const char *mr_show_unit_stored(const mr_file_info *f, char *buf);
const char *mr_show_filter(uint8_t filter);
#endif
