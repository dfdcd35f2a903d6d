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
    assert min(row["null_s"]) > 0 and "null ends: " in done.stdout
    assert list(tmp_path.glob("bench/run")) == []


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
