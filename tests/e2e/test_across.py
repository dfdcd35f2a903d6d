"""Operators that look across channels, in whole runs: fans of neighbours, fewer channels, other places,
all channels with context in time, a new axis. Made up (tests/ops/made_up.h), checked by numpy from
their definitions; over lanes, blocks, strips, gaps, NaN, launches."""
import subprocess

import h5py
import numpy as np
import pytest
from scipy import signal

import rig

RATE, NC = 100, 45


@pytest.fixture(scope="module", autouse=True)
def own():
    """These tests run a program that brings the made-up operators."""
    before = rig.BINARY
    build = before.parent if before.parent.name else rig.ROOT / "build"
    subprocess.run(["make", "-s", f"B={build}", f"{build}/tests/own_millrace"], cwd=rig.ROOT, check=True,
                   capture_output=True, timeout=600)
    rig.BINARY = build / "tests" / "own_millrace"
    yield
    rig.BINARY = before


# --- the definitions, on a whole span x[time][channel]; NaN wherever one is looked at

def fan(x):
    n, nc = x.shape
    y = np.zeros((n, nc))
    for t in range(n):
        for c in range(nc):
            y[t, c] = x[max(t - 2, 0):t + 2, max(c - 1, 0):c + 2].mean()
    return y


def halve(x, first):
    """first: number of the first sample on the UTC grid."""
    x = x[:, :x.shape[1] // 2 * 2]
    pairs = x[:, 0::2] + x[:, 1::2]
    a = first % 2
    later = pairs[np.minimum(np.arange(a, len(x), 2) + 1, len(x) - 1)]
    return pairs[a::2] + later


def between(x):
    """NaN by what it declares to look at, channels j to j + 3."""
    return x[:, 3:] - x[:, :-3] + 0 * (x[:, 1:-2] + x[:, 2:-1])


def common(x):
    n = len(x)
    y = np.empty((n, (x.shape[1] + 2) // 3))
    for t in range(n):
        some = x[max(t - 5, 0):t + 4]
        good = some[np.isfinite(some)]
        y[t] = x[t, ::3] - (good.mean() if len(good) else 0)
        y[t, np.isnan(some).any(axis=0)[::3]] = np.nan
    return y


def powers(x, first):
    """Means of x, x2, x3 over UTC seconds of which half the samples are there and good."""
    numbers = (first + np.arange(len(x))) // RATE
    rows = []
    for w in np.unique(numbers):
        some = x[numbers == w]
        good = np.isfinite(some).sum(axis=0)
        with np.errstate(invalid="ignore"), np.testing.suppress_warnings() as quiet:
            quiet.filter(RuntimeWarning)
            y = np.array([np.nanmean(some ** k, axis=0) for k in (1, 2, 3)])
        y[:, 2 * good < RATE] = np.nan
        rows.append(y)
    return np.array(rows)


SPANS = [(1337, 9100), (14031, 2500)]  # first sample after T0, samples


@pytest.fixture(scope="module")
def dirty(tmp_path_factory):
    """Two spans with a gap, NaN in single channels, in all, at the array's edge and the span's."""
    top = tmp_path_factory.mktemp("across")
    spans = []
    for k, (start, n) in enumerate(SPANS):
        x = rig.noise(n, NC, k)
        x[600:605, 7] = x[700, 0] = x[800:803, NC - 1] = x[1000:1020] = x[0, 20] = x[-1, 30] = np.nan
        rig.archive(top / "in", x, RATE, 1700, rig.T0 + start * rig.S // RATE)
        spans.append((rig.T0 // rig.S * RATE + start, x.astype(float)))
    return top, spans


def run(top, tmp_path, chain, ranks=0, threads=1, memory="512 MiB"):
    out = rig.fresh(tmp_path / f"out{ranks}{threads}")
    cfg = rig.config(tmp_path / "c.yaml", [top / "in"], chain, out, run_=[f"memory: {memory}"])
    rig.run("run", cfg, status=0, ranks=ranks, threads=threads)
    rig.run("verify", out, status=0)
    return out


def check(out, refs, tol=1e-6):
    got = rig.output(out)
    assert len(got) == len(refs)
    for (_, y), ref in zip(got, refs):
        rig.near(y, ref, tol)


def test_a_fan_sees_its_neighbours_and_nan_spreads_by_it(dirty, tmp_path):
    top, spans = dirty
    out = run(top, tmp_path, ["made_up_fan"])
    check(out, [fan(x) for _, x in spans])
    lane = rig.read_lane(rig.lanes(out)[0])
    assert np.array_equal(lane.x, 10.0 * np.arange(NC))


def test_fewer_channels_and_samples_in_another_unit(dirty, tmp_path):
    top, spans = dirty
    out = run(top, tmp_path, ["made_up_halve"])
    check(out, [halve(x, first) for first, x in spans])
    lane = rig.read_lane(rig.lanes(out)[0])
    assert lane.name == "pairs" and lane.unit == "halves" and lane.attrs["sampling_rate_hz"] == 50
    assert np.array_equal(lane.x, 5 + 20.0 * np.arange(NC // 2))
    with h5py.File(out / "master.h5") as h:
        assert h["pairs"].shape[1] == NC // 2 and np.array_equal(h["distance"][()], lane.x)


def test_places_half_way(dirty, tmp_path):
    top, spans = dirty
    out = run(top, tmp_path, ["made_up_between"])
    check(out, [between(x) for _, x in spans])
    assert np.array_equal(rig.read_lane(rig.lanes(out)[0]).x, 15 + 10.0 * np.arange(NC - 3))


def test_all_channels_with_context_in_time(dirty, tmp_path):
    top, spans = dirty
    out = run(top, tmp_path, ["made_up_common"], threads=2)
    check(out, [common(x) for _, x in spans])
    assert np.array_equal(rig.read_lane(rig.lanes(out)[0]).x, 30.0 * np.arange(15))


@pytest.mark.parametrize("ranks,threads", [(0, 2), (2, 1), (3, 2)])
def test_one_after_the_other_over_launches(dirty, tmp_path, ranks, threads):
    top, spans = dirty
    chain = ["made_up_fan", "made_up_halve", "made_up_common", "made_up_fan"]
    one = run(top, tmp_path, chain)
    check(one, [fan(common(halve(fan(x), first))) for first, x in spans])
    assert rig.digests(run(top, tmp_path, chain, ranks, threads, "2 GiB")) == rig.digests(one)


@pytest.mark.parametrize("chain", [["made_up_fan", "made_up_powers"], ["made_up_powers"]])
def test_a_new_axis(dirty, tmp_path, chain):
    top, spans = dirty
    out = run(top, tmp_path, chain)
    got = []
    for p in rig.lanes(out):
        with h5py.File(p) as h:
            assert np.array_equal(h["power"][()], [1, 2, 3])
            got.append(h["powers"][()])
    want = np.concatenate([powers(fan(x) if len(chain) > 1 else x, first) for first, x in spans])
    rig.near(np.concatenate(got), want)


def test_strips_see_beyond_their_edge(tmp_path):
    """Two strips of 13,000 channels; where they meet the neighbours of both are there."""
    n, nc = 1300, 13000
    x = rig.noise(n, nc, 8)
    rig.archive(tmp_path / "in", x, 10, 500)
    cfg = rig.config(tmp_path / "c.yaml", [tmp_path / "in"], ["lowpass: {corner: 0.06 Hz}", "made_up_between"],
                     tmp_path / "out", run_=["memory: 3 GiB"], output_=["lane: 30 min"])
    rig.run("run", cfg, status=0, threads=2)
    files = rig.lanes(tmp_path / "out")
    assert len(files) > 1
    y = np.concatenate([rig.read_lane(f).y for f in files], axis=1)
    assert y.shape == (n, nc - 3)
    edges = np.cumsum([rig.read_lane(f).y.shape[1] for f in files])[:-1]
    some = np.unique(np.concatenate([np.arange(e - 40, e + 40) for e in edges] + [[0, 1, nc - 5, nc - 4]]))
    sos = signal.butter(4, 0.06, "lowpass", fs=10, output="sos")
    ref = {c: signal.sosfiltfilt(sos, x[:, c].astype(float)) for c in {*some, *(some + 3)}}
    rig.near(y[:, some], np.array([ref[c + 3] - ref[c] for c in some]).T)
    with h5py.File(tmp_path / "out" / "master.h5") as h:
        assert np.array_equal(h["distance"][()], 15 + 10.0 * np.arange(nc - 3))
    rig.run("verify", tmp_path / "out", status=0)


def test_positions_of_a_table_are_carried(dirty, tmp_path):
    top, _ = dirty
    table = tmp_path / "places.csv"
    table.write_text("channel,distance,latitude,longitude\n" + "".join(
        f"{c},{7 * c},{40 + c},{(179.75 + c / 4 + 180) % 360 - 180}\n" for c in range(NC)))
    cfg = rig.config(tmp_path / "c.yaml", [top / "in"], ["made_up_halve"], tmp_path / "out",
                     input_=[f'geometry: "{table}"'])
    rig.run("run", cfg, status=0)
    with h5py.File(rig.lanes(tmp_path / "out")[0]) as h:
        c = 2 * np.arange(NC // 2)
        assert np.array_equal(h["distance"][()], 7 * (c + 0.5))
        assert np.array_equal(h["latitude"][()], 40.5 + c)
        lon = 179.75 + (c + 0.5) / 4  # over the line of date
        assert np.allclose((h["longitude"][()] - lon + 180) % 360, 180, atol=1e-9)
        assert np.abs(h["longitude"][()]).max() <= 180
