"""What a few words say of a struck thing, which words say nothing, and what sounds they find."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.bank.adjust import adjust_physics
from engine.bank.attributes import Attributes, measure_energy_db, measure_pitch
from engine.bank.bank import Bank, Entry, make_bank
from engine.bank.lexicon import load_lexicon, typical_size_m
from engine.bank.rank import rank_by_attributes
from engine.bank.text import parse as words
from engine.bank.text import word_matching
from engine.bank.text.parse import parse_description, rank_by_text
from engine.core.errors import BadInput
from engine.lab.evaluation.text import evaluate as evaluation
from engine.physics.model import MATERIALS, Modes, Physics, Residual, Stage


def sound(hz: float = 500.0, decay: float = 10.0) -> Physics:
    modes = Modes((hz, 2.3 * hz, 4.1 * hz), (-12.0, -18.0, -24.0), (decay, 2 * decay, 3 * decay), (0.0,) * 3)
    residual = Residual((20.0, 500.0, 4000.0, 20000.0), (-40.0, -45.0, -50.0), (40.0, 60.0, 90.0))
    return Physics(modes, residual)


@pytest.fixture(scope="module")
def bank() -> Bank:
    rows = [
        ("Wine glass", "glass", 0.14, 1.0, 1800.0, 4.0),
        ("Window", "glass", 0.8, 0.0, 300.0, 25.0),
        ("Cowbell", "metal", 0.15, 1.0, 800.0, 6.0),
        ("Steel plate", "metal", 0.5, 0.0, 250.0, 3.0),
        ("Wooden box", "wood", 0.3, 1.0, 350.0, 60.0),
        ("Plank", "wood", 1.0, 0.0, 150.0, 80.0),
    ]
    entries = [
        Entry(name, sound(hz, decay), material, size, hollow, group=name, licence="CC0", source=f"s/{name}")
        for name, material, size, hollow, hz, decay in rows
    ]
    return make_bank(entries)


@pytest.mark.parametrize("text", list(evaluation.SENTENCES))
def test_a_description_is_read_as_it_is_meant(text: str) -> None:
    for rule in evaluation.SENTENCES[text].split():
        assert evaluation._holds(text, rule), rule


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
        assert evaluation._plain(parse_description(text).attributes) == evaluation._plain(plain), text
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


def test_the_lexicon_knows_only_materials_and_strikers_there_are() -> None:
    for word, concept in load_lexicon().items():
        assert word == word.lower() and "-" not in word
        assert set(concept.material) <= set(MATERIALS), word
        assert concept.slot in {
            "material", "thing", "striker", "room", "size", "weight", "thick", "hollow", "hardness", "damping", "pitch",
            "ring",
        }  # fmt: skip
    assert typical_size_m("Wine glass 2") == 0.14
    assert math.isnan(typical_size_m("Xyz 3"))


def test_without_the_embedding_words_are_matched_by_spelling_and_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    word_matching.match_word.cache_clear()
    monkeypatch.setattr(word_matching, "load_vectors", lambda: None)
    monkeypatch.setattr(words, "load_vectors", lambda: None)
    reading = parse_description("galss botle, enormousish blorp")
    word_matching.match_word.cache_clear()
    assert reading.attributes.material == {"glass": 1.0}
    assert reading.unknown and "wordllama" in reading.note
    assert reading.note.count(".") == 0


def test_most_unseen_synonyms_are_not_misread_and_most_unrelated_words_are_unknown() -> None:
    synonyms = evaluation.measure_synonyms(evaluation.UNSEEN)
    unrelated = evaluation.measure_unrelated(evaluation.UNRELATED_UNSEEN)
    assert synonyms["wrong_percent"] < 15.0 and synonyms["right_percent"] > 25.0
    assert unrelated["kept_out_percent"] > 90.0


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
    entries = (*bank.entries, Entry("Anklung 3", sound(), "wood", group="anklung"))
    candidates, reading = rank_by_text(make_bank(entries), "anklung", 2)
    assert candidates[0].name == "Anklung 3"
    assert reading.unknown == ()


def test_one_candidate_of_a_group_and_why_it_is_one(bank: Bank) -> None:
    twice = make_bank((*bank.entries, Entry("Wine glass 2", sound(), "glass", 0.14, 1.0, group="Wine glass")))
    found = rank_by_attributes(twice, Attributes({"glass": 1.0}), 5)
    assert len({c.source for c in found if c.name.startswith("Wine")}) == 1
    assert "glass" in found[0].why and "%" in found[0].why


def test_a_larger_thing_sounds_lower_and_as_loud(bank: Bank) -> None:
    entry = bank.entries[4]
    larger = adjust_physics(entry.physics, Attributes(size_m=1.2), entry)
    assert max(larger.modes.frequency_hz) < max(entry.physics.modes.frequency_hz)
    before, after = (measure_energy_db(p.modes, p.residual) for p in (entry.physics, larger))
    assert abs(before - after) < 0.01
    assert adjust_physics(entry.physics, Attributes(size_m=entry.size_m), entry) == entry.physics
    assert adjust_physics(entry.physics, Attributes(), entry) == entry.physics


def test_a_soft_striker_takes_the_highs_and_damping_the_ring() -> None:
    physics = sound(decay=3.0)
    soft = adjust_physics(physics, Attributes(hardness=-1.0)).modes.power_db
    own = physics.modes.power_db
    assert soft[2] - soft[0] < own[2] - own[0]
    damped = adjust_physics(physics, Attributes(damping=1.0)).modes.decay_per_s
    assert all(a > b for a, b in zip(damped, physics.modes.decay_per_s, strict=True))
    shorter = adjust_physics(physics, Attributes(ring=-1.0)).modes.decay_per_s
    assert shorter[0] > physics.modes.decay_per_s[0]


def test_what_a_sound_already_is_changes_nothing() -> None:
    high = sound(4500.0)
    assert measure_pitch(high) > 0.7
    assert adjust_physics(high, Attributes(pitch=0.7)) == high


def test_a_room_replaces_the_sounds_own_and_a_dry_one_takes_it_away() -> None:
    physics = sound()
    wet = Physics(physics.modes, physics.residual.with_stage("room", Stage((-50.0,) * 3, (7.0,) * 3)))
    assert adjust_physics(wet, Attributes(room=-1.0)).residual.room is None
    small, large = (adjust_physics(wet, Attributes(room=r)).residual.room for r in (-0.5, 1.0))
    assert small is not None and large is not None
    assert np.mean(large.decay_per_s) < np.mean(small.decay_per_s)
