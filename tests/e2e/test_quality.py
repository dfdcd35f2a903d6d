"""millrace quality: figures of each channel and interval against numpy and scipy, dead, noisy, clipped, spiky and
missing channels, each made so; the list is one that input.channels reads."""
import csv

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


def run(top, *options, status=0):
    return rig.run("quality", "in", "-o", "q", *options, cwd=top, status=status)


def test_figures_are_those_of_numpy(top):
    run(top, "--interval", "10 s")
    rows = table(top / "q" / "quality.csv")
    x = samples().astype("f8")
    assert len(rows) == 6 * NC
    for r in rows:
        c, k = int(r["channel"]), int(r["start"][17:19]) // 10
        part = x[k * 1000:(k + 1) * 1000, c]
        good = part[np.isfinite(part)]
        assert int(r["n"]) == len(good) and float(r["nan"]) == pytest.approx(1 - len(good) / 1000)
        if not len(good):
            assert r["mean"] == "" and r["std"] == ""
            continue
        for name, want in (("min", good.min()), ("max", good.max()), ("mean", good.mean()), ("std", good.std()),
                           ("rms", np.sqrt(np.mean(good ** 2)))):
            assert float(r[name]) == pytest.approx(want, rel=1e-6, abs=1e-9), (c, k, name)
        if c != 2:
            assert float(r["kurtosis"]) == pytest.approx(scipy.stats.kurtosis(good), rel=1e-5, abs=1e-6), (c, k)


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


@pytest.mark.parametrize("args,status,word", [([], 2, "of what"), (["nowhere"], 3, "nowhere"),
                                              (["in", "--interval", "1 ms"], 2, "two samples"),
                                              (["in", "-o", "out"], 2, "output of a run")])
def test_bad_requests(top, args, status, word):
    (top / "out" / ".millrace").mkdir(parents=True, exist_ok=True)
    assert word in rig.run("quality", *args, cwd=top, status=status).stderr
