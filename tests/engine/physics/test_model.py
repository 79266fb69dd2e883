"""Physics JSON: a round trip keeps everything, and wrong values are refused by name."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from engine.core.errors import BadInput
from engine.physics.model import Modes, NoiseComponent, Physics, Residual, physics_from_json, physics_to_json
from tests.sounds import BELL, NOISE

FULL = replace(
    NOISE,
    tail=NoiseComponent((-45.0,) * 24, (15.0,) * 24),
    attack=NoiseComponent((-25.0,) * 24, (400.0,) * 24),
    rise_s=0.008,
)


def test_every_stage_survives_json() -> None:
    physics = Physics(replace(BELL, muted=(True,) + (False,) * 6), FULL, 44_100, 0.25)
    value = json.loads(json.dumps(physics_to_json(physics)))
    assert physics_from_json(value) == physics
    assert set(value["residual"]) == {"edges_hz", "power_db", "decay_per_s", "room", "tail", "attack", "rise_s"}
    plain = physics_to_json(Physics(BELL, NOISE))["residual"]
    assert not {"tail", "attack", "rise_s"} & set(plain)  # files of sounds without them stay as they were


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rise_s": -0.01}, "rise_s"),
        ({"rise_s": 0.2}, "rise_s"),
        ({"rise_s": "slow"}, "rise_s"),
        ({"tail": {"power_db": [0.0], "decay_per_s": [1.0]}}, "tail"),
        ({"attack": {"power_db": [0.0] * 24, "decay_per_s": [-1.0] * 24}}, "attack"),
        ({"attack": [1.0]}, "attack"),
    ],
)
def test_a_wrong_stage_or_rise_is_refused_by_name(change: dict[str, object], said: str) -> None:
    value = physics_to_json(Physics(BELL, FULL))
    value["residual"] |= change
    with pytest.raises(BadInput, match=said):
        physics_from_json(value)


def test_scaling_a_residual_is_arithmetic_on_its_numbers() -> None:
    louder = FULL.scaled(raise_db=3.0, decay_ratio=2.0, pitch_ratio=0.5)
    assert louder.edges_hz == tuple(0.5 * edge for edge in NOISE.edges_hz) and louder.rise_s == FULL.rise_s
    for name, component in FULL.components:
        changed = louder.component(name)
        assert changed is not None and changed.power_db == tuple(p + 3.0 for p in component.power_db)
        assert changed.decay_per_s == tuple(2.0 * d for d in component.decay_per_s)


def test_components_are_those_present_and_can_be_replaced() -> None:
    assert [name for name, _ in FULL.components] == ["attack", "strike", "tail", "room"]
    assert Residual().components == () and NOISE.component("tail") is None
    silent = NOISE.with_component("strike", None)
    assert silent.power_db == (-200.0,) * 24 and silent.decay_per_s == NOISE.decay_per_s and silent.room == NOISE.room
    assert NOISE.with_component("room", None).room is None


def test_an_empty_list_of_muted_modes_means_none_is_muted() -> None:
    assert Modes((1.0, 2.0), (0.0, 0.0), (1.0, 1.0), (0.0, 0.0)).mute_mask == (False, False)
    assert Modes((1.0, 2.0), (0.0, 0.0), (1.0, 1.0), (0.0, 0.0), (True, False)).mute_mask == (True, False)
