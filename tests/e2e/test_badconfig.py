"""Bad configs: status 2, one message of ours with file:line:column, within a second, before anything
runs; the same under mpirun."""
import re
import time

import pytest

import rig

GOOD = """input:
  files: in/*.h5
chain:
  - bandpass: {band: 1..20 Hz, order: 4, phase: zero}
  - decimate: {factor: 5}
output:
  folder: out
run:
  memory: 512 MiB
  io_threads: 2
"""


def swap(old, new):
    assert old in GOOD
    return GOOD.replace(old, new)


# name -> (config, line:column or None where only the data tells, words of the message)
BAD = {
    "unknown section": (swap("output:", "outptu:"), "6:1", ["outptu", "output"]),
    "unknown key": (swap("io_threads: 2", "io_thread: 2"), "10:3", ["io_thread", "io_threads"]),
    "unknown operator": (swap("bandpass:", "bandpas:"), "4:5", ["bandpas", "bandpass"]),
    "unknown parameter": (swap("order: 4", "ordre: 4"), "4:32", ["ordre", "order"]),
    "unknown word": (swap("phase: zero", "phase: both"), "4:", ["both", "zero", "causal"]),
    "duplicate key": (swap("order: 4", "order: 4, order: 5"), "4:42", ["order", "twice"]),
    "duplicate section": (GOOD + "run:\n  io_threads: 3\n", "11:1", ["run"]),
    "wrong unit": (swap("1..20 Hz", "1..20 m"), "4:", ["m", "Hz"]),
    "bare number": (swap("1..20 Hz", "1..20"), "4:", ["unit", "Hz"]),
    "bare memory": (swap("512 MiB", "512"), "9:11", ["512", "MiB"]),
    "reversed range": (swap("1..20 Hz", "20..1 Hz"), "4:", ["20", "1"]),
    "corner above Nyquist": (swap("1..20 Hz", "1..60 Hz"), "4:", ["60 Hz", "50 Hz"]),
    "order out of range": (swap("order: 4", "order: 40"), "4:", ["40", "1..12"]),
    "factor not whole": (swap("factor: 5", "factor: 2.5"), "5:", ["2.5"]),
    "factor zero": (swap("factor: 5", "factor: 0"), "5:", ["0"]),
    "parameter missing": (swap("{factor: 5}", "{}"), "5:", ["factor"]),
    "missing file": (swap("in/*.h5", "in/nothere.h5"), "2:10", ["nothere.h5"]),
    "missing folder key": (swap("  folder: out\n", "  title: t\n"), "", ["folder"]),
    "output is the input": (swap("folder: out", "folder: in"), "7:11", ["in"]),
    "output holds the input": (swap("folder: out", "folder: ."), "7:11", ["in"]),
    "tab": (swap("  files", "\tfiles"), "2:", ["tab"]),
    "anchor": (swap("files: in/*.h5", "files: &a in/*.h5"), "2:", ["anchor"]),
    "tag": (swap("files: in/*.h5", "files: !!str in/*.h5"), "2:", ["tag"]),
    "not closed": (swap("{factor: 5}", "{factor: 5"), "", []),
    "reversed channels": (swap("files: in/*.h5", "files: in/*.h5\n  channels: 9..3"), "3:13", ["9..3"]),
    "channels outside": (swap("files: in/*.h5", "files: in/*.h5\n  channels: 3..90"), "3:13", ["90", "8"]),
    "channels and distance": (swap("files: in/*.h5", "files: in/*.h5\n  channels: 3..5\n  distance: 1..3 m"),
                              "", ["distance", "channels"]),
    "reversed time": (swap("files: in/*.h5", "files: in/*.h5\n  time: 2026-01-02 .. 2026-01-01"), "3:", ["time"]),
    "no date": (swap("files: in/*.h5", "files: in/*.h5\n  time: 2026-13-01 .. 2026-14-01"), "3:", ["2026-13"]),
    "window without a length": (swap("decimate: {factor: 5}", "detrend: {}"), "5:", ["window"]),
    "chain is no list": (swap("  - bandpass: {band: 1..20 Hz, order: 4, phase: zero}\n  - decimate: {factor: 5}",
                              "  bandpass: {band: 1..20 Hz}"), "", ["chain"]),
    "empty file": ("", "1:1", []),
    "binary": ("\x01\x02", "1:1", []),
}
LATE = {"corner above Nyquist", "channels outside"}  # only the data tells


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    top = tmp_path_factory.mktemp("bad")
    rig.archive(top / "in", rig.noise(2000, 8), 100, 1000)
    (top / "good.yaml").write_text(GOOD)
    rig.run("check", "good.yaml", cwd=top, status=0)
    for k, (text, _, _) in enumerate(BAD.values()):
        (top / f"bad{k}.yaml").write_text(text)
    return top


