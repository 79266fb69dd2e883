"""A bare page with the editor's audio modules, and what its tests send to it and read from it."""

from __future__ import annotations

import base64
import contextlib
import functools
import http.server
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page

from engine.core.paths import ROOT
from engine.physics.model import Modes
from tests.browser.struck_page import browse

EDITOR = ROOT / "ui" / "editor"

# What every script below starts from. Arrays cross as base64 of float32.
TOOLS = """
const [audio, buffers, prior, preview, panner, meter] = await Promise.all(
  ["audio/engine", "audio/buffers", "audio/prior", "audio/preview", "audio/panner", "audio/meter"]
    .map((name) => import(`/${name}.js`)));
const pack = (array) => {
  const bytes = new Uint8Array(Float32Array.from(array).buffer);
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(text);
};
const unpack = (text) => new Float32Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const makeStore = (view, rendered = new Map()) => {
  const listeners = {};
  return {
    view, rendered, selection: { hits: new Set(), soundId: null, modes: new Set() },
    watch(select, react) { return this.on("document", react); },
    on(name, react) { (listeners[name] ??= []).push(react); return () => {}; },
    emit(name, data) { for (const react of listeners[name] ?? []) react(data); },
    send() {}, edit() {}, select() {},
  };
};
"""


class _Files(http.server.SimpleHTTPRequestHandler):
    extensions_map = {**http.server.SimpleHTTPRequestHandler.extensions_map, ".js": "text/javascript"}  # noqa: RUF012

    def do_GET(self) -> None:
        if self.path == "/":
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>test</title>")
        else:
            super().do_GET()

    def log_message(self, *_: Any) -> None:
        pass


@contextlib.contextmanager
def open_audio_page(browser: Browser) -> Iterator[Page]:
    """A tab of its own, on a server that gives nothing but the editor's files."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Files, directory=str(EDITOR)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with browse(browser, f"http://127.0.0.1:{server.server_address[1]}/") as tab:
        yield tab
    server.shutdown()
    server.server_close()


def run(page: Page, script: str, value: Any = None) -> Any:
    return page.evaluate(f"async (given) => {{ {TOOLS} {script} }}", value)


def pack(samples: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(samples, np.float32).tobytes()).decode()


def unpack(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), np.float32)


def modes_value(modes: Modes) -> dict[str, Any]:
    return {
        "frequency_hz": list(modes.frequency_hz),
        "power_db": list(modes.power_db),
        "decay_per_s": list(modes.decay_per_s),
        "phase_rad": list(modes.phase_rad),
        "muted": list(modes.muted),
    }


def some_modes(count: int) -> Modes:
    rng = np.random.default_rng(5)
    return Modes(
        tuple(float(v) for v in np.geomspace(80, 23000, count)),
        tuple(float(v) for v in rng.uniform(-50, -20, count)),
        tuple(float(v) for v in rng.uniform(2, 60, count)),
        tuple(float(v) for v in rng.uniform(-3, 3, count)),
        tuple(k % 7 == 3 for k in range(count)),
    )
