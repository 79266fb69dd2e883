"""A silent film whose object the picture does not tell: it is asked for, and its hits are sampled once it is named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from engine.core.paths import ASSETS
from tests.browser.layout_checks import CUT_TEXTS, OUTSIDE
from tests.browser.struck_page import Editor
from tests.browser.test_opening import drop


def open_unrecognised(editor: Editor, tmp_path: Path, stretch: float) -> int:
    """Open a project whose sounds the picture did not tell and that was never rendered; the number of its hits."""
    shutil.copy(ASSETS / "demo_silent.mp4", tmp_path / "mime.mp4")
    project = json.loads((ASSETS / "demo_silent.struck.json").read_text())
    project["clip"] |= {"path": str(tmp_path / "mime.mp4"), "relative_path": "mime.mp4"}
    for sound in project["sounds"]:
        sound["source"] = {"kind": "preset", "name": sound["name"], "reason": "unsure"}
        sound["modes"]["frequency_hz"] = [stretch * value for value in sound["modes"]["frequency_hz"]]  # never rendered
    (tmp_path / "mime.struck.json").write_text(json.dumps(project))
    drop(editor, tmp_path / "mime.struck.json", "application/json")
    editor.wait("() => window.struck.store.view?.project?.clip.name === 'mime.mp4'")
    return len(editor.project["hits"])


def test_what_is_struck_is_asked_and_its_choice_is_sampled(editor: Editor, tmp_path: Path) -> None:
    page = editor.page
    editor.follow_announcements()
    count = open_unrecognised(editor, tmp_path, 1.03)
    pill = page.locator(".st-pill")
    pill.get_by_text(f"What is struck? {count} hits wait for your choice").wait_for()
    assert not editor.see("window.struck.store.rendered.size")
    editor.wait_for_announcement(f"{count} hits wait")
    pill.get_by_role("button", name="Choose", exact=True).click()
    assert page.get_by_role("tab", name="Find", exact=True).get_attribute("aria-selected") == "true"
    words = page.get_by_label("What is struck, in words")
    assert words.evaluate("(field) => field === document.activeElement")
    asked = editor.project["sounds"][0]
    own = [hit["id"] for hit in editor.project["hits"] if hit["sound_id"] == asked["id"]]
    words.fill("wooden box")
    page.keyboard.press("Enter")
    page.locator(".find-use").first.click()
    pill.get_by_text(f"What is struck? {count - len(own)} hits wait for your choice").wait_for()
    assert sorted(editor.see("[...window.struck.store.rendered.keys()]")) == sorted(own)
    pill.get_by_role("button", name="Sample anyway", exact=True).click()
    editor.wait("(count) => window.struck.store.rendered.size === count", count)
    assert pill.get_by_role("button", name="Choose", exact=True).is_hidden()

    # A press in Find gives one sound to all chosen hits, whatever they were; one step of the history takes it back.
    before = {hit["id"]: hit["sound_id"] for hit in editor.project["hits"]}
    page.evaluate("window.struck.player.pause()")
    page.locator("canvas.st-lanes").focus()
    page.keyboard.press("Control+a")
    name = page.locator(".find-name").nth(1).inner_text()
    page.locator(".find-use").nth(1).click()
    editor.wait("() => new Set(window.struck.store.view.project.hits.map((hit) => hit.sound_id)).size === 1")
    struck = editor.project["hits"][0]["sound_id"]
    assert name.startswith(next(s["name"] for s in editor.project["sounds"] if s["id"] == struck)[:10])
    editor.wait_for_sound()
    page.evaluate("window.struck.player.pause()")
    page.get_by_role("button", name="Back", exact=True).click()
    editor.wait("() => new Set(window.struck.store.view.project.hits.map((hit) => hit.sound_id)).size === 3")
    assert {hit["id"]: hit["sound_id"] for hit in editor.project["hits"]} == before


@pytest.mark.parametrize("size", [(820, 1100), (1100, 720), (1440, 900)])
def test_the_question_and_every_material_can_be_read(editor: Editor, tmp_path: Path, size: tuple[int, int]) -> None:
    page = editor.page
    count = open_unrecognised(editor, tmp_path, 1.04)
    page.set_viewport_size({"width": size[0], "height": size[1]})
    pill = page.locator(".st-pill")
    asked = "What is struck?" if size[0] == 1100 else f"What is struck? {count} hits wait for your choice"
    pill.get_by_text(asked, exact=True).locator("visible=true").wait_for()
    assert page.locator(".st-name").bounding_box()["width"] > 30  # type: ignore[index]
    assert page.evaluate(CUT_TEXTS, ".st-top span") == []
    pill.get_by_role("button", name="Choose", exact=True).click()
    choices = page.locator(".find-choices")
    choices.wait_for()
    assert choices.evaluate("(element) => element.scrollHeight - element.clientHeight") <= 0
    assert page.evaluate(OUTSIDE, [".st-top > *", "body"]) == []
    assert page.evaluate(OUTSIDE, [".find-choices button, .find-foot *", ".find-panel"]) == []
    page.set_viewport_size({"width": 1440, "height": 900})
