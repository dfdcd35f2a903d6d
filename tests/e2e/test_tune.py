"""millrace tune: tries a sample of the user's lanes, recommends a launch, leaves nothing behind."""
import json
import os
import signal
import subprocess
import time

import pytest
import rig

RATE = 100.0
CHAIN = ["bandpass: {band: 1..10 Hz}", "decimate: {factor: 5}"]


@pytest.fixture(scope="module")
def setting(tmp_path_factory):
    """Two hours of few channels: several lanes."""
    folder = tmp_path_factory.mktemp("tune")
    rig.archive(folder / "in", rig.noise(72_000, 20), RATE, 6_000)
    return folder, rig.config(folder / "c.yaml", folder / "in", CHAIN, folder / "deep" / "out")


def names(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


def test_recommends_one_of_what_it_tried(setting):
    folder, config = setting
    before = names(folder)
    done = rig.run("tune", config, "--seconds", "0.05", "--json", status=0)
    found = json.loads(done.stdout)
    good = [t for t in found["trials"] if t["status"] == 0]
    best = found["recommended"]
    shape = ("ranks", "threads", "io_threads")
    assert tuple(best[k] for k in shape) in {tuple(t[k] for k in shape) for t in good}
    assert {1} <= {t["ranks"] for t in good}
    assert {1, 2, 4, 8} <= {t["io_threads"] for t in good}
    if found["cores"] > 1:
        assert {t["ranks"] for t in found["trials"]} >= {1, found["cores"]}
    assert any(t["warm"] for t in good) and any(not t["warm"] for t in good)
    assert 1 <= found["sample"]["lanes"] <= found["sample"]["of_lanes"]
    for t in good:
        assert t["seconds"] > 0 and t["samples_per_s"] > 0 and t["cpu_s"] > 0
        assert t["bytes"] == good[0]["bytes"]  # all tried the same
        assert set(t["waits"]) == {"read", "compute", "write"}
    assert str(config) in best["command"] and "millrace run" in best["command"]
    assert names(folder) == before


@pytest.mark.skipif(os.geteuid() != 0 or os.cpu_count() == 1, reason="only root is asked, of several ranks")
def test_root_is_not_asked_twice(setting):
    """Open MPI starts nothing for root unless told twice; whoever is root and asks for trials has said so."""
    folder, config = setting
    env = {k: v for k, v in rig.environment().items() if "ALLOW_RUN_AS_ROOT" not in k}
    done = subprocess.run(rig.command("tune", config, "--seconds", "0.05", "--warm", "--json"), env=env,
                          capture_output=True, text=True, timeout=100)
    found = json.loads(done.stdout)
    assert all(t["status"] == 0 for t in found["trials"] if t["ranks"] > 1), found


def test_without_a_launcher_threads_are_recommended(setting):
    folder, config = setting
    before = names(folder)
    done = rig.run("tune", config, "--seconds", "0.05", "--warm", "--launcher", "/nowhere/mpirun", status=0)
    assert "threads" in done.stdout and "launch:     " in done.stdout
    for stage in ("reading", "computing", "writing"):
        assert any(x.startswith(stage) and "%" in x for x in done.stdout.splitlines())
    if os.cpu_count() > 1 and "failed" in done.stdout:
        assert "/nowhere/mpirun" in done.stdout
    assert names(folder) == before


@pytest.mark.parametrize("args, word", [(["--seconds", "soon"], "soon"), (["--seconds"], "--seconds"),
                                        (["--sample"], "--sample"), (["-s", "chain.nope=1"], "nope")])
def test_what_it_does_not_know_is_refused(setting, args, word):
    done = rig.run("tune", setting[1], *args, status=2)
    assert word in done.stderr


def test_a_launcher_that_refuses_is_quoted(setting, tmp_path):
    """By its first words, not by the dashes around them."""
    folder, config = setting
    fake = tmp_path / "mpirun"
    fake.write_text("#!/bin/sh\necho ------\necho not as root >&2\necho '  see 3.2'\necho ------\nexit 1\n")
    fake.chmod(0o755)
    done = rig.run("tune", config, "--seconds", "0.05", "--warm", "--launcher", fake, status=0)
    lines = [x for x in done.stdout.splitlines() if "failed" in x]
    assert lines and all("not as root" in x for x in lines)


def test_under_a_launcher_it_is_refused(setting):
    done = rig.run("tune", setting[1], ranks=2)
    assert done.returncode == 2 and "without a launcher" in done.stderr


def test_a_chain_that_cannot_run_is_refused_with_its_reason(setting):
    folder, config = setting
    before = names(folder)
    done = rig.run("tune", config, "-s", "run.memory=1 MiB", status=5)
    assert "memory" in done.stderr
    assert names(folder) == before


def test_ctrl_c_leaves_nothing_behind(setting):
    folder, config = setting
    before = names(folder)
    proc = rig.start("tune", config, "--seconds", "5")
    while not list(folder.glob("deep/out.tune-*")) and proc.poll() is None:
        time.sleep(0.01)
    proc.send_signal(signal.SIGINT)
    _, err = proc.communicate(timeout=60)
    assert proc.returncode == 75, err
    assert names(folder) == before
