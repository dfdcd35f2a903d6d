"""Hosts and a Slurm of the test's own, by tests/tools/hosts.sh and slurm.sh."""
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import rig

TOOLS = rig.ROOT / "tests" / "tools"
RATE, NC, LANES = 200, 16, 40  # a lane is a minute, 0.8 MB
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

    def mpirun(self, hosts, slots, *args, options=(), ranks=None, **env):
        """Start millrace ARGS on the hosts (a list), `slots` ranks on each, or `ranks` in all."""
        where = ",".join(map(str, hosts))
        command = [TOOLS / "hosts.sh", "mpirun", self.dir, where, str(slots), *options]
        command += ["-n", str(ranks or slots * len(hosts)), *rig.exported(env), rig.BINARY, *args]
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
