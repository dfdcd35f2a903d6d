/* ops/kernels/simd_middle.h: medians, for simd*.c, which have defined order_to (*lo, *hi = the
 * lesser and the greater of *a and *b; where neither is less, *a and *b) beside what simd_body.h
 * asks for. A median is found by forgetting: of any half of the values and two more, neither the
 * least nor the greatest is the middle one; both go, one more comes in. */

/* The lesser of both to a, the greater to b. */
INLINE void order(vec *a, vec *b)
{
    const vec x = *a, y = *b;
    order_to(a, b, &x, &y);
}

/* The least of v[k] to the front, the greatest to the back. */
INLINE void ends(vec *v, size_t k)
{
#pragma GCC unroll 16
    for (size_t i = 0; i < k / 2; i++) order(&v[i], &v[k - 1 - i]);
#pragma GCC unroll 16
    for (size_t i = 1; i < (k + 1) / 2; i++) order(&v[0], &v[i]);
#pragma GCC unroll 16
    for (size_t i = k / 2; i + 1 < k; i++) order(&v[i], &v[k - 1]);
}

enum { FEW = 25 }; /* values of which those that are not forgotten fit 16 registers */

/* n a constant where this is inlined: then all that is looked at stays in registers, where through
 * memory each value waits for the one before. */
INLINE void middle_n(const double *v, size_t n, double *out)
{
    const size_t half = n / 2 + 2, more = n - half;
    vec a[FEW];
#pragma GCC unroll 16
    for (size_t i = 0; i < half; i++) a[i] = load(v + i * MR_LANES);
#pragma GCC unroll 16
    for (size_t i = 0; i < more; i++) {
        ends(a + i, half - i);
        a[half - 1] = load(v + (half + i) * MR_LANES); /* in the place of the greatest */
    }
    ends(a + more, 3);
    store(out, &a[more + 1]);
}

/* Any odd n; v is reordered. */
INLINE void middle_any(double *v, size_t n, double *out)
{
    const size_t half = n / 2 + 2;
    for (size_t i = 0; i + half < n; i++) {
        double *at = v + i * MR_LANES;
        const size_t k = half - i;
        vec lo = load(at), hi = load(at + (k - 1) * MR_LANES);
        order(&lo, &hi);
        for (size_t j = 1; j < k / 2; j++) {
            vec a = load(at + j * MR_LANES), b = load(at + (k - 1 - j) * MR_LANES);
            order(&a, &b);
            order(&lo, &a);
            store(at + j * MR_LANES, &a);
            store(at + (k - 1 - j) * MR_LANES, &b);
        }
        if (k % 2) {
            vec m = load(at + k / 2 * MR_LANES);
            order(&lo, &m);
            store(at + k / 2 * MR_LANES, &m);
        }
        for (size_t j = k / 2; j + 1 < k; j++) {
            vec b = load(at + j * MR_LANES);
            order(&b, &hi);
            store(at + j * MR_LANES, &b);
        }
        const vec next = load(v + (half + i) * MR_LANES);
        store(at + (k - 1) * MR_LANES, &next);
    }
    middle_n(v + (n - half) * MR_LANES, 3, out);
}

/* Windows that are asked for most: 3, 5 and 7 samples of one and three channels, 5 of five. */
MR_TARGET static void middle(double *v, size_t n, double *out)
{
    for (size_t c = 0; c < MR_LANES; c += MR_VEC, v += MR_VEC, out += MR_VEC) switch (n) {
        case 1: memcpy(out, v, MR_VEC * sizeof *v); break;
        case 3: middle_n(v, 3, out); break;
        case 5: middle_n(v, 5, out); break;
        case 7: middle_n(v, 7, out); break;
        case 9: middle_n(v, 9, out); break;
        case 15: middle_n(v, 15, out); break;
        case 21: middle_n(v, 21, out); break;
        case 25: middle_n(v, 25, out); break;
        default: middle_any(v, n, out); break;
        }
}

#define MR_MIDDLE_KERNELS .middle = middle
