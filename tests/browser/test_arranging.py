"""Arranging hits in a real browser: copies, ripple, quantising and small steps, each one entry of the history."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

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


def act(editor: Editor, do: Callable[[], object]) -> None:
    """Do something that edits the document, and wait for the server's answer; the new sound is not waited for."""
    editor.wait("() => !window.struck.store.isSending")
    revision = editor.see("window.struck.store.view.revision")
    do()
    editor.wait("(old) => window.struck.store.view.revision > old && !window.struck.store.isSending", revision)


def press(editor: Editor, keys: str) -> None:
    act(editor, lambda: editor.page.keyboard.press(keys))


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
    editor.see(
        """[{ altKey: true }, { shiftKey: true }, {}].forEach((held) => document.body.dispatchEvent(
             new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true, cancelable: true, ...held })))"""
    )
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
    act(editor, lambda: page.get_by_role("dialog", name="Quantise").locator(".is-main").click())
    assert times_of(editor) == pytest.approx([round(time_s / frame_s) * frame_s for time_s in before], abs=1e-9)
    press(editor, "Control+z")
    assert times_of(editor) == before

    # An interval that is none is refused, and nothing is quantised by the one before.
    page.keyboard.press("q")
    sheet = page.get_by_role("dialog", name="Quantise")
    sheet.get_by_role("button", name="Grid").click()
    interval = sheet.get_by_label("Interval of the grid")
    interval.fill("-1 s")
    sheet.locator(".is-main").click()
    (told,) = editor.toasts()
    assert told.startswith("“-1 s” does not fit here. ") and interval.get_attribute("aria-invalid") == "true"
    assert sheet.is_visible() and times_of(editor) == before
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Dismiss this message").click()

    # A group: a click on one hit chooses both, a copy is a group of its own, and Alt takes one alone.
    times = [click_hit(editor, 0), click_hit(editor, 1, "Shift")]
    press(editor, "Control+g")
    page.keyboard.press("Escape")
    click_hit(editor, 1)
    assert chosen_times(editor) == times
    press(editor, "ArrowRight")
    assert times_of(editor)[:2] == pytest.approx([time_s + frame_s for time_s in times])
    press(editor, "Control+d")
    editor.wait("() => [...new Set(window.struck.store.view.project.hits.map((hit) => hit.group))].length === 3")
    click_hit(editor, 0, "Alt")
    assert chosen_times(editor) == pytest.approx([times[0] + frame_s])
    page.get_by_role("tab", name="List").click()
    assert page.get_by_role("columnheader", name="Group").is_visible()
    for _ in range(3):
        press(editor, "Control+z")
    assert times_of(editor) == before

    # A marker at the playhead, named as it comes, moved by a frame, found again and deleted.
    editor.see("void window.struck.player.seek(2)")
    page.keyboard.press("Shift+N")
    page.get_by_label("Name of the marker").fill("lid falls")
    press(editor, "Enter")
    press(editor, "ArrowRight")
    (marker,) = editor.project["markers"]
    assert (marker["name"], marker["time_s"]) == ("lid falls", pytest.approx(2 + frame_s))
    page.keyboard.press("Home")
    page.keyboard.press("}")
    assert editor.see("window.struck.player.time_s") == pytest.approx(2 + frame_s)
    page.get_by_role("button", name="lid falls").focus()
    press(editor, "Delete")
    assert editor.project["markers"] == []
    for _ in range(4):
        press(editor, "Control+z")

    # A bounce from a hit: every flight shorter and softer by the same ratio, as one entry of the history.
    click_hit(editor, 0)
    page.keyboard.press("b")
    sheet = page.get_by_role("dialog", name="Pattern of blows")
    sheet.get_by_role("button", name="Bounce").click()
    act(editor, lambda: sheet.locator(".is-main").click())
    start = editor.project["hits"][0]
    bounces = [start, *(hit for hit in editor.project["hits"] if hit["time_s"] not in before)]
    assert len(bounces) == 13 and {hit["sound_id"] for hit in bounces} == {start["sound_id"]}
    for number, (hit, later) in enumerate(itertools.pairwise(bounces)):
        assert later["time_s"] - hit["time_s"] == pytest.approx(0.5 * 0.72**number, abs=1e-9)
        assert later["velocity_db"] - hit["velocity_db"] == pytest.approx(20 * math.log10(0.72), abs=1e-3)
    press(editor, "Control+z")
    assert times_of(editor) == before

    # Steps at the playhead on gravel: pairs of hits in groups, with the sound that the words find in the bank.
    known = {hit["id"] for hit in editor.project["hits"]}
    editor.see("void window.struck.store.select({ hits: new Set() })")
    editor.see("void window.struck.player.seek(2)")
    page.keyboard.press("b")
    sheet.get_by_role("button", name="Steps").click()
    sheet.get_by_label("Gait").select_option("Stairs, down")
    sheet.get_by_label("Surface").select_option("Gravel")
    sheet.locator(".is-main").click()
    editor.wait("() => window.struck.store.view.project.sounds.some((sound) => /^gravel/i.test(sound.name))")
    steps = [hit for hit in editor.project["hits"] if hit["id"] not in known]
    assert len(steps) == 16 and len({hit["group"] for hit in steps}) == 8
    assert [hit["name"] for hit in steps[:4]] == ["Ball", "Heel", "Ball", "Heel"]
    (sound_id,) = {hit["sound_id"] for hit in steps}
    assert next(s for s in editor.project["sounds"] if s["id"] == sound_id)["name"].lower().startswith("gravel")


