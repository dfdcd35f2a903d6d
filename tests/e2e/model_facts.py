"""The rule of time, in plain Python: stamps of files -> recordings -> stretches. It knows the step, which the program has
to find, and nothing of how the program does it.

Where a stamp leaves the line of its recording by more than half a sample and its next two agree with it, the recording
ends and the next begins; one that is off alone, or with fewer than two behind it, is bad: its row stays in its place. Of
recordings in order of start, what the ones before have already is left out; more than half a sample apart is a gap."""


def recordings(t, step):
    """[(first row, rows, time of the first)], rows whose stamps are bad."""
    cut, bad, i = [0], [], 0
    line = t[0]
    if len(t) > 2 and abs(t[1] - t[0] - step) > step / 2 and abs(t[2] - t[1] - step) <= step / 2:
        line = t[1] - step  # the first is bad
    first = 0
    starts = [line]
    for i in range(len(t)):
        if abs(t[i] - line - (i - first) * step) <= step / 2:
            continue
        if i + 2 < len(t) and i > first and all(abs(t[i + k] - t[i] - k * step) <= step / 2 for k in (1, 2)):
            cut.append(i)
            starts.append(t[i])
            line, first = t[i], i
        else:
            bad.append(i)
    ends = cut[1:] + [len(t)]
    return [(a, b - a, s) for a, b, s in zip(cut, ends, starts)], bad


def stretches(files, step):
    """files: [(name, stamps)]. The kept rows of each stretch: [[(file, first row, rows, time of the first)]], and how many
    seams of each kind there are."""
    parts, n_bad = [], {}
    for name, t in files:
        found, bad = recordings(t, step)
        n_bad[name] = len(bad)
        parts += [(at, name, row, n) for row, n, at in found]
    parts.sort()
    out, seams = [], {"gap": 0, "overlap": 0, "duplicate": 0}
    end = None
    for at, name, row, n in parts:
        skip = 0
        if end is not None and at - end > step / 2:
            seams["gap"] += 1
        elif end is not None and at - end < -step / 2:
            skip = min(round((end - at) / step), n)
            seams["duplicate" if round((end - at) / step) >= n else "overlap"] += 1
        if skip >= n:
            continue
        if end is None or at - end > step / 2:
            out.append([])
        out[-1].append((name, row + skip, n - skip, at + skip * step))
        end = at + n * step
    return out, seams, n_bad
