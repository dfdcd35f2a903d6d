"""What the tests of faults share: a small archive with its uninterrupted result, launches with a preload,
and the judge of what a disturbed run left behind."""
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import rig
from promises import STEP, figure, piece

PRELOADS = rig.BINARY.parent / "tests"
CHAIN = ["bandpass: {band: 5..15 Hz}", "decimate: {factor: 2}"]
SUMS = ["psd: {segment: 64, interval: all}"]  # lanes hold sums, which are merged into result.h5
RATE, NC = 50, 8
RUN = ["memory: 256 MiB", "io_threads: 1"]
TIMEOUT_S = 60


def small_archive(folder, chunked=True):
    """Four files of 45 s over two lanes; chunked and contiguous by turns, so that every way of reading
    is tried."""
    data = rig.noise(170 * RATE, NC)
    for i in range(4):
        part = data[i * 45 * RATE:(i + 1) * 45 * RATE]
        t = rig.T0 + 10 * rig.S + i * 45 * rig.S
        how = dict(chunks=(500, NC), compression="gzip", fletcher32=True) if chunked and i % 2 else {}
        rig.prodml(folder / rig.name_at(t), part, t, RATE, **how)


def world(top, name="in", more=(), chunked=True, chain=CHAIN):
    """Archive, what an uninterrupted run makes of it, and a way to write configs for other folders."""
    top = Path(top)
    files = top / name
    if not files.exists():
        small_archive(files, chunked)

    def config(out):
        return rig.config(Path(out).parent / (Path(out).name + ".yaml"), [files], chain, out,
                          output_=list(more), run_=RUN)

    reference = top / ("reference" + ("-z" if more else ""))
    rig.run("run", config(reference), status=0)
    return SimpleNamespace(top=top, files=files, config=config, want=rig.digests(reference),
                           reference=reference)


def preload(lib, **env):
    path = PRELOADS / f"{lib}.so"
    assert path.exists(), f"{path} is not built: make faultlibs"
    return dict(LD_PRELOAD=str(path), **{k: str(v) for k, v in env.items()})


def fault(under, at, call="any", error="EIO", how="once", log="", **more):
    return preload("faulty", FAULTY_UNDER=under, FAULTY_CALL=call, FAULTY_AT=at, FAULTY_ERROR=error,
                   FAULTY_FOR=how, FAULTY_LOG=log, **more)


def lines(log):
    """What a log of faulty.so says."""
    raw = Path(log).read_bytes() if Path(log).exists() else bytes(8)
    n = int.from_bytes(raw[:8], "little")
    assert n <= len(raw) - 8, "the log is too short for this run"
    return raw[8:8 + n].decode(errors="replace").splitlines()


def picked(n, step=None, phase=0):
    """Which of the indices 1..n are tried."""
    step = step or STEP
    return list(range(1 + phase % step, n + 1, step))


def both(task, items, promise=None):
    """task(item) for all of this piece, two at a time; every failure is told, not only the first.
    promise: the row of the table of figures that they count for."""
    items = piece(items)

    def guarded(item):
        try:
            task(item)
            return None
        except Exception as e:  # noqa: BLE001
            return f"{item}: {type(e).__name__}: {str(e)[-1500:]}"
    with ThreadPoolExecutor(2) as pool:
        bad = [e for e in pool.map(guarded, items) if e]
    if promise:
        figure(promise, len(items) - len(bad), len(items))
    assert not bad, f"{len(bad)} of {len(items)}:\n" + "\n".join(bad[:8])


def talk(done):
    """Our own lines on stderr."""
    return [x for x in done.stderr.splitlines() if re.match(r"millrace(\[\d+\])?: ", x)]


def no_debris(out, want):
    """Whatever has a final name has the bytes of the uninterrupted run."""
    for name, digest in rig.digests(out).items():
        if not name.endswith(".part"):
            assert digest == want[name], f"{name} is not what it should be"


def clean_end(done, statuses):
    assert done.returncode in statuses, f"status {done.returncode}\n{done.stdout}\n{done.stderr}"


def finishes(cfg, out, want, **how):
    """The same command again, undisturbed: the same bytes, nothing left over."""
    done = rig.run("run", cfg, status=0, timeout=TIMEOUT_S, **how)
    assert rig.digests(out) == want, "the rerun gave other bytes\n" + done.stderr
    left = [p for p in Path(out).rglob("*") if p.suffix in (".part", ".tmp") or "lock" in p.name]
    assert not left, left
    shutil.rmtree(out)
