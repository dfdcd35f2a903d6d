"""The torture: everything that breaks millrace on purpose, in full, in pieces of some minutes each.

usage: torture.py             all pieces (hours), then the table of figures
       torture.py kills       the pieces of one part; kills.3: the third piece; several names: these
       torture.py --list      the parts, and into how many pieces each is cut
Figures gather in build/torture.tsv until `torture.py --new` or `make clean`. Status 1 when a piece failed."""
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FIGURES = ROOT / "build" / "torture.tsv"
FAULTS, FUZZ, E2E = "tests/faults/", "tests/fuzz/test_fuzz.py", "tests/e2e/"
OUTPUT = FAULTS + "test_faults.py::test_output_calls " + FAULTS + "test_faults.py::test_a_large_lane"
FACTS = FAULTS + "test_hostile.py::test_every_fact_of_every_layout_spoilt"
DAMAGE = FAULTS + "test_hostile.py::test_random_damage_anywhere"
PARTS = {  # name: (pieces, what pytest runs, or the target of make)
    "kills": (8, FAULTS + "test_kills.py"),
    "steps": (8, FAULTS + "test_faults.py -k sigkill"),
    "power": (8, FAULTS + "test_power.py"),
    "output": (12, OUTPUT),
    "output-ranks": (2, FAULTS + "test_faults.py::test_output_calls_over_ranks"),
    "short": (8, FAULTS + "test_faults.py::test_interrupted_and_short_calls_change_nothing"),
    "input": (6, FAULTS + "test_faults.py::test_input_calls"),
    "systems": (1, FAULTS + "test_faults.py::test_file_systems_that_know_less " + FAULTS + "test_full.py"),
    "memory": (12, FAULTS + "test_memory.py"),
    "starve": (4, FAULTS + "test_starve.py"),
    "hostile": (1, FAULTS + "test_hostile.py -k 'not (every_fact or random_damage)'"),
    "facts": (3, FACTS),
    "damage": (4, DAMAGE),
    "clocks": (4, E2E + "test_facts.py"),
    "verify": (3, FAULTS + "test_verify.py"),
    "bounded": (1, E2E + "test_memory.py"),
    "folders": (1, FAULTS + "test_folders.py"),
    "locks": (1, FAULTS + "test_locks.py"),
    "events": (1, E2E + "test_events.py -k rows_are_those"),
    "layout": (1, E2E + "test_onebits.py -k one_digest"),
    "follow": (5, E2E + "test_play.py -k is_followed"),
    "follow-kills": (5, E2E + "test_play.py -k killed"),
    "follow-many": (1, E2E + "test_play.py -k thousand"),
    "fuzz": (4, FUZZ),
    "slurm": (1, "tests/slurm"),
    "asan": (6, "make asan-runs"),
    "asan-memory": (4, "make asan-memory"),
    "tsan": (6, "make tsan-runs"),
    "valgrind": (12, "make valgrind"),
    "coverage": (1, "make coverage"),
}


def pieces(names):
    """(part, piece, of) of all names."""
    for name in names or PARTS:
        part, _, piece = name.partition(".")
        if part not in PARTS:
            sys.exit(f"torture: no part {part}; there are {' '.join(PARTS)}")
        of = PARTS[part][0]
        for k in [int(piece)] if piece else range(1, of + 1):
            yield part, k, of


def run(part, k, of):
    """Status of one piece."""
    what = shlex.split(PARTS[part][1])
    env = dict(os.environ, MILLRACE_TORTURE="1", MILLRACE_PART=f"{k}/{of}", MILLRACE_FIGURES=str(FIGURES),
               PYTHONDONTWRITEBYTECODE="1")
    if what[0] == "make":
        env.pop("MILLRACE", None)  # a target brings its own
    else:
        env.setdefault("MILLRACE", str(ROOT / "build" / "millrace"))
    if part == "coverage":
        env.pop("MILLRACE_TORTURE")  # a sample reaches the lines as well
    command = what if what[0] == "make" else [sys.executable, "-m", "pytest", "-q", "-o", "timeout=3600", *what]
    start = time.monotonic()
    status = subprocess.run(command, cwd=ROOT, env=env).returncode
    print(f"torture {part}.{k} of {of}: {'ok' if status == 0 else f'status {status}'}, "
          f"{time.monotonic() - start:.0f} s", flush=True)
    return status


def main(args):
    if "--list" in args:
        for name, (n, what) in PARTS.items():
            print(f"{name:12} {n:2} pieces  {what}")
        return 0
    names = [a for a in args if a != "--new"]
    if "--new" in args:
        FIGURES.unlink(missing_ok=True)
    failed = [f"{part}.{k}" for part, k, of in pieces(names) if run(part, k, of)]
    if failed:
        print("torture: failed: " + " ".join(failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
