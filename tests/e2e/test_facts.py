"""Random archives with holes, lost and doubled samples, clocks that are set, bad stamps, drift and trembling, types that
change, packing, falling and uneven places, over all layouts that the tests write, against a plain model (model_facts.py).
None may come out wrong in silence. MILLRACE_FACTS=100..200 tries others."""
import os
import random

import h5py
import numpy as np
import pytest

import model_facts
import rig
import test_datasets
import test_uneven
import writers
from promises import TORTURE, figure, piece

S, T0 = rig.S, rig.T0
first, last = map(int, os.environ.get("MILLRACE_FACTS", "0..2000" if TORTURE else "0..60").split(".."))
STEPS = {500: 2_000_000, 100: 10_000_000, 250: 4_000_000, 62.5: 16_000_000, 1000: 1_000_000}


def events(rng, n, step, how):
    """How each row's time differs from the even grid, ns."""
    shift = np.zeros(n, "i8")
    for _ in range(rng.randint(0, 3)):
        at = rng.randrange(8, n - 8)
        by = rng.choice([1, 1, 2, 7, 40, 3000]) * step * rng.choice([1, 1, 1, -1])
        if how == "even" and rng.random() < .2:
            by = round(rng.choice([.6, .8, 1.3]) * step)  # no whole number of samples
        shift[at:] += max(by, -(at // 2) * step)
    return shift


def recorder(rng, says):
    """One long recording: its rate, the true step, stamps, and how they run: even, drift (a clock up to 300 ppm off) or
    tremble (by a tenth of a sample)."""
    rate = rng.choice(list(STEPS))
    n = rng.randint(600, 2400)
    how = rng.choice(["even", "even", "drift", "tremble"]) if says == "rows" else "even"
    step = STEPS[rate] + (rng.randint(-3, 3) * STEPS[rate] // 10_000 if how == "drift" else 0)
    shift = events(rng, n, step, how) if says != "start" else 0
    t = T0 + rng.choice([0, 0, 123, 5_000_000_000]) * 1_000_000 + np.arange(n) * step + shift
    if how == "tremble":
        t += np.random.default_rng(rng.randrange(1000)).integers(-step // 10, step // 10, n)
    return rate, step, t, how


def pieces(rng, n, t, step, least):
    """Ends of files, not within 8 rows of an event."""
    near = set()
    for i in np.nonzero(np.abs(np.diff(t) - step) > step // 3)[0]:
        near |= set(range(int(i) - 8, int(i) + 10))
    ends = [k for k in sorted(rng.sample(range(60, n - least), rng.randint(0, 4))) if k not in near]
    kept = [0]
    for k in ends:
        if k - kept[-1] > least:
            kept.append(k)
    return list(zip(kept, kept[1:] + [n]))


def lie(rng, t, step):
    """Stamps of single rows that are off, away from everything else; not in pairs."""
    t = t.copy()
    calm = [i for i in range(12, len(t) - 12) if np.all(np.abs(np.diff(t[i - 8:i + 9]) - step) < step // 3)]
    for i in sorted(rng.sample(calm, min(len(calm), rng.choice([0, 0, 1, 3])))):
        if np.all(np.abs(np.diff(t[i - 8:i + 9]) - step) < step // 3):
            t[i] += rng.choice([-1, 1]) * rng.randint(1, 90) * step
    return t


def pack(write, path, x, stamps, rate, nc, rng):
    """As CF packs values: a scale, an offset, a few that are missing."""
    raw = x.astype("i2")
    gone = rng.sample(range(len(x)), 3)
    raw[gone, 0] = -32768
    write(path, raw, stamps, rate, nc)
    with h5py.File(path, "r+") as h:
        h["raw" if "raw" in h else "data"].attrs.update(scale_factor=0.5, add_offset=3.0, _FillValue=np.int16(-32768))
    y = x * 0.5 + 3
    y[gone, 0] = np.nan
    return y


def places(rng, layout, nc):
    """Of channels: even, falling, uneven; None where the layout has an origin and a spacing only."""
    if not layout.startswith(("bare", "dasdae")):
        return None
    x = 100 + 10.0 * np.arange(nc)
    return rng.choice([x, x[::-1].copy(), x + np.array([rng.uniform(-4, 4) for _ in range(nc)])])


def put_places(path, x):
    with h5py.File(path, "r+") as h:
        where = "waveforms/patch/_coord_distance" if "waveforms" in h else "distance"
        if where in h:
            del h[where]
        h[where] = x


def archive(rng, layout, folder, nc):
    """Files of the archive: [(name, rows' stamps as stored)], and what each row holds."""
    write, res, says = writers.LAYOUTS[layout]
    rate, step, t, how = recorder(rng, says)
    x = np.round(rig.noise(len(t), nc, rng.randrange(1000)))  # whole: every type holds it
    types = rng.choice([["f4"], ["i2"], ["f4", "f8", "i2", "i4", ">f4", ">i2"]])  # of a sample, file by file
    packed = rng.random() < .5 and layout.startswith("bare")
    at = places(rng, layout, nc)
    folder.mkdir()
    files, rows = [], {}
    for k, (a, b) in enumerate(pieces(rng, len(t), t, step, 300 if how == "tremble" else 40)):
        name = f"f{k:02d}.h5"
        stamps = lie(rng, t[a:b], step) if says == "rows" else t[a:b]
        if says == "start":  # nothing else is said
            stamps = t[a] + np.arange(b - a) * step
        if packed:
            rows[name] = pack(write, folder / name, x[a:b], stamps, rate, nc, rng)
        else:
            write(folder / name, x[a:b].astype(rng.choice(types)), stamps, rate, nc)
            rows[name] = x[a:b]
        if at is not None:
            put_places(folder / name, at)
        files.append((name, stamps))
    return rate, step, res, how, at, files, rows


@pytest.mark.parametrize("seed", piece(range(first, last)))
def test_every_sample_stands_at_its_time(tmp_path, seed):
    rng = random.Random(seed)
    layout = list(writers.LAYOUTS)[seed % len(writers.LAYOUTS)]
    nc = rng.randint(2, 5)
    rate, step, res, how, at, files, rows = archive(rng, layout, tmp_path / "in", nc)
    want, seams, bad = model_facts.stretches([(n, t.tolist()) for n, t in files], step)
    cfg = rig.config(tmp_path / "c.yaml", tmp_path / "in", [], tmp_path / "out")
    done = rig.run("run", cfg, status=(0, 10))
    r = rig.report(tmp_path / "out")
    lanes = sorted((rig.read_lane(p) for p in rig.lanes(tmp_path / "out")), key=lambda v: v.t[0])
    t, y = (np.concatenate([getattr(v, k) for v in lanes]) for k in "ty")
    flat = [part for s in want for part in s]
    rows_t = np.concatenate([at + np.arange(n) * step for _, _, n, at in flat])
    rows_y = np.concatenate([rows[name][row:row + n] for name, row, n, _ in flat]).astype("f4")
    assert len(t) == len(rows_t), f"{layout}: {len(t)} rows, not {len(rows_t)}\n{done.stderr}"
    assert np.array_equal(y, rows_y, equal_nan=True), f"{layout}: other samples"
    off = np.abs(t - rows_t).max()
    assert at is None or all(np.allclose(v.x, at, rtol=1e-12) for v in lanes), f"{layout}: {lanes[0].x}, not {at}"
    most = {"even": max(2 * res, 2), "drift": 1000 + 2 * res, "tremble": .35 * step}[how]
    assert off <= most, f"{layout}, {how}: times off by {off} ns"
    assert len(r["spans"]) == len(want)
    near = {"even": 1e-9, "drift": 5e-4, "tremble": 2e-3}[how]  # where none is stated, it is the clock's own
    assert all(abs(s["rate_hz"] / rate - 1) < near for s in r["spans"]), [s["rate_hz"] for s in r["spans"]]
    kinds = [v["kind"] for v in r["ledger"]]
    for kind, n in seams.items():
        assert kinds.count(kind) == n, f"{layout}: {kinds.count(kind)} {kind} rows, not {n}"
    for name, _ in files:
        said = sum(v["count"] for v in r["ledger"] if v["kind"] == "stamp" and v["path"].endswith(name))
        assert said == bad[name], f"{layout} {name}: {said} bad stamps said, {bad[name]} made"
    figure("Every sample of a random archive at its time, or said", 1, 1)


def uneven(rng):
    """Steps of some kind, at most nine times their mean; whole us."""
    gen, n = np.random.default_rng(rng.randrange(10_000)), rng.randint(150, 1500)
    step = {"wide": lambda: gen.uniform(.01, 3, n), "log": lambda: np.exp(gen.uniform(-2, 1.4, n)),
            "pairs": lambda: np.where(np.arange(n) % 2, gen.uniform(.01, .1, n), gen.uniform(1, 3, n)),
            "fast": lambda: gen.uniform(.0005, .02, n)}[rng.choice(["wide", "log", "pairs", "fast"])]()
    return T0 + np.cumsum((step * 1e6).astype("i8") + 1) * 1000


ROWS = [k for k, v in writers.LAYOUTS.items() if v[2] == "rows"]
some = piece(range(first // 6, last // 6))


@pytest.mark.parametrize("seed", some)
def test_irregular_rows_keep_their_times_or_become_even(tmp_path, seed):
    """Any steps, any layout that says the time row by row, any types and cuts into files; copied, and made even."""
    rng = random.Random(7_000_000 + seed)
    layout = ROWS[seed % len(ROWS)]
    nc, t = rng.randint(1, 5), uneven(rng)
    x = np.round(rig.noise(len(t), nc, rng.randrange(1000)))
    types = rng.choice([["f4"], ["i2"], ["f4", "f8", "i2", "i4", ">f4", ">i2"]])
    ends = [k for k in sorted(rng.sample(range(70, len(t) - 70), rng.randint(0, 3)))]
    cuts = [0] + [k for i, k in enumerate(ends) if k - ([0] + ends)[i] > 70] + [len(t)]
    (tmp_path / "in").mkdir()
    for k, (a, b) in enumerate(zip(cuts, cuts[1:])):
        writers.LAYOUTS[layout][0](tmp_path / "in" / f"f{k}.h5", x[a:b].astype(rng.choice(types)), t[a:b], 1, nc)
    more = {"output_": ["type: float64", "lane: " + rng.choice(["1 min", "1 h", "364 d"])]}
    rig.run("run", rig.config(tmp_path / "c.yaml", tmp_path / "in", [], tmp_path / "copy", **more), status=0)
    at, y = test_uneven.result(tmp_path / "copy")
    assert np.abs(at - t).max() <= 1000 and np.array_equal(y, x), layout
    mean = test_uneven.mean_rate(at[:cuts[1]])
    rate = rng.choice([8, 4, 2, 1, .5, .25, .125])
    while 4 * mean > 512 * rate:
        rate *= 2
    rig.run("run", rig.config(tmp_path / "d.yaml", tmp_path / "in", [f"resample: {rate} Hz"], tmp_path / "even", **more),
            status=0, ranks=rng.choice([0, 2]))
    even_t, even_y = test_uneven.result(tmp_path / "even")
    want_t, want = test_uneven.oracle(at, x.astype("f8"), rate, mean)
    assert np.array_equal(even_t, want_t), f"{layout} to {rate} Hz: other times"
    rig.near(even_y, want)
    assert len(rig.report(tmp_path / "even")["spans"]) == 1
    figure("Every sample of a random archive at its time, or said", 1, 1)


@pytest.mark.parametrize("seed", some)
def test_of_several_datasets_those_that_fit_are_read(tmp_path, seed):
    """In order of names: what is of other times than the largest and than what is taken already."""
    rng = random.Random(9_000_000 + seed)
    layout = [k for k in test_datasets.HOLD if k != "xdas-variables"][seed % 5]
    names = rng.sample(["a", "b", "c", "d", "e"], rng.randint(2, 4))
    rows = [rng.randint(40, 400) for _ in names]
    slots = [rng.choice([0, 200, 400, 5000]) + rng.randint(0, 30) for _ in names]
    times = [T0 + (s + np.arange(n)) * 10_000_000 for s, n in zip(slots, rows)]
    xs = [rig.noise(n, test_datasets.NC, rng.randrange(1000)) for n in rows]
    (tmp_path / "in").mkdir()
    test_datasets.HOLD[layout](tmp_path / "in" / "a.h5", names, times, xs)
    order = sorted(range(len(names)), key=lambda k: names[k])
    biggest = max(order, key=lambda k: rows[k])
    used = [biggest]
    for k in order:
        if k != biggest and all(times[k][-1] < times[j][0] or times[j][-1] < times[k][0] for j in used):
            used.append(k)
    used.sort(key=lambda k: slots[k])
    rig.run("run", rig.config(tmp_path / "c.yaml", tmp_path / "in", [], tmp_path / "out"), status=(0, 10))
    t, y = test_uneven.result(tmp_path / "out")
    want = np.concatenate([times[k] for k in used])
    assert len(t) == len(want) and np.abs(t - want).max() <= 480, (layout, names, slots, rows)
    assert np.array_equal(y, np.concatenate([xs[k] for k in used]))
    left = [v for v in rig.report(tmp_path / "out")["ledger"] if v["kind"] == "left_out"]
    assert sum(v["count"] for v in left) == len(names) - len(used)
    figure("Every sample of a random archive at its time, or said", 1, 1)
