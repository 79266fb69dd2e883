"""Clusters of hits by object: invariant to level, order and time; distances by construction."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.physics.analysis.analyze import analyze_hit
from engine.physics.analysis.clustering import CLUSTER_DB, cluster_sounds, sound_distances
from engine.physics.macros import apply_hit_offsets
from engine.physics.model import Modes, Physics, Residual
from engine.physics.synthesis import synthesize
from tests.sounds import BELL, NOISE, PLATE, RATE, make_modes

DRY = replace(NOISE, room=None)
KNOCK = make_modes([310.0, 920.0], [-8.0, -12.0], [45.0, 70.0], [0.0] * 2)


def test_distances_are_symmetric_zero_for_equals_and_blind_to_level_and_phase() -> None:
    sounds = [Physics(BELL, DRY), Physics(PLATE, DRY), Physics(Modes(), NOISE), Physics(KNOCK)]
    louder = [Physics(*apply_hit_offsets(p.modes, p.residual, velocity_db=-17.0)) for p in sounds]
    turned = [replace(p, modes=replace(p.modes, phase_rad=(1.0,) * len(p.modes))) for p in sounds]
    distance = sound_distances(sounds + louder + turned)
    assert np.array_equal(distance, distance.T) and not distance.diagonal().any() and (distance >= 0.0).all()
    for other in (slice(4, 8), slice(8, 12)):
        assert distance[:4, other].diagonal() == pytest.approx(np.zeros(4), abs=1e-6)
        assert distance[:4, other] == pytest.approx(distance[:4, :4], abs=1e-6)
    assert (distance[:4, :4] + 99.0 * np.eye(4)).min() > CLUSTER_DB


def test_decays_and_detuning_move_sounds_apart_monotonically() -> None:
    bell = Physics(BELL)
    faster = [Physics(*apply_hit_offsets(BELL, Residual(), decay_ratio=r)) for r in (1.0, 1.3, 2.0, 4.0)]
    detuned = [Physics(*apply_hit_offsets(BELL, Residual(), pitch_cents=c)) for c in (0.0, 60.0, 200.0, 700.0)]
    for others in (faster, detuned):
        apart = sound_distances([bell, *others])[0, 1:]
        assert apart[0] == pytest.approx(0.0, abs=1e-9) and (np.diff(apart) > 0.0).all()


def test_tonal_sounds_without_a_mode_in_common_are_8_db_further_apart() -> None:
    """Tones 20 and 80 cents apart lie in one band with nearly equal levels; the second pair differs in pitch."""
    tones = [Physics(make_modes([1000.0 * 2 ** (c / 1200)], [-10.0], [3.0], [0.0])) for c in (0, 20, 80)]
    distance = sound_distances(tones)
    assert distance[0, 1] < 1.0 and 8.0 < distance[0, 2] < 12.0


def test_labels_follow_first_appearance_and_not_the_order_of_the_sounds() -> None:
    sounds = [Physics(BELL, DRY), Physics(KNOCK), Physics(Modes(), NOISE)]
    softer = [Physics(*apply_hit_offsets(p.modes, p.residual, velocity_db=-6.0)) for p in sounds]
    assert cluster_sounds([sounds[1], sounds[0], softer[1], softer[0], sounds[2]]) == [0, 1, 0, 1, 2]
    assert cluster_sounds([sounds[2], softer[2], sounds[0]]) == [0, 0, 1]
    assert cluster_sounds([Physics(), Physics()]) == [0, 0]


def make_strikes(modes: Modes, residual: Residual, count: int, seed: int) -> list[Physics]:
    """Analyses of one object struck harder and softer, each time a little elsewhere."""
    rng = np.random.default_rng(seed)
    strikes = []
    for k in range(count):
        moved = tuple(p + d for p, d in zip(modes.power_db, rng.normal(0.0, 1.5, len(modes)), strict=True))
        level = float(rng.uniform(-15.0, 0.0))
        struck = apply_hit_offsets(replace(modes, power_db=moved), residual, velocity_db=level)
        strikes.append(analyze_hit(synthesize(Physics(*struck), 0.6, seed=seed + k), RATE)[0])
    return strikes


@pytest.mark.slow
def test_hits_of_one_object_are_grouped() -> None:
    wood = make_modes([310.0, 920.0, 1500.0], [-8.0, -12.0, -20.0], [45.0, 70.0, 110.0], [0.0] * 3)
    bell_above = replace(BELL, frequency_hz=tuple(f * 1.12 for f in BELL.frequency_hz))
    faint = replace(NOISE, power_db=tuple(p - 15.0 for p in NOISE.power_db), room=None)
    hits = make_strikes(BELL, faint, 3, 10) + make_strikes(wood, NOISE, 3, 20) + make_strikes(bell_above, faint, 2, 30)
    hits += make_strikes(Modes(), NOISE, 2, 40)
    assert cluster_sounds(hits) == [0, 0, 0, 1, 1, 1, 2, 2, 3, 3]
    assert cluster_sounds(hits[:1]) == [0] and cluster_sounds([]) == []


@pytest.mark.slow
def test_repeats_are_near_and_materials_are_far() -> None:
    wood = make_modes([310.0, 920.0], [-8.0, -12.0], [45.0, 70.0], [0.0] * 2)
    low = make_modes([70.0, 120.0], [-8.0, -12.0], [25.0, 30.0], [0.0] * 2)
    hits = make_strikes(low, replace(NOISE, room=None), 3, 1) + make_strikes(wood, NOISE, 3, 2)
    hits += make_strikes(BELL, Residual(), 1, 3)
    assert cluster_sounds(hits) == [0, 0, 0, 1, 1, 1, 2]
    distance = sound_distances(hits)
    assert distance[:3, :3].max() < 1.5 * CLUSTER_DB < distance[:3, 6].min()
