"""The editor in a browser, used with the mouse, for trials with a clip."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.core.errors import BadInput
from engine.core.units import SAMPLE_RATE_HZ
from engine.lab.benchmarks.browser import find_browser
from engine.lab.realtime import forbid_realtime

if TYPE_CHECKING:
    from playwright.sync_api import Page

WAIT_MS = 600_000.0
SIZE_PX = (1440, 900)
FLAGS = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
STORE = "window.struck.store"
IS_HEARD = f"""() => {{
  const store = {STORE};
  const hits = store.view?.project?.hits;
  return hits?.length && hits.every((hit) => store.rendered.has(hit.id)) && !store.isSending && store.status.phase === "done";
}}"""  # noqa: E501 - one condition


class EditorPage:
    """One tab with the editor; ``problems`` are errors that the page threw."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.problems: list[str] = []
        page.on("pageerror", lambda error: self.problems.append(str(error)))

    def see(self, expression: str) -> Any:
        """The value of a JavaScript expression."""
        return self.page.evaluate(expression)

    @property
    def project(self) -> dict[str, Any]:
        """The document as the page shows it."""
        shown: dict[str, Any] = self.see(f"{STORE}.view.project")
        return shown

    def open_clip(self, clip: Path) -> None:
        """Open a clip through the file chooser, and wait until all its hits are rendered."""
        self.page.get_by_role("button", name="Open clip").first.click()
        with self.page.expect_file_chooser() as chooser:
            self.page.get_by_role("button", name="Choose a file").click()
        chooser.value.set_files(clip)
        self.page.wait_for_function(f"(name) => {STORE}.view?.project?.name === name", arg=clip.stem)
        self.page.wait_for_function(f"() => {STORE}.media.curve && {STORE}.status.phase === 'done'")
        if not self.project["hits"]:
            raise BadInput(f"no hit is found in {clip.name}, so nothing can be dragged; give another clip")
        self.page.wait_for_function(IS_HEARD)

    def change(self, act: Callable[[], object]) -> None:
        """Do something that edits the document, and wait until it is acknowledged and heard."""
        revision = self.see(f"{STORE}.view.revision")
        act()
        self.page.wait_for_function(f"(old) => {STORE}.view.revision > old", arg=revision)
        self.page.wait_for_function(IS_HEARD)

    def drag(self, start: dict[str, float], right_px: float) -> None:
        """Drag to the side, in steps as a hand does."""
        mouse = self.page.mouse
        mouse.move(start["x"], start["y"])
        mouse.down()
        mouse.move(start["x"] + 0.5 * right_px, start["y"], steps=4)
        mouse.move(start["x"] + right_px, start["y"], steps=4)
        mouse.up()

    def track(self) -> np.ndarray:
        """The track as it is mixed, float32 [N, channels] at SAMPLE_RATE_HZ, once everything is sampled."""
        import soundfile

        until_s = time.monotonic() + WAIT_MS / 1000.0
        while True:
            answer = self.page.request.get(f"{self.address}/struck/track/{self.see(f'{STORE}.session')}")
            if answer.status != 409 or time.monotonic() > until_s:
                break
            self.page.wait_for_timeout(100)
        samples, rate_hz = soundfile.read(io.BytesIO(answer.body()), dtype="float32", always_2d=True)
        assert rate_hz == SAMPLE_RATE_HZ
        return np.asarray(samples)

    def export(self) -> dict[str, Path]:
        """Export as the dialog offers it; paths of the downloads by their ending."""
        self.page.get_by_role("button", name="Export", exact=True).first.click()
        dialog = self.page.get_by_role("dialog", name="Export")
        dialog.get_by_role("button", name="Export", exact=True).click()
        links = self.page.locator(".st-file")
        links.nth(1).wait_for()
        found = {}
        for link in links.all():
            with self.page.expect_download() as download:
                link.click()
            found[download.value.suggested_filename.rpartition(".")[2]] = Path(download.value.path())
        self.page.keyboard.press("Escape")
        return found


@contextmanager
def browse(address: str, folder: Path) -> Iterator[EditorPage]:
    """The editor at an address, in a browser without a window. Raises BadInput where there is no browser."""
    from playwright.sync_api import sync_playwright

    found = find_browser()
    if found is None:
        raise BadInput("no Chrome or Chromium was found, in which the editor is tried; install one")
    forbid_realtime()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS, downloads_path=str(folder))
        viewport = {"width": SIZE_PX[0], "height": SIZE_PX[1]}
        page = browser.new_context(viewport=viewport, accept_downloads=True, color_scheme="dark").new_page()  # type: ignore[arg-type]
        page.add_init_script("localStorage.setItem('struck.tour', 'left')")
        page.set_default_timeout(WAIT_MS)
        page.goto(address)
        page.wait_for_function(f"window.struck && {STORE}.connection === 'open' && {STORE}.welcome")
        try:
            yield EditorPage(page, address)
        finally:
            browser.close()
