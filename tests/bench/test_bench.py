"""make bench and its like work: one row, small files, and the figures they print and write make sense."""
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def bench(tmp_path, *args):
    env = dict(os.environ, OPENBLAS_NUM_THREADS="1")
    env.setdefault("MILLRACE", str(ROOT / "build" / "millrace"))
    return subprocess.run([sys.executable, str(HERE / "run.py"), "--quick", "--data",
                           str(tmp_path / "data"), "--out", str(tmp_path), *args],
                          capture_output=True, text=True, env=env, timeout=100)


def test_quick_row(tmp_path):
    done = bench(tmp_path, "--peers", "numpy-f32", "W=decimate")
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads((tmp_path / "bench.json").read_text())
    (row,) = result["rows"]
    assert row["samples"] == 2 * 20 * 500 * 500
    names = [p["name"] for p in row["programs"]]
    assert "numpy f32" in names and "millrace 1 x 1" in names
    assert row["wrong"] == []
    for p in row["programs"]:
        assert p["wall_s"] > 0 and p["cpu_s"] > 0 and p["peak_mb"] > 0
        assert 0 < p["error"] < (1e-6 if p["ours"] else 1e-3)
    assert result["limits"]["pread"]["one"] > 0 and row["bound_s"] > 0
    assert "| numpy f32 |" in done.stdout
    for p in row["programs"]:
        assert 0 < p["start_s"] and p["ratio"] > 0 and p["ratio_net"] > 0
    assert set(row["cold"]) == {"ours", "peer"} and row["cold"]["ours"]["wall_s"] > 0
    assert row["long"] is None and result["first_block_ms"] > 0
    assert min(row["null_s"]) > 0 and "null ends: " in done.stdout
    assert list(tmp_path.glob("bench/run")) == []


def test_more_files_than_the_row_has(tmp_path):
    """As many distinct files as the room allows; both answers are held against scipy again."""
    done = bench(tmp_path, "--peers", "flow-f32", "--files", "1", "--seconds", "60", "--gb", "0.065", "W=max")
    assert done.returncode == 0, done.stdout + done.stderr
    (row,) = json.loads((tmp_path / "bench.json").read_text())["rows"]
    assert row["files"] == 1 and row["long"]["files"] == 3 and not row["long"]["enough"]
    assert len({f.stat().st_ino for f in (tmp_path / "data" / "quick_raw").glob("*.h5")}) == 3
    for who in ("ours", "peer"):
        assert row["long"][who]["error"] < 1e-6 and row["long"][who]["wall_s"] > 0
    assert "over 3 distinct files" in done.stdout and "no room for more" in done.stdout


def test_answers_of_the_other_rows(tmp_path):
    done = bench(tmp_path, "--peers", "numpy-f64,numpy-f32", "W=decimate-1k,decimate-100,rolling,spectrogram")
    assert done.returncode == 0, done.stdout + done.stderr


def test_growth(tmp_path):
    rows = other(tmp_path, "growth.py", "--quick", "0.02", "0.04")
    assert [r[2].strip() for r in rows] == ["1 of their own", "2 of their own"] * 2


def test_unknown_row_is_named(tmp_path):
    done = bench(tmp_path, "W=nonsense")
    assert done.returncode == 2
    assert "nonsense" in done.stderr and "decimate" in done.stderr


def other(tmp_path, program, *args):
    """The figures of one row; the status says whether they are good enough, which is no matter here."""
    env = dict(os.environ, MILLRACE_BENCH=str(tmp_path))
    env.setdefault("MILLRACE", str(ROOT / "build" / "millrace"))
    done = subprocess.run([sys.executable, str(HERE / program), *args], capture_output=True, text=True, env=env,
                          timeout=100)
    assert done.stdout.count("\n|") >= 2, done.stdout + done.stderr
    return [line.split("|")[1:-1] for line in done.stdout.splitlines() if line.startswith("| ")][1:]


def test_survey_of_many_files(tmp_path):
    afresh, kept, _, stamps = other(tmp_path, "survey.py", "200")  # the third is the head of a table
    assert float(afresh[3]) > 0 and float(kept[3]) > 0 and float(stamps[3]) > 0


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core")
def test_scaling(tmp_path):
    (row,) = other(tmp_path, "scaling.py", "--quick", "W=max")
    assert row[0].strip() == "max" and all(float(x) > 0 for x in row[1:])
