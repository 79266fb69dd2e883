"""Edits of groups of hits, as the browser sends them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class GroupHits:
    """Make hits one group, which is chosen, moved and copied as one; without a name it gets the next number."""

    kind: ClassVar[str] = "group_hits"
    ids: tuple[str, ...]
    name: str | None = None


@dataclass(frozen=True)
class UngroupHits:
    """Take hits out of their groups."""

    kind: ClassVar[str] = "ungroup_hits"
    ids: tuple[str, ...]
