"""Time of the analysis and of the baselines, measured in one process."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from engine.core.dsp import resample
from engine.core.units import SAMPLE_RATE_HZ
from engine.lab.baselines import stft_bins as bins
from engine.lab.baselines.ddpm import physics as ddpm_physics
from engine.lab.baselines.lim_sample import fit_lim_sample
from engine.lab.evaluation.physics.recordings import MAX_MODES
from engine.lab.evaluation.physics.synthetic import make_modes
from engine.physics.analysis.analyze import analyze_hit, analyze_hits
from engine.physics.synthesis import synthesize_modes

REPEATS = 5
STEPS = ("ours", "with_fit", "loops", "cosines", "vectorised", "ring", "noise", "lim")


def measure_speed(hits: list[np.ndarray]) -> dict[str, Any]:
    """Milliseconds for hits at 48 kHz and for their first 0.25 s, means over the hits.

    ``ours``: modes and residual, as hits of a clip are analysed, the median of 5; ``with_fit``: with the fit of the
    resynthesis, which is told of a single recording. The 1025 bins as published: ``loops`` for their estimation and
    ``cosines`` for their synthesis; ``vectorised`` and ``ring``: the same with arrays; ``noise``: the fit of the
    residual to the hit. ``lim``: lim-sample's modes.
    """
    window = round(ddpm_physics.LENGTH / ddpm_physics.RATE_HZ * SAMPLE_RATE_HZ)
    _measure_hit(hits[0][:window])  # libraries load at first use
    table = {}
    for name, sounds in (("whole", hits), ("window", [hit[:window] for hit in hits])):
        times = [_measure_hit(sound) for sound in sounds]
        table[name] = {step: statistics.mean(t[step] for t in times) for step in STEPS}
    facts = {"hits": len(hits), "seconds": len(hits[0]) / SAMPLE_RATE_HZ, "threads": torch.get_num_threads()}
    return {**facts, "synthesis": measure_synthesis(), **table}


def measure_synthesis(hits: int = 100, modes: int = MAX_MODES, length_s: float = 1.4) -> float:
    """Milliseconds to synthesize a batch of hits with many long modes each, the median of 5."""
    rng = np.random.default_rng(0)
    batch = [
        make_modes(
            rng.uniform(50.0, 20_000.0, modes), rng.uniform(-60.0, -6.0, modes), rng.uniform(1.0, 60.0, modes),
            rng.uniform(-np.pi, np.pi, modes),
        )
        for _ in range(hits)
    ]  # fmt: skip
    length = round(length_s * SAMPLE_RATE_HZ)
    return statistics.median(_time(lambda: synthesize_modes(batch, length, SAMPLE_RATE_HZ)) for _ in range(REPEATS))


def _measure_hit(hit: np.ndarray) -> dict[str, float]:
    ours = [_time(lambda: next(analyze_hits([hit], SAMPLE_RATE_HZ, MAX_MODES))) for _ in range(REPEATS)]
    with_fit = [_time(lambda: analyze_hit(hit, SAMPLE_RATE_HZ, MAX_MODES, onset_s=0.0)) for _ in range(REPEATS)]
    sound = ddpm_physics.prepare(resample(hit, SAMPLE_RATE_HZ, ddpm_physics.RATE_HZ))
    estimated = ddpm_physics.estimate_bins(sound)
    tonal = ddpm_physics.synthesize_bins(estimated, len(sound))
    return {
        "ours": statistics.median(ours),
        "with_fit": statistics.median(with_fit),
        "loops": _time(lambda: bins.estimate_bins_by_loops(sound)),
        "cosines": _time(lambda: bins.synthesize_bins_by_loops(estimated, len(sound))),
        "vectorised": _time(lambda: ddpm_physics.estimate_bins(sound)),
        "ring": _time(lambda: ddpm_physics.synthesize_bins(estimated, len(sound))),
        "noise": _time(lambda: bins.fit_noise(sound, tonal)),
        "lim": _time(lambda: fit_lim_sample(hit, SAMPLE_RATE_HZ)),
    }


def _time(work: Callable[[], object]) -> float:
    started_s = time.perf_counter()
    work()
    return 1000.0 * (time.perf_counter() - started_s)
