"""What lanes, views and results say they hold: name, long name and unit, of every operator of the table. Expected
values by definition: what has been done to strain rate is no strain rate, unless it still is one."""
import re

import h5py
import pytest

import rig

RATE, NC = 100, 24
U = "strain s-1"
KEEPS = ("strain_rate", U)  # still strain rate: filtered, thinned, cleaned or averaged over channels
NONE = "1"

# operator: (settings, name, unit); a list: several settings of it
TABLE = {
    "detrend": ("{window: 5 s}", *KEEPS), "demean": ("{window: 5 s}", *KEEPS), "common_mode": ("{}", *KEEPS),
    "median": ("{time: 3, channel: 3}", *KEEPS), "hampel": ("{time: 5, channel: 3}", *KEEPS), "despike": ("{channel: 5}", *KEEPS),
    "fill": ("{up_to: 100 ms}", *KEEPS), "interpolate": ("{channels: [3]}", *KEEPS),
    "channel_stack": ("{n: 2}", *KEEPS), "channel_decimate": ("{factor: 2}", *KEEPS),
    "fk": ("{velocity: 300..3000 m/s, band: 5..20 Hz}", *KEEPS), "taper": ("{length: 1 s}", *KEEPS),
    "bandpass": ("{band: 1..20 Hz}", *KEEPS), "bandstop": ("{band: 10..20 Hz}", *KEEPS),
    "lowpass": ("{corner: 10 Hz}", *KEEPS), "highpass": ("{corner: 1 Hz}", *KEEPS), "notch": ("{frequency: 20 Hz}", *KEEPS),
    "decimate": ("{factor: 2}", *KEEPS), "align": ("{}", *KEEPS), "resample": ("{rate: 80 Hz}", *KEEPS), "clip": ("{min: -1, max: 1}", *KEEPS),
    "scale": [("{by: 2}", *KEEPS), ("{by: 1e9, unit: ns-1}", "strain_rate", "ns-1")],
    "units": [("{to: strain_rate}", "strain_rate", "s-1")],
    "strain": ("{from: strain_rate}", "strain", NONE),
    "abs": ("{}", "strain_rate_abs", U), "envelope": ("{}", "strain_rate_envelope", U),
    "instantaneous": [("{kind: phase}", "phase", "rad"), ("{kind: frequency}", "frequency", "Hz")],
    "rolling": [(f"{{window: 1 s, kind: {k}}}", f"strain_rate_{k}", U)
                for k in ("mean", "std", "min", "max", "median", "rms", "sum")],
    "kurtosis": ("{window: 1 s}", "kurtosis", NONE),
    "savgol": [("{window: 100 ms}", *KEEPS), ("{window: 100 ms, derivative: 1}", "derivative", f"{U} s-1"),
               ("{window: 100 ms, order: 3, derivative: 2}", "derivative", f"{U} s-2")],
    "agc": ("{window: 1 s}", "strain_rate_normalised", NONE),
    "normalise": [("{kind: onebit}", "strain_rate_normalised", NONE),
                  ("{kind: ram, window: 1 s}", "strain_rate_normalised", NONE)],
    "rms": ("{window: 1 s, step: 500 ms}", "strain_rate_rms", U),
    "band_rms": ("{band: 5..20 Hz, window: 1 s}", "strain_rate_rms", U),
    "stalta": ("{sta: 500 ms, lta: 5 s}", "sta_lta", NONE),
    "stats": [(f"{{interval: 10 s, what: {k}}}", k, U) for k in ("max_abs", "mean", "rms", "min", "max")]
    + [("{interval: 10 s, what: count}", "data", NONE),  # `count` is the number of samples of a row already
       ("{interval: 10 s, what: [min, max]}", "statistics", U)],
    "quality": ("{interval: 10 s}", "quality", U),  # of its figures; shares have none
    "psd": [("{segment: 256, interval: 10 s}", "psd", f"({U})2 Hz-1"), ("{segment: 256, interval: all}", "psd", f"({U})2 Hz-1")],
    "fbe": [("{bands: [5..20 Hz], interval: 10 s}", "band_energy", f"({U})2"),
            ("{bands: [5..20 Hz], interval: 10 s, kind: rms}", "band_rms", U)],
    "spectrogram": ("{segment: 128}", "spectrogram", f"({U})2 Hz-1"),
    "correlate": [("{sources: 3, window: 5 s, max_lag: 1 s, stack: 20 s}", "correlation", f"({U})2"),
                  ("{sources: 3, window: 5 s, max_lag: 1 s, stack: all}", "correlation", f"({U})2"),
                  ("{sources: 3, window: 5 s, max_lag: 1 s, stack: all, normalise: onebit}", "correlation", NONE)],
    "whiten": ("{band: 5..20 Hz, window: 5 s}", "strain_rate_whitened", NONE),
    "integrate": ("{above: 1 Hz}", "strain", "strain"), "differentiate": ("{}", "derivative", f"{U} s-1"),
    "trigger": ("{on: 3, off: 1}", None, None), "coincidence": (None, None, None),  # tables: their columns say what they are
}
CASES = [(op, *c) for op, cases in TABLE.items() for c in (cases if isinstance(cases, list) else [cases]) if c[1]]
# what comes after an operator keeps what was made, and where units go
CHAINS = [(["envelope: {}", "decimate: {factor: 2}"], "strain_rate_envelope", U),
          (["rms: {window: 1 s}", "units: {to: strain_rate}"], "strain_rate_rms", "s-1"),
          (["abs: {}", "rolling: {window: 1 s, kind: max}", "units: {to: strain_rate}"], "strain_rate_abs_max", "s-1"),
          (["integrate: {above: 1 Hz}", "differentiate: {}"], "strain_rate", U),
          (["integrate: {above: 1 Hz}", "savgol: {window: 100 ms, derivative: 1}"], "strain_rate", U),
          (["normalise: {kind: onebit}", "whiten: {band: 5..20 Hz, window: 5 s}"], "strain_rate_normalised_whitened", NONE),
          (["integrate: {above: 1 Hz}", "psd: {segment: 256, interval: all}"], "psd", "(strain)2 Hz-1")]


