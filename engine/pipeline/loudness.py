"""Loudness of the track as it is heard and written, and the mix level that gives it a target."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

from engine.core.errors import BadInput
from engine.core.units import SAMPLE_RATE_HZ
from engine.document.edits.settings import set_mix
from engine.document.edits.values import GAIN_RANGE_DB, Edit
from engine.document.project import Project
from engine.media.export.loudness import Loudness, LoudnessMeter, can_measure
from engine.media.export.samples import count_channels, iter_blocks
from engine.pipeline.events import RenderedHit
from engine.pipeline.master import master_track

CLOSE_LU = 0.05
"""A loudness this near to its target is there; a limiter makes several rounds necessary."""

_ROUNDS = 6
_UNMEASURED = "loudness is not measured with Python 3.10; install Struck with Python 3.11 or later"
_BLOCK = 1 << 16


def measure_track(
    project: Project,
    rendered: Mapping[str, RenderedHit],
    check: Callable[[], None] = lambda: None,
    channels: str = "stereo",
) -> Loudness:
    """Integrated loudness, range and true peak of the track in some channels (EBU R 128); NaN where undefined.

    ``check`` is called between blocks and may raise Cancelled.
    """
    track = master_track(project, rendered, channels)
    meter = LoudnessMeter(count_channels(track), SAMPLE_RATE_HZ)
    for block in iter_blocks(track, _BLOCK):
        check()
        meter.add(block)
    return meter.finish()


def fit_loudness(
    project: Project,
    rendered: Mapping[str, RenderedHit],
    target_lufs: float,
    check: Callable[[], None] = lambda: None,
    channels: str = "stereo",
) -> tuple[Edit, Loudness]:
    """The edit of the mix level that gives the track in some channels a loudness, and the loudness that it then has.

    Raises BadInput where the track has none, or cannot have it: silence, or a limiter that takes more away.
    """
    low_db, high_db = GAIN_RANGE_DB
    for _ in range(_ROUNDS):
        found = measure_track(project, rendered, check, channels)
        if math.isnan(found.integrated_lufs):
            raise BadInput(explain_missing(found))
        step_db = target_lufs - found.integrated_lufs
        gain_db = round(min(high_db, max(low_db, project.mix.gain_db + step_db)), 2)
        if abs(step_db) <= CLOSE_LU or gain_db == project.mix.gain_db:
            break
        project = replace(project, mix=replace(project.mix, gain_db=gain_db))
    edit = set_mix(gain_db=project.mix.gain_db)
    return replace(edit, label=f"Set loudness to {target_lufs:g} LUFS".replace("-", "−")), found


def check_measurable() -> None:
    """BadInput where loudness cannot be measured here."""
    if not can_measure():
        raise BadInput(_UNMEASURED)


def explain_missing(loudness: Loudness) -> str:
    """Why a track has no loudness, and what to do."""
    if not can_measure():
        return _UNMEASURED
    if math.isnan(loudness.true_peak_dbtp):
        return "there is nothing to hear, so there is no loudness; add a hit first"
    return "the track has no loudness: it is shorter than 0.4 s or quieter than −70 LUFS; raise its level first"


def is_reached(loudness: Loudness, target_lufs: float) -> bool:
    """Whether a loudness is its target, as near as one reads it."""
    return abs(loudness.integrated_lufs - target_lufs) <= 2 * CLOSE_LU


def describe_loudness(loudness: Loudness) -> str:
    """Loudness, true peak and range in words."""
    words = [
        (loudness.integrated_lufs, "{:.1f} LUFS"),
        (loudness.true_peak_dbtp, "true peak {:.1f} dBTP"),
        (loudness.range_lu, "range {:.1f} LU"),
    ]
    return ", ".join(form.format(value) for value, form in words if not math.isnan(value)).replace("-", "−")
