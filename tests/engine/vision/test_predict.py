"""Predictions: pooled by object, independent of other hits in the clip, unchanged by a checkpoint's round trip."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.core.checkpoint import CONFIG, WEIGHTS
from engine.core.errors import BadInput
from engine.physics.model import MATERIALS
from engine.vision.crops import FRAME_S, gather_views
from engine.vision.predict import (
    VISION_CHECKPOINT,
    cluster_hits,
    load_vision_model,
    pool_hits,
    pool_objects,
    predict_hits,
    save_vision_model,
)
from tests.frames import SMALL, make_frames, make_hit_prediction, make_model


def test_hits_of_one_object_share_one_prediction() -> None:
    near, far = (0.3, 0.5), (0.8, 0.5)
    hits = [
        make_hit_prediction(near, 0),
        make_hit_prediction((0.31, 0.5), 0, "metal"),
        make_hit_prediction(far, 1),
        make_hit_prediction(near, 0),
    ]
    assert cluster_hits(hits) == [0, 0, 1, 0]
    predictions = pool_objects(hits, [0, 0, 1, 0], 1.0)
    assert len(predictions) == 2
    assert max(predictions[0].material, key=lambda name: predictions[0].material[name]) == "wood"
    assert predictions[0].confidence == pytest.approx(max(predictions[0].material.values()))
    assert sum(predictions[0].material.values()) == pytest.approx(1.0)
    assert cluster_hits([]) == [] and cluster_hits(hits[:1]) == [0]


def test_pooling_averages_logits_and_log_sizes_and_takes_the_median_place() -> None:
    one, two = make_hit_prediction((0.2, 0.4), 0, "wood"), make_hit_prediction((0.4, 0.8), 1, "metal")
    pooled = pool_hits([replace(one, size=math.log(2.0)), replace(two, size=math.log(8.0))], 2.0)
    assert pooled.size_m == pytest.approx(0.25 * 4.0)  # the geometric mean, of sizes over 0.25 m
    assert pooled.contact == pytest.approx((0.3, 0.6))
    assert pooled.embedding[:2] == pytest.approx([math.sqrt(0.5)] * 2)
    likely, rest = math.exp(2.0 / 2.0), len(MATERIALS) - 2  # logits 2 of wood and metal, 0 of the others
    assert pooled.material["wood"] == pytest.approx(likely / (2.0 * likely + rest))
    assert pooled.material["metal"] == pytest.approx(pooled.material["wood"])


def test_things_in_one_place_that_look_unlike_are_two() -> None:
    assert cluster_hits([make_hit_prediction((0.5, 0.5), 0), make_hit_prediction((0.5, 0.5), 1)]) == [0, 1]


def test_hits_of_one_frame_are_one_thing_though_rounding_makes_them_more_than_alike(rng: np.random.Generator) -> None:
    one = make_hit_prediction((0.5, 0.5), 0)
    for _ in range(20):
        vector = rng.standard_normal(one.embedding.shape)
        same = replace(one, embedding=(vector / np.linalg.norm(vector) * (1.0 + 1e-7)).astype(np.float32))
        assert cluster_hits([same, same, make_hit_prediction((0.9, 0.1), 1), same]) == [0, 0, 1, 0]


def test_a_hit_s_prediction_does_not_depend_on_others() -> None:
    model = make_model()
    random = np.random.default_rng(0)
    frames = [(k / 30.0, random.integers(0, 255, (72, 128, 3), dtype=np.uint8)) for k in range(150)]
    alone = list(gather_views(frames, [2.0]))
    among = list(gather_views(frames, [1.0, 2.0, 3.0]))
    one, many = predict_hits(model, alone)[0], predict_hits(model, among)[1]
    assert np.allclose(one.material, many.material, atol=1e-4) and one.contact == pytest.approx(many.contact, abs=1e-5)
    hit_predictions = predict_hits(model, among)
    objects = cluster_hits(hit_predictions)
    assert len(objects) == 3 and len(pool_objects(hit_predictions, objects, 1.0)) == max(objects) + 1


def test_a_mirrored_picture_has_the_mirrored_contact() -> None:
    model = make_model()
    random = np.random.default_rng(1)
    frames = [(k / 30.0, random.integers(0, 255, (72, 128, 3), dtype=np.uint8)) for k in range(60)]
    mirrored = [(time_s, frame[:, ::-1].copy()) for time_s, frame in frames]
    one, other = (predict_hits(model, list(gather_views(f, [1.0])))[0] for f in (frames, mirrored))
    assert other.contact == pytest.approx((1.0 - one.contact[0], one.contact[1]), abs=1e-3)
    assert np.allclose(one.material, other.material, atol=1e-3)


def test_a_checkpoint_predicts_the_same_after_a_round_trip(tmp_path: Path) -> None:
    model = replace(make_model(), temperature=1.7)
    save_vision_model(tmp_path, model, {"minutes": 1})
    other = load_vision_model(tmp_path)
    assert other.temperature == 1.7 and other.network.config == SMALL
    views = list(gather_views(make_frames(60, 30.0), [1.0]))
    one, two = (pool_hits(predict_hits(m, views), m.temperature) for m in (model, other))
    assert one.material["wood"] == pytest.approx(two.material["wood"], abs=0.02)


def test_a_checkpoint_of_the_former_kind_and_names_loads_equal(tmp_path: Path) -> None:
    save_vision_model(tmp_path, make_model(), {})
    now = load_vision_model(tmp_path).network.state_dict()
    former = {
        "locator.proj_in": "finder.enter", "locator.norm_in": "finder.even", "locator.convs": "finder.steps",
        "locator.norms": "finder.norms", "locator.head": "finder.leave", "encoder.convs": "eye.layers",
        "encoder.norms": "eye.norms", "encoder.attention": "eye.attend", "encoder.centre_bias": "eye.breadth",
        "head.std": "head.spread", "head.proj_in": "head.enter", "head.to_embedding": "head.embed",
        "physics_encoder.proj_in": "tower.enter", "physics_encoder.block": "tower.deepen",
        "physics_encoder.to_embedding": "tower.embed", "physics_encoder.material": "tower.material",
        "logit_scale": "sharpness",
    }  # fmt: skip
    weights = {}
    for name, value in load_file(str(tmp_path / WEIGHTS)).items():
        part = next((part for part in former if name.startswith(part)), "")
        weights[former[part] + name[len(part) :] if part else name] = value
    assert {name.split(".")[0] for name in weights} == {"finder", "eye", "head", "tower", "sharpness"}
    save_file(weights, str(tmp_path / WEIGHTS))
    config = json.loads((tmp_path / CONFIG).read_text())
    config["network"]["finder"] = config["network"].pop("locator")
    (tmp_path / CONFIG).write_text(json.dumps({**config, "kind": "sight"}))
    then = load_vision_model(tmp_path).network.state_dict()
    assert then.keys() == now.keys() and all(torch.equal(then[name], value) for name, value in now.items())


@pytest.mark.parametrize("damage", ["weights", "config", "kind", "temperature", "missing"])
def test_a_damaged_checkpoint_is_refused_in_one_sentence(tmp_path: Path, damage: str) -> None:
    save_vision_model(tmp_path, make_model(), {})
    stored = json.loads((tmp_path / CONFIG).read_text())
    if damage == "weights":
        (tmp_path / WEIGHTS).write_bytes((tmp_path / WEIGHTS).read_bytes()[:1000])
    elif damage == "config":
        (tmp_path / CONFIG).write_text("{")
    elif damage == "kind":
        (tmp_path / CONFIG).write_text(json.dumps({**stored, "kind": "onsets"}))
    elif damage == "temperature":
        (tmp_path / CONFIG).write_text(json.dumps({**stored, "temperature": -1.0}))
    else:
        (tmp_path / WEIGHTS).unlink()
    with pytest.raises(BadInput, match="vision") as refused:
        load_vision_model(tmp_path)
    assert "\n" not in str(refused.value) and "restore" in str(refused.value)


def test_the_network_that_ships_locates_a_contact() -> None:
    model = load_vision_model(VISION_CHECKPOINT)
    assert 0.2 <= model.temperature <= 20.0
    dark = np.full((126, 224, 3), 90, np.uint8)
    frames = []
    for k in range(60):  # a bright thing comes down on a spot and goes up again
        frame = dark.copy()
        y = 80 - abs(k - 30) * 5
        frame[max(0, y - 14) : max(0, y), 146:156] = 230
        frames.append((k * FRAME_S, frame))
    (prediction,) = predict_hits(model, list(gather_views(frames, [30 * FRAME_S])))
    assert abs(prediction.contact[0] - 151 / 224) < 0.2 and abs(prediction.contact[1] - 80 / 126) < 0.3
