/* run/told/told_begin.c: a run begins to be seen: see told.h. */
#include <stdlib.h>
#include <unistd.h>
#include "run/follow/follow.h"
#include "run/told/stop.h"
#include "run/told/told.h"

mr_status mr_told_begin(mr_run_state *r)
{
    mr_status st = MR_OK;
    char host[MR_HOST_BYTES] = "";
    void *hosts = NULL;
    size_t *offs = NULL;
    gethostname(host, sizeof host - 1);
    MR_TRY(mr_allgather(r->comm, host, sizeof host, &hosts, &offs));
    if (mr_run_first(r)) {
        const mr_watch_opts o = {.folder = r->cfg->folder,
                                 .tcp = r->o->control,
                                 .live = r->o->live,
                                 .ranks = mr_comm_size(r->comm),
                                 .threads = mr_team_threads(r->comm),
                                 .hosts = hosts,
                                 .follow = r->follow != NULL,
                                 .stop_fd = mr_stop_bell(),
                                 .stop = r->follow ? mr_follow_ask : mr_stop_ask,
                                 .arg = r->follow};
        st = mr_alloc((size_t)o.ranks, sizeof *r->seen.rank, "the ranks", &r->seen.rank);
        if (st == MR_OK) st = mr_watch_open(&o, &r->watch);
        if (st == MR_OK) mr_follow_watched(r);
    }
    st = mr_agree(r->comm, st);
out:
    free(hosts);
    free(offs);
    return st;
}
