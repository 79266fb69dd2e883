"""Search results of one session, by id, so that a candidate can be auditioned or used."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.core.errors import BadInput
from engine.core.lru import LRU
from ui.protocol.searching import CandidateInfo

if TYPE_CHECKING:
    from engine.bank.bank import Candidate

MOST_KEPT = 400
KIND_OF = {"picture": "picture", "words": "text", "sound": "bank", "new": "text"}
"""Kinds of search, and the kind of source of a sound taken from each."""


@dataclass(frozen=True)
class SearchResult:
    """A candidate, and the kind of search (a key of KIND_OF) that returned it."""

    candidate: Candidate
    by: str


class SearchResults:
    """The latest MOST_KEPT candidates that one session was sent."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_id = LRU[str, SearchResult](MOST_KEPT)
        self._number = 0
        self._counts: dict[str, int] = {}

    def count(self, by: str) -> int:
        """Number of candidates that searches of one kind have returned so far: the first unused seed."""
        return self._counts.get(by, 0)

    def add(self, candidates: Sequence[Candidate], by: str) -> tuple[CandidateInfo, ...]:
        """Keep candidates; returns them with their ids, as the browser is sent them."""
        infos = []
        with self._lock:
            self._counts[by] = self._counts.get(by, 0) + len(candidates)
            for candidate in candidates:
                self._number += 1
                key = f"f{self._number}"
                self._by_id.put(key, SearchResult(candidate, by))
                infos.append(
                    CandidateInfo(
                        id=key,
                        name=candidate.name,
                        material=candidate.material,
                        score=round(float(candidate.score), 4),
                        why=candidate.why,
                        source=candidate.source,
                        licence=candidate.licence,
                    )
                )
        return tuple(infos)

    def get(self, key: str) -> SearchResult:
        """The candidate of an id. BadInput where it is not kept any more."""
        result = self._by_id.get(key)
        if result is None:
            raise BadInput("this candidate is not known any more; search again")
        return result
