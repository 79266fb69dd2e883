"""Physics as vectors and back: near what they were, level-invariant, always playable."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.bank.descriptor import describe_physics, descriptor_distance_db
from engine.bank.physics_vector import VECTOR_SIZE, decode_physics, encode_physics
from engine.physics.model import Modes, NoiseComponent, Physics, Residual
from engine.physics.presets import load_presets
from engine.physics.synthesis import synthesize


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
        Physics(residual=Residual((20.0, 100.0), (-400.0,), (1.0,), attack=NoiseComponent((-20.0,), (500.0,)))),
    ):
        assert np.isfinite(encode_physics(physics)).all()


def test_a_mode_and_noise_come_back_exactly() -> None:
    """One mode at 55 Hz * 2 ** (9.7 / 4), in the tenth slot; noise on the vector's own bands, 20 dB under the mode."""
    hz = 55.0 * 2.0 ** (9.7 / 4.0)
    edges = (20.0, 80.0, 160.0, 320.0, 560.0, 900.0, 1400.0, 2200.0, 3400.0, 5200.0, 8000.0, 12000.0, 20000.0)
    noise = Residual(edges, tuple(-31.0 - k for k in range(12)), tuple(20.0 + k for k in range(12)), rise_s=0.004)
    back = decode_physics(encode_physics(Physics(Modes((hz,), (-11.0,), (7.0,), (1.0,)), noise)))
    assert back.modes.frequency_hz == pytest.approx((hz,), rel=1e-6)
    assert back.modes.power_db == pytest.approx((0.0,), abs=1e-4) and back.modes.decay_per_s == pytest.approx((7.0,))
    assert back.residual.power_db == pytest.approx([-20.0 - k for k in range(12)], abs=1e-4)
    assert back.residual.decay_per_s == pytest.approx([20.0 + k for k in range(12)], rel=1e-5)
    assert back.residual.rise_s == pytest.approx(0.004, rel=1e-5) and back.residual.room is None


def test_of_two_modes_in_a_slot_the_stronger_stays() -> None:
    modes = Modes((440.0, 445.0, 3000.0), (-20.0, -6.0, -100.0), (5.0, 9.0, 3.0), (0.0,) * 3)
    back = decode_physics(encode_physics(Physics(modes)))
    assert back.modes.frequency_hz == pytest.approx((445.0,), rel=1e-5)  # 94 dB down is left out
