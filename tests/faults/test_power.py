"""Power failures: of a recorded run only what was synced is kept, and any part of the rest. Every lane
file that has its final name is whole, and the same command finishes with the same bytes."""
import random
import shutil

import pytest

import crash
import foul
import rig
from promises import PART, TORTURE, figure, share

STATES = share(400) if TORTURE else 60
PROMISE = "crash states of a power failure: whole, and finished with the same bytes"


@pytest.fixture(scope="module", params=["plain", "deflate", "result"])
def world(request, tmp_path_factory):
    how = {"deflate": dict(more=["compress: deflate"]), "result": dict(chain=foul.SUMS)}
    return foul.world(tmp_path_factory.mktemp("power"), **how.get(request.param, {}))


def record(w, out, log, ranks=0):
    cfg = w.config(out)
    rig.run("run", cfg, status=0, ranks=ranks, **foul.preload("recorder", RECORD_UNDER=out, RECORD_TO=log))
    assert rig.digests(out) == w.want
    return cfg, crash.records(log)


def check(w, cfg, out, what):
    """What is left is whole, said to be unfinished if it is, and finishes with the same bytes."""
    try:
        foul.no_debris(out, w.want)
        if (out / "index.csv").exists():
            done = rig.run("verify", out, status=(0, 7, 75))  # 75: not finished, what is there is whole
            said = done.stdout.splitlines()
            assert done.returncode != 7 or all("left over" in x for x in said[:-1]), done.stdout
        foul.finishes(cfg, out, w.want)
    except AssertionError as e:
        raise AssertionError(f"{what}: {e}") from e


def test_replay_of_what_was_synced(world, tmp_path):
    out = tmp_path / "out"
    cfg, steps = record(world, out, tmp_path / "log")
    assert sum(s[0] == "fsync" for s in steps) > 8
    full = crash.Disk(out)
    for s in steps:
        full.play(s)
    shutil.rmtree(out)
    full.leave(out, "all", random.Random(1))  # the replay itself loses nothing
    assert rig.digests(out) == world.want
    full = crash.Disk(out)
    for s in steps:
        full.play(s)
    shutil.rmtree(out)
    full.leave(out, "synced", random.Random(1))  # nor does a run that came to its end
    assert rig.digests(out) == world.want
    for point, kind, disk, rng in crash.states(steps, out, STATES, PART):
        shutil.rmtree(out, ignore_errors=True)
        disk.leave(out, kind, rng)
        check(world, cfg, out, f"step {point} of {len(steps)} ({steps[point - 1][:3]}), {kind}")
    figure(PROMISE, STATES, STATES)


def test_replay_of_a_run_that_resumes(world, tmp_path):
    """The second run finds one lane, a damaged one and leftovers; its own steps are cut too."""
    out, base = tmp_path / "out", tmp_path / "base"
    shutil.copytree(world.reference, base)
    (base / "index.csv").unlink()
    lanes = rig.lanes(base)
    lanes[1].write_bytes(lanes[1].read_bytes()[:-100])
    (lanes[0].parent / (lanes[0].name + ".1-0123456789abcdef.part")).write_bytes(b"x" * 600)
    damaged = {str(p.relative_to(base)) for p in [lanes[1]]}

    def restore():
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(base, out)

    restore()
    cfg, steps = record(world, out, tmp_path / "log")
    before = prepared(base, out)
    for point, kind, disk, rng in crash.states(before + steps, out, STATES // 2, 100 + PART, len(before)):
        shutil.rmtree(out, ignore_errors=True)
        disk.leave(out, kind, rng)
        for name in damaged:  # as it was, or as it will be
            p = out / name
            if p.exists() and rig.digests(out)[name] != world.want[name]:
                assert p.read_bytes() == (base / name).read_bytes()
                p.unlink()
        check(world, cfg, out, f"step {point}, {kind}")
    figure(PROMISE, STATES // 2, STATES // 2)


def prepared(base, out):
    """Steps that lead to the folder as it was before the recorded run, all of it on disk."""
    steps = []
    for p in sorted(base.rglob("*")):
        to = str(out / p.relative_to(base))
        steps.append(("mkdir" if p.is_dir() else "create", to, "", 0, b""))
        if p.is_file():
            steps += [("write", to, "", 0, p.read_bytes()), ("fsync", to, "", 0, b"")]
    folders = [out] + [out / p.relative_to(base) for p in base.rglob("*") if p.is_dir()]
    return steps + [("fsync", str(f), "", 0, b"") for f in folders]
