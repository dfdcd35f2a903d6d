"""One bit pattern: whatever the launch, the order of the files, or the way the archive grew."""
import itertools
import random
import shutil

import pytest

import rig
from promises import TORTURE, figure

RATE, NC = 100, 12
CHAIN = ["bandpass: {band: 8..20 Hz, order: 4, phase: zero}", "decimate: {factor: 2}"]


@pytest.fixture(scope="module")
def grown(tmp_path_factory):
    """Five minutes from 20 s before a full minute on, files of 25 s; lanes of one minute each."""
    top = tmp_path_factory.mktemp("grown")
    x = rig.noise(300 * RATE, NC)
    files = rig.archive(top / "in", x, RATE, 25 * RATE, rig.T0 + 40 * rig.S)
    return top, files


def finished(top, name, files, status=0, chain=CHAIN, run_=("memory: 512 MiB", "io_threads: 2"), **kw):
    out = rig.fresh(top / name)
    cfg = rig.config(top / f"{name}.yaml", files, chain, out, run_=run_)
    rig.run("run", cfg, status=status, **kw)
    return rig.digests(out)


@pytest.fixture(scope="module")
def reference(grown):
    top, files = grown
    out = finished(top, "reference", [top / "in"])
    assert len(out) == 6 + 2  # lanes of 00:00:40, 00:01 .. 00:05, master and index
    return out


@pytest.mark.parametrize("ranks,threads", itertools.product([0, 1, 2, 3, 4], [1, 2]))
def test_no_bit_depends_on_the_launch(grown, reference, ranks, threads):
    top, _ = grown
    for io, memory in itertools.product([1, 3], ["512 MiB", "2 GiB"]):
        got = finished(top, "launch", [top / "in"], ranks=ranks, threads=threads,
                       run_=(f"memory: {memory}", f"io_threads: {io}"))
        assert got == reference, (io, memory)


@pytest.mark.skipif(not TORTURE, reason="MILLRACE_TORTURE=1 does it; a part of it is above")
@pytest.mark.parametrize("ranks", [1, 2, 3, 4, 7])
def test_one_digest_over_ranks_threads_and_orders(grown, reference, ranks):
    """At every launch the files are given in another order."""
    top, files = grown
    for threads in (1, 2, 4):
        order = files[:]
        random.Random(ranks * 10 + threads).shuffle(order)
        assert finished(top, "order", order, ranks=ranks, threads=threads) == reference, threads
    figure("one digest over ranks 1, 2, 3, 4, 7 x threads 1, 2, 4, files in shuffled order", 3, 3)


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """Several blocks a lane (2 kHz), coupled channels, a stride, chunked and compressed input."""
    top = tmp_path_factory.mktemp("wide")
    x = rig.noise(150 * 2000, 9, 3)
    rig.archive(top / "in", x, 2000, 37 * 2000, rig.T0 + 7 * rig.S, chunks=(4000, 4), compression="gzip",
                compression_opts=1, shuffle=True, fletcher32=True)
    return top


@pytest.mark.parametrize("ranks,threads,io", [(1, 2, 3), (2, 1, 1), (3, 2, 3)])
def test_no_bit_of_a_coupled_chain_over_several_blocks(wide, ranks, threads, io):
    chain = ["highpass: {corner: 5 Hz, phase: causal}", "common_mode: {kind: median}",
             "lowpass: {corner: 200 Hz}", "rms: {window: 100 ms, step: 10 ms}"]
    one = finished(wide, "one", [wide / "in"], chain=chain, run_=("memory: 1 GiB", "io_threads: 1"))
    got = finished(wide, "more", [wide / "in"], chain=chain, ranks=ranks, threads=threads,
                   run_=("memory: 2 GiB", f"io_threads: {io}"))
    assert got == one


def test_no_bit_depends_on_the_order_of_files(grown, reference):
    top, files = grown
    for seed, ranks in ((1, 0), (2, 2)):
        order = files[:]
        random.Random(seed).shuffle(order)
        assert finished(top, "order", order, ranks=ranks) == reference


def test_no_bit_depends_on_how_files_are_named_in_the_config(grown, reference):
    top, files = grown
    glob = str(top / "in" / "rec_*.h5")
    assert finished(top, "glob", [glob]) == reference
    assert finished(top, "twice", [glob, top / "in", files[3]]) == reference


