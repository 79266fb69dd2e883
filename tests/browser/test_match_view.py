"""A sound beside its recording in a real browser: the plots, what they tell, and the edits that they follow."""

from __future__ import annotations

import json
import re
from pathlib import Path

from engine.core.paths import ROOT
from tests.browser.struck_page import Editor

DRAWN = """(index) => {
  const canvas = document.querySelectorAll(".mt-plot canvas")[index];
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const inks = new Set();
  for (let i = 0; i < data.length; i += 4) inks.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
  return inks.size;
}"""
PICTURE = "(index) => document.querySelectorAll('.mt-plot canvas')[index].toDataURL()"


def open_match(editor: Editor) -> None:
    """Open the large plots from the figure of fit and wait until they show a comparison."""
    editor.page.get_by_role("button", name=re.compile("compare with the recording")).click()
    wait_for_match(editor)


def wait_for_match(editor: Editor) -> None:
    editor.page.locator('.mt-large[data-state="ready"]').wait_for()


def test_the_figure_of_fit_opens_plots_that_tell_numbers(editor: Editor) -> None:
    open_match(editor)
    page = editor.page
    dialog = page.get_by_role("dialog", name="Match")
    assert re.fullmatch(r"fit \d\d %", dialog.locator(".mt-large-figure").inner_text())
    assert dialog.locator(".mt-large-cause").inner_text().endswith(".")
    assert re.search(r"the clip at \d\.\d\d s", dialog.locator(".mt-words").inner_text())
    assert all(editor.page.evaluate(DRAWN, index) > 12 for index in range(4))
    for name, pattern in (
        ("Spectrum", r"\d+ Hz .* recording −?\d+\.\d dB .* model −?\d+\.\d dB .* [+−]?\d+\.\d dB"),
        ("Decay", r"[\d.]+ m?s .* recording −?\d+\.\d dB .* model −?\d+\.\d dB .* [+−]?\d+\.\d dB"),
        ("Error over time", r"\d+–\d+ Hz .* m?s .*(recording .* model|60 dB under)"),
        ("Noise", r"\d+–\d+ Hz .* recording less modes .* Strike −?\d+\.\d dB"),
    ):
        canvas = dialog.get_by_role("img", name=re.compile(f"^{name}"))
        canvas.hover()
        tip = canvas.locator("xpath=../div")
        tip.wait_for()
        assert re.search(pattern, tip.inner_text()), tip.inner_text()
    page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    assert page.locator(".mt-compact canvas").count() == 2 and page.locator(".mt-cause").is_visible()
    assert page.evaluate("document.activeElement.className").count("mt-fit-button") == 1


def test_arrow_keys_walk_along_a_plot(editor: Editor) -> None:
    open_match(editor)
    canvas = editor.page.get_by_role("img", name=re.compile("^Spectrum"))
    canvas.focus()
    said = set()
    for _ in range(3):
        editor.page.keyboard.press("ArrowRight")
        editor.page.wait_for_timeout(50)
        said.add(canvas.locator("xpath=../div").inner_text())
    assert len(said) == 3
    editor.page.keyboard.press("Escape")


def test_an_edited_mode_changes_the_model_and_says_what_it_was(editor: Editor) -> None:
    open_match(editor)
    before = editor.page.evaluate(PICTURE, 0)
    figure = editor.page.locator(".mt-large-figure").inner_text()
    sound = editor.project["sounds"][0]
    strongest = max(range(len(sound["modes"]["power_db"])), key=lambda k: sound["modes"]["power_db"][k])
    edit = {"kind": "set_modes", "sound_id": sound["id"], "indices": [strongest], "decay_per_s": [90.0]}
    editor.change(lambda: editor.page.evaluate("(edit) => void window.struck.store.edit(edit)", edit))
    editor.page.locator(".mt-large-cause", has_text=re.compile("^As edited")).wait_for()
    wait_for_match(editor)
    assert editor.page.evaluate(PICTURE, 0) != before
    assert editor.page.locator(".mt-large-figure").inner_text() != figure
    assert f"as measured {figure.removeprefix('fit ')}" in editor.page.locator(".mt-words").inner_text()
    editor.change(lambda: editor.see("void window.struck.store.send({ type: 'undo' })"))
    editor.wait("(figure) => document.querySelector('.mt-large-figure').textContent === figure", figure)
    editor.page.keyboard.press("Escape")


def test_a_fit_is_not_shown_of_a_sound_that_was_edited_since(editor: Editor) -> None:
    page, badge = editor.page, editor.page.locator(".mt-fit-button")
    page.get_by_role("group", name="Below the modes").get_by_role("button", name="Residual").click()
    figure = badge.inner_text()
    assert re.fullmatch(r"fit \d\d %", figure)
    sound = editor.project["sounds"][0]["id"]

    def apply(edit: dict[str, object]) -> None:
        editor.change(lambda: page.evaluate("(edit) => void struck.store.edit(edit)", edit | {"sound_id": sound}))

    for edit in ({"kind": "set_macros", "values": {"mass": 1.0}}, {"kind": "set_detail", "detail": 0.0}):
        apply(edit)
        editor.wait("() => document.querySelector('.mt-fit-button').textContent === 'edited'")
        assert "edited after it was measured" in str(badge.get_attribute("title"))
        editor.change(lambda: editor.see("void struck.store.send({ type: 'undo' })"))
        editor.wait("(figure) => document.querySelector('.mt-fit-button').textContent === figure", figure)
    apply({"kind": "set_macros", "values": {"mass": 1.0}})
    open_match(editor)
    editor.wait("() => /^fit \\d+ %$/.test(document.querySelector('.mt-fit-button').textContent)")
    assert badge.inner_text() != figure
    page.keyboard.press("Escape")


