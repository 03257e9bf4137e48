# SPDX-License-Identifier: Apache-2.0
"""Chromium without a screen, spoken to by its DevTools protocol over a pipe: nothing to install beside it.

What a tab logs, what its page violates, what it asks for and from where is kept, so that a test may look.
"""
import base64
import itertools
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time

DEADLINE_S = 60
NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--headless=new", "--remote-debugging-pipe", "--no-first-run", "--no-default-browser-check",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-gpu", "--disable-dev-shm-usage", "--mute-audio", "--hide-scrollbars",
    "--disable-extensions", "--disable-features=Translate,OptimizationHints,MediaRouter",
    "--password-store=basic", "--lang=en-GB",
    "--no-sandbox")  # containers and chroots have none; it sees no page but ours
KEYS = {  # name: (code, virtual key code, text)
    "Enter": ("Enter", 13, "\r"), "Escape": ("Escape", 27, ""), "Tab": ("Tab", 9, ""),
    "ArrowDown": ("ArrowDown", 40, ""), "ArrowUp": ("ArrowUp", 38, ""),
    "ArrowLeft": ("ArrowLeft", 37, ""), "ArrowRight": ("ArrowRight", 39, ""),
    "PageDown": ("PageDown", 34, ""), "PageUp": ("PageUp", 33, ""), "End": ("End", 35, ""),
    "Home": ("Home", 36, ""), "Backspace": ("Backspace", 8, ""), " ": ("Space", 32, " "),
}


def find_chromium():
    return next(filter(None, map(shutil.which, NAMES)), None)


class Fault(Exception):
    """What the protocol or the page has thrown."""


