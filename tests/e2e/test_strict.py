"""--strict stops at the first thing that is odd, status 3: at what headers show before anything is written, at what only
samples show before the lane that has it is published. Every kind of the ledger is here, odd or not."""
import shutil

import h5py
import numpy as np
import pytest

import rig
import writers
from test_value import placed, prodml_unit

RATE, NC, N = 100, 35, 12000


def recording(top, name="a.h5", a=0, b=N, x=None, rate=RATE, **how):
    x = rig.noise(N, NC) if x is None else x
    return rig.prodml(top / "in" / name, x[a:b], rig.T0 + a * rig.S // RATE, rate, **how)


# --- what headers show

def stamp(top):
    t = rig.T0 // 1000 + np.arange(N) * 10_000
    t[5000] += 70_000  # one off, its neighbours on the line
    vector(recording(top), t)


def vector(path, t):
    with h5py.File(path, "r+") as h:
        g = h["Acquisition/Raw[0]"]
        if "RawDataTime" in g:
            del g["RawDataTime"]
        g["RawDataTime"] = np.asarray(t, "i8")


def clock(top):
    path = recording(top)
    vector(path, np.full(N, rig.T0 // 1000))
    with h5py.File(path, "r+") as h:
        h["Acquisition/Raw[0]/RawDataTime"].attrs.update(PartStartTime=np.bytes_(writers.iso(rig.T0)),
                                                         PartEndTime=np.bytes_(writers.iso(rig.T0 + (N - 1) * rig.S // RATE)))


def place(top):
    placed(top / "in" / "a.h5", rig.noise(3000, 5), np.arange(5.0), units="cubit")


def rate(top):
    """A second file 0.5 % off the first."""
    recording(top, "a.h5", 0, 6000)
    x = rig.noise(6000, NC)
    writers.prodml(top / "in" / "b.h5", x, rig.T0 + 60 * rig.S + np.arange(6000) * 9_950_000, 100.5, NC)


def layout(top):
    recording(top, "a.h5", 0, 6000)
    prodml_unit(recording(top, "b.h5", 6000, N), "rad")


def left_out(top):
    path = recording(top)
    with h5py.File(path, "r+") as h:
        g = h["Acquisition"]
        h.copy(g["Raw[0]"], g, "Raw[1]")
        r = g["Raw[1]"]
        data = r["RawData"][::4]
        del r["RawData"]
        r["RawData"] = data
        r.attrs["OutputDataRate"] = RATE / 4
        t = r["RawDataTime"][::4]
        del r["RawDataTime"]
        r["RawDataTime"] = t


def precision(top):
    recording(top, x=(2**30 + np.random.default_rng(1).integers(-8, 9, (N, NC))).astype("i4"))


def lost(top):
    path = recording(top, chunks=(500, NC), compression="gzip")
    with h5py.File(path) as h:
        at = h["Acquisition/Raw[0]/RawData"].id.get_chunk_info(3)
    raw = bytearray(path.read_bytes())
    raw[at.byte_offset:at.byte_offset + at.size] = bytes(at.size)
    path.write_bytes(bytes(raw))


# --- what samples show

def samples(change, **how):
    def make(top):
        x = rig.noise(N, NC, dtype=how.get("dtype", "f4"))
        change(x)
        recording(top, "a.h5", 0, 6000, x=x)
        recording(top, "b.h5", 6000, N, x=x)
    return make


def put(value, rows, channels=3):
    def change(x):
        x[rows, channels] = value
    return change


def wide_later(top):
    """The signal is too small for float32 in the last rows alone: the first look passes."""
    x = np.random.default_rng(1).integers(-800, 900, (N, NC)).astype("i4")
    x[6000:] = 2**30 + x[6000:] % 16
    recording(top, x=x)


HEADERS = {"stamp": stamp, "clock": clock, "place": place, "rate": rate, "layout": layout, "left_out": left_out,
           "value": precision}
# the row from which on a lane of a minute shows it
SAMPLES = {
    "nan": (samples(put(np.nan, 8000)), "not_finite"), "inf": (samples(put(np.inf, 8000)), "not_finite"),
    "last row": (samples(put(np.nan, N - 1)), "not_finite"),
    "run": (samples(put(5, slice(7000, 7100))), "value"), "dead": (samples(put(0, slice(6000, N))), "value"),
    "run to the end": (samples(put(5, slice(N - 100, N))), "value"),
    "across, most before": (samples(put(5, slice(5930, 6030))), "value"),
    "across, half and half": (samples(put(5, slice(5950, 6050))), "value"),
    "across, most behind": (samples(put(5, slice(5970, 6070))), "value"),
    "beyond float32": (samples(put(1e300, 8000), dtype="f8"), "value"), "coarse later": (wide_later, "value")}
FINE = {"clean": samples(lambda x: None), "99 rows": samples(put(5, slice(5950, 6049))),
        "gap": lambda top: [recording(top, "a.h5", 0, 5000), recording(top, "b.h5", 7000, N)],
        "overlap": lambda top: [recording(top, "a.h5", 0, 6500), recording(top, "b.h5", 6000, N)],
        "duplicate": lambda top: [recording(top, "a.h5", 0, 6000), shutil.copy(recording(top, "b.h5", 0, 6000), top / "in" / "c.h5")]}
# which kinds are odd is facts' to say: a gap, an overlap that is equal, slow drift, a window that a gap cuts are not, nor what
# was asked for (masked, filled) or came late; lost chunks are losses
NOT_ODD = {"gap", "overlap", "duplicate", "drift", "window", "masked", "filled", "late", "bad_chunk"}


def go(top, *more, name="out", status=(0, 10), ranks=0):
    cfg = rig.config(top / "c.yaml", [top / "in"], ["abs: {}"], top / name, output_=["lane: 60 s"])
    return rig.run("run", cfg, *more, status=status, ranks=ranks)


def test_every_kind_of_the_ledger_is_here():
    source = (rig.ROOT / "src/plan/span.c").read_text()
    names = set(source[source.index("names[MR_ODD_N]"):].split("{", 1)[1].split("}")[0].replace('"', "").replace("\n", "").replace(" ", "").split(","))
    assert names == set(HEADERS) | {k for _, k in SAMPLES.values()} | NOT_ODD


@pytest.mark.parametrize("kind", HEADERS)
def test_what_headers_show_stops_before_anything_is_written(tmp_path, kind):
    HEADERS[kind](tmp_path)
    go(tmp_path)
    assert kind in rig.kinds(tmp_path / "out")
    for ranks in (0, 2):
        done = go(tmp_path, "--strict", name="strict", status=3, ranks=ranks)
        assert "--strict: " in done.stderr and "in/" in done.stderr
        assert not rig.lanes(tmp_path / "strict") and not (tmp_path / "strict" / "master.h5").exists()


@pytest.mark.parametrize("case", SAMPLES)
def test_what_samples_show_stops_before_its_lane_is_published(tmp_path, case):
    make, kind = SAMPLES[case]
    make(tmp_path)
    go(tmp_path, status=0)
    assert kind in rig.kinds(tmp_path / "out")
    for ranks in (0, 2):
        done = go(tmp_path, "--strict", name=f"strict{ranks}", status=3, ranks=ranks)
        assert "--strict: " in done.stderr and "in/" in done.stderr
        out = tmp_path / f"strict{ranks}"
        assert len(rig.lanes(out)) < 2 and not (out / "master.h5").exists()
    assert "--strict: " in go(tmp_path, "--strict", status=3).stderr  # where all lanes are there already, too


def test_an_overlap_that_differs_is_a_loss(tmp_path):
    recording(tmp_path, "a.h5", 0, 6500)
    recording(tmp_path, "b.h5", 6000, N, x=rig.noise(N, NC, 2))
    go(tmp_path, status=10)
    assert "DIFFERENT" in go(tmp_path, "--strict", name="strict", status=3).stderr and not rig.lanes(tmp_path / "strict")


@pytest.mark.parametrize("case", FINE)
def test_what_is_not_odd_passes(tmp_path, case):
    FINE[case](tmp_path)
    go(tmp_path, "--strict", status=0)
    assert set(rig.kinds(tmp_path / "out")) <= NOT_ODD


def test_a_loss_stops_it(tmp_path):
    lost(tmp_path)
    go(tmp_path, status=10)
    assert "--strict: " in go(tmp_path, "--strict", name="strict", status=3).stderr
    assert len(rig.lanes(tmp_path / "strict")) < 2
