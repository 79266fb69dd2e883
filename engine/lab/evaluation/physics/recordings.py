"""Distance of resynthesis from recordings: modal analysis compared with two baselines in the same run."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np

from engine.core.dsp import resample
from engine.core.errors import StruckError
from engine.core.units import SAMPLE_RATE_HZ
from engine.lab.baselines import stft_bins as bins
from engine.lab.baselines.ddpm import physics as ddpm_physics
from engine.lab.baselines.lim_sample import fit_lim_sample
from engine.lab.data.recordings import Recording, read_hit
from engine.lab.metrics.spectral_distance import (
    NAMES,
    Levels,
    best_gain_db,
    measure_band_distance,
    measure_distances,
    measure_levels,
)
from engine.physics.analysis.analyze import analyze_hit
from engine.physics.model import Physics
from engine.physics.synthesis import synthesize, synthesize_modes

MAX_DURATION_S = 1.4
MAX_MODES = 128
PAIRS = {
    "bins": ("ours", "bins"),
    "bins_window": ("ours_window", "bins_window"),
    "lim": ("ours_limited", "lim"),
    "lim_modes": ("ours_limited_modes", "lim"),
}
"""Comparisons: our method and the baseline, as names of a row's distances."""

BOOTSTRAP_DRAWS = 2000


def choose_evenly(recordings: list[Recording], limit: int) -> list[Recording]:
    """At most ``limit`` recordings, spread evenly over the list; all for 0."""
    if not limit or len(recordings) <= limit:
        return recordings
    return [recordings[int(i)] for i in np.linspace(0, len(recordings) - 1, limit)]


def measure_recording(recording: Recording, seed: int) -> dict[str, Any] | str | None:
    """All methods on one recording: a row of figures, a sentence where it fails, None where it holds no hit."""
    try:
        hit = read_hit(recording)[: round(MAX_DURATION_S * SAMPLE_RATE_HZ)]
        if len(hit) < 480 or float(np.abs(hit).max()) < 1e-4:
            return None
        return compare_methods(hit, recording, seed)
    except StruckError as error:
        return str(error)


def compare_methods(hit: np.ndarray, recording: Recording, seed: int) -> dict[str, Any]:
    """Distances of our modes with residual, of the 1025 bins and of lim-sample from a hit at 48 kHz.

    Each baseline has the gain at which it comes closest; ours has none. Against lim-sample ours has at most as many
    modes as lim-sample found, and there is no comparison where it found none. The 1025 bins are evaluated on the whole
    hit and on the 0.25 s that they are designed for, where ours is estimated from the same 0.25 s.
    """
    fmax_hz = recording.fmax_hz
    target = measure_levels(hit, hit.size)
    started_s = time.perf_counter()
    physics, fit = analyze_hit(hit, SAMPLE_RATE_HZ, max_modes=MAX_MODES, onset_s=0.0)
    seconds = time.perf_counter() - started_s
    ours = _resynthesize(physics, hit.size, seed)
    levels, tonal = measure_levels(ours, hit.size), _synthesize_modes(physics, hit.size)
    distances = {
        "ours": _distances(target, levels, fmax_hz),
        "ours_modes": _distances(target, measure_levels(tonal, hit.size), fmax_hz),
        "floor": _distances(measure_levels(_resynthesize(physics, hit.size, seed + 1), hit.size), levels, fmax_hz),
    }
    distances |= _compare_bins(hit, target, distances["ours"], fmax_hz, seed)
    modes = fit_lim_sample(hit, SAMPLE_RATE_HZ)
    if len(modes):
        limited = physics
        if len(modes) < len(physics.modes):
            limited, _ = analyze_hit(hit, SAMPLE_RATE_HZ, max_modes=len(modes), onset_s=0.0)
        levels = measure_levels(_resynthesize(limited, hit.size, seed), hit.size)
        distances["ours_limited"] = _distances(target, levels, fmax_hz)
        levels = measure_levels(_synthesize_modes(limited, hit.size), hit.size)
        distances["ours_limited_modes"] = _distances(target, levels, fmax_hz)
        distances["lim"] = _distances_at_best_gain(
            target, measure_levels(_synthesize_modes(Physics(modes), hit.size), hit.size), fmax_hz
        )
    return {
        "path": str(Path(*recording.path.parts[-2:])),
        "material": recording.material or "unknown",
        "duration_s": hit.size / SAMPLE_RATE_HZ,
        "distance_db": measure_band_distance(hit, ours, fmax_hz),
        "modes_alone_db": measure_band_distance(hit, tonal, fmax_hz),
        "fit": fit,
        "modes": len(physics.modes),
        "lim_modes": len(modes),
        "seconds": seconds,
        "distances_db": distances,
    }


