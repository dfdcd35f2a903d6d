"""TDMS: whole runs over files that an iDAS might have written, other forms of the format, files that are cut or
mean harm, and the real ones against the facts beside them."""
import json
import struct

import numpy as np
import pytest
from scipy import signal

import rig
import tdms

RATE, NC, ROWS = 500, 24, 5000
MORE = rig.REAL / "more"


def put(path, *segments):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(segments))
    return path


def looked(*args, status=(0, 1)):
    return json.loads(rig.run("inspect", *args, "--json", status=status).stdout)["files"]


def samples_of(path, tmp_path, **sections):
    """All that a run without operators gives of a file, as stored counts."""
    cfg = rig.config(tmp_path / "s.yaml", [path], [], tmp_path / "all", **sections)
    rig.fresh(tmp_path / "all")
    rig.run("run", cfg, status=0)
    (_, y), = rig.output(tmp_path / "all")
    return y


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Eight files of 10 s, then a hole of 30 s, then three more: one starts a fraction of a sample late."""
    top = tmp_path_factory.mktemp("idas")
    spans = []
    for k, (start, n) in enumerate(((rig.T0 + 13 * rig.S, 8), (rig.T0 + 123 * rig.S, 3))):
        x = tdms.counts(n * ROWS, NC, k)
        for i in range(n):
            t = start + i * ROWS * rig.S // RATE
            put(top / "in" / f"psu_{k}{i}.tdms",
                tdms.segment(x[i * ROWS:(i + 1) * ROWS], tdms.idas(t + (i == 2) * 90_000, RATE)))
        spans.append(x.astype(float))
    return top, spans


def test_facts_are_those_in_the_file(recorded):
    one = looked(recorded[0] / "in" / "psu_00.tdms")[0]
    assert one["layout"] == "tdms" and one["dataset"] == "Measurement" and one["type"] == "int16"
    assert (one["samples"], one["channels"]) == (ROWS, NC) and one["rate_hz"] == RATE
    assert one["t0"] == "2026-01-01T00:00:13.000000000Z" and one["t1"] == "2026-01-01T00:00:22.998000000Z"
    assert one["spacing_m"] == 2 * 1.02 and one["first_m"] == -0.5 and one["gauge_length_m"] == 10


def test_a_whole_run_over_seams_and_a_hole(recorded, tmp_path):
    """Against scipy over each span; the same bytes at every launch, and again after half of the lanes are gone."""
    top, spans = recorded
    cfg = rig.config(tmp_path / "c.yaml", [top / "in"],
                     ["units: strain_rate", "bandpass: {band: 5..60 Hz, order: 4, phase: zero}", "abs"], tmp_path / "out")
    assert "spans:      2, 1 gaps" in rig.run("plan", cfg, status=0).stdout
    rig.run("check", cfg, status=0)
    sos = signal.butter(4, np.array((5, 60)) / (RATE / 2), "bandpass", output="sos")
    want = None
    for ranks, threads in ((0, 1), (2, 2), (3, 1)):
        rig.fresh(tmp_path / "out")
        rig.run("run", cfg, status=0, ranks=ranks, threads=threads)
        assert want is None or rig.digests(tmp_path / "out") == want
        want = rig.digests(tmp_path / "out")
    got = rig.output(tmp_path / "out")
    assert len(got) == 2
    for (_, y), x in zip(got, spans):
        rig.near(y, np.abs(signal.sosfiltfilt(sos, x * tdms.scale(RATE), axis=0)))
    for lane in rig.lanes(tmp_path / "out")[::2]:
        lane.unlink()
    rig.run("run", cfg, status=0, ranks=2)
    assert rig.digests(tmp_path / "out") == want
    rig.run("verify", tmp_path / "out", status=0)


def test_channels_and_times_of_it(recorded, tmp_path):
    top, (x, _) = recorded
    y = samples_of(top / "in" / "psu_03.tdms", tmp_path, input_=["channels: 3..21:4"])
    assert np.array_equal(y, x[3 * ROWS:4 * ROWS, 3:21:4])


# --- other forms of it

FORMS = {
    "one segment as before": lambda x, r: [tdms.segment(x[:300], r), tdms.segment(x[300:600], meta="none"),
                                           tdms.segment(x[600:], meta="again")],
    "segments of many lengths": lambda x, r: [tdms.segment(x[:120], r), tdms.segment(x[120:300], r),
                                              tdms.segment(x[300:960], r), tdms.segment(x[960:], r)],
    "a last one that is short": lambda x, r: [tdms.segment(x[:400], r), tdms.segment(x[400:800], r), tdms.segment(x[800:], r)],
    "channel by channel": lambda x, r: [tdms.segment(x, r, interleaved=False)],
    "channel by channel in chunks": lambda x, r: [tdms.segment(x[:600], r, interleaved=False, rows=200),
                                                  tdms.segment(x[600:], r, interleaved=False, rows=200)],
    "its last chunk short": lambda x, r: [tdms.segment(x[:900], r, interleaved=False, rows=300),
                                          tdms.segment(x[900:], r, interleaved=False)],
    "other byte order": lambda x, r: [tdms.segment(x[:600], r, e=">"), tdms.segment(x[600:], r, e=">")],
    "not finished": lambda x, r: [tdms.segment(x, r, next_=2 ** 64 - 1)],
}


@pytest.mark.parametrize("dtype", ["<i2", "<f4", "<f8", "<i4", "|u1"])
@pytest.mark.parametrize("form", FORMS)
def test_forms(form, dtype, tmp_path):
    """Every form gives the samples that were written, whole and a part of the channels of it."""
    x = (tdms.counts(1000, 10) % 200).astype(dtype) if dtype == "|u1" else tdms.counts(1000, 10, dtype=dtype)
    path = put(tmp_path / "a.tdms", *FORMS[form](x, tdms.idas(rig.T0)))
    assert np.array_equal(samples_of(path, tmp_path), x)
    assert np.array_equal(samples_of(path, tmp_path, input_=["channels: 2..9:3"]), x[:, 2:9:3])
    odd = looked(path)[0].get("odd") or ""
    assert ("did not finish" in odd) == (form == "not finished") and "shorter" not in odd


def test_labview_says_start_and_rate_of_channels(tmp_path):
    x = tdms.counts(1000, 3, dtype="<f8")
    wave = {"wf_increment": 0.004, "wf_start_time": tdms.Time(rig.T0), "wf_start_offset": 1.5, "unit_string": "nm/m"}
    one = looked(put(tmp_path / "a.tdms", tdms.segment(x, channel=wave)))[0]
    assert one["rate_hz"] == 250 and one["t0"] == "2026-01-01T00:00:01.500000000Z" and one["unit"] == "nm/m"


def test_the_map_has_the_last_word(tmp_path):
    x = tdms.counts(1000, 3)
    put(tmp_path / "in" / "20260102_030405.tdms", tdms.segment(x, tdms.idas(rig.T0, GPSTimeStamp=None, CPUTimeStamp=None)))
    lines = ["map:", '  start: {name: "%Y%m%d_%H%M%S"}', "  spacing: 4 m"]
    cfg = rig.config(tmp_path / "c.yaml", [tmp_path / "in"], [], tmp_path / "out", input_=lines)
    assert "refused: no start time found; give input.map start" in rig.run("inspect", tmp_path / "in").stdout
    rig.run("run", cfg, status=0)
    (t, y), = rig.output(tmp_path / "out")
    assert t[0] == np.datetime64("2026-01-02T03:04:05", "ns").astype("i8") and np.array_equal(y, x)
    lines[1] = "  start: {attr: /root@start, unit: s}"
    cfg = rig.config(tmp_path / "c.yaml", [tmp_path / "in"], [], tmp_path / "out2", input_=lines)
    assert "/root@start" in rig.run("run", cfg, status=(1, 3, 4)).stdout + rig.run("inspect", "-c", cfg).stdout


# --- what is odd, what is refused

def test_what_is_odd_is_said(tmp_path):
    x, root = tdms.counts(1000, 10), tdms.idas(rig.T0, CPUTimeStamp=tdms.Time(rig.T0 - 3 * rig.S))
    whole = tdms.segment(x, root)
    for cut, says, rows in ((5000 + 7, "shorter than it tells: 749 of 1000 rows are there; 13 bytes at its end are no whole row", 749),
                            (0, "GPS and computer clocks differ by -3.000 s (GPS is used)", 1000)):
        path = put(tmp_path / "a.tdms", whole[:len(whole) - cut])
        one = looked(path)[0]
        assert says in one["odd"] and one["samples"] == rows
        assert np.array_equal(samples_of(path, tmp_path), x[:rows])
    chunks = tdms.segment(x, root, interleaved=False, rows=250)
    one = looked(put(tmp_path / "b.tdms", chunks[:-100]))[0]
    assert "750 of 1000 rows" in one["odd"] and one["samples"] == 750
    one = looked(put(tmp_path / "c.tdms", whole, b"\0" * 33))[0]
    assert "33 bytes at its end" in one["odd"] and one["samples"] == 1000


def bad():
    """name: bytes, what is said of it."""
    x, root = tdms.counts(100, 4), tdms.idas(rig.T0)
    whole = tdms.segment(x, root)
    lead = 28
    e = "<"
    few = struct.pack("<I", 2) + tdms.thing(e, "/'a'/'0'", (2, 100)) + tdms.thing(e, "/'a'/'1'", (3, 100))

    def of(meta, raw=b"\0" * 4000, toc=tdms.META | tdms.NEW_LIST | tdms.RAW | tdms.INTERLEAVED):
        return b"TDSm" + struct.pack("<IIQQ", toc, 4713, len(meta) + len(raw), len(meta)) + meta + raw
    yield "an index", b"TDSh" + whole[4:], "an index beside a TDMS file"
    yield "a tag", b"TDSm", "damaged: no lead-in"
    yield "cut in the lead-in", whole[:20], "damaged: no lead-in"
    yield "cut in the metadata", whole[:lead + 100], "its samples would begin at byte"
    yield "no samples", tdms.segment(x[:0], root, next_=None), "it holds no samples"
    yield "samples before their place", tdms.segment(x, root, raw_at=10), "metadata and samples overlap"
    yield "samples beyond", tdms.segment(x, root, raw_at=2 ** 63), "would begin at byte"
    yield "hardware's samples", tdms.segment(x, root, mask=tdms.DAQMX), "DAQmx"
    yield "types", of(few), "its channels differ in type or length"
    yield "lengths", of(few.replace(struct.pack("<IIQ", 3, 1, 100), struct.pack("<IIQ", 2, 1, 99))), "differ in type or length"
    yield "text", of(struct.pack("<I", 1) + tdms.thing(e, "/'a'/'0'", (0x20, 100))), "samples of type 32 are no numbers"
    yield "complex", of(struct.pack("<I", 1) + tdms.thing(e, "/'a'/'0'", (0x8000c, 100))), "are no numbers"
    yield "as before, of nothing", of(struct.pack("<I", 1) + tdms.thing(e, "/'a'/'0'", 0)), "was not there before"
    yield "no channel", of(struct.pack("<I", 1) + tdms.thing(e, "/")), "samples of no channel"
    yield "two groups", of(struct.pack("<I", 2) + tdms.thing(e, "/'a'/'0'", (2, 9)) + tdms.thing(e, "/'b'/'0'", (2, 9))), \
        "of several groups (a and others)"
    yield "a property", of(struct.pack("<I", 1) + tdms.thing(e, "/")[:-4] + struct.pack("<I", 1) + tdms.words(e, "x") +
                           struct.pack("<I", 77)), "a property of type 77"
    yield "objects without end", of(struct.pack("<I", 2 ** 32 - 1) + tdms.thing(e, "/")), "damaged"
    yield "a name without end", of(struct.pack("<II", 1, 2 ** 31)), "damaged"
    yield "rows without end", tdms.segment(x, root, interleaved=False, rows=100).replace(
        struct.pack("<IIQ", 2, 1, 100), struct.pack("<IIQ", 2, 1, 2 ** 62)), "rows of samples"
    yield "no rate", tdms.segment(x, tdms.idas(rig.T0, **{"SamplingFrequency[Hz]": None})), "no sampling rate found"
    yield "a rate next to none", tdms.segment(x, tdms.idas(rig.T0, 1e-12)), "rows at 1e-12 Hz would last for more than a century"
    yield "other channels", whole + tdms.segment(x[:, :3], root), "its segments differ in channels"
    yield "other order", whole + tdms.segment(x, root, e=">"), "its segments differ in channels, type or order"


@pytest.mark.parametrize("name,data,says", list(bad()), ids=lambda v: v if isinstance(v, str) and len(v) < 30 else "")
def test_bad_ones_are_refused_by_one_message(tmp_path, name, data, says):
    path = put(tmp_path / "in" / "bad.tdms", data)
    put(tmp_path / "in" / "good.tdms", tdms.segment(tdms.counts(1000, 4), tdms.idas(rig.T0)))
    done = rig.run("inspect", tmp_path / "in", status=10)
    told = [line for line in done.stdout.splitlines() if str(path) in line]
    assert len(told) == 1 and "refused: " in told[0] and says in told[0], done.stdout
    assert "crashed" not in done.stdout and "1 refused" in done.stdout


# --- real files

@pytest.fixture(scope="module")
def facts():
    if not (MORE / "facts.json").exists():
        pytest.skip(f"{MORE}/facts.json is not there: set MILLRACE_REALDATA")
    return {f["file"]: f for f in json.loads((MORE / "facts.json").read_text())["files"]}


def test_an_idas_file(facts, tmp_path):
    """Cut after writing: what is there is read, and that it is cut is said."""
    want = facts["sample_tdms_file_v4713.tdms"]
    path = MORE / want["file"]
    one = looked(path)[0]
    assert (one["samples"], one["channels"]) == (want["n_samples"], want["n_channels"])
    assert one["type"] == "int16" and one["rate_hz"] == want["rate_hz"]
    assert abs(one["spacing_m"] / want["spacing_m"] - 1) < 1e-12 and one["gauge_length_m"] == want["gauge_length_m"]
    assert one["first_m"] == want["start_distance_m"]
    start = np.datetime64(one["t0"][:-1], "ns").astype("i8")
    assert abs(int(start) - want["start_ns"]) <= want["start_tolerance_ns"]
    assert "216 of 30000 rows are there" in one["odd"] and "clocks differ by 1.479 s" in one["odd"]
    y = samples_of(path, tmp_path)
    assert y.shape == (216, 2432) and all(y[t, c] == v for t, c, v in want["values"])
    assert abs(y.astype(float).mean() - want["mean"]) < 1e-9 * want["max"] and (y.min(), y.max()) == (want["min"], want["max"])


def test_a_big_endian_one_without_a_start(facts, tmp_path):
    want = facts["big_endian.tdms"]["channels"]
    path = MORE / "big_endian.tdms"
    assert "no start time found; give input.map start" in rig.run("inspect", path).stdout
    y = samples_of(path, tmp_path, input_=["map:", "  start: 2020-01-01T00:00:00Z"], output_=["type: float64"])
    assert y.shape == (3500, 2)
    for c, w in enumerate(want):
        assert (y[0, c], y[1750, c], y[-1, c]) == (w["first"], w["middle"], w["last"])
        assert abs(y[:, c].mean() - w["mean"]) < 1e-9 * w["max"]
