"""Values on their way from a recorder's file into ours: precision, what is no number, what does not
change, what was packed; against numpy in float64."""
import json
import re
import shutil

import h5py
import numpy as np
import pytest
from scipy import signal

import rig

RATE, NC = 100, 35  # two tiles of channels
BIG = 2**30  # float32 has a step of 64 there


def counts(n, seed=1, at=BIG):
    """int32 of +-8 counts on an offset."""
    return (at + np.random.default_rng(seed).integers(-8, 9, (n, NC))).astype("i4")


@pytest.fixture(scope="module")
def big(tmp_path_factory):
    top = tmp_path_factory.mktemp("big")
    x = counts(9000)
    rig.archive(top / "in", x, RATE, 2500)
    return top, x


def run(top, chain, name, *more, launch=(0, 1), status=0, **sections):
    out = top / name
    cfg = rig.config(top / f"{name}.yaml", [top / "in"], chain, out, **sections)
    rig.run("run", cfg, *more, ranks=launch[0], threads=launch[1], status=status)
    if status == 0:
        rig.run("verify", out, status=0)
    return out


# --- output.type

@pytest.mark.parametrize("compress", ["none", "deflate"])
def test_float64_holds_every_count(big, compress):
    top, x = big
    how = ["type: float64", f"compress: {compress}"]
    want = None
    for launch in [(0, 1), (2, 2)]:
        out = run(top, [], f"f64_{compress}_{launch[0]}", launch=launch, output_=how)
        got = rig.digests(out)
        assert want is None or got == want
        want = got
    (_, y), = rig.output(out)
    assert y.dtype == np.float64 and np.array_equal(y, x)
    with h5py.File(out / "master.h5") as h:
        assert h["strain_rate"].dtype == np.float64 and np.array_equal(h["strain_rate"][:], x)
    with h5py.File(rig.lanes(out)[0]) as h:  # as DASCore sees it
        w, = h["waveforms"].values()
        assert w["data"].dtype == np.float64 and np.array_equal(w["data"][:], y[:len(w["data"])])
    rig.run("view", out, "-o", top / f"{compress}.png", status=0)


def test_float32_is_what_it_was(big):
    top, x = big
    (_, y), = rig.output(run(top, [], "f32"))
    assert y.dtype == np.float32 and np.array_equal(y, x.astype("f4"))


def test_rows_of_a_product_in_float64(big):
    """2^30 + something: in float32 the mean of a window is off by up to 32."""
    top, x = big
    out = run(top, ["stats: {interval: 10 s, what: [mean, max_abs]}"], "stats64", output_=["type: float64"])
    with h5py.File(out / "master.h5") as h:
        v = h["statistics"] if "statistics" in h else next(h[k] for k in h if h[k].ndim == 3)
        assert v.dtype == np.float64
        w = x.astype("f8").reshape(9, 1000, NC)
        names = [s.decode() for s in h["statistic"][:]]
        assert np.allclose(v[:, names.index("mean")], w.mean(1), rtol=1e-15, atol=0)
        assert np.array_equal(v[:, names.index("max_abs")], np.abs(w).max(1))


def test_sums_of_all_end_in_float64(big):
    """result.h5 is the float64 mean; the float32 one is that, rounded."""
    top, _ = big
    chain = ["psd: {segment: 1024, interval: all}"]
    with h5py.File(run(top, chain, "all64", output_=["type: float64"]) / "result.h5") as a, \
            h5py.File(run(top, chain, "all32") / "result.h5") as b:
        y, z = a["psd"][:], b["psd"][:]
    assert (y.dtype, z.dtype) == (np.float64, np.float32)
    assert np.array_equal(y.astype("f4"), z) and not np.array_equal(y, z)


def test_the_type_is_part_of_what_a_folder_is(big):
    top, _ = big
    out = run(top, [], "twice")
    cfg = rig.config(top / "twice64.yaml", [top / "in"], [], out, output_=["type: float64"])
    assert "type float64" in rig.run("run", cfg, status=2).stderr
    assert rig.read_lane(rig.lanes(out)[0]).y.dtype == np.float32


def test_another_word_is_refused(big):
    top, _ = big
    cfg = rig.config(top / "word.yaml", [top / "in"], [], top / "word", output_=["type: double"])
    done = rig.run("check", cfg, status=2)
    assert "float32 or float64" in done.stderr and ":6:" in done.stderr


