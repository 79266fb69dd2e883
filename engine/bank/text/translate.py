"""Translate descriptions word by word to English, from a table of the words for struck objects in eight languages.

The table, ``assets/words.tsv``, is our own: a row a meaning, a column a language, words of one meaning with commas.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from engine.bank.lexicon import load_lexicon, singular
from engine.bank.text.grammar import DEGREES, FILLERS, NEGATIONS, ROOM_MARKS, STRIKER_MARKS, SURFACE_MARKS
from engine.core.paths import ASSETS

WORDS = ASSETS / "words.tsv"
ENGLISH = "en"
UNSPACED = ("ja", "zh")
POSTPOSED = "ja"
"""Language whose "on", "with" and "in" follow their word."""

LONGEST_PHRASE = 3
SHORTEST_PART = 3
_ENDINGS = ("s", "e", "n", "r", "x", "es", "en", "er", "em", "ern", "nen")
_LINKS = ("", "s", "n", "en", "es", "er")
_VOWELS = {"i": ("o", "e", "io"), "e": ("a",), "he": ("a", "ca"), "hi": ("o",), "a": ("o",), "as": ("o",)}
_MARKS = {*ROOM_MARKS, *STRIKER_MARKS, *SURFACE_MARKS}
_TOKEN = re.compile(r"\d+(?:[.,]\d+)?|[^\W\d_]+|[,.;:!?]")
_KANA = re.compile(r"[\u3040-\u30ff]")
_HAN = re.compile(r"[\u4e00-\u9fff]")


@dataclass(frozen=True)
class Translation:
    """A description in English, the language it was in, and the original word of each translated one."""

    text: str
    language: str = ENGLISH
    originals: Mapping[str, str] = field(default_factory=dict)


def translate(text: str) -> Translation:
    """Translate a description where another language has more of its words than English; unknown words stay."""
    if _KANA.search(text) or _HAN.search(text):
        return _translate_unspaced(text, "ja" if _KANA.search(text) else "zh")
    tokens = _tokens(text)
    best, known = ENGLISH, sum(map(_is_english, tokens))
    for language in _tables():
        if language in UNSPACED:
            continue
        matched = sum(len(span) for span, english in _match(tokens, language) if english is not None)
        if matched > known:
            best, known = language, matched
    if best == ENGLISH:
        return Translation(text)
    words: list[str] = []
    originals: dict[str, str] = {}
    written = _TOKEN.findall(text.lower())  # as the user wrote them, with accents
    for span, english in _match(tokens, best):
        as_written, written = " ".join(written[: len(span)]), written[len(span) :]
        if english is None:
            words += span
            continue
        for word in english:
            originals.setdefault(word, as_written)
        words += english
    return Translation(re.sub(r" ([,.;:!?])", r"\1", " ".join(words)), best, originals)


@functools.cache
def _tables() -> dict[str, dict[str, str]]:
    """English words by the plain form of each language's own, by language."""
    lines = WORDS.read_text(encoding="utf-8").splitlines()
    languages = lines[0].split("\t")
    tables: dict[str, dict[str, str]] = {language: {} for language in languages[1:]}
    for line in lines[1:]:
        english, *cells = line.split("\t")
        for language, cell in zip(languages[1:], cells, strict=True):
            for word in filter(None, map(str.strip, cell.split(","))):
                tables[language].setdefault(" ".join(_tokens(word)) if language not in UNSPACED else word, english)
    return tables


def _plain(text: str) -> str:
    """A text in lower case without accents."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return unicodedata.normalize("NFC", "".join(c for c in apart if not unicodedata.combining(c)))


def _tokens(text: str) -> list[str]:
    """Words without accents, lengths such as "30 cm", and the marks between clauses."""
    return _TOKEN.findall(_plain(text))


def _is_english(token: str) -> bool:
    lexicon = load_lexicon()
    grammar = token in FILLERS or token in DEGREES or token in NEGATIONS or token in _MARKS
    return grammar or token in lexicon or singular(token) in lexicon


def _match(tokens: Sequence[str], language: str) -> Iterator[tuple[list[str], list[str] | None]]:
    """Spans of tokens, each with its English words; None for a word that the language does not have."""
    k = 0
    while k < len(tokens):
        for length in range(min(LONGEST_PHRASE, len(tokens) - k), 0, -1):
            span = list(tokens[k : k + length])
            english = _look_up(" ".join(span), language)
            if english is not None:
                break
        yield span, english
        k += len(span)


@functools.lru_cache(maxsize=8192)
def _look_up(word: str, language: str) -> list[str] | None:
    """English words of a word, of its stem or of the two parts of a compound; [] for one without a meaning."""
    table = _tables()[language]
    for stem in _stems(word):
        if stem in table:
            return _meaning(table[stem])
    if " " not in word:
        for cut in range(len(word) - SHORTEST_PART, SHORTEST_PART - 1, -1):
            last = next((table[stem] for stem in _stems(word[cut:]) if stem in table), None)
            if last is None or last in _MARKS:
                continue
            for link in _LINKS:
                first = word[:cut].removesuffix(link)
                if word[:cut].endswith(link) and len(first) >= SHORTEST_PART and first in table:
                    return [*_meaning(table[first]), *_meaning(last)]
    return None


def _meaning(english: str) -> list[str]:
    return [] if english == "the" else english.split()


def _stems(word: str) -> Iterator[str]:
    yield word
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= SHORTEST_PART:
            yield word[: -len(ending)]
    for ending, others in _VOWELS.items():
        if word.endswith(ending) and len(word) - len(ending) >= SHORTEST_PART:
            yield from (word[: -len(ending)] + other for other in others)


def _translate_unspaced(text: str, language: str) -> Translation:
    """Translate a language without spaces: the longest known word at each place."""
    table = _tables()[language]
    longest = max(map(len, table))
    text = unicodedata.normalize("NFKC", text)
    words: list[str] = []
    originals: dict[str, str] = {}
    unknown = ""
    k = 0
    while k < len(text):
        length = next((n for n in range(min(longest, len(text) - k), 0, -1) if text[k : k + n] in table), 0)
        if not length:
            unknown += text[k]
            k += 1
            continue
        words += _tokens(unknown)
        unknown = ""
        for word in _meaning(table[text[k : k + length]]):
            if word == "hit":
                words.append(",")
            elif word in _MARKS and language == POSTPOSED and words:
                words[-1:] = [word, words[-1], ","]
            else:
                words.append(word)
                originals.setdefault(word, text[k : k + length])
        k += length
    words += _tokens(unknown)
    return Translation(" ".join(words), language, originals)
