"""The command line: every command, its help, its JSON, and what it refuses."""
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import h5py
import pytest

import rig

COMMANDS = ["run", "plan", "check", "inspect", "ops", "synth", "view", "verify", "help"]


@pytest.fixture(scope="module")
def done_run(tmp_path_factory):
    top = tmp_path_factory.mktemp("cli")
    rig.archive(top / "in", rig.noise(12000, 8), 100, 3000)
    rig.prodml(top / "in" / "late.h5", rig.noise(3000, 8), rig.T0 + 200 * rig.S, 100)
    rig.config(top / "c.yaml", ["in"], ["bandpass: {band: 8..20 Hz}", "decimate: {factor: 2}"], "out")
    result = rig.run("run", "c.yaml", cwd=top, status=0)
    return top, result


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_every_command(name):
    page = rig.run(name, "--help", status=0).stdout
    assert page and page == rig.run(name, "-h", status=0).stdout
    assert f"millrace {name}" in page
    if name != "help":
        assert rig.run("help", name, status=0).stdout == page
    assert all(len(line) <= 100 for line in page.splitlines())


def test_usage_and_help_list_all_commands():
    usage = rig.run("--help", status=0).stdout
    assert usage == rig.run("help", status=0).stdout == rig.run("-h", status=0).stdout
    assert all(f"millrace {name} " in usage for name in COMMANDS)
    alone = rig.run(status=2)
    assert "millrace run" in alone.stdout + alone.stderr


def test_version_names_the_libraries():
    said = rig.run("--version", status=0).stdout
    assert said.startswith("millrace 0.") and "HDF5 1" in said and "MPI" in said
    assert said == rig.run("--version", ranks=2, status=0).stdout


WRONG = [
    (["rnu", "c.yaml"], ["rnu", "run"]), (["run", "--progres", "never", "c.yaml"], ["--progres"]),
    (["run"], ["config"]), (["run", "a", "b"], ["b"]), (["verify"], ["folder"]), (["plan", "-x", "c.yaml"], ["-x"]),
    (["ops", "bandpas"], ["bandpass"]), (["help", "runn"], ["run"]), (["run", "c.yaml", "-s"], ["-s"]),
    (["inspect"], []), (["view"], []), (["run", "c.yaml", "--progress", "often"], ["often"])]


@pytest.mark.parametrize("args,words,ranks", [(*w, 0) for w in WRONG] + [(*w, 2) for w in WRONG[:2]])
def test_usage_errors(done_run, args, words, ranks):
    done = rig.run(*args, cwd=done_run[0], ranks=ranks, status=2)
    assert len(rig.plain(done.stderr)) == 1, done.stderr
    assert all(w in done.stderr for w in words), done.stderr


def test_summary_on_stdout_talk_on_stderr(done_run):
    _, done = done_run
    heads = [line.split(":")[0] for line in done.stdout.splitlines()]
    assert heads[:4] == ["input", "did", "output", "speed"] and "bottleneck" in heads and "memory" in heads
    assert all(line.startswith("millrace: ") for line in done.stderr.splitlines())


@pytest.mark.parametrize("ranks", [2, 3])
def test_ranks_without_a_lane_are_told(done_run, tmp_path, ranks):
    """Also when only the last lane is left to do."""
    top, _ = done_run
    cfg = rig.config(tmp_path / "c.yaml", [top / "in"], ["bandpass: {band: 8..20 Hz}"], tmp_path / "out")

    def said():
        done = rig.run("run", cfg, ranks=ranks, status=0)
        return next(x for x in done.stdout.splitlines() if x.startswith("bottleneck:"))
    first = said()
    lanes = rig.lanes(tmp_path / "out")
    assert ("for 3 ranks" in first) == (len(lanes) < ranks), first
    lanes[0].unlink()
    assert f"; 1 lane for {ranks} ranks: fewer ranks" in said()
    assert "ranks:" not in said()  # there was nothing to do


