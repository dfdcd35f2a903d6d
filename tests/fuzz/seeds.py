"""Writes seeds for the fuzz targets: seeds.py FOLDER -> FOLDER/<target>/*."""
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
import tdms  # noqa: E402

TEXTS = ["60 s", "1..45 Hz", "1 Hz .. 2 kHz", "2.5 GiB", "50 %", "-3 ms", "1e-3 km", "100..900", "inf s", "nan Hz",
         "2026-01-01T00:00:00Z", "2026-02-29 12:30", "1970-01-01T00:00:00.123456789+05:30", "2000-12-31",
         "rec_20260101T000500.5Z.h5\0%Y%m%dT%H%M%S.%f", "a-001-x\0%Y-%j", "9999999999999999999", "0x10 s"]


def put(folder, name, data):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())


def btree(folder):
    """Files with every kind of index; the input begins with what the target wants to know."""
    for k, (latest, how) in enumerate([
            (False, dict(chunks=(4, 3))), (False, dict(chunks=(4, 3), compression="gzip")),
            (True, dict(chunks=(4, 3))), (True, dict(chunks=(4, 3), compression="gzip")),
            (True, dict(chunks=(4, 3), maxshape=(None, 6))), (True, dict(chunks=(40, 6))), (False, {})]):
        with tempfile.NamedTemporaryFile(suffix=".h5") as f:
            with h5py.File(f.name, "w", libver="latest" if latest else "earliest") as h:
                d = h.create_dataset("x", data=np.arange(240.0).reshape(40, 6), **how)
                addr = h5py.h5o.get_info(d.id).addr
            raw = Path(f.name).read_bytes()
        put(folder, f"file{k}", bytes([2, 2, 2, 3]) + raw[4:8] + struct.pack("<Q", addr) + raw[16:])


def forms_of_tdms(folder):
    root = tdms.idas(1_767_225_600 * 10 ** 9)
    for k, (dtype, how) in enumerate([("<i2", {}), (">i2", {}), ("<f8", dict(interleaved=False, rows=4)), ("<f4", dict(next_=2 ** 64 - 1))]):
        x = tdms.counts(12, 3, dtype=dtype)
        put(folder, f"one{k}", tdms.segment(x, root, **how))
        put(folder, f"more{k}", tdms.segment(x, root, {"wf_increment": 0.01}, **how) + tdms.segment(x[:8], meta="none", **how) +
            tdms.segment(x, root, **how))


def survey(folder, binary):
    with tempfile.TemporaryDirectory() as d:
        d = Path(d)
        subprocess.run([binary, "synth", d / "in", "--files", "2", "--file-length", "2s", "--rate", "50Hz",
                        "--channels", "3", "--chunk", "20,3", "--quiet"], check=True)
        (d / "in" / "text.h5").write_text("no file")
        (d / "c.yaml").write_text(f'input:\n  files: "{d}/in"\nchain: []\noutput:\n  folder: "{d}/out"\n')
        subprocess.run([binary, "run", d / "c.yaml"], capture_output=True)
        put(folder / "survey", "one", (d / "out/.millrace/survey").read_bytes())
        put(folder / "report", "one", (d / "out/report.json").read_bytes())
        put(folder / "records", "index", b"\0" + (d / "out/index.csv").read_bytes())
        put(folder / "config", "one", (d / "c.yaml").read_bytes())


def main(folder, binary):
    folder = Path(folder)
    for p in (ROOT / "configs").glob("*.yaml"):
        put(folder / "config", p.name, p.read_bytes())
        put(folder / "config", p.name + "-s", p.read_bytes() + b"\0chain.0.decimate.factor=10")
    for k, t in enumerate(TEXTS):
        put(folder / "text", str(k), t)
    btree(folder / "btree")
    forms_of_tdms(folder / "tdms")
    survey(folder, binary)
    put(folder / "records", "lock", b"\1millrace lock 1\nhost a\nboot b\npidns c\npid 1\nstart 2\ncluster \njob \n"
        b"restart 0\nflocked 1\nnumber 1\nnonce 0123456789abcdef\nend\n")
    put(folder / "records", "facts", b"\3" + bytes(3000))
    put(folder / "trailer", "bytes", bytes(range(256)))
    for k in range(6):
        put(folder / "wire", str(k), bytes([k]) + b"MRC1" + bytes(range(64)))
    import zlib
    put(folder / "chunk", "gzip", bytes([1, 2, 0, 3, 1, 0, 0, 0]) + zlib.compress(bytes(256)))
    put(folder / "chunk", "shuffle", bytes([2, 2, 0, 3, 2, 1, 0, 0]) + zlib.compress(bytes(range(256))))


if __name__ == "__main__":
    main(*sys.argv[1:])
