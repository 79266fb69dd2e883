"""Edits of the document in a real browser, which need no sampler: by the keys of the help sheet, menus and buttons."""

from __future__ import annotations

import pytest

from tests.browser.struck_page import Editor
from tests.browser.test_editor import DURATION_S, standing_alone


def test_the_keys_of_the_help_sheet_do_what_it_says(editor: Editor) -> None:
    page, frame_s = editor.page, 1 / 30
    press = page.keyboard.press
    press("?")
    sheet = page.get_by_role("dialog", name="Keys and gestures")
    sheet.wait_for()
    press("Escape")
    sheet.wait_for(state="hidden")

    # Playback, while no hit is selected.
    time_s = "window.struck.player.time_s"
    steps = {".": 1, "ArrowRight": 2, "Shift+ArrowRight": 12, ",": 11, "ArrowLeft": 10, "Home": 0}
    for key, frames in steps.items():
        press(key)
        editor.wait(f"Math.abs({time_s} - {frames * frame_s}) < 1e-6")
    press("End")
    assert editor.see(time_s) > DURATION_S - 2 * frame_s
    for pressed in ("true", "false"):
        press("c")
        assert page.get_by_role("button", name="Loop", exact=True).get_attribute("aria-pressed") == pressed
    press("Home")

    # The hits.
    first = editor.project["hits"][0]
    press("]")
    press("]")
    press("[")
    assert editor.see("[...window.struck.store.selection.hits]") == [first["id"]]
    for key, name, change in (
        ("ArrowRight", "time_s", frame_s), ("ArrowLeft", "time_s", -frame_s), ("Shift+ArrowRight", "time_s", 0.01),
        ("Shift+ArrowLeft", "time_s", -0.01), ("ArrowUp", "velocity_db", 1), ("ArrowDown", "velocity_db", -1),
        ("Shift+ArrowUp", "velocity_db", 0.1), ("Shift+ArrowDown", "velocity_db", -0.1),
    ):  # fmt: skip
        before = editor.hit(first["id"])[name]
        editor.change(lambda key=key: press(key))
        assert editor.hit(first["id"])[name] - before == pytest.approx(change, abs=1e-3), key
    editor.change(lambda: press("m"))
    assert editor.hit(first["id"])["mute"]
    editor.change(lambda: press("m"))
    editor.change(lambda: press("d"))
    own = editor.hit(first["id"])["sound_id"]
    assert own != first["sound_id"] and len(editor.project["sounds"]) == 4
    press("Escape")
    assert editor.see("window.struck.store.selection.hits.size") == 0
    press("Control+a")
    assert editor.see("window.struck.store.selection.hits.size") == 12
    editor.change(lambda: press("Delete"))
    assert not editor.project["hits"]
    editor.change(lambda: press("n"))
    assert len(editor.project["hits"]) == 1

    # The modes of its sound.
    sound = next(s for s in editor.project["sounds"] if s["id"] == editor.project["hits"][0]["sound_id"])
    index = standing_alone(editor, sound)
    place = editor.locate_mode(sound["id"], index)
    page.mouse.click(place["x"], place["y"])

    def mode(name: str) -> float:
        return next(s for s in editor.project["sounds"] if s["id"] == sound["id"])["modes"][name][index]

    for key, name, ratio, step in (
        ("ArrowRight", "frequency_hz", 2 ** (5 / 1200), 0), ("Shift+ArrowLeft", "frequency_hz", 2 ** (-50 / 1200), 0),
        ("ArrowUp", "power_db", 1, 0.5), ("Shift+ArrowDown", "power_db", 1, -5), ("m", "muted", 0, 1),
    ):  # fmt: skip
        before = mode(name)
        editor.change(lambda key=key: press(key))
        assert mode(name) == pytest.approx(before * ratio + step, rel=1e-4), key
    count = len(sound["modes"]["frequency_hz"])
    editor.change(lambda: press("Delete"))
    editor.change(lambda: press("n"))
    editor.change(lambda: press("n"))
    sounds = {s["id"]: len(s["modes"]["frequency_hz"]) for s in editor.project["sounds"]}
    assert sounds[sound["id"]] == count + 1


