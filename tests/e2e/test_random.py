"""Random archives, random chains: one launch, another launch, and growth in random pieces with kills and
files that are wrong for a while give one folder. MILLRACE_SEEDS=100..200 tries others."""
import os
import random
import shutil
import time

import h5py
import numpy as np
import pytest

import rig

first, last = map(int, os.environ.get("MILLRACE_SEEDS", "0..8").split(".."))
SEEDS = [*range(first, last)] + [26] * ("MILLRACE_SEEDS" not in os.environ)  # 26: stamps bend a lane's name


def operator(rng, rate):
    """A line of the chain, and the rate after it."""
    at = [round(f * rate / 2, 4) for f in sorted(rng.sample([.1, .2, .3, .45, .6, .8], 2))]
    phase = f"phase: {rng.choice(['zero', 'causal'])}"
    n = rng.randint(5, 200)
    up, down = rng.choice([(2, 5), (3, 2), (4, 5), (1, 3)])
    q = rng.choice([2, 3, 4, 5, 7, 20])
    align = f"align: {rng.choice(['utc', 'utc', 'span'])}"
    return rng.choice([
        (f"bandpass: {{band: {at[0]}..{at[1]} Hz, order: {rng.choice([1, 2, 4, 6])}, {phase}}}", rate),
        (f"bandstop: {{band: {at[0]}..{at[1]} Hz, order: 2}}", rate),
        (f"lowpass: {{corner: {at[1]} Hz, {phase}}}", rate), (f"highpass: {{corner: {at[0]} Hz, {phase}}}", rate),
        (f"notch: {{frequency: {at[0]} Hz, q: 5, {phase}}}", rate),
        (f"decimate: {{factor: {q}, {phase}, {align}}}", rate / q),
        (f"decimate: {{factor: {min(q, 7)}, kind: iir, {phase}, {align}}}", rate / min(q, 7)),
        (f"resample: {{rate: {rate * up / down!r} Hz}}", rate * up / down),
        (f"rms: {{window: {round(n / rate * 1e9)} ns}}", rate), ("clip: {min: -90, max: 120}", rate),
        (f"stalta: {{sta: {round(10 / rate * 1e9)} ns, lta: {round(100 / rate * 1e9)} ns}}", rate),
        (f"integrate: {{above: {at[0]} Hz}}", rate), ("integrate: {window: 2 s}", rate),
        ("differentiate: {}", rate), (f"detrend: {{window: {rng.choice(['2 s', '8 s', 'span'])}}}", rate),
        ("demean: {window: 7 s}", rate), ("common_mode: {kind: median}", rate),
        ("taper: {length: 1 s, window: 10 s}", rate)])


def chain_of(rng, rate, nc):
    lines = []
    for _ in range(rng.randint(0, 4)):
        line, after = operator(rng, rate)
        if after >= 4 and not (nc == 1 and "common" in line):
            lines.append(line)
            rate = after
    if rng.random() < .4 and rate >= 10:
        lines.append(rng.choice(["stats: {interval: 5 s, what: [mean, rms]}", "psd: {segment: 64, interval: 10 s}",
                                 "psd: {segment: 32, interval: all}", "psd: {segment: 64, interval: 1 min}"]))
    return lines


