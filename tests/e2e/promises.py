"""How much of a test is done, and the figures it reached. MILLRACE_TORTURE=1: all of it.
MILLRACE_PART=2/4: the second quarter of it, so that a long test can be run in pieces.
MILLRACE_FIGURES=FILE: rows for the table that tests/tools/figures.py prints."""
import os
import sys

TORTURE = os.environ.get("MILLRACE_TORTURE", "") not in ("", "0")
PART, PARTS = map(int, os.environ.get("MILLRACE_PART", "1/1").split("/"))
STEP = int(os.environ.get("MILLRACE_FAULT_STEP", "1" if TORTURE else "16"))  # every STEP-th index


def share(n):
    """How many of n random trials are this piece's."""
    return n * PART // PARTS - n * (PART - 1) // PARTS


def piece(items):
    """Those of the items that are this piece's."""
    return list(items)[PART - 1::PARTS]


def figure(promise, reached, wanted, note=""):
    """reached of wanted trials kept the promise. Rows of one promise are added up; of notes that begin
    with a number the largest is shown."""
    path = os.environ.get("MILLRACE_FIGURES")
    if path:
        test = os.environ.get("PYTEST_CURRENT_TEST", "").split(" ")[0].split("[")[0]  # below tests/
        test = f"tests/{test}" if test else sys.argv[0]
        with open(path, "a") as f:
            f.write(f"{promise}\t{test}\t{reached}\t{wanted}\t{note}\n")
