"""`millrace view`: events over what they were found in, f-k spectra against numpy, traces. Pixels are read back."""
import h5py
import numpy as np
import pytest

import rig
from test_view import LEFT, NX, cairo_is_here, read_png

MAGENTA, DX = np.array([208, 0, 148]), 10.0


def is_magenta(image):
    return np.abs(image.astype(int) - MAGENTA).sum(axis=2) < 60


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Four events of 40 s, each a line in time and distance."""
    top = tmp_path_factory.mktemp("marks")
    rig.run("synth", "in", "--files", 2, "--file-length", "20s", "--rate", "200Hz", "--channels", 100, "--events", 4,
            "--model", "noise", "--seed", 5, "--quiet", cwd=top, status=0)
    chain = ["bandpass: {band: 20..60 Hz}", "stalta: {sta: 100 ms, lta: 1 s}",
             "trigger: {on: 4, off: 1.5, min_length: 20 ms, max_length: 5 s}", "coincidence: {channels: 10, within: 50 m}"]
    rig.run("run", rig.config(top / "c.yaml", [top / "in"], chain, top / "out"), status=0)
    with h5py.File(top / "out" / "events.h5") as h:
        return top, h["events"][:]


def panel_of(path, panels=1):
    """The pixels of the first panel: below a title of 32, above 88 of axis and caption."""
    image = read_png(path, 0.5 if panels == 2 else 1.0)
    high = (image.shape[0] - 8) // panels - 34 - 88
    return image[32:32 + high, LEFT:LEFT + NX]


def test_events_are_marked_where_they_are(found):
    """Of each event the line from its first channel to its last, by its velocity."""
    top, rows = found
    assert 2 <= len(rows) <= 4
    rig.run("view", "in", "out", "-o", "x.png", cwd=top, status=0)
    marked = is_magenta(panel_of(top / "x.png", 2))
    high = marked.shape[0]
    for r in rows:
        down = r["velocity_m_s"] < 0
        late = abs((r["distance_last_m"] - r["distance_first_m"]) / r["velocity_m_s"])
        for share in np.linspace(0.05, 0.95, 9):
            t = (r["start_ns"] - rig.T0) / 1e9 + late * (1 - share if down else share)
            d = r["distance_first_m"] + share * (r["distance_last_m"] - r["distance_first_m"])
            x, y = int(t / 40 * NX), int(high - (d / DX + 0.5) / 100 * high)
            assert marked[max(y - 3, 0):y + 4, max(x - 4, 0):x + 5].any(), (share, x, y)
    lone = ~marked.any(axis=0)
    assert lone.mean() > 0.9  # nowhere else


@pytest.mark.parametrize("options,some", [(("in", "out", "--no-events"), False), (("in",), False),
                                          (("in", "--events", "out"), True),
                                          (("in", "--events", "out", "--wiggle"), True),
                                          (("in", "--events", "out", "--no-events"), False)])
def test_marks_are_there_when_asked_for(found, options, some):
    top, _ = found
    rig.run("view", *options, "-o", "y.png", cwd=top, status=0)
    assert is_magenta(panel_of(top / "y.png", 2 if "out" in options[1:2] else 1)).any() == some


def test_the_map_beside_has_the_same_time(found):
    """Another window: only what is in it is marked and mapped."""
    top, rows = found
    rig.run("view", "in", "out", "-o", "z.png", "--time", "100s..101s", cwd=top, status=2)
    first = (rows["start_ns"][0] - rig.T0) / 1e9
    done = rig.run("view", "in", "out", "-o", "z.svg" if cairo_is_here() else "z.png", "--time",
                   f"{first - 0.5}s..{first + 1.5}s", cwd=top, status=0)
    assert done.stderr == ""
    if cairo_is_here():
        assert "1 event" in rig.plain((top / "z.svg").read_text()) or (top / "z.svg").stat().st_size > 5000


def test_no_events_there_are_said(found):
    top, _ = found
    assert "events.h5" in rig.run("view", "in", "--events", "in", "-o", "n.png", cwd=top, status=3).stderr
    assert "only one" in rig.run("view", "in", "--fk", "--wiggle", "-o", "n.png", cwd=top, status=2).stderr


# --- f-k

def viridis():
    knots = np.array([[68, 1, 84], [71, 44, 122], [59, 81, 139], [44, 113, 142], [33, 144, 141], [39, 173, 129],
                      [92, 200, 99], [170, 220, 50], [253, 231, 37]], float)
    at = np.linspace(0, 8, 2001)
    return np.stack([np.interp(at, range(9), knots[:, c]) for c in range(3)], axis=1)


def numbers(image):
    """Pixels back to 0..1 of the scale; NaN where a mark is."""
    table = viridis()
    colours, at = np.unique(image.reshape(-1, 3), axis=0, return_inverse=True)
    out = np.full(len(colours), np.nan)
    for i, c in enumerate(colours):
        far = ((c - table) ** 2).sum(axis=1)
        if far.min() < 4:
            out[i] = far.argmin() / 2000
    return out[at].reshape(image.shape[:2])


def fk_of(x, fs, n):
    """Power over [wavenumber, frequency] in dB: Hann in time and along the fibre, segments that overlap by half."""
    t = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(n) + 0.5) / n)
    c = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(x.shape[1]) + 0.5) / x.shape[1])
    total, some = 0, 0
    for a in range(0, len(x) - n + 1, n // 2):
        seg = x[a:a + n]
        seg = np.nan_to_num(seg - np.nanmean(seg, axis=0))
        f = np.fft.rfft(seg * t[:, None], axis=0) * c
        total = total + np.abs(np.fft.fft(f, axis=1)) ** 2
        some += 1
    p = total / some * 2 / (fs * (t @ t) * (c @ c)) * DX
    p[0] /= 2
    p[-1] /= 2
    p = p[:, (-np.arange(x.shape[1])) % x.shape[1]]  # towards larger distances: positive
    return 10 * np.log10(np.fft.fftshift(p, axes=1)).T


@pytest.mark.parametrize("nan", [False, True])
def test_fk_spectrum_is_that_of_numpy(tmp_path, nan):
    """Two waves in noise, one each way; all pixels against the formula; the brightest is the wave's own."""
    fs, nc, n = 100, 64, 2000
    rng = np.random.default_rng(4)
    t, d = np.arange(n)[:, None] / fs, np.arange(nc)[None] * DX
    x = 0.05 * rng.standard_normal((n, nc)) + np.sin(2 * np.pi * 20 * (t - d / 800)) + 0.3 * np.sin(
        2 * np.pi * 11 * (t + d / 500))
    if nan:
        x[300:900, 7] = np.nan
    rig.archive(tmp_path / "in", x.astype("f4"), fs, 1000, dx=DX)
    rig.run("view", "in", "--fk", "-o", "x.png", cwd=tmp_path, status=0)
    got = numbers(panel_of(tmp_path / "x.png"))
    size = 512  # the longest power of two, at least four windows of half a segment
    want = fk_of(x.astype("f4").astype(float), fs, size)
    high = got.shape[0]
    bins = want.shape[1]
    k = np.floor(((np.arange(NX) + 0.5) / NX) * nc + 0.5).astype(int) % nc  # columns about each wavenumber
    j = (bins - 1 - np.arange(high) * bins // high)
    ref = want[k][:, j].T
    ok = np.isfinite(got)
    assert ok.mean() > 0.8
    inner = ok & (got > 0.05) & (got < 0.98)
    slope, base = np.polyfit(got[inner], ref[inner], 1)
    assert slope > 20  # decibels that the colours span
    wrong = np.abs(base + slope * got - ref)[inner]
    assert np.quantile(wrong, 0.98) < 0.02 * slope, np.quantile(wrong, [0.5, 0.9, 0.98])
    y, xx = np.unravel_index(np.nanargmax(got), got.shape)
    assert abs((xx + 0.5) / NX - 0.5 - (20 / 800) * DX) < 1.5 / nc  # k = f / v, of 1 / dx
    assert abs((high - y - 0.5) / high * bins * fs / size - 20) < 1


def test_fk_of_uneven_channels_is_refused_by_name(tmp_path):
    rig.archive(tmp_path / "in", rig.noise(1000, 12), 100, 500)
    (tmp_path / "c.yaml").write_text("input: {files: in, channels: [0, 1, 3, 7, 8]}\noutput: {folder: out}\n")
    rig.run("run", "c.yaml", cwd=tmp_path, status=0)
    done = rig.run("view", "out", "--fk", "-o", "x.png", cwd=tmp_path, status=3)
    assert "out/lanes" in done.stderr and "evenly" in done.stderr
    for args, word in ((("--channels", "0..2"), "too few"), (("--time", "0s..0.1s"), "too short"),
                       (("--band", "60..80Hz"), "--band")):
        assert word in rig.run("view", "in", "--fk", "-o", "x.png", *args, cwd=tmp_path, status=2).stderr


# --- traces

def test_traces_are_where_their_samples_are(tmp_path):
    """Four channels, one a step up at half the time: its line lies higher from there on."""
    x = np.zeros((200, 4), "f4")
    x[:, 0] = np.sin(np.arange(200))
    x[100:, 2] = 1
    rig.archive(tmp_path / "in", x, 100, 200)
    rig.run("view", "in", "--wiggle", "-o", "x.png", "--inside", "100 %", cwd=tmp_path, status=0)
    panel = panel_of(tmp_path / "x.png").astype(int).sum(axis=2) < 300
    high = panel.shape[0]
    middle = lambda c: high - (c + 0.5) / 4 * high
    row = lambda at, c: np.flatnonzero(panel[:, at] & (np.abs(np.arange(high) - middle(c)) < high / 3))
    near = lambda rows, want: np.abs(rows - want).min()
    for at in (200, 500, 700, 1100):
        assert near(row(at, 1), middle(1)) < 2 and near(row(at, 3), middle(3)) < 2
        assert near(row(at, 2), middle(2) - (1.2 * high / 4 if at > 600 else 0)) < 3


@pytest.mark.parametrize("ending", ["svg", "pdf"])
@pytest.mark.parametrize("how", ["--fk", "--wiggle", "--events=out"])
def test_all_kinds_of_pages(found, how, ending):
    if not cairo_is_here():
        pytest.skip("no cairo")
    top, _ = found
    rig.run("view", "in", how, "-o", f"p.{ending}", "--time", "0s..10s", cwd=top, status=0)
    data = (top / f"p.{ending}").read_bytes()
    assert len(data) > 5000 and data[:4] in (b"<?xm", b"%PDF")
