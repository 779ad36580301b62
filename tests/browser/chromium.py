"""Chromium without a window, driven over its DevTools protocol on two pipes: nothing to install but the browser."""

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

# A browser on a busy machine may be slow; one that says nothing for this long is broken.
PATIENCE_SECONDS = 60


class BrowserError(Exception):
    """What the browser refused, or did not do in time."""


def program():
    """The path of the browser. Raises BrowserError that says what to install."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        path = shutil.which(name)
        if path:
            return path
    raise BrowserError("there is no chromium: scripts/setup.sh --test installs it")


class Browser:
    """A browser process with a profile of its own, gone with it."""

    def __init__(self, size=(1280, 800)):
        self.profile = tempfile.mkdtemp(prefix="hello-dd-browser-")
        to_read, self._write = os.pipe()
        self._read, to_write = os.pipe()
        flags = [
            "--headless=new", "--remote-debugging-pipe", f"--user-data-dir={self.profile}", f"--window-size={size[0]},{size[1]}",
            "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--disable-extensions", "--no-first-run", "--no-default-browser-check", "--hide-scrollbars", "--force-color-profile=srgb",
            "--lang=en-US", "--metrics-recording-only",
        ]  # fmt: skip
        if os.geteuid() == 0:
            # Its sandbox refuses to run as root, as containers and CI do.
            flags.append("--no-sandbox")
        # The browser reads its descriptor 3 and writes its descriptor 4.
        command = ["bash", "-c", f'exec "$@" 3<&{to_read} 4>&{to_write}', "chromium", program(), *flags, "about:blank"]
        self._log = tempfile.TemporaryFile()
        environment = os.environ | {"TZ": "UTC", "HOME": self.profile}
        self._process = subprocess.Popen(
            command, pass_fds=(to_read, to_write), stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, env=environment
        )
        os.close(to_read)
        os.close(to_write)
        self._buffer = b""
        self._number = 0
        self.events = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        try:
            self.call("Browser.close")
            self._process.wait(timeout=10)
        except (BrowserError, OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        os.close(self._read)
        os.close(self._write)
        self._log.close()
        shutil.rmtree(self.profile, ignore_errors=True)

    def call(self, method, session=None, **parameters):
        """Sends a command and returns its result; keeps the events that come in between."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            answer = self._next(end, method)
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error'].get('message')}")
                return answer["result"]
            if "method" in answer:
                self.events.append(answer)

    def _next(self, end, what):
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], max(0, end - time.monotonic()))
            chunk = os.read(self._read, 1 << 16) if ready else b""
            if not chunk:
                self._log.seek(0)
                text = self._log.read()[-2000:].decode(errors="replace")
                raise BrowserError(f"{what}: {'the browser ended' if ready else 'no answer'}\n{text}")
            self._buffer += chunk
        line, self._buffer = self._buffer.split(b"\0", 1)
        return json.loads(line)

    def page(self, size=(1280, 800)):
        return Page(self, size)


class Page:
    """A tab. Keeps what the page reports: exceptions, refusals of its policy, dialogs, and where it sent requests."""

    KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, "ArrowDown": 40, "ArrowUp": 38, "End": 35, "Home": 36}

    def __init__(self, browser, size):
        self.browser = browser
        # A profile of its own for each: no storage, no cache, nothing of the page before.
        context = browser.call("Target.createBrowserContext")["browserContextId"]
        target = browser.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        self.session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "Accessibility"):
            self.call(f"{domain}.enable")
        self.resize(*size)

    def call(self, method, **parameters):
        return self.browser.call(method, session=self.session, **parameters)

    def resize(self, width, height, scale=1):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=False)

    def colours(self, scheme):
        self.call(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": "reduce"}],
        )

    def open(self, url):
        result = self.call("Page.navigate", url=url)
        if result.get("errorText"):
            raise BrowserError(f"{url}: {result['errorText']}")
        self.until("document.readyState === 'complete'")

    def evaluate(self, expression):
        """The value of a JavaScript expression; a promise is awaited. Raises BrowserError for an exception."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            raise BrowserError(details.get("exception", {}).get("description") or details.get("text"))
        return result["result"].get("value")

    def until(self, condition):
        """Asks until the expression is truthy, and returns its value."""
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            # An element is there or not; it does not travel.
            value = self.evaluate(f"((found) => found instanceof Node ? true : found)({condition})")
            if value:
                return value
            if time.monotonic() > end:
                raise BrowserError(f"not within {PATIENCE_SECONDS} s: {condition}")
            time.sleep(0.05)

    def press(self, key):
        code = self.KEYS[key]
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **(text if kind == "keyDown" else {}))

    def screenshot(self, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def _of(self, *methods):
        # What is still under way is heard of before a call's answer.
        self.evaluate("0")
        return [e["params"] for e in self.browser.events if e.get("sessionId") == self.session and e["method"] in methods]

    def complaints(self):
        """Exceptions, and errors and warnings of the console, as texts."""
        found = [e["exceptionDetails"].get("exception", {}).get("description", "exception") for e in self._of("Runtime.exceptionThrown")]
        found += [e["entry"]["text"] for e in self._of("Log.entryAdded") if e["entry"]["level"] in ("error", "warning")]
        return found

    def dialogs(self):
        return [e["message"] for e in self._of("Page.javascriptDialogOpening")]

    def requests(self):
        return [e["request"]["url"] for e in self._of("Network.requestWillBeSent")]

    def accessible(self):
        """(role, name) of everything that assistive technology sees."""
        nodes = self.call("Accessibility.getFullAXTree")["nodes"]
        return [(n.get("role", {}).get("value"), n.get("name", {}).get("value", "")) for n in nodes if not n.get("ignored")]
