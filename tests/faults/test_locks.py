"""Runs that want one folder at the same time: one works, the others leave with status 6 within the five
seconds that they wait; where the one that works is killed, exactly one of them goes on in its place."""
import random
import signal
import time

import pytest

import foul
import rig
from promises import TORTURE

TRIALS = 50 if TORTURE else 2
READ_MB_S = 0.01  # a run takes half a minute then


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return foul.world(tmp_path_factory.mktemp("locks"))


@pytest.fixture(scope="module")
def slow(tmp_path_factory):
    return rig.slow_disk(tmp_path_factory.mktemp("slow"))


def contend(world, out, slow, n):
    """n runs started at once."""
    cfg = world.config(out)
    return cfg, [rig.start("run", cfg, **slow(READ_MB_S)) for _ in range(n)]


def holder(out, runs):
    """The run whose process is in the lock."""
    def known():
        try:
            lines = (out / ".millrace" / "lock").read_text().splitlines()
        except OSError:
            return None
        pids = [int(x.split()[1]) for x in lines if x.startswith("pid ")]
        return next((r for r in runs if r.pid in pids), None)
    return rig.wait_for(known, "lock")


def left(runs, n, seconds):
    """Wait until n have ended."""
    rig.wait_for(lambda: sum(r.poll() is not None for r in runs) >= n, f"{n} that have ended", seconds)
    return [r for r in runs if r.poll() is not None]


def end(runs):
    for r in runs:
        rig.kill([r.pid])
        r.communicate(timeout=20)


def test_one_works_the_others_leave(world, slow, tmp_path):
    def one(k):
        out, rng = tmp_path / f"o{k}", random.Random(k)
        began = time.monotonic()
        cfg, runs = contend(world, out, slow, rng.randint(2, 4))
        try:
            gone = left(runs, len(runs) - 1, 12)
            assert time.monotonic() - began < 9
            assert len(gone) == len(runs) - 1, "none is left at work"
            for r in gone:
                said = r.communicate()[1]
                assert r.returncode == 6 and str(out) in said, said
            (works,) = [r for r in runs if r.poll() is None]
            assert works is holder(out, runs)
            rig.kill([works.pid], rng.choice([signal.SIGTERM, signal.SIGKILL]))
            works.communicate(timeout=20)
        finally:
            end(runs)
        foul.finishes(cfg, out, world.want)

    foul.both(one, range(TRIALS), "2 to 4 runs on one folder: one works, the others leave with 6")


def test_one_goes_on_where_the_holder_is_killed(world, slow, tmp_path):
    def one(k):
        out, rng = tmp_path / f"o{k}", random.Random(k)
        cfg, runs = contend(world, out, slow, 3)
        try:
            first = holder(out, runs)
            time.sleep(rng.uniform(0, 3))
            rig.kill([first.pid])
            others = [r for r in runs if r is not first]
            (gone,) = left(others, 1, 15)
            assert gone.returncode == 6, gone.communicate()
            (works,) = [r for r in others if r.poll() is None]
            assert works is holder(out, others)
        finally:
            end(runs)
        foul.finishes(cfg, out, world.want)

    foul.both(one, range(TRIALS // 2), "the holder of a folder killed: exactly one of those that wait goes on")
