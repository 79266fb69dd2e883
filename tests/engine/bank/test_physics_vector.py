"""Physics as vectors and back: near what they were, level-invariant, always playable."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine.bank.descriptor import describe_physics, descriptor_distance_db
from engine.bank.physics_vector import VECTOR_SIZE, decode_physics, encode_physics
from engine.physics.analysis.analyze import synthesize
from engine.physics.model import Modes, Physics, Residual, Stage
from engine.physics.presets import load_presets


def test_a_physics_comes_back_from_its_vector_much_as_it_was() -> None:
    presets = [Physics(p.modes, p.residual) for p in load_presets()]
    there = np.stack([describe_physics(p) for p in presets])
    back = np.stack([describe_physics(decode_physics(encode_physics(p))) for p in presets])
    shuffled = there[np.random.default_rng(0).permutation(len(there))]
    assert descriptor_distance_db(there, back).mean() < 0.5 * descriptor_distance_db(there, shuffled).mean()


def test_level_is_no_part_of_a_vector() -> None:
    physics = Physics(Modes((440.0,), (-3.0,), (5.0,), (0.0,)), Residual((20.0, 20000.0), (-30.0,), (50.0,)))
    quiet = Physics(
        replace(physics.modes, power_db=(-43.0,)), physics.residual.scaled(raise_db=-40.0), physics.sample_rate_hz
    )
    assert np.allclose(encode_physics(physics), encode_physics(quiet), atol=1e-4)


def test_anything_decodes_to_a_sound_one_can_play() -> None:
    rng = np.random.default_rng(1)
    wild = [rng.normal(0.0, s, VECTOR_SIZE) for s in (0.0, 1.0, 10.0, 1e6)]
    wild += [np.full(VECTOR_SIZE, v) for v in (np.nan, np.inf, -np.inf)]
    for vector in wild:
        physics = decode_physics(vector)
        assert np.isfinite(synthesize(physics, 0.2, 0)).all()
        assert all(f > 0.0 for f in physics.modes.frequency_hz)
        assert all(d > 0.0 for d in physics.modes.decay_per_s)


def test_empty_and_muted_physics_encode() -> None:
    for physics in (
        Physics(),
        Physics(Modes((100.0, 200.0), (0.0, 0.0), (1.0, 1.0), (0.0, 0.0), (True, True))),
        Physics(residual=Residual((20.0, 100.0), (-400.0,), (1.0,), attack=Stage((-20.0,), (500.0,)))),
    ):
        assert np.isfinite(encode_physics(physics)).all()
