"""Match a word to the lexicon: exactly, by stem, as a compound, one letter away, or by word embeddings."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

import numpy as np

from engine.bank.lexicon import Concept, load_lexicon, singular
from engine.bank.text.grammar import FILLERS
from engine.bank.text.word_vectors import load_vectors

MIN_SIMILARITY = 0.55
"""Least score of a match by embedding; see docs/text.md for its choice."""

NEXT_WORDS_WEIGHT, NEIGHBOURS = 0.3, 8
MIN_MISSPELT_LENGTH = 4


@functools.lru_cache(maxsize=4096)
def match_word(word: str) -> tuple[Concept | None, str]:
    """Meaning of a word, None where unknown, and the word of the lexicon it was matched to, "" for itself."""
    lexicon = load_lexicon()
    for stem in _stems(word):
        if stem in lexicon:
            return lexicon[stem], ""
    if word in FILLERS or not word.isalpha():
        return None, ""
    for cut in range(3, len(word) - 2):
        first, last = word[:cut], singular(word[cut:])
        if first in lexicon and last in lexicon and lexicon[last].slot in ("thing", "room", "striker", "material"):
            return lexicon[last], last
    vectors = load_vectors()
    if vectors is None or not vectors.is_single_token(word):
        near = match_misspelling(word)
        if near:
            return lexicon[near], near
    return match_by_embedding(word)


def match_misspelling(word: str) -> str:
    """The word of the lexicon one deletion, insertion, substitution or swap away; "" for none or several."""
    lexicon = load_lexicon()
    if len(word) < MIN_MISSPELT_LENGTH:
        return ""
    found = sorted({edit for edit in _one_letter_edits(word) if edit in lexicon and len(edit) >= 4})
    if len(word) == MIN_MISSPELT_LENGTH:  # a changed letter makes another word of so short a one
        found = [edit for edit in found if len(edit) != 4 or sorted(edit) == sorted(word)]
    meanings = {(lexicon[edit].slot, lexicon[edit].name) for edit in found}
    alike = [edit for edit in found if edit[0] == word[0]] or found
    return alike[0] if len(meanings) == 1 or len(alike) == 1 else ""


def match_by_embedding(word: str) -> tuple[Concept | None, str]:
    """The meaning with the nearest words in the embedding, and the nearest of them; None below MIN_SIMILARITY.

    Only for words that are single tokens: pieces of rare words are similar by spelling alone. A meaning's score is
    the cosine similarity of its nearest word plus NEXT_WORDS_WEIGHT times that of its next two among the NEIGHBOURS.
    """
    vectors = load_vectors()
    if vectors is None or not vectors.is_single_token(word):
        return None, ""
    words, vectors_of_words = _lexicon_vectors()
    similarity = vectors_of_words @ vectors.embed([word])[0]
    nearest = np.argsort(-similarity)[:NEIGHBOURS]
    groups: dict[tuple[str, str], list[int]] = {}
    for k in nearest:
        groups.setdefault(_meaning(load_lexicon()[words[k]]), []).append(int(k))
    scores = {
        key: similarity[ks[0]] + NEXT_WORDS_WEIGHT * float(similarity[ks[1:3]].sum()) for key, ks in groups.items()
    }
    best = max(scores, key=lambda key: scores[key])
    if scores[best] < MIN_SIMILARITY:
        return None, ""
    chosen = words[groups[best][0]]
    return load_lexicon()[chosen], chosen


def phrase_similarity(phrases: Sequence[str], wanted: Sequence[str]) -> np.ndarray:
    """Cosine similarity of each phrase to the nearest of the wanted ones, [N]; zeros without word embeddings."""
    vectors = load_vectors()
    if vectors is None:
        return np.zeros(len(phrases))
    result: np.ndarray = (vectors.embed(phrases) @ vectors.embed(wanted).T).max(axis=1)
    return result


def _meaning(concept: Concept) -> tuple[str, str]:
    """Key of a meaning: materials include their objects; rooms and qualities are distinguished by sign."""
    if concept.material:
        return "material", max(concept.material, key=lambda name: concept.material[name])
    if concept.slot == "striker":
        return concept.slot, concept.name
    return concept.slot, "+" if concept.value > 0.0 else "-"


@functools.cache
def _lexicon_vectors() -> tuple[tuple[str, ...], np.ndarray]:
    """Words and phrases of the lexicon made of single-token words, and their vectors [N, 256]."""
    vectors = load_vectors()
    assert vectors is not None
    words = tuple(w for w in load_lexicon() if all(vectors.is_single_token(part) for part in w.split()))
    return words, vectors.embed(words)


def _stems(word: str) -> Iterator[str]:
    yield word
    yield singular(word)
    for ending in ("er", "est", "ed", "ing", "ly", "y", "ish", "like", "en", "ness"):
        if word.endswith(ending) and len(word) > len(ending) + 2:
            stem = word[: -len(ending)]
            yield stem
            yield stem + "e"
            if len(stem) > 3 and stem[-1] == stem[-2]:
                yield stem[:-1]


def _one_letter_edits(word: str) -> Iterator[str]:
    letters = "abcdefghijklmnopqrstuvwxyz"
    for k in range(len(word) + 1):
        head, tail = word[:k], word[k:]
        yield from (head + letter + tail for letter in letters)
        if tail:
            yield head + tail[1:]
            yield from (head + letter + tail[1:] for letter in letters)
        if len(tail) > 1:
            yield head + tail[1] + tail[0] + tail[2:]
