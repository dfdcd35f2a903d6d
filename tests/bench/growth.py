"""make bench-growth: does the cost grow with the samples, and the memory not? Longer and longer archives, 1 to
100 GB: files of their own as far as 0.6 of the free disk holds them, beyond that links to six files, which take their
time from their names and are read from the page cache; the table says which. Each is
reduced (stats) and decimated to one sample in 50 s. Prints seconds, rate and peak memory; status 1 when the
rate falls below 0.7 of the shortest's or the memory rises above 1.2 of it.

usage: growth.py [--quick] [GB ...]        default: 1 10 100; --quick: of small files
"""
import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TOP = Path(os.environ.get("MILLRACE_BENCH", ROOT))  # data/ and out/ go there
sys.path.insert(0, str(HERE))
from data import archive, file_seconds, linked, named_input, room  # noqa: E402
from measure import adopt_orphans, timed  # noqa: E402

BINARY = Path(os.environ.get("MILLRACE", ROOT / "build" / "millrace"))
CHAINS = {"stats": "- stats: {interval: 10 min}",
          "decimate": "- lowpass: {corner: 5 Hz}\n  - decimate: {factor: 25}\n  - stats: {interval: 10 min}"}


def main(args):
    quick = "--quick" in args
    sizes = [float(x) for x in args if x != "--quick"] or [1, 10, 100]
    adopt_orphans()
    data, out = TOP / "data" / "bench", TOP / "out" / "bench"
    form = {"form": "raw", "quick": quick}
    files = archive(BINARY, data, n_files=6, **form)
    top = data / "growth"
    file_s = int(file_seconds(**form))
    out.mkdir(parents=True, exist_ok=True)
    rows, bad = [], 0
    print("| chain | GB | files | wall s | GB/s | peak MB | planned MB |\n|---|---|---|---|---|---|---|", flush=True)
    for name, chain in CHAINS.items():
        first = None
        for size in sizes:
            one = files[0].stat().st_size
            n = max(1, round(size * 1e9 / one))
            own = n * one <= room(data)
            if own:
                paths = archive(BINARY, data, n_files=n, **form)
                source = "input:\n  files:\n" + "".join(f"    - {p}\n" for p in paths)
            else:
                source = named_input(linked(top / f"{size:g}", files, n, file_s))
            n_bytes, config = n * one, out / "growth.yaml"
            config.write_text(f"{source}chain:\n  {chain}\noutput:\n  folder: {out}/growth\n")
            subprocess.run(["rm", "-rf", f"{out}/growth"], check=True)
            done = timed([str(BINARY), "run", str(config), "--progress", "never"], dict(os.environ))
            if done.status != 0:
                print(done.talk, file=sys.stderr)
                return 1
            told = json.loads((out / "growth" / "report.json").read_text())["memory"]
            row = {"chain": name, "files": f"{n} of their own" if own else f"{n} links", "gb": n_bytes / 1e9, "wall_s": done.wall_s, "gb_s": n_bytes / 1e9 / done.wall_s,
                   "peak_mb": told["peak_bytes"] / 1e6, "planned_mb": told["planned_bytes"] / 1e6}
            rows.append(row)
            print("| {chain} | {gb:.2f} | {files} | {wall_s:.2f} | {gb_s:.2f} | {peak_mb:.0f} | {planned_mb:.0f} |".format(**row),
                  flush=True)
            first = first or row
            bad += row["gb_s"] < 0.7 * first["gb_s"] or row["peak_mb"] > 1.2 * first["peak_mb"]
    (TOP / "out" / "bench-growth.json").write_text(json.dumps(rows, indent=1) + "\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
