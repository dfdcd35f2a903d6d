"""What the bench's seconds mean: ratios, shares of the limits, overlap, scaling; and how it is shown."""

def best(programs, ours):
    mine = [p for p in programs if p["ours"] == ours and not p["extra"]]
    return min(mine, key=lambda p: p["wall_s"]) if mine else None


def floor(r, row, limits):
    """Seconds that the work needs at the measured limits, all cores: by resource."""
    n = r["samples"]
    rate = {k: v["all"] * (1e6 if v["unit"].startswith("M") else 1e9)
            for k, v in limits.items() if isinstance(v, dict)}
    need = {"read": r["stored_bytes"] / rate["pread"], "compute": n * row.flop / rate["fma_f64"],
            "write": n * row.out * 4 / rate["write_fsync"]}
    need["fft"] = sum(n * points / rate[kind] for kind, points in row.fft.items())
    if r["data"] == "gz":
        need["inflate"] = 4 * n / rate["inflate"]
    return {k: v for k, v in need.items() if v > 0}


def overlap(p):
    """Wall time over that of the busiest stage, each stage's seconds shared by its threads."""
    t, k = p["timing"], p["launch"]
    busy = {"read": t["read_s"] / (k["io_threads"] * k["ranks"]), "compute": t["compute_s"] / k["ranks"],
            "write": t["write_s"] / k["ranks"]}
    longest = max(busy, key=busy.get)
    return {"busy_s": busy, "longest": longest, "run_s": t["wall_s"],
            "ratio": t["wall_s"] / busy[longest] if busy[longest] > 0 else float("inf")}


def net(told):
    """Seconds of the work alone: what a start costs is measured beside it and taken off."""
    return max(told["wall_s"] - told["start_s"], told["wall_s"] / 10)


def judge(r, row, result):
    """Adds to a row's result what is derived from its seconds; result: the rows before it."""
    programs, limits = r["programs"], result["limits"]
    peer, mine = best(programs, False), best(programs, True)
    for p in programs:
        p["msps"] = r["samples"] / p["wall_s"] / 1e6
        p["ratio"] = peer["wall_s"] / p["wall_s"] if peer else None
        p["ratio_net"] = net(peer) / net(p) if peer else None
        if p["ours"]:
            p["overlap"] = overlap(p)
    need = floor(r, row, limits)
    bound = max(sum(v for k, v in need.items() if k != "write"), need.get("write", 0))
    r["need_s"], r["bound_s"], r["share"] = need, bound, bound / mine["wall_s"]
    r["fastest"], r["fastest_peer"] = mine["name"], peer["name"] if peer else None
    # of the runs by themselves, without the launcher's start; on one core its I/O threads share that core
    run_s = {(p["ranks"], p["threads"]): p["timing"]["wall_s"] for p in programs
             if p["ours"] and not p["one_core"]}
    one = [p["timing"]["wall_s"] for p in programs if p["ours"] and p["one_core"]]
    r["scaling"] = {f"{a} x {b}": one[0] / s for (a, b), s in run_s.items() if one}
    for other in result["rows"]:
        if row.beside and other["name"] == row.beside and "skipped" not in other:
            r["beside_ratio"] = mine["wall_s"] / best(other["programs"], True)["wall_s"]
    r["wrong"] = [p["name"] for p in programs
                  if p["error"] is not None and not p["error"] <= (r["allowed_error"] if p["ours"] else r["allowed_peer_error"])]


def head(result):
    m, k = result["machine"], result["limits"]
    lines = [f"millrace bench, {m['date']}, {m['cpu']}, {m['cores']} cores, load {m['load_before']:.1f}"]
    if result["quick"]:
        lines.append("QUICK: small files, one repetition; the figures mean nothing")
    lines += ["", f"| limit | 1 thread | {k['cores']} threads | |", "|---|---|---|---|"]
    for name, v in k.items():
        if isinstance(v, dict):
            lines.append(f"| {name} | {v['one']:.3g} | {v['all']:.3g} | {v['unit']} |")
    lines += ["", f"first rows of ten files read {result['first_block_ms']:.0f} ms after the start"]
    return "\n".join(lines)


def pair(lines, what, t):
    """Ours beside the fastest peer: seconds, and the ratio without what a start costs and with it."""
    ours, peer = t["ours"], t.get("peer")
    told = f"{what}: {ours['name']} {ours['wall_s']:.2f} s"
    if peer:
        told += (f", {peer['name']} {peer['wall_s']:.2f} s: {net(peer) / net(ours):.1f} x without start, "
                 f"{peer['wall_s'] / ours['wall_s']:.1f} x with")
    for p in (ours, peer):
        if p and p.get("error") is not None:
            told += f"; error {p['error']:.1e}"
    lines.append(told)


