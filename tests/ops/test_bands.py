"""Band energy against Welch's method of scipy, and strain from strain rate against scipy's integral."""
import numpy as np
import pytest
from scipy import integrate, signal

from cuts import CUTS, EXACT, FIRST, RATE, NC, NT, every_cut, noise

BANDS = [(0, 2), (1, 5), (5, 20), (20, 50)]


def welch(x, interval, segment, overlap, first):
    """[row][band][channel]: mean square in each band, of each whole or half-full UTC interval; half-open."""
    rows, n = [], round(interval * RATE)
    hop = segment - int(segment * overlap)
    for w in range(first // n, -(-(first + len(x)) // n)):
        starts = [w * n + k * hop for k in range((n - segment) // hop + 1)]
        have = [s for s in starts if s >= first and s + segment <= first + len(x)]
        if not have:
            continue
        if 2 * len(have) < len(starts):
            rows.append(np.full((len(BANDS), x.shape[1]), np.nan))
            continue
        part = x[have[0] - first:have[-1] + segment - first]
        f, p = signal.welch(part, RATE, "hann", segment, segment - hop, axis=0)
        rows.append([p[(f >= a) & (f < b)].sum(0) * f[1] for a, b in BANDS])
    return np.array(rows)


@pytest.mark.parametrize("interval,segment,overlap", [(5, 128, 0.5), (3, 250, 0), (1, 81, 0.75), (10, 1000, 0.5)])
@pytest.mark.parametrize("kind", ["energy", "rms"])
def test_band_energy_is_welchs_summed(chain, interval, segment, overlap, kind):
    x = noise() * (1 + np.arange(NC)) + 50
    ref = welch(x, interval, segment, overlap, FIRST)
    ref = (np.sqrt(ref) if kind == "rms" else ref).reshape(-1, NC)
    text = "fbe bands=[" + ",".join(f"{a}..{b}Hz" for a, b in BANDS) + \
        f"] interval={interval}s segment={segment} overlap={overlap * 100:g}% kind={kind}"
    for cut in CUTS:
        got = chain(x, text, first=FIRST, **cut)
        assert got.y.shape == ref.shape
        assert (np.isnan(got.y) == np.isnan(ref)).all()
        assert np.nanmax(np.abs(got.y - ref)) <= 1e-11 * np.nanmax(ref)


def test_bands_side_by_side_are_all_of_the_mean_square(chain):
    """Of a sine that fits the segments: half of its amplitude's square, all in its band."""
    x = 3 * np.sin(2 * np.pi * 10 * np.arange(NT) / RATE)[:, None] * np.ones((1, 3))
    y = chain(x, "fbe bands=[0..5Hz,5..15Hz,15..50Hz] interval=10s segment=100").y.reshape(-1, 3, 3)
    assert np.abs(y[:, 1] - 4.5).max() < 1e-9 and np.abs(y[:, [0, 2]]).max() < 1e-9


@pytest.mark.parametrize("text,words", [
    ("fbe bands=1..5Hz", "interval is needed"), ("fbe interval=10s", "bands is needed"),
    ("fbe bands=1..60Hz interval=10s", "above half the sampling rate"),
    ("fbe bands=[1..2Hz,5.1..5.2Hz] interval=10s", "none of the frequencies"),
    ("fbe bands=[5] interval=10s", "bands"), ("fbe bands=1..5Hz interval=1s", "shorter than a segment"),
    ("strain from=velocity above=1Hz", "goes with from: strain_rate"),
    ("integrate above=1Hz | strain from=strain_rate", "way from counts s to strain_rate is not known"),
    ("strain from=strain_rate above=1Hz window=10s", "exclude each other")])
def test_refusals(chain, text, words):
    with pytest.raises(RuntimeError) as e:
        chain(noise(3000, 9), text)
    assert words in str(e.value)


def test_strain_of_strain_rate_is_its_integral(chain):
    """The driver's counts are a third of a strain rate each."""
    x = noise()
    ref = 3 * integrate.cumulative_trapezoid(x, dx=1 / RATE, axis=0, initial=0)
    for cut in (dict(), dict(block=333), dict(block=700, tile=7)):
        got = chain(x, "strain from=strain_rate window=span", **cut)
        assert np.abs(got.y - ref).max() <= EXACT * np.abs(ref).max()
    edges = np.clip(np.arange(-FIRST % 800 - 800, NT + 800, 800), 0, NT)
    parts = [3 * integrate.cumulative_trapezoid(x[a:b], dx=1 / RATE, axis=0, initial=0)
             for a, b in zip(edges[:-1], edges[1:]) if b > a]
    every_cut(chain, x, "strain from=strain_rate window=8s", np.concatenate(parts), 0, True, first=FIRST)
    one, two = (chain(x, t).y for t in ("strain from=strain_rate above=1Hz",
                                        "units to=strain_rate | integrate above=1Hz"))
    assert np.array_equal(one, two)


def test_strain_of_what_an_operator_made_strain_rate(chain):
    x = noise()
    one, two = (chain(x, t).y for t in (
        "units to=native | strain from=velocity gauge=3m | strain from=strain_rate above=1Hz",
        "units to=native | strain from=velocity gauge=3m | integrate above=1Hz"))
    assert np.array_equal(one, two)
