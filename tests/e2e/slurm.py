"""A private Slurm of one node under a folder: munged, slurmctld, slurmd. Nothing under /etc is used."""
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

DAEMONS = ("munged", "slurmctld", "slurmd")


def missing():
    """Why there can be none here, or None."""
    gone = [name for name in (*DAEMONS, "sbatch") if not shutil.which(name, path=search_path())]
    if gone:
        return "not installed: " + " ".join(gone)
    return None if os.geteuid() == 0 else "only root may start it"


def search_path():
    return os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Slurm:
    def __init__(self, folder):
        self.dir = Path(folder)
        self.pids = []
        for name in ("etc", "run", "log", "state", "spool", "tmp"):
            (self.dir / name).mkdir(parents=True)
        self.dir.chmod(0o755)
        self.env = dict(os.environ, PATH=search_path(), SLURM_CONF=str(self.dir / "etc/slurm.conf"),
                        OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
        for key in [k for k in self.env if k.startswith(("OMPI_MCA_", "SLURM_")) and k != "SLURM_CONF"]:
            del self.env[key]

    def config(self):
        host, d = socket.gethostname().split(".")[0], self.dir
        (d / "etc/slurm.conf").write_text(f"""ClusterName=millrace
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={free_port()}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={d}/run/munge.socket
CredType=cred/munge
StateSaveLocation={d}/state
SlurmdSpoolDir={d}/spool
TmpFS={d}/tmp
SlurmctldPidFile={d}/run/slurmctld.pid
SlurmdPidFile={d}/run/slurmd.pid
SlurmctldLogFile={d}/log/slurmctld.log
SlurmdLogFile={d}/log/slurmd.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0
ReturnToService=2
KillWait=5
InactiveLimit=0
JobRequeue=1
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={free_port()} CPUs=2 RealMemory=4000
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
""")

    def start(self):
        d = self.dir
        (d / "etc/munge.key").write_bytes(os.urandom(1024))
        (d / "etc/munge.key").chmod(0o600)
        self.config()
        self.daemon("munged", "munged", "--force", f"--key-file={d}/etc/munge.key",
                    f"--socket={d}/run/munge.socket", f"--pid-file={d}/run/munged.pid",
                    f"--log-file={d}/log/munged.log", f"--seed-file={d}/run/munge.seed")
        self.daemon("slurmctld", "slurmctld", "-f", self.env["SLURM_CONF"])
        self.daemon("slurmd", "slurmd", "-f", self.env["SLURM_CONF"], "-N", "n1")
        self.wait_for(lambda: self.call("sinfo", "-h", "-o", "%T").strip() == "idle", 30, "an idle node")

    def daemon(self, name, *command):
        subprocess.run(command, env=self.env, check=True, capture_output=True, timeout=30)
        pid = self.dir / "run" / f"{name}.pid"
        self.wait_for(lambda: pid.exists() and pid.read_text().strip(), 10, name)
        self.pids.append(int(pid.read_text()))

    def stop(self):
        subprocess.run(["scancel", "-f", "-u", "root"], env=self.env, capture_output=True, timeout=30)
        time.sleep(1)
        for pid in reversed(self.pids):
            try:
                os.kill(pid, signal.SIGTERM)
            except ProcessLookupError:
                pass

    def call(self, *command):
        done = subprocess.run(list(map(str, command)), env=self.env, capture_output=True, text=True,
                              timeout=30)
        return done.stdout

    def job(self, number):
        """The job's fields as scontrol shows them."""
        text = self.call("scontrol", "show", "job", number)
        return dict(part.split("=", 1) for part in text.split() if "=" in part)

    def wait_for(self, fact, seconds, what):
        end = time.monotonic() + seconds
        while not fact():
            assert time.monotonic() < end, f"waited {seconds} s for {what}"
            time.sleep(0.1)
