"""Control: modes of the sampled sound where the physics has them, a muted one absent, macros with their effect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engine.core.dsp import erb_edges
from engine.core.errors import BadInput
from engine.core.units import LN_60_DB, SAMPLE_RATE_HZ, cents_to_ratio, db_to_power, gain_to_db, power_to_db
from engine.lab.evaluation.sampler.sounds import Settings, name_steps, sample
from engine.lab.metrics.spectral_distance import measure_distances, measure_levels
from engine.physics.analysis.analyze import analyze_hit
from engine.physics.macros import apply_macros
from engine.physics.model import Macros, Modes, NoiseComponent, Physics, Residual
from engine.physics.synthesis import synthesize

WITHIN_DB, MOST_CENTS, MOST_DECAY_ERROR = 30.0, 5.0, 0.10
MUTED_WITHIN_DB, MUTED_FALL_DB, OVER_RESIDUAL_DB, RESIDUAL_DRAWS = 12.0, 40.0, 6.0, 16
MUTED_STANDS_DB, MUTED_TRIED = 10.0, 4
ANALYSED_S, CENTROID_S, ATTACK_S = 2.0, 0.4, 0.05
BRIGHT_HZ = 4000.0
DRY_UNDER_DB, DRY_WITHIN_DB = 10.0, 3.0
PRIOR_AGAIN = "prior_again"
"""The prior with another draw of its noise: the error of the analysis alone."""


@dataclass(frozen=True)
class Change:
    """A turn of the physics, and for each measure the least change that counts as one and its direction by its sign."""

    name: str
    macros: Macros
    velocity_db: float
    audible: dict[str, float]


CHANGES = (
    Change("velocity +6 dB", Macros(), 6.0, {"level_db": 1.0, "brightness_cents": 30.0}),
    Change("mass +0.5", Macros(mass=0.5), 0.0, {"brightness_cents": -100.0, "peak_cents": -100.0}),
    Change("hardness +0.7", Macros(hardness=0.7), 0.0, {"brightness_cents": 30.0}),
    Change("hardness -0.7", Macros(hardness=-0.7), 0.0, {"brightness_cents": -30.0}),
    Change("damping +0.5", Macros(damping=0.5), 0.0, {"ring_db": -0.5}),
    Change("damping -0.5", Macros(damping=-0.5), 0.0, {"ring_db": 0.5}),
    Change("roughness +0.7", Macros(roughness=0.7), 0.0, {"attack_db": 1.0}),
    Change("room +0.7", Macros(room=0.7), 0.0, {"ring_db": 0.3}),
)


def make_objects(count: int, seed: int = 0) -> list[Physics]:
    """Physics whose modes an analysis can resolve: up to 8 of them over noise of 24 bands, every other in a room."""
    rng = np.random.default_rng(seed)
    edges = tuple(float(e) for e in erb_edges(20.0, 24_000.0, 24))
    objects = []
    for number in range(count):
        size = int(rng.integers(3, 9))
        frequency = np.sort(rng.uniform(150.0, 400.0) * np.cumprod(rng.uniform(1.25, 1.8, size)))
        frequency = frequency[frequency < 15_000.0]
        size = len(frequency)
        decay = rng.uniform(3.0, 20.0) * (frequency / 500.0) ** rng.uniform(0.2, 0.8)
        power = -12.0 - rng.uniform(0.0, 20.0, size)
        noise_db, fall = -35.0 - rng.uniform(0.0, 30.0), rng.uniform(40.0, 120.0)
        tilt = rng.uniform(-0.6, 0.0)
        bands = range(24)
        room = None
        if number % 2:  # which outlasts a faster-decaying object, so that removing it has an effect
            decay, noise_db = np.maximum(decay, 15.0), max(noise_db, -45.0)
            room = NoiseComponent(tuple(noise_db - 8.0 + tilt * k for k in bands), tuple(5.0 + 0.1 * k for k in bands))
        residual = Residual(edges, tuple(noise_db + tilt * k for k in bands), (fall,) * 24, room)
        phase = rng.uniform(-np.pi, np.pi, size)
        values = [tuple(float(v) for v in x) for x in (frequency, power, decay, phase)]
        modes = Modes(values[0], values[1], values[2], values[3], (False,) * size)
        objects.append(Physics(modes, residual))
    return objects


# --- measures -------------------------------------------------------------------------------------


def compare_modes(wanted: Modes, got: Modes) -> np.ndarray:
    """For each mode within 30 dB of the strongest whether its frequency, its decay and both are met, bool [M, 3].

    The nearest in frequency is compared: within 5 cents, and the decay rate within 10 %.
    """
    frequency, decay = np.array(got.frequency_hz), np.array(got.decay_per_s)
    rows = []
    for index in strong_modes(wanted, WITHIN_DB):
        hz, rate = wanted.frequency_hz[index], wanted.decay_per_s[index]
        if not len(got) or hz <= 0.0:
            rows.append((False, False, False))
            continue
        nearest = int(np.argmin(np.abs(np.log(np.maximum(frequency, 1e-9) / hz))))
        tuned = 1.0 / cents_to_ratio(MOST_CENTS) <= frequency[nearest] / hz <= cents_to_ratio(MOST_CENTS)
        fades = tuned and abs(decay[nearest] - rate) <= MOST_DECAY_ERROR * rate
        rows.append((bool(tuned), bool(fades), bool(tuned and fades)))
    return np.array(rows, bool).reshape(-1, 3)


def strong_modes(modes: Modes, within_db: float) -> list[int]:
    """Indices of the unmuted modes within so many dB of the strongest at the onset."""
    muted = modes.mute_mask
    audible = [i for i, f in enumerate(modes.frequency_hz) if not muted[i] and 0.0 < f < SAMPLE_RATE_HZ / 2]
    top = max((modes.power_db[i] for i in audible), default=0.0)
    return [i for i in audible if modes.power_db[i] > top - within_db]


def measure_mode_db(sound: np.ndarray, frequency_hz: float, decay_per_s: float) -> float:
    """Level at the onset of a mode of this frequency and decay in a sound, by projection on it, dB re amplitude 1."""
    length = min(len(sound), round(LN_60_DB / max(decay_per_s, 1e-3) * SAMPLE_RATE_HZ))
    time_s = np.arange(length) / SAMPLE_RATE_HZ
    envelope = np.exp(-decay_per_s * time_s)
    carrier = np.exp(-2j * np.pi * frequency_hz * time_s) * envelope
    amplitude = (
        2.0 * abs(np.dot(sound[:length].astype(np.float64), carrier)) / max(float(np.square(envelope).sum()), 1e-9)
    )
    return float(gain_to_db(amplitude + 1e-10))


def measure_muting(
    muted: np.ndarray, before: np.ndarray, without: Sequence[np.ndarray], hz: float, rate: float
) -> dict[str, Any]:
    """How far a mode falls from the sound ``before`` to the one where it is muted, and whether that is far enough.

    Enough is 40 dB, or down to 6 dB over what priors ``without`` the mode have there on average: one draw of noise is
    as high as that in one of fifty.
    """
    start_db, end_db = (measure_mode_db(sound, hz, rate) for sound in (before, muted))
    residual_db = _mean_level_db(without, hz, rate)
    fall_db = start_db - end_db
    gone = fall_db >= MUTED_FALL_DB or end_db <= residual_db + OVER_RESIDUAL_DB
    return {"fall_db": fall_db, "over_residual_db": end_db - residual_db, "gone": bool(gone)}


def _mean_level_db(sounds: Sequence[np.ndarray], hz: float, rate: float) -> float:
    levels = np.array([measure_mode_db(sound, hz, rate) for sound in sounds])
    return float(power_to_db(np.mean(db_to_power(levels))))


def measure_sound(sound: np.ndarray) -> dict[str, float]:
    """Level, brightness, strongest frequency, ring and attack of a sound, in decibels and cents.

    Brightness is the centroid of the first 0.4 s, ring the mean time of the energy, attack the first 50 ms over 4 kHz.
    """
    x = np.zeros(max(len(sound), round(CENTROID_S * SAMPLE_RATE_HZ)))
    x[: len(sound)] = sound
    energy = np.square(x)
    total = float(energy.sum()) + 1e-20
    time_s = (np.arange(x.size) + 0.5) / SAMPLE_RATE_HZ
    part = x[: round(CENTROID_S * SAMPLE_RATE_HZ)]
    power, hz = np.abs(np.fft.rfft(part)) ** 2, np.fft.rfftfreq(part.size, 1.0 / SAMPLE_RATE_HZ)
    whole = np.abs(np.fft.rfft(x)) ** 2
    peak_hz = max(int(np.argmax(whole)), 1) * SAMPLE_RATE_HZ / x.size
    attack = x[: round(ATTACK_S * SAMPLE_RATE_HZ)]
    bright = (np.abs(np.fft.rfft(attack)) ** 2)[np.fft.rfftfreq(attack.size, 1.0 / SAMPLE_RATE_HZ) > BRIGHT_HZ].sum()
    centroid_hz = float((power * hz).sum() / (power.sum() + 1e-20)) + 1e-9
    return {
        "level_db": float(power_to_db(total)),
        "brightness_cents": float(1200.0 * np.log2(centroid_hz)),
        "peak_cents": float(1200.0 * np.log2(peak_hz)),
        "ring_db": float(power_to_db((energy * time_s).sum() / total + 1e-9)),
        "attack_db": float(power_to_db(float(bright) + 1e-20)),
    }


def late_db(sound: np.ndarray, from_s: float) -> float:
    """Energy after a time, in dB."""
    return float(
        power_to_db(float(np.square(sound[round(from_s * SAMPLE_RATE_HZ) :].astype(np.float64)).sum()) + 1e-20)
    )


def room_time_s(wet: np.ndarray, dry: np.ndarray) -> float | None:
    """Time from which on 90 % of the remaining energy is the room's; None where there is none."""
    length = max(len(wet), len(dry))
    rest = [
        np.cumsum(np.square(np.pad(x.astype(np.float64), (0, length - len(x))))[::-1])[::-1][:: SAMPLE_RATE_HZ // 100]
        for x in (wet, dry)
    ]
    audible = (rest[1] < rest[0] * db_to_power(-DRY_UNDER_DB)) & (rest[0] > 1e-6 * rest[0][0])
    return None if not audible.any() else float(np.argmax(audible)) / 100.0


# --- one object -----------------------------------------------------------------------------------


def measure_control(physics: Physics, seed: int, settings: Settings) -> dict[str, Any]:
    """All control figures of one object: modes and coherence by steps, muting, changes and drying at the settings'."""
    by_steps = {n: sample(settings, [physics], [seed], n)[0] for n in sorted({*settings.steps, settings.control_steps})}
    base = by_steps[settings.control_steps]
    return {
        "modes": _measure_modes(physics, seed, {n: by_steps[n] for n in settings.steps}),
        "steps": _measure_steps(physics, seed, {n: by_steps[n] for n in settings.steps}, settings),
        "muting": _mute(physics, seed, base, settings),
        "changes": _turn(physics, seed, base, settings),
        "drying": measure_drying(physics, seed, base, settings),
    }


def _reanalyse(sound: np.ndarray) -> Modes:
    try:
        return analyze_hit(sound, SAMPLE_RATE_HZ, onset_s=0.0)[0].modes
    except BadInput:
        return Modes()


def _measure_modes(physics: Physics, seed: int, by_steps: dict[int, np.ndarray]) -> dict[str, Any]:
    length = min(max(len(sound) for sound in by_steps.values()), round(ANALYSED_S * SAMPLE_RATE_HZ))
    bare = _reanalyse(synthesize(physics, length / SAMPLE_RATE_HZ, seed))
    again = compare_modes(bare, _reanalyse(synthesize(physics, length / SAMPLE_RATE_HZ, seed + 1_000_000)))
    met = {PRIOR_AGAIN: again}
    met |= {name_steps(n): compare_modes(bare, _reanalyse(sound[:length])) for n, sound in by_steps.items()}
    return {"met": {name: rows.tolist() for name, rows in met.items()}, "steady": again[:, 2].tolist()}


def _measure_steps(physics: Physics, seed: int, by_steps: dict[int, np.ndarray], settings: Settings) -> dict[str, Any]:
    """How far the sound of fewer steps is from that of the most, and of another seed at the most: dB, correlation."""
    most = max(by_steps)
    other = sample(settings, [physics], [seed + 1_000_000], most)[0]
    length = min(len(by_steps[most]), len(other), round(ANALYSED_S * SAMPLE_RATE_HZ))
    wanted = measure_levels(by_steps[most], length)

    def compare(sound: np.ndarray) -> list[float]:
        distances = measure_distances(wanted, measure_levels(sound, length), SAMPLE_RATE_HZ / 2)
        a, b = (np.pad(x, (0, max(0, length - len(x))))[:length].astype(np.float64) for x in (by_steps[most], sound))
        coherence = float(a @ b / np.sqrt((a @ a) * (b @ b) + 1e-30))
        return [float(distances[:-1].mean()), float(distances[-1]), coherence]

    return {
        "most": most,
        **{name_steps(n): compare(sound) for n, sound in by_steps.items() if n != most},
        "other_seed": compare(other),
    }


def _mute(physics: Physics, seed: int, base: np.ndarray, settings: Settings) -> dict[str, Any] | None:
    loud = strong_modes(physics.modes, MUTED_WITHIN_DB)
    for chosen in np.random.default_rng(seed).permutation(loud)[:MUTED_TRIED]:
        flags = list(physics.modes.mute_mask)
        flags[int(chosen)] = True
        quiet = replace(physics, modes=replace(physics.modes, muted=tuple(flags)))
        without = [synthesize(quiet, len(base) / SAMPLE_RATE_HZ, seed + 1 + k) for k in range(RESIDUAL_DRAWS)]
        hz, rate = physics.modes.frequency_hz[chosen], physics.modes.decay_per_s[chosen]
        if measure_mode_db(base, hz, rate) < _mean_level_db(without, hz, rate) + MUTED_STANDS_DB:
            continue  # noise or neighbours are as loud there: its absence could not be measured
        muted = sample(settings, [quiet], [seed], settings.control_steps)[0]
        return measure_muting(muted, base, without, hz, rate)
    return None


def _turn(physics: Physics, seed: int, base: np.ndarray, settings: Settings) -> list[dict[str, Any]]:
    """For each change and measure the change of the prior, that of the sampled sound, and whether their signs agree.

    Changes that hardly affect the prior, such as of a faint room, are left out.
    """
    before_prior, before = measure_sound(synthesize(physics, None, seed)), measure_sound(base)
    rows = []
    for change in CHANGES:
        modes, residual = apply_macros(physics.modes, physics.residual, change.macros, change.velocity_db)
        turned = replace(physics, modes=modes, residual=residual)
        prior = measure_sound(synthesize(turned, None, seed))
        audible = [m for m, least in change.audible.items() if (prior[m] - before_prior[m]) / least >= 1.0]
        if audible:
            after = measure_sound(sample(settings, [turned], [seed], settings.control_steps)[0])
            for measure in audible:
                wanted, got = prior[measure] - before_prior[measure], after[measure] - before[measure]
                row = {"change": change.name, "measure": measure, "wanted": wanted, "got": got}
                rows.append({**row, "right": bool(got * change.audible[measure] > 0.0)})
    return rows


def measure_drying(physics: Physics, seed: int, base: np.ndarray, settings: Settings) -> dict[str, Any] | None:
    """How far the late level of ``base`` falls when its room is removed, and the same in the prior.

    None without a room, or where the room never prevails. A sound that falls as far, within 3 dB, counts as dry.
    """
    if physics.residual.room is None:
        return None
    modes, residual = apply_macros(physics.modes, physics.residual, Macros(room=-1.0))
    dried = replace(physics, modes=modes, residual=residual)
    wet, dry = (synthesize(p, len(base) / SAMPLE_RATE_HZ, seed) for p in (physics, dried))
    from_s = room_time_s(wet, dry)
    if from_s is None:
        return None
    sampled = sample(settings, [dried], [seed], settings.control_steps)[0]
    wanted_db = late_db(wet, from_s) - late_db(dry, from_s)
    got_db = late_db(base, from_s) - late_db(sampled, from_s)
    return {
        "from_s": from_s,
        "wanted_db": wanted_db,
        "got_db": got_db,
        "dry": bool(got_db >= wanted_db - DRY_WITHIN_DB),
    }


# --- all objects ----------------------------------------------------------------------------------


def summarize_control(rows: Sequence[dict[str, Any]], settings: Settings) -> dict[str, Any]:
    """The figures of many objects together, shares in percent."""
    mutes, dries = ([row[key] for row in rows if row[key] is not None] for key in ("muting", "drying"))
    turns = [turn for row in rows for turn in row["changes"]]
    kinds = dict.fromkeys((change.name, measure) for change in CHANGES for measure in change.audible)
    return {
        "objects": len(rows),
        "steps": settings.control_steps,
        "modes": [_summarize_modes(rows, name) for name in (PRIOR_AGAIN, *map(name_steps, settings.steps))],
        "muting": {
            "objects": len(mutes),
            "gone_percent": _percent([m["gone"] for m in mutes]),
            "median_fall_db": _median([m["fall_db"] for m in mutes]),
            "median_over_residual_db": _median([m["over_residual_db"] for m in mutes]),
        },
        "changes": [_summarize_turn(kind, [t for t in turns if (t["change"], t["measure"]) == kind]) for kind in kinds],
        "drying": {
            "objects": len(dries),
            "dry_percent": _percent([d["dry"] for d in dries]),
            "median_wanted_db": _median([d["wanted_db"] for d in dries]),
            "median_got_db": _median([d["got_db"] for d in dries]),
        },
    }


def _summarize_modes(rows: Sequence[dict[str, Any]], name: str) -> dict[str, Any]:
    met = np.concatenate([np.array(r["modes"]["met"][name], bool).reshape(-1, 3) for r in rows])
    steady = np.concatenate([np.array(r["modes"]["steady"], bool) for r in rows])
    shares = {key: _percent(met[:, k]) for k, key in enumerate(("frequency_percent", "decay_percent", "both_percent"))}
    kept = {f"steady_{key}": _percent(met[steady, k]) for k, key in enumerate(shares)}
    return {"system": name, "modes": len(met), "steady_modes": int(steady.sum()), **shares, **kept}


def _summarize_turn(kind: tuple[str, str], turns: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        "change": kind[0],
        "measure": kind[1],
        "objects": len(turns),
        "right_percent": _percent([t["right"] for t in turns]),
        "median_wanted": _median([t["wanted"] for t in turns]),
        "median_got": _median([t["got"] for t in turns]),
    }


def summarize_steps(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Mean distance of fewer steps, and of another seed, from the most steps with the same seed."""
    names = list(dict.fromkeys(name for row in rows for name in row["steps"] if name != "most"))
    table = []
    for name in names:
        values = np.array([row["steps"][name] for row in rows])
        nearer = np.mean([row["steps"][name][0] < row["steps"]["other_seed"][0] for row in rows])
        means = dict(zip(("spectrum_db", "envelope_db", "correlation"), values.mean(axis=0).tolist(), strict=True))
        table.append(
            {
                "system": name,
                "most": rows[0]["steps"]["most"],
                **means,
                "nearer_than_seed_percent": 100.0 * float(nearer),
            }
        )
    return table


def _percent(values: Sequence[bool] | np.ndarray) -> float | None:
    return round(100.0 * float(np.mean(values)), 1) if len(values) else None


def _median(values: Sequence[float]) -> float | None:
    return round(float(np.median(values)), 2) if len(values) else None
