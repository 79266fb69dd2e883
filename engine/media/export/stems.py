"""Stems: one WAV for each sound."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from engine.core.errors import BadInput
from engine.core.files import check_folder, make_write_error
from engine.core.names import make_file_stem
from engine.media.export.wave import Samples, write_wave

_ENDING = " 9999.wav"
"""The longest that may follow a name: a number where names collide."""


def write_stems(
    folder: str | os.PathLike[str],
    stems: Mapping[str, Samples],
    sample_rate_hz: int,
    time_reference_samples: int | None = None,
) -> list[Path]:
    """Write each stem as a 24-bit WAV named after its sound, numbered where names collide; returns the files.

    The folder is made when missing. Raises BadInput when it cannot be written.
    """
    if not stems:
        raise BadInput("there is no sound to write a stem of; add a hit first")
    place = check_folder(folder)
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise make_write_error(place, error) from None
    paths: list[Path] = []
    taken: set[str] = set()
    for name, samples in stems.items():
        stem = make_file_stem(name, _ENDING)
        candidate, number = stem, 1
        while candidate.casefold() in taken:
            number += 1
            candidate = f"{stem} {number}"
        taken.add(candidate.casefold())
        path = place / f"{candidate}.wav"
        write_wave(path, samples, sample_rate_hz, 24, time_reference_samples, {"title": name})
        paths.append(path)
    return paths
