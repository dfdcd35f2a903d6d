"""Prints the table of figures: figures.py FILE. Rows "promise TAB figure"; rows of one promise whose figures
are "n/m" are added up."""
import re
import sys
from pathlib import Path


def main(path):
    rows = {}
    for line in Path(path).read_text().splitlines() if Path(path).exists() else []:
        promise, figure = line.split("\t", 1)
        old = rows.get(promise)
        now, was = re.fullmatch(r"(\d+)/(\d+)(.*)", figure), old and re.fullmatch(r"(\d+)/(\d+)(.*)", old)
        if now and was:
            figure = f"{int(was[1]) + int(now[1])}/{int(was[2]) + int(now[2])}{now[3]}"
        rows[promise] = figure
    width = max((len(p) for p in rows), default=7)
    print(f"{'promise':{width}}  figure reached")
    for promise, figure in rows.items():
        print(f"{promise:{width}}  {figure}")
    return 0 if rows else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
