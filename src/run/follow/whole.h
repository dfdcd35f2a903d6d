/* run/follow/whole.h: which files of a growing archive are whole: written to their end and let go
 * by their writer. Rank 0's, for run/follow/arrivals.c. */
#ifndef MR_RUN_WHOLE_H
#define MR_RUN_WHOLE_H
#include "base/text.h"

typedef struct mr_whole mr_whole;
/** patience_s: a file that is not whole for so long is named in the log, once. */
mr_status mr_whole_new(double patience_s, mr_whole **out);
void mr_whole_free(mr_whole *w);

/** What a look has found. */
typedef struct mr_whole_news {
    size_t n_new;     /* files that were not taken at the last look, or have changed since */
    size_t n_pending; /* that are not whole yet */
} mr_whole_news;
/** Look at the files of a listing; those that are not taken leave it. Those that are get another
 *  look only with all, or where mr_whole_stir named them. A file is taken when its size
 *  and time of change were the same at a look 0.4 s before (or are older than 5 s), its HDF5 end of
 *  file agrees with its size, no flag in it says that somebody writes, and nobody on this host has
 *  it locked for writing. What was taken once stays. */
mr_status mr_whole_look(mr_whole *w, mr_strs *paths, bool all, mr_whole_news *news);
/** Something has happened to this file: it is looked at again. false: no listing had it yet. */
bool mr_whole_stir(mr_whole *w, const char *path);
/** Look at those alone that were not taken yet, or were stirred. */
void mr_whole_again(mr_whole *w, mr_whole_news *news);
/** Is the file whole by what stands in it? *why: what is missing, for the log. Reads 64 bytes. */
bool mr_whole_inside(const char *path, char *why, size_t size);
#endif
