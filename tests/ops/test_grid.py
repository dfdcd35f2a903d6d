"""Rates that are nearly equal, against the formula in numpy at places of exact fractions."""
from fractions import Fraction

import numpy as np
import pytest

from cuts import CUTS, NC, noise
from forms import sinc_at


def places(rate, to, first, nt):
    """Outputs n / to of the UTC grid within the span; their places in samples from its first on."""
    step = Fraction(rate) / Fraction(to)
    a, b = -(-first // step), -(-(first + nt) // step)
    return a, [m * step - first for m in range(a, b)]


@pytest.mark.parametrize("rate,to", [(99.9987, 100), (100, 99.9987), (1000.0213, 1000), (100.7, 100.0001),
                                     (249.99999, 250)])
@pytest.mark.parametrize("years", [0, 56])
def test_nearly_equal_rates_are_a_sinc_at_the_exact_place(chain, rate, to, years):
    """Half a century of samples since 1970 leaves the places exact."""
    first, x = int(years * 365.25 * 86400 * rate) + 17, noise(3000)
    a, at = places(rate, to, first, len(x))
    ref = sinc_at(x, at)
    whole = None
    for cut in CUTS:
        got = chain(x, f"resample rate={to}Hz", rate=rate, first=first, **cut)
        assert got.a == a and got.y.shape == ref.shape and got.rate == to
        assert np.abs(got.y - ref).max() <= 1e-11 * np.abs(ref).max()
        whole = got.y if whole is None else whole
        assert np.array_equal(got.y, whole)
    assert abs(got.position - float(at[0] + first)) <= 1e-9 * max(first, 1)


@pytest.mark.parametrize("seed", range(6))
def test_over_random_rates_shapes_and_seams(chain, seed):
    rng = np.random.default_rng(seed)
    nt, nc, rate = int(rng.integers(1, 700)), int(rng.integers(1, 50)), float(np.round(rng.uniform(50, 2000), 5))
    to, first = float(rate * (1 + rng.uniform(-0.0099, 0.0099))), int(rng.integers(0, 2e12))
    x = noise(nt, nc, seed)
    a, at = places(rate, to, first, nt)
    for _ in range(3):
        cut = dict(block=int(rng.integers(1, 90)), lane=int(rng.integers(40, 400)), tile=int(rng.integers(1, 65)))
        got = chain(x, f"resample rate={to!r}Hz", rate=rate, first=first, **cut)
        ref = sinc_at(x, at)
        assert got.a == a and got.y.shape == ref.shape
        assert np.abs(got.y - ref).max() <= 1e-11 * np.abs(x).max()


def test_a_slow_wave_is_what_it_would_have_been_at_the_other_rate(chain):
    """Of up to 0.8 of half the rate within 2e-5: what the window leaves of a sinc."""
    n = np.arange(4000)
    x = np.sin(2 * np.pi * 40 * n / 99.9987)[:, None] * np.ones((1, 3))
    got = chain(x, "resample rate=100Hz", rate=99.9987)
    want = np.sin(2 * np.pi * 40 * np.arange(len(got.y)) / 100)[:, None]
    assert np.abs(got.y - want)[40:-40].max() < 2e-5


def test_what_follows_counts_by_the_new_rate(chain):
    """A decimation and a filter after it: the same as of its samples by themselves."""
    x = noise(3000)
    one = chain(x, "resample rate=100Hz", rate=99.9987, first=10**9)
    two = chain(one.y, "decimate factor=5", first=one.a)
    for cut in CUTS:
        got = chain(x, "resample rate=100Hz | decimate factor=5", rate=99.9987, first=10**9, **cut)
        assert got.a == two.a and np.array_equal(got.y, two.y)


def test_refusals(chain):
    with pytest.raises(RuntimeError) as e:
        chain(noise(100, 3), "resample rate=102.3456Hz", rate=100)
    assert "nor within 1 % of it" in str(e.value)
