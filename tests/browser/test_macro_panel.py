"""Macros and morphs in a real browser: the page reckons as the engine does; what is dragged is heard and undone."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import numpy as np
import pytest

from tests.browser.struck_page import Editor

APPLY = """([modes, residual, macros]) => import("/struck/static/audio/macros.js").then(({ applyMacros }) =>
  applyMacros(modes, residual, macros))"""


def macro(editor: Editor, name: str) -> Any:
    return editor.page.locator(f"[data-macro={name}] input[type=range]")


def drag_macro(editor: Editor, name: str, from_share: float, to_share: float) -> None:
    box = macro(editor, name).bounding_box()
    y = box["y"] + box["height"] / 2
    at = [{"x": box["x"] + 7 + share * (box["width"] - 14), "y": y} for share in (from_share, to_share)]
    editor.drag(*at)


def choose_sound(editor: Editor) -> dict[str, Any]:
    """The demo's first sound, in the Sound tab."""
    editor.page.get_by_role("tab", name="Sound").click()
    sound = editor.project["sounds"][0]
    editor.page.evaluate("(id) => window.struck.store.select({ soundId: id, hits: new Set() })", sound["id"])
    return sound


def sound_of(editor: Editor, sound_id: str) -> dict[str, Any]:
    return next(sound for sound in editor.project["sounds"] if sound["id"] == sound_id)


def keys_of(editor: Editor, sound_id: str) -> str:
    """JavaScript for the render keys of a sound's hits; the document comes before them, so tests wait for them."""
    hits = [hit["id"] for hit in editor.project["hits"] if hit["sound_id"] == sound_id]
    return f"{hits}.map((id) => window.struck.store.rendered.get(id)?.key)"


def test_mass_dragged_lowers_what_is_shown_and_heard_and_is_undone(editor: Editor) -> None:
    page, sound = editor.page, choose_sound(editor)
    keys = editor.see(keys_of(editor, sound["id"]))
    places = [editor.locate_mode(sound["id"], k) for k in range(3)]
    assert not page.get_by_role("button", name="Bake", exact=True).is_visible()

    editor.change(lambda: drag_macro(editor, "mass", 0.5, 0.8))
    now = sound_of(editor, sound["id"])
    assert now["macros"]["mass"] == pytest.approx(0.6, abs=0.05)
    assert now["modes"] == sound["modes"]  # its own stay; those heard and shown are lower
    for k, place in enumerate(places):
        assert editor.locate_mode(sound["id"], k)["x"] < place["x"] - 20
    editor.wait(f"(old) => {keys_of(editor, sound['id'])}.every((key) => key && !old.includes(key))", keys)
    assert editor.see("window.struck.store.view.undo") == f"Mass of {sound['name']}"  # the whole drag is one step

    # A stem dragged under the macro: the head is where it was let go, and the sound's own mode moved.
    start = editor.locate_mode(sound["id"], 0)
    editor.change(lambda: editor.drag(start, {"x": start["x"] + 60, "y": start["y"] + 8}))
    place = editor.locate_mode(sound["id"], 0)
    assert place["x"] == pytest.approx(start["x"] + 60, abs=1.5)
    own = sound_of(editor, sound["id"])["modes"]["frequency_hz"]
    assert own[0] > sound["modes"]["frequency_hz"][0] and own[1:] == sound["modes"]["frequency_hz"][1:]

    # A double-click on the thumb: the macro is gone, the edit is not.
    editor.change(lambda: macro(editor, "mass").dblclick())
    back = sound_of(editor, sound["id"])
    assert not any(back["macros"].values()) and back["modes"]["frequency_hz"] == own
    while editor.see("window.struck.store.view.undo"):
        editor.change(lambda: page.keyboard.press("Control+z"))
    assert sound_of(editor, sound["id"]) == sound
    editor.wait(f"(old) => {keys_of(editor, sound['id'])}.every((key, i) => key === old[i])", keys)


