"""Files that hold several datasets: all that are alike to the largest and of other times are read as one archive, the rest
is said and left out; input.dataset picks by name or glob. In every layout that can hold several."""
import h5py
import numpy as np
import pytest

import rig
import writers

S, T0, N, NC = rig.S, rig.T0, 600, 3


def grid(k=0, n=N, step=10_000_000):
    return T0 + k * n * step + np.arange(n) * step


def inside(write, path, names, times, xs, *how):
    """Each dataset as its own file of the layout, then all of them as groups of one."""
    with h5py.File(path, "w") as h:
        for name, t, x in zip(names, times, xs):
            one = path.with_suffix(f".{name}.tmp")
            write(one, x, t, *how)
            with h5py.File(one) as src:
                h.attrs.update(src.attrs)
                g = h.create_group(name)
                for k in src:
                    src.copy(k, g)
            one.unlink()


def xdas_groups(path, names, times, xs):
    inside(writers.xdas, path, names, times, xs, 100, NC)


def xdas_sampled_groups(path, names, times, xs):
    inside(writers.xdas_sampled, path, names, times, xs, 100, NC)


def xdas_variables(path, names, times, xs):
    """Side by side in the root, each with coordinates of its own."""
    writers.xdas(path, xs[0], times[0], 100, NC)
    with h5py.File(path, "r+") as h:
        h.move("strain_rate", names[0])
        for name, t, x in zip(names[1:], times[1:], xs[1:]):
            v = h.create_dataset(name, data=x)
            v.attrs["coordinate_interpolation"] = (f"time: {name}_ti {name}_tv distance: distance_indices "
                                                   "distance_values")
            h[f"{name}_ti"], h[f"{name}_tv"] = np.array([0, len(t) - 1]), t[[0, -1]]
            h[f"{name}_tv"].attrs.update(units="nanoseconds since 1970-01-01")


def terra15(path, names, times, xs):
    writers.terra15(path, xs[0], times[0], 100, NC)
    with h5py.File(path, "r+") as h:
        h.move("data_product", names[0])
        h.attrs["data_product"] = np.bytes_(names[0])
        for name, t, x in zip(names[1:], times[1:], xs[1:]):
            h[f"{name}/data"], h[f"{name}/gps_time"] = x, writers.seconds(t)
            h[name].attrs["data_product_units"] = np.bytes_("m/s")


def dasdae(path, names, times, xs):
    with h5py.File(path, "w") as h:
        for name, t, x in zip(names, times, xs):
            one = path.with_suffix(".tmp")
            writers.dasdae(one, x, t, 100, NC)
            with h5py.File(one) as src:
                h.attrs.update(src.attrs)
                src.copy("waveforms/patch", h.require_group("waveforms"), name)
            one.unlink()


def prodml(path, names, times, xs):
    writers.prodml(path, xs[0], times[0], 100, NC)
    with h5py.File(path, "r+") as h:
        h.move("Acquisition/Raw[0]", f"Acquisition/Raw_{names[0]}")
        for name, t, x in zip(names[1:], times[1:], xs[1:]):
            one = path.with_suffix(".tmp")
            writers.prodml(one, x, t, 100, NC)
            with h5py.File(one) as src:
                src.copy("Acquisition/Raw[0]", h["Acquisition"], f"Raw_{name}")
            one.unlink()


HOLD = {"xdas-groups": xdas_groups, "xdas-sampled": xdas_sampled_groups, "xdas-variables": xdas_variables,
        "terra15": terra15, "dasdae": dasdae, "prodml": prodml}


def go(tmp_path, input_=(), status=0, *args, name="out"):
    cfg = rig.config(tmp_path / "c.yaml", tmp_path / "in", [], tmp_path / name, input_=list(input_))
    return rig.run("run", cfg, *args, status=status)


def result(out):
    parts = sorted((rig.read_lane(p) for p in rig.lanes(out)), key=lambda p: p.t[0])
    return np.concatenate([p.t for p in parts]), np.concatenate([p.y for p in parts])


def samples(k, n=N):
    return rig.noise(n, NC, 7 + k)


@pytest.fixture
def box(tmp_path):
    (tmp_path / "in").mkdir()
    return tmp_path


@pytest.mark.parametrize("layout", HOLD)
def test_datasets_that_follow_each_other_are_one_archive(box, layout):
    HOLD[layout](box / "in" / "a.h5", ["velocity", "b"], [grid(0), grid(1)], [samples(0), samples(1)])
    go(box, status=(0, 10))
    t, y = result(box / "out")
    if layout == "xdas-variables":  # another variable is another quantity, by its name
        assert np.array_equal(y, samples(0)) or np.array_equal(y, samples(1))
        return
    assert np.array_equal(t, np.r_[grid(0), grid(1)])
    assert np.array_equal(y, np.r_[samples(0), samples(1)])


