/* in/clock/clock.h: what a dataset says of time, and what is made of it. Layouts hand over the
 * sources that they find; input.map overrides them; mr_clock_settle compares all and makes start,
 * nominal rate and stretches. Workers only. */
#ifndef MR_IN_CLOCK_CLOCK_H
#define MR_IN_CLOCK_CLOCK_H
#include "base/base.h"

struct mr_h5;
struct mr_find;

/** A vector of stamps, one a row: epoch_ns + number x ns_per. */
typedef struct mr_stamps {
    char where[600];   /* fact of the file; "": none */
    double ns_per;     /* of its unit */
    bool unit_open;    /* writers use others: what fits rate and calendar is taken, and said */
    int64_t epoch_ns;  /* what its numbers count from */
    bool since_start;  /* its numbers count from the stated start, as a rule */
    uint64_t first, n; /* its number of row 0, and how many count; n 0: all from there */
} mr_stamps;

/** Stamps of some rows, the ones between lie evenly: [n] each, rows ascending. */
typedef struct mr_tie_points {
    uint64_t *row;
    int64_t *t_ns; /* since epoch_ns */
    size_t n;
    int64_t epoch_ns;
    double res_ns;
} mr_tie_points;

typedef enum mr_clock_by { MR_CLOCK_BY_ALL, MR_CLOCK_BY_STAMPS, MR_CLOCK_BY_RATE } mr_clock_by;

/** Zero-initialise; mr_clock_fini. Names are constants, as users know them. */
typedef struct mr_clock {
    mr_stamps stamps;
    mr_tie_points ties;
    bool have_start, have_end;
    int64_t start_ns, end_ns; /* of the first and the last sample */
    const char *start_name, *end_name;
    double ends_res_ns; /* what they are good to; 0: 1 us */
    double rate_hz;     /* stated; 0: not */
    const char *rate_name;
    double precise_hz;      /* measured by the recorder; 0: not */
    bool user_start;        /* input.map has said it */
    bool rate_is_of_pulses; /* a multiple of it may be stated, by a whole decimation */
    double factor;          /* stated decimation that may explain a rate; 0: none */
    mr_clock_by by;
} mr_clock;
void mr_clock_fini(mr_clock *c);

/** A vector of stamps in this unit since 1970. */
void mr_clock_stamps(mr_clock *c, const char *where, double ns_per);
void mr_clock_start(mr_clock *c, const char *name, int64_t ns);
void mr_clock_end(mr_clock *c, const char *name, int64_t ns);
void mr_clock_rate(mr_clock *c, const char *name, double rate_hz);

/** From f->clock: rate, start and stretches of the n rows of f. MR_EINPUT names what cannot be. */
mr_status mr_clock_settle(const struct mr_h5 *h, struct mr_find *f, uint64_t n);

/** CF units of a time axis, "milliseconds since 2026-01-01 00:00:00 +02:00", with the calendar
 *  ("" none stated). MR_EINPUT when it is none that we know. */
mr_status mr_clock_cf(const char *units, const char *calendar, double *ns_per, int64_t *epoch_ns);
#endif
