"""Archives as they are found: every bad file is named with its reason, in report.json and on stderr;
everything else comes out as if the bad file were not there."""
import os
import shutil

import h5py
import numpy as np
import pytest
from scipy import signal

import rig

RATE, NC, ROWS = 100, 8, 2000
CHAIN = ["bandpass: {band: 10..30 Hz}", "decimate: {factor: 2}"]


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """Nine files of 20 s = three lanes; what a run makes of them; the samples."""
    top = tmp_path_factory.mktemp("dirty")
    x = rig.noise(9 * ROWS, NC)
    rig.archive(top / "in", x, RATE, ROWS)
    rig.run("run", rig.config(top / "c.yaml", [top / "in"], CHAIN, top / "out"), status=0)
    assert len(rig.lanes(top / "out")) == 3
    return top, rig.digests(top / "out"), x


@pytest.fixture
def copy(good, tmp_path):
    shutil.copytree(good[0] / "in", tmp_path / "in")
    return tmp_path / "in"


def slot(k, folder):
    """Path and start of the k-th file of 20 s."""
    t = rig.T0 + k * 20 * rig.S
    return folder / rig.name_at(t), t


def go(tmp_path, chain=CHAIN, status=10, **kw):
    out = tmp_path / "out"
    cfg = rig.config(tmp_path / "c.yaml", [tmp_path / "in"], chain, out, input_=kw.pop("input_", []))
    return out, rig.run("run", cfg, status=status, **kw)


def named(out, done, name, state="refused"):
    """In the report with a reason, and on stderr."""
    (row,) = [i for i in rig.report(out)["inputs"] if i["path"].endswith(name)]
    assert row["state"] == state and row["reason"], row
    assert name in done.stderr
    return row["reason"]


# --- files that cannot be read

