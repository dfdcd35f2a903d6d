"""`millrace inspect`: what files hold, how they lie in time, and the three statuses."""
import json
import os
import shutil
from pathlib import Path

import h5py
import pytest

REAL = Path(os.environ.get("MILLRACE_REALDATA", Path(__file__).resolve().parents[3] / "shared/realdata"))
SYNTH = ["--files", 6, "--file-length", "10s", "--rate", "100Hz", "--channels", 20, "--quiet"]


@pytest.fixture
def archive(millrace, tmp_path):
    """Six files of 10 s from 2026-01-01T00:00:00Z on; answers beside them taken away."""
    out = tmp_path / "in"
    millrace("synth", out, *SYNTH)
    (out / "truth.json").unlink()
    return out


def as_json(done):
    return json.loads(done.stdout)


def test_facts_are_those_in_the_file(millrace, archive):
    path = sorted(archive.iterdir())[2]
    with h5py.File(path) as f:
        raw = f["Acquisition/Raw[0]/RawData"]
        shape, kind = raw.shape, raw.dtype.name
    one = as_json(millrace("inspect", path, "--json"))["files"][0]
    assert one["layout"] == "prodml" and one["dataset"] == "Acquisition/Raw[0]/RawData"
    assert (one["samples"], one["channels"]) == shape == (1000, 20) and one["type"] == kind
    assert one["rate_hz"] == 100 and one["spacing_m"] == 10 and one["gauge_length_m"] == 10
    assert one["t0"] == "2026-01-01T00:00:20.000000000Z"
    assert one["t1"] == "2026-01-01T00:00:29.990000000Z"
    assert one["unit"] == "nanostrain/s" and one["bytes"] == path.stat().st_size


def test_folder_is_one_span_and_one_line_a_kind(millrace, archive):
    """Six files that differ in their time alone are one line; another rate and what is refused have their own.
    -v names each."""
    done = millrace("inspect", archive)
    lines = done.stdout.splitlines()
    first = sorted(archive.iterdir())[0]
    assert sum(str(archive) in line for line in lines) == 1
    assert lines[0].startswith(f"{first} and 5 more: prodml")
    assert "2026-01-01T00:00:00Z .. 2026-01-01T00:01:00Z" in lines[0]
    pages = millrace("inspect", archive, "-v").stdout.splitlines()
    assert sum(str(archive) in line for line in pages) == 6
    (archive / "x.h5").write_text("no HDF5")
    (archive / "y.h5").write_text("nor this")
    more = millrace("inspect", archive, check=False).stdout.splitlines()
    assert len([x for x in more if str(archive) in x]) == 2
    assert any(x.startswith(f"{archive / 'x.h5'} and 1 more: refused: ") for x in more)
    (archive / "x.h5").unlink()
    (archive / "y.h5").unlink()
    assert "files:     6, 0 refused" in done.stdout
    assert any("2026-01-01T00:00:00Z .. 2026-01-01T00:01:00Z, 60 s" in line for line in lines)
    assert "gaps:      none" in done.stdout


def test_gap_overlap_and_duplicate_are_in_the_ledger(millrace, archive, tmp_path):
    files = sorted(archive.iterdir())
    files[2].unlink()  # 00:00:20 .. 00:00:30 has no file
    shutil.copy(files[4], archive / "zz_copy.h5")
    more = tmp_path / "more"
    millrace("synth", more, "--files", 1, "--file-length", "10s", "--rate", "100Hz", "--channels", 20,
             "--quiet", "--start", "2026-01-01T00:00:56Z")
    got = as_json(millrace("inspect", archive, *more.glob("*.h5"), "--json"))
    kinds = {row["kind"]: row for row in got["ledger"]}
    assert set(kinds) == {"gap", "duplicate", "overlap"} and got["refused"] == 0
    assert kinds["gap"]["t0"].startswith("2026-01-01T00:00:20.")
    assert kinds["gap"]["t1"].startswith("2026-01-01T00:00:30.")
    assert kinds["duplicate"]["path"].endswith("zz_copy.h5")
    assert kinds["overlap"]["t0"].startswith("2026-01-01T00:00:56.")
    assert [s["samples"] for s in got["spans"]] == [2000, 3600]  # 20 s; 30 s and 6 s of the overlap