def of_row(r):
    if "skipped" in r:
        return f"\n{r['name']}: {r['title']}: left out: {r['skipped']}"
    lines = [f"\n{r['name']}: {r['title']} ({r['files']} files, {r['samples'] / 1e6:.0f} Msamples, "
             f"{r['stored_bytes'] / 1e6:.0f} MB)", "",
             "| program | wall s (min-max) | start s | Ms/s | x fastest peer, without start | with | cpu s | peak MB "
             "| error |", "|---|---|---|---|---|---|---|---|---|"]
    for p in r["programs"]:
        ratio = f"{p['ratio_net']:.2f} | {p['ratio']:.2f}" if p["ratio"] else "- | -"
        error = "-" if p["error"] is None else f"{p['error']:.1e}"
        wrong = " WRONG" if p["name"] in r["wrong"] else ""
        star = " *" if p["extra"] else ""
        lines.append(f"| {p['name']}{star} | {p['wall_s']:.3f} ({p['wall_min_s']:.3f}-{p['wall_max_s']:.3f}) "
                     f"| {p['start_s']:.3f} | {p['msps']:.1f} | {ratio} | {p['cpu_s']:.2f} | {p['peak_mb']:.0f} "
                     f"| {error}{wrong} |")
    if any(p["extra"] for p in r["programs"]):
        lines += ["", "* a form that few would write; the ratio is to the fastest of the others"]
    need = ", ".join(f"{k} {v:.3f} s" for k, v in r["need_s"].items())
    lines += ["", f"limit: {r['bound_s']:.3f} s at the machine's limits ({need}); {r['fastest']} "
              f"reaches {100 * r['share']:.0f} %"]
    if r.get("cold"):
        stay = max(t["stayed"] for t in r["cold"].values())
        pair(lines, f"cold ({100 * stay:.0f} % of the files stayed in the page cache)", r["cold"])
    if r.get("long"):
        t = r["long"]
        why = "" if t["enough"] else "; no room for more"
        pair(lines, f"over {t['files']} distinct files, {t['bytes'] / 1e9:.1f} GB{why}", t)
    if "beside_ratio" in r:
        lines.append(f"{r['beside_ratio']:.2f} x the time of {r['beside']}")
    lines.append(f"null ends: {min(r['null_s']):.3f} s, {r['samples'] / min(r['null_s']) / 1e6:.1f} Ms/s: the same chain "
                 "without a file, plain samples from cache")
    for p in r["programs"]:
        if p["ours"]:
            v = p["overlap"]
            busy = ", ".join(f"{k} {s:.3f}" for k, s in v["busy_s"].items())
            wait = p["timing"]["wait_s"]
            lines.append(f"overlap {p['name'][9:]}: run {v['run_s']:.3f} s = {v['ratio']:.2f} x {v['longest']} "
                         f"({busy} s; compute waited {wait['input']:.3f} for input, "
                         f"{wait['output']:.3f} for output; survey {p['timing']['survey_s']:.3f})")
    if r["scaling"]:
        lines.append("scaling against one core, start of MPI apart: " + ", ".join(f"{k}: {v:.2f}"
                                                           for k, v in r["scaling"].items()))
    return "\n".join(lines)


def of_goal(r, ratio, share, vendor):
    """What is wanted of a row, and whether it is reached."""
    if r["goal"]:
        goal, got, least = r["goal"][0], ratio, r["goal"][1 + (vendor == "AMD")]
        told = f"{goal} x, at least {least}"
    elif r["share_goal"]:
        got, (goal, least) = share, r["share_goal"]
        told = f"{100 * goal:.0f} % of the limit, at least {100 * least:.0f}"
    else:
        return ""
    return f"{told}: " + ("reached" if got >= goal else "the least" if got >= least else "short")


def summary(result):
    """One line a row: the longest run of ours and of the fastest peer, and what was wanted."""
    m = result["machine"]
    lines = [f"\nAll rows, {m['date']}, {m['cpu']}, {m['cores']} cores", "",
             "| row | files | millrace s | Msamples/s | fastest Python | x without start | x with | % of the limit | goal |",
             "|---|---|---|---|---|---|---|---|---|"]
    for r in result["rows"]:
        if "skipped" in r:
            continue
        t = r["long"] if r.get("long") and r["long"].get("peer") else {
            "files": r["files"], "samples": r["samples"], "ours": best(r["programs"], True),
            "peer": best(r["programs"], False)}
        ours, peer = t["ours"], t["peer"]
        n = t["samples"] or r["samples"] * t["files"] / r["files"]
        ratio = net(peer) / net(ours) if peer else 0
        share = r["bound_s"] * t["files"] / r["files"] / ours["wall_s"]
        against = (f"{peer['name']} | {ratio:.1f} | {peer['wall_s'] / ours['wall_s']:.1f}" if peer else
                   f"{r['beside']} alone: {r['beside_ratio']:.2f} x its time | - | -" if "beside_ratio" in r else "- | - | -")
        lines.append(f"| {r['name']} | {t['files']} | {ours['wall_s']:.2f} | {n / ours['wall_s'] / 1e6:.0f} | {against} | "
                     f"{100 * share:.0f} | {of_goal(r, ratio, share, m['vendor'])} |")
    return "\n".join(lines)
