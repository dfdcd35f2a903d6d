"""millrace quality: figures of each channel and interval against numpy and scipy, dead, noisy, clipped, spiky and
missing channels, each made so; the list is one that input.channels reads. A run like any other: ranks, threads,
restarts and growth change no byte."""
import csv
import shutil
import time

import h5py
import numpy as np
import pytest
import scipy.signal
import scipy.stats

import rig

RATE, NC, SECONDS = 100, 16, 60
BAD = {2: "dead", 5: "noisy", 7: "clipped", 9: "spiky", 11: "missing", 13: "dead"}


def samples():
    rng = np.random.default_rng(7)
    x = rng.normal(0, 1, (SECONDS * RATE, NC)) + 100 * np.arange(NC)
    x[:, 2] = 3.5
    x[:, 5] = 200 * rng.normal(0, 1, len(x))
    x[:, 7] = np.clip(x[:, 7], 698.5, 701.5)
    x[::300, 9] += 40
    x[:4000, 11] = np.nan
    x[1000:1100, 14] = np.nan
    x[:, 13] = 1300 + 1e-4 * rng.normal(0, 1, len(x))
    return x.astype("f4")


@pytest.fixture(scope="module")
def top(tmp_path_factory):
    top = tmp_path_factory.mktemp("quality")
    rig.archive(top / "in", samples(), RATE, 20 * RATE)
    return top


def table(path):
    with open(path) as f:
        return list(csv.DictReader(f))


def run(top, *options, status=(0, 10), **launch):
    """10: the NaN of the archive are losses."""
    out = () if "-o" in options else ("-o", "q")
    shutil.rmtree(top / "q", ignore_errors=True)
    return rig.run("quality", "in", *out, *options, cwd=top, status=status, **launch)


def test_figures_are_those_of_numpy(top):
    run(top, "--interval", "10 s")
    rows = table(top / "q" / "quality.csv")
    x = samples().astype("f8")
    assert len(rows) == 6 * NC
    for r in rows:
        c, k = int(r["channel"]), int(r["start"][17:19]) // 10
        part = x[k * 1000:(k + 1) * 1000, c]
        good = part[np.isfinite(part)]
        assert float(r["n"]) == 1000 and float(r["nan"]) == pytest.approx(1 - len(good) / 1000)
        if not len(good):
            assert r["mean"] == "" and r["std"] == ""
            continue
        assert float(r["constant"]) == pytest.approx(constant(part, 100) / 1000), (c, k)
        assert float(r["clipped"]) == pytest.approx(repeated(good) / 1000), (c, k)
        for name, want in (("min", good.min()), ("max", good.max()), ("mean", good.mean()), ("std", good.std()),
                           ("rms", np.sqrt(np.mean(good ** 2)))):
            assert float(r[name]) == pytest.approx(want, rel=1e-6, abs=1e-9), (c, k, name)
        if c != 2:
            assert float(r["kurtosis"]) == pytest.approx(scipy.stats.kurtosis(good), rel=1e-5, abs=1e-6), (c, k)
            assert float(r["skewness"]) == pytest.approx(scipy.stats.skew(good), rel=1e-5, abs=1e-6), (c, k)


def constant(x, need):
    """Samples in runs of at least `need` without change; NaN ends a run."""
    edges = [0, *(np.flatnonzero(~(x[1:] == x[:-1])) + 1), len(x)]
    return sum(b - a for a, b in zip(edges[:-1], edges[1:]) if b - a >= need and np.isfinite(x[a]))


def repeated(x):
    """Of floats without a limit: samples at the extremes, where these come three times and twice in a row."""
    if x.min() == x.max():
        return 0
    ends = [x == v for v in (x.min(), x.max())]
    return sum(e.sum() for e in ends if e.sum() >= 3 and (e[1:] & e[:-1]).any())


def test_figures_of_a_whole_channel_are_those_of_all_its_samples(top):
    """bad.csv: intervals put together, shares, moments and extremes."""
    run(top, "--interval", "7 s", "-o", "whole")
    x = samples().astype("f8")
    for r in table(top / "whole" / "bad.csv"):
        good = x[:, int(r["channel"])]
        n, good = len(good), good[np.isfinite(good)]
        assert float(r["n"]) == n and float(r["nan"]) == pytest.approx(1 - len(good) / n)
        for name, want in (("min", good.min()), ("max", good.max()), ("mean", good.mean()), ("std", good.std()),
                           ("rms", np.sqrt(np.mean(good ** 2)))):
            assert float(r[name]) == pytest.approx(want, rel=1e-6, abs=1e-9), (r["channel"], name)
        if good.std() > 0:
            assert float(r["kurtosis"]) == pytest.approx(scipy.stats.kurtosis(good), rel=1e-4, abs=1e-6)
            assert float(r["skewness"]) == pytest.approx(scipy.stats.skew(good), rel=1e-4, abs=1e-5)


