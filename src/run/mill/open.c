/* run/mill/open.c: what both kinds of reading share: the file in hand, and what was read of it. */
#include "run/mill/open.h"
#include <stdlib.h>

void mr_close_input(mr_open_input *f)
{
    mr_raw_close(f->raw);
    free(f->chunks);
    *f = (mr_open_input){0};
}

mr_status mr_read_open(const mr_mill *m, uint32_t file, mr_open_input *f)
{
    mr_status st = MR_OK;
    mr_file_info info;
    if (f->any && f->file == file) return MR_OK;
    mr_close_input(f);
    mr_catalog_info(m->plan->cat, file, &info);
    MR_TRY(mr_catalog_chunks(m->plan->cat, file, &f->chunks));
    MR_TRY(mr_raw_open(mr_catalog_path(m->plan->cat, file), &info, f->chunks, &f->raw));
    f->file = file;
    f->any = true;
out:
    if (st != MR_OK) mr_close_input(f);
    return st;
}

mr_chsel mr_read_channels(const mr_mill *m, const mr_lane *l)
{
    const mr_array *a = &m->plan->arrays[l->array];
    return a->even ? (mr_chsel){a->chan[l->read.a], a->sel.step, (uint64_t)(l->read.b - l->read.a)}
                   : a->sel;
}

void mr_read_note(mr_mill *m, mr_job *j, size_t leg, bool failed, const mr_rows_sum *sum)
{
    mr_job_leg *p = &j->leg[leg - j->first_leg];
    mr_mutex_lock(m->gate);
    if (!failed) mr_rows_merge(&p->sum, sum);
    p->failed = p->failed || failed;
    mr_mutex_unlock(m->gate);
}