def test_plan_writes_nothing_and_says_what_run_does(done_run, tmp_path):
    top, _ = done_run
    cfg = rig.config(tmp_path / "c.yaml", [top / "in"], ["bandpass: {band: 8..20 Hz}", "decimate: {factor: 2}"],
                     tmp_path / "out")
    for ranks in (0, 2):
        text = rig.run("plan", cfg, status=0, ranks=ranks).stdout
        assert "5 files" in text and "1 gap" in text and "halo" in text and "MiB" in text
        said = json.loads(rig.run("plan", cfg, "--json", status=0, ranks=ranks).stdout)
        assert sorted(p.name for p in tmp_path.iterdir()) == ["c.yaml"]
    assert (said["files"], said["refused"], len(said["spans"])) == (5, 0, 2)
    files = rig.lanes(top / "out")
    assert said["lanes"] == len(files)
    assert said["output_bytes"] == sum(rig.read_lane(p).y.nbytes for p in files)
    assert said["spans"][0]["t0"] == "2026-01-01T00:00:00.000000000Z"
    assert said["spans"][1]["samples"] == 3000


def test_plan_gives_slurm_lines(done_run):
    """A few MB of work are worth one core."""
    text = rig.run("plan", "c.yaml", "--slurm", cwd=done_run[0], status=0).stdout
    assert text.startswith("#!/bin/bash\n") and "#SBATCH --ntasks=1\n#SBATCH --cpus-per-task=1\n" in text
    assert "OMP_NUM_THREADS" in text and "#SBATCH --signal=B:USR1@300\n" in text


def slurm_job(top, folder, *plan, name="c.yaml", srun="#!/bin/sh\nprintf '%s\\0' \"$@\" > \"$SAID\"\n", status=0):
    """The printed script, and a folder of stand-ins for Slurm; nothing of the names may run."""
    job = folder / "job.sh"
    job.write_text(rig.run("plan", name, "--slurm", *plan, cwd=top, status=0).stdout)
    (folder / "bin").mkdir(exist_ok=True)
    for tool, text in (("srun", srun), ("scontrol", "#!/bin/sh\nexit 0\n")):
        (folder / "bin" / tool).write_text(text)
        (folder / "bin" / tool).chmod(0o755)
    env = rig.environment(PATH=f"{folder / 'bin'}:{os.environ['PATH']}", SAID=str(folder / "said"))
    return subprocess.Popen(["bash", job], cwd=folder, env=env, start_new_session=True)


@pytest.mark.parametrize("name", ["two words.yaml", "$(touch owned).yaml", "`touch owned`.yaml", "it's.yaml", 'a"b.yaml',
                                  "a&touch owned&.yaml", "new\nline.yaml", "#x.yaml", "*.yaml", "~.yaml", "$HOME.yaml"])
def test_the_words_of_a_slurm_job_mean_themselves(done_run, tmp_path, name):
    shutil.copy(done_run[0] / "c.yaml", tmp_path / name)
    (tmp_path / "in").symlink_to(done_run[0] / "in")
    settings = ["output.folder=a 'b' $(touch owned)", "run.io_threads=3"]
    words = [x for s in settings for x in ("-s", s)]
    p = slurm_job(tmp_path, tmp_path, *words, name=name)
    assert p.wait(timeout=20) == 0 and not (tmp_path / "owned").exists()
    said = (tmp_path / "said").read_bytes().decode().split("\0")
    at = said.index("run")
    assert said[at + 1:at + 1 + 1 + len(words)] == [name, *words]


def test_a_slurm_job_hands_its_signal_on(done_run, tmp_path):
    """And ends with the status of the program, not of the signal."""
    stub = "#!/bin/bash\ntrap 'exit 75' USR1\ntouch \"$SAID\"\nfor i in $(seq 200); do sleep 0.05; done\n"
    p = slurm_job(done_run[0], tmp_path, srun=stub)
    rig.wait_for((tmp_path / "said").exists, "job")
    os.kill(p.pid, signal.SIGUSR1)
    assert p.wait(timeout=20) == 75


def test_report_has_what_the_interface_promises(done_run):
    top, _ = done_run
    r = rig.report(top / "out")
    assert {"schema", "version", "status", "config", "inputs", "spans", "ledger", "lanes", "timing",
            "bottleneck", "memory", "launch"} <= set(r)
    assert r["status"] == 0 and len(r["inputs"]) == 5 and len(r["spans"]) == 2
    assert {"path", "state", "reason", "t0", "t1", "samples"} <= set(r["inputs"][0])
    assert sum(i["samples"] for i in r["inputs"]) == 15000 * 8
    assert {"kind", "path", "t0", "t1", "note"} <= set(r["ledger"][0]) and r["ledger"][0]["kind"] == "gap"
    assert {"file", "rows", "channels", "checksum"} <= set(r["lanes"][0])
    assert {"read_s", "compute_s", "write_s", "wait_s", "survey_s", "finish_s"} <= set(r["timing"])
    assert {"planned_bytes", "peak_bytes"} <= set(r["memory"])
    assert {"ranks", "threads", "io_threads"} <= set(r["launch"])
    assert {lane["file"] for lane in r["lanes"]} == {str(p.relative_to(top / "out")) for p in rig.lanes(top / "out")}


