"""Runs the unit test programs (two at a time), then pytest, and prints the sum of both as the last
line: "N passed, N failed, N skipped". Status 1 when anything failed or nothing ran.

usage: run_tests.py [--unit | --e2e] [pytest arguments]      environment: B (build folder),
SKIP (names of unit test programs to leave out, counted as skipped), RUNNER (what starts unit test
programs of another processor, as qemu-aarch64)
"""
import importlib.util
import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = Path(os.environ.get("B", "build"))
UNIT_TIMEOUT_S = 180 if not os.environ.get("RUNNER") else 1800
E2E_TIMEOUT_S = 600


def run_environment():
    env = dict(os.environ)
    env.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
               OMPI_MCA_rmaps_base_oversubscribe="1", OMPI_MCA_hwloc_base_binding_policy="none",
               PRTE_MCA_rmaps_default_mapping_policy=":oversubscribe", PRTE_MCA_hwloc_default_binding_policy="none")  # Open MPI 4, 5
    env.setdefault("OMP_WAIT_POLICY", "passive")
    return env


def run_unit(binary):
    """One cmocka program: (name, passed, failed, skipped, seconds, output to show)."""
    start = time.monotonic()
    env = dict(run_environment(), CMOCKA_MESSAGE_OUTPUT="STDOUT")
    try:
        done = subprocess.run([*os.environ.get("RUNNER", "").split(), str(binary)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              cwd=ROOT, timeout=UNIT_TIMEOUT_S, env=env)
        out, code = done.stdout.decode(errors="replace"), done.returncode
    except subprocess.TimeoutExpired as e:
        out = (e.stdout or b"").decode(errors="replace")
        out, code = out + f"\ntimed out after {UNIT_TIMEOUT_S} s", 124
    passed = len(re.findall(r"^\[       OK \]", out, re.M))
    skipped = len(set(re.findall(r"^\[  SKIPPED \] (?!\d+ test)(\S+)", out, re.M)))
    names = set(re.findall(r"^\[  FAILED  \] (?!\d+ test)(\S+)", out, re.M))
    failed = len(names)
    if code != 0 and failed == 0:
        failed = 1  # it crashed, or a sanitizer complained at the end
        out += f"\n{binary.name}: exit status {code}"
    if passed + failed + skipped == 0:
        failed, out = 1, out + f"\n{binary.name}: ran no test"
    return binary.name, passed, failed, skipped, time.monotonic() - start, out if failed else ""


def unit_tests():
    """Every tests/unit/test_*.c (other programs there help the tests of whole runs). A source without
    a program is a failure."""
    sources = sorted((ROOT / "tests/unit").glob("test_*.c"))
    binaries = [ROOT / BUILD / "tests" / s.stem for s in sources]
    total = [0, 0, 0]
    with ThreadPoolExecutor(max_workers=min(2, os.cpu_count() or 1)) as pool:
        for name, p, f, s, secs, out in pool.map(guarded_unit, binaries):
            total = [total[0] + p, total[1] + f, total[2] + s]
            print(f"unit {name}: {p} passed, {f} failed, {s} skipped, {secs:.1f} s", flush=True)
            if out:
                print(out, flush=True)
    return total


def guarded_unit(binary):
    if binary.name in os.environ.get("SKIP", "").split():
        return binary.name, 0, 0, 1, 0.0, ""
    if not binary.exists():
        return binary.name, 0, 1, 0, 0.0, f"{binary} was not built"
    return run_unit(binary)


def pytest_tests(extra):
    """pytest over tests/ ; the counts come from its junit file."""
    xml = ROOT / BUILD / "tests" / "pytest.xml"
    xml.parent.mkdir(parents=True, exist_ok=True)
    xml.unlink(missing_ok=True)
    cmd = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={xml}",
           "--durations=5", *(extra or ["tests"])]
    if importlib.util.find_spec("pytest_timeout"):
        cmd.append(f"--timeout={E2E_TIMEOUT_S}")
    env = run_environment()
    env.setdefault("MILLRACE", str(ROOT / BUILD / "millrace"))
    env["PYTHONDONTWRITEBYTECODE"] = "1"
    code = subprocess.run(cmd, cwd=ROOT, env=env).returncode
    if not xml.exists():
        print(f"pytest: exit status {code} and no result file")
        return [0, 1, 0]
    passed = failed = skipped = 0
    for suite in ET.parse(xml).getroot().iter("testsuite"):
        n, bad = int(suite.get("tests")), int(suite.get("failures")) + int(suite.get("errors"))
        skip = int(suite.get("skipped"))
        passed, failed, skipped = passed + n - bad - skip, failed + bad, skipped + skip
    if code not in (0, 5) and failed == 0:
        failed = 1
    return [passed, failed, skipped]


def main(argv):
    extra = [a for a in argv if a not in ("--unit", "--e2e")]
    total = [0, 0, 0]
    if "--e2e" not in argv:
        total = [a + b for a, b in zip(total, unit_tests())]
    if "--unit" not in argv:
        total = [a + b for a, b in zip(total, pytest_tests(extra))]
    line = f"{total[0]} passed, {total[1]} failed, {total[2]} skipped"
    (ROOT / BUILD / "tests" / "summary.txt").write_text(line + "\n")
    print(line, flush=True)
    return 1 if total[1] or total[0] == 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
