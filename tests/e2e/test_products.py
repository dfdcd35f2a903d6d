"""Products that are not samples: statistics, spectra, correlations by UTC window or over everything.
Against numpy and scipy; at several ranks and threads; over lanes, blocks, gaps and lost samples."""
import shutil
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
from scipy import signal

import rig
from cuts import cheapest_length

RATE, NC = 100, 45  # two tiles of channels, the second one of 13
STARTS = (1337, 29400)  # samples after T0 of two spans: 13.37 s .. 213.37 s, 294 s .. 367 s
LENGTHS = (20000, 7300)
LAUNCHES = [(0, 1), (0, 2), (2, 1), (3, 2)]  # ranks, threads


def spans_of(top, starts=STARTS, lengths=LENGTHS, nc=NC, rate=RATE, change=None):
    """Files of 17 s of two spans of noise on an offset; the spans as float64, NaN where change put it."""
    spans = []
    for k, (start, n) in enumerate(zip(starts, lengths)):
        x = rig.noise(n, nc, k) + 30
        if change:
            change(k, x)
        rig.archive(top / "in", x, rate, 17 * rate, rig.T0 + start * rig.S // rate)
        spans.append(SimpleNamespace(x=x.astype(float), first=rig.T0 // rig.S * rate + start))
    return spans


@pytest.fixture(scope="module")
def two_spans(tmp_path_factory):
    top = tmp_path_factory.mktemp("products")
    return top, spans_of(top)


def product(folder, name):
    """The array of all lanes in time order: SimpleNamespace(t, y, and the other variables)."""
    parts = []
    for p in rig.lanes(folder):
        with h5py.File(p) as h:
            axes = {k: h[k][()] for k in h if isinstance(h[k], h5py.Dataset)}
        parts.append(axes)
    parts.sort(key=lambda v: v["time"][0])
    t, y = (np.concatenate([p[k] for p in parts]) for k in ("time", name))
    more = {k: v for k, v in parts[0].items() if k not in ("time", name, "count")}
    count = np.concatenate([p["count"] for p in parts]) if "count" in parts[0] else None
    return SimpleNamespace(t=t, y=y, count=count, **more)


def run(top, tmp_path, chain, launch=(0, 1), status=0, **sections):
    tmp_path.mkdir(parents=True, exist_ok=True)
    out = tmp_path / f"out_{launch[0]}_{launch[1]}"
    cfg = rig.config(tmp_path / f"c_{launch[0]}_{launch[1]}.yaml", [top / "in"], chain, out, **sections)
    rig.run("run", cfg, status=status, ranks=launch[0], threads=launch[1])
    rig.run("verify", out, status=0)
    return out


def same_over_launches(top, tmp_path, chain):
    """The folder of the last."""
    want = None
    for launch in LAUNCHES:
        out = run(top, tmp_path, chain, launch)
        got = rig.digests(out)
        assert want is None or got == want, launch
        want = got
    return out


def windows(s, n):
    """UTC windows of n samples that the span s has part of: (number, a, b) in samples of s.x."""
    first, last = s.first // n, (s.first + len(s.x) - 1) // n
    return [(w, max(w * n - s.first, 0), min((w + 1) * n - s.first, len(s.x)))
            for w in range(first, last + 1)]


# --- statistics

WHAT = {"max_abs": lambda x: np.nanmax(np.abs(x), axis=0), "mean": lambda x: np.nanmean(x, axis=0),
        "rms": lambda x: np.sqrt(np.nanmean(x ** 2, axis=0)), "min": lambda x: np.nanmin(x, axis=0),
        "max": lambda x: np.nanmax(x, axis=0), "count": lambda x: np.isfinite(x).sum(axis=0)}


def stats_of(spans, n):
    """Rows by window number; a window less than half full is NaN."""
    rows = {}
    for s in spans:
        for w, a, b in windows(s, n):
            y = np.array([f(s.x[a:b]) for f in WHAT.values()])
            good = np.isfinite(s.x[a:b]).sum(axis=0)
            rows[w] = np.where(2 * good >= n, y, np.nan)
    return np.array(list(rows)) * (n * rig.S // RATE), np.array(list(rows.values()))


@pytest.mark.parametrize("n", [250, 1000, 6000])
def test_statistics_of_intervals(two_spans, tmp_path, n):
    top, spans = two_spans
    chain = [f"stats: {{interval: {n * 10} ms, what: [max_abs, mean, rms, min, max, count]}}"]
    got = product(run(top, tmp_path, chain), "statistics")
    t, y = stats_of(spans, n)
    assert [v.decode() for v in got.statistic] == list(WHAT)
    assert np.array_equal(got.t, t)
    rig.near(got.y, y.astype("f4"), 2e-7)  # float32 of the same sums


def test_a_single_statistic_is_a_plain_array(two_spans, tmp_path):
    top, spans = two_spans
    out = run(top, tmp_path, ["highpass: {corner: 2 Hz, phase: causal}",
                              "stats: {interval: 10 s, what: max_abs}"])
    lane = rig.read_lane(rig.lanes(out)[0])
    assert lane.name == "max_abs" and lane.unit == "nm/m/s"
    assert lane.attrs["sampling_rate_hz"] == 0.1


def test_statistics_over_launches(two_spans, tmp_path):
    same_over_launches(two_spans[0], tmp_path, ["stats: {interval: 10 s, what: [rms, mean]}"])


def test_lost_samples_are_left_out(tmp_path):
    """Channel 3 loses 40 % of one window and 60 % of another: the second is NaN."""
    def lose(k, x):
        if k == 0:
            x[663:1063, 3] = np.nan   # of 00:00:20 .. 00:00:30
            x[1663:2263, 3] = np.nan  # of 00:00:30 .. 00:00:40
    spans = spans_of(tmp_path, change=lose)
    chain = ["stats: {interval: 10 s, what: [max_abs, mean, rms, min, max, count]}"]
    got = product(run(tmp_path, tmp_path, chain), "statistics")
    t, y = stats_of(spans, 1000)
    assert np.isnan(y[2, :, 3]).all() and np.isfinite(y[1, :, 3]).all()
    rig.near(got.y, y.astype("f4"), 2e-7)


def test_a_window_with_a_gap_is_made_of_its_larger_part(tmp_path):
    """60 s windows; the gap from 13.37 + 100 s to 118 s: 53.37 s before it, 2 s after it, in one."""
    spans = spans_of(tmp_path, (1337, 11800), (10000, 7000))
    out = run(tmp_path, tmp_path, ["stats: {interval: 1 min, what: [mean, count]}"])
    got = product(out, "statistics")
    assert np.array_equal(got.t, rig.T0 + np.arange(4) * 60 * rig.S)
    assert got.y[:, 1, 0].tolist()[1:3] == [5337, 6000]
    assert np.isnan(got.y[3]).all()  # 8 s of it
    assert "window" in rig.kinds(out)
    a = np.abs(got.y[1, 0] - spans[0].x[4663:].mean(axis=0))
    assert a.max() < 1e-5


# --- power spectral densities

SEG = 256


def welch_of(spans, n, segment=SEG, overlap=0.5, **how):
    """Rows by window number: scipy's welch over the whole segments, counted from the window's start,
    that lie in the span and hold no NaN; NaN where that is less than half."""
    hop, rows = segment - int(segment * overlap), {}
    for s in spans:
        for w, a, b in windows(s, n):
            start = w * n - s.first
            at = [start + k * hop for k in range((n - segment) // hop + 1)]
            at = [k for k in at if k >= a and k + segment <= b]
            if not at:
                continue
            row = np.full((segment // 2 + 1, NC), np.nan)
            for c in range(NC):
                good = [k for k in at if np.isfinite(s.x[k:k + segment, c]).all()]
                if 2 * (b - a) * len(good) >= n * len(at):
                    # segments side by side: welch then takes exactly these
                    x = np.concatenate([s.x[k:k + segment, c] for k in good])
                    row[:, c] = signal.welch(x, RATE, nperseg=segment, noverlap=0, **how)[1]
            rows[w] = row
    return np.array(list(rows)) * (n * rig.S // RATE), np.array(list(rows.values()))


@pytest.mark.parametrize("text,n,how", [
    ("interval: 10 s", 1000, {}),
    ("interval: 1 min", 6000, {}),
    ("interval: 10 s, overlap: 75 %, window: hamming", 1000, dict(overlap=0.75, window="hamming")),
    ("interval: 20 s, average: median, detrend: none", 2000, dict(average="median", detrend=False))])
def test_psd_of_intervals(two_spans, tmp_path, text, n, how):
    top, spans = two_spans
    got = product(run(top, tmp_path, [f"psd: {{segment: {SEG}, {text}}}"]), "psd")
    t, y = welch_of(spans, n, **how)
    assert np.array_equal(got.t, t) and got.count.shape == got.y[:, 0].shape
    assert np.allclose(got.frequency, np.fft.rfftfreq(SEG, 1 / RATE), rtol=1e-15)
    rig.near(got.y, y.astype("f4"), 2e-7)  # float32


def test_band_energy_of_intervals(two_spans, tmp_path):
    """What Welch's density has in each band, half-open, times the distance of its frequencies."""
    top, spans = two_spans
    bands = [(1, 5), (5, 20), (20, 50)]
    text = ", ".join(f"{a}..{b} Hz" for a, b in bands)
    out = same_over_launches(top, tmp_path, [f"fbe: {{bands: [{text}], interval: 10 s, segment: {SEG}}}"])
    got = product(out, "band_energy")
    t, y = welch_of(spans, 1000)
    f = np.fft.rfftfreq(SEG, 1 / RATE)
    assert np.array_equal(got.t, t)
    rig.near(got.y, np.stack([y[:, (f >= a) & (f < b)].sum(1) * f[1] for a, b in bands], 1).astype("f4"), 2e-7)  # float32


def spectrogram_of(spans, step, segment=SEG):
    """scipy's spectrogram of each whole window that begins at a multiple of `step` samples in UTC; NaN
    where one holds a NaN."""
    t, y = [], []
    for s in spans:
        for w in range(-(-s.first // step), s.first + len(s.x)):
            k = w * step - s.first
            if k + segment > len(s.x):
                break
            _, _, one = signal.spectrogram(s.x[k:k + segment].astype(float), RATE, window="hann", nperseg=segment,
                                           noverlap=0, detrend="constant", scaling="density", axis=0)
            t.append(w * step * rig.S // RATE)
            y.append(one[:, :, 0] if one.ndim == 3 and one.shape[2] == 1 else np.moveaxis(one, -1, 1)[:, 0])
    return np.array(t), np.array(y)


@pytest.mark.parametrize("step", [50, 100, 700])  # overlapping, side by side, with rests between
def test_spectrogram_is_scipys(two_spans, tmp_path, step):
    top, spans = two_spans
    out = run(top, tmp_path, [f"spectrogram: {{segment: {SEG}, step: {10 * step} ms}}"])
    with h5py.File(out / "master.h5") as h:
        t, got, f = h["time"][:], h["spectrogram"][:], h["frequency"]
        assert f.attrs["role"] == "along" and f.attrs["scale"] == "log"
        assert h.attrs["product"] == "rows" and h["spectrogram"].attrs["scale"] == "decibel"
        assert np.allclose(f[:], np.fft.rfftfreq(SEG, 1 / RATE), rtol=1e-15)
    want_t, want = spectrogram_of(spans, step)
    assert np.array_equal(t, want_t)
    rig.near(got, want.astype("f4"), 2e-7)


def test_a_spectrogram_is_drawn_over_time_at_a_frequency(two_spans, tmp_path):
    out = run(two_spans[0], tmp_path, [f"spectrogram: {{segment: {SEG}, step: 1 s}}"])
    for extra in ([], ["--at", "frequency=20"]):
        rig.run("view", out, "-o", tmp_path / f"{len(extra)}.png", *extra, status=0)
    assert (tmp_path / "0.png").read_bytes() != (tmp_path / "2.png").read_bytes()


def test_psd_is_named_and_has_a_unit(two_spans, tmp_path):
    out = run(two_spans[0], tmp_path, [f"psd: {{segment: {SEG}, interval: 1 min}}"])
    with h5py.File(out / "master.h5") as h:
        assert h["psd"].dims[1].keys() == ["frequency"] and h["psd"].dims[2].keys() == ["distance"]
        assert h["psd"].attrs["units"] == "(nm/m/s)2 Hz-1" and h["frequency"].attrs["units"] == "Hz"
        assert h["psd"].shape == (7, SEG // 2 + 1, NC) and h["count"].shape == (7, NC)


def test_segments_with_lost_samples_are_left_out(tmp_path):
    def lose(k, x):
        if k == 0:
            x[800, 3] = np.nan             # two of the segments of 00:00:20 .. 00:00:30
            x[1663:2300:50, 40] = np.nan   # most of those of 00:00:30 .. 00:00:40
    spans = spans_of(tmp_path, change=lose)
    got = product(run(tmp_path, tmp_path, [f"psd: {{segment: {SEG}, interval: 10 s}}"]), "psd")
    t, y = welch_of(spans, 1000)
    assert np.isnan(y[2, :, 40]).all() and np.isfinite(y[1, :, 3]).all()
    assert got.count[1, 3] == got.count[1, 4] - 2
    rig.near(got.y, y.astype("f4"), 2e-7)


def test_psd_over_launches(two_spans, tmp_path):
    same_over_launches(two_spans[0], tmp_path, ["decimate: {factor: 2, phase: causal}",
                                                "psd: {segment: 100, interval: 30 s}"])


def welch_of_all(spans, segment, hop):
    """Mean over all segments of a grid from the epoch on, in float64."""
    w = signal.get_window("hann", segment)
    total, n = 0, 0
    for s in spans:
        for k in range(-(-s.first // hop) * hop - s.first, len(s.x) - segment + 1, hop):
            x = s.x[k:k + segment]
            p = np.abs(np.fft.rfft(w[:, None] * (x - x.mean(axis=0)), axis=0)) ** 2
            total, n = total + p, n + 1
    p = total / n / (RATE * (w ** 2).sum())
    p[1:-1] *= 2
    return p, n


def test_psd_of_everything(two_spans, tmp_path):
    top, spans = two_spans
    out = run(top, tmp_path, [f"psd: {{segment: {SEG}, interval: all}}"])
    y, n = welch_of_all(spans, SEG, SEG // 2)
    assert len(rig.lanes(out)) > 3 and not (out / "master.h5").exists()
    with h5py.File(out / "result.h5") as h:
        assert h["psd"].shape == (SEG // 2 + 1, NC) and (h["count"][()] == n).all()
        rig.near(h["psd"][()], y.astype("f4"), 2e-7)


def test_psd_of_everything_over_launches(two_spans, tmp_path):
    top, chain = two_spans[0], [f"psd: {{segment: {SEG}, interval: all}}"]
    same_over_launches(top, tmp_path, chain)


def test_a_result_is_verified_and_made_again(two_spans, tmp_path):
    top = two_spans[0]
    out = run(top, tmp_path, [f"psd: {{segment: {SEG}, interval: all}}"])
    want = rig.digests(out)
    result = out / "result.h5"
    good = result.read_bytes()
    result.write_bytes(good[:3000] + bytes([good[3000] ^ 1]) + good[3001:])
    assert "result.h5" in rig.run("verify", out, status=7).stdout
    result.unlink()
    rig.run("verify", out, status=7)
    rig.lanes(out)[1].unlink()  # a lane goes too: only that is done again
    cfg = tmp_path / "c_0_1.yaml"
    rig.run("run", cfg, status=0, ranks=2)
    assert rig.digests(out) == want and result.read_bytes() == good


# --- correlations of virtual sources with all channels


def ram(x, m):
    """Over the running mean of magnitudes, as NoisePy: edges repeated, numpy's 'same'."""
    a = np.abs(np.pad(x, ((m, m), (0, 0)), "edge"))
    mean = np.array([np.convolve(c, np.ones(m) / m, "same")[m:-m] for c in a.T]).T
    return x / np.where(mean > 0, mean, 1)


NORMALISE = {"none": lambda x: x, "onebit": np.sign, "ram": lambda x: ram(x, 50)}


def correlations_of(x, sources, n, lags, band=None, normalise="none"):
    """One window x[rows][channels] -> [source][lag][channel]."""
    x = NORMALISE[normalise](x - x.mean(axis=0))
    size = cheapest_length(n + lags)
    z = np.fft.rfft(x, size, axis=0)
    if band:
        hz = np.fft.rfftfreq(size, 1 / RATE)
        z[(hz < band[0]) | (hz >= band[1])] = 0
        z /= np.where(np.abs(z) > 0, np.abs(z), 1)
    r = np.fft.irfft(z[None] * z[:, sources].T.conj()[:, :, None], size, axis=1)
    return np.concatenate([r[:, -lags:], r[:, :lags + 1]], axis=1)


def stacks_of(spans, sources, n, lags, per, **how):
    """Mean over the windows of each `per` windows; a window with a lost sample in the channel or in the
    source does not count, nor one that is less than half there. [row][source][lag][channel], count."""
    total, count, cut = {}, {}, {}
    for s in spans:
        for w, a, b in windows(s, n):
            if 2 * (b - a) < n:
                continue
            x, bad = s.x[a:b], ~np.isfinite(s.x[a:b]).all(axis=0)
            r = correlations_of(np.where(bad, 0, x), sources, n, lags, **how)
            good = ~bad[None, :] & ~bad[sources][:, None]
            row = w // per
            total[row] = total.get(row, 0) + np.where(good[:, None], r, 0)
            count[row] = count.get(row, 0) + good
    c = np.array(list(count.values()))
    with np.errstate(invalid="ignore", divide="ignore"):
        y = np.array(list(total.values())) / c[:, :, None]
    return np.array([row * (n * per * rig.S // RATE) for row in total]), y, c


@pytest.mark.parametrize("text,how", [
    ("", {}),
    ("whiten: 5..20 Hz, ", dict(band=(5, 20))),
    ("normalise: onebit, ", dict(normalise="onebit")),
    ("whiten: 5..20 Hz, normalise: ram, ram: 0.5 s, ", dict(band=(5, 20), normalise="ram"))])
def test_correlations_of_everything(two_spans, tmp_path, text, how):
    top, spans = two_spans
    chain = [f"correlate: {{sources: [0, 33], window: 10 s, max_lag: 2 s, {text}stack: all}}"]
    out = run(top, tmp_path, chain)
    _, y, n = stacks_of(spans, [0, 33], 1000, 200, 10 ** 12, **how)
    with h5py.File(out / "result.h5") as h:
        assert h["source"][()].tolist() == [0, 33] and (h["count"][()] == n[0]).all()
        assert np.allclose(h["lag"][()], np.arange(-200, 201) / RATE, atol=1e-15)
        assert h["correlation"].shape == (2, 401, NC)
        rig.near(h["correlation"][()], y[0].astype("f4"), 3e-7)  # float32; sums in another order


def test_correlations_in_the_time_domain(two_spans, tmp_path):
    """Without whitening it is scipy's plain correlation of the windows without their means."""
    top, spans = two_spans
    out = run(top, tmp_path, ["correlate: {sources: 7, window: 20 s, max_lag: 3 s, stack: 40 s}"])
    got = product(out, "correlation")
    s = spans[0]
    full = {w: b for w, b, e in windows(s, 2000) if e - b == 2000}
    a = next([full[w], full[w + 1]] for w in full if w % 2 == 0 and w + 1 in full)
    x = [s.x[k:k + 2000] - s.x[k:k + 2000].mean(axis=0) for k in a]
    row = (s.first + a[0]) // 4000
    at = list(got.t).index(row * 40 * rig.S)
    assert (got.count[at] == 2).all()
    for c in (0, 7, 44):
        r = sum(signal.correlate(w[:, c], w[:, 7], "full")[1999 - 300:1999 + 301] for w in x) / 2
        assert np.abs(got.y[at, 0, :, c] - r).max() <= 3e-7 * np.abs(r).max()


def test_substacks_with_a_chain_before(two_spans, tmp_path):
    top, spans = two_spans
    low = signal.butter(4, 10 / (RATE / 2), "lowpass", output="sos")
    clean = [SimpleNamespace(x=signal.sosfilt(low, s.x, axis=0), first=s.first) for s in spans]
    out = run(top, tmp_path, ["lowpass: {corner: 10 Hz, phase: causal}",
                              "correlate: {sources: [40], window: 5 s, max_lag: 1 s, stack: 20 s}"])
    got = product(out, "correlation")
    t, y, n = stacks_of(clean, [40], 500, 100, 4)
    assert np.array_equal(got.t, t)
    keep = np.isfinite(got.y[:, 0, 0, 0])
    assert keep.sum() >= len(t) - 4  # both ends of both spans may be less than half
    rig.near(got.y[keep], y[keep].astype("f4"), 1e-6)  # filters: contexts cut at 1e-9


def test_a_filter_and_decimations_before_over_block_seams(tmp_path):
    """2 kHz, five blocks a lane: what the filter holds back reaches the sources as well."""
    rate, n, start = 2000, 150 * 2000, 30 * 2000
    spans_of(tmp_path, [start], [n], rate=rate)
    x = rig.noise(n, NC, 0).astype(float) + 30
    y = signal.sosfiltfilt(signal.butter(4, np.array([2, 40]) / 1000, "bandpass", output="sos"), x, axis=0)
    for q in (5, 4):
        y = signal.decimate(y, q, ftype="fir", axis=0)
    clean = [SimpleNamespace(x=y, first=(rig.T0 // rig.S * rate + start) // 20)]
    chain = ["bandpass: {band: 2..40 Hz}", "decimate: {factor: 20}",
             "correlate: {sources: [2, 40], window: 5 s, max_lag: 1 s, stack: 20 s}"]
    got = product(same_over_launches(tmp_path, tmp_path / "runs", chain), "correlation")
    t, y, n = stacks_of(clean, [2, 40], 500, 100, 4)
    assert np.array_equal(got.t, t)
    keep = np.isfinite(got.y[:, 0, 0, 0])
    assert keep.sum() >= len(t) - 2  # either end may be less than half
    rig.near(got.y[keep], y[keep].astype("f4"), 1e-6)  # filters: contexts cut at 1e-9


def test_sources_behind_a_coupling(two_spans, tmp_path):
    top, spans = two_spans
    clean = [SimpleNamespace(x=s.x - s.x.mean(axis=1, keepdims=True), first=s.first) for s in spans]
    out = run(top, tmp_path, ["common_mode: {}",
                              "correlate: {sources: [2], window: 5 s, max_lag: 1 s, stack: all}"])
    _, y, n = stacks_of(clean, [2], 500, 100, 10 ** 12)
    with h5py.File(out / "result.h5") as h:
        assert (h["count"][()] == n[0]).all()
        rig.near(h["correlation"][()], y[0].astype("f4"), 3e-7)


def test_windows_with_lost_samples_are_left_out_of_the_stack(tmp_path):
    def lose(k, x):
        x[1000:1010, 33] = np.nan  # a source
        x[5000, 3] = x[5600, 3] = np.nan
    spans = spans_of(tmp_path, change=lose)
    for before in ([], ["scale: {by: 1}"]):
        out = run(tmp_path, tmp_path, before +
                  ["correlate: {sources: [0, 33], window: 10 s, max_lag: 1 s, stack: all}"])
        _, y, n = stacks_of(spans, [0, 33], 1000, 100, 10 ** 12)
        assert len(np.unique(n)) > 2
        with h5py.File(out / "result.h5") as h:
            assert (h["count"][()] == n[0]).all()
            rig.near(h["correlation"][()], y[0].astype("f4"), 3e-7)
        rig.fresh(out)


@pytest.mark.parametrize("stack", ["30 s", "all"])
def test_correlations_over_launches(two_spans, tmp_path, stack):
    out = same_over_launches(two_spans[0], tmp_path, [
        "correlate: {sources: [0, 40], window: 5 s, max_lag: 0.2 s, whiten: 5..20 Hz, "
        f"stack: {stack}}}"])
    assert len(rig.lanes(out)) > 3


def test_ranks_merge_a_large_result_together(two_spans, tmp_path):
    """More than the 1 MiB that is merged at once: pieces go to whoever is free."""
    top, spans = two_spans
    sources = list(range(20))
    out = same_over_launches(top, tmp_path, [
        f"correlate: {{sources: {sources}, window: 5 s, max_lag: 4 s, stack: all}}"])
    _, y, n = stacks_of(spans, sources, 500, 400, 10 ** 12)
    assert (out / "result.h5").stat().st_size > 2.5 * 2 ** 20
    with h5py.File(out / "result.h5") as h:
        assert (h["count"][()] == n[0]).all()
        rig.near(h["correlation"][()], y[0].astype("f4"), 3e-7)  # float32; sums in another order


def test_sources_are_named_by_their_number_in_the_input(two_spans, tmp_path):
    top, spans = two_spans
    chain = ["correlate: {sources: [30], window: 10 s, max_lag: 1 s, stack: all}"]
    out = run(top, tmp_path, chain, input_=["channels: 20..40:5"])
    _, y, n = stacks_of([SimpleNamespace(x=s.x[:, 20:40:5], first=s.first) for s in spans], [2], 1000,
                        100, 10 ** 12)
    with h5py.File(out / "result.h5") as h:
        rig.near(h["correlation"][()], y[0].astype("f4"), 3e-7)
        assert h["source"][0] == 30
    cfg = rig.config(tmp_path / "bad.yaml", [top / "in"], chain, tmp_path / "bad",
                     input_=["channels: 0..20"])
    assert "channel 30 is not among" in rig.run("run", cfg, status=2).stderr


# --- what holds for all of them

PRODUCTS = ["stats: {interval: 10 s, what: [rms, max]}",
            f"psd: {{segment: {SEG}, interval: 20 s}}",
            f"psd: {{segment: {SEG}, interval: all}}",
            "correlate: {sources: [3], window: 5 s, max_lag: 1 s, whiten: 5..20 Hz, stack: 20 s}",
            "correlate: {sources: [3], window: 5 s, max_lag: 1 s, whiten: 5..20 Hz, stack: all}"]


@pytest.mark.parametrize("chain", PRODUCTS)
def test_files_that_come_later_extend_the_product(two_spans, tmp_path, chain):
    """In three steps, the middle last: the folder of a single run, byte for byte."""
    top, _ = two_spans
    files = sorted((top / "in").iterdir())
    want = rig.digests(run(top, tmp_path, [chain]))
    grown, out = tmp_path / "grown", tmp_path / "out"
    (grown / "in").mkdir(parents=True)
    cfg = rig.config(tmp_path / "g.yaml", [grown / "in"], [chain], out)
    for part in (files[:5], files[9:], files[5:9]):
        for f in part:
            shutil.copy2(f, grown / "in" / f.name)
        rig.run("run", cfg, status=0)
        rig.run("verify", out, status=0)
    assert rig.digests(out) == want


@pytest.mark.parametrize("chain", [PRODUCTS[0], PRODUCTS[1], PRODUCTS[3]])
def test_a_part_of_the_time_gives_the_same_rows(two_spans, tmp_path, chain):
    top, _ = two_spans
    name = {"s": "statistics", "p": "psd", "c": "correlation"}[chain[0]]
    whole = product(run(top, tmp_path, [chain]), name)
    out = tmp_path / "part"
    time = "time: 2026-01-01T00:01:00Z .. 2026-01-01T00:02:40Z"
    rig.run("run", rig.config(tmp_path / "p.yaml", [top / "in"], [chain], out, input_=[time]), status=0)
    part = product(out, name)
    keep = (whole.t >= rig.T0 + 60 * rig.S) & (whole.t < rig.T0 + 160 * rig.S)
    assert np.array_equal(part.t, whole.t[keep]) and len(part.t) in (5, 10)
    assert part.y.tobytes() == whole.y[keep].tobytes()


@pytest.mark.parametrize("chain", PRODUCTS)
def test_memory_limits_and_forms_of_input_change_nothing(two_spans, tmp_path, chain):
    """int16 in chunks against the same values in float32; little memory."""
    x = (100 * np.random.default_rng(5).standard_normal((9000, NC))).astype("i2")
    rig.archive(tmp_path / "a" / "in", x.astype("f4"), RATE, 1700)
    rig.archive(tmp_path / "b" / "in", x, RATE, 1700, chunks=(333, 20), shuffle=True, compression=4)
    found = []
    for form, memory in (("a", "512 MiB"), ("b", "512 MiB"), ("a", "96 MiB")):
        out = tmp_path / f"out_{form}_{memory[:2]}"
        cfg = rig.config(tmp_path / "c.yaml", [tmp_path / form / "in"], [chain], out,
                         run_=[f"memory: {memory}"])
        rig.run("run", cfg, status=0, threads=2)
        lane = rig.lanes(out)
        with h5py.File(out / "result.h5" if "all" in chain else lane[0]) as h:
            found.append({k: h[k][()].tobytes() for k in h if isinstance(h[k], h5py.Dataset)
                              and h[k].dtype != object})
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("chain", [PRODUCTS[1], PRODUCTS[2]])
def test_xarray_names_the_axes(two_spans, tmp_path, chain):
    xr = pytest.importorskip("xarray")
    out = run(two_spans[0], tmp_path, [chain])
    for path in [rig.lanes(out)[0], out / ("result.h5" if "all" in chain else "master.h5")]:
        with xr.open_dataset(path, engine="netcdf4") as ds:
            name = "psd_sum" if "all" in chain and path.name != "result.h5" else "psd"
            assert ds[name].dims[-2:] == ("frequency", "distance")
            assert float(ds.frequency[-1]) == RATE / 2 and ds["count"].dims[-1] == "distance"


def test_a_fraction_of_a_sample_a_window(tmp_path):
    """Windows of 0.7 s at 333.25 Hz begin at the first sample of each; 233 or 234 samples long."""
    rate = 333.25
    x = rig.noise(4000, 3, 1)
    rig.archive(tmp_path / "in", x, rate, 1000)
    out = run(tmp_path, tmp_path, ["stats: {interval: 700 ms, what: [max, count]}"])
    got = product(out, "statistics")
    first = rig.T0 // rig.S * 1333 // 4  # 1333 / 4 samples a second: a whole number then
    assert rig.T0 // rig.S % 4 == 0
    edges = {}
    for n in range(4000):
        edges.setdefault((first + n) * 4 * 10 // (1333 * 7), []).append(n)
    full = [w for w in edges if len(edges[w]) >= 233]
    assert {len(edges[w]) for w in full} == {233, 234}
    for w in full:
        k = list(got.t).index(w * 700_000_000)
        assert (got.y[k, 0] == x[edges[w]].max(axis=0)).all() and got.y[k, 1, 0] == len(edges[w])


# --- compress: deflate

@pytest.mark.parametrize("chain", [
    "stats: {interval: 2 s, what: [rms, max]}", "psd: {segment: 256, interval: 10 s}",
    "psd: {segment: 12000, interval: 200 s}",  # 6001 x 45 values a row: two chunks along frequency
    "correlate: {sources: [3, 40], window: 5 s, max_lag: 2 s, stack: 20 s}"])
def test_deflated_products_hold_the_same(two_spans, tmp_path, chain):
    """The values and counts of the plain lanes, in chunks with shuffle and deflate; the same bytes at
    every launch."""
    top, _ = two_spans
    plain = run(top, tmp_path, [chain])
    want = None
    for launch in LAUNCHES:
        out = run(top, tmp_path / "z" / "_".join(map(str, launch)), [chain], launch, output_=["compress: deflate"])
        got = rig.digests(out)
        want = want or got
        assert got == want, launch
    for a, b in zip(rig.lanes(plain), rig.lanes(out), strict=True):
        with h5py.File(a) as x, h5py.File(b) as y:
            (name,) = (k for k, v in x.items() if isinstance(v, h5py.Dataset) and v.ndim > 2 and k != "count")
            assert y[name].compression == "gzip" and y[name].shuffle
            assert all(c <= n for c, n in zip(y[name].chunks, y[name].shape))
            assert np.array_equal(x[name][()], y[name][()], equal_nan=True)
            assert ("count" in x) == ("count" in y)
            if "count" in x:
                assert np.array_equal(x["count"][()], y["count"][()]) and y["count"].chunks is None


def test_sums_for_the_end_are_not_deflated(two_spans, tmp_path):
    """They are read back to be merged; result.h5 is the same with and without."""
    top, _ = two_spans
    chain = ["psd: {segment: 256, interval: all}"]
    plain = run(top, tmp_path, chain)
    out = run(top, tmp_path / "z", chain, output_=["compress: deflate"])
    with h5py.File(plain / "result.h5") as x, h5py.File(out / "result.h5") as y:
        assert np.array_equal(x["psd"][()], y["psd"][()]) and np.array_equal(x["count"][()], y["count"][()])
