"""A silent film whose object the picture does not tell: it is asked for, and its hits are sampled once it is named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from engine.core.paths import ASSETS
from tests.browser.struck_page import Editor
from tests.browser.test_opening import drop


def test_what_is_struck_is_asked_and_its_choice_is_sampled(editor: Editor, tmp_path: Path) -> None:
    page = editor.page
    shutil.copy(ASSETS / "demo_silent.mp4", tmp_path / "mime.mp4")
    project = json.loads((ASSETS / "demo_silent.struck.json").read_text())
    project["clip"] |= {"path": str(tmp_path / "mime.mp4"), "relative_path": "mime.mp4"}
    for sound in project["sounds"]:
        sound["source"] = {"kind": "preset", "name": sound["name"], "reason": "unsure"}
        sound["modes"]["frequency_hz"] = [1.03 * value for value in sound["modes"]["frequency_hz"]]  # never rendered
    (tmp_path / "mime.struck.json").write_text(json.dumps(project))
    drop(editor, tmp_path / "mime.struck.json", "application/json")
    editor.wait("() => window.struck.store.view?.project?.clip.name === 'mime.mp4'")
    count = len(editor.project["hits"])
    pill = page.locator(".st-pill")
    pill.get_by_text(f"What is struck? {count} hits wait for your choice").wait_for()
    assert not editor.see("window.struck.store.rendered.size")
    editor.wait(f"() => document.querySelector('.st-hidden[role=status]').textContent.includes('{count} hits wait')")
    pill.get_by_role("button", name="Choose", exact=True).click()
    assert page.get_by_role("tab", name="Find", exact=True).get_attribute("aria-selected") == "true"
    asked = editor.project["sounds"][0]
    own = [hit["id"] for hit in editor.project["hits"] if hit["sound_id"] == asked["id"]]
    page.get_by_label("What is struck, in words").fill("wooden box")
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
