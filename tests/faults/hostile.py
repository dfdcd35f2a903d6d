"""Input that means harm or knows no better, made by h5py: each case is a function that writes one file
and says what must become of it: "used" with exactly these samples, "refused" with a word of the reason,
"lost" (used, but for listed chunks that become NaN), "parted" (used, as two recordings), "odd" (refused, or used with a note), or "any"
(nothing is known but that it may do no harm)."""
import os
import socket
import struct
import zlib

import h5py
import numpy as np

import rig

NT, NC, RATE = 1000, 8, 100
SLOT_S = 600
RAW = "Acquisition/Raw[0]/RawData"
TIME = "Acquisition/Raw[0]/RawDataTime"
CASES = []


def case(want, word=""):
    """Registers make(path, t0_ns) -> expected samples or None."""
    def add(make):
        CASES.append((make.__name__, make, want, word))
        return make
    return add


def put(name, make, want, word=""):
    CASES.append((name, make, want, word))


def samples(seed=3, nt=NT, nc=NC):
    return np.round(rig.noise(nt, nc, seed))


def plain(p, t, data=None, **how):
    data = samples() if data is None else data
    rig.prodml(p, data, t, RATE, **how)
    return data.astype("f4")


def latest_plain(p, t, **how):
    """The same in the newest format."""
    old = h5py.File
    try:
        rig.h5py.File = lambda *a, **k: old(*a, **dict(k, libver="latest"))
        return plain(p, t, samples(7), **how)
    finally:
        rig.h5py.File = old


def edited(edit, want="refused", word="", name=None, **how):
    """A plain file that edit(h5py file, t0) changes afterwards; what edit returns are the samples."""
    def make(p, t):
        data = plain(p, t, **how)
        with h5py.File(p, "r+") as h:
            got = edit(h, t)
        return data if got is None else got
    put(name or edit.__name__, make, want, word)
    return edit


def swap(h, path, **how):
    """Delete an object and make a dataset of that name."""
    attrs = dict(h[path].attrs) if path in h else {}
    del h[path]
    d = h.create_dataset(path, **how)
    for k, v in attrs.items():
        d.attrs[k] = v
    return d


# --- sample types: whole numbers below 100, exact in all of them

for kind in ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"]:
    for order in "<>" if kind[1] != "1" else "<":
        def make(p, t, dtype=order + kind):
            return plain(p, t, np.abs(samples(5) % 100).astype(dtype))
        put("type_" + ("be_" if order == ">" else "") + kind, make, "used")
BAD_TYPES = {
    "compound": np.dtype([("re", "f4"), ("im", "f4")]), "string": "S8", "opaque": np.dtype("V8"),
    "array": np.dtype(("f4", (3,))), "vlen": h5py.vlen_dtype("f4"), "vlen_text": h5py.string_dtype(),
    "reference": h5py.ref_dtype, "region": h5py.regionref_dtype, "complex": "c8", "f16": np.longdouble}
for kind, dtype in BAD_TYPES.items():
    def other_type(h, t, dtype=dtype):
        swap(h, RAW, shape=(NT, NC), dtype=dtype)
    edited(other_type, name="type_" + kind)


@edited
def type_enum(h, t):
    swap(h, RAW, shape=(NT, NC), dtype=h5py.enum_dtype({"a": 0, "b": 1}, basetype="i4"))


@edited
def type_bitfield_of_three_bytes(h, t):
    del h[RAW]
    t3 = h5py.h5t.STD_I32LE.copy()
    t3.set_size(3)
    space = h5py.h5s.create_simple((NT, NC))
    h5py.h5d.create(h.id, RAW.encode(), t3, space)


@edited
def type_of_odd_precision(h, t):
    """12 of 16 bits: the n-bit kind of integer."""
    del h[RAW]
    t12 = h5py.h5t.STD_I16LE.copy()
    t12.set_precision(12)
    h5py.h5d.create(h.id, RAW.encode(), t12, h5py.h5s.create_simple((NT, NC)))


