/* plan/catalog/forms.c: facts of files, each once, found by a hash table: an archive has a few, and
 * may in the worst case have as many as files. */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include "plan/catalog/catalog.h"

static void put_text(char *to, const char *from, size_t size)
{
    const size_t n = strnlen(from, size - 1);
    memcpy(to, from, n);
}

/** The facts that others may share, on zeroed bytes: what is the file's own is left out, and so is
 *  what stands between fields and behind texts, since the bytes are compared. */
static void facts_of(const mr_file_info *i, mr_file_info *f)
{
    memset(f, 0, sizeof *f);
    put_text(f->layout, i->layout, sizeof f->layout);
    put_text(f->dataset, i->dataset, sizeof f->dataset);
    put_text(f->quantity, i->quantity, sizeof f->quantity);
    put_text(f->unit, i->unit, sizeof f->unit);
    put_text(f->native_quantity, i->native_quantity, sizeof f->native_quantity);
    put_text(f->native_unit, i->native_unit, sizeof f->native_unit);
    f->store.dtype.kind = i->store.dtype.kind;
    f->store.dtype.size = i->store.dtype.size;
    f->store.dtype.big_endian = i->store.dtype.big_endian;
    f->store.storage = i->store.storage;
    f->store.time_first = i->store.time_first;
    f->store.n_filters = i->store.n_filters;
    memcpy(f->store.filters, i->store.filters, i->store.n_filters);
    f->store.ragged = i->store.ragged;
    f->store.pad = i->store.pad;
    f->store.lead = i->store.lead;
    f->store.keep = i->store.keep;
    f->store.nc = i->store.nc;
    f->store.chunk_t = i->store.chunk_t;
    f->store.chunk_c = i->store.chunk_c;
    f->nc = i->nc;
    f->rate_hz = i->rate_hz;
    f->dx_m = i->dx_m;
    f->x0_m = i->x0_m;
    f->places = i->places;
    f->uneven = i->uneven;
    f->gauge_m = i->gauge_m;
    f->packing = i->packing;
    f->to_native = i->to_native;
    f->to_strain_rate = i->to_strain_rate;
    f->to_strain = i->to_strain;
}

/** The slot that holds f or is free for it. */
static size_t slot_of(const mr_forms *k, const mr_file_info *f)
{
    size_t s = (size_t)XXH3_64bits(f, sizeof *f) & (k->n_slots - 1);
    while (k->slot[s] && memcmp(&k->v[k->slot[s] - 1], f, sizeof *f) != 0)
        s = (s + 1) & (k->n_slots - 1);
    return s;
}

/** Room for one more, at most half full. */
static mr_status widen(mr_forms *k)
{
    mr_status st = MR_OK;
    if (2 * (k->n + 1) <= k->n_slots) return MR_OK;
    const size_t n = k->n_slots ? 2 * k->n_slots : 16;
    uint32_t *slot = NULL;
    MR_TRY(mr_alloc(n, sizeof *slot, "the catalogue", &slot));
    free(k->slot);
    k->slot = slot;
    k->n_slots = n;
    for (size_t i = 0; i < k->n; i++) k->slot[slot_of(k, &k->v[i])] = (uint32_t)i + 1;
out:
    return st;
}

mr_status mr_forms_add(mr_forms *k, const mr_file_info *info, uint32_t *out)
{
    mr_status st = MR_OK;
    mr_file_info f;
    facts_of(info, &f);
    MR_TRY(widen(k));
    const size_t s = slot_of(k, &f);
    if (!k->slot[s]) {
        MR_TRY(mr_grow(&k->v, &k->cap, k->n + 1, sizeof *k->v, "the catalogue"));
        memcpy(&k->v[k->n++], &f, sizeof f);
        k->slot[s] = (uint32_t)k->n;
    }
    *out = k->slot[s] - 1;
out:
    return st;
}

void mr_forms_fini(mr_forms *k)
{
    free(k->v);
    free(k->slot);
    *k = (mr_forms){0};
}
