"""A recorder is played into a folder by every habit that recorders have, 50 times as fast as it records, and
followed: how soon each lane is there, that its bytes are those of a batch run, also when the run is killed
again and again, and that neither memory nor lag grows with the archive. `make test` plays ten minutes of
each at once, the torture half an hour of each alone."""
import json
import os
import random
import sys
import threading
import time
from pathlib import Path

import h5py
import pytest

import rig
from promises import PART, PARTS, TORTURE, figure
from test_watch import steered, told

sys.path.insert(0, str(rig.ROOT / "tests" / "tools"))
from play import HABITS, Play, odd_one  # noqa: E402

RATE, NC, FILE_S = 200, 200, 60
N = 30 if TORTURE else 10
STEP = 1.2  # s of the wall between two files of a minute
PATIENCE = 8 if TORTURE else 4  # s; the late file comes ten files late, or as the last
CHAIN = ["bandpass: {band: 2..20 Hz}", "decimate: {factor: 4}"]
SOON = 2.0 if TORTURE else 6.0  # `make test` plays all at once, beside whatever else


@pytest.fixture(scope="module")
def tape(tmp_path_factory):
    """N files of a minute."""
    return rig.archive(tmp_path_factory.mktemp("tape"), rig.noise(N * FILE_S * RATE, NC), RATE, FILE_S * RATE)


class Follower:
    """A run that follows a folder, and is started again when it was killed."""

    def __init__(self, top, how):
        self.top, self.out, self.how = top, top / "out", how
        self.said, self.kills = "", 0
        (top / "in").mkdir(parents=True)
        self.cfg = rig.config(top / "c.yaml", [f"{top}/in/*.h5"], CHAIN, self.out)
        self.start()

    def start(self):
        self.proc = rig.start("run", self.cfg, "--follow", "-s", f"follow.patience={PATIENCE} s", "-s",
                              "follow.idle=1 h", threads=2)
        rig.wait_for(lambda: told(self.out).get("pid") == self.proc.pid or self.proc.poll() is not None, "start", 60)
        assert self.proc.poll() is None, self.proc.communicate()

    def kill(self):
        rig.kill([self.proc.pid, *rig.children(self.proc.pid)])
        self.said += "".join(self.proc.communicate())
        self.kills += 1
        self.start()

    def stop(self):
        want = 10 if self.how == "endless" else 0
        rig.run("stop", self.out, status=0)
        self.said += "".join(self.proc.communicate(timeout=120))
        assert self.proc.returncode == want, self.said

    def batch(self):
        """Digests of a batch run over what lies in the folder now."""
        cfg = rig.config(self.top / "b.yaml", [f"{self.top}/in/*.h5"], CHAIN, self.top / "batch")
        rig.run("run", cfg, status=10 if self.how == "endless" else 0)
        return rig.digests(self.top / "batch")


