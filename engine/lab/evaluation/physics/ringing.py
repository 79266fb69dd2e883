"""Check estimated modes against a windowed transform of the recording: do they ring, and do takes agree?"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from scipy import fft as fast_fourier

from engine.core.errors import StruckError
from engine.core.units import SAMPLE_RATE_HZ, db_to_gain, gain_to_db, power_to_db
from engine.lab.data.recordings import Recording, list_recordings, read_hit
from engine.lab.evaluation.physics.recordings import BOOTSTRAP_DRAWS, MAX_DURATION_S, choose_evenly
from engine.physics.analysis.analyze import analyze_hit
from engine.physics.model import Modes, Physics
from engine.physics.noise import rise_gain
from engine.physics.synthesis import synthesize_modes

KINDS = {
    "tiles, stone": r"/tile_|ceramictile|tile_pecking|/rock_|rockhit|/stone\d|mortar|mining",
    "glass": r"/glass_cup|glasshit|impactglass|wine_?(glass|bottle)|/jug|/bottle_|_in_(glass|jar)",
    "bowls, plates": r"bowl|/plates_|pan_|fryingpan|/metal_pot|cookie|lid_|candle_holder|on_mug|impactplate|/gong",
    "tools, bars": r"wrench|cutlery|pipe_|metalpipe|aluminum|rail_hit|clang|metal_(hit|strike|light|sharp)|impactmetal",
    "knocks": r"wood|plank|door_|drawer|cupboard|locker|board|lath|/book_",
}
"""Kinds of objects by patterns in the names ``folder/file`` of their recordings."""

_NOT_STRUCK = r"glass_break|break_glass|footstep|creak|melody"
_NOT_ONE_OBJECT = r"scale|phrase|comping|churchbells|beats_|chirping|chriping|eating|dice_box|kbsim|standard_kit"

AFTER_ATTACK_S, LONGEST_SECTION_S, SHORTEST_SECTION_S = 0.005, 0.5, 0.05
"""The transform begins so long after the onset, once the contact is over, and covers so much at most and at least."""

_FADE_IN_S, _STEP_S, _RANGE_DB, _OVER_QUIET_DB = 0.005, 0.01, 50.0, 6.0
_LOWEST_HZ, _BESIDE_OCTAVES, _BESIDE_WIDTHS, _PEAKS_DB, _MOST_PEAKS = 40.0, 0.25, 6.0, 20.0, 12
STANDS_OUT_DB, SAME_DB, SAME_CENTS = 15.0, 1.0, 10.0
BURST_PER_S = 800.0
MOST_TAKES, FEWEST_TAKES, STRONG_DB, FAINT_DB, NEAR_CENTS = 4, 3, 12.0, 30.0, 50.0


@dataclass(frozen=True)
class Section:
    """What follows a hit's attack, and its spectrum.

    ``start`` is its first sample, ``window`` [N] its weight; ``hz`` and ``level_db`` [F] are the spectrum,
    ``width_hz`` its resolution.
    """

    start: int
    window: np.ndarray
    hz: np.ndarray
    level_db: np.ndarray
    width_hz: float


def transform_section(hit: np.ndarray, fmax_hz: float = SAMPLE_RATE_HZ / 2) -> Section | None:
    """The windowed transform of a hit [N] at 48 kHz after its attack, until it is as quiet as its end.

    None where that is within 50 ms: it does not ring. The window rises within 5 ms and falls over all the rest, since
    the modes do.
    """
    start, step = round(AFTER_ATTACK_S * SAMPLE_RATE_HZ), round(_STEP_S * SAMPLE_RATE_HZ)
    x = hit[start : start + round(LONGEST_SECTION_S * SAMPLE_RATE_HZ)]
    frames = x[: x.size // step * step].reshape(-1, step)
    if not len(frames):
        return None
    level_db = power_to_db(np.square(frames).mean(axis=1) + 1e-20)
    quiet_db = power_to_db(float(np.square(hit[-5 * step :]).mean()) + 1e-20) + _OVER_QUIET_DB
    loud = np.flatnonzero((level_db > level_db.max() - _RANGE_DB) & (level_db > quiet_db))
    length = int(loud[-1] + 1) * step if loud.size else 0
    if length < SHORTEST_SECTION_S * SAMPLE_RATE_HZ:
        return None
    rise = round(_FADE_IN_S * SAMPLE_RATE_HZ)
    window = 0.5 + 0.5 * np.cos(np.linspace(0.0, np.pi, length))
    window[:rise] *= 0.5 - 0.5 * np.cos(np.linspace(0.0, np.pi, rise))
    return _transform(hit, start, window, fmax_hz)


def transform_modes(physics: Physics, section: Section) -> Section:
    """The same transform of the modes alone, with their rise: those closer than its resolution are one peak, as in the
    hit."""
    end = section.start + section.window.size
    sound = synthesize_modes([physics.modes], end, SAMPLE_RATE_HZ)[0].numpy().astype(np.float64)
    sound *= rise_gain(np.arange(end) / SAMPLE_RATE_HZ, physics.residual.rise_s)
    return _transform(sound, section.start, section.window, float(section.hz[-1]) + 1e-6)


def _transform(sound: np.ndarray, start: int, window: np.ndarray, fmax_hz: float) -> Section:
    size = fast_fourier.next_fast_len(4 * window.size, real=True)
    spectrum = fast_fourier.rfft(sound[start : start + window.size] * window, size)
    hz = np.arange(spectrum.size) * SAMPLE_RATE_HZ / size
    inside = (hz > _LOWEST_HZ) & (hz < min(fmax_hz, 0.46 * SAMPLE_RATE_HZ))
    level = gain_to_db(np.abs(spectrum) + 1e-12)
    return Section(start, window, hz[inside], level[inside], 2.0 * SAMPLE_RATE_HZ / window.size)


def find_peaks(section: Section) -> list[tuple[float, float]]:
    """Up to 12 spectral peaks within 20 dB of the maximum that stand out by 15 dB, strongest first: Hz and dB of each.

    None where the maximum itself does not stand out: such a recording has a broad spectrum and does not ring. A peak
    stands out over the higher of the medians of the quarter octaves beside it, so that the edge of a low-passed
    recording does not.
    """
    level, bin_hz = section.level_db, section.hz[1] - section.hz[0]
    top = _find_maxima(level)
    strongest = [int(k) for k in top[: 4 * _MOST_PEAKS] if level[k] > level.max() - _PEAKS_DB]
    peaks = []
    for k in strongest:
        reach_hz = max(section.hz[k] * (2.0**_BESIDE_OCTAVES - 1.0), _BESIDE_WIDTHS * section.width_hz)
        reach = round(reach_hz / bin_hz)
        beside = (level[max(0, k - reach) : k + 1], level[k : k + reach + 1])
        if level[k] > max(float(np.median(part)) for part in beside) + STANDS_OUT_DB:
            peaks.append((float(section.hz[k]), float(level[k])))
        elif k == strongest[0]:
            return []
    return peaks[:_MOST_PEAKS]


def _find_maxima(level: np.ndarray) -> np.ndarray:
    """Indices of the local maxima of a spectrum, highest first; the flank of a peak outside is none."""
    top = np.flatnonzero((level[1:-1] > level[:-2]) & (level[1:-1] >= level[2:])) + 1
    result: np.ndarray = top[np.argsort(-level[top])]
    return result


def ringing_levels(modes: Modes, section: Section) -> np.ndarray:
    """Level of each mode in the section's transform, dB, [K]."""
    time_s = (section.start + np.arange(section.window.size)) / SAMPLE_RATE_HZ
    fall = np.exp(-np.outer(modes.decay_per_s, time_s)) @ section.window
    result: np.ndarray = gain_to_db(0.5 * db_to_gain(np.asarray(modes.power_db)) * fall + 1e-12)
    return result


