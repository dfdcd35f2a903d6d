"""The programs a user of numpy, scipy and h5py would write for the same work; one process start to
closed output. run.py times them.

usage: peers.py WORK HOW OUT FILE...
  HOW   numpy-f64 numpy-f32   one process
        pool-f64 pool-f32     multiprocessing.Pool over the files (PEER_CORES processes)
        chan-f32              the same over halves of the channels, for work that runs on from file to file
        mpi-f32               mpi4py ranks, each its share of the files; launched by mpirun
        dask-f64 dask-f32     dask threads over blocks of 250 channels

A work is a function from the samples of one file, [time][channel], to its output or its share of a
sum; add one to WORKS. Output: OUT/NNNN.h5 with a dataset `data` a file, or OUT/all.h5 for a sum.
"""
import os
import sys
from functools import partial
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import h5py  # noqa: E402
import numpy as np  # noqa: E402

DATA = "/Acquisition/Raw[0]/RawData"
RATE = 500.0
CORES = int(os.environ.get("PEER_CORES", "2"))


def sections(dtype):
    from scipy.signal import butter
    return butter(4, [1.0, 45.0], "bandpass", fs=RATE, output="sos").astype(dtype)


# --- one file's work: x[time][channel] -> y

def decimate(x, dtype):
    """Zero phase bandpass, anti-alias FIR, every fifth sample."""
    from scipy import signal
    y = signal.sosfiltfilt(sections(dtype), x, axis=0)
    return signal.decimate(y, 5, ftype="fir", axis=0).astype("f4", copy=False)


def rms_cumsum(x, dtype):
    """Trailing 0.5 s, every 50th sample, by differences of a running sum in float64."""
    n, step = 250, 50
    total = np.cumsum(np.square(x, dtype="f8"), axis=0)
    total = np.concatenate([np.zeros((1, x.shape[1])), total])
    at = np.arange(0, len(x), step) + 1
    y = np.full((len(at), x.shape[1]), np.nan, "f4")
    full = at >= n
    y[full] = np.sqrt(np.maximum(total[at[full]] - total[at[full] - n], 0) / n)
    return y


