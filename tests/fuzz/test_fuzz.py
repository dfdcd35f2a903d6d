"""libFuzzer, with address and undefined-behaviour checks, on each of our parsers: ten seconds, or a million
executions in torture; all that was found before is tried first. Needs clang."""
import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import rig
from promises import PART, TORTURE, figure, share

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "fuzz"
TARGETS = sorted(p.stem for p in (ROOT / "tests" / "fuzz").glob("*.c"))
PAIRS = ["+".join(TARGETS[k:k + 2]) for k in range(0, len(TARGETS), 2)]
RUNS = 1_000_000
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


@pytest.mark.parametrize("pair", PAIRS)
def test_fuzz(seeds, pair):
    """Two targets at a time."""
    with ThreadPoolExecutor() as pool:
        said = list(pool.map(lambda target: fuzz(target, seeds), pair.split("+")))
    assert not any(said), "\n".join(said)


def fuzz(target, seeds):
    """What the target said if it crashed, hung or leaked, else ""."""
    corpus = BUILD / "corpus" / target
    corpus.mkdir(parents=True, exist_ok=True)
    old = sorted((BUILD / "found").glob(f"{target}-*")) + sorted((ROOT / "tests/fuzz/found").glob(f"{target}-*"))
    if old and (done := run(target, seeds, *old)).returncode:
        return done.stderr[-3000:]
    runs = share(RUNS)
    limit = [f"-runs={runs}", f"-seed={PART}"] if TORTURE else ["-max_total_time=10"]
    done = run(target, seeds, "-max_len=8192", *limit, corpus, seeds / target)
    n = re.search(r"number_of_executed_units: (\d+)", done.stderr)
    least = runs if TORTURE else 100  # the trailer's file goes to disk each time: some 100 a second when busy
    if done.returncode or not n or int(n[1]) < least:
        figure(f"fuzz {target}: executions without crash, leak or hang", 0, runs)
        return f"{target}: {done.stderr[-3000:]}"
    figure(f"fuzz {target}: executions without crash, leak or hang", n[1], n[1])
    return ""
