"""`millrace view`: a PNG of inputs. Pixels are read back by a small decoder of our own."""
import struct
import zlib

import numpy as np
import pytest

LEFT, NX = 96, 1200  # where a panel begins and how wide it is


def read_png(path, upper=1.0):
    """8 bit RGB, not interlaced -> [h][w][3]; only the upper part is decoded, the rest stays 0."""
    raw = path.read_bytes()
    assert raw[:8] == b"\x89PNG\r\n\x1a\n"
    at, data = 8, b""
    while at < len(raw):
        n, kind = struct.unpack(">I4s", raw[at:at + 8])
        body = raw[at + 8:at + 8 + n]
        if kind == b"IHDR":
            w, h, depth, colour, _, _, lace = struct.unpack(">IIBBBBB", body)
            assert (depth, colour, lace) == (8, 2, 0)
        if kind == b"IDAT":
            data += body
        at += 12 + n
    lines = np.frombuffer(zlib.decompress(data), np.uint8).reshape(h, 1 + 3 * w)
    out = np.zeros((h, 3 * w), np.uint8)
    up = [0] * (3 * w)
    for y in range(int(h * upper)):
        f, row = int(lines[y, 0]), lines[y, 1:].tolist()
        now = [0] * (3 * w)
        for i, v in enumerate(row):
            a, c = (now[i - 3], up[i - 3]) if i >= 3 else (0, 0)
            b = up[i]
            if f == 4:
                p = a + b - c
                q = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            else:
                q = (0, a, b, (a + b) // 2)[f]
            now[i] = (v + q) & 255
        out[y] = up = now
    return out.reshape(h, w, 3)


@pytest.fixture(scope="module")
def archive(millrace, tmp_path_factory):
    out = tmp_path_factory.mktemp("view")
    millrace("synth", out, "--files", 2, "--file-length", "10s", "--rate", "100Hz", "--channels", 60)
    return out


def test_folder_is_one_picture_over_its_whole_time(millrace, archive, tmp_path):
    done = millrace("view", archive, "-o", tmp_path / "x.png")
    image = read_png(tmp_path / "x.png", 0.55)
    h, w, _ = image.shape
    assert f"{w} x {h}" in done.stdout
    panel = image[h // 2 - 10:h // 2 + 10, LEFT:LEFT + NX].astype(int)
    grey = np.all(panel == 208, axis=2)
    assert not grey.any()  # both files are there, no cell is empty
    assert len(np.unique(panel.reshape(-1, 3), axis=0)) > 100


def test_time_without_data_is_grey(millrace, archive, tmp_path):
    millrace("view", archive, "-o", tmp_path / "x.png", "--time", "10s..30s")
    image = read_png(tmp_path / "x.png", 0.55)
    row = image[image.shape[0] // 2, LEFT:LEFT + NX].astype(int)
    grey = np.all(row == 208, axis=1)
    assert not grey[:NX // 2 - 1].any() and grey[NX // 2 + 1:].all()


def test_two_arguments_are_two_panels(millrace, archive, tmp_path):
    first = sorted(archive.glob("*.h5"))[0]
    millrace("view", first, "-o", tmp_path / "one.png")
    millrace("view", archive, first, "-o", tmp_path / "two.png", "--channels", "10..20", "--title", "T")
    one, two = read_png(tmp_path / "one.png", 0), read_png(tmp_path / "two.png", 0)
    assert two.shape[0] > 1.8 * one.shape[0] and two.shape[1] == one.shape[1]


def test_bad_file_in_a_folder_is_said_and_left_out(millrace, archive, tmp_path):
    (tmp_path / "a.h5").write_bytes(sorted(archive.glob("*.h5"))[0].read_bytes())
    (tmp_path / "b.h5").write_text("not HDF5")
    done = millrace("view", tmp_path, "-o", tmp_path / "x.png")
    assert "b.h5" in done.stderr and (tmp_path / "x.png").exists()


@pytest.mark.parametrize("args,status,word", [
    (["missing.h5", "-o", "x.png"], 3, "missing.h5"), (["."], 2, "-o"),
    ([".", "-o", "x.png", "--time", "5s"], 2, "A..B"),
    ([".", "-o", "x.png", "--time", "5s..1s"], 2, "before"),
    ([".", "-o", "x.png", "--channels", "70..90"], 2, "60 channels"),
    ([".", "-o", "x.png", "--inside", "5 %"], 2, "50"),
    ([".", "-o", "nowhere/x.png"], 4, "nowhere")])
def test_bad_requests(millrace, archive, args, status, word):
    done = millrace("view", *args, check=False, cwd=archive)
    assert done.returncode == status and word in done.stderr, done.stderr


def test_outputs_are_seen_as_folder_master_and_lane(millrace, tmp_path):
    """The same lanes by three ways: the same picture but for its title."""
    millrace("synth", "in", "--files", 2, "--file-length", "10s", "--rate", "100Hz", "--channels", 60,
             cwd=tmp_path)
    (tmp_path / "c.yaml").write_text(
        "input: {files: in/*.h5}\nchain:\n  - decimate: {factor: 2}\noutput: {folder: out}\n")
    millrace("run", "c.yaml", cwd=tmp_path)
    lane = next((tmp_path / "out" / "lanes").rglob("*.h5"))
    panels = []
    for what in ("out", "out/master.h5", lane):
        done = millrace("view", what, "-o", "x.png", cwd=tmp_path)
        assert done.stderr == ""
        image = read_png(tmp_path / "x.png", 0.4)
        panels.append(image[60:110, LEFT:LEFT + NX])
    assert panels[0].std() > 10
    assert np.array_equal(panels[0], panels[1]) and np.array_equal(panels[0], panels[2])
