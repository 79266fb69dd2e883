"""The suggestion from the picture in a real browser: its crop, pointing at what is struck, materials to choose."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.struck_page import Editor

RECORD = """() => {
  const store = window.struck.store, send = store.send;
  window.asked = [];
  store.send = (message) => (message.type === "search" && window.asked.push(message), send(message));
}"""


@pytest.fixture
def editor(started: Editor) -> Iterator[Editor]:
    started.open_demo("silent")
    yield started
    assert not started.problems, "the page threw errors"


def test_the_crop_is_shown_and_what_is_struck_is_pointed_at_or_named(editor: Editor) -> None:
    page = editor.page
    crop, point = page.locator(".find-crop"), page.locator(".find-look").get_by_role("button").first
    page.evaluate(RECORD)
    page.get_by_role("tab", name="Find", exact=True).click()
    crop.wait_for()  # a silent clip is looked at by itself
    editor.wait("() => document.querySelector('.find-crop').naturalWidth > 0")
    unpointed = crop.get_attribute("src")

    # Escape leaves the pointing; a click beside the picture does not end it; one in it asks again, and plays nothing.
    point.click()
    assert point.inner_text() == "Click what is struck, or Esc"
    page.keyboard.press("Escape")
    assert point.inner_text() == "Point at it…" and len(editor.see("window.asked")) == 1
    point.click()
    box = page.locator(".st-video").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 0.3 * box["width"], box["y"] + 0.5 * box["height"])
    editor.wait("() => window.asked.length === 2")
    asked = editor.see("window.asked[1]")
    size = editor.see("(({ videoWidth, videoHeight }) => [videoWidth, videoHeight])(window.struck.player.video)")
    scale = min(box["width"] / size[0], box["height"] / size[1])
    assert asked["contact"] == pytest.approx([0.5 - 0.2 * box["width"] / (scale * size[0]), 0.5], abs=0.01)
    assert asked["time_s"] == pytest.approx(editor.see("window.struck.player.time_s"))
    editor.wait("(old) => document.querySelector('.find-crop').src !== old", unpointed)
    editor.wait("() => !document.querySelector('.find-said.is-waiting')")
    assert not editor.see("window.struck.player.playing") and point.inner_text() == "Point at it…"
    pointed = crop.get_attribute("src")

    # A material that the user names keeps the place, and its sounds are offered.
    choices = page.get_by_role("group", name="What it is made of").get_by_role("button")
    name = choices.last.inner_text()
    choices.last.click()
    editor.wait(
        "(name) => document.querySelector('.find-said').textContent.toLowerCase().startsWith(name)", f"{name}, as"
    )
    assert editor.see("window.asked[2].contact") == asked["contact"] and crop.get_attribute("src") == pointed
    assert page.locator(".find-row").count() >= 1  # the bank holds few sounds of the unlikeliest material
    assert choices.last.inner_text() == name and choices.last.get_attribute("aria-pressed") == "true"
    assert editor.see("document.activeElement.textContent") == name

    # By keys a cross is moved over the picture, and frames stay where they are; Escape leaves it.
    cross, time_s = page.locator(".st-cross"), editor.see("window.struck.player.time_s")
    asked = len(editor.see("window.asked"))
    point.focus()
    for key in ("Shift+Tab", "Tab", "Enter"):
        page.keyboard.press(key)
    assert point.inner_text() == "Arrow keys, Enter, or Esc" and cross.is_visible()
    page.keyboard.press("Escape")
    assert not cross.is_visible() and len(editor.see("window.asked")) == asked
    page.keyboard.press("Enter")
    for key in ("Shift+ArrowLeft", "ArrowUp", "ArrowUp"):
        page.keyboard.press(key)
    at, box = cross.bounding_box(), page.locator(".st-video").bounding_box()
    assert at and box and at["x"] + at["width"] / 2 < box["x"] + box["width"] / 2 - 10
    page.keyboard.press("Enter")
    editor.wait("(asked) => window.asked.length > asked", asked)
    assert editor.see(f"window.asked[{asked}].contact") == pytest.approx([0.4, 0.48])
    assert not cross.is_visible() and editor.see("window.struck.player.time_s") == time_s
