"""What a power failure may leave of a recorded run: files and folders keep what was synced; of what was
not, any part may be there. Names of one folder come in the order they were given, but the folders and
the bytes of files in no order."""
import random
from pathlib import Path


def records(path):
    """The steps that recorder.so wrote down: (op, path, second path, offset, bytes)."""
    raw = Path(path).read_bytes()
    at, out = 0, []
    while at < len(raw):
        end = raw.index(b"\n", at)
        op, n, offset, names = raw[at:end].decode().split(" ", 3)
        a, _, b = names.partition("\t")
        out.append((op, a, b, int(offset), raw[end + 1:end + 1 + int(n)]))
        at = end + 1 + int(n)
    return out


class Inode:
    def __init__(self, is_dir=False):
        self.is_dir = is_dir
        self.names = {}  # of a folder, as all processes see them
        self.synced = {} if is_dir else b""  # what is on disk for sure
        self.pending = []  # since then; names: (name, inode or None); bytes: (offset, bytes), (length,)


def apply(data, change):
    if len(change) == 1:
        n = change[0]
        return data[:n] + bytes(max(0, n - len(data)))
    at, piece = change
    data = data + bytes(max(0, at - len(data)))
    return data[:at] + piece + data[at + len(piece):]


class Disk:
    """Plays records; root is a folder that is there from the beginning."""

    def __init__(self, root):
        self.root, self.top = str(root), Inode(True)

    def find(self, path):
        node = self.top
        for name in [p for p in path[len(self.root):].split("/") if p]:
            node = node.names.get(name) if node and node.is_dir else None
        return node

    def name(self, path, inode):
        folder, _, base = path.rpartition("/")
        node = self.find(folder)
        if inode is None:
            node.names.pop(base, None)
        else:
            node.names[base] = inode
        node.pending.append([(base, inode)])

    def play(self, step):
        op, a, b, offset, data = step
        if a == self.root and op == "mkdir":
            return
        if op in ("create", "mkdir"):
            self.name(a, Inode(op == "mkdir"))
        elif op == "link":
            self.name(b, self.find(a))
        elif op == "unlink":
            self.name(a, None)
        elif op == "rename":
            node = self.find(a)
            self.name(a, None)
            self.name(b, node)
            fa, fb = self.find(a.rpartition("/")[0]), self.find(b.rpartition("/")[0])
            if fa is fb:  # one step: never both names, never none
                fa.pending[-2:] = [fa.pending[-2] + fa.pending[-1]]
        elif op == "write":
            self.find(a).pending.append((offset, data))
        elif op == "truncate":
            self.find(a).pending.append((offset,))
        elif op == "fsync":
            node = self.find(a)
            node.synced, node.pending = self.after(node, len(node.pending)), []
        else:
            raise ValueError(op)

    @staticmethod
    def after(node, n):
        """Contents of the inode with the first n pending changes done."""
        if node.is_dir:
            names = dict(node.synced)
            for step in node.pending[:n]:
                for name, inode in step:
                    names.pop(name, None)
                    if inode is not None:
                        names[name] = inode
            return names
        data = node.synced
        for change in node.pending[:n]:
            data = apply(data, change)
        return data

    def leave(self, folder, how, rng):
        """Write what is left into a folder. how: "synced" nothing else; "all"; "names" all names, no
        bytes; "holes" all names, lengths without bytes; "some" any part of both."""
        done = {}

        def put(node, path):
            if node.is_dir:
                n = {"synced": 0, "some": rng.randint(0, len(node.pending))}.get(how, len(node.pending))
                path.mkdir(parents=True, exist_ok=True)
                for name, inode in self.after(node, n).items():
                    put(inode, path / name)
                return
            if id(node) in done:
                path.hardlink_to(done[id(node)])
                return
            path.write_bytes(self.bytes_of(node, how, rng))
            done[id(node)] = path

        put(self.top, Path(folder))

    def bytes_of(self, node, how, rng):
        if how == "all":
            return self.after(node, len(node.pending))
        data = node.synced
        if how == "holes":
            return data + bytes(max(0, len(self.after(node, len(node.pending))) - len(data)))
        if how == "some":
            for change in node.pending:  # each, part of it up to a sector, or nothing of it
                if rng.random() < 0.5:
                    continue
                if len(change) == 2 and rng.random() < 0.5:
                    change = (change[0], change[1][:rng.randrange(len(change[1]) + 1) // 512 * 512])
                data = apply(data, change)
        return data


KINDS = ["synced", "all", "names", "holes", "some", "some", "some"]


def states(steps, root, count, seed=1, first=1):
    """count crash states spread over the steps from first on: (number of steps done, kind, disk, rng)."""
    rng = random.Random(seed)
    points = sorted(rng.choices(range(first, len(steps) + 1), k=count))
    disk, done = Disk(root), 0
    for i, point in enumerate(points):
        while done < point:
            disk.play(steps[done])
            done += 1
        yield point, KINDS[i % len(KINDS)], disk, rng
