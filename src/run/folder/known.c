/* run/folder/known.c: see known.h. A hash table, by identity and name of the lane. */
#include "run/folder/known.h"
#include <stdlib.h>
#include <string.h>

typedef struct entry {
    mr_digest id, content;
    char *lost; /* NULL: nothing was */
} entry;

struct mr_known {
    entry *v;
    size_t n, cap;
    uint32_t *slot; /* [n_slots] numbers + 1; a power of two, at most half full */
    size_t n_slots;
    bool all_planned; /* at the last look through the folder */
    size_t n_files;
};

mr_status mr_known_new(mr_known **out)
{
    return mr_alloc(1, sizeof(mr_known), "the known lanes", out);
}

void mr_known_free(mr_known *k)
{
    if (!k) return;
    for (size_t i = 0; i < k->n; i++) free(k->v[i].lost);
    free(k->v);
    free(k->slot);
    free(k);
}

static mr_digest id_of(const mr_lane *l)
{
    char both[sizeof l->key.hex + sizeof l->rel] = "";
    memcpy(both, l->key.hex, sizeof l->key.hex);
    memcpy(both + sizeof l->key.hex, l->rel, strlen(l->rel));
    return mr_digest_of(both, sizeof both);
}

/** Where an id stands, or would: there is always a free place. */
static size_t place_of(const mr_known *k, const mr_digest *id)
{
    char head[9] = "";
    memcpy(head, id->hex, 8);
    size_t at = strtoul(head, NULL, 16) & (k->n_slots - 1);
    while (k->slot[at] && strcmp(k->v[k->slot[at] - 1].id.hex, id->hex) != 0)
        at = (at + 1) & (k->n_slots - 1);
    return at;
}

static mr_status make_room(mr_known *k)
{
    mr_status st = MR_OK;
    uint32_t *slot = NULL;
    MR_TRY(mr_grow(&k->v, &k->cap, k->n + 1, sizeof *k->v, "the known lanes"));
    if (2 * (k->n + 1) <= k->n_slots) return MR_OK;
    const size_t n = MR_MAX(2 * k->n_slots, (size_t)64);
    MR_TRY(mr_alloc(n, sizeof *slot, "the known lanes", &slot));
    free(k->slot);
    k->slot = slot;
    k->n_slots = n;
    for (size_t i = 0; i < k->n; i++) k->slot[place_of(k, &k->v[i].id)] = (uint32_t)i + 1;
out:
    return st;
}

mr_status mr_known_add(mr_known *k, const mr_lane *l, const mr_digest *content, const char *lost)
{
    mr_status st = MR_OK;
    char *own = NULL;
    const mr_digest id = id_of(l);
    MR_TRY(make_room(k));
    if (lost) MR_TRY(mr_strdup(lost, &own));
    const size_t at = place_of(k, &id);
    if (!k->slot[at]) {
        k->v[k->n++] = (entry){.id = id};
        k->slot[at] = (uint32_t)k->n;
    }
    entry *e = &k->v[k->slot[at] - 1];
    free(e->lost);
    e->content = *content;
    e->lost = own;
out:
    return st;
}

bool mr_known_find(const mr_known *k, const mr_lane *l, mr_digest *content, const char **lost)
{
    if (!k || !k->n) return false;
    const mr_digest id = id_of(l);
    const uint32_t i = k->slot[place_of(k, &id)];
    if (!i) return false;
    *content = k->v[i - 1].content;
    *lost = k->v[i - 1].lost;
    return true;
}

void mr_known_looked(mr_known *k, bool all_planned, size_t n_files)
{
    if (!k) return;
    k->all_planned = all_planned;
    k->n_files = n_files;
}

void mr_known_made(mr_known *k, size_t n_files)
{
    k->n_files += n_files;
}

bool mr_known_all(const mr_known *k, size_t n_files)
{
    return k && k->all_planned && k->n_files == n_files;
}
