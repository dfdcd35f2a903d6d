"""Irregular rows: no step holds for three of them. They are one recording with an axis of stamps: what looks at one time
alone takes them as they are, what needs even sampling refuses them by name, resample makes them even: samples on the lines
between the rows (numpy.interp) at the new rate times a power of two, four times the mean rate or more, then scipy's
resample_poly. Where rows are more than ten mean steps apart there is nothing."""
import h5py
import numpy as np
import pytest
from scipy import signal

import rig
import writers

S, T0 = rig.S, rig.T0


def times(n, seed=3, lo=.01, hi=3.0, t0=T0):
    """Whole us, so that most layouts hold them."""
    return t0 + np.cumsum(np.random.default_rng(seed).uniform(lo, hi, n) * 1e6).astype("i8") * 1000


def wave(t, nc=3):
    return np.sin(2 * np.pi * (t - T0) / 60e9)[:, None] * np.arange(1, nc + 1) + 20


def put(path, t, x, **how):
    with h5py.File(path, "w") as h:
        h.create_dataset("raw", data=x, **how)
        h["time"] = (t - T0) // 1000
        h["time"].attrs["units"] = "microseconds since 2026-01-01"


def mean_rate(t):
    return float(f"{(len(t) - 1) / (t[-1] - t[0]) * S:.1e}")


