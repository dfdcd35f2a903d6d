"""Lanes whose inputs have left the archive stay, are listed, and are watched by verify. Only lanes of
their own series ever take their place."""
import shutil

import numpy as np
import pytest

import rig

RATE, NC, MINUTE = 100, 6, 6000
SLOW = rig.noise(20 * 50, NC, 5)  # 20 s of 50 Hz


def go(top, status=0, ranks=0):
    cfg = rig.config(top / "c.yaml", [top / "in"], ["abs"], top / "out")
    return top / "out", rig.run("run", cfg, status=status, ranks=ranks)


@pytest.fixture
def top(tmp_path):
    """Three minutes of 100 Hz."""
    rig.archive(tmp_path / "in", rig.noise(3 * MINUTE, NC), RATE, MINUTE)
    return tmp_path


def kept(out):
    return {r["file"]: r["checksum"] for r in rig.report(out)["kept"]}


def holds(out, want):
    """The lane file of exactly these samples."""
    (path,) = (p for p in rig.lanes(out) if np.array_equal(rig.read_lane(p).y, np.abs(want)))
    return str(path.relative_to(out))


@pytest.mark.parametrize("ranks", [0, 3])
def test_a_lane_of_another_rate_is_not_superseded(top, ranks):
    """50 Hz from 00:00:20 to 00:00:40, within the time of the lane of 100 Hz from 00:00:00."""
    slow = rig.prodml(top / "in" / "slow.h5", SLOW, rig.T0 + 20 * rig.S, 50)
    out, _ = go(top, ranks=ranks)
    slow.unlink()
    for _ in range(2):  # and it stays so
        _, done = go(top, ranks=ranks)
        assert "20260101T000020" in done.stderr
        assert list(kept(out)) == [holds(out, SLOW)]
        assert rig.run("verify", out, status=0).stdout == "verify: ok, 5 files (1 of them kept: their inputs are gone)\n"


def test_a_lane_of_another_unit_is_not_superseded(top):
    """The same rate and channels, written as phase by another recorder."""
    path = rig.prodml(top / "in" / "phase.h5", SLOW, rig.T0 + 20 * rig.S, RATE)
    with rig.h5py.File(path, "r+") as h:
        h["Acquisition/Raw[0]"].attrs["RawDataUnit"] = np.bytes_("rad")
    out, _ = go(top, status=(0, 10))
    path.unlink()
    go(top)
    assert list(kept(out)) == [holds(out, SLOW)]


def test_a_lane_of_its_own_series_is_superseded(top):
    """Begun at 00:00:30; the grown archive begins at 00:00:00."""
    first = sorted((top / "in").iterdir())[0]
    first.rename(top / "later.h5")
    part = rig.prodml(top / "in" / "part.h5", rig.noise(3000, NC, 8), rig.T0 + 30 * rig.S, RATE)
    out, _ = go(top)
    part.unlink()
    (top / "later.h5").rename(first)
    go(top)
    assert len(rig.lanes(out)) == 3 and not kept(out)


@pytest.mark.parametrize("ranks", [0, 3])
def test_a_lane_in_the_place_of_another_series_moves_aside(top, ranks):
    """Both rates begin at 00:00:00. Once the files of 100 Hz are gone their lane's name is wanted for
    the lane of 50 Hz."""
    rig.prodml(top / "in" / "slow.h5", SLOW, rig.T0, 50)
    fast = rig.noise(3 * MINUTE, NC)
    out, _ = go(top, ranks=ranks)
    for p in (top / "in").glob("rec_*"):
        p.unlink()
    _, done = go(top, ranks=ranks)
    assert holds(out, SLOW).endswith("c00000-00006.h5")
    assert set(kept(out)) == {holds(out, fast[k * MINUTE:(k + 1) * MINUTE]) for k in range(3)}
    assert "moved" in done.stderr
    rig.run("verify", out, status=0)
    rig.run("verify", out, "--deep", status=0)


@pytest.fixture
def honest(top):
    """Two minutes deleted after they were processed."""
    out, _ = go(top)
    for p in sorted((top / "in").iterdir())[:2]:
        p.rename(top / p.name)
    go(top)
    return out


def test_kept_lanes_are_listed_and_known(honest):
    assert sorted(kept(honest)) == [str(p.relative_to(honest)) for p in rig.lanes(honest)[:2]]
    said = rig.run("verify", honest, status=0).stdout
    assert said == "verify: ok, 4 files (2 of them kept: their inputs are gone)\n"
    assert rig.run("verify", honest, "--deep", status=0).stdout.startswith("verify: ok, 4 files")
    assert (honest / "index.csv").read_text().count("\n") == 2  # header and one lane


@pytest.mark.parametrize("harm", ["flip", "cut", "gone", "other", "list"])
def test_damage_to_kept_lanes_is_found(honest, harm):
    lane = rig.lanes(honest)[0]
    if harm == "flip":
        raw = bytearray(lane.read_bytes())
        raw[len(raw) // 2] ^= 4
        lane.write_bytes(raw)
    elif harm == "cut":
        lane.write_bytes(lane.read_bytes()[:-10])
    elif harm == "gone":
        lane.unlink()
    elif harm == "other":
        shutil.copy(rig.lanes(honest)[1], lane)
    else:
        path = honest / ".millrace" / "kept.sum"
        path.write_text(path.read_text().replace(lane.name, lane.name.replace("000000", "000001", 1)))
    said = rig.run("verify", honest, status=7).stdout
    assert lane.name in said, said


def test_strangers_are_no_kept_lanes(honest, tmp_path):
    """A copy under another start, a foreign file, a lane of another chain: named by run, not listed as
    kept, and verify finds them."""
    lane = rig.lanes(honest)[0]
    names = ["20260101T000020.000000000Z_c00000-00006.h5", "mine.h5", "20260101T000030.000000000Z_c00000-00006.h5"]
    shutil.copy(lane, lane.with_name(names[0]))
    lane.with_name(names[1]).write_text("mine")
    rig.run("run", rig.config(tmp_path / "d.yaml", [tmp_path / "in"], ["abs", "clip: {min: -1, max: 1}"], tmp_path / "o"), status=0)
    shutil.copy(rig.lanes(tmp_path / "o")[0], lane.with_name(names[2]))
    _, done = go(tmp_path)
    assert len(kept(honest)) == 2
    assert sorted(s.split("/")[-1] for s in rig.report(honest)["strangers"]) == sorted(names)
    said = rig.run("verify", honest, status=7).stdout
    for name in names:
        assert name in done.stderr and name in said


def test_inputs_that_come_back_make_their_lanes_planned_again(honest, tmp_path):
    for p in tmp_path.glob("rec_*"):
        p.rename(tmp_path / "in" / p.name)
    go(tmp_path)
    assert kept(honest) == {}
    assert rig.run("verify", honest, status=0).stdout == "verify: ok, 4 files\n"
