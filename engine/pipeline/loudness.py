"""Loudness of the track as it is heard and written, and the mix level that gives it a target."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from engine.core.errors import BadInput
from engine.core.units import SAMPLE_RATE_HZ, db_to_gain
from engine.document.edits.settings import set_mix
from engine.document.edits.values import GAIN_RANGE_DB, Edit
from engine.document.project import Project
from engine.media.export.loudness import Loudness, LoudnessMeter, can_measure
from engine.media.export.samples import count_channels, iter_blocks
from engine.pipeline.events import RenderedHit
from engine.pipeline.master import master_track

CLOSE_LU = 0.05
"""A loudness this near to its target is there."""

_METER_TOP_LUFS = 10.0
"""FFmpeg's meter counts what is momentarily louder than this as no louder in loudness and range."""

_SAME_LU = 0.01
_ROUNDS = 12
_LEAST_SLOPE = 0.1
"""A limiter that takes nearly all away is not followed by larger steps than this slope asks for."""

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

    def measure(gain_db: float) -> Loudness:
        meter = LoudnessMeter(count_channels(track), SAMPLE_RATE_HZ)
        for block in iter_blocks(track, _BLOCK):
            check()
            meter.add(block * np.float32(db_to_gain(gain_db)) if gain_db else block)
        return meter.finish()

    found = measure(0.0)
    over_lu = found.momentary_lufs - _METER_TOP_LUFS
    if not over_lu > 0.0:  # NaN too
        return found
    lower_db = over_lu + 1.0
    lowered = measure(-lower_db)
    return found._replace(integrated_lufs=lowered.integrated_lufs + lower_db, range_lu=lowered.range_lu)


def fit_loudness(
    project: Project,
    rendered: Mapping[str, RenderedHit],
    target_lufs: float,
    check: Callable[[], None] = lambda: None,
    channels: str = "stereo",
) -> tuple[Edit, Loudness]:
    """The edit of the mix level that gives the track in some channels a loudness, and the loudness that it then has.

    Of the levels that do, it is the lowest. Where none does, it is the lowest that is as loud as a limiter lets it be.
    Raises BadInput where the track has no loudness.
    """
    low_db, high_db = GAIN_RANGE_DB

    def measure(gain_db: float, limit: bool = project.mix.limit) -> Loudness:
        mix = replace(project.mix, gain_db=gain_db, limit=limit)
        return measure_track(replace(project, mix=mix), rendered, check, channels)

    known_db = max(0.0, project.mix.gain_db)  # at a low level it might be too quiet to be measured
    free = measure(known_db, limit=False)
    if math.isnan(free.integrated_lufs):
        raise BadInput(explain_missing(free, project))

    def hold(gain_db: float) -> float:
        return round(min(high_db, max(low_db, gain_db)), 2)

    def aim(target: float) -> tuple[float, Loudness]:
        """A limiter only takes away, so that the level without one is the lowest that can do."""
        gain_db = hold(known_db + target - free.integrated_lufs)
        found = measure(gain_db)
        if project.mix.limit:
            return _raise_to(target, gain_db, found, measure, hold)
        for _ in range(_ROUNDS):  # loudness does not rise quite as the level does: soft parts pass the gate in turn
            missing_lu = target - found.integrated_lufs
            if math.isnan(missing_lu) or abs(missing_lu) <= _SAME_LU or hold(gain_db + missing_lu) == gain_db:
                break
            gain_db = hold(gain_db + missing_lu)
            found = measure(gain_db)
        return gain_db, found

    gain_db, found = aim(target_lufs)
    if project.mix.limit and gain_db == high_db:
        gain_db, found = aim(found.integrated_lufs - CLOSE_LU)
    edit = set_mix(gain_db=gain_db)
    return replace(edit, label=f"Set loudness to {target_lufs:g} LUFS".replace("-", "−")), found


def _raise_to(
    target_lufs: float,
    low_db: float,
    found: Loudness,
    measure: Callable[[float], Loudness],
    hold: Callable[[float], float],
) -> tuple[float, Loudness]:
    """The lowest level from ``low_db`` on, where ``found`` was measured, that reaches a target under a limiter.

    Where ``found`` is too loud already, since soft parts fell under the gate, it is looked for below. The slope of the
    last two measurements leads on until the target is passed, then the interval is halved. The highest level is
    returned where not even that one reaches it.
    """
    low, slope = (low_db, found), 1.0
    high: tuple[float, Loudness] | None = None
    for _ in range(_ROUNDS):
        over_lu = low[1].integrated_lufs - target_lufs
        gain_db = hold(low[0] - over_lu) if over_lu > CLOSE_LU else low[0]
        if gain_db == low[0]:
            break
        high, low = low, (gain_db, measure(gain_db))
    for _ in range(_ROUNDS):
        missing_lu = target_lufs - low[1].integrated_lufs
        if missing_lu <= CLOSE_LU:
            return low
        gain_db = hold(low[0] + missing_lu / slope if high is None else 0.5 * (low[0] + high[0]))
        if gain_db in (low[0], high and high[0]):
            break
        at = gain_db, measure(gain_db)
        if at[1].integrated_lufs > target_lufs + CLOSE_LU:
            high = at
            continue
        rise_lu = at[1].integrated_lufs - low[1].integrated_lufs
        slope = min(1.0, max(_LEAST_SLOPE, rise_lu / (gain_db - low[0])))
        low = at
    return min(filter(None, (low, high)), key=lambda at: abs(at[1].integrated_lufs - target_lufs))


def check_measurable() -> None:
    """BadInput where loudness cannot be measured here."""
    if not can_measure():
        raise BadInput(_UNMEASURED)


def what_lets_hear(project: Project) -> str:
    """What to do where no hit sounds."""
    return "end the mute or solo that silences all hits" if project.hits else "add a hit"


def explain_missing(loudness: Loudness, project: Project) -> str:
    """Why a track has no loudness, and what to do."""
    if not can_measure():
        return _UNMEASURED
    if math.isnan(loudness.true_peak_dbtp):
        return f"there is nothing to hear, so there is no loudness; {what_lets_hear(project)}"
    return "the track has no loudness: it is shorter than 0.4 s or quieter than −70 LUFS; raise its level first"


def is_reached(loudness: Loudness, target_lufs: float) -> bool:
    """Whether a loudness is its target, as near as one reads it."""
    return abs(loudness.integrated_lufs - target_lufs) <= 2 * CLOSE_LU


def name_bounds(project: Project) -> str:
    """What keeps a track from a target that is not reached."""
    return "the limiter and the level's range allow" if project.mix.limit else "the level's range allows"


def describe_loudness(loudness: Loudness) -> str:
    """Loudness, true peak and range in words."""
    words = [
        (loudness.integrated_lufs, "{:.1f} LUFS"),
        (loudness.true_peak_dbtp, "true peak {:.1f} dBTP"),
        (loudness.range_lu, "range {:.1f} LU"),
    ]
    return ", ".join(form.format(value) for value, form in words if not math.isnan(value)).replace("-", "−")
