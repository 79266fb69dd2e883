"""Attack, brightness and fall of sounds whose values are known."""

from __future__ import annotations

import numpy as np
import pytest

from engine.lab.evaluation.sampler import shape
from engine.lab.evaluation.sampler.sounds import ITSELF, PRIOR, Settings, name_steps
from tests.sounds import RATE

TIME_S = np.arange(RATE // 2) / RATE


def hit(rise_s: float, decay_per_s: float, bright_gain: float = 1.0) -> np.ndarray:
    tone = np.sin(2 * np.pi * 3000.0 * TIME_S) + 0.1 * bright_gain * np.sin(2 * np.pi * 9000.0 * TIME_S)
    return tone * np.clip(TIME_S / rise_s, 0.0, 1.0) * np.exp(-decay_per_s * TIME_S) + 1e-4 * np.sin(500.0 * TIME_S)


def test_shape_of_a_linear_attack_and_an_exponential_fall() -> None:
    slow, sharp = (shape.measure_shape(hit(rise_s, 20.0), 24_000.0) for rise_s in (0.008, 0.001))
    assert slow["attack_ms"] == pytest.approx(0.8 * 8.0, abs=0.7) and sharp["attack_ms"] < 1.2
    assert sharp["fall_s"] == pytest.approx(20.0 / 8.686 / 20.0, abs=0.01)
    brighter = shape.measure_shape(hit(0.001, 20.0, 2.0), 24_000.0)
    assert brighter["bright_db"] - sharp["bright_db"] == pytest.approx(6.0, abs=0.1)
    assert np.isnan(shape.measure_shape(hit(0.001, 20.0), 8000.0)["bright_db"])


def test_differences_from_the_recording_are_summarized_by_material() -> None:
    settings = Settings("nowhere", "none")
    made = {"attack_ms": 3.0, "bright_db": -22.0, "fall_s": 0.12}
    row = {ITSELF: {"attack_ms": 1.0, "bright_db": -20.0, "fall_s": 0.1}, PRIOR: made, name_steps(4): made}
    table = shape.summarize_shapes([{"material": "wood", **row}, {"material": "glass", **row}], settings)
    assert [(line["kind"], line["recordings"]) for line in table] == [("all", 2)] * 2 + [("wood", 1)] * 2
    assert table[0]["attack_ms"] == [2.0, 2.0, 2.0] and table[0]["bright_db"] == [-2.0, -2.0, -2.0]
    assert table[0]["fall_percent"] == [20.0, 20.0, 20.0]
