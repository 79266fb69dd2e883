"""Synthetic struck objects from material constants, for materials with few recordings.

Plates of random size and support with random strikers, and granular noise for materials that hardly vibrate (cloth,
carpet, paper). Unlike the prior their sounds have, as recordings do, modes in unequal pairs, a force pulse and granular
noise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.signal import fftconvolve

from engine.core.units import SAMPLE_RATE_HZ, db_to_gain
from engine.lab.data.plates import Plate, plate_modes, plate_noise
from engine.physics.model import Modes
from engine.physics.noise import synthesize_residual
from engine.physics.synthesis import synthesize_modes

LONGEST_S = 1.5
_MOST_MODES = 40
_FAINTEST_MODE_DB = -55.0


@dataclass(frozen=True)
class Material:
    """Elastic constants in SI units, and ranges from which an object is drawn.

    ``thick_mm`` and ``wide_mm`` are of the plate, ``support_loss_per_s`` of its mounting, ``contact_ms`` of the blow;
    ``noise_db`` is the contact's own noise against the modes, ``noise_decay_per_s`` its decay.
    """

    young_pa: float
    density_kg_per_m3: float
    poisson: float
    loss: tuple[float, float]
    thick_mm: tuple[float, float]
    wide_mm: tuple[float, float]
    support_loss_per_s: tuple[float, float]
    contact_ms: tuple[float, float]
    noise_db: tuple[float, float]
    noise_decay_per_s: tuple[float, float]
    grain_ms: tuple[float, float] = (0.3, 1.0)


MATERIALS = {
    "glass": Material(68e9, 2500, 0.22, (0.0006, 0.003), (2, 8), (60, 400), (2, 40), (0.08, 0.5),
                        (-18, 0), (80, 400)),
    "ceramic": Material(72e9, 2400, 0.23, (0.001, 0.008), (3, 12), (60, 350), (5, 90), (0.1, 0.6),
                        (-14, 2), (80, 400)),
    "rock": Material(55e9, 2650, 0.23, (0.004, 0.03), (10, 60), (80, 500), (30, 200), (0.15, 1.0),
                        (-8, 8), (60, 300)),
    "concrete": Material(30e9, 2400, 0.2, (0.01, 0.05), (30, 150), (300, 2500), (40, 200),
                        (0.2, 2), (-4, 10), (50, 250)),
    "drywall": Material(2.6e9, 720, 0.3, (0.01, 0.04), (9, 25), (200, 1300), (20, 90), (0.8, 3), (-8, 2), (50, 150)),
    "carpet": Material(9e9, 480, 0.3, (0.04, 0.1), (15, 60), (400, 2500), (35, 150), (3, 10),
                        (-10, 10), (30, 120), (1, 5)),
    "cloth": Material(0.05e9, 300, 0.3, (0.2, 0.5), (5, 40), (100, 600), (80, 300), (1, 8),
                        (-6, 12), (30, 150), (0.5, 4)),
    "paper": Material(1e9, 500, 0.3, (0.06, 0.15), (1, 30), (100, 400), (50, 200), (0.5, 3),
                        (-10, 8), (40, 200), (0.3, 2)),
}  # fmt: skip


@dataclass(frozen=True)
class SyntheticObject:
    """One synthetic object and blow; ``seed`` draws all other parameters."""

    name: str
    material: str
    seed: int


def make_synthetic_objects(each: int) -> list[SyntheticObject]:
    """``each`` objects of every material."""
    return [
        SyntheticObject(f"imagined/{material}_{k}", material, 1000 * place + k)
        for place, material in enumerate(MATERIALS)
        for k in range(each)
    ]


def synthesize_object(synthetic: SyntheticObject) -> np.ndarray:
    """The sound of a synthetic object, float32 mono at 48 kHz from its onset on, its peak at -6 to -1 dB."""
    rng = np.random.default_rng(synthetic.seed)
    plate = draw_plate(MATERIALS[synthetic.material], rng)
    length = round(LONGEST_S * SAMPLE_RATE_HZ)
    modes = split_pairs(plate_modes(plate, _MOST_MODES, synthetic.seed), rng)
    ring = synthesize_modes([modes], length, SAMPLE_RATE_HZ)[0].numpy().astype(np.float64)
    pulse = np.sin(np.pi * (np.arange(max(2, round(plate.contact_s * SAMPLE_RATE_HZ))) + 0.5) / SAMPLE_RATE_HZ
                   / plate.contact_s).clip(0.0)  # fmt: skip
    ring = fftconvolve(ring, pulse / pulse.sum())[:length]
    noise = plate_noise(plate)
    noise = (
        noise.with_component("tail", noise.room) if noise.room else noise
    )  # unresolved modes are the object's, not a room's
    noise = replace(noise, room=None)
    grain_ms = float(np.exp(rng.uniform(*np.log(MATERIALS[synthetic.material].grain_ms))))
    contact = synthesize_residual(noise, length, SAMPLE_RATE_HZ, synthetic.seed) * draw_grains(length, grain_ms, rng)
    sound = ring + contact
    return (sound * db_to_gain(rng.uniform(-6.0, -1.0)) / np.abs(sound).max()).astype(np.float32)


def draw_plate(material: Material, rng: np.random.Generator) -> Plate:
    """A plate of the material, its sizes, losses and blow drawn evenly in their logarithms."""

    def draw(span: tuple[float, float]) -> float:
        return float(np.exp(rng.uniform(*np.log(span))))

    wide_m, thick_m = draw(material.wide_mm) / 1e3, draw(material.thick_mm) / 1e3
    return Plate(
        material.young_pa,
        material.density_kg_per_m3,
        material.poisson,
        draw(material.loss),
        (wide_m, wide_m * float(rng.uniform(0.4, 0.95)), min(thick_m, wide_m / 5.0)),
        draw(material.support_loss_per_s),
        draw(material.contact_ms) / 1e3,
        float(rng.uniform(*material.noise_db)),
        draw(material.noise_decay_per_s),
        (float(rng.uniform(0.1, 0.5)), float(rng.uniform(0.1, 0.5))),
    )


def split_pairs(modes: Modes, rng: np.random.Generator) -> Modes:
    """Each mode split into a detuned, unequal pair, since no object is symmetric; faint modes are left out."""
    power = np.asarray(modes.power_db)
    audible = np.flatnonzero(power > power.max(initial=-400.0) + _FAINTEST_MODE_DB)
    frequency, decay = np.asarray(modes.frequency_hz)[audible], np.asarray(modes.decay_per_s)[audible]
    apart = 1.0 + np.abs(rng.normal(0.0, 0.004, audible.size))
    second_db = rng.uniform(-20.0, -3.0, audible.size)
    rows = np.concatenate([frequency, frequency * apart])
    order = np.argsort(rows)
    order = order[rows[order] < 0.45 * SAMPLE_RATE_HZ]
    return Modes(
        tuple(float(v) for v in rows[order]),
        tuple(float(v) for v in np.concatenate([power[audible], power[audible] + second_db])[order]),
        tuple(float(v) for v in np.concatenate([decay, decay * rng.uniform(0.85, 1.2, audible.size)])[order]),
        tuple(float(v) for v in rng.uniform(-np.pi / 2, np.pi / 2, order.size)),
        (False,) * order.size,
    )


def draw_grains(length: int, grain_ms: float, rng: np.random.Generator) -> np.ndarray:
    """A random envelope of unit mean square, [length], correlated over about ``grain_ms``: many small contacts."""
    step = max(1, round(grain_ms * 1e-3 * SAMPLE_RATE_HZ))
    coarse = np.sqrt(rng.gamma(1.5, 1.0 / 1.5, length // step + 2))
    envelope: np.ndarray = np.interp(np.arange(length), np.arange(coarse.size) * step, coarse)
    envelope /= np.sqrt(np.mean(envelope**2))
    return envelope