def test_refused_files_say_why_and_set_the_status(millrace, archive, tmp_path):
    good = sorted(archive.iterdir())[0]
    text = tmp_path / "text.h5"
    text.write_text("hello")
    cut = tmp_path / "cut.h5"
    cut.write_bytes(good.read_bytes()[:4000])
    (tmp_path / "empty.h5").touch()
    bad = [text, cut, tmp_path / "empty.h5", tmp_path / "missing.h5"]
    some = millrace("inspect", good, *bad, check=False)
    assert some.returncode == 10
    for path in bad:
        line = next(line for line in some.stdout.splitlines() if line.startswith(f"{path}: "))
        assert "refused: " in line and len(line.split("refused: ")[1]) > 10
    none = millrace("inspect", *bad, "--json", check=False)
    assert none.returncode == 3 and "none of 4 files" in none.stderr
    assert {f["state"] for f in as_json(none)["files"]} == {"refused"}


def test_another_rate_is_another_group(millrace, archive, tmp_path):
    other = tmp_path / "other"
    millrace("synth", other, "--files", 1, "--file-length", "10s", "--rate", "200Hz", "--channels", 20,
             "--quiet")
    got = as_json(millrace("inspect", archive, other / "synth_20260101T000000Z.h5", "--json"))
    assert sorted((s["rate_hz"], s["files"]) for s in got["spans"]) == [(100, 6), (200, 1)]
    assert [row["kind"] for row in got["ledger"]] == ["rate"]


def test_hundreds_of_arguments_are_fine(millrace, archive):
    files = sorted(archive.iterdir())
    got = as_json(millrace("inspect", "--json", *(files * 100)))
    assert len(got["files"]) == 600 and len(got["spans"]) == 1


def test_config_brings_its_map(millrace, tmp_path):
    data = tmp_path / "in"
    data.mkdir()
    with h5py.File(data / "a_20260101T000000.h5", "w") as f:
        f["signal"] = [[1.0, 2.0, 3.0]] * 500
    config = tmp_path / "c.yaml"
    config.write_text(f"""input:
  files: {data}
  map: {{data: /signal, axes: [time, channel], rate: 50 Hz, start: {{name: "%Y%m%dT%H%M%S"}}, unit: m/s}}
output: {{folder: {tmp_path}/out}}
""")
    assert millrace("inspect", data, check=False).returncode == 3
    got = as_json(millrace("inspect", "--config", config, "--json"))["files"][0]
    assert (got["layout"], got["samples"], got["channels"], got["rate_hz"]) == ("map", 500, 3, 50)


def test_details_have_a_page_a_file(millrace, archive):
    done = millrace("inspect", "-v", sorted(archive.iterdir())[0])
    for word in ("layout:", "samples:", "[time][channel]", "time:", "channels: 20", "values:"):
        assert word in done.stdout


@pytest.mark.parametrize("args,word", [((), "which files"), (("--jsn", "x"), "--json"),
                                       (("--io-threads", "0", "x"), "1..64"), (("-z", "x"), "-z")])
def test_bad_requests(millrace, args, word):
    done = millrace("inspect", *args, check=False)
    assert done.returncode == 2 and word in done.stderr


def test_bad_public_files_never_kill_it(millrace):
    folder = REAL / "bad"
    if not folder.is_dir():
        pytest.skip("no real data here")
    done = millrace("inspect", folder, "--json", check=False)
    assert done.returncode in (3, 10)
    assert len(as_json(done)["files"]) >= 40
