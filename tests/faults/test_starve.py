"""Memory that fails in any library: libhdf5 and MPI may crash then, and so may the run, but never a result:
what has its final name is whole, and with memory the same command gives the same bytes."""
import random
import resource
import subprocess
from pathlib import Path

import h5py
import pytest

import foul
import rig
from promises import TORTURE

PROMISE = "memory fails in any library, or the address space ends: results whole, rerun the same bytes"
TRIALS = 300 if TORTURE else 6
CHAINS = {"samples": foul.CHAIN, "rows": ["psd: {segment: 64, interval: 20 s}"], "result": foul.SUMS}


@pytest.fixture(scope="module", params=CHAINS)
def world(tmp_path_factory, request):
    return foul.world(tmp_path_factory.mktemp("starve"), chain=CHAINS[request.param])


def keys(value):
    return sorted(value) if isinstance(value, dict) else type(value)


def made_from(lane):
    with h5py.File(lane) as h:
        return set(h.attrs["inputs"].splitlines()), int(h["ledger"].attrs["n_entries"])


def says_what_it_lacks(lane, reference):
    """A lane made without a file, or a part of one, names what it was made from and what was odd."""
    if not reference.exists():  # its first file is missing, so it begins later
        return made_from(lane)[0] < set.union(*(made_from(p)[0] for p in rig.lanes(reference.parents[2])))
    mine, entries = made_from(lane)
    all_of_them, odd = made_from(reference)
    return mine < all_of_them or entries > odd


def judge(world, cfg, out, status, ranks=0):
    """A file that libhdf5 could not open for want of memory is a file lost, and is named in the lane and in
    the report, unless a library crashes before; else every result is that of an undisturbed run."""
    report = out / "report.json"
    lost = report.exists() and [i for i in rig.report(out)["inputs"] if i["state"] != "used" and i["reason"]]
    if status in (3, 10):
        assert lost
    elif status == 0:
        foul.no_debris(out, world.want)
    elif not lost:
        for name, digest in rig.digests(out).items():
            if not name.endswith(".part") and digest != world.want.get(name):
                assert "lanes/" in name and says_what_it_lacks(out / name, world.reference / name), name
    if status == 0:  # what is told of it is whole as well
        plan = Path(".millrace") / "plan.json"
        assert (out / plan).read_bytes() == (world.reference / plan).read_bytes()
        told, wanted = rig.report(out), rig.report(world.reference)
        assert {k: keys(v) for k, v in told.items()} == {k: keys(v) for k, v in wanted.items()}
    foul.finishes(cfg, out, world.want, ranks=ranks)


@pytest.mark.parametrize("how", ["once", "good"])
@pytest.mark.parametrize("ranks", [0, 2])
def test_any_allocation_fails(world, tmp_path, how, ranks):
    log = tmp_path / "log"
    rig.run("run", world.config(tmp_path / "count"), status=0, **foul.preload("starve", STARVE_LOG=log))
    n = max(map(int, log.read_text().split()))
    assert n > 5000
    rng = random.Random(ranks)

    def one(at):
        out = tmp_path / f"o{at}"
        cfg = world.config(out)
        done = rig.run("run", cfg, ranks=ranks, timeout=foul.TIMEOUT_S,
                       **foul.preload("starve", STARVE_AT=at, STARVE_FOR=how))
        judge(world, cfg, out, done.returncode, ranks)

    tried = rng.sample(range(1, n), TRIALS // (2 if ranks else 1))
    if how == "once" and not ranks:
        tried += range(n - 500, n, 1 if TORTURE else 50)  # where plan, report and index are written
    foul.both(one, tried, PROMISE)


def test_the_address_space_ends(world, tmp_path):
    """ulimit -v from too little to start to more than enough."""
    def one(limit):
        out = tmp_path / f"o{limit}"
        cfg = world.config(out)
        done = subprocess.run(rig.command("run", cfg), env=rig.environment(1), capture_output=True,
                              timeout=foul.TIMEOUT_S,
                              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))
        judge(world, cfg, out, done.returncode)

    limits = range(20 << 20, 1500 << 20, (1480 << 20) // TRIALS)
    foul.both(one, limits, PROMISE)
