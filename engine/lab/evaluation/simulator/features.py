"""What an excerpt of film looks and sounds like, in numbers: the rhythm of its hits, its motion and its picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from engine.core.errors import BadInput
from engine.core.units import SAMPLE_RATE_HZ
from engine.lab.data.onsets.film import read_small_frames
from engine.media.probe import probe
from engine.media.sound import iter_clip_audio
from engine.onsets.audio import detect_audio_onsets
from engine.onsets.track import OnsetTrack, pick

EXCERPT_S = 5.0
PIXELS = 64 * 112
RHYTHM, MOTION, PICTURE = "rhythm", "motion", "picture"
_CLOSE_S, _LONGEST_GAP_S = 0.25, 3.0
_STEP_S = 1.0 / 27.0
"""Motion is the difference between frames about this far apart, whatever the frame rate."""
_MOVING = 0.25  # of the picture's standard deviation
_SCALES = 4


@dataclass(frozen=True)
class Excerpt:
    """One excerpt of a clip: ``group`` is what may not be on both sides of a split, ``values`` by kind and name."""

    group: str
    simulated: bool
    values: dict[str, dict[str, float]]


def read_excerpts(path: Path, group: str, simulated: bool, picture: Path | None = None) -> Iterator[Excerpt]:
    """Excerpts of EXCERPT_S of a clip, whose sound is in ``path``; none where it is shorter, silent or unreadable."""
    try:
        if not probe(path).has_audio:
            return
        times_s, frames = read_small_frames(picture or path, PIXELS)
        track = detect_audio_onsets(iter_clip_audio(path, SAMPLE_RATE_HZ, 1.0), SAMPLE_RATE_HZ)
    except BadInput:
        return
    if len(times_s) < 2:
        return
    for k in range(int((times_s[-1] + 0.1) / EXCERPT_S)):
        start_s = k * EXCERPT_S
        part = (times_s >= start_s) & (times_s < start_s + EXCERPT_S)
        if part.sum() < EXCERPT_S * 10:
            continue
        onsets_s, strengths = _list_onsets(track, start_s)
        values = {
            RHYTHM: measure_rhythm(onsets_s, strengths),
            MOTION: measure_motion(times_s[part] - start_s, frames[part], onsets_s),
            PICTURE: measure_picture(frames[part]),
        }
        yield Excerpt(group, simulated, values)


def _list_onsets(track: OnsetTrack, start_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Times after ``start_s`` and strengths of the audible onsets of an excerpt."""
    found = [onset for onset in pick(track) if start_s <= onset.time_s < start_s + EXCERPT_S]
    return np.asarray([o.time_s - start_s for o in found]), np.asarray([o.strength for o in found])


def measure_rhythm(onsets_s: Sequence[float] | np.ndarray, strengths: np.ndarray) -> dict[str, float]:
    """How many hits are heard in an excerpt, how far apart, how regular, and how alike in strength."""
    gaps_s = np.diff(onsets_s)
    nearest_s = np.minimum(np.append(gaps_s, _LONGEST_GAP_S), np.append(_LONGEST_GAP_S, gaps_s))[: len(onsets_s)]
    ratios = np.abs(np.diff(np.log(gaps_s))) if len(gaps_s) > 1 else np.zeros(0)
    return {
        "hits in 5 s": float(len(onsets_s)),
        "gap, median, s": float(np.median(gaps_s)) if len(gaps_s) else _LONGEST_GAP_S,
        "gap, shortest, s": float(gaps_s.min()) if len(gaps_s) else _LONGEST_GAP_S,
        "share of hits nearer than 0.25 s to another": float((nearest_s < _CLOSE_S).mean()) if len(onsets_s) else 0.0,
        "gap against the gap before, median log ratio": float(np.median(ratios)) if len(ratios) else 1.0,
        "strength, standard deviation": float(np.std(strengths)) if len(onsets_s) else 0.0,
    }