def test_a_preset_shows_its_model_alone_and_says_why(editor: Editor) -> None:
    editor.open_demo("silent")
    page = editor.page
    page.get_by_role("button", name="Match", exact=True).click()
    page.locator(".mt-cause", has_text="no recording to compare with").wait_for()
    page.get_by_role("button", name="Enlarge", exact=True).click()
    wait_for_match(editor)
    assert page.locator(".mt-large-cause").inner_text().startswith("A preset has no recording")
    assert page.evaluate(DRAWN, 0) > 12 and page.evaluate(DRAWN, 1) > 12
    page.keyboard.press("Escape")


def test_a_failed_comparison_says_so_and_can_be_tried_again(editor: Editor) -> None:
    page = editor.page
    page.route("**/struck/match/**", lambda route: route.abort())
    page.get_by_role("button", name=re.compile("compare with the recording")).click()
    editor.see("window.struck.store.select({ soundId: window.struck.store.view.project.sounds[1].id })")
    page.locator(".mt-large-cause", has_text="does not answer").wait_for()
    page.unroute("**/struck/match/**")
    page.get_by_role("button", name="Try again").click()
    wait_for_match(editor)
    assert page.locator(".mt-large-figure").inner_text().startswith("fit ")
    page.keyboard.press("Escape")


def test_the_switch_shows_noise_or_match_and_is_remembered(editor: Editor) -> None:
    page = editor.page
    switch = page.get_by_role("group", name="Below the modes")
    switch.get_by_role("button", name="Residual").click()
    assert page.get_by_role("application", name=re.compile("Noise bands")).is_visible()
    assert not page.locator(".mt-compact").is_visible()
    switch.get_by_role("button", name="Match").click()
    assert page.locator(".mt-compact").is_visible() and editor.see("localStorage.getItem('struck.look')") == "match"
    switch.get_by_role("button", name="Residual").click()


def test_the_rise_is_typed_in_the_first_component(editor: Editor) -> None:
    editor.see("window.struck.store.select({ soundId: window.struck.store.view.project.sounds[0].id })")
    editor.page.get_by_role("group", name="Component").get_by_role("button").first.click()
    rise = editor.page.get_by_label("Rise", exact=True)
    rise.fill("3 ms")
    editor.change(lambda: rise.press("Enter"))
    assert editor.project["sounds"][0]["residual"]["rise_s"] == 0.003
    editor.wait("() => document.querySelector('.ins-rise').value === '3.0 ms'")


def test_each_component_of_the_noise_is_shown_and_edited_on_its_own(editor: Editor, tmp_path: Path) -> None:
    table = json.loads((ROOT / "assets" / "demo_sound.struck.json").read_text(encoding="utf-8"))
    table["clip"]["path"] = str(ROOT / "assets" / "demo_sound.mp4")
    residual = table["sounds"][0]["residual"]
    bands = len(residual["power_db"])
    for name, raise_db, decay_per_s in (("attack", 6.0, 1500.0), ("tail", -15.0, 25.0), ("room", -30.0, 8.0)):
        power_db = [p + raise_db for p in residual["power_db"]]
        residual[name] = {"power_db": power_db, "decay_per_s": [decay_per_s] * bands}
    path = tmp_path / "components.struck.json"
    path.write_text(json.dumps(table), encoding="utf-8")
    editor.page.evaluate("(path) => void window.struck.store.send({ type: 'open', path })", str(path))
    editor.wait("() => window.struck.store.view.project?.sounds[0].residual.room?.decay_per_s[0] === 8")
    editor.see("window.struck.store.select({ soundId: window.struck.store.view.project.sounds[0].id })")
    page = editor.page
    components = page.get_by_role("group", name="Component")
    components.get_by_role("button", name="Attack").wait_for()
    assert components.get_by_role("button").all_inner_texts() == ["Attack", "Strike", "Tail", "Room"]
    for name in ("attack", "tail", "room"):
        before = editor.project["sounds"][0]["residual"]
        components.get_by_role("button", name=name.capitalize()).click()
        page.get_by_role("application", name=re.compile("Noise bands")).focus()
        rev = editor.see("window.struck.store.view.revision")
        page.keyboard.press("ArrowUp")
        editor.wait("(rev) => window.struck.store.view.revision > rev && !window.struck.store.view.redo", rev)
        after = editor.project["sounds"][0]["residual"]
        raised = [b - a for a, b in zip(before[name]["power_db"], after[name]["power_db"], strict=True) if a > -119.0]
        assert raised and all(abs(step_db - 1.0) < 0.01 for step_db in raised)
        assert after["power_db"] == before["power_db"]
