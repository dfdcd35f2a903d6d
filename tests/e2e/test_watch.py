"""A run as it is seen and steered from outside: its state at every point of its life, by files alone;
stop, pause, resume and watch by those who have the key, and by nobody else; not one byte of a lane
changes by any of it. Inputs are made slow, so that there is something to see."""
import hashlib
import hmac
import json
import os
import random
import resource
import signal
import socket
import stat
import subprocess
import time
from pathlib import Path

import pytest

import rig

RATE, NC, LANES = 200, 32, 4
CHAIN = ["bandpass: {band: 20..60 Hz, order: 8}", "decimate: {factor: 2}"]
BUILT = "libsodium" in subprocess.run(["ldd", rig.BINARY], capture_output=True, text=True).stdout
steered = pytest.mark.skipif(not BUILT, reason="built without libsodium")


@pytest.fixture(scope="module")
def slow(tmp_path_factory):
    return rig.slow_disk(tmp_path_factory.mktemp("slow"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Four lanes of a minute, 1.5 MB each, and the bytes of an undisturbed run."""
    top = tmp_path_factory.mktemp("watch")
    rig.archive(top / "in", rig.noise(LANES * 60 * RATE, NC), RATE, 50 * RATE)
    rig.run("run", rig.config(top / "c.yaml", [top / "in"], CHAIN, top / "reference"), status=0)
    return top, rig.digests(top / "reference")


@pytest.fixture
def job(whole, tmp_path):
    top, want = whole
    out = tmp_path / "out"
    return rig.config(tmp_path / "c.yaml", [top / "in"], CHAIN, out), out, want


def status(out):
    return json.loads(rig.run("status", out, "--json", status=0).stdout)


def told(out):
    """What the file says, without the program."""
    try:
        return json.loads((out / ".millrace" / "status.json").read_text())
    except (OSError, ValueError):
        return {}


def reaches(out, state, seconds=20):
    return rig.wait_for(lambda: told(out).get("state") == state, state, seconds)


def finish(cfg, out, want):
    rig.sound(out, want)
    rig.run("run", cfg, status=0)
    assert rig.digests(out) == want and not list(out.glob("**/*.part"))
    assert rig.run("verify", out).returncode == 0


# --- states

def test_no_run_has_been_there(tmp_path):
    assert rig.run("status", tmp_path).returncode == 3
    assert rig.run("status", tmp_path / "none").returncode == 3
    for verb in ["stop", "pause", "resume", "watch"]:
        assert rig.run(verb, tmp_path).returncode == 3


def test_a_finished_run(job):
    cfg, out, want = job
    rig.run("run", cfg, status=0)
    s = status(out)
    assert s["state"] == "finished" and s["status"] == 0 and s["eta_s"] == 0
    assert s["lanes"] == {"done": LANES, "in_hand": 0, "left": 0, "total": LANES}
    assert s["blocks"]["done"] == s["blocks"]["total"] > 0
    assert s["memory"]["planned_bytes"] > s["memory"]["peak_bytes"] * 0.5 > 0
    assert sorted(p.name for p in (out / ".millrace").iterdir()) == ["plan.json", "plan.sum", "status.json", "survey"]
    assert rig.digests(out) == want and rig.run("verify", out).returncode == 0
    assert rig.run("stop", out).returncode == 3


def test_a_folder_from_before_there_were_status_files(job):
    cfg, out, _ = job
    rig.run("run", cfg, status=0)
    (out / ".millrace" / "status.json").unlink()
    s = status(out)
    assert (s["state"], s["status"], s["lanes"]) == ("finished", 0, {"done": LANES, "total": LANES})
    for name in ["index.csv", "report.json"]:
        (out / name).unlink()
    s = status(out)
    assert s["state"] == "died" and s["lanes"]["done"] == LANES


def test_running_then_killed(job, slow):
    cfg, out, want = job
    proc = rig.start("run", cfg, **slow(0.5))
    reaches(out, "running")
    rig.wait_for(lambda: rig.lanes(out), "lane")
    rig.wait_for(lambda: told(out)["lanes"]["done"] >= 1, "lane told")
    s = status(out)
    assert s["state"] == "running" and s["pid"] == proc.pid and s["status"] is None
    assert s["lanes"]["total"] == LANES and s["lanes"]["in_hand"] >= 1 and s["age_s"] < 10
    assert s["ranks"][0]["host"] == s["host"] == socket.gethostname()
    rig.kill([proc.pid])
    proc.communicate()
    assert status(out)["state"] == "died"
    assert "run the same command again" in rig.run("status", out, status=0).stdout
    finish(cfg, out, want)
    assert status(out)["state"] == "finished"


def test_what_reads_slowly_is_the_bottleneck(job, slow):
    cfg, out, _ = job
    proc = rig.start("run", cfg, **slow(0.5))
    rig.wait_for(lambda: told(out).get("bottleneck") == "reading" and told(out)["eta_s"], "bottleneck", 30)
    s = told(out)
    assert 0.2 < s["rate_mb_s"] < 2 and s["eta_s"] > 0  # two readers at 0.5 MB/s
    rig.kill([proc.pid])
    proc.communicate()


def test_silent_for_long_is_dead_by_the_file_servers_clock(job, slow):
    """As seen from another host: the lock proves nothing there."""
    cfg, out, want = job
    proc = rig.start("run", cfg, **slow(0.5))
    reaches(out, "running")
    rig.kill([proc.pid], signal.SIGSTOP)
    file = out / ".millrace" / "status.json"
    for age, state in [(25, "running"), (40, "died")]:
        os.utime(file, (time.time() - age,) * 2)
        assert status(out)["state"] == state
    rig.kill([proc.pid], signal.SIGCONT)
    rig.kill([proc.pid])
    proc.communicate()
    finish(cfg, out, want)


@pytest.mark.parametrize("sig", [signal.SIGUSR1, signal.SIGTERM])
def test_stopped(job, slow, sig):
    cfg, out, want = job
    proc = rig.start("run", cfg, **slow(0.5))
    rig.wait_for(lambda: rig.lanes(out), "lane")
    rig.kill([proc.pid], sig)
    proc.communicate(timeout=20)
    s = status(out)
    assert (s["state"], s["status"]) == ("stopped", 75) and 1 <= s["lanes"]["done"] < LANES
    assert s["lanes"]["in_hand"] == 0 and "stopped early" in s["error"]
    finish(cfg, out, want)


def test_killed_in_each_phase(job, slow):
    """Twelve kills at random: whatever it was doing, the state is died, and a rerun goes on."""
    cfg, out, want = job
    for k in range(12):
        proc = rig.start("run", cfg, **slow(3))
        rig.wait_for(lambda: told(out).get("pid") == proc.pid or proc.poll() is not None, "status")
        time.sleep(random.Random(k).uniform(0, 0.4))
        rig.kill([proc.pid])
        proc.communicate()
        if proc.returncode == -signal.SIGKILL:
            assert status(out)["state"] in ("died", "finished")
        rig.sound(out, want)
    finish(cfg, out, want)


SUMS = ["correlate: {sources: [0, 9], window: 5 s, max_lag: 1 s, stack: all}"]
STATES = [("surveying", None, {}), ("planning", None, dict(SLOW_SYNC_S="0.3")), ("running", None, {}),
          ("paused", None, {}), ("merging", SUMS, dict(SLOW_SYNC_S="0.3")), ("following", None, {})]


@pytest.mark.parametrize("state, chain, slowly", STATES, ids=[s[0] for s in STATES])
def test_killed_in_each_state(job, whole, slow, tmp_path, state, chain, slowly):
    """Held where it is by SIGSTOP: status says which state that is; killed there: died; then a rerun goes on."""
    cfg, out, want = job
    if chain:
        cfg = rig.config(tmp_path / "s.yaml", [whole[0] / "in"], chain, out)
        rig.run("run", cfg, "-s", f"output.folder={tmp_path / 'ref'}", status=0)
        want = rig.digests(tmp_path / "ref")
    if state == "paused" and not BUILT:
        pytest.skip("built without libsodium")
    more = ["--follow"] if state == "following" else []
    rate = "1000" if more or chain else "1"
    proc = rig.start("run", cfg, *more, **slow(rate, **slowly))
    try:
        if state == "paused":
            reaches(out, "running")
            rig.run("pause", out, status=0)
        reaches(out, state)
        rig.kill([proc.pid], signal.SIGSTOP)
        if told(out)["state"] == state:  # else it went on in between, which only a state of milliseconds does
            s = status(out)
            assert s["state"] == state and s["pid"] == proc.pid and s["status"] is None
            assert s["follow"] == (state == "following") and s["lanes"]["done"] <= s["lanes"]["total"]
            if state in ("running", "paused", "merging", "following"):
                assert s["lanes"]["total"] >= 1 and s["memory"]["planned_bytes"] > 0
        else:
            assert state in ("surveying", "planning"), told(out)["state"]
    finally:
        rig.kill([proc.pid])
        proc.communicate()
    assert status(out)["state"] == "died"
    rig.run("run", cfg, status=0)
    assert rig.digests(out) == want and rig.run("verify", out).returncode == 0
    assert status(out)["state"] == "finished"


def test_a_run_that_fails_says_so(job, tmp_path):
    """Stopped, with why; a run that has nothing to work on likewise."""
    cfg, out, _ = job
    rig.run("run", cfg, "-s", f"input.files={tmp_path / 'nothing' / '*.h5'}", status=3)
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "a.h5").write_bytes(b"no recording" * 1000)
    rig.run("run", cfg, "-s", f"input.files={broken}", "--follow", "-s", "follow.idle=1 s", status=(3, 10), timeout=30)
    s = status(out)
    assert s["state"] == "stopped" and s["status"] in (3, 10) and s["error"]


def test_a_refused_run_leaves_the_state_as_it_was(job, tmp_path):
    cfg, out, want = job
    rig.run("run", cfg, status=0)
    before = told(out)
    rig.run("run", cfg, "-s", "chain.decimate.factor=4", status=2)
    assert told(out) == before
    rig.run("run", cfg, "-s", f"output.folder={tmp_path / 'new'}", "-s", "run.memory=1 MiB", status=5)
    assert not (tmp_path / "new").exists()


def test_status_of_many_lanes_takes_no_time(tmp_path):
    """100,000 lanes finished before there were status files, on whatever disk this is."""
    out = tmp_path / "out"
    (out / ".millrace").mkdir(parents=True)
    rows = "".join(f"lanes/2026-01-01/{k:08d}.h5,2026-01-01T00:00:00Z,2026-01-01T00:01:00Z,6000,32,{k:032x}\n"
                   for k in range(100_000))
    (out / "index.csv").write_text("file,start,end,rows,channels,checksum\n" + rows)
    lanes = ",".join(f'\n  {{"file":"{k}","rows":6000}}' for k in range(100_000))
    (out / "report.json").write_text(
        '{\n "schema": 1,\n "status": 0,\n "bottleneck": "reading",\n "inputs": [],\n "lanes": [' + lanes + "]\n}\n")
    took = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        s = status(out)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)  # its own time: others may hold the cores
        took.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert (s["state"], s["lanes"]["done"], s["bottleneck"]) == ("finished", 100_000, "reading")
    assert min(took) < 0.1, took


# --- verify in between

def test_verify_tells_unfinished_from_damaged(job, slow):
    cfg, out, want = job
    proc = rig.start("run", cfg, **slow(0.5))
    rig.wait_for(lambda: rig.lanes(out), "lane")
    done = rig.run("verify", out)
    assert done.returncode == 75 and "a run is at work" in done.stdout, done.stdout
    rig.kill([proc.pid], signal.SIGUSR1)
    proc.communicate(timeout=20)
    done = rig.run("verify", out)
    assert done.returncode == 75 and "incomplete" in done.stdout, done.stdout
    lane = rig.lanes(out)[0]
    good = lane.read_bytes()
    lane.write_bytes(good[:-100] + bytes([good[-100] ^ 1]) + good[-99:])
    assert rig.run("verify", out).returncode == 7
    lane.write_bytes(good)
    finish(cfg, out, want)


# --- control

@steered
@pytest.mark.parametrize("ranks", [0, 2])
def test_pause_resume_stop(job, slow, ranks):
    cfg, out, want = job
    proc = rig.start("run", cfg, ranks=ranks, **slow(0.6 / max(ranks, 1)))
    reaches(out, "running")
    rig.run("pause", out, status=0)
    assert status(out)["state"] == "paused"
    time.sleep(4)  # what was computed is written, and told
    before = told(out)["blocks"]["done"], sorted(rig.lanes(out))
    time.sleep(3)
    assert (told(out)["blocks"]["done"], sorted(rig.lanes(out))) == before and proc.poll() is None
    assert status(out)["state"] == "paused" and before[0] < told(out)["blocks"]["total"]
    assert rig.run("resume", out).returncode == 0
    rig.wait_for(lambda: told(out)["blocks"]["done"] > before[0], "block", 30)
    stopping = rig.run("stop", out).returncode  # what was read while it rested may be done by now
    proc.communicate(timeout=30)
    assert (stopping, proc.returncode) in [(0, 75), (0, 0), (3, 0)]
    assert status(out)["state"] == ("stopped" if proc.returncode else "finished")
    assert not (out / ".millrace" / "key").exists() and not (out / ".millrace" / "control").exists()
    finish(cfg, out, want)


@steered
def test_a_paused_run_stops(job, slow):
    cfg, out, want = job
    proc = rig.start("run", cfg, **slow(1))
    reaches(out, "running")
    rig.run("pause", out, status=0)
    time.sleep(0.5)
    t0 = time.monotonic()
    rig.run("stop", out, status=0)
    proc.communicate(timeout=20)
    assert proc.returncode == 75 and time.monotonic() - t0 < 10
    finish(cfg, out, want)


@steered
def test_watch_sees_it_to_its_end(job, slow):
    cfg, out, want = job
    proc = rig.start("run", cfg, **slow(2))
    reaches(out, "running")
    seen = rig.run("watch", out, "--json", status=0, timeout=60)
    states = [json.loads(x)["state"] for x in seen.stdout.splitlines()]
    assert states[0] == "running" and states[-1] == "finished" and len(states) >= 3, states
    proc.communicate(timeout=20)
    assert rig.digests(out) == want


@steered
def test_over_tcp_when_asked_for(job, slow):
    cfg, out, _ = job
    proc = rig.start("run", cfg, "--control", "tcp:127.0.0.1", **slow(0.5))
    reaches(out, "running")
    assert told(out)["control"]["tcp"].startswith("tcp:127.0.0.1:")
    (out / ".millrace" / "control").rename(out / ".millrace" / "gone")  # as from another host
    rig.run("stop", out, status=0)
    proc.communicate(timeout=20)
    assert proc.returncode == 75
    rig.run("run", cfg, "--control", "udp", status=2)


@steered
def test_a_folder_whose_name_is_longer_than_a_sockets_may_be(job, slow, tmp_path):
    cfg, _, _ = job
    out = tmp_path / ("deep" * 30) / ("deeper" * 20) / "out"
    proc = rig.start("run", cfg, "-s", f"output.folder={out}", **slow(0.5))
    reaches(out, "running")
    rig.run("stop", out, status=0)
    proc.communicate(timeout=20)
    assert proc.returncode == 75


@steered
def test_the_key_is_secret(job, slow):
    """0600; another key, and one that others may read, are not enough; it is in no log and no process list."""
    cfg, out, want = job
    proc = rig.start("run", cfg, "--control", "tcp:127.0.0.1", **slow(0.5))
    reaches(out, "running")
    key = out / ".millrace" / "key"
    secret = key.read_text().strip()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600 and len(secret) == 64
    assert stat.S_IMODE((out / ".millrace" / "control").stat().st_mode) == 0o600
    key.chmod(0o640)
    assert rig.run("stop", out).returncode == 77
    key.chmod(0o600)
    key.write_text("0" * 64 + "\n")
    for _ in range(3):
        assert rig.run("pause", out).returncode == 77
    assert status(out)["state"] == "running"
    key.write_text(secret + "\n")
    assert secret not in rig.command_line(proc.pid)
    rig.run("stop", out, status=0)
    said = "".join(proc.communicate(timeout=20))
    assert proc.returncode == 75 and said.count("turned away") == 1, said
    everything = b"".join(p.read_bytes() for p in out.rglob("*") if p.is_file())
    assert secret not in said and secret.encode() not in everything
    finish(cfg, out, want)


def hello(key, nonce):
    """The first word of a client (src/watch/wire.h)."""
    return b"MRC1" + nonce + hmac.new(key, b"millrace 1 hello\0" + nonce, hashlib.sha256).digest()


@steered
def test_hostile_callers_move_nothing(job, slow):
    """200 of them, slow, huge, with another key, cut, repeating a first word of somebody who has the key, and 1,000
    connections at once: each is told nothing but a close."""
    cfg, out, want = job
    proc = rig.start("run", cfg, "--control", "tcp:127.0.0.1", **slow(1))
    reaches(out, "running")
    _, host, port = told(out)["control"]["tcp"].split(":")
    r = random.Random(1)
    where = (host, int(port))
    key = bytes.fromhex((out / ".millrace" / "key").read_text().strip())
    before = hello(key, r.randbytes(32))
    with socket.create_connection(where, timeout=10) as s:
        s.sendall(before)
        assert len(s.recv(100)) == 64  # who has the key is answered, once
    words = [b"", b"MRC1", hello(r.randbytes(32), r.randbytes(32)), b"GET / HTTP/1.0\r\n\r\n" * 10,
             r.randbytes(100_000), before, bytes(68)]
    for k in range(200):
        with socket.create_connection(where, timeout=10) as s:
            heard = b""
            try:
                s.sendall(words[k % 7])
                if k % 7 < 2:
                    s.shutdown(socket.SHUT_WR)
                heard = s.recv(100)
            except ConnectionError:
                pass
            assert heard == b""
    many = []
    for _ in range(1000):
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex(where)
        many.append(s)
    assert rig.run("pause", out, timeout=20).returncode == 0
    assert rig.run("resume", out, timeout=20).returncode == 0
    for s in many:
        s.close()
    said = "".join(proc.communicate(timeout=60))
    assert proc.returncode == 0 and said.count("turned away") == 1, said
    assert rig.digests(out) == want
