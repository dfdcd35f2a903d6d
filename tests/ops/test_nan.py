"""Operators that are told what is NaN and decide what that does, against plain Python on the whole span:
short gaps filled, listed channels interpolated, holes in the array of a fan filter."""
import numpy as np
import pytest

from cuts import CUTS, FIRST, NC, NT, RATE, noise
from forms import filled, fk_with_nan, interpolated, trailing


def holed(seed, nt=NT, nc=NC):
    """Single samples, runs of 1 to 60, edges of the span, a channel all along, all channels at once."""
    rng, x = np.random.default_rng(seed), noise(nt, nc, seed)
    for _ in range(nt // 15):
        t, c = rng.integers(nt), rng.integers(nc)
        x[t:t + rng.integers(1, 61), c] = np.nan
    x[:7, 1] = x[-5:, 2] = x[:, nc - 3] = np.nan
    x[nt // 2:nt // 2 + 6] = np.nan
    x[nt // 3] = np.nan
    return x


def same(got, ref, tol=1e-12):
    assert got.y.shape == ref.shape
    assert np.array_equal(np.isnan(got.y), np.isnan(ref))
    assert np.nanmax(np.abs(got.y - ref)) <= tol * np.nanmax(np.abs(ref))


@pytest.mark.parametrize("kind", ["linear", "zero"])
@pytest.mark.parametrize("most", [1, 6, 30])
def test_short_gaps_are_filled_and_longer_ones_stay(chain, kind, most):
    x = holed(most)
    ref, _ = filled(x, most, kind)
    whole = None
    for cut in CUTS + [dict(block=1 + most, lane=50), dict(block=1, lane=700)][:1 + (most < 30)]:
        got = chain(x, f"fill up_to={most * 10}ms kind={kind}", first=FIRST, nan=True, **cut)
        same(got, ref)
        whole = got.y if whole is None else whole
        assert np.array_equal(got.y, whole, equal_nan=True), cut


@pytest.mark.parametrize("seed", range(8))
def test_fill_over_random_shapes_and_cuts(chain, seed):
    rng = np.random.default_rng(seed)
    nt, nc, most = int(rng.integers(31, 900)), int(rng.integers(4, 70)), int(rng.integers(1, 25))
    x = holed(seed, nt, nc)
    ref, _ = filled(x, most, "linear")
    for _ in range(4):
        cut = dict(block=int(rng.integers(1, 80)), lane=int(rng.integers(40, 400)), tile=int(rng.integers(1, 65)))
        same(chain(x, f"fill up_to={most * 10}ms", nan=True, **cut), ref)


@pytest.mark.parametrize("listed", [[3], [0, 1, 5, 36], [7, 8, 9, 20], [35, 36]])
def test_listed_channels_come_from_their_neighbours(chain, listed):
    x = holed(4)
    x[:, listed] = np.nan  # they may be anything
    ref = interpolated(x, listed)
    for cut in CUTS:
        same(chain(x, f"interpolate channels={listed}".replace(" ", "").replace("channels", " channels"),
                   first=FIRST, nan=True, **cut), ref)


def test_what_is_filled_takes_part_in_what_follows(chain):
    """A filter of finite context, a decimation: NaN spreads from what is left alone."""
    x = holed(5)
    x[:, NC - 3] = noise(NT, 1, 9)[:, 0]
    y, _ = filled(x, 30, "linear")
    ref = trailing(y, 20).mean(-1)
    ref[:19] = np.nan
    for cut in CUTS:
        got = chain(x, "fill up_to=300ms | rolling window=200ms kind=mean", nan=True, **cut)
        got.y[:got.head] = np.nan
        same(got, ref, 1e-11)


def test_what_a_window_leaves_blank_is_no_value_to_fill_from(chain):
    """The first 19 of a rolling mean are NaN by definition: a gap that touches them is at the span's end."""
    x = noise()
    x[19:25, 3] = x[100:103, 3] = np.nan
    mean = trailing(x, 20).mean(-1)
    mean[:19] = np.nan
    ref, _ = filled(mean, 30, "linear")
    for cut in CUTS:
        same(chain(x, "rolling window=200ms kind=mean | fill up_to=300ms", nan=True, **cut), ref, 1e-11)


def test_one_after_the_other(chain):
    x = holed(6)
    one, _ = filled(x, 10, "linear")
    ref, _ = filled(interpolated(one, [4, 5, NC - 3]), 30, "zero")
    for cut in CUTS:
        same(chain(x, f"fill up_to=100ms | interpolate channels=[4,5,{NC - 3}] | fill up_to=300ms kind=zero",
                   nan=True, **cut), ref)


@pytest.mark.parametrize("nc,most", [(37, 3), (60, 6)])
def test_a_fan_filter_takes_a_tenth_of_holes(chain, nc, most):
    """3 of 37 and 6 of 60 channels are up to a tenth, one more is not."""
    x = noise(3000, nc)
    x[500, 3] = x[700:720, 5:5 + most] = x[1500:1503, 2:3 + most] = np.nan
    x[:, 20] = np.nan
    x[700:720, 20] = x[1500:1503, 20] = noise(23, 1)[:, 0].reshape(-1)[:20].mean()
    ref = fk_with_nan(x, (30, 300), (10, 20))
    for cut in [dict(), dict(block=700, lane=2100), dict(block=333), dict(lane=1000, block=100)]:
        same(chain(x, "fk velocity=30..300m/s band=10..20Hz", nan=True, **cut), ref, 1e-8)
    assert 0 < np.isnan(ref).all(axis=1).sum() < 200


@pytest.mark.parametrize("text,words", [
    ("fill", "up_to is needed"), ("fill up_to=1ms", "under one sample"), ("fill up_to=1h", "outside"),
    ("interpolate", "channels is needed"), ("interpolate channels=[99]", "channel 99 is not among"),
    ("interpolate channels=[0,1,2]", "none of the selected ones is left")])
def test_refusals(chain, text, words):
    with pytest.raises(RuntimeError) as e:
        chain(noise(100, 3), text)
    assert words in str(e.value)
