"""Prints the table of figures that tests/e2e/promises.py gathered: figures.py FILE [--markdown]. Status 1
where a figure was not reached, or there is none."""
import re
import sys
from pathlib import Path


def rows(path):
    """promise -> [tests, reached, wanted, note], in the order they came."""
    out = {}
    for line in Path(path).read_text().splitlines() if Path(path).exists() else []:
        promise, test, reached, wanted, note = line.split("\t")
        row = out.setdefault(promise, [[], 0, 0, ""])
        if test and test not in row[0]:
            row[0].append(test)
        row[1] += int(reached)
        row[2] += int(wanted)
        row[3] = max(row[3], note, key=number)
    return out


def number(note):
    found = re.match(r"[\d.]+", note)
    return float(found[0]) if found else -1.0


def main(path, *how):
    table = rows(path)
    shown = [(p, f"{r:,}/{w:,}" + (f" (at most {n})" if n else ""), " ".join(t)) for p, (t, r, w, n) in table.items()]
    if "--markdown" in how:
        print("| promise | test | figure |\n|---|---|---|")
        for promise, figure, tests in shown:
            print(f"| {promise} | {', '.join(f'`{t}`' for t in tests.split())} | {figure} |")
    else:
        width = max((len(p) for p, _, _ in shown), default=7)
        for promise, figure, _ in [("promise", "figure reached", ""), *shown]:
            print(f"{promise:{width}}  {figure}")
    return 0 if shown and all(r == w for _, r, w, _ in table.values()) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