def test_index_lists_every_lane(done_run):
    top, _ = done_run
    lines = (top / "out" / "index.csv").read_text().splitlines()
    assert lines[0].split(",")[:6] == ["file", "start", "end", "rows", "channels", "checksum"]
    files = rig.lanes(top / "out")
    assert [line.split(",")[0] for line in lines[1:]] == [str(p.relative_to(top / "out")) for p in files]
    for line, p in zip(lines[1:], files):
        lane = rig.read_lane(p)
        assert int(line.split(",")[3]) == len(lane.t)


def test_verify_counts_files_and_finds_what_is_wrong(done_run, tmp_path):
    top, _ = done_run
    said = rig.run("verify", top / "out", status=0).stdout
    assert said.strip().splitlines()[-1].startswith("verify: ok, ")
    out = tmp_path / "out"
    files = [p.relative_to(top / "out") for p in rig.lanes(top / "out")]

    def fails(change, *names):
        rig.fresh(out)
        shutil.copytree(top / "out", out)
        change()
        done = rig.run("verify", out, status=7)
        assert all(str(n) in done.stdout + done.stderr for n in names), done.stdout

    def swap():
        a, b = (out / f for f in files[:2])
        a.rename(out / "x")
        b.rename(a)
        (out / "x").rename(b)

    fails(lambda: (out / files[0]).unlink(), files[0].name)
    fails(swap, files[0].name)
    fails(lambda: shutil.copy(out / files[0], out / files[0].parent / "extra.h5"), "extra.h5")
    fails(lambda: (out / "master.h5").unlink(), "master.h5")
    fails(lambda: (out / "index.csv").write_text((out / "index.csv").read_text().replace("8", "9")), "index.csv")
    rig.run("verify", tmp_path / "nothere", status=(2, 4, 7))


def test_where_nothing_matches_the_time(done_run, tmp_path):
    top, _ = done_run
    cfg = rig.config(tmp_path / "c.yaml", [top / "in"], [], tmp_path / "out",
                     input_=["time: 2030-01-01 .. 2030-01-02"])
    done = rig.run("run", cfg, status=3)
    assert "time" in done.stderr


def test_progress_lines_in_a_log(done_run, tmp_path):
    """--progress SECONDS prints whole lines; never prints none."""
    top, _ = done_run
    rig.archive(tmp_path / "in", rig.noise(400000, 60), 2000, 100000)
    cfg = rig.config(tmp_path / "c.yaml", [tmp_path / "in"], ["bandpass: {band: 20..300 Hz, order: 12}"],
                     tmp_path / "out")
    talk = rig.run("run", cfg, "--progress", "0.05", status=0).stderr
    lines = [x for x in talk.splitlines() if "blocks" in x]
    assert lines and all("ETA" in x and "MB/s" in x for x in lines) and "\r" not in talk
    rig.fresh(tmp_path / "out")
    assert "blocks" not in rig.run("run", cfg, "--progress", "never", status=0).stderr


def test_quiet_says_nothing_but_losses(done_run, tmp_path):
    top, _ = done_run
    rig.archive(tmp_path / "in", rig.noise(6000, 4), 100, 3000)
    cfg = rig.config(tmp_path / "c.yaml", [tmp_path / "in"], ["abs"], tmp_path / "out")
    done = rig.run("run", cfg, "--quiet", status=0)
    assert done.stdout == "" and done.stderr == ""
    (tmp_path / "in" / "z.h5").write_text("junk")
    rig.fresh(tmp_path / "out")
    done = rig.run("run", cfg, "--quiet", status=10)
    assert done.stdout == "" and "z.h5" in done.stderr


