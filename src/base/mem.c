/* base/mem.c: allocation that says what it was for; large buffers with huge pages. */
#include "base/base.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

mr_status mr_alloc(size_t n, size_t size, const char *what, void *out)
{
    void *p = calloc(n ? n : 1, size ? size : 1);
    if (!p) return MR_RAISE(MR_EMEM, "no memory for %s (%zu x %zu bytes)", what, n, size);
    memcpy(out, &p, sizeof p);
    return MR_OK;
}

mr_status mr_grow(void *pp, size_t *cap, size_t need, size_t size, const char *what)
{
    void *p;
    if (need <= *cap) return MR_OK;
    size_t n = MR_MAX(need, *cap * 2), bytes;
    if (n < 16) n = 16;
    if (__builtin_mul_overflow(n, size, &bytes))
        return MR_RAISE(MR_EMEM, "no memory for %s (%zu x %zu bytes)", what, n, size);
    memcpy(&p, pp, sizeof p);
    p = realloc(p, bytes);
    if (!p) return MR_RAISE(MR_EMEM, "no memory for %s (%zu bytes)", what, bytes);
    memcpy(pp, &p, sizeof p);
    *cap = n;
    return MR_OK;
}

static size_t big_round(size_t bytes)
{
    const size_t page = (size_t)1 << 12;
    return (MR_MAX(bytes, page) + page - 1) / page * page;
}

mr_status mr_big_alloc(size_t bytes, const char *what, void *out)
{
    size_t n = big_round(bytes);
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) return MR_RAISE(MR_EMEM, "no memory for %s (%zu bytes)", what, bytes);
    madvise(p, n, MADV_HUGEPAGE); /* advice: failing changes only speed */
    memcpy(out, &p, sizeof p);
    return MR_OK;
}

void mr_big_free(void *p, size_t bytes)
{
    if (p) munmap(p, big_round(bytes));
}

#ifdef __GLIBC__
void mr_heap_trim(void)
{
    malloc_trim(0);
}
#else
void mr_heap_trim(void)
{
}
#endif

mr_status mr_alloc_f64(size_t n, const char *what, double **out)
{
    size_t bytes;
    if (__builtin_mul_overflow(MR_MAX(n, 8u), sizeof(double), &bytes) || bytes > PTRDIFF_MAX - 64)
        return MR_RAISE(MR_EMEM, "no memory for %s (%zu doubles)", what, n);
    bytes = (bytes + 63) / 64 * 64;
    double *p = aligned_alloc(64, bytes);
    if (!p) return MR_RAISE(MR_EMEM, "no memory for %s (%zu bytes)", what, bytes);
    memset(p, 0, bytes);
    *out = p;
    return MR_OK;
}

mr_status mr_mul_add(size_t a, size_t b, size_t c, size_t *out)
{
    size_t v;
    if (__builtin_mul_overflow(a, b, &v) || __builtin_add_overflow(v, c, &v))
        return MR_RAISE(MR_EMEM, "size %zu x %zu + %zu is beyond this machine", a, b, c);
    *out = v;
    return MR_OK;
}
