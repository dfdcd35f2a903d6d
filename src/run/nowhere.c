/* run/nowhere.c: see nowhere.h. */
#include "run/nowhere.h"
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/text.h"
#include "in/null.h"

mr_status mr_nowhere_open(mr_comm *c, mr_config *cfg)
{
    mr_status st = MR_OK;
    const char *tmp = getenv("TMPDIR");
    mr_text t = {0};
    void *name = NULL;
    size_t n = 0;
    /* and YAML's own null, which is what `folder: null` says; ./null is a folder of that name */
    if (strcmp(cfg->folder, MR_NULL) != 0 && strcmp(cfg->folder, "null") != 0) return MR_OK;
    if (mr_comm_rank(c) == 0) {
        st = mr_text_add(&t, "%s/millrace-null-XXXXXX", tmp && *tmp ? tmp : "/tmp");
        if (st == MR_OK && !mkdtemp(t.s))
            st = MR_RAISE(MR_EOUTPUT, "output.folder null: cannot make %s: %s", t.s,
                          strerror(errno));
        name = t.s;
        n = t.len + 1;
    }
    MR_TRY(mr_agree(c, st));
    MR_TRY(mr_bcast(c, &name, &n));
    free(cfg->folder);
    cfg->folder = name;
    name = NULL; /* given away */
    cfg->nowhere = true;
out:
    free(name);
    return st;
}

static int drop(const char *path, MR_UNUSED const struct stat *sb, MR_UNUSED int kind,
                MR_UNUSED struct FTW *at)
{
    (void)remove(path);
    return 0;
}

void mr_nowhere_close(mr_comm *c, const mr_config *cfg)
{
    if (cfg && cfg->nowhere && mr_comm_rank(c) == 0)
        (void)nftw(cfg->folder, drop, 16, FTW_DEPTH | FTW_PHYS);
}
