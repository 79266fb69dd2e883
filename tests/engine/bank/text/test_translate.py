"""Descriptions in other languages, and footsteps on what is stepped on."""

from __future__ import annotations

import re

import pytest

from engine.bank.bank import load_bank
from engine.bank.lexicon import load_lexicon, singular
from engine.bank.text.grammar import DEGREES, FILLERS, NEGATIONS
from engine.bank.text.parse import parse_description, rank_by_text
from engine.bank.text.translate import WORDS, translate

SAME = [
    ("de", "dünne Glasflasche mit Holzstock", "thin glass bottle with wood stick"),
    ("de", "Schwere Eisenpfanne, Hammer, große Halle", "heavy iron pan, hammer, large hall"),
    ("fr", "petite bouteille en verre, baguette en bois", "small bottle of glass, stick of wood"),
    ("es", "caja de madera, puño", "box of wood, fist"),
    ("it", "tazza di ceramica, cucchiaio", "cup of ceramic, spoon"),
    ("pt", "garrafa de vidro fino", "bottle of glass thin"),
    ("nl", "houten kist met hamer", "wood box with hammer"),
    ("ja", "木の箱をハンマーで叩く", "wood box with hammer"),
    ("zh", "用锤子敲铁箱", "with hammer, iron box"),
]


@pytest.mark.parametrize(("language", "text", "english"), SAME)
def test_a_description_means_the_same_in_every_language(language: str, text: str, english: str) -> None:
    assert translate(text).language == language
    own, expected = parse_description(text), parse_description(english)
    assert own.attributes == expected.attributes and own.things == expected.things and not own.unknown


def test_what_is_understood_is_told_in_the_users_own_words() -> None:
    reading = parse_description("dünne Glasflasche")
    assert [words for words, _ in reading.understood] == ["dünne", "glasflasche"]
    assert "made of glass" in reading.understood[1][1] and "bottle" in reading.understood[1][1]


@pytest.mark.parametrize("text", ["thin glass bottle, wooden stick", "steel pan in a hall", "metal box"])
def test_english_stays_as_it_is(text: str) -> None:
    assert translate(text).text == text


def test_every_english_word_of_the_table_is_understood() -> None:
    known = {*load_lexicon(), *FILLERS, *DEGREES, *NEGATIONS, "in", "on", "with", "against", "of"}
    rows = WORDS.read_text(encoding="utf-8").splitlines()
    assert all(len(row.split("\t")) == 9 for row in rows)
    for row in rows[1:]:
        english = row.split("\t")[0]
        assert english in known or all(w in known or singular(w) in known for w in english.split()), english


STEPS = ["Footsteps on gravel", "gravel footsteps", "Schritte auf Kies", "pas sur le gravier", "砂利の上の足音"]


@pytest.mark.parametrize("text", STEPS)
def test_footsteps_on_gravel_find_gravel(text: str) -> None:
    candidates, reading = rank_by_text(load_bank(), text, 5)
    assert not reading.unknown
    assert all(re.match("gravel", found.name, re.IGNORECASE) for found in candidates), [c.name for c in candidates]


def test_footsteps_find_footsteps_on_what_is_named() -> None:
    for text, material in (("footsteps on snow", "ground"), ("walking on a wooden floor", "wood")):
        best = rank_by_text(load_bank(), text, 1)[0][0]
        assert "footstep" in best.name.lower() and best.material == material
