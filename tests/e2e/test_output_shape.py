"""Lane and master files as other programs see them: h5py, xarray with both engines, ncdump, h5dump, and
attribute for attribute against a DASDAE and an xdas file from the wild."""
import os
import re
import shutil
import subprocess
from pathlib import Path

import h5py
import numpy as np
import pytest

import rig

xr = pytest.importorskip("xarray")

ROOT = Path(__file__).resolve().parents[2]
REAL = Path(os.environ.get("MILLRACE_REALDATA", ROOT / ".." / "shared" / "realdata")) / "das"
T0 = 1767225600123456789  # 2026-01-01T00:00:00.123456789Z
ROWS, NC = 500, 40
KINDS = ["plain", "deflate", "geometry", "drift", "thirds"]
ENGINES = ["netcdf4", "h5netcdf"]


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """Folder per kind, written by tests/unit/write_lane.c."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}  # of a make that runs us
    subprocess.run(["make", "-s", "build/tests/write_lane"], cwd=ROOT, check=True, env=env)
    base = tmp_path_factory.mktemp("lanes")
    for kind in KINDS:
        subprocess.run([ROOT / "build/tests/write_lane", base / kind, kind], check=True)
    return base


def lane(out, kind):
    return sorted((out / kind / "lanes").rglob("*.h5"))[0]


def stamps(kind):
    """The times write_lane states, from its formulas."""
    t = np.arange(ROWS, dtype=np.int64)
    if kind == "thirds":
        return T0 + (t * 1_000_000_000 + 1) // 3
    time = T0 + t * 10_000_000
    if kind == "drift":
        time = time + t * 120 + np.where(t > 200, 30_000_000, 0)
    return time


def samples():
    """data[t][c] = t - c / 64, exact in float32."""
    return (np.arange(ROWS)[:, None] - np.arange(NC) / 64).astype(np.float32)


@pytest.mark.parametrize("kind", KINDS)
def test_h5py_reads_values_and_attributes(out, kind):
    with h5py.File(lane(out, kind)) as f:
        assert list(f["/"])[0] == "time"  # in the order of creation
        assert isinstance(next(iter(f.values())), h5py.Dataset)  # and by name it is no group
        assert np.array_equal(f["strain_rate"][:], samples())
        assert np.array_equal(f["time"][:], stamps(kind))
        assert f["time"].dtype == "<i8" and "_FillValue" not in f["time"].attrs
        assert np.array_equal(f["distance"][:], 400 + 4.0 * np.arange(NC))
        assert f.attrs["Conventions"] == "CF-1.9"
        assert f.attrs["title"] == "a test" and f.attrs["units"] == "strain s-1"
        assert f.attrs["sampling_rate_hz"] == (3 if kind == "thirds" else 100)
        assert f.attrs["gauge_length_m"] == 10 and f.attrs["channel_spacing_m"] == 4
        assert f.attrs["chain"] == "decimate factor=5"
        assert f.attrs["inputs"] == "a.h5 123 20260101T000000Z\n"
        assert re.fullmatch(r"\d+\.\d+\.\d+", f.attrs["millrace_version"])
        assert [s.decode() for s in f["ledger/entries"][:]] == [
            "gap 2026-01-01T00:00:01Z 3 samples", "drift 12 ppm"]
        # by HDF5's own definition: scales attached to the two axes
        assert f["strain_rate"].dims[0][0] == f["time"]
        assert f["strain_rate"].dims[1][0] == f["distance"]
        # exactly one variable of the root has an attribute with "coordinate" in its name
        named = [k for k, v in f.items() if isinstance(v, h5py.Dataset)
                 and any("coordinate" in a for a in v.attrs)]
        assert named == ["strain_rate"]


@pytest.mark.parametrize("kind", ["plain", "deflate"])
def test_storage_is_contiguous_or_deflated(out, kind):
    with h5py.File(lane(out, kind)) as f:
        d = f["strain_rate"]
        if kind == "plain":
            assert d.chunks is None and d.id.get_offset() % 4096 == 0
        else:
            assert d.compression == "gzip" and d.compression_opts == 4 and d.shuffle
            assert d.chunks == (ROWS, NC)  # 1 MiB of rows would be more than there are


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", KINDS)
def test_xarray_decodes_time_and_values(out, kind, engine):
    pytest.importorskip({"netcdf4": "netCDF4"}.get(engine, engine))
    with xr.open_dataset(lane(out, kind), engine=engine) as ds:
        da = ds["strain_rate"]
        assert da.dims == ("time", "distance")
        assert np.array_equal(da.values, samples())
        assert np.array_equal(da["time"].values, stamps(kind).astype("datetime64[ns]"))
        assert np.array_equal(da["distance"].values, 400 + 4.0 * np.arange(NC))
        assert da.attrs["units"] == "strain s-1"
        if kind == "geometry":
            assert np.allclose(da["latitude"].values, 47 + 0.001 * np.arange(NC), rtol=1e-15)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", ["plain", "deflate", "drift"])
def test_master_shows_both_strips(out, kind, engine, tmp_path):
    pytest.importorskip({"netcdf4": "netCDF4"}.get(engine, engine))
    with xr.open_dataset(out / kind / "master.h5", engine=engine) as ds:
        want = np.hstack([samples(), samples()])
        assert np.array_equal(ds["strain_rate"].values, want)
        assert np.array_equal(ds["time"].values, stamps(kind).astype("datetime64[ns]"))
        assert np.array_equal(ds["distance"].values, 400 + 4.0 * np.arange(2 * NC))
        assert ds.attrs["chain"] == "decimate factor=5"
    moved = tmp_path / "elsewhere"  # the sources' names are relative to the master
    shutil.copytree(out / kind, moved)
    with h5py.File(moved / "master.h5") as f:
        assert f["strain_rate"].is_virtual
        assert np.array_equal(f["strain_rate"][10, :], np.tile(samples()[10], 2))
        assert {v.file_name for v in f["strain_rate"].virtual_sources()} == {
            str(p.relative_to(moved)) for p in (moved / "lanes").rglob("*.h5")}


@pytest.mark.parametrize("kind", KINDS)
def test_ncdump_and_h5dump_read_everything(out, kind):
    for path in [lane(out, kind), out / kind / "master.h5"]:
        for tool in (["ncdump", "-h"], ["ncdump"], ["h5dump", "-H"], ["h5dump"]):
            if not shutil.which(tool[0]):
                pytest.skip(tool[0] + " is not installed")
            done = subprocess.run([*tool, path], capture_output=True, text=True)
            assert done.returncode == 0 and not done.stderr, done.stderr[:500]


@pytest.mark.parametrize("kind, ties", [("plain", [0, 499]), ("thirds", [0, 499]),
                                        ("drift", [0, 200, 201, 499])])
def test_tie_points_give_time_back(out, kind, ties):
    """As a reader of interpolated coordinates goes about it: find the array, parse, interpolate."""
    with xr.open_dataset(lane(out, kind)) as ds:
        arrays = [v for v in ds.data_vars.values() if any("coordinate" in a for a in v.attrs)]
        assert len(arrays) == 1
        found = re.findall(r"(\w+): (\w+) (\w+)", arrays[0].attrs["coordinate_interpolation"])
        assert found == [("time", "time_indices", "time_values")]
        index, value = ds["time_indices"].values, ds["time_values"].values.astype("int64")
        assert index.tolist() == ties
        got = np.interp(np.arange(ROWS), index, (value - value[0]).astype(float))
        got = np.rint(got).astype("int64") + value[0]
        # tolerance of the tie points, 2 ns; offsets here are far below 2^53 ns, so float64 adds none
        assert np.abs(got - stamps(kind)).max() <= 2
        assert ds["time_interpolation"].attrs["interpolation_name"] == "linear"


def attribute_types(obj):
    """name -> (kind of type, character set, shape)."""
    out = {}
    for name in obj.attrs:
        a = obj.attrs.get_id(name)
        t = a.get_type()
        if isinstance(t, h5py.h5t.TypeStringID):
            kind = ("vlen" if t.is_variable_str() else "fixed", t.get_cset())
        else:
            kind = (type(t).__name__, t.get_size() if not isinstance(t, h5py.h5t.TypeVlenID) else 0)
        out[name] = (kind, a.get_space().get_simple_extent_type(), a.shape)
    return out


def compare(real, ours, but=()):
    want, have = attribute_types(real), attribute_types(ours)
    for name, kind in want.items():
        if name not in but:
            assert have.get(name) == kind, f"{ours.name}@{name}"


def real(name):
    if not (REAL / name).exists():
        pytest.skip(f"{REAL / name} is not here")
    return h5py.File(REAL / name)


@pytest.mark.parametrize("kind", ["plain", "deflate"])
def test_dasdae_attributes_as_in_a_real_file(out, kind):
    with real("dispersion_event.h5") as r, h5py.File(lane(out, kind)) as f:
        rg, g = (next(iter(x["waveforms"].values())) for x in (r, f))
        compare(r, f)
        compare(r["waveforms"], f["waveforms"])
        compare(rg, g, but=["_attrs_coords"])  # a pickle: never written, readers must not need it
        compare(rg["data"], g["data"])
        for name in ("_coord_time", "_coord_distance"):
            # PyTables' bool is a bit field; int8 is what everybody else can read
            compare(rg[name], g[name], but=["is_datetime64", "is_timedelta64"])
            assert rg[name].dtype == g[name].dtype
            for flag in ("is_datetime64", "is_timedelta64"):
                assert int(g[name].attrs[flag]) == int(rg[name].attrs[flag])
                assert g[name].attrs[flag].dtype == np.int8
            assert not {"CLASS", "NAME", "REFERENCE_LIST", "DIMENSION_LIST"} & set(
                g[name].attrs) - {"CLASS"} and g[name].attrs["CLASS"] == b"ARRAY"
        for name in ("__format__", "__DASDAE_version__", "PYTABLES_FORMAT_VERSION", "VERSION"):
            assert f.attrs[name] == r.attrs[name]
        assert re.fullmatch(r"DAS_{8}(\d{4}_\d\d_\d\dT\d\d_\d\d_\d\d_\d{9}__?){2}",
                            g.name.split("/")[-1] + "_")


def test_lanes_of_a_series_differ_in_nothing_that_dascore_compares(tmp_path):
    """DASCore's chunk(time=None) merges patches whose attributes are equal but for the place in time."""
    rig.archive(tmp_path / "in", rig.noise(18_000, 4), 100, 6_000)
    c = rig.config(tmp_path / "c.yaml", tmp_path / "in", ["rms: {window: 1 s, step: 1 s}"], tmp_path / "out")
    rig.run("run", c, status=0)
    seen = []
    for path in sorted((tmp_path / "out" / "lanes").rglob("*.h5")):
        with h5py.File(path) as f:
            g = next(iter(f["waveforms"].values()))
            seen.append({k: str(v) for k, v in g.attrs.items() if k not in ("_attrs_time_min", "_attrs_time_max")})
    assert len(seen) == 3 and seen[0]["_attrs_id"] and seen[0] == seen[1] == seen[2]


