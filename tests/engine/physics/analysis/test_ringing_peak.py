"""A line that rings is found by its peak after the attack, and only where the recording itself has none stronger."""

from __future__ import annotations

import numpy as np

from engine.physics.analysis.ringing_peak import find_ringing_peak
from tests.sounds import RATE, make_modes, reference

LINE = reference(make_modes([2345.0], [-20.0], [30.0], [0.4]), RATE // 2)


def test_a_line_in_the_remainder_is_found_with_its_decay(rng: np.random.Generator) -> None:
    sound = LINE + 1e-3 * rng.standard_normal(LINE.size)
    pole = find_ringing_peak(sound, sound, RATE)
    assert pole is not None
    np.testing.assert_allclose(pole, [[2345.0, 30.0]], rtol=0.05)
    assert abs(pole[0, 0] - 2345.0) < 3.0


def test_nothing_is_found_in_noise_beside_a_louder_line_or_in_silence(rng: np.random.Generator) -> None:
    noise = rng.standard_normal(LINE.size)
    louder = LINE + reference(make_modes([700.0], [-10.0], [20.0], [0.0]), LINE.size)
    for sound, remainder in ((noise, noise), (louder, LINE), (LINE, 0.0 * LINE), (LINE[:500], LINE[:500])):
        assert find_ringing_peak(sound, remainder, RATE) is None
