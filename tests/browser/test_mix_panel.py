"""The Mix tab: colour, mute and solo, strips, loudness and limiter, as a user sets them."""

from __future__ import annotations

from pathlib import Path

from engine.media.export.loudness import can_measure
from tests.browser.struck_page import Editor
from tests.browser.test_opening import drop
from tests.clips import make_clip

SHOWN = "[...document.querySelectorAll('.mix-reading-value')].map((value) => value.textContent)"


def test_sounds_are_mixed_and_the_track_is_set_to_a_loudness(editor: Editor) -> None:
    page = editor.page
    editor.wait_for_sound()
    page.get_by_role("tab", name="Mix").click()
    first, second = (sound["name"] for sound in editor.project["sounds"][:2])

    page.get_by_role("button", name=f"Colour of {first}").click()
    page.get_by_role("menuitem", name="Amber").click()
    page.get_by_role("button", name=f"Solo {first}").click()
    page.get_by_role("button", name=f"Mute {second}").click()
    editor.wait("() => struck.store.acknowledged.project.sounds[1].strip.mute")
    sounds = editor.project["sounds"]
    assert sounds[0]["color"] == "#d99321" and sounds[0]["strip"]["solo"] and not sounds[0]["strip"]["mute"]

    page.get_by_role("button", name=second, exact=True).click()
    strip = page.get_by_role("region", name="Strip of the chosen sound")
    for label, typed in (("Distance", "4 m"), ("High pass", "120"), ("Low pass", "9 kHz"), ("Direction", "75 L")):
        entry = strip.get_by_label(f"{label}, value")
        entry.fill(typed)
        entry.press("Enter")
    editor.wait("() => struck.store.acknowledged.project.sounds[1].strip.surround_deg === -75")
    found = editor.project["sounds"][1]["strip"]
    assert (found["distance_m"], found["high_pass_hz"], found["low_pass_hz"]) == (4, 120, 9000)
    strip.get_by_role("button", name="Reset").click()
    editor.wait("() => struck.store.acknowledged.project.sounds[1].strip.surround_deg === 0")
    assert editor.project["sounds"][1]["strip"]["mute"]

    page.get_by_label("Limiter at −1 dBTP").check()
    editor.wait("() => struck.store.acknowledged.project.mix.limit")
    if can_measure():
        page.get_by_role("button", name="−16", exact=True).click()
        editor.wait("() => struck.store.view.undo === 'Set loudness to −16 LUFS'")
        editor.wait("() => document.querySelector('.mix-reading-value').textContent === '\\u221216.0'")


def test_another_clip_shows_no_loudness_of_the_last_one(editor: Editor, tmp_path: Path) -> None:
    page = editor.page
    why = page.locator(".mix-why")
    page.get_by_role("tab", name="Mix").click()
    if can_measure():
        editor.wait(f"() => {SHOWN}[0] !== '–'")
    drop(editor, make_clip(tmp_path / "still.mp4", count=50), "video/mp4")
    editor.wait("() => window.struck.store.view?.project?.name === 'still'")
    assert editor.see(SHOWN) == ["–", "–", "–"]
    why.get_by_text("There is nothing to hear").wait_for()
    editor.open_demo("silent")
    page.get_by_role("tab", name="Mix").click()
    assert "nothing to hear" not in (why.text_content() if why.is_visible() else "")
    if can_measure():
        editor.wait(f"() => {SHOWN}[0] !== '–'")