def test_what_float32_cannot_hold_is_said_before_and_after(big):
    """17 counts beside 2^30, where float32 has a step of 64: less than one bit; once for the archive."""
    top, _ = big
    cfg = rig.config(top / "say.yaml", [top / "in"], [], top / "say")
    for word in ("check", "plan"):
        assert rig.run(word, cfg, status=0).stderr.count("fewer than 12 bits of float32") == 1
    for launch in [(0, 1), (2, 2)]:
        out = run(top, [], f"say_{launch[0]}", launch=launch)
        row, = rig.report(out)["ledger"]
        assert row["kind"] == "value" and "1.07374e+09" in row["note"]
    for chain, how in ([["highpass: {corner: 1 Hz}"], []], [[], ["type: float64"]]):
        assert not rig.report(run(top, chain, f"quiet{len(chain)}", output_=how))["ledger"]


@pytest.mark.parametrize("chain,told", [
    ("band_rms: {band: 5..20 Hz, window: 1 s}", 0), ("rolling: {window: 1 s, kind: std}", 0), ("spectrogram: {segment: 128}", 0),
    ("fbe: {bands: [5..20 Hz], interval: 10 s}", 0), ("kurtosis: {window: 1 s}", 0), ("integrate: {above: 1 Hz}", 0),
    ("normalise: {kind: z, window: 5 s}", 0), ("savgol: {window: 100 ms, derivative: 1}", 0),
    ("rolling: {window: 1 s, kind: mean}", 1), ("lowpass: {corner: 10 Hz}", 1), ("median: {}", 1), ("savgol: {window: 100 ms}", 1),
    ("normalise: {kind: ram, window: 5 s}", 1), ("decimate: {factor: 2}", 1)])
def test_what_takes_a_level_out_is_asked_of_operators(big, chain, told):
    """By definition: a mean keeps the level of 2^30, a deviation does not."""
    top, _ = big
    cfg = rig.config(top / "level.yaml", [top / "in"], [chain], top / "level")
    assert rig.run("plan", cfg, status=0).stderr.count("fewer than 12 bits of float32") == told


# --- what samples show, against a plain model

def still(x, least):
    """True where a channel does not change for at least so many rows."""
    out = np.zeros(x.shape, bool)
    for c in range(x.shape[1]):
        edges = np.r_[0, 1 + np.flatnonzero(x[1:, c] != x[:-1, c]), len(x)]
        for a, b in zip(edges[:-1], edges[1:]):
            out[a:b, c] = b - a >= least and np.isfinite(x[a, c])
    return out


def marked(out, kind, shape, rate=RATE):
    """The samples that the ledger's rows of a kind cover, and the sum of their counts."""
    m, n = np.zeros(shape, bool), 0
    for row in rig.report(out)["ledger"]:
        if row["kind"] != kind:
            continue
        a, b = (int(np.datetime64(row[k][:-1], "ns").astype("i8") - rig.T0) for k in ("t0", "t1"))
        c = [int(v) for v in re.search(r"channels? (\d+)(?: to (\d+))?", row["note"]).groups() if v]
        m[round(a * rate / rig.S):round(b * rate / rig.S) + 1, c[0]:c[-1] + 1] = True
        n += row["count"]
    return m, n


def flawed(seed, n=30000):
    """Noise with runs of all lengths about the least that is told, over file and lane ends; NaN; infinities."""
    rng = np.random.default_rng(seed)
    x = rig.noise(n, NC, seed)
    for _ in range(60):
        a, c = rng.integers(0, n), rng.integers(0, NC)
        x[a:a + rng.choice([2, 40, 99, 100, 101, 160, 450]), c:c + rng.integers(1, 4)] = rng.choice([0.0, 7.0])
    x[6000 - 60:6000 + 45, 3] = 5  # over a lane's end, most of it before
    x[12000 - 20:12000 + 80, 4] = 5  # and most behind
    x[18000 - 49:18000 + 50, 5] = 5  # one too few
    x[5000:14000, 9] = -1  # a lane and more
    x[:, 33] = 0  # dead
    x[20000:20300] = 0  # packets of zeros
    x[700:731, 11] = np.nan
    x[701, 12:15] = np.inf, -np.inf, np.nan
    x[17990:18020, 34] = np.nan
    return x


