"""Hosts and a Slurm of the test's own (tests/tools/hosts.sh, slurm.sh), slow inputs, and an archive with
what an undisturbed run makes of it. Skipped, with the reason, where the machine does not allow them."""
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

import rig

TOOLS = rig.ROOT / "tests" / "tools"
JOBS = rig.ROOT / "jobs"
RATE, NC, LANES = 200, 32, 20
CHAIN = ["bandpass: {band: 20..60 Hz, order: 8}", "decimate: {factor: 2}"]


class Hosts:
    """n1 .. nN, each with a network and a name of its own."""

    def __init__(self, n):
        self.dir = Path(tempfile.mkdtemp(prefix="mr", dir="/tmp"))  # short: sockets lie below it
        self.top = subprocess.Popen([TOOLS / "hosts.sh", "run", self.dir, str(n)],
                                    stdin=subprocess.PIPE)
        up = lambda: (self.dir / "ready").exists() or self.top.poll() is not None
        rig.wait_for(up, "hosts")
        assert self.top.poll() is None, "hosts.sh has ended"

    def close(self):
        self.top.stdin.close()
        self.top.wait(timeout=20)
        shutil.rmtree(self.dir, ignore_errors=True)

    def cut(self, host):
        subprocess.run([TOOLS / "hosts.sh", "cut", self.dir, str(host)], check=True)

    def heal(self, host):
        subprocess.run([TOOLS / "hosts.sh", "heal", self.dir, str(host)], check=True)

    def mpirun(self, hosts, slots, *args, options=(), **env):
        """Start millrace ARGS on the hosts (a list), `slots` ranks on each."""
        where = ",".join(map(str, hosts))
        command = [TOOLS / "hosts.sh", "mpirun", self.dir, where, str(slots), *options]
        command += ["-n", str(slots * len(hosts)), *rig.exported(env), rig.BINARY, *args]
        return subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, errors="replace",
                                env=rig.environment(1, **env), start_new_session=True)


class Cluster(Hosts):
    """The hosts as nodes of a Slurm, with more CPUs than there are: the jobs mostly sleep."""

    def __init__(self, n):
        super().__init__(n)
        subprocess.run([TOOLS / "slurm.sh", "start", self.dir, str(n), "16"], check=True, timeout=60)

    def do(self, *command, env=None, check=True, cwd=None):
        done = subprocess.run([TOOLS / "slurm.sh", "on", self.dir, *map(str, command)], text=True,
                              capture_output=True, env=env, timeout=60, cwd=cwd)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def submit(self, script, *options, cwd, args=(), **env):
        """sbatch as a user would; the job's id."""
        base = rig.environment(1, **{k: str(v) for k, v in env.items()})
        del base["OMP_NUM_THREADS"], base["OMPI_MCA_hwloc_base_binding_policy"]  # the script's business
        return self.do("sbatch", "--parsable", *options, script, *args, env=base, cwd=cwd).strip()

    def state(self, job):
        """Fields of scontrol: JobState, Restarts, ExitCode, ..."""
        text = self.do("scontrol", "show", "job", "-o", job)
        return dict(word.split("=", 1) for word in text.split() if "=" in word)

    def wait(self, job, seconds=150):
        """Until it has ended: the fields then."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            fields = self.state(job)
            if fields["JobState"] in ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL"):
                return fields
            time.sleep(0.2)
        raise AssertionError(f"job {job} has not ended after {seconds} s: {fields}")


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
    lib = tmp_path_factory.mktemp("slow") / "slow_disk.so"
    cc = next((c for c in ("cc", "gcc", "clang") if shutil.which(c)), None)
    if not cc:
        pytest.skip("no C compiler for tests/tools/slow_disk.c")
    subprocess.run([cc, "-shared", "-fPIC", "-O1", "-o", lib, TOOLS / "slow_disk.c", "-ldl"], check=True)
    return lambda mb_s, **more: dict(LD_PRELOAD=str(lib), SLOW_MB_S=str(mb_s), **more)


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """An archive of 20 lanes of a minute (30 MB) over the end of January 2026, in files of 50 s, and the
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


def torture():
    return os.environ.get("MILLRACE_TORTURE", "") not in ("", "0")