def _compare_bins(
    hit: np.ndarray, target: Levels, ours: list[float], fmax_hz: float, seed: int
) -> dict[str, list[float]]:
    """Distances of the 1025 bins from the whole hit and from its first 0.25 s, and of ours from the latter."""
    window = hit[: round(ddpm_physics.LENGTH / ddpm_physics.RATE_HZ * SAMPLE_RATE_HZ)]
    whole = _distances_at_best_gain(target, measure_levels(resynthesize_with_bins(hit, seed), hit.size), fmax_hz)
    if window.size == hit.size:  # a shorter hit is padded with silence to 0.25 s in either case
        return {"bins": whole, "bins_window": whole, "ours_window": ours}
    target = measure_levels(window, window.size)
    physics, _ = analyze_hit(window, SAMPLE_RATE_HZ, max_modes=MAX_MODES, onset_s=0.0)
    ours_window = measure_levels(_resynthesize(physics, window.size, seed), window.size)
    bins_window = measure_levels(resynthesize_with_bins(window, seed), window.size)
    return {
        "bins": whole,
        "bins_window": _distances_at_best_gain(target, bins_window, fmax_hz),
        "ours_window": _distances(target, ours_window, fmax_hz),
    }


def resynthesize_with_bins(hit: np.ndarray, seed: int = 0) -> np.ndarray:
    """Resynthesis of a hit at 48 kHz from the 1025 bins and their 100 noise bands, at a peak of 1."""
    sound = ddpm_physics.prepare(resample(hit, SAMPLE_RATE_HZ, ddpm_physics.RATE_HZ))
    tonal = ddpm_physics.synthesize_bins(ddpm_physics.estimate_bins(sound), len(sound))
    return resample(bins.fit_noise(sound, tonal, seed=seed), ddpm_physics.RATE_HZ, SAMPLE_RATE_HZ)[: hit.size]


def _resynthesize(physics: Physics, length: int, seed: int) -> np.ndarray:
    return synthesize(physics, length / SAMPLE_RATE_HZ, seed)


def _synthesize_modes(physics: Physics, length: int) -> np.ndarray:
    sound: np.ndarray = synthesize_modes([physics.modes], length, SAMPLE_RATE_HZ)[0].numpy()
    return sound


def _distances(target: Levels, estimate: Levels, fmax_hz: float) -> list[float]:
    return [float(d) for d in measure_distances(target, estimate, fmax_hz)]


def _distances_at_best_gain(target: Levels, estimate: Levels, fmax_hz: float) -> list[float]:
    return [float(d) for d in measure_distances(target, estimate, fmax_hz, best_gain_db(target, estimate, fmax_hz))]


def tabulate_materials(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row for each material, by number of recordings, and one for all."""
    names = sorted({row["material"] for row in rows}, key=lambda name: -sum(r["material"] == name for r in rows))
    table = []
    for name in [*names, "all"]:
        some = [row for row in rows if name in ("all", row["material"])]
        table.append(
            {
                "material": name,
                "recordings": len(some),
                **{key: statistics.mean(r[key] for r in some) for key in ("distance_db", "modes_alone_db")},
                "worst_tenth_db": float(np.percentile([r["distance_db"] for r in some], 90)),
                "fit": statistics.median(r["fit"] for r in some),
                "modes": statistics.median(r["modes"] for r in some),
                "seconds": statistics.median(r["seconds"] for r in some),
            }
        )
    return table


def tabulate_pairs(rows: list[dict[str, Any]], seed: int = 0) -> list[dict[str, Any]]:
    """For each comparison and distance: both means, and the share of recordings on which ours is closer.

    The last distance is the mean of the four. A tie is half a win. Shares have a 95 % bootstrap interval: 2.5th and
    97.5th percentile of 2000 draws of as many recordings with replacement.
    """
    table = []
    for name, (mine, theirs) in PAIRS.items():
        some = [row["distances_db"] for row in rows if mine in row["distances_db"] and theirs in row["distances_db"]]
        if not some:
            continue
        ours, other = (_with_mean([row[key] for row in some]) for key in (mine, theirs))
        wins = (ours < other) + 0.5 * (ours == other)
        draws = np.random.default_rng(seed).integers(len(wins), size=(BOOTSTRAP_DRAWS, len(wins)))
        low, high = 100.0 * np.percentile(wins[draws].mean(axis=1), [2.5, 97.5], axis=0)
        for k, distance in enumerate((*NAMES, "mean")):
            table.append(
                {
                    "against": name,
                    "distance": distance,
                    "recordings": len(some),
                    "ours_db": float(ours[:, k].mean()),
                    "baseline_db": float(other[:, k].mean()),
                    "wins_percent": 100.0 * float(wins[:, k].mean()),
                    "low_percent": float(low[k]),
                    "high_percent": float(high[k]),
                }
            )
    return table


def tabulate_means(rows: list[dict[str, Any]]) -> dict[str, list[float]]:
    """Mean distances of ours over all recordings: modes and residual, modes alone, and between two noise draws."""
    names = ("ours", "ours_modes", "floor")
    return {name: _with_mean([row["distances_db"][name] for row in rows]).mean(axis=0).tolist() for name in names}


def _with_mean(rows: list[list[float]]) -> np.ndarray:
    values = np.array(rows)
    return np.concatenate([values, values.mean(axis=1, keepdims=True)], axis=1)
