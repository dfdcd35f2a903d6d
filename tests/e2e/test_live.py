"""The live page: in a browser at three moments of a run, its stop button, and what strangers hear. The browser
is Chromium, spoken to through a pipe."""
import base64
import json
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

import rig
from test_watch import CHAIN, LANES, NC, RATE, finish, job, slow, told, whole  # noqa: F401 (fixtures)

HELP = subprocess.run([rig.BINARY, "run", "--help"], capture_output=True, text=True).stdout
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def start(cfg, *more, **env):
    """The run, and the page's address."""
    proc = rig.start("run", cfg, *(more or ["--live"]), **env)
    line = proc.stderr.readline()
    if "was built without" in line:
        proc.communicate()
        pytest.skip(line)
    return proc, re.match(r"live: (\S+)", line)[1]


def get(url, method="GET"):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=10) as r:
            return r.status, r.read().decode(), r.headers
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode(), e.headers


class Browser:
    def __init__(self, folder):
        to_r, self.to = os.pipe()
        self.back, back_w = os.pipe()

        def place():  # as descriptors 3 and 4
            a, b = os.dup(to_r), os.dup(back_w)
            os.dup2(a, 3)
            os.dup2(b, 4)

        self.proc = subprocess.Popen(
            [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe",
             f"--user-data-dir={folder}/profile", "--window-size=1150,1300", "about:blank"],
            preexec_fn=place, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_r)
        os.close(back_w)
        self.n, self.buffer, self.events, self.session = 0, b"", [], None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ["Page", "Runtime", "Log"]:
            self.call(f"{domain}.enable")

    def call(self, method, **params):
        self.n += 1
        message = dict(id=self.n, method=method, params=params)
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        while True:
            while b"\0" not in self.buffer:
                self.buffer += os.read(self.back, 1 << 20)
            text, self.buffer = self.buffer.split(b"\0", 1)
            got = json.loads(text)
            if got.get("id") == self.n:
                assert "error" not in got, got
                return got["result"]
            self.events.append(got)

    def js(self, code):
        return self.call("Runtime.evaluate", expression=code, returnByValue=True, userGesture=True)["result"].get("value")

    def text(self):
        return self.js("document.body.innerText")

    def screenshot(self, path):
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def complaints(self):
        self.js("1")
        return [e for e in self.events if e.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded")
                or e.get("method") == "Runtime.consoleAPICalled" and e["params"]["type"] in ("error", "warning")]

    def close(self):
        self.proc.kill()
        self.proc.wait()
        os.close(self.to)
        os.close(self.back)


def count(browser, what):
    return browser.js(f"document.querySelectorAll('{what}').length")


def colours(browser, canvas):
    """How many different colours a picture has."""
    return browser.js(f"""(() => {{const c = document.getElementById('{canvas}'),
      d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data, s = new Set();
      for (let i = 0; i < d.length; i += 4) s.add(d[i] << 16 | d[i + 1] << 8 | d[i + 2]);
      return s.size}})()""")


@pytest.mark.skipif(not CHROMIUM, reason="no Chromium")
def test_in_a_browser(job, slow, tmp_path):
    cfg, out, want = job
    proc, url = start(cfg, **slow(0.35))
    browser = Browser(tmp_path)
    shots = Path(os.environ.get("MILLRACE_SHOTS", tmp_path))
    try:
        browser.call("Page.navigate", url=url)
        rig.wait_for(lambda: "running" in (browser.text() or ""), "page", 30)
        rig.wait_for(lambda: "files refused" in browser.text() or "file of" in browser.text(), "ledger", 30)
        first = browser.text()
        assert f"0 of {LANES} lanes done" in first and socket.gethostname() in first and "no loss so far" in first
        assert count(browser, "#map rect") == LANES
        rig.wait_for(lambda: count(browser, "#map .hand") >= 1, "lane in hand", 30)
        browser.screenshot(shots / "page-1-begun.png")
        rig.wait_for(lambda: f"1 of {LANES} lanes done" in browser.text(), "lane on the page", 30)
        rig.wait_for(lambda: count(browser, "#map .done") == 1, "lane on the map")
        assert browser.js("document.querySelector('#rate polyline').points.length") >= 2
        rig.wait_for(lambda: "a column is the largest of" in browser.text(), "picture", 30)
        assert "lanes/2026-01-01/" in browser.text() and colours(browser, "before") > 20 < colours(browser, "after")
        bars = browser.js("[...document.querySelectorAll('#ranks .who i')].map(x => parseFloat(x.style.width))")
        assert len(bars) == 3 and abs(sum(bars) - 100) < 1 and bars[0] > 50  # its disk is slow
        browser.screenshot(shots / "page-2-running.png")
        browser.js("document.querySelector('#pause').click()")
        rig.wait_for(lambda: browser.js("document.querySelector('#state').textContent") == "paused", "pause")
        browser.screenshot(shots / "page-3-paused.png")
        assert min(p.stat().st_size for p in shots.glob("page-*.png")) > 10_000
        assert browser.complaints() == []
        browser.js("document.querySelector('#stop').click()")
        rig.wait_for(lambda: "stopping" in browser.text(), "answer")
        proc.communicate(timeout=30)
        assert proc.returncode == 75
    finally:
        browser.close()
        proc.kill()
    finish(cfg, out, want)


