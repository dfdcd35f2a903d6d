"""Null ends: recordings that are not there, output that goes nowhere."""
import os

import h5py
import numpy as np
import pytest

import rig

NOISE = 16384


def noise():
    """The samples of null:, by its own words: splitmix64 of the number, 16 bits of it, scaled to [-1, 1)."""
    x = (np.arange(1, NOISE + 1, dtype=np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x ^= x >> np.uint64(31)
    return ((x & np.uint64(0xFFFF)).astype(np.int64) - 32768) / 32768


def config(tmp_path, files, folder, chain=("scale: {by: 2}",)):
    path = tmp_path / "c.yaml"
    path.write_text("\n".join(["input:", f"  files: {files}", "chain:", *[f"  - {x}" for x in chain], "output:",
                               f"  folder: {folder}"]) + "\n")
    return path


@pytest.mark.parametrize("channels,want", [("0..40", slice(0, 40)), ("5..35:7", slice(5, 35, 7))])
def test_samples_are_what_the_page_says(tmp_path, channels, want):
    cfg = config(tmp_path, "null:rate=100Hz,channels=40,minutes=2,file=20s", "out")
    rig.run("run", cfg, "-s", f"input.channels={channels}", cwd=tmp_path, status=0)
    data = [h5py.File(p)["strain_rate"][...] for p in rig.lanes(tmp_path / "out")]
    data = np.concatenate(data)
    rows, cols = np.arange(12000)[:, None] % 2000, np.arange(40)[None, :]
    assert np.array_equal(data, 2 * noise()[(rows * 7919 + cols) % NOISE][:, want])
    files = rig.report(tmp_path / "out")["inputs"]
    assert len(files) == 6 and {f["state"] for f in files} == {"used"}
    rig.run("verify", tmp_path / "out", status=0)


@pytest.mark.parametrize("ranks", [0, 2])
def test_nothing_is_left(tmp_path, ranks):
    """All of it is computed, nothing is kept."""
    cfg = config(tmp_path, "null:rate=500 Hz,channels=100,minutes=3", '"null:"', ["bandpass: {band: 1..45 Hz}",
                                                                                  "decimate: {factor: 5}"])
    (tmp_path / "tmp").mkdir()
    before = set(os.listdir(tmp_path))
    done = rig.run("run", cfg, cwd=tmp_path, ranks=ranks, status=0, TMPDIR=str(tmp_path / "tmp"))
    assert "nowhere" in done.stdout and "of 3 lanes" not in done.stdout.replace("3 of 3 lanes", "")
    assert set(os.listdir(tmp_path)) == before
    if not ranks:
        assert os.listdir(tmp_path / "tmp") == []


def test_sums_and_real_files_go_nowhere_too(tmp_path):
    rig.archive(tmp_path / "in", rig.noise(6000, 8), 100, 3000)
    cfg = config(tmp_path, tmp_path / "in", "null", ["psd: {segment: 512, interval: all}"])
    done = rig.run("run", cfg, cwd=tmp_path, status=0, TMPDIR=str(tmp_path))
    assert "nowhere" in done.stdout and sorted(os.listdir(tmp_path)) == ["c.yaml", "in"]


@pytest.mark.parametrize("files,word", [
    ("null:rate=500,channels=10,hours=1", "500 Hz"), ("null:channels=10,hours=1", "rate"),
    ("null:rate=500Hz,channels=10,hours=x", "hours=x"), ("null:rate=500Hz,channels=10,hours=1,kind=a", "kind"),
    ("null:rate=500Hz,channels=10,hours=1,type=int8", "int8"), ("null:rate=500Hz,channels=10,days=30,file=1ms", "file=")])
def test_mistakes_are_named(tmp_path, files, word):
    done = rig.run("plan", config(tmp_path, f'"{files}"', "out"), cwd=tmp_path, status=2)
    assert word in done.stderr and "c.yaml:2" in done.stderr
