"""Descriptions parsed into attributes, and the sounds that they find."""

from __future__ import annotations

import math

import pytest

from engine.bank.attributes import Attributes
from engine.bank.bank import Bank, Entry, make_bank
from engine.bank.text.parse import parse_description, rank_by_text
from engine.core.errors import BadInput
from engine.lab.evaluation.text import evaluate as evaluation
from engine.physics.model import MATERIALS
from tests.banks import make_named_bank, make_sound


@pytest.fixture(scope="module")
def bank() -> Bank:
    return make_named_bank()


@pytest.mark.parametrize("text", list(evaluation.SENTENCES))
def test_a_description_is_read_as_it_is_meant(text: str) -> None:
    for rule in evaluation.SENTENCES[text].split():
        assert evaluation.holds(text, rule), rule


def test_nothing_understood_is_nothing_known() -> None:
    for text in ("", "   ", ",,,", "democracy tuesday", "?!"):
        reading = parse_description(text)
        assert reading.attributes == Attributes(size_m=reading.attributes.size_m) or not reading.understood
        assert not reading.attributes.material
        assert not reading.understood
    assert parse_description("democracy tuesday glass").unknown == ("democracy", "tuesday")


def test_words_are_told_in_their_order_with_their_meaning() -> None:
    reading = parse_description("thin glass bottle, wooden stick, small bathroom")
    assert [said for said, _ in reading.understood] == [
        "thin", "glass", "bottle", "wooden", "stick", "small", "bathroom",
    ]  # fmt: skip
    assert reading.unknown == () and reading.things == ("bottle",)
    assert dict(parse_description("a galss jar").understood)["galss"].endswith("(taken for 'glass')")


def test_case_hyphens_plurals_and_typing_errors_do_not_matter() -> None:
    plain = parse_description("wine glass").attributes
    for text in ("WINE GLASS", "wine-glass", "wine glasses", "Wine  glass."):
        assert evaluation.known_values(parse_description(text).attributes) == evaluation.known_values(plain), text
    assert parse_description("metalic").attributes.material == {"metal": 1.0}
    assert parse_description("plsatic").attributes.material == {"plastic": 1.0}


def test_a_degree_says_how_far_it_goes_and_a_negation_turns_it_round() -> None:
    slightly, plain, very = (parse_description(f"{d} damped pipe").attributes.damping for d in ("slightly", "", "very"))
    assert 0.0 < slightly < plain < very <= 1.0
    assert parse_description("not damped").attributes.damping < 0.0
    assert parse_description("not metallic").attributes.material == {"metal": 0.0}
    sizes = [parse_description(f"{d} box").attributes.size_m for d in ("tiny", "small", "", "large", "huge")]
    assert sizes == sorted(sizes) and len(set(sizes)) == 5


def test_attributes_are_in_their_ranges_whatever_is_said() -> None:
    text = "extremely very super hard loud ringing long ringing resonant huge giant dull dead very soft cathedral large"
    for part in (text, f"with {text}", f"{text} hall", "3000 m bottle", "0 cm box"):
        attributes = parse_description(part).attributes
        for name in ("hardness", "damping", "room", "pitch", "ring"):
            value = getattr(attributes, name)
            assert math.isnan(value) or -1.0 <= value <= 1.0
        assert set(attributes.material) <= set(MATERIALS)


def test_too_long_a_description_is_refused_in_one_sentence() -> None:
    with pytest.raises(BadInput, match="at most 100"):
        parse_description("glass " * 101)
    for text in ("x" * 2001, "glass-" * 400, "ガラス" * 700):
        with pytest.raises(BadInput, match="letters; give at most 2000"):
            parse_description(text)


def test_words_find_the_thing_they_name(bank: Bank) -> None:
    for text, name in {
        "wine glass": "Wine glass", "cowbell, no reverb": "Cowbell", "large glass pane": "Window",
        "hollow wood": "Wooden box", "a low solid metal thing with a long ring": "Steel plate",
    }.items():  # fmt: skip
        candidates, reading = rank_by_text(bank, text, 3)
        assert candidates[0].name == name, text
        assert reading.understood
        assert all(0.0 <= c.score <= 1.0 for c in candidates)
        assert [c.score for c in candidates] == sorted((c.score for c in candidates), reverse=True)
    assert rank_by_text(bank, "not metallic", 6)[0][-1].material == "metal"
    assert rank_by_text(bank, "democracy", 3)[0] == ()
    assert rank_by_text(bank, "in a large hall", 3)[0] == ()


def test_a_word_of_a_sounds_name_is_understood(bank: Bank) -> None:
    entries = (*bank.entries, Entry("Anklung 3", make_sound(), "wood", group="anklung"))
    candidates, reading = rank_by_text(make_bank(entries), "anklung", 2)
    assert candidates[0].name == "Anklung 3"
    assert reading.unknown == ()
