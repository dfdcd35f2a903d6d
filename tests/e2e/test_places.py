"""Where channels are, in every layout: a vector of positions (rising, falling, uneven, folded, holes, other units), an
origin and a spacing (of any sign), nothing at all, or twice and not the same: carried as said, what disagrees is said. The
same in lanes and master, picked by input.distance, and once more when a lane is the input. Right values are those written."""
import h5py
import numpy as np
import pytest

import rig
import writers

NC, N = 6, 400
T = rig.T0 + np.arange(N) * 10_000_000
X = rig.noise(N, NC, 3)
VECTORS = {"even": 100 + 10.0 * np.arange(NC), "falling": 150 - 10.0 * np.arange(NC),
           "uneven": np.array([0, 3, 10, 11, 30, 31.5]), "fold": np.array([0, 10, 20, 20, 10, 0.0]),
           "hole": np.array([0, 10, np.nan, 30, 40, 50])}


def edit(path, fn):
    with h5py.File(path, "r+") as h:
        fn(h)


def swap(h, where, value, **attrs):
    if where in h:
        del h[where]
    h[where] = value
    h[where].attrs.update(attrs)


def xdas_places(h, x, **attrs):
    """A tie point for every channel; where there is none, none (xdas has no holes)."""
    swap(h, "distance_indices", np.arange(NC))
    swap(h, "distance_values", x, **attrs)


def optodas_places(h, x, **attrs):
    swap(h, "header/dx", 0.5)
    swap(h, "header/channels", x / 0.5, **attrs)


PUT = {"bare": lambda h, x, **a: swap(h, "distance", x, **a), "bare-cf": lambda h, x, **a: swap(h, "distance", x, **a),
       "dasdae": lambda h, x, **a: swap(h, "waveforms/patch/_coord_distance", x, **a), "xdas": xdas_places,
       "xdas-sampled": xdas_places, "optodas": optodas_places}


def write(box, layout, name="a.h5", k=0):
    (box / "in").mkdir(exist_ok=True)
    path = box / "in" / name
    writers.LAYOUTS[layout][0](path, X, T + k * N * 10_000_000, 100, NC)
    return path


def run(box, status=(0, 10), name="out", files=None, **how):
    cfg = rig.config(box / "c.yaml", files or box / "in", [], box / name, **how)
    rig.run("run", cfg, status=status)
    return box / name


def seen(path):
    f, = rig.json.loads(rig.run("inspect", "--json", path, status=0).stdout)["files"]
    return f["recordings"][0]


def notes(out, kind="place"):
    return [v["note"] for v in rig.report(out)["ledger"] if v["kind"] == kind]


@pytest.mark.parametrize("layout", PUT)
@pytest.mark.parametrize("name", VECTORS)
def test_vectors_of_positions_are_carried_as_they_are(tmp_path, layout, name):
    x = VECTORS[name]
    edit(write(tmp_path, layout), lambda h: PUT[layout](h, x))
    out = run(tmp_path)
    lane = rig.read_lane(rig.lanes(out)[0])
    assert np.array_equal(lane.x, x, equal_nan=True) and np.array_equal(lane.y, X)
    with h5py.File(out / "master.h5") as h:
        assert np.array_equal(h["distance"][()], x, equal_nan=True)
    even = name in ("even", "falling")
    assert seen(tmp_path / "in" / "a.h5")["positions"] == (name if even else "uneven")
    assert bool(notes(out)) == (not even)
    rig.run("view", tmp_path / "in" / "a.h5", "-o", tmp_path / "a.png", status=0)
    rig.run("view", rig.lanes(out)[0], "-o", tmp_path / "b.png", status=0)
    again = run(tmp_path, name="again", files=out / "lanes")
    assert np.array_equal(rig.read_lane(rig.lanes(again)[0]).x, x, equal_nan=True)
    lo, hi = (110, 130) if even else (5, 35)
    want = np.nonzero((x >= lo) & (x < hi))[0]  # half-open, as all ranges
    picked = rig.read_lane(rig.lanes(run(tmp_path, name="some", input_=[f"distance: {lo}..{hi} m"]))[0])
    assert np.array_equal(picked.x, x[want]) and np.array_equal(picked.y, X[:, want])


@pytest.mark.parametrize("layout", [k for k in PUT if k != "optodas"])
@pytest.mark.parametrize("unit, m", [("km", 1000), ("ft", 0.3048), ("cubit", 1)])
def test_their_unit_is_followed(tmp_path, layout, unit, m):
    edit(write(tmp_path, layout), lambda h: PUT[layout](h, 1.0 * np.arange(NC), units=unit))
    out = run(tmp_path)
    assert np.allclose(rig.read_lane(rig.lanes(out)[0]).x, m * np.arange(NC), rtol=1e-12)
    assert bool(notes(out)) == (unit == "cubit")


