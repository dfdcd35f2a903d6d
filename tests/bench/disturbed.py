"""make bench-watched: does a run slow down when it is watched, or when strangers call? Pairs of runs take turns,
one left alone and one disturbed; what counts is the ratio of the two of a pair, since the machine drifts.

  live     the main job over FILES files of a minute with --live and a client that asks for all that the page asks
           for, pictures too, and `millrace watch` beside it
  attack   with --control tcp, by one compute thread, so that the callers have a core of their own: 200 hostile ones
           (slow, huge, another key, cut, a first word said before) and 1,000 connections at once; each must hear
           nothing but a close

usage: disturbed.py live|attack [--pairs N] [--files N] [--keep FILE] [--out FOLDER]
  --keep   ratios are appended to FILE, and the median and its interval are those of all in it: so that many pairs
           can be had in short pieces
  --out    where the runs write: on a disk that is slow to sync, that is what would be measured
"""
import argparse
import hashlib
import hmac
import json
import os
import random
import selectors
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from data import archive, linked, named_input  # noqa: E402
from run import BINARY, launch_environment  # noqa: E402

TOP = Path(os.environ.get("MILLRACE_BENCH", HERE.parents[1]))
OUT = TOP / "out" / "bench"
CHAIN = ["bandpass: {band: 1..45 Hz, order: 4, phase: zero}", "decimate: {factor: 5}"]
HOSTILE, SCAN = 200, 1000


def told(out):
    try:
        return json.loads((out / ".millrace" / "status.json").read_text())
    except (OSError, ValueError):
        return {}


# --- who disturbs

class Audience:
    """What a browser with the page asks for, and `millrace watch`."""

    def __init__(self, proc, out):
        self.url = proc.stderr.readline().split()[1]
        self.asked, self.out = 0, out
        self.thread = threading.Thread(target=self.look)
        self.thread.start()

    def get(self, what):
        bare, query = self.url.split("?")
        with urllib.request.urlopen(f"{bare}{what}?{query}", timeout=5) as r:
            self.asked += 1
            return json.loads(r.read())

    def look(self):
        seen, watch = [0] * 4, None
        try:
            while True:
                if not watch and told(self.out).get("state") == "running":
                    watch = subprocess.Popen([str(BINARY), "watch", str(self.out)], stdout=subprocess.DEVNULL,
                                             stderr=subprocess.DEVNULL)
                n = self.get("live.json")["n"]
                for k, name in [(0, "lanes.json"), (2, "ledger.json"), (3, "picture.json")]:
                    if n[k] != seen[k] or (k == 3 and self.asked % 6 == 0):
                        self.get(name)
                seen = n
                time.sleep(1)
        except OSError:
            pass  # the run is over
        if watch:
            watch.wait()

    def join(self):
        self.thread.join()
        if self.asked < 3:
            sys.exit("disturbed: nobody watched: the run is too short")


class Callers:
    """Strangers, spread over two seconds of the run."""

    def __init__(self, proc, out):
        self.out, self.heard, self.served, self.wrong = out, 0, 0, []
        self.thread = threading.Thread(target=self.call)
        self.thread.start()

    def hello(self, key, nonce):
        return b"MRC1" + nonce + hmac.new(key, b"millrace 1 hello\0" + nonce, hashlib.sha256).digest()

    def call(self):
        s, end = {}, time.monotonic() + 20
        while (s := told(self.out)).get("state") != "running":
            if time.monotonic() > end:
                return
            time.sleep(0.02)
        _, host, port = s["control"]["tcp"].split(":")
        where = (host, int(port))
        key = bytes.fromhex((self.out / ".millrace" / "key").read_text().strip())
        r = random.Random(1)
        said_before = self.hello(key, r.randbytes(32))
        with socket.create_connection(where, timeout=5) as one:  # who has the key is answered
            one.sendall(said_before)
            if len(one.recv(100)) != 64:
                self.wrong.append("who has the key got no answer")
        words = [said_before, self.hello(r.randbytes(32), r.randbytes(32)), r.randbytes(1 << 18), said_before[:50],
                 self.hello(key, r.randbytes(32))[:67]]  # the last one: a byte at a time, and never all of it
        scan = [self.knock(where) for _ in range(SCAN)]
        wait = selectors.DefaultSelector()
        for k in range(HOSTILE):
            self.one(where, words[k % 5], k % 5, wait)
            time.sleep(0.005)
        until = time.monotonic() + 8  # a silent one is let go after five seconds, or at the end of the run
        while wait.get_map() and time.monotonic() < until:
            for key_, _ in wait.select(0.2):
                self.hear(key_.fileobj, wait)
        for c in scan:
            c.close()

    def knock(self, where):
        c = socket.socket()
        c.setblocking(False)
        c.connect_ex(where)
        return c

    def one(self, where, word, kind, wait):
        try:
            c = socket.create_connection(where, timeout=5)
            if kind == 4:
                for b in word[:5]:
                    c.send(bytes([b]))
            else:
                c.setblocking(False)
                c.send(word)
            if kind == 3:
                c.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # turned away while it spoke
        else:
            self.served += 1
            c.setblocking(False)
            wait.register(c, selectors.EVENT_READ)

    def hear(self, c, wait):
        try:
            if c.recv(100):
                self.wrong.append("a stranger was answered")
        except OSError:
            pass
        wait.unregister(c)
        c.close()
        self.heard += 1

    def join(self):
        self.thread.join()
        if self.wrong or self.served < HOSTILE * 0.9:
            sys.exit(f"disturbed: {self.wrong or f'{self.served} of {HOSTILE} were served: the run is too short'}")