def test_the_sound_tab_follows_what_the_chosen_hit_strikes(editor: Editor) -> None:
    """A hit that gets a sound of its own is shaped by the tab, and the others that had the same are not."""
    page = editor.page
    counts = Counter(hit["sound_id"] for hit in editor.project["hits"])
    shared = next(sound_id for sound_id, count in counts.items() if count > 1)
    hit = next(hit for hit in editor.project["hits"] if hit["sound_id"] == shared)
    place = editor.locate_hit(hit["id"])
    page.mouse.click(place["x"], place["y"])
    page.get_by_role("tab", name="Sound").click()
    assert editor.see("window.struck.store.selection.soundId") == shared
    editor.change(lambda: page.keyboard.press("d"))
    own = editor.hit(hit["id"])["sound_id"]
    assert own != shared and editor.see("window.struck.store.selection.soundId") == own
    editor.change(lambda: drag_macro(editor, "mass", 0.5, 0.8))
    assert sound_of(editor, own)["macros"]["mass"] > 0.4 and not sound_of(editor, shared)["macros"]["mass"]
    editor.change(lambda: page.keyboard.press("Control+z"))
    editor.change(lambda: page.keyboard.press("Control+z"))
    assert editor.see("window.struck.store.selection.soundId") == shared


def test_sliders_reach_their_ends_and_show_what_the_project_holds(editor: Editor) -> None:
    page = editor.page
    place = editor.locate_hit(editor.project["hits"][0]["id"])
    page.mouse.click(place["x"], place["y"])
    page.get_by_role("tab", name="Hit").click()
    pitch = page.get_by_role("slider", name="Pitch")
    pitch.focus()
    editor.change(lambda: page.keyboard.press("End"))
    assert editor.project["hits"][0]["offsets"]["pitch_cents"] == 1200.0
    editor.change(lambda: page.keyboard.press("ArrowLeft"))
    assert editor.project["hits"][0]["offsets"]["pitch_cents"] == 1199.0
    page.get_by_role("tab", name="Sampler").click()
    edit = {"kind": "set_render", "steps": 64, "guidance": 8}
    editor.change(lambda: page.evaluate("(edit) => window.struck.store.edit(edit)", edit))
    panel = page.locator(".ins-sampler")
    assert panel.get_by_label("Steps, value").input_value() == "64"
    assert panel.get_by_label("Guidance, value").input_value() == "8.00"


def test_macros_are_typed_nudged_baked_and_reset(editor: Editor) -> None:
    page, sound = editor.page, choose_sound(editor)
    field = page.locator("[aria-label='Room, value']:visible")
    own = bool(sound["residual"]["room"])
    field.fill("+3 dB" if own else "-20 dB")
    editor.change(lambda: field.press("Enter"))
    room = sound_of(editor, sound["id"])["macros"]["room"]
    assert room == pytest.approx(10.0 ** (3.0 / 40.0) - 1.0 if own else 0.1, abs=2e-3)
    field.fill("dry")
    editor.change(lambda: field.press("Enter"))
    assert sound_of(editor, sound["id"])["macros"]["room"] == (-1.0 if own else 0.0)
    macro(editor, "damping").focus()
    editor.change(lambda: page.keyboard.press("ArrowRight"))
    assert sound_of(editor, sound["id"])["macros"]["damping"] == pytest.approx(0.01)
    editor.change(page.get_by_role("button", name="Reset", exact=True).click)
    assert sound_of(editor, sound["id"]) == sound

    editor.change(lambda: drag_macro(editor, "hardness", 0.5, 0.3))
    heard = sound_of(editor, sound["id"])
    editor.change(page.get_by_role("button", name="Bake", exact=True).click)
    baked = sound_of(editor, sound["id"])
    assert not any(baked["macros"].values()) and baked["origin"] == "edited"
    wanted = editor.page.evaluate(APPLY, [heard["modes"], heard["residual"], heard["macros"]])
    np.testing.assert_allclose(baked["modes"]["power_db"], wanted["modes"]["power_db"], atol=2e-3)
    assert not page.get_by_role("button", name="Bake", exact=True).is_visible()


