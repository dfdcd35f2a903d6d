"""make bench: millrace beside the Python programs a user would write, and beside the machine's limits.

usage: run.py [W=ROW,...] [--quick] [--files N] [--reps N] [--seconds S] [--gb G] [--cores N] [--peers HOW,...] [--list]
  W=decimate    only this row (or these; * and ? match); default: all
  --quick       2 small files, 1 repetition: does it all work? The figures mean nothing
  --files N     of every row, instead of its own number
  --peers HOW   only these forms of the peers (see peers.py), or none
  --reps N      of millrace (default 5); peers run in the first 3 of them, or in --peer-reps
  --seconds S   the fastest of ours and of the peers once more, over so many distinct files that ours takes S
                seconds (default 20, with --quick 0: not), or as many as --gb, 0.6 of the memory and 0.6 of the disk
                hold; --long ROW,...: only these rows

Programs take turns, on a warm page cache, from start to exit, output closed; millrace also surveys,
plans, checksums, fsyncs and reports. What a start costs every program is measured apart, and ratios are told
without it and with it. Some rows run with their files out of the page cache, too. Prints tables and writes
out/bench.json. Data: data/bench.
"""
import argparse
import fnmatch
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))
import longer  # noqa: E402
import rows  # noqa: E402
import table  # noqa: E402
from answers import Answer  # noqa: E402
from data import archive, file_seconds, form_words  # noqa: E402
from measure import adopt_orphans, timed  # noqa: E402

BINARY = Path(os.environ.get("MILLRACE", ROOT / "build" / "millrace"))
MPIRUN = os.environ.get("MPIRUN", "mpirun")
PEER_REPS = 3
PIECE = 4 << 20


