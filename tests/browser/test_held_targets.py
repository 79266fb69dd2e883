"""What a hand or a key meant in a real browser: that is changed, though something else is chosen or shown by then."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from playwright.sync_api import Locator, Route

from tests.browser.struck_page import Editor

STORE, PLAYER = "window.struck.store", "window.struck.player"
PRESS = """(keys) => {
  const given = { bubbles: true, cancelable: true };
  for (const key of keys) document.body.dispatchEvent(new KeyboardEvent("keydown", { ...given, ...key }));
}"""  # all of them before the server can answer


def choose(editor: Editor, hit_id: str, tab: str = "Hit") -> None:
    """Choose a hit, with a tab open and the focus nowhere."""
    editor.page.get_by_role("tab", name=tab, exact=True).click()
    editor.page.evaluate(f"(id) => {STORE}.select({{ hits: new Set([id]) }})", hit_id)
    editor.see("document.activeElement.blur()")


def in_order(editor: Editor) -> list[dict[str, Any]]:
    return sorted(editor.project["hits"], key=lambda hit: float(hit["time_s"]))


def hold_slider(editor: Editor, slider: Locator) -> None:
    """Take hold of a slider's thumb and move it, without letting go."""
    box = slider.bounding_box()
    assert box
    y = box["y"] + box["height"] / 2
    editor.page.mouse.move(box["x"] + box["width"] * 0.5, y)
    editor.page.mouse.down()
    editor.page.mouse.move(box["x"] + box["width"] * 0.3, y, steps=4)


def test_a_slider_changes_what_was_chosen_when_it_was_taken_hold_of(editor: Editor) -> None:
    page, hits = editor.page, in_order(editor)
    first, second = hits[:2]
    choose(editor, first["id"])
    hold_slider(editor, page.get_by_role("slider", name="Velocity"))
    page.keyboard.press("]")
    editor.change(page.mouse.up)
    assert editor.see(f"[...{STORE}.selection.hits]") == [second["id"]]
    assert editor.hit(first["id"])["velocity_db"] < first["velocity_db"] - 3.0
    assert editor.hit(second["id"]) == second

    before, after = next((a, b) for a, b in pairwise(hits) if a["sound_id"] != b["sound_id"])
    choose(editor, before["id"], "Sound")
    hold_slider(editor, page.locator("[data-macro=mass] input[type=range]"))
    page.keyboard.press("]")
    editor.change(page.mouse.up)
    masses = {sound["id"]: sound["macros"]["mass"] for sound in editor.project["sounds"]}
    assert masses[before["sound_id"]] < -0.2 and not masses[after["sound_id"]]


def test_what_is_typed_is_of_the_hit_that_it_was_typed_for(editor: Editor) -> None:
    page, (first, second) = editor.page, in_order(editor)[:2]
    choose(editor, first["id"])
    page.get_by_label("Velocity, value").fill("-20")
    place = editor.locate_hit(second["id"])
    editor.change(lambda: page.mouse.click(place["x"], place["y"]))
    assert editor.hit(first["id"])["velocity_db"] == -20 and editor.hit(second["id"]) == second


def test_a_field_left_as_it_was_enters_nothing(editor: Editor) -> None:
    page, hit = editor.page, in_order(editor)[0]
    editor.see(f"{PLAYER}.seek(0), {PLAYER}.play()")
    editor.wait(f"() => {PLAYER}.time_s > 0.3")
    page.locator(".st-timecode").click()
    clicked_s = editor.see(f"{PLAYER}.time_s")
    editor.wait(f"(from) => {PLAYER}.time_s > from + 0.5", clicked_s)
    editor.see("document.activeElement.blur()")
    assert editor.see(f"{PLAYER}.time_s") > clicked_s + 0.4
    editor.see(f"{PLAYER}.pause()")

    choose(editor, hit["id"])
    field = page.get_by_label("Velocity, value")
    field.click()
    edit = {"kind": "set_hits", "ids": [hit["id"]], "values": {"velocity_db": -20}}
    editor.change(lambda: page.evaluate(f"(edit) => {STORE}.edit(edit)", edit))
    field.blur()
    assert "20" in field.input_value() and editor.hit(hit["id"])["velocity_db"] == -20


