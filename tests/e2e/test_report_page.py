"""report.html: one file that needs nothing else, says what report.json says, and prints."""
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import pytest

import rig

VOID = {"meta", "br", "img", "link", "input", "hr"}


class Page(HTMLParser):
    """Text by tag; every tag closed in order; what the page would fetch."""

    def __init__(self, text):
        super().__init__()
        self.open, self.text, self.tags, self.fetched = [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.fetched += [v for k, v in attrs if k in ("src", "href", "xlink:href")]
        assert not [k for k, _ in attrs if k.startswith("on")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.text.append(data)

    def says(self):
        return re.sub(r"\s+", " ", " ".join(self.text))


@pytest.fixture(scope="module")
def top(tmp_path_factory):
    """Three minutes with a hole of one, two files that are none, one of them with a name to trip over."""
    top = tmp_path_factory.mktemp("page")
    rig.archive(top / "in", rig.noise(12_000, 8), 100, 3_000)
    sorted((top / "in").glob("*.h5"))[1].unlink()
    for name in ("junk.h5", "<script>alert(1)&.h5"):
        (top / "in" / name).write_text("no HDF5")
    (top / "c.yaml").write_text("input: {files: in}\nchain:\n  - bandpass: {band: 1..20 Hz, order: 3}\n"
                                "  - decimate: 2\noutput: {folder: out, title: \"Half <b>&amp; µε\"}\n")
    rig.run("run", "c.yaml", cwd=top, status=10)
    return top


def test_a_run_leaves_a_page_beside_its_report(top):
    page = Page((top / "out" / "report.html").read_text())
    assert "Half <b>&amp; µε" in page.says() and "done with losses" in page.says()
    assert "report adds pictures" in page.says()


def test_it_says_what_the_report_says(top):
    done = rig.run("report", "out", "-o", "x.html", cwd=top, status=0)
    assert "2 pictures" in done.stdout
    text = (top / "x.html").read_text()
    page, report = Page(text), json.loads((top / "out" / "report.json").read_text())
    says = page.says()
    assert "2 refused: not an HDF5 file" in says and "<script>alert(1)&.h5" in says and "junk.h5" in says
    assert "gap: 1" in says and "2026-01-01 00:00:30" in says
    for lane in report["lanes"]:
        assert lane["file"] in says and lane["checksum"] in says
    assert "- bandpass: {band: 1..20 Hz, order: 3}" in says and "- decimate: {factor: 2}" in says
    assert "millrace run c.yaml" in says and f"millrace {report['version']}" in says


def test_it_needs_nothing_else(top):
    rig.run("report", "out", "-o", "x.html", cwd=top, status=0)
    text = (top / "x.html").read_text()
    page = Page(text)
    assert "script" not in page.tags and "link" not in page.tags
    assert len(page.fetched) == 2 and all(v.startswith("data:image/png;base64,") for v in page.fetched)
    assert not re.search(r"https?://(?!www\.w3\.org)", text)
    assert "svg" in page.tags and "@media print" in text


def test_without_its_input_the_output_is_drawn(top, tmp_path):
    shutil.copytree(top / "out", tmp_path / "out")
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    report["launch"]["folder"] = "/nowhere"
    (tmp_path / "out" / "report.json").write_text(json.dumps(report))
    done = rig.run("report", "out", cwd=tmp_path, status=0)
    assert "out/report.html" in done.stdout and "1 pictures" in done.stdout
    done = rig.run("report", "out", "--no-pictures", cwd=tmp_path, status=0)
    assert "0 pictures" in done.stdout


@pytest.mark.parametrize("args,status,word", [(["."], 3, "report.json"), ([], 2, "which output folder"),
                                              (["out", "-o", "c.yaml"], 2, "no picture or page")])
def test_bad_requests(top, args, status, word):
    before = (top / "c.yaml").read_text()
    assert word in rig.run("report", *args, cwd=top, status=status).stderr
    assert (top / "c.yaml").read_text() == before


def test_a_report_that_is_none_is_refused(tmp_path):
    for text, word in (("{", "no JSON"), ("[1]", "no report"), ('{"inputs": 3}', "no report")):
        (tmp_path / "report.json").write_text(text)
        assert word in rig.run("report", tmp_path, status=3).stderr


def test_long_lists_stay_readable(tmp_path):
    """10,000 gaps and refusals: the page holds the first hundreds and says how many more there are."""
    day = np.datetime64("2026-01-01T00:00:00.000000000")
    t = [str(day + np.timedelta64(10 * i, "s")) + "Z" for i in range(10_001)]
    report = {"inputs": [{"path": f"f{i}", "state": "refused", "reason": "torn"} for i in range(10_000)],
              "spans": [{"t0": t[i], "t1": t[i][:18] + "3.000000000Z", "samples": 300, "rate_hz": 100,
                         "channels": 4, "files": 1} for i in range(10_000)],
              "ledger": [{"kind": "gap", "path": "f", "t0": t[i], "t1": t[i + 1], "note": ""}
                         for i in range(10_000)], "lanes": []}
    (tmp_path / "report.json").write_text(json.dumps(report))
    rig.run("report", tmp_path, "--no-pictures", status=0)
    text = (tmp_path / "report.html").read_text()
    says = Page(text).says()
    assert len(text) < 200_000 and "10000 refused: torn" in says and "and 9800 more in report.json" in says
    assert "gap: 10000" in says and "and 9900 more in report.json" in says


@pytest.mark.skipif(not (shutil.which("chromium") or shutil.which("chromium-browser")), reason="no chromium here")
def test_a_browser_shows_it_without_complaint(top, tmp_path):
    rig.run("report", "out", "-o", tmp_path / "x.html", cwd=top, status=0)
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    base = [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}",
            "--enable-logging=stderr"]
    dom = subprocess.run([*base, "--dump-dom", f"file://{tmp_path / 'x.html'}"], capture_output=True, text=True,
                         timeout=60)
    assert "2 refused" in dom.stdout and "CONSOLE" not in dom.stderr
    subprocess.run([*base, f"--print-to-pdf={tmp_path / 'x.pdf'}", f"file://{tmp_path / 'x.html'}"],
                   capture_output=True, timeout=60)
    pdf = (tmp_path / "x.pdf").read_bytes()
    assert 1 <= len(re.findall(rb"/Type\s*/Page\b", pdf)) <= 4