def talk(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def options(argv):
    p = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n\n")[0])
    p.add_argument("--quick", action="store_true")
    p.add_argument("--files", type=int)
    p.add_argument("--reps", type=int)
    p.add_argument("--seconds", type=float, help="see above")
    p.add_argument("--gb", type=float, default=0)
    p.add_argument("--long", default="*")
    p.add_argument("--peer-reps", type=int, default=PEER_REPS)
    p.add_argument("--cores", type=int, default=len(os.sched_getaffinity(0)))
    p.add_argument("--peers")
    p.add_argument("--list", action="store_true")
    p.add_argument("--data", type=Path, default=ROOT / "data" / "bench")
    p.add_argument("--out", type=Path, default=ROOT / "out")
    p.add_argument("row", nargs="*", help="W=NAME")
    o = p.parse_args(argv)
    names = [n for w in o.row for n in w.removeprefix("W=").split(",") if n]
    o.wanted = names or ["*"]
    o.reps = o.reps or (1 if o.quick else 5)
    if o.seconds is None:
        o.seconds = 0 if o.quick else 20
    o.binary, o.root, o.starts = BINARY, ROOT, {}
    return o


# --- before a run

def warm(files):
    """All of it into the page cache; what the runs before left to write, written."""
    buffer = bytearray(PIECE)
    for path in files:
        with open(path, "rb", buffering=0) as f:
            while f.readinto(buffer):
                pass
    os.sync()


# --- the machine's limits

def limits(o):
    program = ROOT / "build" / "bench" / "limits"
    program.parent.mkdir(parents=True, exist_ok=True)
    if not program.exists() or program.stat().st_mtime < (HERE / "limits.c").stat().st_mtime:
        subprocess.run(["cc", "-std=c17", "-D_GNU_SOURCE", "-O3", "-march=native",
                        "-ffp-contract=fast", "-fopenmp", "-o", program, HERE / "limits.c",
                        "-lfftw3", "-lfftw3f", "-ldeflate", "-lm"], check=True)
    o.data.mkdir(parents=True, exist_ok=True)
    env = dict(os.environ, OMP_NUM_THREADS=str(o.cores))
    done = subprocess.run([program, o.data, *(["quick"] if o.quick else [])], env=env, check=True,
                          capture_output=True, text=True)
    return json.loads(done.stdout)


def touch(o):
    """A guest gives idle pages back to its host; fresh memory is slow until it has been touched."""
    if o.quick:
        return
    free = int(next(x for x in Path("/proc/meminfo").read_text().splitlines()
                    if x.startswith("MemAvailable")).split()[1]) * 1024
    subprocess.run([ROOT / "build" / "bench" / "limits", "touch", str(min(1 << 28, free // 4))],
                   check=True)


# --- the programs

def launch_environment(threads):
    env = dict(os.environ, OMP_NUM_THREADS=str(threads), OMPI_ALLOW_RUN_AS_ROOT="1",
               OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", OMPI_MCA_hwloc_base_binding_policy="none",
               OMPI_MCA_rmaps_base_oversubscribe="1",
               PRTE_MCA_rmaps_default_mapping_policy=":oversubscribe", PRTE_MCA_hwloc_default_binding_policy="none")
    return env


def millrace(row, files, ranks, threads, o, one_core=False):
    config = o.out / "bench" / f"{row.name}.yaml"
    lines = ["input:", "  files:", *[f"    - {f}" for f in files], "chain:",
             *[f"  - {x.replace('FILE_S', file_seconds(row.data, o.quick))}" for x in row.chain], "output:", f"  folder: {o.out}/bench/run"]
    config.write_text("\n".join(lines) + "\n")
    launch = [MPIRUN, "-n", str(ranks)] if ranks > 1 else []
    if one_core:
        launch = ["taskset", "-c", str(min(os.sched_getaffinity(0)))]
    return {"name": f"millrace {ranks} x {threads}" + (", one core" if one_core else ""), "ours": True,
            "env": launch_environment(threads), "ranks": ranks, "threads": threads, "one_core": one_core,
            "command": [*launch, str(BINARY), "run", str(config), "--progress", "never"]}


def importable(module):
    return subprocess.run([sys.executable, "-c", f"import {module}"], capture_output=True).returncode == 0


def peer(work, how, files, o):
    form, kind = how.split("-")
    needs = {"mpi": "mpi4py", "dask": "dask", "flow": "dask"}.get(form, "scipy")
    if not importable(needs):
        return None
    launch = [MPIRUN, "-n", str(o.cores)] if form == "mpi" else []
    label = {"numpy": "numpy", "pool": f"Pool({o.cores})", "chan": f"Pool({o.cores}) by channels",
             "mpi": f"mpi4py {o.cores} ranks", "dask": f"dask {o.cores} threads",
             "flow": f"dask {o.cores} threads, files in flight"}[form]
    how_far = work.split("-")[1] + " " if "-" in work else ""
    return {"name": f"{label} {how_far}{kind}", "ours": False, "work": work, "how": how,
            "env": dict(launch_environment(1), PEER_CORES=str(o.cores)),
            "command": [*launch, sys.executable, str(HERE / "peers.py"), work, how,
                        f"{o.out}/bench/run", *map(str, files)]}


def anew(row, program, files, o):
    """The same program over other files."""
    if program["ours"]:
        return millrace(row, files, program["ranks"], program["threads"], o, program["one_core"])
    return peer(program["work"], program["how"], files, o)


def programs(row, files, o):
    shapes = [(1, 1)] if o.cores == 1 else [(1, o.cores), (o.cores, 1), (1, 1)]
    ours = [millrace(row, files, r, t, o) for r, t in shapes]
    if o.cores > 1 and shutil.which("taskset"):
        ours.append(millrace(row, files, 1, 1, o, one_core=True))
    theirs = []
    for work, how in [*row.peers, *row.extra]:
        if not o.peers or how in o.peers.split(","):
            p = peer(work, how, files, o)
            if p:
                p["extra"] = (work, how) in row.extra
                theirs.append(p)
    return ours + theirs


# --- one row

def once(program, files, o):
    target = o.out / "bench" / "run"
    shutil.rmtree(target, ignore_errors=True)
    touch(o)
    warm(files)
    sample = timed(program["command"], program["env"])
    if sample.status != 0:
        raise RuntimeError(f"{program['name']}: status {sample.status}\n{sample.talk}")
    if program["ours"]:
        program.setdefault("reports", []).append(json.loads((target / "report.json").read_text()))
    program.setdefault("samples", []).append(sample)
    return target


def null_ends(row, n_files, o):
    """The same chain on samples that are made in cache, with nothing written: what the rest of the pipe costs on
    this machine, whatever its disk. Seconds of each run, from start to exit."""
    form = form_words(row.data, o.quick)
    channels, file_s = form["--channels"], file_seconds(row.data, o.quick)
    kind, rate = form.get("--dtype", "float32"), form.get("--rate", "500Hz")
    p = millrace(row, [f'"null:rate={rate},channels={channels},minutes={n_files * float(file_s) / 60!r},'
                       f'file={file_s}s,type={kind}"'], 1, o.cores, o)
    config = o.out / "bench" / f"{row.name}.yaml"
    config.write_text(config.read_text().replace(f"folder: {o.out}/bench/run", 'folder: "null:"'))
    walls = []
    for rep in range(o.reps):
        talk(f"{row.name}: null ends, run {rep + 1}")
        touch(o)
        sample = timed(p["command"], p["env"])
        if sample.status != 0:
            raise RuntimeError(f"null ends: status {sample.status}\n{sample.talk}")
        walls.append(sample.wall_s)
    return walls


def summary(program):
    wall = [s.wall_s for s in program["samples"]]
    out = {"name": program["name"], "ours": program["ours"],
           "extra": program.get("extra", False), "error": program.get("error"),
           "wall_s": statistics.median(wall), "wall_min_s": min(wall), "wall_max_s": max(wall),
           "walls_s": wall, "cpu_s": statistics.median(s.cpu_s for s in program["samples"]),
           "peak_mb": max(s.peak_mb for s in program["samples"]), "start_s": program["start_s"]}
    if program["ours"]:
        middle = sorted(zip(wall, program["reports"]), key=lambda p: p[0])[len(wall) // 2][1]
        out |= {"ranks": program["ranks"], "threads": program["threads"], "one_core": program["one_core"],
                "timing": middle["timing"], "launch": middle["launch"],
                "bottleneck": middle["bottleneck"]}
    return out


def fits(row, files, o):
    """Does this build know the row's chain?"""
    command = millrace(row, files, 1, 1, o)["command"]
    done = subprocess.run([command[0], "check", command[2]], capture_output=True, text=True)
    return None if done.returncode == 0 else done.stderr.strip().splitlines()[-1]


def measure(row, o):
    files = archive(BINARY, o.data, row.data, o.files or (2 if o.quick else row.files), o.quick)
    why = fits(row, files, o)
    if why:
        return {"name": row.name, "title": row.title, "skipped": why}
    answer = Answer(row, files)
    todo = programs(row, files, o)
    longer.starts(todo, o)
    for rep in range(o.reps):
        for p in todo:
            slow = not p["ours"] and (rep >= o.peer_reps or rep and p["samples"][0].wall_s > longer.LONG_S)
            if slow:
                continue
            talk(f"{row.name}: {p['name']}, run {rep + 1}")
            target = once(p, files, o)
            if rep == 0 and row.answer:
                p["error"] = answer.of_millrace(target) if p["ours"] else answer.of_peer(target)
    r = {"name": row.name, "title": row.title, "files": len(files), "data": row.data,
         "chain": row.chain, "goal": row.goal, "share_goal": row.share_goal, "samples": answer.n_samples, "beside": row.beside,
         "stored_bytes": sum(f.stat().st_size for f in files), "allowed_error": row.error,
         "allowed_peer_error": row.peer_error, "programs": [summary(p) for p in todo],
         "null_s": null_ends(row, len(files), o), "long": None}
    chosen = {mine: longer.best(todo, mine) for mine in (True, False)}
    if row.cold:
        r["cold"] = longer.cold(row, chosen, files, o, talk)
    if o.seconds and any(fnmatch.fnmatch(row.name, w) for w in o.long.split(",")):
        r["long"] = longer.over_more(row, lambda p, more: anew(row, p, more, o), chosen, files, o, warm, talk)
    shutil.rmtree(o.out / "bench" / "run", ignore_errors=True)
    return r


# --- all of it

def machine(o):
    cpu = next((x.split(":")[1].strip() for x in Path("/proc/cpuinfo").read_text().splitlines()
                if x.startswith("model name")), platform.machine())
    version = subprocess.run([BINARY, "--version"], capture_output=True, text=True).stdout
    import h5py
    import numpy
    import scipy
    vendor = "AMD" if "AuthenticAMD" in Path("/proc/cpuinfo").read_text() else "Intel"
    return {"vendor": vendor, "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "cpu": cpu,
            "cores": o.cores, "kernel": platform.release(), "load_before": os.getloadavg()[0],
            "millrace": version.splitlines(), "python": platform.python_version(),
            "numpy": numpy.__version__, "scipy": scipy.__version__, "h5py": h5py.__version__}


def main(argv):
    o = options(argv)
    chosen = [r for r in rows.ROWS if any(fnmatch.fnmatch(r.name, w) for w in o.wanted)]
    if o.list:
        print("\n".join(f"{r.name:15} {r.title}" for r in rows.ROWS))
        return 0
    if not chosen:
        talk(f"no such row: {' '.join(o.wanted)}; there are " + " ".join(r.name for r in rows.ROWS))
        return 2
    adopt_orphans()
    (o.out / "bench").mkdir(parents=True, exist_ok=True)
    result = {"machine": machine(o), "quick": o.quick, "limits": limits(o), "rows": []}
    result["first_block_ms"] = longer.first_block(o)
    print(table.head(result), flush=True)
    bad = 0
    for row in chosen:
        r = measure(row, o)
        if "skipped" not in r:
            table.judge(r, row, result)
            bad += len(r["wrong"])
        result["rows"].append(r)
        print(table.of_row(r), flush=True)
        (o.out / "bench.json").write_text(json.dumps(result, indent=1) + "\n")
    print(table.summary(result), flush=True)
    talk(f"wrote {o.out}/bench.json")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
