"""The recipes of configs/, each from end to end on a made-up archive whose truth is known: made by the lines that its
head says, run as it stands, its answer compared with the truth, its picture drawn."""
import csv
import json
import math
import re
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
import scipy.signal

import rig

CONFIGS = rig.ROOT / "configs"


def lines_of(config):
    """The command lines in the head of a config, without what is said of them behind two spaces or more."""
    head = config.read_text().split("input:")[0]
    return [re.split(r"\s{2,}", m)[0].split() for m in re.findall(r"^#\s+build/millrace (.+)$", head, re.M)]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """data/demo of twelve minutes, so that it has two earthquakes and vehicles both ways."""
    top = tmp_path_factory.mktemp("recipes")
    rig.run("synth", "data/demo", "--files", 12, "--channels", 200, "--quiet", cwd=top, status=0)
    return top


def truth(top, name):
    return json.loads((top / "data" / name / "truth.json").read_text())


def cook(top, name):
    """All that the head of the config says, in order; its pictures are pictures."""
    config, made = CONFIGS / f"{name}.yaml", []
    for words in lines_of(config):
        args = [str(CONFIGS / w[8:]) if w.startswith("configs/") else w for w in words]
        rig.run(*args, *(["--quiet"] if words[0] == "synth" else []), cwd=top, status=0, threads=2)
        if words[0] == "view":
            made.append(top / words[words.index("-o") + 1])
    assert made, f"{name}: no picture"
    for path in made:
        assert path.read_bytes()[:4] == b"\x89PNG" and path.stat().st_size > 10000


def events(top, out):
    with h5py.File(top / "out" / out / "events.h5") as h:
        rows = h["events"][:]
    return [SimpleNamespace(start=(int(r["start_ns"]) - rig.T0) / 1e9, end=(int(r["end_ns"]) - rig.T0) / 1e9,
                            first=r["distance_first_m"], last=r["distance_last_m"], n=int(r["n_channels"]),
                            v=float(r["velocity_m_s"])) for r in rows]


def test_earthquake_catalogue(world):
    """Each earthquake from its first arrival on, on nearly all channels; nothing where there is none."""
    cook(world, "events")
    t, found, used = truth(world, "demo"), events(world, "events"), set()
    x = np.arange(t["channels"]) * t["spacing_m"]
    quakes = [q for q in t["quakes"] if q["origin_s"] < 700]
    assert len(quakes) == 2
    for q in quakes:
        path = np.hypot(x - q["x_m"], q["depth_m"])
        p, s = q["origin_s"] + path / q["p_speed_m_s"], q["origin_s"] + path / q["s_speed_m_s"]
        mine = [e for e in found if p.min() - 0.1 < e.start < s.max() + 3]
        used |= {id(e) for e in mine}
        assert 0 < mine[0].start - p.min() < 0.5 and mine[0].n > 0.9 * t["channels"], mine
        assert mine[0].end > s.min()
    assert {id(e) for e in found} == used


def test_traffic_both_ways(world):
    """Every vehicle once, in the list of its direction, with its speed within 1 %."""
    cook(world, "traffic")
    t = truth(world, "demo")
    for out, sign in (("traffic", 1), ("traffic_down", -1)):
        cars = [v for v in t["vehicles"] if np.sign(v["speed_m_s"]) == sign and v["enter_s"] < 640]
        found = events(world, out)
        assert len(cars) >= 2 and len(found) == len(cars), (out, found)
        for e, v in zip(found, cars):
            assert abs(e.v / v["speed_m_s"] - 1) < 0.01 and abs(e.start - v["enter_s"]) < 4, (e, v)
            assert e.n > 0.9 * t["channels"]


def test_leak(world):
    """One event, at its place and time."""
    cook(world, "leak")
    leak, found = truth(world, "leak")["leak"], events(world, "leak")
    assert len(found) == 1
    e = found[0]
    assert abs(e.start - leak["start_s"]) < 3 and abs(e.end - leak["end_s"]) < 3
    assert abs((e.first + e.last) / 2 - leak["x_m"]) < 20 and e.last - e.first < 2 * leak["half_m"]


def test_microseismic(world):
    """Of SNR above 3 and faster than the fan's edge: none is missed, velocity within 2 %. No tube wave is listed."""
    cook(world, "microseismic")
    t, found, used = truth(world, "borehole"), events(world, "microseismic"), set()
    n = 0
    for e in t["events"]:
        mine = [f for f in found if -0.2 < f.start - e["start_s"] < 1 and f.first < e["x1_m"] and f.last > e["x0_m"]]
        used |= {id(f) for f in mine}
        if e["snr"] > 3 and abs(e["speed_m_s"]) > 2000:
            best = max(mine, key=lambda f: f.n)
            assert abs(best.v / e["speed_m_s"] - 1) < 0.02, (e, best)
            n += 1
    assert n >= 20 and {id(f) for f in found} == used
    tube = t["tube"]
    passes = tube["first_s"] + tube["every_s"] * np.arange(18)
    assert not [f for f in found for p in passes if 0 < f.start - p < 0.1 and f.first < 100 and f.v > 0]


