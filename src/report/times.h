/* report/times.h: what the threads of a run did with their time. run/ measures it, ranks and rounds
 * are added up, the report tells. */
#ifndef MR_TIMES_H
#define MR_TIMES_H

/** Doubles alone: the sum over ranks is that of all of them. */
typedef struct mr_times {
    double read_s, compute_s, write_s; /* busy, summed over the threads of a kind */
    double read_cpu_s, write_cpu_s;    /* of these, on a core; the rest is waiting */
    double wait_read_s, wait_out_s;    /* compute starved of input; compute blocked by the writer */
    double wait_intake_s, wait_done_s; /* readers without a buffer; writer without work */
} mr_times;

/** sum += t */
void mr_times_add(mr_times *sum, const mr_times *t);
#endif
