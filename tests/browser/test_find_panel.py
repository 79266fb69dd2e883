"""The Find tab in a real browser: words find sounds, a press takes one and plays it, a span is marked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from engine.physics.model import Modes, Physics
from engine.physics.synthesis import synthesize
from tests.browser.struck_page import Editor


def open_find(editor: Editor) -> None:
    editor.page.get_by_role("tab", name="Find", exact=True).click()
    editor.page.locator(".find-size", has_text="sounds").wait_for()


def search(editor: Editor, words: str) -> list[str]:
    """The names found, best first."""
    editor.page.get_by_label("What is struck, in words").fill(words)
    editor.page.keyboard.press("Enter")
    editor.page.locator(".find-row").first.wait_for()
    editor.wait("() => !document.querySelector('.find-said.is-waiting')")
    return editor.page.locator(".find-name").all_inner_texts()


def sounds(editor: Editor) -> list[dict]:
    return editor.project["sounds"]  # type: ignore[no-any-return]


def test_words_find_a_sound_that_a_press_takes_and_plays_with_the_picture(editor: Editor) -> None:
    page = editor.page
    open_find(editor)
    before = sounds(editor)[0]
    names = search(editor, "thin glass bottle, wooden stick, xyzzyq")
    assert len(names) >= 5
    assert "glass" in page.locator(".find-row").first.locator(".find-why").inner_text()
    assert page.locator(".find-chip.is-unknown").inner_text() == "xyzzyq: unknown"
    hit = min((h for h in editor.project["hits"] if h["sound_id"] == before["id"]), key=lambda h: h["time_s"])
    page.locator(".find-use").first.click()
    editor.wait("(name) => window.struck.store.view.project.sounds[0].name !== name", before["name"])
    taken = sounds(editor)[0]
    assert taken["origin"] == "text" and taken["id"] == before["id"]
    editor.wait("() => window.struck.player.playing")
    assert editor.see("window.struck.player.time_s") >= hit["time_s"] - 0.4
    page.keyboard.press("Escape")
    editor.see("window.struck.player.pause()")
    page.locator(".find-use").nth(1).click()
    editor.wait("(name) => window.struck.store.view.project.sounds[0].name !== name", taken["name"])
    page.get_by_role("button", name="Back", exact=True).click()
    editor.wait("(name) => window.struck.store.view.project.sounds[0].name === name", before["name"])
    editor.see("window.struck.player.pause()")


def test_a_pinned_sound_stays_at_the_top_and_the_noise_alone_can_be_taken(editor: Editor) -> None:
    page = editor.page
    open_find(editor)
    names = search(editor, "wooden box")
    page.locator(".find-pin").nth(2).click()
    page.get_by_role("button", name="Like it", exact=True).click()
    editor.wait("() => document.querySelector('.find-said').textContent.startsWith('Sounds most similar')")
    assert page.locator(".find-name").first.inner_text() == names[2]
    before = sounds(editor)[0]
    for part in ("Modes", "Room"):
        page.get_by_role("checkbox", name=part, exact=True).uncheck()
    page.locator(".find-use").nth(1).click()
    editor.wait("() => window.struck.store.view.project.sounds[0].origin_note.includes('noise of')")
    taken = sounds(editor)[0]
    assert taken["modes"] == before["modes"] and taken["residual"] != before["residual"]
    for part in ("Modes", "Room"):
        page.get_by_role("checkbox", name=part, exact=True).check()
    editor.see("window.struck.player.pause()")


def test_recordings_are_added_and_what_is_broken_is_listed(editor: Editor, tmp_path: Path) -> None:
    page = editor.page
    open_find(editor)
    ring = synthesize(Physics(Modes((1234.0, 3210.0), (-10.0, -16.0), (9.0, 20.0), (0.0, 0.0), (False, False))), 0.5)
    soundfile.write(tmp_path / "zither plate.wav", ring, 48_000)
    (tmp_path / "torn.wav").write_bytes(b"RIFF" + bytes(40))
    page.locator(".find-foot input[type=file]").first.set_input_files(
        [str(tmp_path / "zither plate.wav"), str(tmp_path / "torn.wav")]
    )
    report = page.locator(".find-told ul")
    report.wait_for()
    assert "1 added" in page.locator(".find-told").inner_text() and "torn.wav" in report.inner_text()
    assert "1 of your own" in page.locator(".find-size").inner_text()
    page.locator(".find-told").get_by_role("button", name="Close").click()


def test_a_span_of_the_clips_sound_is_marked_and_becomes_a_sound(editor: Editor) -> None:
    page = editor.page
    count = len(sounds(editor))
    hit = editor.project["hits"][0]
    box = page.locator("canvas.st-lanes").bounding_box()
    assert box is not None
    x = [box["x"] + editor.see(f"window.struck.timeline.scale.x({hit['time_s'] + d})") for d in (-0.05, 0.4)]
    y = box["y"] + box["height"] - 30
    page.keyboard.down("Shift")
    page.mouse.move(x[0], y)
    page.mouse.down()
    page.mouse.move(float(np.mean(x)), y)
    page.mouse.move(x[1], y)
    page.mouse.up()
    page.keyboard.up("Shift")
    page.get_by_role("menuitem", name="Take it as a new sound").click()
    editor.wait("(count) => window.struck.store.view.project.sounds.length === count + 1", count)
    made = sounds(editor)[-1]
    assert made["origin"] == "reference" and made["origin_note"].startswith("from the clip's sound")


def test_sounds_found_have_pictures_that_can_be_hidden_and_the_current_sound_is_pictured(editor: Editor) -> None:
    page = editor.page
    open_find(editor)
    search(editor, "ceramic mug")
    page.locator("img.find-thumbnail").first.wait_for()
    rows = page.locator(".find-row").count()
    assert page.locator(".find-thumbnail").count() == rows  # or the place for one
    assert editor.see("document.querySelector('img.find-thumbnail').naturalWidth") == 64
    page.get_by_role("checkbox", name="Pictures", exact=True).uncheck()
    assert page.locator(".find-thumbnail").count() == 0 and page.locator(".find-row").count() == rows

    page.get_by_role("button", name="Picture it", exact=True).click()
    page.get_by_text("Drawing…").wait_for()
    page.get_by_role("button", name="Stop", exact=True).click()
    editor.wait("() => document.querySelector('.find-drawn-words').textContent === ''")
    assert page.locator(".find-drawing").count() == 0
    page.get_by_role("button", name="Picture it", exact=True).click()
    page.locator(".find-drawing").nth(3).wait_for()
    assert page.locator(".find-drawing").evaluate_all("images => images.every((image) => image.naturalWidth === 64)")
    page.get_by_role("checkbox", name="Pictures", exact=True).check()
    assert page.locator("img.find-thumbnail").count() >= 1  # at once: they were drawn before

    page.get_by_role("button", name="Storyboard…", exact=True).click()
    panel = page.get_by_role("dialog", name="Storyboard")
    panel.get_by_role("button", name="Each sound", exact=True).click()
    panel.get_by_role("button", name="Make", exact=True).click()
    panel.get_by_text("3 panels.").wait_for()
    editor.wait("() => document.querySelector('.board-preview img')?.naturalWidth === 1920")
    page.keyboard.press("Escape")
    assert panel.is_hidden()


def test_back_takes_back_the_last_use_alone_and_rests_after_any_other_step(editor: Editor) -> None:
    page = editor.page
    editor.open_demo("silent")
    open_find(editor)
    editor.wait("() => !document.querySelector('.find-said.is-waiting')")
    page.locator(".find-choices").get_by_role("button", name="rock", exact=True).click()
    editor.wait("() => document.querySelector('.find-said').textContent.startsWith('Rock, as you say')")
    row = page.locator(".find-row").first
    assert "rock as you say" in (row.get_attribute("title") or "")
    assert "%" not in row.inner_text() + (row.get_attribute("title") or "")

    back = page.get_by_role("button", name="Back", exact=True)
    before = sounds(editor)
    is_on = "(on) => document.querySelectorAll('.find-row.is-on, .find-use[aria-pressed=true]').length === 2 * on"
    page.locator(".find-use").first.click()
    editor.wait(is_on, 1)
    page.locator(".find-foot button:enabled", has_text="Back").wait_for()
    notes = [sound["origin_note"] for sound in sounds(editor) if sound not in before]
    assert len(notes) == 1 and "rock as you say" in notes[0] and "%" not in notes[0]
    editor.see("window.struck.player.pause()")
    editor.see("window.struck.store.send({ type: 'undo' })")
    editor.wait("() => !window.struck.store.view.undo")
    assert sounds(editor) == before
    editor.wait(is_on, 0)
    assert back.is_disabled()
    page.locator(".find-use").first.click()
    page.locator(".find-foot button:enabled", has_text="Back").wait_for()
    editor.wait(is_on, 1)
    hit = editor.project["hits"][0]
    editor.see(f"window.struck.store.edit({{ kind: 'move_hits', ids: ['{hit['id']}'], delta_s: 0.05 }}, 'drag')")
    editor.wait(is_on, 0)
    assert back.is_disabled()
    page.locator(".find-use").nth(1).click()  # after another edit a use is an entry of its own
    page.locator(".find-foot button:enabled", has_text="Back").wait_for()
    editor.see("window.struck.player.pause()")
    back.click()
    editor.wait("() => window.struck.store.view.undo === 'Move hit' && !window.struck.store.isSending")
    assert editor.hit(hit["id"])["time_s"] != hit["time_s"] and back.is_disabled()


def test_new_sounds_are_of_no_excluded_material_and_words_without_effect_are_shown(editor: Editor) -> None:
    page = editor.page
    open_find(editor)
    page.get_by_label("What is struck, in words").fill("not metal, not a bottle")
    page.get_by_role("button", name="New", exact=True).click()
    made = page.locator(".find-name", has_text="New ")  # beside what is pinned
    made.nth(5).wait_for()
    names = made.all_inner_texts()
    assert len({name.split()[1] for name in names}) == 6 and not any("metal" in name for name in names)
    assert page.locator(".find-chip").all_inner_texts() == ["not metal", "not bottle: no effect"]


def test_materials_are_offered_in_words_that_fit_the_clip(editor: Editor) -> None:
    page = editor.page
    for demo, is_silent in (("sound", False), ("silent", True)):
        editor.open_demo(demo)
        page.get_by_role("tab", name="Find", exact=True).click()
        page.get_by_role("button", name="Materials…", exact=True).click()
        line = page.get_by_role("dialog", name="What is struck?").locator(".st-question-line")
        assert ("no sound of its own" in line.inner_text()) is is_silent
        page.keyboard.press("Escape")
