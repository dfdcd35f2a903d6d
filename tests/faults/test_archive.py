"""What stands in the way of a list of inputs: links that lead in circles, out of the archive, or by a second
mount; outputs of other runs below it; patterns that find nothing; the processes that look at files killed or
suspended. Expected: what a plain archive of the same recordings gives."""
import json
import os
import shutil
import signal
import subprocess
import time
import zlib

import numpy as np
import pytest

import rig
from promises import TORTURE

RATE, NC, ROWS = 100, 4, 500
COMMANDS = {"run": ["run", "c.yaml", "--progress", "never"], "check": ["check", "c.yaml"],
            "plan": ["plan", "c.yaml", "--json"], "inspect": ["inspect", "--json", "in"]}


def small(path, k=0, nc=NC, first=0):
    """The k-th 5 s of an archive, and its samples."""
    data = rig.noise(ROWS, nc, k + 1)
    rig.prodml(path, data, rig.T0 + k * ROWS * rig.S // RATE, RATE, first=first)
    return data


def go(top, files="in", out="out", status=0, name="c.yaml", chain=("abs",), **sections):
    rig.config(top / name, files if isinstance(files, list) else [files], list(chain), out, **sections)
    return rig.run("run", name, "--progress", "never", cwd=top, status=status, timeout=30)


def says(report, text):
    """Does the report name this outside of the config that it repeats?"""
    return text in json.dumps({k: v for k, v in report.items() if k not in ("config", "launch")})


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("shape", ["each to each", "ladder"])
def test_each_folder_is_gone_through_once(tmp_path, command, shape):
    """11 folders with a link to each other, 11! ways; 40 steps of two links, 2^40 ways. Each file is there once."""
    n = 11 if shape == "each to each" else 1
    if n > 1:
        for i in range(n):
            small(tmp_path / "in" / f"d{i}" / "f.h5", i)
            for k in range(n):
                os.symlink(f"../d{k}", tmp_path / "in" / f"d{i}" / f"to{k}")
    else:
        for i in range(41):
            os.makedirs(tmp_path / "in" / f"s{i:02d}")
            for name in "ab" if i < 40 else "":
                os.symlink(f"../s{i + 1:02d}", tmp_path / "in" / f"s{i:02d}" / name)
        small(tmp_path / "in" / "s40" / "f.h5")
    rig.config(tmp_path / "c.yaml", ["in"], ["abs"], "out")
    rig.run(*COMMANDS[command], cwd=tmp_path, status=0, timeout=20)
    if command == "run":
        r = rig.report(tmp_path / "out")
        assert len({os.path.realpath(tmp_path / i["path"]) for i in r["inputs"]}) == len(r["inputs"]) == n
        assert not r["ledger"] and not r["links"]


def test_a_link_that_leads_out_is_followed_and_said(tmp_path):
    for k, path in enumerate(["in/a.h5", "far/b.h5", "far/more/c.h5"]):
        small(tmp_path / path, k)
    os.symlink("../far/b.h5", tmp_path / "in" / "b.h5")
    os.symlink("../far/more", tmp_path / "in" / "more")
    done = go(tmp_path)
    links = {x["path"]: x["leads_to"] for x in rig.report(tmp_path / "out")["links"]}
    assert links == {"in/b.h5": str(tmp_path / "far" / "b.h5"), "in/more": str(tmp_path / "far" / "more")}
    assert "links lead out" in done.stderr
    assert len(rig.report(tmp_path / "out")["inputs"]) == 3
    go(tmp_path, ["in", "far"], "o2")  # where both are named nothing leads out
    assert not rig.report(tmp_path / "o2")["links"]


def test_a_pattern_or_folder_without_a_file_is_in_the_report(tmp_path):
    small(tmp_path / "in" / "a.h5")
    (tmp_path / "vault").mkdir()
    done = go(tmp_path, ["in", "vault", "gone/*.h5"])
    assert rig.report(tmp_path / "out")["idle"] == ["vault", "gone/*.h5"]
    assert "vault" in done.stderr and "gone/*.h5" in done.stderr


def own_mounts(folder):
    """How to have mounts that nobody else sees."""
    for how in (["unshare", "--mount"], ["unshare", "--mount", "--map-root-user"]):
        try:
            if not subprocess.run([*how, "mount", "--bind", folder, folder], capture_output=True, timeout=10).returncode:
                return how
        except (OSError, subprocess.TimeoutExpired):
            pass
    pytest.skip("needs a mount of its own: root, or user namespaces")


def test_a_second_mount_does_not_make_the_output_input(tmp_path):
    """in/out is bind/out; by a folder and by patterns; three times."""
    how = own_mounts(tmp_path)
    data = np.concatenate([small(tmp_path / "in" / f"f{k}.h5", k) for k in range(3)])
    (tmp_path / "bind").mkdir()
    for files in (["in"], ["in/*", "in/out/lanes/*/*.h5"], ["in", "bind"]):
        (tmp_path / "in" / "out").mkdir()
        rig.config(tmp_path / "c.yaml", files, ["abs"], "bind/out")
        for _ in range(3):
            done = subprocess.run([*how, "sh", "-c", 'mount --bind in bind && exec "$@"', "sh",
                                   *rig.command("run", "c.yaml", "--progress", "never")],
                                  cwd=tmp_path, env=rig.environment(), capture_output=True, text=True, timeout=30)
            assert done.returncode == 0, done.stderr
        assert len(rig.report(tmp_path / "in" / "out")["inputs"]) == 3
        ((_, y),) = rig.output(tmp_path / "in" / "out")
        assert np.array_equal(y, np.abs(data))
        shutil.rmtree(tmp_path / "in" / "out")


def test_outputs_below_the_archive_are_left_out_and_named(tmp_path):
    """One finished, one that was stopped before its first lane was there and one whose hidden folder a copy has lost."""
    data = small(tmp_path / "arc" / "raw" / "a.h5")
    go(tmp_path, "arc/raw", "arc/o1")
    shutil.copytree(tmp_path / "arc" / "o1", tmp_path / "arc" / "o2", ignore=shutil.ignore_patterns(".millrace"))
    (tmp_path / "arc" / "o3" / "lanes").mkdir(parents=True)
    (tmp_path / "arc" / "o3" / ".millrace").mkdir()
    for k, files in enumerate(["arc", "arc/*"]):
        go(tmp_path, files, f"out{k}")
        assert rig.report(tmp_path / f"out{k}")["outputs"] == ["arc/o1", "arc/o2", "arc/o3"]
        ((_, y),) = rig.output(tmp_path / f"out{k}")
        assert np.array_equal(y, np.abs(data))


def test_an_output_that_is_named_gives_its_lanes(tmp_path):
    data = np.concatenate([small(tmp_path / "in" / f"f{k}.h5", k) for k in range(2)])
    go(tmp_path)
    for k, files in enumerate(["out", "out/lanes"]):
        go(tmp_path, files, f"o{k}", chain=["scale: {by: 2}"])
        ((_, y),) = rig.output(tmp_path / f"o{k}")
        assert np.array_equal(y, 2 * np.abs(data))


@pytest.mark.parametrize("text", ["\0  - decimate: 5\nrun: {no_such: 1}\n", "\0" * 300, "  - scale: {by: 2\0" + "5}\n"])
@pytest.mark.parametrize("command", [*COMMANDS, "tune"])
def test_a_nul_in_a_config_is_refused(tmp_path, text, command):
    """What stands behind it is never dropped in silence."""
    small(tmp_path / "in" / "a.h5")
    (tmp_path / "c.yaml").write_text("input: {files: in}\noutput: {folder: out}\nchain:\n  - abs\n" + text)
    words = {"inspect": ["inspect", "in", "--config", "c.yaml"], "tune": ["tune", "c.yaml"]}.get(command) or COMMANDS[command]
    rig.run(*words, cwd=tmp_path, status=2)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["c.yaml", "in"]


# --- the processes that look at files

N_FILES = 300


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Many small files, and what an undisturbed run makes of them."""
    top = tmp_path_factory.mktemp("many")
    data = rig.noise(N_FILES * 50, 2, 3)
    rig.archive(top / "in", data, RATE, 50)
    go(top, out="ref")
    return top


def caught(top, out):
    """A run while workers of its own look at files."""
    rig.config(top / f"{out}.yaml", ["in"], ["abs"], out)
    for _ in range(10):
        p = rig.start("run", f"{out}.yaml", "--progress", "never", cwd=rig.fresh(top / out).parent)
        found = rig.wait_for(lambda: [x for x in rig.children(p.pid) if rig.name_of(x) == "millrace-worker"]
                             or p.poll() is not None, "worker")
        if p.poll() is None:
            return p, found
        p.communicate()
    pytest.skip("the survey was over before it could be disturbed")


def finish(p):
    try:
        p.communicate(timeout=40)
    finally:
        rig.kill([p.pid])
    return p.returncode


@pytest.mark.parametrize("who", ["millrace-zygote", "millrace-worker"])
def test_killed_helpers_are_no_bug_and_no_fault_of_the_files(many, who):
    p, _ = caught(many, who)
    rig.kill([x for x in rig.children(p.pid) if rig.name_of(x) == who])
    assert finish(p) in (0, 5, 10, 75)
    rig.run("run", f"{who}.yaml", cwd=many, status=0)
    assert rig.digests(many / who) == rig.digests(many / "ref")


@pytest.mark.skipif(not TORTURE, reason="takes 35 s: part of the torture")
def test_a_suspended_survey_goes_on(many):
    """For longer than a header may take; workers first, so that the run is sure to wait for one."""
    p, workers = caught(many, "suspended")
    rig.kill(workers, signal.SIGSTOP)
    time.sleep(0.3)
    if p.poll() is not None:
        pytest.skip("the survey was over before it could be stopped")
    rest = [x for x in [p.pid, *rig.children(p.pid)] if x not in workers]
    rig.kill(rest, signal.SIGSTOP)
    time.sleep(33)
    rig.kill(rest + workers, signal.SIGCONT)
    assert finish(p) == 0
    assert set(rig.states(many / "suspended").values()) == {"used"}
    assert rig.digests(many / "suspended") == rig.digests(many / "ref")


# --- one file that declares a huge chunk

def declared(path, shape, chunk, payload, k):
    """A recording of 100 Hz whose one chunk is said to be huge; k: 5 s each from the start."""
    data = np.zeros(shape, "f4")
    rig.prodml(path, data[:, :4], rig.T0 + k * 5 * rig.S, RATE)
    with rig.h5py.File(path, "r+") as h:
        raw = h["Acquisition/Raw[0]"]
        attrs = dict(raw["RawData"].attrs)
        del raw["RawData"]
        d = raw.create_dataset("RawData", shape=shape, maxshape=(None, None), dtype="f4", chunks=chunk, compression="gzip")
        d.attrs.update(attrs)
        d.id.write_direct_chunk((0, 0), payload)


@pytest.mark.parametrize("kind", ["true, 256 MB", "a lie of 3 bytes, 1.6 GB"])
def test_a_huge_chunk_is_refused_by_name_and_ends_no_run(tmp_path, kind):
    """The good lanes are those of a run without the file. Where no other file is there memory is what lacks."""
    for k in range(2):
        small(tmp_path / "in" / f"f{k}.h5", k)
    go(tmp_path, out="ref")
    rows = 16_000_000 if kind.startswith("true") else 100_000_000
    payload = b"xxx"
    if kind.startswith("true"):
        z, parts = zlib.compressobj(9), []
        for _ in range(256):
            parts.append(z.compress(bytes(1_000_000)))
        payload = b"".join(parts) + z.flush()
    declared(tmp_path / "in" / "z.h5", (500, 4), (rows, 4), payload, 1000)
    rig.run("plan", "c.yaml", cwd=tmp_path, status=0)
    done = go(tmp_path, status=10)
    assert rig.states(tmp_path / "out") == {"f0.h5": "used", "f1.h5": "used", "z.h5": "refused"}
    assert "z.h5: refused" in done.stderr and ("at most 200 MiB are decoded" in done.stderr or len(payload) == 3)
    want = rig.digests(tmp_path / "ref")
    assert all(rig.digests(tmp_path / "out")[n] == d for n, d in want.items() if n.startswith("lanes/"))
    go(tmp_path, "in/z.h5", "alone", status=3 if len(payload) == 3 else 5)


@pytest.mark.parametrize("rows,state", [(13_200_000, "refused"), (12_000_000, "used")], ids=["211 MB", "192 MB"])
def test_which_files_are_used_does_not_depend_on_memory(tmp_path, rows, state):
    """A chunk above 200 MiB (210 MB) is refused with any memory; one below is used, or the run ends with 5 and its name."""
    small(tmp_path / "in" / "f0.h5", 0)
    z, parts = zlib.compressobj(9), []
    for _ in range(rows // 100_000):
        parts.append(z.compress(bytes(1_600_000)))
    declared(tmp_path / "in" / "z.h5", (500, 4), (rows, 4), b"".join(parts) + z.flush(), 1)
    want = None
    for memory in ("100 MiB", "300 MiB", "1500 MiB", "3 GiB"):
        cfg = rig.config(tmp_path / "c.yaml", [tmp_path / "in"], ["abs"], tmp_path / memory, run_=[f"memory: {memory}"])
        done = rig.run("run", cfg, status=(0, 10, 5))
        if done.returncode == 5:
            assert state == "used" and memory != "3 GiB" and ("z.h5" in done.stderr or "MiB a rank" in done.stderr)
            continue
        assert rig.states(tmp_path / memory) == {"f0.h5": "used", "z.h5": state}, memory
        got = rig.digests(tmp_path / memory)
        assert want is None or got == want
        want = got
    assert want


def test_lanes_as_input_say_which_channels_they_were(tmp_path):
    """Of channels 4..8 of an archive: they count from 0 in the next run, and that is said; the first ones need no word."""
    data = small(tmp_path / "in" / "a.h5", nc=8)
    for k, first in enumerate((0, 4)):
        go(tmp_path, out=f"o{k}", input_=[f"channels: {first}..{first + 4}"])
        go(tmp_path, f"o{k}/lanes", f"p{k}", chain=["scale: {by: 2}"])
        note = rig.report(tmp_path / f"p{k}")["inputs"][0].get("note") or ""
        assert ("4..8" in note) == (first > 0)
        ((_, y),) = rig.output(tmp_path / f"p{k}")
        assert np.array_equal(y, 2 * np.abs(data[:, first:first + 4]))