# --- one recording --------------------------------------------------------------------------------


def list_kinds(data_dir: str, limit: int) -> list[tuple[str, Recording]]:
    """At most ``limit`` recordings of each kind, of all tiers, spread evenly; all for 0."""
    recordings = list_recordings(data_dir, ("A", "A-", "B", "C"))
    found = []
    for kind, pattern in KINDS.items():
        some = [r for r in recordings if re.search(pattern, name(r)) and not re.search(_NOT_STRUCK, name(r))]
        found += [(kind, recording) for recording in choose_evenly(some, limit)]
    return found


def name(recording: Recording) -> str:
    """Folder and file of a recording, in lower case."""
    return f"{recording.path.parent.name}/{recording.path.stem}".lower()


def measure_ringing(kind: str, recording: Recording) -> dict[str, Any] | None:
    """Compare the modes of a recording with its spectrum after the attack; None where it holds no hit."""
    try:
        hit = read_hit(recording)[: round(MAX_DURATION_S * SAMPLE_RATE_HZ)]
        if len(hit) < 480 or float(np.abs(hit).max()) < 1e-4:
            return None
        started_s = time.process_time()
        physics, fit = analyze_hit(hit, SAMPLE_RATE_HZ, onset_s=0.0)
    except StruckError:
        return None
    seconds = time.process_time() - started_s
    modes, section = physics.modes, transform_section(hit, recording.fmax_hz)
    tallest = int(np.argmax(modes.power_db)) if len(modes) else None
    row: dict[str, Any] = {
        "name": name(recording),
        "kind": kind,
        "group": recording.group,
        "modes": len(modes),
        "fit": fit,
        "duration_s": hit.size / SAMPLE_RATE_HZ,
        "seconds": seconds,
        "tallest_hz": None if tallest is None else modes.frequency_hz[tallest],
        "tallest_per_s": None if tallest is None else modes.decay_per_s[tallest],
        "bursts": sum(decay > BURST_PER_S for decay in modes.decay_per_s),
        "peak_hz": None,
        "strongest_hz": None,
        "met": None,
    }
    peaks = find_peaks(section) if section is not None else []
    if section is None or not peaks:
        return row
    row["peak_hz"] = peaks[0][0]
    if len(modes):
        alone = transform_modes(physics, section)
        row["strongest_hz"] = next((float(alone.hz[k]) for k in _find_maxima(alone.level_db)), None)
    equal = [hz for hz, level in peaks if level > peaks[0][1] - SAME_DB]
    row["met"] = any(is_same(row["strongest_hz"], hz, section.width_hz) for hz in equal)
    return row


