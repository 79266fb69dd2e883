"""Messages between browser and server: decoding, checking, encoding, and the declarations for the type checker."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.core.errors import BadInput
from engine.document.edits.messages import _KINDS, _OF_SOUNDS
from tests.ui_tab import Tab, check_sentence
from ui.handlers import CHANGES, HANDLERS, handle
from ui.protocol import requests
from ui.protocol.codec import decode, encode, parse_json, tagged_types, to_mapping
from ui.protocol.declarations import PATH, declare
from ui.protocol.edits import AddHit, EditMessage, HitValues, MoveHits, SetEachHit
from ui.protocol.events import DocumentState, Rendered, RenderedSound
from ui.protocol.searching import SearchAnswer


def test_the_committed_declarations_are_those_of_the_dataclasses() -> None:
    assert PATH.read_text(encoding="utf-8") == declare(), "run: python -m ui.protocol"


def test_declarations_say_which_fields_may_be_left_out() -> None:
    text = declare()
    strike = text[text.index("export interface Strike {") :].split("}")[0]
    assert strike.split("\n")[1:-1] == ['  type: "strike";', "  sound_id: string;", "  velocity_db?: number;"]
    answer = text[text.index("export interface SearchAnswer {") :].split("}")[0]
    assert "  understood: [string, string][] | null;" in answer  # the server leaves nothing out
    assert "  hits: Record<string, RenderedSound>;" in text


def test_every_message_has_a_handler_and_every_edit_a_declaration() -> None:
    types = tagged_types(requests.ClientMessage, "type")
    assert set(types.values()) == {*HANDLERS, *CHANGES}
    assert set(tagged_types(EditMessage, "kind")) == {*_KINDS, *_OF_SOUNDS, "apply_preset"}


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"type": "open", "path": "a.mp4"}, requests.Open("a.mp4")),
        ({"type": "save"}, requests.Save(None)),
        ({"type": "strike", "sound_id": "s1", "velocity_db": -6}, requests.Strike("s1", -6.0)),
        ({"type": "analyse", "hits": ["h1", "h2"]}, requests.Analyse(("h1", "h2"))),
        (
            {"type": "edit", "edit": {"kind": "move_hits", "ids": ["h1"], "delta_s": 0.5}, "gesture": "g", "number": 3},
            requests.ApplyEdit(MoveHits(("h1",), 0.5), "g", 3),
        ),
        (
            {"type": "edit", "edit": {"kind": "set_each_hit", "values": {"h1": {"velocity_db": -3}}}},
            requests.ApplyEdit(SetEachHit({"h1": HitValues(velocity_db=-3.0)})),
        ),
    ],
)
def test_a_message_is_decoded_into_its_dataclass(raw: dict[str, Any], message: Any) -> None:
    assert decode(raw) == message


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"type": "fly"}, "'fly' is not known"),
        ({"path": "a.mp4"}, "has no type"),
        ({"type": "open"}, "open lacks path"),
        ({"type": "open", "path": 7}, "path is 7, not a text"),
        ({"type": "open", "path": "a", "mode": "r"}, "open has no 'mode'"),
        ({"type": "strike", "sound_id": "s1", "velocity_db": True}, "velocity_db is True, not a number"),
        ({"type": "strike", "sound_id": "s1", "velocity_db": float("inf")}, "velocity_db is inf, not a number"),
        ({"type": "search", "by": "smell"}, "by is 'smell', not one of words, sound, picture, new"),
        ({"type": "search", "by": "words", "request": 1.5}, "request is 1.5, not a whole number"),
        ({"type": "analyse", "hits": "h1"}, "hits is 'h1', not a list"),
        ({"type": "analyse", "hits": ["h1", None]}, "hits is None, not a text"),
        ({"type": "edit", "edit": 3}, "has no edit but 3"),
        ({"type": "edit", "edit": {"kind": "explode"}}, "edit 'explode' is not known"),
        ({"type": "edit", "edit": {"kind": "move_hits", "ids": ["h1"]}}, "edit move_hits lacks delta_s"),
        ({"type": "edit", "edit": {"kind": "set_hits", "ids": ["h1"], "values": 3}}, "values is 3, not an object"),
        ({"type": "edit", "edit": {"kind": "set_each_hit", "values": {"h1": {"colour": 1}}}}, "has no 'colour'"),
    ],
)
def test_a_wrong_message_is_refused_in_a_sentence_that_names_the_fault(raw: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInput) as refused:
        decode(raw)
    check_sentence(str(refused.value))
    assert words in str(refused.value)


def test_an_edit_turns_back_into_the_json_it_came_from() -> None:
    assert to_mapping(AddHit(1.5, -3.0)) == {"kind": "add_hit", "time_s": 1.5, "velocity_db": -3.0}
    values = {"h1": HitValues(mute=False, seed=0)}
    assert to_mapping(SetEachHit(values)) == {"kind": "set_each_hit", "values": {"h1": {"mute": False, "seed": 0}}}


def test_messages_are_encoded_with_their_type_and_every_field() -> None:
    assert json.loads(encode(DocumentState(4, None, None, "Redo"))) == {
        "type": "document", "revision": 4, "project": None, "undo": None, "redo": "Redo", "handled": 0,
        "undo_gesture": None,
    }  # fmt: skip
    rendered = json.loads(encode(Rendered({"h1": RenderedSound("key", 480)})))
    assert rendered == {"type": "rendered", "hits": {"h1": {"key": "key", "length": 480, "lead": 0}}}
    assert json.loads(encode(SearchAnswer("sound", 1, ())))["seen"] is None


def test_text_that_is_no_json_has_no_value() -> None:
    assert parse_json('{"a": 1}') == {"a": 1}
    for text in ("{", "[" * 100_000, '{"a": NaN}', '{"a": ' + "9" * 400 + "}"):
        with pytest.raises(BadInput, match=r"cannot be used .*; reload the page"):
            parse_json(text)


# --- numbered changes -------------------------------------------------------------------------


def send_edit(tab: Tab, number: int, **edit: Any) -> None:
    handle(tab.session, {"type": "edit", "edit": edit, "gesture": None, "number": number}, tab.tab)


def test_changes_are_acknowledged_by_number_also_those_that_change_nothing_or_are_refused(tab: Tab) -> None:
    send_edit(tab, 1, kind="set_mix", gain_db=-2.0)
    assert (tab.last("document")["handled"], tab.last("document")["project"]["mix"]["gain_db"]) == (1, -2.0)
    send_edit(tab, 2, kind="set_mix", gain_db=-2.0)
    assert tab.last("document")["handled"] == 2 and not tab.errors
    send_edit(tab, 3, kind="move_hits", ids=["ghost"], delta_s=0.1)
    assert tab.last("document")["handled"] == 3 and len(tab.errors) == 1
    send_edit(tab, 4, kind="move_hits", ids="ghost", delta_s=0.1)
    assert tab.last("document")["handled"] == 4 and len(tab.errors) == 2
    handle(tab.session, {"type": "undo", "number": 5}, tab.tab)
    assert (tab.last("document")["handled"], tab.last("document")["project"]["mix"]["gain_db"]) == (5, 0.0)


def test_a_change_that_is_sent_again_is_applied_once(tab: Tab) -> None:
    hits = len(tab.last("document")["project"]["hits"])
    for number in (1, 2, 1, 2):
        send_edit(tab, number, kind="add_hit", time_s=float(number))
    assert len(tab.last("document")["project"]["hits"]) == hits + 2
    handle(tab.session, {"type": "undo", "number": 3}, tab.tab)
    handle(tab.session, {"type": "undo", "number": 3}, tab.tab)
    assert len(tab.last("document")["project"]["hits"]) == hits + 1 and not tab.errors


def test_each_tab_of_a_session_is_told_its_own_number(tab: Tab) -> None:
    other = Tab(tab.session, "other")
    send_edit(tab, 7, kind="set_mix", gain_db=-1.0)
    assert (tab.last("document")["handled"], other.last("document")["handled"]) == (7, 0)
    send_edit(other, 1, kind="set_mix", gain_db=-4.0)
    assert (tab.last("document")["handled"], other.last("document")["handled"]) == (7, 1)
    again = Tab(tab.session, "other")  # the tab's connection comes back
    assert again.last("document")["handled"] == 1


def test_values_for_each_of_many_hits_are_one_edit_and_one_entry_of_the_history(tab: Tab) -> None:
    project = tab.session.require_project()
    values = {hit.id: {"velocity_db": -10.0 - k} for k, hit in enumerate(project.hits)}
    tab.edit("set_each_hit", values=values)
    after = tab.session.require_project()
    assert [hit.velocity_db for hit in after.hits] == [-10.0 - k for k in range(len(project.hits))]
    assert tab.last("document")["undo"] == f"Set velocity of {len(project.hits)} hits" and not tab.errors
    tab.ask("undo")
    assert tab.session.project is project
    tab.edit("set_each_hit", values={"ghost": {"velocity_db": 0.0}})
    check_sentence(tab.errors[-1])
