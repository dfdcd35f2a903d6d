"""Comments speak of what is there: the first line of a file is its own path, and every mr_ name and file
of ours that a comment or a page names exists. Each of the Words of src/README.md stands there once and is
used, and a word that gave way to another does not come back. Functions of MR_CLONES have names of their own
in the whole tree, static or not: clang gives the resolver of each an external name."""
import re
import subprocess
import sys
from pathlib import Path

NAME = re.compile(r"\b(?:mr|MR)_\w*[A-Za-z0-9]\b(?!_)")
FILE = re.compile(r"\b(?:[\w.]+/)*\w\w+\.[ch]\b")  # not the e.c of an extent e
COMMENT = re.compile(r"/\*.*?\*/", re.S)
OTHERS = {"mpi.h", "hdf5.h", "NAME.c"}
RETIRED = {  # names of things that have another word now, because theirs means something else
    r"mr_job_slab|slab_(rows|bytes)|n_slabs|mr_lane_slabs": "intake: a slab is a range of indices",
    r"mr_part|mr_parts\w*|mr_span_parts|part0": "leg of a span, or compound: a part is of master.h5",
    r"band_rows|mr_(raw|lane)_band_rows|mr_band": "tier of chunks: a band is of frequencies",
    r"mr_kinds\w*|n_kinds|mr_catalog_kind": "form of recordings: a kind is which of several",
    r"mr_source_group|mr_group": "bundle of channels: a group is of forms",
    r"mr_chain_item": "entry of the chain: an item is a reducer's",
    r"mr_chain_held|mr_lock_held": "deferred rows, a lock that is taken: held is a lane",
}
WORD = re.compile(r"\*(\w+)\*")


def listed(*patterns):
    return subprocess.run(["git", "ls-files", *patterns], check=True, text=True, capture_output=True).stdout.split()


def words(page, code):
    """What is wrong with the list of Words, given the text of all sources."""
    rows = re.findall(r"^\| (\*.*)", page.split("## Words")[1].split("\n## ")[0], re.M)
    said = [w for row in rows for w in WORD.findall(row.split(" | ")[0]) + re.findall(r"; \*(\w+)\*", row)]
    for w in sorted({w for w in said if said.count(w) > 1}):
        yield f"src/README.md: the word {w} is explained twice"
    stem = {w: w.rstrip("e") if len(w) > 4 else w for w in said}
    yield from (f"src/README.md: the word {w} is nowhere in src" for w in said
                if not re.search(rf"(?<![a-z]){stem[w]}", code, re.I))
    if len(said) < 40:
        yield "src/README.md: the list of Words is not found"


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
        for m in re.finditer(r"\b\w+\b", COMMENT.sub("", text[f])):
            bad.extend(f"{f}: {m[0]}: {why}" for old, why in RETIRED.items() if re.fullmatch(old, m[0], re.I))
    cloned = {}
    for f in files:
        for m in re.finditer(r"^MR_CLONES\b[^(]*?(\w+)\(", text[f], re.M):
            if cloned.setdefault(m[1], f) != f:
                bad.append(f"{f}: {m[1]}: cloned in {cloned[m[1]]} too, which clang does not link")
    bad.extend(words(Path("src/README.md").read_text(), "".join(text[f] for f in files)))
    look("src/README.md", "\n".join(re.findall(r"`([^`]+)`", Path("src/README.md").read_text())))
    print("\n".join(bad))
    return 1 if bad or not files else 0


if __name__ == "__main__":
    sys.exit(main())
