"""jobs/*.sbatch as they are, under a Slurm of two nodes: stopped before the time limit, queued again,
finished, the same bytes as an undisturbed run. The three edits a user makes are options of sbatch and
environment here. MILLRACE_TORTURE=1 does everything under both launchers, again and again."""
import os
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

import rig
from cluster import CHAIN
from promises import TORTURE, figure

JOBS = rig.ROOT / "jobs"

SIZE = ["--nodes=2", "--ntasks=4", "--ntasks-per-node=2", "--cpus-per-task=1", "--mem-per-cpu=900"]
BOTH = ["srun", "mpirun"]


def script(folder, launcher, name="millrace.sbatch"):
    """The script with the launcher that it offers for sites without pmix taken instead."""
    text = (JOBS / name).read_text()
    if launcher == "mpirun":
        text, n = re.subn(r"^(launch=\(srun .*)\n(# Where .*)\n# (launch=\(mpirun .*)$", r"# \1\n\2\n\3",
                          text, flags=re.M)
        assert n == 1
    path = folder / name
    path.write_text(text)
    return path


class Submitted:
    """A job over the archive of `whole`, with an output folder of its own."""

    def __init__(self, cluster, folder, whole, launcher, *options, **env):
        top, self.want = whole
        self.cluster, self.folder, self.launcher = cluster, folder, launcher
        self.out, self.log = folder / "out", folder / "log"
        self.cfg = rig.config(folder / "c.yaml", [top / "in"], CHAIN, self.out, run_=["memory: 256 MiB"])
        self.id = self.submit("--time=10", *options, **env)

    def submit(self, *options, **env):
        return self.cluster.submit(script(self.folder, self.launcher), *SIZE, f"--output={self.log}",
                                   *options, cwd=self.folder, CONFIG=self.cfg, MILLRACE=rig.BINARY, **env)

    def say(self):
        return self.log.read_text() if self.log.exists() else "no log"

    def expect(self, fact, what, seconds=60):
        try:
            return rig.wait_for(fact, what, seconds)
        except AssertionError as e:
            raise AssertionError(f"{e}\n{self.say()}\n{self.cluster.state(self.id)}") from e

    def first_lane(self):
        self.expect(lambda: rig.lanes(self.out), "lane")

    def attempts(self):
        return int(self.cluster.state(self.id)["Restarts"])

    def stop_after_a_lane(self):
        """Ranks end with the lane they are at then, or the next: 8 or so. USR1 to the batch shell, which is what --signal=B:USR1@... does, once more lanes are there."""
        before, attempt = len(rig.lanes(self.out)), self.attempts()
        self.expect(lambda: len(rig.lanes(self.out)) > before, "new lane")
        self.cluster.do("scancel", "--batch", "-s", "USR1", self.id)
        self.expect(lambda: self.attempts() > attempt, "requeue")
        rig.sound(self.out, self.want)

    def finished(self, restarts, seconds=150):
        end = self.cluster.wait(self.id, seconds)
        assert end["JobState"] == "COMPLETED" and end["ExitCode"] == "0:0", self.say()
        assert restarts(int(end["Restarts"])), self.say()
        assert self.say().count("queued again to go on") == int(end["Restarts"])
        assert rig.digests(self.out) == self.want
        assert not list(self.out.glob("**/*.part")) and not (self.out / ".millrace" / "lock").exists()
        rig.run("verify", self.out, status=0)
        launch = rig.report(self.out)["launch"]
        assert (launch["ranks"], launch["nodes"]) == (4, 2)


@pytest.fixture(scope="module", autouse=True)
def limited(cluster, whole, slow, tmp_path_factory):
    """A job with a limit of a minute. Slurm looks at limits twice a minute and may signal a minute early,
    so USR1 comes within 30 s; it runs beside the other tests. Later attempts read at full speed."""
    folder = tmp_path_factory.mktemp("limited")
    return Submitted(cluster, folder, whole, "srun", "--time=1", "--signal=B:USR1@30",
                     **slow(0.1, SLOW_ONCE="1"))


def test_three_requeues_in_a_row(cluster, whole, slow, tmp_path):
    """Each time after some more lanes; a job by srun and one by mpirun beside each other."""

    def three(launcher):
        folder = tmp_path / launcher
        folder.mkdir()
        job = Submitted(cluster, folder, whole, launcher, **slow(0.5))
        for _ in range(3):
            job.stop_after_a_lane()
        job.finished(lambda n: n == 3)
        assert rig.report(job.out)["work"]["lanes_known"] >= 3
        figure("Slurm: three requeues in a row, same bytes", 1, 1)

    with ThreadPoolExecutor() as pool:
        list(pool.map(three, BOTH))


def steps_are_gone():
    """The steps of jobs before remove what is MPI's on the node when they end: a job that starts meanwhile
    may lose its shared memory to that, and crash."""
    rig.wait_for(lambda: not any(rig.name_of(int(p)).startswith("slurmstepd") for p in os.listdir("/proc")
                                 if p.isdigit()), "end of the steps before", 60)


