"""The scripts of jobs/: plain mpirun for real; the Slurm ones with stand-ins for Slurm's commands here,
and under a real Slurm in tests/slurm."""
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from conftest import BINARY, ROOT

JOBS = ROOT / "jobs"
SCRIPTS = sorted(p for p in JOBS.iterdir() if p.suffix in (".sh", ".sbatch"))


@pytest.fixture(scope="module")
def archive(millrace, tmp_path_factory):
    """Four minutes across the new year, and a config."""
    out = tmp_path_factory.mktemp("jobs")
    millrace("synth", out / "in", "--files", 4, "--rate", "100Hz", "--channels", 20, "--start",
             "2025-12-31T23:58:00Z", "--quiet")
    (out / "c.yaml").write_text(f"input: {{files: {out}/in/*.h5}}\nchain: [decimate: {{factor: 2}}]\n"
                                f"output: {{folder: {out}/out, lane: 1 min}}\nrun: {{memory: 700 MiB}}\n")
    return out


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.name)
def test_bash_can_read_it(script):
    subprocess.run(["bash", "-n", script], check=True)
    if shutil.which("shellcheck"):
        subprocess.run(["shellcheck", script], check=True)


@pytest.mark.parametrize("script", [p for p in SCRIPTS if p.suffix == ".sbatch"], ids=lambda p: p.name)
def test_there_are_three_places_to_edit(script):
    text = script.read_text()
    assert all(f"# ({n}) " in text for n in (1, 2, 3)) and "# (4)" not in text
    again = "--no-requeue" if "follow" in script.name else "--requeue"  # that one has a successor
    for line in ("#SBATCH --signal=B:USR1@300", f"#SBATCH {again}", "#SBATCH --open-mode=append"):
        assert line + "\n" in text


# --- mpirun ---------------------------------------------------------------------------------------


@pytest.mark.skipif(not shutil.which("mpirun"), reason="no mpirun")
@pytest.mark.parametrize("ranks,threads", [(2, 1), (3, 2)])
def test_plain_script_runs_with_that_many_ranks(archive, tmp_path, ranks, threads):
    env = dict(os.environ, RANKS=str(ranks), THREADS=str(threads), MILLRACE=str(BINARY))
    done = subprocess.run([JOBS / "millrace.sh", archive / "c.yaml", "-s", f"output.folder={tmp_path}/out"],
                          env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    launch = json.loads((tmp_path / "out/report.json").read_text())["launch"]
    assert (launch["ranks"], launch["threads"]) == (ranks, threads)


def test_plain_script_says_how_it_is_used():
    done = subprocess.run([JOBS / "millrace.sh"], env=dict(os.environ, MILLRACE=str(BINARY)),
                          capture_output=True, text=True)
    assert done.returncode == 2 and "CONFIG" in done.stderr and "RANKS" in done.stderr


def test_plain_script_hands_status_and_signal_on(tmp_path):
    """mpirun is a stand-in that waits for USR1, as millrace does, and leaves with 75."""
    stand_in(tmp_path / "mpirun", '[ "$1" != --version ] || exit 0\nprintf "%s\\n" "$@" > args\ntrap "exit 75" USR1\n'
             'touch up\nfor i in $(seq 200); do sleep 0.05; done')
    env = dict(os.environ, MPIRUN=str(tmp_path / "mpirun"), MILLRACE="/bin/true", RANKS="2", THREADS="3")
    run = subprocess.Popen([JOBS / "millrace.sh", "c.yaml"], env=env, cwd=tmp_path)
    wait_for(tmp_path / "up")
    run.send_signal(signal.SIGUSR1)
    assert run.wait(timeout=20) == 75
    assert (tmp_path / "args").read_text().split() == ["-n", "2", "/bin/true", "run", "c.yaml"]


# --- Slurm's commands as stand-ins ----------------------------------------------------------------


@pytest.mark.parametrize("ends", [75, 0])
def test_a_job_that_follows_hands_itself_over(tmp_path, ends):
    """Its successor is queued from the start; at the time limit it goes on, at the archive's end it is taken out."""
    stand_in(tmp_path / "sbatch", 'echo "sbatch $*" >> log; echo 78')
    stand_in(tmp_path / "scancel", 'echo "scancel $*" >> log')
    stand_in(tmp_path / "srun", 'echo "$*" >> log; trap "exit 75" USR1; touch up; for i in $(seq 200); do sleep 0.05; '
             f'[ {ends} -ne 0 ] || exit 0; done')
    env = dict(os.environ, PATH=f"{tmp_path}:{os.environ['PATH']}", SLURM_JOB_ID="77", CONFIG="c.yaml", SCRIPT="me.sbatch")
    job = subprocess.Popen(["bash", JOBS / "millrace-follow.sbatch", "-s", "a=b"], env=env, cwd=tmp_path)
    wait_for(tmp_path / "up")
    if ends:
        job.send_signal(signal.SIGUSR1)
    assert job.wait(timeout=20) == ends
    log = (tmp_path / "log").read_text().splitlines()
    assert log[0] == "sbatch --parsable --dependency=afterany:77 me.sbatch -s a=b"
    assert log[1].endswith("millrace run c.yaml --follow --progress never -s a=b")
    assert log[2:] == ([] if ends else ["scancel 78"])


def test_the_service_is_one_that_systemd_takes(tmp_path):
    """Its three places edited; the statuses that it names are those of a run."""
    text = (JOBS / "millrace-follow.service").read_text()
    mine = text.replace("/usr/local/bin/millrace", str(BINARY)).replace("WorkingDirectory=/data", f"WorkingDirectory={tmp_path}")
    assert mine.count(str(BINARY)) == 1 and mine.count(f"WorkingDirectory={tmp_path}") == 1
    unit = tmp_path / "millrace-follow.service"
    unit.write_text(mine)
    fields = dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))
    assert (fields["KillSignal"], fields["SuccessExitStatus"]) == ("SIGUSR1", "10 75")
    assert fields["RestartPreventExitStatus"] == "2 3 5 7" and fields["Restart"] == "on-failure"
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze")
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and unit.name not in done.stderr, done.stderr


