"""Values on their way from a recorder's file into ours: precision, what is no number, what does not
change, what was packed; against numpy in float64."""
import h5py
import numpy as np
import pytest

import rig

RATE, NC = 100, 35  # two tiles of channels
BIG = 2**30  # float32 has a step of 64 there


def counts(n, seed=1, at=BIG):
    """int32 of +-8 counts on an offset."""
    return (at + np.random.default_rng(seed).integers(-8, 9, (n, NC))).astype("i4")


@pytest.fixture(scope="module")
def big(tmp_path_factory):
    top = tmp_path_factory.mktemp("big")
    x = counts(9000)
    rig.archive(top / "in", x, RATE, 2500)
    return top, x


def run(top, chain, name, *more, launch=(0, 1), status=0, **sections):
    out = top / name
    cfg = rig.config(top / f"{name}.yaml", [top / "in"], chain, out, **sections)
    rig.run("run", cfg, *more, ranks=launch[0], threads=launch[1], status=status)
    if status == 0:
        rig.run("verify", out, status=0)
    return out


# --- output.type

@pytest.mark.parametrize("compress", ["none", "deflate"])
def test_float64_holds_every_count(big, compress):
    top, x = big
    how = ["type: float64", f"compress: {compress}"]
    want = None
    for launch in [(0, 1), (2, 2)]:
        out = run(top, [], f"f64_{compress}_{launch[0]}", launch=launch, output_=how)
        got = rig.digests(out)
        assert want is None or got == want
        want = got
    (_, y), = rig.output(out)
    assert y.dtype == np.float64 and np.array_equal(y, x)
    with h5py.File(out / "master.h5") as h:
        assert h["strain_rate"].dtype == np.float64 and np.array_equal(h["strain_rate"][:], x)
    with h5py.File(rig.lanes(out)[0]) as h:  # as DASCore sees it
        w, = h["waveforms"].values()
        assert w["data"].dtype == np.float64 and np.array_equal(w["data"][:], y[:len(w["data"])])
    rig.run("view", out, "-o", top / f"{compress}.png", status=0)


def test_float32_is_what_it_was(big):
    top, x = big
    (_, y), = rig.output(run(top, [], "f32"))
    assert y.dtype == np.float32 and np.array_equal(y, x.astype("f4"))


def test_rows_of_a_product_in_float64(big):
    """2^30 + something: in float32 the mean of a window is off by up to 32."""
    top, x = big
    out = run(top, ["stats: {interval: 10 s, what: [mean, max_abs]}"], "stats64", output_=["type: float64"])
    with h5py.File(out / "master.h5") as h:
        v = h["statistics"] if "statistics" in h else next(h[k] for k in h if h[k].ndim == 3)
        assert v.dtype == np.float64
        w = x.astype("f8").reshape(9, 1000, NC)
        names = [s.decode() for s in h["statistic"][:]]
        assert np.allclose(v[:, names.index("mean")], w.mean(1), rtol=1e-15, atol=0)
        assert np.array_equal(v[:, names.index("max_abs")], np.abs(w).max(1))


def test_sums_of_all_end_in_float64(big):
    """result.h5 is the float64 mean; the float32 one is that, rounded."""
    top, _ = big
    chain = ["psd: {segment: 1024, interval: all}"]
    with h5py.File(run(top, chain, "all64", output_=["type: float64"]) / "result.h5") as a, \
            h5py.File(run(top, chain, "all32") / "result.h5") as b:
        y, z = a["psd"][:], b["psd"][:]
    assert (y.dtype, z.dtype) == (np.float64, np.float32)
    assert np.array_equal(y.astype("f4"), z) and not np.array_equal(y, z)


def test_the_type_is_part_of_what_a_folder_is(big):
    top, _ = big
    out = run(top, [], "twice")
    cfg = rig.config(top / "twice64.yaml", [top / "in"], [], out, output_=["type: float64"])
    assert "type float64" in rig.run("run", cfg, status=2).stderr
    assert rig.read_lane(rig.lanes(out)[0]).y.dtype == np.float32


def test_another_word_is_refused(big):
    top, _ = big
    cfg = rig.config(top / "word.yaml", [top / "in"], [], top / "word", output_=["type: double"])
    done = rig.run("check", cfg, status=2)
    assert "float32 or float64" in done.stderr and ":6:" in done.stderr
