/* in/layouts/tdms.c: TDMS of National Instruments, as Silixa's iDAS writes it, and others: segments
 * of a lead-in, what changes of the objects (root, groups, channels and their properties), and
 * samples, of the channels in turn (interleaved: [time][channel]) or one behind the other
 * ([channel][time]).
 *
 * Read are files whose channels have numbers of one type and as many each, in one group; lengths of
 * interleaved segments may differ. The numbers' byte order is the segment's; the tag and the mask
 * of the lead-in are little-endian always. */
#include "in/cursor.h"
#include "in/layout.h"
#include "base/text.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum {
    LEAD = 28,
    MOST_TEXT = 1 << 20,
    MOST_OBJECTS = 1 << 20,
    MOST_FACTS = 256, /* of the root and the first channel that we keep */
    MOST_BATCHES = 1 << 20
};
enum { HAS_META = 2, NEW_LIST = 4, HAS_RAW = 8, INTERLEAVED = 32, BIG = 64, DAQMX = 128 };
enum { TEXT = 0x20, BOOLEAN = 0x21, TIME = 0x44 };

static uint32_t u32(mr_cursor *c)
{
    return (uint32_t)mr_cursor_uint(c, 4);
}

static uint64_t u64(mr_cursor *c)
{
    return mr_cursor_uint(c, 8);
}

static uint64_t text(mr_cursor *c, char *to, size_t size)
{
    const uint32_t n = u32(c);
    if (n > MOST_TEXT) c->over = true;
    return mr_cursor_text(c, n, to, size);
}

/* --- facts and objects ------------------------------------------------------------------------ */

typedef struct fact {
    char name[48], words[40];
    uint32_t type;
    double v;
    int64_t ns; /* of a time; INT64_MIN: it is none */
} fact;

typedef struct object {
    uint64_t id; /* digest of its path */
    uint32_t type;
    uint64_t rows; /* of a piece */
} object;

typedef struct reading {
    mr_cursor c;
    fact root[MOST_FACTS], first[MOST_FACTS]; /* of the file, of its first channel */
    size_t n_root, n_first;
    char group[64];
    uint64_t group_id;
    uint64_t first_id; /* of the first channel */
    object *object;    /* [n_objects] all that ever had samples */
    size_t n_objects, cap_objects;
    uint32_t *slot; /* [n_slots] hash table of numbers + 1 of them */
    size_t n_slots;
    uint32_t *list; /* [n_list] the channels of the segment, in order */
    size_t n_list, cap_list;
    uint8_t *listed; /* [cap_objects]... is it in the list? */
    size_t cap_listed;
    uint64_t order; /* digest of the list where the first samples came */
    uint32_t type;  /* of the samples; 0: none yet */
    uint64_t nc;
    bool interleaved, big;
    mr_batch *v; /* [n] */
    size_t n, cap;
    uint64_t told_rows, cut_bytes; /* of a last segment that is shorter than it tells */
    bool unfinished;
} reading;

static unsigned size_of_type(uint32_t type)
{
    static const uint8_t size[] = {
        [1] = 1, [2] = 2, [3] = 4, [4] = 8, [5] = 1, [6] = 2, [7] = 4, [8] = 8, [9] = 4, [10] = 8};
    if (type == 0x19 || type == 0x1a) return type == 0x19 ? 4 : 8; /* floats with a unit */
    if (type == BOOLEAN) return 1;
    return type < sizeof size ? size[type] : 0;
}

static bool is_float(uint32_t type)
{
    return type == 9 || type == 10 || type == 0x19 || type == 0x1a;
}

static double value_of(uint64_t bits, uint32_t type)
{
    const unsigned n = size_of_type(type);
    float f;
    double d;
    if (is_float(type) && n == 4) {
        const uint32_t w = (uint32_t)bits;
        memcpy(&f, &w, sizeof f);
        return (double)f;
    }
    if (is_float(type)) {
        memcpy(&d, &bits, sizeof d);
        return d;
    }
    if (type >= 5) return (double)bits;
    return (double)((int64_t)(bits << (64 - 8 * n)) >> (64 - 8 * n));
}