def stand_in(path, body):
    path.write_text(f"#!/bin/bash\n{body}\n")
    path.chmod(0o755)


def wait_for(path):
    end = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < end, path
        time.sleep(0.02)


@pytest.fixture
def batch(tmp_path):
    """Start a batch script as Slurm would. srun here runs the program once, as a child of its own."""
    bin_dir = tmp_path / "bin"
    bin_dir.mkdir()
    stand_in(bin_dir / "srun", f'echo "$@" >> {tmp_path}/srun\nwhile [ "${{1#-}}" != "$1" ]; do shift; done\n'
             'exec "$@"')
    stand_in(bin_dir / "scontrol", f'echo "$@" >> {tmp_path}/scontrol')

    def start(name, program, *args, **env):
        spool = shutil.copy(JOBS / name, tmp_path / "slurm_script")  # Slurm runs a copy
        full = dict(os.environ, PATH=f"{bin_dir}:{os.environ['PATH']}", SLURM_JOB_ID="41",
                    SLURM_CPUS_PER_TASK="3", SLURM_ARRAY_JOB_ID="40", MILLRACE=str(program), **env)
        return subprocess.Popen(["bash", spool, *args], env=full, cwd=tmp_path, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    return start


@pytest.fixture
def patient(tmp_path):
    """A program that runs until USR1, then leaves with 75; or with the status in its file at once."""
    path = tmp_path / "patient"
    stand_in(path, f'[ ! -e {tmp_path}/status ] || exit $(cat {tmp_path}/status)\n'
             f'trap "sleep 0.3; exit 75" USR1\ntouch {tmp_path}/up\nfor i in $(seq 400); do sleep 0.05; done')
    return path


def test_stop_signal_reaches_the_run_and_queues_it_again(batch, patient, tmp_path):
    job = batch("millrace.sbatch", patient, "-s", "a=b", CONFIG="my.yaml")
    wait_for(tmp_path / "up")
    job.send_signal(signal.SIGUSR1)
    time.sleep(0.1)
    job.send_signal(signal.SIGUSR1)  # a second one does not cut the waiting short
    out, err = job.communicate(timeout=20)
    assert job.returncode == 75, err
    assert (tmp_path / "scontrol").read_text() == "requeue 41\n"
    assert (tmp_path / "srun").read_text() == f"--mpi=pmix --cpus-per-task=3 {patient} run my.yaml -s a=b\n"


def test_a_stop_signal_that_comes_too_early_queues_it_again_too(batch, patient, tmp_path):
    """The program died of it, as one does that does not listen yet: 128 + 10."""
    stand_in(patient, f"touch {tmp_path}/up\nsleep 0.5\nkill -USR1 $$\nsleep 5")
    job = batch("millrace.sbatch", patient)
    wait_for(tmp_path / "up")
    job.send_signal(signal.SIGUSR1)
    _, err = job.communicate(timeout=20)
    assert job.returncode == 75 and (tmp_path / "scontrol").read_text() == "requeue 41\n", err


@pytest.mark.parametrize("name", ["millrace.sbatch", "millrace-array.sbatch"])
@pytest.mark.parametrize("status", [1, 137, 205])
def test_what_ends_it_from_outside_is_told_with_what_to_do(batch, patient, tmp_path, name, status):
    (tmp_path / "status").write_text(str(status))
    job = batch(name, patient, SLURM_ARRAY_TASK_ID="1")
    _, err = job.communicate(timeout=20)
    assert job.returncode == status and "what is finished is kept" in err and "again to go on" in err


@pytest.mark.parametrize("name", ["millrace.sbatch", "millrace-array.sbatch"])
@pytest.mark.parametrize("crashes", [1, 2])
def test_a_crash_at_the_start_is_tried_once_more(batch, patient, tmp_path, name, crashes):
    """Open MPI between nodes may meet a message before it is ready for it: its own race, seen in tests."""
    stand_in(patient, f"echo >> {tmp_path}/tries\n[ $(wc -l < {tmp_path}/tries) -gt {crashes} ] || exit 139")
    job = batch(name, patient, SLURM_ARRAY_TASK_ID="1")
    _, err = job.communicate(timeout=20)
    assert "once more" in err and len((tmp_path / "tries").read_text()) == 2
    assert job.returncode == (0 if crashes == 1 else 139) and ("is kept" in err) == (crashes == 2), err


def test_restarts_have_an_end(batch, patient, tmp_path):
    (tmp_path / "status").write_text("75")
    job = batch("millrace.sbatch", patient, SLURM_RESTART_COUNT="50")
    _, err = job.communicate(timeout=20)
    assert job.returncode == 75 and "again to go on" in err and not (tmp_path / "scontrol").exists()


@pytest.mark.parametrize("status", [0, 2, 10, 70])
def test_other_statuses_are_passed_on(batch, patient, tmp_path, status):
    (tmp_path / "status").write_text(str(status))
    for name in ("millrace.sbatch", "millrace-array.sbatch"):
        job = batch(name, patient, SLURM_ARRAY_TASK_ID="1")
        job.communicate(timeout=20)
        assert job.returncode == status and not (tmp_path / "scontrol").exists()


@pytest.mark.parametrize("first,task,month,end", [("2026-01", 1, "2026-01", "2026-02"),
                                                  ("2025-11", 2, "2025-12", "2026-01"),
                                                  ("2025-08", 9, "2026-04", "2026-05"),
                                                  ("2025-12", 13, "2026-12", "2027-01")])
def test_array_task_is_a_month(batch, patient, tmp_path, first, task, month, end):
    (tmp_path / "status").write_text("75")
    job = batch("millrace-array.sbatch", patient, CONFIG="c.yaml", FIRST=first, FOLDER="o",
                SLURM_ARRAY_TASK_ID=str(task))
    job.communicate(timeout=20)
    assert (tmp_path / "srun").read_text() == (
        f"--mpi=pmix --cpus-per-task=3 {patient} run c.yaml -s input.time={month}-01T00:00:00Z .. "
        f"{end}-01T00:00:00Z -s output.folder=o/{month}\n")
    assert (tmp_path / "scontrol").read_text() == f"requeue 40_{task}\n"


def test_array_refuses_what_is_no_month(batch, patient):
    job = batch("millrace-array.sbatch", patient, FIRST="January", SLURM_ARRAY_TASK_ID="1")
    assert "January" in job.communicate(timeout=20)[1] and job.returncode == 2


def test_months_together_hold_the_samples_of_one_run(millrace, batch, archive, tmp_path):
    """Same bytes: at a month's end the lanes of both sides see the files of the other as context."""
    millrace("run", archive / "c.yaml", "-s", f"output.folder={tmp_path}/one")
    for task in ("1", "2"):
        job = batch("millrace-array.sbatch", BINARY, CONFIG=str(archive / "c.yaml"), FIRST="2025-12",
                    FOLDER=f"{tmp_path}/months", SLURM_ARRAY_TASK_ID=task)
        _, err = job.communicate(timeout=60)
        assert job.returncode == 0, err
    one = {p.name: p.read_bytes() for p in (tmp_path / "one/lanes").rglob("*.h5")}
    months = {p.name: p.read_bytes() for p in (tmp_path / "months").rglob("lanes/*/*.h5")}
    assert len(one) == 4 and one == months
