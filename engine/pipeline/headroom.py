"""True peak of the generated track and its stems, and the level that keeps them under full scale."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from engine.core.dsp import resample
from engine.core.units import SAMPLE_RATE_HZ, db_to_gain, gain_to_db
from engine.document.edits.settings import set_mix
from engine.document.edits.values import GAIN_RANGE_DB, Edit, chain, with_hits
from engine.document.project import Project
from engine.pipeline.events import RenderedHit
from engine.pipeline.placement import FADE_SAMPLES
from engine.pipeline.track import stems_by_sound, track_length

CEILING_DBTP = -1.0
"""True peak of EBU R 128 for delivery, from which lossy encoders have room."""

TRIM_MARGIN_DB = 0.05
"""A hit lowered alone ends so much under the ceiling, since its place between samples changes its peak a little."""

OVERSAMPLING = 4
BLOCK_SAMPLES = 20 * SAMPLE_RATE_HZ
EDGE_SAMPLES = 2 * FADE_SAMPLES


def peak_dbtp(project: Project, rendered: Mapping[str, RenderedHit], channels: str = "stereo") -> float:
    """Highest true peak (ITU-R BS.1770, 4 times oversampled) of the track and of each stem; -inf where all is silent.

    Stems count, so that none is clipped and their sum is the track. Memory is bounded by BLOCK_SAMPLES.
    """
    peak = 0.0
    edge = OVERSAMPLING * EDGE_SAMPLES
    for stems in _stem_blocks(project, rendered, channels):
        for sound in (*stems, np.sum(stems, axis=0)) if len(stems) > 1 else stems:
            if 2.0 * float(np.abs(sound).max(initial=0.0)) <= peak:
                continue  # between samples a peak is at most about 6 dB higher
            for channel in sound.T:
                between = resample(channel, SAMPLE_RATE_HZ, OVERSAMPLING * SAMPLE_RATE_HZ)
                peak = max(peak, float(np.abs(between[edge:-edge]).max(initial=0.0)))
    return _to_db(peak)


def fit_level(
    project: Project,
    rendered: Mapping[str, RenderedHit],
    target_dbtp: float = CEILING_DBTP,
    channels: str = "stereo",
) -> Edit | None:
    """The edit of the mix level after which ``peak_dbtp`` is ``target_dbtp``; None where all is silent."""
    peak = peak_dbtp(project, rendered, channels)
    if not math.isfinite(peak):
        return None
    edit = set_mix(gain_db=_fit_gain(project.mix.gain_db, peak, target_dbtp))
    return replace(edit, label=f"Fit to {target_dbtp:g} dBTP".replace("-", "−"))


def keep_headroom(project: Project, rendered: Mapping[str, RenderedHit], channels: str = "stereo") -> Edit | None:
    """Lower what would exceed the ceiling, and never raise anything; None where nothing exceeds it.

    A hit measured from the clip that exceeds it alone is lowered by its own gain: the clip's own hit does not, so noise
    that peaks by chance or the recording's limiter is the cause, and no reason to lower all others. What still exceeds
    the ceiling where hits add up, or in the centre of 5.1, which is 3 dB louder, lowers the mix.
    """
    peak = peak_dbtp(project, rendered, channels)
    if peak <= CEILING_DBTP:
        return None
    gains_db = _trim_hits(project, rendered)
    lower_hits = Edit("Keep headroom", lambda document: _set_gains(document, gains_db))
    if gains_db:
        project = lower_hits.apply(project)
        peak = peak_dbtp(project, rendered, channels)
    if peak <= CEILING_DBTP:
        return lower_hits
    return chain("Keep headroom", lower_hits, set_mix(gain_db=_fit_gain(project.mix.gain_db, peak, CEILING_DBTP)))


def describe_headroom(project: Project) -> str:
    """What ``keep_headroom`` did to a project of untouched levels, in words."""
    count = sum(hit.gain_db < 0.0 for hit in project.hits)
    parts = [f"{count} hit{' is' if count == 1 else 's are'} lowered by gain"] if count else []
    if project.mix.gain_db < 0.0:
        parts.append(f"the mix is lowered to {project.mix.gain_db:.1f} dB")
    return " and ".join(parts)


def _trim_hits(project: Project, rendered: Mapping[str, RenderedHit]) -> dict[str, float]:
    """Gain in dB, by hit id, of those measured from the clip that alone exceed the ceiling; levels set by hand stay."""
    gains_db = {}
    for hit in project.hits:
        if hit.id not in rendered or hit.gain_db or hit.mute or project.sound(hit.sound_id).origin != "clip":
            continue
        peak = _to_db(_true_peak(rendered[hit.id].samples))
        if peak > CEILING_DBTP:
            gains_db[hit.id] = _fit_gain(0.0, peak, CEILING_DBTP - TRIM_MARGIN_DB)
    return gains_db


def _set_gains(project: Project, gains_db: Mapping[str, float]) -> Project:
    hits = (replace(hit, gain_db=gains_db[hit.id]) if hit.id in gains_db else hit for hit in project.hits)
    return with_hits(project, hits)


def _fit_gain(gain_db: float, peak_dbtp: float, target_dbtp: float) -> float:
    """The gain after which a peak is the target's, rounded down to what the editor shows."""
    low_db, high_db = GAIN_RANGE_DB
    return min(high_db, max(low_db, math.floor((gain_db + target_dbtp - peak_dbtp) * 100.0 + 1e-6) / 100.0))


def _true_peak(samples: np.ndarray) -> float:
    """The highest amplitude between samples; that at samples where it is low."""
    peak = float(np.abs(samples).max(initial=0.0))
    if 2.0 * peak <= db_to_gain(CEILING_DBTP):
        return peak
    between = resample(np.pad(samples, EDGE_SAMPLES), SAMPLE_RATE_HZ, OVERSAMPLING * SAMPLE_RATE_HZ)
    return float(np.abs(between).max())


def _to_db(peak: float) -> float:
    return gain_to_db(peak) if peak > 0.0 else -math.inf


def _stem_blocks(project: Project, rendered: Mapping[str, RenderedHit], channels: str) -> Iterator[list[np.ndarray]]:
    """The stems in blocks [N, C], those that sound in each.

    A block has EDGE_SAMPLES more at both ends, where cutting would add what is not in the track.
    """
    stems = stems_by_sound(project, rendered, channels).values()
    length = track_length(project)
    for start in range(0, length, BLOCK_SAMPLES):
        end = min(length, start + BLOCK_SAMPLES)
        before, after = min(start, EDGE_SAMPLES), min(length - end, EDGE_SAMPLES)
        padding = ((EDGE_SAMPLES - before, EDGE_SAMPLES - after), (0, 0))
        blocks = [stem[start - before : end + after] for stem in stems]
        heard = [np.pad(block, padding) for block in blocks if block.any()]
        if heard:
            yield heard
