#!/usr/bin/env python3
"""Plays a recorder: puts recordings into a folder as it would, at a multiple of real time.

usage: play.py RECORDINGS FOLDER [--how rename|write|disorder|late|endless] [--step SECONDS]
  RECORDINGS  a folder of finished files of one length; they are copied in order of name
  --how       rename: written beside, then renamed; write: written in place; disorder: every fourth file
              comes after the two behind it; late: one comes ten files late; endless: one never ends
  --step      seconds of the wall between two files (1.2: files of a minute at 50 times real time)
"""
import argparse
import shutil
import time
from pathlib import Path

HABITS = ["rename", "write", "disorder", "late", "endless"]
LATE_BY = 10


def odd_one(n):
    """The file that is late, or never ends."""
    return n // 3


def order(n, how):
    """In which order the files come."""
    files = list(range(n))
    if how == "disorder":
        for k in range(3, n - 2, 4):
            files[k:k + 3] = [k + 1, k + 2, k]
    if how == "late":
        k = odd_one(n)
        files.insert(min(k + LATE_BY, n - 1), files.pop(k))
    return files


class Play:
    """closed[name]: when each file was let go by its writer, s since 1970."""

    def __init__(self, files, folder, how, step):
        self.files, self.folder, self.how, self.step = sorted(map(Path, files)), Path(folder), how, step
        self.closed = {}
        self.folder.mkdir(parents=True, exist_ok=True)

    def rename(self, file):
        part = self.folder / (file.name + ".part")
        shutil.copyfile(file, part)
        part.rename(self.folder / file.name)

    def write(self, file, pieces=5):
        """The first bytes already say how long it is to be."""
        data = file.read_bytes()
        with open(self.folder / file.name, "wb") as f:
            for k in range(pieces):
                f.write(data[k * len(data) // pieces:(k + 1) * len(data) // pieces])
                f.flush()
                time.sleep(0.4 * self.step / pieces)

    def half(self, file):
        data = file.read_bytes()
        (self.folder / file.name).write_bytes(data[:len(data) // 2])

    def put(self, k):
        file = self.files[k]
        if self.how == "endless" and k == odd_one(len(self.files)):
            self.half(file)
            return
        self.write(file) if self.how == "write" else self.rename(file)
        self.closed[k] = time.time()

    def run(self, meanwhile=lambda: None):
        """All of it. meanwhile() is called between two files."""
        due = time.monotonic()
        for k in order(len(self.files), self.how):
            self.put(k)
            due += self.step
            meanwhile()
            time.sleep(max(0, due - time.monotonic()))


if __name__ == "__main__":
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("recordings")
    p.add_argument("folder")
    p.add_argument("--how", choices=HABITS, default="rename")
    p.add_argument("--step", type=float, default=1.2)
    a = p.parse_args()
    Play(Path(a.recordings).glob("*.h5"), a.folder, a.how, a.step).run()