def test_detail_dragged_is_heard_from_another_object_baked_and_undone(editor: Editor) -> None:
    page, sound = editor.page, choose_sound(editor)
    slider, another = page.get_by_role("slider", name="Detail"), page.get_by_role("button", name="Another", exact=True)
    assert another.is_disabled() and slider.get_attribute("aria-valuetext") == "as measured"
    measured = editor.track()

    box = slider.bounding_box()
    y = box["y"] + box["height"] / 2
    at = [{"x": box["x"] + 7 + share * (box["width"] - 14), "y": y} for share in (1.0, 0.4)]
    editor.change(lambda: editor.drag(*at))
    now = sound_of(editor, sound["id"])
    assert now["detail"] == pytest.approx(0.4, abs=0.05) and now["modes"] == sound["modes"]
    assert editor.see("window.struck.store.view.undo") == f"Detail of {sound['name']}"
    coarse = editor.track()
    assert np.abs(coarse - measured).max() > 0.01 * np.abs(measured).max()

    editor.change(another.click)
    other = editor.track()
    assert sound_of(editor, sound["id"])["detail_seed"] == 1 and not np.array_equal(other, coarse)
    editor.change(lambda: page.keyboard.press("Control+z"))
    assert np.array_equal(editor.track(), coarse)
    editor.change(page.get_by_role("button", name="Bake", exact=True).click)
    baked = sound_of(editor, sound["id"])
    assert baked["detail"] == 1.0 and baked["modes"] != sound["modes"] and np.array_equal(editor.track(), coarse)
    editor.change(lambda: page.keyboard.press("Control+z"))

    editor.change(lambda: slider.dblclick())
    assert sound_of(editor, sound["id"])["detail"] == 1.0 and np.array_equal(editor.track(), measured)
    variation = page.get_by_role("slider", name="Variation")
    variation.focus()
    editor.change(lambda: page.keyboard.press("ArrowRight"))
    assert sound_of(editor, sound["id"])["variation"] == pytest.approx(0.01)
    while editor.see("window.struck.store.view.undo"):
        editor.change(lambda: page.keyboard.press("Control+z"))
    assert sound_of(editor, sound["id"]) == sound


def test_a_morph_is_previewed_left_and_made(editor: Editor) -> None:
    page, sound = editor.page, choose_sound(editor)
    other = editor.project["sounds"][1]
    opens = page.get_by_role("button", name="Morph…")
    panel = page.get_by_role("dialog", name="Morph")
    before = editor.locate_mode(sound["id"], 0)

    opens.click()
    assert panel.get_by_role("button", name="Make a new sound").is_disabled()
    panel.get_by_role("group", name="What to morph towards").get_by_role("button", name=other["name"]).click()
    place = "[window.struck.locate({ mode: [id, 0] })].some(({ x, y }) => x !== was.x || y !== was.y)"
    moved = f"([id, was]) => {place}"
    editor.wait(moved, [sound["id"], before])  # a mode of a pair goes to the other's place, one alone fades
    page.keyboard.press("Escape")
    panel.wait_for(state="detached")
    assert editor.locate_mode(sound["id"], 0) == before and editor.see("window.struck.store.view.undo") is None

    opens.click()
    panel.get_by_label("Find a sound").fill("glass")
    preset = panel.get_by_role("group", name="What to morph towards").get_by_role("button").last
    name = preset.inner_text()
    preset.click()
    amount = panel.get_by_label("Amount, value")
    amount.fill("40 %")
    amount.press("Enter")
    editor.change(panel.get_by_role("button", name="Make a new sound").click)
    made = next(s for s in editor.project["sounds"] if s["origin_note"].startswith("morph of"))
    assert made["origin_note"] == f"morph of {sound['name']} and {name}, 40 %"
    assert sound_of(editor, sound["id"]) == sound and not panel.is_visible()
    editor.wait("(id) => window.struck.store.selection.soundId === id", made["id"])
    editor.change(lambda: page.keyboard.press("Control+z"))
    assert made["id"] not in {s["id"] for s in editor.project["sounds"]}