def test_powers_in_bands_are_those_of_welch(top):
    """Segments of 256 without overlap, Hann, less their mean; bands 0..2, 2..20, 20..50 Hz of 100 Hz."""
    run(top, "--interval", "10 s")
    x = samples().astype("f8")
    for r in table(top / "q" / "quality.csv"):
        c, k = int(r["channel"]), int(r["start"][17:19]) // 10
        part = x[k * 1000:k * 1000 + 768, c]
        if not np.isfinite(part).all() or c == 2:
            continue
        f, p = scipy.signal.welch(part, RATE, "hann", 256, 0, detrend="constant")
        for (a, b), name in (((0, 2), "power_0_2_hz"), ((2, 20), "power_2_20_hz"), ((20, 51), "power_20_50_hz")):
            want = p[(f >= max(a, f[1])) & (f < b)].sum() * f[1]
            assert float(r[name]) == pytest.approx(want, rel=1e-6), (c, k, name)


def test_bad_channels_are_found_and_left_out(top):
    done = run(top)
    bad = {int(r["channel"]): r["why"] for r in table(top / "q" / "bad.csv")}
    assert bad == BAD
    assert f"{len(BAD)} of {NC} channels to leave out" in done.stdout
    assert (top / "q" / "quality.png").read_bytes()[:4] == b"\x89PNG"
    (top / "c.yaml").write_text("input: {files: in, channels: {except: q/bad.csv}}\nchain: [abs]\n"
                                "output: {folder: out}\n")
    rig.run("run", "c.yaml", cwd=top, status=(0, 10))
    with h5py.File(next((top / "out" / "lanes").rglob("*.h5"))) as f:
        assert f["distance"].shape == (NC - len(BAD),)


def test_a_stated_limit_counts(top):
    run(top, "--limit", "700", "--interval", "1 min")
    rows = {int(r["channel"]): r for r in table(top / "q" / "quality.csv")}
    x = samples().astype("f8")
    for c in (5, 7, 8, 15):
        assert float(rows[c]["clipped"]) == pytest.approx(np.mean(np.abs(x[:, c]) >= 700)), c


def test_a_sound_archive_has_no_bad_channel(tmp_path):
    rig.archive(tmp_path / "in", rig.noise(6000, 8), 100, 3000)
    done = rig.run("quality", "in", cwd=tmp_path, status=0)
    assert "0 of 8 channels" in done.stdout
    assert table(tmp_path / "quality" / "bad.csv") == []


