"""Formulas of operators in float64 numpy and scipy over a whole span, [time][channel] at 100 Hz."""
import numpy as np
from scipy import ndimage
from scipy.fft import next_fast_len

from cuts import RATE, cheapest_length

DX = 1.0  # m from channel to channel


def trailing(x, n):
    """[rows][channels][n]: the window that ends at each row; rows before n - 1 repeat the first."""
    padded = np.concatenate([np.repeat(x[:1], n - 1, axis=0), x])
    return np.lib.stride_tricks.sliding_window_view(padded, n, axis=0)


def savgol(x, n, order, d):
    """Least squares on Legendre polynomials over -1 .. 1: scipy's own equations, on powers of sample
    numbers, lose up to half of the digits."""
    at, half = np.linspace(-1, 1, n), n // 2
    base = np.polynomial.legendre.legvander(at, order)
    slopes = np.zeros_like(base)
    for k in range(order + 1):
        slopes[:, k] = np.polynomial.legendre.legval(at, np.polynomial.legendre.legder(np.eye(order + 1)[k], d))
    w = slopes @ np.linalg.pinv(base) * (RATE / half) ** d
    y = np.apply_along_axis(np.convolve, 0, x, w[half][::-1], "same")
    y[:half], y[-half:] = w[:half] @ x[:n], w[half + 1:] @ x[-n:]
    return y


def centred_mean(x, n):
    """Mean over the odd n around each sample, of what there is of it at the ends."""
    box, ones = np.ones(n), np.convolve(np.ones(len(x)), np.ones(n), "same")[:, None]
    return np.apply_along_axis(np.convolve, 0, x, box, "same") / ones


def noisepy_ram(x, n):
    """moving_ave of NoisePy on |x|: n edge samples on either side, numpy's "same"."""
    out = np.empty_like(x)
    for c in range(x.shape[1]):
        a = np.abs(x[:, c])
        padded = np.concatenate([np.full(n, a[0]), a, np.full(n, a[-1])])
        out[:, c] = np.convolve(padded, np.ones(n) / n, mode="same")[n:-n]
    return x / out


def hilbert_taps(above):
    """The response in float64 numpy: ideal, odd, Kaiser of 80 dB, transition of 2 * above."""
    half = int(np.ceil(72 / (2.285 * 2 * np.pi * 2 * above / RATE) / 2))
    k = np.arange(-half, half + 1)
    h = np.zeros(2 * half + 1)
    h[k % 2 != 0] = 2 / (np.pi * k[k % 2 != 0])
    return h * np.kaiser(2 * half + 1, 0.1102 * 71.3)


def analytic(x, above):
    return x + 1j * np.apply_along_axis(np.convolve, 0, x, hilbert_taps(above), "same")


def quarter(v, lo, hi, edge):
    """1 from lo to hi, quarter waves down to lo (1 - edge) and hi (1 + edge)."""
    rise = np.sin(np.pi / 2 * np.clip((v - lo * (1 - edge)) / (lo * edge), 0, 1))
    fall = np.cos(np.pi / 2 * np.clip((v - hi) / (hi * edge), 0, 1))
    return np.where(v < lo, rise, np.where(v > hi, fall, 1.0))