def test_the_hold_key_let_go_under_another_key_holds_no_longer(editor: Editor) -> None:
    keys = editor.page.keyboard
    editor.see(f"{PLAYER}.seek(0.5), document.activeElement.blur()")
    for name in ("k", "Shift"):
        keys.down(name)
    for name in ("k", "Shift"):
        keys.up(name)
    keys.press("l")
    editor.wait(f"() => {PLAYER}.playing")
    editor.see(f"{PLAYER}.pause()")


def test_a_drag_ends_where_its_panel_is_hidden(editor: Editor) -> None:
    page = editor.page
    is_as_kept = f"JSON.stringify({STORE}.view.project.sounds) === JSON.stringify({STORE}.acknowledged.project.sounds)"
    for what in ("mode", "noise"):
        choose(editor, in_order(editor)[0]["id"], "Sound")
        place = editor.locate_mode(editor.project["sounds"][0]["id"], 0)
        if what == "noise":
            box = page.get_by_role("application", name="Noise bands").bounding_box()
            assert box
            place = {"x": box["x"] + 0.3 * box["width"], "y": box["y"] + 0.6 * box["height"]}
        page.mouse.move(place["x"], place["y"])
        page.mouse.down()
        page.mouse.move(place["x"] + 30, place["y"] - 15, steps=4)
        assert not editor.see(is_as_kept)
        page.get_by_role("tab", name="Hit", exact=True).evaluate("(tab) => tab.click()")
        page.mouse.move(place["x"] + 60, place["y"] - 15, steps=3)
        page.mouse.up()
        assert editor.see(is_as_kept) and not editor.see(f"{STORE}.view.undo || {STORE}.isSending")


def test_keys_wait_for_the_hits_that_were_just_added_and_for_an_undo(editor: Editor) -> None:
    page, hit = editor.page, in_order(editor)[2]
    choose(editor, hit["id"])
    editor.see(f"{PLAYER}.seek(0.3)")
    count = len(editor.project["hits"])
    page.evaluate(PRESS, [{"key": "n"}, {"key": "Delete"}])
    editor.wait(f"() => {STORE}.view.undo === 'Delete hit' && !{STORE}.isSending")
    assert editor.hit(hit["id"]) == hit and len(editor.project["hits"]) == count

    editor.open_demo()
    choose(editor, hit["id"])
    page.evaluate(PRESS, [{"key": "d", "ctrlKey": True}, {"key": "ArrowRight"}])
    editor.wait(f"() => {STORE}.view.undo?.startsWith('Move') && !{STORE}.isSending")
    assert editor.hit(hit["id"]) == hit

    editor.open_demo()
    choose(editor, hit["id"])
    lower = {"kind": "set_hits", "ids": [hit["id"]], "values": {"velocity_db": hit["velocity_db"] - 10}}
    page.evaluate(f"(edit) => void {STORE}.edit(edit, 'lower')", lower)
    page.evaluate(PRESS, [{"key": "ArrowUp"}, {"key": "z", "ctrlKey": True}, {"key": "ArrowUp"}])
    page.wait_for_timeout(50)
    editor.wait(f"() => !{STORE}.isSending")
    assert abs(editor.hit(hit["id"])["velocity_db"] - (hit["velocity_db"] - 9)) < 1e-3


def test_a_waveform_that_could_not_be_fetched_is_asked_for_again(editor: Editor) -> None:
    page, asked = editor.page, 0

    def refuse_first(route: Route) -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            route.abort()
        else:
            route.continue_()

    page.route("**/struck/waveform/**", refuse_first)
    try:
        with page.expect_response("**/struck/waveform/**") as answer:
            page.reload()
        assert answer.value.ok and asked == 2
    finally:
        page.unroute("**/struck/waveform/**")
