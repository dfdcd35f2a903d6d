"""The bench's archives: made once by `millrace synth`, seeded, under data/bench."""
import os
import shutil
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

FORMS = {
    "raw": "--file-length 60s --channels 1000",
    "i16": "--file-length 60s --channels 1000 --dtype int16 --chunk 1000,250",
    "gz": "--file-length 60s --channels 1000",
    "wide": "--file-length 3s --channels 20000",
    "fast": "--file-length 60s --channels 1000 --rate 1000Hz",
    "ten": "--file-length 10s --channels 1000",
    "tiny": "--file-length 1s --channels 8",
}
QUICK_FORMS = {
    "raw": "--file-length 20s --channels 500",
    "i16": "--file-length 20s --channels 500 --dtype int16 --chunk 1000,250",
    "gz": "--file-length 20s --channels 500",
    "wide": "--file-length 1s --channels 10000",
    "fast": "--file-length 20s --channels 300 --rate 1000Hz",
    "ten": "--file-length 2s --channels 200",
    "tiny": "--file-length 1s --channels 8",
}
RAW = "/Acquisition/Raw[0]/RawData"
GZ = "quantised to 2^-7, chunks 1000,100, shuffle, deflate 4"


def file_seconds(form, quick):
    words = (QUICK_FORMS if quick else FORMS)[form].split()
    return words[words.index("--file-length") + 1].removesuffix("s")


def form_words(form, quick):
    """Its options of synth, by name."""
    words = (QUICK_FORMS if quick else FORMS)[form].split()
    return dict(zip(words[::2], words[1::2]))


def deflate(path):
    """The file anew, its samples quantised and compressed. A recorder quantises: without that the noise's
    last bits are what is compressed (to 0.78 instead of 0.36, as measured on recordings)."""
    import h5py
    import numpy as np
    fresh = path.with_suffix(".part")
    with h5py.File(path) as old, h5py.File(fresh, "w") as new:

        def one(name, item):
            if isinstance(item, h5py.Group):
                made = new.create_group(name)
            elif item.name == RAW:
                made = new.create_dataset(name, data=np.round(item[()] * 128) / np.float32(128),
                                          chunks=(1000, 100), shuffle=True, compression=4)
            else:
                made = new.create_dataset(name, data=item[()])
            for key, value in item.attrs.items():
                made.attrs[key] = value

        old.visititems(one)
        for key, value in old.attrs.items():
            new.attrs[key] = value
    fresh.replace(path)


def archive(binary, root, form, n_files, quick):
    """The first n files of a form's archive, each with samples of its own. A longer archive begins with the files
    of a shorter one: what is there stays."""
    spec = (QUICK_FORMS if quick else FORMS)[form]
    folder = Path(root) / f"{'quick_' if quick else ''}{form}"
    made = folder / "made.txt"
    words = [*([] if "--rate" in spec else ["--rate", "500Hz"]), *spec.split(), "--quiet"]
    told = " ".join(words) + (f"; {GZ}" if form == "gz" else "")
    if made.exists() and made.read_text() != told:
        shutil.rmtree(folder)
    have = sorted(folder.glob("*.h5"))
    total = 10 if form == "ten" else max(2 if quick else 6, n_files)
    if len(have) < total:
        print(f"bench: making {folder}, {total} files", file=sys.stderr, flush=True)
        folder.mkdir(parents=True, exist_ok=True)
        fresh = folder.with_name(folder.name + ".part")
        shutil.rmtree(fresh, ignore_errors=True)
        at = len(have) * float(file_seconds(form, quick))
        start = (datetime(2026, 1, 1) + timedelta(seconds=at)).strftime("%Y-%m-%dT%H:%M:%S")
        subprocess.run([binary, "synth", str(fresh), "--files", str(total - len(have)), "--start", start,
                        "--seed", str(1 + len(have)), *words],
                       check=True)
        for path in sorted(fresh.glob("*.h5")):
            if form == "gz":
                deflate(path)
            path.replace(folder / path.name)
        shutil.rmtree(fresh)
        made.write_text(told)
    return sorted(folder.glob("*.h5"))[:n_files]


def room(root):
    """Bytes that one archive may take of the disk: 0.6 of what is free or holds the bench's files already."""
    Path(root).mkdir(parents=True, exist_ok=True)
    held = sum(f.stat().st_size for f in Path(root).glob("*/*.h5") if f.stat().st_nlink == 1)
    return 0.6 * (shutil.disk_usage(root).free + held)


def linked(folder, files, n, seconds):
    """A folder of n files made of a few, each `seconds` after the other by its name. See named_input."""
    folder.mkdir(parents=True, exist_ok=True)
    want = {}
    for i in range(n):
        when = datetime(2026, 1, 1) + timedelta(seconds=i * seconds)
        want[when.strftime("%Y%m%dT%H%M%S.h5")] = files[i % len(files)]
    for path in folder.iterdir():
        if path.name not in want:
            path.unlink()
    for name, path in want.items():
        if not (folder / name).exists():
            os.link(path, folder / name)
    return folder


def named_input(folder):
    """The input section of a config whose files take their time from their names."""
    return (f"input:\n  files: {folder}\n  map:\n    data: \"{RAW}\"\n    axes: [time, channel]\n    rate: 500 Hz\n"
            "    start: {name: \"%Y%m%dT%H%M%S\"}\n    spacing: 10 m\n")
