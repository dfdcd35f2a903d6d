/* in/cursor.c: see in/cursor.h. */
#include "in/cursor.h"
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

mr_status mr_cursor_init(mr_cursor *c, const mr_infile *in)
{
    *c = (mr_cursor){.in = in};
    return mr_alloc(MR_CURSOR_WINDOW, 1, "a file's header", &c->window);
}

void mr_cursor_fini(mr_cursor *c)
{
    free(c->window);
    c->window = NULL;
}

const uint8_t *mr_cursor_take(mr_cursor *c, size_t n)
{
    MR_ASSERT(n <= MR_CURSOR_WINDOW);
    const uint64_t at = c->at;
    if (at < c->from || n > c->n || at - c->from > c->n - n) {
        const uint64_t left = at < c->in->size ? c->in->size - at : 0;
        c->from = at;
        c->n = (size_t)MR_MIN(left, (uint64_t)MR_CURSOR_WINDOW);
        if (c->over || c->n < n || !mr_infile_read(c->in, at, c->window, c->n)) {
            c->over = true;
            c->n = 0;
            memset(c->window, 0, n);
            return c->window;
        }
    }
    c->at += n;
    return c->window + (at - c->from);
}

uint64_t mr_cursor_uint(mr_cursor *c, unsigned n)
{
    const uint8_t *p = mr_cursor_take(c, n);
    uint64_t v = 0;
    for (unsigned i = 0; i < n; i++) v |= (uint64_t)p[c->big ? n - 1 - i : i] << (8 * i);
    return v;
}

uint64_t mr_cursor_text(mr_cursor *c, size_t n, char *to, size_t size)
{
    XXH64_hash_t h = n;
    size_t kept = 0;
    for (size_t done = 0, k; done < n && !c->over; done += k) {
        k = MR_MIN(n - done, MR_CURSOR_WINDOW);
        const uint8_t *p = mr_cursor_take(c, k);
        const size_t room = MR_MIN(k, size - 1 - kept);
        h = XXH64(p, k, h);
        memcpy(to + kept, p, room);
        kept += room;
    }
    to[c->over ? 0 : kept] = '\0';
    return h;
}
