"""A Chromium without a network, driven over a pipe: what it requested, complained of and ran."""

import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from dataclasses import dataclass, field

ALONE = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
"""Options of a browser that draws nothing on a screen, keeps nothing and reaches no network."""
PATIENCE = 120


def found():
    """The path of a Chromium, or None."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, names)), None)


@dataclass
class Witness:
    """What happened while a page was open."""

    requests: list = field(default_factory=list)
    errors: list = field(default_factory=list)
    dialogs: list = field(default_factory=list)

    def found(self):
        """What there must be none of."""
        return self.requests, self.errors

    def note(self, method, params):
        if method == "Network.requestWillBeSent":
            url = params["request"]["url"]
            own = url.startswith("data:") or (url.startswith("file:") and params.get("type") == "Document")
            if not own:
                self.requests.append(url)
        elif method == "Runtime.exceptionThrown":
            self.errors.append(params["exceptionDetails"]["text"])
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.errors.append(str([value.get("value") for value in params["args"]]))
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.errors.append(params["entry"]["text"])
        elif method == "Page.javascriptDialogOpening":
            self.dialogs.append(params["message"])


class Chromium:
    """One browser with one tab and a profile of its own; a context manager."""

    def __init__(self, program, profile):
        self.witness = Witness()
        self._number = 0
        self._rest = b""
        self._session = None
        self._loaded = False
        (there, ours), (theirs, back) = os.pipe(), os.pipe()
        # Chromium reads commands from 3 and writes to 4; our own ends may be just these, so all are moved away first.
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 20) for end in (there, ours, theirs, back)]
        for end in (there, ours, theirs, back):
            os.close(end)
        child_in, self._out, self._in, child_out = ends
        self._process = subprocess.Popen(
            [program, *ALONE, "--remote-debugging-pipe", f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(3, 4),
            preexec_fn=lambda: (os.dup2(child_in, 3), os.dup2(child_out, 4)),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(child_in)
        os.close(child_out)

    def __enter__(self):
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.send(f"{domain}.enable")
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(PATIENCE)
        os.close(self._out)
        os.close(self._in)

    def send(self, method, **params):
        """The result of a command; what happens meanwhile is noted."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        self._write(message)
        number = self._number
        while True:
            answer = self._read()
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]

    def open(self, file, scripts=True, width=1280, height=900, dark=False):
        """Load a file and wait until it is there."""
        self.send("Emulation.setScriptExecutionDisabled", value=not scripts)
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.send("Emulation.setEmulatedMedia", features=scheme)
        self.resize(width, height)
        self._loaded = False
        self.send("Page.navigate", url=file.as_uri())
        ends = time.monotonic() + PATIENCE
        while not self._loaded and time.monotonic() < ends:
            self._read()
        self.evaluate("1")

    def resize(self, width, height=900):
        """A window of that size; below 600 it is a phone."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.send("Emulation.setDeviceMetricsOverride", **size)

    def evaluate(self, code):
        """The value of an expression in the page, awaited."""
        result = self.send("Runtime.evaluate", expression=code, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"].get("exception", {}).get("description", code[:80]))
        return result["result"].get("value")

    def _write(self, message):
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._out, data) :]

    def _read(self):
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._in], [], [], PATIENCE)
            part = os.read(self._in, 1 << 20) if ready else b""
            if not part:
                raise RuntimeError("Chromium has stopped to answer")
            self._rest += part
        line, self._rest = self._rest.split(b"\0", 1)
        message = json.loads(line)
        if message.get("method") == "Page.loadEventFired":
            self._loaded = True
        elif message.get("method") == "Page.javascriptDialogOpening":
            self.witness.note(message["method"], message["params"])
            self._number += 1
            close = {"id": self._number, "method": "Page.handleJavaScriptDialog", "params": {"accept": False}}
            self._write(close | {"sessionId": self._session})
        elif "method" in message:
            self.witness.note(message["method"], message["params"])
        return message