@pytest.mark.parametrize("kind", ["i1", "u1", "i2", "u2"])
def test_integers_are_clipped_at_the_limits_of_their_type(tmp_path, kind):
    """Noise of a few counts, whose extremes come again and again, is not; what is at a limit is counted."""
    lim = np.iinfo(kind)
    rng = np.random.default_rng(3)
    x = rng.integers(-2, 3, (3000, 8)) + (lim.max // 2 + 1 if lim.min == 0 else 0)
    x[::100, 3], x[::200, 5] = lim.max, lim.min
    rig.archive(tmp_path / "in", x.astype(kind), 100, 1000)
    rig.run("quality", "in", "--interval", "1 min", cwd=tmp_path, status=0)
    rows = {int(r["channel"]): float(r["clipped"]) for r in table(tmp_path / "quality" / "quality.csv")}
    assert rows[3] == pytest.approx(0.01) and rows[5] == pytest.approx(0.005)
    assert not any(rows[c] for c in range(8) if c not in (3, 5))


def test_same_bytes_for_any_launch_restart_and_growth(top, tmp_path):
    """Of figures and lists; what was finished stays, the interval is that of the first time."""
    files = ("quality.csv", "bad.csv", "quality.png", "rms.png")
    parts = sorted((top / "in").iterdir())
    (tmp_path / "c.yaml").write_text("input: {files: in}\noutput: {folder: out, lane: 12 s, strip: 5}\n")
    (tmp_path / "in").mkdir()
    for p in parts:
        shutil.copy2(p, tmp_path / "in")
    want = None
    for ranks, threads in ((0, 1), (0, 2), (2, 1), (3, 2)):
        out = tmp_path / f"q{ranks}{threads}"
        rig.run("quality", "in", "-o", out.name, "--interval", "3 s", "--config", "c.yaml", cwd=tmp_path,
                status=(0, 10), ranks=ranks, threads=threads)
        got = {n: (out / n).read_bytes() for n in files} | rig.digests(out)
        assert len(rig.lanes(out)) == 5 * 4
        assert want is None or got == want, (ranks, threads)
        want = got
    for p in (*rig.lanes(out)[::2], out / "bad.csv"):
        p.unlink()
    rig.run("quality", "in", "-o", out.name, "--config", "c.yaml", cwd=tmp_path, status=(0, 10))
    assert {n: (out / n).read_bytes() for n in files} | rig.digests(out) == want
    grown = tmp_path / "grown"
    (grown / "in").mkdir(parents=True)
    shutil.copy2(parts[0], grown / "in")
    rig.run("quality", "in", "--interval", "3 s", cwd=grown, status=(0, 10))
    for p in parts[1:]:
        shutil.copy2(p, grown / "in")
    rig.run("quality", "in", cwd=grown, status=(0, 10), ranks=2)
    shutil.rmtree(tmp_path / out.name)
    rig.run("quality", "in", "-o", out.name, "--interval", "3 s", cwd=tmp_path, status=(0, 10))
    assert (grown / "quality" / "quality.csv").read_bytes() == (out / "quality.csv").read_bytes()


def test_killed_it_goes_on(tmp_path):
    rig.run("synth", "in", "--files", 12, "--file-length", "10s", "--channels", 200, "--quiet", cwd=tmp_path, status=0)
    rig.run("quality", "in", "-o", "whole", "--interval", "1 s", cwd=tmp_path, status=0)
    for k in range(6):
        p = rig.start("quality", "in", "--interval", "1 s", cwd=tmp_path)
        time.sleep(0.03 * (k + 1))
        p.kill()
        p.communicate()
    rig.run("quality", "in", "--interval", "1 s", cwd=tmp_path, status=0)
    for name in ("quality.csv", "bad.csv", "rms.png"):
        assert (tmp_path / "quality" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_the_operator_counts_in_any_chain(top):
    """After a filter there are no limits of a type; the figures are those of what comes out of it."""
    (top / "f.yaml").write_text("input: {files: in, channels: [3, 4]}\nchain: [{scale: {by: 2}}, "
                                "{quality: {interval: 20 s}}]\noutput: {folder: f, type: float64}\n")
    rig.run("run", "f.yaml", cwd=top, status=0)
    with h5py.File(next((top / "f" / "lanes").rglob("*.h5"))) as h:
        names = [s.decode() for s in h["statistic"][()]]
        got = h["quality"][()]
    x = 2 * samples().astype("f8")[:, 3:5].reshape(3, 2000, 2)
    assert np.allclose(got[:, names.index("std")], x.std(axis=1), rtol=1e-9)
    assert np.allclose(got[:, names.index("max")], x.max(axis=1), rtol=1e-12)


@pytest.mark.parametrize("name", ["bad.csv", "quality.csv"])
def test_a_list_of_somebody_else_stays(top, name):
    (top / "theirs").mkdir(exist_ok=True)
    (top / "theirs" / name).write_text("mine\n")
    done = run(top, "-o", "theirs", status=2)
    assert f"theirs/{name} is there" in done.stderr
    assert [p.name for p in (top / "theirs").iterdir()] == [name]
    shutil.rmtree(top / "theirs")


@pytest.mark.parametrize("args,status,word", [([], 2, "of what"), (["nowhere"], 3, "nowhere"),
                                              (["in", "--interval", "1 ms"], 2, "two samples"),
                                              (["in", "-o", "other"], 2, "output of a run")])
def test_bad_requests(top, args, status, word):
    (top / "o.yaml").write_text("input: {files: in}\nchain: [abs]\noutput: {folder: other}\n")
    rig.run("run", "o.yaml", cwd=top, status=(0, 10))
    assert word in rig.run("quality", *args, cwd=top, status=status).stderr
