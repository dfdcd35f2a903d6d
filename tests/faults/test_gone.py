"""Inputs of finished lanes are gone when the run is repeated. What was finished cannot be made again: it stays, in
index and master too; or the status and a name say that it does not. And losses outlive whatever is removed beside
the lanes. Expected values: the samples of the first run, and the recordings themselves."""
import shutil

import numpy as np
import pytest

import rig

RATE, NC, ROWS = 100, 4, 4500  # 45 s a file: a lane of a minute holds parts of two
DATA = rig.noise(6 * ROWS, NC, 7)


def go(top, status=0, ranks=0, files=("in",), chain=("abs",)):
    cfg = rig.config(top / "c.yaml", [top / f for f in files], list(chain), top / "out")
    return rig.run("run", cfg, "--progress", "never", status=status, ranks=ranks)


@pytest.fixture
def top(tmp_path):
    rig.archive(tmp_path / "in", DATA, RATE, ROWS)
    return tmp_path


def inputs(top):
    return sorted((top / "in").iterdir())


def whole(top):
    """All samples are in the lanes, none of them twice, and in the master but for lanes of which no input is there."""
    ((_, y),) = rig.output(top / "out")
    assert np.array_equal(y, np.abs(DATA))
    kept = sum(len(rig.read_lane(top / "out" / k["file"]).y) for k in rig.report(top / "out")["kept"])
    with rig.h5py.File(top / "out" / "master.h5") as h:
        name = next(k for k in h if getattr(h[k], "ndim", 0) == 2)
        assert np.array_equal(h[name][()], np.abs(DATA)[:len(DATA) - kept])
    assert rig.run("verify", top / "out", status=0).stdout.startswith("verify: ok")


@pytest.mark.parametrize("ranks", [0, 3])
@pytest.mark.parametrize("which", [0, 2, 3, 5])
def test_one_file_is_gone(top, which, ranks):
    """At the start, at a lane's border, in the middle of one, at the end. With it back all is as before."""
    go(top)
    want, name = rig.digests(top / "out"), inputs(top)[which].name
    inputs(top)[which].rename(top / "aside")
    for _ in range(2):
        done = go(top, ranks=ranks)
        held = rig.report(top / "out")["held"]
        assert held and {h["missing"] for h in held} == {name} and name in done.stderr
        whole(top)
        now = rig.digests(top / "out")
        assert all(now[h["file"]] == want[h["file"]] for h in held)
    rig.run("verify", top / "out", "--deep", status=0)
    (top / "aside").rename(top / "in" / name)
    go(top)
    assert rig.digests(top / "out") == want and not rig.report(top / "out")["held"]


def test_what_comes_beside_a_gone_file_is_taken_in(top):
    """Of the lane from 2:00 the first quarter is another now and the rest is gone: it is redone, and that is named."""
    go(top)
    third, fourth = inputs(top)[2:4]
    third.unlink()
    fourth.unlink()
    fresh = rig.noise(ROWS, NC, 9)
    rig.prodml(top / "in" / "other.h5", fresh, rig.T0 + 90 * rig.S, RATE)
    done = go(top, status=10)
    (said,) = rig.report(top / "out")["shrunk"]
    assert "20260101T000200" in said and third.name in said and said in done.stderr
    (_, y), (_, z) = rig.output(top / "out")
    assert np.array_equal(y, np.abs(np.concatenate([DATA[:2 * ROWS], fresh])))
    assert np.array_equal(z, np.abs(DATA[4 * ROWS:]))
    rig.run("verify", top / "out", status=0)


def test_a_lane_that_was_held_goes_when_it_is_removed(top):
    """As the message says: then it is made of what is there."""
    go(top)
    inputs(top)[1].unlink()
    go(top)
    for h in rig.report(top / "out")["held"]:
        (top / "out" / h["file"]).unlink()
    go(top)
    assert not rig.report(top / "out")["held"] and len(rig.output(top / "out")) == 2
    rig.run("verify", top / "out", status=0)


def test_a_refused_file_is_gone_too(top):
    """A header that is damaged later on does not take the samples that were read before it with it."""
    go(top)
    inputs(top)[2].write_bytes(inputs(top)[2].read_bytes()[:1000])
    go(top, status=10)
    whole(top)


def test_sums_of_gone_inputs_stay_in_the_result(top):
    """A mean of everything: one figure a channel, over all that ever went in."""
    chain = ["psd: {segment: 500, interval: all}"]
    go(top, chain=chain)
    want = rig.digests(top / "out")
    inputs(top)[3].unlink()
    go(top, chain=chain)
    assert rig.digests(top / "out") == want


# --- losses

CHECKED = dict(chunks=(500, NC), compression="gzip", fletcher32=True)