@pytest.mark.parametrize("kind", ["plain", "deflate"])
def test_dasdae_group_holds_the_samples(out, kind):
    with h5py.File(lane(out, kind)) as f:
        g = next(iter(f["waveforms"].values()))
        assert g["data"] == f["strain_rate"]  # one object, two names
        assert np.array_equal(g["_coord_time"][:], stamps(kind))
        assert np.array_equal(g["_coord_distance"][:], f["distance"][:])
        assert g.attrs["_dims"] == b"time,distance"
        assert g.attrs["_attrs_time_min"] == b"2026-01-01T00:00:00.123456789"
        assert g.attrs["_attrs_time_max"] == b"2026-01-01T00:00:05.113456789"
        assert g.attrs["_attrs_time_step"] == 0.01
        assert [g.attrs["_attrs_distance_" + k] for k in ("min", "max", "step")] == [400, 556, 4]
        assert g.attrs["_attrs_data_type"] == b"strain_rate"
        assert g.attrs["_attrs_data_units"] == b"(m / m) / s"


@pytest.mark.parametrize("ours, pint", [
    ("nanostrain/s", b"(nm / m) / s"), ("m s-1", b"m / s"), ("m s-2", b"m / s**2"),
    ("counts", b"count"), ("s-1", b"1 / s"), ("m/s/s", b"m / s / s"), ("1", None), ("", None),
    ("furlong s-1", None), ("(nm/m)/s * Hz/m", None)])
