"""The acoustic descriptor: level-invariant, and equal to levels known in closed form."""

from __future__ import annotations

import math
from dataclasses import replace

import librosa
import numpy as np
import pytest

from engine.bank.descriptor import (
    BANDS,
    DESCRIPTOR_SIZE,
    FLOOR_DB,
    band_centres_hz,
    describe_physics,
    descriptor_distance_db,
)
from engine.physics.model import Modes, Physics, Residual


def test_level_is_not_heard_and_pitch_is() -> None:
    tone = Physics(Modes((1000.0,), (-20.0,), (10.0,), (0.0,), (False,)))
    louder = replace(tone, modes=replace(tone.modes, power_db=(0.0,)))
    higher = replace(tone, modes=replace(tone.modes, frequency_hz=(2000.0,)))
    assert describe_physics(tone).shape == (DESCRIPTOR_SIZE,)
    assert descriptor_distance_db(describe_physics(tone), describe_physics(louder)) < 0.01
    assert descriptor_distance_db(describe_physics(tone), describe_physics(higher)) > 5.0
    loudest = int(np.argmax(describe_physics(tone)[:BANDS]))
    assert abs(math.log2(band_centres_hz()[loudest] / 1000.0)) < 0.3


def test_a_mode_falls_as_its_decay_says() -> None:
    tone = Physics(Modes((1000.0,), (0.0,), (20.0,), (0.0,), (False,)))
    levels = describe_physics(tone).reshape(-1, BANDS).max(axis=1)

    def mean_db(start_s: float, end_s: float) -> float:
        return 10.0 * math.log10((math.exp(-40.0 * start_s) - math.exp(-40.0 * end_s)) / (end_s - start_s))

    assert levels[2] - levels[0] == pytest.approx(mean_db(0.03, 0.08) - mean_db(0.0, 0.01), abs=0.05)
    assert levels[4] - levels[0] == pytest.approx(mean_db(0.2, 0.6) - mean_db(0.0, 0.01), abs=0.05)


def test_silence_and_muted_modes_are_described_without_fault() -> None:
    muted = Physics(Modes((1000.0,), (0.0,), (20.0,), (0.0,), (True,)))
    for physics in (Physics(), muted):
        descriptor = describe_physics(physics)
        assert np.isfinite(descriptor).all() and descriptor.min() >= FLOOR_DB


@pytest.mark.slow
def test_white_noise_rises_with_the_width_of_the_mel_bands() -> None:
    noise = Physics(residual=Residual((20.0, 20_000.0), (-30.0,), (20.0,)))
    levels = describe_physics(noise).reshape(-1, BANDS)
    edges_hz = librosa.mel_frequencies(BANDS + 1, fmin=40.0, fmax=16_000.0, htk=True)
    wanted = 10.0 * np.log10(np.diff(edges_hz) / np.diff(edges_hz).max())
    assert levels[0] == pytest.approx(wanted, abs=0.2)
    assert band_centres_hz() == pytest.approx(np.sqrt(edges_hz[1:] * edges_hz[:-1]))


def test_the_distance_of_two_descriptors_by_hand() -> None:
    one, other = np.asarray([0.0, -10.0, -20.0]), np.asarray([-5.0, -15.0, -19.0])
    assert float(descriptor_distance_db(one, other)) == pytest.approx(math.sqrt(8.0))  # differences 5, 5 and -1
    assert float(descriptor_distance_db(one, one - 7.0)) == 0.0
