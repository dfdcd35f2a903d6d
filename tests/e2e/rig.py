"""What the tests of whole runs share: archives written by h5py, launches with and without mpirun,
outputs read back, folders compared byte for byte."""
import hashlib
import json
import math
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("MILLRACE", ROOT / "build" / "millrace"))
MPIRUN = os.environ.get("MPIRUN", "mpirun")
REAL = Path(os.environ.get("MILLRACE_REALDATA", ROOT.parent / "shared" / "realdata"))
S = 1_000_000_000
T0 = 1_767_225_600 * S  # 2026-01-01T00:00:00Z


# --- launches

def environment(threads=1, **more):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("OMPI_COMM", "PMIX_", "SLURM_"))}
    env.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
               OMPI_MCA_rmaps_base_oversubscribe="1", OMPI_MCA_hwloc_base_binding_policy="none",
               PRTE_MCA_rmaps_default_mapping_policy=":oversubscribe", PRTE_MCA_hwloc_default_binding_policy="none",
               OMPI_MCA_mpi_yield_when_idle="1", OMP_NUM_THREADS=str(threads),
               OMP_WAIT_POLICY="passive", **more)
    return env


def exported(env):
    """mpirun's options that carry these variables to all hosts."""
    return [word for k, v in env.items() for word in ("-x", f"{k}={v}")]


def sound(out, want):
    """Every file under its final name has the bytes of the undisturbed run."""
    for name, digest in digests(out).items():
        if not name.endswith(".part"):
            assert digest == want[name], name


def command(*args, ranks=0):
    """ranks=0: without a launcher."""
    launch = [MPIRUN, "-n", str(ranks)] if ranks else []
    return launch + [str(BINARY), *map(str, args)]


def run(*args, ranks=0, threads=1, timeout=100, status=None, cwd=None, **env):
    done = subprocess.run(command(*args, ranks=ranks), capture_output=True, text=True, cwd=cwd,
                          timeout=timeout, env=environment(threads, **env), errors="replace")
    if status is not None:
        want = status if isinstance(status, tuple) else (status,)
        assert done.returncode in want, f"status {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def start(*args, ranks=0, threads=1, cwd=None, **env):
    """In a session of its own, so that it can be killed with all it started."""
    return subprocess.Popen(command(*args, ranks=ranks), stdout=subprocess.PIPE, text=True, cwd=cwd,
                            stderr=subprocess.PIPE, env=environment(threads, **env),
                            start_new_session=True, errors="replace")


def slow_disk(folder):
    """slow(MB/s of a reading thread): environment in which inputs are slow."""
    lib = Path(folder) / "slow_disk.so"
    cc = next((c for c in ("cc", "gcc", "clang") if shutil.which(c)), None)
    if not cc:
        pytest.skip("no C compiler for tests/tools/slow_disk.c")
    subprocess.run([cc, "-shared", "-fPIC", "-O1", "-o", lib, ROOT / "tests" / "tools" / "slow_disk.c", "-ldl"],
                   check=True)
    return lambda mb_s, **more: dict(LD_PRELOAD=str(lib), SLOW_MB_S=str(mb_s), **more)


def parent_of(pid):
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    return int(stat[stat.rindex(")") + 2:].split()[1])


def children(pid):
    """All processes below this one."""
    everybody = {int(p.name): parent_of(int(p.name)) for p in Path("/proc").iterdir() if p.name.isdigit()}
    below, new = set(), {pid}
    while new:
        new = {p for p, up in everybody.items() if up in new} - below
        below |= new
    return sorted(below)


def name_of(pid):
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def waits_in(pid):
    """The system calls that the threads of a process are in, where that may be known."""
    try:
        return {(t / "wchan").read_text() for t in Path(f"/proc/{pid}/task").iterdir()}
    except OSError:
        return ""


