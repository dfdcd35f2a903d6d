"""The programs a user of numpy, scipy and h5py would write for the same work; one process start to
closed output. run.py times them.

usage: peers.py WORK HOW OUT FILE...
  HOW   numpy-f64 numpy-f32   one process
        pool-f64 pool-f32     multiprocessing.Pool over the files (PEER_CORES processes)
        chan-f32              the same over halves of the channels, for work that runs on from file to file
        mpi-f32               mpi4py ranks, each its share of the files; launched by mpirun
        dask-f64 dask-f32     dask threads over blocks of 250 channels, file after file
        flow-f32              dask threads with files in flight: one graph over all files, each read in whole
                              rows, computed in blocks of 250 channels and written when it is whole

Without a FILE: start, import what the work needs, make the workers, end. That is what a start costs.

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


def sections(dtype, rate=RATE):
    from scipy.signal import butter
    return butter(4, [1.0, 45.0], "bandpass", fs=rate, output="sos").astype(dtype)


# --- one file's work: x[time][channel] -> y

def decimate(x, dtype, rate=RATE, factor=5):
    """Zero phase bandpass, anti-alias FIR, every fifth sample."""
    from scipy import signal
    y = signal.sosfiltfilt(sections(dtype, rate), x, axis=0)
    return signal.decimate(y, factor, ftype="fir", axis=0).astype("f4", copy=False)


def fan(x, dtype):
    """f-k: two-dimensional transform of the file, 1..45 Hz and 500..6000 m/s pass, edges of a fifth, back."""
    from scipy.fft import irfft2, next_fast_len, rfft2
    nt, nc = x.shape
    size = next_fast_len(nc), next_fast_len(nt, True)  # of the axes (1, 0): half of the frequencies, all wavenumbers
    z = rfft2(x.astype(dtype, copy=False), size, axes=(1, 0))
    f = np.fft.rfftfreq(size[1], 1 / RATE)[:, None]
    k = np.abs(np.fft.fftfreq(size[0], 10.0))[None, :]
    slow = np.divide(k, f, out=np.full((len(f), size[0]), np.inf), where=f > 0)

    def rise(v, a, b):
        return np.sin(np.clip((v - a) / (b - a), 0, 1) * np.pi / 2)

    mask = rise(f, 0.8, 1.0) * rise(f, 54, 45) * rise(slow, 0.8 / 6000, 1 / 6000) * rise(slow, 1.2 / 500, 1 / 500)
    z *= mask.astype(dtype)
    return irfft2(z, size, axes=(1, 0))[:nt, :nc].astype("f4", copy=False)


def middle(x, dtype):
    """Median over 5 samples of 3 channels."""
    from scipy.ndimage import median_filter
    return median_filter(x, (5, 3), mode="reflect").astype("f4", copy=False)


def deviation(x, dtype):
    """Standard deviation over the last 0.5 s, every 50th sample, by running sums in float64."""
    n, step = 250, 50
    x = x.astype("f8", copy=False)
    at = np.arange(0, len(x), step) + 1
    full = at >= n
    m = []
    for v in (x, x * x):
        total = np.concatenate([np.zeros((1, x.shape[1])), np.cumsum(v, axis=0)])
        m.append((total[at[full]] - total[at[full] - n]) / n)
    y = np.full((len(at), x.shape[1]), np.nan, "f4")
    y[full] = np.sqrt(np.maximum(m[1] - m[0] ** 2, 0))
    return y


def spectrogram(x, dtype):
    """Power spectral densities of 500 samples, side by side: [window][frequency][channel]."""
    from scipy.signal import spectrogram as of
    _, _, y = of(x.astype(dtype, copy=False), RATE, "hann", 500, 0, detrend="constant", axis=0)
    return np.ascontiguousarray(y.transpose(2, 0, 1), "f4")


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


class Cascade:
    """Every hundredth sample by two FIRs of ten, 0.01..1 Hz of what is left, zero phase: the first half carries
    its tails from file to file, the second runs once over all there is."""

    def __init__(self, dtype):
        from scipy.signal import firwin
        self.h = firwin(201, 0.1).astype(dtype)
        self.tails, self.kept = [None, None], []

    def tenth(self, i, x):
        """Outputs whose taps are all there, centred: the first file begins with 100 zeros."""
        from scipy.signal import upfirdn
        before = self.tails[i] if self.tails[i] is not None else np.zeros((100, x.shape[1]), x.dtype)
        x = np.concatenate([before, x])
        n = max(0, (len(x) - 201) // 10 + 1)
        self.tails[i] = x[10 * n:].copy()
        return upfirdn(self.h, x, 1, 10, axis=0)[20:20 + n]

    def __call__(self, x, dtype):
        self.kept.append(self.tenth(1, self.tenth(0, x)))

    def end(self):
        from scipy.signal import butter, sosfiltfilt
        for i in (0, 1):  # what was held back for samples that do not come
            zeros = np.zeros((100, self.kept[0].shape[1]), self.kept[0].dtype)
            y = self.tenth(i, zeros)
            self.kept.append(self.tenth(1, y) if i == 0 else y)
        y = np.concatenate(self.kept).astype("f8")
        return sosfiltfilt(butter(4, [0.01, 1], "bandpass", fs=RATE / 100, output="sos"), y, axis=0).astype("f4")


WORKS = {  # name: what is done to a file; how shares are summed (None: a file out for each); the end
    "decimate": (decimate, None, None),
    "tenth": (partial(decimate, rate=1000.0, factor=10), None, None),
    "hundredth": (Cascade, None, None),
    "fan": (fan, None, None),
    "middle": (middle, None, None),
    "deviation": (deviation, None, None),
    "spectrogram": (spectrogram, None, None),
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


CARRIED = ("causal", "hundredth")


def imports():
    """What the works import, before workers are made."""
    import scipy.fft, scipy.ndimage, scipy.signal  # noqa: E401,F401


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
    if total is None or not files:
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
    if work in CARRIED:
        carried(work, files, out, dtype, slice(None), "")
    else:
        do = partial(one, work=work, dtype=dtype, out=out)
        end(work, summed(work, map(do, enumerate(files))), out, files)


def carried(work, files, out, dtype, channels, name):
    step, nothing = WORKS[work][0](dtype), True
    for i, path in enumerate(files):
        y = step(read(path, dtype, channels), dtype)
        if y is not None:
            write(out / f"{i:04d}{name}.h5", y)
        nothing = False
    if hasattr(step, "end") and not nothing:
        write(out / f"0000{name}.h5", step.end())


def pool(work, dtype, out, files):
    from multiprocessing import Pool
    with Pool(CORES) as p:
        do = partial(one, work=work, dtype=dtype, out=out)
        end(work, summed(work, p.imap(do, enumerate(files))), out, files)
        p.close()
        p.join()


def chan(work, dtype, out, files):
    from multiprocessing import Pool
    nc = 0
    if files:
        with h5py.File(files[0]) as h:
            nc = h[DATA].shape[1]
    cut = [nc * k // CORES for k in range(CORES + 1)]
    with Pool(CORES) as p:
        p.starmap(carried, [(work, files, out, dtype, slice(cut[k], cut[k + 1]), f"_{k}")
                            for k in range(CORES)])


def mpi(work, dtype, out, files):
    from mpi4py import MPI
    comm = MPI.COMM_WORLD
    do = partial(one, work=work, dtype=dtype, out=out)
    mine = list(enumerate(files))[comm.rank::comm.size]
    total = summed(work, map(do, mine))
    if total is None or not files:
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
        y = np.concatenate(d.compute(*parts, scheduler="threads", num_workers=CORES), axis=-1)
        if add is None:
            write(out / f"{i:04d}.h5", y)
        else:
            total = y if total is None else add(total, y, out=total)
    end(work, total, out, files)


def flow(work, dtype, out, files):
    """Whole rows, files in flight. The scheduler goes through the graph depth first, so that few files are in
    memory at once."""
    import dask as d
    part, add, _ = WORKS[work]

    @d.delayed
    def whole(path):
        return read(path, dtype)

    @d.delayed
    def block(x, a):
        if work != "correlate":
            return part(np.ascontiguousarray(x[:, a:a + 250]), dtype)
        return part(np.concatenate([x[:, :1], x[:, a:a + 250]], axis=1), dtype)[:, 1:]

    @d.delayed
    def joined(i, *parts):
        y = np.concatenate(parts, axis=-1)
        if add is not None:
            return y
        write(out / f"{i:04d}.h5", y)
        return None

    @d.delayed
    def both(a, b):
        return add(a, b)

    todo = []
    for i, path in enumerate(files):
        with h5py.File(path) as h:
            nc = h[DATA].shape[1]
        x = whole(path)
        y = joined(i, *[block(x, a) for a in range(0, nc, 250)])
        todo.append(both(todo.pop(), y) if add is not None and todo else y)
    done = d.compute(*todo, scheduler="threads", num_workers=CORES)
    end(work, done[0] if done and add is not None else None, out, files)


def main():
    work, how, out, files = sys.argv[1], sys.argv[2], Path(sys.argv[3]), sys.argv[4:]
    form, dtype = how.split("-")
    out.mkdir(parents=True, exist_ok=True)
    imports()
    {"numpy": serial, "pool": pool, "chan": chan, "mpi": mpi, "dask": dask,
     "flow": flow}[form](
        work, dtype.replace("f64", "f8").replace("f32", "f4"), out, files)


if __name__ == "__main__":
    main()
