"""What the simulated objects sound like: modes from shape and material, excited by the contact's force."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.core.units import SAMPLE_RATE_HZ, db_to_gain, gain_to_db
from engine.lab.simulator.mode_ratios import bar_ratios, plate_ratios, ring_ratios
from engine.physics.model import Modes, Residual, Stage

BAND_EDGES_HZ = (40.0, 90.0, 180.0, 360.0, 720.0, 1440.0, 2880.0, 5760.0, 11520.0, 22000.0)


@dataclass(frozen=True)
class Body:
    """A vibrating object: its modes' ratios, lowest mode, losses and the click of its surface.

    Decay of a mode at f is ``loss_per_s + friction * f / 1000 + radiation * (f / 1000) ** 2`` per second.
    """

    ratios: tuple[float, ...]
    lowest_hz: float
    loss_per_s: float
    friction: float
    radiation: float
    contact_s: float
    click_db: float
    level_db: float


BODIES = {
    "Steel bin": Body(plate_ratios(24), 318.0, 3.2, 0.9, 0.10, 0.00035, -27.0, -12.0),
    "Wooden block": Body(bar_ratios(6), 742.0, 34.0, 22.0, 2.2, 0.00075, -21.0, -5.0),
    "Glass jar": Body(ring_ratios(7), 1683.0, 5.0, 1.6, 0.16, 0.00028, -31.0, -13.0),
}


def strike_sound(body: Body, speed_m_per_s: float, offset: float, seed: int) -> tuple[Modes, Residual]:
    """Modes and residual of one blow.

    The force is a half sine that shortens as the fifth root of the speed (Hertz); ``offset`` (0 to 1 of the
    radius) and ``seed`` set how strongly each mode is met.
    """
    shape = np.random.default_rng(shape_seed(body))
    rng = np.random.default_rng(seed)
    frequency = body.lowest_hz * np.array(body.ratios) * (1.0 + 0.012 * shape.uniform(-1, 1, len(body.ratios)))
    split = 1.0 + 0.0035 * shape.uniform(0.4, 1.0, len(frequency))  # imperfect symmetry: each mode is a pair
    frequency = np.concatenate([frequency, frequency * split])
    frequency = frequency[(frequency < 0.45 * SAMPLE_RATE_HZ)]
    decay = body.loss_per_s + body.friction * frequency / 1e3 + body.radiation * (frequency / 1e3) ** 2
    decay = decay * shape.uniform(0.8, 1.25, len(frequency))
    contact_s = body.contact_s * (speed_m_per_s / 3.0) ** -0.2
    phase_turn = frequency * contact_s
    pulse = np.abs(np.cos(math.pi * phase_turn) / (1.0 - (2.0 * phase_turn) ** 2 + 1e-9))
    nodes = 2.2 * offset * np.sqrt(frequency / body.lowest_hz) + shape.uniform(0, 1, len(frequency))
    place = 0.35 + np.abs(np.cos(nodes))
    gain = pulse * place * shape.uniform(0.5, 1.0, len(frequency)) * np.sqrt(body.lowest_hz / frequency)
    gain = gain * db_to_gain(rng.normal(0.0, 0.6, len(frequency)))
    level = body.level_db + gain_to_db(speed_m_per_s / 5.0)
    power = level + gain_to_db(gain / gain.max())
    order = np.argsort(frequency)
    modes = Modes(
        tuple(frequency[order].tolist()),
        tuple(power[order].tolist()),
        tuple(decay[order].tolist()),
        tuple(rng.uniform(-math.pi / 2, math.pi / 2, len(order)).tolist()),
        (False,) * len(order),
    )
    return modes, _click(body, level, contact_s)


def shape_seed(body: Body) -> int:
    """A seed that belongs to the object, the same in every run."""
    return round(1000 * body.lowest_hz)


def _click(body: Body, level_db: float, contact_s: float) -> Residual:
    centres = np.sqrt(np.array(BAND_EDGES_HZ[:-1]) * np.array(BAND_EDGES_HZ[1:]))
    tilt = -6.0 * np.log2(np.maximum(1.0, centres * 2.0 * contact_s)) - 4.0 * np.log2(np.maximum(1.0, 250.0 / centres))
    power = level_db + body.click_db + 10.0 + tilt
    decay = 90.0 + centres / 90.0
    room = Stage(tuple((power - 26.0).tolist()), tuple((9.0 + centres / 900.0).tolist()))
    return Residual(BAND_EDGES_HZ, tuple(power.tolist()), tuple(decay.tolist()), room)


def mix_strikes(strikes: Sequence[tuple[float, str, float, float]], duration_s: float, seed: int) -> np.ndarray:
    """The take's sound, mono float32 at 48 kHz, from (time, name, speed in m/s, offset 0 to 1) of each strike.

    An object struck again is damped by the new blow's contact for an instant, then rings anew.
    """
    from engine.physics.analysis.residual import synthesize_residual
    from engine.physics.synthesis import synthesize_modes

    total = round(duration_s * SAMPLE_RATE_HZ)
    track = np.zeros(total, dtype=np.float64)
    rng = np.random.default_rng(seed)
    for index, (time_s, name, speed, offset) in enumerate(strikes):
        start = round(time_s * SAMPLE_RATE_HZ)
        length = min(total - start, 4 * SAMPLE_RATE_HZ)
        modes, residual = strike_sound(BODIES[name], speed, offset, seed + index)
        again = [t for t, other, _, _ in strikes if other == name and t > time_s]
        wave = synthesize_modes([modes], length, SAMPLE_RATE_HZ)[0].numpy().astype(np.float64)
        if again:
            fade = np.clip(1.0 - (np.arange(length) / SAMPLE_RATE_HZ - (min(again) - time_s)) / 0.012, 0.15, 1.0)
            wave *= fade
        rise = max(2, round(0.4 * BODIES[name].contact_s * SAMPLE_RATE_HZ))
        wave[:rise] *= np.sin(0.5 * math.pi * np.arange(rise) / rise) ** 2
        track[start : start + length] += wave + synthesize_residual(residual, length, SAMPLE_RATE_HZ, seed + index)
    track += db_to_gain(-74) * rng.standard_normal(total)  # the room is never quite silent
    peak = float(np.abs(track).max())
    return (track * min(1.0, 0.89 / max(peak, 1e-9))).astype(np.float32)
