"""Every file call that can fail is made to fail, once and for good, with every error that it knows.
The run ends with a documented status and names what it could not do; nothing half done has a final
name; the same command again gives the bytes of an undisturbed run."""
import re
import shutil

import pytest

import foul
import rig

OUT_STATUS = {0, 4}  # done after all, or the output's status
STATES = {"fresh": "plain", "resume": "plain", "deflate": "deflate", "result": "result"}  # and its world


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return foul.world(tmp_path_factory.mktemp("faults"))


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    return foul.world(tmp_path_factory.mktemp("faults-r"), chain=foul.SUMS)


@pytest.fixture(scope="module")
def deflate(tmp_path_factory):
    return foul.world(tmp_path_factory.mktemp("faults-z"), more=["compress: deflate"])


def halfway(w, out):
    """A folder as a dead run leaves it: a lane, a part of another, a plan, the lock of a dead process."""
    shutil.copytree(w.reference, out)
    (out / ".millrace" / "survey").unlink()
    for name in ("master.h5", "index.csv"):
        (out / name).unlink()
    lanes = rig.lanes(out)
    part = lanes[1].read_bytes()
    lanes[1].unlink()
    (lanes[1].parent / (lanes[1].name + ".1-0123456789abcdef.part")).write_bytes(part[:5000])
    (out / ".millrace" / "survey.part").write_bytes(b"x" * 100)


def begin(w, out, state):
    if state == "resume":
        halfway(w, out)


def count(w, tmp_path, state, under, call):
    """How many calls an undisturbed run makes."""
    out, log = tmp_path / "count", tmp_path / "count.log"
    begin(w, out, state)
    env = foul.fault(under or out, 0, call, log=log)
    rig.run("run", w.config(out), status=0, **env)
    shutil.rmtree(out)
    return max((int(re.search(r" (\d+) /", x)[1]) for x in foul.lines(log)), default=0)


def named(done, words):
    assert any(str(w) in line for line in foul.talk(done) for w in words), done.stderr


DISK_FULL = ",write,pwrite,ftruncate,mkdir,link,"
OUTPUT = [("any", "EIO", "once"), ("any", "ENOSPC", "once"), ("any", "EDQUOT", "once"),
          ("any", "EIO", "good"), (DISK_FULL, "ENOSPC", "good"), (DISK_FULL, "EDQUOT", "good"),
          (",open,", "EMFILE", "good"), (",open,mkdir,unlink,rename,link,", "EROFS", "good"),
          (",fsync,", "EIO", "good"), (",rename,link,", "EACCES", "good")]


@pytest.mark.parametrize("call,error,how", OUTPUT, ids=lambda x: x.strip(",").replace(",", "+"))
@pytest.mark.parametrize("state", STATES)
def test_output_calls(request, tmp_path, state, call, error, how):
    w = request.getfixturevalue(STATES[state])
    n = count(w, tmp_path, state, None, call)
    assert n > 5
    phase = OUTPUT.index((call, error, how)) * 5 + len(state)

    def one(at):
        out, log = tmp_path / f"o{at}", tmp_path / f"{at}.log"
        begin(w, out, state)
        cfg = w.config(out)
        done = rig.run("run", cfg, timeout=foul.TIMEOUT_S, **foul.fault(out, at, call, error, how, log))
        told = [x for x in foul.lines(log) if x.startswith("FAULT")]
        foul.clean_end(done, OUT_STATUS)
        if done.returncode:
            named(done, [out])
        if done.returncode and call == DISK_FULL:
            mine = [p for p in out.rglob("*.part") if "0123456789abcdef" not in p.name and state != "resume"]
            assert not mine, f"{mine} although removing was possible; {told[:1]}"
        try:
            foul.no_debris(out, w.want)
            foul.finishes(cfg, out, w.want)
        except AssertionError as e:
            raise AssertionError(f"after {told[:3]}, status {done.returncode} {done.stderr}: {e}") from e

    foul.both(one, foul.picked(n, phase=phase),
              "an I/O error of the output at the n-th call: status, message, no debris, rerun the same bytes")


@pytest.mark.parametrize("error,call,how", [
    ("EINTR", ",open,read,pread,write,pwrite,", "once"), ("short", "any", "once"), ("short", "any", "good")])
@pytest.mark.parametrize("state", STATES)
def test_interrupted_and_short_calls_change_nothing(request, tmp_path, state, error, call, how):
    w = request.getfixturevalue(STATES[state])
    n = count(w, tmp_path, state, None, call)

    def one(at):
        out, log = tmp_path / f"o{at}", tmp_path / f"{at}.log"
        begin(w, out, state)
        cfg = w.config(out)
        done = rig.run("run", cfg, timeout=foul.TIMEOUT_S, **foul.fault(out, at, call, error, how, log))
        opened = any(x.startswith("FAULT open") for x in foul.lines(log))
        foul.clean_end(done, {0, 4} if opened else {0})
        foul.no_debris(out, w.want)
        foul.finishes(cfg, out, w.want)

    foul.both(one, foul.picked(n, phase=len(state) + len(how)),
              "interrupted and short calls change nothing")


