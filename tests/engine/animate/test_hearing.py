"""What an animated still is told of a sound: every blow, by its level."""

from __future__ import annotations

import numpy as np
import pytest

from engine.animate.hearing import SOFTEST, describe_recording, measure_blows, weigh_blows
from tests.clips import make_clicks

RATE_HZ = 48_000


def test_every_blow_is_there_with_a_velocity_by_its_level() -> None:
    blows = weigh_blows([2.0, 1.0, 3.0], [-60.0, 0.0, -15.0])
    assert [blow.time_s for blow in blows] == [1.0, 2.0, 3.0]
    assert [blow.velocity for blow in blows] == pytest.approx([1.0, SOFTEST, 0.5])
    assert weigh_blows([], []) == ()


def test_blows_of_a_recording_are_weighed_by_how_loud_they_begin() -> None:
    clicks = make_clicks([0.2, 0.6], 1.0)
    clicks[round(0.4 * RATE_HZ) :] *= 10.0 ** (-15.0 / 20.0)
    blows = measure_blows(clicks, RATE_HZ, [0.2, 0.6])
    assert [blow.velocity for blow in blows] == pytest.approx([1.0, 0.5], abs=0.01)


def test_a_sound_without_blows_tells_nothing_of_what_is_struck() -> None:
    assert describe_recording(np.zeros(RATE_HZ, np.float32), RATE_HZ, ()) is None