def test_keys_reach_hits_at_one_time_and_steps_of_one_kind_are_one_entry(editor: Editor) -> None:
    page, first = editor.page, min(editor.project["hits"], key=lambda hit: hit["time_s"])
    edit = {"kind": "add_hit", "time_s": first["time_s"], "velocity_db": -6, "sound_id": first["sound_id"]}
    act(editor, lambda: page.evaluate("(edit) => window.struck.store.edit(edit)", edit))
    editor.see("void (window.struck.store.select({ hits: new Set() }), window.struck.player.seek(0))")
    visited = []
    for key in ("]", "]", "]", "[", "["):
        page.keyboard.press(key)
        visited += editor.see("[...window.struck.store.selection.hits]")
    one, other, third = visited[:3]
    assert editor.hit(one)["time_s"] == editor.hit(other)["time_s"] == first["time_s"] and len({one, other, third}) == 3
    assert visited[3:] == [other, one]

    # An arrow to the side and one up in quick succession are two entries, each with its own name.
    before = editor.hit(one)
    press(editor, "ArrowRight")
    press(editor, "ArrowUp")
    assert editor.hit(one)["time_s"] > before["time_s"] and editor.hit(one)["velocity_db"] != before["velocity_db"]
    press(editor, "Control+z")
    assert editor.hit(one)["time_s"] > before["time_s"] and editor.hit(one)["velocity_db"] == before["velocity_db"]
    press(editor, "Control+z")
    assert editor.hit(one) == before


def test_takes_of_a_hit_are_heard_kept_and_dealt(editor: Editor) -> None:
    page, hits = editor.page, editor.project["hits"]
    click_hit(editor, 2)
    page.keyboard.press("v")
    sheet = page.get_by_role("dialog", name="Takes")
    editor.wait("() => document.querySelectorAll('.arr-take:not(.is-waiting)').length === 8")
    page.keyboard.press("5")
    sheet.get_by_role("button", name="More").click()  # the take chosen before is no longer on show
    editor.wait("() => document.querySelectorAll('.arr-take:not(.is-waiting)').length === 8")
    assert sheet.get_by_role("button", name="Keep").is_disabled()
    page.keyboard.press("3")
    editor.change(lambda: sheet.get_by_role("button", name="Keep").click())
    kept = editor.hit(hits[2]["id"])
    assert kept["seed"] != hits[2]["seed"] and {**kept, "seed": hits[2]["seed"], "touched": False} == hits[2]

    # A hit that becomes a scrape while the sheet is open has other takes.
    page.keyboard.press("v")
    editor.see("void (window.takes = 0, window.struck.store.on('take', () => window.takes++))")
    stroke = {"length_s": 0.3, "speeds": [0, 1, 0], "top_speed_m_per_s": 0.5, "grain_mm": 2}
    edit = {"kind": "set_hits", "ids": [kept["id"]], "values": {"stroke": stroke}}
    act(editor, lambda: page.evaluate("(edit) => window.struck.store.edit(edit)", edit))
    editor.wait("() => window.takes >= 8")
    page.keyboard.press("Escape")
    press(editor, "Control+z")

    # Two takes with a star are dealt to all hits, in turn where there are two.
    page.keyboard.press("Control+a")
    page.keyboard.press("v")
    for number in (2, 5):
        sheet.get_by_role("button", name=f"Star take {number}").click()
    editor.change(lambda: sheet.get_by_role("button", name=f"Deal to {len(hits)} hits").click())
    dealt = [hit["seed"] for hit in editor.project["hits"]]
    assert len(set(dealt)) == 2 and all(a != b for a, b in itertools.pairwise(dealt))
    press(editor, "Control+z")


