"""The transient nearest to a hit, in the clip's sound or, where it has none, among the onsets of its picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.core.units import SAMPLE_RATE_HZ, power_to_db, seconds_to_samples
from engine.document.project import Clip
from engine.media.sound import read_clip_audio

REACH_S = 0.080
"""In the sound. A transient is farther from its hit only where the hit is meant for something else."""

PICTURE_REACH_S = 0.250
LEAST_RISE_DB = 9.0
STEP_S, SHORT_S, GAP_S = 0.001, 0.004, 0.001
SMOOTH_S = 0.0002


def nearest_transient(clip: Clip, time_s: float, onsets_s: Sequence[float] = ()) -> float | None:
    """Time of the transient nearest to a time, to under 1 ms in sound; None where none is near.

    ``onsets_s`` are the onsets of a clip without sound. Raises BadInput for a clip that cannot be read.
    """
    if not clip.has_audio:
        near = [onset_s for onset_s in onsets_s if abs(onset_s - time_s) <= PICTURE_REACH_S]
        return min(near, key=lambda onset_s: abs(onset_s - time_s), default=None)
    start_s = max(0.0, time_s - REACH_S - SHORT_S)
    end_s = min(clip.duration_s, time_s + REACH_S + SHORT_S)
    samples = read_clip_audio(clip.path, SAMPLE_RATE_HZ, start_s, end_s - start_s, clip.audio_track)
    found = find_transients(samples)
    if not len(found):
        return None
    return float(start_s + found[np.argmin(np.abs(found + start_s - time_s))])


def find_transients(samples: np.ndarray) -> np.ndarray:
    """Times in seconds at which the level of samples [N] at 48 kHz rises by LEAST_RISE_DB within milliseconds."""
    step, short, gap = (seconds_to_samples(value, SAMPLE_RATE_HZ) for value in (STEP_S, SHORT_S, GAP_S))
    padded = np.concatenate((np.zeros(short + gap), np.square(samples, dtype=np.float64), np.zeros(short)))
    total = np.concatenate(([0.0], np.cumsum(padded)))
    places = np.arange(short + gap, len(samples), step)  # what the first samples rise from is not known
    after = (total[places + 2 * short + gap] - total[places + short + gap]) / short
    before = (total[places + short] - total[places]) / short
    floor = 1e-10 + 1e-4 * after.max(initial=0.0)  # a rise far under the loudest is inaudible
    rise_db = np.asarray(power_to_db(after + floor)) - np.asarray(power_to_db(before + floor))
    inner = np.concatenate(([-np.inf], rise_db, [-np.inf]))
    is_peak = (rise_db >= LEAST_RISE_DB) & (rise_db >= inner[:-2]) & (rise_db > inner[2:])
    return np.array([_first_over(samples, place, gap, short) for place in places[is_peak]])


def _first_over(samples: np.ndarray, place: int, gap: int, short: int) -> float:
    """Time at which the energy around a rise first exceeds the geometric mean of the levels before and after it."""
    first = max(0, place - gap)
    around = np.square(samples[first : place + gap + short], dtype=np.float64)
    before = np.square(samples[max(0, first - short) : first], dtype=np.float64).mean() if first else 0.0
    limit = np.sqrt(max(float(before), 1e-6 * around.max()) * around[-short:].mean())
    width = seconds_to_samples(SMOOTH_S, SAMPLE_RATE_HZ)
    smooth = np.convolve(around, np.ones(width) / width)[: len(around)]
    return float(first + int(np.argmax(smooth > limit))) / SAMPLE_RATE_HZ
