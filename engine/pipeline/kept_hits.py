"""The rendered sounds of hits, read from the cache one at a time: those of a long clip do not fit into memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from engine.core.cache import Cache
from engine.core.errors import StruckError
from engine.pipeline.events import RenderedHit


class KeptHits(Mapping[str, RenderedHit]):
    """Sounds by hit id, looked up by the render keys of ``keys``; StruckError for one that the cache has dropped."""

    def __init__(self, cache: Cache, keys: Mapping[str, str]) -> None:
        self._cache, self._keys = cache, dict(keys)

    def __getitem__(self, hit_id: str) -> RenderedHit:
        key = self._keys[hit_id]
        samples = self._cache.get(key)
        if samples is None:
            raise StruckError("a rendered sound could not be kept; make room on the disk of its cache and try again")
        return RenderedHit(key, samples)

    def __contains__(self, hit_id: object) -> bool:
        return hit_id in self._keys

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)
