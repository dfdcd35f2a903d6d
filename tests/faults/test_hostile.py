"""About 300 files that mean harm or know no better, the public damaged ones, and good files among them:
every bad one is named with a reason, every good one comes out exact, at any number of ranks; nothing
outside the folders is opened, no plug-in is loaded, no process is started."""
import re
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest

import foul
import hostile
import rig
from promises import PART, TORTURE, figure, piece, share

PUBLIC = rig.REAL / "bad"
PLUGINS = "HDF5_PLUGIN_PATH"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    top = tmp_path_factory.mktemp("hostile")
    good = rig.noise(3 * 1000, 5, 11)
    rig.archive(top / "good", good, 100, 1000)
    rig.run("run", rig.config(top / "good.yaml", [top / "good"], [], top / "alone"), status=0)
    rows = hostile.build(top / "in")
    for p in (top / "good").iterdir():
        shutil.copy(p, top / "in")
    (top / "in" / "folder.h5").mkdir()
    if PUBLIC.is_dir():
        shutil.copytree(PUBLIC, top / "in" / "public")
    return top, rows


def go(top, out, ranks=0, threads=1):
    cfg = rig.config(top / f"{out.name}.yaml", [top / "in"], [], out, run_=["memory: 512 MiB"])
    return rig.run("run", cfg, ranks=ranks, threads=threads, status=10, timeout=240)


def judge(top, rows, out, done):
    report = rig.report(out)
    inputs = {i["path"]: i for i in report["inputs"]}
    bad_chunks = {r["path"] for r in report["ledger"] if r["kind"] == "bad_chunk"}
    by_start = {}
    for p in rig.lanes(out):
        lane = rig.read_lane(p)
        by_start.setdefault(int(lane.t[0]), []).append(lane)
    wrong = []
    for path, name, want, word, samples, t0 in rows:
        row = inputs[shown(path)]
        state, said = row["state"], row["reason"] + row.get("note", "")
        lane = [x for x in by_start.get(t0, []) if samples is not None and x.y.shape == samples.shape]
        ok = {"used": state == "used", "refused": state == "refused" and said,
              "lost": state == "partly" and shown(path) in bad_chunks,
              "parted": state == "used" and row["recordings"] == 2, "odd": said, "any": True}[want] and word in said
        if ok and want in ("used", "lost"):
            ok = any(np.array_equal(x.y, samples, equal_nan=True) for x in lane)
        if not ok:
            wrong.append(f"{name}: wanted {want} {word}, got {state}: {said}")
    assert not wrong, f"{len(wrong)} of {len(rows)}:\n" + "\n".join(wrong)
    same_samples(top / "alone", out)
    for i in report["inputs"]:
        assert i["state"] in ("used", "partly", "refused") and (i["state"] == "used" or i["reason"]), i
    text = (out / "report.json").read_text() + done.stdout + done.stderr
    assert "\x1b" not in text and "\x00" not in text


def same_samples(alone, out):
    """The good files' lanes; the ledger in them may speak of other files of that time."""
    for p in rig.lanes(alone):
        a, b = rig.read_lane(p), rig.read_lane(out / p.relative_to(alone))
        assert np.array_equal(a.y, b.y) and np.array_equal(a.t, b.t) and a.attrs["inputs"] == b.attrs["inputs"]


def shown(path):
    """A path as the report says it: bytes that are not printable are escaped."""
    return "".join(c if c.isprintable() else "".join(f"\\x{b:02x}" for b in c.encode()) for c in str(path))


def test_one_run_over_all(world, tmp_path):
    """At 1, 2 and 4 ranks, with more threads, and once more: the same report of files, the same bytes."""
    top, rows = world
    assert len(rows) > 250
    first = None
    for ranks, threads in [(0, 1), (2, 2), (4, 1)]:
        out = tmp_path / f"out{ranks}"
        done = go(top, out, ranks, threads)
        judge(top, rows, out, done)
        told = [(i["path"], i["state"], i["reason"]) for i in rig.report(out)["inputs"]]
        now = (rig.digests(out), told)
        first = first or now
        assert now == first
        rig.run("verify", out, status=0)
    done = go(top, out, 2)
    judge(top, rows, out, done)
    assert rig.digests(out) == first[0]
    public = sum("/public/" in i["path"] for i in rig.report(out)["inputs"])
    figure("hostile files named, good ones exact, at 1, 2 and 4 ranks", len(rows), len(rows))
    if PUBLIC.is_dir():
        figure("public damaged files do no harm, at 1, 2 and 4 ranks", public, public)


ELSEWHERE = ("/proc/", "/sys/", "/dev/", "/usr/lib/", "/lib/", "/etc/ld.so", "/usr/share/zoneinfo/", "/usr/local/lib/")


