/* ops/kernels/fft.h: discrete Fourier transforms of eight channels side by side, one channel a
 * vector lane: no transposition, and the same bits whatever the vector length and whatever the
 * neighbours hold.
 *
 * A buffer holds complex elements as [m][2][8]: eight real parts, eight imaginary parts. A real
 * series of even length n is transformed as n / 2 complex elements of two samples each; of odd
 * length, as n elements with imaginary parts of zero. */
#ifndef MR_FFT_H
#define MR_FFT_H
#include "base/base.h"

enum { MR_FFT_LANES = 8, MR_FFT_CELL = 16, MR_FFT_LEVELS = 40, MR_FFT_PRIME = 31 };

typedef struct mr_fft {
    size_t n, m; /* real samples, complex elements */
    bool packed; /* two samples an element */
    size_t n_levels;
    unsigned radix[MR_FFT_LEVELS];  /* first to last */
    double *twiddle[MR_FFT_LEVELS]; /* owned: [done elements][radix - 1][2] */
    double
        *root[MR_FFT_LEVELS]; /* owned: [radix][2] for radices without a butterfly of their own */
    double *split;            /* owned: [m / 2 + 1][2], exp(-2 pi i k / n) */
    uint32_t *pos;            /* owned: where in the buffer element j goes before transforming */
} mr_fft;

/** Can this length be transformed: no prime factor above MR_FFT_PRIME? */
bool mr_fft_can(size_t n);
/** The smallest length from n on with the factors 2, 3 and 5 alone (scipy's next_fast_len). */
size_t mr_fft_length(size_t n);
/** The even length of these factors, from n to a tenth above it, whose transform costs least
 * (beyond that the first there is). Where zeros may be added at will. */
size_t mr_fft_cheapest(size_t n);
/** Plan for real series of n samples. */
mr_status mr_fft_init(mr_fft *f, size_t n);
void mr_fft_fini(mr_fft *f);
/** Bins of a real transform. */
static inline size_t mr_fft_bins(const mr_fft *f)
{
    return f->n / 2 + 1;
}
/** Doubles of a buffer. */
static inline size_t mr_fft_buffer(const mr_fft *f)
{
    return f->m * MR_FFT_CELL;
}

/** What becomes of the samples on their way into a buffer: (x - mean) * window; rows from n_rows on
 *  are zero, as are lanes that are not in `lanes` (bit c for channel c). */
typedef struct mr_fft_in {
    const double *x; /* [n_rows][8] or fewer channels */
    size_t stride, n_rows;
    size_t t0, t1; /* x begins with row t0 and only rows up to t1, both even or n, are put into the
                      buffer; t1 = 0: all */
    const double *mean;   /* [8] or NULL */
    const double *window; /* [n_rows] or NULL */
    unsigned lanes;
} mr_fft_in;
/** The real series of bins [k0, k1), x[k1 - k0][2][8], others zero: into z, transformed; its sample
 * t of the eight lanes is then mr_fft_sample(f, z, t)[8] times mr_fft_unit(f). */
void mr_fft_inverse(const mr_fft *f, const double *x, size_t k0, size_t k1, double *z);
static inline const double *mr_fft_sample(const mr_fft *f, const double *z, size_t t)
{
    if (!f->packed) return z + t * MR_FFT_CELL + MR_FFT_LANES;
    return z + t / 2 * MR_FFT_CELL + (t % 2 ? 0 : MR_FFT_LANES);
}
static inline double mr_fft_unit(const mr_fft *f)
{
    return 1 / (double)f->m;
}
/** Mean of each lane over the rows. */
void mr_fft_mean(const mr_fft_in *in, double mean[MR_FFT_LANES]);
#endif
