"""verify finds every damage and names the file; it says nothing of what is sound. verify --deep reads the
inputs again and compares them with what the lanes were made from."""
import random
import shutil
import signal

import h5py
import numpy as np
import pytest

import foul
import rig
from promises import PART, TORTURE, figure, share

DAMAGES = share(1000) if TORTURE else 150
CLEAN = share(100) if TORTURE else 6


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return foul.world(tmp_path_factory.mktemp("verify"))


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """Another run's folder: whole files that do not belong here."""
    top = tmp_path_factory.mktemp("verify-other")
    return foul.world(top, more=["title: other"])


def watched(out):
    """What verify answers for."""
    keep = [*out.glob("lanes/*/*.h5"), out / "master.h5", out / "index.csv", *out.glob(".millrace/plan.*")]
    return sorted(p for p in keep if p.is_file())


def flip(rng, p, raw, _):
    at = rng.choice([rng.randrange(len(raw)), max(0, len(raw) - 64) + rng.randrange(min(64, len(raw))),
                     rng.randrange(min(2048, len(raw)))])
    raw[at] ^= 1 << rng.randrange(8)
    p.write_bytes(raw)


def cut(rng, p, raw, _):
    p.write_bytes(raw[:rng.randrange(len(raw))])


def grow(rng, p, raw, _):
    p.write_bytes(raw + bytes(rng.randrange(1, 5000)))


def page(rng, p, raw, _):
    at = rng.randrange(len(raw))
    if not any(raw[at:at + 4096]):
        at = 0
    p.write_bytes(raw[:at] + bytes(len(raw[at:at + 4096])) + raw[at + 4096:])


def gone(rng, p, raw, _):
    p.unlink()


def alien(rng, p, raw, other):
    """The file of that name of another run; whole, but not ours."""
    theirs = other.reference / p.relative_to(p.parents[len(p.relative_to(BASE[0]).parts) - 1])
    if not theirs.exists() or theirs.read_bytes() == bytes(raw):
        return flip(rng, p, raw, other)
    p.write_bytes(theirs.read_bytes())


BASE = [None]


