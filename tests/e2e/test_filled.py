"""Operators that decide what NaN does, in whole runs: over files, lanes, blocks, strips, gaps, chunks that
cannot be read, launches; and what the ledger says of it. Against plain Python (tests/ops/forms.py)."""
import re
import sys

import numpy as np
import pytest

import rig

sys.path.append(str(rig.ROOT / "tests" / "ops"))
from forms import filled, fk_with_nan, interpolated, runs  # noqa: E402

RATE, NC = 2000, 20  # several blocks a lane
SPANS = [(7 * RATE, 150 * RATE), (161 * RATE, 33 * RATE)]  # first sample after T0, samples


def holed(seed, nt, nc, longest):
    rng, x = np.random.default_rng(seed), rig.noise(nt, nc, seed)
    for _ in range(400):
        t, c = rng.integers(nt), rng.integers(nc)
        x[t:t + rng.integers(1, longest), c] = np.nan
    x[:7, 1] = x[-5:, 2] = np.nan
    return x


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Gaps of all lengths up to twice what is filled, over the ends of files and lanes."""
    top, spans = tmp_path_factory.mktemp("filled"), []
    for k, (start, n) in enumerate(SPANS):
        x = holed(k, n, NC, 200)
        for lane in range(60 * RATE, n + start, 60 * RATE):  # the first samples of lanes
            t = lane - start
            if 200 < t < n:
                x[t - 60:t + 40, 3], x[t - 60:t + 41, 4], x[t:t + 100, 5], x[t - 100:t, 6] = [np.nan] * 4
        x[37 * RATE - 30:37 * RATE + 30, 8] = np.nan  # the end of a file
        x[:, 11] = np.nan
        rig.archive(top / "in", x, RATE, 37 * RATE, rig.T0 + start * rig.S // RATE)
        spans.append(x.astype(float))
    return top, spans


def run(top, out, chain, ranks=0, threads=1, memory="1 GiB", status=0, files=None, **sections):
    cfg = rig.config(top / "c.yaml", [files or top / "in"], chain, rig.fresh(out), run_=[f"memory: {memory}"], **sections)
    rig.run("run", cfg, status=status, ranks=ranks, threads=threads)
    rig.run("verify", out, status=0)
    return out


def taken(out, name):
    """Samples that the ledger says an operator took a value for."""
    rows = [r for r in rig.report(out)["ledger"] if r["kind"] == "filled"]
    assert all(re.match(rf"\d+ samples were NaN, {name} took a value for them: channel", r["note"]) for r in rows)
    return sum(r["count"] for r in rows)


@pytest.mark.parametrize("kind", ["linear", "zero"])
def test_short_gaps_are_filled_over_files_lanes_and_blocks(archive, tmp_path, kind):
    """50 ms are 100 samples. Between the recordings nothing is filled."""
    top, spans = archive
    out = run(top, tmp_path / "out", [f"fill: {{up_to: 50 ms, kind: {kind}}}"])
    got, n = rig.output(out), 0
    assert len(got) == len(spans)
    for (_, y), x in zip(got, spans):
        ref, some = filled(x, 100, kind)
        rig.near(y, ref)
        n += some
    assert taken(out, "fill") == n > 1000


@pytest.mark.parametrize("ranks,threads,memory", [(0, 2, "2 GiB"), (2, 1, "1 GiB"), (3, 2, "700 MiB")])
def test_one_after_the_other_over_launches(archive, tmp_path, ranks, threads, memory):
    """With a filter that forgets slowly, fewer channels, and holes in the array after it."""
    top, spans = archive
    chain = ["fill: {up_to: 20 ms}", "interpolate: {channels: [11, 0, 12]}", "channel_stack: {n: 2}",
             "decimate: {factor: 4}", "fill: {up_to: 50 ms, kind: zero}", "common_mode: {}"]
    one = run(top, tmp_path / "one", chain)
    ledger = rig.report(one)["ledger"]
    more = run(top, tmp_path / "more", chain, ranks, threads, memory)
    assert rig.digests(more) == rig.digests(one)
    assert rig.report(more)["ledger"] == ledger
    again = tmp_path / "c.yaml"
    rig.config(again, [top / "in"], chain, more, run_=["memory: 1 GiB"])
    rig.run("run", again, status=0)  # from lanes that are there
    assert rig.report(more)["ledger"] == ledger


def test_strips_are_all_channels_at_once(archive, tmp_path):
    top, spans = archive
    chain = ["interpolate: {channels: [6, 7, 11]}", "fill: {up_to: 30 ms}"]
    out = run(top, tmp_path / "out", chain, output_=["strip: 7"])
    n, refs = 0, []
    for x in spans:
        one = interpolated(x, [6, 7, 11])
        ref, some = filled(one, 60, "linear")
        refs.append(ref)
        n += some + (np.isnan(x) & ~np.isnan(one)).sum()
    rows = [r for r in rig.report(out)["ledger"] if r["kind"] == "filled"]
    assert sum(r["count"] for r in rows) == n
    whole = {}
    for p in rig.lanes(out):
        lane = rig.read_lane(p)
        whole.setdefault(lane.t[0], []).append((lane.x[0], lane.y))
    parts = [np.concatenate([y for _, y in sorted(v, key=lambda k: k[0])], axis=1) for _, v in sorted(whole.items())]
    rig.near(np.concatenate(parts), np.concatenate(refs))


def test_channels_of_a_table(archive, tmp_path):
    """As `quality` writes it; of channels that are not selected it may speak, a list may not."""
    top, spans = archive
    (tmp_path / "bad.csv").write_text("channel,what\n11,dead\n6,noisy\n7,noisy\n400,dead\n")
    one = run(tmp_path, tmp_path / "one", [f"interpolate: {tmp_path}/bad.csv"], files=top / "in")
    two = run(tmp_path, tmp_path / "two", ["interpolate: {channels: [6, 7, 11]}"], files=top / "in")
    for (_, y), (_, z), x in zip(rig.output(one), rig.output(two), spans):
        assert np.array_equal(y, z, equal_nan=True)
        rig.near(y, interpolated(x, [6, 7, 11]))
    for chain, words in [("{channels: [6, 400]}", "channel 400 is not among the selected ones"),
                         (f"{tmp_path}/none.csv", "none.csv"), (f"{tmp_path}/bad.txt", "a list of them")]:
        cfg = rig.config(tmp_path / "c.yaml", [top / "in"], [f"interpolate: {chain}"], tmp_path / "three")
        said = rig.run("check", cfg).stderr
        assert words in said and "c.yaml:4" in said, said


def test_rows_of_a_reducer_count_what_is_filled(archive, tmp_path):
    top, spans = archive
    out = run(top, tmp_path / "out", ["fill: {up_to: 50 ms}", "stats: {interval: 1 s, what: count}"])
    for (_, y), x in zip(rig.output(out, rig.S), spans):
        ref, _ = filled(x, 100, "linear")
        want = np.isfinite(ref).reshape(-1, RATE, NC).sum(axis=1)
        assert np.array_equal(np.nan_to_num(y), np.where(want < RATE / 2, 0, want))


def test_what_could_not_be_read_is_filled_too(tmp_path):
    """A chunk of 40 rows whose checksum is wrong, in two files."""
    x = rig.noise(24000, 6, 5)
    paths = rig.archive(tmp_path / "in", x, 100, 8000, chunks=(40, 6), fletcher32=True)
    for p in paths[:2]:
        data = bytearray(p.read_bytes())
        rows = x[4000:4040] if p == paths[0] else x[12000:12040]
        at = data.find(np.ascontiguousarray(rows).tobytes())
        assert at > 0
        data[at + 100] ^= 1
        p.write_bytes(data)
    out = run(tmp_path, tmp_path / "out", ["fill: {up_to: 400 ms}"], status=10)
    hole = x.astype(float)
    hole[4000:4040] = hole[12000:12040] = np.nan
    ref, n = filled(hole, 40, "linear")
    (_, y), = rig.output(out)
    rig.near(y, ref)
    assert taken(out, "fill") == n == 480
    out = run(tmp_path, tmp_path / "less", ["fill: {up_to: 390 ms}"], status=10)
    rig.near(rig.output(out)[0][1], hole)


@pytest.mark.parametrize("ranks,threads", [(0, 1), (2, 2)])
def test_a_fan_filter_over_holes_in_the_array(tmp_path, ranks, threads):
    """45 channels: up to four may be NaN at a time."""
    x = holed(9, 14000, 45, 30)
    x[6000 - 50:6000 + 50, 4:8] = x[9000:9002] = x[11000:11010, 3:8] = np.nan
    rig.archive(tmp_path / "in", x, 100, 1700, dx=1.0)
    out = run(tmp_path, tmp_path / "out", ["fk: {velocity: 30..300 m/s, band: 10..20 Hz}"], ranks, threads)
    ref = fk_with_nan(x.astype(float), (30, 300), (10, 20))
    (_, y), = rig.output(out)
    rig.near(y, ref)
    few = 10 * np.isnan(x).sum(axis=1) <= 45
    assert taken(out, "fk") == np.isnan(x)[few].sum()
    assert len(runs(np.isnan(y).all(axis=1))) > 1