def truncated(p, t):
    rig.prodml(p, rig.noise(ROWS, NC, 9), t, RATE)
    p.write_bytes(p.read_bytes()[:p.stat().st_size * 6 // 10])


def head_only(p, t):
    rig.prodml(p, rig.noise(ROWS, NC, 9), t, RATE)
    p.write_bytes(p.read_bytes()[:700])


def text(p, t):
    p.write_text("this is no HDF5 file\n" * 1000)


def zeros(p, t):
    p.write_bytes(bytes(100_000))


def other_hdf5(p, t):
    with h5py.File(p, "w") as h:
        h["weather/temperature"] = np.arange(30.0)


def no_time(p, t):
    rig.prodml(p, rig.noise(ROWS, NC, 9), t, RATE)
    with h5py.File(p, "r+") as h:
        del h["Acquisition/Raw[0]/RawDataTime"]


def no_rows(p, t):
    rig.prodml(p, np.zeros((0, NC), "f4"), t, RATE)


def text_samples(p, t):
    rig.prodml(p, np.full((20, NC), b"x"), t, RATE)


def unknown_filter(p, t):
    rig.prodml(p, rig.noise(ROWS, NC, 9), t, RATE, compression="lzf")


def huge_shape(p, t):
    """Declared 10^9 x 8 samples, none stored."""
    rig.prodml(p, rig.noise(20, NC, 9), t, RATE)
    with h5py.File(p, "r+") as h:
        del h["Acquisition/Raw[0]/RawData"]
        h["Acquisition/Raw[0]"].create_dataset("RawData", (10 ** 12, NC), "f4", chunks=(10, NC))


def external_storage(p, t):
    rig.prodml(p, rig.noise(20, NC, 9), t, RATE)
    with h5py.File(p, "r+") as h:
        del h["Acquisition/Raw[0]/RawData"]
        h["Acquisition/Raw[0]"].create_dataset("RawData", (20, NC), "f4", external=[("/etc/passwd", 0, 640)])


def external_link(p, t):
    rig.prodml(p, rig.noise(20, NC, 9), t, RATE)
    with h5py.File(p, "r+") as h:
        del h["Acquisition/Raw[0]/RawData"]
        h["Acquisition/Raw[0]/RawData"] = h5py.ExternalLink(str(p.with_suffix(".other")), "/x")


def virtual(p, t):
    rig.prodml(p, rig.noise(20, NC, 9), t, RATE)
    with h5py.File(p, "r+") as h:
        del h["Acquisition/Raw[0]/RawData"]
        lay = h5py.VirtualLayout((20, NC), "f4")
        lay[:] = h5py.VirtualSource("missing.h5", "x", (20, NC))
        h["Acquisition/Raw[0]"].create_virtual_dataset("RawData", lay)


def fifo(p, t):
    os.mkfifo(p)


def symlink_loop(p, t):
    p.symlink_to(p.name)


def dangling_symlink(p, t):
    p.symlink_to("nowhere.h5")


BAD = [truncated, head_only, text, zeros, other_hdf5, no_time, no_rows, text_samples, unknown_filter,
       huge_shape, external_storage, external_link, virtual, fifo, symlink_loop, dangling_symlink]


@pytest.mark.parametrize("make,ranks", [(f, 0) for f in BAD] + [(truncated, 2), (huge_shape, 3)],
                         ids=lambda v: getattr(v, "__name__", str(v)))
def test_a_file_that_cannot_be_read(good, copy, tmp_path, make, ranks):
    path, t = slot(20, copy)
    make(path, t)
    out, done = go(tmp_path, ranks=ranks, timeout=30)
    reason = named(out, done, path.name)
    assert len(reason) > 10
    assert rig.digests(out) == good[1]
    assert done.stdout.count("1 refused") == 1


def test_an_empty_file(good, copy, tmp_path):
    path, _ = slot(20, copy)
    path.touch()
    out, done = go(tmp_path)
    assert "empty" in named(out, done, path.name)
    assert rig.digests(out) == good[1]


def test_all_of_them_at_once_and_again(good, copy, tmp_path):
    """Names that are no plain text, too. Twice: the refusals are remembered, or found again."""
    names = []
    for k, make in enumerate(BAD):
        path, t = slot(20 + k, copy)
        make(path, t)
        names.append(path.name)
    odd = [copy / "esc\x1b[31m.h5", copy / "new\nline.h5", copy / "quote\"'$(touch x)%n.h5"]
    for p in odd:
        p.write_text("text")
    with open(os.fsencode(copy) + b"/latin\xe9.h5", "w") as f:
        f.write("text")
    for ranks in (3, 0):
        out, done = go(tmp_path, ranks=ranks)
        for name in names:
            named(out, done, name)
        told = rig.report(out)
        assert sum(i["state"] == "refused" for i in told["inputs"]) == len(BAD) + 4
        assert told["status"] == 10 and "\x1b" not in done.stderr
        assert rig.digests(out) == good[1]


def test_a_bad_file_in_the_middle_becomes_a_gap(good, copy, tmp_path):
    path, _ = slot(4, copy)
    path.write_bytes(path.read_bytes()[:5000])
    out, done = go(tmp_path)
    named(out, done, path.name)
    assert rig.kinds(out) == ["gap"]
    assert len(rig.output(out)) == 2
    shutil.rmtree(out)
    path.unlink()
    again, _ = go(tmp_path, status=0)
    assert rig.digests(again)  # the same without the bad file: a gap alone is no loss
    x = good[2].astype(float)
    for (t, y), part in zip(rig.output(again), (x[:4 * ROWS], x[5 * ROWS:])):
        ref = signal.sosfiltfilt(signal.butter(4, [0.2, 0.6], "bandpass", output="sos"), part, axis=0)
        rig.near(y, signal.decimate(ref, 2, ftype="fir", axis=0))


def test_with_and_without_the_bad_file_the_same(good, copy, tmp_path):
    path, _ = slot(4, copy)
    path.write_bytes(path.read_bytes()[:5000])
    out, _ = go(tmp_path)
    with_it = rig.digests(out)
    path.unlink()
    shutil.rmtree(out)
    out, _ = go(tmp_path, status=0)
    assert rig.digests(out) == with_it


def test_a_file_repaired_later_fills_its_gap(good, copy, tmp_path):
    path, _ = slot(4, copy)
    whole = path.read_bytes()
    path.write_bytes(whole[:5000])
    out, _ = go(tmp_path)
    path.write_bytes(whole)
    out, _ = go(tmp_path, status=0)
    assert rig.digests(out) == good[1]


@pytest.mark.parametrize("ranks", [0, 2])
def test_nothing_usable_is_status_3(tmp_path, ranks):
    (tmp_path / "in").mkdir()
    for k in range(3):
        text(*slot(k, tmp_path / "in"))
    _, done = go(tmp_path, status=3, ranks=ranks)
    assert slot(1, tmp_path / "in")[0].name in done.stderr
    assert not rig.lanes(tmp_path / "out")


def test_strict_stops_before_any_output(good, copy, tmp_path):
    text(*slot(20, copy))
    cfg = rig.config(tmp_path / "c.yaml", [copy], CHAIN, tmp_path / "out")
    done = rig.run("run", cfg, "--strict", status=3)
    assert slot(20, copy)[0].name in done.stderr and not rig.lanes(tmp_path / "out")


BADS = sorted((rig.REAL / "bad").glob("*.*")) if rig.REAL.exists() else []


@pytest.mark.skipif(not BADS, reason="MILLRACE_REALDATA is not there")
def test_public_damaged_files_do_no_harm(good, copy, tmp_path):
    """Every one is used or refused with a reason; the good files come out as ever."""
    bad = [p for p in BADS if p.suffix not in (".md", ".txt")]
    for p in bad:
        shutil.copy(p, copy / p.name)
    out, done = go(tmp_path, ranks=2, timeout=100)
    state = rig.states(out)
    assert all(state[p.name] == "refused" for p in bad), state
    assert all(p.name in done.stderr for p in bad)
    assert rig.digests(out) == good[1]


# --- files that do not fit the others

def test_another_rate_and_another_channel_count_are_series_of_their_own(good, copy, tmp_path):
    """One file of 200 Hz, one with 5 channels: own lanes, named; the others' lanes as ever."""
    rate = rig.prodml(copy / "other_rate.h5", rig.noise(4000, NC, 7), rig.T0 + 400 * rig.S, 200)
    loci = rig.prodml(copy / "other_loci.h5", rig.noise(2000, 5, 8), rig.T0 + 30 * rig.S, RATE)
    out, done = go(tmp_path, status=(0, 10))
    assert rig.kinds(out) == ["layout", "rate"]
    ledger = {r["kind"]: r for r in rig.report(out)["ledger"]}
    assert ledger["rate"]["path"].endswith(rate.name) and "200" in ledger["rate"]["note"]
    assert ledger["layout"]["path"].endswith(loci.name) and "5" in ledger["layout"]["note"]
    assert rate.name in done.stderr and loci.name in done.stderr
    got = rig.digests(out)
    assert all(got[n] == d for n, d in good[1].items() if n.startswith("lanes"))
    assert len(got) == len(good[1]) + 2
    with h5py.File(out / "master.h5") as h:
        assert {"part2", "part3"} <= set(h)
        assert h["strain_rate"].shape == (9 * ROWS // 2, NC)
    rig.run("verify", out, status=0)


def test_two_series_that_begin_at_the_same_time(good, copy, tmp_path):
    """Same start, same channels, half the rate: the second lane has a number behind its name."""
    slow = rig.noise(500, NC, 5)
    rig.prodml(copy / "slow.h5", slow, rig.T0, RATE / 2)
    out, _ = go(tmp_path, chain=["abs: {}"], status=(0, 10))
    (twin,) = (p for p in rig.lanes(out) if p.name.endswith("_2.h5"))
    assert np.array_equal(rig.read_lane(twin).y, np.abs(slow))
    rig.run("verify", out, status=0)


def test_parts_do_not_depend_on_the_order_of_files(good, copy, tmp_path):
    rig.prodml(copy / "other_rate.h5", rig.noise(4000, NC, 7), rig.T0 + 400 * rig.S, 200)
    rig.prodml(copy / "other_loci.h5", rig.noise(2000, 5, 8), rig.T0 + 30 * rig.S, RATE)
    files = sorted(copy.glob("*.h5"))
    seen = []
    for order in (files, files[::-1], files[3:] + files[:3]):
        out = rig.fresh(tmp_path / "out")
        rig.run("run", rig.config(tmp_path / "c.yaml", order, CHAIN, out), status=(0, 10))
        seen.append(rig.digests(out))
    assert seen[0] == seen[1] == seen[2]


def test_a_chain_that_does_not_fit_one_of_the_rates(good, copy, tmp_path):
    """40 Hz of 50 Hz data: those files are refused, the others done."""
    slow = rig.prodml(copy / "slow.h5", rig.noise(1000, NC, 7), rig.T0 + 400 * rig.S, 50)
    out, done = go(tmp_path)
    assert "30 Hz" in named(out, done, slow.name)
    assert rig.digests(out) == good[1]


# --- time

def test_equal_overlap_is_no_loss(good, copy, tmp_path):
    """File 5 begins 3 s early with the samples that file 4 ends with."""
    path, t = slot(5, copy)
    path.unlink()
    x = good[2]
    early = rig.prodml(copy / rig.name_at(t - 3 * rig.S), x[5 * ROWS - 300:6 * ROWS], t - 3 * rig.S, RATE)
    out, done = go(tmp_path, status=0)
    (row,) = rig.report(out)["ledger"]
    assert row["kind"] == "overlap" and "equal" in row["note"] and row["path"].endswith(early.name)
    assert early.name in done.stderr
    assert rig.states(out)[early.name] == "partly"
    ((_, y),) = rig.output(out)
    ((_, ref),) = rig.output(good[0] / "out")
    assert np.array_equal(y, ref)


def test_different_overlap_is_a_loss_and_the_earlier_file_wins(good, copy, tmp_path):
    path, t = slot(5, copy)
    path.unlink()
    x = good[2][5 * ROWS - 300:6 * ROWS].copy()
    x[7, 3] += 1
    early = rig.prodml(copy / rig.name_at(t - 3 * rig.S), x, t - 3 * rig.S, RATE)
    out, done = go(tmp_path)
    assert "DIFFERENT" in named(out, done, early.name, "partly")
    ((_, y),) = rig.output(out)
    ((_, ref),) = rig.output(good[0] / "out")
    assert np.array_equal(y, ref)


@pytest.mark.parametrize("same", [True, False])
def test_duplicates(good, copy, tmp_path, same):
    path, _ = slot(3, copy)
    twin = copy / ("zz_" + path.name)
    shutil.copy(path, twin)
    if not same:
        with h5py.File(twin, "r+") as h:
            h["Acquisition/Raw[0]/RawData"][1000, 2] = 7
    out, done = go(tmp_path, status=0 if same else 10)
    (row,) = rig.report(out)["ledger"]
    assert row["kind"] == "duplicate" and row["path"].endswith(twin.name) and twin.name in done.stderr
    assert rig.digests(out)["lanes/2026-01-01/" + rig.lanes(out)[2].name] == \
        good[1]["lanes/2026-01-01/" + rig.lanes(out)[2].name]
    ((_, y),) = rig.output(out)
    ((_, ref),) = rig.output(good[0] / "out")
    assert np.array_equal(y, ref)


def test_the_same_file_by_two_names_is_read_once(good, copy, tmp_path):
    path, _ = slot(3, copy)
    (copy / "link.h5").symlink_to(path.name)
    out, _ = go(tmp_path, status=0)
    assert rig.digests(out) == good[1] and rig.kinds(out) == []


def test_a_small_drift_joins_and_is_listed(good, tmp_path):
    """Files that start 1.3 ms (0.13 samples) later each: one span, whose time follows the stamps."""
    x = good[2]
    for k in range(4):
        t = rig.T0 + k * (20 * rig.S + 1_300_000)
        rig.prodml(tmp_path / "in" / f"f{k}.h5", x[k * ROWS:(k + 1) * ROWS], t, RATE)
    out, done = go(tmp_path, chain=["abs: {}"], status=0)
    assert rig.kinds(out) == ["drift"] * 3 and "f2.h5" in done.stderr
    t = np.concatenate([rig.read_lane(p).t for p in rig.lanes(out)])
    assert len(t) == 4 * ROWS and t[ROWS] == rig.T0 + 20 * rig.S + 1_300_000
    assert np.diff(t).max() - np.diff(t).min() <= 1000


def test_more_than_half_a_sample_is_a_gap(good, tmp_path):
    x = good[2]
    rig.prodml(tmp_path / "in" / "a.h5", x[:ROWS], rig.T0, RATE)
    rig.prodml(tmp_path / "in" / "b.h5", x[ROWS:2 * ROWS], rig.T0 + 20 * rig.S + 6_000_000, RATE)
    out, _ = go(tmp_path, chain=["abs: {}"], status=0)
    assert rig.kinds(out) == ["gap"] and len(rig.report(out)["spans"]) == 2


# --- samples that are not there

def spread(y, ref, bad, out_rate=RATE):
    """NaN in one stretch of the channel that covers bad (seconds), at most 2 s more on each side."""
    at = np.flatnonzero(np.isnan(y))
    assert len(at) == at[-1] - at[0] + 1
    assert at[0] / out_rate <= bad[0] and (at[-1] + 1) / out_rate >= bad[1] - 0.02
    assert at[0] / out_rate > bad[0] - 2 and at[-1] / out_rate < bad[1] + 2


@pytest.mark.parametrize("rows", [(3000, 3001), (5990, 6013), (0, 40), (17900, 18000), (2000, 4000)])
def test_nan_samples_spread_as_far_as_the_context_and_no_further(good, tmp_path, rows):
    x = good[2].copy()
    x[rows[0]:rows[1], 3] = np.nan
    rig.archive(tmp_path / "in", x, RATE, ROWS)
    out, _ = go(tmp_path, status=0)
    ((_, y),) = rig.output(out)
    ((_, ref),) = rig.output(good[0] / "out")
    others = np.arange(NC) != 3
    assert np.array_equal(y[:, others], ref[:, others])
    spread(y[:, 3], ref[:, 3], (rows[0] / RATE, rows[1] / RATE), RATE / 2)
    fine = ~np.isnan(y[:, 3])
    a, b = np.flatnonzero(~fine)[[0, -1]] if not fine.all() else (0, 0)
    far = fine & ((np.arange(len(y)) < a) | (np.arange(len(y)) > b))
    assert np.abs(y[far, 3] - ref[far, 3]).max() <= 1e-6 * np.nanmax(np.abs(ref))


def test_a_dead_channel_is_nan_and_harms_no_other(good, tmp_path):
    x = good[2].copy()
    x[:, 5] = np.nan
    x[100, 2] = np.inf
    rig.archive(tmp_path / "in", x, RATE, ROWS)
    out, _ = go(tmp_path, status=0)
    ((_, y),) = rig.output(out)
    ((_, ref),) = rig.output(good[0] / "out")
    assert np.isnan(y[:, 5]).all() and np.isnan(y[50, 2])
    rest = [0, 1, 3, 4, 6, 7]
    assert np.array_equal(y[:, rest], ref[:, rest])


def flip_chunk(path, chunk, byte=None):
    """Flip one bit in the middle of a stored chunk; its first row, its channels."""
    with h5py.File(path) as h:
        d = h["Acquisition/Raw[0]/RawData"]
        info = d.id.get_chunk_info(chunk)
        shape = d.chunks
    raw = bytearray(path.read_bytes())
    raw[info.byte_offset + (info.size // 2 if byte is None else byte)] ^= 16
    path.write_bytes(raw)
    r, c = info.chunk_offset
    return slice(r, min(r + shape[0], ROWS)), slice(c, min(c + shape[1], NC))


@pytest.mark.parametrize("how", [
    dict(compression="gzip"), dict(compression="gzip", fletcher32=True), dict(fletcher32=True),
    dict(compression="gzip", shuffle=True), dict(shuffle=True, fletcher32=True)],
    ids=lambda d: "+".join(d))
def test_a_damaged_chunk_becomes_nan_and_is_listed(good, tmp_path, how):
    x = good[2].copy()
    files = rig.archive(tmp_path / "in", x, RATE, ROWS, chunks=(300, 3), **how)
    rows, cols = flip_chunk(files[4], 4)
    out, done = go(tmp_path, chain=[])
    reason = named(out, done, files[4].name, "partly")
    assert "chunk" in reason and rig.kinds(out) == ["bad_chunk"]
    ref = x.copy()
    ref[4 * ROWS:5 * ROWS][rows, cols] = np.nan
    ((_, y),) = rig.output(out)
    assert np.array_equal(y, ref, equal_nan=True)
    entry = rig.report(out)["ledger"][0]
    t0 = np.datetime64(entry["t0"].rstrip("Z"), "ns").astype("i8")
    assert t0 == rig.T0 + (4 * ROWS + rows.start) * rig.S // RATE
    again, done = go(tmp_path, chain=[], ranks=2)  # nothing to do, but the loss is not forgotten
    named(again, done, files[4].name, "partly")


def test_a_damaged_chunk_under_a_filter(good, tmp_path):
    x = good[2].copy()
    files = rig.archive(tmp_path / "in", x, RATE, ROWS, chunks=(300, NC), compression="gzip")
    rows, _ = flip_chunk(files[4], 2)
    one, _ = go(tmp_path)
    ((_, y),) = rig.output(one)
    ((_, ref),) = rig.output(good[0] / "out")
    bad = ((4 * ROWS + rows.start) / RATE, (4 * ROWS + rows.stop) / RATE)
    for c in range(NC):
        spread(y[:, c], ref[:, c], bad, RATE / 2)
    fine = ~np.isnan(y)
    assert np.abs(y - ref)[fine].max() <= 1e-6 * np.abs(ref).max()
    want = rig.digests(one)
    for ranks, threads in ((2, 1), (0, 2)):
        shutil.rmtree(one)
        go(tmp_path, ranks=ranks, threads=threads)
        assert rig.digests(one) == want


def test_a_hole_in_a_chunked_file_is_nan(good, tmp_path):
    """Chunks that were never written are no zeros."""
    rig.prodml(tmp_path / "in" / "a.h5", good[2][:20], rig.T0, RATE)
    with h5py.File(tmp_path / "in" / "a.h5", "r+") as h:
        raw = h["Acquisition/Raw[0]"]
        del raw["RawData"], raw["RawDataTime"]
        d = raw.create_dataset("RawData", (ROWS, NC), "f4", chunks=(500, NC))
        d.attrs["Dimensions"] = np.array([b"time", b"locus"])
        d[:500], d[1000:] = good[2][:500], good[2][1000:ROWS]
        raw["RawDataTime"] = (rig.T0 + np.arange(ROWS) * rig.S // RATE) // 1000
    out, done = go(tmp_path, chain=[])
    ((_, y),) = rig.output(out)
    ref = good[2][:ROWS].copy()
    ref[500:1000] = np.nan
    assert np.array_equal(y, ref, equal_nan=True)
    named(out, done, "a.h5", "partly")


def test_the_archive_of_the_issue_list(good, copy, tmp_path):
    """Truncated, text, other rate, empty, gap, overlap, duplicate at once: status 10, each named."""
    cut, _ = slot(2, copy)
    cut.write_bytes(cut.read_bytes()[:30000])
    text(copy / "text.h5", 0)
    rig.prodml(copy / "rate.h5", rig.noise(3000, NC, 7), rig.T0 + 500 * rig.S, 250)
    (copy / "empty.h5").touch()
    slot(5, copy)[0].unlink()
    path, t = slot(7, copy)
    path.unlink()
    early = rig.prodml(copy / rig.name_at(t - rig.S), good[2][7 * ROWS - 100:8 * ROWS], t - rig.S, RATE)
    shutil.copy(slot(0, copy)[0], copy / "zz_twin.h5")
    out, done = go(tmp_path, ranks=2)
    assert rig.kinds(out) == ["duplicate", "gap", "gap", "overlap", "rate"]
    state = rig.states(out)
    assert {n for n, s in state.items() if s == "refused"} == {cut.name, "empty.h5", "text.h5"}
    for name in (cut.name, "text.h5", "rate.h5", "empty.h5", early.name, "zz_twin.h5"):
        assert name in done.stderr
    x = good[2].astype(float)
    spans = sorted(rig.output(out), key=lambda s: s[0][0])
    parts = [x[:2 * ROWS], x[3 * ROWS:5 * ROWS], x[6 * ROWS:]]
    for (_, y), part in zip(spans, parts):
        ref = signal.sosfiltfilt(signal.butter(4, [0.2, 0.6], "bandpass", output="sos"), part, axis=0)
        rig.near(y, signal.decimate(ref, 2, ftype="fir", axis=0))
    rig.run("verify", out, status=0)