def lags(out, play, how):
    """Seconds from the close of the file that completes a lane to its commit; not of lanes beside a file that
    never ends, which wait for patience."""
    n, lag = len(play.files), []
    for lane in rig.lanes(out):
        with h5py.File(lane) as h:
            k = int((h["time"][-1] - rig.T0) // (FILE_S * rig.S))
        beside = [x for x in (k - 1, k, k + 1) if 0 <= x < n]
        if k + 1 == n or not all(x in play.closed for x in beside):
            continue  # the last is open
        lag.append(lane.stat().st_ctime - max(play.closed[x] for x in beside))
    return lag


def play_once(tape, top, how):
    """What was said, and the lags."""
    f = Follower(top, how)
    play = Play(tape, top / "in", how, STEP)

    def judge_what_is_there():
        judged = rig.run("verify", f.out)
        assert judged.returncode == 75, judged.stdout

    try:
        play.run((lambda: None) if TORTURE else judge_what_is_there)  # there lags are measured
        most = N - 1 - (how == "endless")  # of that file there is none; the last is open
        rig.wait_for(lambda: len(rig.lanes(f.out)) >= most, f"lanes of {how}", PATIENCE + 10)
        time.sleep(1)
        lag = lags(f.out, play, how)
        f.stop()
    finally:
        rig.kill([f.proc.pid])
    assert rig.digests(f.out) == f.batch(), how
    assert rig.run("verify", f.out).returncode == 0 and not list(f.out.glob("**/*.part"))
    late = [row for row in rig.report(f.out)["ledger"] if row["kind"] == "late"]
    assert len(late) == (how == "late"), (how, late)
    if late:
        assert Path(late[0]["path"]).name == play.files[odd_one(N)].name and late[0]["count"] >= 2
    return lag


def judge(lag, what):
    lag = sorted(lag)
    p99 = lag[min(len(lag) - 1, int(0.99 * len(lag)))]
    median = lag[len(lag) // 2]
    figure(f"follow, {what}: lanes committed within 2 s of the file that completes them",
           sum(x <= 2 for x in lag), len(lag), f"{p99:.2f} s p99, {median:.2f} s median, {lag[-1]:.2f} s most")
    print(f"{what}: {len(lag)} lanes, median {median:.2f} s, p99 {p99:.2f} s, most {lag[-1]:.2f} s")
    assert p99 <= SOON, lag


@steered
@pytest.mark.skipif(not TORTURE, reason="the torture plays each alone")
@pytest.mark.parametrize("how", HABITS[PART - 1::PARTS])
def test_a_recorder_is_followed(tape, tmp_path, how):
    judge(play_once(tape, tmp_path, how), how)


@steered
@pytest.mark.skipif(TORTURE, reason="the torture plays each alone")
def test_recorders_of_all_habits_are_followed_at_once(tape, tmp_path):
    lag, bad = {}, []

    def one(how):
        try:
            lag[how] = play_once(tape, tmp_path / how, how)
        except BaseException as e:  # noqa: B902 (told below)
            bad.append((how, e))

    threads = [threading.Thread(target=one, args=[how]) for how in HABITS]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not bad, bad
    judge([x for v in lag.values() for x in v], "all habits at once")


@steered
@pytest.mark.parametrize("how", HABITS[PART - 1::PARTS] if TORTURE else ["write"])
def test_killed_at_random_moments_of_a_play(tape, tmp_path, how):
    """Six kills a play, started again each time: the same bytes."""
    kills = 6 if TORTURE else 3
    r = random.Random(HABITS.index(how))
    f = Follower(tmp_path, how)
    play = Play(tape, tmp_path / "in", how, STEP)
    thread = threading.Thread(target=play.run)
    end = time.monotonic() + N * STEP
    try:
        thread.start()
        for k in range(kills):  # at a random moment of each of as many parts of the play
            part = N * STEP / kills
            time.sleep(max(0, end - (kills - k) * part + r.uniform(0, part) - time.monotonic()))
            f.kill()
            judged = rig.run("verify", f.out)
            assert judged.returncode in (0, 75), judged.stdout  # what is committed is whole
        thread.join()
        f.stop()
    finally:
        rig.kill([f.proc.pid])
        thread.join()
    same = rig.digests(f.out) == f.batch() and rig.run("verify", f.out).returncode == 0
    figure("follow: SIGKILLs over the plays, started again, the same bytes", kills if same else 0, kills)
    assert same and f.kills == kills


def resources(pid):
    """KiB of anonymous memory, seconds on a core."""
    text = Path(f"/proc/{pid}/status").read_text()
    t = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(text.split("RssAnon:")[1].split()[0]), (int(t[11]) + int(t[12])) / os.sysconf("SC_CLK_TCK")


def small(folder, a, b):
    """Files a..b of a minute, ten samples a second, two channels."""
    data = rig.noise(600, 2)
    folder.mkdir(parents=True, exist_ok=True)
    for k in range(a, b):
        t = rig.T0 + k * 60 * rig.S
        rig.prodml(folder / rig.name_at(t), data, t, 10)


@steered
def test_ten_thousand_files(tmp_path):
    """Memory between two refreshes, work of a new file and of none: at 10,000 files as at 1,000."""
    few, many = (1000, 10_000) if TORTURE else (100, 1000)
    spare = tmp_path / "spare"
    small(tmp_path / "in", 0, few)
    small(spare, few, many + 40)
    more = sorted(spare.iterdir())
    out = tmp_path / "out"
    cfg = rig.config(tmp_path / "c.yaml", [f"{tmp_path}/in/*.h5"], ["lowpass: {corner: 2 Hz}"], out)
    proc = rig.start("run", cfg, "--follow", "-s", "follow.idle=1 h")

    def arrive(n):
        for _ in range(n):
            f = more.pop(0)
            f.rename(tmp_path / "in" / f.name)

    def settled(n):
        rig.wait_for(lambda: told(out).get("state") == "following" and told(out)["lanes"]["done"] >= n, f"{n} lanes",
                     600)
        time.sleep(25 if TORTURE else 12)  # the last refresh and its looks are over

    def measure():
        """KiB; seconds of a core that ten files take, one by one; share of a core while nothing comes."""
        kib, t0 = resources(proc.pid)
        nap = 40 if TORTURE else 8
        time.sleep(nap)
        idle = (resources(proc.pid)[1] - t0) / nap
        t0 = resources(proc.pid)[1]
        lag = []
        for _ in range(10):
            was = told(out)["lanes"]["done"]
            arrive(1)
            t1 = time.monotonic()
            rig.wait_for(lambda: told(out)["lanes"]["done"] > was, "lane", 30)
            lag.append(time.monotonic() - t1)
        return kib, (resources(proc.pid)[1] - t0) / 10, idle, sorted(lag)[5]

    try:
        settled(few - 1)
        kib0, work0, idle0, lag0 = measure()
        arrive(many - few - 10)
        settled(many - 1)
        kib1, work1, idle1, lag1 = measure()
        rig.run("stop", out, status=0)
        proc.communicate(timeout=300)
    finally:
        rig.kill([proc.pid])
    assert proc.returncode == 0
    note = (f"{kib1 / 1024:.1f} MiB at {many} files, {kib0 / 1024:.1f} at {few}; a new file takes {1e3 * work1:.0f} ms "
            f"of a core, {1e3 * work0:.0f}; its lane is told after {lag1:.2f} s, {lag0:.2f}; idle {100 * idle1:.2f} % "
            f"of a core, {100 * idle0:.2f}")
    print(note)
    flat = kib1 - kib0 <= 16 * 1024  # the catalogue and the plan: some 500 bytes a file and lane
    figure("follow: memory, lag and idle work of 10,000 files are those of 1,000", flat + (idle1 < 0.005), 2, note)
    assert flat and idle1 < 0.005 and idle0 < 0.005, note
    if TORTURE:
        assert lag1 - lag0 < 0.5, note
    assert len(rig.lanes(out)) == many + 10 and json.loads((out / "report.json").read_text())["status"] == 0
