"""The sound of simulated objects: a given body rings at its modes and decays as they do."""

from __future__ import annotations

import numpy as np
import pytest

from engine.lab.simulator.sound import ModalBody, make_modal_object, synthesize_object

RATE_HZ = 48_000


def test_a_given_body_rings_at_its_frequency_with_its_decay() -> None:
    body = ModalBody((1.0,), 1000.0, 8.0, 2.0, 0.5, click=0.0, contact_s=0.0003, gain=1.0)
    modal_object = make_modal_object(body, "metal", seed=3)
    frequency_hz, decay_per_s = float(modal_object.frequency_hz[0]), float(modal_object.decay_per_s[0])
    assert frequency_hz == pytest.approx(1000.0, rel=0.012)
    assert decay_per_s / (8.0 + 2.0 + 0.5) == pytest.approx(1.0, abs=0.27)
    sound = synthesize_object(modal_object, [(0.1, 0.2, 3.0)], [], RATE_HZ, np.random.default_rng(0))
    assert not sound[: round(0.1 * RATE_HZ)].any()
    spectrum = np.abs(np.fft.rfft(sound, 16 * sound.size))
    assert np.argmax(spectrum) * RATE_HZ / (16 * sound.size) == pytest.approx(frequency_hz, abs=0.5)
    early, late = (np.square(sound[round(t * RATE_HZ) :][:4800]).sum() for t in (0.2, 0.5))
    assert np.log(early / late) / (2.0 * 0.3) == pytest.approx(decay_per_s, rel=0.02)


def test_a_split_body_has_pairs_of_modes() -> None:
    body = ModalBody((1.0, 2.0), 500.0, 8.0, 2.0, 0.5, click=0.0, contact_s=0.0003, gain=1.0, split=True)
    first, second = make_modal_object(body, "glass", seed=1).frequency_hz.reshape(2, 2)
    assert np.all((second / first > 1.001) & (second / first <= 1.0035))
    again, other = (make_modal_object(body, "glass", seed=seed) for seed in (1, 2))
    assert np.array_equal(again.frequency_hz[:2], first) and not np.array_equal(other.frequency_hz[:2], first)
