"""Attack time, brightness and decay of sampled hits and of their recordings: ``evaluate sampler --shape``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.core.units import SAMPLE_RATE_HZ, power_to_db
from engine.lab.evaluation.sampler.sounds import ITSELF, PRIOR, WINDOW_S, Case, Settings, name_steps, sample
from engine.physics.synthesis import synthesize
from engine.pipeline.hit_decay import DEPTHS_DB, measure_falls

BRIGHT_HZ, BRIGHT_S, HIGHEST_HZ = 6000.0, 0.1, 20_000.0
FALL_DB = 20.0
MEASURES = {"attack_ms": "attack, ms", "bright_db": "over 6 kHz, dB", "fall_percent": "decay by 20 dB, %"}
KINDS = ("all", "metal", "wood")

_ATTACK_S, _FRAME_S, _STEP_S, _FROM, _TO = 0.03, 0.0005, 0.000125, 0.1, 0.9
_LEAST_FMAX_HZ = 10_000.0


def measure_shape(sound: np.ndarray, fmax_hz: float) -> dict[str, float]:
    """Attack time, brightness and decay of a hit [N] at 48 kHz from its onset on.

    ``attack_ms`` is the time in which the amplitude, in frames of 0.5 ms, rises from 10 to 90 % of its maximum in the
    first 30 ms. ``bright_db`` is the energy over 6 kHz in the first 0.1 s, NaN where the recording has none that high;
    ``fall_s`` the time until it stays 20 dB under its loudest 10 ms, NaN where it does not.
    """
    x = np.asarray(sound, dtype=np.float64)
    energy = np.concatenate([[0.0], np.cumsum(np.square(np.pad(x, (round(_FRAME_S * SAMPLE_RATE_HZ), 0))))])
    frame, step = round(_FRAME_S * SAMPLE_RATE_HZ), round(_STEP_S * SAMPLE_RATE_HZ)
    starts = np.arange(0, min(x.size, round(_ATTACK_S * SAMPLE_RATE_HZ)), step)
    level = np.sqrt(np.maximum(energy[starts + frame] - energy[starts], 0.0))
    begins, reaches = (int(np.argmax(level >= share * level.max())) for share in (_FROM, _TO))
    part = x[: round(BRIGHT_S * SAMPLE_RATE_HZ)]
    hz = np.fft.rfftfreq(part.size, 1.0 / SAMPLE_RATE_HZ)
    bright = (np.abs(np.fft.rfft(part)) ** 2)[(hz > BRIGHT_HZ) & (hz < min(fmax_hz, HIGHEST_HZ))].sum() / part.size
    return {
        "attack_ms": 1000.0 * (reaches - begins) * step / SAMPLE_RATE_HZ,
        "bright_db": float(power_to_db(bright + 1e-20)) if fmax_hz >= _LEAST_FMAX_HZ else float("nan"),
        "fall_s": measure_falls(x)[DEPTHS_DB.index(FALL_DB)],
    }


def measure_shapes(case: Case, settings: Settings) -> dict[str, Any]:
    """``measure_shape`` of a recording, the bare prior and the sampler, all as long as the recording."""
    length, fmax_hz = min(len(case.hit), round(WINDOW_S * SAMPLE_RATE_HZ)), case.recording.fmax_hz
    made = sample(settings, [case.physics], [case.seed], settings.control_steps)[0]
    sounds = {
        ITSELF: case.hit,
        PRIOR: synthesize(case.physics, length / SAMPLE_RATE_HZ, case.seed),
        name_steps(settings.control_steps): np.pad(made, (0, max(0, length - len(made)))),
    }
    shapes = {name: measure_shape(sound[:length], fmax_hz) for name, sound in sounds.items()}
    return {"material": case.recording.material, "group": case.recording.group, **shapes}


def summarize_shapes(rows: Sequence[dict[str, Any]], settings: Settings) -> list[dict[str, Any]]:
    """Median differences from the recording by material and system, intervals by resampling recordings."""
    table = []
    for kind in KINDS:
        some = [row for row in rows if kind in ("all", row["material"].split("(")[0])]
        for name in (PRIOR, name_steps(settings.control_steps)) if some else ():
            line: dict[str, Any] = {"kind": kind, "system": name, "recordings": len(some)}
            line["recorded_attack_ms"] = round(float(np.median([row[ITSELF]["attack_ms"] for row in some])), 2)
            for measure in MEASURES:
                line[measure] = _median_interval([_compare(row[name], row[ITSELF], measure) for row in some])
            table.append(line)
    return table


def _compare(made: dict[str, float], recorded: dict[str, float], measure: str) -> float:
    if measure == "fall_percent":
        return 100.0 * (made["fall_s"] / recorded["fall_s"] - 1.0)
    return made[measure] - recorded[measure]


def _median_interval(values: Sequence[float]) -> list[float] | None:
    x = np.asarray(values, dtype=np.float64)
    x = x[np.isfinite(x)]
    if not x.size:
        return None
    draws = np.median(np.random.default_rng(0).choice(x, (2000, x.size)), axis=1)
    return [round(float(v), 2) for v in (np.median(x), *np.percentile(draws, [2.5, 97.5]))]
