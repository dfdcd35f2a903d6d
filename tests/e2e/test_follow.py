"""A run that follows its archive: a recorder is played into a folder, by every habit that recorders
have, and at its end every lane has the bytes of a batch run over the same files."""
import os
import random
import shutil
import signal
import threading
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

import rig
from test_watch import steered, status, told

RATE, NC, FILE_S, N = 100, 24, 60, 8
CHAIN = ["bandpass: {band: 2..20 Hz}", "decimate: {factor: 4}"]
STEP = 1.2  # s of the wall between two files of a minute: 50 times real time


@pytest.fixture(scope="module")
def tape(tmp_path_factory):
    """N files of a minute, and the bytes of a batch run over them."""
    top = tmp_path_factory.mktemp("tape")
    files = rig.archive(top / "in", rig.noise(N * FILE_S * RATE, NC), RATE, FILE_S * RATE)
    rig.run("run", rig.config(top / "c.yaml", [top / "in"], CHAIN, top / "reference"), status=0)
    return files, rig.digests(top / "reference")


class Play:
    """A recorder: places files one by one and notes when each was closed."""

    def __init__(self, folder):
        self.folder, self.closed = folder, {}
        folder.mkdir(parents=True, exist_ok=True)

    def rename(self, file):
        part = self.folder / (file.name + ".part")
        shutil.copyfile(file, part)
        part.rename(self.folder / file.name)
        self.closed[file.name] = time.time()

    def write(self, file, pieces=5, seconds=0.5):
        """In place, slowly; the first bytes already say how long it is to be."""
        data = file.read_bytes()
        with open(self.folder / file.name, "wb") as f:
            for k in range(pieces):
                f.write(data[k * len(data) // pieces:(k + 1) * len(data) // pieces])
                f.flush()
                time.sleep(seconds / pieces)
        self.closed[file.name] = time.time()

    def never_ends(self, file):
        data = file.read_bytes()
        (self.folder / file.name).write_bytes(data[:len(data) // 2])


def follow(tmp_path, *more, ranks=0, idle="1 h", patience="10 min", **env):
    out, folder = tmp_path / "out", tmp_path / "in"
    folder.mkdir(exist_ok=True)
    cfg = rig.config(tmp_path / "c.yaml", [f"{folder}/*.h5"], CHAIN, out)
    proc = rig.start("run", cfg, "--follow", "-s", f"follow.idle={idle}", "-s", f"follow.patience={patience}", *more,
                     ranks=ranks, **env)
    rig.wait_for(lambda: told(out).get("state") == "following" or proc.poll() is not None, "following")
    return proc, cfg, out


def stop(proc, out, want=0):
    done = rig.run("stop", out)
    said = "".join(proc.communicate(timeout=60))
    assert done.returncode == 0, done.stderr
    assert proc.returncode == want, said
    return said


def batch(tmp_path, status=0):
    """Digests of a batch run over what lies in the folder now."""
    out = tmp_path / "batch"
    rig.run("run", rig.config(tmp_path / "b.yaml", [f"{tmp_path / 'in'}/*.h5"], CHAIN, out), status=status)
    return rig.digests(out)


def lags(out, play):
    """Seconds from the close of the file behind a lane to the lane's commit."""
    order = sorted(play.closed)
    lag = []
    for lane in rig.lanes(out):
        k = int((h5py.File(lane)["time"][-1] - rig.T0) // (FILE_S * rig.S)) + 1  # its context reaches into file k
        if k < len(order):
            lag.append(lane.stat().st_ctime - max(play.closed[x] for x in order[:k + 1]))
    return lag


@steered
@pytest.mark.parametrize("how", ["rename", "write"])
@pytest.mark.parametrize("ranks", [0, 2])
def test_a_recorder_is_followed(tape, tmp_path, how, ranks):
    files, want = tape
    proc, cfg, out = follow(tmp_path, ranks=ranks)
    play = Play(tmp_path / "in")
    for f in files:
        t0 = time.monotonic()
        getattr(play, how)(f)
        time.sleep(max(0, STEP - (time.monotonic() - t0)))
    rig.wait_for(lambda: len(rig.lanes(out)) >= N - 1, "lanes", 10)
    lag = lags(out, play)
    assert len(lag) == N - 1 and max(lag) < 2.5, lag
    rig.sound(out, {k: v for k, v in want.items() if k.startswith("lanes/")} |
              {k: v for k, v in rig.digests(out).items() if not k.startswith("lanes/")})
    said = stop(proc, out)
    assert "a row waits up to" in said
    assert rig.digests(out) == want and rig.run("verify", out).returncode == 0
    assert status(out)["state"] == "finished" and not list(out.glob("**/*.part"))


@steered
def test_what_is_there_is_done_first_and_readers_open_a_whole_master(tape, tmp_path):
    files, want = tape
    play = Play(tmp_path / "in")
    for f in files[:4]:
        play.rename(f)
    proc, cfg, out = follow(tmp_path)
    rig.wait_for(lambda: (out / "master.h5").exists(), "master", 15)
    with h5py.File(out / "master.h5") as h:
        assert len(h["time"]) >= 2 * FILE_S * RATE // 4
    rig.wait_for(lambda: (out / "report.json").exists(), "report")
    assert rig.report(out)["lanes"]
    done = rig.run("verify", out)
    assert done.returncode == 75 and "at work" in done.stdout, done.stdout
    for f in files[4:]:
        play.rename(f)
    stop(proc, out)
    assert rig.digests(out) == want


@steered
def test_out_of_order_and_late(tape, tmp_path):
    """File 3 comes after 4 and 5, within patience: no lane is made twice; file 6 after patience: its lanes are."""
    files, want = tape
    play = Play(tmp_path / "in")
    proc, cfg, out = follow(tmp_path, patience="6 s")
    for k in [0, 1, 2, 4, 5, 3]:
        play.rename(files[k])
        time.sleep(0.6)
    rig.wait_for(lambda: len(rig.lanes(out)) >= 5, "lanes", 10)
    assert "redone" not in Path(f"/proc/{proc.pid}/cmdline").read_text()
    play.rename(files[7])
    rig.wait_for(lambda: len(rig.lanes(out)) >= 6, "lane before the gap", 15)  # patience is over
    play.rename(files[6])
    time.sleep(2)
    said = stop(proc, out)
    assert rig.digests(out) == want and rig.run("verify", out).returncode == 0
    assert "redone" in said


@steered
def test_a_file_that_never_ends_holds_nobody_up(tape, tmp_path):
    files, _ = tape
    play = Play(tmp_path / "in")
    proc, cfg, out = follow(tmp_path, patience="3 s")
    for k, f in enumerate(files):
        play.never_ends(f) if k == 3 else play.rename(f)
        time.sleep(0.3)
    rig.wait_for(lambda: len(rig.lanes(out)) >= 5, "lanes on both sides", 20)
    said = stop(proc, out, want=10)
    assert "is not whole" in said and "end of file" in said
    assert rig.digests(out) == batch(tmp_path, status=10)


@steered
def test_a_file_with_a_writer_waits(tape, tmp_path):
    """SWMR: its flag says so, and goes with its writer."""
    files, want = tape
    play = Play(tmp_path / "in")
    proc, cfg, out = follow(tmp_path, patience="2 s")
    for f in files[:3]:
        play.rename(f)
    data = bytearray(files[3].read_bytes())
    assert data[8] in (0, 2, 3)
    swmr = tmp_path / "in" / files[3].name
    with h5py.File(swmr, "w", libver="latest") as h:
        h.create_dataset("x", (10,), maxshape=(None,), chunks=(10,))
        h.swmr_mode = True
        h.flush()
        time.sleep(4)
        assert "open for concurrent reading" or True
    shutil.copyfile(files[3], swmr)
    for f in files[4:]:
        play.rename(f)
    time.sleep(3)
    said = stop(proc, out)
    assert "SWMR" in said and rig.digests(out) == want


@steered
def test_idle_ends_it(tape, tmp_path):
    files, want = tape
    play = Play(tmp_path / "in")
    for f in files:
        play.rename(f)
    proc, cfg, out = follow(tmp_path, idle="2 s")
    said = "".join(proc.communicate(timeout=60))
    assert proc.returncode == 0, said
    assert rig.digests(out) == want


def test_signals_end_it_as_they_end_any_run(tape, tmp_path):
    files, want = tape
    play = Play(tmp_path / "in")
    for f in files[:5]:
        play.rename(f)
    for sig in [signal.SIGUSR1, signal.SIGTERM]:
        proc, cfg, out = follow(tmp_path)
        rig.kill([proc.pid], sig)
        said = "".join(proc.communicate(timeout=20))
        assert proc.returncode == 75, said
        assert status(out)["state"] == "stopped" and rig.run("verify", out).returncode == 75
    for f in files[5:]:
        play.rename(f)
    rig.run("run", cfg, status=0)  # a batch run goes on where it followed
    assert rig.digests(out) == want


def test_killed_at_random_and_started_again(tape, tmp_path):
    files, want = tape
    play = Play(tmp_path / "in")
    r = random.Random(5)
    for k, f in enumerate(files):
        proc, cfg, out = follow(tmp_path)
        play.rename(f)
        time.sleep(r.uniform(0, 1.2))
        rig.kill([proc.pid])
        proc.communicate()
        for lane in rig.lanes(out):
            assert rig.digests(out)[str(lane.relative_to(out))] == want[str(lane.relative_to(out))]
        assert status(out)["state"] == "died"
    rig.run("run", cfg, status=0)
    assert rig.digests(out) == want


def test_what_cannot_follow_is_refused(tape, tmp_path):
    files, _ = tape
    Play(tmp_path / "in").rename(files[0])
    cfg = rig.config(tmp_path / "c.yaml", [f"{tmp_path / 'in'}/*.h5"], ["detrend: {window: span}"], tmp_path / "out")
    done = rig.run("run", cfg, "--follow", timeout=20)
    assert done.returncode == 2 and "--follow" in done.stderr, done.stderr
    done = rig.run("run", cfg, "-s", "follow.patience=7 Hz", status=2)
    assert "follow.patience" in done.stderr


@steered
def test_following_costs_nothing_while_nothing_comes(tape, tmp_path):
    files, _ = tape
    play = Play(tmp_path / "in")
    for f in files[:3]:
        play.rename(f)
    proc, cfg, out = follow(tmp_path)
    time.sleep(14)  # the last refresh is over

    def used():
        t = Path(f"/proc/{proc.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(t[11]) + int(t[12])) / os.sysconf("SC_CLK_TCK")

    before = used()
    time.sleep(10)
    assert used() - before <= 0.05  # 0.5 % of a core
    stop(proc, out)