/** Seconds since 1904 and 2^-64 of one. 0: not given. */
static int64_t time_of(int64_t s, uint64_t fraction)
{
    const int64_t since_1904 = INT64_C(24107) * 86400;
    if ((s == 0 && fraction == 0) || s < 0 || s > INT64_C(6600000000)) return INT64_MIN;
    const unsigned __int128 ns = (unsigned __int128)fraction * 1000000000u + ((uint64_t)1 << 63);
    return (s - since_1904) * 1000000000 + (int64_t)(ns >> 64);
}

/** One property, kept where there is room for it. */
static mr_status read_property(mr_cursor *c, fact *to, size_t *n)
{
    fact f = {.ns = INT64_MIN, .v = NAN};
    text(c, f.name, sizeof f.name);
    f.type = u32(c);
    const unsigned size = size_of_type(f.type);
    if (f.type == TEXT) {
        text(c, f.words, sizeof f.words);
    } else if (f.type == TIME) {
        const uint64_t a = u64(c), b = u64(c);
        f.ns = c->big ? time_of((int64_t)a, b) : time_of((int64_t)b, a);
    } else if (size) {
        f.v = value_of(mr_cursor_uint(c, size), f.type);
    } else {
        return MR_RAISE(MR_EINPUT, "damaged: a property of type %u", f.type);
    }
    if (c->over) return MR_RAISE(MR_EINPUT, "damaged: it ends inside its metadata");
    size_t k = 0;
    while (k < *n && strcmp(to[k].name, f.name) != 0) k++;
    if (k == MOST_FACTS) return MR_OK;
    to[k] = f;
    *n = MR_MAX(*n, k + 1);
    return MR_OK;
}

static mr_status skip_properties(mr_cursor *c)
{
    mr_status st = MR_OK;
    fact one[1];
    for (uint32_t m = u32(c); m && st == MR_OK; m--) {
        size_t n = 0;
        st = read_property(c, one, &n);
    }
    return st;
}

static mr_status keep_properties(mr_cursor *c, fact *to, size_t *n)
{
    mr_status st = MR_OK;
    for (uint32_t m = u32(c); m && st == MR_OK; m--) st = read_property(c, to, n);
    return st;
}

static mr_status widen(reading *r)
{
    mr_status st = MR_OK;
    if (2 * (r->n_objects + 1) <= r->n_slots) return MR_OK;
    const size_t n = r->n_slots ? 2 * r->n_slots : 1024;
    uint32_t *slot = NULL;
    MR_TRY(mr_alloc(n, sizeof *slot, "channels", &slot));
    free(r->slot);
    r->slot = slot;
    r->n_slots = n;
    for (size_t i = 0; i < r->n_objects; i++) {
        size_t s = (size_t)r->object[i].id & (n - 1);
        while (slot[s]) s = (s + 1) & (n - 1);
        slot[s] = (uint32_t)i + 1;
    }
out:
    return st;
}

/** The number of the object of this path; it is entered if it is new. */
static mr_status number_of(reading *r, uint64_t id, uint32_t *out)
{
    mr_status st = MR_OK;
    MR_TRY(widen(r));
    size_t s = (size_t)id & (r->n_slots - 1);
    while (r->slot[s] && r->object[r->slot[s] - 1].id != id) s = (s + 1) & (r->n_slots - 1);
    if (!r->slot[s]) {
        if (r->n_objects == MOST_OBJECTS)
            return MR_RAISE(MR_EINPUT, "more than %d channels", MOST_OBJECTS);
        MR_TRY(
            mr_grow(&r->object, &r->cap_objects, r->n_objects + 1, sizeof *r->object, "channels"));
        MR_TRY(mr_grow(&r->listed, &r->cap_listed, r->n_objects + 1, 1, "channels"));
        r->object[r->n_objects] = (object){.id = id};
        r->listed[r->n_objects] = 0;
        r->slot[s] = (uint32_t)++r->n_objects;
    }
    *out = r->slot[s] - 1;
out:
    return st;
}