@pytest.mark.parametrize("layout", HOLD)
def test_of_simultaneous_ones_one_is_read_and_the_other_said(box, layout):
    HOLD[layout](box / "in" / "a.h5", ["velocity", "b"], [grid(0, N), grid(0, N)], [samples(0), samples(1)])
    go(box, status=(0, 10))
    t, y = result(box / "out")
    assert np.array_equal(t, grid(0)) and any(np.array_equal(y, samples(k)) for k in (0, 1))
    assert [v["kind"] for v in rig.report(box / "out")["ledger"]].count("left_out") == 1
    f, = rig.json.loads(rig.run("inspect", "--json", box / "in", status=0).stdout)["files"]
    assert "left out" in f["odd"] and ("velocity" in f["odd"] or "b" in f["odd"])


@pytest.mark.parametrize("layout", HOLD)
@pytest.mark.parametrize("k", [0, 1])
def test_input_dataset_picks_by_name_and_by_glob(box, layout, k):
    HOLD[layout](box / "in" / "a.h5", ["velocity", "b"], [grid(0, N), grid(0, N)], [samples(0), samples(1)])
    name = ["velocity", "b"][k]
    f, = rig.json.loads(rig.run("inspect", "--json", box / "in", status=0).stdout)["files"]
    for pattern in (f"*{name}", f"*{name}*"):
        cfg = [f'dataset: "{pattern}"']
        if layout.startswith("xdas-") and layout != "xdas-variables":
            cfg = [f'dataset: "{name}/*"']
        go(box, cfg, (0, 10), name=f"out{pattern.count('*')}")
        t, y = result(box / f"out{pattern.count('*')}")
        assert np.array_equal(t, grid(0)) and np.array_equal(y, samples(k)), pattern
    done = go(box, ["dataset: nonesuch"], 3, name="none")
    assert "nonesuch" in done.stderr


@pytest.mark.parametrize("layout", [k for k in HOLD if k != "terra15"])
def test_another_rate_is_left_out(box, layout):
    """The larger one stays: 600 rows at 100 Hz against 300 at 50 Hz."""
    slow = grid(5, 300, 20_000_000)
    if layout in ("xdas-groups", "xdas-sampled"):
        two = {"xdas-groups": writers.xdas, "xdas-sampled": writers.xdas_sampled}[layout]
        with h5py.File(box / "in" / "a.h5", "w") as h:
            for name, t, x, rate in (("a", grid(0), samples(0), 100), ("b", slow, samples(1, 300), 50)):
                two(box / "one.h5", x, t, rate, NC)
                with h5py.File(box / "one.h5") as src:
                    h.attrs.update(src.attrs)
                    for k in src:
                        src.copy(k, h.require_group(name))
    else:
        HOLD[layout](box / "in" / "a.h5", ["a", "b"], [grid(0), slow], [samples(0), samples(1, 300)])
        if layout == "prodml":
            with h5py.File(box / "in" / "a.h5", "r+") as h:
                h["Acquisition/Raw_b"].attrs["OutputDataRate"] = 50.0
    go(box, status=(0, 10))
    assert np.array_equal(result(box / "out")[1], samples(0))
    assert [v["kind"] for v in rig.report(box / "out")["ledger"]].count("left_out") == 1


@pytest.mark.parametrize("names", [("raw", "data"), ("raw", "filtered"), ("data", "a_first_by_name")])
def test_bare_with_several_arrays(box, names):
    x, y = samples(0), samples(1)
    with h5py.File(box / "in" / "a.h5", "w") as h:
        h[names[0]], h[names[1]], h["timestamps"] = x, y, grid() / 1e9
        h["other"] = np.zeros((5, 4))
    go(box)
    assert np.array_equal(result(box / "out")[1], x)
    assert [v["kind"] for v in rig.report(box / "out")["ledger"]] == ["left_out"]
    go(box, [f"dataset: {names[1]}"], name="two")
    assert np.array_equal(result(box / "two")[1], y)


def test_a_map_names_several_by_a_pattern(box):
    with h5py.File(box / "in" / "a.h5", "w") as h:
        h["acq/ch_a"], h["acq/ch_b"], h["acq/t"] = samples(0), samples(1), grid()
        h["acq/note"] = np.zeros(3)
    how = 'map: {data: "/acq/ch_*", axes: [time, channel], start: {dataset: /acq/t, unit: ns}}'
    go(box, [how])
    assert np.array_equal(result(box / "out")[1], samples(0))
    assert [v["kind"] for v in rig.report(box / "out")["ledger"]] == ["left_out"]
    go(box, [how, "dataset: acq/ch_b"], name="two")
    assert np.array_equal(result(box / "two")[1], samples(1))
    assert np.array_equal(result(box / "two")[0], grid())
