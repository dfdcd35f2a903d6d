"""Whether a program's output is the row's answer: 16 channels of it, against scipy in float64."""
from pathlib import Path

import h5py
import numpy as np
from data import file_seconds

CHANNELS = 16


def picked(nc):
    return np.unique(np.linspace(0, nc - 1, CHANNELS).astype(int))


def samples(files):
    """The picked channels of the whole archive in float64, the length of each file, and how many
    samples there are in all channels."""
    parts, n = [], 0
    for path in files:
        with h5py.File(path) as h:
            d = h["/Acquisition/Raw[0]/RawData"]
            n += int(d.size)
            parts.append(d[()][:, picked(d.shape[1])].astype("f8"))
    return np.concatenate(parts), [len(p) for p in parts], n


def array_of(h):
    """The one two-dimensional dataset of a file."""
    return next(h[k] for k in sorted(h) if isinstance(h[k], h5py.Dataset) and h[k].ndim >= 2)


def of_millrace(folder):
    merged = Path(folder) / "result.h5"  # where lanes hold sums
    if merged.exists():
        with h5py.File(merged) as h:
            y = max((h[k][()] for k in h if isinstance(h[k], h5py.Dataset)), key=np.size)
        return y.reshape(-1, y.shape[-1])[:, picked(y.shape[-1])]
    strips = {}  # of channels, by the start in the name
    for path in sorted(Path(folder).glob("lanes/*/*.h5")):
        with h5py.File(path) as h:
            strips.setdefault(path.name.split("_")[0], []).append(array_of(h)[()])
    whole = [np.concatenate(v, axis=-1) for _, v in sorted(strips.items())]
    return np.concatenate([y[..., picked(y.shape[-1])] for y in whole])


def of_peer(folder):
    halves = {}
    for path in sorted(Path(folder).glob("*.h5")):
        with h5py.File(path) as h:
            halves.setdefault(path.stem.split("_")[0], []).append(h["data"][()])
    whole = [np.concatenate(v, axis=-1) for _, v in sorted(halves.items())]
    return np.concatenate([y[..., picked(y.shape[-1])] for y in whole])


def error(got, ref):
    """The largest difference as a share of the answer's peak; inf where the shapes or the missing
    values are others."""
    if got.shape != ref.shape or not np.array_equal(np.isnan(got), np.isnan(ref)):
        return float("inf")
    return float(np.nanmax(np.abs(got - ref)) / np.nanmax(np.abs(ref)))


class Answer:
    """One row's right answer on these files."""

    def __init__(self, row, files):
        x, lengths, self.n_samples = samples(files)
        if not row.answer:
            return
        self.ref = row.answer(x, lengths[0])
        rate = lengths[0] / float(file_seconds(row.data, self.quick(files)))
        after, before = (s * rate for s in row.edge_s)
        self.inner = np.ones(len(self.ref), bool)
        if after or before:
            at = np.arange(len(self.ref)) * (len(x) / len(self.ref))
            for t in np.cumsum([0, *lengths]):
                self.inner &= (at < t - before) | (at >= t + after)
        if not self.inner.any():  # files shorter than that: hold it against the same, file by file
            cut = np.split(x, np.cumsum(lengths)[:-1])
            self.by_file = np.concatenate([row.answer(p, lengths[0]) for p in cut])
        else:
            self.by_file = None

    @staticmethod
    def quick(files):
        return files[0].parent.name.startswith("quick_")

    def of_millrace(self, folder):
        return error(of_millrace(folder), self.ref)

    def of_peer(self, folder):
        got = of_peer(folder)
        if self.by_file is not None:
            return error(got, self.by_file)
        if got.shape != self.ref.shape:
            return float("inf")
        return error(got[self.inner], self.ref[self.inner])
