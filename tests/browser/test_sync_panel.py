"""The sync meter in a real browser: lag, a shift of all, and the blows that are off, walked through and mended."""

from __future__ import annotations

import pytest

from tests.browser.struck_page import Editor


def test_the_meter_shows_a_lag_shifts_it_away_and_walks_through_what_is_off(editor: Editor) -> None:
    page = editor.page
    ids = [hit["id"] for hit in sorted(editor.project["hits"], key=lambda hit: hit["time_s"])]
    editor.see(f"void window.struck.store.edit({{ kind: 'move_hits', ids: {ids}, delta_s: 0.08 }})")
    page.get_by_role("button", name="Sync", exact=True).click()
    panel = page.get_by_role("dialog", name="Sync meter")
    shift = panel.get_by_role("button", name="Shift all by")
    shift.wait_for()
    words = panel.locator(".sync-words")
    assert "late" in words.inner_text() and "% sure" in words.inner_text()
    assert panel.get_by_role("option").count() == len(ids)  # all are off by more than half a frame
    shift.click()
    editor.wait("() => window.struck.store.view.undo === 'Move 12 hits' || !window.struck.store.isSending")
    panel.get_by_text("None.").wait_for()

    page.evaluate("(id) => window.struck.store.edit({ kind: 'move_hits', ids: [id], delta_s: 0.1 })", ids[3])
    row = panel.get_by_role("option")
    row.wait_for()
    assert row.count() == 1
    panel.get_by_role("listbox").focus()
    page.keyboard.press("ArrowDown")
    assert editor.see("[...window.struck.store.selection.hits]") == [ids[3]]
    assert editor.see("window.struck.player.time_s") == pytest.approx(editor.hit(ids[3])["time_s"] - 0.1, abs=0.04)
    panel.get_by_role("button", name="Move it to the picture").click()
    panel.get_by_text("None.").wait_for()

    lost = editor.hit(ids[5])
    page.evaluate("(id) => window.struck.store.edit({ kind: 'delete_hits', ids: [id] }, 'g')", ids[5])
    panel.get_by_role("button", name="Seen only").click()
    row.wait_for()
    panel.get_by_role("listbox").focus()
    page.keyboard.press("ArrowDown")
    left = sorted(hit["velocity_db"] for hit in editor.project["hits"])
    editor.change(lambda: panel.get_by_role("button", name="Add a hit here").click())
    (added,) = (hit for hit in editor.project["hits"] if hit["id"] not in ids)
    assert added["time_s"] == pytest.approx(lost["time_s"], abs=0.04) and added["velocity_db"] == left[len(left) // 2]
    page.keyboard.press("Escape")
    assert panel.is_hidden() and not editor.problems


def test_the_lane_offers_what_is_left_once_the_hits_were_shifted(editor: Editor) -> None:
    ids = [hit["id"] for hit in editor.project["hits"]]
    editor.see("void (window.struck.store.media.lag_s = -0.019, window.struck.store.emit('media'))")
    page = editor.page
    page.get_by_role("button", name="Shift all −19 ms").wait_for()
    move = f"void window.struck.store.edit({{ kind: 'move_hits', ids: {ids}, delta_s: 0.12 }})"
    editor.change(lambda: editor.see(move))
    left = page.get_by_role("button", name="Shift all −139 ms")
    left.wait_for()
    editor.change(left.click)
    followed = page.get_by_role("button", name="Follow the picture")
    followed.wait_for()
    assert followed.is_disabled()
    for i, hit_id in enumerate(ids):
        moved = f"{{ kind: 'move_hits', ids: ['{hit_id}'], delta_s: {0.03 * i} }}"
        editor.see(f"void window.struck.store.edit({moved}, 'apart')")
    page.locator(".is-lag").wait_for(state="hidden")  # no one shift is right for all
    editor.wait("() => !window.struck.store.isSending")


def test_a_shift_says_which_hits_the_start_of_the_clip_holds_and_undo_is_exact(editor: Editor) -> None:
    page = editor.page
    editor.change(lambda: editor.see("void window.struck.store.edit({ kind: 'add_hit', time_s: 0.03 })"))
    editor.see("void (window.struck.store.media.lag_s = -0.075)")  # as of a clip whose picture is early
    editor.change(lambda: editor.see("void window.struck.store.edit({ kind: 'add_hit', time_s: 2.5 })"))
    before = {hit["id"]: hit["time_s"] for hit in editor.project["hits"]}
    shift = page.get_by_role("button", name="Shift all −75 ms")
    shift.wait_for()
    assert "1 hit stops at the clip's start" in (shift.get_attribute("title") or "")
    editor.change(shift.click)
    assert any("1 hit stops at the clip's start and cannot move so far" in text for text in editor.toasts())
    now = {hit["id"]: hit["time_s"] for hit in editor.project["hits"]}
    assert min(now.values()) == 0.0
    editor.change(lambda: page.keyboard.press("Control+z"))
    assert {hit["id"]: hit["time_s"] for hit in editor.project["hits"]} == before
