"""make bench works: one row, two small files, and the figures it prints and writes make sense."""
import json
import os
import subprocess
import sys
from pathlib import Path

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
    assert list(tmp_path.glob("bench/run")) == []


def test_unknown_row_is_named(tmp_path):
    done = bench(tmp_path, "W=nonsense")
    assert done.returncode == 2
    assert "nonsense" in done.stderr and "decimate" in done.stderr