def fine(t, x, rate, hole_s=np.inf, mean=None):
    """The grid of four mean rates (of the first file) or more, and the rows on it; NaN in holes."""
    mean = mean or mean_rate(t)
    m = 1
    while rate * m < 4 * mean:
        m *= 2
    step = round(S / (rate * m))  # whole ns here
    k = np.arange(-(-t[0] // step), t[-1] // step + 1)
    at = k * step - t[0]
    y = np.stack([np.interp(at / 1e3, (t - t[0]) / 1e3, x[:, c]) for c in range(x.shape[1])], 1)
    for a, b in zip(t[:-1] - t[0], t[1:] - t[0]):
        if b - a > hole_s * S:
            y[(at > a) & (at < b)] = np.nan
    return k, y, m


def oracle(t, x, rate, mean=None):
    k, y, m = fine(t, x, rate, mean=mean)
    if m == 1:
        return k * round(S / rate), y
    h = signal.firwin(20 * m + 1, 1 / m, window=("kaiser", 5.0))
    out = np.arange(-(-k[0] // m), k[-1] // m + 1)
    full = np.stack([np.convolve(y[:, c], h) for c in range(y.shape[1])], 1)
    return out * round(S / rate), full[out * m - k[0] + 10 * m]


def go(tmp_path, chain, status=0, name="out", **how):
    cfg = rig.config(tmp_path / "c.yaml", tmp_path / "in", chain, tmp_path / name, input_=how.pop("input_", []),
                     output_=["type: float64", *how.pop("output_", [])])
    return rig.run("run", cfg, status=status, **how)


def result(out):
    parts = sorted((rig.read_lane(p) for p in rig.lanes(out)), key=lambda p: p.t[0])
    return np.concatenate([p.t for p in parts]), np.concatenate([p.y for p in parts])


@pytest.fixture
def box(tmp_path):
    (tmp_path / "in").mkdir()
    return tmp_path


@pytest.mark.parametrize("rate", [5.0, 1.0, 0.25, 0.05])
def test_resample_makes_irregular_rows_even(box, rate):
    t = times(800)
    put(box / "in" / "a.h5", t, wave(t))
    go(box, [f"resample: {rate} Hz"])
    at, y = result(box / "out")
    want_t, want = oracle(t, wave(t), rate)
    assert np.array_equal(at, want_t)
    rig.near(y, want, 1e-9)
    inner = slice(12, -12) if rate < 1 else slice(30, -30)
    if rate >= .25:  # and that is the wave itself, as near as lines come: (pi 3 s / 60 s)^2 / 2 = 1.2 %
        assert np.abs(y - wave(at))[inner].max() < .013 * 3


def test_ranks_threads_and_lanes_do_not_matter(box):
    t = times(2000, 5)
    put(box / "in" / "a.h5", t, wave(t, 40), chunks=(64, 16), compression="gzip")
    go(box, ["resample: 0.5 Hz"], name="one", output_=["lane: 364 d"])
    go(box, ["resample: 0.5 Hz"], name="many", output_=["lane: 2 min"], ranks=2, threads=2)
    a, b = result(box / "one"), result(box / "many")
    assert len(rig.lanes(box / "many")) > 20
    assert np.array_equal(a[0], b[0]) and np.array_equal(a[1], b[1], equal_nan=True)
    rig.near(a[1], oracle(t, wave(t, 40), .5)[1], 1e-9)
    assert rig.run("verify", "--deep", box / "many", status=0)


@pytest.mark.parametrize("dtype", ["i2", ">f4"])
def test_types_packing_and_files_end_to_end(box, dtype):
    """Three files of one series, cut anywhere: as if they were one."""
    t = times(900, 7)
    x = np.round(100 * wave(t))
    for k, (a, b) in enumerate([(0, 300), (300, 400), (400, 900)]):
        put(box / "in" / f"f{k}.h5", t[a:b], x[a:b].astype(dtype))
        with h5py.File(box / "in" / f"f{k}.h5", "r+") as h:
            h["raw"].attrs.update(scale_factor=.01, add_offset=1.0)
    go(box, ["resample: 1 Hz"], status=(0, 10))
    at, y = result(box / "out")
    k, fine_y, m = fine(t, x * .01 + 1, 1)
    rig.near(y, oracle(t, x * .01 + 1, 1)[1], 1e-9)
    assert len(rig.report(box / "out")["spans"]) == 1


def test_holes_hold_nothing(box):
    """Ten mean steps and more without a row: NaN, not a line."""
    t = times(800)
    t[400:] += 60 * S
    put(box / "in" / "a.h5", t, wave(t))
    go(box, ["resample: 4 Hz"])
    at, y = result(box / "out")
    mean = float(f"{799 / (t[-1] - t[0]) * S:.1e}")
    _, want, m = fine(t, wave(t), 4, hole_s=10 / mean)
    assert m == 1
    rig.near(y, want, 1e-9)
    assert not any(v["kind"] == "not_finite" for v in rig.report(box / "out")["ledger"])


def test_a_day_apart_is_a_gap(box):
    t = times(400)
    put(box / "in" / "a.h5", t, wave(t))
    u = times(400, 4, t0=T0 + 86400 * S)
    put(box / "in" / "b.h5", u, wave(u))
    go(box, ["resample: 4 Hz"])
    r = rig.report(box / "out")
    assert len(r["spans"]) == 2 and [v["kind"] for v in r["ledger"] if v["kind"] == "gap"] == ["gap"]


def test_what_looks_at_one_time_takes_them_as_they_are(box):
    t = times(800)
    put(box / "in" / "a.h5", t, wave(t))
    go(box, ["scale: {by: 2}", "common_mode: {kind: mean}"])
    at, y = result(box / "out")
    x = 2 * wave(t)
    assert np.array_equal(at, t)
    rig.near(y, x - x.mean(axis=1, keepdims=True), 1e-12)


def test_a_copy_of_them_is_read_as_irregular_again(box):
    t = times(800)
    put(box / "in" / "a.h5", t, wave(t))
    go(box, [])
    at, y = result(box / "out")
    assert np.array_equal(at, t) and np.array_equal(y, wave(t))
    files = rig.json.loads(rig.run("inspect", "--json", box / "out" / "lanes", status=0).stdout)["files"]
    assert all(v["irregular"] for f in files for v in f["recordings"])
    (box / "second").mkdir()
    cfg = rig.config(box / "d.yaml", box / "out" / "lanes", ["resample: 1 Hz"], box / "out2", output_=["type: float64"])
    rig.run("run", cfg, status=0)
    rig.near(result(box / "out2")[1], oracle(t, wave(t), 1)[1], 1e-9)


EVEN = ["bandpass: {band: 0.1..0.2 Hz}", "decimate: 2", "detrend: {kind: linear, window: 1 min}",
        "stats: {interval: 1 min, what: mean}", "differentiate", "psd: {segment: 16, interval: 10 min}"]


@pytest.mark.parametrize("op", EVEN)
def test_what_needs_even_sampling_refuses_them_by_name(box, op):
    t = times(800)
    put(box / "in" / "a.h5", t, wave(t))
    for chain in ([op], ["scale: {by: 2}", op]):
        done = go(box, chain, status=2)
        assert op.split(":")[0] in done.stderr and "irregular" in done.stderr and "resample" in done.stderr


def test_resample_has_to_come_first(box):
    t = times(800)
    put(box / "in" / "a.h5", t, wave(t))
    assert "first operator" in go(box, ["abs", "resample: 1 Hz"], status=2).stderr


def test_it_does_not_pick_rows(box):
    """To a row in ten hours from some in three seconds a filter would take 128 times the new rate: too coarse."""
    t = times(800)
    put(box / "in" / "a.h5", t, wave(t))
    assert "at least" in go(box, ["resample: 0.001 Hz"], status=2).stderr


def xdas_rows(path, x, t, rate, nc):
    """A tie point for every row."""
    writers.xdas(path, x, T0 + np.arange(len(t)) * S, 1, nc)
    with h5py.File(path, "r+") as h:
        for k in ("time_indices", "time_values"):
            del h[k]
        h["time_indices"], h["time_values"] = np.arange(len(t)), t
        h["time_values"].attrs.update(units="nanoseconds since 1970-01-01")


LAYOUTS = {**{k: v[0] for k, v in writers.LAYOUTS.items() if v[2] == "rows"}, "xdas-rows": xdas_rows}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_in_every_layout_that_says_the_time_row_by_row(box, layout):
    t = times(700, 11)
    x = rig.noise(700, 3).astype("f4")
    LAYOUTS[layout](box / "in" / "a.h5", x, t, 1.0, 3)
    go(box, [])
    at, y = result(box / "out")
    assert np.abs(at - t).max() <= 1000 and np.array_equal(y, x)
    said = [v for v in rig.report(box / "out")["ledger"] if v["kind"] == "clock" and "irregular" in v["note"]]
    assert len(said) == 1
    go(box, ["resample: 2 Hz"], name="even")
    rig.near(result(box / "even")[1], oracle(at, x.astype("f8"), 2)[1], 1e-6)


def test_by_a_map_and_locus_first(box):
    t = times(500, 2)
    with h5py.File(box / "in" / "a.h5", "w") as h:
        h["acq/x"] = wave(t).T.copy()
        h["acq/t"] = t // 1000
    how = ["map: {data: /acq/x, axes: [channel, time], start: {dataset: /acq/t, unit: us}}"]
    go(box, ["resample: 1 Hz"], input_=how)
    rig.near(result(box / "out")[1], oracle(t, wave(t), 1)[1], 1e-9)


def test_times_that_do_not_rise_are_no_clock(box):
    t = times(500, 2)
    t[250:] -= 300 * S
    rng = np.random.default_rng(1)
    put(box / "in" / "a.h5", t, wave(t))
    assert "does not rise" in go(box, [], status=3).stderr
    u = rng.permutation(times(500, 2))
    writers.prodml(box / "in" / "a.h5", wave(t).astype("f4"), u, 500, 3)
    with h5py.File(box / "in" / "a.h5", "r+") as h:
        h["Acquisition/Raw[0]/RawDataTime"].attrs["PartStartTime"] = np.bytes_(writers.iso(T0))
    go(box, [])
    assert np.array_equal(result(box / "out")[0], T0 + np.arange(500) * 2_000_000)
    assert any("put aside" in v["note"] for v in rig.report(box / "out")["ledger"])


def test_a_file_twice_is_left_out_once(box):
    t = times(500, 2)
    put(box / "in" / "a.h5", t, wave(t))
    put(box / "in" / "b.h5", t, wave(t))
    u = times(100, 2) + 7 * S
    put(box / "in" / "c.h5", u, wave(u))
    go(box, ["resample: 1 Hz"], status=(0, 10))
    kinds = [v["kind"] for v in rig.report(box / "out")["ledger"]]
    assert kinds.count("duplicate") == 1 and kinds.count("left_out") == 1
    rig.near(result(box / "out")[1], oracle(t, wave(t), 1)[1], 1e-9)


def test_lost_chunks_leave_holes(box):
    """A chunk that does not inflate: NaN from the row before it to the row behind, the rest as ever."""
    t = times(600, 9)
    put(box / "in" / "a.h5", t, wave(t), chunks=(50, 3), compression="gzip")
    with h5py.File(box / "in" / "a.h5") as h:
        at = h["raw"].id.get_chunk_info(4).byte_offset  # rows 200 .. 249
    raw = bytearray((box / "in" / "a.h5").read_bytes())
    raw[at:at + 40] = b"\xff" * 40
    (box / "in" / "a.h5").write_bytes(raw)
    go(box, ["resample: 4 Hz"], status=10)
    at, y = result(box / "out")
    _, want, _ = fine(t, wave(t), 4)
    gone = (at > t[199]) & (at < t[250])
    rig.near(y[~gone], want[~gone], 1e-9)
    assert np.isnan(y[gone]).all()
