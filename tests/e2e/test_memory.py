"""Memory: what plan says is what a rank takes at most; what cannot fit is refused before reading.

The archives are sparse files: their samples are zeros that take no disk."""
import json
import re
import threading
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

import rig
from promises import figure

MIB = 1 << 20


def hollow(path, nt, nc, t0, rate, dtype="f4", chunks=None):
    """A PRODML file of zeros: contiguous and never written, or each chunk deflated to almost nothing."""
    path.parent.mkdir(exist_ok=True)
    rig.prodml(path, np.zeros((1, nc), dtype), t0, rate)
    with h5py.File(path, "r+") as h:
        raw = h["Acquisition/Raw[0]"]
        del raw["RawData"], raw["RawDataTime"]
        if chunks:
            d = raw.create_dataset("RawData", data=np.zeros((nt, nc), dtype), chunks=chunks,
                                   compression="gzip", compression_opts=1)
        else:
            how = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            how.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
            how.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
            d = h5py.Dataset(h5py.h5d.create(raw.id, b"RawData", h5py.h5t.py_create(np.dtype(dtype)),
                                             h5py.h5s.create_simple((nt, nc)), how))
        d.attrs["Dimensions"] = np.array([b"time", b"locus"])
        raw["RawDataTime"] = (t0 + np.arange(nt) * (rig.S // rate)) // 1000


def resident(pid):
    """Anonymous and shared pages of a process, bytes."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return 1024 * sum(int(n) for n in re.findall(r"Rss(?:Anon|Shmem):\s+(\d+)", status))


def family(pid):
    """The process and all below it."""
    out = [pid]
    try:
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            out += [q for child in task.read_text().split() for q in family(int(child))]
    except OSError:  # it has ended meanwhile
        pass
    return out


def watched(cfg, ranks, threads, status=0):
    """Run; the largest sum over a rank and its children that was ever seen, by rank."""
    proc = rig.start("run", cfg, ranks=ranks, threads=threads)
    peak, pids = {}, []
    text = []
    reader = threading.Thread(target=lambda: text.append(proc.communicate(timeout=60)))
    reader.start()
    while reader.is_alive():
        if len(pids) < max(ranks, 1):
            pids = rig.processes(proc)
        for pid in pids:
            peak[pid] = max(peak.get(pid, 0), sum(map(resident, family(pid))))
        time.sleep(0.003)
    reader.join()
    assert proc.returncode == status, text
    return list(peak.values()), text[0]


def plan(cfg, *more, status=0, threads=1, ranks=0):
    done = rig.run("plan", cfg, "--json", *more, status=status, threads=threads, ranks=ranks)
    return json.loads(done.stdout)["memory"]


def kept(peak, planned):
    figure("peak memory of a rank at most 110 % of the plan", 1, 1, f"{100 * peak / planned:.0f} % of the plan")


DEMO = ["bandpass: {band: 1..45 Hz}", "decimate: {factor: 5}"]
JOINT = ["highpass: {corner: 5 Hz}", "common_mode: {kind: median}", "decimate: {factor: 10}"]
CASES = [  # memory, chain, ranks, threads, channels, dtype, chunks
    ("256 MiB", DEMO, 2, 1, 800, "f4", None),
    ("256 MiB", JOINT, 0, 2, 600, "f4", None),
    ("1 GiB", JOINT, 2, 2, 900, "i2", (1000, 300)),
    ("1 GiB", DEMO, 0, 2, 500, "i2", (30000, 500)),  # a whole file in one chunk, as some recorders do
    ("4 GiB", DEMO, 2, 1, 1200, "f4", None),
    ("4 GiB", ["detrend: {window: span}", "decimate: {factor: 5}"], 0, 2, 1500, "f4", None)]


@pytest.mark.parametrize("memory,chain,ranks,threads,nc,dtype,chunks", CASES)
def test_no_rank_takes_more_than_planned(tmp_path, memory, chain, ranks, threads, nc, dtype, chunks):
    for k in range(4):
        hollow(tmp_path / "in" / f"f{k}.h5", 30000, nc, rig.T0 + k * 60 * rig.S, 500, dtype, chunks)
    cfg = rig.config(tmp_path / "c.yaml", [tmp_path / "in"], chain, tmp_path / "out",
                     run_=[f"memory: {memory}", "io_threads: 3"])
    said = plan(cfg, threads=threads, ranks=ranks)
    number, unit = memory.split()
    assert said["planned_bytes"] <= said["limit_bytes"] == int(number) * MIB * (1024 if unit == "GiB" else 1)
    peaks, _ = watched(cfg, ranks, threads)
    told = rig.report(tmp_path / "out")["memory"]
    assert len(peaks) == max(ranks, 1)
    assert max(peaks) <= 1.1 * said["planned_bytes"]
    assert told["planned_bytes"] == said["planned_bytes"]
    assert 0.8 * max(peaks) <= told["peak_bytes"] <= 1.1 * said["planned_bytes"]
    kept(max(peaks), said["planned_bytes"])


@pytest.mark.parametrize("ranks", [0, 2])
def test_what_cannot_fit_is_refused_before_reading(tmp_path, ranks):
    """Says how much is needed; with that much it runs, within it."""
    hollow(tmp_path / "in" / "f.h5", 30000, 1000, rig.T0, 500)
    cfg = rig.config(tmp_path / "c.yaml", [tmp_path / "in"], JOINT, tmp_path / "out",
                     run_=["memory: 64 MiB"])
    done = rig.run("run", cfg, status=5, ranks=ranks)
    said = plan(cfg, status=5)
    assert said["need_bytes"] > 64 * MIB
    need = re.search(r"([\d.]+) (MiB|GiB)", done.stderr)
    assert need and abs(float(need[1]) * (1024 if need[2] == "GiB" else 1) * MIB / said["need_bytes"] - 1) < .01
    assert "64" in done.stderr and not (tmp_path / "out" / "lanes").exists()
    assert len(rig.plain(done.stderr)) == 1
    rig.config(cfg, [tmp_path / "in"], JOINT, tmp_path / "out", run_=[f"memory: {said['need_bytes']} B"])
    peaks, _ = watched(cfg, ranks, 1)
    assert max(peaks) <= 1.1 * said["need_bytes"]
    kept(max(peaks), said["need_bytes"])


def test_plan_needs_the_same_for_any_length_of_archive(tmp_path):
    """The least a rank needs is that of one lane, not of the archive."""
    need = []
    for n in (3, 12):
        for k in range(n):
            hollow(tmp_path / "in" / f"f{k}.h5", 30000, 100, rig.T0 + k * 60 * rig.S, 500)
        cfg = rig.config(tmp_path / "c.yaml", [tmp_path / "in"], ["highpass: {corner: 5 Hz}"],
                         tmp_path / "out")
        need.append(plan(cfg)["need_bytes"])
    assert need[1] < 1.02 * need[0]


def test_a_span_that_must_be_one_lane_but_does_not_fit(tmp_path):
    """window: span over an hour is refused with what it would need, not begun."""
    for k in range(6):
        hollow(tmp_path / "in" / f"f{k}.h5", 300000, 500, rig.T0 + k * 600 * rig.S, 500)
    cfg = rig.config(tmp_path / "c.yaml", [tmp_path / "in"], ["detrend: {window: span}"], tmp_path / "out",
                     run_=["memory: 1 GiB"])
    done = rig.run("run", cfg, status=5, timeout=20)
    assert "GiB" in done.stderr and not rig.lanes(tmp_path / "out")


def test_threads_cost_what_plan_says(tmp_path):
    hollow(tmp_path / "in" / "f.h5", 30000, 500, rig.T0, 500)
    cfg = rig.config(tmp_path / "c.yaml", [tmp_path / "in"], DEMO, tmp_path / "out", run_=["memory: 1 GiB"])
    one, two = (plan(cfg, threads=n)["need_bytes"] for n in (1, 2))
    assert two > one