def command_line(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ")
    except OSError:
        return ""


def is_ours(pid):
    try:
        return Path(os.readlink(f"/proc/{pid}/exe")).name == BINARY.name
    except OSError:
        return False


def processes(proc):
    """Pids of the ranks that proc launched: processes of our program whose parent is another's."""
    found = []
    for pid in (int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit()):
        up = pid
        while up > 1 and up != proc.pid:
            up = parent_of(up)
        if up == proc.pid and is_ours(pid) and not is_ours(parent_of(pid)):
            found.append(pid)
    return sorted(found)


def kill(pids, sig=signal.SIGKILL):
    for pid in pids:
        try:
            os.kill(pid, sig)
        except ProcessLookupError:
            pass


def wait_for(fact, what, seconds=20):
    end = time.monotonic() + seconds
    while not (found := fact()):
        assert time.monotonic() < end, f"no {what} within {seconds} s"
        time.sleep(0.002)
    return found


# --- archives

def noise(nt, nc, seed=1, dtype="f4"):
    return (100 * np.random.default_rng(seed).standard_normal((nt, nc))).astype(dtype)


def prodml(path, data, t0_ns, rate, dx=10.0, first=0, time_first=True, **how):
    """One PRODML 2.1 recorder file of data[time][channel]; how: chunks, compression, ... of h5py."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    nt, nc = data.shape
    with h5py.File(path, "w") as h:
        a = h.create_group("Acquisition")
        a.attrs.update(NumberOfLoci=nc, StartLocusIndex=first, SpatialSamplingInterval=float(dx),
                       GaugeLength=10.0, PulseRate=float(rate), schemaVersion=np.bytes_("2.1"))
        raw = a.create_group("Raw[0]")
        raw.attrs.update(OutputDataRate=float(rate), NumberOfLoci=nc, RawDataUnit=np.bytes_("nm/m/s"),
                         RawDescription=np.bytes_("strain rate"))
        d = raw.create_dataset("RawData", data=data if time_first else data.T, **how)
        d.attrs["Dimensions"] = np.array([b"time", b"locus"][::1 if time_first else -1])
        t = t0_ns + np.round(np.arange(nt) * (S / rate)).astype("i8")
        raw.create_dataset("RawDataTime", data=t // 1000)
    return path


def name_at(t_ns):
    return "rec_" + str(np.datetime64(t_ns, "ns")).replace(":", "").replace("-", "")[:22] + "Z.h5"


def archive(folder, data, rate, rows, t0_ns=T0, **how):
    """Cut data into files of `rows` samples (or the list of their lengths); gives the paths."""
    n = len(data)
    cuts = list(range(0, n, rows)) + [n] if isinstance(rows, int) else [0, *np.cumsum(rows)]
    out = []
    for a, b in zip(cuts[:-1], cuts[1:]):
        t = t0_ns + round(a * S / rate)
        out.append(prodml(Path(folder) / name_at(t), data[a:b], t, rate, **how))
    return out


# --- configs

def lane_of(chain):
    """Lanes as short as the chain allows, so that small archives have many."""
    text = " ".join(chain or [])
    if "span" in text or re.search(r"(interval|stack): all", text) or "integrate: {}" in text:
        return "auto"
    units = {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
    row = r"(?:interval|stack|spectrogram: .*step): ([\d.]+) (ms|s|min|h|d)"
    rows = [round(float(n) * units[u]) for n, u in re.findall(row, text)]
    unit = math.lcm(*rows, 1)
    return f"{-(-60_000 // unit) * unit} ms"


def config(path, files, chain, out, **sections):
    """A config file; chain: list of "name: {...}" lines; input_=, run_=, output_= are more lines. Lanes are
    short unless output_ says otherwise."""
    if not any(x.startswith("lane:") for x in sections.get("output_", [])):
        sections["output_"] = [*sections.get("output_", []), f"lane: {lane_of(chain)}"]
    files = [files] if isinstance(files, (str, Path)) else files
    lines = ["input:", "  files: [" + ", ".join(f'"{f}"' for f in files) + "]"]
    lines += [f"  {x}" for x in sections.get("input_", [])]
    lines += ["chain:"] + [f"  - {x}" for x in chain] if chain else ["chain: []"]
    lines += ["output:", f'  folder: "{out}"'] + [f"  {x}" for x in sections.get("output_", [])]
    lines += ["run:"] + [f"  {x}" for x in sections.get("run_", ["memory: 512 MiB"])]
    Path(path).write_text("\n".join(lines) + "\n")
    return path


# --- outputs

def lanes(folder):
    """Finished lane files, by name."""
    return sorted(Path(folder).glob("lanes/*/*.h5"))


def read_lane(path):
    with h5py.File(path) as h:
        array = [k for k in h if isinstance(h[k], h5py.Dataset) and h[k].ndim == 2]
        assert len(array) == 1, array
        return SimpleNamespace(name=array[0], y=h[array[0]][()], t=h["time"][()], x=h["distance"][()],
                               attrs=dict(h.attrs), unit=h[array[0]].attrs.get("units"))


def output(folder, step_ns=None):
    """All lanes in order of time, cut at gaps: list of (t, y). Lanes of all channels only."""
    parts = [read_lane(p) for p in lanes(folder)]
    parts.sort(key=lambda p: p.t[0])
    spans = []
    for p in parts:
        step = step_ns or round(S / p.attrs["sampling_rate_hz"])
        if spans and abs(int(p.t[0]) - int(spans[-1][0][-1]) - step) < step / 2:
            spans[-1] = (np.concatenate([spans[-1][0], p.t]), np.concatenate([spans[-1][1], p.y]))
        else:
            spans.append((p.t, p.y))
    return spans


def digests(folder):
    """Name -> digest of what must not depend on how it was computed: every .h5 file, and the index."""
    folder = Path(folder)
    keep = [*folder.glob("lanes/**/*"), folder / "master.h5", folder / "result.h5",
            folder / "index.csv"]
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in keep if p.is_file()}


def report(folder):
    return json.loads((Path(folder) / "report.json").read_text())


def states(folder):
    """File name -> state in the report."""
    return {Path(i["path"]).name: i["state"] for i in report(folder)["inputs"]}


def kinds(folder):
    return sorted(row["kind"] for row in report(folder)["ledger"])


def near(got, ref, tol=1e-6):
    """Largest error relative to the reference's peak; NaN in the same places."""
    assert got.shape == ref.shape, (got.shape, ref.shape)
    assert np.array_equal(np.isnan(got), np.isnan(ref))
    peak = np.nanmax(np.abs(ref))
    error = np.nanmax(np.abs(got - ref))
    assert error <= tol * peak, f"error {error / peak:.3g} of the peak"


def fresh(path):
    shutil.rmtree(path, ignore_errors=True)
    return path


def plain(text):
    """Without mpirun's own talk."""
    return [x for x in text.splitlines() if re.match(r"millrace: ", x)]
