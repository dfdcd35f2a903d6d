"""The table of workloads. A new one: a function for its right answer, and a row.

A row names its data, millrace's chain, the Python programs that do the same (peers.py), the answer
in float64 by scipy for some channels of the whole archive at once, and what the work must at least
move and compute for each input sample, which gives the share of the machine's limits.
"""
from dataclasses import dataclass, field

import numpy as np
from scipy import signal

RATE = 500.0
SOS = signal.butter(4, [1.0, 45.0], "bandpass", fs=RATE, output="sos")

# --- data: options of `millrace synth`; made once under data/bench
FORMS = {
    "raw": "--file-length 60s --channels 1000",
    "i16": "--file-length 60s --channels 1000 --dtype int16 --chunk 1000,250",
    "gz": "--file-length 60s --channels 1000 --chunk 1000,100 --shuffle --deflate 4",
    "wide": "--file-length 3s --channels 20000",
}
QUICK_FORMS = {
    "raw": "--file-length 20s --channels 500",
    "i16": "--file-length 20s --channels 500 --dtype int16 --chunk 1000,250",
    "gz": "--file-length 20s --channels 500 --chunk 1000,100 --shuffle --deflate 4",
    "wide": "--file-length 1s --channels 10000",
}
STORED_BYTES = {"raw": 4, "i16": 2, "gz": 1.6, "wide": 4}  # of a sample, about


# --- right answers: x float64 [time][channel] of the whole archive -> y

def decimate(x):
    return signal.decimate(signal.sosfiltfilt(SOS, x, axis=0), 5, ftype="fir", axis=0)


def causal(x):
    y = signal.sosfilt(SOS, x, axis=0)
    return signal.lfilter(signal.firwin(101, 0.2), 1.0, y, axis=0)[::5]


def rms(x, n=250, step=50):
    total = np.concatenate([np.zeros((1, x.shape[1])), np.cumsum(x * x, axis=0)])
    y = np.full((len(x), x.shape[1]), np.nan)
    y[n - 1:] = np.sqrt((total[n:] - total[:-n]) / n)
    return y[::step]


@dataclass
class Row:
    name: str
    title: str
    chain: list                # as in a config, one operator a line
    answer: object             # x -> y, see above
    peers: list                # (WORK, HOW) of peers.py
    data: str = "raw"
    files: int = 6
    edge_s: float = 0.0        # a peer that works file by file is wrong so near to a file's ends
    peer_error: float = 1e-3   # of the peak; float32 recursions reach 1e-4
    error: float = 1e-6        # millrace: the promise
    flop: float = 0.0          # per input sample
    fft: dict = field(default_factory=dict)  # rate in limits.c -> points per input sample
    out: float = 0.0           # output samples per input sample


def forms(work, *hows):
    return [(work, how) for how in hows]


ALL = ("numpy-f64", "numpy-f32", "pool-f64", "pool-f32", "mpi-f32", "dask-f64", "dask-f32")
BEST = ("numpy-f64", "pool-f32", "mpi-f32", "dask-f32")

ZERO = ["bandpass: {band: 1..45 Hz, order: 4, phase: zero}", "decimate: {factor: 5}"]
CAUSAL = ["bandpass: {band: 1..45 Hz, order: 4, phase: causal}",
          "decimate: {factor: 5, phase: causal}"]
# 2 passes x 4 sections x 5 multiply-adds, 101 taps for every fifth sample
ZERO_COST = {"flop": 2 * 4 * 10 + 2 * 101 / 5, "out": 1 / 5, "edge_s": 6.0}
CAUSAL_COST = {"flop": 4 * 10 + 2 * 101 / 5, "out": 1 / 5}
CARRIED = forms("causal", "numpy-f64", "numpy-f32", "chan-f32")

ROWS = [
    Row("decimate", "zero-phase Butterworth 4, 1..45 Hz, decimate 5 (fir)", ZERO, decimate,
        forms("decimate", *ALL), files=12, **ZERO_COST),
    Row("decimate-6", "the same, 6 files", ZERO, decimate, forms("decimate", *BEST), **ZERO_COST),
    Row("decimate-i16", "the same, int16 in chunks of 1000 x 250", ZERO, decimate,
        forms("decimate", *BEST), data="i16", **ZERO_COST),
    Row("decimate-gz", "the same, shuffle and deflate 4", ZERO, decimate,
        forms("decimate", *BEST), data="gz", **ZERO_COST),
    Row("decimate-wide", "the same, rows of 20,000 channels, 3 s a file", ZERO, decimate,
        forms("decimate", *BEST), data="wide", files=12, **ZERO_COST),
    Row("causal", "causal Butterworth 4, 1..45 Hz, causal decimate 5 (fir)", CAUSAL, causal, CARRIED,
        **CAUSAL_COST),
    Row("causal-i16", "the same, int16 in chunks of 1000 x 250", CAUSAL, causal,
        forms("causal", "numpy-f32", "chan-f32"), data="i16", **CAUSAL_COST),
    Row("rms", "moving rms of 0.5 s, every 50th", ["rms: {window: 0.5 s, step: 0.1 s}"], rms,
        forms("rms-cumsum", "numpy-f64", "pool-f64", "mpi-f64", "dask-f64") +
        forms("rms-uniform", "pool-f32", "dask-f32"),
        edge_s=0.5, flop=2.0, out=1 / 50),
]
