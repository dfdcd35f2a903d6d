"""fk against the same formula in float64 numpy over the whole span, and against waves of known velocity."""
import numpy as np
import pytest

from cuts import RATE, check, noise
from forms import DX, fk

CUTS = [dict(), dict(block=700, lane=2100), dict(block=333), dict(lane=1000, block=100)]


@pytest.mark.parametrize("direction", ["both", "up", "down"])
@pytest.mark.parametrize("nc,velocity,band", [(37, (30, 300), (5, 20)), (8, (20, 80), (2, 40)), (50, (100, 1000), (10, 30))])
def test_fk_is_its_formula(chain, direction, nc, velocity, band):
    x = noise(3000, nc)
    ref = fk(x, velocity, band, direction=direction)
    text = f"fk velocity={velocity[0]}..{velocity[1]}m/s band={band[0]}..{band[1]}Hz direction={direction}"
    for cut in CUTS:
        check(chain(x, text, **cut), ref, 1e-8)


def test_edge_and_context(chain):
    x = noise(2000, 20)
    ref = fk(x, (30, 300), (5, 20), edge=0.5, context=0.5)
    check(chain(x, "fk velocity=30..300m/s band=5..20Hz edge=50% context=500ms"), ref, 1e-8)


def test_up_and_down_are_the_two_halves_of_both(chain):
    x = noise(2000, 20)
    y = {d: chain(x, f"fk velocity=30..300m/s band=5..20Hz direction={d}").y for d in ("both", "up", "down")}
    assert np.abs(y["up"] + y["down"] - y["both"]).max() < 1e-9 * np.abs(y["both"]).max()


def wave(velocity, hz, nt=3000, nc=1000):
    """A packet of 10 s that travels towards higher channels; spacing 1 m."""
    t = np.arange(nt)[:, None] / RATE - np.arange(nc)[None, :] * DX / velocity - nt / RATE / 2
    return np.cos(2 * np.pi * hz * t) * np.exp(-(t / 5) ** 2)


@pytest.mark.parametrize("velocity,hz,db", [(1500, 10, (-0.2, 0.2)), (800, 20, (-0.2, 0.2)), (200, 10, (-999, -36)),
                                            (200, 30, (-999, -36)), (-1500, 10, (-999, -36))])
def test_what_passes_and_what_does_not(chain, velocity, hz, db):
    """A fan of 500..6000 m/s, upwards, on 1,000 channels, judged on the middle half; 200 m/s aliases above
    v / (2 dx) = 100 Hz only."""
    x = wave(velocity, hz)
    y = chain(x, "fk velocity=500..6000m/s band=5..40Hz direction=up").y
    part = (slice(1000, 2000), slice(250, 750))
    got = 20 * np.log10(np.sqrt((y[part] ** 2).mean() / (x[part] ** 2).mean()))
    assert db[0] <= got <= db[1]


@pytest.mark.parametrize("text,words", [
    ("fk velocity=300..3000m/s", "band is needed"), ("fk band=5..20Hz", "velocity is needed"),
    ("fk velocity=300..3000m/s band=5..60Hz", "below half the sampling rate"),
    ("fk velocity=300..3000m/s band=5..20Hz context=10ms", "under two samples")])
def test_refusals(chain, text, words):
    with pytest.raises(RuntimeError) as e:
        chain(noise(100, 9), text)
    assert words in str(e.value)