def rms_uniform(x, dtype):
    """The same by scipy's running mean."""
    from scipy.ndimage import uniform_filter1d
    n, step = 250, 50
    mean = uniform_filter1d(np.square(x, dtype=dtype), n, axis=0, origin=n // 2 - 1)
    y = np.sqrt(np.maximum(mean[::step], 0)).astype("f4", copy=False)
    y[:-(-(n - 1) // step)] = np.nan
    return y


def stalta(x, dtype):
    """Means of squares over the last 0.5 s and 10 s, their ratio, every 50th sample."""
    short, long, step = 250, 5000, 50
    total = np.cumsum(np.square(x, dtype="f8"), axis=0)
    total = np.concatenate([np.zeros((1, x.shape[1])), total])
    at = np.arange(0, len(x), step) + 1
    y = np.zeros((len(at), x.shape[1]), "f4")
    at = at[at >= long]
    s, m = total[at] - total[at - short], total[at] - total[at - long]
    y[len(y) - len(at):] = (s / short) / np.maximum(m / long, np.finfo("f8").tiny)
    return y


def last_cells(x, n, step=50):
    """Sums of squares over the last n samples at every 50th, out of sums over 50 samples: needs that
    both windows are multiples of the step. Of the sums that begin one sample late."""
    x = x[1:1 + (len(x) - 1) // step * step]
    cells = np.square(x).reshape(-1, step, x.shape[1]).sum(axis=1, dtype="f8")
    total = np.concatenate([np.zeros((1, x.shape[1])), np.cumsum(cells, axis=0)])
    k = n // step
    return total[k:] - total[:-k]


def rms_cells(x, dtype):
    """As rms_cumsum, by sums of 50."""
    s = np.sqrt(last_cells(x, 250) / 250)
    return np.concatenate([np.full((5, x.shape[1]), np.nan, "f4"), s.astype("f4")])


def stalta_cells(x, dtype):
    """As stalta, by sums of 50."""
    ratio = (last_cells(x, 250)[95:] / 250) / np.maximum(last_cells(x, 5000) / 5000, 1e-300)
    return np.concatenate([np.zeros((100, x.shape[1]), "f4"), ratio.astype("f4")])


def peak(x, dtype):
    """Largest magnitude of each channel."""
    return np.abs(x).max(axis=0)[None].astype("f4", copy=False)


def psd(x, dtype):
    """Welch's segments of 1024, half overlapping, summed: [frequency][channel] and their count."""
    from scipy.signal import welch
    _, p = welch(x.astype(dtype, copy=False), RATE, "hann", 1024, axis=0)
    return p * ((len(x) - 512) // 512)


LAG = 2500


def correlate(x, dtype):
    """Whitened spectra of one window (a file), times the conjugate of channel 0's; padded so that lags
    up to 5 s do not wrap around."""
    from scipy.fft import next_fast_len, rfft
    n = next_fast_len(len(x) + LAG, True)
    z = rfft(x - x.mean(axis=0, dtype=dtype), n, axis=0)
    f = np.fft.rfftfreq(n, 1 / RATE)
    z[(f < 1) | (f >= 45)] = 0
    size = np.abs(z)
    z /= np.where(size > 0, size, 1)
    return z * z[:, :1].conj()


def correlate_end(total, n_files, nt):
    from scipy.fft import irfft, next_fast_len
    r = irfft(total, next_fast_len(nt + LAG, True), axis=0) / n_files
    return np.concatenate([r[-LAG:], r[:LAG + 1]])


# --- work that carries its state from file to file

class Causal:
    """Bandpass and FIR that only look back, every fifth sample."""

    def __init__(self, dtype):
        from scipy.signal import firwin
        self.sos, self.z, self.tail = sections(dtype), None, None
        self.h = firwin(101, 0.2).astype(dtype)

    def __call__(self, x, dtype):
        from scipy.signal import sosfilt, upfirdn
        if self.z is None:
            self.z = np.zeros((len(self.sos), 2, x.shape[1]), dtype)
            self.tail = np.zeros((100, x.shape[1]), dtype)
        y, self.z = sosfilt(self.sos, x, axis=0, zi=self.z)
        y = np.concatenate([self.tail, y])
        self.tail = y[-100:]
        return upfirdn(self.h, y, 1, 5, axis=0)[20:20 + len(x) // 5].astype("f4", copy=False)


WORKS = {  # name: what is done to a file; how shares are summed (None: a file out for each); the end
    "decimate": (decimate, None, None),
    "rms-cumsum": (rms_cumsum, None, None),
    "rms-uniform": (rms_uniform, None, None),
    "stalta": (stalta, None, None),
    "rms-cells": (rms_cells, None, None),
    "stalta-cells": (stalta_cells, None, None),
    "max": (peak, None, None),
    "psd": (psd, np.add, lambda total, n, nt: total / (n * ((nt - 512) // 512))),
    "correlate": (correlate, np.add, correlate_end),
    "causal": (Causal, None, None),
}


# --- reading and writing

def read(path, dtype, channels=slice(None)):
    with h5py.File(path) as h:
        return h[DATA][:, channels].astype(dtype, copy=False)


def write(path, y):
    with h5py.File(path, "w") as h:
        h.create_dataset("data", data=y)


def one(job, work, dtype, out):
    """A file: its share of the sum, or None when it is written."""
    i, path = job
    part, add, _ = WORKS[work]
    y = part(read(path, dtype), dtype)
    if add is not None:
        return y
    write(out / f"{i:04d}.h5", y)
    return None


def end(work, total, out, files):
    if total is None:
        return
    last = WORKS[work][2]
    if last:
        with h5py.File(files[0]) as h:
            total = last(total, len(files), h[DATA].shape[0])
    write(out / "all.h5", np.asarray(total, "f4"))


def summed(work, shares):
    add, total = WORKS[work][1], None
    for y in shares:
        if add is not None:
            total = y if total is None else add(total, y, out=total)
    return total


# --- the forms

def serial(work, dtype, out, files):
    if work == "causal":
        carried(files, out, dtype, slice(None), "")
    else:
        do = partial(one, work=work, dtype=dtype, out=out)
        end(work, summed(work, map(do, enumerate(files))), out, files)


def carried(files, out, dtype, channels, name):
    step = Causal(dtype)
    for i, path in enumerate(files):
        write(out / f"{i:04d}{name}.h5", step(read(path, dtype, channels), dtype))


def pool(work, dtype, out, files):
    from multiprocessing import Pool
    with Pool(CORES) as p:
        do = partial(one, work=work, dtype=dtype, out=out)
        end(work, summed(work, p.imap(do, enumerate(files))), out, files)
        p.close()
        p.join()


def chan(work, dtype, out, files):
    from multiprocessing import Pool
    with h5py.File(files[0]) as h:
        nc = h[DATA].shape[1]
    cut = [nc * k // CORES for k in range(CORES + 1)]
    with Pool(CORES) as p:
        p.starmap(carried, [(files, out, dtype, slice(cut[k], cut[k + 1]), f"_{k}")
                            for k in range(CORES)])


def mpi(work, dtype, out, files):
    from mpi4py import MPI
    comm = MPI.COMM_WORLD
    do = partial(one, work=work, dtype=dtype, out=out)
    mine = list(enumerate(files))[comm.rank::comm.size]
    total = summed(work, map(do, mine))
    if total is None:
        return
    total = np.ascontiguousarray(total)
    whole = np.empty_like(total) if comm.rank == 0 else None
    comm.Reduce(total, whole, op=MPI.SUM)
    if comm.rank == 0:
        end(work, whole, out, files)


def dask(work, dtype, out, files):
    import dask as d
    part, add, _ = WORKS[work]
    total = None
    for i, path in enumerate(files):
        with h5py.File(path) as h:
            nc = h[DATA].shape[1]

        def block(a, path=path, nc=nc):
            return part(read(path, dtype, slice(a, min(a + 250, nc))), dtype)

        if work == "correlate":  # every block needs the source's spectrum
            x = read(path, dtype)
            source = x[:, :1]

            def block(a, x=x, source=source):
                y = part(np.concatenate([source, x[:, a:a + 250]], axis=1), dtype)
                return y[:, 1:]

        parts = [d.delayed(block)(a) for a in range(0, nc, 250)]
        y = np.concatenate(d.compute(*parts, scheduler="threads", num_workers=CORES), axis=1)
        if add is None:
            write(out / f"{i:04d}.h5", y)
        else:
            total = y if total is None else add(total, y, out=total)
    end(work, total, out, files)


def main():
    work, how, out, files = sys.argv[1], sys.argv[2], Path(sys.argv[3]), sys.argv[4:]
    form, dtype = how.split("-")
    out.mkdir(parents=True, exist_ok=True)
    {"numpy": serial, "pool": pool, "chan": chan, "mpi": mpi, "dask": dask}[form](
        work, dtype.replace("f64", "f8").replace("f32", "f4"), out, files)


if __name__ == "__main__":
    main()
