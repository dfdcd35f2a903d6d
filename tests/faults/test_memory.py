"""Every allocation of ours fails, once and for good: the run ends with status 5 and says what for, or a
file is refused because its worker had no memory; nothing half done has a final name, and with memory
the same command gives the bytes of an undisturbed run."""
import subprocess

import pytest

import foul
import rig

PROGRAM = foul.PRELOADS / "millrace_mem"
PROMISE = "an allocation of ours fails: status 5 or a file named, rerun the same bytes"
if "asan" in foul.PRELOADS.parts:
    PROMISE += ", no report of AddressSanitizer"


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return foul.world(tmp_path_factory.mktemp("memory"))


@pytest.fixture(scope="module")
def deflate(tmp_path_factory):
    return foul.world(tmp_path_factory.mktemp("memory-z"), more=["compress: deflate"])


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    return foul.world(tmp_path_factory.mktemp("memory-r"), chain=foul.SUMS)


def run(*args, ranks=0, **env):
    command = rig.command(*args, ranks=ranks)
    command[-1 - len(args)] = str(PROGRAM)
    return subprocess.run(command, capture_output=True, text=True, errors="replace",
                          timeout=foul.TIMEOUT_S, env=rig.environment(1, **{k: str(v) for k, v in env.items()}))


def count(cfg, tmp_path, *args):
    log = tmp_path / "count"
    run(*args, cfg, MEMFAIL_LOG=log)
    return int(log.read_text())


@pytest.mark.parametrize("how", ["once", "good"])
@pytest.mark.parametrize("which", ["plain", "deflate", "result"])
def test_allocations_of_a_run(request, tmp_path, which, how):
    w = request.getfixturevalue(which)
    n = count(w.config(tmp_path / "count-out"), tmp_path, "run")
    assert n > 100

    def one(at):
        out = tmp_path / f"o{at}"
        cfg = w.config(out)
        done = run("run", cfg, MEMFAIL_AT=at, MEMFAIL_FOR=how)
        foul.clean_end(done, {0, 3, 5, 10})
        if done.returncode in (3, 10):
            assert "memory" in done.stderr, done.stderr
        elif done.returncode == 5:
            assert any("memory" in x for x in foul.talk(done)), done.stderr
            foul.no_debris(out, w.want)
        else:
            assert rig.digests(out) == w.want
        foul.finishes(cfg, out, w.want)

    foul.both(one, foul.picked(n, phase=len(which)), PROMISE)


def test_allocations_of_a_worker(plain, tmp_path):
    """A fact of a file that there was no memory for is not one that is not there: the file is named."""
    said = []

    def one(at):
        out = tmp_path / f"o{at}"
        cfg = plain.config(out)
        done = run("run", cfg, MEMFAIL_AT=at, MEMFAIL_FOR="once", MEMFAIL_IN="millrace-worker")
        foul.clean_end(done, {0, 3, 5, 10})
        said.append(done.returncode)
        if done.returncode == 0:
            assert rig.digests(out) == plain.want
        else:
            assert "memory" in done.stderr, done.stderr
        foul.finishes(cfg, out, plain.want)

    foul.both(one, foul.picked(100, 5 if foul.STEP > 1 else 1), PROMISE)
    assert any(said)


@pytest.mark.parametrize("ranks", [2])
def test_allocations_over_ranks(plain, tmp_path, ranks):
    def one(at):
        out = tmp_path / f"o{at}"
        cfg = plain.config(out)
        done = run("run", cfg, ranks=ranks, MEMFAIL_AT=at, MEMFAIL_FOR="good")
        foul.clean_end(done, {0, 3, 5, 10})
        foul.finishes(cfg, out, plain.want, ranks=ranks)

    foul.both(one, foul.picked(600, 150 if foul.STEP > 1 else 5), PROMISE)


@pytest.mark.parametrize("command", ["plan", "check", "verify", "inspect", "ops", "view"])
def test_allocations_of_other_commands(plain, tmp_path, command):
    """They say so and leave nothing."""
    lane = rig.lanes(plain.reference)[0]
    what = {"plan": [plain.config(tmp_path / "o")], "check": [plain.config(tmp_path / "o")],
            "verify": [plain.reference], "inspect": [plain.files], "ops": ["bandpass"],
            "view": [lane, "-o", tmp_path / "v.png"]}[command]
    n = count(what[-1] if len(what) == 1 else "", tmp_path, command) if len(what) == 1 else 400
    before = rig.digests(plain.reference)

    def one(at):
        mine = [tmp_path / f"{at}.png" if x == tmp_path / "v.png" else x for x in what]
        done = run(command, *mine, MEMFAIL_AT=at, MEMFAIL_FOR="good")
        foul.clean_end(done, {0, 3, 5, 7, 10})
        if done.returncode:
            assert "memory" in done.stderr + done.stdout, done

    foul.both(one, foul.picked(n, foul.STEP * 2 if foul.STEP > 1 else 1, len(command)), PROMISE)
    assert rig.digests(plain.reference) == before
