"""The candidates that a session was shown, by id, so that one can be heard or taken."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.core.errors import BadInput
from engine.core.lru import LRU

if TYPE_CHECKING:
    from engine.bank.bank import Candidate

MOST_KEPT = 400
ORIGIN_OF = {"picture": "picture", "words": "text", "sound": "reference", "new": "text"}
"""How a search is made, and the origin of a sound that is found by it."""


@dataclass(frozen=True)
class SearchResult:
    """A candidate that was shown, and by what it was found (a key of ORIGIN_OF)."""

    candidate: Candidate
    by: str


class SearchResults:
    """The candidates one session was shown, by id, the latest MOST_KEPT of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known = LRU[str, SearchResult](MOST_KEPT)
        self._number = 0
        self._shown: dict[str, int] = {}

    def count(self, by: str) -> int:
        """How many were ever shown of one kind: a seed that has not been used."""
        return self._shown.get(by, 0)

    def keep(self, candidates: Sequence[Candidate], by: str) -> list[dict[str, Any]]:
        """Remember candidates; as the browser shows them."""
        rows = []
        with self._lock:
            self._shown[by] = self._shown.get(by, 0) + len(candidates)
            for candidate in candidates:
                self._number += 1
                key = f"f{self._number}"
                self._known.put(key, SearchResult(candidate, by))
                rows.append(
                    {
                        "id": key,
                        "name": candidate.name,
                        "material": candidate.material,
                        "score": round(float(candidate.score), 4),
                        "why": candidate.why,
                        "source": candidate.source,
                        "licence": candidate.licence,
                    }
                )
        return rows

    def find(self, key: Any) -> SearchResult:
        """What was shown under an id. BadInput where it is not known any more."""
        found = self._known.get(key) if isinstance(key, str) else None
        if found is None:
            raise BadInput("this candidate is not known any more; search again")
        return found