def test_a_sound_that_nobody_strikes_can_be_deleted(editor: Editor) -> None:
    page = editor.page
    sound = editor.project["sounds"][0]
    struck = [hit for hit in editor.project["hits"] if hit["sound_id"] == sound["id"]]
    place = editor.locate_hit(struck[0]["id"])
    page.mouse.click(place["x"], place["y"])
    delete = page.locator(".ins-sound-head").get_by_role("button", name="Delete")
    assert not delete.is_visible()
    other = editor.project["sounds"][1]["id"]
    edit = {"kind": "set_hits", "ids": [hit["id"] for hit in struck], "values": {"sound_id": other}}
    editor.change(lambda: page.evaluate("(edit) => window.struck.store.edit(edit)", edit))
    page.evaluate("(id) => window.struck.store.select({ soundId: id, hits: new Set() })", sound["id"])
    editor.change(delete.click)
    assert sound["id"] not in {s["id"] for s in editor.project["sounds"]}


def test_hits_are_measured_again_from_the_clip(editor: Editor) -> None:
    page = editor.page
    hit = editor.project["hits"][0]
    edit = {"kind": "set_modes", "sound_id": hit["sound_id"], "indices": [0], "frequency_hz": [9000.0]}
    editor.change(lambda: page.evaluate("(edit) => window.struck.store.edit(edit)", edit))
    place = editor.locate_hit(hit["id"])
    page.mouse.click(place["x"], place["y"], button="right")
    page.get_by_role("menuitem", name="Measure from the clip again").click()
    editor.wait("() => window.struck.store.view.project.sounds.length > 3")
    editor.wait_for_sound()
    own = next(s for s in editor.project["sounds"] if s["id"] == editor.hit(hit["id"])["sound_id"])
    assert own["origin"] == "clip" and own["id"] != hit["sound_id"]
    assert 9000.0 not in own["modes"]["frequency_hz"]


def test_hits_are_shifted_by_the_lag_and_as_one_was_moved_with_one_press_each(editor: Editor) -> None:
    page, hits = editor.page, editor.project["hits"]
    assert page.locator(".is-lag").is_hidden()  # the demo is in step
    editor.see("void (window.struck.store.media.lag_s = 0.06, window.struck.store.emit('media'))")
    press = page.get_by_role("button", name="Shift all +60 ms")
    assert "later than the clip's sound" in (press.get_attribute("title") or "")
    editor.change(press.click)
    shifts_s = [editor.hit(hit["id"])["time_s"] - hit["time_s"] for hit in hits]
    assert shifts_s == pytest.approx([0.06] * len(hits), abs=1e-6)
    assert page.get_by_role("button", name="Follow the picture").is_disabled()
    editor.change(lambda: page.keyboard.press("Control+z"))
    assert [editor.hit(hit["id"])["time_s"] for hit in hits] == [hit["time_s"] for hit in hits]

    # One hit put right by hand, in the silence before it, and the others like it.
    place = editor.locate_hit(hits[0]["id"])
    editor.change(lambda: editor.drag(place, {"x": place["x"] - 20, "y": place["y"]}))
    moved_s = editor.hit(hits[0]["id"])["time_s"] - hits[0]["time_s"]
    assert moved_s < -0.05
    place = editor.locate_hit(hits[0]["id"])
    page.mouse.click(place["x"], place["y"], button="right")
    editor.change(page.get_by_role("menuitem", name="Shift the others").click)
    shifts_s = [editor.hit(hit["id"])["time_s"] - hit["time_s"] for hit in hits[1:]]
    assert shifts_s == pytest.approx([moved_s] * (len(hits) - 1), abs=0.01)
