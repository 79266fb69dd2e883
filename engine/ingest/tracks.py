"""Onset tracks as arrays of 32-bit floats, so that a cache or a bundle can keep what looking at a clip has found."""

from __future__ import annotations

import hashlib
import math

import numpy as np

from engine.onsets.track import Onset, OnsetCurve, OnsetTrack

_VERSION = 1


def track_keys(digest: str, source: str) -> tuple[str, str]:
    """Keys of a track's two arrays, from the clip's digest and the source it was found in."""
    name = hashlib.sha256(f"onsets {_VERSION} {digest} {source}".encode()).hexdigest()
    return f"{name}c", f"{name}o"


def track_to_arrays(track: OnsetTrack) -> tuple[np.ndarray, np.ndarray]:
    """The curve behind its rate; and whole seconds, the rest of the time and the strength of every candidate."""
    curve = np.concatenate([[track.curve.rate_hz], track.curve.values]).astype(np.float32)
    rows = [(math.floor(o.time_s), o.time_s - math.floor(o.time_s), o.strength) for o in track.candidates]
    return curve, np.array(rows, np.float32).reshape(-1)


def track_from_arrays(curve: np.ndarray | None, candidates: np.ndarray | None) -> OnsetTrack | None:
    """The track of two arrays; None when they are missing or none of ours."""
    if curve is None or candidates is None or curve.size < 1 or candidates.size % 3:
        return None
    rows = [[float(value) for value in row] for row in candidates.reshape(-1, 3)]
    onsets = tuple(Onset(second + part, min(1.0, strength)) for second, part, strength in rows)
    return OnsetTrack(OnsetCurve(float(curve[0]), curve[1:]), onsets)
