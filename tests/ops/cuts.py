"""What the tests of operators share: a span of samples, ways to cut it, the comparison.

Tolerances are relative to the output's peak. EXACT 1e-11: the same float64 formula in another order
of operations; filters of order 4 on these rates lose up to 3 digits. FADED 5e-9: contexts are cut
where 1e-9 of the impulse response is left, on both sides, and noise adds a small factor.
"""
import numpy as np

RATE = 100.0
NT, NC = 6000, 37
FIRST = 176_000_000_123  # some sample of 2025 at 100 Hz, on no multiple of anything
EXACT, FADED = 1e-11, 5e-9

# cuts of the output into lanes and blocks, and the width of tiles
CUTS = [dict(), dict(block=333), dict(block=700, lane=2100, tile=7), dict(lane=1000, block=50, tile=1),
        dict(lane=777, block=776, tile=64)]


def noise(nt=NT, nc=NC, seed=1):
    return np.random.default_rng(seed).standard_normal((nt, nc))


def check(got, ref, tol, head=0, tail=0):
    assert got.y.shape == ref.shape
    assert (got.head, got.tail) == (head, tail)
    part = slice(head, len(ref) - tail)
    peak = np.abs(ref[part]).max()
    assert np.isfinite(got.y).all()
    assert np.abs(got.y - ref)[part].max() <= tol * peak


def every_cut(chain, x, text, ref, tol, finite=False, uncut=EXACT, **kw):
    """finite: the context is finite, so that cuts may not change one bit."""
    head, tail = kw.pop("head", 0), kw.pop("tail", 0)
    whole = None
    for cut in CUTS:
        got = chain(x, text, **cut, **kw)
        check(got, ref, uncut if not cut or finite else tol, head, tail)
        whole = got.y if whole is None else whole
        if finite:
            assert np.array_equal(got.y, whole), cut
    return got


def cheapest_length(n):
    """Of the even lengths 2^a 3^b 5^c up to a tenth above n the one whose half costs least: elements times
    the cost of its stages (fft.h). 8s as far as they go, then 4 4, 2 or 4 for what is left of the twos."""
    def stages(m):
        twos = odd = 0
        while m % 2 == 0:
            m, twos = m // 2, twos + 1
        for p, of in ((3, 20), (5, 21)):
            while m % p == 0:
                m, odd = m // p, odd + of
        rest = {0: 0, 1: 28 if twos >= 4 else 15, 2: 14}[twos % 3]
        eights = (twos - (4 if twos % 3 == 1 and twos >= 4 else twos % 3)) // 3
        return odd + rest + 20 * eights if m == 1 else None
    even = [k for k in range(n + n % 2, n + n // 10 + 1, 2) if stages(k // 2)]
    even = even or [next(k for k in range(n + n % 2, 4 * n, 2) if stages(k // 2))]
    return min(even, key=lambda k: (k // 2 * stages(k // 2), k))
