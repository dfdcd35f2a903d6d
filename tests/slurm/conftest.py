"""Fixtures: hosts, a Slurm, slow inputs, an archive with what an undisturbed run makes of it. Skipped,
with the reason, where the machine does not allow them."""
import subprocess

import pytest

import rig
from cluster import CHAIN, LANES, NC, RATE, TOOLS, Cluster, Hosts


def possible(tool):
    done = subprocess.run([TOOLS / tool, "can"], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"not tested here: {done.stdout.strip()}")


@pytest.fixture(scope="module")
def hosts():
    """Three hosts without Slurm."""
    possible("hosts.sh")
    h = Hosts(3)
    yield h
    h.close()


@pytest.fixture(scope="module")
def cluster():
    """Slurm on two nodes."""
    possible("hosts.sh")
    possible("slurm.sh")
    c = Cluster(2)
    yield c
    c.close()


@pytest.fixture(scope="session")
def slow(tmp_path_factory):
    """Environment that makes inputs slow: slow(MB/s of each reading thread)."""
    return rig.slow_disk(tmp_path_factory.mktemp("slow"))


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """An archive of 40 lanes of a minute (30 MB) over the end of January 2026, in files of 50 s, and the
    bytes an undisturbed run makes of it."""
    top = tmp_path_factory.mktemp("whole")
    t0 = rig.T0 + (31 * 86400 - LANES // 2 * 60) * rig.S
    rig.archive(top / "in", rig.noise(LANES * 60 * RATE, NC), RATE, 50 * RATE, t0)
    cfg = rig.config(top / "c.yaml", [top / "in"], CHAIN, top / "reference")
    rig.run("run", cfg, status=0)
    want = rig.digests(top / "reference")
    assert len(rig.lanes(top / "reference")) == LANES
    return top, want


@pytest.fixture
def job(whole, tmp_path):
    """A config over that archive whose output is the test's own: (config, folder, wanted bytes)."""
    top, want = whole
    out = tmp_path / "out"
    cfg = rig.config(tmp_path / "c.yaml", [top / "in"], CHAIN, out, run_=["memory: 256 MiB"])
    return cfg, out, want
