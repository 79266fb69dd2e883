"""Parts of a recording, however long that is, in bounded memory: its first hit, its loudest place, or a short whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from engine.core.errors import BadInput
from engine.media.open import check_readable
from engine.media.sound import iter_recording

LONG_S = 60.0
"""Recordings up to this length are read whole."""

_BEFORE_S, _AFTER_S = 1.0, 20.0
_LEVELS_PER_S = 1000


def read_first_hit(path: str | os.PathLike[str]) -> tuple[np.ndarray, int, float]:
    """A recording from before its first hit on: (float32 [N, C], sample_rate_hz, the time in seconds of sample 0).

    One of up to a minute is whole, of a longer one it is 21 s at most. Raises BadInput as ``read_recording`` does.
    """
    whole = check_readable(path)
    pieces: list[np.ndarray] | None = []
    levels: list[np.ndarray] = []
    rest = np.zeros(0)
    count = rate_hz = 0
    for piece, rate_hz in iter_recording(whole):
        _check_finite(whole, piece)
        count += len(piece)
        if pieces is not None and count <= LONG_S * rate_hz:
            pieces.append(piece)
        else:
            pieces = None
        step = max(1, rate_hz // _LEVELS_PER_S)
        power = np.concatenate((rest, np.square(piece, dtype=np.float64).max(axis=1)))
        used = len(power) - len(power) % step
        levels.append(power[:used].reshape(-1, step).mean(axis=1).astype(np.float32))
        rest = power[used:]
    if pieces is not None:
        return np.concatenate(pieces), rate_hz, 0.0
    first = _find_first_loud(np.concatenate(levels)) * max(1, rate_hz // _LEVELS_PER_S)
    start = max(0, first - round(_BEFORE_S * rate_hz))
    samples = np.concatenate(list(_cut(whole, start, first + round(_AFTER_S * rate_hz))))
    return samples, rate_hz, start / rate_hz


def read_loudest(path: str | os.PathLike[str], before_s: float, after_s: float) -> tuple[np.ndarray, int]:
    """A recording around its largest sample: (float32 [N, C], sample_rate_hz). Raises BadInput as the others do."""
    whole = check_readable(path)
    largest, at, count, rate_hz = -1.0, 0, 0, 0
    for piece, rate_hz in iter_recording(whole):  # noqa: B007 - one rate for all pieces
        _check_finite(whole, piece)
        level = np.abs(piece).max(axis=1)
        if level.max() > largest:
            largest, at = float(level.max()), count + int(level.argmax())
        count += len(piece)
    start = max(0, at - round(before_s * rate_hz))
    return np.concatenate(list(_cut(whole, start, at + round(after_s * rate_hz)))), rate_hz


def read_short(path: str | os.PathLike[str], longest_s: float) -> tuple[np.ndarray, int]:
    """A recording of a limited length: (float32 [N, C], sample_rate_hz). No more is read of one that is too long.

    Raises BadInput for such a one, and as ``read_recording`` does.
    """
    whole = check_readable(path)
    pieces: list[np.ndarray] = []
    count = rate_hz = 0
    for piece, rate_hz in iter_recording(whole):
        _check_finite(whole, piece)
        pieces.append(piece)
        count += len(piece)
        if count > longest_s * rate_hz:
            raise BadInput(f"{whole.name} lasts more than {longest_s:.0f} s, the longest that is taken here; cut it")
    return np.concatenate(pieces), rate_hz


def _check_finite(path: Path, piece: np.ndarray) -> None:
    if not np.isfinite(piece).all():
        raise BadInput(f"{path.name} holds values that are not finite numbers; export it again")


def _find_first_loud(power: np.ndarray) -> int:
    """The first level that is clearly above the background, by the rule of ``segmentation.find_onset``."""
    peak = float(power.max())
    background = float(np.percentile(power, 10))
    return int(np.argmax(power >= max(0.05 * peak, min(20.0 * background, 0.5 * peak))))


def _cut(path: Path, start: int, end: int) -> Iterator[np.ndarray]:
    position = 0
    for piece, _ in iter_recording(path):
        if position >= end:
            return
        yield piece[max(0, start - position) : max(0, end - position)]
        position += len(piece)
