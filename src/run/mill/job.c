/* run/mill/job.c: what readers, computing and the writer do to a lane in hand and to the mill as a
 * whole: fail, end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "run/mill/inside.h"
#include "run/piece/piece.h"

void mr_mill_fail(mr_mill *m, mr_status st, const char *why)
{
    char text[sizeof m->why];
    snprintf(text, sizeof text, "%s", why);
    mr_mutex_lock(m->gate);
    if (m->failed == MR_OK) {
        m->failed = st;
        memcpy(m->why, text, sizeof text);
    }
    mr_mutex_wake(m->gate);
    mr_mutex_unlock(m->gate);
    mr_pool_fail(m->intakes, st, text);
    mr_pool_fail(m->outs, st, text);
    mr_queue_fail(m->done, st, text);
}

mr_status mr_mill_failed(mr_mill *m)
{
    mr_mutex_lock(m->gate);
    const mr_status st = m->failed;
    if (st != MR_OK) mr_error_set(m->why);
    mr_mutex_unlock(m->gate);
    return st;
}

void mr_job_free(mr_job *j)
{
    if (!j) return;
    if (j->file) mr_lane_abort(j->file);
    for (size_t i = 0; j->intake && i < j->n_intakes; i++) free(j->intake[i].holes);
    for (size_t i = 0; j->spoils && i < j->n_tiles; i++) free(j->spoils[i].v);
    for (size_t i = 0; j->quality && i < j->n_quality; i++) mr_quality_fini(&j->quality[i]);
    free(j->quality);
    free(j->intake);
    free(j->leg);
    free(j->spoils);
    for (size_t i = 0; j->source_spoils && i < j->n_bundles; i++) free(j->source_spoils[i].v);
    for (size_t i = 0; i < MR_MAX_OPS; i++) free(j->decided[i].nan.v);
    free(j->losses.v);
    free(j->source_spoils);
    free(j->source_state);
    mr_job_picks_free(j);
    free(j);
}

void mr_mill_over(mr_mill *m, mr_job *j)
{
    mr_mutex_lock(m->gate);
    mr_job **at = &m->alive;
    while (*at != j) at = &(*at)->alive;
    *at = j->alive;
    mr_mutex_unlock(m->gate);
    mr_job_free(j);
}
