"""The clip's own sound in a video: read in its channels on Struck's clock, mixed in or as a second track."""

from __future__ import annotations

import os
from typing import NamedTuple

import numpy as np

from engine.core.units import db_to_gain
from engine.media.export.samples import Samples, count_channels
from engine.media.sound import read_clip_channels


class OwnSound(NamedTuple):
    """How a video keeps the clip's own sound: ``how`` is mix or second; ``gain_db`` is its level in the mix."""

    how: str
    track: int
    gain_db: float = 0.0


def read_own_sound(clip_path: str | os.PathLike[str], own: OwnSound, length: int, sample_rate_hz: int) -> np.ndarray:
    """A sound track of the clip, float32 [length, C] from the picture's first frame, in 1, 2 or 6 channels.

    Other numbers of channels become two. Raises BadInput where there is no such track.
    """
    sound = read_clip_channels(clip_path, sample_rate_hz, own.track, length)
    return sound if sound.shape[1] in (1, 2, 6) else sound[:, :2]


class Mixed:
    """A track with the clip's own sound added, in the larger number of channels of the two, mixed when sliced.

    Mono goes to both sides of stereo, or to the centre of 5.1; stereo to the front of 5.1.
    """

    def __init__(self, track: Samples, own: np.ndarray, gain_db: float = 0.0) -> None:
        self.shape = (track.shape[0], max(count_channels(track), own.shape[1]))
        self._track, self._own, self._gain = track, own, np.float32(db_to_gain(gain_db))

    def __getitem__(self, span: slice) -> np.ndarray:
        """Samples of a span."""
        track = np.asarray(self._track[span], np.float32).reshape(-1, count_channels(self._track))
        return spread(track, self.shape[1]) + self._gain * spread(self._own[span], self.shape[1])


def spread(sound: np.ndarray, channels: int) -> np.ndarray:
    """Sound [N, C] on more channels, at its level in a downmix."""
    if sound.shape[1] == channels:
        return sound
    wide = np.zeros((len(sound), channels), np.float32)
    if sound.shape[1] == 2:
        wide[:, :2] = sound
    elif channels == 2:
        wide[:] = sound
    else:
        wide[:, 2] = sound[:, 0] * np.float32(np.sqrt(2.0))
    return wide
