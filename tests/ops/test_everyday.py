"""The everyday operators against numpy and scipy on the whole span, cut into lanes, blocks and tiles.

All have a finite context, so no cut may change a bit. EXACT: the same formula summed in another order.
"""
import numpy as np
import pytest
from scipy import signal, stats

from cuts import EXACT, FIRST, NC, NT, RATE, check, every_cut, noise
from forms import analytic, centred_mean, noisepy_ram, savgol, trailing


@pytest.mark.parametrize("kind,f", [
    ("mean", lambda w: w.mean(-1)), ("std", lambda w: w.std(-1)), ("min", lambda w: w.min(-1)),
    ("max", lambda w: w.max(-1)), ("median", lambda w: np.median(w, -1)), ("sum", lambda w: w.sum(-1)),
    ("rms", lambda w: np.sqrt((w ** 2).mean(-1)))])
@pytest.mark.parametrize("n,step", [(2, 1), (50, 1), (77, 7), (30, 64)])
def test_rolling_is_numpys_of_each_window(chain, kind, f, n, step):
    """The first n - 1 outputs are blank; with a step, outputs lie on multiples of it in UTC."""
    x = noise() + 100
    k0 = -FIRST % step
    text = f"rolling window={n * 10}ms kind={kind}" + (f" step={step * 10}ms" if step > 1 else "")
    head = -(-(n - 1 - k0) // step) if n - 1 > k0 else 0
    every_cut(chain, x, text, f(trailing(x, n))[k0::step], 0, True, first=FIRST, head=head)


def test_rolling_windows_of_equal_values_and_of_large_offsets(chain):
    """Ties in the ordered window; a deviation of 1 on an offset of 1e8 (EXACT of the offset)."""
    x = np.round(noise() * 2)
    every_cut(chain, x, "rolling window=210ms kind=median", np.median(trailing(x, 21), -1), 0, True, head=20)
    x = noise() + 1e8
    got = chain(x, "rolling window=500ms kind=std")
    assert np.abs(got.y - trailing(x, 50).std(-1))[49:].max() < 1e-7


@pytest.mark.parametrize("n,step", [(4, 1), (100, 1), (77, 7)])
def test_kurtosis_is_scipys_of_each_window(chain, n, step):
    x = noise()
    x[1000:1003] *= 30
    k0 = -FIRST % step
    text = f"kurtosis window={n * 10}ms" + (f" step={step * 10}ms" if step > 1 else "")
    head = -(-(n - 1 - k0) // step)
    with np.errstate(invalid="ignore"):
        ref = stats.kurtosis(trailing(x, n), axis=-1)[k0::step]
    ref[:head] = 0
    every_cut(chain, x, text, ref, 0, True, first=FIRST, head=head, uncut=1e-9)


def test_kurtosis_of_what_does_not_change_is_zero(chain):
    assert (chain(np.full((500, 3), 7.0), "kurtosis window=1s").y == 0).all()


@pytest.mark.parametrize("n,order,d", [(5, 2, 0), (21, 3, 0), (51, 5, 1), (31, 4, 2), (9, 0, 0), (101, 10, 3)])
def test_savgol_is_scipys(chain, n, order, d):
    """Both ends included (mode interp). Of order 10 scipy's own coefficients are off by a hundredth."""
    x = noise()
    ref = savgol(x, n, order, d)
    every_cut(chain, x, f"savgol window={(n - 1) * 10}ms order={order} derivative={d}", ref, 0, True)
    theirs = signal.savgol_filter(x, n, order, deriv=d, delta=1 / RATE, axis=0, mode="interp")
    assert np.abs(theirs - ref).max() <= (1e-7 if order < 10 else 0.05) * np.abs(ref).max()


@pytest.mark.parametrize("nt", [1, 2, 5, 20])
def test_a_span_shorter_than_savgols_window_is_one_polynomial(chain, nt):
    x, t = noise(nt), np.arange(nt)
    ref = np.stack([np.polyval(np.polyfit(t, x[:, c], min(2, nt - 1)), t) for c in range(NC)], axis=1)
    check(chain(x, "savgol window=200ms order=2"), ref, 1e-9)


@pytest.mark.parametrize("n", [3, 51, 1001])
def test_agc_divides_by_the_amplitude_around(chain, n):
    x = noise() * (1 + 50 * np.abs(np.sin(np.arange(NT) / 300)))[:, None]
    text = f"agc window={(n - 1) * 10}ms"
    every_cut(chain, x, text, x / np.sqrt(centred_mean(x ** 2, n)), 0, True, first=FIRST)
    every_cut(chain, x, text + " kind=abs", x / centred_mean(np.abs(x), n), 0, True, first=FIRST)


def test_silence_stays_silence(chain):
    for text in ("agc window=1s", "normalise kind=z window=2s", "normalise kind=max window=2s",
                 "normalise kind=l2 window=2s", "normalise kind=ram window=1s", "normalise kind=onebit"):
        assert (chain(np.zeros((1000, 3)), text).y == 0).all(), text


@pytest.mark.parametrize("n", [2, 25, 100])
def test_running_absolute_mean(chain, n):
    x = noise()
    every_cut(chain, x, f"normalise kind=ram window={n * 10}ms", noisepy_ram(x, n), 0, True, first=FIRST)


def test_normalise_of_windows_and_of_the_span(chain):
    """Windows of 8 s = 800 samples: the span starts 123 into one, ends 323 before the end of one."""
    x = (noise() + 0.5) * np.linspace(1, 20, NT)[:, None]
    edges = np.clip(np.arange(-123, NT + 800, 800), 0, NT)
    parts = [(a, b) for a, b in zip(edges[:-1], edges[1:]) if b > a]
    forms = {"max": lambda w: w / np.abs(w).max(0), "l2": lambda w: w / np.sqrt((w ** 2).sum(0)),
             "z": lambda w: (w - w.mean(0)) / w.std(0)}
    for kind, f in forms.items():
        ref = np.concatenate([f(x[a:b]) for a, b in parts])
        every_cut(chain, x, f"normalise kind={kind} window=8s", ref, 0, True, first=FIRST)
        check(chain(x, f"normalise kind={kind} window=span", block=1000), f(x), EXACT)
    every_cut(chain, x, "normalise kind=onebit", np.sign(x), 0, True)


@pytest.mark.parametrize("above", [0.5, 3, 20])
def test_envelope_phase_and_frequency_are_those_of_the_response(chain, above):
    x = noise()
    z = analytic(x, above)
    opt = "" if above == 0.5 else f" above={above}Hz"  # 100 Hz / 200
    every_cut(chain, x, "envelope" + opt, np.abs(z), 0, True, first=FIRST)
    got = every_cut(chain, x, "instantaneous" + opt, np.angle(z), 0, True, first=FIRST, uncut=10)
    assert np.abs(np.exp(1j * got.y) - z / np.abs(z)).max() < 1e-9
    turn = np.angle(z[1:] * z[:-1].conj()) / (2 * np.pi) * RATE
    got = every_cut(chain, x, "instantaneous kind=frequency" + opt, np.concatenate([0 * turn[:1], turn]), 0, True,
                    first=FIRST, head=1, uncut=10)
    clear = np.minimum(np.abs(z[1:]), np.abs(z[:-1])) > 1e-2 * np.abs(z).max()
    off = np.exp(2j * np.pi * (got.y[1:] - turn) / RATE)[clear]
    assert np.abs(off - 1).max() < 1e-9


@pytest.mark.parametrize("hz", [2.0, 10.0, 25.0, 40.0, 48.0])
def test_the_envelope_is_scipys_within_the_band(chain, hz):
    """A wave packet between `above` and as far below half the rate: hilbert of the whole within 1e-3."""
    t = (np.arange(NT) - NT / 2) / RATE
    x = (np.exp(-(t / 5) ** 2) * np.cos(2 * np.pi * hz * t))[:, None] * np.ones((1, 3))
    got = chain(x, "envelope above=1Hz")
    assert np.abs(got.y - np.abs(signal.hilbert(x, axis=0))).max() < 1e-3


@pytest.mark.parametrize("text,words", [
    ("rolling window=1ms", "under two samples"), ("rolling window=1s step=15ms", "whole number of samples"),
    ("rolling window=700s kind=median", "up to 65536 samples"), ("kurtosis window=30ms", "four are needed"),
    ("savgol window=20ms order=4", "more than the order"), ("savgol window=1s order=2 derivative=3", "is zero"),
    ("agc window=1ms", "under two samples"), ("normalise kind=z", "window is needed for kind: z"),
    ("normalise kind=ram window=span", "ram needs a length"), ("normalise", "kind is needed"),
    ("envelope above=30Hz", "quarter of the sampling rate"), ("envelope above=0.0001Hz", "decimate first")])
def test_refusals_name_what_is_wrong(chain, text, words):
    with pytest.raises(RuntimeError) as e:
        chain(noise(100, 3), text)
    assert "status 2" in str(e.value) and words in str(e.value)
