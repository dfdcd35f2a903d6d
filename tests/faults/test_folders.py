"""A run changes what is in its output folder, and nothing else: not its inputs, not what a link in the
output folder points to, not the output of another chain. Names and texts are data wherever they come from."""
import hashlib
import json
import os
import shutil

import pytest

import foul
import rig
from promises import figure

PROMISE = "nothing changes outside the output folder, nothing foreign is overwritten"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return foul.world(tmp_path_factory.mktemp("folders"))


@pytest.fixture
def world(made, tmp_path):
    """Inputs, and what must stay as it is."""
    w, elsewhere = made, tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("file.h5", "text.json", "notes.txt"):
        (elsewhere / name).write_text("of somebody else\n" * 50)
    w.elsewhere, w.before = elsewhere, snapshot(elsewhere, w.files)
    return w


def snapshot(*folders):
    """Names, kinds, contents and times of everything."""
    out = {}
    for folder in folders:
        for p in [folder, *sorted(folder.rglob("*"))]:
            s = p.lstat()
            what = os.readlink(p) if p.is_symlink() else hashlib.sha256(p.read_bytes()).hexdigest() if p.is_file() else ""
            out[str(p)] = (s.st_mode, s.st_size if p.is_file() else 0, s.st_mtime_ns, what)
    return out


def unchanged(w):
    assert snapshot(w.elsewhere, w.files) == w.before
    figure(PROMISE, 1, 1)


@pytest.mark.parametrize("name", [None, "master.h5", "index.csv", "report.json", ".millrace/plan.json",
                                  ".millrace/survey", ".millrace/lock"])
@pytest.mark.parametrize("target", ["file.h5", "nothing"])
def test_a_link_in_the_output_folder_is_not_written_through(world, tmp_path, name, target):
    """None: at the name of a lane."""
    out = tmp_path / "out"
    name = name or str(rig.lanes(world.reference)[0].relative_to(world.reference))
    (out / name).parent.mkdir(parents=True)
    (out / name).symlink_to(world.elsewhere / target)
    cfg = world.config(out)
    done = rig.run("run", cfg)
    foul.clean_end(done, {0, 2, 4, 6})
    if done.returncode:
        assert any(name.rsplit("/", 1)[-1] in line or str(out) in line for line in foul.talk(done)), done.stderr
    unchanged(world)
    if done.returncode == 0:
        foul.finishes(cfg, out, world.want)


@pytest.mark.parametrize("kind", ["folder", "fifo"])
def test_what_is_no_file_at_the_name_of_a_lane(world, tmp_path, kind):
    out = tmp_path / "out"
    lane = out / rig.lanes(world.reference)[0].relative_to(world.reference)
    lane.parent.mkdir(parents=True)
    lane.mkdir() if kind == "folder" else os.mkfifo(lane)
    done = rig.run("run", world.config(out), status=4 if kind == "folder" else (0, 4))
    assert lane.name in done.stderr  # refused, or replaced with a word
    unchanged(world)


def test_lanes_of_another_chain_stay(world, tmp_path):
    """The plan of the folder is gone, its lanes are there."""
    out = tmp_path / "out"
    other = rig.config(tmp_path / "other.yaml", [world.files], ["abs"], out)
    rig.run("run", other, status=0)
    shutil.rmtree(out / ".millrace")
    before = {k: v for k, v in rig.digests(out).items() if k.startswith("lanes")}
    done = rig.run("run", rig.config(tmp_path / "o.yaml", [world.files], ["scale: {by: 2}"], out), status=(2, 4))
    assert any(k.rsplit("/", 1)[1] in done.stderr for k in before) or str(out) in done.stderr
    assert {k: v for k, v in rig.digests(out).items() if k.startswith("lanes")} == before
    unchanged(world)


@pytest.mark.parametrize("how", ["link", "dots", "relative", "many slashes", "odd name"])
def test_any_name_of_the_output_folder(world, tmp_path, how):
    real = tmp_path / ("$(touch owned); %n%s 'ö\" #" if how == "odd name" else "real")
    real.mkdir()
    (tmp_path / "link").symlink_to(real)
    folder = {"link": tmp_path / "link", "dots": tmp_path / "elsewhere" / ".." / "real", "relative": "./real/../real",
              "many slashes": str(real).replace("/", "//") + "//", "odd name": real}[how]
    cfg = tmp_path / "c.json"
    cfg.write_text(json.dumps({"input": {"files": [str(world.files)]}, "run": {"memory": "256 MiB"},
        "output": {"folder": str(folder), "lane": rig.lane_of(foul.CHAIN)},
        "chain": [{"bandpass": {"band": "5..15 Hz"}}, {"decimate": {"factor": 2}}]}))
    rig.run("run", cfg, status=0, cwd=tmp_path)
    assert rig.digests(real) == world.want
    rig.run("verify", folder, status=0, cwd=tmp_path)
    assert not (tmp_path / "owned").exists() and not (real / "owned").exists()
    unchanged(world)


@pytest.mark.parametrize("where", ["same", "above", "link to it"])
def test_an_output_folder_that_holds_the_inputs_is_refused(world, tmp_path, where):
    (tmp_path / "link").symlink_to(world.files)
    out = {"same": world.files, "above": world.top, "link to it": tmp_path / "link"}[where]
    cfg = rig.config(tmp_path / "c.yaml", [world.files], foul.CHAIN, out, run_=foul.RUN)
    done = rig.run("run", cfg, status=2)
    assert str(world.files) in done.stderr or str(out) in done.stderr
    unchanged(world)


def test_an_output_folder_below_the_inputs_is_no_input(world, tmp_path):
    shutil.copytree(world.files, tmp_path / "in")
    out = tmp_path / "in" / "out"
    cfg = rig.config(tmp_path / "c.yaml", [tmp_path / "in"], foul.CHAIN, out, run_=foul.RUN)
    for _ in range(2):
        rig.run("run", cfg, status=0)
        assert len(rig.report(out)["inputs"]) == 4 and rig.digests(out) == world.want
    unchanged(world)


TEXTS = ["$(touch owned)", "`touch owned`", "%n%n%s", "a\nb", "\x1b[2J", "ö" * 60000, "'\";\\", "${PATH}"]


@pytest.mark.parametrize("k", range(len(TEXTS)))
def test_a_title_is_data(world, tmp_path, k):
    """Carried as it is, or refused with a position; the report stays JSON and the terminal is left alone."""
    out = tmp_path / "out"
    cfg = tmp_path / "c.json"
    cfg.write_text(json.dumps({"input": {"files": [str(world.files)]}, "output": {"folder": str(out), "title": TEXTS[k]},
                               "chain": [{"abs": {}}], "run": {"memory": "256 MiB"}}))
    done = rig.run("run", cfg, status=(0, 2), cwd=tmp_path)
    assert "\x1b" not in done.stdout + done.stderr
    if done.returncode:
        assert f"{cfg}:1:" in done.stderr, done.stderr
    else:
        assert rig.read_lane(rig.lanes(out)[0]).attrs["title"] == TEXTS[k]
        printable = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in TEXTS[k])
        assert rig.report(out)["config"]["output"]["title"] == printable
        rig.run("verify", out, status=0)
    assert not list(tmp_path.rglob("owned"))
    unchanged(world)
    figure("texts of a config are data: carried or refused, nothing started", 1, 1)