/** "/'Measurement'/'0'" -> Measurement; all channels are of one group. */
static mr_status check_group(reading *r, const char *path)
{
    const char *end = strstr(path, "'/'");
    const size_t n = end && path[0] == '/' && path[1] == '\'' ? (size_t)(end - path - 2) : 0;
    const uint64_t id = XXH64(path, n + 2, 0);
    if (r->n_objects && id == r->group_id) return MR_OK;
    if (r->n_objects)
        return MR_RAISE(MR_EINPUT, "its samples are of several groups (%.40s and others)",
                        r->group);
    r->group_id = id;
    snprintf(r->group, sizeof r->group, "%.*s", (int)MR_MIN(n, sizeof r->group - 1),
             path + 2 * (n > 0));
    return MR_OK;
}

/** What a segment says of an object's samples: index is 0 (as before), or the bytes that follow. */
static mr_status read_index(reading *r, uint32_t index, uint64_t id, const char *path)
{
    mr_status st = MR_OK;
    mr_cursor *c = &r->c;
    uint32_t k = 0;
    MR_TRY(check_group(r, path));
    const bool first = r->n_objects == 0;
    MR_TRY(number_of(r, id, &k));
    if (first) r->first_id = id;
    if (index) {
        const uint32_t type = u32(c), dimension = u32(c);
        const uint64_t rows = u64(c);
        if (index == 0x69120000 || index == 0x00001269 || index == 0x69130000 ||
            index == 0x00001369 || type == UINT32_MAX)
            return MR_RAISE(MR_EINPUT, "samples as the hardware gave them (DAQmx) are not read");
        if (c->over || index < 20 || index > 28 || dimension != 1)
            return MR_RAISE(MR_EINPUT, "damaged: index of samples");
        mr_cursor_take(c, index - 20);
        r->object[k].type = type;
        r->object[k].rows = rows;
    } else if (!r->object[k].type) {
        return MR_RAISE(MR_EINPUT, "damaged: a channel as before that was not there before");
    }
    if (r->listed[k]) return MR_OK;
    MR_TRY(mr_grow(&r->list, &r->cap_list, r->n_list + 1, sizeof *r->list, "channels"));
    r->list[r->n_list++] = k;
    r->listed[k] = 1;
out:
    return st;
}

/** What changes with a segment. */
static mr_status read_meta(reading *r, bool new_list)
{
    mr_status st = MR_OK;
    mr_cursor *c = &r->c;
    char path[200];
    if (new_list) {
        for (size_t i = 0; i < r->n_list; i++) r->listed[r->list[i]] = 0;
        r->n_list = 0;
    }
    for (uint32_t n = u32(c); n && !c->over; n--) {
        const uint64_t id = text(c, path, sizeof path);
        const uint32_t index = u32(c);
        if (c->over) break;
        if (index != UINT32_MAX) MR_TRY(read_index(r, index, id, path));
        if (strcmp(path, "/") == 0)
            MR_TRY(keep_properties(c, r->root, &r->n_root));
        else if (r->n_objects && id == r->first_id)
            MR_TRY(keep_properties(c, r->first, &r->n_first));
        else
            MR_TRY(skip_properties(c));
    }
    if (c->over) st = MR_RAISE(MR_EINPUT, "damaged: it ends inside its metadata");
out:
    return st;
}

/* --- samples ---------------------------------------------------------------------------------- */

/** The channels of a segment with samples: the same in all, of one type, as many rows each. */
static mr_status check_list(reading *r, bool interleaved, bool big, uint64_t *rows)
{
    const object *a = r->n_list ? &r->object[r->list[0]] : NULL;
    XXH64_hash_t order = 0;
    if (!a) return MR_RAISE(MR_EINPUT, "damaged: samples of no channel");
    for (size_t i = 0; i < r->n_list; i++) {
        const object *b = &r->object[r->list[i]];
        if (b->type != a->type || b->rows != a->rows)
            return MR_RAISE(MR_EINPUT, "its channels differ in type or length");
        order = XXH64(&b->id, sizeof b->id, order);
    }
    if (!size_of_type(a->type) || a->type == BOOLEAN)
        return MR_RAISE(MR_EINPUT, "samples of type %u are no numbers", a->type);
    if (r->type &&
        (order != r->order || a->type != r->type || interleaved != r->interleaved || big != r->big))
        return MR_RAISE(MR_EINPUT, "its segments differ in channels, type or order of samples");
    r->order = order;
    r->type = a->type;
    r->nc = r->n_list;
    r->interleaved = interleaved;
    r->big = big;
    *rows = a->rows;
    return MR_OK;
}

