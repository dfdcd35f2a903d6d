"""SIGKILL at random moments: of a random rank, of mpirun, of everything, over ranks and threads, and again
while the run recovers from it. Rerun until done: the same bytes, and at no time a file under its final
name that is not whole."""
import os
import random
import subprocess
import time

import pytest

import foul
import rig
from promises import PART, TORTURE, figure, share

KILLS = {"samples": share(140) if TORTURE else 5, "sums": share(60) if TORTURE else 3}  # whole runs have twenty more
LAUNCHES = [(0, 1), (0, 2), (1, 1), (2, 1), (2, 2), (4, 1), (4, 2)]
SAMPLES = ["bandpass: {band: 5..30 Hz, order: 8}", "decimate: {factor: 2}"]
SUMS = [f"correlate: {{sources: {list(range(0, 120, 10))}, window: 5 s, max_lag: 1 s, stack: all}}"]


@pytest.fixture(scope="module", params=["samples", "sums"])
def world(tmp_path_factory, request):
    """Twelve lanes of samples; as many of sums, a span each, that are merged in two pieces. A second or so."""
    top = tmp_path_factory.mktemp("kills")
    data = rig.noise(700 * 100, 120)
    chain = SAMPLES
    if request.param == "samples":
        rig.archive(top / "in", data, 100, 2500, rig.T0 + 10 * rig.S)
    else:
        chain = SUMS
        for i in range(12):
            rig.archive(top / "in", data[i * 5800:(i + 1) * 5800], 100, 2900, rig.T0 + i * 60 * rig.S)
    reference = rig.config(top / "r.yaml", [top / "in"], chain, top / "reference")
    rig.run("run", reference, status=0)
    wall = {}
    for ranks, threads in LAUNCHES:
        out = top / f"w{ranks}-{threads}"
        cfg = rig.config(top / f"{out.name}.yaml", [top / "in"], chain, out)
        t0 = time.monotonic()
        rig.run("run", cfg, ranks=ranks, threads=threads, status=0)
        wall[ranks, threads] = time.monotonic() - t0
    assert len(rig.lanes(top / "reference")) == 12
    return top, chain, rig.digests(top / "reference"), wall, KILLS[request.param]


def helpers(ranks):
    """The zygotes and workers of ranks."""
    found, parents = [], set(ranks)
    for _ in range(3):
        parents = {p for p in map(int, filter(str.isdigit, os.listdir("/proc"))) if rig.parent_of(p) in parents}
        found += parents
    return found


def strike(rng, proc):
    """Kill a rank, the launcher, a helper, or all that was started; what it was."""
    ranks = rig.processes(proc)
    if proc.poll() is not None or not ranks:
        return None
    which = rng.choice(["rank", "rank", "launcher", "everything", "helper"])
    victims = {"rank": [rng.choice(ranks)], "launcher": [proc.pid], "everything": [proc.pid, *ranks],
               "helper": helpers(ranks)[-1:] or ranks}[which]
    rig.kill(victims)
    return which


def ended(proc, hit):
    """Wait for the end; True where only the launcher was left. Open MPI 4.1.4's mpirun now and then waits
    for ever for a lock of its own (PMIx_server_finalize) when a rank dies while MPI starts."""
    for _ in range(foul.TIMEOUT_S // 10):
        try:
            proc.communicate(timeout=10)
            return False
        except subprocess.TimeoutExpired:
            if hit and proc.poll() is None and not rig.processes(proc):
                rig.kill([proc.pid])
                proc.communicate()
                return True
    tree = [proc.pid, *rig.children(proc.pid)]
    who = "\n".join(f"{p} {rig.name_of(p)} {rig.waits_in(p)}" for p in tree)
    rig.kill(tree)
    raise AssertionError(f"hangs after the death of {hit}:\n{who}")


def test_kills_at_random_moments(world, tmp_path):
    top, chain, want, wall, planned = world
    rng = random.Random(int(os.environ.get("MILLRACE_SEED", "0")) + PART)
    out = tmp_path / "out"
    cfg = rig.config(tmp_path / "c.yaml", [top / "in"], chain, out)
    kills = again = stuck = 0
    while kills < planned:
        ranks, threads = rng.choice(LAUNCHES)
        proc = rig.start("run", cfg, ranks=ranks, threads=threads)
        time.sleep(rng.uniform(0.02, 1.1 * wall[ranks, threads]))
        hit = strike(rng, proc)
        foul.no_debris(out, want)  # others may still be at work
        stuck += ended(proc, hit)
        assert proc.returncode in (0, 6, 75) or hit, proc.returncode
        foul.no_debris(out, want)
        if (out / "index.csv").exists():
            assert {k: v for k, v in rig.digests(out).items() if not k.endswith(".part")} == want
        if hit:
            kills += 1
            again += (out / "lanes").exists()
        else:
            wall[ranks, threads] *= 0.8  # it had ended: measured while the machine did something else
        if rng.random() < 0.3 or (proc.returncode == 0 and not hit):
            finish(cfg, out, want, ranks)
            rig.fresh(out)
    finish(cfg, out, want, 0)
    figure("SIGKILL at random moments: rerun gives the same bytes", kills, kills)
    if stuck:
        figure("a rank killed while MPI starts, mpirun hangs and is ended: rerun gives the same bytes", stuck, stuck)
    figure("SIGKILL while recovering from another: rerun gives the same bytes", again, again)


def finish(cfg, out, want, ranks):
    """A rank that outlived mpirun may hold the folder for a second or two: then it is waited for."""
    for _ in range(4):
        done = rig.run("run", cfg, ranks=ranks, status=(0, 6))
        if done.returncode == 0:
            break
    assert done.returncode == 0 and rig.digests(out) == want, done.stderr
    assert not list(out.rglob("*.part"))
    rig.run("verify", out, status=0)
