"""Reading a spotting list that a test writes."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from engine.media.spotting.read import read_spotting
from engine.media.spotting.spots import Placed


@pytest.fixture
def place(tmp_path: Path) -> Callable[..., Placed]:
    """Writes a list under a name and places it in a clip of 100 s at a rate."""

    def write_and_place(
        name: str, content: str | bytes, rate: Fraction, clip_start: str | None = None, **wanted: object
    ) -> Placed:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_spotting(path, rate, 100.0, clip_start, **wanted)  # type: ignore[arg-type]

    return write_and_place
