"""`millrace view`: a PNG of inputs. Pixels are read back by a small decoder of our own."""
import ctypes
import re
import struct
import zlib
from xml.etree import ElementTree

import numpy as np
import pytest

import rig

LEFT, NX = 96, 1200  # where a panel begins and how wide it is


def cairo_is_here():
    """What the program itself looks for; a build with CAIRO=0 says so when asked."""
    try:
        ctypes.CDLL("libcairo.so.2")
    except OSError:
        return False
    return "named .png, .svg" in rig.run("view", ".", "-o", "x.jpg").stderr and (
        "cairo" not in rig.run("view", "nowhere", "-o", "x.pdf").stderr)


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
    ([".", "-o", "x.png", "--channels", "70..90"], 2, "60 channels"), ([".", "-o", "x.png", "--channels", "70"], 2, "60 channels"),
    ([".", "-o", "x.png", "--channels", "-3"], 2, "write 37"), ([".", "-o", "x.png", "--channels", "1.5..2"], 2, "write 37"),
    ([".", "-o", "x.png", "--inside", "5 %"], 2, "50"),
    ([".", "-o", "nowhere/x.png"], 4, "nowhere"), ([".", "-o", "x.jpg"], 2, ".svg"),
    ([".", "-o", "x.png", "--time", "1h..2h"], 2, "nothing to view in that time: there is 2026-01-01T00:00:00Z"),
    ([".", "-o", "x.png", "--size", "180x120"], 2, "180x120 mm"),
    ([".", "-o", "x.png", "--size", "20x20 mm"], 2, "too small"),
    ([".", "-o", "x.png", "--dpi", "5"], 2, "50..1200"), ([".", "-o", "truth.png"], 2, "no picture")])
def test_bad_requests(millrace, archive, args, status, word):
    (archive / "truth.png").write_text("not a picture, and not to be lost")
    done = millrace("view", *args, check=False, cwd=archive)
    assert done.returncode == status and word in done.stderr, done.stderr


needs_cairo = pytest.mark.skipif(not cairo_is_here(), reason="this build has no cairo, or its library is not here")


@needs_cairo
def test_svg_and_pdf_by_name(millrace, archive, tmp_path):
    """180 x 100 mm are 510 x 283 points. Letters are drawn, so that they look alike everywhere; title and
    superscripts are UTF-8."""
    title = "µε s⁻¹: Prüfung"
    for end in ("svg", "pdf"):
        done = millrace("view", archive, "-o", tmp_path / f"x.{end}", "--size", "180x100 mm", "--title", title)
        assert "510 x 283 points" in done.stdout
    svg = ElementTree.parse(tmp_path / "x.svg").getroot()
    assert svg.tag.endswith("svg") and float(svg.get("width").rstrip("pt")) == pytest.approx(510.2, abs=0.1)
    images = [e for e in svg.iter() if e.tag.endswith("image")]
    assert len(images) == 2  # the cells and the colour bar
    pdf = (tmp_path / "x.pdf").read_bytes()
    assert pdf.startswith(b"%PDF-") and pdf.rstrip().endswith(b"%%EOF")
    packed = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.S)  # cairo 1.18 puts the title into such a one
    objects = [pdf] + [zlib.decompressobj().decompress(s) for s in packed if s[:1] == b"\x78"]
    assert any(title.encode("utf-16-be").hex().encode() in o.lower() for o in objects)


def test_one_channel_is_a_line_that_loses_no_spike(millrace, tmp_path):
    """40,000 samples on 1,200 pixels: the one that stands out is there, at its time and to its height."""
    x = np.zeros((40_000, 5), "f4")
    x[10_000, 2] = 1  # a quarter along
    x[30_000, 2] = -1
    rig.archive(tmp_path / "in", x, 100, 20_000)
    millrace("view", tmp_path / "in", "-o", tmp_path / "x.png", "--channels", "2..3")
    image = read_png(tmp_path / "x.png", 0.9).astype(int)
    panel = image[33:33 + 298, LEFT:LEFT + NX]
    blue = (panel[:, :, 2] - panel[:, :, 0]) > 60
    up, down = np.flatnonzero(blue[40]), np.flatnonzero(blue[298 - 40])
    assert abs(up.mean() - NX / 4) < 2 and abs(down.mean() - 3 * NX / 4) < 2
    assert blue[140:160].any(axis=0).all()  # the line itself goes all along


def test_few_samples_are_blocks_not_made_smooth(millrace, tmp_path):
    """8 samples of 4 channels: 32 blocks of one colour each, as many colours as values."""
    rig.archive(tmp_path / "in", np.arange(32, dtype="f4").reshape(8, 4), 100, 8)
    millrace("view", tmp_path / "in", "-o", tmp_path / "x.png")
    image = read_png(tmp_path / "x.png", 0.8)
    panel = image[33:32 + 239, LEFT + 1:LEFT + NX - 1]
    assert len(np.unique(panel.reshape(-1, 3), axis=0)) == 32


def test_a_lane_of_one_row_lies_over_its_time(millrace, tmp_path):
    """One row a minute: the row's cell is a minute wide, and inspect says so."""
    rig.archive(tmp_path / "in", np.abs(rig.noise(6000, 4)), 100, 6000)
    config = rig.config(tmp_path / "c.yaml", tmp_path / "in", ["rms: {window: 30 s, step: 1 min}"], tmp_path / "out")
    millrace("run", config, "--quiet")
    lane = next((tmp_path / "out" / "lanes").rglob("*.h5"))
    assert "0.0166666667 Hz" in millrace("inspect", lane).stdout


def test_what_is_there_of_an_unfinished_run_is_drawn(millrace, tmp_path):
    """Its lanes, by the folder, by lanes/ and by the day; and a picture of it replaces nothing but pictures."""
    rig.archive(tmp_path / "in", rig.noise(18_000, 4), 100, 6_000)
    config = rig.config(tmp_path / "c.yaml", tmp_path / "in", ["rms: {window: 1 s, step: 1 s}"], tmp_path / "out")
    millrace("run", config, "--quiet")
    for name in ("index.csv", "master.h5", "report.json"):
        (tmp_path / "out" / name).unlink()
    seen = []
    for what in ("out", "out/lanes", "out/lanes/2026-01-01"):
        millrace("view", tmp_path / what, "-o", tmp_path / "x.png")
        seen.append(read_png(tmp_path / "x.png", 0.5)[60:110, LEFT:LEFT + NX])
    assert np.array_equal(seen[0], seen[1]) and np.array_equal(seen[0], seen[2]) and seen[0].std() > 5
    lane = next((tmp_path / "out" / "lanes").rglob("*.h5"))
    before = lane.read_bytes()
    assert millrace("view", tmp_path / "out", "-o", lane, check=False).returncode == 2
    assert lane.read_bytes() == before


def test_the_title_of_the_output_is_the_headline(millrace, tmp_path):
    rig.archive(tmp_path / "in", rig.noise(3000, 4), 100, 3000)
    (tmp_path / "c.yaml").write_text(
        "input: {files: in/*.h5}\nchain: [abs]\noutput: {folder: out, title: A headline}\n")
    millrace("run", "c.yaml", "--quiet", cwd=tmp_path)
    millrace("view", "out", "-o", "a.png", cwd=tmp_path)
    millrace("view", "out", "-o", "b.png", "--title", "", cwd=tmp_path)
    assert read_png(tmp_path / "a.png", 0).shape[0] == read_png(tmp_path / "b.png", 0).shape[0] + 56


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
