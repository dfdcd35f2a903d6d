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
             f"--user-data-dir={folder}/profile", "--window-size=900,1000", "about:blank"],
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


@pytest.mark.skipif(not CHROMIUM, reason="no Chromium")
def test_in_a_browser(job, slow, tmp_path):
    cfg, out, want = job
    proc, url = start(cfg, **slow(0.35))
    browser = Browser(tmp_path)
    try:
        browser.call("Page.navigate", url=url)
        rig.wait_for(lambda: "running" in (browser.text() or ""), "page", 30)
        first = browser.text()
        assert f"0 of {LANES} lanes done" in first and socket.gethostname() in first and "none so far" in first
        rig.wait_for(lambda: f"1 of {LANES} lanes done" in browser.text(), "lane on the page", 30)
        rig.wait_for(lambda: browser.js("document.querySelectorAll('#map .done').length") == 1, "lane on the map")
        assert browser.js("document.querySelectorAll('#map rect').length") == LANES
        assert browser.js("document.querySelector('#rate polyline').points.length") >= 2
        browser.js("document.querySelector('#pause').click()")
        rig.wait_for(lambda: browser.js("document.querySelector('#state').textContent") == "paused", "pause")
        browser.screenshot(tmp_path / "page.png")
        assert (tmp_path / "page.png").stat().st_size > 10_000
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
    for path in ["", "status.json", "lanes.json", "stop", "../../etc/passwd", "nothing"]:
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
