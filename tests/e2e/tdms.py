"""Writes TDMS by its description: bytes of segments, of whose samples x[time][channel] a test knows all."""
import struct
from fractions import Fraction

import numpy as np

TYPES = {"i1": 1, "i2": 2, "i4": 3, "i8": 4, "u1": 5, "u2": 6, "u4": 7, "u8": 8, "f4": 9, "f8": 10}
SINCE_1904 = 24107 * 86400  # s
META, NEW_LIST, RAW, INTERLEAVED, BIG, DAQMX = 2, 4, 8, 32, 64, 128
AS_BEFORE, NO_SAMPLES = 0, 0xFFFFFFFF


class Time(int):
    """ns since 1970, to be stored as a time"""


def words(e, s):
    return struct.pack(e + "I", len(s.encode())) + s.encode()


def stamp(e, ns):
    s, rest = divmod(int(ns), 10 ** 9)
    fraction = int(Fraction(rest * 2 ** 64, 10 ** 9))
    return struct.pack("<Qq", fraction, s + SINCE_1904) if e == "<" else struct.pack(">qQ", s + SINCE_1904, fraction)


def prop(e, name, v):
    if isinstance(v, Time):
        return words(e, name) + struct.pack(e + "I", 0x44) + stamp(e, v)
    if isinstance(v, str):
        return words(e, name) + struct.pack(e + "I", 0x20) + words(e, v)
    if isinstance(v, bool):
        return words(e, name) + struct.pack(e + "I?", 0x21, v)
    return words(e, name) + (struct.pack(e + "Ii", 3, v) if isinstance(v, int) else struct.pack(e + "Id", 10, v))


def thing(e, path, index=NO_SAMPLES, props=None):
    """An object: index is NO_SAMPLES, AS_BEFORE or (type, rows)."""
    i = struct.pack(e + "I", index) if isinstance(index, int) else struct.pack(e + "IIIQ", 20, index[0], 1, index[1])
    props = props or {}
    return words(e, path) + i + struct.pack(e + "I", len(props)) + b"".join(prop(e, k, v) for k, v in props.items())


def segment(x, root=None, channel=None, interleaved=True, rows=None, e=None, meta="full", next_=None, raw_at=None,
            mask=0, names=None, group="Measurement"):
    """One segment of samples. rows: of a chunk, where channels lie one behind the other; meta: full, again (same
    as before), none; next_, raw_at: what the lead-in tells, where it lies."""
    e = e or x.dtype.str[0].replace("|", "<")
    nt, nc = x.shape
    rows = rows or nt
    kind = TYPES[x.dtype.str[1:]]
    body = b""
    if meta != "none":
        at = [(kind, rows) if meta == "full" else AS_BEFORE] * nc
        things = [thing(e, "/", props=root)] + [thing(e, f"/'{group}'")]
        things += [thing(e, f"/'{group}'/'{n}'", i, channel) for n, i in zip(names or range(nc), at)]
        body = struct.pack(e + "I", len(things)) + b"".join(things)
    x = x.astype(e + x.dtype.str[1:])
    raw = x.tobytes() if interleaved else b"".join(x[a:a + rows].T.tobytes() for a in range(0, nt, rows))
    toc = RAW | mask | (INTERLEAVED if interleaved else 0) | (BIG if e == ">" else 0)
    toc |= {"full": META | NEW_LIST, "again": META, "none": 0}[meta]
    told = len(body) + len(raw) if next_ is None else next_
    return b"TDSm" + struct.pack("<I", toc) + struct.pack(e + "IQQ", 4713, told, len(body) if raw_at is None else raw_at) \
        + body + raw


def idas(t0_ns, rate=500.0, **more):
    """Properties of the root, as an iDAS writes them: a count is 116e-9 rate / (10 x 8192) strain a second."""
    root = {"name": "made up", "SamplingFrequency[Hz]": float(rate), "SpatialResolution[m]": 2.0, "MeasureLength[m]": 64,
            "Continuous Mode": True, "Start Distance (m)": -0.5, "Fibre Length Multiplier": 1.02,
            "Precise Sampling Frequency (Hz)": 16.0 * rate, "Time Decimation": 16, "Unit Calibration (nm)": 116.0,
            "GaugeLength": 10.0, "GPSTimeStamp": Time(t0_ns), "CPUTimeStamp": Time(t0_ns + 250_000_000)}
    root.update(more)
    return {k: v for k, v in root.items() if v is not None}


def scale(rate):
    return 116e-9 * rate / (10 * 8192)


def counts(nt, nc, seed=5, dtype="<i2"):
    return np.round(1000 * np.random.default_rng(seed).standard_normal((nt, nc))).astype(dtype)