def test_units_in_the_spelling_of_dascore_or_not_at_all(out, tmp_path, ours, pint):
    subprocess.run([ROOT / "build/tests/write_lane", tmp_path, "unit:" + ours], check=True)
    with h5py.File(sorted(tmp_path.rglob("lanes/*/*.h5"))[0]) as f:
        assert f["strain_rate"].attrs["units"] == ours
        g = next(iter(f["waveforms"].values()))
        assert g.attrs.get("_attrs_data_units") == pint


def test_xdas_attributes_as_in_a_real_file(out):
    with real("xdas_netcdf.nc") as r, h5py.File(lane(out, "plain")) as f:
        ours = {a: v for a, v in attribute_types(f).items()}
        for name, kind in attribute_types(r).items():
            if name == "_NCProperties":  # other words in it, so another length; the kind is the same
                assert ours[name][0] == kind[0] and ours[name][2] == kind[2]
            else:
                assert ours[name] == kind
        compare(r["__values__"], f["strain_rate"])
        for name in ("time_interpolation", "time_indices", "time_values"):
            compare(r[name], f[name])
            assert (r[name].dtype, r[name].shape) == (f[name].dtype, f[name].shape)
        assert f["time_interpolation"].attrs["tie_points_mapping"] == \
            r["time_interpolation"].attrs["tie_points_mapping"]
        # the dimension without values: same label, type and storage
        assert r["time_points"].dtype == f["time_points"].dtype
        assert r["time_points"].attrs["NAME"] == f["time_points"].attrs["NAME"]
        assert f["time_points"].id.get_storage_size() == 0
        compare(r["time_points"], f["time_points"])
