"""Under the Slurm of the tests: the job that follows a recorder and hands itself over at its time limit, and the
lines that `plan --slurm` prints, as they are."""
import os
import re
import shutil

import rig
from cluster import CHAIN, LANES
from promises import figure

SCRIPT = rig.ROOT / "jobs" / "millrace-follow.sbatch"


def come(files, folder):
    for f in files:
        shutil.copyfile(f, folder / "part")
        (folder / "part").rename(folder / f.name)


def queue(cluster):
    """Ids of the jobs that wait or run."""
    return [line.split()[0] for line in cluster.do("squeue", "-h", "-o", "%i %T").splitlines()]


def test_a_job_that_follows_hands_itself_over_at_its_limit(cluster, whole, tmp_path):
    """Slurm signals it before its limit of a minute; the successor goes on; stop takes the next one out."""
    top, want = whole
    files = sorted((top / "in").iterdir())
    inputs, out = tmp_path / "in", tmp_path / "out"
    inputs.mkdir()
    cfg = rig.config(tmp_path / "c.yaml", [f"{inputs}/*.h5"], CHAIN, out, run_=["memory: 256 MiB"])
    text = SCRIPT.read_text()
    for line, mine in [("cpus-per-task=4", "cpus-per-task=1"), ("mem-per-cpu=1G", "mem-per-cpu=900"),
                       ("time=24:00:00", "time=1"), ("signal=B:USR1@300", "signal=B:USR1@30")]:
        assert text.count(f"#SBATCH --{line}") == 1
        text = text.replace(f"#SBATCH --{line}", f"#SBATCH --{mine}")
    script = tmp_path / "follow.sbatch"
    script.write_text(text)
    come(files[:len(files) // 2], inputs)
    first = cluster.submit(script, cwd=tmp_path, CONFIG=cfg, MILLRACE=rig.BINARY, SCRIPT=script)
    log = tmp_path / "millrace-follow.out"
    try:
        rig.wait_for(lambda: len(rig.lanes(out)) >= LANES // 2 - 2, "lanes", 60)
        second = next(j for j in queue(cluster) if j != first)
        assert cluster.state(second)["Dependency"].startswith(f"afterany:{first}")
        end = cluster.wait(first, 100)
        assert end["ExitCode"] == "75:0", log.read_text()
        assert f"stopped in time; job {second} goes on" in log.read_text() and "TIME LIMIT" not in log.read_text()
        rig.sound(out, {**want, **{k: v for k, v in rig.digests(out).items() if not k.startswith("lanes/")}})
        come(files[len(files) // 2:], inputs)
        rig.wait_for(lambda: len(rig.lanes(out)) >= LANES - 1, "lanes of the successor", 60)
        rig.run("stop", out, status=0)
        assert cluster.wait(second, 60)["ExitCode"] == "0:0", log.read_text()
        rig.wait_for(lambda: not queue(cluster), "end of the last successor", 30)
    finally:
        for job in queue(cluster):
            cluster.do("scancel", job, check=False)
    assert rig.digests(out) == want and rig.run("verify", out).returncode == 0
    figure("Slurm: a job that follows, handed over at its time limit: same bytes", 1, 1)


def test_lines_that_plan_prints(cluster, whole, slow, tmp_path):
    """As they are: asked to stop they are queued again, go on, and finish."""
    top, want = whole
    out = tmp_path / "out"
    cfg = rig.config(tmp_path / "c.yaml", [top / "in"], CHAIN, out, run_=["memory: 256 MiB"])
    script = tmp_path / "plan.sbatch"
    script.write_text(rig.run("plan", cfg, "--slurm", status=0).stdout)
    assert re.search(r"^#SBATCH --time=\d+:00:00$", script.read_text(), re.M)
    log = tmp_path / "log"
    job = cluster.submit(script, f"--output={log}", cwd=tmp_path,
                         **slow(0.6, PATH=f"{rig.BINARY.parent}:{os.environ['PATH']}"))
    rig.wait_for(lambda: rig.lanes(out), "lane", 60)
    cluster.do("scancel", "--batch", "-s", "USR1", job)
    end = cluster.wait(job)
    assert (end["JobState"], end["ExitCode"]) == ("COMPLETED", "0:0") and end["Restarts"] == "1", log.read_text()
    assert rig.digests(out) == want and rig.run("verify", out).returncode == 0
    figure("Slurm: the lines that plan prints, stopped and queued again: same bytes", 1, 1)
