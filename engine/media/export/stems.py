"""Stems: sound files of one length that sum to the track."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from engine.core.errors import BadInput
from engine.core.files import make_folder, write_together
from engine.core.names import make_file_stem
from engine.media.export.samples import Samples
from engine.media.export.tags import SoundTags
from engine.media.export.wave import write_wave

ENDING = " 9999.wav"
"""The longest that may follow a name: a number where names collide."""


def write_stems(
    folder: str | os.PathLike[str],
    stems: Mapping[str, Samples],
    sample_rate_hz: int,
    bits: int = 24,
    tags: SoundTags | None = None,
    check: Callable[[], None] = lambda: None,
) -> tuple[list[Path], int]:
    """Write each stem as a WAV named after its sound, numbered where names collide.

    Returns the files, and how many samples of them clip.
    The folder is made when missing; ``check`` is called before each file and may raise Cancelled. Raises BadInput when
    it cannot be written; then no file of a set that was begun stays.
    """
    if not stems:
        raise BadInput("there is no sound to write a stem of; add a hit first")
    names = UniqueNames()
    paths: list[Path] = []
    clipped = 0
    with write_together():
        place = make_folder(folder)
        for name, samples in stems.items():
            check()
            path = place / f"{names.take(make_file_stem(name, ENDING))}.wav"
            clipped += write_wave(path, samples, sample_rate_hz, bits, replace(tags or SoundTags(), title=name))
            paths.append(path)
    return paths, clipped


class UniqueNames:
    """Names that differ from all that were taken before, upper and lower case alike."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, name: str) -> str:
        """The name itself, or with a number from 2 where it is taken."""
        candidate, number = name, 1
        while candidate.casefold() in self._taken:
            number += 1
            candidate = f"{name} {number}"
        self._taken.add(candidate.casefold())
        return candidate
