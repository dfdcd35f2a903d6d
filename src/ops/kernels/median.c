/* ops/kernels/median.c: see median.h. */
#include "ops/kernels/median.h"

/* The k-th smallest of v[n], which is reordered so that nothing after k is smaller. */
static double select_kth(double *v, size_t n, size_t k)
{
    size_t lo = 0, hi = n - 1;
    while (lo < hi) {
        double pivot = v[lo + (hi - lo) / 2];
        size_t i = lo, j = hi;
        while (i <= j) {
            while (v[i] < pivot) i++;
            while (v[j] > pivot) j--;
            if (i > j) break;
            double swap = v[i];
            v[i++] = v[j];
            v[j] = swap;
            if (j == 0) break;
            j--;
        }
        if (k <= j)
            hi = j;
        else if (k >= i)
            lo = i;
        else
            break;
    }
    return v[k];
}

double mr_median(double *v, size_t n)
{
    double upper = select_kth(v, n, n / 2), lower = v[0];
    if (n % 2) return upper;
    for (size_t i = 1; i < n / 2; i++) lower = v[i] > lower ? v[i] : lower;
    return (lower + upper) / 2;
}
