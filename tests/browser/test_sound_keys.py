"""The plots of a sound by keyboard alone: one mode or noise band is chosen, changed, muted, and told of."""

from __future__ import annotations

import numpy as np
import pytest

from tests.browser.struck_page import Editor


def reach(editor: Editor, label: str) -> None:
    """Go to a plot by keyboard, with a hit chosen."""
    hit = editor.project["hits"][0]
    place = editor.locate_hit(hit["id"])
    editor.page.mouse.click(place["x"], place["y"])
    editor.page.get_by_role("tab", name="Sound").click()
    canvas = editor.page.get_by_role("application", name=label)
    for _ in range(200):
        editor.page.keyboard.press("Tab")
        if canvas.evaluate("(canvas) => canvas === document.activeElement"):
            return
    raise AssertionError(f"Tab does not reach {label}")


def test_keys_go_from_mode_to_mode_and_change_the_one_that_is_chosen(editor: Editor) -> None:
    page, press = editor.page, editor.page.keyboard.press
    reach(editor, "Modes of the sound")
    editor.follow_announcements()
    hit = editor.project["hits"][0]

    def modes() -> dict[str, list[float]]:
        found: dict[str, list[float]] = next(s for s in editor.project["sounds"] if s["id"] == hit["sound_id"])["modes"]
        return found

    def chosen() -> list[int]:
        found: list[int] = editor.see("[...window.struck.store.selection.modes]")
        return found

    order = [int(i) for i in np.argsort(modes()["frequency_hz"])]
    press("m")
    press("Delete")
    press("ArrowLeft")
    assert any("No mode is selected: [ and ] go from mode to mode" in text for text in editor.toasts())
    assert editor.project["hits"][0] == hit and len(editor.project["hits"]) == 12
    press("]")
    assert chosen() == [order[0]] and editor.see("window.struck.store.selection.hits.size") == 1
    press("]")
    assert chosen() == [order[1]]
    editor.wait_for_announcement(f"Mode 2 of {len(order)}, ")
    tip = page.locator(".ins-modes .ins-tip")
    assert " Hz" in tip.inner_text() and tip.is_visible()
    before = modes()
    for key in ("ArrowRight", "ArrowUp", "m"):
        editor.change(lambda key=key: press(key))  # type: ignore[misc]
    after = modes()
    higher = after["frequency_hz"][order[1]] / before["frequency_hz"][order[1]]
    assert higher == pytest.approx(2 ** (5 / 1200), rel=1e-4)
    assert after["power_db"][order[1]] == pytest.approx(before["power_db"][order[1]] + 0.5, abs=1e-3)
    assert [i for i, muted in enumerate(after["muted"]) if muted] == [order[1]]
    assert editor.hit(hit["id"])["mute"] is False
    editor.wait_for_announcement(", muted")
    press("[")
    press("[")
    assert chosen() == [order[0]]
    press("Escape")
    assert chosen() == []
    editor.wait_for_announcement("No mode selected")
    press("[")
    assert chosen() == [order[-1]]
    press("Escape")


def test_a_mode_out_of_sight_is_brought_into_it(editor: Editor) -> None:
    page = editor.page
    reach(editor, "Modes of the sound")
    box = page.get_by_role("application", name="Modes of the sound").bounding_box()
    assert box
    page.mouse.move(box["x"] + 60, box["y"] + box["height"] / 2)
    for _ in range(8):
        page.mouse.wheel(0, -200)
    page.mouse.move(5, 5)
    page.keyboard.press("[")  # the highest
    (index,) = editor.see("[...window.struck.store.selection.modes]")
    place = editor.locate_mode(editor.project["hits"][0]["sound_id"], index)
    assert box["x"] < place["x"] < box["x"] + box["width"]
    page.get_by_role("button", name="20 Hz – 20 kHz").click()
    page.keyboard.press("Escape")


def test_keys_go_from_noise_band_to_noise_band_and_change_the_one_that_is_chosen(editor: Editor) -> None:
    press = editor.page.keyboard.press
    reach(editor, "Noise bands")
    editor.follow_announcements()
    hit = editor.project["hits"][0]

    def levels() -> np.ndarray:
        sound = next(s for s in editor.project["sounds"] if s["id"] == hit["sound_id"])
        return np.array(sound["residual"]["power_db"])

    before = levels()
    press("]")
    press("]")
    editor.wait_for_announcement(f"Band 2 of {len(before)}, ")
    editor.change(lambda: press("ArrowUp"))
    assert list(np.flatnonzero(np.abs(levels() - before) > 0.5)) == [1]
    assert editor.see("[...window.struck.store.selection.hits]") == [hit["id"]]
