"""Whole runs under a checker, at 1, 2 and 4 ranks with 1 and 2 threads: plain and deflated output, an
archive with every kind of bad file, a resumed run, the other commands. Any report of the checker is a
failure; the results have to be those of the plain program.

usage: checked_runs.py asan|tsan|valgrind CHECKED_BINARY PLAIN_BINARY
environment: QUICK=1: fewer launches; MILLRACE_PART=2/4: a quarter of them
"""
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "e2e"), str(ROOT / "tests" / "faults")]
os.environ["MILLRACE"] = sys.argv[3]
import hostile  # noqa: E402
import rig  # noqa: E402
from promises import figure, piece  # noqa: E402

KIND, CHECKED = sys.argv[1], str(Path(sys.argv[2]).resolve())
TOOLS = ROOT / "tests" / "tools"
NAMES = {"asan": "AddressSanitizer, UBSan, LeakSanitizer", "tsan": "ThreadSanitizer", "valgrind": "valgrind memcheck"}
STATUS = 66  # what a checker gives in place of the program's own
CHAINS = {
    "plain": ["bandpass: {band: 5..15 Hz}", "decimate: {factor: 2}"],
    "many": ["detrend: {window: 20 s}", "common_mode", "bandpass: {band: 2..12 Hz, phase: causal}", "notch: {frequency: 10 Hz}",
             "resample: {rate: 40 Hz}", "clip: {min: -500, max: 500}", "abs"],
    "rms": ["highpass: {corner: 1 Hz}", "rms: {window: 2 s}"], "copy": [],
    "trigger": ["stalta: {sta: 0.5 s, lta: 5 s, step: 0.1 s}", "stats: {interval: 20 s, what: [max_abs, rms]}"],
    "psd": ["psd: {segment: 256, interval: all}"],
    "correlate": ["correlate: {sources: [0, 3], window: 20 s, max_lag: 2 s, whiten: 2..40 Hz, stack: 1 min}"]}
LONG_DOUBLE = ("psd", "correlate")  # sines of 80 bits, which valgrind computes in 64: other last bits


def checker(log):
    """Launch words and environment."""
    if KIND == "valgrind":
        return ["valgrind", "-q", f"--error-exitcode={STATUS}", "--leak-check=full", "--show-leak-kinds=definite",
                "--errors-for-leak-kinds=definite", "--trace-children=no", "--child-silent-after-fork=no",
                f"--suppressions={TOOLS}/valgrind.supp", f"--log-file={log}.%p", "--max-threads=100"], {}
    if KIND == "tsan":
        return [], {"TSAN_OPTIONS": f"ignore_noninstrumented_modules=1:exitcode={STATUS}:log_path={log}"}
    return [], {"ASAN_OPTIONS": f"fast_unwind_on_malloc=0:exitcode={STATUS}:log_path={log}:detect_stack_use_after_return=1",
                "UBSAN_OPTIONS": f"print_stacktrace=1:exitcode={STATUS}:log_path={log}",
                "LSAN_OPTIONS": f"suppressions={TOOLS}/lsan.supp:print_suppressions=0:exitcode={STATUS}"}


class Runs:
    def __init__(self, top):
        self.top, self.n, self.bad = top, 0, []

    def run(self, name, *args, ranks=0, threads=1, status=(0,), meanwhile=None):
        """meanwhile(path of what it says on stderr): called on another thread."""
        log = self.top / "logs" / f"{self.n:03d}"
        log.parent.mkdir(exist_ok=True)
        words, env = checker(log)
        self.n += 1
        command = rig.command(*args, ranks=ranks)
        at = len(command) - 1 - len(args)
        command[at:at + 1] = [*words, CHECKED]
        talk = self.top / "logs" / f"{self.n:03d}-talk"
        helper = threading.Thread(target=meanwhile, args=[talk]) if meanwhile else None
        with open(talk, "w") as stderr:
            if helper:
                helper.start()
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=stderr, text=True, errors="replace",
                                  timeout=900, env=rig.environment(threads, **env))
        if helper:
            helper.join()
        done.stderr = talk.read_text(errors="replace")
        talk.unlink()
        said = "".join(p.read_text(errors="replace") for p in sorted(log.parent.glob(f"{log.name}.*")))
        what = f"{name}, {ranks} ranks x {threads} threads"
        if done.returncode not in status or said:
            self.bad.append(what)
            print(f"{what}: status {done.returncode}, wanted {status}\n{done.stderr[-3000:]}\n{said[:6000]}", flush=True)
        else:
            print(f"{what}: ok", flush=True)
        return done


