"""Onset tracks as float32 arrays, for the cache and for bundles."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import numpy as np

from engine.onsets.track import Onset, OnsetCurve, OnsetTrack

_VERSION = 12
UNKNOWN_VELOCITY = -1.0


def track_keys(clip_digest: str, source: str, network: Path, audio_track: int = 0) -> tuple[str, str, str]:
    """Cache keys of a track's arrays, from the clip's digest, its sound track, the source and the network's folder."""
    network_digest = ""
    if source != "audio" and (network / "config.json").is_file():
        network_digest = hashlib.sha256((network / "config.json").read_bytes()).hexdigest()
    parts = f"onsets {_VERSION} {clip_digest} {audio_track} {source} {network_digest}"
    name = hashlib.sha256(parts.encode()).hexdigest()
    return f"{name}c", f"{name}o", f"{name}l"


def is_track_key(key: str) -> bool:
    """Whether this is a key of a track's arrays, by whichever detection, and not of a sound."""
    return len(key) == 65 and key[-1] in "col"


def track_to_arrays(track: OnsetTrack) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Flat float32 arrays: the curve, for each candidate (second, fraction, strength, velocity), and the lag.

    The first is [rate_hz, *curve], and after it the velocity at each value where that is known. Times are split
    because float32 cannot hold them to the millisecond. An unknown velocity of a candidate is -1, since the cache holds
    finite numbers only. The last is (1, lag_s), or (0, 0) where the lag is unknown, and 1 where the velocity is known.
    """
    velocity = np.zeros(0) if track.velocity is None else track.velocity
    curve = np.concatenate([[track.curve.rate_hz], track.curve.values, velocity]).astype(np.float32)
    rows = [
        (
            math.floor(o.time_s),
            o.time_s - math.floor(o.time_s),
            o.strength,
            UNKNOWN_VELOCITY if o.velocity is None else o.velocity,
        )
        for o in track.candidates
    ]
    lag = [0.0, 0.0] if track.lag_s is None else [1.0, track.lag_s]
    known = float(track.velocity is not None)
    return curve, np.array(rows, np.float32).reshape(-1), np.array([*lag, known], np.float32)


def track_from_arrays(
    curve: np.ndarray | None, candidates: np.ndarray | None, lag: np.ndarray | None
) -> OnsetTrack | None:
    """The track that ``track_to_arrays`` made arrays of; None where they are missing or of another shape."""
    if curve is None or candidates is None or lag is None or curve.size < 1 or candidates.size % 4 or lag.size != 3:
        return None
    count = (curve.size - 1) // 2 if lag[2] else curve.size - 1
    values, velocity = curve[1 : 1 + count], curve[1 + count :]
    if lag[2] and velocity.size != count:
        return None
    rows = [[float(value) for value in row] for row in candidates.reshape(-1, 4)]
    onsets = tuple(
        Onset(second + part, min(1.0, strength), None if velocity == UNKNOWN_VELOCITY else velocity)
        for second, part, strength, velocity in rows
    )
    lag_s = float(lag[1]) if lag[0] else None
    return OnsetTrack(OnsetCurve(float(curve[0]), values), onsets, lag_s, velocity if lag[2] else None)
