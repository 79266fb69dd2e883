"""A single word's place in the lexicon: by heart, by its stem, one letter away, or by what it is near in meaning."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

import numpy as np

from engine.bank.lexicon import Concept, load_lexicon, singular
from engine.bank.text.grammar import FILLERS
from engine.bank.text.word_vectors import load_vectors

NEAR_LEAST = 0.55
"""Least likeness of a word to those it is taken for; see docs/text.md for how it was chosen."""

SECOND_SHARE, NEIGHBOURS = 0.3, 8
SHORTEST_MISSPELT = 4


@functools.lru_cache(maxsize=4096)
def find_word(word: str) -> tuple[Concept | None, str]:
    """What a word means and, where it is not in the lexicon itself, which word it was taken for; None where unknown."""
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
    if vectors is None or not vectors.is_common(word):
        near = find_misspelt(word)
        if near:
            return lexicon[near], near
    return find_near(word)


def find_misspelt(word: str) -> str:
    """The word of the lexicon that is one letter left out, added, changed or swapped away; "" where none or several."""
    lexicon = load_lexicon()
    if len(word) < SHORTEST_MISSPELT:
        return ""
    found = sorted({edit for edit in _edits(word) if edit in lexicon and len(edit) >= 4})
    if len(word) == SHORTEST_MISSPELT:  # a changed letter makes another word of so short a one
        found = [edit for edit in found if len(edit) != 4 or sorted(edit) == sorted(word)]
    meanings = {(lexicon[edit].slot, lexicon[edit].name) for edit in found}
    alike = [edit for edit in found if edit[0] == word[0]] or found
    return alike[0] if len(meanings) == 1 or len(alike) == 1 else ""


def find_near(word: str) -> tuple[Concept | None, str]:
    """The meaning whose words are nearest in the embedding, where near enough, and the nearest of them.

    Only words that are tokens of their own have a meaning there: pieces of a rare one are alike by spelling alone. A
    meaning's likeness is that of its nearest word, and SECOND_SHARE of that of its next two among the nearest.
    """
    vectors = load_vectors()
    if vectors is None or not vectors.is_common(word):
        return None, ""
    words, places = _places()
    likeness = places @ vectors.embed([word])[0]
    nearest = np.argsort(-likeness)[:NEIGHBOURS]
    groups: dict[tuple[str, str], list[int]] = {}
    for k in nearest:
        groups.setdefault(_meaning(load_lexicon()[words[k]]), []).append(int(k))
    scores = {key: likeness[ks[0]] + SECOND_SHARE * float(likeness[ks[1:3]].sum()) for key, ks in groups.items()}
    best = max(scores, key=lambda key: scores[key])
    if scores[best] < NEAR_LEAST:
        return None, ""
    chosen = words[groups[best][0]]
    return load_lexicon()[chosen], chosen


def embed_phrases(phrases: Sequence[str], wanted: Sequence[str]) -> np.ndarray:
    """Likeness of each phrase to the nearest of the wanted ones, -1 to 1, [N]; zeros without an embedding."""
    vectors = load_vectors()
    if vectors is None:
        return np.zeros(len(phrases))
    result: np.ndarray = (vectors.embed(phrases) @ vectors.embed(wanted).T).max(axis=1)
    return result


def _meaning(concept: Concept) -> tuple[str, str]:
    """What counts as one meaning: materials with their things, rooms and qualities by their sign."""
    if concept.material:
        return "material", max(concept.material, key=lambda name: concept.material[name])
    if concept.slot == "striker":
        return concept.slot, concept.name
    return concept.slot, "+" if concept.value > 0.0 else "-"


@functools.cache
def _places() -> tuple[tuple[str, ...], np.ndarray]:
    """Words and phrases of the lexicon made of whole tokens, and their vectors [N, 256]."""
    vectors = load_vectors()
    assert vectors is not None
    words = tuple(w for w in load_lexicon() if all(vectors.is_common(part) for part in w.split()))
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


def _edits(word: str) -> Iterator[str]:
    letters = "abcdefghijklmnopqrstuvwxyz"
    for k in range(len(word) + 1):
        head, tail = word[:k], word[k:]
        yield from (head + letter + tail for letter in letters)
        if tail:
            yield head + tail[1:]
            yield from (head + letter + tail[1:] for letter in letters)
        if len(tail) > 1:
            yield head + tail[1] + tail[0] + tail[2:]
