"""Every way of being told to stop: what is committed stays, a rerun of the same command gives the same
bytes, the status is the documented one, and it happens in time. Inputs are made slow, so that signals
come in the middle of something."""
import signal
import subprocess
import time

import pytest

import rig

RATE, NC, LANES = 200, 32, 4
CHAIN = ["bandpass: {band: 20..60 Hz, order: 8}", "decimate: {factor: 2}"]
GO_ON = "run the same command again to go on"


@pytest.fixture(scope="module")
def slow(tmp_path_factory):
    """slow(MB/s of a reading thread): environment for that."""
    return rig.slow_disk(tmp_path_factory.mktemp("slow"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Four lanes of a minute, 1.5 MB each, and the bytes of an undisturbed run."""
    top = tmp_path_factory.mktemp("stop")
    rig.archive(top / "in", rig.noise(LANES * 60 * RATE, NC), RATE, 50 * RATE)
    rig.run("run", rig.config(top / "c.yaml", [top / "in"], CHAIN, top / "reference"), status=0)
    return top, rig.digests(top / "reference")


@pytest.fixture
def job(whole, tmp_path):
    top, want = whole
    out = tmp_path / "out"
    return rig.config(tmp_path / "c.yaml", [top / "in"], CHAIN, out), out, want


def reading(proc, out, ranks=1):
    """Wait until all ranks are at their lanes."""
    rig.wait_for(lambda: (out / ".millrace" / "plan.json").exists(), "plan")
    rig.wait_for(lambda: len(rig.processes(proc)) == max(ranks, 1), "ranks")
    time.sleep(0.3)
    assert proc.poll() is None


def finish(cfg, out, want, ranks=0):
    rig.sound(out, want)
    rig.run("run", cfg, status=0, ranks=ranks)
    assert rig.digests(out) == want and not list(out.glob("**/*.part"))


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_a_lone_process_leaves_at_once_in_the_middle_of_a_block(job, slow, sig):
    """At 0.5 MB/s and two readers a lane takes 1.5 s, a block in hand some of that; five seconds is
    when it would leave whatever it is doing."""
    cfg, out, want = job
    proc = rig.start("run", cfg, **slow(0.5))
    rig.wait_for(lambda: rig.lanes(out), "lane")
    t0 = time.monotonic()
    rig.kill([proc.pid], sig)
    _, err = proc.communicate(timeout=20)
    assert time.monotonic() - t0 < 4
    assert proc.returncode == 75 and err.count(GO_ON) == 1, err
    assert rig.report(out)["status"] == 75 and not (out / ".millrace" / "lock").exists()
    finish(cfg, out, want)


def test_a_process_that_cannot_end_in_order_ends_all_the_same(job, slow):
    """The disk does not answer: 25 s for a first intake."""
    cfg, out, want = job
    proc = rig.start("run", cfg, **slow(0.03))
    reading(proc, out)
    t0 = time.monotonic()
    rig.kill([proc.pid], signal.SIGTERM)
    _, err = proc.communicate(timeout=20)
    assert 4 < time.monotonic() - t0 < 8
    assert proc.returncode == 75 and err.count(GO_ON) == 1
    finish(cfg, out, want)  # the lock it left is taken over


def test_a_second_interrupt_kills(job, slow):
    cfg, out, want = job
    proc = rig.start("run", cfg, **slow(0.03))
    reading(proc, out)
    rig.kill([proc.pid], signal.SIGINT)
    time.sleep(0.2)
    rig.kill([proc.pid], signal.SIGINT)
    proc.communicate(timeout=3)
    assert proc.returncode == -signal.SIGINT
    finish(cfg, out, want)


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_mpirun_gives_a_second_and_says_how_to_go_on(job, slow, sig, tmp_path):
    """mpirun itself ends with 1 then, or with what a rank ended with. It sleeps between its signals and
    may leave before it has passed on what ranks said last: the ranks write to a file of their own. One
    reader a rank at 0.8 MB/s: the second lanes end 2 s after the first, mpirun's second before that."""
    cfg, out, want = job
    said = tmp_path / "said"
    launch = rig.command("run", cfg, "-s", "run.io_threads=1", ranks=2)
    launch[3:3] = ["sh", "-c", f'exec "$0" "$@" 2>> {said}']
    proc = subprocess.Popen(launch, env=rig.environment(**slow(0.8)), start_new_session=True,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    rig.wait_for(lambda: rig.lanes(out), "lane", 30)
    rig.kill([proc.pid], sig)
    proc.wait(timeout=10)
    assert proc.returncode != 0 and said.read_text().count(GO_ON) == 1, said.read_text()
    finish(cfg, out, want, 2)


def opens_an_input(pid):
    links = [f.resolve() for f in rig.Path(f"/proc/{pid}/fd").iterdir()]
    return any(f.suffix == ".h5" and f.parent.name == "in" for f in links)


@pytest.mark.parametrize("threads", ["multiple", "funneled"])
def test_a_rank_without_work_still_hears_the_signal(tmp_path, slow, threads):
    """Three ranks and two lanes in five blocks each (of at most 65,536 rows, 13 s): the signal comes to
    a rank that has no lane, and all of them stop."""
    rig.archive(tmp_path / "in", rig.noise(120 * 5000, 8), 5000, 60 * 5000)
    out = tmp_path / "out"
    cfg = rig.config(tmp_path / "c.yaml", [tmp_path / "in"], CHAIN, out)
    proc = rig.start("run", cfg, ranks=3, MILLRACE_MPI_THREADS=threads, **slow(2))
    reading(proc, out, 3)
    at_work = lambda: [p for p in rig.processes(proc) if opens_an_input(p)]
    rig.wait_for(at_work, "rank at work")
    time.sleep(0.3)
    idle = set(rig.processes(proc)) - set(at_work())
    rig.kill([max(idle)], signal.SIGUSR1)
    _, err = proc.communicate(timeout=30)
    assert proc.returncode == 75 and GO_ON in err, err
    told = rig.report(out)
    assert told["status"] == 75 and not told["lanes"]


def test_usr1_while_a_long_block_is_read(job, slow):
    """A stop is heard within the time of a block and five seconds: here a lane of 1.5 MB, 5 s."""
    cfg, out, want = job
    proc = rig.start("run", cfg, ranks=2, **slow(0.3))
    reading(proc, out, 2)
    t0 = time.monotonic()
    rig.kill([proc.pid], signal.SIGUSR1)
    proc.communicate(timeout=40)
    assert proc.returncode == 75 and time.monotonic() - t0 < 5 + 5
    finish(cfg, out, want, 2)


def catches(pid, sig):
    text = rig.Path(f"/proc/{pid}/status").read_text()
    mask = [line.split()[1] for line in text.splitlines() if line.startswith("SigCgt")]
    return mask and int(mask[0], 16) >> (sig - 1) & 1


def test_usr1_right_after_the_start_never_kills(job):
    """Whatever the moment: stopped or done, never ended by the signal."""
    cfg, out, want = job
    for wait_s in (0, 0.02, 0.05, 0.1):
        proc = rig.start("run", cfg)
        rig.wait_for(lambda: catches(proc.pid, signal.SIGUSR1), "handler")
        time.sleep(wait_s)
        rig.kill([proc.pid], signal.SIGUSR1)
        _, err = proc.communicate(timeout=20)
        assert proc.returncode in (0, 75), err
    finish(cfg, out, want)


def test_a_stop_that_comes_when_all_is_done_stops_nothing(job):
    """The run has nothing left to do."""
    cfg, out, want = job
    rig.run("run", cfg, status=0)
    proc = rig.start("run", cfg)
    rig.wait_for(lambda: catches(proc.pid, signal.SIGUSR1), "handler")
    rig.kill([proc.pid], signal.SIGUSR1)
    proc.communicate(timeout=20)
    assert proc.returncode == 0 or rig.report(out)["status"] == 0
    finish(cfg, out, want)