# --- runs

def one(what, folder, disturbed, top):
    """Seconds of a run by its own clock, and the digest of its index, which names every lane's checksum."""
    out = top / "disturbed"
    shutil.rmtree(out, ignore_errors=True)
    config = OUT / "disturbed.yaml"
    config.write_text(named_input(folder) + "chain:\n" + "".join(f"  - {c}\n" for c in CHAIN) +
                      f"output:\n  folder: {out}\n  lane: 10 min\n")
    more = {"live": ["--live"] if disturbed else [], "attack": ["--control", "tcp:127.0.0.1"]}[what]
    threads = {"live": len(os.sched_getaffinity(0)), "attack": 1}[what]
    proc = subprocess.Popen([str(BINARY), "run", str(config), "--progress", "never", *more], text=True,
                            env=launch_environment(threads), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    who = {"live": Audience, "attack": Callers}[what](proc, out) if disturbed else None
    said = proc.stderr.read()
    if proc.wait() != 0:
        sys.exit(said)
    if who:
        who.join()
    wall = json.loads((out / "report.json").read_text())["timing"]["wall_s"]
    return wall, hashlib.sha256((out / "index.csv").read_bytes()).hexdigest()


def interval(v):
    """95 % of the medians of samples drawn from v."""
    r = random.Random(1)
    m = sorted(statistics.median(r.choices(v, k=len(v))) for _ in range(4000))
    return m[100], m[-101]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("what", choices=["live", "attack"])
    p.add_argument("--pairs", type=int, default=20)
    p.add_argument("--files", type=int)
    p.add_argument("--keep", type=Path)
    p.add_argument("--out", type=Path, default=OUT)
    p.add_argument("--make", action="store_true", help="only make the archive, and run once")
    a = p.parse_args()
    n = a.files or {"live": 96, "attack": 36}[a.what]
    files = archive(BINARY, TOP / "data" / "bench", "raw", 12, False)
    folder = linked(TOP / "data" / "bench" / f"linked_disturbed_{n}", files, n, 60)
    OUT.mkdir(parents=True, exist_ok=True)
    first, want = one(a.what, folder, False, a.out)  # warms the page cache
    print(f"{a.what}: {n} files, {first:.2f} s alone", flush=True)
    if a.make:
        one(a.what, folder, True, a.out)
        return 0
    ratios = json.loads(a.keep.read_text()) if a.keep and a.keep.exists() else []
    for k in range(a.pairs):
        wall = {}
        for disturbed in ([False, True] if k % 2 else [True, False]):
            wall[disturbed], got = one(a.what, folder, disturbed, a.out)
            if got != want:
                sys.exit(f"disturbed: pair {k}: lanes have other bytes")
        ratios.append(wall[True] / wall[False])
        print(f"pair {k}: {wall[False]:.3f} s alone, {wall[True]:.3f} s disturbed, {ratios[-1]:.4f}", flush=True)
        if a.keep:
            a.keep.write_text(json.dumps(ratios))
    low, high = interval(ratios)
    print(f"{a.what}: {len(ratios)} pairs: median ratio {statistics.median(ratios):.4f}, 95 % interval "
          f"{low:.4f} to {high:.4f}; the same bytes in all")
    return 0


if __name__ == "__main__":
    sys.exit(main())
