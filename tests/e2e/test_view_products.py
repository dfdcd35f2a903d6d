"""`millrace view` and `inspect` on spectra, correlations and statistics: signals whose answer is known,
found at their places in the picture."""
import json
import math

import numpy as np
import pytest

import rig
from test_view import LEFT, NX, read_png

RATE, NC, SECONDS = 100, 60, 40
KNOTS = [(10, 30, 92), (28, 84, 168), (88, 152, 214), (184, 214, 238), (248, 248, 246), (250, 208, 184),
         (232, 128, 96), (186, 42, 52), (96, 6, 30)]  # the colour scale
VIRIDIS = [(68, 1, 84), (71, 44, 122), (59, 81, 139), (44, 113, 142), (33, 144, 141), (39, 173, 129), (92, 200, 99),
           (170, 220, 50), (253, 231, 37)]  # of one side
SCALE, ONE_SIDE = (np.array([np.interp(np.arange(0, 8.01, 0.05), np.arange(9), [k[i] for k in knots])
                             for i in range(3)]).T for knots in (KNOTS, VIRIDIS))


@pytest.fixture(scope="module")
def top(tmp_path_factory):
    """20 Hz on channels 0..29, 10 Hz on the others; the noise of channel 0 comes 50 ms later on each next."""
    top = tmp_path_factory.mktemp("products")
    t = np.arange(SECONDS * RATE) / RATE
    x = 20 * rig.noise(len(t), NC, 3).astype(float) / 100
    x[:, :30] += 30 * np.sin(2 * np.pi * 20 * t)[:, None]
    x[:, 30:] += 30 * np.sin(2 * np.pi * 10 * t)[:, None]
    rig.archive(top / "tones", x.astype("f4"), RATE, 20 * RATE)
    n = rig.noise(len(t) + 5 * NC, 1, 4)[:, 0]
    late = np.stack([n[5 * (NC - c):][:len(t)] for c in range(NC)], axis=1)
    rig.archive(top / "late", late, RATE, 20 * RATE)
    for name, source, chain in [
            ("psd", "tones", "psd: {segment: 256, interval: 20 s}"),
            ("psd_all", "tones", "psd: {segment: 256, interval: all}"),
            ("corr", "late", "correlate: {sources: [0, 40], window: 10 s, max_lag: 5 s, stack: 20 s}"),
            ("corr_all", "late", "correlate: {sources: [0, 40], window: 10 s, max_lag: 5 s, stack: all}"),
            ("stats", "tones", "stats: {interval: 10 s, what: [rms, max]}")]:
        rig.run("run", rig.config(top / f"{name}.yaml", [top / source], [chain], top / name), status=0)
    return top


def panel(top, what, *options):
    """The pixels of one panel, the lowest channel first; 60 channels are drawn 4 pixels high each."""
    rig.run("view", top / what, "-o", top / "x.png", *options, status=0)
    image = read_png(top / "x.png")
    assert image.shape[1] == LEFT + NX + 132
    y0 = 8 + 34 - 10
    return image[y0:y0 + 4 * 60, LEFT:LEFT + NX][::-1]


