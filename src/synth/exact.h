/* synth/exact.h: chance and a sine whose bits do not depend on machine or C library. */
#ifndef MR_SYNTH_EXACT_H
#define MR_SYNTH_EXACT_H
#include <math.h>
#include <stdint.h>

static inline uint64_t mr_synth_mix(uint64_t x)
{
    x += 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

static inline uint64_t mr_synth_hash(uint64_t seed, uint64_t what, uint64_t k)
{
    return mr_synth_mix(mr_synth_mix(mr_synth_mix(seed) ^ what) ^ k);
}

/* uniform in [0, 1) */
static inline double mr_synth_unit(uint64_t seed, uint64_t what, uint64_t k)
{
    return (double)(mr_synth_hash(seed, what, k) >> 11) * 0x1p-53;
}

/** sin(2 pi turns), |error| < 1e-8, the same bits on every machine. */
/* Adding and taking 1.5 * 2^52 rounds to the nearest integer. Folded into a quarter turn, then the
 * Taylor series to y^15: its error there is (pi/2)^17 / 17! = 6e-12. */
static inline double mr_synth_sin(double turns)
{
    const double magic = 6755399441055744.0;
    double y = turns - ((turns + magic) - magic);
    double folded = copysign(0.5, y) - y;
    y = fabs(y) > 0.25 ? folded : y;
    double z = y * 6.28318530717958648;
    double q = z * z;
    double p = -1.0 / 1307674368000.0;
    p = p * q + 1.0 / 6227020800.0;
    p = p * q - 1.0 / 39916800.0;
    p = p * q + 1.0 / 362880.0;
    p = p * q - 1.0 / 5040.0;
    p = p * q + 1.0 / 120.0;
    p = p * q - 1.0 / 6.0;
    return z + z * q * p;
}
#endif
