/* millrace/op_fast.h: what an operator may say beyond its contract (op.h), all of it optional: how
 * it may be fed, for speed alone, and what the plan's advice and tests ask. Rows that are loaded
 * just before they are used stay in cache: operators that say streams, once or by_rows are fed so;
 * all others are given their whole input. */
#ifndef MR_OP_FAST_H
#define MR_OP_FAST_H
#include "millrace/op.h"

/** Input that is filled as it is read: before rows [0, n) of x are read, pull(arg, n) must have
 * been called. Loading a row just before its first use keeps it in cache. */
struct mr_feed {
    void (*pull)(void *arg, size_t n);
    /** For operators with once: the next n rows, stride as in x, at a place that holds until the
     *  next call: what is read once needs no place of its own. */
    const double *(*next)(void *arg, size_t n);
    /** Was one of the rows so far not finite? Then what comes of this piece is thrown away, and all
     * that is carried to the next one but `state` has to be left as it was. */
    bool (*spoilt)(void *arg);
    void *arg;
};

/** Rows that are loaded when they are asked for, into a place of the asker's: of long items, of
 * which a cache holds only some channels. */
struct mr_rows {
    void *arg;
    /** Rows [at.a, at.b) of channels [c, c + n) of the tile -> to[rows][8]; n <= 8. */
    void (*load)(void *arg, mr_slab at, size_t c, size_t n, double *to);
    /** After all of item k was loaded: bit i is set where channel c + i is good. */
    unsigned (*good)(void *arg, int64_t k, size_t c, size_t n);
};
/** Rows [t, t + n) of x, for operators with once: t is where the last call ended. They hold until
 * the next call. */
static inline const double *mr_piece_next(const mr_piece *p, size_t t, size_t n)
{
    return p->feed ? p->feed->next(p->feed->arg, n) : mr_at(p->x, t, 0);
}

/** For speed: row.fast = &(const mr_fast){.streams = true}. */
struct mr_fast {
    bool by_rows; /* a reducer: take can do with rows instead of x */
    bool streams; /* a map reads x in order of time and calls feed->pull, if there is one, before it
                      reads; never again what it has overwritten */
    bool once;    /* a map reads each row of x once, in order, through mr_piece_next */
    bool in_place; /* a map takes y on top of x, exactly the rows of x that have the same indices;
                      up = down = 1. pointwise says it as well */
    /** NULL, or: the cascade that this is, forward and backward (sos.h); NULL if it is not. And:
     * the finite response that this is (fir.h). One after the other run as one (defer.h). */
    const struct mr_sos *(*zero_phase)(const void *self);
    const struct mr_fir *(*finite)(const void *self);
    /** NULL, or: how many operators of this kind the settings stand for (a cascade); the settings
     * of number k into part (size bytes, if not NULL). Before bind. */
    size_t (*expand)(const void *self, size_t k, void *part);
};
/** What a row says; all false where it says nothing. */
static inline const mr_fast *mr_fast_of(const mr_op *op)
{
    static const mr_fast none;
    return op->fast ? op->fast : &none;
}

/** For the plan's advice, and for tests. */
struct mr_hints {
    /** A filter: the frequencies it keeps; 0 and INFINITY where it has no corner. Before bind. */
    void (*keeps)(const void *self, double band_hz[2]);
    /** Lowers the rate: up to what share of the new half rate it loses less than 1 dB. */
    double (*clean)(const void *self);
    bool bends;  /* makes frequencies that were not there, as abs does */
    bool levels; /* takes a level out of each window, which leaves steps at the edges */
    /** For lti: fills h[n] with the impulse response from rest. Tests compare it. */
    void (*impulse)(const void *self, double *h, size_t n);
};
static inline const mr_hints *mr_hints_of(const mr_op *op)
{
    static const mr_hints none;
    return op->hints ? op->hints : &none;
}
#endif
