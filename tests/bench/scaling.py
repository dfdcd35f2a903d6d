"""make bench-scaling: what a second core gives, and how well waiting hides behind computing. Each row runs over
an archive of FILES files linked to a few (warm page cache, long enough for start and end not to count):

  one core   everything, readers and writer too, on one core, one compute thread: the base
  2 threads  one rank of two threads on two cores, relative to that
  2 ranks    two of one thread each, under mpirun, whose start is taken off
  two runs   one such run on each core at the same time, neither knowing of the other: what two cores of this
             machine can give together when nothing is shared but the memory
  overlap    on a disk so slow that reading alone takes as long as the whole run did on a fast one: wall time
             over the longer of reading alone (the cheapest chain on the slow disk) and the fast run

usage: scaling.py [W=ROW,...] [--quick] [FILES]     default: all rows but copies of others, 24 files
  --quick   small files, once: does it all work? The figures mean nothing
"""
import json
import os
import shutil
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TOP = Path(os.environ.get("MILLRACE_BENCH", ROOT))  # data/ and out/ go there
sys.path.insert(0, str(HERE))
import rows  # noqa: E402
from data import archive, file_seconds, linked, named_input  # noqa: E402
from run import BINARY, MPIRUN, launch_environment  # noqa: E402

IO_THREADS = 2
REPS = 5
DEFAULT = "decimate decimate-gz causal rms stalta max max-gz psd correlate common fk".split()
OUT = TOP / "out" / "bench"
CHEAPEST = ["stats: {interval: FILE_S s}"]


@dataclass
class Case:
    folder: Path
    n_bytes: int
    file_s: int  # of a file
    reps: int
    cores: list


def command(case, chain, tag, prefix=()):
    """A run, always afresh."""
    config = OUT / f"scaling-{tag}.yaml"
    steps = "".join(f"  - {x.replace('FILE_S', str(case.file_s))}\n" for x in chain)
    config.write_text(f"{named_input(case.folder)}chain:\n{steps}output:\n  folder: {OUT}/scaling-{tag}\n"
                      f"run:\n  io_threads: {IO_THREADS}\n")
    return [*prefix, str(BINARY), "run", str(config), "--progress", "never"]


def wall(words, tag, threads=1, **env):
    """Seconds of one run by its own clock, which starts when MPI has started."""
    shutil.rmtree(OUT / f"scaling-{tag}", ignore_errors=True)
    done = subprocess.run(words, env=dict(launch_environment(threads), **env), capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads((OUT / f"scaling-{tag}" / "report.json").read_text())["timing"]["wall_s"]


def together(case, chain):
    """The later of two runs, each on a core of its own."""
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(wall, command(case, chain, tag, ("taskset", "-c", str(core))), tag)
                for tag, core in zip("ab", case.cores)]
        return max(r.result() for r in runs)


def slow_library():
    lib = OUT / "slow_disk.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", lib, ROOT / "tests" / "tools" / "slow_disk.c", "-ldl"],
                   check=True)
    return lib


def measure(row, case, lib):
    """Forms take turns, and each is compared with the others of its round: the machine's speed drifts."""
    chain = row.chain
    forms = {"one_s": lambda: wall(command(case, chain, "a", ("taskset", "-c", str(case.cores[0]))), "a"),
             "threads_s": lambda: wall(command(case, chain, "a"), "a", threads=2),
             "ranks_s": lambda: wall(command(case, chain, "a", (MPIRUN, "-n", "2")), "a"),
             "pair_s": lambda: together(case, chain)}
    rounds = [{name: run() for name, run in forms.items()} for _ in range(case.reps)]

    def middle(value):
        return statistics.median(value(r) for r in rounds)

    m = {name: middle(lambda r: r[name]) for name in forms}
    slow = {"LD_PRELOAD": str(lib), "SLOW_UNDER": "/data/bench/",
            "SLOW_MB_S": f"{case.n_bytes / 1e6 / IO_THREADS / m['threads_s']:.1f}"}
    forms = {"read_s": lambda: wall(command(case, CHEAPEST, "a"), "a", threads=2, **slow),
             "both_s": lambda: wall(command(case, chain, "a"), "a", threads=2, **slow)}
    slowed = [{name: run() for name, run in forms.items()} for _ in range(min(case.reps, 3))]
    m |= {name: statistics.median(r[name] for r in slowed) for name in forms}
    return m | {"row": row.name,
                "threads": middle(lambda r: r["one_s"] / r["threads_s"]),
                "ranks": middle(lambda r: r["one_s"] / r["ranks_s"]),
                "two_runs": middle(lambda r: 2 * r["one_s"] / r["pair_s"]),
                "overlap": m["both_s"] / max(m["read_s"], m["threads_s"])}


def main(args):
    names = [n for a in args if a.startswith("W=") for n in a[2:].split(",")] or DEFAULT
    quick = "--quick" in args
    n = next((int(a) for a in args if a.isdigit()), 2 if quick else 24)
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        sys.exit("scaling needs two cores")
    OUT.mkdir(parents=True, exist_ok=True)
    lib, told = slow_library(), []
    print("| workload | one core s | 2 threads x | 2 ranks x | two runs x | slow disk: reads s | fast disk s | both s | "
          "overlap |\n|---|---|---|---|---|---|---|---|---|", flush=True)
    for row in (r for r in rows.ROWS if r.name in names):
        files = archive(BINARY, TOP / "data" / "bench", row.data, 12, quick)
        file_s = int(file_seconds(row.data, quick))
        folder = linked(files[0].parent.with_name(f"linked_{files[0].parent.name}"), files, n, file_s)
        m = measure(row, Case(folder, n * files[0].stat().st_size, file_s, 1 if quick else REPS, cores), lib)
        told.append(m)
        print("| {row} | {one_s:.2f} | {threads:.2f} | {ranks:.2f} | {two_runs:.2f} | {read_s:.2f} | {threads_s:.2f} | "
              "{both_s:.2f} | {overlap:.2f} |".format(**m), flush=True)
    (TOP / "out" / "bench-scaling.json").write_text(json.dumps(told, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