static mr_status add_batch(reading *r, uint64_t offset, uint64_t rows)
{
    mr_status st = MR_OK;
    if (r->n == MOST_BATCHES)
        return MR_RAISE(MR_EINPUT, "more than %d batches of samples", MOST_BATCHES);
    MR_TRY(mr_grow(&r->v, &r->cap, r->n + 1, sizeof *r->v, "batches of samples"));
    r->v[r->n++] = (mr_batch){offset, rows};
out:
    return st;
}

/** Samples at [at, end) of the file, of which [at, told) were meant to be. */
static mr_status read_samples(reading *r, unsigned mask, uint64_t at, uint64_t end, uint64_t told)
{
    mr_status st = MR_OK;
    uint64_t rows = 0, bytes;
    if (mask & DAQMX)
        return MR_RAISE(MR_EINPUT, "samples as the hardware gave them (DAQmx) are not read");
    MR_TRY(check_list(r, mask & INTERLEAVED, mask & BIG, &rows));
    const uint64_t row = r->nc * size_of_type(r->type);
    if (mask & INTERLEAVED) {
        const uint64_t n = (end - at) / row;
        r->told_rows += n;
        if (told > end) r->told_rows += (told - at) / row - n;
        r->cut_bytes = end - at - n * row;
        return n ? add_batch(r, at, n) : MR_OK;
    }
    if (!rows || __builtin_mul_overflow(rows, row, &bytes))
        return MR_RAISE(MR_EINPUT, "damaged: %llu rows of samples", (unsigned long long)rows);
    r->told_rows += (told - at) / bytes * rows;
    for (; bytes <= end - at; at += bytes) MR_TRY(add_batch(r, at, rows));
    r->cut_bytes = end - at;
out:
    return st;
}

static mr_status read_segments(reading *r)
{
    mr_status st = MR_OK;
    mr_cursor *c = &r->c;
    const uint64_t size = c->in->size;
    for (uint64_t at = 0; at < size;) {
        c->at = at;
        c->big = false;
        const bool tagged = size - at >= LEAD && memcmp(mr_cursor_take(c, 4), "TDSm", 4) == 0;
        if (c->over) break;
        if (!tagged) {
            if (!at) return MR_RAISE(MR_EINPUT, "damaged: no lead-in");
            r->cut_bytes += size - at;
            break;
        }
        const uint32_t mask = u32(c);
        c->big = mask & BIG;
        mr_cursor_take(c, 4); /* version */
        const uint64_t next = u64(c), raw = u64(c);
        const uint64_t body = at + LEAD, room = size - body;
        r->unfinished = next == UINT64_MAX;
        const uint64_t told = body + (r->unfinished ? room : MR_MIN(next, (uint64_t)1 << 62));
        if (raw > room || (!r->unfinished && raw > next))
            return MR_RAISE(MR_EINPUT,
                            "damaged or cut: its samples would begin at byte %llu of %llu",
                            (unsigned long long)MR_MIN(raw, (uint64_t)1 << 62) + body,
                            (unsigned long long)size);
        if (mask & HAS_META) MR_TRY(read_meta(r, mask & NEW_LIST));
        if (mask & HAS_META && c->at > body + raw)
            return MR_RAISE(MR_EINPUT, "damaged: metadata and samples overlap");
        if (mask & HAS_RAW) MR_TRY(read_samples(r, mask, body + raw, MR_MIN(told, size), told));
        at = told;
    }
    if (c->over) st = MR_RAISE(MR_EINPUT, "damaged: it ends inside its metadata");
out:
    return st;
}

