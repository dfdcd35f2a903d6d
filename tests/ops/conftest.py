"""Builds and calls the driver tests/ops/run_chain.c."""
import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = os.environ.get("B", "build")


@pytest.fixture(scope="session")
def driver():
    """Path of the driver program."""
    subprocess.run(["make", "-s", f"{BUILD}/tests/run_chain"], cwd=ROOT, check=True,
                   stdout=subprocess.DEVNULL)
    return ROOT / BUILD / "tests" / "run_chain"


@pytest.fixture
def chain(driver, tmp_path):
    """run(x, chain, rate=, first=, lane=, block=, tile=) -> .y and what the driver printed."""

    def run(x, text, rate=100.0, first=0, lane=0, block=0, tile=32, nan=False):
        nc = x.shape[1]
        src, dst = tmp_path / "x.f64", tmp_path / "y.f64"
        np.ascontiguousarray(x, float).tofile(src)
        done = subprocess.run([str(driver), str(src), str(dst), str(nc), repr(float(rate)), str(first),
                               str(lane), str(block), str(tile), text],
                              capture_output=True, text=True, timeout=120,
                              env=dict(os.environ, **({"RUN_CHAIN_NAN": "1"} if nan else {})))
        if done.returncode:
            raise RuntimeError(f"status {done.returncode}: {done.stderr.strip()}")
        a, b, head, tail, out_rate, num, den, out_nc = done.stdout.split()
        return SimpleNamespace(y=np.fromfile(dst).reshape(-1, int(out_nc)), a=int(a), b=int(b), head=int(head),
                               tail=int(tail), rate=float(out_rate), position=int(num) / int(den))

    return run