@pytest.fixture(scope="module")
def top(tmp_path_factory):
    top = tmp_path_factory.mktemp("names")
    rig.archive(top / "in", rig.noise(60 * RATE, NC), RATE, 20 * RATE)
    for p in (top / "in").glob("*.h5"):
        with h5py.File(p, "r+") as h:
            h["Acquisition/Raw[0]"].attrs["RawDataUnit"] = "strain/s"
    return top


def values(h):
    """The values' dataset of a file or group of ours: that of the most dimensions."""
    d = max((v for k, v in h.items() if isinstance(v, h5py.Dataset) and k != "count"), key=lambda v: v.ndim)
    return d.name.split("/")[-1], d.attrs["long_name"], d.attrs["units"]


def text(v):
    return v.decode() if isinstance(v, bytes) else v


def check(top, chain, name, unit):
    out = top / ("o" + re.sub(r"\W+", "_", "".join(chain))[:80])
    cfg = rig.config(top / "c.yaml", [top / "in"], chain, out)
    rig.run("run", cfg, status=0)
    all_ = any(": all" in c for c in chain)
    for p in rig.lanes(out):
        with h5py.File(p) as h:
            got = [text(v) for v in values(h)]
            assert text(h.attrs["units"] if "units" in h.attrs else got[2]) == unit
        if all_:  # lanes keep sums: of as many as `count` says, so in the unit of one
            assert got[0] == f"{name}_sum" and f"sum of {name}" in got[1] and got[2] == unit
        else:
            assert got[0] == name and got[2] == unit and (got[1] == name or name == "data")
    with h5py.File(out / ("result.h5" if all_ else "master.h5")) as h:
        got = [text(v) for v in values(h)]
        assert got[0] == name and got[2] == unit and (got[1] == name or name == "data")
    said = rig.run("plan", cfg, status=0).stdout
    assert re.search(rf"output: +({name}|count), {re.escape(unit)}, ", said), said
    return out


def test_every_operator_of_the_table_is_here():
    have = {line.split()[0] for line in rig.run("ops", status=0).stdout.splitlines() if line.startswith("  ") and line.strip()}
    assert have == set(TABLE), "say in TABLE what a new operator gives"


@pytest.mark.parametrize("op,how,name,unit", CASES, ids=lambda v: str(v)[:30])
def test_what_an_operator_gives_is_named(top, op, how, name, unit):
    check(top, [f"{op}: {how}"], name, unit)


@pytest.mark.parametrize("chain,name,unit", CHAINS, ids=lambda v: str(v)[:40])
def test_what_chains_give_is_named(top, chain, name, unit):
    check(top, chain, name, unit)


def test_a_view_of_sums_names_their_mean(top):
    """What is drawn of a lane of sums is divided by its counts."""
    out = check(top, ["psd: {segment: 256, interval: all}"], "psd", f"({U})2 Hz-1")
    said = rig.run("inspect", rig.lanes(out)[0], status=0).stdout
    assert "psd" in said and "psd_sum" not in said
    svg = top / "a.svg"
    rig.run("view", rig.lanes(out)[0], "-o", svg, status=0)
    assert "psd_sum" not in svg.read_text()
