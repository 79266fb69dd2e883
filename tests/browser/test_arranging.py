"""Arranging hits in a real browser: copies, ripple, quantising and small steps, each one entry of the history."""

from __future__ import annotations

import pytest

from tests.browser.struck_page import Editor


def times_of(editor: Editor) -> list[float]:
    return sorted(hit["time_s"] for hit in editor.project["hits"])


def chosen_times(editor: Editor) -> list[float]:
    chosen = editor.see("[...window.struck.store.selection.hits]")
    return sorted(hit["time_s"] for hit in editor.project["hits"] if hit["id"] in chosen)


def click_hit(editor: Editor, number: int, modifier: str | None = None) -> float:
    """Click a hit by its place in time; its time."""
    hit = sorted(editor.project["hits"], key=lambda hit: hit["time_s"])[number]
    place = editor.locate_hit(hit["id"])
    if modifier:
        editor.page.keyboard.down(modifier)
    editor.page.mouse.click(place["x"], place["y"])
    if modifier:
        editor.page.keyboard.up(modifier)
    return float(hit["time_s"])


def press(editor: Editor, keys: str) -> None:
    editor.change(lambda: editor.page.keyboard.press(keys))


def test_hits_are_copied_moved_with_what_follows_and_quantised(editor: Editor) -> None:
    page, before = editor.page, times_of(editor)
    frame_s = 1 / editor.see("window.struck.timeline.scale.rate")

    # Copy two, paste them at the playhead: they lie there in their rhythm, and are chosen.
    first_s, second_s = click_hit(editor, 0), click_hit(editor, 1, "Shift")
    assert chosen_times(editor) == [first_s, second_s]
    page.keyboard.press("Control+c")
    editor.see("void window.struck.player.seek(6)")
    press(editor, "Control+v")
    editor.wait("() => window.struck.store.selection.hits.size === 2")
    assert chosen_times(editor) == pytest.approx([6.0, 6.0 + second_s - first_s])
    assert len(times_of(editor)) == len(before) + 2
    assert editor.see("window.struck.store.view.undo") == "Paste 2 hits"
    press(editor, "Control+z")
    assert times_of(editor) == before

    # One sample, 10 ms, one frame: steps in quick succession are one entry.
    first_s = click_hit(editor, 0)
    for keys in ("Alt+ArrowRight", "Shift+ArrowRight", "ArrowRight"):
        page.keyboard.press(keys)
    editor.wait_for_sound()
    assert chosen_times(editor) == pytest.approx([first_s + 1 / 48_000 + 0.01 + frame_s], abs=1e-9)
    press(editor, "Control+z")
    assert times_of(editor) == before

    # Ripple: what follows moves along, and closes the gap of what is deleted.
    page.keyboard.press("p")
    click_hit(editor, 3)
    press(editor, "ArrowRight")
    assert times_of(editor) == pytest.approx(before[:3] + [time_s + frame_s for time_s in before[3:]])
    press(editor, "Control+z")
    click_hit(editor, 3)
    press(editor, "Delete")
    gap_s = before[4] - before[3]
    assert times_of(editor) == pytest.approx(before[:3] + [time_s - gap_s for time_s in before[4:]])
    press(editor, "Control+z")
    assert times_of(editor) == before
    page.keyboard.press("p")

    # All of the chosen hit's sound, then drawn to frames.
    click_hit(editor, 0)
    page.keyboard.press("a")
    of_sound = [hit for hit in editor.project["hits"] if hit["sound_id"] == editor.project["hits"][0]["sound_id"]]
    assert editor.see("window.struck.store.selection.hits.size") == len(of_sound)
    page.keyboard.press("Control+a")
    page.keyboard.press("q")
    page.get_by_role("dialog", name="Quantise").get_by_role("button", name="Frames").click()
    editor.change(lambda: page.get_by_role("dialog", name="Quantise").locator(".is-main").click())
    assert times_of(editor) == pytest.approx([round(time_s / frame_s) * frame_s for time_s in before], abs=1e-9)
    press(editor, "Control+z")
    assert times_of(editor) == before
