"""The editor in Firefox: it fits every display, a hit and a mode are dragged, played and exported."""

from __future__ import annotations

import io
import time
import urllib.request
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import soundfile

from tests.browser.firefox import WAIT_S, FirefoxPage, browse_firefox
from tests.browser.layout_checks import CUT_OFF, SMALL
from tests.browser.struck_page import Editor
from tests.browser.test_editor import standing_alone
from tests.browser.test_layout import SIZES, TABS

HAS_OUTPUT = """new Promise((done) => {
  const context = new AudioContext();
  context.onstatechange = () => done(context.state === "running");
  setTimeout(() => done(false), 5000);
})"""
"""Whether this machine lets a page play sound."""


def find_button(name: str, inside: str = "document") -> str:
    """A JavaScript expression for a button by its text, the first of several."""
    return f"[...{inside}.querySelectorAll('button, [role=tab]')].find((one) => one.textContent.trim() === '{name}')"


def read_track(page: FirefoxPage, address: str) -> np.ndarray:
    session = page.evaluate("window.struck.store.session")
    with urllib.request.urlopen(f"{address}/struck/track/{session}") as answer:
        return np.asarray(soundfile.read(io.BytesIO(answer.read()), dtype="float32", always_2d=True)[0])


def test_the_editor_works_in_firefox(app: str, tmp_path: Path) -> None:
    with browse_firefox(app, tmp_path) as page:
        page.collect_errors()
        editor = Editor(cast(Any, page), app)
        editor.open_demo()
        for width, height in SIZES:
            page.set_viewport(width, height)
            for tab in TABS:
                page.click(find_button(tab))
                assert [editor.see(check) for check in (f"({CUT_OFF})()", f"({SMALL})()")] == [[], []], (width, tab)
        page.set_viewport(1440, 900)
        page.click(find_button("Sound"))

        original, first = read_track(page, app), editor.project["hits"][0]
        place = editor.locate_hit(first["id"])
        editor.change(lambda: editor.drag(place, {"x": place["x"] - 60, "y": place["y"]}))
        moved = editor.hit(first["id"])
        assert -0.6 < moved["time_s"] - first["time_s"] < -0.2
        sound = next(s for s in editor.project["sounds"] if s["id"] == first["sound_id"])
        index = standing_alone(editor, sound)
        start = editor.locate_mode(sound["id"], index)
        editor.change(lambda: editor.drag(start, {"x": start["x"] + 30, "y": start["y"]}))
        (retuned,) = (s for s in editor.project["sounds"] if s["id"] == sound["id"])
        assert retuned["modes"]["frequency_hz"][index] > 1.02 * sound["modes"]["frequency_hz"][index]
        track = read_track(page, app)
        assert np.abs(track - original).max() > 0.01

        if page.evaluate(HAS_OUTPUT):  # without one Firefox runs no sound; with one the picture waits for none
            page.press("Space")
            editor.wait("() => window.struck.player.time_s > 0.9 && window.struck.audio.levels().peak_db > -50")
            page.press("Space")

        page.click("document.querySelector('.st-export')")
        page.click(find_button("Export", "document.querySelector('.st-export-menu')"))
        page.click("[...document.querySelectorAll('.st-file')].find((one) => one.textContent.includes('.wav'))")
        until = time.monotonic() + WAIT_S
        while not (found := [path for path in tmp_path.glob("*.wav") if path.stat().st_size]):
            assert time.monotonic() < until
            time.sleep(0.1)
        assert not list(tmp_path.glob("*.part"))
        exported, rate_hz = soundfile.read(found[0])
        assert rate_hz == 48_000 and exported == pytest.approx(track, abs=1e-4)
        assert page.errors() == []
