"""The app in a process of its own and one tab in a real browser, with the words that tests of the editor need."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from playwright.sync_api import Page, sync_playwright

from tests.browser.chromium import browser_path

RATE_HZ = 48_000
WAIT_MS = 120_000  # a busy machine is slow, and no test is about speed


@contextmanager
def browse(address: str, folder: Path) -> Iterator[Page]:
    """One tab at the app's page."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=browser_path(),
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--autoplay-policy=no-user-gesture-required",
            ],
            downloads_path=str(folder),
        )
        context = browser.new_context(
            viewport={"width": 1440, "height": 900}, accept_downloads=True, color_scheme="dark"
        )
        context.add_init_script("localStorage.setItem('struck.tour', 'left')")  # it would lie over the picture
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.goto(address)
        try:
            yield page
        finally:
            browser.close()


class Editor:
    """What a user does and sees; positions come from the page itself."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address
        self.problems: list[str] = []
        page.on("pageerror", lambda error: self.problems.append(str(error)))

    def see(self, expression: str) -> Any:
        """The value of a JavaScript expression."""
        return self.page.evaluate(expression)

    def wait(self, condition: str, given: Any = None) -> None:
        """Wait until a JavaScript condition holds."""
        self.page.wait_for_function(condition, arg=given)

    @property
    def project(self) -> dict[str, Any]:
        """The document as the page shows it."""
        return self.see("window.struck.store.view.project")  # type: ignore[no-any-return]

    def hit(self, hit_id: str) -> dict[str, Any]:
        return next(hit for hit in self.project["hits"] if hit["id"] == hit_id)

    def wait_for_sound(self) -> None:
        """Wait until everything the document asks for is rendered and nothing else is going on."""
        self.wait(
            """() => {
              const store = window.struck?.store;
              const hits = store?.view?.project?.hits;
              const running = ["opening", "detecting", "analysing", "sampling", "exporting"];
              return hits && hits.every((hit) => store.rendered.has(hit.id)) && !running.includes(store.status.phase);
            }"""
        )

    def open_demo(self, name: str = "sound") -> None:
        """Open a demo anew, without history."""
        self.wait("() => window.struck?.store.connection === 'open' && window.struck.store.welcome")
        rev = self.see("window.struck.store.view?.revision ?? 0")
        self.see(f"void window.struck.store.send({{ type: 'open_demo', name: '{name}' }})")
        self.wait(
            """([rev, name]) => {
              const { view, media, rendered } = window.struck.store;
              return view && view.revision > rev && view.project?.name === `demo_${name}` && !view.undo && !view.redo
                && view.project.clip.media_url && media.curve && rendered.size === view.project.hits.length;
            }""",
            [rev, name],
        )
        self.wait_for_sound()
        self.page.keyboard.press("Escape")

    def change(self, act: Any) -> None:
        """Do something that edits the document, and wait for the server's answer and the new sound."""
        rev = self.see("window.struck.store.view.revision")
        act()
        self.wait("(rev) => window.struck.store.view.revision > rev", rev)
        self.wait_for_sound()

    def drag(self, start: dict[str, float], to: dict[str, float], modifier: str | None = None) -> None:
        """Drag with the mouse, in steps as a hand does."""
        mouse = self.page.mouse
        mouse.move(start["x"], start["y"])
        if modifier:
            self.page.keyboard.down(modifier)
        mouse.down()
        mouse.move((start["x"] + to["x"]) / 2, (start["y"] + to["y"]) / 2, steps=4)
        mouse.move(to["x"], to["y"], steps=4)
        mouse.up()
        if modifier:
            self.page.keyboard.up(modifier)

    def locate_hit(self, hit_id: str) -> dict[str, float]:
        return self.page.evaluate("(id) => window.struck.locate({ hit: id })", hit_id)  # type: ignore[no-any-return]

    def locate_mode(self, sound_id: str, index: int) -> dict[str, float]:
        place = self.page.evaluate("(mode) => window.struck.locate({ mode })", [sound_id, index])
        return place  # type: ignore[no-any-return]

    def track(self) -> np.ndarray:
        """The rendered track as the server mixes it: float32 [N, 2] at 48 kHz."""
        until = time.monotonic() + WAIT_MS / 1000
        while True:
            self.wait_for_sound()
            answer = self.page.request.get(f"{self.address}/struck/track/{self.see('window.struck.store.session')}")
            if answer.status != 409 or time.monotonic() > until:  # still sampling: the page lags behind the server
                break
            self.page.wait_for_timeout(100)
        assert answer.status == 200, answer.text()
        samples, rate_hz = soundfile.read(io.BytesIO(answer.body()), dtype="float32", always_2d=True)
        assert rate_hz == 48_000
        return np.asarray(samples)

    def toasts(self) -> list[str]:
        return [text.strip() for text in self.page.locator(".st-toast-text").all_inner_texts()]


def attack_s(track: np.ndarray, around_s: float, reach_s: float = 0.25) -> float:
    """Where the loudest rise near a time begins: the first sample of a tenth of the peak after it."""
    start = max(0, round((around_s - reach_s) * RATE_HZ))
    level = np.abs(track[start : round((around_s + reach_s) * RATE_HZ)]).max(axis=1)
    return (start + int(np.argmax(level > 0.1 * level.max()))) / RATE_HZ