@pytest.mark.parametrize("layout", PUT)
def test_other_positions_are_another_span_and_said(tmp_path, layout):
    for k, x in enumerate([VECTORS["even"], VECTORS["even"] + np.array([0, 0, 1, 0, 0, 0])]):
        edit(write(tmp_path, layout, f"{k}.h5", k), lambda h: PUT[layout](h, x))
    out = run(tmp_path)
    assert len(rig.report(out)["spans"]) == 2 and notes(out)


def prodml(dx, first, **attrs):
    def fn(h):
        h["Acquisition"].attrs.update(SpatialSamplingInterval=dx, StartLocusIndex=first, **attrs)
    return fn


def gdr(dx, unit):
    def fn(h):
        h["DasMetadata/Interrogator/Acquisition"].attrs.update(SpatialSamplingInterval=str(dx),
                                                               SpatialSamplingIntervalUnit=unit)
    return fn


def silixa(**facts):
    def fn(h):
        for k, v in facts.items():
            h["Acoustic"].attrs[{"start": "Start Distance (m)", "stop": "Stop Distance (m)",
                                 "dx": "SpatialResolution[m]"}[k]] = np.bytes_(str(v))
    return fn


def several(**values):
    def fn(h):
        for k, v in values.items():
            swap(h, k.replace("__", "/"), v)
    return fn


def root(**values):
    return lambda h: h.attrs.update(values)


# layout, what is said, where the first channel is, the spacing, whether it is said that something disagrees
SPACINGS = [("prodml", prodml(10.0, 3), 30, 10, False), ("prodml", prodml(-10.0, -9), 90, -10, False),
            ("prodml", prodml(10.0, 0, **{"SpatialSamplingInterval.uom": np.bytes_("ft")}), 0, 3.048, False),
            ("prodml", prodml(1.0, 0, SpatialSamplingIntervalUnit=np.bytes_("km")), 0, 1000, False),
            ("prodml", prodml(1.0, 0, SpatialSamplingIntervalUnit=np.bytes_("ell")), 0, 1, True),
            ("prodml", lambda h: h["Acquisition/Raw[0]"].attrs.update(NumberOfLoci=NC + 1), 0, 10, True),
            ("terra15", root(dx=1.6, sensing_range_start=30.0), 30, 1.6, False),
            ("terra15", root(dx=-1.6, sensing_range_start=30.0), 30, -1.6, False),
            ("gdr", gdr(10, "meters"), 0, 10, False), ("gdr", gdr(10, "ft"), 0, 3.048, False),
            ("gdr", gdr(-10, "m"), 0, -10, False), ("gdr", gdr(10, "ells"), 0, None, True),
            ("silixa", silixa(start=5, dx=10, stop=55), 5, 10, False),
            ("silixa", silixa(start=5, dx=10, stop=555), 5, 10, True),
            ("silixa", silixa(start=55, dx=-10, stop=5), 55, -10, False),
            ("apsensing", several(DAQ__PositionStart=7.0), 7, 10, False),
            ("apsensing", several(ProcessingServer__SpatialSampling=-10.0, DAQ__PositionStart=50.0), 50, -10, False),
            ("apsensing", several(DAQ__PositionEnd=120.0), 0, 10, True),
            ("optodas", several(cableSpec__sensorDistances=10.0 * np.arange(NC)), 0, 10, False),
            ("optodas", several(cableSpec__sensorDistances=11.0 * np.arange(NC)), 0, 10, False),
            ("optodas", several(cableSpec__sensorDistances=20.0 * np.arange(NC)), 0, 10, True),
            ("optodas", several(header__channels=np.arange(NC - 1), cableSpec__sensorDistances=20.0 * np.arange(NC)), 0,
             20, False),
            ("optodas", several(header__channels=np.arange(NC - 1)), 0, None, True)]


@pytest.mark.parametrize("k", range(len(SPACINGS)))
def test_an_origin_and_a_spacing(tmp_path, k):
    layout, fn, x0, dx, odd = SPACINGS[k]
    edit(write(tmp_path, layout), fn)
    out = run(tmp_path)
    lane = rig.read_lane(rig.lanes(out)[0])
    assert np.allclose(lane.x, x0 + (dx or 1) * np.arange(NC), rtol=1e-12)  # unknown: channels are counted
    kind = "unknown" if dx is None else "even" if dx > 0 else "falling"
    assert seen(tmp_path / "in" / "a.h5")["positions"] == kind
    assert bool(notes(out)) == odd, rig.report(out)["ledger"]


@pytest.mark.parametrize("layout, gone", [("bare", None), ("dasdae", "waveforms/patch/_coord_distance"),
                                          ("xdas", "distance_values")])
def test_without_positions_channels_are_counted_and_that_is_not_called_metres(tmp_path, layout, gone):
    path = write(tmp_path, layout)
    if layout == "xdas":
        edit(path, lambda h: swap(h, "distance_values", np.array([np.nan, np.nan])))
    elif gone:
        edit(path, lambda h: h.__delitem__(gone))
    assert seen(path)["spacing_m"] is None
    out = run(tmp_path)
    assert np.isnan(rig.read_lane(rig.lanes(out)[0]).attrs["channel_spacing_m"])
