"""Every operator against numpy and scipy on the whole span, cut into lanes, blocks and tiles."""
import os
from pathlib import Path

import numpy as np
import pytest
from scipy import signal

from cuts import CUTS, EXACT, FADED, FIRST, NC, NT, RATE, check, every_cut, noise


def butter(order, corners, kind, rate=RATE):
    return signal.butter(order, np.array(corners) / (rate / 2), kind, output="sos")


@pytest.mark.parametrize("text,args", [
    ("bandpass band=5..20Hz", (4, [5, 20], "bandpass")),
    ("bandpass band=1..45Hz order=3", (3, [1, 45], "bandpass")),
    ("bandstop band=10..14Hz order=5", (5, [10, 14], "bandstop")),
    ("lowpass corner=8Hz", (4, 8, "lowpass")),
    ("lowpass corner=8Hz order=3", (3, 8, "lowpass")),
    ("lowpass corner=3Hz order=1", (1, 3, "lowpass")),
    ("highpass corner=2Hz", (4, 2, "highpass")),
    ("highpass corner=2Hz order=7", (7, 2, "highpass"))])
def test_butterworth_filters_are_sosfiltfilt_and_sosfilt(chain, text, args):
    x, sos = noise(), butter(*args)
    every_cut(chain, x, text, signal.sosfiltfilt(sos, x, axis=0), FADED)
    every_cut(chain, x, text + " phase=causal", signal.sosfilt(sos, x, axis=0), FADED)


@pytest.mark.parametrize("order", [1, 2, 6, 12])
def test_bandpass_of_every_size_is_stable(chain, order):
    """Order 12: twelve sections. Tolerance: sections of order 12 lose about four digits."""
    x, sos = noise(), butter(order, [4, 30], "bandpass")
    got = chain(x, f"bandpass band=4..30Hz order={order}", block=500)
    check(got, signal.sosfiltfilt(sos, x, axis=0), FADED)


@pytest.mark.parametrize("phase", ["zero", "causal"])
def test_a_drift_a_thousand_times_the_signal_leaves_no_seam(chain, phase):
    t = np.linspace(0, 1, NT)[:, None]
    x = noise() + 1000 * (t + np.sin(2 * np.pi * t)) + 5000
    sos = butter(4, 1, "highpass")
    ref = signal.sosfiltfilt(sos, x, axis=0) if phase == "zero" else signal.sosfilt(sos, x, axis=0)
    for cut in CUTS:
        got = chain(x, f"highpass corner=1Hz phase={phase}", first=FIRST, **cut)
        inside = slice(1000, -1000)  # the start of the causal one has a step of 5000
        peak = np.abs(ref[inside]).max()
        assert peak < 10
        assert np.abs(got.y - ref)[inside].max() <= 1e-6 * peak


def test_notch_is_filtfilt_of_iirnotch(chain):
    x, (b, a) = noise(), signal.iirnotch(10, 30, RATE)
    every_cut(chain, x, "notch frequency=10Hz", signal.filtfilt(b, a, x, axis=0), FADED)
    b, a = signal.iirnotch(23, 5, RATE)
    every_cut(chain, x, "notch frequency=23Hz q=5 phase=causal", signal.lfilter(b, a, x, axis=0), FADED)


@pytest.mark.parametrize("nt", [2, 9, 27, 28, 60])
def test_short_spans_are_filtered_with_the_extension_that_fits(chain, nt):
    """scipy needs more than 27 samples; padlen = nt - 1 below that."""
    x, sos = noise(nt), butter(4, [5, 20], "bandpass")
    got = chain(x, "bandpass band=5..20Hz")
    check(got, signal.sosfiltfilt(sos, x, axis=0, padlen=min(27, nt - 1)), EXACT)