def measure_motion(times_s: np.ndarray, frames: np.ndarray, onsets_s: np.ndarray) -> dict[str, float]:
    """How much moves in an excerpt, over how much of the picture, how evenly in time, and when beside the hits.

    ``frames`` [N, H, W] at ``times_s``; differences are in standard deviations of the picture.
    """
    stride = max(1, round(_STEP_S / max(1e-3, float(np.median(np.diff(times_s))))))
    x = frames[::stride].astype(np.float32)
    at_s = times_s[::stride][1:]
    change = np.abs(np.diff(x, axis=0)) / max(4.0, float(x.std(axis=(1, 2)).mean()))
    energy = change.mean(axis=(1, 2))
    area = (change > _MOVING).mean(axis=(1, 2))
    before = _mean_near(at_s, energy, onsets_s, -0.12, -0.02) / max(1e-6, energy.mean())
    after = _mean_near(at_s, energy, onsets_s, 0.03, 0.13) / max(1e-6, energy.mean())
    where = (change > _MOVING).mean(axis=0)
    tops = np.sort(change.reshape(len(change), -1), axis=1)[:, -max(1, change[0].size // 100) :].mean(axis=1)
    smooth = energy - energy.mean()
    return {
        "change, mean": float(energy.mean()),
        "change of what changes least, a tenth of the picture": float(np.quantile(change.mean(axis=0), 0.1)),
        "change of what changes most, a hundredth": float(tops.mean()),
        "area that moves, median": float(np.median(area)),
        "area that moves, 95th percentile": float(np.quantile(area, 0.95)),
        "area that ever moves": float((where > 0.02).mean()),
        "change over time, deviation by mean": float(energy.std() / max(1e-6, energy.mean())),
        "change, correlation of neighbouring frames": float(
            (smooth[1:] * smooth[:-1]).sum() / max(1e-9, (smooth**2).sum())
        ),
        "change before a hit by mean": before,
        "change after a hit by mean": after,
        "share of still frames": float((area < 0.002).mean()),
    }


def _mean_near(at_s: np.ndarray, values: np.ndarray, onsets_s: np.ndarray, first_s: float, last_s: float) -> float:
    """Mean of values over the frames from ``first_s`` to ``last_s`` of any onset; of all where there is none."""
    if not len(onsets_s):
        return float(values.mean())
    apart_s = at_s[:, None] - onsets_s[None, :]
    near = ((apart_s >= first_s) & (apart_s <= last_s)).any(axis=1)
    return float(values[near].mean()) if near.any() else float(values.mean())


def measure_picture(frames: np.ndarray) -> dict[str, float]:
    """Brightness, contrast, detail at several scales and noise of an excerpt's frames [N, H, W], uint8."""
    x = frames[:: max(1, len(frames) // 12)].astype(np.float32) / 255.0
    result = {"brightness": float(x.mean()), "contrast": float(x.std(axis=(1, 2)).mean())}
    rest = x
    for scale in range(_SCALES):
        low = ndimage.gaussian_filter(rest, (0.0, 1.2, 1.2))
        detail = (rest - low) / max(0.01, result["contrast"])
        result[f"detail at {2**scale} pixels"] = float(detail.std())
        result[f"detail at {2**scale} pixels, kurtosis"] = float(
            (detail**4).mean() / max(1e-9, (detail**2).mean() ** 2)
        )
        rest = low[:, ::2, ::2]
    middle = frames[len(frames) // 2 - 4 : len(frames) // 2 + 4].astype(np.float32)
    result["noise: least change of a block"] = float(
        np.quantile(ndimage.uniform_filter(np.abs(np.diff(middle, axis=0)), (0, 8, 8))[:, 4::8, 4::8], 0.05)
    )
    result["flat area"] = float((np.abs(ndimage.gaussian_gradient_magnitude(x[0], 1.0)) < 0.005).mean())
    return result