/** How the samples lie, and of what kind they are. */
static mr_status set_samples(const reading *r, mr_find *f)
{
    const mr_dtype dt = {.kind = is_float(r->type) ? MR_DT_FLOAT
                                 : r->type < 5     ? MR_DT_INT
                                                   : MR_DT_UINT,
                         .size = (uint8_t)size_of_type(r->type),
                         .big_endian = r->big};
    f->time_first = r->interleaved;
    mr_printable(r->group, f->path, sizeof f->path);
    return mr_find_batches(f, dt, r->nc, r->v, r->n);
}

/** What is there is read; what was to be there is said. */
static void say_cut(const reading *r, mr_find *f)
{
    const uint64_t nt = f->info->store.nt;
    if (r->unfinished) mr_odd(f, "its writer did not finish the last segment");
    if (r->told_rows > nt)
        mr_odd(f, "shorter than it tells: %llu of %llu rows are there", (unsigned long long)nt,
               (unsigned long long)r->told_rows);
    if (r->cut_bytes)
        mr_odd(f, "%llu bytes at its end are no whole row of samples",
               (unsigned long long)r->cut_bytes);
}

/* --- facts by name ---------------------------------------------------------------------------- */

static const fact *fact_of(const fact *v, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(v[i].name, name) == 0) return &v[i];
    return NULL;
}

static bool root_number(const void *arg, const char *name, double *v)
{
    const reading *r = arg;
    const fact *f = fact_of(r->root, r->n_root, name);
    if (!f || !isfinite(f->v)) return false;
    *v = f->v;
    return true;
}

static bool root_time(const void *arg, const char *name, int64_t *ns)
{
    const reading *r = arg;
    const fact *f = fact_of(r->root, r->n_root, name);
    if (!f || f->ns == INT64_MIN) return false;
    *ns = f->ns;
    return true;
}

/** What LabVIEW says of a waveform, for files of other recorders. */
static void channel_facts(const reading *r, mr_find *f)
{
    const fact *step = fact_of(r->first, r->n_first, "wf_increment");
    const fact *start = fact_of(r->first, r->n_first, "wf_start_time");
    const fact *offset = fact_of(r->first, r->n_first, "wf_start_offset");
    const fact *unit = fact_of(r->first, r->n_first, "unit_string");
    mr_clock *c = &f->clock;
    int64_t skip = 0;
    if (step && step->v > 0 && isfinite(step->v) && !(c->rate_hz > 0))
        mr_clock_rate(c, "wf_increment", 1 / step->v);
    if (offset && isfinite(offset->v)) mr_ns_of_s(offset->v, &skip);
    if (start && start->ns != INT64_MIN && !c->have_start)
        mr_clock_start(c, "wf_start_time", start->ns + skip);
    if (!fact_of(r->root, r->n_root, "Unit Calibration (nm)"))
        mr_set_unit(f, unit ? unit->words : "", 1);
}

static bool is_tdms(const mr_infile *in)
{
    return mr_infile_begins(in, "TDSm", 4) || mr_infile_begins(in, "TDSh", 4);
}

static mr_status read_file(const mr_infile *in, mr_find *f)
{
    mr_status st = MR_OK;
    reading *r = NULL;
    if (mr_infile_begins(in, "TDSh", 4))
        return MR_RAISE(MR_EINPUT, "an index beside a TDMS file: it holds no samples");
    MR_TRY(mr_alloc(1, sizeof *r, "a TDMS file", &r));
    MR_TRY(mr_cursor_init(&r->c, in));
    MR_TRY(read_segments(r));
    MR_TRY(set_samples(r, f));
    say_cut(r, f);
    const mr_facts facts = {r, root_number, root_time};
    mr_silixa_facts(&facts, f);
    channel_facts(r, f);
out:
    if (r) {
        mr_cursor_fini(&r->c);
        free(r->object);
        free(r->listed);
        free(r->slot);
        free(r->list);
        free(r->v);
    }
    free(r);
    return st;
}

const mr_layout mr_layout_tdms = {"tdms", "TDMS (Silixa iDAS and others)", .recognise = is_tdms,
                                  .read = read_file};
