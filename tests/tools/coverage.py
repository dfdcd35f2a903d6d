"""Lines of src/ that the tests reach: coverage.py BUILD_FOLDER, after the tests ran with a program built by
gcc --coverage. Prints the files, the least covered first; status 1 below 90 % of all lines."""
import json
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
from promises import figure  # noqa: E402

WANTED = 0.9


def lines(build):
    """Source file -> line -> how often."""
    seen = {}
    data = sorted(build.glob("src/**/*.gcda"))
    for k in range(0, len(data), 50):
        done = subprocess.run(["gcov", "--json-format", "--stdout", *map(str, data[k:k + 50])], capture_output=True,
                              text=True, check=True)
        for text in done.stdout.splitlines():
            for f in json.loads(text)["files"]:
                if f["file"].startswith("src/") and f["file"].endswith(".c"):
                    rows = seen.setdefault(f["file"], {})
                    for row in f["lines"]:
                        n = row["line_number"]
                        rows[n] = max(rows.get(n, 0), row["count"])
    return seen


def main(build):
    seen = lines(Path(build))
    total = sum(map(len, seen.values()))
    hit = sum(sum(n > 0 for n in rows.values()) for rows in seen.values())
    if total == 0:
        sys.exit(f"coverage: no counts in {build}")
    share = {f: sum(n > 0 for n in rows.values()) / len(rows) for f, rows in seen.items()}
    for f in sorted(share, key=share.get):
        missed = [n for n, count in sorted(seen[f].items()) if count == 0]
        print(f"{share[f]:7.1%}  {f}  {ranges(missed)}")
    print(f"coverage: {hit} of {total} lines of src/, {hit / total:.1%}")
    ok = hit >= WANTED * total
    figure(f"at least {WANTED:.0%} of the lines of src/ are reached by the tests", int(ok), 1, f"{100 * hit / total:.1f} %")
    return 0 if ok else 1


def ranges(numbers):
    """1 2 3 7 as 1-3 7."""
    out = []
    for n in numbers:
        if out and n == out[-1][1] + 1:
            out[-1][1] = n
        else:
            out.append([n, n])
    return " ".join(f"{a}-{b}" if b > a else str(a) for a, b in out)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
