"""What a row's short runs leave open: runs of many seconds over distinct files, cold files, and the start of every
program by itself."""
import math
import os
import shutil
import statistics
import subprocess
import time
from pathlib import Path

from answers import Answer
from data import archive, room
from measure import timed

LONG_S = 100  # a program that takes longer than this runs once, not three times


def room_gb(o):
    """GB of files that the bench may hold in one archive: what --gb says, at most 0.6 of the memory that is
    available, so that warm means warm, and 0.6 of the free disk."""
    free = int(next(x for x in Path("/proc/meminfo").read_text().splitlines()
                    if x.startswith("MemAvailable")).split()[1]) * 1024
    most = min(0.6 * free, room(o.data)) / 1e9
    return min(most, o.gb) if o.gb else most


# --- start

def starts(programs, o):
    """Seconds that each program takes from start to exit with nothing to do: a peer imports and makes its workers; we
    reduce one file of a second and eight channels."""
    tiny = archive(o.binary, o.data, "tiny", 1, False)
    config = o.out / "bench" / "start.yaml"
    config.write_text(f"input:\n  files: {tiny[0]}\nchain:\n  - stats: {{interval: 1 s}}\n"
                      f"output:\n  folder: {o.out}/bench/run\n")
    for p in programs:
        words = p["command"]
        if p["ours"]:
            command = [str(config) if w.endswith(".yaml") else w for w in words]
        else:
            command = words[:words.index(f"{o.out}/bench/run") + 1]
        key = " ".join(c for c in command if c != str(config))
        if key not in o.starts:
            walls = []
            for _ in range(1 if o.quick else 3):
                shutil.rmtree(o.out / "bench" / "run", ignore_errors=True)
                done = timed(command, p["env"])
                if done.status != 0:
                    raise RuntimeError(f"{p['name']}, start: status {done.status}\n{done.talk}")
                walls.append(done.wall_s)
            o.starts[key] = min(walls)
        p["start_s"] = o.starts[key]


def first_block(o):
    """Milliseconds from execve until the first rows of a run over ten files are read."""
    lib = o.root / "build" / "bench" / "first_read.so"
    lib.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", lib, Path(__file__).with_name("first_read.c"), "-ldl"],
                   check=True)
    files = archive(o.binary, o.data, "ten", 10, False)
    config = o.out / "bench" / "first.yaml"
    config.write_text("input:\n  files:\n" + "".join(f"    - {f}\n" for f in files) +
                      f"chain:\n  - stats: {{interval: 1 s}}\noutput:\n  folder: {o.out}/bench/run\n")
    told = []
    for _ in range(1 if o.quick else 9):
        shutil.rmtree(o.out / "bench" / "run", ignore_errors=True)
        env = dict(os.environ, LD_PRELOAD=str(lib), FIRST_READ_FROM_MS=f"{time.monotonic() * 1e3:.3f}")
        done = subprocess.run([o.binary, "run", config, "--progress", "never"], env=env, capture_output=True, text=True)
        told += [float(x.split()[1]) for x in done.stderr.splitlines() if x.startswith("first-read ")]
    return statistics.median(told)


# --- cold

def evict(files):
    """Out of the page cache; the share that stayed."""
    os.sync()
    for path in files:
        fd = os.open(path, os.O_RDONLY)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)
    return sum(not dropped(path) for path in files) / len(files)


def dropped(path):
    """True if reading a byte in the file's middle had to go to the disk."""
    before = io_bytes()
    with open(path, "rb", buffering=0) as f:
        os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
        f.seek(path.stat().st_size // 2)
        f.read(1)
    return io_bytes() > before


def io_bytes():
    text = Path("/proc/self/io").read_text()
    return int(next(x for x in text.splitlines() if x.startswith("read_bytes")).split()[1])


# --- the two that matter, over more files

def best(programs, ours):
    mine = [p for p in programs if p["ours"] == ours and not p.get("extra")]
    return min(mine, key=lambda p: statistics.median(s.wall_s for s in p["samples"]), default=None)


def runs(program, files, o, warm, reps):
    walls = []
    target = o.out / "bench" / "run"
    for _ in range(reps):
        shutil.rmtree(target, ignore_errors=True)
        warm(files)
        done = timed(program["command"], program["env"])
        if done.status != 0:
            raise RuntimeError(f"{program['name']}: status {done.status}\n{done.talk}")
        walls.append(done.wall_s)
        if done.wall_s > LONG_S:
            break
    return walls


def wanted_files(row, files, o, seconds):
    """So many that millrace works for o.seconds, or as many as there is room for; and which of the two it was."""
    each = files[0].stat().st_size / 1e9
    want = math.ceil(len(files) * o.seconds / max(seconds, 0.01))
    most = int(room_gb(o) / each)
    return min(want, most), want <= most


def over_more(row, make, chosen, files, o, warm, talk):
    """The fastest of ours and of the peers over an archive as long as there is room for."""
    ours = chosen[True]
    net = max(statistics.median(s.wall_s for s in ours["samples"]) - ours["start_s"], 0.01)
    n, enough = wanted_files(row, files, o, net)
    if n <= len(files):
        return None
    more = archive(o.binary, o.data, row.data, n, o.quick)
    talk(f"{row.name}: over {n} files")
    answer = Answer(row, more) if row.answer else None
    told = {"files": n, "samples": answer.n_samples if answer else None, "bytes": sum(f.stat().st_size for f in more),
            "enough": enough}
    for mine in (True, False):
        if not chosen[mine]:
            continue
        p = make(chosen[mine], more)
        walls = runs(p, more, o, warm, o.reps if mine else o.peer_reps)
        error = None
        if answer:
            error = (answer.of_millrace if mine else answer.of_peer)(o.out / "bench" / "run")
        told["ours" if mine else "peer"] = {"name": p["name"], "walls_s": walls, "wall_s": statistics.median(walls),
                                            "start_s": chosen[mine]["start_s"], "error": error}
    return told


def cold(row, chosen, files, o, talk):
    """The same two with their files out of the page cache."""
    told = {}
    for mine in (True, False):
        if not chosen[mine]:
            continue
        talk(f"{row.name}: {chosen[mine]['name']}, cold")
        stay = []
        walls = runs(chosen[mine], files, o, lambda f: stay.append(evict(f)), 1 if o.quick else 3)
        told["ours" if mine else "peer"] = {"name": chosen[mine]["name"], "walls_s": walls,
                                            "wall_s": statistics.median(walls), "start_s": chosen[mine]["start_s"],
                                            "stayed": max(stay)}
    return told