CHAINS = {"copy": [], "filter": ["highpass: {corner: 2 Hz}"], "rows": ["stats: {interval: 10 s, what: [max_abs]}"],
          "psd": ["psd: {segment: 250, interval: 30 s}"], "coupled": ["common_mode: {}", "decimate: {factor: 5}"],
          "rolling": ["stalta: {sta: 500 ms, lta: 5 s, step: 100 ms}"]}


@pytest.mark.parametrize("chain", CHAINS.values(), ids=CHAINS)
def test_what_samples_show_is_told_exactly(tmp_path, chain):
    """Whatever the chain, the launch and the memory; and again from lanes that are there."""
    x = flawed(3)
    rig.archive(tmp_path / "in", x, RATE, 1700)
    want, first = {"value": still(x, 100), "not_finite": ~np.isfinite(x)}, None
    for launch, memory in [((0, 1), "512 MiB"), ((2, 2), "300 MiB"), ((3, 1), "512 MiB")]:
        out = run(tmp_path, chain, f"out{launch[0]}", launch=launch, run_=[f"memory: {memory}"])
        for kind, m in want.items():
            got, n = marked(out, kind, x.shape)
            assert np.array_equal(got, m), (kind, np.argwhere(got != m)[:5])
            assert n == m.sum(), kind
        ledger = rig.report(out)["ledger"]
        assert first is None or ledger == first
        first = ledger
    rig.run("run", tmp_path / "out3.yaml", status=0)
    again = rig.report(out)
    assert again["work"]["lanes_known"] == len(rig.lanes(out)) and again["ledger"] == first
    rig.run("verify", "--deep", out, status=0, cwd=tmp_path)


def test_a_clean_archive_is_quiet_about_its_samples(tmp_path):
    """Small counts are often equal, zeros come alone."""
    x = np.random.default_rng(4).integers(-1, 2, (6000, NC)).astype("i2")
    rig.archive(tmp_path / "in", x, RATE, 2500)
    assert not rig.report(run(tmp_path, [], "out"))["ledger"]


def test_strict_stops_at_the_first_block_that_shows_it(tmp_path):
    x = rig.noise(12000, NC)
    x[11000, 2] = np.nan
    rig.archive(tmp_path / "in", x, RATE, 6000)
    for launch in [(0, 1), (2, 1)]:
        out = tmp_path / f"nan{launch[0]}"
        cfg = rig.config(tmp_path / "c.yaml", [tmp_path / "in"], [], out)
        done = rig.run("run", cfg, "--strict", status=3, ranks=launch[0])
        assert "channel 2, rows 5000..5001" in done.stderr
    x[11000, 2] = 0
    x[1000:1100, 4] = 0
    rig.archive(tmp_path / "in", x, RATE, 6000)
    cfg = rig.config(tmp_path / "c.yaml", [tmp_path / "in"], [], tmp_path / "still")
    assert "no change for 1 s: channel 4" in rig.run("run", cfg, "--strict", status=3).stderr


@pytest.mark.parametrize("value", [1e300, -3.5e38])
def test_what_is_too_large_for_float32_is_told(tmp_path, value):
    x = rig.noise(6000, NC, dtype="f8")
    x[4321, 7] = value
    rig.archive(tmp_path / "in", x, RATE, 2500)
    out = run(tmp_path, [], "out")
    m, n = marked(out, "value", x.shape)
    assert n == 1 and np.argwhere(m).tolist() == [[4321, 7]]
    out = run(tmp_path, ["stats: {interval: 10 s, what: max_abs}"], "rows")
    row, = rig.report(out)["ledger"]
    assert row["kind"] == "value" and row["t0"][:19] == "2026-01-01T00:00:40"
    x[[17, 17, 999, 2600], [3, 30, 7, 7]] = value  # of slices across all channels, in the order of tiles and rows
    shutil.rmtree(tmp_path / "in")
    rig.archive(tmp_path / "in", x, RATE, 2500)
    lanes = []
    for threads in (1, 2):
        out = run(tmp_path, ["common_mode: {kind: median}"], f"across{threads}", launch=(0, threads))
        y = rig.output(out)[0][1]
        assert np.argwhere(np.isinf(y)).tolist() == [[17, 3], [17, 30], [999, 7], [2600, 7], [4321, 7]]
        assert marked(out, "value", x.shape)[1] == 5
        lanes.append([f.read_bytes() for f in sorted(out.glob("lanes/*/*.h5"))])
    assert lanes[0] == lanes[1]
    out = run(tmp_path, [], "wide", output_=["type: float64"])
    assert not rig.report(out)["ledger"] and rig.output(out)[0][1][4321, 7] == value


