"""Edits on their way in a real browser: acknowledged by number, refused, sent again, shown where they matter."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.struck_page import Editor

RECORD = """() => {
  const { send } = WebSocket.prototype;
  window.sentMessages = [];
  window.stopRecording = () => { WebSocket.prototype.send = send; };
  WebSocket.prototype.send = function (text) {
    window.lastSocket = this;
    window.sentMessages.push(JSON.parse(text));
    return send.call(this, text);
  };
}"""


@pytest.fixture
def recorded(editor: Editor) -> Iterator[Editor]:
    """The editor, with what its page sends in ``window.sentMessages``."""
    editor.page.evaluate(RECORD)
    yield editor
    editor.see("window.stopRecording()")


def test_a_drag_of_many_hits_is_one_message_and_one_entry_of_the_history(recorded: Editor) -> None:
    before = recorded.project["hits"]
    recorded.see("struck.store.select({ hits: new Set(struck.store.view.project.hits.map((hit) => hit.id)) })")
    place = recorded.locate_hit(before[0]["id"])
    recorded.change(lambda: recorded.drag(place, {"x": place["x"], "y": place["y"] + 20}))
    (edit,) = [message for message in recorded.see("window.sentMessages") if message["type"] == "edit"]
    assert set(edit["edit"]["values"]) == {hit["id"] for hit in before}
    after = recorded.project["hits"]
    lowered = [new["velocity_db"] - old["velocity_db"] for old, new in zip(before, after, strict=True)]
    assert all(step == pytest.approx(lowered[0], abs=1e-3) for step in lowered) and lowered[0] < -1
    recorded.change(lambda: recorded.page.keyboard.press("Control+z"))
    assert [hit["velocity_db"] for hit in recorded.project["hits"]] == [hit["velocity_db"] for hit in before]


def test_detaching_many_hits_is_one_message_and_one_entry_of_the_history(recorded: Editor) -> None:
    sound_id = recorded.project["hits"][0]["sound_id"]
    shared = [hit["id"] for hit in recorded.project["hits"] if hit["sound_id"] == sound_id]
    assert len(shared) > 2
    recorded.page.evaluate("(ids) => struck.store.select({ hits: new Set(ids) })", shared)
    recorded.page.locator("canvas").first.focus()
    recorded.change(lambda: recorded.page.keyboard.press("d"))
    sent = [message["edit"] for message in recorded.see("window.sentMessages") if message["type"] == "edit"]
    assert sent == [{"kind": "detach_hits", "ids": shared}]
    assert len({recorded.hit(hit_id)["sound_id"] for hit_id in shared}) == len(shared)
    recorded.change(lambda: recorded.page.keyboard.press("Control+z"))
    assert {recorded.hit(hit_id)["sound_id"] for hit_id in shared} == {sound_id}


def test_a_refused_edit_is_taken_back_with_a_sentence(recorded: Editor) -> None:
    before = recorded.project["hits"]
    shown = recorded.page.evaluate(
        """(id) => {
          struck.store.edit({ kind: "delete_hits", ids: [id, "ghost"] });
          return struck.store.view.project.hits.length;
        }""",
        before[0]["id"],
    )
    assert shown == len(before) - 1  # shown at once, as if it had been done
    recorded.wait("(count) => struck.store.view.project.hits.length === count", len(before))
    assert recorded.project["hits"] == before
    recorded.page.locator(".st-toast-text").first.wait_for()
    assert any("ghost" in text for text in recorded.toasts())


def test_two_quick_edits_never_fall_back_while_they_are_acknowledged_one_by_one(recorded: Editor) -> None:
    first, second = (hit["id"] for hit in recorded.project["hits"][:2])
    recorded.page.evaluate(
        """([first, second]) => {
          const { store } = struck;
          const set = (id, pan) => store.edit({ kind: "set_hits", ids: [id], values: { pan } });
          const pan = (id) => store.view.project.hits.find((hit) => hit.id === id).pan;
          window.shownPans = [];
          set(first, -0.5);
          set(second, 0.25);
          const before = store.acknowledged.handled;
          const look = () => {
            window.shownPans.push([pan(first), pan(second)]);
            if (store.acknowledged.handled < before + 2) requestAnimationFrame(look);
            else window.isAcknowledged = true;
          };
          look();
        }""",
        [first, second],
    )
    recorded.wait("() => window.isAcknowledged")
    assert {tuple(pans) for pans in recorded.see("window.shownPans")} == {(-0.5, 0.25)}


def test_an_edit_that_a_lost_connection_may_have_swallowed_is_applied_once(recorded: Editor) -> None:
    count = len(recorded.project["hits"])
    for _ in range(3):
        recorded.page.evaluate(
            """() => {
              struck.store.edit({ kind: "add_hit", time_s: 0.2, velocity_db: -6 });
              window.lastSocket.close();
            }"""
        )
        count += 1
        recorded.wait(
            "(n) => struck.store.connection === 'open' && struck.store.acknowledged.project?.hits.length === n",
            count,
        )
    numbers = [message["number"] for message in recorded.see("window.sentMessages") if message["type"] == "edit"]
    assert sorted(set(numbers)) == sorted(set(range(min(numbers), min(numbers) + 3)))
    recorded.wait_for_sound()
    assert len(recorded.project["hits"]) == count


def test_listeners_are_called_only_for_the_parts_that_changed(recorded: Editor) -> None:
    recorded.page.evaluate(
        """() => {
          const { store } = struck;
          window.calls = { hits: 0, sounds: 0, mix: 0, clip: 0 };
          const part = (name) => store.watch(() => [store.view?.project?.[name]], () => { window.calls[name]++; });
          const ends = Object.keys(window.calls).map(part);
          window.endWatching = () => ends.forEach((end) => end());
        }"""
    )
    hit = recorded.project["hits"][0]["id"]
    recorded.change(
        lambda: recorded.page.evaluate(
            "(id) => void struck.store.edit({ kind: 'set_hits', ids: [id], values: { gain_db: -3 } })", hit
        )
    )
    calls = recorded.see("window.calls")
    assert calls["hits"] >= 1 and calls["sounds"] == calls["mix"] == calls["clip"] == 0
    recorded.change(lambda: recorded.see("void struck.store.edit({ kind: 'set_mix', gain_db: -2 })"))
    assert recorded.see("window.calls") == {**calls, "mix": 1}
    recorded.see("window.endWatching()")
