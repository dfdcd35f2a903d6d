"""What the end-to-end tests share: the built program and a way to run it."""
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("MILLRACE", ROOT / "build" / "millrace"))


def passes_but_for_input(done):
    """`check` found all right, but the input is not there: what a config without data can reach."""
    return done.returncode == 0 or (done.returncode == 3 and "input.files: no file matches" in done.stderr)


@pytest.fixture(scope="session")
def millrace():
    """Run `millrace ARGS` and give the finished process; check=True asserts status 0."""

    def run(*args, check=True, timeout=120, **kw):
        done = subprocess.run([str(BINARY), *map(str, args)], capture_output=True, text=True,
                              timeout=timeout, **kw)
        if check:
            assert done.returncode == 0, done.stderr
        return done

    return run