# --- input.mask

def masked(x, constant=0, above=np.inf):
    """The rule of facts as it stands: rows of a channel without change, so many or more; larger magnitudes."""
    with np.errstate(invalid="ignore"):
        m = np.isfinite(x) & (np.abs(x) > above)
    return m | still(x, constant) if constant else m


MASKS = {"both": ("{constant: 1 s, above: 250}", 100, 250), "constant": ("{constant: 450 ms}", 45, np.inf),
         "above": ("{above: 300}", 0, 300)}


@pytest.mark.parametrize("chain", CHAINS.values(), ids=CHAINS)
@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_what_is_masked_is_as_if_it_were_nan(tmp_path, chain, mask):
    """The samples of a run over an archive that holds NaN there, whatever the launch, the memory and the lanes; each
    masked sample is counted once, and runs are told all the same."""
    how, constant, above = mask
    x = flawed(5)
    x[20100:20250, 7] = 9
    x[5990:6080, 20] = 7  # 90 rows over a lane's end
    m = masked(x, constant, above)
    assert 1000 < m.sum() < m.size / 4
    y = x.copy()
    y[m] = np.nan
    rig.archive(tmp_path / "in", x, RATE, 1700)
    rig.archive(tmp_path / "nan", y, RATE, 1700)
    cfg = rig.config(tmp_path / "nan.yaml", [tmp_path / "nan"], chain, tmp_path / "want")
    rig.run("run", cfg, status=0)
    want, first = rig.output(tmp_path / "want"), None
    for launch, memory in [((0, 1), "512 MiB"), ((2, 2), "300 MiB"), ((3, 1), "512 MiB")]:
        out = run(tmp_path, chain, f"out{launch[0]}", launch=launch, run_=[f"memory: {memory}"], input_=[f"mask: {how}"])
        for (t0, a), (t1, b) in zip(rig.output(out), want, strict=True):
            assert np.array_equal(t0, t1) and np.array_equal(a, b, equal_nan=True)
        for kind, w in {"masked": m, "value": still(x, 100), "not_finite": ~np.isfinite(x)}.items():
            got, n = marked(out, kind, x.shape)
            read = w.copy()
            read[30000 - 9 if "step" in str(chain) and kind == "masked" else 30000:] = False  # behind the last row
            assert n == read.sum() and np.array_equal(got & read, read), kind
            assert kind == "masked" or np.array_equal(got, w), kind
        now = rig.digests(out), rig.report(out)["ledger"]
        assert first is None or now == first
        first = now
    rig.run("run", tmp_path / "out3.yaml", status=0)
    assert rig.report(out)["ledger"] == first[1]
    assert "masked" in rig.run("plan", tmp_path / "out3.yaml", status=0).stdout


def test_blocks_and_lanes_do_not_move_a_mask(tmp_path):
    """Runs of one row less, and as many as are asked for, at every place about ends of lanes, of blocks (a chain with
    much context has small ones) and of files; the longest mask that fits."""
    n = 24000
    x = rig.noise(n, NC, 9)
    for i, at in enumerate([5980, 5999, 6000, 6001, 11900, 12000, 17999, 0, n - 200, n - 1250]):
        for c, rows in ((i, 200), (i + 12, 199), (34 - i, 1250)):
            x[at:at + rows, c] = 0.25
    m = masked(x, 200)
    y = np.where(m, np.nan, x)
    rig.archive(tmp_path / "in", x, RATE, 997)
    rig.archive(tmp_path / "nan", y, RATE, 997)
    for name, chain in {"copy": [], "iir": ["bandpass: {band: 1..20 Hz, phase: causal}"],
                        "zero": ["lowpass: {corner: 5 Hz}", "decimate: {factor: 5}"]}.items():
        got = []
        for src, more in (("in", ["mask: {constant: 2 s}"]), ("nan", [])):
            out = tmp_path / f"{name}_{src}"
            cfg = rig.config(tmp_path / "c.yaml", [tmp_path / src], chain, out, input_=more, output_=["lane: 60 s"])
            rig.run("run", cfg, status=0)
            got.append(rig.output(out))
        for (_, a), (_, b) in zip(*got, strict=True):
            assert np.array_equal(a, b, equal_nan=True), name
        _, told = marked(tmp_path / f"{name}_in", "masked", x.shape)
        assert told == m.sum()