@pytest.mark.parametrize("late", ["end", "middle", "front", "both ends", "one by one"])
def test_an_archive_that_grew_gives_what_one_run_over_all_gives(grown, reference, tmp_path, late):
    """The same base names arrive later: the finished folder is the one of a single run."""
    _, files = grown
    n = len(files)
    steps = {"end": [files[:7], files[7:]], "middle": [files[:4] + files[6:], files[4:6]],
             "front": [files[5:], files[:5]], "both ends": [files[4:6], files[:4] + files[6:]],
             "one by one": [[f] for f in files]}[late]
    assert sorted(itertools.chain(*steps)) == sorted(files) and n == 12
    cfg = rig.config(tmp_path / "c.yaml", [tmp_path / "in"], CHAIN, tmp_path / "out")
    (tmp_path / "in").mkdir()
    for k, step in enumerate(steps):
        for f in step:
            shutil.copy2(f, tmp_path / "in" / f.name)
        rig.run("run", cfg, status=0, ranks=2 if k % 2 else 0)
        rig.run("verify", tmp_path / "out", status=0)
    assert rig.digests(tmp_path / "out") == reference


def test_growth_at_the_front_moves_a_grid_that_starts_with_the_span(grown, tmp_path):
    """align: span: with an earlier start all output samples move; lanes of the old grid go."""
    _, files = grown
    chain = ["rms: {window: 170 ms}", "decimate: {factor: 3, align: span}"]
    cfg = rig.config(tmp_path / "c.yaml", [tmp_path / "in"], chain, tmp_path / "out")
    (tmp_path / "in").mkdir()
    for step in (files[7:], files[3:7], files[:3]):
        for f in step:
            shutil.copy2(f, tmp_path / "in" / f.name)
        rig.run("run", cfg, status=0)
        rig.run("verify", tmp_path / "out", status=0)
    want = finished(tmp_path, "all", [tmp_path / "in"], chain=chain)
    assert rig.digests(tmp_path / "out") == want


def test_growth_at_the_end_leaves_old_lanes_alone(grown, tmp_path):
    """Lanes whose context was complete are not touched: same file, same mtime."""
    _, files = grown
    cfg = rig.config(tmp_path / "c.yaml", [tmp_path / "in"], CHAIN, tmp_path / "out")
    (tmp_path / "in").mkdir()
    for f in files[:8]:  # until 00:04:00
        shutil.copy2(f, tmp_path / "in" / f.name)
    rig.run("run", cfg, status=0)
    before = {p.name: p.stat().st_mtime_ns for p in rig.lanes(tmp_path / "out")}
    for f in files[8:]:
        shutil.copy2(f, tmp_path / "in" / f.name)
    rig.run("run", cfg, status=0)
    after = {p.name: p.stat().st_mtime_ns for p in rig.lanes(tmp_path / "out")}
    kept = [n for n in before if after[n] == before[n]]
    assert len(before) == 4 and kept == sorted(before)[:3]
    work = rig.report(tmp_path / "out")["work"]
    assert (work["lanes_known"], work["lanes_redone"], work["files_probed"]) == (3, 1, 4)


def test_a_part_of_the_time_gives_the_same_samples(grown, reference):
    """input.time selects the output; files outside it are context. A job array over minutes."""
    top, _ = grown
    out = rig.fresh(top / "whole_time")
    rig.run("run", rig.config(top / "w.yaml", [top / "in"], CHAIN, out), status=0)
    whole = dict((p.name, rig.read_lane(p)) for p in rig.lanes(out))
    seen = 0
    for minute in range(6):
        part = rig.fresh(top / f"minute{minute}")
        time = f"time: 2026-01-01T00:{minute:02}:00Z .. 2026-01-01T00:{minute + 1:02}:00Z"
        rig.run("run", rig.config(top / "p.yaml", [top / "in"], CHAIN, part, input_=[time]), status=0)
        for p in rig.lanes(part):
            a, b = rig.read_lane(p), whole[p.name]
            assert (a.t == b.t).all() and a.y.tobytes() == b.y.tobytes()
            seen += 1
    assert seen == 6
