"""One program, start to exit: wall seconds, processor seconds and peak memory of all its processes."""
import ctypes
import os
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36


@dataclass
class Sample:
    wall_s: float
    cpu_s: float
    peak_mb: float
    status: int
    talk: str = ""


def adopt_orphans():
    """Processes whose parent leaves before them become ours, so that their time is counted."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def family(pid):
    """pid and all below it."""
    found, todo = [], [pid]
    while todo:
        p = todo.pop()
        found.append(p)
        try:
            for task in os.listdir(f"/proc/{p}/task"):
                todo += map(int, Path(f"/proc/{p}/task/{task}/children").read_text().split())
        except OSError:
            pass
    return found


def resident_kb(pid):
    """Anonymous and shared pages: not the page cache, not mapped files."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    total = 0
    for key in ("RssAnon:", "RssShmem:"):
        at = text.find(key)
        if at >= 0:
            total += int(text[at + len(key):].split(None, 1)[0])
    return total


class Watch(threading.Thread):
    """Adds up the family's memory again and again, mostly in 3 % of the time."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.peak_kb, self.over = pid, 0, threading.Event()

    def run(self):
        pause = 0.005
        while not self.over.wait(pause):
            t0 = time.monotonic()
            self.peak_kb = max(self.peak_kb, sum(map(resident_kb, family(self.pid))))
            pause = min(max(0.005, 30 * (time.monotonic() - t0)), 0.03)


def timed(command, env, timeout_s=3600):
    """Run it. Its output is kept only to be shown when it fails."""
    t0 = time.monotonic()
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as p:
        watch, talk = Watch(p.pid), []
        watch.start()
        ear = threading.Thread(target=lambda: talk.append(p.stdout.read()), daemon=True)
        ear.start()
        late = threading.Timer(timeout_s, p.kill)
        late.start()
        _, status, used = os.wait4(p.pid, 0)
        wall = time.monotonic() - t0
        late.cancel()
        p.returncode = os.waitstatus_to_exitcode(status)
        watch.over.set()
        watch.join()
        ear.join(timeout=5)
    cpu = used.ru_utime + used.ru_stime
    while True:  # those that were adopted
        try:
            pid, _, used = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            break
        if pid == 0:
            break
        cpu += used.ru_utime + used.ru_stime
    text = b"".join(talk).decode(errors="replace")
    return Sample(wall, cpu, watch.peak_kb / 1024, p.returncode, text)
