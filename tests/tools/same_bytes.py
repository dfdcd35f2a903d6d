"""Do two builds write the same bytes? For changes that must not move any.

usage: same_bytes.py OLD NEW [WORD]       two millrace binaries; WORD: only chains that have it

Archives with gaps, overlaps, NaN, chunks that are damaged, a stride of channels; chains that give
samples, rows and sums, each plain and deflated; OLD runs once, NEW at several launches. Every file of
the output that must not depend on how it was computed is compared. Status 1 when one differs."""
import itertools
import os
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
import rig  # noqa: E402

LAUNCHES = [dict(ranks=0, threads=1, io=1, memory="512 MiB"), dict(ranks=0, threads=2, io=3, memory="2 GiB"),
            dict(ranks=2, threads=2, io=2, memory="700 MiB")]

SAMPLES = [
    [],
    ["bandpass: {band: 5..20 Hz, order: 4, phase: zero}", "decimate: {factor: 4}"],
    ["detrend: {window: 10 s}", "taper: {length: 1 s, window: 10 s}", "lowpass: {corner: 20 Hz}"],
    ["highpass: {corner: 2 Hz, phase: causal}", "common_mode: {kind: median}", "lowpass: {corner: 20 Hz}",
     "rms: {window: 500 ms, step: 100 ms}"],
    ["common_mode"],
    ["common_mode", "abs"],
    ["whiten: {band: 5..20 Hz, window: 10 s}", "common_mode"],
    ["integrate: {above: 0.5 Hz}", "notch: {frequency: 25 Hz}", "resample: {rate: 40 Hz}", "abs",
     "clip: {min: 0, max: 300}"],
    ["demean: {window: 1 min}", "stalta: {sta: 500 ms, lta: 5 s}"],
]
ROWS = [
    ["psd: {segment: 256, interval: 20 s}"],
    ["common_mode", "stats: {interval: 10 s, what: rms}"],
    ["bandpass: {band: 5..20 Hz}", "stats: {interval: 10 s, what: [rms, max_abs, count]}"],
    ["correlate: {sources: [4, 30], window: 10 s, stack: 1 min, max_lag: 2 s}"],
    ["bandpass: {band: 5..20 Hz}", "decimate: {factor: 2}", "common_mode",
     "correlate: {sources: [4, 30], window: 10 s, stack: 1 min, max_lag: 2 s}"],
    ["common_mode", "highpass: {corner: 2 Hz}",
     "correlate: {sources: 8, window: 10 s, stack: all, max_lag: 1 s}"],
    ["highpass: {corner: 2 Hz}", "psd: {segment: 256, interval: all}"],
]


def archives(top):
    """clean: 45 channels at 100 Hz over four minutes and a gap; hurt: NaN, packed chunks of which one
    is damaged, an overlap; fast: 2 kHz, several blocks a lane."""
    a, b = rig.noise(24000, 45), rig.noise(7300, 45, 2)
    rig.archive(top / "clean", a, 100, 1700, rig.T0 + 13370 * 10**6)
    rig.archive(top / "clean", b, 100, 1700, rig.T0 + 294 * rig.S)
    a, b = a.copy(), b.copy()
    a[3000:3100, 5] = a[9000:, 33] = a[12000:12003] = np.nan
    b[:, 40] = np.nan
    files = rig.archive(top / "hurt", a, 100, 1700, rig.T0 + 13370 * 10**6, chunks=(200, 10), compression="gzip",
                        shuffle=True, fletcher32=True)
    rig.archive(top / "hurt", b, 100, 1700, rig.T0 + 250 * rig.S)  # its first files overlap the others
    at = files[3].stat().st_size // 2
    with open(files[3], "r+b") as f:
        f.seek(at)
        f.write(bytes(255 - x for x in files[3].read_bytes()[at:at + 8]))
    rig.archive(top / "fast", rig.noise(60 * 2000, 40, 3), 2000, 17 * 2000, rig.T0 + 7 * rig.S, chunks=(4000, 16))
    return ["clean", "hurt", "fast"]


def run(binary, top, name, folder, chain, launch, **sections):
    out = rig.fresh(top / name)
    cfg = rig.config(top / f"{name}.yaml", [top / folder], chain, out,
                     run_=(f"memory: {launch['memory']}", f"io_threads: {launch['io']}"), **sections)
    rig.BINARY = Path(binary).resolve()
    done = rig.run("run", cfg, ranks=launch["ranks"], threads=launch["threads"], timeout=300)
    return done.returncode, rig.digests(out), done.stderr


def differing(old, new):
    return sorted(k for k in old.keys() | new.keys() if old.get(k) != new.get(k))


def compare(args, top, folder, chain, sections):
    want = run(args[0], top, "old", folder, chain, LAUNCHES[0], **sections)
    bad = []
    if want[0] not in (0, 10) or not want[1]:
        bad.append(f"the old one ended with {want[0]}: {want[2][-300:]}")
    for launch in LAUNCHES:
        got = run(args[1], top, "new", folder, chain, launch, **sections)
        if got[0] != want[0]:
            bad.append(f"{launch}: status {got[0]}, was {want[0]}: {got[2][-300:]}")
        elif differing(want[1], got[1]):
            bad.append(f"{launch}: {', '.join(differing(want[1], got[1]))}")
    return len(want[1]), bad


def main(args):
    top = Path(tempfile.mkdtemp(prefix="same_bytes_", dir=os.environ.get("TMPDIR", "/tmp")))
    failed = files = 0
    try:
        for folder, chain in itertools.product(archives(top), SAMPLES + ROWS):
            if len(args) > 2 and not any(args[2] in x for x in chain):
                continue
            deflated = SAMPLES.index(chain) % 2 if chain in SAMPLES else ROWS.index(chain) % 2
            sections = dict(output_=["compress: deflate"] if deflated else [],
                            input_=['channels: "0..44:2"'] if folder == "clean" and len(chain) == 3 else [])
            n, bad = compare(args, top, folder, chain, sections)
            files += n
            failed += bool(bad)
            print("DIFFERS" if bad else "same", folder, n, "files:", " | ".join(chain) or "copy", flush=True)
            for line in bad:
                print("   ", line)
    finally:
        shutil.rmtree(top, ignore_errors=True)
    print(f"{files} files, {failed} chains differ")
    return 1 if failed or not files else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
