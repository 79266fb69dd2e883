"""Words matched to the lexicon by spelling and by embeddings."""

from __future__ import annotations

import pytest

from engine.bank.text import parse as words
from engine.bank.text import word_matching
from engine.bank.text.parse import parse_description
from engine.lab.evaluation.text import evaluate as evaluation


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
    assert synonyms["wrong_percent"] < 15.0 and synonyms["correct_percent"] > 25.0
    assert unrelated["rejected_percent"] > 90.0


@pytest.mark.parametrize(
    ("word", "name", "matched"),
    [
        ("glass", "glass", ""),
        ("bottles", "bottle", ""),  # plural
        ("thinner", "thin", ""),  # comparative
        ("hammering", "hammer", ""),
        ("gatepost", "post", "post"),  # compound
        ("galss", "glass", "glass"),  # swap
        ("botle", "bottle", "bottle"),  # deletion
        ("metall", "metal", "metal"),  # insertion
        ("plaztic", "plastic", "plastic"),  # substitution
    ],
)
def test_words_are_matched_by_stem_compound_and_one_letter(word: str, name: str, matched: str) -> None:
    concept, found = word_matching.match_word(word)
    assert concept is not None and concept.name == name and found == matched


def test_words_of_several_meanings_one_letter_away_are_not_guessed() -> None:
    assert word_matching.match_misspelling("boll") == ""  # bolt, bell, ball, bowl
    assert word_matching.match_misspelling("xyz") == ""