@pytest.mark.parametrize("place", ["[data-macro=mass]", ".ins-detail"])
def test_keys_in_quick_succession_are_one_step(editor: Editor, place: str) -> None:
    page, before = editor.page, choose_sound(editor)
    slider = page.locator(f"{place} input[type=range]").first
    slider.focus()
    key = "ArrowLeft"
    # In one task of the page, as a busy machine may take a while between presses that are told it one by one.
    editor.change(
        lambda: editor.see(
            f"""((range) => {{
              for (let k = 0; k < 6; k++) {{
                range.dispatchEvent(new KeyboardEvent('keydown', {{ key: '{key}', bubbles: true }}));
                range.stepDown(10);
                range.dispatchEvent(new Event('input', {{ bubbles: true }}));
                range.dispatchEvent(new Event('change', {{ bubbles: true }}));
              }}
            }})(document.activeElement)"""
        )
    )
    editor.wait("() => !window.struck.store.isSending")
    after = sound_of(editor, before["id"])
    assert (after["macros"] != before["macros"]) if "mass" in place else (after["detail"] < before["detail"])
    editor.change(lambda: page.keyboard.press("Control+z"))
    assert sound_of(editor, before["id"]) == before
    # Two sliders are two steps, however quickly.
    editor.change(lambda: (slider.press(key), macro(editor, "damping").press(key)))
    editor.wait("() => !window.struck.store.isSending")
    editor.change(lambda: page.keyboard.press("Control+z"))
    assert sound_of(editor, before["id"]) != before
    editor.change(lambda: page.keyboard.press("Control+z"))
    assert sound_of(editor, before["id"]) == before


def test_keys_on_the_noise_bands_change_what_the_bars_show(editor: Editor) -> None:
    """Power by a decibel, decay by a twentieth of its time; quick ones are one entry of the history."""
    page = editor.page
    first = editor.project["sounds"][0]
    page.evaluate("(id) => window.struck.store.select({ soundId: id })", first["id"])
    bands = page.get_by_role("application", name=re.compile("Noise bands"))
    before = editor.project["sounds"][0]["residual"]
    bands.focus()
    press = "document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowDown', bubbles: true }))"
    editor.change(lambda: editor.see(f"void ({press}, {press})"))
    editor.wait("(db) => Math.abs(window.struck.store.view.project.sounds[0].residual.power_db[3] - db + 2) < 0.01",
                before["power_db"][3])  # fmt: skip
    page.get_by_role("group", name="Bars show").get_by_role("button", name="Decay").click()
    bands.focus()
    editor.change(lambda: page.keyboard.press("ArrowUp"))
    after = editor.project["sounds"][0]["residual"]
    ratios = [b / a for a, b in zip(before["decay_per_s"], after["decay_per_s"], strict=True)]
    assert ratios == pytest.approx([1 / 1.05] * len(ratios), rel=1e-4)
    editor.change(lambda: page.keyboard.press("Control+z"))
    editor.change(lambda: page.keyboard.press("Control+z"))
    assert editor.project["sounds"][0]["residual"] == before


def test_the_bar_over_the_modes_hides_no_head(editor: Editor) -> None:
    before = choose_sound(editor)
    editor.change(lambda: macro(editor, "mass").press("ArrowLeft"))
    bar = editor.page.locator(".ins-macro-actions")
    for frequency_hz, side in ((12_000.0, "left"), (60.0, "right")):
        modes = {"frequency_hz": [frequency_hz], "power_db": [max(before["modes"]["power_db"]) + 3.0]}
        edit = {"kind": "set_modes", "sound_id": before["id"], "indices": [0], **modes}
        editor.change(lambda edit=edit: editor.page.evaluate("(edit) => window.struck.store.edit(edit)", edit))
        editor.wait("(isLeft) => document.querySelector('.ins-macro-actions').classList.contains('is-left') === isLeft",
                    side == "left")  # fmt: skip
        shown, head = bar.bounding_box(), editor.locate_mode(before["id"], 0)
        beside = head["x"] < shown["x"] or head["x"] > shown["x"] + shown["width"]
        assert beside or head["y"] > shown["y"] + shown["height"], side
