"""Made-up banks: three takes of each of forty things, and six things with names and attributes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine.bank.bank import Bank, Entry, make_bank
from engine.physics.model import Modes, NoiseComponent, Physics, Residual


def make_physics(seed: int, modes: int = 12, noise_db: float = -30.0) -> Physics:
    """A struck thing drawn at random: modes, noise on 24 bands, contact, room."""
    rng = np.random.default_rng(seed)
    frequency = np.sort(rng.uniform(150.0, 9000.0, modes))
    edges = tuple(np.geomspace(40.0, 16_000.0, 25).tolist())
    stage = NoiseComponent(tuple((noise_db + rng.normal(0, 6, 24)).tolist()), tuple(rng.uniform(30, 90, 24).tolist()))
    room = NoiseComponent(
        tuple((noise_db - 15 + rng.normal(0, 3, 24)).tolist()), tuple(rng.uniform(8, 10, 24).tolist())
    )
    return Physics(
        Modes(
            tuple(frequency.tolist()),
            tuple(rng.uniform(-40, -6, modes).tolist()),
            tuple(rng.uniform(5, 80, modes).tolist()),
            tuple(rng.uniform(-3, 3, modes).tolist()),
            (False,) * modes,
        ),
        Residual(edges, stage.power_db, stage.decay_per_s, room=room, rise_s=0.003, envelope_db=(0.0, -3.0, 2.0)),
    )


def vary(physics: Physics, seed: int) -> Physics:
    """Another take of the same thing: every level, pitch and decay a little off, and all of it louder."""
    rng = np.random.default_rng(seed)

    def off(values: tuple[float, ...], spread: float) -> tuple[float, ...]:
        return tuple((np.asarray(values) + rng.normal(0, spread, len(values)) - 7.0).tolist())

    modes, residual = physics.modes, physics.residual
    frequency = tuple((np.asarray(modes.frequency_hz) * rng.normal(1.0, 0.003, len(modes))).tolist())
    return replace(
        physics,
        modes=replace(modes, frequency_hz=frequency, power_db=off(modes.power_db, 2.0)),
        residual=replace(residual, power_db=off(residual.power_db, 2.0)),
    )


def make_takes() -> Bank:
    """Three takes of each of 40 things."""
    entries = []
    for thing in range(40):
        own = make_physics(thing, modes=4 + thing % 9, noise_db=-60.0 + thing)
        for take in range(3):
            taken = own if take == 0 else vary(own, 100 * thing + take)
            entries.append(Entry(f"Thing {thing} take {take}", taken, "wood", 0.1, group=f"thing {thing}"))
    return make_bank(entries)


def make_sound(hz: float = 500.0, decay: float = 10.0) -> Physics:
    """Three modes and three bands of noise."""
    modes = Modes((hz, 2.3 * hz, 4.1 * hz), (-12.0, -18.0, -24.0), (decay, 2 * decay, 3 * decay), (0.0,) * 3)
    residual = Residual((20.0, 500.0, 4000.0, 20000.0), (-40.0, -45.0, -50.0), (40.0, 60.0, 90.0))
    return Physics(modes, residual)


def make_named_bank() -> Bank:
    """Glass, metal and wood, small and large, hollow and solid."""
    rows = [
        ("Wine glass", "glass", 0.14, 1.0, 1800.0, 4.0),
        ("Window", "glass", 0.8, 0.0, 300.0, 25.0),
        ("Cowbell", "metal", 0.15, 1.0, 800.0, 6.0),
        ("Steel plate", "metal", 0.5, 0.0, 250.0, 3.0),
        ("Wooden box", "wood", 0.3, 1.0, 350.0, 60.0),
        ("Plank", "wood", 1.0, 0.0, 150.0, 80.0),
    ]
    entries = [
        Entry(name, make_sound(hz, decay), material, size, hollow, group=name, licence="CC0", source=f"s/{name}")
        for name, material, size, hollow, hz, decay in rows
    ]
    return make_bank(entries)