def test_random_damage_is_found(world, other, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(world.reference, out)
    BASE[0] = out
    rng = random.Random(3 + PART)
    rig.run("verify", out, status=0)
    files, missed = watched(out), []
    for k in range(DAMAGES):
        p = rng.choice(files)
        raw = bytearray(p.read_bytes())
        how = rng.choice([flip, flip, flip, cut, grow, page, gone, alien])
        how(rng, p, bytearray(raw), other)
        done = rig.run("verify", out)
        names = [p.name] + (["plan."] if p.name.startswith("plan") else [])
        # of two files that are compared with each other, either may be the one that is named
        names += ["index.csv", "master.h5", "lanes"] if p.name in ("index.csv", "master.h5") else []
        if done.returncode != 7 or not any(n in done.stdout for n in names):
            missed.append((k, how.__name__, p.name, done.returncode, done.stdout[-300:]))
        p.write_bytes(raw)
    rig.run("verify", out, status=0)
    figure("verify finds and names a random damage", DAMAGES - len(missed), DAMAGES)
    assert not missed, missed[:5]


def test_swapped_renamed_and_added_files_are_found(world, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(world.reference, out)
    a, b = rig.lanes(out)[:2]
    one, two = a.read_bytes(), b.read_bytes()
    a.write_bytes(two), b.write_bytes(one)
    said = rig.run("verify", out, status=7).stdout
    assert a.name in said and b.name in said
    a.write_bytes(one), b.write_bytes(two)
    a.rename(a.with_name("20260101T000020.000000000Z_c00000-00008.h5"))
    assert "20260101T000020" in rig.run("verify", out, status=7).stdout
    a.with_name("20260101T000020.000000000Z_c00000-00008.h5").rename(a)
    for name in ["lanes/2026-01-01/x", "lanes/x.h5", "x.h5", "lanes/2026-01-01/20260101T000020.000000000Z_c00000-00008.h5"]:
        shutil.copy(a, out / name)
        assert name.rsplit("/", 1)[-1] in rig.run("verify", out, status=7).stdout
        (out / name).unlink()
    rig.run("verify", out, status=0)


def test_no_false_alarm(world, tmp_path):
    """Runs of all kinds: verify and verify --deep are content."""
    rng = random.Random(100 + PART)
    for k in range(CLEAN):
        out = tmp_path / f"o{k}"
        factor, ranks = rng.choice([2, 3, 4, 5]), rng.choice([0, 0, 0, 2, 3])
        chain = rng.choice([[], ["abs"], ["bandpass: {band: 2..9 Hz}"], [f"decimate: {{factor: {factor}}}"],
                            ["rms: {window: 2 s}"], ["detrend: {window: 10 s}"]])
        inputs = rng.choice([[], ["channels: 2..5"], ["channels: 0..8:3"], ["channels: [0, 3, 7]"],
                             ["time: 2026-01-01T00:00:30Z .. 2026-01-01T00:02:30Z"]])
        more = rng.choice([[], ["compress: deflate"]])
        cfg = rig.config(tmp_path / f"{k}.yaml", [world.files], chain, out, input_=inputs, output_=more,
                         run_=["memory: 256 MiB"])
        rig.run("run", cfg, status=0, ranks=ranks)
        rig.run("verify", out, status=0)
        said = rig.run("verify", out, "--deep", status=0).stdout
        assert int(said.split(" ranges")[0].split()[-1]) >= 4, said
    figure("clean runs of which verify and verify --deep say nothing", CLEAN, CLEAN)


@pytest.fixture
def finished(world, tmp_path):
    shutil.copytree(world.files, tmp_path / "in")
    cfg = rig.config(tmp_path / "c.yaml", [tmp_path / "in"], foul.CHAIN, tmp_path / "out", run_=foul.RUN)
    rig.run("run", cfg, status=0)
    rig.run("verify", tmp_path / "out", "--deep", status=0)
    return tmp_path / "out", sorted((tmp_path / "in").iterdir())


def test_deep_finds_one_changed_sample(finished):
    """Anywhere in any input, whether the lane needs it as output or as context."""
    out, files = finished
    rng = np.random.default_rng(3)
    for p in files:
        whole = p.read_bytes()
        with h5py.File(p, "r+") as h:
            d = h["Acquisition/Raw[0]/RawData"]
            t, c = rng.integers(d.shape[0]), rng.integers(d.shape[1])
            d[t, c] += 1
        rig.run("verify", out, status=0)
        done = rig.run("verify", out, "--deep", status=7)
        assert p.name in done.stdout and "others now" in done.stdout
        p.write_bytes(whole)
    rig.run("verify", out, "--deep", status=0)


def test_deep_names_inputs_that_are_gone_or_damaged(finished):
    out, files = finished
    files[0].unlink()
    files[1].write_bytes(files[1].read_bytes()[:-100])
    done = rig.run("verify", out, "--deep", status=7)
    assert files[0].name in done.stdout and files[1].name in done.stdout
    assert files[2].name not in done.stdout


def test_deep_does_not_mind_another_storage(finished):
    """The same samples, stored in another way."""
    out, files = finished
    with h5py.File(files[0], "r+") as h:
        old = h["Acquisition/Raw[0]/RawData"]
        data, attrs = old[()], dict(old.attrs)
        del h["Acquisition/Raw[0]/RawData"]
        d = h["Acquisition/Raw[0]"].create_dataset("RawData", data=data, chunks=(77, 3), compression="gzip")
        for k, v in attrs.items():
            d.attrs[k] = v
    rig.run("verify", out, "--deep", status=0)


# --- lanes that are whole and not what was written

@pytest.mark.parametrize("args", [[], ["--check"]])
def test_a_whole_lane_of_other_samples_is_not_taken_over(finished, tmp_path, args):
    """Of inputs of the same names, sizes and times: its own checksum is right, the index says another."""
    out, files = finished
    want = rig.digests(out)
    (tmp_path / "b" / "in").mkdir(parents=True)
    for p in files:
        shutil.copy(p, tmp_path / "b" / "in")
        with h5py.File(tmp_path / "b" / "in" / p.name, "r+") as h:
            h["Acquisition/Raw[0]/RawData"][...] *= -1
    cfg = rig.config(tmp_path / "b" / "c.yaml", [tmp_path / "b" / "in"], foul.CHAIN, tmp_path / "b" / "out", run_=foul.RUN)
    rig.run("run", cfg, status=0)
    lane = rig.lanes(out)[1]
    shutil.copy(tmp_path / "b" / "out" / lane.relative_to(out), lane)
    rig.run("verify", out, status=7)
    rig.run("run", tmp_path / "c.yaml", *args, status=0)
    assert rig.digests(out) == want
    rig.run("verify", out, status=0)


@pytest.mark.parametrize("what", ["lanes", "day"])
def test_lanes_that_were_moved_and_linked_back(finished, tmp_path, what):
    out, files = finished
    place = out / "lanes" if what == "lanes" else rig.lanes(out)[0].parent
    shutil.move(place, tmp_path / "big")
    place.symlink_to(tmp_path / "big")
    want = rig.digests(out)
    rig.run("verify", out, "--deep", status=0)
    rig.run("run", tmp_path / "c.yaml", status=0)
    assert rig.digests(out) == want
    lane = rig.lanes(out)[0]
    raw = bytearray(lane.read_bytes())
    raw[3000] ^= 1
    lane.write_bytes(raw)
    assert lane.name in rig.run("verify", out, status=7).stdout
    rig.run("run", tmp_path / "c.yaml", "--check", status=0)
    assert rig.digests(out) == want
    with h5py.File(files[0], "r+") as h:
        h["Acquisition/Raw[0]/RawData"][5, 1] += 1
    rig.run("verify", out, "--deep", status=7)


def test_a_foreign_file_behind_a_link_is_not_replaced(finished, tmp_path):
    """A folder of somebody else's, linked in the place of a day, with a text by the name of a lane."""
    out, _ = finished
    lane = rig.lanes(out)[0]
    shutil.rmtree(lane.parent)
    (tmp_path / "theirs" / "sub").mkdir(parents=True)
    for name in (lane.name, "f.part", "sub/g.part"):
        (tmp_path / "theirs" / name).write_text("of somebody\n")
    lane.parent.symlink_to(tmp_path / "theirs")
    rig.run("run", tmp_path / "c.yaml", status=4)
    assert {p.read_text() for p in (tmp_path / "theirs").rglob("*") if p.is_file() and ".h5." not in p.name} == {"of somebody\n"}


@pytest.mark.parametrize("edit", ["gone", "cut", "state", "status", "line"])
def test_the_report_is_watched(finished, tmp_path, edit):
    out, _ = finished
    p, text = out / "report.json", (out / "report.json").read_text()
    if edit == "gone":
        p.unlink()
    else:
        p.write_text({"cut": text[:300], "state": text.replace('"used"', '"partly"', 1),
                      "status": text.replace('"status": 0', '"status": 10'),
                      "line": "\n".join(x for x in text.splitlines() if '"checksum"' not in x)}[edit])
    for args in ([], ["--deep"]):
        assert "report.json" in rig.run("verify", out, *args, status=7).stdout
    rig.run("run", tmp_path / "c.yaml", status=0)
    rig.run("verify", out, status=0)


def test_what_is_not_finished_is_incomplete_and_no_damage(world, tmp_path):
    """While a run works, after it was stopped, after it was killed; a damage is a damage then, too."""
    out, slow = tmp_path / "out", rig.slow_disk(tmp_path)
    cfg = rig.config(tmp_path / "c.yaml", [world.files], foul.CHAIN, out, run_=foul.RUN)
    p = rig.start("run", cfg, **slow(0.1))
    rig.wait_for(lambda: rig.lanes(out), "lane")
    said = rig.run("verify", out, status=75).stdout
    assert "a run is at work here" in said and "verify: incomplete" in said
    rig.kill([p.pid], signal.SIGTERM)
    p.communicate(timeout=20)
    said = rig.run("verify", out, status=75)
    assert "verify: incomplete" in said.stdout and "FAILED" not in said.stdout
    lane, raw = rig.lanes(out)[0], bytearray(rig.lanes(out)[0].read_bytes())
    raw[3000] ^= 4
    lane.write_bytes(raw)
    assert lane.name in rig.run("verify", out, status=7).stdout
    rig.run("run", cfg, "--check", status=0)
    rig.run("verify", out, status=0)
