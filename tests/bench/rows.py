"""The table of workloads. A new one: a function for its right answer, and a row.

A row names its data, millrace's chain, the Python programs that do the same (peers.py), the answer
in float64 by scipy for some channels of the whole archive at once, and what the work must at least
move and compute for each input sample, which gives the share of the machine's limits.
"""
from dataclasses import dataclass, field

import numpy as np
from scipy import fft, signal

RATE = 500.0
SOS = signal.butter(4, [1.0, 45.0], "bandpass", fs=RATE, output="sos")

# --- right answers: x float64 [time][channel] of the whole archive, n samples a file -> y

def decimate(x, n):
    return signal.decimate(signal.sosfiltfilt(SOS, x, axis=0), 5, ftype="fir", axis=0)


def tenth(x, n):
    y = signal.sosfiltfilt(signal.butter(4, [1.0, 45.0], "bandpass", fs=1000.0, output="sos"), x, axis=0)
    return signal.decimate(y, 10, ftype="fir", axis=0)


def hundredth(x, n):
    for _ in range(2):
        x = signal.decimate(x, 10, ftype="fir", axis=0)
    return signal.sosfiltfilt(signal.butter(4, [0.01, 1.0], "bandpass", fs=5.0, output="sos"), x, axis=0)


def deviation(x, n):
    y = np.full(x.shape, np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(x, 250, axis=0)
    return np.concatenate([y[:249:50], windows[1::50].std(axis=-1)])


def spectrogram(x, n):
    return signal.spectrogram(x, RATE, "hann", 500, 0, detrend="constant", axis=0)[2].transpose(2, 0, 1)


def causal(x, n):
    y = signal.sosfilt(SOS, x, axis=0)
    return signal.lfilter(signal.firwin(101, 0.2), 1.0, y, axis=0)[::5]


def trailing_mean(x, n):
    """Of the last n; the first n - 1 have none."""
    total = np.concatenate([np.zeros((1, x.shape[1])), np.cumsum(x, axis=0)])
    return (total[n:] - total[:-n]) / n


def rms(x, n):
    y = np.full(x.shape, np.nan)
    y[249:] = np.sqrt(trailing_mean(x * x, 250))
    return y[::50]


def stalta(x, n):
    y = np.zeros(x.shape)
    y[4999:] = trailing_mean(x * x, 250)[4750:] / trailing_mean(x * x, 5000)
    return y[::50]


def largest(x, n):
    return np.abs(x).reshape(-1, n, x.shape[1]).max(axis=1)


def psd(x, n):
    return signal.welch(x, RATE, "hann", 1024, axis=0)[1]


def correlation(x, n):
    size, total = fft.next_fast_len(n + 2500, True), 0
    f = np.fft.rfftfreq(size, 1 / RATE)
    for w in x.reshape(-1, n, x.shape[1]):
        z = fft.rfft(w - w.mean(axis=0), size, axis=0)
        z *= ((f >= 1) & (f < 45))[:, None]
        z /= np.where(z == 0, 1, np.abs(z))
        total = total + z * z[:, :1].conj()
    r = fft.irfft(total, size, axis=0) / (len(x) // n)
    return np.concatenate([r[-2500:], r[:2501]])


@dataclass
class Row:
    name: str
    title: str
    chain: list                # as in a config, one operator a line; FILE_S: seconds of a file
    answer: object             # x, n -> y, see above; None: its peers give another answer, or there are none,
                               # and what it must give is held in tests/ops and tests/e2e alone
    peers: list                # (WORK, HOW) of peers.py
    data: str = "raw"
    files: int = 6
    edge_s: tuple = (0, 0)     # a peer that works file by file is wrong so long after a file's start,
                               # before its end
    peer_error: float = 1e-3   # of the peak; float32 recursions reach 1e-4
    error: float = 1e-6        # millrace: the promise
    flop: float = 0.0          # per input sample
    extra: tuple = ()          # peers that a user would hardly write; not in the ratio
    fft: dict = field(default_factory=dict)  # rate in limits.c -> points per input sample
    out: float = 0.0           # output samples per input sample
    cold: bool = False         # also with its files dropped from the page cache
    goal: tuple = ()           # times the fastest Python without start: what is wanted, what it has to reach at
                               # least on Intel and on AMD
    share_goal: tuple = ()     # the same of the machine's limit: wanted, at least
    beside: str = ""           # millrace's own time is told as a ratio to that row's


def forms(work, *hows):
    return [(work, how) for how in hows]


ALL = ("numpy-f64", "numpy-f32", "pool-f64", "pool-f32", "mpi-f32", "dask-f64", "dask-f32", "flow-f32")
BEST = ("numpy-f64", "pool-f32", "mpi-f32", "dask-f32", "flow-f32")
NEW = ("numpy-f32", "pool-f32", "dask-f32", "flow-f32")

REDUCE = ("numpy-f64", "numpy-f32", "pool-f32", "mpi-f32", "dask-f32", "flow-f32")
CELLS = ("numpy-f32", "pool-f32")

ZERO = ["bandpass: {band: 1..45 Hz, order: 4, phase: zero}", "decimate: {factor: 5}"]
CAUSAL = ["bandpass: {band: 1..45 Hz, order: 4, phase: causal}",
          "decimate: {factor: 5, phase: causal}"]
# 2 passes x 4 sections x 5 multiply-adds, 101 taps for every fifth sample
ZERO_COST = {"flop": 2 * 4 * 10 + 2 * 101 / 5, "out": 1 / 5, "edge_s": (6, 6)}
CAUSAL_COST = {"flop": 4 * 10 + 2 * 101 / 5, "out": 1 / 5}
CARRIED = forms("causal", "numpy-f64", "numpy-f32", "chan-f32")

ROWS = [
    Row("decimate", "zero-phase Butterworth 4, 1..45 Hz, decimate 5 (fir)", ZERO, decimate,
        forms("decimate", *ALL), files=12, cold=True, goal=(16, 9, 13), **ZERO_COST),
    Row("decimate-6", "the same, 6 files", ZERO, decimate, forms("decimate", *BEST), **ZERO_COST),
    Row("decimate-i16", "the same, int16 in chunks of 1000 x 250", ZERO, decimate,
        forms("decimate", *BEST), data="i16", goal=(16, 9, 13), **ZERO_COST),
    Row("decimate-gz", "the same, shuffle and deflate 4", ZERO, decimate,
        forms("decimate", *BEST), data="gz", **ZERO_COST),
    Row("decimate-wide", "the same, rows of 20,000 channels, 3 s a file", ZERO, decimate,
        forms("decimate", *BEST), data="wide", files=12, **ZERO_COST),
    Row("causal", "causal Butterworth 4, 1..45 Hz, causal decimate 5 (fir)", CAUSAL, causal, CARRIED,
        **CAUSAL_COST),
    Row("causal-i16", "the same, int16 in chunks of 1000 x 250", CAUSAL, causal,
        forms("causal", "numpy-f32", "chan-f32"), data="i16", **CAUSAL_COST),
    Row("rms", "moving rms of 0.5 s, every 50th", ["rms: {window: 0.5 s, step: 0.1 s}"], rms,
        forms("rms-cumsum", "numpy-f64", "pool-f64", "mpi-f64", "dask-f64", "flow-f64") +
        forms("rms-uniform", "pool-f32", "dask-f32"),
        edge_s=(0.5, 0), flop=2.0, out=1 / 50, goal=(26, 14, 18), extra=forms("rms-cells", *CELLS)),
    Row("stalta", "STA/LTA of 0.5 s and 10 s, every 50th",
        ["stalta: {sta: 0.5 s, lta: 10 s, step: 0.1 s}"], stalta,
        forms("stalta", "numpy-f64", "pool-f64", "mpi-f64", "dask-f64", "flow-f64"),
        edge_s=(10, 0), flop=3.0, out=1 / 50, goal=(26, 14, 18), extra=forms("stalta-cells", *CELLS)),
    Row("max", "read and reduce: largest magnitude of a channel in each file's time",
        ["stats: {interval: FILE_S s}"], largest, forms("max", *REDUCE), flop=1.0, cold=True,
        share_goal=(0.8, 0.6)),
    Row("max-gz", "the same, shuffle and deflate 4", ["stats: {interval: FILE_S s}"], largest,
        forms("max", *REDUCE), data="gz", flop=1.0, share_goal=(0.8, 0.75)),
    Row("psd", "Welch 1024, half overlapping, Hann, mean over the archive",
        ["psd: {segment: 1024, overlap: 50 %, window: hann, interval: all}"], psd,
        forms("psd", *REDUCE), fft={"fft1024_f64": 2.0},
        peer_error=0.5),  # no segments over the seams of files: other drift in the lowest bin, which is the peak
    Row("correlate", "channel 0 against all, windows of a file, whitened 1..45 Hz, +-5 s, stacked",
        ["correlate: {sources: [0], window: FILE_S s, max_lag: 5 s, whiten: 1..45 Hz, stack: all}"],
        correlation, forms("correlate", *REDUCE), fft={"fft32768_f64": 1.1}, error=1e-5,
        goal=(20, 8, 15)),
    Row("decimate-1k", "from 1 kHz: zero-phase Butterworth 4, 1..45 Hz, decimate 10 (fir)",
        ["bandpass: {band: 1..45 Hz, order: 4, phase: zero}", "decimate: {factor: 10}"], tenth,
        forms("tenth", *BEST), data="fast", files=6, edge_s=(6, 6), flop=2 * 4 * 10 + 2 * 201 / 10,
        out=1 / 10, goal=(30, 15, 15)),
    Row("decimate-100", "decimate 100 in two steps (fir), then zero-phase Butterworth 4, 0.01..1 Hz",
        ["decimate: {factor: 100}", "bandpass: {band: 0.01..1 Hz, order: 4, phase: zero}"], hundredth,
        forms("hundredth", "numpy-f64", "numpy-f32", "chan-f32"), files=12, flop=2 * 201 / 10 * 1.1, out=1 / 100,
        goal=(30, 15, 15)),
    Row("fk", "f-k fan, 500..6000 m/s, 1..45 Hz (the peer: a transform a file)",
        ["fk: {velocity: 500..6000 m/s, band: 1..45 Hz}"], None, forms("fan", "numpy-f32", "pool-f32", "mpi-f32"),
        out=1.0),
    Row("median", "median over 5 samples of 3 channels", ["median: {time: 5, channel: 3}"], None,
        forms("middle", "numpy-f32", "pool-f32"), files=2, out=1.0),
    Row("rolling", "standard deviation over 0.5 s, every 50th", ["rolling: {window: 0.5 s, step: 0.1 s, kind: std}"],
        deviation, forms("deviation", "numpy-f64", "pool-f64", "dask-f64", "flow-f64"), edge_s=(0.5, 0), flop=4.0,
        out=1 / 50),
    Row("spectrogram", "500 samples side by side, Hann, densities of each second",
        ["spectrogram: {segment: 500, step: 1 s}"], spectrogram, forms("spectrogram", *NEW),
        fft={"fft1024_f64": 1.0}, out=0.5),
    Row("common", "causal Butterworth 4, 1..45 Hz, then the mean of all channels taken off",
        ["bandpass: {band: 1..45 Hz, order: 4, phase: causal}", "common_mode: {kind: mean}"], None, [], flop=44.0,
        out=1.0),
    Row("events", "STA/LTA, triggers, coincidence of three channels within 200 m",
        ["stalta: {sta: 0.5 s, lta: 10 s, step: 0.1 s}", "trigger: {on: 4, off: 1.5, max_length: 10 s}",
         "coincidence: {channels: 3, within: 200 m}"], None, [], beside="stalta", flop=3.0),
]