def damage(path):
    """One bit of the first chunk."""
    with h5py.File(path) as h:
        info = h["Acquisition/Raw[0]/RawData"].id.get_chunk_info(0)
    raw = bytearray(path.read_bytes())
    raw[info.byte_offset + info.size // 2] ^= 16
    path.write_bytes(raw)


def strangers(rng, folder, k, data, t, rate):
    """Now and then a duplicate, another channel count, another rate, a file that is none."""
    kind, nc, n = rng.random(), data.shape[1], int(5 * rate)
    if kind < .05:
        return [rig.prodml(folder / f"z{k:09}.h5", data, t, rate)]
    if kind < .1:
        return [rig.prodml(folder / f"q{k:09}.h5", rig.noise(n, nc + 1, k), t, rate)]
    if kind < .15:
        return [rig.prodml(folder / f"y{k:09}.h5", rig.noise(n, nc, k), t, rate / 2)]
    if kind < .2:
        (folder / f"t{k:09}.h5").write_text("x" * 1000)
        return [folder / f"t{k:09}.h5"]
    return []


def files_of(rng, folder, rate, nc, seed):
    """Gaps, overlaps (equal or not), starts off the grid, NaN, chunks (some damaged), strangers."""
    t = rig.T0 + round(rng.randint(0, 7000) / rate * rig.S) + rng.choice([0, 1234000, rng.randint(0, 10 ** 6) * 1000])
    chunks = (rng.randint(20, 3000), rng.randint(1, nc)) if rng.random() < .5 else None
    left, before, out = int(rng.randint(60, 250 if rate <= 100 else 100) * rate), None, []
    while left > 0:
        n, k = min(left, rng.randint(int(rate), int(40 * rate))), seed * 1000 + len(out)
        x = rig.noise(n, nc, k) + np.float32(50)
        if rng.random() < .15:
            x[rng.randrange(n):, rng.randrange(nc)][:int(rate)] = rng.choice([np.nan, np.inf])
        start = t + round(rng.choice([0, 0, 0, rng.uniform(-.3, .3)]) / rate * rig.S)
        if before is not None and rng.random() < .1 and min(n, len(before)) > 1:
            m = rng.randint(1, min(n, len(before)) - 1)
            start = t - round(m * rig.S / rate)
            if rng.random() < .5:
                x[:m] = before[-m:]
        how = dict(chunks=(min(chunks[0], n), chunks[1]), compression="gzip", fletcher32=True) if chunks else {}
        out.append(rig.prodml(folder / f"r{k:09}.h5", x, start // 1000 * 1000, rate, **how))
        if chunks and rng.random() < .05:
            damage(out[-1])
        out += strangers(rng, folder, k, x, start // 1000 * 1000, rate)
        left, t, before = left - n, start + round(n * rig.S / rate), x
        if rng.random() < .12:
            t += round(rng.randint(1, int(20 * rate)) * rig.S / rate)
    return out


def spoil(path):
    """Other samples in it, for a while."""
    try:
        with h5py.File(path, "r+") as h:
            h["Acquisition/Raw[0]/RawData"][:3] += 1
    except (OSError, KeyError):
        pass  # it is no such file, or damaged


def ledger(folder):
    return sorted((r["kind"], r["t0"], r["t1"], r["note"], os.path.basename(r["path"]))
                  for r in rig.report(folder)["ledger"])


def grow(rng, cfg, files, folder):
    """Pieces in any order; some runs are killed; one file is wrong until the last. Gives the status."""
    order = rng.sample(files, len(files))
    cuts = sorted(rng.sample(range(1, len(order)), min(3, len(order) - 1))) + [len(order)]
    wrong, done = rng.choice(files), 0
    for cut in cuts:
        for f in order[done:cut]:
            shutil.copy2(f, folder / f.name)
        done = cut
        if cut < len(order) and (folder / wrong.name).exists():
            spoil(folder / wrong.name)
        if cut == len(order):
            (folder / wrong.name).unlink()
            shutil.copy(wrong, folder / wrong.name)
        for _ in range(rng.randint(0, 1)):
            proc = rig.start("run", cfg, ranks=rng.choice([0, 2]))
            time.sleep(rng.uniform(.02, .4))
            rig.kill(rig.processes(proc) + [proc.pid])
            proc.communicate()
        status = rig.run("run", cfg, ranks=rng.choice([0, 0, 2])).returncode
    return status


@pytest.mark.parametrize("seed", SEEDS)
def test_random_archive(tmp_path, seed):
    rng = random.Random(seed)
    rate, nc = rng.choice([20, 50, 99.7, 100, 333.25, 200, 125, 2000]), rng.choice([1, 2, 5, 33])
    nc = min(nc, 5) if rate >= 1000 else nc
    chain = chain_of(rng, rate, nc)
    files = files_of(rng, tmp_path / "all", rate, nc, seed)
    (tmp_path / "in").mkdir()
    how = dict(run_=["memory: 1 GiB", f"io_threads: {rng.randint(1, 3)}"],
               output_=rng.choice([[], [], ["compress: deflate"]]))

    def config(name, source):
        return rig.config(tmp_path / f"{name}.yaml", [tmp_path / source], chain, tmp_path / name, **how)

    one = rig.run("run", config("one", "all"), status=(0, 10))
    want = rig.digests(tmp_path / "one")
    rig.run("run", config("two", "all"), ranks=rng.choice([2, 3]), threads=rng.choice([1, 2]), status=one.returncode)
    assert rig.digests(tmp_path / "two") == want
    assert grow(rng, config("grown", "in"), files, tmp_path / "in") == one.returncode
    assert rig.report(tmp_path / "grown")["kept"] == []
    assert rig.digests(tmp_path / "grown") == want
    assert ledger(tmp_path / "grown") == ledger(tmp_path / "one")
    rig.run("verify", tmp_path / "grown", status=0)
