"""What comes late in a real browser: answers, uploads and ends of work that meet another choice, clip or connection."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from engine.core.paths import ASSETS
from tests.browser.struck_page import Editor

DROP = """(names) => {
  const dataTransfer = new DataTransfer();
  for (const name of names) dataTransfer.items.add(new File(["file"], name));
  document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
}"""
SETTLE = "new Promise((done) => setTimeout(done, 100))"  # what was answered is taken in


@pytest.fixture
def asked(editor: Editor) -> Iterator[Editor]:
    """The demo; what is asked of the server in ``window.unanswered`` is kept in ``window.asked`` instead."""
    editor.see(
        """() => {
          const { store } = window.struck;
          const { send } = store;
          Object.assign(window, { asked: [], unanswered: [] });
          store.send = (message) => {
            if (!window.unanswered.includes(message.type)) return send(message);
            return window.asked.push(message) > 0;
          };
          window.mend = () => { store.send = send; };
        }"""
    )
    yield editor
    editor.see("window.mend()")


@pytest.fixture
def held(editor: Editor) -> Iterator[list[Route]]:
    """Uploads on their way, none of which arrives by itself."""
    routes: list[Route] = []
    editor.page.route("**/struck/upload*", lambda route: routes.append(route))
    yield routes
    editor.page.unroute("**/struck/upload*")


def wait_for_uploads(editor: Editor, held: list[Route], count: int) -> None:
    for _ in range(500):
        if len(held) >= count:
            return
        editor.page.wait_for_timeout(20)
    raise AssertionError(f"{len(held)} of {count} uploads were begun")


def arrive(editor: Editor, upload: Route) -> None:
    upload.fulfill(json={"path": f"upload:{upload.request.url.rpartition('name=')[2]}"})
    editor.see(SETTLE)


def hold_back(editor: Editor, *kinds: str) -> None:
    editor.page.evaluate("(kinds) => void (window.unanswered = kinds)", list(kinds))


def tell(editor: Editor, event: str, **message: object) -> None:
    """Have the store tell of something as if the server had."""
    editor.page.evaluate("([event, message]) => window.struck.store.emit(event, message)", [event, message])


def lose_connection(editor: Editor) -> None:
    editor.see("window.struck.store.emit('connection', 'lost')")
    editor.see("window.struck.store.emit('connection', 'open')")


def test_the_best_that_words_find_goes_only_to_what_was_chosen_when_they_were_asked(editor: Editor) -> None:
    before = editor.project["sounds"]
    editor.see(
        """() => {
          const { store, inspector } = window.struck;
          const [first] = store.view.project.hits;
          const other = store.view.project.hits.find((hit) => hit.sound_id !== first.sound_id);
          const choose = ({ id, sound_id }) => store.select({ hits: new Set([id]), soundId: sound_id });
          choose(first);
          inspector.findSound("footsteps on gravel");
          choose(other);
        }"""
    )
    editor.page.locator(".find-row").first.wait_for()
    editor.see(SETTLE)
    editor.wait("() => !window.struck.store.isSending")
    assert editor.project["sounds"] == before and not editor.see("window.struck.store.view.undo")


def test_an_upload_that_arrives_after_another_clip_was_opened_changes_nothing_in_it(
    asked: Editor, held: list[Route], tmp_path: Path
) -> None:
    page = asked.page
    changes = ["sound_from_file", "import_hits", "conform"]
    hold_back(asked, *changes)
    for name in ("recut.mp4", "ping.wav"):
        (tmp_path / name).write_bytes(b"file")

    def bring_in() -> None:
        page.evaluate(DROP, ["knock.wav"])
        page.evaluate(DROP, ["cues.csv"])
        page.locator(".ins-sound-head input[type=file]").set_input_files(tmp_path / "ping.wav")
        page.get_by_label("Recut of the clip", exact=True).set_input_files(tmp_path / "recut.mp4")
        wait_for_uploads(asked, held, 4)

    def arrive_all() -> list[str]:
        while held:
            arrive(asked, held.pop())
        return sorted(asked.see("window.asked.map((message) => message.type)"))

    page.get_by_role("tab", name="Sound", exact=True).click()
    bring_in()
    assert arrive_all() == sorted([*changes, "sound_from_file"])
    asked.see("void (window.asked = [])")
    bring_in()
    asked.open_demo("silent")
    assert arrive_all() == []


def test_recordings_that_are_dropped_while_others_are_on_their_way_are_added_too(
    asked: Editor, held: list[Route]
) -> None:
    page = asked.page
    hold_back(asked, "add_to_bank")
    page.get_by_role("tab", name="Find", exact=True).click()
    page.evaluate(DROP, ["a1.wav", "a2.wav"])
    wait_for_uploads(asked, held, 1)
    page.evaluate(DROP, ["b1.wav", "b2.wav", "b3.wav"])
    wait_for_uploads(asked, held, 2)
    for number in range(5):
        wait_for_uploads(asked, held, number + 1)
        arrive(asked, held[number])
    added = asked.see("window.asked.map((message) => message.paths)")
    assert sorted(added) == [["upload:a1.wav", "upload:a2.wav"], ["upload:b1.wav", "upload:b2.wav", "upload:b3.wav"]]

    told = page.locator(".find-told")
    expect(told).to_contain_text("Measuring")
    tell(asked, "status", **asked.see("window.struck.store.status") | {"phase": "cancelled"})
    assert told.is_hidden()


@pytest.mark.parametrize("ending", ["error", "lost"])
def test_drawing_ends_with_a_refusal_or_the_connection(asked: Editor, ending: str) -> None:
    page = asked.page
    hold_back(asked, "picture_sound")
    page.get_by_role("tab", name="Find", exact=True).click()
    draw = page.get_by_role("button", name="Picture it", exact=True)
    draw.click()
    assert draw.is_disabled()
    if ending == "lost":
        lose_connection(asked)
    else:
        tell(asked, "error", type="error", message="no")
    assert draw.is_enabled() and page.locator(".find-drawn-words").inner_text() == ""


def open_from_save_menu(editor: Editor, name: str) -> None:
    editor.page.get_by_role("button", name="More ways to save").click()
    editor.page.get_by_role("menuitem", name=name).click()


def test_an_animatic_that_is_refused_or_lost_can_be_made_again(asked: Editor) -> None:
    page = asked.page
    open_from_save_menu(asked, "Make an animatic")
    panel = page.get_by_role("dialog", name="Make an animatic")
    go = panel.get_by_role("button", name="Make", exact=True)
    hold_back(asked, "make_animatic")
    go.click()
    assert go.is_hidden()
    lose_connection(asked)
    assert go.is_visible()

    hold_back(asked)
    ids = [hit["id"] for hit in asked.project["hits"]]
    asked.see(f"void window.struck.store.edit({{ kind: 'delete_hits', ids: {ids} }})")
    asked.wait("() => !window.struck.store.isSending")
    go.click()
    page.get_by_text("the project has no hits yet").wait_for()
    expect(go).to_be_visible()
    page.keyboard.press("Escape")


def test_a_still_chosen_while_a_picture_is_on_its_way_stays(editor: Editor, held: list[Route], tmp_path: Path) -> None:
    page = editor.page
    open_from_save_menu(editor, "Make an animatic")
    panel = page.get_by_role("dialog", name="Make an animatic")
    (tmp_path / "still.png").write_bytes(b"file")
    panel.get_by_label("Picture to animate").set_input_files(tmp_path / "still.png")
    wait_for_uploads(editor, held, 1)
    panel.get_by_role("button", name="Current frame").click()
    frame = panel.locator(".anim-still").get_attribute("src")
    arrive(editor, held[0])
    assert panel.locator(".anim-still").get_attribute("src") == frame
    page.keyboard.press("Escape")


def test_a_storyboard_whose_connection_is_lost_can_be_made_again(asked: Editor) -> None:
    page = asked.page
    hold_back(asked, "make_storyboard")
    page.get_by_role("tab", name="Find", exact=True).click()
    page.get_by_role("button", name="Storyboard…", exact=True).click()
    go = page.get_by_role("dialog", name="Storyboard").get_by_role("button", name="Make", exact=True)
    go.click()
    assert go.is_hidden()
    lose_connection(asked)
    assert go.is_visible()
    page.keyboard.press("Escape")


def test_the_meter_goes_on_after_the_end_of_the_measurement_before_and_ends_with_the_connection(asked: Editor) -> None:
    page = asked.page
    hold_back(asked, "measure_sync")
    page.get_by_role("button", name="Sync", exact=True).click()
    panel = page.get_by_role("dialog", name="Sync meter")
    stop, words = panel.get_by_role("button", name="Stop", exact=True), panel.locator(".sync-words")
    assert stop.is_visible()
    tell(asked, "sync_stopped", type="sync_stopped")  # that of the one before
    tell(asked, "sync_progress", type="sync_progress", fraction=0.3)
    assert stop.is_visible() and "30 %" in words.inner_text()
    lose_connection(asked)
    assert stop.is_hidden() and words.inner_text() == "Stopped."
    page.keyboard.press("Escape")


def test_a_file_that_takes_the_place_of_another_shows_how_far_it_is(editor: Editor, held: list[Route]) -> None:
    page = editor.page
    page.evaluate(DROP, ["one.mp4"])
    wait_for_uploads(editor, held, 1)
    page.evaluate(DROP, ["two.mp4"])
    wait_for_uploads(editor, held, 2)
    editor.see(SETTLE)
    busy = page.locator(".st-busy")
    assert busy.is_visible() and "two.mp4" in busy.inner_text()
    busy.get_by_role("button", name="Cancel").click()
    expect(busy).to_be_hidden()


def test_a_clip_can_be_looked_for_again_after_a_refusal(asked: Editor) -> None:
    page = asked.page
    hold_back(asked, "find_clip")
    tell(asked, "clip_wanted", type="clip_wanted", name="film.mp4", duration_s=2.5)
    question = page.get_by_role("dialog", name="Where is the clip?")
    search = question.get_by_role("button", name="Search")
    question.get_by_label("Path of the clip or of a folder").fill(str(ASSETS))
    search.click()
    assert search.is_disabled()
    tell(asked, "error", type="error", message="no")
    assert search.is_enabled() and question.locator(".st-busy-words").inner_text() == ""
    page.keyboard.press("Escape")
