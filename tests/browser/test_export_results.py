"""The export dialog in a real browser: warnings stand out, no result is of another clip, a lost export is told."""

from __future__ import annotations

import json
import re
from pathlib import Path

from playwright.sync_api import expect

from engine.core.paths import ASSETS
from tests.browser.struck_page import Editor


def color_of_faults(editor: Editor) -> str:
    coral = editor.see("getComputedStyle(document.querySelector('.st-app')).getPropertyValue('--coral')").strip()
    return f"rgb({', '.join(str(int(coral[i : i + 2], 16)) for i in (1, 3, 5))})"


def test_results_warn_of_the_level_age_with_an_edit_and_go_with_the_clip(editor: Editor) -> None:
    page = editor.page
    editor.change(lambda: editor.see("void window.struck.store.edit({ kind: 'set_mix', gain_db: 24 })"))
    editor.wait_for_sound()
    page.get_by_role("button", name="Export", exact=True).first.click()
    dialog = page.get_by_role("dialog", name="Export")
    dialog.get_by_role("button", name="Export", exact=True).click()
    links, words = dialog.locator(".st-file"), dialog.locator(".st-export-words")
    links.nth(1).wait_for()
    expect(words).to_have_text("Ready")
    warnings = links.locator(".st-file-note.is-fault")
    said = warnings.all_text_contents()
    assert len(said) == 2 and said[0] == said[1] and said[0].startswith("over full scale in ")
    colors = [warnings.first, links.locator(".st-file-note:not(.is-fault)").first]
    warned, quiet = [place.evaluate("(shown) => getComputedStyle(shown).color") for place in colors]
    assert warned != quiet and warned == color_of_faults(editor)

    editor.change(lambda: editor.see("void window.struck.store.edit({ kind: 'set_mix', gain_db: 0 })"))
    expect(words).to_have_text("Exported before the last change")
    assert links.count() == 2

    page.keyboard.press("Escape")
    editor.open_demo("sound")  # the same clip, and a document of its own
    page.get_by_role("button", name="Export", exact=True).first.click()
    assert links.count() == 0 and words.inner_text() == ""
    page.keyboard.press("Escape")

    editor.open_demo("silent")
    page.get_by_role("button", name="Export", exact=True).first.click()
    assert links.count() == 0 and words.inner_text() == ""
    dialog.get_by_role("button", name="Export", exact=True).wait_for()
    page.keyboard.press("Escape")


def test_a_preset_sets_all_and_a_start_is_of_its_clip_alone(editor: Editor) -> None:
    page = editor.page
    page.get_by_role("button", name="Export", exact=True).first.click()
    menu = page.get_by_role("dialog", name="Export")
    presets, start = menu.get_by_label("Preset", exact=True), menu.get_by_label("Timecode of the")
    channels, two_pop = menu.get_by_label("Channels"), menu.get_by_label("Two-pop")

    def choose(name: str) -> tuple[str, str, bool]:
        presets.select_option(name)
        return start.input_value(), channels.input_value(), two_pop.is_checked()

    assert choose("Pro Tools, 5.1") == ("00:59:58:00", "5.1", True)
    assert choose("Reaper, film") == ("00:59:58:00", "stereo", True)
    assert choose("Video and track") == ("", "stereo", False)

    presets.select_option("")
    start.fill("02:00:00:00")
    page.keyboard.press("Escape")
    editor.open_demo("silent")
    page.get_by_role("button", name="Export", exact=True).first.click()
    assert start.input_value() == ""
    page.keyboard.press("Escape")