def test_strict_lets_pass_what_was_asked_to_be_masked(tmp_path):
    x = rig.noise(6000, NC)
    x[4000, 3] = 1e9
    rig.archive(tmp_path / "in", x, RATE, 2500)
    cfg = rig.config(tmp_path / "c.yaml", [tmp_path / "in"], [], tmp_path / "out", input_=["mask: {above: 1e6}"])
    rig.run("run", cfg, "--strict", status=0)
    row, = rig.report(tmp_path / "out")["ledger"]
    assert (row["kind"], row["count"]) == ("masked", 1) and "channel 3, rows 1500..1501" in row["note"]
    assert np.isnan(rig.output(tmp_path / "out")[0][1][4000, 3])


def test_a_mask_is_part_of_what_a_folder_is(tmp_path):
    rig.archive(tmp_path / "in", rig.noise(6000, NC), RATE, 2500)
    run(tmp_path, [], "out")
    cfg = rig.config(tmp_path / "c.yaml", [tmp_path / "in"], [], tmp_path / "out", input_=["mask: {above: 5}"])
    assert "mask above" in rig.run("run", cfg, status=2).stderr


@pytest.mark.parametrize("mask,words", [
    ("1 s", "mask: {constant: 1 s, above: 1e6}"), ("{}", "mask: {constant: 1 s, above: 1e6}"), ("[1]", "a list"),
    ("{constant: 1}", "1 s"), ("{constant: 1 m}", "constant"), ("{constant: 0 s}", "outside"), ("{constant: 2 h}", "outside"),
    ("{constant: -1 s}", "outside"), ("{above: 1e6 counts}", "without a unit"), ("{above: -1}", "above 0"),
    ("{above: nan}", "magnitude"), ("{above: inf}", "magnitude"), ("{below: 3}", "constant above"),
    ("{above: {a: 1}}", "magnitude"), ("{constant: [1 s]}", "a time is needed")])
def test_a_bad_mask_is_refused_by_name(tmp_path, mask, words):
    rig.archive(tmp_path / "in", rig.noise(600, 3), RATE, 600)
    cfg = rig.config(tmp_path / "c.yaml", [tmp_path / "in"], [], tmp_path / "out", input_=[f"mask: {mask}"])
    err = rig.run("check", cfg, status=2).stderr
    assert "input.mask" in err and words in err and "c.yaml:" in err, err


# --- how samples are stored is no fact of the array

TYPES = ["i2", "f4", ">i4", "f8"]


@pytest.mark.parametrize("how", [{}, dict(chunks=(100, 10), compression="gzip")], ids=["plain", "chunks"])
def test_files_of_several_types_are_one_span(tmp_path, how):
    """Types, byte orders, chunks and filters change from file to file; one file overlaps the one before."""
    x = np.random.default_rng(5).integers(-3000, 3000, (6000, NC)).astype("f8")
    for i, dtype in enumerate(TYPES):
        a = 1500 * i - (200 if i == 2 else 0)
        rig.prodml(tmp_path / "in" / f"{i}.h5", x[a:1500 * (i + 1)].astype(dtype), rig.T0 + a * rig.S // RATE, RATE,
                   **(how if i % 2 else {}))
    for launch in [(0, 1), (2, 2)]:
        out = run(tmp_path, ["bandpass: {band: 1..20 Hz}"], f"out{launch[0]}", launch=launch)
        (_, y), = rig.output(out)
        sos = signal.butter(4, [1, 20], "bandpass", fs=RATE, output="sos")
        rig.near(y, signal.sosfiltfilt(sos, x, axis=0))
        r = rig.report(out)
        assert len(r["spans"]) == 1 and rig.kinds(out) == ["overlap"] and "equal" in r["ledger"][0]["note"]
    rig.run("verify", "--deep", out, status=0, cwd=tmp_path)


def prodml_unit(path, unit):
    with h5py.File(path, "r+") as h:
        h["Acquisition/Raw[0]"].attrs["RawDataUnit"] = np.bytes_(unit)