def archive(folder):
    """Four files of as many ways to store."""
    data = rig.noise(170 * 100, 24)
    for i in range(4):
        part = data[i * 4500:(i + 1) * 4500]
        t = rig.T0 + (10 + 45 * i) * rig.S
        how = [{}, dict(chunks=(500, 7), compression="gzip", fletcher32=True), dict(time_first=False),
               dict(chunks=(100, 24), shuffle=True, compression="gzip")][i]
        rig.prodml(folder / rig.name_at(t), part, t, 100, **how)


def more_of(name):
    return ["compress: deflate"] if name in ("copy", "rms", "correlate") else []


def out_of(runs, name):
    """What the plain program makes of a chain."""
    top, plain = runs.top, runs.top / f"plain-{name}"
    if not plain.exists():
        rig.run("run", rig.config(top / f"{name}.yaml", [top / "in"], CHAINS[name], plain, output_=more_of(name)), status=0)
    return plain


def chain(runs, name, ranks, threads):
    """One launch of one chain, beside what the plain program makes of it."""
    top, plain = runs.top, out_of(runs, name)
    out = top / f"out-{name}-{ranks}-{threads}"
    cfg = rig.config(top / f"{out.name}.yaml", [top / "in"], CHAINS[name], out, output_=more_of(name))
    runs.run(f"run {name}", "run", cfg, ranks=ranks, threads=threads)
    if KIND == "valgrind" and name in LONG_DOUBLE:
        return
    if rig.digests(out) != rig.digests(plain):
        runs.bad.append(f"{name} {ranks}x{threads}: other bytes")
        print(runs.bad[-1], flush=True)


def hostile_archive(runs, ranks):
    top = runs.top
    files = bad_files(top)
    out = top / f"out-bad-{ranks}"
    cfg = rig.config(top / f"{out.name}.yaml", [files], CHAINS["copy"], out)
    runs.run("hostile archive", "run", cfg, ranks=ranks, status=(10,))


def bad_files(top):
    if not (top / "in2").exists():
        hostile.build(top / "in2")
        for p in (top / "in").iterdir():
            shutil.copy(p, top / "in2")
    return top / "in2"


def commands(runs):
    """A run that resumes, and every other command; some of them refuse."""
    top, out = runs.top, runs.top / "out"
    cfg = rig.config(top / "c.yaml", [top / "in"], CHAINS["copy"], out)
    rig.run("run", cfg, status=0)
    rig.lanes(out)[0].unlink()
    (rig.lanes(out)[-1]).write_bytes(b"damaged")
    runs.run("resume", "run", cfg, ranks=2, threads=2)
    runs.run("verify", "verify", out)
    runs.run("verify --deep", "verify", out, "--deep")
    runs.run("plan", "plan", cfg, ranks=2)
    runs.run("check", "check", cfg)
    runs.run("inspect", "inspect", bad_files(top), status=(0, 3, 10))
    runs.run("inspect --json", "inspect", "--json", top / "in")
    runs.run("view", "view", rig.lanes(out)[0], "-o", top / "v.png")
    runs.run("view input", "view", sorted((top / "in").iterdir())[1], "-o", top / "w.png")
    runs.run("view product", "view", out_of(runs, "psd") / "result.h5", "-o", top / "x.png")
    runs.run("view lane of sums", "view", rig.lanes(out_of(runs, "psd"))[0], "-o", top / "y.png")
    runs.run("view correlation", "view", rig.lanes(out_of(runs, "correlate"))[0], "-o", top / "z.png")
    runs.run("ops", "ops")
    runs.run("synth", "synth", top / "made", "--files", 2, "--file-length", "5s", "--channels", 20, "--quiet")
    runs.run("no such folder", "verify", top / "none", status=(2, 4, 7))
    runs.run("bad setting", "run", cfg, "-s", "chain=[decimate: {factor: 0}]", status=(2,))
    runs.run("changed chain", "run", cfg, "-s", "chain=[abs]", ranks=2, status=(2,))
    runs.run("strict", "run", cfg, "--strict", "-s", f"input.files={top}/in2", "-s",
             f"output.folder={top}/strict", ranks=2, status=(3,))


