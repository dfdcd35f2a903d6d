"""Recorders that start at any times, or go at nearly equal rates, brought to one grid: against the sinc in
numpy at places by the stamps (tests/ops/forms.py)."""
import sys

import numpy as np
import pytest

import rig

sys.path.append(str(rig.ROOT / "tests" / "ops"))
from forms import sinc_at  # noqa: E402

RATE, NC, ROWS = 250, 7, 5000
MONTHS = 150 * 86400 * rig.S


def record(folder, x, t0_ns, rate=RATE, ppm=0):
    """Files of ROWS samples whose own stamps, whole us, start where a clock `ppm` off has them; nominal rate
    inside. Gives the folder and when each sample was taken after T0: lines from file to file."""
    starts = [(t0_ns + round(k * rig.S / rate * (1 + ppm * 1e-6))) // 1000 * 1000 for k in range(0, len(x), ROWS)]
    for i, t in enumerate(starts):
        rig.prodml(folder / f"{rig.name_at(t)}.h5", x[i * ROWS:(i + 1) * ROWS], t, rate)
    step = rig.S / rate
    own = [t - rig.T0 + np.arange(ROWS) * ((starts[i + 1] - t) / ROWS if ppm and i + 1 < len(starts) else step)
           for i, t in enumerate(starts)]
    return folder, np.concatenate(own)[:len(x)]


def run(tmp_path, folder, chain, name="out", status=0, **launch):
    cfg = rig.config(tmp_path / f"{name}.yaml", [folder], chain, rig.fresh(tmp_path / name))
    done = rig.run("run", cfg, status=status, **launch)
    return done.stderr if status else tmp_path / name


@pytest.mark.parametrize("off_ns", [0, 1000, 1_234_000, 1_999_000, 2_001_000, 3_999_000])
@pytest.mark.parametrize("later", [0, MONTHS])
def test_samples_of_any_start_come_to_the_grid(tmp_path, off_ns, later):
    x, t0 = rig.noise(30000, NC), rig.T0 + later + 7 * rig.S + off_ns
    out = run(tmp_path, record(tmp_path / "in", x, t0)[0], ["align"])
    (t, y), = rig.output(out)
    assert (t % 4_000_000 == 0).all() and (np.diff(t) == 4_000_000).all() and len(t) == len(x)
    assert abs(int(t[0]) - t0) <= 2_000_000
    at = (t - t0) / 4e6
    rig.near(y, sinc_at(x.astype(float), at))
    if off_ns == 0:
        assert np.array_equal(y, x)


@pytest.mark.parametrize("ppm", [15, -15])
def test_a_clock_that_drifts_is_followed_from_file_to_file(tmp_path, ppm):
    """15 ppm of 160 s are 2.4 ms, 0.6 samples."""
    x, t0 = rig.noise(40000, NC), rig.T0 + 11 * rig.S + 700_000
    folder, own = record(tmp_path / "in", x, t0, ppm=ppm)
    out = run(tmp_path, folder, ["align"])
    (t, y), = rig.output(out)
    assert (t % 4_000_000 == 0).all() and (np.diff(t) == 4_000_000).all()
    at = np.interp(t - rig.T0, own, np.arange(len(x)), left=np.nan, right=np.nan)
    inside = np.isfinite(at)
    ref = sinc_at(x.astype(float), at[inside])
    assert inside.sum() > len(x) - 3
    assert np.abs(y[inside] - ref).max() <= 1e-6 * np.abs(ref).max()


def test_more_drift_than_is_said_is_refused_by_name(tmp_path):
    x, t0 = rig.noise(40000, 2), rig.T0
    folder, _ = record(tmp_path / "in", x, t0, ppm=100)
    said = run(tmp_path, folder, ["align: {drift: 5 ms}"], status=2)
    assert "stamps are 0.014 s off" in said and "rec_20260101T0002" in said
    run(tmp_path, folder, ["align: {drift: 20 ms}"])


def test_two_recorders_share_a_grid(tmp_path):
    """One of 250 Hz, one of 249.99731 Hz that began elsewhere, hear the same waves. Their files' stamps are whole
    us, in which the faster wave changes by 2e-4."""
    def wave(after_ns):
        t = np.asarray(after_ns)[:, None] * 1e-9
        return np.sin(2 * np.pi * 31 * t) + np.sin(2 * np.pi * 7.3 * t + np.arange(NC))
    got = {}
    for name, rate, t0 in [("a", 250, rig.T0 + 3 * rig.S + 1_234_000), ("b", 249.99731, rig.T0 + 5 * rig.S + 7000)]:
        n = round(90 * rate)
        record(tmp_path / name, wave(t0 - rig.T0 + np.arange(n) * (rig.S / rate)), t0, rate)
        (time, y), = rig.output(run(tmp_path, tmp_path / name, ["align", "resample: {rate: 250 Hz}"], f"out{name}"))
        got[name] = dict(zip(time.tolist(), y))
    both = sorted(got["a"].keys() & got["b"].keys())
    assert len(both) > 250 * 87 and all(t % 4_000_000 == 0 for t in both)
    a, b = (np.array([got[k][t] for t in both[300:-300]]) for k in "ab")
    assert np.abs(a - b).max() < 4e-4 and np.abs(a - wave([t - rig.T0 for t in both[300:-300]])).max() < 4e-4


@pytest.mark.parametrize("ranks,threads", [(2, 1), (3, 2)])
def test_same_bytes_over_launches(tmp_path, ranks, threads):
    folder, _ = record(tmp_path / "in", rig.noise(60000, 40), rig.T0 + 1_700_000, ppm=10)
    chain = ["align", "decimate: {factor: 5}", "resample: {rate: 49.9973 Hz}"]
    one = run(tmp_path, folder, chain)
    more = run(tmp_path, folder, chain, "more", ranks=ranks, threads=threads)
    assert rig.digests(more) == rig.digests(one)
    rig.run("verify", more, status=0)


def test_it_comes_before_what_changes_the_rate(tmp_path):
    folder, _ = record(tmp_path / "in", rig.noise(5000, 2), rig.T0)
    said = run(tmp_path, folder, ["decimate: {factor: 5}", "align"], status=2)
    assert "it comes before decimate" in said