@pytest.mark.parametrize("q", [2, 3, 5, 10, 13])
def test_decimate_is_scipys(chain, q):
    x = noise()
    kw = dict(axis=0)
    every_cut(chain, x, f"decimate factor={q}", signal.decimate(x, q, ftype="fir", **kw), 0, True)
    every_cut(chain, x, f"decimate factor={q} phase=causal",
              signal.decimate(x, q, ftype="fir", zero_phase=False, **kw), 0, True)
    every_cut(chain, x, f"decimate factor={q} kind=iir", signal.decimate(x, q, ftype="iir", **kw), FADED)
    every_cut(chain, x, f"decimate factor={q} kind=iir phase=causal",
              signal.decimate(x, q, ftype="iir", zero_phase=False, **kw), FADED)


@pytest.mark.parametrize("kind", ["fir", "iir"])
def test_decimation_keeps_the_utc_grid_unless_told_the_span(chain, kind):
    x, q = noise(), 7
    k0 = -FIRST % q  # first sample on the grid of the new rate
    assert k0 == 4
    got = chain(x, f"decimate factor={q} kind={kind} align=span", first=FIRST, lane=200, block=90)
    check(got, signal.decimate(x, q, ftype=kind, axis=0), FADED)
    assert got.position == FIRST
    got = chain(x, f"decimate factor={q} kind={kind}", first=FIRST, lane=200, block=90)
    if kind == "fir":
        full = signal.upfirdn(signal.firwin(20 * q + 1, 1 / q), x, axis=0)[10 * q:][:NT]
    else:
        full = signal.sosfiltfilt(signal.cheby1(8, 0.05, 0.8 / q, output="sos"), x, axis=0)
    check(got, full[k0::q], FADED)
    assert got.a == (FIRST + k0) // q and got.position == FIRST + k0 and got.rate == RATE / q


# A zero-phase filter and the decimation after it run as one, each row read once (ops/chain/defer.h): what a
# block holds back is made right by those that follow, whatever their lengths.
DEFERRED_CUTS = [dict(), dict(block=1000), dict(block=97, tile=7), dict(block=13, lane=401, tile=64),
                 dict(block=1, lane=150), dict(lane=333, block=332), dict(block=1999, lane=2000)]


@pytest.mark.parametrize("text,args", [
    ("bandpass band=1..20Hz", (4, [1, 20], "bandpass")), ("lowpass corner=8Hz", (4, 8, "lowpass")),
    ("highpass corner=0.5Hz order=3", (3, 0.5, "highpass")), ("lowpass corner=3Hz order=1", (1, 3, "lowpass")),
    ("bandstop band=10..14Hz order=5", (5, [10, 14], "bandstop")),
    ("bandpass band=4..30Hz order=12", (12, [4, 30], "bandpass"))])
@pytest.mark.parametrize("q,phase", [(2, "zero"), (5, "zero"), (13, "zero"), (3, "causal")])
def test_a_zero_phase_filter_and_a_decimation_are_scipys_over_any_cut(chain, text, args, q, phase):
    x, sos = noise(), butter(*args)
    ref = signal.decimate(signal.sosfiltfilt(sos, x, axis=0), q, ftype="fir", axis=0,
                          zero_phase=phase == "zero")
    for cut in DEFERRED_CUTS:
        check(chain(x, f"{text} | decimate factor={q} phase={phase}", **cut), ref, FADED)