def reddest(rows, scale=SCALE):
    """Where along the panel these rows, which show the same, are highest on the scale."""
    pixels = rows[len(rows) // 2].astype(float)
    value = np.abs(pixels[:, None] - scale).sum(axis=2).argmin(axis=1)
    x = np.flatnonzero(value == value.max())
    assert x[-1] - x[0] < NX / 20, x
    return (x[0] + x[-1] + 1) / 2 / NX


@pytest.mark.parametrize("what", ["psd", "psd/master.h5", "psd_all", "psd_all/result.h5"])
def test_tones_lie_at_their_frequency(top, what):
    """Logarithmic from half a bin below the first to 50 Hz; bins of 100 / 256 Hz."""
    a = 0.5 * RATE / 256
    pixels = panel(top, what, "--inside", "97 %")
    for rows, hz in ((pixels[4:116], 20), (pixels[124:236], 10)):
        assert abs(reddest(rows, ONE_SIDE) - math.log(hz / a) / math.log(50 / a)) < 0.02
    pixels = panel(top, what, "--inside", "97 %", "--frequency", "linear")
    for rows, hz in ((pixels[4:116], 20), (pixels[124:236], 10)):
        assert abs(reddest(rows, ONE_SIDE) - hz / 50) < 0.02


@pytest.mark.parametrize("what", ["corr", "corr_all"])
@pytest.mark.parametrize("source", [0, 40])
def test_arrivals_lie_at_their_lag(top, what, source):
    """Positive where a channel hears it later than the source: 50 ms a channel; lags -5 s .. 5 s."""
    pixels = panel(top, what, "--source", source, "--inside", "100 %")
    for c in (2, 25, 57):
        lag = 0.05 * (c - source)
        assert abs(reddest(pixels[4 * c:4 * c + 4]) - (lag + 5) / 10) < 0.01, c


def test_time_and_channels_are_chosen(top):
    """The second half of the tones' time and channels 40..50, at 10 Hz all of them."""
    rig.run("view", top / "psd", "-o", top / "x.png", "--time", "20s..40s", "--channels", "40..50",
            "--frequency", "linear", status=0)
    image = read_png(top / "x.png")
    assert abs(reddest(image[120:140, LEFT:LEFT + NX], ONE_SIDE) - 0.2) < 0.02
    done = rig.run("view", top / "psd", "-o", top / "x.png", "--time", "100s..200s", status=2)
    assert "nothing to view in that time" in done.stderr


def test_one_channel_of_spectra_is_a_spectrogram(top):
    """Channel 5 has 20 Hz in both rows: a line across all of the time, at 20 of 0..50 Hz."""
    rig.run("view", top / "psd", "-o", top / "x.png", "--channels", "5..6", status=0)
    image = read_png(top / "x.png").astype(float)
    panel = image[32:32 + 258, LEFT:LEFT + NX][::-1]  # 129 frequencies, 2 pixels each
    for x in (100, 1100):
        value = np.abs(panel[:, x, None] - ONE_SIDE).sum(axis=2).argmin(axis=1)
        assert abs(np.argmax(value) / 258 - 20 / 50) < 0.02
    rig.run("view", top / "psd_all", "-o", top / "x.png", "--channels", "5..6", status=0)  # a line
    assert read_png(top / "x.png", 0).shape[0] == 8 + 34 + 300 + 88


def test_a_statistic_is_chosen(top):
    """rms of the sines is 21, their maximum above 30: the pictures differ in scale, not in shape."""
    rms, most = panel(top, "stats"), panel(top, "stats", "--statistic", "max")
    assert not np.array_equal(rms, most)
    assert not (rms == 208).all(axis=2).any()


@pytest.mark.parametrize("args,words", [
    (["corr", "--source", "7"], ["7 is no source", "channel 0"]),
    (["stats", "--statistic", "mean"], ["'mean'", "rms, max"]),
    (["psd", "--frequency", "lin"], ["'lin'", "linear"]),
    (["psd", "--channels", "70..80"], ["60 channels"])])
def test_wrong_choices_are_said(top, args, words):
    done = rig.run("view", top / args[0], "-o", top / "x.png", *args[1:], status=2)
    assert all(w in done.stderr for w in words) and len(rig.plain(done.stderr)) == 1, done.stderr


def test_damage_is_not_drawn(top, tmp_path):
    raw = bytearray((top / "psd_all" / "result.h5").read_bytes())
    raw[len(raw) // 2] ^= 1
    (tmp_path / "bad.h5").write_bytes(raw)
    assert "damaged" in rig.run("view", tmp_path / "bad.h5", "-o", tmp_path / "x.png", status=3).stderr
    assert "damaged" in rig.run("inspect", tmp_path / "bad.h5", status=3).stdout


def test_inspect_names_products(top):
    done = rig.run("inspect", top / "psd", top / "corr_all" / "result.h5", top / "stats", status=0)
    lines = done.stdout.splitlines()
    assert "psd, 2 x 129 frequency x 60 channels" in lines[0] and "frequency 0..50 Hz" in lines[0]
    assert any("correlation, 2 source x 1001 lag x 60 channels" in x and "lag -5..5 s" in x for x in lines)
    assert any("2 statistic x 60 channels" in x and "rms max" in x for x in lines)
    assert "0 refused" in done.stdout
    one = json.loads(rig.run("inspect", top / "psd_all" / "result.h5", "--json", status=0).stdout)
    assert one["refused"] == 0 and one["files"][0]["state"] == "product"
