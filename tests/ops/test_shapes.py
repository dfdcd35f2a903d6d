"""Every kind of operator over random shapes, odd lengths, NaN, uneven lanes, seams anywhere: within 1e-6 of its
oracle's peak (far below, mostly), NaN exactly as far as the formula looks."""
import numpy as np
import pytest
from scipy import ndimage, signal

from cuts import RATE, noise
from forms import (analytic, centred_mean, despiked, filled, fk_with_nan, hampel, interpolated, noisepy_ram, savgol,
                   trailing)


def bridged(x):
    """As the driver does it: what is NaN holds the row before it, 0 in the first."""
    y = x.copy()
    for t in range(len(y)):
        bad = np.isnan(y[t])
        y[t, bad] = y[t - 1, bad] if t else 0
    return y


def reach(bad, before, after, ch=0):
    """Outputs t are made of t - before .. t + after, of channels +-ch."""
    out = np.zeros_like(bad)
    for t, c in zip(*np.nonzero(bad)):
        out[max(t - after, 0):t + before + 1, max(c - ch, 0):c + ch + 1] = True
    return out


def common(x, group):
    y = x.copy()
    for a in range(0, x.shape[1], group):
        some = x[:, a:a + group]
        count = np.isfinite(some).sum(axis=1)
        y[:, a:a + group] -= np.where(count, np.nansum(some, axis=1) / np.maximum(count, 1), 0)[:, None]
    return y


def spread(form, before, after, ch=0):
    """The formula on what stands in for NaN, NaN as far as it looks."""
    def ref(x):
        y = np.array(form(bridged(x)))
        y[reach(np.isnan(x), before, after, ch)] = np.nan
        return y
    return ref


def median(x):
    return ndimage.median_filter(x, size=(5, 3), mode="reflect")


SOS = signal.iirfilter(3, 10 / (RATE / 2), btype="lowpass", ftype="butter", output="sos")
HALF = int(np.ceil(72 / (2.285 * 2 * np.pi * 2 * 5 / RATE) / 2))
FORMS = {  # text: (oracle, blank rows at the head)
    "rolling window=170ms kind=mean": (spread(lambda x: trailing(x, 17).mean(-1), 16, 0), 16),
    "rolling window=170ms kind=std": (spread(lambda x: trailing(x, 17).std(-1), 16, 0), 16),
    "rolling window=170ms kind=median": (spread(lambda x: np.median(trailing(x, 17), -1), 16, 0), 16),
    "rolling window=170ms kind=max": (spread(lambda x: trailing(x, 17).max(-1), 16, 0), 16),
    "median time=5 channel=3": (spread(median, 2, 2, 1), 0),
    "hampel time=5 channel=3 threshold=2": (spread(lambda x: hampel(x, 5, 3, 2), 2, 2, 1), 0),
    "despike time=3 channel=5 threshold=3": (spread(lambda x: despiked(x, 3, 5, 3)[0], 1, 1, 4), 0),
    "savgol window=120ms order=3": (spread(lambda x: savgol(x, 13, 3, 0), 12, 12), 0),
    "agc window=100ms": (spread(lambda x: x / np.sqrt(centred_mean(x ** 2, 11)), 5, 5), 0),
    "normalise kind=ram window=80ms": (spread(lambda x: noisepy_ram(x, 8), 4, 3), 0),
    "envelope above=5Hz": (spread(lambda x: np.abs(analytic(x, 5)), HALF, HALF), 0),
    "common_mode group=4": (lambda x: common(x, 4), 0),
    "fill up_to=70ms": (lambda x: filled(x, 7, "linear")[0], 0),
    "interpolate channels=[1,2]": (lambda x: interpolated(x, [1, 2]), 0),
    "fk velocity=30..300m/s band=12..25Hz": (lambda x: fk_with_nan(x, (30, 300), (12, 25)), 0),
    "lowpass corner=10Hz order=3": (None, 0),  # its memory fades: where it is NaN is the chain's word
}


def some(seed):
    """Odd and even lengths, one tile of channels or several, NaN in single samples, runs, at the ends."""
    rng = np.random.default_rng(seed)
    x = noise(int(rng.integers(180, 700)), int(rng.integers(5, 75)), seed)
    nt, nc = x.shape
    for _ in range(int(rng.integers(0, 9))):
        t, c = rng.integers(nt), rng.integers(nc)
        x[t:t + rng.integers(1, 12), c] = np.nan
    if seed % 3 == 0:
        x[0, rng.integers(nc)] = x[-1, rng.integers(nc)] = np.nan
    if seed % 4 == 0:
        x[nt // 2:nt // 2 + 3] = np.nan
    cut = dict(first=int(rng.integers(0, 2e11)), block=int(rng.integers(1, 150)), lane=int(rng.integers(90, 400)),
               tile=int(rng.integers(1, 65)))
    return x, cut


@pytest.mark.parametrize("text", FORMS)
@pytest.mark.parametrize("seed", range(5))
def test_the_oracle_over_random_shapes_nan_and_seams(chain, text, seed):
    x, cut = some(100 * seed + sorted(FORMS).index(text))
    form, head = FORMS[text]
    got = chain(x, text, nan=True, **cut)
    if form:
        ref = form(x)
        assert np.array_equal(np.isnan(got.y)[head:], np.isnan(ref)[head:])
    else:
        ref = signal.sosfiltfilt(SOS, bridged(x), axis=0, padlen=12)
        assert (~np.isnan(x) | np.isnan(got.y)).all()
    assert got.head == head and got.y.shape == ref.shape
    good = np.isfinite(got.y[head:])
    if good.any():
        assert np.abs(got.y[head:] - ref[head:])[good].max() <= 1e-8 * np.nanmax(np.abs(ref[head:]))
