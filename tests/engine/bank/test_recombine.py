"""Recombined sounds: modes unchanged, noise and room at their level relative to their own sound."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.bank.recombine import combine_physics, normalize_peak, onset_level_db
from engine.physics.analysis.analyze import analyze_hit
from engine.physics.model import Modes, NoiseComponent, Physics, Residual
from engine.physics.synthesis import synthesize
from tests.sounds import BELL, NOISE, PLATE, RATE, assert_found


def make_noise(decay_per_s: float, tilt_db: float, room: bool = False, bands: int = 30) -> Residual:
    """Noise on bands of its own, falling or rising by ``tilt_db`` from the lowest to the highest."""
    edges = tuple(np.geomspace(60.0, 20_000.0, bands + 1).tolist())
    levels = tuple((-40.0 + np.linspace(0.0, tilt_db, bands)).tolist())
    wet = NoiseComponent(tuple(level - 20.0 for level in levels), (6.0,) * bands) if room else None
    return Residual(edges, levels, (decay_per_s,) * bands, room=wet, rise_s=0.002)


def test_a_combination_is_heard_to_have_the_modes_of_one_and_the_bands_of_the_other() -> None:
    bell, brush = Physics(BELL, NOISE), Physics(PLATE, make_noise(25.0, 18.0))
    made = combine_physics(bell, brush, Physics(PLATE, make_noise(60.0, 0.0)))
    assert made.modes == bell.modes and made.residual.room is None and made.residual.rise_s == 0.002
    heard, _ = analyze_hit(synthesize(made, 0.8), RATE, onset_s=0.0)
    strong = replace(BELL, **{name: getattr(BELL, name)[:3] for name in ("frequency_hz", "power_db", "decay_per_s")})
    strong = replace(strong, phase_rad=BELL.phase_rad[:3], muted=BELL.muted[:3])
    assert_found(heard.modes, strong, cents=1.0, decay=0.05, power_db=0.7, phase=0.3)
    change_db = onset_level_db(bell) - onset_level_db(brush)
    middle = np.sqrt(np.multiply(heard.residual.edges_hz[1:], heard.residual.edges_hz[:-1]))

    def density(residual: Residual, at_hz: np.ndarray) -> np.ndarray:
        """Level per Hz of the strike and its tail at frequencies."""
        powers = [
            10.0 ** (np.asarray(s.power_db) / 10.0) for name, s in residual.components if name in ("strike", "tail")
        ]
        edges = np.asarray(residual.edges_hz)
        level = 10.0 * np.log10(np.sum(powers, axis=0) / np.diff(edges) + 1e-30)
        return level[np.clip(np.searchsorted(edges, at_hz) - 1, 0, len(level) - 1)]

    inside = (middle > 300.0) & (middle < 12_000.0)
    wanted = density(brush.residual, middle[inside]) + change_db
    assert np.median(np.abs(density(heard.residual, middle[inside]) - wanted)) < 3.0


def test_parts_keep_the_place_they_had_under_their_own_blow() -> None:
    bell, brush = Physics(BELL, NOISE), Physics(PLATE, make_noise(25.0, 18.0, room=True))
    louder = replace(brush, modes=replace(PLATE, power_db=tuple(p + 20.0 for p in PLATE.power_db)),
                     residual=brush.residual.scaled(raise_db=20.0))  # fmt: skip
    one, other = combine_physics(bell, brush, brush), combine_physics(bell, louder, louder)
    assert one.residual.power_db == pytest.approx(other.residual.power_db)
    assert one.residual.room is not None and other.residual.room is not None
    assert one.residual.room.power_db == pytest.approx(other.residual.room.power_db)
    assert combine_physics(bell, bell) == bell


def test_a_room_alone_is_taken_onto_the_sound_s_own_bands() -> None:
    bell, hall = Physics(BELL, replace(NOISE, room=None)), Physics(PLATE, make_noise(40.0, -6.0, room=True))
    made = combine_physics(bell, bell, hall)
    assert made.modes == bell.modes and made.residual.room is not None
    assert made.residual.room.decay_per_s == pytest.approx((6.0,) * 24)
    assert made.residual.power_db == pytest.approx(NOISE.power_db, abs=0.5)
    wet = Physics(BELL, NOISE)
    assert combine_physics(wet, wet, Physics(PLATE)).residual.room is None


def test_peaks_are_set_and_silence_breaks_nothing() -> None:
    assert np.abs(synthesize(normalize_peak(Physics(BELL)), 0.5)).max() == pytest.approx(10 ** (-6 / 20), rel=0.01)
    empty = Physics()
    assert combine_physics(empty, empty, empty) == empty
    assert combine_physics(Physics(Modes(), NOISE), empty).modes == Modes()
