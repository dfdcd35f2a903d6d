"""input.channels: {except: ...}: all channels but those of a table, of a list, of a range."""
import h5py
import numpy as np
import pytest

import rig

NC = 12


@pytest.fixture
def top(tmp_path):
    rig.archive(tmp_path / "in", rig.noise(2000, NC), 100, 2000)
    (tmp_path / "bad.csv").write_text("channel,distance,why\n3,12,dead\n7,28,noisy\n99,0,not there\n")
    return tmp_path


def run(top, channels, status=0, out="out"):
    (top / "c.yaml").write_text(f"input: {{files: in, channels: {channels}}}\nchain: [abs]\noutput: {{folder: {out}}}\n")
    return rig.run("run", "c.yaml", cwd=top, status=status)


def channels(top, out="out"):
    """Positions are 4 m apart, from 400 m on."""
    with h5py.File(next((top / out / "lanes").rglob("*.h5"))) as f:
        d = f["distance"][:]
    with h5py.File(next((top / "whole" / "lanes").rglob("*.h5"))) as f:
        return [int(np.argmin(abs(f["distance"][:] - x))) for x in d]


@pytest.mark.parametrize("what,left", [("{except: bad.csv}", {3, 7}), ("{except: 0}", {0}),
                                       ("{except: [1, 4..6]}", {1, 4, 5}), ("{except: 0..12:2}", set(range(0, 12, 2)))])
def test_all_but_these(top, what, left):
    run(top, f"0..{NC}", out="whole")
    run(top, what)
    assert channels(top) == [c for c in range(NC) if c not in left]


def test_another_content_of_the_table_is_another_selection(top):
    run(top, "{except: bad.csv}")
    (top / "bad.csv").write_text("channel,why\n3,dead\n8,noisy\n")
    done = run(top, "{except: bad.csv}", status=2)
    assert "another chain" in done.stderr and "3,7" in done.stderr
    (top / "bad.csv").write_text("why,channel\nof another,3\nreason,7\n,99\n")
    assert "1 known" in run(top, "{except: bad.csv}").stdout


@pytest.mark.parametrize("what,words", [("{but: 3}", ["except"]), ("{except: no.csv}", ["no.csv", "cannot be opened"]),
                                        ("{except: 0..12}", ["leaves no channel"]), ("{except: 5..40}", ["0..12"]),
                                        ("{except: []}", ["empty"])])
def test_what_is_no_selection_is_refused(top, what, words):
    done = run(top, what, status=2)
    assert all(w in done.stderr for w in words) and "c.yaml:1:" in done.stderr