# --- ways to store that are fine

for name, how in {
        "chunks_odd": dict(chunks=(333, 3)), "chunks_one_row": dict(chunks=(1, NC)),
        "chunks_one_sample": dict(chunks=(50, 1)), "chunks_whole": dict(chunks=(NT, NC)),
        "gzip": dict(chunks=(100, NC), compression="gzip", compression_opts=9),
        "gzip_0": dict(chunks=(100, NC), compression="gzip", compression_opts=0),
        "shuffle": dict(chunks=(100, NC), shuffle=True), "fletcher": dict(chunks=(100, 5), fletcher32=True),
        "all_filters": dict(chunks=(64, 5), compression="gzip", shuffle=True, fletcher32=True),
        "growing": dict(chunks=(100, NC), maxshape=(None, NC)),
        "growing_both": dict(chunks=(100, 4), maxshape=(None, None), compression="gzip")}.items():
    def make(p, t, how=how):
        return plain(p, t, **how)
    put("store_" + name, make, "used")

    def latest(p, t, how=how):
        return latest_plain(p, t, **how)
    put("store_latest_" + name, latest, "used")


@case("used")
def store_channel_first(p, t):
    return plain(p, t, time_first=False)


@case("used")
def store_behind_a_user_block(p, t):
    plain(p, t)
    with h5py.File(p) as src, h5py.File(str(p) + ".u", "w", userblock_size=512) as dst:
        src.copy("Acquisition", dst)
    os.rename(str(p) + ".u", p)
    return samples().astype("f4")


@case("refused", "compact")
def store_compact(p, t):
    data = samples(8)[:200]
    plain(p, t, data)
    with h5py.File(p, "r+") as h:
        attrs = dict(h[RAW].attrs)
        del h[RAW]
        dcpl = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        dcpl.set_layout(h5py.h5d.COMPACT)
        d = h5py.h5d.create(h.id, RAW.encode(), h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((200, NC)), dcpl)
        h5py.Dataset(d)[...] = data
        for k, v in attrs.items():
            h5py.Dataset(d).attrs[k] = v
    return data.astype("f4")


# --- filters that need more than we have

for name, how in {"lzf": dict(compression="lzf"), "scaleoffset": dict(scaleoffset=2)}.items():
    def make(p, t, how=how):
        plain(p, t, chunks=(100, NC), **how)
    put("filter_" + name, make, "refused", "filter")


@edited
def filter_unknown(h, t):
    del h[RAW]
    dcpl = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    dcpl.set_chunk((100, NC))
    dcpl.set_filter(31999, h5py.h5z.FLAG_OPTIONAL, (1, 2, 3))
    h5py.h5d.create(h.id, RAW.encode(), h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((NT, NC)), dcpl)


@edited
def filter_nbit(h, t):
    del h[RAW]
    dcpl = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    dcpl.set_chunk((100, NC))
    dcpl.set_filter(h5py.h5z.FILTER_NBIT, h5py.h5z.FLAG_OPTIONAL, ())
    h5py.h5d.create(h.id, RAW.encode(), h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((NT, NC)), dcpl)


# --- shapes

for name, shape in {"no_rows": (0, NC), "no_channels": (NT, 0), "one_axis": (NT,), "three_axes": (10, NT, NC),
                    "scalar": (), "many_axes": (1,) * 32}.items():
    def shaped(h, t, shape=shape):
        swap(h, RAW, shape=shape, dtype="f4")
    edited(shaped, name="shape_" + name)


@edited
def shape_null(h, t):
    del h[RAW]
    h[RAW] = h5py.Empty("f4")


for name, shape in {"rows": (10 ** 12, NC), "channels": (NT, 10 ** 12), "both": (2 ** 40, 2 ** 40),
                    "product_wraps": (2 ** 62, 4)}.items():
    def huge(h, t, shape=shape):
        swap(h, RAW, shape=shape, dtype="f4", chunks=(10, 4))
    edited(huge, name="shape_huge_" + name)


