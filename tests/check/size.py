"""Files under 500 lines, functions under 80, lines within 100 columns. Relies on clang-format: a
function begins with "{" and ends with "}" in the first column."""
import subprocess
import sys
from pathlib import Path

MAX_FILE, MAX_FUNCTION, MAX_COLUMNS = 500, 80, 100


def findings(path):
    lines = Path(path).read_text().splitlines()
    if len(lines) >= MAX_FILE:
        yield len(lines), f"{len(lines)} lines in the file, must be under {MAX_FILE}"
    start = None
    for n, line in enumerate(lines, 1):
        if len(line) > MAX_COLUMNS:
            yield n, f"{len(line)} columns"
        if line == "{":
            start = n
        elif line == "}" and start is not None:
            if n - start + 1 >= MAX_FUNCTION:
                yield start, f"function of {n - start + 1} lines, must be under {MAX_FUNCTION}"
            start = None


def main():
    files = subprocess.run(["git", "ls-files", "*.c", "*.h"], check=True, text=True,
                           capture_output=True).stdout.split()
    bad = [f"{f}:{n}: {what}" for f in files for n, what in findings(f)]
    print("\n".join(bad))
    return 1 if bad or not files else 0


if __name__ == "__main__":
    sys.exit(main())
