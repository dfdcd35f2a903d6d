"""Whole runs against numpy and scipy on whole continuous stretches: every operator, the demo chain,
selections, drift, through lanes of a minute, several blocks, strips of channels and a gap.

Tolerance 1e-6 of the peak: the output is float32 (6e-8), contexts are cut at 1e-9 of the impulse
response, a drift of 1,000 times the signal brings that to 1e-6."""
import json
import re
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
from scipy import fft, ndimage, signal, stats

import forms
import rig

RATE, NC = 100, 7
STARTS = (1337, 29400)  # samples after T0 of the two spans
LENGTHS = (20000, 7300)


@pytest.fixture(scope="module")
def two_spans(tmp_path_factory):
    """200 s and 73 s in files of 17 s, nothing on a full minute; the spans as float64."""
    top = tmp_path_factory.mktemp("oracle")
    spans = []
    for k, (start, n) in enumerate(zip(STARTS, LENGTHS)):
        x = rig.noise(n, NC, k) + 30
        rig.archive(top / "in", x, RATE, 17 * RATE, rig.T0 + start * rig.S // RATE)
        spans.append(SimpleNamespace(x=x.astype(float), t0=rig.T0 + start * rig.S // RATE,
                                     first=rig.T0 // rig.S * RATE + start))
    return top, spans


def sos(order, corners, kind, rate=RATE):
    return signal.butter(order, np.array(corners) / (rate / 2), kind, output="sos")


def zero(order, corners, kind):
    return lambda s: signal.sosfiltfilt(sos(order, corners, kind), s.x, axis=0)


def causal(order, corners, kind):
    return lambda s: signal.sosfilt(sos(order, corners, kind), s.x, axis=0)


def decimated(q, kind, phase):
    """On the UTC grid: samples whose index is a multiple of q."""
    def f(s):
        k = -s.first % q
        if kind == "iir":
            low = signal.cheby1(8, 0.05, 0.8 / q, output="sos")
            y = (signal.sosfiltfilt if phase == "zero" else signal.sosfilt)(low, s.x, axis=0)
        else:
            y = signal.upfirdn(signal.firwin(20 * q + 1, 1 / q), s.x, axis=0)
            y = y[10 * q if phase == "zero" else 0:][:len(s.x)]
        return y[k::q], k + q * np.arange(len(y[k::q]))
    return f


def cascade(s):
    """Factor 20 is 5, then 4, each on the grid of its rate."""
    y, k = decimated(5, "fir", "zero")(s)
    z, j = decimated(4, "fir", "zero")(SimpleNamespace(x=y, first=(s.first + k[0]) // 5))
    return z, k[0] + 5 * j


def resampled(up, down):
    """On the UTC grid of the new rate, zeros before and after the span."""
    def f(s):
        lead = s.first % down
        y = signal.resample_poly(np.concatenate([np.zeros((lead, NC)), s.x]), up, down, axis=0)
        m = -(-lead * up // down)
        pos = np.arange(m, len(y)) * down / up - lead
        return y[m:], pos
    return f


def windows(s, n):
    """Multiples of n samples in UTC, clipped to the span; (a, b, at least half full)."""
    edges = np.arange(s.first // n, (s.first + len(s.x)) // n + 2) * n - s.first
    edges = np.unique(np.clip(edges, 0, len(s.x)))
    return [(a, b, 2 * (b - a) >= n) for a, b in zip(edges[:-1], edges[1:])]


def windowed(n, f):
    return lambda s: np.concatenate([f(s.x[a:b]) if full else np.full((b - a, NC), np.nan)
                                     for a, b, full in windows(s, n)])


def rms(n, step):
    def f(s):
        c = np.cumsum(np.concatenate([np.zeros((1, NC)), s.x ** 2]), axis=0)
        y = np.full(s.x.shape, np.nan)
        y[n - 1:] = np.sqrt((c[n:] - c[:-n]) / n)
        k = -s.first % step
        return y[k::step], k + step * np.arange(len(y[k::step]))
    return f


def stalta(ns, nl, step):
    """obspy.signal.trigger.classic_sta_lta, on multiples of the step in UTC."""
    def f(s):
        c = np.cumsum(np.concatenate([np.zeros((1, NC)), s.x ** 2]), axis=0)
        y = np.zeros(s.x.shape)
        y[nl - 1:] = (c[nl:] - c[nl - ns:-ns]) / ns / ((c[nl:] - c[:-nl]) / nl)
        k = -s.first % step
        return y[k::step], k + step * np.arange(len(y[k::step]))
    return f


def whitened(n, band, edge=0.0, smooth=0.0):
    """irfft(X / |X|) of each window without its mean; or |X| smoothed within the band."""
    def f(x):
        size = fft.next_fast_len(n, True)
        z, hz = np.fft.rfft(x - x.mean(axis=0), size, axis=0), np.fft.rfftfreq(size, 1 / RATE)
        inside = (hz >= band[0] - edge - 1e-9) & (hz < band[1] + edge - 1e-9)
        off = np.maximum(0, np.maximum(band[0] - hz, hz - band[1]))
        w = np.where(inside, np.cos(np.pi / 2 * np.minimum(off / edge, 1)) ** 2 if edge else 1.0, 0)
        mag, half = np.abs(z), int(0.5 * smooth * size / RATE)
        if half:
            k = np.flatnonzero(inside)
            mag[k] = [mag[max(i - half, k[0]):min(i + half, k[-1]) + 1].mean(axis=0) for i in k]
        return np.fft.irfft(z / np.where(mag > 0, mag, 1) * w[:, None], size, axis=0)[:len(x)]
    return windowed(n, f)


def per_window(n, f):
    """One row a UTC window, at the window's start; NaN where it is less than half full."""
    def g(s):
        rows = windows(s, n)
        y = np.array([f(s.x[a:b]) if full else np.full(NC, np.nan) for a, b, full in rows])
        return y, (np.arange(len(rows)) + s.first // n) * n - s.first
    return g


def stalta_recursive(ns, nl):
    """obspy.signal.trigger.recursive_sta_lta."""
    def f(s):
        sta, lta, y = 0, 1e-99, np.zeros_like(s.x)
        for i in range(1, len(s.x)):
            sta = s.x[i] ** 2 / ns + (1 - 1 / ns) * sta
            lta = s.x[i] ** 2 / nl + (1 - 1 / nl) * lta
            y[i] = sta / lta if i >= nl else 0
        return y
    return f


def integral(x, rule="trapezoid"):
    if rule == "sum":
        return np.cumsum(x, axis=0) / RATE
    return np.concatenate([np.zeros((1, x.shape[1])), np.cumsum((x[1:] + x[:-1]) / 2, axis=0)]) / RATE


def integral_above(hz, rule="trapezoid"):
    def f(s):
        high = sos(2, hz, "highpass")
        zi = signal.sosfilt_zi(high)[:, :, None] * s.x[0]
        return integral(signal.sosfilt(high, s.x, axis=0, zi=zi)[0], rule)
    return f


def taper(kind, n):
    def f(s):
        rows, w = len(s.x), np.ones(len(s.x))
        if kind == "tukey":
            return s.x * signal.windows.tukey(rows, 2 * n / (rows - 1))[:, None]
        half = signal.windows.hann(2 * n + (kind == "hann_2n1"))[:n]
        w[:n], w[-n:] = half, half[::-1]
        return s.x * w[:, None]
    return f


def notch(f0, q, how):
    return lambda s: how(*signal.iirnotch(f0, q, RATE), s.x, axis=0)


def rolling(n, step, f):
    """Of the last n samples, on multiples of the step in UTC; none until there are n."""
    def g(s):
        y = f(forms.trailing(s.x, n))
        y[:n - 1] = np.nan
        k = -s.first % step
        return y[k::step], k + step * np.arange(len(y[k::step]))
    return g


def difference(s):
    y = np.full(s.x.shape, np.nan)
    y[1:] = np.diff(s.x, axis=0) * RATE
    return y


def demo(s):
    y = zero(4, [4, 18], "bandpass")(s)
    return decimated(2, "fir", "zero")(SimpleNamespace(x=y, first=s.first))


OPERATORS = [
    ("bandpass: {band: 4..18 Hz}", zero(4, [4, 18], "bandpass")),
    ("bandpass: {band: 4..18 Hz, order: 3, phase: causal}", causal(3, [4, 18], "bandpass")),
    ("bandstop: {band: 10..14 Hz, order: 2}", zero(2, [10, 14], "bandstop")),
    ("lowpass: {corner: 8 Hz}", zero(4, 8, "lowpass")),
    ("lowpass: {corner: 8 Hz, phase: causal}", causal(4, 8, "lowpass")),
    ("highpass: {corner: 2 Hz}", zero(4, 2, "highpass")),
    ("highpass: {corner: 2 Hz, phase: causal}", causal(4, 2, "highpass")),
    ("notch: {frequency: 10 Hz, q: 10}", notch(10, 10, signal.filtfilt)),
    ("notch: {frequency: 10 Hz, q: 10, phase: causal}", notch(10, 10, signal.lfilter)),
    ("decimate: {factor: 5}", decimated(5, "fir", "zero")),
    ("decimate: {factor: 7, kind: iir}", decimated(7, "iir", "zero")),
    ("decimate: {factor: 3, phase: causal}", decimated(3, "fir", "causal")),
    ("decimate: {factor: 4, kind: iir, phase: causal}", decimated(4, "iir", "causal")),
    ("decimate: {factor: 20}", cascade),
    ("resample: {rate: 40 Hz}", resampled(2, 5)),
    ("resample: {rate: 125 Hz}", resampled(5, 4)),
    ("scale: {by: -2.5}", lambda s: -2.5 * s.x),
    ("units: {to: strain_rate}", lambda s: 1e-9 * s.x),  # nm/m/s
    ("clip: {min: -100, max: 50}", lambda s: np.clip(s.x, -100, 50)),
    ("abs: {}", lambda s: np.abs(s.x)),
    ("rms: {window: 2 s, step: 500 ms}", rms(200, 50)),
    ("rms: {window: 1 s}", rms(100, 1)),
    ("band_rms: {band: 4..18 Hz, window: 2 s, step: 500 ms}",
     lambda s: rms(200, 50)(SimpleNamespace(x=zero(4, [4, 18], "bandpass")(s), first=s.first))),
    ("stalta: {sta: 500 ms, lta: 6 s, step: 100 ms}", stalta(50, 600, 10)),
    ("stats: {interval: 5 s}", per_window(500, lambda x: np.abs(x).max(axis=0))),
    ("stats: {interval: 7 s, what: mean}", per_window(700, lambda x: x.mean(axis=0))),
    ("stalta: {sta: 200 ms, lta: 700 ms, kind: recursive}", stalta_recursive(20, 70)),
    ("whiten: {band: 5..20 Hz, window: 9 s}", whitened(900, (5, 20))),
    ("whiten: {band: 5..20 Hz, window: 10 s, edge: 1 Hz}", whitened(1000, (5, 20), 1.0)),
    ("whiten: {band: 5..20 Hz, window: 10 s, kind: smooth, smooth: 0.7 Hz}",
     whitened(1000, (5, 20), smooth=0.7)),
    ("integrate: {above: 2 Hz}", integral_above(2)),
    ("integrate: {above: 2 Hz, rule: sum}", integral_above(2, "sum")),
    ("integrate: {window: 8 s}", windowed(800, integral)),
    ("integrate: {window: span}", lambda s: integral(s.x)),
    ("differentiate: {}", lambda s: np.gradient(s.x, 1 / RATE, axis=0, edge_order=2)),
    ("differentiate: {rule: diff}", difference),
    ("detrend: {kind: linear, window: 8 s}", windowed(800, lambda x: signal.detrend(x, axis=0))),
    ("detrend: {kind: constant, window: 5 s}", windowed(500, lambda x: x - x.mean(axis=0))),
    ("detrend: {window: span}", lambda s: signal.detrend(s.x, axis=0)),
    ("demean: {window: 2 s}", windowed(200, lambda x: x - x.mean(axis=0))),
    ("common_mode: {}", lambda s: s.x - s.x.mean(axis=1, keepdims=True)),
    ("common_mode: {kind: median}", lambda s: s.x - np.median(s.x, axis=1, keepdims=True)),
    ("taper: {length: 5 s}", taper("hann_2n", 500)),
    ("taper: {length: 5 s, kind: hann_2n1}", taper("hann_2n1", 500)),
    ("taper: {length: 5 s, kind: tukey}", taper("tukey", 500)),
    ("rolling: {window: 1 s, kind: mean, step: 200 ms}", rolling(100, 20, lambda w: w.mean(-1))),
    ("rolling: {window: 500 ms, kind: median}", rolling(50, 1, lambda w: np.median(w, -1))),
    ("rolling: {window: 2 s, kind: std}", rolling(200, 1, lambda w: w.std(-1))),
    ("kurtosis: {window: 1 s}", rolling(100, 1, lambda w: stats.kurtosis(w, axis=-1))),
    ("savgol: {window: 200 ms, order: 3}", lambda s: forms.savgol(s.x, 21, 3, 0)),
    ("agc: {window: 2 s}", lambda s: s.x / np.sqrt(forms.centred_mean(s.x ** 2, 201))),
    ("normalise: {kind: z, window: 8 s}", windowed(800, lambda x: (x - x.mean(axis=0)) / x.std(axis=0))),
    ("normalise: {kind: ram, window: 500 ms}", lambda s: forms.noisepy_ram(s.x, 50)),
    ("normalise: {kind: onebit}", lambda s: np.sign(s.x)),
    ("envelope: {above: 2 Hz}", lambda s: np.abs(forms.analytic(s.x, 2))),
    (("demean: {window: span}", "instantaneous: {above: 5 Hz}", "abs: {}"),
     lambda s: np.abs(np.angle(forms.analytic(s.x - s.x.mean(axis=0), 5)))),
    ("median: {time: 3, channel: 3}", lambda s: ndimage.median_filter(s.x, size=(3, 3), mode="reflect")),
    ("hampel: {time: 5, channel: 3, threshold: 2}", lambda s: forms.hampel(s.x, 5, 3, 2)),
    ("despike: {time: 3, channel: 5, threshold: 1.05}", lambda s: forms.despiked(s.x, 3, 5, 1.05)[0]),
    ("channel_stack: {n: 2}", lambda s: s.x[:, :6].reshape(-1, 3, 2).mean(axis=2)),
    ("channel_decimate: {factor: 2}", lambda s: signal.decimate(s.x, 2, ftype="fir", axis=1)),
    ("strain: {from: velocity}", lambda s: np.diff(s.x, axis=1) / 10),
    ("fk: {velocity: 300..3000 m/s, band: 5..20 Hz, direction: up}",
     lambda s: forms.fk(s.x, (300, 3000), (5, 20), direction="up", dx=10)),
    (("bandpass: {band: 4..18 Hz}", "decimate: {factor: 2}"), demo),
]


def check(out, spans, oracle, rate_hz=None):
    """Values within 1e-6 of the peak of all spans, times exact to the nanosecond."""
    got = rig.output(out)
    assert len(got) == len(spans)
    for s, (t, y) in zip(spans, got):
        ref = oracle(s)
        ref, pos = ref if isinstance(ref, tuple) else (ref, np.arange(len(ref)))
        rig.near(y, ref)
        want = s.t0 + np.round(pos * (rig.S / (rate_hz or RATE))).astype("i8")
        assert np.abs(t - want).max() <= 1  # the rounding of half a nanosecond may go either way


@pytest.mark.parametrize("text,oracle", OPERATORS, ids=lambda v: v if isinstance(v, str) else "")
def test_operator(two_spans, tmp_path, text, oracle):
    top, spans = two_spans
    chain = [text] if isinstance(text, str) else list(text)
    cfg = rig.config(tmp_path / "c.yaml", [top / "in"], chain, tmp_path / "out")
    rig.run("run", cfg, status=0)
    check(tmp_path / "out", spans, oracle)
    rig.run("verify", tmp_path / "out", status=0)
    whole_span = "window: span" in " ".join(chain)
    assert len(rig.lanes(tmp_path / "out")) == 2 if whole_span else len(rig.lanes(tmp_path / "out")) >= 3


# whose rows have axes of their own, or whose samples are not those of one span without NaN
ELSEWHERE = {"psd": "test_products.py", "fbe": "test_products.py", "spectrogram": "test_products.py",
             "correlate": "test_products.py", "quality": "test_quality.py", "trigger": "test_events.py",
             "coincidence": "test_events.py", "fill": "test_filled.py", "interpolate": "test_filled.py",
             "align": "test_grid.py"}


def test_every_operator_has_a_line_here():
    """Or in another file against an oracle, which does name it."""
    done = rig.run("ops", "--json", status=0)
    tested = {t.split(":")[0] for text, _ in OPERATORS for t in ([text] if isinstance(text, str) else text)}
    for op, file in ELSEWHERE.items():
        used = rf'"{op}"' if op == "quality" else rf"\b{op}: {{"  # a command, or an entry of a chain
        assert re.search(used, (Path(__file__).parent / file).read_text()), f"{file}: no {op}"
    assert {op["name"] for op in json.loads(done.stdout)["operators"]} - tested == set(ELSEWHERE)


def test_empty_chain_copies(two_spans, tmp_path):
    top, spans = two_spans
    rig.run("run", rig.config(tmp_path / "c.yaml", [top / "in"], [], tmp_path / "out"), status=0)
    for s, (t, y) in zip(spans, rig.output(tmp_path / "out")):
        assert np.array_equal(y, s.x.astype("f4")) and t[0] == s.t0


def test_span_alignment_is_scipys_own_phase(two_spans, tmp_path):
    top, spans = two_spans
    cfg = rig.config(tmp_path / "c.yaml", [top / "in"], ["decimate: {factor: 7, align: span}"],
                     tmp_path / "out")
    rig.run("run", cfg, status=0)
    check(tmp_path / "out", spans, lambda s: (signal.decimate(s.x, 7, ftype="fir", axis=0),
                                              np.arange(-(-len(s.x) // 7)) * 7))


@pytest.mark.parametrize("phase", ["zero", "causal"])
@pytest.mark.parametrize("rate,nc,seconds", [(50, 5, 1300), (2000, 2, 330)])  # lane seams; block seams too
def test_a_drift_a_thousand_times_the_signal(tmp_path, phase, rate, nc, seconds):
    """Amplitude 1, drift of 1,000 over the archive, under a 1 Hz high-pass of order 4."""
    n = seconds * rate
    t = np.linspace(0, 1, n)[:, None]
    x = (rig.noise(n, nc) / 100 + 1000 * (t + np.sin(2 * np.pi * t) / 4)).astype("f4")
    rig.archive(tmp_path / "in", x, rate, 23 * rate, rig.T0 + 5 * rig.S)
    cfg = rig.config(tmp_path / "c.yaml", [tmp_path / "in"],
                     [f"highpass: {{corner: 1 Hz, order: 4, phase: {phase}}}"], tmp_path / "out")
    rig.run("run", cfg, status=0)
    (got,) = rig.output(tmp_path / "out")
    f = signal.sosfiltfilt if phase == "zero" else signal.sosfilt
    ref = f(sos(4, 1, "highpass", rate), x.astype(float), axis=0)
    assert np.abs(ref).max() < 10 and len(rig.lanes(tmp_path / "out")) >= 2
    rig.near(got[1], ref)


@pytest.fixture(scope="module")
def fast(tmp_path_factory):
    """2 kHz: a lane of a minute has 120,000 samples, a block at most 65,536."""
    top = tmp_path_factory.mktemp("fast")
    x = rig.noise(150 * 2000, 6, 5)
    rig.archive(top / "in", x, 2000, 31 * 2000, rig.T0 + 30 * rig.S)
    return top, SimpleNamespace(x=x.astype(float), t0=rig.T0 + 30 * rig.S,
                                first=(rig.T0 // rig.S + 30) * 2000)


def test_demo_chain_over_block_seams(fast, tmp_path):
    top, s = fast
    chain = ["bandpass: {band: 1..45 Hz, order: 4, phase: zero}", "decimate: {factor: 5}"]
    rig.run("run", rig.config(tmp_path / "c.yaml", [top / "in"], chain, tmp_path / "out"), status=0)
    y = signal.sosfiltfilt(sos(4, [1, 45], "bandpass", 2000), s.x, axis=0)
    check(tmp_path / "out", [s],
          lambda s: decimated(5, "fir", "zero")(SimpleNamespace(x=y, first=s.first)), 2000)


@pytest.mark.parametrize("ranks,threads", [(0, 1), (2, 2)])
def test_lost_samples_at_block_seams_harm_no_other(fast, tmp_path, ranks, threads):
    """Where a block holds outputs back for the next: NaN before, on and after its end. The filter fades
    to 1e-9 in 2.03 s, the decimation adds 0.025 s."""
    top, s = fast
    chain = ["bandpass: {band: 5..45 Hz, phase: zero}", "decimate: {factor: 5}"]
    x = s.x.astype("f4")
    bad = {1: (65000, 65001), 2: (65400, 65700), 3: (62000, 68000), 4: (120500, 121000)}
    for c, (a, b) in bad.items():
        x[a:b, c] = np.nan
    rig.archive(tmp_path / "in", x, 2000, 31 * 2000, s.t0)
    for name, files in (("fine", top / "in"), ("lost", tmp_path / "in")):
        cfg = rig.config(tmp_path / "c.yaml", [files], chain, tmp_path / name)
        rig.run("run", cfg, status=0, ranks=ranks, threads=threads)
    ((_, want),), ((_, got),) = rig.output(tmp_path / "fine"), rig.output(tmp_path / "lost")
    ref = signal.decimate(signal.sosfiltfilt(sos(4, [5, 45], "bandpass", 2000), s.x, axis=0), 5,
                          ftype="fir", axis=0)
    rig.near(want, ref)
    for c in range(6):
        lost = np.isnan(got[:, c])
        if c not in bad:
            assert np.array_equal(got[:, c], want[:, c])
            continue
        a, b = bad[c]
        assert lost[a // 5:b // 5].all() and not lost[:a // 5 - 840].any()
        assert not lost[b // 5 + 840:].any()
        assert np.abs(got[~lost, c] - ref[~lost, c]).max() <= 1e-6 * np.abs(ref).max()


def test_coupled_and_causal_stages_over_block_seams(fast, tmp_path):
    top, s = fast
    chain = ["highpass: {corner: 5 Hz, phase: causal}", "common_mode: {kind: mean}",
             "lowpass: {corner: 100 Hz, phase: causal}", "differentiate: {}", "abs: {}"]
    rig.run("run", rig.config(tmp_path / "c.yaml", [top / "in"], chain, tmp_path / "out"), status=0)
    y = signal.sosfilt(sos(4, 5, "highpass", 2000), s.x, axis=0)
    y = signal.sosfilt(sos(4, 100, "lowpass", 2000), y - y.mean(axis=1, keepdims=True), axis=0)
    check(tmp_path / "out", [s], lambda s: np.abs(np.gradient(y, 1 / 2000, axis=0, edge_order=2)), 2000)


def test_windows_longer_than_a_block(fast, tmp_path):
    """40 s windows hold 80,000 samples."""
    top, s = fast
    rig.run("run", rig.config(tmp_path / "c.yaml", [top / "in"], ["demean: {window: 40 s}"],
                              tmp_path / "out"), status=0)
    want = [(a, b) for a, b, full in windows(s, 80000)]
    assert len(want) == 5
    ref = np.concatenate([s.x[a:b] - s.x[a:b].mean(axis=0) if 2 * (b - a) >= 80000 else
                          np.full((b - a, 6), np.nan) for a, b in want])
    check(tmp_path / "out", [s], lambda s: ref, 2000)


def test_strips_of_channels(tmp_path):
    """A context of a minute at 10 Hz on 13,000 channels: cut into two strips, both right."""
    n, nc = 1300, 13000
    x = rig.noise(n, nc, 8)
    rig.archive(tmp_path / "in", x, 10, 500)
    cfg = rig.config(tmp_path / "c.yaml", [tmp_path / "in"], ["lowpass: {corner: 0.06 Hz}"],
                     tmp_path / "out", run_=["memory: 2 GiB"], output_=["lane: 30 min"])
    rig.run("run", cfg, status=0, threads=2)
    files = rig.lanes(tmp_path / "out")
    assert len(files) == 2 and "_c00000-" in files[0].name and files[1].name.endswith("-13000.h5")
    y = np.concatenate([rig.read_lane(f).y for f in files], axis=1)
    some = np.unique(np.concatenate([np.arange(0, nc, 97), np.arange(nc - 600, nc, 7)]))
    rig.near(y[:, some], signal.sosfiltfilt(sos(4, 0.06, "lowpass", 10), x[:, some].astype(float), axis=0))
    with h5py.File(tmp_path / "out" / "master.h5") as h:
        assert np.array_equal(h["strain_rate"][:, ::1000], y[:, ::1000])
        assert np.array_equal(h["distance"][()], 10.0 * np.arange(nc))
    rig.run("verify", tmp_path / "out", status=0)


# --- storage and selections

@pytest.mark.parametrize("how", [
    dict(dtype="i2"), dict(dtype=">f4"), dict(dtype="f8"), dict(dtype="u1"), dict(dtype=">i4"), dict(dtype="f2"),
    dict(time_first=False), dict(time_first=False, chunks=(3, 500)), dict(chunks=(300, 3)),
    dict(chunks=(1000, 7), compression="gzip", shuffle=True, fletcher32=True), dict(dtype="i8")],
    ids=lambda d: ",".join(f"{k}={v}" for k, v in d.items()))
def test_types_and_storage(tmp_path, how):
    dtype = how.pop("dtype", "f4")
    x = (rig.noise(9000, NC, 2) / 4 + 120).clip(0, 255).astype(dtype)
    rig.archive(tmp_path / "in", x, RATE, 3100, **how)
    cfg = rig.config(tmp_path / "c.yaml", [tmp_path / "in"], ["highpass: {corner: 3 Hz}"], tmp_path / "out")
    rig.run("run", cfg, status=0)
    (got,) = rig.output(tmp_path / "out")
    rig.near(got[1], signal.sosfiltfilt(sos(4, 3, "highpass"), x.astype(float), axis=0))


@pytest.mark.parametrize("line,index", [
    ("channels: 10..30", slice(10, 30)), ("channels: 3..40:5", slice(3, 40, 5)), ("channels: 17", [17]),
    ("channels: [2, 5..9, 30..40:4, 5]", [2, 5, 6, 7, 8, 30, 34, 38]),
    ("distance: 0.105..0.2 km", range(11, 20)), ("distance: 100..101 m", [10])])
@pytest.mark.parametrize("chunked", [False, True])
def test_selection_of_channels(tmp_path, line, index, chunked):
    x = rig.noise(9000, 40, 4)
    rig.archive(tmp_path / "in", x, RATE, 3100, **(dict(chunks=(700, 9)) if chunked else {}))
    cfg = rig.config(tmp_path / "c.yaml", [tmp_path / "in"], ["highpass: {corner: 3 Hz}"], tmp_path / "out",
                     input_=[line])
    rig.run("run", cfg, status=0)
    pick = np.arange(40)[index]
    part = x[:, pick].astype(float)
    (got,) = rig.output(tmp_path / "out")
    rig.near(got[1], signal.sosfiltfilt(sos(4, 3, "highpass"), part, axis=0))
    lane = rig.read_lane(rig.lanes(tmp_path / "out")[0])
    assert np.array_equal(lane.x, 10.0 * pick)
    assert f"_c{pick[0]:05}-{pick[-1] + 1:05}.h5" in rig.lanes(tmp_path / "out")[0].name
    rig.run("verify", tmp_path / "out", status=0)


def test_selection_of_time_is_half_open_and_keeps_its_context(two_spans, tmp_path):
    top, spans = two_spans
    time = "time: 2026-01-01T00:00:50.5Z .. 2026-01-01T00:02:10Z"
    cfg = rig.config(tmp_path / "c.yaml", [top / "in"], ["highpass: {corner: 2 Hz}"], tmp_path / "out",
                     input_=[time])
    rig.run("run", cfg, status=0)
    ((t, y),) = rig.output(tmp_path / "out")
    assert (t[0], t[-1]) == (rig.T0 + 50_500_000_000, rig.T0 + 129_990_000_000)
    ref = zero(4, 2, "highpass")(spans[0])
    a = (t[0] - spans[0].t0) * RATE // rig.S
    rig.near(y, ref[a:a + len(y)])
    outside = [i for i in rig.report(tmp_path / "out")["inputs"] if i["reason"] == "outside input.time"]
    assert len(outside) > 5 and all(i["state"] == "used" for i in outside)


def test_geometry_table_is_carried(two_spans, tmp_path):
    top, _ = two_spans
    (tmp_path / "g.csv").write_text("channel,distance,latitude,longitude,elevation\n" + "".join(
        f"{c},{3.5 * c},{47 + c / 1000},{8 - c / 1000},{400 + c}\n" for c in range(NC)))
    cfg = rig.config(tmp_path / "c.yaml", [top / "in"], ["abs: {}"], tmp_path / "out",
                     input_=[f"geometry: {tmp_path}/g.csv", "channels: 2..6"])
    rig.run("run", cfg, status=0)
    with h5py.File(rig.lanes(tmp_path / "out")[0]) as h:
        c = np.arange(2, 6)
        assert np.allclose(h["distance"][()], 3.5 * c, rtol=1e-15)
        assert np.allclose(h["latitude"][()], 47 + c / 1000) and np.allclose(h["elevation"][()], 400 + c)
        assert np.allclose(h["longitude"][()], 8 - c / 1000)


# --- files as recorders wrote them

FACTS = rig.REAL / "das" / "facts.json"
LAYOUTS = ["iDAS005_hdf5_example.626.h5", "terra15_v5_test_file.hdf5", "decimated_optodas.hdf5",
           "silixa_h5_1.hdf5", "gdr_1.h5", "h5_simple_1.h5", "dispersion_event.h5", "ap_sensing_1.hdf5",
           "xdas_netcdf.nc"]
STAGES = {"detrend": [], "causal": ["bandpass: {{band: {a!r}..{b!r} Hz, phase: causal}}"],
          "zero": ["bandpass: {{band: {a!r}..{b!r} Hz}}"], "dec": ["decimate: {{factor: 4, align: span}}"],
          "zerodec": ["bandpass: {{band: {a!r}..{b!r} Hz}}", "decimate: {{factor: 4, align: span}}"]}


@pytest.mark.parametrize("name", LAYOUTS)
def test_real_files(tmp_path, name):
    """Corners 0.05 and 0.4 of Nyquist after a straight line is removed; start, rate, spacing, shape."""
    if not FACTS.exists():
        pytest.skip("MILLRACE_REALDATA is not there")
    fact = next(f for f in json.loads(FACTS.read_text())["files"] if f["file"] == name)
    with h5py.File(rig.REAL / "das" / "ref" / (name + ".ref.h5")) as ref:
        for stage, chain in STAGES.items():
            out = tmp_path / stage
            rate = fact["rate_hz"]
            chain = [c.format(a=0.025 * rate, b=0.2 * rate) for c in chain]
            cfg = rig.config(tmp_path / "c.yaml", [rig.REAL / "das" / name],
                             ["detrend: {window: span}"] + chain, out)
            rig.run("run", cfg, status=0)
            ((t, y),) = rig.output(out)
            want, index = ref[stage][()], ref["channel_index"][()]
            n = ref[stage].attrs["length"]
            assert y.shape == (n, fact["n_channels"])
            rows = np.arange(n) if len(want) == n else np.r_[:2048, n - 2048:n]
            error = np.abs(y[rows][:, index] - want).max() / ref[stage].attrs["peak_abs"]
            assert error < 1e-6, (stage, error)
            assert abs(int(t[0]) - fact["start_ns"]) <= fact["start_tolerance_ns"]
            lane = rig.read_lane(rig.lanes(out)[0])
            q = 4 if "dec" in stage else 1
            assert lane.attrs["sampling_rate_hz"] == pytest.approx(rate / q, rel=1e-9)
            if fact["spacing_m"]:
                assert np.diff(lane.x).mean() == pytest.approx(fact["spacing_m"], rel=1e-7)