def refused(done, file, where, words):
    ours = rig.plain(done.stderr)
    assert done.returncode == 2, done.stderr
    assert len(ours) == 1, done.stderr
    assert re.search(rf"{re.escape(file)}:{where if where.count(':') == 1 and where[-1] != ':' else where + '[0-9]+'}"
                     if where else rf"{re.escape(file)}:[0-9]+:[0-9]+", ours[0]), ours[0]
    assert all(w in ours[0] for w in words), ours[0]
    assert done.stdout == ""


@pytest.mark.parametrize("k,name", enumerate(BAD), ids=lambda v: str(v))
def test_refused_with_place_and_hint(folder, k, name):
    _, where, words = BAD[name]
    t0 = time.monotonic()
    done = rig.run("run", f"bad{k}.yaml", cwd=folder)
    assert time.monotonic() - t0 < 1
    refused(done, f"bad{k}.yaml", where, words)
    assert not (folder / "out" / "lanes").exists()
    for command in ("check", "plan"):
        refused(rig.run(command, f"bad{k}.yaml", cwd=folder), f"bad{k}.yaml", where, words)


@pytest.mark.parametrize("k,name", [(k, n) for k, n in enumerate(BAD) if k % 3 == 0 or n in LATE])
def test_the_same_single_message_from_three_ranks(folder, k, name):
    _, where, words = BAD[name]
    done = rig.run("run", f"bad{k}.yaml", cwd=folder, ranks=3)
    refused(done, f"bad{k}.yaml", where, words)
    assert not (folder / "out").exists()


def test_refused_before_the_folder_is_made(folder):
    assert not (folder / "out").exists()


@pytest.mark.parametrize("setting,where,words", [
    ("chain.bandpass.band=1..20", r"-s:1:\d+", ["Hz"]), ("chain.bandpas.order=3", r"-s:1:\d+", ["bandpass"]),
    ("run.memroy=1 GiB", r"-s:1:\d+", ["memory"]), ("chain.9.bandpass.order=3", r"-s:1:\d+", ["9"]),
    ("run.io_threads", r"-s:1:\d+", ["="]), ("chain.decimate.factor=[1", r"-s:1:\d+", [])])
def test_bad_settings_of_the_command_line(folder, setting, where, words):
    done = rig.run("run", "good.yaml", "-s", setting, cwd=folder, status=2)
    (ours,) = rig.plain(done.stderr)
    assert re.search(where, ours) and all(w in ours for w in words), ours


def test_config_that_is_not_there_or_no_file(folder):
    for name in ("nothere.yaml", ".", "/dev/full/x"):
        for ranks in (0, 2):
            done = rig.run("run", name, cwd=folder, status=2, ranks=ranks)
            assert len(rig.plain(done.stderr)) == 1 and name in done.stderr


def test_names_are_data(folder, tmp_path):
    """Nothing of a config is run or expanded but ${NAME} and ~ in paths."""
    text = GOOD.replace("in/*.h5", '"$(touch owned) `touch owned` %n%s.h5"')
    (tmp_path / "c.yaml").write_text(text)
    done = rig.run("run", "c.yaml", cwd=tmp_path, status=2)
    assert not (tmp_path / "owned").exists() and "touch" in done.stderr
    (tmp_path / "c.yaml").write_text(GOOD.replace("in/*.h5", "${MR_TEST_IN}/*.h5"))
    rig.run("run", "c.yaml", cwd=tmp_path, status=0, MR_TEST_IN=str(folder / "in"))
    done = rig.run("run", "c.yaml", cwd=tmp_path, status=2)
    assert "MR_TEST_IN" in done.stderr
