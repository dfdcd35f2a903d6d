/* run/mill/even.h: inside run/mill: irregular rows, made even as they are read. */
#ifndef MR_EVEN_H
#define MR_EVEN_H
#include "run/mill/open.h"

/** A intake of a span whose irregular rows are made samples of a grid (run/mill/even.c). */
mr_status mr_read_even(mr_mill *m, mr_job *j, mr_intake *s, mr_open_input *f);
#endif
