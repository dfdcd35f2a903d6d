"""Comments speak of what is there: the first line of a file is its own path, and every mr_ name and file
of ours that a comment or a page names exists."""
import re
import subprocess
import sys
from pathlib import Path

NAME = re.compile(r"\b(?:mr|MR)_\w*[A-Za-z0-9]\b(?!_)")
FILE = re.compile(r"\b(?:[\w.]+/)*\w\w+\.[ch]\b")  # not the e.c of an extent e
COMMENT = re.compile(r"/\*.*?\*/", re.S)
OTHERS = {"mpi.h", "hdf5.h", "NAME.c"}


def listed(*patterns):
    return subprocess.run(["git", "ls-files", *patterns], check=True, text=True, capture_output=True).stdout.split()


def main():
    files = listed("src/*.[ch]")
    everything = listed("*.c", "*.h")
    text = {f: Path(f).read_text() for f in everything}
    known = set(re.findall(r"\b\w+\b", "".join(COMMENT.sub("", t) for t in text.values())))
    there = {f.removeprefix("src/") for f in everything} | set(everything)
    base = {Path(f).name for f in everything}
    bad = []

    def look(where, said):
        bad.extend(f"{where}: {w}: no such name" for w in NAME.findall(said)
                   if w not in known and not any(k.startswith(w) for k in known))
        bad.extend(f"{where}: {w}: no such file" for w in FILE.findall(said)
                   if w not in OTHERS and w not in there and not ("/" not in w and w in base))

    for f in files:
        if not text[f].startswith("/* " + f.removeprefix("src/")):
            bad.append(f"{f}:1: begins with another file's name")
        for m in COMMENT.finditer(text[f]):
            look(f"{f}:{text[f].count(chr(10), 0, m.start()) + 1}", m[0])
    look("src/README.md", "\n".join(re.findall(r"`([^`]+)`", Path("src/README.md").read_text())))
    print("\n".join(bad))
    return 1 if bad or not files else 0


if __name__ == "__main__":
    sys.exit(main())