def test_the_first_line_comes_within_seconds(done_run, tmp_path):
    """Files that take 3 s to look at: a log hears of it after 2 s, not after 30."""
    slow = rig.slow_disk(tmp_path)
    rig.archive(tmp_path / "in", rig.noise(300000, 200), 2000, 50000)
    cfg = rig.config(tmp_path / "c.yaml", [tmp_path / "in"], ["abs"], tmp_path / "out")
    talk = rig.run("run", cfg, status=0, **slow(40)).stderr
    assert any("blocks, " in x and "ETA" in x for x in talk.splitlines()), talk


def test_output_that_cannot_be_written_is_status_4(done_run, tmp_path):
    top, _ = done_run
    (tmp_path / "file").write_text("in the way")
    cfg = rig.config(tmp_path / "c.yaml", [top / "in"], [], tmp_path / "file" / "out")
    for ranks in (0, 2):
        done = rig.run("run", cfg, status=4, ranks=ranks)
        assert len(rig.plain(done.stderr)) == 1 and "file" in done.stderr


def test_a_closed_stdout_does_not_crash(done_run):
    """A reader that goes away (head) is no reason for a signal or a trace."""
    top, _ = done_run
    with open(os.devnull, "w") as null, open("/dev/full", "w") as full:
        done = subprocess.run(rig.command("help"), stdout=full, stderr=null, env=rig.environment())
    assert done.returncode == 4


# --- messages: what, where, what to do; one of them

@pytest.fixture(scope="module")
def small(tmp_path_factory):
    top = tmp_path_factory.mktemp("small")
    rig.archive(top / "in", rig.noise(6000, 4), 100, 3000)
    (top / "empty").mkdir()
    rig.config(top / "c.yaml", "in/*.h5", ["abs"], "out", output_=["lane: auto"])
    return top


@pytest.mark.parametrize("ranks", [0, 2])
@pytest.mark.parametrize("args,status,words", [
    (["verify", "nosuch"], 2, ["nosuch: No such file"]),
    (["verify", "in"], 2, ["in is no output folder", "index.csv"]),
    (["verify", "c.yaml"], 2, ["c.yaml is a file"]),
    (["view"], 2, ["view FILE|FOLDER -o X.png"]),
    (["view", "nosuch", "-o", "x.png"], 3, ["nosuch: cannot open: No such file"]),
    (["run", "c.yaml", "-s", "input.files=empty"], 3, ["-s:1:13", "no file in the folder empty"]),
    (["run", "c.yaml", "-s", "input.time=2027-01-01T00:00:00Z .. 2027-01-02T00:00:00Z"], 3,
     ["-s:1:12: input.time", "2026-01-01T00:00:00", "2026-01-01T00:01:00"]),
    (["run", "c.yaml", "-s", "chain=[{psd: {segment: 100000, interval: 1 h}}]"], 3, ["the longest is 60 s"]),
    (["plan", "c.yaml", "-s", "run.memory=20 MiB"], 5, ["needs", "20.0 MiB", "input.channels"])])
def test_one_message_says_what_where_and_what_to_do(small, args, status, words, ranks):
    done = rig.run(*args, cwd=small, status=status, ranks=ranks)
    (line,) = rig.plain(done.stderr)
    assert all(w in line for w in words), line


def test_names_of_files_do_not_reach_the_terminal_raw(small):
    shutil.copy(sorted((small / "in").iterdir())[0], small / "empty" / "esc\x1b[31m\nline.h5")
    done = rig.run("inspect", small / "empty", status=0)
    assert "\x1b" not in done.stdout and "esc\\x1b[31m\\x0aline.h5" in done.stdout
    (small / "empty" / "esc\x1b[31m\nline.h5").unlink()