def fan(n, m, velocity, band, edge, direction, dx):
    """The mask over all frequencies (n) and wavenumbers (m), in numpy's order and signs."""
    f, k = np.fft.fftfreq(n, 1 / RATE)[:, None], np.fft.fftfreq(m, dx)[None, :]
    with np.errstate(divide="ignore", invalid="ignore"):
        mask = quarter(np.abs(k / f), 1 / velocity[1], 1 / velocity[0], edge) * \
            quarter(np.abs(f), *band, edge)
    mask[0] = 0
    if n % 2 == 0:
        mask[n // 2] = 0
    up = f * k < 0  # a wave g(t - x / v) lies at k = -f / v
    half = np.where(np.isclose(np.abs(k), 0.5 / dx), 0.5, np.where(up if direction == "up" else f * k > 0, 1, 0))
    return mask * (1 if direction == "both" else half)  # half a turn a channel goes either way


def fk(x, velocity, band, edge=0.2, direction="both", context=None, dx=DX):
    nt, nc = x.shape
    c = round((context or min(8 / band[0], 30)) * RATE)
    n, m = cheapest_length(4 * c + 4), cheapest_length(2 * nc - 1)
    h = np.fft.ifft(fan(n, m, velocity, band, edge, direction, dx), axis=0)
    t = np.fft.fftfreq(n, 1 / n)[:, None]
    h = np.where(np.abs(t) <= c, h * (0.5 + 0.5 * np.cos(np.pi * t / (c + 1))), 0)
    big = next_fast_len(nt + 2 * c + 1)
    wide = np.zeros((big, m), complex)
    wide[:c + 1], wide[-c:] = h[:c + 1], h[-c:]
    z = np.fft.fft(np.fft.fft(x, big, axis=0), m, axis=1) * np.fft.fft(wide, axis=0)
    y = np.fft.ifft(np.fft.ifft(z, axis=1), axis=0)[:nt, :nc]
    assert np.abs(y.imag).max() < 1e-9 * np.abs(y.real).max()
    return y.real


def despiked(x, t, c, threshold):
    """Medians of |x| over channels, then time; spikes from the nearest good channels within c // 2."""
    level = ndimage.median_filter(ndimage.median_filter(np.abs(x), size=(1, c), mode="reflect"), size=(t, 1),
                                  mode="reflect")
    good, y, half = np.abs(x) <= threshold * level, x.copy(), c // 2
    for i, j in zip(*np.nonzero(~good)):
        left = [k for k in range(max(j - half, 0), j) if good[i, k]]
        right = [k for k in range(j + 1, min(j + half, x.shape[1] - 1) + 1) if good[i, k]]
        if left and right:
            y[i, j] = np.interp(j, [left[-1], right[0]], [x[i, left[-1]], x[i, right[0]]])
        elif left or right:
            y[i, j] = x[i, left[-1] if left else right[0]]
    return y, ~good


def hampel(x, t, c, threshold):
    """Outliers of the window around each sample become its median; mirrored at the ends."""
    padded = np.pad(x, ((t // 2, t // 2), (c // 2, c // 2)), mode="symmetric")
    w = np.lib.stride_tricks.sliding_window_view(padded, (t, c)).reshape(*x.shape, -1)
    med = np.median(w, axis=-1)
    mad = np.median(np.abs(w - med[..., None]), axis=-1)
    return np.where(np.abs(x - med) > threshold * mad, med, x)


def runs(m):
    """[a, b) of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], m.astype(int), [0]])))
    return edges.reshape(-1, 2)


def filled(x, most, kind):
    """Runs of NaN of at most so many samples, with good ones on both sides; and how many there were."""
    y, n = x.copy(), 0
    for c in range(x.shape[1]):
        for a, b in runs(np.isnan(x[:, c])):
            if a > 0 and b < len(x) and b - a <= most:
                n += b - a
                y[a:b, c] = 0 if kind == "zero" else \
                    np.interp(np.arange(a, b), [a - 1, b], [x[a - 1, c], x[b, c]])
    return y, n


def interpolated(x, bad, places=None):
    """Listed channels from the nearest others; the nearest one's at the array's ends."""
    places = np.arange(x.shape[1]) if places is None else places
    good, y = [c for c in range(x.shape[1]) if c not in bad], x.copy()
    for c in bad:
        a, b = [k for k in good if k < c][-1:], [k for k in good if k > c][:1]
        if a and b:
            w = (places[c] - places[a[0]]) / (places[b[0]] - places[a[0]])
            y[:, c] = x[:, a[0]] + (x[:, b[0]] - x[:, a[0]]) * w
        else:
            y[:, c] = x[:, (a or b)[0]]
    return y


def fk_with_nan(x, velocity, band, **how):
    """NaN enter as 0 and stay NaN; where over a tenth of the channels is, all are within the context."""
    c, nan = round(min(8 / band[0], 30) * RATE), np.isnan(x)
    y = fk(np.where(nan, 0, x), velocity, band, **how)
    y[nan] = np.nan
    for t in np.flatnonzero(10 * nan.sum(axis=1) > x.shape[1]):
        y[max(t - c, 0):t + c + 1] = np.nan
    return y


def sinc_at(x, places):
    """x at fractional rows, as Fractions or floats: sinc under a Kaiser window of beta 10 over +-32 samples,
    zeros beyond the ends."""
    y, wide = np.zeros((len(places), x.shape[1])), np.pad(x, ((40, 40), (0, 0)))
    for m, at in enumerate(places):
        i = int(at // 1)
        t = np.arange(-31, 33) - float(at - i)
        w = np.sinc(t) * np.i0(10 * np.sqrt(np.clip(1 - (t / 32) ** 2, 0, 1))) / np.i0(10)
        if -40 <= i - 31 and i + 33 <= len(x) + 40:
            y[m] = w @ wide[i - 31 + 40:i + 33 + 40]
    return y