def test_mix_measures_and_sets_the_loudness_of_the_channels_of_an_export(editor: Editor) -> None:
    page = editor.page
    open_export = page.get_by_role("button", name="Export", exact=True).first
    menu = page.get_by_role("dialog", name="Export")
    open_export.click()
    menu.get_by_label("Preset", exact=True).select_option("Video and track")
    menu.get_by_label("Channels").select_option("mono")
    page.keyboard.press("Escape")
    page.get_by_role("tab", name="Mix", exact=True).click()
    unit, value = page.locator(".mix-reading-unit").first, page.locator(".mix-reading-value").first
    expect(unit).to_have_text("LUFS, Mono")
    target = page.locator(".mix-targets").get_by_role("button", name="−24", exact=True)
    editor.change(target.click)
    expect(value).to_have_text("−24.0")
    open_export.click()
    menu.locator(".st-choice").first.get_by_role("checkbox").uncheck()  # the film takes longer
    menu.get_by_role("button", name="Export", exact=True).click()
    note, replace = menu.locator(".st-file-note").first, menu.get_by_role("button", name="Replace")
    expect(note.or_(replace)).to_be_visible()
    if replace.is_visible():  # a test before has exported it
        replace.click()
    expect(note).to_contain_text("mono, −24.0 LUFS")
    menu.get_by_label("Channels").select_option("stereo")
    page.keyboard.press("Escape")
    expect(unit).to_have_text("LUFS")


def test_an_export_that_ended_with_the_connection_is_told_and_one_that_goes_on_is_not(editor: Editor) -> None:
    page = editor.page
    editor.see(
        """() => {
          const { store } = window.struck;
          const { send, status } = store;
          store.send = (message) => message.type === "export" || send(message);  // it never ends
          window.comeBack = (phase) => {
            store.emit("connection", "lost");
            store.emit("connection", "open");
            store.emit("status", { ...status, phase });
          };
          window.mend = () => { store.send = send; };
        }"""
    )
    page.get_by_role("button", name="Export", exact=True).first.click()
    go = page.locator(".st-export-foot .is-main")  # "Export again" where a test before has exported
    go.click()
    editor.see("window.comeBack('exporting')")
    editor.see("window.comeBack('analysing')")
    assert go.is_hidden() and editor.toasts() == []
    editor.see("window.comeBack('idle')")
    told = "The export was cut off as the connection to Struck was lost; export again."
    assert go.is_visible() and editor.toasts() == [told]
    page.get_by_role("button", name="Dismiss this message").click()
    editor.see("window.comeBack('idle')")  # nothing was exported
    assert editor.toasts() == []
    page.get_by_role("button", name="Export", exact=True).first.click()
    go.click()
    editor.see(
        """() => {
          const { store } = window.struck;
          store.emit("connection", "lost");
          store.emit("connection", "open");
          const files = [{ name: "late.wav", url: "/struck/export/none/late.wav?v=1", note: "", warning: "" }];
          store.emit("exported", { type: "exported", files, is_current: true, again: true });
          store.emit("status", { ...store.status, phase: "done" });
        }"""
    )  # it ended well while the connection was lost
    assert go.is_visible() and editor.toasts() == []
    expect(page.locator(".st-files .st-file")).to_contain_text("late.wav")
    editor.see("window.mend()")
    page.keyboard.press("Escape")


def test_a_page_that_is_loaded_anew_shows_how_far_an_export_is(editor: Editor) -> None:
    """Without the state that the page before had: the server's messages alone tell of it."""
    page = editor.page
    editor.see(
        """() => {
          const { store } = window.struck;
          window.tell = (phase) => {
            store.status = { ...store.status, phase, done: 30, total: 100, message: "Writing the video, 30 %" };
            store.emit("status", store.status);
          };
        }"""
    )
    page.get_by_role("button", name="Export", exact=True).first.click()
    dialog = page.get_by_role("dialog", name="Export")
    words, stop = dialog.locator(".st-export-words"), dialog.get_by_role("button", name="Cancel", exact=True)
    assert stop.is_hidden()
    editor.see("window.tell('exporting')")
    assert words.inner_text() == "Writing the video, 30 %" and stop.is_visible()
    fill = dialog.locator(".st-export-foot + .st-progress .st-progress-fill")
    assert fill.evaluate("(bar) => bar.style.transform") == "scaleX(0.3)"
    editor.see("window.tell('cancelled')")
    assert stop.is_hidden()
    page.keyboard.press("Escape")
    # In another tab, or before this page was loaded: the menu does not open by itself when it is done.
    editor.see("window.tell('exporting')")
    editor.see("window.struck.store.emit('exported', { files: [], is_current: true, again: false })")
    assert dialog.is_hidden()
    editor.see("window.tell('idle')")


