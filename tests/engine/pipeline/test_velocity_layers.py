"""Velocity layers: each is heard at its velocity, morphed in between, and measured from the hits of a clip."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.core.errors import BadInput
from engine.document.edits.layers import set_layers
from engine.document.edits.messages import apply_message
from engine.document.project import Hit, VelocityLayer
from engine.document.serialization import project_from_json, project_to_json
from engine.physics.macros import apply_macros
from engine.physics.model import Macros, Modes, Residual
from engine.pipeline.measure_layers import choose_hits, measure_layers
from engine.pipeline.open_clip import open_clip
from engine.pipeline.render import hit_key, hit_physics
from tests.clips import make_clip
from tests.engine.pipeline.test_render import BOWL, make_project

SOFT = Modes((390.0, 900.0), (-36.0, -50.0), (12.0, 30.0), (0.0, 0.4), (False, False))
HARD = Modes((402.0, 960.0, 2100.0), (-4.0, -8.0, -10.0), (7.0, 11.0, 25.0), (0.0, 0.4, 0.0), (False,) * 3)
LAYERS = (VelocityLayer(-20.0, SOFT, Residual()), VelocityLayer(6.0, HARD, Residual()))


def test_a_layer_is_heard_at_its_velocity_and_morphed_between() -> None:
    plain = make_project(6)
    project = set_layers("s1", LAYERS).apply(plain)

    def struck(velocity_db: float) -> Modes:
        return hit_physics(project, replace(project.hit("h0"), velocity_db=velocity_db))[0]

    assert (struck(-20.0), struck(0.0), struck(6.0)) == (SOFT, BOWL, HARD)
    # Half way between the soft layer and the sound itself: frequencies and decays are the geometric means.
    middle = struck(-10.0)
    assert middle.frequency_hz == pytest.approx(np.sqrt([390.0 * 400.0, 900.0 * 950.0]), rel=1e-6)
    assert middle.decay_per_s == pytest.approx(np.sqrt([12.0 * 8.0, 30.0 * 12.0]), rel=1e-6)
    # Beyond the layers the law of velocity goes on from the nearest.
    assert struck(-32.0) == apply_macros(SOFT, Residual(), Macros(), -12.0)[0]
    keys = [[hit_key(one, one.hit(name), "") for name in ("h0", "h1")] for one in (plain, project)]
    assert keys[0][0] != keys[1][0] and keys[0][1] == keys[1][1]


def test_layers_are_saved_and_deleted() -> None:
    project = set_layers("s1", LAYERS[::-1]).apply(make_project(2))
    assert project_from_json(project_to_json(project)) == project
    assert [layer.velocity_db for layer in project.sound("s1").layers] == [-20.0, 6.0]
    assert "layers" not in project_to_json(project)["sounds"][1]
    one = apply_message(project, {"kind": "delete_layers", "sound_id": "s1", "indices": [0]}).apply(project)
    assert one.sound("s1").layers == LAYERS[1:]
    for wrong in ([5], []):
        with pytest.raises(BadInput):
            apply_message(project, {"kind": "delete_layers", "sound_id": "s1", "indices": wrong})


def test_hits_too_alike_make_no_layers() -> None:
    hits = [Hit(f"h{k}", float(k), "s1", k, velocity_db=v) for k, v in enumerate((0.5, -6.0, -7.0, -12.0, 3.0))]
    assert [hit.velocity_db for hit in choose_hits(hits)] == [-12.0, -7.0, 3.0]
    project = make_project(2)
    with pytest.raises(BadInput, match="as hard as"):
        measure_layers(project, project.sound("s1"), ["h0"])


@pytest.mark.slow
def test_layers_are_measured_from_the_clip(tmp_path: Path) -> None:
    # Three strikes of one object whose second mode grows with the velocity, at -24, -12 and 0 dB.
    rate, sound = 48_000, np.zeros(3 * 48_000, np.float32)
    strikes = ((0.4, -24.0, 0.03, 0.1), (1.3, -12.0, 0.12, 0.4), (2.1, 0.0, 0.5, 1.0))
    time_s = np.arange(40_000) / rate
    for start_s, _, level, second in strikes:
        wave = np.exp(-12 * time_s) * np.sin(2 * np.pi * 620 * time_s)
        wave += second * np.exp(-20 * time_s) * np.sin(2 * np.pi * 1710 * time_s)
        sound[round(start_s * rate) :][: len(wave)] += (level * wave).astype(np.float32)
    path = make_clip(tmp_path / "three.mkv", count=75, sounds=[(0.0, sound)], sound_codec="pcm_f32le")
    own = make_project(2).sound("s1")
    hits = tuple(Hit(f"h{k}", start_s, "s1", k, velocity_db=v) for k, (start_s, v, *_) in enumerate(strikes))
    project = replace(open_clip(path).project, sounds=(own,), hits=hits)
    layers, measured = measure_layers(project, own, [hit.id for hit in hits])
    assert measured == ["h0", "h1"] and [layer.velocity_db for layer in layers] == [-24.0, -12.0]
    for layer, (_, _, level, second) in zip(layers, strikes, strict=False):
        power = {round(f / 10): p for f, p in zip(layer.modes.frequency_hz, layer.modes.power_db, strict=True)}
        assert power[62] == pytest.approx(20 * np.log10(level), abs=1.0)
        assert power[171] - power[62] == pytest.approx(20 * np.log10(second), abs=1.5)
