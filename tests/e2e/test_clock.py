"""What a file says of time, wrongly or twice: it is right, or refused with a reason, or said; never another time in silence.
The right values are those the files were made with."""
import h5py
import numpy as np
import pytest

import rig
import writers

S, T0, N, RATE = rig.S, rig.T0, 1500, 500
GRID = T0 + np.arange(N) * (S // RATE)


def go(tmp_path, *args, chain=(), input_=(), status=(0, 10)):
    cfg = rig.config(tmp_path / "c.yaml", tmp_path / "in", list(chain), tmp_path / "out", input_=list(input_))
    done = rig.run("run", cfg, *args, status=status)
    return rig.report(tmp_path / "out") if (tmp_path / "out" / "report.json").exists() else None, done


def result(tmp_path):
    parts = sorted((rig.read_lane(p) for p in rig.lanes(tmp_path / "out")), key=lambda p: p.t[0])
    return np.concatenate([p.t for p in parts]), np.concatenate([p.y for p in parts])


@pytest.fixture
def box(tmp_path):
    (tmp_path / "in").mkdir()
    return tmp_path


def prodml(path, vector, rate=RATE, part=None, n=N):
    x = rig.noise(n, 4, 3)
    writers.prodml(path, x, GRID[:n], rate or 1, 4)
    with h5py.File(path, "r+") as h:
        del h["Acquisition/Raw[0]/RawDataTime"]
        d = h["Acquisition/Raw[0]"].create_dataset("RawDataTime", data=np.asarray(vector, "i8"))
        if part:
            d.attrs.update(PartStartTime=np.bytes_(part[0]), PartEndTime=np.bytes_(part[1]))
        if not rate:
            del h["Acquisition/Raw[0]"].attrs["OutputDataRate"]
    return x


PART = (writers.iso(GRID[0]), writers.iso(GRID[-1]))
US = GRID // 1000
VECTORS = {"short": US[:-10], "constant": np.full(N, US[0]), "zeros": np.zeros(N), "falling": US[::-1]}


@pytest.mark.parametrize("name", VECTORS)
def test_a_vector_that_is_no_clock_is_put_aside(box, name):
    x = prodml(box / "in" / "a.h5", VECTORS[name], part=PART)
    r, done = go(box)
    t, y = result(box)
    assert np.array_equal(t, GRID) and np.array_equal(y, x)
    assert [v["kind"] for v in r["ledger"]] == ["clock"] and "odd:        1 clock" in done.stdout


@pytest.mark.parametrize("name", VECTORS)
def test_strict_stops_at_what_is_odd_before_it_writes(box, name):
    prodml(box / "in" / "a.h5", VECTORS[name], part=PART)
    _, done = go(box, "--strict", status=3)
    assert "--strict" in done.stderr and not rig.lanes(box / "out")


@pytest.mark.parametrize("unit", [1, 1_000_000, S])
def test_stamps_in_another_unit_are_recognised(box, unit):
    prodml(box / "in" / "a.h5", GRID // unit)
    r, _ = go(box)
    assert np.array_equal(result(box)[0], GRID)
    assert any(v["kind"] == "clock" and "is in" in v["note"] for v in r["ledger"])


def test_without_any_rate_the_pulse_rate_is_none(box):
    prodml(box / "in" / "a.h5", np.full(N, US[0]), rate=None)
    go(box, status=3)


@pytest.mark.parametrize("off, status, rate", [(1.0005, 0, 500.25), (1.005, 0, 500), (1.02, 3, None)])
def test_a_stated_rate_counts_within_a_thousandth_and_is_refused_beyond_a_hundredth(box, off, status, rate):
    prodml(box / "in" / "a.h5", US, rate=RATE * off)
    r, done = go(box, status=status)
    if rate:
        assert [s["rate_hz"] for s in r["spans"]] == [rate]
        assert (not any(v["kind"] == "clock" for v in r["ledger"])) == (off == 1.0005)
    else:
        assert "510 Hz" in done.stderr and "500 Hz" in done.stderr
        r, _ = go(box, input_=["map: {time: stamps}"], status=0)
        assert [s["rate_hz"] for s in r["spans"]] == [500]


@pytest.mark.parametrize("zone, said", [("", True), ("Z", True), ("+01:00", False)])
def test_texts_an_hour_from_the_stamps_are_said_and_the_stamps_count(box, zone, said):
    late = [str(np.datetime64(int(v) + 3600 * S, "ns")) + zone for v in GRID[[0, -1]]]
    prodml(box / "in" / "a.h5", US, part=late)
    r, _ = go(box)
    assert result(box)[0][0] == T0
    assert any("+1 h" in v["note"] for v in r["ledger"]) == said


def test_stamps_since_the_start_count_from_the_stated_one(box):
    prodml(box / "in" / "a.h5", US - US[0], part=PART)
    r, _ = go(box)
    assert np.array_equal(result(box)[0], GRID) and not r["ledger"]


def bare(path, stamps, name="timestamps", data="raw", **attrs):
    x = rig.noise(len(stamps), 3, 5)
    with h5py.File(path, "w") as h:
        h[data] = x
        h[name] = stamps
        h[name].attrs.update(attrs)
    return x


CF = {"seconds since 2026-01-01 00:00:00": 1e9, "milliseconds since 2026-01-01T00:00:00": 1e6,
      "hours since 2026-01-01": 3.6e12, "days since 2026-1-1 0:0:0 UTC": 8.64e13,
      "seconds since 2026-01-01 02:00:00 +02:00": 1e9}


@pytest.mark.parametrize("units", CF)
def test_units_of_a_time_axis_are_followed(box, units):
    bare(box / "in" / "a.h5", (GRID - T0 + 5 * S) / CF[units], "time", "data", units=units)
    r, _ = go(box)
    t = result(box)[0]
    assert np.abs(t - GRID - 5 * S).max() <= 1000 and [s["rate_hz"] for s in r["spans"]] == [500]


@pytest.mark.parametrize("how", [dict(units="fortnights since 2026-01-01"), dict(units="s since noon"),
                                 dict(units="seconds since 2026-01-01", calendar="360_day")])
def test_units_and_calendars_that_nobody_knows_are_refused(box, how):
    bare(box / "in" / "a.h5", (GRID - T0) / 1e9, "time", "data", **how)
    go(box, status=3)


def test_single_precision_epochs_are_refused(box):
    bare(box / "in" / "a.h5", writers.seconds(GRID).astype("f4"))
    _, done = go(box, status=3)
    assert "single precision" in done.stderr


def test_single_precision_seconds_since_the_start_are_snapped(box):
    """59.99 s is good to 3.8 us: 100 Hz, and every row where it belongs."""
    bare(box / "in" / "a.h5", (np.arange(6000) / 100).astype("f4"))
    r, _ = go(box, input_=["map: {start: 2026-01-01T00:00:00Z}"])
    assert [s["rate_hz"] for s in r["spans"]] == [100]
    assert np.abs(result(box)[0] - T0 - np.arange(6000) * 10_000_000).max() <= 10


def test_a_stamp_for_a_packet_is_a_clock_and_is_said(box):
    bare(box / "in" / "a.h5", writers.seconds(T0 + np.arange(3000) // 50 * (S // 2)))
    r, _ = go(box)
    assert [s["rate_hz"] for s in r["spans"]] == [100]
    assert np.abs(result(box)[0] - T0 - np.arange(3000) * 10_000_000).max() <= 1000
    assert any("every 50 rows" in v["note"] for v in r["ledger"])


def test_a_start_in_1970_is_said(box):
    bare(box / "in" / "a.h5", np.arange(600) / 100)
    r, _ = go(box)
    assert any(v["kind"] == "clock" and "before 1990" in v["note"] for v in r["ledger"])


NAMES = {"das_h5v2_1767225600.h5": "%s", "dev4120251231_20260101.h5": "%Y%m%d", "rec_1767225600000.h5": "%Q",
         "r_260101_000000.h5": "%y%m%d_%H%M%S", "r_01Jan2026.h5": "%d%b%Y", "r_20260101T010000+0100.h5":
         "%Y%m%dT%H%M%S%z", "2026-01-01/00-00-00.h5": "%Y-%m-%d/%H-%M-%S"}


@pytest.mark.parametrize("name", NAMES)
def test_times_in_names(box, name):
    path = box / "in" / name
    path.parent.mkdir(exist_ok=True)
    with h5py.File(path, "w") as h:
        h["acq/x"] = rig.noise(300, 3)
    go(box, input_=[f'map: {{data: /acq/x, axes: [time, channel], rate: 100 Hz, start: {{name: "{NAMES[name]}"}}}}'])
    assert np.array_equal(result(box)[0], T0 + np.arange(300) * 10_000_000)


@pytest.mark.parametrize("name, pattern", [("r_17672256001.h5", "%s"), ("r_20260101_20260102.h5", "%Y%m%d"),
                                           ("r_20260101T010000+0100.h5", "%Y%m%dT%H%M%S")])
def test_names_that_do_not_decide_are_refused(box, name, pattern):
    with h5py.File(box / "in" / name, "w") as h:
        h["acq/x"] = rig.noise(300, 3)
    go(box, input_=[f'map: {{data: /acq/x, axes: [time, channel], rate: 100 Hz, start: {{name: "{pattern}"}}}}'], status=3)


def test_a_zone_of_names_and_a_bad_pattern(box):
    with h5py.File(box / "in" / "r_20260101T020000.h5", "w") as h:
        h["acq/x"] = rig.noise(300, 3)
    start = 'map: {data: /acq/x, axes: [time, channel], rate: 100 Hz, zone: "+02:00", start: {name: "%s"}}'
    go(box, input_=[start.replace("%s", "%Y%m%dT%H%M%S")])
    assert result(box)[0][0] == T0
    cfg = rig.config(box / "bad.yaml", box / "in", [], box / "o", input_=[start.replace("%s", "%Y%m%dT%K")])
    assert "%K is not known" in rig.run("check", cfg, status=2).stderr


def test_windows_begin_with_the_sample_of_their_second(box):
    """1,000,001 ns a sample from a whole second on: no row of the second before, and all samples in theirs."""
    t = T0 + 720 * S + np.arange(4000) * 1_000_001
    x = rig.noise(4000, 2, 9)
    writers.dasdae(box / "in" / "a.h5", x, t, 1000, 2)
    r, _ = go(box, chain=["stats: {interval: 1 s, what: mean}"])
    assert not any(v["kind"] == "window" for v in r["ledger"])
    with h5py.File(rig.lanes(box / "out")[0]) as h:
        assert np.array_equal(h["time"][()], T0 + (720 + np.arange(4)) * S)
        (name,) = (k for k in h if isinstance(h[k], h5py.Dataset) and k not in ("time", "distance", "count", "statistic")
                   and h[k].size == 8)
        second = (t - t[0]) // S
        want = np.array([x[second == k].mean(axis=0, dtype="f8") for k in range(4)])
        rig.near(h[name][()].reshape(4, 2), want)


def test_inspect_lists_the_recordings(box):
    t = GRID.copy()
    t[700:] += 40 * S
    writers.dasdae(box / "in" / "a.h5", rig.noise(N, 2), t, RATE, 2)
    f, = rig.json.loads(rig.run("inspect", "--json", box / "in", status=0).stdout)["files"]
    assert [v["rows"] for v in f["recordings"]] == [[0, 700], [700, N]]
    assert [v["t0_ns"] for v in f["recordings"]] == [T0, int(t[700])]
    assert [v["rate_hz"] for v in f["recordings"]] == [RATE, RATE] and f["samples"] == N


def windows(t, x, width):
    """Mean over the samples whose stamps lie in each whole window; a ten-thousandth of a step before it counts as on it.
    Windows with a sample that lies at that very hair (to a quarter of it) are left out."""
    hair = (t[1] - t[0]) // 10_000
    k = (t + hair) // width
    close = (t + hair + hair // 4) % width <= 2 * (hair // 4)
    either = set(k[close]) | set(k[close] - 1)
    whole = [w for w in range(k[0] + 1 if t[0] % width else k[0], k[-1]) if w not in either]
    return np.array(whole) * width, np.array([x[k == w].mean(axis=0, dtype="f8") for w in whole])


STEPS = {"1,000,001 ns": [1_000_001], "49.9986 Hz": [20_000_560], "100.003 Hz, two clocks": [9_999_700, 9_999_700]}


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("first", [0, 123_456_789])
def test_windows_have_the_samples_whose_stamps_lie_in_them(box, name, first):
    """For 20 minutes, whatever the phase of the first sample; a recorder that was started again has another one."""
    all_t, all_x = [], []
    for k, step in enumerate(STEPS[name]):
        n = 1_200 * S // step
        t = T0 + 720 * S + first * (k + 1) + 3600 * k * S + np.arange(n) * step
        x = rig.noise(n, 2, 9 + k)
        writers.dasdae(box / "in" / f"{k}.h5", x, t, 1, 2)
        all_t.append(t)
        all_x.append(x)
    go(box, chain=["stats: {interval: 1 s, what: mean}"])
    got_t, got = [], []
    for p in rig.lanes(box / "out"):
        with h5py.File(p) as h:
            got_t.append(h["time"][()])
            (name,) = (k for k in h if isinstance(h[k], h5py.Dataset) and h[k].ndim > 1 and k != "count")
            got.append(h[name][()].reshape(-1, 2))
    got_t, got = np.concatenate(got_t), np.concatenate(got)
    order = np.argsort(got_t)
    want = [windows(t, x, S) for t, x in zip(all_t, all_x)]
    for t, y in want:
        assert len(t) > 1100
        at = np.searchsorted(got_t[order], t)
        assert np.array_equal(got_t[order][at], t)
        rig.near(got[order][at], y)


def test_rows_of_such_a_rate_keep_their_stamps(box):
    """demean goes window by window: its rows' times are the recording's to the ns, each second's mean is 0."""
    t = T0 + 720 * S + 333 + np.arange(60_000) * 1_000_001
    x = rig.noise(60_000, 2, 4)
    writers.dasdae(box / "in" / "a.h5", x, t, 1, 2)
    go(box, chain=["demean: {window: 1 s}"])
    got_t, y = result(box)
    assert np.array_equal(got_t, t)
    k = t // S
    want = np.concatenate([x[k == s] - x[k == s].mean(axis=0, dtype="f8") for s in np.unique(k)])
    rig.near(y[1100:-1100], want[1100:-1100])
    with h5py.File(rig.lanes(box / "out")[0]) as h:
        assert abs(h.attrs["sampling_rate_hz"] * 1.000001e-3 - 1) < 1e-15


@pytest.mark.parametrize("rate", [0.1, 0.05, 1 / 3])
def test_periods_of_whole_ns_are_counted_exactly(box, rate):
    """10 s, 20 s, 3 s: their rates are no doubles, and 1.8e18 ns x 1e-16 is 0.2 us."""
    step = round(S / rate)
    t = np.arange(-(-T0 // step), -(-T0 // step) + 500) * step
    writers.dasdae(box / "in" / "a.h5", rig.noise(500, 2, 4), t, 1, 2)
    go(box, chain=[f"resample: {rate / 2} Hz"])
    assert np.array_equal(result(box)[0], t[t // step % 2 == 0])
