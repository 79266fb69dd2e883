"""One-shots: single hits trimmed, faded and normalised, as packs of variations."""

from __future__ import annotations

import numpy as np

from engine.core.units import db_to_gain

TARGET_DBFS = -1.0
_SILENT_DB = -80.0
"""Level re the peak under which the end of a piece is cut."""

_EARLY_DB = -60.0
_PRE_S, _FADE_IN_S, _FADE_OUT_S = 0.001, 0.0005, 0.010


def trim(samples: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """A sound from 1 ms before it passes -60 dB re its peak to where it stays under -80 dB, with fades at the cuts.

    The fade-in lasts 0.5 ms, the fade-out 10 ms (raised cosines). Silence gives one sample.
    """
    level = np.abs(samples)
    peak = float(level.max(initial=0.0))
    if peak <= 0.0:
        return np.zeros(1, np.float32)
    loud = np.flatnonzero(level > peak * db_to_gain(_EARLY_DB))
    start = max(0, int(loud[0]) - round(_PRE_S * sample_rate_hz))
    fade_out = round(_FADE_OUT_S * sample_rate_hz)
    last = int(np.flatnonzero(level > peak * db_to_gain(_SILENT_DB))[-1])
    end = min(len(samples), last + 1 + fade_out)
    piece = samples[start:end].astype(np.float32, copy=True)
    if start > 0:
        count = min(len(piece), round(_FADE_IN_S * sample_rate_hz))
        piece[:count] *= (0.5 - 0.5 * np.cos(np.pi * (np.arange(count) + 0.5) / count)).astype(np.float32)
    count = min(len(piece) - int(np.argmax(np.abs(piece))) - 1, fade_out)
    if count > 0:
        piece[len(piece) - count :] *= (0.5 + 0.5 * np.cos(np.pi * (np.arange(count) + 1) / count)).astype(np.float32)
    return piece


def normalize(piece: np.ndarray, how: str, sound_peak: float | None = None) -> np.ndarray:
    """A piece with its peak at -1 dBFS ("each"), or that of its sound's loudest, ``sound_peak``, there ("sound").

    "none" leaves it as it is; silence stays silent.
    """
    peak = sound_peak if how == "sound" and sound_peak is not None else find_peak(piece)
    if how == "none" or peak <= 0.0:
        return piece
    return piece * np.float32(db_to_gain(TARGET_DBFS) / peak)


def find_peak(piece: np.ndarray) -> float:
    """Largest magnitude of a piece's samples."""
    return float(np.abs(piece).max(initial=0.0))


def assign_layers(velocities_db: list[float], layers: int) -> list[int]:
    """Velocity layer of each strike, 1 the softest: the range of velocities divided evenly."""
    low, high = min(velocities_db, default=0.0), max(velocities_db, default=0.0)
    if high - low < 1e-6:
        return [layers] * len(velocities_db)
    return [1 + min(layers - 1, int(layers * (db - low) / (high - low))) for db in velocities_db]