def test_view_reads_by_the_map_of_a_config(small):
    with h5py.File(small / "bare.h5", "w") as h:
        h["mine"] = rig.noise(300, 5)
    (small / "map.yaml").write_text("input: {files: bare.h5, map: {data: /mine, axes: [time, channel], rate: 50 Hz, "
                                    "start: 2026-01-01T00:00:00Z}}\noutput: {folder: out}\n")
    rig.run("view", "bare.h5", "-o", "x.png", cwd=small, status=3)
    rig.run("view", "bare.h5", "-o", "x.png", "--config", "map.yaml", cwd=small, status=0)


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root to become nobody")
def test_what_may_not_be_read_is_said(small):
    """As a user who may not: folders, files, a place to write to."""
    top = Path(tempfile.mkdtemp(dir="/var/tmp"))
    try:
        shutil.copytree(small / "in", top / "in")
        shutil.copy(rig.BINARY, top / "millrace")
        for path in [top, top / "in"]:
            path.chmod(0o755)
        (top / "locked").mkdir(mode=0)
        first = sorted((top / "in").iterdir())[0]
        first.chmod(0)
        as_nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", str(top / "millrace")]
        for args, status, word in [
                (["inspect", "locked"], 3, "locked: refused: a folder that cannot be listed: Permission denied"),
                (["inspect", "in"], 10, f"{first.name}: refused: cannot open: Permission denied"),
                (["verify", "locked"], 2, "locked cannot be listed: Permission denied"),
                (["view", "in", "-o", "x.png"], 4, "cannot write x.png: ")]:
            done = subprocess.run(as_nobody + args, cwd=top, capture_output=True, text=True, timeout=60)
            said = done.stdout + done.stderr
            assert done.returncode == status and word in said and said.count("Permission denied") <= 2, said
    finally:
        shutil.rmtree(top)


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core")
@pytest.mark.parametrize("env,threads,cores", [
    ({}, 2, "a core each"), ({"OMP_THREAD_LIMIT": "1"}, 1, "not bound"), ({"OMP_PROC_BIND": "false"}, 2, "not bound"),
    ({"OMP_PROC_BIND": "close", "OMP_PLACES": "{%d},{%d}"}, 2, "OpenMP's places")])
def test_openmp_is_obeyed_and_told(done_run, tmp_path, env, threads, cores):
    """The report says what OpenMP gave, and threads go where they are told to; the bytes stay."""
    top, _ = done_run
    cores_of_two = sorted(os.sched_getaffinity(0))[:2]
    env = {k: v % tuple(cores_of_two) if "%d" in v else v for k, v in env.items()}  # names of places need /sys
    done = subprocess.run(["taskset", "-c", ",".join(map(str, cores_of_two)), str(rig.BINARY), "run", "c.yaml", "-s",
                           f"output.folder={tmp_path / 'out'}"], cwd=top, env=rig.environment(2, **env),
                          capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    launch = rig.report(tmp_path / "out")["launch"]
    assert (launch["threads"], launch["cores"]) == (threads, cores)
    assert f"1 ranks x {threads} threads" in done.stdout
    assert ("OMP_THREAD_LIMIT=1" in done.stderr) == ("OMP_THREAD_LIMIT" in env)
    assert rig.digests(tmp_path / "out") == rig.digests(top / "out")


def test_software_multiplication_is_told_once(done_run, tmp_path):
    """Where there is no fused multiply-add: the same bytes, slowly, and the user hears why."""
    top, _ = done_run
    done = rig.run("run", "c.yaml", "-s", f"output.folder={tmp_path / 'out'}", cwd=top, ranks=2, status=0,
                   MILLRACE_SIMD="plain")
    assert done.stderr.count("fused multiply-add") == 1
    assert rig.digests(tmp_path / "out") == rig.digests(top / "out")


def test_looking_for_files_is_said_after_two_seconds(tmp_path):
    """A folder whose names take 20 ms each: the first line within 2 s; a folder that does not, none; --quiet: none."""
    slow = rig.slow_disk(tmp_path)
    (tmp_path / "in").mkdir()
    for i in range(200):
        (tmp_path / "in" / f"{i}.h5").touch()
    for files in ("in", "in/*.h5"):
        cfg = tmp_path / "c.yaml"
        cfg.write_text(f"input: {{files: {files}}}\nchain: []\noutput: {{folder: out}}\n")
        quick = rig.run("run", cfg, status=3, cwd=tmp_path)
        assert "looking for files" not in quick.stderr
        env = rig.environment(1, **slow(1000, SLOW_LSTAT_S="0.02"))
        t0 = time.monotonic()
        with subprocess.Popen([str(rig.BINARY), "run", str(cfg)], stderr=subprocess.PIPE, text=True, cwd=tmp_path, env=env) as p:
            line = p.stderr.readline()
            took = time.monotonic() - t0
            p.kill()
        assert re.match(r"millrace: looking for files: \d+ names so far, now in in", line) and took < 4, (line, took)
        hush = rig.run("run", cfg, "--quiet", status=3, cwd=tmp_path, **slow(1000, SLOW_LSTAT_S="0.015"))
        assert "looking for files" not in hush.stderr
