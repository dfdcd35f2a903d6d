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
