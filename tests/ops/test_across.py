"""Operators that look at neighbouring channels, against numpy and scipy on the whole array, cut anywhere."""
import numpy as np
import pytest
from scipy import ndimage, signal

from cuts import EXACT, FIRST, check, every_cut, noise
from forms import despiked, hampel


def spiky(nt=3000, nc=37):
    x = noise(nt, nc)
    rng = np.random.default_rng(2)
    x[rng.integers(0, nt, 300), rng.integers(0, nc, 300)] *= 40
    return x


@pytest.mark.parametrize("t,c", [(5, 5), (1, 3), (9, 1), (3, 7), (25, 25), (3, 1)])
def test_median_is_scipys(chain, t, c):
    x = noise(1500 if t * c < 100 else 200)
    ref = ndimage.median_filter(x, size=(t, c), mode="reflect")
    got = every_cut(chain, x, f"median time={t} channel={c}", ref, 0, True, first=FIRST)
    assert np.array_equal(got.y, ref)


@pytest.mark.parametrize("nt,nc", [(1, 1), (2, 3), (7, 2), (30, 4)])
def test_median_of_less_than_a_window_is_mirrored_again_and_again(chain, nt, nc):
    x = noise(nt, nc)
    assert np.array_equal(chain(x, "median time=9 channel=11").y,
                          ndimage.median_filter(x, size=(9, 11), mode="reflect"))


@pytest.mark.parametrize("t,c,threshold", [(5, 5, 10), (7, 1, 3), (3, 3, 2)])
def test_hampel_replaces_outliers_of_its_window(chain, t, c, threshold):
    x = spiky()
    ref = hampel(x, t, c, threshold)
    assert (ref != x).sum() > 100
    got = every_cut(chain, x, f"hampel time={t} channel={c} threshold={threshold}", ref, 0, True)
    assert np.array_equal(got.y, ref)


@pytest.mark.parametrize("t,c,threshold", [(5, 51, 10), (3, 9, 5), (1, 3, 2)])
def test_despike(chain, t, c, threshold):
    x = spiky()
    x[700:710, 5:9] *= 100  # neighbours that are spikes as well
    ref, spikes = despiked(x, t, c, threshold)
    assert spikes.sum() > 100
    every_cut(chain, x, f"despike time={t} channel={c} threshold={threshold}", ref, 0, True, first=FIRST)


@pytest.mark.parametrize("n,step", [(4, 0), (3, 2), (5, 7), (37, 0), (2, 1)])
def test_channel_stack_is_the_mean_of_neighbours(chain, n, step):
    x = noise(1000)
    starts = range(0, 37 - n + 1, step or n)
    ref = np.stack([x[:, a:a + n].mean(axis=1) for a in starts], axis=1)
    every_cut(chain, x, f"channel_stack n={n}" + (f" step={step}" if step else ""), ref, 0, True)


@pytest.mark.parametrize("q", [2, 3, 5])
@pytest.mark.parametrize("nc", [37, 200])
def test_channel_decimate_is_scipys_along_channels(chain, q, nc):
    x = noise(500, nc)
    every_cut(chain, x, f"channel_decimate factor={q}", signal.decimate(x, q, ftype="fir", axis=1), 0, True)


def test_channel_decimate_takes_short_waves_out(chain):
    """Every second channel: a wave of 2.5 channels would alias to 5 kept ones; 40 dB down or more."""
    x = np.cos(2 * np.pi * np.arange(400) / 2.5)[None, :] * np.ones((50, 1))
    assert np.abs(chain(x, "channel_decimate factor=2").y[:, 50:150]).max() < 0.01


@pytest.mark.parametrize("m", [1, 2, 5])
def test_strain_rate_from_velocities_at_both_ends_of_a_gauge(chain, m):
    """The driver's channels are 1 m apart."""
    x = noise(500)
    every_cut(chain, x, f"strain from=velocity gauge={m}m", (x[:, m:] - x[:, :-m]) / m, 0, True)


def test_strain_of_phase(chain):
    x = noise(500)
    ref = 2 * x * 1.55e-6 / (4 * np.pi * 1.445 * 10 * 0.79)  # counts x 2 = rad
    every_cut(chain, x, "units to=native | strain from=phase gauge=10m", ref, 0, True)
    every_cut(chain, x, "strain from=phase gauge=10m", ref, 0, True)  # by what the files say


def test_common_mode_of_groups(chain):
    x = noise(400)
    for kind, f in (("mean", np.mean), ("median", np.median)):
        ref = np.concatenate([x[:, a:a + 10] - f(x[:, a:a + 10], axis=1, keepdims=True)
                              for a in range(0, 37, 10)], axis=1)
        for cut in (dict(), dict(block=77, lane=200)):
            check(chain(x, f"common_mode kind={kind} group=10", **cut), ref, EXACT)


def test_operators_across_channels_in_a_chain(chain):
    x = spiky(1200)
    ref = ndimage.median_filter(x, size=(3, 3), mode="reflect")
    ref = ref[:, :36].reshape(1200, 12, 3).mean(axis=2)
    ref = signal.decimate(ref, 2, ftype="fir", axis=0)
    every_cut(chain, x, "median time=3 channel=3 | channel_stack n=3 | decimate factor=2", ref, 0, True)


@pytest.mark.parametrize("text,words", [
    ("median time=4", "is even"), ("median time=99 channel=99", "more than 625"), ("hampel time=1 channel=1", "no outlier"),
    ("despike time=2", "is even"), ("channel_stack n=50", "there are 3"), ("strain from=velocity gauge=2.5m", "no whole number"),
    ("scale by=2 unit=m | strain from=phase", "gauge is needed"), ("channel_stack", "n is needed")])
def test_refusals(chain, text, words):
    with pytest.raises(RuntimeError) as e:
        chain(noise(100, 3), text)
    assert "status 2" in str(e.value) and words in str(e.value)