@pytest.mark.skipif(not shutil.which("strace"), reason="no strace")
def test_nothing_else_is_opened_or_started(world, tmp_path):
    """After the config has been read: inputs, the output folder, and nothing else; no execve, no socket
    to anywhere. A folder of plug-ins is not even listed."""
    top, _ = world
    out, log, plugins = tmp_path / "out", tmp_path / "log", tmp_path / "plugins"
    plugins.mkdir()
    (plugins / "libh5evil.so").write_bytes(b"\x7fELF")
    cfg = rig.config(tmp_path / "c.yaml", [top / "in"], [], out)
    calls = "open,openat,openat2,creat,execve,execveat,connect,bind,link,linkat,rename,renameat2,unlink,unlinkat,mkdir"
    env = rig.environment(1, **{PLUGINS: str(plugins)})
    done = subprocess.run(["strace", "-f", "-qq", "-y", "-e", f"trace={calls}", "-o", str(log), str(rig.BINARY), "run",
                           str(cfg)], capture_output=True, text=True, timeout=240, env=env, errors="replace")
    assert done.returncode == 10, done.stderr
    steps = log.read_text(errors="replace").splitlines()
    start = next(k for k, s in enumerate(steps) if str(cfg) in s)
    strange = []
    for s in steps[start + 1:]:
        call = re.match(r"\d+\s+(\w+)\(", s)
        if not call:
            continue
        own = call[1] == "bind" and f'"{out}/.millrace/control"' in s  # where a run listens to `stop`
        if call[1] in ("execve", "execveat", "connect", "bind") and not own:
            strange.append(s)
        for path in re.findall(r'"((?:[^"\\]|\\.)*)"', s):
            above = call[1] == "mkdir" and str(out).startswith(path)
            counts = path.endswith(".gcda")  # of a program that is built to count its lines
            if not above and not path.startswith((str(top / "in"), str(out)) + ELSEWHERE) and path != "." and not counts:
                strange.append(s)
    strange = [s for s in strange if "resumed" not in s]
    assert not strange, "\n".join(strange[:20])
    assert str(plugins) not in "\n".join(steps[start:])
    n = len(steps) - start - 1
    figure("system calls of a run (strace): none opens or changes what is elsewhere, none starts a process", n, n)


LAYOUTS = ["prodml", "terra15", "silixa", "optodas", "apsensing", "gdr", "dasdae", "xdas", "bare"]
VALUES = [b"abc", np.nan, -1.0, 0.0, 1e300, 1e-300, np.int64(-2 ** 63), b"", b"9" * 60000, np.array([]),
          np.arange(5.0), h5py.Empty("f8"), b"\xff\xfe\x00", np.uint64(2 ** 64 - 1), -1e18]


def facts(path):
    """Every attribute, and every dataset that is not the samples."""
    out = []
    with h5py.File(path) as h:
        def visit(name, o):
            out.extend((name, a) for a in o.attrs)
            if isinstance(o, h5py.Dataset) and o.ndim < 2:
                out.append((name, None))
        visit("/", h)
        h.visititems(visit)
    return out


def spoil(path, name, attr, value):
    value = np.bytes_(value) if isinstance(value, bytes) else value
    with h5py.File(path, "r+") as h:
        if attr is not None:
            del h[name].attrs[attr]
            if value is not None:
                h[name].attrs[attr] = value
            return
        del h[name]
        if value is not None:
            h[name] = value


@pytest.mark.parametrize("layout", piece(LAYOUTS))
def test_every_fact_of_every_layout_spoilt(world, tmp_path, layout):
    """Each attribute and each small dataset taken away or given a value that makes no sense: the file is
    used or refused with a reason, its worker does not crash, the others are not touched."""
    top, _ = world
    rig.run("synth", tmp_path / "one", "--layout", layout, "--files", 1, "--file-length", "2s", "--rate", "100Hz",
            "--channels", 4, "--start", "2027-01-01T00:00:00Z", "--quiet", status=0)
    (one,) = [p for p in (tmp_path / "one").rglob("*") if h5py.is_hdf5(p)]
    (tmp_path / "in").mkdir()
    rng = np.random.default_rng(len(layout))
    n = 0
    for name, attr in facts(one):
        values = [None, *VALUES]
        if not TORTURE:
            values = [None] + [VALUES[k] for k in rng.choice(len(VALUES), 3, replace=False)]
        for value in values:
            p = tmp_path / "in" / f"{n:04d}{one.suffix}"
            shutil.copy(one, p)
            try:
                spoil(p, name, attr, value)
            except (TypeError, ValueError, OSError, RuntimeError, KeyError):
                p.unlink()  # a value that h5py cannot put there
                continue
            n += 1
    assert n >= 6
    for p in (top / "good").iterdir():
        shutil.copy(p, tmp_path / "in")
    cfg = rig.config(tmp_path / "c.yaml", [tmp_path / "in"], [], tmp_path / "out")
    rig.run("run", cfg, status=(0, 10), timeout=240)
    report = rig.report(tmp_path / "out")
    assert len(report["inputs"]) == n + 3
    reasons = [i["reason"] for i in report["inputs"] if i["state"] != "used"]
    assert all(reasons)
    assert not [r for r in reasons if "crash" in r or "ended" in r or "took" in r], reasons
    same_samples(top / "alone", tmp_path / "out")
    figure("files with one fact of their layout spoilt: judged, no crash", n, n)


