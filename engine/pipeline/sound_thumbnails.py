"""Small pictures of a bank's sounds: one of each, drawn from its modes and noise, and kept in the cache."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engine.core.cache import Cache, digest_json
from engine.core.checkpoint import digest_checkpoint
from engine.core.dsp import resample
from engine.core.errors import BadInput
from engine.core.units import SAMPLE_RATE_HZ
from engine.physics.model import Physics, physics_to_json
from engine.pipeline.picture_sound import GUIDANCE, HeardSound, PictureOptions, cut_hit, draw_alike
from engine.scene.hearing import DURATION_S

if TYPE_CHECKING:
    from engine.scene.network import SceneNetwork

_VERSION = 1
"""Part of the key: raise it when the same network draws another picture of the same sound."""
_STEPS = 10
"""Fewer than a large picture has: at this size the difference is not seen."""
_HEARD_S = 1.2 * DURATION_S


def make_thumbnail_keys(sounds: Sequence[Physics], network: Path) -> list[str]:
    """The cache's key of each sound's picture by a network's folder."""
    drawn_by = digest_checkpoint(network)
    return [digest_json(["thumbnail", _VERSION, drawn_by, GUIDANCE, _STEPS, physics_to_json(one)]) for one in sounds]


def read_thumbnail(cache: Cache, key: str) -> np.ndarray | None:
    """The picture uint8 [SIDE, SIDE, 3] that was kept under a key, or None."""
    kept = cache.get(key)
    if kept is None:
        return None
    side = round((kept.size / 3) ** 0.5)
    return kept.astype(np.uint8).reshape(side, side, 3)


def draw_thumbnails(
    network: SceneNetwork, sounds: Sequence[Physics], check: Callable[[], None] = lambda: None
) -> list[np.ndarray | None]:
    """A picture uint8 [SIDE, SIDE, 3] of each sound; None for one that is not heard.

    ``check`` is called between the sounds and the steps, and may raise to stop.
    """
    heard = []
    for sound in sounds:
        check()
        heard.append(_hear(sound))
    return draw_alike(network, heard, PictureOptions(), _STEPS, lambda _: check())


def keep_thumbnail(cache: Cache, key: str, picture: np.ndarray) -> None:
    """Keep a picture uint8 [SIDE, SIDE, 3] under its key."""
    cache.put(key, picture.astype(np.float32).ravel())


def _hear(sound: Physics) -> HeardSound | None:
    """One strike of a sound at 0 dB, without the sampler; None where it is silent."""
    from engine.physics.synthesis import synthesize

    samples = synthesize(sound, _HEARD_S).astype(np.float64)
    if sound.sample_rate_hz != SAMPLE_RATE_HZ:
        samples = resample(samples, sound.sample_rate_hz, SAMPLE_RATE_HZ)
    try:
        return HeardSound(cut_hit(samples, SAMPLE_RATE_HZ), "")
    except BadInput:
        return None
