"""The examples of configs/plugin, one of each kind of operator, as people would compile them, against numpy:
a compound, a fold with an axis of its own, a table."""
import h5py
import numpy as np
import pytest

import rig
from test_plugin import compiled

RATE, NC = 100, 12
S = rig.S
FOLDER = rig.ROOT / "configs" / "plugin"


@pytest.fixture(scope="module")
def plugins(tmp_path_factory):
    top = tmp_path_factory.mktemp("kinds")
    return {n: compiled(top, FOLDER / f"{n}.c", f"{n}.so") for n in ("loudness", "levels", "maxima")}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """150 s from 13 s past a minute on, in files of 17 s; NaN on two channels for a while."""
    top = tmp_path_factory.mktemp("recorded")
    x = rig.noise(15000, NC)
    x[4000:4300, 5] = np.nan
    x[9000:, 7] = np.nan
    rig.archive(top / "in", x, RATE, 1700, rig.T0 + 13 * S)
    return top / "in", x.astype(float)


def made(recorded, tmp_path, plugin, chain):
    """The output folder of a run, the same at every launch and when half of it has to be done again."""
    tmp_path.mkdir(exist_ok=True)
    cfg = rig.config(tmp_path / "c.yaml", [recorded[0]], chain, tmp_path / "out")
    cfg.write_text(cfg.read_text() + f'plugin: "{plugin}"\n')
    want = None
    for ranks, threads in ((0, 2), (2, 1), (3, 2)):
        rig.fresh(tmp_path / "out")
        rig.run("run", cfg, status=0, ranks=ranks, threads=threads)
        assert want is None or rig.digests(tmp_path / "out") == want
        want = rig.digests(tmp_path / "out")
    for lane in rig.lanes(tmp_path / "out")[::2]:
        lane.unlink()
    rig.run("run", cfg, status=0)
    rig.run("verify", tmp_path / "out", status=0)
    assert rig.digests(tmp_path / "out") == want
    return tmp_path / "out"


def tried(plugin, name):
    done = rig.run("ops", name, "--try", status=0, MILLRACE_PLUGINS=str(plugin)).stdout
    assert done.count("ok ") >= 3 and "WRONG" not in done


def test_a_compound(recorded, plugins, tmp_path):
    """The same values as its parts, written out; the plan shows these."""
    tried(plugins["loudness"], "loudness")
    one = made(recorded, tmp_path / "one", plugins["loudness"], ["loudness: {window: 500 ms}"])
    parts = ["envelope: {above: 5 Hz}", "rolling: {kind: mean, window: 500 ms}"]
    two = made(recorded, tmp_path / "two", plugins["loudness"], parts)
    for (ta, a), (tb, b) in zip(rig.output(one), rig.output(two), strict=True):
        assert np.array_equal(ta, tb) and np.array_equal(a, b, equal_nan=True)


def shares(x, edges):
    """Of the rows of each UTC window of 10 s: how many are in each class, NaN where under half is there."""
    first, out = 13 * RATE, []
    for w in range(1, (first + len(x)) // (10 * RATE) + 1):
        rows = x[max(0, w * 10 * RATE - first):max(0, (w + 1) * 10 * RATE - first)]
        good = np.isfinite(rows).sum(0)
        db = 20 * np.log10(np.abs(rows))
        k = np.clip(np.floor((db - edges[0]) / (edges[1] - edges[0])), 0, len(edges) - 1)
        n = np.array([(k == i).sum(0) for i in range(len(edges))])
        out.append(np.where(good >= 5 * RATE, n / np.maximum(good, 1), np.nan))
    return np.array(out)


def test_a_fold_with_an_axis_of_its_own(recorded, plugins, tmp_path):
    """Rows, axis and description in master.h5; view draws it, knowing no more than the files say."""
    tried(plugins["levels"], "levels")
    out = made(recorded, tmp_path, plugins["levels"], ["levels: {interval: 10 s, from: 0, to: 60, step: 10}"])
    with h5py.File(out / "master.h5") as h:
        name, = [k for k in h if isinstance(h[k], h5py.Dataset) and h[k].ndim == 3]
        level, y = h["level"], h[name][:]
        assert name == "share_of_samples" and level.attrs["units"] in (b"dB", "dB")
        assert np.array_equal(level[:], np.arange(0, 60, 10))
    want = shares(recorded[1], np.arange(0, 60, 10))
    assert y.shape == want.shape
    np.testing.assert_allclose(y, want, atol=1e-6)
    assert np.isnan(want).any() and np.isfinite(want).any()
    rig.run("view", out, "-o", tmp_path / "levels.png", status=0)
    assert (tmp_path / "levels.png").read_bytes().startswith(b"\x89PNG")


def test_a_table(recorded, plugins, tmp_path):
    """One row for each window of UTC and channel whose largest magnitude is above the threshold."""
    out = made(recorded, tmp_path, plugins["maxima"], ["maxima: {above: 330, window: 20 s}"])
    x, first, want = np.nan_to_num(np.abs(recorded[1])), 13 * RATE, []
    for w in range((first + len(x)) // (20 * RATE) + 1):
        a, b = np.clip([w * 20 * RATE - first, (w + 1) * 20 * RATE - first], 0, len(x))
        for c in range(NC if b > a else 0):
            k = a + int(x[a:b, c].argmax())
            if x[k, c] > 330:
                want.append((rig.T0 + 13 * S + k * S // RATE, c, x[k, c]))
    with h5py.File(out / "events.h5") as h:
        rows = h["events"][:]
    names = {n: next(f for f in rows.dtype.names if n in f) for n in ("start", "peak_channel", "peak")}
    got = sorted((int(r[names["start"]]), int(r[names["peak_channel"]]), float(r["peak"])) for r in rows)
    assert len(want) > 20 and got == sorted(want)


@pytest.mark.parametrize("chain,says", [
    (["levels: {from: 10, to: 0}"], "1 to 256 classes are possible"),
    (["levels: {}", "rolling: {window: 3 min}"], "rolling does not: the rows that it would look at beside each may be "
     "another lane's"),
    (["maxima: {above: 1}", "abs"], "maxima gives picks"),
    (["maxima: {}"], "above"),
])
def test_settings_that_cannot_be_are_refused_by_name(recorded, plugins, tmp_path, chain, says):
    cfg = rig.config(tmp_path / "c.yaml", [recorded[0]], chain, tmp_path / "out")
    cfg.write_text(cfg.read_text() + "plugin: [" + ", ".join(f'"{p}"' for p in plugins.values()) + "]\n")
    done = rig.run("check", cfg, status=2)
    assert says in done.stderr and "c.yaml:" in done.stderr, done.stderr