def test_every_prefix_of_a_file(world, tmp_path):
    """A copy that stopped anywhere is no file."""
    top, _ = world
    whole = rig.prodml(tmp_path / "whole.h5", rig.noise(300, 4), rig.T0, 100, chunks=(100, 4), compression="gzip")
    raw = whole.read_bytes()
    (tmp_path / "in").mkdir()
    step = max(1, len(raw) // (2000 if TORTURE else 60))
    for n in range(0, len(raw), step):
        Path(tmp_path / "in" / f"{n:06d}.h5").write_bytes(raw[:n])
    cfg = rig.config(tmp_path / "c.yaml", [tmp_path / "in"], [], tmp_path / "out")
    done = rig.run("run", cfg, status=3, timeout=240)
    for i in rig.report(tmp_path / "out")["inputs"]:
        assert i["state"] == "refused" and i["reason"]
    assert done.returncode == 3
    n = len(rig.report(tmp_path / "out")["inputs"])
    figure("copies that stopped anywhere: refused", n, n)


def test_random_damage_anywhere(world, tmp_path):
    """Bytes of whole files changed at random, in all layouts: nothing but that file is concerned."""
    top, _ = world
    rng = np.random.default_rng(4 + PART)
    (tmp_path / "in").mkdir()
    count = share(200) if TORTURE else 10
    for layout in LAYOUTS:
        rig.run("synth", tmp_path / layout, "--layout", layout, "--files", 1, "--file-length", "2s", "--rate",
                "100Hz", "--channels", 4, "--start", "2027-01-01T00:00:00Z", "--quiet", status=0)
        (one,) = [p for p in (tmp_path / layout).rglob("*") if h5py.is_hdf5(p)]
        raw = one.read_bytes()
        for k in range(count):
            b = bytearray(raw)
            for at in rng.integers(0, len(b), 1 + k % 20):
                b[at] = rng.integers(256)
            (tmp_path / "in" / f"{layout}{k:03d}{one.suffix}").write_bytes(b)
    for p in (top / "good").iterdir():
        shutil.copy(p, tmp_path / "in")
    cfg = rig.config(tmp_path / "c.yaml", [tmp_path / "in"], [], tmp_path / "out")
    rig.run("run", cfg, status=(0, 10), timeout=500)
    assert len(rig.report(tmp_path / "out")["inputs"]) == count * len(LAYOUTS) + 3
    same_samples(top / "alone", tmp_path / "out")
    figure("files with bytes changed at random: judged, others exact", count * len(LAYOUTS), count * len(LAYOUTS))


def test_a_bomb_is_refused_by_name_before_anything_is_read(world, tmp_path):
    """A chunk that deflates a GiB of zeros: what it needs is known beforehand, and whose it is."""
    top, _ = world
    (tmp_path / "in").mkdir()
    for p in (top / "good").iterdir():
        shutil.copy(p, tmp_path / "in")
    bomb = rig.prodml(tmp_path / "in" / "bomb.h5", np.zeros((20, 5), "f4"), rig.T0 + 3600 * rig.S, 100)
    with h5py.File(bomb, "r+") as h:
        raw = h["Acquisition/Raw[0]"]
        attrs = dict(raw["RawData"].attrs)
        del raw["RawData"], raw["RawDataTime"]
        nt = 2 ** 26
        d = raw.create_dataset("RawData", (nt, 4), "f4", chunks=(nt, 4), compression="gzip")
        d.attrs.update(attrs)
        z = zlib.compressobj(1)
        body = b"".join(z.compress(bytes(1 << 20)) for _ in range(1 << 10)) + z.flush()
        d.id.write_direct_chunk((0, 0), body)
        d.attrs["PartStartTime"] = np.bytes_("2026-01-01T01:00:00Z")
        d.attrs["PartEndTime"] = np.bytes_("2026-01-08T19:24:48.630Z")  # 2^26 - 1 samples of 10 ms later
    cfg = rig.config(tmp_path / "c.yaml", [tmp_path / "in"], [], tmp_path / "out")
    # its parent's memory counts for a process until it calls exec: so one that is small starts it
    starter = ("import resource, subprocess, sys\n"
               "status = subprocess.run(sys.argv[1:]).returncode\n"
               "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
               "sys.exit(status)")
    done = subprocess.run([sys.executable, "-c", starter, *rig.command("run", cfg)], capture_output=True,
                          text=True, env=rig.environment())
    assert done.returncode == 10 and "bomb.h5" in done.stderr and "a chunk of it is 1.0 GiB" in done.stderr, done.stderr
    mib = int(done.stdout.split()[-1]) / 1024  # the largest of all its processes
    assert mib < 100
    figure("a chunk that inflates to a GiB is refused by name before it is read", 1, 1, f"{mib:.0f} MiB taken")
    assert {i["state"] for i in rig.report(tmp_path / "out")["inputs"] if not i["path"].endswith("bomb.h5")} == {"used"}
    assert rig.lanes(tmp_path / "out")  # of the others
