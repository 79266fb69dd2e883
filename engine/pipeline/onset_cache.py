"""Onset tracks as arrays of 32-bit floats, so that a cache or a bundle can keep what looking at a clip has found."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import numpy as np

from engine.onsets.track import Onset, OnsetCurve, OnsetTrack
from engine.pipeline.detect_onsets import ONSET_NETWORK

_VERSION = 2
UNTOLD = -1.0


def track_keys(digest: str, source: str, network: Path = ONSET_NETWORK) -> tuple[str, str]:
    """Keys of a track's two arrays, from the clip's digest, the source it was found in and the network that looked."""
    seer = ""
    if source != "audio" and (network / "config.json").is_file():
        seer = hashlib.sha256((network / "config.json").read_bytes()).hexdigest()
    name = hashlib.sha256(f"onsets {_VERSION} {digest} {source} {seer}".encode()).hexdigest()
    return f"{name}c", f"{name}o"


def track_to_arrays(track: OnsetTrack) -> tuple[np.ndarray, np.ndarray]:
    """The curve behind its rate; and of every candidate whole seconds, the rest of the time, strength and velocity.

    A velocity that is not told apart is -1: stores hold finite numbers alone.
    """
    curve = np.concatenate([[track.curve.rate_hz], track.curve.values]).astype(np.float32)
    rows = [
        (
            math.floor(o.time_s),
            o.time_s - math.floor(o.time_s),
            o.strength,
            UNTOLD if o.velocity is None else o.velocity,
        )
        for o in track.candidates
    ]
    return curve, np.array(rows, np.float32).reshape(-1)


def track_from_arrays(curve: np.ndarray | None, candidates: np.ndarray | None) -> OnsetTrack | None:
    """The track of two arrays; None when they are missing or none of ours."""
    if curve is None or candidates is None or curve.size < 1 or candidates.size % 4:
        return None
    rows = [[float(value) for value in row] for row in candidates.reshape(-1, 4)]
    onsets = tuple(
        Onset(second + part, min(1.0, strength), None if velocity == UNTOLD else velocity)
        for second, part, strength, velocity in rows
    )
    return OnsetTrack(OnsetCurve(float(curve[0]), curve[1:]), onsets)
