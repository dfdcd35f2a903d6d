"""The demo from synth to picture, away from the tree: its last lines are those that are promised."""
import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("MILLRACE", ROOT / "build" / "millrace"))


def test_demo_ends_with_what_was_done(tmp_path):
    env = dict(os.environ, DEMO_DIR=str(tmp_path), MILLRACE=str(BINARY))
    done = subprocess.run([str(ROOT / "tests/tools/demo.sh")], env=env, capture_output=True, text=True,
                          timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()[-6:]
    for line, pattern in zip(lines, [r"input: 6 files", r"did: bandpass.*decimate",
                                     r"output: out/demo", r"picture: out/demo\.png",
                                     r"speed: \d+ MB/s, \d+ Msamples/s", r"verify: ok, \d+ files"]):
        assert re.match(pattern, line), lines
    assert (tmp_path / "out/demo.png").read_bytes()[:4] == b"\x89PNG"
    assert (tmp_path / "out/demo/master.h5").exists()
    used = sum(p.stat().st_size for p in tmp_path.rglob("*") if p.is_file())
    assert used < 400e6