def test_an_export_without_files_ends_too(editor: Editor) -> None:
    """A project that is collected says as an export how far it is, and makes no file to fetch."""
    page = editor.page
    editor.see(
        """() => {
          const { store } = window.struck;
          window.tell = (phase) => store.emit("status", store.status = { ...store.status, phase });
        }"""
    )
    page.get_by_role("button", name="Export", exact=True).first.click()
    dialog = page.get_by_role("dialog", name="Export")
    stop, go = dialog.get_by_role("button", name="Cancel", exact=True), page.locator(".st-export-foot .is-main")
    editor.see("window.tell('exporting')")
    assert stop.is_visible() and go.is_hidden()
    editor.see("window.tell('done')")
    assert stop.is_hidden() and go.is_visible()
    page.keyboard.press("Escape")


def test_the_queue_warns_of_the_level_under_what_is_done(editor: Editor, tmp_path: Path) -> None:
    page = editor.page
    page.get_by_role("button", name="Export", exact=True).first.click()
    dialog = page.get_by_role("dialog", name="Export")
    dialog.locator(".st-choice").first.get_by_role("checkbox").uncheck()  # the film takes longer
    sessions = ("MIDI file", "Resolve markers", "Cue list")
    for name in sessions:
        dialog.get_by_role("checkbox", name=name).check()
    field = dialog.get_by_label("Path of a clip, folder or list to queue")
    project = json.loads((ASSETS / "demo_sound.struck.json").read_text("utf-8"))
    (tmp_path / "demo_sound.mp4").write_bytes((ASSETS / "demo_sound.mp4").read_bytes())
    hot, calm = dialog.locator(".st-queue-item").nth(0), dialog.locator(".st-queue-item").nth(1)
    for name, gain_db, item in (("hot", 24.0, hot), ("calm", -12.0, calm)):
        project["mix"]["gain_db"] = gain_db
        path = tmp_path / f"{name}.struck.json"
        path.write_text(json.dumps(project), "utf-8")
        field.fill(str(path))
        field.press("Enter")
        item.wait_for()
    dialog.locator(".st-queue-item.is-done").nth(1).wait_for()
    warning, state = hot.locator(".st-queue-warning"), hot.locator(".st-queue-state")
    expect(warning).to_have_text(re.compile(r"^hot\.wav is over full scale in \d+ samples; lower the mix$"))
    assert warning.evaluate("(shown) => getComputedStyle(shown).color") == color_of_faults(editor)
    assert state.evaluate("(shown) => getComputedStyle(shown).color") != color_of_faults(editor)
    done, under = state.bounding_box(), warning.bounding_box()
    assert done and under and done["y"] < under["y"] and under["y"] + under["height"] <= done["y"] + done["height"]
    assert calm.locator(".st-queue-warning").count() == 0
    links = calm.locator(".st-queue-file")
    expect(links).to_have_count(1 + len(sessions))
    for link in links.all():
        link.click(trial=True)  # nothing lies over it or cuts it off
    for name in sessions:
        dialog.get_by_role("checkbox", name=name).uncheck()
    dialog.get_by_role("button", name="Clear").click()
    expect(dialog.locator(".st-queue-item")).to_have_count(0)
    page.keyboard.press("Escape")


def test_a_path_that_is_refused_stays_in_the_field(editor: Editor, tmp_path: Path) -> None:
    page = editor.page
    page.get_by_role("button", name="Export", exact=True).first.click()
    dialog = page.get_by_role("dialog", name="Export")
    field = dialog.get_by_label("Path of a clip, folder or list to queue")
    field.fill(str(tmp_path / "nowhere.mp4"))
    field.press("Enter")
    page.get_by_text("nowhere.mp4").last.wait_for()
    assert field.input_value() == str(tmp_path / "nowhere.mp4") and "nowhere.mp4" in editor.toasts()[0]
    torn = tmp_path / "torn.mp4"
    torn.write_bytes(Path("assets/demo_sound.mp4").read_bytes()[:3000])
    field.fill(str(torn))
    field.press("Enter")
    dialog.get_by_text("torn.mp4 is not whole").wait_for()
    assert field.input_value() == ""
    dialog.get_by_role("button", name="Clear").click()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Dismiss this message").click()