def test_a_list_replaces_the_hits_once_and_a_dropped_one_adds(editor: Editor, tmp_path: Path) -> None:
    page, before = editor.page, len(editor.project["hits"])
    spots = tmp_path / "spots.csv"
    spots.write_text("time_s,name\n1.5,lid\n2.5,pot\n")
    page.get_by_role("tab", name="List").click()

    # Replace is asked for, and no file chosen: the next time the sheet adds.
    sheet, opens = page.get_by_role("dialog", name="Import hits"), page.get_by_role("button", name="Import…")
    replaces = sheet.get_by_role("button", name="Replace the hits")
    opens.click()
    replaces.click()
    sheet.get_by_label("Frame rate of the list's timecode").fill("30")
    page.keyboard.press("Escape")
    opens.click()
    assert replaces.get_attribute("aria-pressed") == "false"
    assert sheet.get_by_label("Frame rate of the list's timecode").input_value() == "as the list tells"

    replaces.click()
    with page.expect_file_chooser() as chooser:
        sheet.get_by_role("button", name="Choose a file…").click()
    act(editor, lambda: chooser.value.set_files(spots))
    assert times_of(editor) == [1.5, 2.5]
    assert editor.see("window.struck.store.view.undo") == f"Import 2 hits in place of {before}"
    page.get_by_text(f"{before} hits replaced by 2 hits from spots.csv").wait_for()

    drop = """() => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File(["time_s,name\\n4.0,spoon\\n"], "more.csv", { type: "text/csv" }));
      dataTransfer.items.add(new File(["5.0\\t5.0\\tpan\\n"], "labels.txt", { type: "text/plain" }));
      for (const kind of ["dragenter", "dragover", "drop"])
        document.body.dispatchEvent(new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true }));
    }"""
    act(editor, lambda: page.evaluate(drop))
    editor.wait("() => window.struck.store.acknowledged.project.hits.length === 4")
    assert times_of(editor) == [1.5, 2.5, 4.0, 5.0]
    assert editor.see("window.struck.store.view.undo") == "Import hit"


