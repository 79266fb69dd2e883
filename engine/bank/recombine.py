"""Recombine sounds: modes of one, noise of another, room of a third; and set peak levels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine.core.units import SILENCE_DB, db_to_power, gain_to_db, power_to_db
from engine.physics.model import NoiseComponent, Physics, Residual
from engine.physics.morph import lay_on_bands
from engine.physics.noise import envelope_gain, expected_level, rise_gain
from engine.physics.synthesis import synthesize

LEVEL_WINDOW_S = 0.05
PEAK_DB = -6.0
"""Peak level of every entry of a bank and of every preset, re full scale."""

_NOISE = ("attack", "strike", "tail")
_STEPS = 200


def combine_physics(modes_of: Physics, residual_of: Physics, room_of: Physics | None = None) -> Physics:
    """Modes of one sound, noise of another (attack, strike, tail, rise, fine envelope), room of a third.

    Levels: each sound is first scaled to the ``onset_level_db`` of ``modes_of``, then its component is taken; so modes
    stay unchanged, and noise and room keep their level relative to their own sound. Components lie on the bands of
    ``residual_of``, widened to the range of the room's. Without ``room_of`` the room is that of ``modes_of``; a dry
    sound gives none. Silent sounds are not scaled.
    """
    room_of = room_of or modes_of
    noise, room = (_scale_to_level(physics, modes_of) for physics in (residual_of, room_of))
    edges = _extend_edges(noise.edges_hz, room.edges_hz if room.room else ())
    bands = max(0, len(edges) - 1)
    silent = NoiseComponent((SILENCE_DB,) * bands, (50.0,) * bands)
    residual = Residual(edges, silent.power_db, silent.decay_per_s, rise_s=noise.rise_s, envelope_db=noise.envelope_db)
    for name in _NOISE:
        component = lay_on_bands(noise, name, edges)
        if component is not None:
            residual = residual.with_component(name, component)
    residual = residual.with_component("room", lay_on_bands(room, "room", edges))
    return replace(modes_of, residual=residual)


def onset_level_db(physics: Physics) -> float:
    """Expected mean square of the first 50 ms, modes and noise, in dB re 1."""
    time_s = (np.arange(_STEPS) + 0.5) * (LEVEL_WINDOW_S / _STEPS)
    modes, residual = physics.modes, physics.residual
    fine = envelope_gain(time_s, residual.envelope_db) ** 2
    dry = replace(residual, room=None)
    wet = replace(residual, attack=None, tail=None).with_component("strike", None)
    power = expected_level(dry, time_s) * fine + expected_level(wet, time_s)
    if len(modes):
        unmuted = ~np.asarray(modes.mute_mask, dtype=bool)
        level = 0.5 * db_to_power(np.asarray(modes.power_db)) * unmuted
        power = power + level @ np.exp(-2.0 * np.outer(modes.decay_per_s, time_s))
    return power_to_db(float(np.mean(power * rise_gain(time_s, residual.rise_s) ** 2)) + 1e-30)


def normalize_peak(physics: Physics, peak_db: float = PEAK_DB) -> Physics:
    """The sound scaled so that its peak, the higher one of two realisations of its noise, is at a level in dBFS."""
    peak = max(float(np.abs(synthesize(physics, 0.5, seed)).max()) for seed in range(2))
    change_db = peak_db - gain_to_db(max(peak, 1e-9))
    modes = replace(physics.modes, power_db=tuple(p + change_db for p in physics.modes.power_db))
    return replace(physics, modes=modes, residual=physics.residual.scaled(raise_db=change_db))


def _extend_edges(edges_hz: tuple[float, ...], other_hz: tuple[float, ...]) -> tuple[float, ...]:
    """Band edges extended to the range of others; either alone where the other is empty."""
    if not edges_hz or not other_hz:
        return edges_hz or other_hz
    return (min(edges_hz[0], other_hz[0]), *edges_hz[1:-1], max(edges_hz[-1], other_hz[-1]))


def _scale_to_level(source: Physics, target: Physics) -> Residual:
    """The residual of a source, scaled by the difference of the onset levels of target and source."""
    own_db, wanted_db = onset_level_db(source), onset_level_db(target)
    if source is target or min(own_db, wanted_db) <= SILENCE_DB:
        return source.residual
    return source.residual.scaled(raise_db=wanted_db - own_db)
