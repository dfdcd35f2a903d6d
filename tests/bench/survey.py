"""make bench-survey: how long a run over very many small files takes before it reads. Writes FILES of them
once (one second, eight channels), reduces them (stats), then runs again on the survey kept in the output
folder; page cache warm. Prints files per second; status 1 below 2,000 afresh or 50,000 from what was kept.
Then files of 60,000 stamps, all of which are looked at: status 1 below half the speed of reading those bytes.

usage: survey.py [FILES]        default: 40000
"""
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TOP = Path(os.environ.get("MILLRACE_BENCH", ROOT))  # data/ and out/ go there
sys.path.insert(0, str(HERE))
from measure import adopt_orphans, timed  # noqa: E402

BINARY = Path(os.environ.get("MILLRACE", ROOT / "build" / "millrace"))
LEAST = {"afresh": 2000, "kept": 50000}


def surveyed(config, out):
    """Seconds that the survey of a run took; None: it failed."""
    subprocess.run(["rm", "-rf", out], check=True)
    done = timed([str(BINARY), "run", str(config), "--progress", "never"], dict(os.environ))
    if done.status != 0:
        print(done.talk, file=sys.stderr)
        return None
    return json.loads((out / "report.json").read_text())["timing"]["survey_s"]


def reading(files, threads):
    """Seconds to read all bytes of the files with so many threads."""
    def read(path):
        fd = os.open(path, os.O_RDONLY)
        while os.read(fd, 1 << 20):
            pass
        os.close(fd)

    at = time.monotonic()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(read, files))
    return time.monotonic() - at


def stamps(n=400, rows=60_000, threads=2):
    """Files of one channel: four fifths of their bytes are stamps. What files of one second take is taken off."""
    took = {}
    for length in (1, rows // 1000):
        files = TOP / "data" / "bench" / f"stamps_{length}_{n}"
        out = TOP / "out" / "bench" / "survey"
        if not files.exists():
            subprocess.run([BINARY, "synth", files, "--files", str(n), "--file-length", f"{length}s", "--rate", "1000Hz",
                            "--channels", "1", "--dtype", "int16", "--quiet"], check=True)
        config = out.with_suffix(".yaml")
        config.write_text(f"input: {{files: {files}}}\nchain:\n  - stats: {{interval: 10 min}}\n"
                          f"output: {{folder: {out}}}\nrun: {{io_threads: {threads}}}\n")
        reading(files.glob("*.h5"), threads)  # warm
        took[length] = min((surveyed(config, out) or 1e9) for _ in range(3))
    paths = list(files.glob("*.h5"))
    alone = min(reading(paths, threads) for _ in range(3)) * rows * 8 / (sum(p.stat().st_size for p in paths) / n)
    mb = n * rows * 8e-6
    spent = max(took[rows // 1000] - took[1], 1e-9)
    print(f"| stamps of a file | files | s | stamps MB/s | at least (half of reading them) |\n|---|---|---|---|---|\n"
          f"| {rows} | {n} | {took[rows // 1000]:.3f} | {mb / spent:.0f} | {mb / alone / 2:.0f} |", flush=True)
    return mb / spent >= mb / alone / 2


def main(n):
    adopt_orphans()
    files, out = TOP / "data" / "bench" / f"small_{n}", TOP / "out" / "bench" / "survey"
    out.parent.mkdir(parents=True, exist_ok=True)
    if not files.exists():
        files.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([BINARY, "synth", files, "--files", str(n), "--file-length", "1s", "--rate", "50Hz",
                        "--channels", "8", "--quiet"], check=True)
    config = out.with_suffix(".yaml")
    config.write_text(f"input: {{files: {files}}}\nchain:\n  - stats: {{interval: 10 min}}\n"
                      f"output: {{folder: {out}}}\n")
    subprocess.run(["rm", "-rf", out], check=True)
    slow = False
    print("| survey | files | s | files/s | at least | whole run s |\n|---|---|---|---|---|---|")
    for how, least in LEAST.items():
        done = timed([str(BINARY), "run", str(config), "--progress", "never"], dict(os.environ))
        if done.status != 0:
            print(done.talk, file=sys.stderr)
            return 1
        survey_s = json.loads((out / "report.json").read_text())["timing"]["survey_s"]
        print(f"| {how} | {n} | {survey_s:.2f} | {n / survey_s:.0f} | {least} | {done.wall_s:.2f} |", flush=True)
        slow |= n / survey_s < least
    slow |= not stamps()
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 40000))