CHANGES = ",open,write,pwrite,fsync,close,rename,link,unlink,mkdir,ftruncate,"


@pytest.mark.parametrize("how", ["kill", "torn"])
@pytest.mark.parametrize("state", STATES)
def test_sigkill_at_every_step(request, tmp_path, state, how):
    """Killed in place of every call that changes the folder, and in the midst of every write: so between
    all steps of the commit. The rerun is killed too, now and then."""
    w = request.getfixturevalue(STATES[state])
    call = CHANGES if how == "kill" else ",pwrite,"
    n = count(w, tmp_path, state, None, call)

    def one(at):
        out = tmp_path / f"o{at}"
        begin(w, out, state)
        cfg = w.config(out)
        done = rig.run("run", cfg, timeout=foul.TIMEOUT_S, **foul.fault(out, at, call, how))
        assert done.returncode in ((-9,) if how == "kill" else (-9, 0)), done.stderr
        foul.no_debris(out, w.want)
        if at % 3 == 0:
            rig.run("run", cfg, timeout=foul.TIMEOUT_S, **foul.fault(out, n // 2 + at // 2, call, how))
            foul.no_debris(out, w.want)
        foul.finishes(cfg, out, w.want)

    foul.both(one, foul.picked(n, max(1, foul.STEP // 4), len(state)),
              "SIGKILL in place of the n-th call that changes the folder: rerun the same bytes")


@pytest.mark.parametrize("of", ["plain", "result"])
@pytest.mark.parametrize("ranks", [2, 4])
def test_sigkill_of_ranks_at_every_step(request, tmp_path, ranks, of):
    """Every rank is killed at its n-th step, the fastest first; mpirun ends the others."""
    w = request.getfixturevalue(of)

    def one(at):
        out = tmp_path / f"o{at}"
        cfg = w.config(out)
        done = rig.run("run", cfg, ranks=ranks, timeout=foul.TIMEOUT_S,
                       **foul.fault(out, at, CHANGES, "kill"))
        assert done.returncode in (0, 137), done.stderr
        foul.no_debris(out, w.want)
        foul.finishes(cfg, out, w.want, ranks=ranks)

    foul.both(one, foul.picked(120, 40 if foul.STEP > 1 else 3, ranks * 7),
              "SIGKILL of every rank at its n-th step: rerun the same bytes")


INPUT = [("any", "EIO", "once"), ("any", "EIO", "good"), (",pread,read,", "EIO", "good"),
         (",open,", "EMFILE", "once"), (",open,", "EACCES", "good"), ("any", "EINTR", "once"),
         ("any", "short", "once"), ("any", "short", "good")]


@pytest.mark.parametrize("call,error,how", INPUT, ids=lambda x: x.strip(",").replace(",", "+"))
def test_input_calls(plain, tmp_path, call, error, how):
    """A file that cannot be read is named and costs its own samples; read again, nothing is missing."""
    n = count(plain, tmp_path, "fresh", plain.files, call)
    assert n >= 4
    harmless = error in ("EINTR", "short")

    def one(at):
        out, log = tmp_path / f"o{at}", tmp_path / f"{at}.log"
        cfg = plain.config(out)
        done = rig.run("run", cfg, timeout=foul.TIMEOUT_S,
                       **foul.fault(plain.files, at, call, error, how, log))
        hit = [x.split() for x in foul.lines(log) if x.startswith("FAULT")]
        foul.clean_end(done, {0, 3, 10})
        if done.returncode == 10:
            assert not (harmless and not any(x[1] in ("open", "close") for x in hit)), (hit, done.stderr)
            report = rig.report(out)
            spoken = [i["path"] for i in report["inputs"] if i["state"] != "used"]
            spoken += [r["path"] for r in report["ledger"] if r["kind"] == "bad_chunk"]
            files = {x[3].rsplit("/", 1)[1] for x in hit}
            assert spoken and {s.rsplit("/", 1)[1] for s in spoken} <= files, (spoken, hit)
        if done.returncode == 0:
            assert rig.digests(out) == plain.want, f"status 0 and other bytes after {hit}"
        foul.finishes(cfg, out, plain.want)

    foul.both(one, foul.picked(n, phase=INPUT.index((call, error, how)) * 7),
              "an I/O error of an input at the n-th call: that file named, others exact")


@pytest.mark.parametrize("of", ["plain", "result"])
@pytest.mark.parametrize("ranks", [2, 3])
def test_output_calls_over_ranks(request, tmp_path, ranks, of):
    """Every rank counts for itself; the status is the same on all, and one message is said."""
    w = request.getfixturevalue(of)

    def one(at):
        out = tmp_path / f"o{at}"
        cfg = w.config(out)
        done = rig.run("run", cfg, ranks=ranks, timeout=foul.TIMEOUT_S,
                       **foul.fault(out, at, "any", "ENOSPC", "good"))
        foul.clean_end(done, OUT_STATUS)
        if done.returncode:
            named(done, [out])
        foul.no_debris(out, w.want)
        foul.finishes(cfg, out, w.want, ranks=ranks)

    foul.both(one, foul.picked(100, 25 if foul.STEP > 1 else 2, ranks),
              "an I/O error of the output over 2 and 3 ranks: one status, one message, rerun the same bytes")


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """One lane of 48 MB: written past the page cache, synced every 16 MB."""
    top = tmp_path_factory.mktemp("faults-large")
    rig.prodml(top / "in" / rig.name_at(rig.T0), rig.noise(20000, 600), rig.T0, 500)
    return foul.world(top, chain=["abs: {}"])


@pytest.mark.parametrize("call,error,how", [(",fsync,", "EIO", "once"), (",fsync,", "EIO", "good"),
                                            (",pwrite,", "EINVAL", "good"), (",pwrite,", "ENOSPC", "once"),
                                            (",pwrite,", "short", "good"), (",pwrite,fsync,", "kill", "once")],
                         ids=lambda x: x.strip(",").replace(",", "+"))
def test_a_large_lane(large, tmp_path, call, error, how):
    n = count(large, tmp_path, "fresh", None, call)
    assert n > 12  # three syncs of samples, eleven direct writes

    def one(at):
        out, log = tmp_path / f"o{at}", tmp_path / f"{at}.log"
        cfg = large.config(out)
        done = rig.run("run", cfg, timeout=foul.TIMEOUT_S, **foul.fault(out, at, call, error, how, log))
        foul.clean_end(done, {-9} if error == "kill" else {0} if error == "short" else OUT_STATUS)
        if done.returncode == 4:
            named(done, [out])
        hit = [x.split()[3] for x in foul.lines(log) if x.startswith("FAULT fsync")]
        if error != "kill" and any("/lanes/" in x for x in hit):
            assert done.returncode == 4, f"{hit}: an fsync that failed was passed over"
        foul.no_debris(out, large.want)
        foul.finishes(cfg, out, large.want)

    foul.both(one, foul.picked(n, max(1, foul.STEP // 4)),
              "an I/O error of the output at the n-th call: status, message, no debris, rerun the same bytes")


@pytest.mark.parametrize("missing", ["FAULTY_NO_RENAMEAT2", "FAULTY_NO_RENAMEAT2 FAULTY_NO_LINK"])
def test_file_systems_that_know_less(plain, tmp_path, missing):
    """Without renameat2's flags, and without hard links: the same bytes, nothing left over."""
    out = tmp_path / "out"
    cfg = plain.config(out)
    env = foul.fault(out, 0, **{k: 1 for k in missing.split()})
    rig.run("run", cfg, status=0, **env)
    assert rig.digests(out) == plain.want
    rig.run("run", cfg, status=0, **env)
    foul.finishes(cfg, out, plain.want)


def test_merging_goes_on_at_every_step(tmp_path):
    """Killed in place of each write of a result of nine pieces, by one rank and by two: what was merged is not merged
    again (the log says how much), and the bytes are the same."""
    rig.archive(tmp_path / "in", rig.noise(700 * foul.RATE, 64), foul.RATE, 175 * foul.RATE)
    w = foul.world(tmp_path, chain=["psd: {segment: 8192, interval: all}"])
    ready = tmp_path / "ready"
    shutil.copytree(w.reference, ready)  # all lanes are there, nothing is merged
    for name in ("result.h5", "index.csv", "report.json"):
        (ready / name).unlink()
    log = tmp_path / "log"
    shutil.copytree(ready, tmp_path / "count")
    rig.run("run", w.config(tmp_path / "count"), status=0, **foul.fault(tmp_path / "count", 0, ",pwrite,", log=log))
    n = len([x for x in foul.lines(log) if "result.h5" in x])
    assert n >= 4, foul.lines(log)
    goes_on = []

    def one(at):
        for ranks in (0, 2):
            out = tmp_path / f"o{at}_{ranks}"
            shutil.copytree(ready, out)
            cfg = w.config(out)
            rig.run("run", cfg, ranks=ranks, timeout=foul.TIMEOUT_S, **foul.fault(out, at, ",pwrite,", "kill"))
            foul.no_debris(out, w.want)
            done = rig.run("run", cfg, ranks=ranks, status=0, timeout=foul.TIMEOUT_S)
            goes_on.extend(int(x[1]) for x in [re.search(r"merging goes on: (\d+) of", done.stderr)] if x)
            assert rig.digests(out) == w.want
            assert not list(out.rglob("*.part")) and not list(out.rglob("merged.*"))
            rig.run("verify", out, status=0)
            shutil.rmtree(out)

    foul.both(one, range(1, writes(log) + 1))
    assert len(set(goes_on)) >= 3, goes_on


def writes(log):
    return max(int(re.search(r" (\d+) /", x)[1]) for x in foul.lines(log))
