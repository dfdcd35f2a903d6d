/* plan/odds.h: what is odd in an archive, in few words, for summaries of check, plan and run. */
#ifndef MR_ODDS_H
#define MR_ODDS_H
#include "plan/span.h"

/** Does a row of the ledger tell of a fact that is odd? Gaps, seams, drift, and what is lost while
 *  samples are read, are told elsewhere. */
bool mr_odd_is_fact(const mr_odd *o);
/** The first such row; NULL if there is none. [borrow] */
const mr_odd *mr_odds_first(const mr_spans *s);

/** A kind of what is odd: how many rows, and the first of them. */
typedef struct mr_odd_kind_count {
    mr_odd_kind kind;
    size_t n;
    const mr_odd *first; /* [borrow] */
} mr_odd_kind_count;
/** The most frequent kinds, at most three, into out; gives how many. */
size_t mr_odds_count(const mr_spans *s, mr_odd_kind_count out[3]);
/** A line for each of them, "odd:        4 clock, the first in a.h5: ...". */
mr_status mr_odds_lines(const mr_spans *s, const mr_catalog *c, mr_text *t);
#endif
