"""Kill anything at any time, run the same command again: the same bytes. A file under its final name
is always whole. What changed is redone, nothing else."""
import hashlib
import os
import random
import shutil
import signal
import time

import h5py
import numpy as np
import pytest

import rig

RATE, NC = 200, 150
CHAIN = ["bandpass: {band: 20..60 Hz, order: 8}", "decimate: {factor: 2}"]  # some work for each lane


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Ten lanes of a minute, files of 25 s, and what an uninterrupted run makes of them."""
    top = tmp_path_factory.mktemp("kill")
    rig.archive(top / "in", rig.noise(580 * RATE, NC), RATE, 25 * RATE, rig.T0 + 10 * rig.S)
    cfg = rig.config(top / "c.yaml", [top / "in"], CHAIN, top / "reference", run_=["memory: 256 MiB"])
    rig.run("run", cfg, status=0)
    return top, rig.digests(top / "reference"), rig.report(top / "reference")["timing"]["wall_s"]


def config(whole, out, name="k.yaml"):
    top, _, _ = whole
    return rig.config(out.parent / name, [top / "in"], CHAIN, out, run_=["memory: 256 MiB"])


def sound(out, want):
    """Every file under its final name has the bytes of the uninterrupted run. Parts come and go."""
    for path in [*rig.lanes(out), out / "master.h5", out / "index.csv"]:
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            continue
        name = str(path.relative_to(out))
        assert hashlib.sha256(data).hexdigest() == want[name], name


def locked(out):
    return (out / ".millrace" / "lock").exists()


@pytest.fixture(scope="module")
def slow(tmp_path_factory):
    """A lane takes a second to read: a signal after the first lane meets the run in its middle."""
    return rig.slow_disk(tmp_path_factory.mktemp("slow"))(8)


def begin(cfg, out, ranks, env={}):
    proc = rig.start("run", cfg, ranks=ranks, **env)
    rig.wait_for(lambda: locked(out) or proc.poll() is not None, "lock")
    return proc


@pytest.mark.parametrize("ranks,kills", [(0, 8), (2, 6), (4, 6)])
def test_twenty_kills_at_random_moments(whole, tmp_path, ranks, kills):
    """A random rank, or all and the launcher; half of the reruns are killed again."""
    _, want, wall = whole
    rng = random.Random(ranks)
    out = tmp_path / "out"
    cfg = config(whole, out)
    done = 0
    while done < kills:
        proc = begin(cfg, out, ranks)
        time.sleep(rng.uniform(0, 1.1 * wall))
        pids = rig.processes(proc)
        if pids and proc.poll() is None:
            victims = pids + [proc.pid] if rng.random() < 0.6 else [rng.choice(pids)]
            rig.kill(victims)
            done += 1
        sound(out, want)  # the other ranks may still be at work
        proc.communicate(timeout=30)
        sound(out, want)
        if rng.random() < 0.5:
            rig.run("run", cfg, ranks=ranks, status=0)
            assert rig.digests(out) == want
            rig.run("verify", out, status=0)
            rig.fresh(out)
    rig.run("run", cfg, ranks=ranks, status=0)
    assert rig.digests(out) == want
    assert not list(out.glob("**/*.part")) and not locked(out)


def test_every_file_is_whole_the_moment_it_appears(whole, tmp_path):
    _, want, _ = whole
    out = tmp_path / "out"
    proc = begin(config(whole, out), out, 2)
    seen = set()
    while proc.poll() is None:
        for path in rig.lanes(out):
            if path not in seen:
                with h5py.File(path) as h:
                    assert len(h["time"]) > 0
                seen.add(path)
        sound(out, want)
    assert proc.wait() == 0 and len(seen) > 3


@pytest.mark.parametrize("ranks", [0, 2])
@pytest.mark.parametrize("sig", [signal.SIGUSR1, signal.SIGUSR2])
def test_usr1_and_usr2_stop_early_with_75(whole, slow, tmp_path, ranks, sig):
    """To the launcher, which passes it on, or to one rank alone."""
    _, want, _ = whole
    out = tmp_path / "out"
    cfg = config(whole, out)
    proc = begin(cfg, out, ranks, slow)
    rig.wait_for(lambda: rig.lanes(out), "lane")
    rig.kill([proc.pid if sig == signal.SIGUSR1 else rig.processes(proc)[-1]], sig)
    _, err = proc.communicate(timeout=30)
    assert proc.returncode == 75, err
    assert "run the same command again" in err
    told = rig.report(out)
    kept = len(told["lanes"])
    assert told["status"] == 75 and 0 < kept < 10
    assert not list(out.glob("**/*.part")) and not locked(out)
    sound(out, want)
    rig.run("run", cfg, status=0, ranks=ranks)
    assert rig.digests(out) == want and rig.report(out)["work"]["lanes_known"] == kept


def test_term_leaves_at_once_and_a_rerun_goes_on(whole, slow, tmp_path):
    _, want, _ = whole
    out = tmp_path / "out"
    cfg = config(whole, out)
    proc = begin(cfg, out, 0, slow)
    rig.wait_for(lambda: rig.lanes(out), "lane")
    rig.kill([proc.pid], signal.SIGTERM)
    proc.communicate(timeout=5)
    assert proc.returncode in (75, -signal.SIGTERM)
    sound(out, want)
    rig.run("run", cfg, status=0)
    assert rig.digests(out) == want


def test_term_to_mpirun(whole, slow, tmp_path):
    _, want, _ = whole
    out = tmp_path / "out"
    cfg = config(whole, out)
    proc = begin(cfg, out, 2, slow)
    rig.wait_for(lambda: rig.lanes(out), "lane")
    rig.kill([proc.pid], signal.SIGTERM)
    proc.communicate(timeout=15)
    sound(out, want)
    rig.run("run", cfg, status=0, ranks=2)
    assert rig.digests(out) == want


def test_two_runs_on_one_folder(whole, tmp_path):
    """The second gives up after five seconds with status 6; the first is not harmed."""
    _, want, _ = whole
    out = tmp_path / "out"
    cfg = config(whole, out)
    first = begin(cfg, out, 0)
    rig.kill([first.pid], signal.SIGSTOP)
    try:
        t0 = time.monotonic()
        done = rig.run("run", cfg, status=6)
        assert 4 < time.monotonic() - t0 < 9
        assert str(out) in done.stderr and len(rig.plain(done.stderr)) >= 1
    finally:
        rig.kill([first.pid], signal.SIGCONT)
    first.communicate(timeout=30)
    assert first.returncode == 0 and rig.digests(out) == want


def test_second_run_that_starts_just_before_the_first_ends_waits_for_it(whole, tmp_path):
    _, want, _ = whole
    out = tmp_path / "out"
    cfg = config(whole, out)
    first = begin(cfg, out, 0)
    rig.run("run", cfg, status=0)
    first.communicate(timeout=30)
    assert first.returncode == 0 and rig.digests(out) == want


# --- what changed is redone, nothing else

@pytest.fixture
def finished(whole, tmp_path):
    """A finished run over a copy of the archive: config, output, inputs."""
    top, want, _ = whole
    shutil.copytree(top / "in", tmp_path / "in")
    shutil.copytree(top / "reference", tmp_path / "out")
    (tmp_path / "out" / ".millrace" / "survey").unlink()
    cfg = rig.config(tmp_path / "c.yaml", [tmp_path / "in"], CHAIN, tmp_path / "out",
                     run_=["memory: 256 MiB"])
    rig.run("run", cfg, status=0)  # the copies have new inodes: the survey is of them now
    assert rig.digests(tmp_path / "out") == want
    return cfg, tmp_path / "out", sorted((tmp_path / "in").glob("*.h5"))


def mtimes(out):
    return {p.name[9:13]: p.stat().st_mtime_ns for p in rig.lanes(out)}


def redone(out, before):
    """Minutes of the lanes that are new."""
    after = mtimes(out)
    assert after.keys() == before.keys()
    return sorted(k for k in after if after[k] != before[k])


def test_nothing_changed_nothing_done(whole, finished):
    cfg, out, _ = finished
    before = mtimes(out)
    rig.run("run", cfg, status=0, ranks=2)
    work = rig.report(out)["work"]
    assert redone(out, before) == []
    assert (work["lanes_known"], work["lanes_redone"], work["files_probed"]) == (10, 0, 0)
    assert rig.digests(out) == whole[1]


def change(path, where=0):
    with h5py.File(path, "r+") as h:
        h["Acquisition/Raw[0]/RawData"][where] += 500


def test_changed_samples_redo_only_the_lanes_they_touch(finished, tmp_path):
    """File 3 holds 00:01:25 .. 00:01:50; with the context of 1 s that is lane 00:01."""
    cfg, out, files = finished
    before = mtimes(out)
    change(files[3], 2000)
    rig.run("run", cfg, status=0)
    assert redone(out, before) == ["0001"]
    work = rig.report(out)["work"]
    assert (work["lanes_redone"], work["files_probed"]) == (1, 1)
    rig.run("verify", out, status=0)
    rig.run("run", rig.config(tmp_path / "f.yaml", [tmp_path / "in"], CHAIN, tmp_path / "fresh"), status=0)
    assert rig.digests(out) == rig.digests(tmp_path / "fresh")


def test_a_file_over_a_lane_border_redoes_both(finished, tmp_path):
    """File 1 holds 00:00:35 .. 00:01:00; lane 00:01 reads it as context."""
    cfg, out, files = finished
    before = mtimes(out)
    change(files[1])
    rig.run("run", cfg, status=0, ranks=2)
    assert redone(out, before) == ["0000", "0001"]
    rig.run("run", rig.config(tmp_path / "f.yaml", [tmp_path / "in"], CHAIN, tmp_path / "fresh"), status=0)
    assert rig.digests(out) == rig.digests(tmp_path / "fresh")


def test_a_change_survives_a_kill_before_its_lanes_are_redone(finished, tmp_path):
    """The changed file is remembered as changed however early the next run dies."""
    cfg, out, files = finished
    change(files[3], 2000)
    rig.run("run", rig.config(tmp_path / "f.yaml", [tmp_path / "in"], CHAIN, tmp_path / "fresh"), status=0)
    want = rig.digests(tmp_path / "fresh")
    for delay in (0, 0.005, 0.01, 0.02, 0.04):
        proc = begin(cfg, out, 0)
        time.sleep(delay)
        rig.kill([proc.pid])
        proc.communicate()
    rig.run("run", cfg, status=0)
    assert rig.digests(out) == want


def test_a_replaced_file_of_the_same_name(finished, tmp_path):
    """Renamed over the old one, with its size and its mtime kept: another inode."""
    cfg, out, files = finished
    before = mtimes(out)
    old = files[3].stat()
    shutil.copy2(files[3], tmp_path / "new.h5")
    change(tmp_path / "new.h5", 2000)
    os.utime(tmp_path / "new.h5", ns=(old.st_atime_ns, old.st_mtime_ns))
    (tmp_path / "new.h5").rename(files[3])
    assert files[3].stat().st_size == old.st_size
    rig.run("run", cfg, status=0)
    assert redone(out, before) == ["0001"]


def test_a_file_that_is_gone_becomes_a_gap_once_its_lane_is_removed(finished, tmp_path):
    """What was made of it stays until then."""
    cfg, out, files = finished
    files[8].unlink()  # 00:03:30 .. 00:03:55
    rig.run("run", cfg, status=0)
    assert rig.kinds(out) == ["gap"]
    for held in rig.report(out)["held"]:
        (out / held["file"]).unlink()
    rig.run("run", cfg, status=0)
    rig.run("verify", out, status=0)
    rig.run("run", rig.config(tmp_path / "f.yaml", [tmp_path / "in"], CHAIN, tmp_path / "fresh"), status=0)
    assert rig.digests(out) == rig.digests(tmp_path / "fresh")


def test_lanes_of_files_that_are_gone_are_kept_and_named(whole, finished):
    """Raw files are often deleted once they are processed: what was made of them is not."""
    cfg, out, files = finished
    for f in files[:6]:  # until 00:02:40
        f.unlink()
    before = rig.digests(out)
    done = rig.run("run", cfg, status=0)
    gone = ["20260101T000010", "20260101T000100", "20260101T000200"]
    now = rig.report(out)  # of the last some is there still
    assert [sorted(k["file"].split("/")[-1][:15] for k in now[w]) for w in ("kept", "held")] == [gone[:2], gone[2:]]
    assert all(name in done.stderr for name in gone)
    for name, digest in rig.digests(out).items():
        if any(g in name for g in gone):
            assert digest == before[name]


@pytest.mark.parametrize("damage", ["cut", "trailer", "empty", "text", "gone"])
def test_a_damaged_lane_is_found_and_redone(whole, finished, damage):
    cfg, out, _ = finished
    victim = rig.lanes(out)[4]
    raw = bytearray(victim.read_bytes())
    if damage == "cut":
        victim.write_bytes(raw[:-1000])
    elif damage == "trailer":
        raw[-20] ^= 4
        victim.write_bytes(raw)
    elif damage == "empty":
        victim.write_bytes(b"")
    elif damage == "text":
        victim.write_text("nonsense\n" * 100)
    else:
        victim.unlink()
    told = rig.run("verify", out, status=7)
    assert victim.name in told.stdout + told.stderr
    before = {p.name: p.stat().st_mtime_ns for p in rig.lanes(out) if p != victim}
    done = rig.run("run", cfg, status=0)
    assert rig.digests(out) == whole[1]
    assert all((victim.parent / n).stat().st_mtime_ns == t for n, t in before.items())
    if damage != "gone":
        assert victim.name in done.stderr and rig.report(out)["work"]["lanes_redone"] == 1
    rig.run("verify", out, status=0)


def test_a_flipped_bit_is_found_by_verify_and_redone_with_check(whole, finished):
    cfg, out, _ = finished
    rng = np.random.default_rng(1)
    for victim in [*rig.lanes(out)[2:4], out / "master.h5"]:
        raw = bytearray(victim.read_bytes())
        raw[rng.integers(len(raw))] ^= 1 << rng.integers(8)
        victim.write_bytes(raw)
        told = rig.run("verify", out, status=7)
        assert victim.name in told.stdout + told.stderr
    rig.run("run", cfg, "--check", status=0)
    assert rig.digests(out) == whole[1]


@pytest.mark.parametrize("ranks", [0, 2])
@pytest.mark.parametrize("setting,words", [
    ("chain.bandpass.band=21..60 Hz", ["21", "20"]), ("chain.bandpass.order=7", ["order"]),
    ("chain.decimate.factor=4", ["factor"]), ("input.channels=0..100", ["channels"]),
    ("output.compress=deflate", ["compress"]), ("output.title=another", ["title"])])
def test_a_changed_chain_refuses_and_says_what_changed(whole, finished, setting, words, ranks):
    cfg, out, _ = finished
    done = rig.run("run", cfg, "-s", setting, status=2, ranks=ranks)
    assert all(w in done.stderr for w in words), done.stderr
    assert len(rig.plain(done.stderr)) == 1
    assert rig.digests(out) == whole[1]


def test_settings_of_the_run_may_change(whole, finished):
    cfg, out, _ = finished
    rig.lanes(out)[3].unlink()
    rig.run("run", cfg, "-s", "run.memory=1 GiB", "-s", "run.io_threads=4", status=0, ranks=3, threads=2)
    assert rig.digests(out) == whole[1]


def test_leftovers_of_dead_runs_go_and_strangers_stay(whole, finished):
    """Parts of attempts that are dead; a file of the user's own is neither read nor removed."""
    cfg, out, _ = finished
    lane = rig.lanes(out)[0]
    (lane.parent / (lane.name + ".1-0123456789abcdef.part")).write_bytes(b"x" * 100)
    (out / "notes.txt").write_text("mine")
    (out / "lanes" / "mine.txt").write_text("mine")
    rig.run("run", cfg, status=0)
    assert not list(out.glob("**/*.part"))
    assert (out / "notes.txt").read_text() == "mine" and (out / "lanes" / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("how", ["cut", "other", "gone", "rewritten"])
def test_an_input_that_changes_during_the_run(whole, finished, tmp_path, how):
    """Its lanes are not made of two versions: what is not as surveyed is lost and named; the next run
    takes the file as it is then."""
    _, out, files = finished
    last = files[-1]
    rig.fresh(out)
    cfg = rig.config(tmp_path / "c.yaml", [tmp_path / "in"], CHAIN, out, run_=["memory: 256 MiB"])
    proc = begin(cfg, out, 0)
    rig.wait_for(lambda: rig.lanes(out), "lane")
    rig.kill([proc.pid], signal.SIGSTOP)
    if how == "cut":
        os.truncate(last, 50000)
    elif how == "other":
        last.write_text("text")
    elif how == "gone":
        last.unlink()
    else:
        change(last)
    rig.kill([proc.pid], signal.SIGCONT)
    _, err = proc.communicate(timeout=30)
    if proc.returncode == 0:
        pytest.skip("it was read before it changed")
    assert proc.returncode == 10, err
    assert last.name in err and rig.states(out)[last.name] == "partly"
    want = whole[1]
    got = rig.digests(out)
    assert all(got[n] == want[n] for n in sorted(want)[2:-3] if n.startswith("lanes"))
    rig.run("run", cfg, status=(0, 10))
    fresh = tmp_path / "fresh"
    rig.run("run", rig.config(tmp_path / "f.yaml", [tmp_path / "in"], CHAIN, fresh), status=(0, 10))
    assert rig.digests(out) == rig.digests(fresh)