def test_a_filter_and_a_decimation_among_others(chain):
    """Before, after, twice, on the span's own grid; what follows makes blocks overlap."""
    x = noise()
    dec = lambda y, q: signal.decimate(y, q, ftype="fir", axis=0)
    filt = lambda y, rate, *args: signal.sosfiltfilt(butter(*args, rate), y, axis=0)
    one = dec(filt(x, 100, 4, [1, 20], "bandpass"), 2)
    slope = np.gradient(x, 1 / RATE, axis=0, edge_order=2)
    for text, ref in [
            ("bandpass band=1..20Hz | decimate factor=2 | lowpass corner=8Hz | decimate factor=2",
             dec(filt(one, 50, 4, 8, "lowpass"), 2)),
            ("differentiate | bandpass band=1..20Hz | decimate factor=2",
             dec(filt(slope, 100, 4, [1, 20], "bandpass"), 2)),
            ("highpass corner=2Hz phase=causal | lowpass corner=8Hz | decimate factor=2",
             dec(filt(signal.sosfilt(butter(4, 2, "highpass"), x, axis=0), 100, 4, 8, "lowpass"), 2)),
            ("notch frequency=10Hz | lowpass corner=8Hz | decimate factor=3",
             dec(filt(signal.filtfilt(*signal.iirnotch(10, 30, RATE), x, axis=0), 100, 4, 8, "lowpass"), 3)),
            ("bandpass band=1..20Hz | decimate factor=20", dec(dec(filt(x, 100, 4, [1, 20], "bandpass"), 5), 4)),
            ("bandpass band=1..20Hz | decimate factor=2 | lowpass corner=1Hz order=2",
             filt(one, 50, 2, 1, "lowpass")),
            ("bandpass band=1..20Hz | resample rate=25Hz | differentiate",
             np.gradient(signal.resample_poly(filt(x, 100, 4, [1, 20], "bandpass"), 1, 4, axis=0), 1 / 25,
                         axis=0, edge_order=2)),
            ("bandpass band=1..20Hz | decimate factor=2 | demean window=span", one - one.mean(axis=0))]:
        for cut in DEFERRED_CUTS[:1] if "span" in text else DEFERRED_CUTS:
            check(chain(x, text, **cut), ref, FADED)
    for cut in DEFERRED_CUTS:
        got = chain(x, "bandpass band=1..20Hz | decimate factor=7 align=span", first=FIRST, **cut)
        check(got, dec(filt(x, 100, 4, [1, 20], "bandpass"), 7), FADED)
        assert got.position == FIRST


@pytest.mark.parametrize("nt", [1, 2, 9, 27, 28, 60, 130, 600])
def test_short_spans_are_filtered_and_decimated(chain, nt):
    x, sos = noise(nt), butter(4, [5, 20], "bandpass")
    full = signal.sosfiltfilt(sos, x, axis=0, padlen=min(27, nt - 1)) if nt > 1 else 0 * x
    ref = signal.upfirdn(signal.firwin(41, 1 / 2), full, axis=0)[20:][:nt][::2]
    for cut in [dict(), dict(block=1), dict(block=7, lane=20), dict(block=25), dict(block=290)]:
        got = chain(x, "bandpass band=5..20Hz | decimate factor=2", **cut)
        assert np.abs(got.y - ref).max() <= FADED * max(np.abs(ref).max(), 1e-9)


def test_a_drift_leaves_no_seam_where_a_decimation_follows(chain):
    """As for the filter alone: the law's 1e-6 of a signal under a drift a thousand times as large."""
    t = np.linspace(0, 1, NT)[:, None]
    x = noise() + 1000 * (t + np.sin(2 * np.pi * t)) + 5000
    ref = signal.decimate(signal.sosfiltfilt(butter(4, 1, "highpass"), x, axis=0), 2, ftype="fir", axis=0)
    for cut in DEFERRED_CUTS:
        got = chain(x, "highpass corner=1Hz | decimate factor=2", first=FIRST + 1, **cut)
        inside = slice(500, -500)
        peak = np.abs(ref[inside]).max()
        assert peak < 10
        assert np.abs(got.y - ref)[inside].max() <= 1e-6 * peak


def test_large_factors_are_cascades(chain):
    x = noise()
    ref = signal.decimate(signal.decimate(x, 5, ftype="fir", axis=0), 4, ftype="fir", axis=0)
    every_cut(chain, x, "decimate factor=20", ref, 0, True)
    got = chain(noise(20000, 3), "decimate factor=1000")
    assert got.rate == pytest.approx(0.1)


@pytest.mark.parametrize("rate,up,down", [(200, 2, 1), (40, 2, 5), (125, 5, 4), (99, 99, 100), (100, 1, 1),
                                          (1, 1, 100)])
