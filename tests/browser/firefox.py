"""A tab of this machine's Firefox, driven by its own Marionette protocol: what tests of the editor need of a page."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.app_process import end_process, free_port
from tests.browser.chromium import install_package, installing

NAMES = ("firefox-esr", "firefox")
USUAL_PLACES = ("/Applications/Firefox.app/Contents/MacOS/firefox", r"%ProgramFiles%\Mozilla Firefox\firefox.exe")
MISSING = "Firefox is not installed; install it (apt-get install firefox-esr, or from mozilla.org) and test again"
PREFERENCES: dict[str, Any] = {
    "app.update.enabled": False,
    "browser.download.folderList": 2,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "media.autoplay.default": 0,  # sound plays without a press, as in the other tests
    "network.captive-portal-service.enabled": False,
    "ui.systemUsesDarkTheme": 1,
}
COLLECT_ERRORS = """(window.struckErrors = [], ["error", "unhandledrejection"].forEach((name) =>
  addEventListener(name, (event) => window.struckErrors.push(String(event.message ?? event.reason)))))"""
WAIT_S = 120.0  # a busy machine is slow, and no test is about speed
SPECIAL_KEYS = {"Control": "\ue009", "Shift": "\ue008", "Alt": "\ue00a", "Escape": "\ue00c", "Space": " "}


def find_firefox() -> str | None:
    """Path of a Firefox of this machine; None where there is none."""
    on_path = next(filter(None, map(shutil.which, NAMES)), None)
    return on_path or next(filter(os.path.exists, map(os.path.expandvars, USUAL_PLACES)), None)


def require_firefox() -> str:
    """Path of a Firefox; where there is none the test is skipped, but a run that takes no skips installs it."""
    found = find_firefox()
    if found is None and os.environ.get("STRUCK_CI") == "1":
        with installing():
            install_package("firefox-esr")
        found = find_firefox()
        if found is None:
            pytest.fail(MISSING)
    if found is None:
        pytest.skip(MISSING)
    return found


class FirefoxPage:
    """A tab, with those members of Playwright's page that ``Editor`` calls."""

    def __init__(self, connection: socket.socket) -> None:
        self._stream = connection.makefile("rwb")
        self._read()  # the greeting
        self._count = 0
        self._at = (0, 0)
        self.mouse = self.keyboard = self
        self.do("WebDriver:NewSession", {"capabilities": {}})
        self.do("WebDriver:SetTimeouts", {"script": int(WAIT_S * 1000)})

    def _read(self) -> Any:
        digits = b""
        while (byte := self._stream.read(1)) != b":":
            assert byte, "Firefox has closed the connection"
            digits += byte
        return json.loads(self._stream.read(int(digits)))

    def do(self, command: str, values: dict[str, Any]) -> Any:
        """A command and its answer."""
        self._count += 1
        text = json.dumps([0, self._count, command, values]).encode()
        self._stream.write(b"%d:%s" % (len(text), text))
        self._stream.flush()
        _, number, error, answer = self._read()
        assert number == self._count and error is None, f"{command}: {error}"
        return answer

    # --- the page -----------------------------------------------------------------------------------

    def goto(self, address: str) -> None:
        self.do("WebDriver:Navigate", {"url": address})

    def evaluate(self, expression: str, given: Any = None) -> Any:
        """The value of a JavaScript expression, or what a function that it is gives for ``given``."""
        script = f"const found = ({expression}); return typeof found === 'function' ? found(arguments[0]) : found;"
        values = {"script": script, "args": [given], "newSandbox": False, "sandbox": None}
        return self.do("WebDriver:ExecuteScript", values)["value"]

    def wait_for_function(self, condition: str, arg: Any = None, polling: float = 50.0) -> None:
        until = time.monotonic() + WAIT_S
        while not self.evaluate(f"Boolean(({condition})(arguments[0]))", arg):
            assert time.monotonic() < until, f"it did not happen: {condition}"
            time.sleep(1e-3 * polling)

    def on(self, event: str, react: Any) -> None:
        """Errors of the page are collected in the page itself: see ``errors``."""

    def collect_errors(self) -> None:
        self.evaluate(COLLECT_ERRORS)

    def errors(self) -> list[str]:
        return list(self.evaluate("window.struckErrors"))

    def set_viewport(self, width: int, height: int) -> None:
        """Resize the window so that the page has this size."""
        for _ in range(3):
            inner, outer = self.evaluate("[[innerWidth, innerHeight], [outerWidth, outerHeight]]")
            if inner == [width, height]:
                return
            size = {"width": outer[0] + width - inner[0], "height": outer[1] + height - inner[1]}
            self.do("WebDriver:SetWindowRect", size)
            time.sleep(0.2)
        assert self.evaluate("[innerWidth, innerHeight]") == [width, height]

    def screenshot(self) -> Image.Image:
        answer = self.do("WebDriver:TakeScreenshot", {"full": False})
        return Image.open(io.BytesIO(base64.b64decode(answer["value"]))).convert("RGB")

    # --- mouse and keys -----------------------------------------------------------------------------

    def _act(self, kind: str, actions: list[dict[str, Any]]) -> None:
        source = {"type": kind, "id": kind, "actions": actions}
        self.do("WebDriver:PerformActions", {"actions": [source]})

    def move(self, x: float, y: float, steps: int = 1) -> None:
        from_x, from_y = self._at
        self._at = (round(x), round(y))
        points = [(from_x + (x - from_x) * k / steps, from_y + (y - from_y) * k / steps) for k in range(1, steps + 1)]
        self._act("pointer", [{"type": "pointerMove", "x": round(a), "y": round(b), "duration": 20} for a, b in points])

    def down(self, key: str = "") -> None:
        if key:
            self._act("key", [{"type": "keyDown", "value": SPECIAL_KEYS.get(key, key)}])
        else:
            self._act("pointer", [{"type": "pointerDown", "button": 0}])

    def up(self, key: str = "") -> None:
        if key:
            self._act("key", [{"type": "keyUp", "value": SPECIAL_KEYS.get(key, key)}])
        else:
            self._act("pointer", [{"type": "pointerUp", "button": 0}])

    def press(self, keys: str) -> None:
        """Keys such as ``Control+z``."""
        held = [SPECIAL_KEYS.get(key, key) for key in keys.split("+")]
        downs = [{"type": "keyDown", "value": key} for key in held]
        self._act("key", downs + [{"type": "keyUp", "value": key} for key in reversed(held)])

    def click(self, element: str) -> None:
        """Press the middle of what a JavaScript expression finds."""
        self.wait_for_function(f"() => {element}")
        place = self.evaluate(
            f"(({{ x, y, width, height }}) => [x + width / 2, y + height / 2])({element}.getBoundingClientRect())"
        )
        self.move(*place)
        self.down()
        self.up()


@contextlib.contextmanager
def browse_firefox(address: str, folder: Path) -> Iterator[FirefoxPage]:
    """One tab at the app's page; downloads go to ``folder``."""
    program, port = require_firefox(), free_port()
    profile = folder / "profile"
    profile.mkdir()
    preferences = {**PREFERENCES, "marionette.port": port, "browser.download.dir": str(folder)}
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in preferences.items()]
    (profile / "user.js").write_text("\n".join(lines))
    command = [program, "--headless", "--marionette", "--no-remote", "--profile", str(profile)]
    environment = {**os.environ, "HOME": str(folder)}  # of another owner it would not start
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + WAIT_S
        while True:
            try:
                connection = socket.create_connection(("127.0.0.1", port), timeout=WAIT_S)
                break
            except OSError:
                assert time.monotonic() < until and process.poll() is None, "Firefox does not answer"
                time.sleep(0.1)
        with connection:
            page = FirefoxPage(connection)
            page.goto(address)
            page.evaluate("localStorage.setItem('struck.tour', 'left')")  # it would lie over the picture
            page.goto(address)
            yield page
    finally:
        end_process(process)