def lossy(path, k=3, data=None, t0_ns=rig.T0):
    """A recording with one bad chunk of 500 rows; its times."""
    rig.prodml(path.with_name("x"), rig.noise(4000, NC) if data is None else data, t0_ns, RATE, **CHECKED)
    with rig.h5py.File(path.with_name("x")) as h:
        c = h["Acquisition/Raw[0]/RawData"].id.get_chunk_info(k)
    with open(path.with_name("x"), "r+b") as f:
        f.seek(c.byte_offset + 30)
        f.write(b"\0" * 20)
    path.with_name("x").rename(path)
    return t0_ns + c.chunk_offset[0] * rig.S // RATE


REMOVED = {
    "nothing": lambda out: None,
    "the hidden folder": lambda out: shutil.rmtree(out / ".millrace"),
    "it and the report": lambda out: (shutil.rmtree(out / ".millrace"), (out / "report.json").unlink()),
}


@pytest.mark.parametrize("name", ["a.h5", "a b.h5", "a\tb.h5", "a\nb.h5", "a%0ab.h5", "a\\b.h5", b"a\xffb.h5", "ü.h5"])
@pytest.mark.parametrize("what", REMOVED)
def test_a_loss_is_in_the_lane(tmp_path, what, name):
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / (name if isinstance(name, str) else name.decode(errors="surrogateescape"))
    t0 = lossy(path)
    go(tmp_path, status=10)
    first = rig.report(tmp_path / "out")["ledger"]
    want = rig.digests(tmp_path / "out")
    assert len(first) == 1 and first[0]["kind"] == "bad_chunk"
    assert int(np.datetime64(first[0]["t0"].rstrip("Z"), "ns").astype("i8")) == t0
    for _ in range(2):
        REMOVED[what](tmp_path / "out")
        go(tmp_path, status=10)
        assert rig.report(tmp_path / "out")["ledger"] == first
        assert rig.digests(tmp_path / "out") == want
    rig.run("verify", tmp_path / "out", status=0)


@pytest.mark.parametrize("bad", [1, 2, 3])
def test_of_files_of_one_name_the_right_one_is_named(tmp_path, bad):
    for i in (1, 2, 3):
        (tmp_path / "in" / f"day{i}").mkdir(parents=True)
        path, t0 = tmp_path / "in" / f"day{i}" / "rec.h5", rig.T0 + (i - 1) * 40 * rig.S
        if i == bad:
            lossy(path, 2, rig.noise(4000, NC, i), t0)
        else:
            rig.prodml(path, rig.noise(4000, NC, i), t0, RATE, **CHECKED)
    for _ in range(3):
        go(tmp_path, status=10)
        r = rig.report(tmp_path / "out")
        assert [x["path"] for x in r["ledger"]] == [str(tmp_path / "in" / f"day{bad}" / "rec.h5")]
        assert [i["state"] for i in r["inputs"]] == ["partly" if i == bad else "used" for i in (1, 2, 3)]


def test_a_loss_of_a_gone_input_is_still_a_loss(tmp_path):
    (tmp_path / "in").mkdir()
    lossy(tmp_path / "in" / "a.h5")
    rig.prodml(tmp_path / "in" / "b.h5", rig.noise(4000, NC, 2), rig.T0 + 600 * rig.S, RATE)
    go(tmp_path, status=10)
    (tmp_path / "in" / "a.h5").unlink()
    for _ in range(2):
        go(tmp_path, status=10)
        assert [k["losses"] for k in rig.report(tmp_path / "out")["kept"]] == [1]


def test_the_order_of_losses_does_not_depend_on_who_met_them(tmp_path):
    """Many bad chunks; readers and ranks in any number: the same bytes."""
    (tmp_path / "in").mkdir()
    data = rig.noise(8000, NC, 3)
    path = tmp_path / "in" / "a.h5"
    rig.prodml(path, data, rig.T0, RATE, **CHECKED)
    with rig.h5py.File(path) as h:
        places = [h["Acquisition/Raw[0]/RawData"].id.get_chunk_info(k).byte_offset for k in range(0, 16, 2)]
    with open(path, "r+b") as f:
        for at in places:
            f.seek(at + 30)
            f.write(b"\0" * 20)
    seen = set()
    for ranks, io in [(0, 1), (0, 8), (2, 3)]:
        cfg = rig.config(tmp_path / "c.yaml", [tmp_path / "in"], ["abs"], rig.fresh(tmp_path / "out"),
                         run_=["memory: 512 MiB", f"io_threads: {io}"])
        rig.run("run", cfg, ranks=ranks, status=10)
        seen.add(str(rig.digests(tmp_path / "out")))
    assert len(seen) == 1
