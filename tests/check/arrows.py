"""Which room may include which, and which room may see which library. src/README.md has the map."""
import re
import subprocess
import sys
from pathlib import Path

ALL = {"base", "grid", "par", "ops", "in", "out", "synth", "plan", "run", "report",
       "watch", "cli"}
MAY = {
    "base": set(),
    "grid": {"base"},
    "par": {"base", "grid"},
    "ops": {"base", "grid"},
    "in": {"base", "grid"},
    "out": {"base", "grid", "in"},
    "synth": {"base", "grid", "in"},
    "plan": {"base", "grid", "in", "out", "ops"},
    "watch": {"base", "grid", "par"},
    "run": {"base", "grid", "par", "in", "out", "ops", "plan", "report", "watch"},
    "report": {"base", "grid", "par", "plan"},
    "cli": ALL,
    "millrace": set(),  # public: sees itself alone
    "": ALL,  # main.c and millrace.c
}
ONLY_IN = {  # system header: the rooms that may include it, and single files
    "mpi.h": ({"par"}, set()),
    "pthread.h": ({"par"}, set()),
    "threads.h": ({"par"}, {"src/in/prober.c"}),
    "uv.h": ({"watch"}, set()),
    "sodium.h": ({"watch"}, set()),
    "microhttpd.h": ({"watch"}, set()),
    "hdf5.h": ({"in", "out", "synth"}, set()),
    "hdf5_hl.h": ({"in", "out", "synth"}, set()),
}


# the kinds of products are asked by their row; who names one makes it, or is the table
KINDS = re.compile(r"\bMR_(?:SAMPLES|ROWS|SUMS|TABLE)\b")
NAME_KINDS = {"src/out/output.h", "src/out/product/kinds.c", "src/out/product/kinds.h", "src/plan/lane.c"}


def findings(path):
    parts = path.split("/")
    room = parts[1] if len(parts) > 2 else ""
    for n, line in enumerate(Path(path).read_text().splitlines(), 1):
        own = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        if own:
            target = own[1].split("/")[0] if "/" in own[1] else ""
            if target == "millrace" and room in ("", "millrace", "cli"):
                continue
            if target == "millrace" and own[1] != "millrace/millrace.h":
                continue  # public pages; the front door is for programs
            if target not in ALL:
                yield n, f'"{own[1]}": include as "room/file.h"'
            elif target and target != room and target not in MAY.get(room, set()):
                yield n, f"{room} may not include {target} ({own[1]})"
        system = re.match(r"\s*#\s*include\s+<([^>]+)>", line)
        if system and system[1] in ONLY_IN:
            rooms, files = ONLY_IN[system[1]]
            if room not in rooms and path not in files:
                yield n, f"<{system[1]}> is for {', '.join(sorted(rooms))} only"
        if KINDS.search(line) and path not in NAME_KINDS:
            yield n, "a kind of product is asked by its row (out/product/kinds.h), not by name"
        if re.match(r"\s*#\s*pragma\s+omp\s.*\bparallel\b", line) and room != "run":
            yield n, "only run opens a parallel region"


def main():
    files = subprocess.run(["git", "ls-files", "src/*.c", "src/*.h"], check=True, text=True,
                           capture_output=True).stdout.split()
    bad = [f"{f}:{n}: {what}" for f in files for n, what in findings(f)]
    unknown = {f.split("/")[1] for f in files if f.count("/") > 1} - set(MAY)
    bad += [f"src/{room}: not a room" for room in sorted(unknown)]
    print("\n".join(bad))
    return 1 if bad or not files else 0


if __name__ == "__main__":
    sys.exit(main())
