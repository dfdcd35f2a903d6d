"""Ten seconds of libFuzzer, with address and undefined-behaviour checks, on each of our parsers; all that
was found before is tried first. Needs clang."""
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import foul
import rig

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "fuzz"
TARGETS = sorted(p.stem for p in (ROOT / "tests" / "fuzz").glob("*.c"))
RUNS = 1_000_000 if foul.TORTURE else 0
pytestmark = pytest.mark.skipif(not shutil.which("clang"), reason="no clang")


@pytest.fixture(scope="module")
def seeds(tmp_path_factory):
    plain = {k: v for k, v in os.environ.items() if not k.startswith("MAKE") and k not in ("B", "MFLAGS")}
    made = subprocess.run(["make", "-s", "fuzzbin"], cwd=ROOT, capture_output=True, text=True, timeout=400, env=plain)
    assert made.returncode == 0, made.stdout + made.stderr
    top = tmp_path_factory.mktemp("seeds")
    subprocess.run([shutil.which("python3", path="/usr/bin") or "python3", ROOT / "tests/fuzz/seeds.py", top, rig.BINARY],
                   check=True, env=rig.environment())
    return top


def run(target, top, *more):
    env = dict(os.environ, ASAN_OPTIONS="detect_leaks=1:allocator_may_return_null=1")
    found = BUILD / "found"
    found.mkdir(parents=True, exist_ok=True)
    return subprocess.run([BUILD / f"fuzz_{target}", "-timeout=1", "-rss_limit_mb=2048", "-print_final_stats=1",
                           f"-artifact_prefix={found}/{target}-", *more], capture_output=True, text=True,
                          errors="replace", env=env, timeout=1200, cwd=top)


def test_fuzz(seeds):
    """All targets, two at a time."""
    def one(target):
        corpus = BUILD / "corpus" / target
        corpus.mkdir(parents=True, exist_ok=True)
        old = sorted((BUILD / "found").glob(f"{target}-*")) + sorted((ROOT / "tests/fuzz/found").glob(f"{target}-*"))
        if old:
            done = run(target, seeds, *old)
            assert done.returncode == 0, done.stderr[-3000:]
        limit = [f"-runs={RUNS}", "-max_total_time=900"] if RUNS else ["-max_total_time=10"]
        done = run(target, seeds, "-max_len=8192", *limit, corpus, seeds / target)
        assert done.returncode == 0, done.stderr[-3000:]
        n = int(re.search(r"number_of_executed_units: (\d+)", done.stderr)[1])
        foul.figure(f"fuzz {target}", f"{n} executions, 0 crashes")
        assert n > 1000

    foul.both(one, TARGETS)