def test_units_that_the_chain_makes_one_join(tmp_path):
    """nm/m/s, then strain/s, then counts of (nm/m)/s * Hz/m, which no number says the worth of."""
    x = rig.noise(6000, NC, 6).astype("f8")
    for i, (unit, scale) in enumerate([("nm/m/s", 1), ("strain/s", 1e-9)]):
        a = 3000 * i
        p = rig.prodml(tmp_path / "in" / f"{i}.h5", x[a:a + 3000] * scale, rig.T0 + a * rig.S // RATE, RATE)
        prodml_unit(p, unit)
    out = run(tmp_path, ["units: {to: strain_rate}", "highpass: {corner: 1 Hz}"], "joined")
    (_, y), = rig.output(out)
    sos = signal.butter(4, 1, "highpass", fs=RATE, output="sos")
    rig.near(y, signal.sosfiltfilt(sos, 1e-9 * x, axis=0))
    assert len(rig.report(out)["spans"]) == 1 and not rig.kinds(out)
    out = run(tmp_path, ["highpass: {corner: 1 Hz}"], "apart")
    row, = rig.report(out)["ledger"]
    assert len(rig.report(out)["spans"]) == 2 and row["kind"] == "layout"
    assert all(w in row["note"] for w in ("strain s-1 (nm/m/s)", "scale 1 (1e-09)")), row["note"]


# --- CF packing

def bare(path, data, **attrs):
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as h:
        d = h.create_dataset("data", data=data)
        for k, v in attrs.items():
            d.attrs[k] = v
        h["time"] = rig.T0 / rig.S + np.arange(len(data)) / RATE


@pytest.mark.parametrize("attrs", [
    dict(scale_factor=0.01, add_offset=5.0, _FillValue=np.int16(-32768)), dict(scale_factor=np.float32(0.5)),
    dict(add_offset=-3.0), dict(missing_value=np.array([-32768, 7], "i2")),
    dict(valid_range=np.array([-500, 500], "i2"), scale_factor=2.0), dict(valid_min=np.int16(-500)),
    dict(valid_max=np.int16(400), _FillValue=np.int16(3))], ids=lambda a: "+".join(a))
@pytest.mark.parametrize("layout", ["bare", "prodml", "map"])
def test_packing_is_undone(tmp_path, attrs, layout):
    """value = stored x scale_factor + add_offset (CF 1.9, 8.1); outside valid_* and fill values: NaN (2.5.1)."""
    x = np.random.default_rng(7).integers(-600, 600, (4000, NC)).astype("i2")
    x[1000:1100, 2] = -32768
    if layout == "bare":
        bare(tmp_path / "in" / "a.h5", x, units="strain", **attrs)
        more = []
    elif layout == "map":
        bare(tmp_path / "in" / "a.h5", x, units="strain", **attrs)
        more = ["map: {data: /data, axes: [time, channel], rate: 100 Hz, start: 2026-01-01T00:00:00Z, unit: strain}"]
    else:
        p = rig.prodml(tmp_path / "in" / "a.h5", x, rig.T0, RATE)
        with h5py.File(p, "r+") as h:
            h["Acquisition/Raw[0]/RawData"].attrs.update(attrs)
        more = []
    want = x * float(attrs.get("scale_factor", 1)) + attrs.get("add_offset", 0.0)
    none = np.isin(x, [*np.atleast_1d(attrs.get("_FillValue", 9999)), *np.atleast_1d(attrs.get("missing_value", 9999))])
    lo, hi = attrs.get("valid_range", (attrs.get("valid_min", -40000), attrs.get("valid_max", 40000)))
    want[none | (x < lo) | (x > hi)] = np.nan
    out = run(tmp_path, [], "out", input_=more)
    (_, y), = rig.output(out)
    assert np.array_equal(y, want.astype("f4"), equal_nan=True)
    _, n = marked(out, "not_finite", x.shape)
    assert n == np.isnan(want).sum()
    if layout == "bare" and "scale_factor" in attrs:
        assert rig.read_lane(rig.lanes(out)[0]).unit in (b"strain", "strain")
    rig.run("view", tmp_path / "in" / "a.h5", "-o", tmp_path / "a.png", status=0)


# --- where channels are

PLACES = {"even": np.arange(10) * 1.021, "falling": np.arange(90.0, -1, -10), "fold": [0, 4, 8, 200, 204, 200, 8, 4, 0, -4],
          "hole": [0, 4, np.nan, 12, 16, 20, np.nan, 28, 32, 36], "jitter": 30 + np.arange(10) * 5.0 + np.arange(10) % 3 * 1e-3,
          "float32": np.linspace(0, 10, 10, dtype="f4").astype("f8"), "ends": [np.nan, 1, 2, 3, 4, 5, 6, 7, 8, np.nan]}


def placed(path, x, places, **attrs):
    bare(path, x)
    with h5py.File(path, "r+") as h:
        h["distance"] = places
        h["distance"].attrs.update(attrs)


@pytest.mark.parametrize("name", PLACES)
def test_positions_are_carried_as_they_are(tmp_path, name):
    """To the last bit into lanes and master."""
    want = np.asarray(PLACES[name], "f8")
    x = rig.noise(6000, len(want))
    placed(tmp_path / "in" / "a.h5", x, want)
    out = run(tmp_path, [], "out", launch=(2, 1))
    for p in rig.lanes(out):
        lane = rig.read_lane(p)
        assert np.array_equal(lane.x, want, equal_nan=True)
        steps = np.diff(want)
        even = np.isfinite(want).all() and np.abs(steps - steps.mean()).max() <= 1e-3 * abs(steps.mean())
        dx = lane.attrs["channel_spacing_m"]
        assert np.isclose(dx, steps.mean(), rtol=1e-9) if even else np.isnan(dx)
    with h5py.File(out / "master.h5") as h:
        assert np.array_equal(h["distance"][:], want, equal_nan=True)
    seen, = json.loads(rig.run("inspect", "--json", tmp_path / "in" / "a.h5", status=0).stdout)["files"]
    kind = "even" if even and steps.mean() > 0 else "falling" if even else "uneven"
    assert seen["recordings"][0]["positions"] == kind
    rig.run("view", tmp_path / "in" / "a.h5", "-o", tmp_path / "a.png", status=0)


@pytest.mark.parametrize("name,asked,want", [
    ("falling", "0..25 m", [7, 8, 9]), ("fold", "150..250 m", [3, 4, 5]), ("fold", "-5..5 m", [0, 1, 7, 8, 9]),
    ("hole", "10..100 m", [3, 4, 5, 7, 8, 9]), ("even", "1.021..3.063 m", [1, 2]), ("fold", "100..190 m", None)])
def test_distance_picks_by_own_position_in_file_order(tmp_path, name, asked, want):
    x = rig.noise(3000, 10)
    placed(tmp_path / "in" / "a.h5", x, PLACES[name])
    out = run(tmp_path, [], "out", status=0 if want else 2, input_=[f"distance: {asked}"])
    if want:
        (_, y), = rig.output(out)
        assert np.array_equal(y, x[:, want])
        assert np.array_equal(rig.read_lane(rig.lanes(out)[0]).x, np.asarray(PLACES[name], "f8")[want])


@pytest.mark.parametrize("unit,m", [("km", 1000), ("m", 1), ("cm", 0.01), ("mm", 0.001), ("ft", 0.3048), ("feet", 0.3048)])
def test_units_of_length(tmp_path, unit, m):
    """The foot is 0.3048 m (1959)."""
    placed(tmp_path / "in" / "a.h5", rig.noise(3000, 5), np.arange(5) * 2.5, units=unit)
    assert np.array_equal(rig.read_lane(rig.lanes(run(tmp_path, [], "out"))[0]).x, np.arange(5) * 2.5 * m)


def test_an_unknown_unit_of_length_is_said(tmp_path):
    placed(tmp_path / "in" / "a.h5", rig.noise(3000, 5), np.arange(5.0), units="cubit")
    row, = rig.report(run(tmp_path, [], "out"))["ledger"]
    assert row["kind"] == "place" and "cubit" in row["note"]


@pytest.mark.parametrize("change", [lambda p: p + 10, lambda p: p * 2, lambda p: np.where(np.arange(10) == 4, p + 1, p)],
                         ids=["shift", "stretch", "one"])
def test_other_positions_are_another_span(tmp_path, change):
    x = rig.noise(6000, 10)
    for i, where in enumerate([np.arange(10.0), change(np.arange(10.0))]):
        placed(tmp_path / "in" / f"{i}.h5", x[3000 * i:3000 * (i + 1)], where)
        with h5py.File(tmp_path / "in" / f"{i}.h5", "r+") as h:
            h["time"][:] += 30 * i
    out = run(tmp_path, [], "out")
    assert len(rig.report(out)["spans"]) == 2 and "place" in rig.kinds(out)


def test_prodml_falls(tmp_path):
    """StartLocusIndex x SpatialSamplingInterval: -9 x -10 m = 90 m, then downwards."""
    rig.prodml(tmp_path / "in" / "a.h5", rig.noise(3000, 10), rig.T0, RATE, dx=-10.0, first=-9)
    out = run(tmp_path, [], "out", input_=["distance: 0..25 m"])
    assert rig.read_lane(rig.lanes(out)[0]).x.tolist() == [20, 10, 0]


def test_a_spacing_of_the_map_may_fall(tmp_path):
    bare(tmp_path / "in" / "a.h5", rig.noise(3000, 10))
    out = run(tmp_path, [], "out", input_=["map: {spacing: -10 m, first: 90 m}", "distance: 0..25 m"])
    assert rig.read_lane(rig.lanes(out)[0]).x.tolist() == [20, 10, 0]


# --- what else a value may be

def test_counts_of_an_idas_become_strain_rate(tmp_path):
    """(nm/m)/s * Hz/m: a count is 116 nm / 8192 of displacement over the gauge a sample, so 116e-9 / 8192 x rate / gauge
    of strain rate (as for the vendor's own HDF5); here 100 Hz and 10 m."""
    x = np.random.default_rng(8).integers(-500, 500, (3000, 5)).astype("i2")
    prodml_unit(rig.prodml(tmp_path / "in" / "a.h5", x, rig.T0, RATE), "(nm/m)/s * Hz/m")
    out = run(tmp_path, ["units: {to: strain_rate}"], "out")
    (_, y), = rig.output(out)
    rig.near(y, x * (116e-9 / 8192 * 100 / 10))
    assert rig.read_lane(rig.lanes(out)[0]).name == "strain_rate"


@pytest.mark.parametrize("base", ["IEEE_F32LE", "IEEE_F64LE", "IEEE_F32BE"])
@pytest.mark.parametrize("change", ["bias", "no_leading_one", "leading_one_stored"])
def test_floats_that_are_not_ieee_are_refused(tmp_path, base, change):
    t = getattr(h5py.h5t, base).copy()
    if change == "bias":
        t.set_ebias(t.get_ebias() - 7)
    else:
        t.set_norm(h5py.h5t.NORM_NONE if change == "no_leading_one" else h5py.h5t.NORM_MSBSET)
    x = np.ones((3000, 4), {"IEEE_F32LE": "<f4", "IEEE_F32BE": ">f4", "IEEE_F64LE": "<f8"}[base])
    (tmp_path / "in").mkdir()
    with h5py.File(tmp_path / "in" / "a.h5", "w") as h:
        d = h5py.h5d.create(h.id, b"data", t, h5py.h5s.create_simple(x.shape))
        d.write(h5py.h5s.ALL, h5py.h5s.ALL, x, mtype=t)
        h["time"] = rig.T0 / rig.S + np.arange(len(x)) / RATE
    run(tmp_path, [], "out", status=3)


@pytest.mark.parametrize("rows,told", [(1, True), (12, True), (27, True), (28, False)])
def test_a_record_shorter_than_a_filters_edge_is_told(tmp_path, rows, told):
    """scipy's sosfiltfilt needs more than 27 samples for a band-pass of order 4: 3 x (2 x 4 + 1)."""
    x = rig.noise(2000, 4)
    for i, (a, b) in enumerate([(0, 1000), (1000, 1000 + rows)]):
        rig.prodml(tmp_path / "in" / f"{i}.h5", x[a:b], rig.T0 + i * 60 * rig.S, RATE)
    out = run(tmp_path, ["bandpass: {band: 1..20 Hz}"], "out")
    about = [r for r in rig.report(out)["ledger"] if r["kind"] == "window"]
    assert [r["path"].rsplit("/")[-1] for r in about] == (["1.h5"] if told else [])


def test_an_rms_is_called_one(tmp_path):
    rig.archive(tmp_path / "in", rig.noise(3000, 4), RATE, 3000)
    lane = rig.read_lane(rig.lanes(run(tmp_path, ["rms: {window: 1 s, step: 100 ms}"], "out"))[0])
    assert (lane.name, lane.unit) == ("strain_rate_rms", "nm/m/s")
