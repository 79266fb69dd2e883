"""A/B of a hit, a scrape made, drawn and stretched, velocity layers and presets, in a real browser."""

from __future__ import annotations

import numpy as np
import pytest

from tests.browser.struck_page import RATE_HZ, Editor
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
    # The document comes before its new sound: until then the page has the former one, or none.
    editor.wait(f"() => window.struck.store.rendered.get({chosen}.id)?.length > 0.8 * 48_000")
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


def test_layers_are_measured_and_a_sound_is_kept_as_a_preset(editor: Editor) -> None:
    page = editor.page
    click_hit(editor, 0)
    page.keyboard.press("y")
    sheet = page.get_by_role("dialog", name="Velocity layers")
    act(editor, lambda: sheet.get_by_role("button", name="Measure its 5 hits").click())
    editor.wait("() => window.struck.store.view.project.sounds[0].layers.length === 2")
    assert sheet.get_by_role("listitem").count() == 3  # beside the sound itself
    act(editor, lambda: sheet.get_by_role("button", name="Delete all").click())
    assert sheet.get_by_role("listitem").count() == 1
    sheet.get_by_role("button", name="Close").focus()
    press(editor, "Control+z")  # also while a sheet has the keyboard
    assert sheet.get_by_role("listitem").count() == 3
    page.keyboard.press("Escape")
    press(editor, "Control+z")

    page.keyboard.press("Shift+P")
    sheet = page.get_by_role("dialog", name="Your presets")
    sheet.get_by_label("Name of the preset").fill("Bin of mine")
    sheet.get_by_label("Tags of the preset").fill("Metal, kitchen")
    page.keyboard.press("Enter")
    editor.wait("() => window.struck.store.welcome.presets.some((preset) => preset.name === 'Bin of mine')")
    sheet.get_by_label("Search your presets").fill("kitch")
    assert sheet.get_by_role("listitem").count() == 1
    sheet.get_by_label("Search your presets").fill("wood")
    assert sheet.get_by_role("listitem").count() == 0
    sheet.get_by_label("Search your presets").fill("")
    sheet.get_by_role("button", name="Delete Bin of mine").click()
    assert editor.see("window.struck.store.welcome.presets.some((preset) => preset.is_own)")  # it asks first
    sheet.get_by_role("button", name="Delete Bin of mine").click()
    editor.wait("() => !window.struck.store.welcome.presets.some((preset) => preset.is_own)")
    page.keyboard.press("Escape")


def test_a_sound_gets_another_as_a_part_and_is_heard_with_it(editor: Editor) -> None:
    page = editor.page
    click_hit(editor, 0)
    hit = editor.project["hits"][0]
    other = next(sound["name"] for sound in editor.project["sounds"] if sound["id"] != hit["sound_id"])
    before = editor.track()
    page.keyboard.press("Shift+Y")
    sheet = page.get_by_role("dialog", name="Parts")
    parts = (
        "window.struck.store.view.project.sounds.find(({ id }) => id === window.struck.store.selection.soundId).parts"
    )
    sheet.get_by_role("button", name="Add a part…").click()
    editor.change(lambda: sheet.get_by_role("menuitem", name=other).click())
    assert sheet.get_by_role("listitem", name=other).count() == 1
    offset = sheet.get_by_label("Offset, value")
    offset.fill("0.12 s")
    editor.change(lambda: offset.press("Enter"))
    level = sheet.get_by_label("Level, value")
    level.fill("-6")
    editor.change(lambda: level.press("Enter"))
    assert editor.see(f"[{parts}[0].offset_s, {parts}[0].gain_db]") == [0.12, -6]
    # Heard with the hit, 120 ms after it: nothing else of the track has changed before that.
    added = np.abs(editor.track() - before).max(axis=1)
    at = round((hit["time_s"] + 0.12) * RATE_HZ)
    assert added[: at - 20].max() < 1e-6 and added[at : at + 2400].max() > 1e-3
    # The same part 120 ms before the hit, where the lane draws it.
    offset.fill("-120")
    editor.change(lambda: offset.press("Enter"))
    early = np.abs(editor.track() - before).max(axis=1)
    first = round((hit["time_s"] - 0.12) * RATE_HZ)
    assert early[: first - 20].max() < 1e-6 and early[first : first + 2400].max() > 1e-3
    editor.wait(f"() => window.struck.store.rendered.get('{hit['id']}')?.lead === 5760")
    assert page.locator(".ins-sound").get_by_role("button", name="1 part").count() == 1
    editor.change(lambda: sheet.get_by_role("button", name=f"Mute {other}").click())
    assert np.array_equal(editor.track(), before)
    # A new sound of it has no modes of its own, is shown at once, and its part cannot be deleted from under it.
    editor.change(lambda: sheet.get_by_role("button", name="New sound of it").click())
    editor.wait(f"() => {parts}.length === 1")
    assert "no modes and no noise of its own" in sheet.inner_text()
    sheet.get_by_role("slider", name="Offset").focus()
    page.keyboard.press("Escape")
    assert not sheet.is_visible()
    for _ in range(6):
        press(editor, "Control+z")
    assert [sound["parts"] for sound in editor.project["sounds"]] == [[]] * len(editor.project["sounds"])
