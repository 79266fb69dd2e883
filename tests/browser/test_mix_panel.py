"""The Mix tab: colour, mute and solo, strips, loudness and limiter, as a user sets them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

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


def read_levels_db(editor: Editor, time_s: float) -> np.ndarray:
    """Levels that the large spectrogram tells under the pointer, from low to high, dB; NaN where it tells none."""
    editor.see("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    editor.wait("() => document.querySelector('.st-spectro-canvas').ariaBusy === 'false'")
    plot = editor.page.locator(".st-spectro-canvas").bounding_box()
    assert plot is not None
    start_s, end_s = editor.see("[struck.timeline.scale.start_s, struck.timeline.scale.end_s]")
    x = plot["x"] + 46 + (plot["width"] - 56) * (time_s - start_s) / (end_s - start_s)
    levels = []
    for part in np.linspace(0.05, 0.95, 31):
        editor.page.mouse.move(x, plot["y"] + 6 + (plot["height"] - 26) * (1 - part))
        told = editor.page.locator(".st-spectro-readout").inner_text().split("·")[-1].strip()
        levels.append(float(told.removesuffix("dB").strip().replace("\u2212", "-")) if told.endswith("dB") else np.nan)
    return np.array(levels)


def test_the_large_spectrogram_shows_what_the_strip_leaves(editor: Editor) -> None:
    editor.page.keyboard.press("s")
    hit = editor.project["hits"][0]

    def read(**values: float) -> np.ndarray:
        edit = {"kind": "set_strip", "sound_id": hit["sound_id"], "values": values}
        editor.change(lambda: editor.see(f"void struck.store.edit({json.dumps(edit)})"))
        return read_levels_db(editor, hit["time_s"] + 0.05)

    plain = read_levels_db(editor, hit["time_s"] + 0.05)
    clear = plain > np.nanmax(plain) - 40.0
    assert clear.sum() >= 5
    np.testing.assert_allclose((read(gain_db=-12.0) - plain)[clear], -12.0, atol=0.2)
    darker = read(gain_db=0.0, low_pass_hz=400.0) - plain
    assert abs(darker[clear][0]) < 4.0 and np.nanmin(darker[clear]) < -12.0
    farther = read(low_pass_hz=0.0, distance_m=4.0) - plain
    np.testing.assert_allclose(farther[clear][0], -20.0 * np.log10(4.0), atol=0.5)
    editor.page.keyboard.press("Escape")


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


def test_what_is_typed_for_one_clip_is_not_entered_in_the_next(editor: Editor) -> None:
    editor.page.get_by_role("tab", name="Mix").click()
    editor.page.locator("[aria-label='Level, value']:visible").first.fill("-20")
    editor.see("void window.struck.store.send({ type: 'open_demo', name: 'silent' })")
    editor.wait("() => window.struck.store.view.project.name === 'demo_silent'")
    assert editor.see("document.activeElement.matches('input')") is False
    editor.wait("() => !window.struck.store.isSending")
    assert editor.see("window.struck.store.view.undo") is None


def test_what_is_typed_stays_while_another_sound_goes_and_comes(editor: Editor) -> None:
    editor.page.get_by_role("tab", name="Mix").click()
    first, second = (sound["id"] for sound in editor.project["sounds"][:2])
    field = editor.page.locator("[aria-label='Level, value']:visible").first
    field.fill("-2")
    editor.see(f"void window.struck.store.edit({{ kind: 'merge_sounds', sound_id: '{first}', others: ['{second}'] }})")
    editor.wait("() => window.struck.store.view.undo && !window.struck.store.isSending")
    label = editor.see("window.struck.store.view.undo")
    editor.see("void window.struck.store.send({ type: 'undo' })")
    editor.wait("() => !window.struck.store.view.undo && !window.struck.store.isSending")
    assert field.input_value() == "-2" and editor.see("document.activeElement.value") == "-2"
    assert editor.see("window.struck.store.view.redo") == label
    field.press("Escape")
