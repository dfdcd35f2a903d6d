"""Disks that are full, and limits to the size of files: the real ones, beside those that faulty.so plays.
The run says so with status 4; with room the same command gives the same bytes."""
import resource
import shutil
import subprocess

import pytest

import foul
import rig
from promises import TORTURE

PAGE = 4096
SCRIPT = r'''
mount -t tmpfs -o size="$SIZE" none "$OUT" || exit 99
"$BIN" run "$CFG"; status=$?
cp -a "$OUT/." "$COPY.full"
mount -o remount,size=64m "$OUT" && "$BIN" run "$CFG" || exit 98
cp -a "$OUT/." "$COPY"
exit $status
'''


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return foul.world(tmp_path_factory.mktemp("full"))


@pytest.fixture(scope="module")
def mounts(tmp_path_factory):
    place = tmp_path_factory.mktemp("mount")
    done = subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "-o", "size=64k", "none", place],
                          capture_output=True, text=True)
    if done.returncode:
        pytest.skip("a tmpfs cannot be mounted here: " + done.stderr.strip())


def told_of(done, folder):
    assert any(str(folder) in line for line in foul.talk(done)), done.stderr


def test_a_full_disk(world, mounts, tmp_path):
    """A tmpfs of so many pages, from almost nothing to just enough."""
    need = sum(-(-p.stat().st_size // PAGE) + 1 for p in world.reference.rglob("*"))

    def one(pages):
        out, copy = tmp_path / f"o{pages}", tmp_path / f"c{pages}"
        out.mkdir()
        copy.mkdir()
        full = copy.with_suffix(".full")
        full.mkdir()
        env = rig.environment(1, SIZE=str(pages * PAGE), OUT=str(out), COPY=str(copy), BIN=str(rig.BINARY),
                              CFG=str(world.config(out)))
        done = subprocess.run(["unshare", "-m", "sh", "-c", SCRIPT], env=env, capture_output=True, text=True,
                              timeout=2 * foul.TIMEOUT_S)
        assert done.returncode in (0, 4), done.stderr
        if done.returncode:
            told_of(done, out)
        foul.no_debris(full, world.want)
        assert rig.digests(copy) == world.want and not list(copy.rglob("*.part"))
        for folder in (out, copy, full):
            shutil.rmtree(folder)

    assert need > 20
    sizes = range(2, need + 4, 1 if TORTURE else need // 4)
    foul.both(one, sizes, "a full disk (tmpfs): status 4, with room the same bytes")


def test_a_limit_to_the_size_of_files(world, tmp_path):
    """ulimit -f: the signal for it does not kill."""
    largest = max(p.stat().st_size for p in world.reference.rglob("*"))

    def one(limit):
        out = tmp_path / f"o{limit}"
        cfg = world.config(out)
        done = subprocess.run(rig.command("run", cfg), env=rig.environment(1), capture_output=True, text=True,
                              timeout=foul.TIMEOUT_S,
                              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
        foul.clean_end(done, {4})
        told_of(done, out)
        foul.no_debris(out, world.want)
        foul.finishes(cfg, out, world.want)

    limits = range(0, largest, largest // (200 if TORTURE else 3))
    foul.both(one, limits, "a limit to the size of files: status 4, without it the same bytes")
