"""DeSync of a clip by Synchformer's published weights: the mean of the lags told from its first and last 4.8 s."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engine.core.dsp import resample
from engine.core.errors import BadInput
from engine.core.units import SAMPLE_RATE_HZ
from engine.document.project import Clip

if TYPE_CHECKING:
    from engine.sync.synchformer import Synchformer


@dataclass(frozen=True)
class WindowLag:
    """Lag that is told from 4.8 s of a clip, above 0 where the sound comes late, and its probability."""

    start_s: float
    lag_s: float
    probability: float


@dataclass(frozen=True)
class Desync:
    """``score_s`` is DeSync, the mean of the windows' lags without their signs."""

    score_s: float
    windows: tuple[WindowLag, ...]


def measure_desync(
    network: Synchformer,
    clip: Clip,
    sound: Path | None = None,
    on_progress: Callable[[float], None] = lambda _: None,
) -> Desync:
    """Lags of a clip's own sound, or of a ``sound`` file that begins with it, in steps of a fifth of a second.

    Raises BadInput for a clip under 4.8 s, or without a sound.
    """
    import torch

    from engine.sync.synchformer import FRAME_RATE, STEP_FRAMES, WINDOW_FRAMES, cut_segments, list_lags

    frames = int(clip.duration_s * FRAME_RATE + 1e-6)
    if frames < WINDOW_FRAMES:
        name, least_s = Path(clip.path).name, WINDOW_FRAMES / FRAME_RATE
        raise BadInput(f"{name} lasts {clip.duration_s:.1f} s and DeSync takes {least_s:g} s; leave --desync out")
    samples = _read_sound(clip, sound)
    last = (frames - WINDOW_FRAMES) // STEP_FRAMES * STEP_FRAMES
    starts = sorted({0, last})
    device = next(network.parameters()).device
    lags: list[WindowLag] = []
    for number, start in enumerate(starts):
        pictures = _read_pictures(clip, start, network.side)
        on_progress((number + 0.3) / len(starts))
        segments, spectrograms = cut_segments(pictures, _cut_sound(samples, start))
        with torch.inference_mode():
            evidence = network(segments.to(device), spectrograms.to(device))
            shares = torch.softmax(evidence.float(), dim=0).cpu().numpy()
        best = int(shares.argmax())
        lag_s = float(list_lags(len(shares))[best]) + 0.0  # no -0.0
        lags.append(WindowLag(start / FRAME_RATE, round(lag_s, 4), float(shares[best])))
        on_progress((number + 1) / len(starts))
    return Desync(float(np.mean([abs(window.lag_s) for window in lags])), tuple(lags))


def desync_to_json(desync: Desync) -> dict[str, object]:
    """The result as a JSON value."""
    return {
        "score_s": round(desync.score_s, 4),
        "windows": [
            {"start_s": round(w.start_s, 4), "lag_s": w.lag_s, "probability": round(w.probability, 3)}
            for w in desync.windows
        ],
    }


def _read_pictures(clip: Clip, start: int, side: int) -> np.ndarray:
    """The middle squares of WINDOW_FRAMES frames from a frame on, uint8 [F, side, side, 3]."""
    from engine.media.stills import cut_middle, grab_frames
    from engine.sync.synchformer import FRAME_RATE, WINDOW_FRAMES

    times_s = [(start + k) / FRAME_RATE for k in range(WINDOW_FRAMES)]
    rows = round(side * max(1.0, clip.height / clip.width))
    found = grab_frames(clip.path, times_s, rows)
    return np.stack([cut_middle(found[time_s], side, side) for time_s in times_s])


def _read_sound(clip: Clip, sound: Path | None) -> np.ndarray:
    """The mono sound at the network's rate."""
    from engine.media.sound import iter_clip_audio
    from engine.pipeline.measure_sync import iter_mono
    from engine.sync.synchformer import RATE_HZ

    if sound is None:
        if not clip.has_audio:
            raise BadInput(f"{Path(clip.path).name} has no sound to compare with its picture; name a sound after it")
        return np.concatenate(list(iter_clip_audio(clip.path, RATE_HZ, track=clip.audio_track)))
    mono = np.concatenate(list(iter_mono(sound, clip.duration_s)))
    return resample(mono, SAMPLE_RATE_HZ, RATE_HZ)


def _cut_sound(samples: np.ndarray, start: int) -> np.ndarray:
    """The sound of a window, with silence after its end."""
    from engine.sync.synchformer import FRAME_RATE, RATE_HZ, WINDOW_FRAMES

    first, count = (RATE_HZ * frames // FRAME_RATE for frames in (start, WINDOW_FRAMES))
    cut = np.zeros(count, np.float32)
    part = samples[first : first + count]
    cut[: len(part)] = part
    return cut
