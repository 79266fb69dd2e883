"""The page's keys in a real browser: what has the focus keeps its own keys, and all others are the page's."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import expect

from tests.browser.struck_page import Editor


def chosen(editor: Editor) -> list[str]:
    hits: list[str] = editor.see("[...window.struck.store.selection.hits]")
    return hits


def choose_first(editor: Editor) -> dict[str, Any]:
    """Choose the first hit, with the focus nowhere and the Hit tab open."""
    editor.page.get_by_role("tab", name="Hit", exact=True).click()
    editor.see("document.activeElement.blur()")
    first: dict[str, Any] = min(editor.project["hits"], key=lambda hit: float(hit["time_s"]))
    editor.page.evaluate("(id) => window.struck.store.select({ hits: new Set([id]) })", first["id"])
    return first


def test_a_slider_and_a_select_keep_no_keys_but_their_own(editor: Editor) -> None:
    page, first = editor.page, choose_first(editor)
    slider = page.get_by_role("slider", name="Velocity").first
    slider.focus()
    editor.change(lambda: slider.press("ArrowRight"))
    assert chosen(editor) == [first["id"]]
    page.keyboard.press("]")
    assert chosen(editor) != [first["id"]]
    slider.focus()
    editor.change(lambda: page.keyboard.press("Delete"))
    assert len(chosen(editor)) < 2
    editor.change(lambda: page.keyboard.press("Control+z"))
    choose_first(editor)
    sound = page.get_by_role("combobox", name="Sound", exact=True).first
    other = next(one["name"] for one in editor.project["sounds"] if one["id"] != first["sound_id"])
    editor.change(lambda: sound.select_option(label=other))
    sound.focus()
    editor.change(lambda: page.keyboard.press("Control+z"))
    assert next(hit for hit in editor.project["hits"] if hit["id"] == first["id"])["sound_id"] == first["sound_id"]
    editor.change(lambda: page.keyboard.press("Control+z"))  # the velocity


def test_a_text_field_enters_what_is_typed_before_a_command(editor: Editor) -> None:
    page, first = editor.page, choose_first(editor)
    field = page.get_by_label("Name of the hit")
    field.click()
    field.press_sequentially("knock")
    page.keyboard.press("Control+a")  # of the text
    assert chosen(editor) == [first["id"]]
    editor.change(lambda: page.keyboard.press("Control+k"))
    palette = page.get_by_role("dialog", name="All actions")
    expect(palette).to_be_visible()
    assert next(hit for hit in editor.project["hits"] if hit["id"] == first["id"])["name"] == "knock"
    page.keyboard.press("Escape")
    editor.change(lambda: page.keyboard.press("Control+z"))


def test_the_palette_scrolls_its_list_alone(editor: Editor) -> None:
    editor.page.keyboard.press("Control+k")
    over = "(list) => [list, list.closest('.st-scrim')].map((held) => held.scrollHeight - held.clientHeight)"
    of_list, of_page = editor.page.locator(".act-list").evaluate(over)
    assert of_list > 0 and of_page == 0
    editor.page.keyboard.press("Escape")


def test_sheets_are_shown_one_at_a_time_and_escape_closes_one_that_has_no_focus(editor: Editor) -> None:
    page, first = editor.page, choose_first(editor)
    sheets = page.locator(".arr-sheet:visible")
    page.keyboard.press("q")
    expect(sheets).to_have_count(1)
    editor.see("document.activeElement.blur()")
    page.keyboard.press("b")
    expect(sheets).to_have_count(1)
    assert sheets.get_attribute("aria-label") == "Pattern of blows"
    editor.see("document.activeElement.blur()")
    page.keyboard.press("Control+k")  # it lies over the sheet
    box = page.get_by_role("dialog", name="All actions").bounding_box()
    assert box
    on_top = "([x, y]) => Boolean(document.elementFromPoint(x, y).closest('.act-palette'))"
    assert page.evaluate(on_top, [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2])
    page.keyboard.press("Escape")
    editor.see("document.activeElement.blur()")
    page.keyboard.press("Escape")
    expect(sheets).to_have_count(0)
    assert chosen(editor) == [first["id"]]


def test_keys_are_the_hits_again_once_one_is_gone_to(editor: Editor) -> None:
    page = editor.page
    choose_first(editor)
    mark = "void window.struck.store.edit({ kind: 'add_marker', time_s: 0.3, name: 'mark' }, 'mark')"
    editor.change(lambda: editor.see(mark))
    page.locator(".arr-flag").first.focus()
    page.keyboard.press("]")
    editor.change(lambda: page.keyboard.press("ArrowRight"))
    assert editor.see("window.struck.store.view.undo") == "Move hit"
    editor.change(lambda: page.keyboard.press("Control+z"))
    threshold = page.locator(".st-threshold")
    threshold.focus()
    page.keyboard.press("[")
    editor.change(lambda: page.keyboard.press("ArrowUp"))
    assert editor.see("window.struck.store.view.undo") != "Move threshold"
    editor.change(lambda: page.keyboard.press("Control+z"))
    editor.change(lambda: page.keyboard.press("Control+z"))  # the marker