def test_resample_is_resample_poly(chain, rate, up, down):
    x = noise()
    got = every_cut(chain, x, f"resample rate={rate}Hz", signal.resample_poly(x, up, down, axis=0), 0, True)
    assert got.rate == rate


def test_resample_puts_samples_on_the_utc_grid_of_the_new_rate(chain):
    """First input at 11 samples: the grid of 40 Hz (2.5 samples) begins at 12.5, output 5."""
    x = noise()
    got = chain(x, "resample rate=40Hz", first=11, lane=300, block=70)
    assert (got.a, got.position) == (5, 12.5)
    wide = np.concatenate([np.zeros((11, NC)), x])
    check(got, signal.resample_poly(wide, 2, 5, axis=0)[5:], EXACT)


def test_point_operators(chain):
    x = noise()
    every_cut(chain, x, "scale by=2.5 unit=mV", 2.5 * x, 0, True)
    every_cut(chain, x, "units to=native", 2 * x, 0, True)
    every_cut(chain, x, "units to=strain_rate", 3 * x, 0, True)
    every_cut(chain, x, "units to=strain", 5 * x, 0, True)
    every_cut(chain, x, "clip min=-0.5 max=1", np.clip(x, -0.5, 1), 0, True)
    every_cut(chain, x, "abs", np.abs(x), 0, True)