def followed(runs, ranks, threads):
    """A run that follows, is watched, called by strangers, paused and stopped; one file comes late."""
    top, name = runs.top, f"followed-{ranks}-{threads}"
    inputs, out = top / f"in-{name}", top / f"out-{name}"
    inputs.mkdir()
    files = sorted((top / "in").iterdir())
    cfg = rig.config(top / f"{name}.yaml", [f"{inputs}/*.h5"], CHAINS["plain"], out)

    def fetch(url, what, **how):
        bare, query = url.split("?")
        with urllib.request.urlopen(urllib.request.Request(f"{bare}{what}?{query}", **how), timeout=60) as r:
            return r.read()

    def lanes(n):
        rig.wait_for(lambda: len(rig.lanes(out)) >= n, f"{n} lanes", 120)

    def meanwhile(talk):
        url = rig.wait_for(lambda: re.search(r"live: (\S+)\n", talk.read_text()), "page", 120)[1]
        for k in [0, 2, 3, 1]:  # one comes late, after patience
            shutil.copy(files[k], inputs / "part")
            (inputs / "part").rename(inputs / files[k].name)
            for what in ["", "live.json", "lanes.json", "ledger.json", "picture.json", "status.json"]:
                fetch(url, what)
            where = json.loads(fetch(url, "status.json"))["control"]["tcp"].split(":")[1:]
            for word in [b"", b"x" * 200, b"MRC1" + bytes(64)]:
                with socket.create_connection(where, timeout=60) as s:
                    s.sendall(word)
            time.sleep(1.5)
        lanes(2)
        for verb in ["pause", "resume", "status"]:
            rig.run(verb, out, status=0)
        fetch(url, "pause", method="POST")
        fetch(url, "resume", method="POST")
        rig.run("stop", out, status=0)

    runs.run("followed and watched", "run", cfg, "--follow", "--live", "--control", "tcp:127.0.0.1", "-s",
             "follow.patience=1 s", ranks=ranks, threads=threads, meanwhile=meanwhile)
    if rig.digests(out) != rig.digests(out_of(runs, "plain")):
        runs.bad.append(f"{name}: other bytes")
        print(runs.bad[-1], flush=True)


def cases(quick):
    """All there is to do, in an order that spreads over the pieces what takes long."""
    launches = [(0, 1), (1, 2), (2, 1), (2, 2), (4, 1), (4, 2)]
    out = []
    for k, name in enumerate(CHAINS):
        for ranks, threads in launches[k % 2::3] if quick else launches:
            out.append((chain, name, ranks, threads))
    for ranks in (0,) if quick else (0, 2, 4):
        out.insert(ranks * 5, (hostile_archive, ranks))
    for ranks, threads in launches[:3:2] if quick else launches[:4]:
        out.append((followed, ranks, threads))
    return [*out, (commands,)]


def main():
    top = Path(tempfile.mkdtemp(prefix="millrace-checked-"))
    runs = Runs(top)
    archive(top / "in")
    for case, *args in piece(cases(bool(os.environ.get("QUICK")))):
        case(runs, *args)
    print(f"{KIND}: {runs.n} runs, {len(runs.bad)} with reports" + "".join(f"\n  {x}" for x in runs.bad))
    figure(f"whole runs without a report of {NAMES[KIND]}", runs.n - len(runs.bad), runs.n)
    if not runs.bad:
        shutil.rmtree(top)
    return 1 if runs.bad else 0


if __name__ == "__main__":
    sys.exit(main())
