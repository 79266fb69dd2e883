"""Onset tracks as float32 arrays, for the cache and for bundles."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import numpy as np

from engine.onsets.track import Onset, OnsetCurve, OnsetTrack

_VERSION = 3
UNKNOWN_VELOCITY = -1.0


def track_keys(clip_digest: str, source: str, network: Path, audio_track: int = 0) -> tuple[str, str]:
    """Cache keys of both arrays, from the clip's digest, its sound track, the source and the onset network's folder."""
    network_digest = ""
    if source != "audio" and (network / "config.json").is_file():
        network_digest = hashlib.sha256((network / "config.json").read_bytes()).hexdigest()
    parts = f"onsets {_VERSION} {clip_digest} {audio_track} {source} {network_digest}"
    name = hashlib.sha256(parts.encode()).hexdigest()
    return f"{name}c", f"{name}o"


def track_to_arrays(track: OnsetTrack) -> tuple[np.ndarray, np.ndarray]:
    """Two flat float32 arrays: [rate_hz, *curve], and for each candidate (second, fraction, strength, velocity).

    Times are split because float32 cannot hold them to the millisecond. An unknown velocity is -1, since the cache
    holds finite numbers only.
    """
    curve = np.concatenate([[track.curve.rate_hz], track.curve.values]).astype(np.float32)
    rows = [
        (
            math.floor(o.time_s),
            o.time_s - math.floor(o.time_s),
            o.strength,
            UNKNOWN_VELOCITY if o.velocity is None else o.velocity,
        )
        for o in track.candidates
    ]
    return curve, np.array(rows, np.float32).reshape(-1)


def track_from_arrays(curve: np.ndarray | None, candidates: np.ndarray | None) -> OnsetTrack | None:
    """The track that ``track_to_arrays`` made two arrays of; None where they are missing or of another shape."""
    if curve is None or candidates is None or curve.size < 1 or candidates.size % 4:
        return None
    rows = [[float(value) for value in row] for row in candidates.reshape(-1, 4)]
    onsets = tuple(
        Onset(second + part, min(1.0, strength), None if velocity == UNKNOWN_VELOCITY else velocity)
        for second, part, strength, velocity in rows
    )
    return OnsetTrack(OnsetCurve(float(curve[0]), curve[1:]), onsets)
