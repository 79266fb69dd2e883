"""True peak of the generated track and its stems, and the level that keeps them under full scale."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from engine.core.dsp import resample
from engine.core.units import SAMPLE_RATE_HZ
from engine.document.edits.settings import set_mix
from engine.document.edits.values import GAIN_RANGE_DB, Edit
from engine.document.project import Project
from engine.pipeline.events import RenderedHit
from engine.pipeline.placement import FADE_SAMPLES
from engine.pipeline.render import stems_by_sound, track_length

CEILING_DBTP = -1.0
"""True peak of EBU R 128 for delivery, from which lossy encoders have room."""

OVERSAMPLING = 4
BLOCK_SAMPLES = 20 * SAMPLE_RATE_HZ
EDGE_SAMPLES = 2 * FADE_SAMPLES


def peak_dbtp(project: Project, rendered: Mapping[str, RenderedHit]) -> float:
    """Highest true peak (ITU-R BS.1770, 4 times oversampled) of the track and of each stem; -inf where all is silent.

    Stems count, so that none is clipped and their sum is the track. Memory is bounded by BLOCK_SAMPLES.
    """
    peak = 0.0
    edge = OVERSAMPLING * EDGE_SAMPLES
    for stems in _stem_blocks(project, rendered):
        for sound in (*stems, np.sum(stems, axis=0)) if len(stems) > 1 else stems:
            if 2.0 * float(np.abs(sound).max(initial=0.0)) <= peak:
                continue  # between samples a peak is at most about 6 dB higher
            for channel in sound.T:
                between = resample(channel, SAMPLE_RATE_HZ, OVERSAMPLING * SAMPLE_RATE_HZ)
                peak = max(peak, float(np.abs(between[edge:-edge]).max(initial=0.0)))
    return 20.0 * math.log10(peak) if peak > 0.0 else -math.inf


def fit_level(project: Project, rendered: Mapping[str, RenderedHit], target_dbtp: float = CEILING_DBTP) -> Edit | None:
    """The edit of the mix level after which ``peak_dbtp`` is ``target_dbtp``; None where all is silent."""
    peak = peak_dbtp(project, rendered)
    if not math.isfinite(peak):
        return None
    low_db, high_db = GAIN_RANGE_DB
    # Rounded down to what the editor shows.
    gain_db = math.floor((project.mix.gain_db + target_dbtp - peak) * 100.0 + 1e-6) / 100.0
    edit = set_mix(gain_db=min(high_db, max(low_db, gain_db)))
    return replace(edit, label=f"Fit to {target_dbtp:g} dBTP".replace("-", "−"))


def keep_headroom(project: Project, rendered: Mapping[str, RenderedHit]) -> Edit | None:
    """As ``fit_level``, but None where nothing exceeds the ceiling: levels are lowered and never raised."""
    if peak_dbtp(project, rendered) <= CEILING_DBTP:
        return None
    edit = fit_level(project, rendered)
    return None if edit is None else replace(edit, label="Keep headroom")


def _stem_blocks(project: Project, rendered: Mapping[str, RenderedHit]) -> Iterator[list[np.ndarray]]:
    """The stems in blocks [N, 2], those that sound in each.

    A block has EDGE_SAMPLES more at both ends, where cutting would add what is not in the track.
    """
    stems = stems_by_sound(project, rendered).values()
    length = track_length(project)
    for start in range(0, length, BLOCK_SAMPLES):
        end = min(length, start + BLOCK_SAMPLES)
        before, after = min(start, EDGE_SAMPLES), min(length - end, EDGE_SAMPLES)
        padding = ((EDGE_SAMPLES - before, EDGE_SAMPLES - after), (0, 0))
        blocks = [stem[start - before : end + after] for stem in stems]
        heard = [np.pad(block, padding) for block in blocks if block.any()]
        if heard:
            yield heard