def test_the_list_shares_the_selection_and_its_cells_are_edited(editor: Editor, tmp_path: Path) -> None:
    page, before = editor.page, times_of(editor)
    page.get_by_role("tab", name="List").click()
    table = page.get_by_role("grid", name="Hits")
    rows = table.locator(".arr-inner .arr-row")
    assert rows.count() == len(before)

    # A hit chosen in the timeline is chosen in the list, and the other way round.
    click_hit(editor, 2)
    assert table.locator(".arr-row.is-on .is-number").inner_text() == "3"
    rows.nth(4).locator(".is-velocity").click()
    assert chosen_times(editor) == [before[4]]
    assert editor.see("window.struck.player.time_s") == pytest.approx(before[4])
    page.keyboard.press("Shift+ArrowDown")
    assert chosen_times(editor) == before[4:6]

    # The velocity of both is typed; a time is typed as frames from where the hit is; what does not fit is told.
    act(editor, lambda: (page.keyboard.type("-3.5"), page.keyboard.press("Enter")))
    chosen = editor.see("[...window.struck.store.selection.hits]")
    assert [hit["velocity_db"] for hit in editor.project["hits"] if hit["id"] in chosen] == [-3.5, -3.5]
    rows.nth(0).locator(".is-time").dblclick()
    field = page.get_by_label("Timecode of hit 1")
    field.fill("soon")
    page.keyboard.press("Enter")
    assert "is-wrong" in (field.get_attribute("class") or "") and field.get_attribute("aria-invalid") == "true"
    field.fill("-500 s")
    page.keyboard.press("Enter")
    nonsense, outside = editor.toasts()
    assert nonsense.startswith("“soon” does not fit here. Timecode, frames")
    length_s = editor.project["clip"]["duration_s"]
    assert outside == f"“-500 s” lies outside the clip; give a time from 0 to {length_s:.3f} s."
    frame_s = 1 / editor.see("window.struck.timeline.scale.rate")
    field.fill("-2 f")
    act(editor, lambda: page.keyboard.press("Enter"))
    assert times_of(editor)[0] == pytest.approx(before[0] - 2 * frame_s)
    assert page.evaluate("document.activeElement.getAttribute('role')") == "grid"
    for _ in range(2):
        page.get_by_role("button", name="Dismiss this message").first.click()

    # A name and a sound; then by name, whose row comes first.
    rows.nth(6).locator(".is-name").dblclick()
    page.keyboard.type("lid falls")
    act(editor, lambda: page.keyboard.press("Enter"))
    rows.nth(6).locator(".is-sound").dblclick()
    last_sound = editor.project["sounds"][-1]
    act(editor, lambda: page.locator("select.arr-field").select_option(last_sound["id"]))
    page.get_by_role("columnheader", name="Name").click()
    assert rows.nth(0).inner_text().split("\n")[-2:] == [last_sound["name"], "lid falls"]

    # A spotting list: its hits come in one step.
    spots = tmp_path / "spots.csv"
    spots.write_text("timecode,name\n00:00:01:15,lid\n00:00:02:00,\n")
    page.get_by_role("button", name="Import…").click()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a file…").click()
    act(editor, lambda: chooser.value.set_files(spots))
    editor.wait("() => window.struck.store.view.undo === 'Import 2 hits'")

    # Five hundred hits: the list draws what is in sight, and finds the last one by one key.
    hits = [{"time_s": 0.01 * k, "mute": True} for k in range(486)]  # muted ones are not sampled
    page.evaluate("(hits) => window.struck.store.edit({ kind: 'add_hits', hits })", hits)
    editor.wait("() => window.struck.store.view.project.hits.length === 500")
    assert rows.count() < 60
    page.get_by_role("columnheader", name="Timecode").click()
    table.focus()
    page.keyboard.press("End")
    assert table.locator(".arr-row.is-on .is-number").inner_text() == "500"
    page.keyboard.press("Control+z")


def test_a_time_that_is_typed_as_it_was_is_shown_as_others_are(editor: Editor) -> None:
    page = editor.page
    hit = editor.project["hits"][0]
    place = editor.locate_hit(hit["id"])
    page.mouse.click(place["x"], place["y"])
    page.get_by_role("tab", name="Hit", exact=True).click()
    field = page.get_by_label("Time, timecode", exact=True)
    shown = field.input_value()
    field.fill(f"{1000.0 * hit['time_s']:.6f} ms")
    field.press("Enter")
    expect(field).to_have_value(shown)
    assert not editor.see("window.struck.store.view.undo")  # nothing was changed


def test_a_hit_that_is_deleted_under_the_hand_is_let_go(editor: Editor) -> None:
    page, before = editor.page, times_of(editor)
    click_hit(editor, 3)
    click_hit(editor, 4, "Shift")
    (place,) = [editor.locate_hit(hit["id"]) for hit in editor.project["hits"] if hit["time_s"] == before[4]]
    page.mouse.move(place["x"], place["y"])
    page.mouse.down()
    page.mouse.move(place["x"] + 30, place["y"], steps=3)
    press(editor, "Delete")
    page.mouse.move(place["x"] + 60, place["y"], steps=3)
    page.mouse.up()
    editor.wait("() => !window.struck.store.isSending")
    assert times_of(editor) == before[:3] + before[5:] and not editor.toasts()
    press(editor, "Control+z")
    assert times_of(editor) == before
