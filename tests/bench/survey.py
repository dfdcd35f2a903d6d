"""make bench-survey: how long a run over very many small files takes before it reads. Writes FILES of them
once (one second, eight channels), reduces them (stats), then runs again on the survey kept in the output
folder; page cache warm. Prints files per second; status 1 below 2,000 afresh or 50,000 from what was kept.

usage: survey.py [FILES]        default: 40000
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
from measure import adopt_orphans, timed  # noqa: E402

BINARY = Path(os.environ.get("MILLRACE", ROOT / "build" / "millrace"))
LEAST = {"afresh": 2000, "kept": 50000}


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
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 40000))