@edited
def shape_huge_and_contiguous(h, t):
    swap(h, RAW, shape=(2 ** 40, NC), dtype="f4")


def shape_huge_chunk(h, t):
    swap(h, RAW, shape=(NT, NC), dtype="f4", chunks=(2 ** 26, NC), maxshape=(None, NC), compression="gzip")


edited(shape_huge_chunk, word="never written")


# --- links

@edited
def link_external(h, t):
    del h[RAW]
    h[RAW] = h5py.ExternalLink("/etc/hostname", "/x")


@edited
def link_external_on_the_way(h, t):
    del h["Acquisition/Raw[0]"]
    h["Acquisition/Raw[0]"] = h5py.ExternalLink("elsewhere.h5", "/Acquisition/Raw[0]")


@edited
def link_soft_loop(h, t):
    del h[RAW]
    h[RAW] = h5py.SoftLink("/" + RAW)


@edited
def link_soft_to_nothing(h, t):
    del h[RAW]
    h[RAW] = h5py.SoftLink("/nowhere")


@edited
def link_hard_cycle(h, t):
    del h[RAW]
    h[RAW] = h["Acquisition"]


def soft(h, t):
    h.move(RAW, "elsewhere")
    h[RAW] = h5py.SoftLink("/elsewhere")


edited(soft, "used", name="link_soft_inside")


@edited
def virtual_set(h, t):
    del h[RAW]
    lay = h5py.VirtualLayout((NT, NC), "f4")
    lay[:] = h5py.VirtualSource("/etc/hostname", "x", (NT, NC))
    h.create_virtual_dataset(RAW, lay)


@edited
def external_storage(h, t):
    del h[RAW]
    h.create_dataset(RAW, (20, NC), "f4", external=[("/etc/passwd", 0, 640)])


@edited
def samples_are_a_group(h, t):
    del h[RAW]
    h.create_group(RAW)


# --- time