def test_low_frequency_strain(world):
    """What is left is the slow drift of the truth, in its unit: within 5 % of its peak."""
    (world / "lf").mkdir()
    rig.run("synth", "data/demo", "--channels", 100, "--model", "drift,coherent,common,noise,quakes", "--quiet",
            cwd=world / "lf", status=0)
    cook(world / "lf", "lowfreq")
    t = truth(world / "lf", "demo")
    lanes = [rig.read_lane(p) for p in rig.lanes(world / "lf" / "out" / "lowfreq")]
    time = (np.concatenate([k.t for k in lanes]) - rig.T0) / 1e9
    y = np.concatenate([k.y for k in lanes]) * 1.0
    x = np.arange(t["channels"]) * t["spacing_m"]
    sin = lambda turns: np.sin(2 * np.pi * turns)
    want = 40 * (0.6 + 0.4 * sin(x / 2500)) * (sin(time / 300) + 0.5 * sin(time / 97 + 0.3))[:, None]
    inner = (time > 5) & (time < time[-1] - 5)  # the archive's ends are an array's for the filters
    scale = np.sum(y[inner] * want[inner]) / np.sum(want[inner] ** 2)
    assert abs(scale - 1) < 0.01  # nanostrain/s as stored
    assert np.abs(y - scale * want)[inner].max() < 0.05 * np.abs(want).max()


def test_quality_control(world):
    """The dead, the clipped and the spiky channel are listed, by that word; none of the sound ones."""
    rig.run("synth", "data/bad", "--channels", 200, "--files", 4, "--model", "common,noise,vehicles,bad", "--quiet",
            cwd=world, status=0)
    rig.run("quality", "data/bad", cwd=world, status=(0, 10), threads=2)
    with open(world / "quality" / "bad.csv") as f:
        bad = {int(r["channel"]): r["why"] for r in csv.DictReader(f)}
    t = truth(world, "bad")["bad"]
    assert bad == {t["dead"]: "dead", t["clipped"]: "clipped", t["spiky"]: "spiky"}
    assert (world / "quality" / "quality.png").stat().st_size > 10000


@pytest.mark.parametrize("name", ["detect", "fan", "noise", "psd", "rms", "seismic", "decimate"])
def test_others_give_what_their_heads_say(world, name):
    """An operator's answer is compared with scipy's elsewhere; here that the recipe finds what it is for."""
    config = CONFIGS / f"{name}.yaml"
    rig.run("run", config, cwd=world, status=0, threads=2)
    out = world / re.search(r"folder: (out/\w+)", config.read_text())[1]
    rig.run("view", out, "-o", f"{name}.png", cwd=world, status=0)
    t = truth(world, "demo")
    quake = t["quakes"][0]
    arrival = quake["origin_s"] + quake["depth_m"] / quake["s_speed_m_s"]
    lanes = [p for p in rig.lanes(out)]
    if name in ("detect", "rms", "seismic", "decimate", "fan"):
        parts = [rig.read_lane(p) for p in lanes]
        time = (np.concatenate([k.t for k in parts]) - rig.T0) / 1e9
        y = np.nan_to_num(np.abs(np.concatenate([k.y for k in parts])))
    if name == "detect":  # the largest ratio of a channel is the earthquake's
        at = time[np.argmax(np.median(y, axis=1))]
        assert min(abs(at - q["origin_s"] - 3) for q in t["quakes"]) < 3
    if name == "seismic":  # in strain rate, the drift of 40 nanostrain/s is gone
        y = np.concatenate([k.y for k in parts])[(time > 200) & (time < 600)]
        assert np.abs(y.mean(axis=0)).max() < 0.01 * 40e-9 and np.median(np.abs(y)) < 3e-9
    if name in ("rms", "decimate"):
        quiet = np.median(y[(time > 200) & (time < 260)])
        assert np.median(y[(time > arrival) & (time < arrival + 8)]) > 1.5 * quiet
    if name == "fan":  # a vehicle up is there, one down is not
        for v in t["vehicles"][:2]:
            near = []
            for c in range(40, 160, 10):
                s = v["enter_s"] + (c * t["spacing_m"] - v["x0_m"]) / v["speed_m_s"]
                near.append(y[np.abs(time - s) < 1.5, c].max())
            level = np.median(near) / np.median(y)
            assert (level > 8) == (v["speed_m_s"] > 0) or level < 8, (v, level)
    if name == "noise":  # the coherent noise runs at 330 m/s: a peak at distance / speed
        with h5py.File(lanes[0]) as h:
            (key,) = [k for k, v in h.items() if isinstance(v, h5py.Dataset) and v.ndim >= 3 and k != "count"]
            v, lag, d = h[key][()].reshape(-1, h[key].shape[-2], h[key].shape[-1])[0], h["lag"][()], h["distance"][()]
        for c in (110, 120):
            late = (d[c] - d[100]) / t["coherent"]["speed_m_s"]
            env = np.abs(scipy.signal.hilbert(np.nan_to_num(v[:, c]))) * (np.abs(lag) > 0.15)  # 0: the common noise
            assert abs(abs(lag[np.argmax(env)]) - late) < 0.1, (c, lag[np.argmax(env)], late)
    if name == "psd":  # a tone of the coherent noise stands out
        with h5py.File(lanes[0]) as h:
            p, f = h["psd"][1], h["frequency"][()]
        tone = max(t["coherent"]["tones"], key=lambda k: k["amplitude"])["frequency_hz"]
        level = np.median(p, axis=1)
        at = np.argmin(np.abs(f - tone))
        assert level[at - 1:at + 2].max() > 3 * np.median(level[(f > 2) & (f < 40)])


def test_every_config_has_a_line_in_the_help_that_ends_with_a_picture():
    page = rig.run("help", "recipes", status=0).stdout
    jobs = [line for line in page.splitlines() if re.search(r"\w+\.yaml|no config", line)]
    assert len(jobs) >= 12
    for line in jobs:
        assert re.search(r"(view|quality) (data|out)/\w+", line), line
        assert math.isfinite(len(line)) and len(line) <= 100
