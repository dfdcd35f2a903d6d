"""Febus A1: blocks that overlap, in every storage that h5py writes, against the samples that they were cut from;
missing blocks, zones, contradictions, and the real file against the facts beside it."""
import json

import h5py
import numpy as np
import pytest

import rig

RATE, NC, KEEP = 200, 14, 100  # rows of a block that are its own: half a second
STEP_MS = 1000 / RATE


def febus(path, x, t0_ns, pad=200, first_block=0, zones=1, zone=None, jitter=0, drop=(), libver="earliest", **how):
    """Blocks of `pad` rows around each KEEP rows of x, a file of the samples before and behind as they are there;
    x[first_block * KEEP] is at t0_ns. A stamp is of a block's first row less Origin[1]."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lead, n = (pad - KEEP) // 2, len(x) // KEEP
    around = np.pad(x, ((lead, pad), (0, 0)))
    kept = [b for b in range(n) if b not in drop]
    a = np.stack([around[b * KEEP:b * KEEP + pad] for b in kept]).astype("f4")
    origin = -pad / 2 * STEP_MS
    t = np.array([t0_ns / 1e9 + (b * KEEP - lead) / RATE - origin / 1e3 for b in kept])
    t += jitter * np.random.default_rng(3).uniform(-1, 1, len(t)) * (np.arange(len(t)) > 0)
    facts = dict(Spacing=[2.4, STEP_MS, 1.0], Extent=[10.0, 10.0 + NC - 1, 0.0, pad - 1.0, 0.0, 0.0], Origin=[1.0, origin, 0.0],
                 GaugeLength=[10.0], SamplingRate=[1e8], BlockRate=[1e3 * RATE / KEEP], BlockOverlap=[100.0 * (pad / KEEP - 1)],
                 Version=[2.0], WholeExtent=[0.0] * 6, Hostname=np.bytes_("fa1"), AmpliPower=[27.0])
    facts.update(zone or {})
    with h5py.File(path, "w", libver=libver) as h:
        s = h.create_group("fa1-1/Source1")
        s.attrs.update(WholeExtent=[0.0] * 6, AmpliPower=[27.0])
        s["time"] = t[None, :]
        for z in range(zones):
            g = s.create_group(f"Zone{z + 1}")
            g.attrs.update({k: v for k, v in facts.items() if v is not None})
            g.create_dataset("StrainRate", data=a[:, :, :NC - 4 * z], **{
                k: (v[0], v[1], min(v[2], NC - 4 * z)) if k == "chunks" else v for k, v in how.items()})
    return path


def looked(path, *more):
    return json.loads(rig.run("inspect", path, *more, "--json", status=(0, 10)).stdout)["files"][0]


def samples_of(path, tmp_path, n=1, **sections):
    cfg = rig.config(tmp_path / "s.yaml", [path], [], tmp_path / "all", **sections)
    rig.fresh(tmp_path / "all")
    rig.run("run", cfg, status=0)
    got = rig.output(tmp_path / "all")
    assert len(got) == n
    return got


STORED = {"contiguous": {}, "a block": dict(chunks=(1, 200, NC)), "half a block": dict(chunks=(1, 100, 5)),
          "three blocks": dict(chunks=(3, 200, 5)), "packed": dict(chunks=(2, 200, 6), compression="gzip", shuffle=True, fletcher32=True),
          "packed in parts": dict(chunks=(1, 50, 6), compression="gzip")}


@pytest.mark.parametrize("libver", ["earliest", "latest"])
@pytest.mark.parametrize("how", STORED)
def test_what_overlaps_counts_once(how, libver, tmp_path):
    x = rig.noise(31 * KEEP, NC)
    path = febus(tmp_path / "in" / "a.h5", x, rig.T0, libver=libver, **STORED[how])
    one = looked(path)
    assert one["layout"] == "febus" and (one["samples"], one["channels"]) == x.shape and one["rate_hz"] == RATE
    assert one["t0"] == "2026-01-01T00:00:00.000000000Z" and (one["spacing_m"], one["gauge_length_m"]) == (2.4, 10)
    assert one["first_m"] == 10 * 2.4 + 1 and one["unit"] == "nanostrain/s" and not one.get("odd")
    (t, y), = samples_of(path, tmp_path)
    assert t[0] == rig.T0 and np.array_equal(y, x)
    (_, y), = samples_of(path, tmp_path, input_=["channels: 2..12:3"])
    assert np.array_equal(y, x[:, 2:12:3])


def test_a_run_over_files_of_them(tmp_path):
    """Four files are one span, the same at every launch; half of the lanes are done again."""
    x = rig.noise(160 * KEEP, NC)
    for k in range(4):
        febus(tmp_path / "in" / f"{k}.h5", x[k * 40 * KEEP:(k + 1) * 40 * KEEP], rig.T0 + 53 * rig.S + k * 20 * rig.S,
              chunks=(1, 200, 5), compression="gzip")
    cfg = rig.config(tmp_path / "c.yaml", [tmp_path / "in"], ["abs"], tmp_path / "out")
    want = None
    for ranks, threads in ((0, 2), (2, 1)):
        rig.fresh(tmp_path / "out")
        rig.run("run", cfg, status=0, ranks=ranks, threads=threads)
        assert want is None or rig.digests(tmp_path / "out") == want
        want = rig.digests(tmp_path / "out")
    (_, y), = rig.output(tmp_path / "out")
    assert np.array_equal(y, np.abs(x))
    for lane in rig.lanes(tmp_path / "out")[::2]:
        lane.unlink()
    rig.run("run", cfg, status=0)
    assert rig.digests(tmp_path / "out") == want


def test_stamps_that_tremble_and_blocks_that_are_missing(tmp_path):
    x = rig.noise(40 * KEEP, NC)
    shaken = febus(tmp_path / "a.h5", x, rig.T0, jitter=0.01)
    (t, y), = samples_of(shaken, tmp_path)
    assert t[0] == rig.T0 and np.array_equal(y, x)
    gone = febus(tmp_path / "b.h5", x, rig.T0, drop=range(12, 19))
    assert "blocks are missing at 1 places" in looked(gone)["odd"]
    (ta, a), (tb, b) = samples_of(gone, tmp_path, 2)
    assert np.array_equal(a, x[:12 * KEEP]) and np.array_equal(b, x[19 * KEEP:])
    assert ta[0] == rig.T0 and tb[0] == rig.T0 + 19 * KEEP * rig.S // RATE


def test_zones_are_datasets(tmp_path):
    path = febus(tmp_path / "a.h5", rig.noise(20 * KEEP, NC), rig.T0, zones=3)
    one = looked(path)
    assert one["channels"] == NC and "Zone2, fa1-1/Source1/Zone3 are left out" in one["odd"]
    cfg = rig.config(tmp_path / "c.yaml", [path], [], tmp_path / "out", input_=["dataset: fa1-1/Source1/Zone3"])
    rig.run("run", cfg, status=0)
    (_, y), = rig.output(tmp_path / "out")
    assert np.array_equal(y, rig.noise(20 * KEEP, NC)[:, :NC - 8])


def test_contradictions(tmp_path):
    x = rig.noise(20 * KEEP, NC)
    odd = looked(febus(tmp_path / "a.h5", x, rig.T0, zone=dict(BlockOverlap=[50.0])))["odd"]
    assert "an overlap of 50 % leaves 133 rows of 200, the blocks' period 100, which counts" in odd
    assert "Extent says 300 rows" in looked(febus(tmp_path / "b.h5", x, rig.T0, zone=dict(
        Extent=[0.0, 13, 0, 299, 0, 0])))["odd"]
    for name, says, how in (("c", "come every 2000 ms", dict(zone=dict(BlockRate=[500.0]))),
                            ("d", "come every 333.333 ms", dict(zone=dict(BlockRate=[3000.0], Spacing=[2.4, 25.0, 1]))),
                            ("e", "no step of its rows", dict(zone=dict(Spacing=None, SamplingRate=None))),
                            ("f", "cut frames of 200 unevenly", dict(chunks=(2, 100, 5))),
                            ("g", "cut frames of 200 unevenly", dict(chunks=(1, 150, 5)))):
        path = febus(tmp_path / f"{name}.h5", x, rig.T0, **how)
        done = rig.run("inspect", path, status=3)
        assert done.stdout.count("refused: ") == 1 and says in done.stdout, done.stdout
    path = febus(tmp_path / "h.h5", x, rig.T0)
    with h5py.File(path, "r+") as h:
        t = h["fa1-1/Source1/time"][:]
        del h["fa1-1/Source1/time"]
        h["fa1-1/Source1/time"] = t[:, :-1]
    assert "19 time stamps for 20 blocks" in rig.run("inspect", path, status=3).stdout


def test_numbers_whose_bits_lie_outside_of_them(tmp_path):
    """A damaged header may say that of a float64; HDF5 1.10 then converts bytes beyond its buffers."""
    path = febus(tmp_path / "a.h5", rig.noise(20 * KEEP, NC), rig.T0)
    whole, sound = path.read_bytes(), b"\x00\x00\x40\x00\x34\x0b\x00\x34"  # offset, precision, exponent, mantissa
    assert whole.count(sound) > 5
    for what in (b"\x00\x00\x40\x00\x34\x0b\x00\xf4", b"\x00\x00\x40\x00\xf4\x0b\x00\x34", b"\x00\x00\xf0\x00\x34\x0b\x00\x34"):
        path.write_bytes(whole.replace(sound, what))
        done = rig.run("inspect", path, status=3)
        assert "0 time stamps for 20 blocks" in done.stdout and "crashed" not in done.stdout, done.stdout


def test_a_real_one(tmp_path):
    if not (rig.REAL / "das" / "facts.json").exists():
        pytest.skip(f"{rig.REAL}/das/facts.json is not there: set MILLRACE_REALDATA")
    want = next(f for f in json.loads((rig.REAL / "das/facts.json").read_text())["files"] if f["file"].startswith("valencia"))
    path = rig.REAL / "das" / want["file"]
    one = looked(path)
    assert (one["samples"], one["channels"]) == (want["n_samples"], want["n_channels"])
    assert one["rate_hz"] == want["rate_hz"] and one["spacing_m"] == want["spacing_m"]
    assert abs(int(np.datetime64(one["t0"][:-1], "ns").astype("i8")) - want["start_ns"]) <= want["start_tolerance_ns"]
    (_, y), = samples_of(path, tmp_path)
    assert list(y[0, :2]) == want["first_values"][:2] and (y.min(), y.max()) == (want["min"], want["max"])
    assert abs(y.astype(float).mean() - want["mean"]) < 1e-9 * want["max"]
