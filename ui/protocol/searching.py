"""Messages from the server about searches and the bank."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal


@dataclass(frozen=True)
class CandidateInfo:
    """A search result; ``score`` from 0 to 1."""

    id: str
    name: str
    material: str
    score: float
    why: str
    source: str
    licence: str


@dataclass(frozen=True)
class SearchAnswer:
    """Search results, best first; with the parsed words, or the prediction from the picture and its confidence.

    From the picture, ``crop`` is the analysed part, a data address of an image, and ``materials`` the names of the
    bank's materials, likeliest first. Where ``certain`` is false the prediction is not used: there are no candidates.
    """

    type: ClassVar[str] = "search_results"
    by: Literal["words", "sound", "picture", "new"]
    request: int | None
    candidates: tuple[CandidateInfo, ...]
    understood: tuple[tuple[str, str], ...] | None = None
    unknown: tuple[str, ...] | None = None
    seen: str | None = None
    confidence: float | None = None
    certain: bool | None = None
    crop: str | None = None
    materials: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Bank:
    """Number of sounds in the bank and of the user's own among them; names of added, duplicate and unreadable ones.

    ``pictures`` is whether there is a network that draws pictures of sounds.
    """

    type: ClassVar[str] = "bank"
    sounds: int
    own: int
    added: tuple[str, ...] = ()
    duplicates: tuple[tuple[str, str], ...] = ()
    broken: tuple[tuple[str, str], ...] = ()
    pictures: bool = False
