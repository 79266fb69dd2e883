"""The app in a process of its own and one tab in a real browser, with the words that tests of the editor need."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page

from engine.core.units import SAMPLE_RATE_HZ as RATE_HZ
from engine.lab.evaluation.editor.page import EditorPage, open_tab

WAIT_MS = 120_000  # a busy machine is slow, and no test is about speed


def browse(browser: Browser, address: str) -> AbstractContextManager[Page]:
    """One tab at the app's page, which knows nothing of tabs before it."""
    return open_tab(browser, address, WAIT_MS)


class Editor(EditorPage):
    """What a user does and sees, and what tests begin with and look for."""

    def hit(self, hit_id: str) -> dict[str, Any]:
        return next(hit for hit in self.project["hits"] if hit["id"] == hit_id)

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
        self.see("void document.querySelectorAll('.st-toast.is-note button').forEach((close) => close.click())")

    def follow_announcements(self) -> None:
        """Keep what the live region tells from now on, each until the next one takes its place."""
        self.see(
            """() => {
              const live = document.querySelector(".st-hidden[role=status]");
              window.told = [];
              new MutationObserver(() => window.told.push(live.textContent)).observe(live, { childList: true });
            }"""
        )

    def wait_for_announcement(self, words: str) -> None:
        """Wait until some words have been told; what was told until then does not count again."""
        self.wait("(words) => window.told.some((text) => text.includes(words))", words)
        self.see("void (window.told = [])")

    def toasts(self) -> list[str]:
        return [text.strip() for text in self.page.locator(".st-toast-text").all_inner_texts()]


def attack_s(track: np.ndarray, around_s: float, reach_s: float = 0.25) -> float:
    """Where the loudest rise near a time begins: the first sample of a tenth of the peak after it."""
    start = max(0, round((around_s - reach_s) * RATE_HZ))
    level = np.abs(track[start : round((around_s + reach_s) * RATE_HZ)]).max(axis=1)
    return (start + int(np.argmax(level > 0.1 * level.max()))) / RATE_HZ