@pytest.mark.parametrize("launcher", BOTH if TORTURE else ["srun"])
def test_cancelled_leaves_a_folder_that_resumes(cluster, whole, slow, tmp_path, launcher):
    """scancel: TERM, and KILL three seconds later here."""
    steps_are_gone()
    job = Submitted(cluster, tmp_path, whole, launcher, **slow(0.5))
    job.first_lane()
    cluster.do("scancel", job.id)
    assert cluster.wait(job.id)["JobState"] == "CANCELLED"
    rig.wait_for(lambda: not cluster.do("squeue", "-h", "-j", job.id, check=False).strip(), "end", 30)
    assert "run the same command again to go on" in job.say()
    rig.sound(job.out, job.want)
    steps_are_gone()
    job.id = job.submit("--time=10")
    job.finished(lambda n: n == 0)
    figure("Slurm: cancelled, submitted again: same bytes", 1, 1)


def test_array_of_months(cluster, whole, slow, tmp_path):
    """The archive runs from January into February: a task for each, one of them is stopped and queued
    again. Each has the bytes of an undisturbed run of its command; together they hold all samples."""
    top, _ = whole
    cfg = rig.config(tmp_path / "c.yaml", [top / "in"], CHAIN, tmp_path / "unused")
    size = ["--ntasks=2", "--cpus-per-task=1", "--mem-per-cpu=900", "--array=1-2", "--time=10"]
    array = cluster.submit(script(tmp_path, "srun", "millrace-array.sbatch"), *size, cwd=tmp_path,
                           CONFIG=cfg, MILLRACE=rig.BINARY, FIRST="2026-01", FOLDER=tmp_path / "months",
                           **slow(0.7))
    february = tmp_path / "months" / "2026-02"
    rig.wait_for(lambda: rig.lanes(february), "lane", 60)
    cluster.do("scancel", "--batch", "-s", "USR1", f"{array}_2")
    ends = [cluster.wait(f"{array}_{task}") for task in (1, 2)]
    logs = [p.read_text() for p in sorted(tmp_path.glob("millrace-*.out"))]
    assert len(logs) == 2, list(tmp_path.iterdir())
    assert [e["JobState"] for e in ends] == ["COMPLETED"] * 2, logs
    assert [e["Restarts"] for e in ends] == ["0", "1"]
    parts = []
    for month, next_month in (("2026-01", "2026-02"), ("2026-02", "2026-03")):
        alone = tmp_path / f"alone-{month}"
        rig.run("run", cfg, "-s", f"input.time={month}-01T00:00:00Z .. {next_month}-01T00:00:00Z", "-s",
                f"output.folder={alone}", status=0)
        assert rig.digests(tmp_path / "months" / month) == rig.digests(alone)
        parts += rig.output(alone)
    whole_t, whole_y = rig.output(top / "reference")[0]
    assert [t for part in parts for t in part[0]] == list(whole_t)
    assert (rig.np.concatenate([y for _, y in parts]) == whole_y).all()


def test_a_wrong_config_is_not_queued_again(cluster, whole, tmp_path):
    job = Submitted(cluster, tmp_path, whole, "srun", "--hold")
    job.cfg.write_text(job.cfg.read_text().replace("decimate", "nonsense"))
    cluster.do("scontrol", "release", job.id)
    end = cluster.wait(job.id)
    assert (end["JobState"], end["ExitCode"], end["Restarts"]) == ("FAILED", "2:0", "0"), job.say()
    assert "nonsense" in job.say() and "queued again" not in job.say()


@pytest.mark.parametrize("launcher", BOTH if TORTURE else ["mpirun"])
def test_a_dead_rank_ends_the_job_with_a_hint(cluster, whole, slow, tmp_path, launcher):
    """As a memory limit kills: the rest ends soon, the script says how to go on, a new job does."""
    job = Submitted(cluster, tmp_path, whole, launcher, **slow(0.5))
    job.first_lane()
    ranks = [p for p in rig.children(cluster.top.pid) if rig.is_ours(p) and
             not rig.is_ours(rig.parent_of(p)) and str(job.cfg) in rig.command_line(p)]
    assert len(ranks) == 4
    rig.kill(ranks[-1:])
    end = cluster.wait(job.id, 40)
    assert end["JobState"] == "FAILED" and end["Restarts"] == "0"
    assert "sbatch this script again to go on" in job.say()
    rig.sound(job.out, job.want)
    job.id = job.submit("--time=10")
    job.finished(lambda n: n == 0)


def test_time_limit(limited):
    """Signalled by Slurm itself before the limit, leaves with 75, is queued again and finishes."""
    limited.finished(lambda n: n >= 1)
    assert "stopped early" in limited.say() and "TIME LIMIT" not in limited.say()
    assert limited.cluster.state(limited.id)["TimeLimit"] == "00:01:00"
    figure("Slurm: signalled before the time limit, queued again, same bytes", 1, 1)


@pytest.mark.skipif(not TORTURE, reason="MILLRACE_TORTURE=1 does it")
def test_limit_that_comes_without_a_warning(cluster, whole, slow, tmp_path):
    """A limit of which the script hears nothing (URG is ignored): TERM at the limit, a rerun goes on."""
    job = Submitted(cluster, tmp_path, whole, "srun", "--time=1", "--signal=B:URG@1", **slow(0.05))
    assert cluster.wait(job.id, 200)["JobState"] == "TIMEOUT"
    assert "run the same command again to go on" in job.say()
    rig.sound(job.out, job.want)
    job.id = job.submit("--time=10")
    job.finished(lambda n: n == 0)