def test_without_its_token_nothing_is_shown(job, slow):
    cfg, out, want = job
    proc, url = start(cfg, **slow(1))
    bare, token = url.split("?token=")
    assert re.fullmatch(r"[0-9a-f]{32}", token) and bare.startswith("http://127.0.0.1:")
    wrong = f"{int(token[0], 16) ^ 1:x}" + token[1:]
    for path in ["", "status.json", "lanes.json", "live.json", "ledger.json", "picture.json", "stop", "../../etc/passwd", "nothing"]:
        for tail in ["", "?token=", f"?token={wrong}", f"?token={token}0", f"?token={token[:-1]}", f"?tok={token}"]:
            for method in ["GET", "POST", "HEAD"]:
                status, text, _ = get(bare + path + tail, method)
                assert (status, text) == (401, ""), (path, tail)
    status, text, headers = get(f"{bare}status.json?token={token}")
    assert status == 200 and json.loads(text)["state"] in ("running", "planning", "surveying")
    assert "default-src 'none'" in headers["Content-Security-Policy"] and headers["Cache-Control"] == "no-store"
    assert get(f"{bare}nothing?token={token}")[0] == 404
    assert get(f"{bare}stop?token={token}")[0] == 404  # a link must not stop a run
    page = get(url)[1]
    assert not re.search(r"(src|href)=.(?!data:)|url\(|@import|https?://", page), "an outside resource"
    many = []
    for _ in range(300):  # more than it takes
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex(("127.0.0.1", int(bare.split(":")[2].strip("/"))))
        many.append(s)
    time.sleep(0.5)
    for s in many:
        s.close()
    said = "".join(proc.communicate(timeout=60))
    assert proc.returncode == 0 and token not in said
    assert rig.digests(out) == want
    assert token not in "".join(p.read_text(errors="replace") for p in out.rglob("*") if p.is_file())


@pytest.mark.parametrize("chain, along, panels", [
    (["rms: {window: 1 s, step: 0.5 s}"], "", 2),
    (["psd: {segment: 512, interval: 10 s}"], "frequency", 2),
    (["correlate: {sources: [0, 16], window: 5 s, max_lag: 1 s, stack: 10 s}"], "lag", 2),
    (["stalta: {sta: 500 ms, lta: 5 s}", "trigger: {on: 3, off: 1.5}"], None, 1)])
def test_pictures_of_every_kind_of_product(job, slow, tmp_path, chain, along, panels):
    """Cells as they must be: as many as there are columns and channels, none outside 00..ff."""
    cfg = rig.config(tmp_path / "p.yaml", [job[0].parent.parent / "none"], chain, tmp_path / "o")
    cfg.write_text(re.sub(r"files: .*", re.search(r"files: .*", job[0].read_text())[0], cfg.read_text()))
    proc, url = start(cfg, **slow(1))
    bare, token = url.split("?token=")
    try:
        got = rig.wait_for(lambda: json.loads(get(f"{bare}picture.json?token={token}")[1]), "picture", 30)
    finally:
        proc.kill()
        proc.communicate()
    assert len(got["panels"]) == panels and got["lane"].startswith("lanes/2026-01-01/") and got["t1"] > got["t0"]
    for p in got["panels"]:
        assert len(bytes.fromhex(p["cells"])) == p["nx"] * p["ny"] and p["hi"] > p["lo"]
    before = got["panels"][0]
    assert (before["name"], before["ny"], before["lo"]) == ("before", NC, -before["hi"])
    if panels > 1:
        assert got["panels"][1]["along"] == along and got["panels"][1]["ny"] == NC


def test_on_a_unix_socket(job, slow, tmp_path):
    cfg, out, want = job
    where = tmp_path / "page"
    proc, url = start(cfg, "--live", f"unix:{where}", **slow(1))
    path, token = url.split("/?token=")
    assert path == f"unix:{where}" and where.is_socket()
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(where))
        s.sendall(f"GET /status.json?token={token} HTTP/1.0\r\n\r\n".encode())
        heard = b""
        while more := s.recv(65536):
            heard += more
    assert b"200 OK" in heard and b'"state"' in heard
    proc.communicate(timeout=60)
    assert proc.returncode == 0 and not where.exists() and rig.digests(out) == want


def test_an_address_that_cannot_be_had_is_refused(job):
    cfg, out, _ = job
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        done = rig.run("run", cfg, "--live", f"127.0.0.1:{s.getsockname()[1]}")
    assert done.returncode in (2, 4) and "cannot listen" in done.stderr or "built without" in done.stderr
