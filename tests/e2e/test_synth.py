"""`millrace synth`: what it writes, read by h5py and compared with truth.json's formulas."""
import hashlib
import json
import os

import h5py
import numpy as np
import pytest

import rig


def read(path):
    with h5py.File(path) as h:
        d = h["Acquisition/Raw[0]/RawData"]
        return d[()], dict(d.attrs), dict(h["Acquisition"].attrs), h["Acquisition/Raw[0]/RawDataTime"][()]


def sha(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def model(truth, t, nc):
    """Everything but the noise, float64, from the formulas of truth.json alone."""
    x = np.arange(nc) * truth["spacing_m"]
    t, x = t[:, None], x[None, :]
    y = 40 * (0.6 + 0.4 * np.sin(2 * np.pi * x / 2500)) * (
        np.sin(2 * np.pi * t / 300) + 0.5 * np.sin(2 * np.pi * (t / 97 + 0.3)))
    fine = truth["coherent"]["oversample"] * truth["rate_hz"]
    lag = np.floor(x / truth["coherent"]["speed_m_s"] * fine + 0.5) / fine
    for tone in truth["coherent"]["tones"]:
        y = y + tone["amplitude"] * np.sin(
            2 * np.pi * (tone["frequency_hz"] * (t - lag) + tone["phase_turns"]))
    for v in truth["vehicles"]:
        u = (x - v["x0_m"] - v["speed_m_s"] * (t - v["enter_s"])) / 12
        q = 1 / (1 + u * u)
        w = v["amplitude"] * (3.0792 * u * q * q + 0.35 * np.sin(2 * np.pi * 11 * t) * q * q)
        y = y + np.where((np.abs(u) < 20) & (t >= v["enter_s"]), w, 0)
    return y


@pytest.fixture(scope="module")
def archive(millrace, tmp_path_factory):
    out = tmp_path_factory.mktemp("synth")
    millrace("synth", out, "--files", 3, "--file-length", "8s", "--rate", "200Hz", "--channels", 120)
    return out, json.loads((out / "truth.json").read_text())


def test_files_are_prodml_with_names_times_and_shape(archive):
    out, truth = archive
    names = sorted(p.name for p in out.glob("*.h5"))
    assert names == ["synth_20260101T000000Z.h5", "synth_20260101T000008Z.h5",
                     "synth_20260101T000016Z.h5"]
    assert names == [f["name"] for f in truth["files"]]
    for k, name in enumerate(names):
        data, attrs, acq, times = read(out / name)
        assert data.shape == (1600, 120) and data.dtype == "<f4"
        assert list(attrs["Dimensions"]) == [b"time", b"locus"]
        assert attrs["PartStartTime"] == b"2026-01-01T00:00:%02d.000000+00:00" % (8 * k)
        assert acq["SpatialSamplingInterval"] == 10 and acq["schemaVersion"] == b"2.1"
        assert np.all(np.diff(times) == 5000)  # 200 Hz in microseconds
        assert times[0] == 1767225600_000000 + 8_000000 * k


def test_signal_is_what_truth_says(archive):
    """Before the first quake (12 s) the rest after the formulas is noise of the stated size: over
    1600 samples a standard deviation is known to 1/sqrt(3200) = 1.8 %; 7 % is four of these."""
    out, truth = archive
    data = read(out / truth["files"][0]["name"])[0].astype(float)
    rest = data - model(truth, np.arange(1600) / 200, 120)
    std = np.array(truth["noise"]["std"])
    expected = np.hypot(std, truth["noise"]["common_std"])
    assert np.allclose(rest.std(axis=0), expected, rtol=0.07)
    assert np.all(np.abs(rest.mean(axis=0)) < 5 * expected / np.sqrt(1600))
    common = (rest / std).mean(axis=1)  # the common part survives the mean over channels
    assert np.corrcoef(common, (rest[:, ::2] / std[::2]).mean(axis=1))[0, 1] > 0.9


def test_quake_arrives_with_its_moveout(archive):
    """Nothing but noise before the P wave on each channel, then at least 5 times its power. The S
    wave's energy comes at the time of truth.json to within 0.15 s."""
    out, truth = archive
    q = truth["quakes"][0]
    data = np.concatenate([read(out / f["name"])[0] for f in truth["files"]]).astype(float)
    t = np.arange(len(data)) / 200
    rest = (data - model(truth, t, 120)) / np.array(truth["noise"]["std"])
    x = np.arange(120) * truth["spacing_m"]
    path = np.hypot(x - q["x_m"], q["depth_m"])
    power_before, power_s = [], []
    for c in range(0, 120, 7):
        p, s = q["origin_s"] + path[c] / q["p_speed_m_s"], q["origin_s"] + path[c] / q["s_speed_m_s"]
        power_before.append(np.mean(rest[(t > p - 2) & (t < p), c] ** 2))
        power_s.append(np.mean(rest[(t > s + 0.05) & (t < s + 1.5), c] ** 2))
    assert np.max(power_before[:5]) < 1.6
    assert np.median(power_s) > 5 * np.median(power_before)


def test_same_request_same_bytes_and_prefix(millrace, archive, tmp_path):
    """A longer archive begins with the files of the shorter one, byte for byte."""
    out, truth = archive
    millrace("synth", tmp_path, "--files", 4, "--file-length", "8s", "--rate=200Hz", "--channels=120")
    for f in truth["files"]:
        assert sha(tmp_path / f["name"]) == sha(out / f["name"])


def test_samples_do_not_depend_on_how_the_archive_is_cut(millrace, archive, tmp_path):
    out, truth = archive
    millrace("synth", tmp_path, "--files", 1, "--file-length", "24s", "--rate", "200Hz",
             "--channels", 120)
    whole = read(tmp_path / truth["files"][0]["name"])[0]
    parts = np.concatenate([read(out / f["name"])[0] for f in truth["files"]])
    assert np.array_equal(whole, parts)


def test_seed_changes_samples(millrace, tmp_path):
    for seed in (1, 2):
        millrace("synth", tmp_path / str(seed), "--files", 1, "--file-length", "1s", "--rate", "50Hz",
                 "--channels", 4, "--seed", seed)
    a, b = (read(next((tmp_path / s).glob("*.h5")))[0] for s in "12")
    assert not np.array_equal(a, b)


@pytest.mark.parametrize("dtype,h5type", [
    ("int8", "i1"), ("int16", "<i2"), ("int32", "<i4"), ("int64", "<i8"), ("uint8", "u1"),
    ("uint16", "<u2"), ("uint32", "<u4"), ("uint64", "<u8"), ("float16", "<f2"), ("float64", "<f8")])
def test_types_hold_the_same_signal(millrace, tmp_path, dtype, h5type):
    """Integers are rounded counts: half a count off at most (and clipped for 8 bits)."""
    size = ["--files", 1, "--file-length", "2s", "--rate", "100Hz", "--channels", 16]
    millrace("synth", tmp_path / "f", *size)
    millrace("synth", tmp_path / "x", *size, "--dtype", dtype)
    ref = read(next((tmp_path / "f").glob("*.h5")))[0].astype(float)
    got = read(next((tmp_path / "x").glob("*.h5")))[0]
    truth = json.loads((tmp_path / "x" / "truth.json").read_text())
    assert got.dtype == np.dtype(h5type)
    if dtype.startswith("float"):
        assert np.array_equal(got, ref.astype(got.dtype))
        return
    counts = got.astype(float) - truth["counts_offset"]
    expected = ref * truth["counts_per_unit"]
    info = np.iinfo(got.dtype)
    expected = np.clip(expected, float(info.min) - truth["counts_offset"],
                       float(info.max) - truth["counts_offset"])
    # half a count, and float32's own rounding of a value up to 2^16 (0.004)
    assert np.max(np.abs(counts - expected)) <= 0.51


@pytest.mark.parametrize("options", [
    ["--chunk", "64,7"], ["--chunk", "50,16", "--deflate", 4],
    ["--deflate", 1, "--shuffle", "--fletcher32"], ["--chunk", "1,16", "--fletcher32"],
    ["--order", "channel-first"], ["--order", "channel-first", "--chunk", "50,3", "--shuffle"],
    ["--big-endian"]])
def test_storage_changes_no_sample(millrace, tmp_path, options):
    size = ["--files", 1, "--file-length", "2s", "--rate", "100Hz", "--channels", 16]
    millrace("synth", tmp_path / "a", *size)
    millrace("synth", tmp_path / "b", *size, *options)
    a, b = (next((tmp_path / s).glob("*.h5")) for s in "ab")
    ref, got = read(a)[0], read(b)[0]
    got = got.T if "channel-first" in options else got
    assert np.array_equal(ref, got)
    with h5py.File(b) as h:
        d = h["Acquisition/Raw[0]/RawData"]
        assert (d.compression == "gzip") == ("--deflate" in options)
        assert d.shuffle == ("--shuffle" in options) and d.fletcher32 == ("--fletcher32" in options)
        if "--chunk" in options:
            t, c = map(int, options[options.index("--chunk") + 1].split(","))
            assert d.chunks == ((c, t) if "channel-first" in options else (t, c))
        if "--big-endian" in options:
            assert d.dtype == ">f4"


@pytest.mark.parametrize("args,word", [
    (["--rate", "500"], "500"), (["--channels", "0"], "channels"), (["--dtype", "int12"], "int12"),
    (["--layot", "prodml"], "--layout"), (["--layout", "prodm"], "prodml"),
    (["--chunk", "5x5"], "--chunk"), (["--file-length", "1ms"], "--file-length"),
    (["--order", "up"], "channel-first"), (["--deflate", "12"], "--deflate"), (["extra"], "extra")])
def test_bad_requests_are_refused_with_a_hint(millrace, tmp_path, args, word):
    done = millrace("synth", tmp_path / "x", *args, check=False)
    assert done.returncode == 2 and word in done.stderr
    assert not (tmp_path / "x").exists()


def test_unwritable_folder_is_status_4(millrace, tmp_path):
    (tmp_path / "file").write_text("")
    done = millrace("synth", tmp_path / "file" / "x", "--files", 1, check=False)
    assert done.returncode == 4


LAYOUTS = {"prodml": "Acquisition/Raw[0]/RawData", "terra15": "data_product/data",
           "silixa": "Acoustic", "optodas": "data", "apsensing": "DAS", "gdr": "DasRawData/RawData",
           "dasdae": "waveforms/DAS__20260101T000000__20260101T000001/data", "xdas": "__values__",
           "bare": "data"}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_holds_the_same_samples(millrace, tmp_path, layout):
    size = ["--files", 1, "--file-length", "2s", "--rate", "100Hz", "--channels", 16]
    millrace("synth", tmp_path / "a", *size)
    millrace("synth", tmp_path / "b", *size, "--layout", layout)
    a, b = (next((tmp_path / s).glob("*.h5")) for s in "ab")
    with h5py.File(b) as h:
        assert np.array_equal(h[LAYOUTS[layout]][()], read(a)[0])
    done = millrace("view", b, "-o", tmp_path / "x.png")  # our own reader takes it too
    assert done.stderr == ""


@pytest.mark.parametrize("layout", ["terra15", "silixa", "apsensing"])
def test_layouts_that_are_time_first_only_say_so(millrace, tmp_path, layout):
    done = millrace("synth", tmp_path, "--layout", layout, "--order", "channel-first", "--files", 1,
                    check=False)
    assert done.returncode == 2 and "channel-first" in done.stderr
    assert not list(tmp_path.glob("*"))


def test_xdas_layout_is_netcdf_with_times(millrace, tmp_path):
    xarray = pytest.importorskip("xarray")
    millrace("synth", tmp_path, "--files", 1, "--file-length", "2s", "--rate", "100Hz", "--channels",
             5, "--layout", "xdas")
    with xarray.open_dataset(next(tmp_path.glob("*.h5")), engine="netcdf4") as d:
        assert d.sizes["time"] == 200 and d.sizes["distance"] == 5
        assert str(d["time_values"].values[1]) == "2026-01-01T00:00:01.990000000"
        assert d["distance_values"].values[1] == 40


def test_events_are_where_the_truth_says(millrace, tmp_path):
    """Alone in the archive: the sum of the formula, each event on its stretch and at its time."""
    millrace("synth", tmp_path, "--files", 2, "--file-length", "20s", "--rate", "200Hz", "--channels", 60,
             "--events", 5, "--model", "noise,bad")
    truth = json.loads((tmp_path / "truth.json").read_text())
    millrace("synth", tmp_path / "bare", "--files", 2, "--file-length", "20s", "--rate", "200Hz", "--channels", 60,
             "--model", "noise,bad")
    got, bare = (np.concatenate([read(p)[0] for p in sorted(d.glob("*.h5"))]).astype(float)
                 for d in (tmp_path, tmp_path / "bare"))
    t, x = np.arange(len(got))[:, None] / 200, np.arange(60)[None, :] * truth["spacing_m"]
    want = np.zeros_like(got)
    for e in truth["events"]:
        first = e["x0_m"] if e["speed_m_s"] > 0 else e["x1_m"]
        after = t - e["start_s"] - (x - first) / e["speed_m_s"]
        u = 2 * after / e["duration_s"] - 1
        on = (np.abs(u) < 1) & (x >= e["x0_m"]) & (x <= e["x1_m"])
        want += np.where(on, e["snr"] * (1 - u * u) ** 2 * np.sin(2 * np.pi * e["frequency_hz"] * after), 0)
    assert len(truth["events"]) == 5 and len({np.sign(e["speed_m_s"]) for e in truth["events"]}) == 2
    good = np.setdiff1d(np.arange(60), [truth["bad"][k] for k in ("dead", "clipped", "spiky")])
    assert np.abs((got - bare - want)[:, good]).max() < 2e-5  # float32 of values up to 30
    assert not got[:, truth["bad"]["dead"]].any() and not bare[:, truth["bad"]["dead"]].any()
    assert np.abs(got[:, truth["bad"]["clipped"]]).max() <= truth["bad"]["clip"]
    assert (np.abs(bare[:, truth["bad"]["spiky"]]) > 300).sum() >= 1
    assert "no 'nois'" in millrace("synth", tmp_path / "x", "--model", "nois", check=False).stderr


def test_a_tube_wave_runs_down_and_back(millrace, tmp_path):
    millrace("synth", tmp_path, "--files", 1, "--file-length", "20s", "--rate", "200Hz", "--channels", 200,
             "--model", "tube")
    w = json.loads((tmp_path / "truth.json").read_text())["tube"]
    y = read(next(iter(tmp_path.glob("*.h5"))))[0]
    down = y[1000:1400]  # from 5 s on
    first = [np.flatnonzero(down[:, c])[0] / 200 for c in (50, 150)]
    assert abs(1000 / (first[1] - first[0]) / w["speed_m_s"] - 1) < 0.02
    assert np.isclose(np.abs(y[:, 20]).max(), w["amplitude"], rtol=0.2)


def test_a_leak_hisses_where_the_truth_says(millrace, tmp_path):
    """Nothing before, after and beside it; its power is in its band, its rms as said, neighbours out of step."""
    millrace("synth", tmp_path, "--files", 2, "--file-length", "20s", "--rate", "200Hz", "--channels", 200,
             "--model", "leak")
    k = json.loads((tmp_path / "truth.json").read_text())["leak"]
    y = np.concatenate([read(p)[0] for p in sorted(tmp_path.glob("*.h5"))]).astype(float)
    t, x = np.arange(len(y)) / 200, np.arange(200) * 10.0
    on, near = (t >= k["start_s"]) & (t < k["end_s"]), np.abs(x - k["x_m"]) < k["half_m"]
    assert not y[~on].any() and not y[:, ~near].any() and (np.abs(y[on]).max(axis=0) > 0).sum() == near.sum()
    c = int(round(k["x_m"] / 10))
    assert np.isclose(np.sqrt(np.mean(y[on, c] ** 2)), k["rms"], rtol=0.05)
    power = np.abs(np.fft.rfft(y[on, c] * np.hanning(on.sum()))) ** 2
    f = np.fft.rfftfreq(on.sum(), 1 / 200)
    assert power[(f > k["f0_hz"] - 1) & (f < k["f1_hz"] + 1)].sum() > 0.999 * power.sum()
    assert abs(np.corrcoef(y[on, c], y[on, c + 1])[0, 1]) < 0.2


@pytest.mark.parametrize("what", ["text", "json", "fifo", "link"])
def test_a_truth_of_somebody_else_stays(tmp_path, what):
    """And nothing is put beside it; its own may be written anew."""
    place, words = tmp_path / "a" / "truth.json", ["--files", "1", "--file-length", "1s", "--channels", "4"]
    place.parent.mkdir()
    if what == "fifo":
        os.mkfifo(place)
    elif what == "link":
        place.symlink_to("../nowhere.json")
    else:
        place.write_text("mine\n" if what == "text" else '{"program": "another"}')
    rig.run("synth", place.parent, *words, status=4, timeout=20)
    assert [p.name for p in place.parent.iterdir()] == ["truth.json"] and not (tmp_path / "nowhere.json").exists()
    place.unlink()
    for _ in range(2):
        rig.run("synth", place.parent, *words, status=(0, 4))
    assert json.loads(place.read_text())["program"] == "millrace synth"
