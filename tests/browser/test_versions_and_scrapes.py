"""A/B of a hit, and a scrape made, drawn and stretched, in a real browser."""

from __future__ import annotations

import pytest

from tests.browser.struck_page import Editor
from tests.browser.test_arranging import act, click_hit, press


def test_a_hit_is_heard_before_an_edit_and_in_the_clip_equally_loud(editor: Editor) -> None:
    page = editor.page
    click_hit(editor, 1)
    press(editor, "ArrowUp")
    page.keyboard.press("x")
    sheet = page.get_by_role("dialog", name="A/B")
    state = sheet.get_by_role("status")
    heard = "window.struck.audio.versions.heard"
    editor.wait(f"() => {heard} === 'now'")
    assert "A, as it is now" in state.inner_text() and "LUFS" in state.inner_text()
    sheet.get_by_role("button", name="Loop").click()
    editor.wait(f"() => {heard} === 'now'")
    page.keyboard.press("x")
    editor.wait(f"() => {heard} === 'before'")
    assert "before “Set velocity of hit”" in state.inner_text()
    page.keyboard.press("3")
    editor.wait(f"() => {heard} === 'clip'")
    page.keyboard.press("x")
    editor.wait(f"() => {heard} === 'now'")
    assert sheet.get_by_role("button", name="A now").get_attribute("aria-pressed") == "true"
    page.keyboard.press("Escape")
    editor.wait(f"() => {heard} === null")
    press(editor, "Control+z")


def test_a_scrape_is_made_drawn_and_stretched(editor: Editor) -> None:
    page = editor.page
    click_hit(editor, 2)
    page.keyboard.press("u")
    sheet = page.get_by_role("dialog", name="Scrape or rub")
    chosen = "window.struck.store.view.project.hits.find((hit) => window.struck.store.selection.hits.has(hit.id))"
    editor.change(lambda: sheet.get_by_role("button", name="Scrape with this hit").click())
    assert editor.see(f"{chosen}.stroke.length_s") == pytest.approx(0.8)
    length = editor.see(f"window.struck.store.rendered.get({chosen}.id).length")
    assert length > 0.8 * 48_000
    # A line drawn from silence at the start to full speed at the end.
    box = sheet.locator("canvas").bounding_box()
    assert box is not None
    editor.drag(
        {"x": box["x"] + 2, "y": box["y"] + box["height"] - 2}, {"x": box["x"] + box["width"] - 2, "y": box["y"] + 2}
    )
    editor.wait_for_sound()
    speeds = editor.see(f"{chosen}.stroke.speeds")
    assert speeds[0] < 0.05 and speeds[-1] > 0.95 and speeds[32] == pytest.approx(0.5, abs=0.08)
    editor.change(lambda: sheet.get_by_role("button", name="Rub").click())
    page.keyboard.press("Escape")
    # Its end is dragged in the lane.
    scale = "window.struck.timeline.scale"
    hit = editor.see(chosen)
    head = editor.locate_hit(hit["id"])
    px_per_s = editor.see(f"{scale}.px_per_s")
    end = {"x": head["x"] + 0.8 * px_per_s, "y": head["y"] + 8}
    act(editor, lambda: editor.drag(end, {"x": end["x"] + 0.4 * px_per_s, "y": end["y"]}))
    assert editor.see(f"{chosen}.stroke.length_s") == pytest.approx(1.2, abs=0.05)
    for _ in range(4):
        press(editor, "Control+z")
    assert editor.see(f"{chosen}.stroke") is None
