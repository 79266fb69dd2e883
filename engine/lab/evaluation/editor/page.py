"""The editor in a browser, used with the mouse: for trials with a clip, and for the tests of the editor."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.core.errors import BadInput, StruckError
from engine.core.units import SAMPLE_RATE_HZ
from engine.lab.benchmarks.browser import find_browser
from engine.lab.realtime import forbid_realtime

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WAIT_MS = 600_000.0
SIZE_PX = (1440, 900)
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--autoplay-policy=no-user-gesture-required",
)
STORE = "window.struck.store"
LOOK_EVERY_MS = 40.0
EXPORTED = ".st-files:not([hidden]) > .st-file"
IS_HEARD = f"""() => {{
  const store = {STORE};
  const hits = store?.view?.project?.hits;
  const running = ["opening", "detecting", "analysing", "sampling", "exporting"];
  return hits && hits.every((hit) => store.rendered.has(hit.id)) && !running.includes(store.status.phase);
}}"""


class EditorPage:
    """One tab with the editor, and what a user does and sees in it; ``problems`` are errors that the page threw."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.problems: list[str] = []
        page.on("pageerror", lambda error: self.problems.append(str(error)))

    def see(self, expression: str) -> Any:
        """The value of a JavaScript expression."""
        return self.page.evaluate(expression)

    def wait(self, condition: str, given: object = None) -> None:
        """Wait until a JavaScript condition holds."""
        self.page.wait_for_function(condition, arg=given, polling=LOOK_EVERY_MS)

    def wait_for_sound(self) -> None:
        """Wait until everything the document asks for is rendered and nothing else is going on."""
        self.wait(IS_HEARD)

    @property
    def project(self) -> dict[str, Any]:
        """The document as the page shows it."""
        shown: dict[str, Any] = self.see(f"{STORE}.view.project")
        return shown

    def locate_hit(self, hit_id: str) -> dict[str, float]:
        """Where a hit can be grasped, in pixels of the page."""
        place: dict[str, float] = self.page.evaluate("(hit) => window.struck.locate({ hit })", hit_id)
        return place

    def locate_mode(self, sound_id: str, index: int) -> dict[str, float]:
        """Where a mode's stem can be grasped, in pixels of the page."""
        place: dict[str, float] = self.page.evaluate("(mode) => window.struck.locate({ mode })", [sound_id, index])
        return place

    def open_clip(self, clip: Path) -> None:
        """Open a clip through the file chooser, and wait until all its hits are rendered."""
        self.page.get_by_role("button", name="Open clip").first.click()
        with self.page.expect_file_chooser() as chooser:
            self.page.get_by_role("button", name="Choose a file").click()
        chooser.value.set_files(clip)
        self.wait(f"(name) => {STORE}.view?.project?.name === name", clip.stem)
        self.wait(f"() => {STORE}.media.curve && {STORE}.status.phase === 'done'")
        if not self.project["hits"]:
            raise BadInput(f"no hit is found in {clip.name}, so nothing can be dragged; give another clip")
        self.wait_for_sound()

    def change(self, act: Callable[[], object]) -> None:
        """Do something that edits the document, and wait for the server's answer and the new sound."""
        revision = self.see(f"{STORE}.view.revision")
        act()
        self.wait(f"(old) => {STORE}.view.revision > old", revision)
        self.wait_for_sound()

    def drag(self, start: dict[str, float], to: dict[str, float], modifier: str | None = None) -> None:
        """Drag with the mouse from one point of the page to another, in steps as a hand does."""
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

    def track(self) -> np.ndarray:
        """The track as the server mixes it, float32 [N, channels] at SAMPLE_RATE_HZ, once everything is sampled."""
        import soundfile

        until_s = time.monotonic() + WAIT_MS / 1000.0
        while True:
            self.wait_for_sound()
            answer = self.page.request.get(f"{self.address}/struck/track/{self.see(f'{STORE}.session')}")
            if answer.status != 409 or time.monotonic() > until_s:  # 409: still sampling, the page lags behind it
                break
            self.page.wait_for_timeout(100)
        assert answer.status == 200, answer.text()
        samples, rate_hz = soundfile.read(io.BytesIO(answer.body()), dtype="float32", always_2d=True)
        assert rate_hz == SAMPLE_RATE_HZ
        return np.asarray(samples)

    def export(self) -> dict[str, Path]:
        """Export as the dialog offers it; paths of the downloads by their ending. Raises StruckError if it fails."""
        self.page.get_by_role("button", name="Export", exact=True).first.click()
        dialog = self.page.get_by_role("dialog", name="Export")
        dialog.get_by_role("button", name="Export", exact=True).click()
        links = self.page.locator(EXPORTED)
        self.wait(f"() => document.querySelectorAll('{EXPORTED}').length > 1 || {STORE}.status.phase === 'error'")
        if self.see(f"{STORE}.status.phase") == "error":
            raise StruckError(f"the export failed: {self.see(f'{STORE}.status.message')}")
        found = {}
        for link in links.all():
            with self.page.expect_download() as download:
                link.click()
            found[download.value.suggested_filename.rpartition(".")[2]] = Path(download.value.path())
        self.page.keyboard.press("Escape")
        return found


@contextmanager
def start_browser(folder: Path, browser_path: str | None) -> Iterator[Browser]:
    """A browser without a window, with its downloads in a folder."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=FLAGS, downloads_path=str(folder))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def open_tab(browser: Browser, address: str, wait_ms: float = WAIT_MS) -> Iterator[Page]:
    """One tab at an address, which shares nothing with the browser's others."""
    context = browser.new_context(
        viewport={"width": SIZE_PX[0], "height": SIZE_PX[1]}, accept_downloads=True, color_scheme="dark"
    )
    try:
        context.add_init_script("localStorage.setItem('struck.tour', 'left')")  # it would lie over the picture
        page = context.new_page()
        page.set_default_timeout(wait_ms)
        page.goto(address)
        yield page
    finally:
        context.close()


@contextmanager
def browse(address: str, folder: Path) -> Iterator[EditorPage]:
    """The editor at an address, in this machine's browser. Raises BadInput where there is none."""
    found = find_browser()
    if found is None:
        raise BadInput("no Chrome or Chromium was found, in which the editor is tried; install one")
    forbid_realtime()
    with start_browser(folder, found) as browser, open_tab(browser, address) as page:
        page.wait_for_function(f"window.struck && {STORE}.connection === 'open' && {STORE}.welcome")
        yield EditorPage(page, address)