class Browser:
    def __init__(self, env=None):
        self.folder = tempfile.mkdtemp(prefix="aep-chromium-")
        to_browser, self.out = os.pipe()
        self.inp, from_browser = os.pipe()

        def place_pipes():  # the protocol's descriptors are 3 and 4
            os.dup2(to_browser, 103)
            os.dup2(from_browser, 104)
            os.dup2(103, 3)
            os.dup2(104, 4)

        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [find_chromium(), *ARGUMENTS, f"--user-data-dir={self.folder}/profile"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.errors,
            close_fds=False, preexec_fn=place_pipes, start_new_session=True,
            env={**os.environ, "HOME": self.folder, "XDG_CONFIG_HOME": self.folder,
                 "XDG_CACHE_HOME": self.folder, **(env or {})})
        os.close(to_browser)
        os.close(from_browser)
        self.numbers = itertools.count(1)
        self.data = b""
        self.tabs = {}
        self.replies = {}

    def close(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        os.close(self.out)
        os.close(self.inp)
        self.errors.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def ended(self):
        self.errors.seek(0)
        return Fault("Chromium has ended; its last words:\n" + self.errors.read()[-2000:].decode(errors="replace"))

    # ---- messages

    def pump(self, seconds=0.05):
        """Takes what has come; waits for something so long."""
        if select.select([self.inp], [], [], seconds)[0]:
            part = os.read(self.inp, 1 << 20)
            if not part:
                raise self.ended()
            self.data += part
        while b"\0" in self.data:
            text, self.data = self.data.split(b"\0", 1)
            self.take(json.loads(text))

    def take(self, message):
        if "id" in message:
            self.replies[message["id"]] = message
        elif message.get("sessionId") in self.tabs:
            self.tabs[message["sessionId"]].take(message["method"], message["params"])

    def send(self, method, session=None, **params):
        number = next(self.numbers)
        message = {"id": number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        try:
            while data:
                data = data[os.write(self.out, data):]
        except BrokenPipeError:
            raise self.ended() from None
        return number

    def call(self, method, session=None, **params):
        number = self.send(method, session, **params)
        end = time.monotonic() + DEADLINE_S
        while number not in self.replies:
            if time.monotonic() > end:
                raise Fault(f"{method}: no answer")
            self.pump()
        reply = self.replies.pop(number)
        if "error" in reply:
            raise Fault(f"{method}: {reply['error']['message']}")
        return reply["result"]

    def new_tab(self, url=None, apart=False, **size):
        """A tab; apart: with cookies and a cache of its own, both empty."""
        context = {"browserContextId": self.call("Target.createBrowserContext")["browserContextId"]} if apart else {}
        target = self.call("Target.createTarget", url="about:blank", **context)["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        tab = self.tabs[session] = Tab(self, target, session)
        tab.begin(**size)
        if url:
            tab.go(url)
        return tab


class Tab:
    def __init__(self, browser, target, session):
        self.browser, self.target, self.session = browser, target, session
        self.problems = []  # exceptions, errors in the log, violations
        self.requests = []  # urls
        self.headers = []  # of each of them
        self.held = []
        self.loaded = False
        self.is_closed = False

    def call(self, method, **params):
        return self.browser.call(method, self.session, **params)

    def begin(self, width=1280, height=800):
        for domain in ("Page", "Runtime", "Log", "Network", "Accessibility"):
            self.call(f"{domain}.enable")
        self.resize(width, height)

    def resize(self, width, height, scale=1):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=scale, mobile=False)

    def prefer(self, **media):
        """prefer(color_scheme="dark", reduced_motion="reduce")"""
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": f"prefers-{name.replace('_', '-')}", "value": value}
            for name, value in media.items()])

    def take(self, method, params):
        if method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.problems.append(details.get("exception", {}).get("description", details["text"]))
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.problems.append(str([arg.get("value") for arg in params["args"]]))
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.problems.append(params["entry"]["text"] + " " + params["entry"].get("url", ""))
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
            self.headers.append({name.lower(): value for name, value
                                 in params["request"]["headers"].items()})
        elif method == "Fetch.requestPaused":
            self.held.append(params["requestId"])
        elif method == "Page.loadEventFired":
            self.loaded = True

    def go(self, url):
        self.loaded = False
        self.call("Page.navigate", url=url)
        self.wait(lambda: self.loaded, f"{url} is loaded")

    def before_load(self, script):
        """What runs in each page before its own scripts."""
        self.call("Page.addScriptToEvaluateOnNewDocument", source=script)

    def reload(self):
        self.loaded = False
        self.call("Page.reload")
        self.wait(lambda: self.loaded, "it is loaded again")

    def close(self):
        self.browser.call("Target.closeTarget", targetId=self.target)
        self.is_closed = True

    def hold(self, pattern, stage="Request"):
        """Keeps requests back until release(); of stage Response their answers."""
        self.call("Fetch.enable", patterns=[{"urlPattern": pattern, "requestStage": stage}])

    def release(self):
        self.wait(lambda: self.held, "a request that is held")
        for request in self.held:
            try:
                self.call("Fetch.continueRequest", requestId=request)
            except Fault:
                pass  # the page has given it up meanwhile
        self.call("Fetch.disable")

    # ---- looking

    def run(self, expression):
        """The value of an expression, of a promise what it comes to."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True,
                           awaitPromise=True)
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            raise Fault(details.get("exception", {}).get("description", details["text"]))
        return result["result"].get("value")

    def wait(self, is_true, what):
        end = time.monotonic() + DEADLINE_S
        while not (value := is_true()):
            if time.monotonic() > end:
                what = what() if callable(what) else what
                raise AssertionError(f"after {DEADLINE_S} s still not: {what}\n{self.problems}")
            self.browser.pump()
        return value

    def wait_for(self, expression, what=None):
        """Waits until an expression is true; its value (of an element true)."""
        value = f"(value => value instanceof Node ? true : value)({expression})"
        return self.wait(lambda: self.run(value), what or expression)

    def picture(self, path):
        data = self.call("Page.captureScreenshot", format="png")["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))

    # ---- doing

    def press(self, *keys):
        for key in keys:
            code, number, text = KEYS.get(key, (f"Key{key.upper()}", ord(key[0].upper()), key))
            common = {"key": key, "code": code, "windowsVirtualKeyCode": number}
            self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown",
                      text=text, **common)
            self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    def type(self, text):
        for letter in text:
            self.press(letter)

    def click(self, selector):
        x, y = self.wait_for(
            "(() => { const box = document.querySelector(%s)?.getBoundingClientRect();"
            "return box?.width && [box.x + box.width / 2, box.y + box.height / 2]; })()"
            % json.dumps(selector), f"{selector} is there")
        self.mouse("mouseMoved", x, y)
        self.mouse("mousePressed", x, y)
        self.mouse("mouseReleased", x, y)

    def mouse(self, kind, x, y):
        button = {} if kind == "mouseMoved" else {"button": "left", "clickCount": 1}
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **button)