def is_same(one_hz: float | None, other_hz: float, width_hz: float) -> bool:
    """Whether two frequencies are within half the transform's resolution, or 10 cents."""
    if one_hz is None:
        return False
    return abs(one_hz - other_hz) < max(0.5 * width_hz, (2.0 ** (SAME_CENTS / 1200.0) - 1.0) * other_hz)


def tabulate_ringing(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row a kind and one for all; intervals by resampling recordings."""
    table = []
    for kind in [*KINDS, "all"]:
        some = [row for row in rows if kind in ("all", row["kind"])]
        if not some:
            continue
        tonal = [row["met"] for row in some if row["met"] is not None]
        falls = [row["tallest_per_s"] for row in some if row["tallest_per_s"] is not None]
        table.append(
            {
                "kind": kind,
                "recordings": len(some),
                "ringing": len(tonal),
                "met_percent": share_interval(tonal),
                "with_modes": len(falls),
                **{f"over_{limit}_percent": share_interval([f > limit for f in falls]) for limit in (800, 400, 200)},
                "modes": float(np.median([row["modes"] for row in some])),
                "fit": float(np.median([row["fit"] for row in some])),
                "milliseconds": 1000.0 * float(np.median([row["seconds"] for row in some])),
            }
        )
    return table


def share_interval(values: Sequence[bool]) -> list[float] | None:
    """A share in percent and its bootstrapped 95 % interval."""
    if not values:
        return None
    x = np.asarray(values, dtype=np.float64)
    draws = np.random.default_rng(0).choice(x, (BOOTSTRAP_DRAWS, x.size)).mean(axis=1)
    return [100.0 * float(v) for v in (x.mean(), *np.percentile(draws, [2.5, 97.5]))]


# --- repeated takes -------------------------------------------------------------------------------


def group_takes(data_dir: str, limit: int) -> dict[str, list[Recording]]:
    """Repeated hits of at most ``limit`` objects, all for 0: files that share all of their name but the take's number.

    Three or more, and four at most of each object.
    """
    found: dict[str, list[Recording]] = {}
    for recording in list_recordings(data_dir, ("A", "A-", "B", "C")):
        text = name(recording)
        kinds = [kind for kind, pattern in KINDS.items() if re.search(pattern, text)]
        if kinds and not re.search(_NOT_STRUCK, text) and not re.search(_NOT_ONE_OBJECT, text):
            found.setdefault(re.sub(r"_?\d+$", "", text), []).append(recording)
    keys = [key for key, takes in found.items() if len(takes) >= FEWEST_TAKES]
    if limit and len(keys) > limit:
        keys = [keys[int(i)] for i in np.linspace(0, len(keys) - 1, limit)]
    return {key: found[key][:MOST_TAKES] for key in keys}


def measure_takes(key: str, takes: list[Recording]) -> dict[str, Any] | None:
    """Strong ringing modes of each take and the nearest of each other take; the same of the spectra's peaks."""
    described = [one for one in map(_describe_take, takes) if one is not None]
    if len(described) < 2:
        return None
    pairs = {"modes": [], "peaks": []}  # type: dict[str, list[list[float]]]
    for (modes, peaks), (other_modes, other_peaks) in combinations(described, 2):
        pairs["modes"] += _pair(modes, other_modes)
        pairs["peaks"] += _pair(peaks, other_peaks)
    return {"object": key, "takes": len(described), **pairs}


def _describe_take(recording: Recording) -> tuple[np.ndarray, np.ndarray] | None:
    """Frequency, level and decay of the modes [K, 3], and of the spectrum's peaks [P, 3], whose decay is NaN."""
    try:
        hit = read_hit(recording)[: round(MAX_DURATION_S * SAMPLE_RATE_HZ)]
        section = transform_section(hit, recording.fmax_hz) if len(hit) >= 480 else None
        peaks = find_peaks(section) if section is not None else []
        if section is None or not peaks:
            return None
        modes = analyze_hit(hit, SAMPLE_RATE_HZ, onset_s=0.0)[0].modes
    except StruckError:
        return None
    rows = np.array([modes.frequency_hz, ringing_levels(modes, section), modes.decay_per_s]).T
    return rows.reshape(-1, 3), np.array([(hz, level, np.nan) for hz, level in peaks])


def _pair(one: np.ndarray, other: np.ndarray) -> list[list[float]]:
    """For each peak [K, 3] of one take within 12 dB of its strongest: cents and decay ratio of the other's nearest.

    Those of the other within 30 dB of its strongest count; NaN where none lies within 50 cents.
    """
    if not len(one) or not len(other):
        return []
    strong, there = (
        rows[rows[:, 1] > rows[:, 1].max() - reach] for rows, reach in ((one, STRONG_DB), (other, FAINT_DB))
    )
    result = []
    for hz, _, decay in strong:
        cents = 1200.0 * np.log2(there[:, 0] / hz)
        nearest = int(np.argmin(np.abs(cents)))
        met = abs(cents[nearest]) < NEAR_CENTS
        result.append([float(cents[nearest]), float(there[nearest, 2] / decay)] if met else [np.nan, np.nan])
    return result


def tabulate_takes(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Share of strong peaks found again in another take, and their spread; objects count equally."""
    table = []
    for what in ("modes", "peaks"):
        values = [np.array(row[what]).reshape(-1, 2) for row in rows if row[what]]
        shares = [float(np.isfinite(v[:, 0]).mean()) for v in values]
        draws = np.random.default_rng(0).choice(shares, (BOOTSTRAP_DRAWS, len(shares))).mean(axis=1)
        joined = np.concatenate(values)
        joined = joined[np.isfinite(joined[:, 0])]
        decays = np.abs(np.log(joined[:, 1][np.isfinite(joined[:, 1])]))
        table.append(
            {
                "what": what,
                "objects": len(values),
                "again_percent": [100.0 * float(v) for v in (np.mean(shares), *np.percentile(draws, [2.5, 97.5]))],
                "cents": [float(v) for v in np.percentile(np.abs(joined[:, 0]), [50, 90])],
                "decay_percent": [100.0 * float(np.expm1(v)) for v in np.percentile(decays, [50, 90])]
                if decays.size
                else None,
            }
        )
    return table