def stamps(name, edit, want, word=""):
    def change(h, t):
        v = h[TIME][()]
        new = edit(v.copy(), t // 1000)
        swap(h, TIME, data=new)
    edited(change, want, word, name="time_" + name)


def backwards(v, t):
    return v[::-1]


stamps("backwards", backwards, "odd")
stamps("constant", lambda v, t: np.full_like(v, t), "odd")
stamps("all_zero", lambda v, t: np.zeros_like(v), "odd")
stamps("negative", lambda v, t: v - 4 * t, "odd")
stamps("beyond_range", lambda v, t: v + 2 ** 62, "odd")
stamps("extremes", lambda v, t: np.where(np.arange(len(v)) % 2, 2 ** 63 - 1, -2 ** 63).astype("i8"), "odd")
stamps("one_stamp", lambda v, t: v[:1], "odd")
stamps("none", lambda v, t: v[:0], "odd")
stamps("more_than_samples", lambda v, t: np.append(v, v + 10 ** 7), "odd")
stamps("hole_inside", lambda v, t: v + np.where(np.arange(len(v)) > 500, 60 * 10 ** 6, 0), "parted")
stamps("as_text", lambda v, t: np.array([str(x).encode() for x in v]), "odd")
stamps("nan", lambda v, t: np.full(len(v), np.nan), "odd")
stamps("infinite", lambda v, t: np.full(len(v), np.inf), "odd")
stamps("two_axes", lambda v, t: v.reshape(2, -1), "odd")
stamps("rate_off", lambda v, t: v[0] + (v - v[0]) * 101 // 100, "odd")


@edited
def time_missing(h, t):
    del h[TIME]


@edited
def time_is_a_group(h, t):
    del h[TIME]
    h.create_group(TIME)


# --- facts

FACTS = {"text": b"abc", "empty_text": b"", "nan": np.nan, "infinite": np.inf, "negative": -1.0, "zero": 0.0,
         "huge": 1e300, "tiny": 1e-300, "array": np.arange(1000.0), "empty": h5py.Empty("f8"),
         "int_min": np.int64(-2 ** 63), "long_text": b"9" * 60000, "format": b"%n%s%n%s", "shell": b"$(reboot)",
         "control": b"\x1b[2J\r\n\x00\x07", "latin1": b"\xe9\xff\xfe"}
for where, attr in [("Acquisition", "SpatialSamplingInterval"), ("Acquisition", "GaugeLength"),
                    ("Acquisition", "StartLocusIndex"), ("Acquisition/Raw[0]", "OutputDataRate"),
                    ("Acquisition/Raw[0]", "RawDataUnit"), (RAW, "Dimensions")]:
    for label, value in FACTS.items():
        def fact(h, t, where=where, attr=attr, value=value):
            if attr in h[where].attrs:
                del h[where].attrs[attr]
            value = np.bytes_(value) if isinstance(value, bytes) else value
            h[where].attrs[attr] = value
        edited(fact, "any", name=f"fact_{attr}_{label}")


@edited
def facts_all_gone(h, t):
    for o in ["Acquisition", "Acquisition/Raw[0]", RAW]:
        for a in list(h[o].attrs):
            del h[o].attrs[a]


def many_attributes(h, t):
    for k in range(3000):
        h["Acquisition"].attrs[f"a{k}"] = k


def many_groups(h, t):
    for k in range(3000):
        h.create_group(f"g{k}")


def deep_groups(h, t):
    g = h
    for _ in range(500):
        g = g.create_group("d")


edited(many_attributes, "any")
edited(many_groups, "any")
edited(deep_groups, "any")


# --- chunks

def chunk_at(p, k=2):
    with h5py.File(p) as h:
        info = h[RAW].id.get_chunk_info(k)
        return info.byte_offset, info.size, info.chunk_offset


def chunk_case(name, damage, want, **how):
    def make(p, t):
        data = plain(p, t, chunks=(100, NC), **how)
        at, size, row = chunk_at(p)
        raw = bytearray(p.read_bytes())
        lost = damage(raw, at, size)
        p.write_bytes(raw)
        if want == "lost" and lost is not False:
            data[row[0]:row[0] + 100] = np.nan
        return data
    put("chunk_" + name, make, want)


def flip(raw, at, size):
    raw[at + size // 2] ^= 16


def zero(raw, at, size):
    raw[at:at + size] = bytes(size)


def shorter(raw, at, size):
    """Inflates to 40 bytes."""
    z = zlib.compress(bytes(40), 9)
    raw[at:at + len(z)] = z


def longer(raw, at, size):
    """Inflates to a hundred times the chunk."""
    z = zlib.compress(bytes(100 * 100 * NC * 4), 9)
    assert len(z) <= size
    raw[at:at + len(z)] = z


chunk_case("flipped_fletcher", flip, "lost", fletcher32=True)
chunk_case("flipped_gzip", flip, "lost", compression="gzip")
chunk_case("flipped_all", flip, "lost", compression="gzip", shuffle=True, fletcher32=True)
chunk_case("zeroed_gzip", zero, "lost", compression="gzip")
chunk_case("inflates_short", shorter, "lost", compression="gzip")
chunk_case("inflates_long", longer, "lost", compression="gzip")


def chunk_address(p, t):
    """The tree says that a chunk lies beyond the end."""
    data = plain(p, t, chunks=(100, NC), compression="gzip")
    at, size, row = chunk_at(p, 3)
    raw = bytearray(p.read_bytes())
    entry = raw.index(struct.pack("<Q", at))
    raw[entry:entry + 8] = struct.pack("<Q", 2 ** 40)
    p.write_bytes(raw)
    data[row[0]:row[0] + 100] = np.nan
    return data


def chunk_size(p, t):
    """The tree says that a chunk has 4 GB."""
    data = plain(p, t, chunks=(100, NC), compression="gzip")
    at, size, row = chunk_at(p, 3)
    raw = bytearray(p.read_bytes())
    key = raw.index(struct.pack("<Q", at)) - (8 + 3 * 8)
    assert struct.unpack("<I", raw[key:key + 4])[0] == size
    raw[key:key + 4] = b"\xff" * 4
    p.write_bytes(raw)
    data[row[0]:row[0] + 100] = np.nan
    return data


put("chunk_address_outside", chunk_address, "lost")
put("chunk_size_huge", chunk_size, "lost")


def chunk_missing(p, t):
    """A hole: nothing was ever written there."""
    data = samples()
    plain(p, t, data)
    with h5py.File(p, "r+") as h:
        d = swap(h, RAW, shape=data.shape, dtype="f4", chunks=(100, NC))
        d[:300] = data[:300]
        d[400:] = data[400:]
    data = data.astype("f4")
    data[300:400] = np.nan
    return data


put("chunk_missing", chunk_missing, "lost")


def contents(value):
    def make(p, t):
        return plain(p, t, value(samples()))
    return make


def nan_channel(x):
    x[:, 3] = np.nan
    return x


def infinities(x):
    x[100, 2], x[200, 5] = np.inf, -np.inf
    return x


put("content_zeros", contents(np.zeros_like), "used")
put("content_nan_channel", contents(nan_channel), "any")
put("content_all_nan", contents(lambda x: x * np.nan), "any")
put("content_infinite", contents(infinities), "any")
put("content_denormal", contents(lambda x: (x * 1e-42).astype("f4")), "used")
put("content_largest", contents(lambda x: np.sign(x).astype("f4") * np.float32(3.4e38)), "used")


# --- no HDF5 at all, or not whole

def raw_bytes(name, data, want="refused", word=""):
    def make(p, t):
        p.write_bytes(data)
    put("raw_" + name, make, want, word)


SIGNATURE = b"\x89HDF\r\n\x1a\n"
raw_bytes("empty", b"", word="empty")
raw_bytes("one_byte", b"\x89")
raw_bytes("signature", SIGNATURE)
raw_bytes("signature_and_zeros", SIGNATURE + bytes(5000))
raw_bytes("signature_and_ones", SIGNATURE + b"\xff" * 5000)
raw_bytes("signature_late", bytes(512) + SIGNATURE + bytes(2000))
raw_bytes("text", b"no HDF5 file\n" * 1000, word="not an HDF5")
raw_bytes("zeros", bytes(100_000), word="not an HDF5")
raw_bytes("png", b"\x89PNG\r\n\x1a\n" + bytes(1000), word="not an HDF5")
raw_bytes("zip", b"PK\x03\x04" + bytes(1000), word="not an HDF5")
raw_bytes("netcdf3", b"CDF\x01" + bytes(1000), word="not an HDF5")
raw_bytes("hdf4", b"\x0e\x03\x13\x01" + bytes(1000), word="not an HDF5")
raw_bytes("elf", b"\x7fELF" + bytes(1000), word="not an HDF5")
raw_bytes("script", b"#!/bin/sh\ntouch /tmp/owned\n", word="not an HDF5")

for part in [1, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 99]:
    def cut(p, t, part=part):
        plain(p, t, chunks=(100, NC), compression="gzip")
        n = p.stat().st_size
        os.truncate(p, n * part // 100)
    put(f"cut_{part}", cut, "refused", "truncated" if part > 1 else "")


@case("used")
def longer_than_it_says(p, t):
    data = plain(p, t)
    with open(p, "ab") as f:
        f.write(bytes(10000))
    return data


@case("refused")
def sparse_gigabytes(p, t):
    p.touch()
    os.truncate(p, 1 << 33)


@case("odd", "writ")
def writer_died(p, t):
    """Newest format, the flag of an open writer."""
    data = latest_plain(p, t)
    raw = bytearray(p.read_bytes())
    assert raw[8] == 3
    raw[11] |= 1
    raw[44:48] = struct.pack("<I", lookup3(bytes(raw[:44])))
    p.write_bytes(raw)
    return data


def lookup3(data):
    """Jenkins' hash, with which the newest superblock checks itself."""
    def rot(x, k):
        return ((x << k) | (x >> (32 - k))) & m
    m = 0xffffffff
    a = b = c = (0xdeadbeef + len(data)) & m
    i = 0
    while len(data) - i > 12:
        x, y, z = struct.unpack_from("<III", data, i)
        a, b, c = (a + x) & m, (b + y) & m, (c + z) & m
        a = ((a - c) & m) ^ rot(c, 4); c = (c + b) & m  # noqa: E702
        b = ((b - a) & m) ^ rot(a, 6); a = (a + c) & m  # noqa: E702
        c = ((c - b) & m) ^ rot(b, 8); b = (b + a) & m  # noqa: E702
        a = ((a - c) & m) ^ rot(c, 16); c = (c + b) & m  # noqa: E702
        b = ((b - a) & m) ^ rot(a, 19); a = (a + c) & m  # noqa: E702
        c = ((c - b) & m) ^ rot(b, 4); b = (b + a) & m  # noqa: E702
        i += 12
    x, y, z = struct.unpack("<III", data[i:].ljust(12, b"\0"))
    a, b, c = (a + x) & m, (b + y) & m, (c + z) & m
    c = ((c ^ b) - rot(b, 14)) & m
    a = ((a ^ c) - rot(c, 11)) & m
    b = ((b ^ a) - rot(a, 25)) & m
    c = ((c ^ b) - rot(b, 16)) & m
    a = ((a ^ c) - rot(c, 4)) & m
    b = ((b ^ a) - rot(a, 14)) & m
    return ((c ^ b) - rot(b, 24)) & m


# --- names that are no regular files

@case("refused")
def name_fifo(p, t):
    os.mkfifo(p)


@case("refused")
def name_socket(p, t):
    s = socket.socket(socket.AF_UNIX)
    here = os.getcwd()
    os.chdir(p.parent)
    s.bind(p.name)
    os.chdir(here)
    s.close()


@case("refused")
def name_device(p, t):
    p.symlink_to("/dev/zero")


@case("refused")
def name_proc(p, t):
    p.symlink_to("/proc/self/mem")


@case("refused")
def name_loop(p, t):
    p.symlink_to(p.name)


@case("refused")
def name_dangling(p, t):
    p.symlink_to("nowhere.h5")


# --- bits flipped where libhdf5 keeps its own

for seed in range(40):
    def flipped(p, t, seed=seed):
        rng = np.random.default_rng(seed)
        plain(p, t, **(dict(chunks=(100, NC), compression="gzip") if seed % 2 else {}))
        raw = bytearray(p.read_bytes())
        for at in rng.integers(0, min(len(raw), 8000), 1 + seed % 5):
            raw[at] ^= 1 << rng.integers(8)
        p.write_bytes(raw)
    put(f"bits_{seed}", flipped, "any")


NAMES = ["plain", "with space", "semi;colon", "quote'\"s", "percent%n%s", "new\nline", "esc\x1b[31m", "dollar$(id)",
         "back\\slash", "ümläut", "-dash", "glob[1]*?", "comma,equals=", "a" * 200]


def name_of(k, name):
    extra = NAMES[k % len(NAMES)] if k % 7 == 3 else ""
    return f"{k:03d}_{name}{'_' if extra else ''}{extra}.h5"


def build(folder):
    """All files; rows of (path, name, want, word, samples, t0)."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for k, (name, make, want, word) in enumerate(CASES):
        t = rig.T0 + (k + 2) * SLOT_S * rig.S
        path = folder / name_of(k, name)
        rows.append((path, name, want, word, make(path, t), t))
    return rows
