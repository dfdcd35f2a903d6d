/* in/probe.c: look at one file: recognise the layout, read its facts, find its samples. Runs in a
 * worker, because a damaged header can crash libhdf5. */
#include "in/probe.h"
#include "base/text.h"
#include "in/layout.h"
#include "in/hdf5/store.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void set_identity(mr_file_info *i, const struct stat *sb)
{
    i->size = sb->st_size;
    i->mtime_ns = (int64_t)sb->st_mtim.tv_sec * 1000000000 + sb->st_mtim.tv_nsec;
    i->inode = sb->st_ino;
    i->device = sb->st_dev;
}

/** Forget what a layout said, not what the file is. */
static void clear_facts(mr_find *f)
{
    mr_file_info *i = f->info;
    *i = (mr_file_info){
        .size = i->size, .mtime_ns = i->mtime_ns, .inode = i->inode, .device = i->device};
    *f = (mr_find){.info = i, .time_first = true};
}

/** The dataset the map names, if this file has it. */
static const char *map_data(const mr_h5 *h, const mr_node *map)
{
    const mr_node *n = mr_node_get(map, "data");
    if (!n || n->kind != MR_NODE_SCALAR || !mr_h5_has(h, n->text)) return NULL;
    return n->text + strspn(n->text, "/");
}

/** A known layout reads the file, the map has the last word on single facts; the map alone reads
 * what no layout can, and a dataset other than the layout's. */
static mr_status find_layout(const mr_h5 *h, const mr_node *map, mr_find *f)
{
    const mr_layout *l = mr_layout_of(h);
    const char *data = map_data(h, map);
    mr_status st = MR_OK;
    if (l && l->read && !(data && strcmp(l->name, "bare") == 0)) {
        snprintf(f->info->layout, sizeof f->info->layout, "%s", l->name);
        st = l->read(h, f);
        if (!data || (st == MR_OK && strcmp(f->path, data) == 0)) {
            if (st != MR_OK) mr_note("%s layout", l->title);
            return st == MR_OK && map ? mr_map_apply(h, map, f) : st;
        }
    }
    if (data) {
        clear_facts(f);
        snprintf(f->info->layout, sizeof f->info->layout, "map");
        return mr_map_read(h, map, f);
    }
    if (l && !l->read)
        return MR_RAISE(MR_EINPUT, "%s layout is not supported yet; give input.map", l->title);
    return mr_node_get(map, "data")
               ? MR_RAISE(MR_EINPUT, "no known layout, and not the dataset of input.map")
               : MR_RAISE(MR_EINPUT, "no 2-D recording found in a known layout; give input.map");
}

/** Valid rows, last stamp, and what must be known by now. */
static mr_status settle(mr_find *f)
{
    mr_file_info *o = f->info;
    const mr_store *s = &o->store;
    if (f->row0 >= s->nt) return MR_RAISE(MR_EINPUT, "no valid samples");
    o->store.row0 = f->row0;
    o->nt = f->nt ? f->nt : s->nt - f->row0;
    o->nc = s->nc;
    if (o->nt > s->nt - f->row0) return MR_RAISE(MR_EINPUT, "more time stamps than samples");
    if (!(o->rate_hz > 0))
        return MR_RAISE(MR_EINPUT, "no sampling rate found; give input.map rate");
    if (!f->have_t0) return MR_RAISE(MR_EINPUT, "no start time found; give input.map start");
    int64_t computed = o->t0_ns + llround((double)(o->nt - 1) / o->rate_hz * 1e9);
    if (o->t1_ns < o->t0_ns || (o->t1_ns == o->t0_ns && o->nt > 1)) {
        if (o->t1_ns != 0) mr_odd(f, "the last time stamp is not after the first");
        o->t1_ns = computed;
    }
    return MR_OK;
}

static mr_status look(const mr_h5 *h, const mr_node *map, mr_find *f, mr_chunk **chunks)
{
    mr_status st = MR_OK;
    hid_t dset = -1;
    uint64_t outside = 0;
    mr_file_info *o = f->info;
    MR_TRY(find_layout(h, map, f));
    mr_printable(f->path, o->dataset, sizeof o->dataset);
    MR_TRY(mr_h5_dataset(h, f->path, &dset));
    MR_TRY(mr_store_read(h, dset, f->time_first, &o->store, chunks, &outside));
    if (h->writing) mr_odd(f, "still open for writing, or its writer died (h5clear -s)");
    if (outside) mr_odd(f, "%llu chunks lie outside the file", (unsigned long long)outside);
    MR_TRY(settle(f));
out:
    if (dset >= 0) H5Oclose(dset);
    return st;
}

mr_status mr_probe_here(const char *path, const mr_node *map, mr_file_info *info, mr_chunk **chunks)
{
    struct stat sb;
    mr_h5 h;
    mr_chunk *table = NULL;
    mr_find f = {.info = info, .time_first = true};
    memset(info, 0, sizeof *info);
    if (chunks) *chunks = NULL;
    mr_status st = mr_h5_open(path, &h, &sb);
    if (st == MR_OK) {
        set_identity(info, &sb);
        st = look(&h, map, &f, chunks ? &table : NULL);
        if (h.failed && st != MR_EMEM)
            st = MR_RAISE(MR_EINPUT, "cannot be read: %s", strerror(h.failed));
        mr_h5_close(&h);
    }
    if (st != MR_OK) mr_info_refuse(info, "%s", mr_error());
    mr_info_check(info, table, info->store.n_chunks);
    if (info->state == MR_OK && chunks) {
        *chunks = table;
        table = NULL;
    }
    free(table);
    mr_error_clear();
    return st == MR_EMEM ? MR_EMEM : MR_OK;
}