def windows(first, nt, n):
    """[a, b) of the windows of n samples on multiples of n, clipped to the span, from 0."""
    k = np.arange(first // n, -(-(first + nt) // n) + 1) * n - first
    k = np.unique(np.clip(k, 0, nt))
    return list(zip(k[:-1], k[1:]))


@pytest.mark.parametrize("text,kind", [("detrend", "linear"), ("detrend kind=constant", "constant"),
                                       ("demean", "constant")])
def test_detrend_is_scipys_in_each_utc_window(chain, text, kind):
    """Windows of 8 s = 800 samples; the span starts 123 samples into one (used, it is over half full)
    and ends 323 into one (blank)."""
    x = noise() + 1000 * np.linspace(0, 1, NT)[:, None]
    assert FIRST % 800 == 123 and (FIRST + NT) % 800 == 523
    part = x[:5800]
    ref = np.concatenate([signal.detrend(part[a:b], axis=0, type=kind) for a, b in windows(FIRST, 5800, 800)])
    every_cut(chain, part, text + " window=8s", ref, 0, True, first=FIRST, tail=323)
    ref = signal.detrend(x, axis=0, type=kind)
    check(chain(x, text + " window=span", block=1000), ref, EXACT)


def test_a_window_less_than_half_full_at_the_start_is_blank(chain):
    x = noise()
    got = chain(x, "demean window=8s", first=FIRST + 300)  # 377 of 800 samples are left
    assert (got.head, got.tail) == (377, 23)
    got = chain(x, "demean window=8s | lowpass corner=20Hz phase=causal", first=FIRST + 300)
    assert got.head > 377  # what depends on a blank is blank


@pytest.mark.parametrize("kind", ["hann_2n", "hann_2n1", "tukey"])
def test_taper_of_the_span_and_of_windows(chain, kind):
    """length 1.5 s = 150 samples; windows of 2000, the first 1877 and the last 1923 samples long."""
    x, n = noise(5800), 150

    def weights(rows):
        w = np.ones(rows)
        if kind == "tukey":
            return signal.windows.tukey(rows, 2 * n / (rows - 1))
        half = signal.windows.hann(2 * n + (kind == "hann_2n1"))[:n]
        w[:n], w[-n:] = half, half[::-1]
        return w

    every_cut(chain, x, f"taper length=1.5s kind={kind}", x * weights(5800)[:, None], 0, True, first=FIRST)
    w = np.concatenate([weights(b - a) for a, b in windows(FIRST, 5800, 2000)])
    every_cut(chain, x, f"taper length=1.5s kind={kind} window=20s", x * w[:, None], 0, True, first=FIRST)


def test_tukey_taper_by_fraction(chain):
    x = noise()
    every_cut(chain, x, "taper fraction=10% kind=tukey", x * signal.windows.tukey(NT, 0.1)[:, None], 0, True)


@pytest.mark.parametrize("nc", [2, 36, 37])
def test_common_mode(chain, nc):
    x = noise(600, nc)
    for cut in (dict(), dict(block=77, lane=200, tile=5)):
        check(chain(x, "common_mode", **cut), x - x.mean(axis=1, keepdims=True), EXACT)
        check(chain(x, "common_mode kind=median", **cut), x - np.median(x, axis=1, keepdims=True), EXACT)


def test_common_mode_leaves_nan_channels_out(chain):
    x = noise(600, 20)
    x[100:200, 3] = x[150:300, 7] = np.nan
    for kind, f in (("mean", np.nanmean), ("median", np.nanmedian)):
        got = chain(x, f"common_mode kind={kind}", block=90)
        ref = x - f(x, axis=1, keepdims=True)
        good = np.isfinite(x)
        assert np.abs(got.y - ref)[good].max() <= EXACT * np.abs(ref[good]).max()


def test_common_mode_between_filters(chain):
    """Three stages: what the coupling operator sees has been filtered, and is filtered again."""
    x = noise()
    sos, low = butter(4, 2, "highpass"), butter(4, 20, "lowpass")
    ref = signal.sosfiltfilt(sos, x, axis=0)
    ref = ref - ref.mean(axis=1, keepdims=True)
    ref = signal.decimate(signal.sosfilt(low, ref, axis=0), 4, ftype="fir", axis=0)
    every_cut(chain, x, "highpass corner=2Hz | common_mode | lowpass corner=20Hz phase=causal | "
                        "decimate factor=4", ref, FADED)


@pytest.mark.parametrize("step", [1, 5, 70])
def test_rms_is_the_root_of_the_rolling_mean_of_squares(chain, step):
    """0.5 s = 50 samples; outputs on multiples of the step in UTC; blank until the window is full."""
    n, x = 50, noise() * np.linspace(1e-3, 1e3, NT)[:, None]
    padded = np.concatenate([np.zeros((n - 1, NC)), x])
    full = np.sqrt(np.lib.stride_tricks.sliding_window_view(padded ** 2, n, axis=0).mean(axis=-1))
    k0 = -FIRST % step
    ref, head = full[k0::step], -(-(n - 1 - k0) // step)
    text = "rms window=0.5s" + (f" step={step * 10}ms" if step > 1 else "")
    got = every_cut(chain, x, text, ref, 0, True, first=FIRST, head=head)
    assert got.rate == RATE / step


def test_rms_of_a_long_window(chain):
    x = noise()
    padded = np.concatenate([np.zeros((2999, NC)), x])
    csum = np.cumsum(np.concatenate([np.zeros((1, NC)), padded ** 2]), axis=0)
    ref = np.sqrt((csum[3000:] - csum[:-3000]) / 3000)
    every_cut(chain, x, "rms window=30s", ref, 0, True, head=2999)


def obspy_classic(x, ns, nl):
    """obspy.signal.trigger.classic_sta_lta for columns."""
    c = np.cumsum(np.concatenate([np.zeros((1, x.shape[1])), x ** 2]), axis=0)
    sta, lta = np.zeros_like(x), np.zeros_like(x)
    sta[ns - 1:], lta[nl - 1:] = (c[ns:] - c[:-ns]) / ns, (c[nl:] - c[:-nl]) / nl
    sta[:nl - 1] = 0
    return sta / np.maximum(lta, np.finfo(float).tiny)


def obspy_recursive(x, ns, nl):
    """obspy.signal.trigger.recursive_sta_lta for columns."""
    sta, lta, y = np.zeros(x.shape[1]), np.full(x.shape[1], 1e-99), np.zeros_like(x)
    for i in range(1, len(x)):
        sta = x[i] ** 2 / ns + (1 - 1 / ns) * sta
        lta = x[i] ** 2 / nl + (1 - 1 / nl) * lta
        y[i] = sta / lta if i >= nl else 0
    return y


@pytest.mark.parametrize("step", [1, 5, 7, 130])
@pytest.mark.parametrize("ns,nl", [(50, 500), (30, 77)])
def test_sta_lta_of_the_classic_kind(chain, step, ns, nl):
    """Outputs on multiples of the step in UTC; 0 until the long window is full."""
    x = noise()
    x[2000:2100] *= 10
    k0 = -FIRST % step
    text = f"stalta sta={ns * 10}ms lta={nl * 10}ms" + (f" step={step * 10}ms" if step > 1 else "")
    got = every_cut(chain, x, text, obspy_classic(x, ns, nl)[k0::step], 0, True, first=FIRST)
    assert got.rate == RATE / step


@pytest.mark.parametrize("step", [1, 7])
def test_sta_lta_of_the_recursive_kind(chain, step):
    """fade = ln(1e-9) / ln(1 - 1/77) = 1586 samples."""
    x = noise()
    x[2000:2100] *= 10
    k0 = -FIRST % step
    text = "stalta kind=recursive sta=300ms lta=770ms" + (f" step={step * 10}ms" if step > 1 else "")
    every_cut(chain, x, text, obspy_recursive(x, 30, 77)[k0::step], FADED, first=FIRST)


def test_sta_lta_of_silence_is_zero(chain):
    x = np.zeros((1000, 3))
    for kind in ("classic", "recursive"):
        assert (chain(x, f"stalta sta=200ms lta=2s kind={kind}").y == 0).all()


def trapezoid(x):
    return np.concatenate([np.zeros((1, x.shape[1])), np.cumsum(0.5 * (x[1:] + x[:-1]), axis=0)]) / RATE


def test_integrate_above_a_corner(chain):
    """Second-order Butterworth from its steady state, then the plain integral. Tolerance of the
    uncut case: the sums of the reference itself lose digits over 6000 samples."""
    x = noise() + 3
    for text, hz in (("integrate", 0.1), ("integrate above=2Hz", 2)):
        sos = butter(2, hz, "highpass")
        zi = signal.sosfilt_zi(sos)[:, :, None] * x[0]
        high = signal.sosfilt(sos, x, axis=0, zi=zi)[0]
        every_cut(chain, x, text, trapezoid(high), FADED, uncut=1e-9)
        every_cut(chain, x, text + " rule=sum", np.cumsum(high, axis=0) / RATE, FADED, uncut=1e-9)


def test_integrate_from_each_window_or_over_the_span(chain):
    x = noise() + 3
    parts = windows(FIRST, 5800, 800)
    ref = np.concatenate([trapezoid(x[a:b]) for a, b in parts])
    every_cut(chain, x[:5800], "integrate window=8s", ref, 0, True, first=FIRST, tail=323)
    ref = np.concatenate([np.cumsum(x[a:b], axis=0) / RATE for a, b in parts])
    every_cut(chain, x[:5800], "integrate window=8s rule=sum", ref, 0, True, first=FIRST, tail=323)
    for block in (0, 700):
        check(chain(x, "integrate window=span", block=block), trapezoid(x), EXACT)
        check(chain(x, "integrate window=span rule=sum", block=block), np.cumsum(x, axis=0) / RATE, EXACT)


@pytest.mark.parametrize("nt", [3, 4, NT])
def test_differentiate(chain, nt):
    x = noise(nt)
    every_cut(chain, x, "differentiate", np.gradient(x, 1 / RATE, axis=0, edge_order=2), 0, True)
    ref = np.concatenate([np.zeros((1, NC)), np.diff(x, axis=0) * RATE])
    every_cut(chain, x, "differentiate rule=diff", ref, 0, True, head=1)


def test_a_long_chain(chain):
    """The demo chain with company, every rate and phase rule at once."""
    x = noise(20000, 5)
    ref = signal.sosfiltfilt(butter(4, [1, 30], "bandpass"), x, axis=0)
    ref = signal.decimate(ref, 2, ftype="fir", axis=0)
    ref = np.gradient(ref, 1 / 50, axis=0, edge_order=2)
    ref = signal.resample_poly(ref, 4, 5, axis=0)
    ref = signal.sosfilt(butter(2, 5, "lowpass", 40), ref, axis=0)
    text = ("bandpass band=1..30Hz | decimate factor=2 | differentiate | resample rate=40Hz | "
            "lowpass corner=5Hz order=2 phase=causal")
    every_cut(chain, x, text, ref, FADED)


REAL = Path(os.environ.get("MILLRACE_REALDATA",
                           Path(__file__).resolve().parents[3] / "shared" / "realdata")) / "das" / "ref"


@pytest.mark.parametrize("path", sorted(REAL.glob("*.ref.h5")), ids=lambda p: p.name.split(".")[0])
def test_real_recordings(chain, path):
    """From the reference's detrended samples to its causal, zero, decimated and both, for files that
    are kept whole (up to 4096 samples). Corners 0.05 and 0.4 of Nyquist: 2.5 and 20 Hz of 100 Hz."""
    import h5py
    with h5py.File(path) as f:
        stages = {k: f[k][()] for k in ("detrend", "causal", "zero", "dec", "zerodec") if k in f}
        whole = f["detrend"].attrs["sample_index_of_rows"] == "all" if "detrend" in f else False
        if not whole or "zero" not in stages:
            pytest.skip("not kept whole, or too short")
    x = stages["detrend"]
    steps = [("zero", "bandpass band=2.5..20Hz"), ("causal", "bandpass band=2.5..20Hz phase=causal"),
             ("dec", "decimate factor=4"), ("zerodec", "bandpass band=2.5..20Hz | decimate factor=4")]
    for name, text in steps:
        for cut in (dict(), dict(block=300, lane=900)):
            check(chain(x, text, **cut), stages[name], FADED if cut else 1e-10)


def test_there_are_real_recordings_where_they_should_be():
    if not REAL.exists():
        pytest.skip("MILLRACE_REALDATA is not there")
    assert list(REAL.glob("*.ref.h5"))


@pytest.mark.parametrize("text,words", [
    ("bandpass band=1..60Hz", "60 Hz is not below half the sampling rate"),
    ("bandpas band=1..6Hz", "did you mean bandpass"),
    ("bandpass bnad=1..6Hz", "did you mean band"),
    ("bandpass band=6..1Hz", "band"),
    ("bandpass band=1..6Hz order=40", "40  is outside 1..12"),
    ("bandpass band=1..6Hz phase=both", "both is none of zero, causal"),
    ("bandpass", "band is needed"),
    ("decimate factor=17", "16 and 18"),
    ("resample rate=33.3333Hz", "33.33333333 Hz"),
    ("detrend", "window is needed"),
    ("clip min=2 max=1", "min 2 is not below max 1"),
    ("rms window=1s step=15ms", "whole number of samples"),
    ("stalta sta=1s lta=1s", "not longer than sta"),
    ("stalta sta=1ms lta=1s", "under one sample"),
    ("stalta sta=1s lta=9s step=15ms", "whole number of samples"),
    ("integrate above=1Hz window=1s", "exclude each other"),
    ("taper", "one of length and fraction"),
    ("abs x=1", "takes no parameters"),
    ("lowpass corner=0.000001Hz", "samples to fade")])
def test_refusals_name_what_is_wrong(chain, text, words):
    with pytest.raises(RuntimeError) as e:
        chain(noise(100, 3), text)
    assert "status 2" in str(e.value) and "text:1:1" in str(e.value)
    assert words in str(e.value)
