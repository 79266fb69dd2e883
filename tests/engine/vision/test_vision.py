"""Vision: crops lie where the contact is, hits of one object share one prediction, and checkpoints round-trip."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from engine.bank.bank import EMBEDDING_SIZE, Bank, Entry, make_bank
from engine.bank.descriptor import DESCRIPTOR_SIZE
from engine.core.checkpoint import CONFIG, WEIGHTS, count_parameters
from engine.core.errors import BadInput
from engine.lab.data.vision.hits import KEPT_NEAR, KEPT_WIDE, HitFrames, LabelledHit, limit_hits_per_object
from engine.physics.model import MATERIALS, Modes, Physics
from engine.vision.backbone import load_backbone
from engine.vision.calibration import expected_calibration_error, fit_temperature, to_probabilities
from engine.vision.crops import CROP, FRAME_S, NEAR_STEPS, WIDE_COLUMNS, WIDE_ROWS, WIDE_STEPS, cut_crops, gather_views
from engine.vision.network import STRIKERS, VisionConfig, VisionNetwork, decode_heatmaps
from engine.vision.predict import (
    VISION_CHECKPOINT,
    HitPrediction,
    ObjectPrediction,
    VisionModel,
    cluster_hits,
    load_vision_model,
    pool_objects,
    predict_objects,
    save_vision_model,
)
from engine.vision.rank import RankConfig, embed_bank, rank_by_prediction

SMALL = VisionConfig(locator=8, widths=(8, 8, 8, 8), hidden=16)


def make_frames(count: int, rate_hz: float, height: int = 72) -> list[tuple[float, np.ndarray]]:
    """Frames whose gray level is their number."""
    return [(k / rate_hz, np.full((height, 128, 3), k, np.uint8)) for k in range(count)]


def make_network(seed: int = 0) -> VisionModel:
    torch.manual_seed(seed)
    return VisionModel(VisionNetwork(SMALL).eval().requires_grad_(False))


def make_hit_prediction(place: tuple[float, float], direction: int, material: str = "wood") -> HitPrediction:
    logits = np.where(np.asarray(MATERIALS) == material, 4.0, 0.0)
    embedding = np.zeros(EMBEDDING_SIZE, np.float32)
    embedding[direction] = 1.0
    return HitPrediction(logits, np.zeros(len(STRIKERS)), 0.0, embedding, np.zeros(4), place, 0.5)


def make_entry(name: str, hz: float, material: str, group: str = "") -> Entry:
    modes = Modes((hz, 2.1 * hz), (0.0, -6.0), (20.0, 40.0), (0.0, 0.0))
    return Entry(name, Physics(modes), material, 0.2, group=group or name)


def make_prediction(material: str, embedding: np.ndarray | None = None) -> ObjectPrediction:
    chances = {name: 0.9 if name == material else 0.1 / (len(MATERIALS) - 1) for name in MATERIALS}
    flat = np.full(EMBEDDING_SIZE, EMBEDDING_SIZE**-0.5, np.float32)
    return ObjectPrediction(chances, 0.2, "stick", (0.5, 0.5), flat if embedding is None else embedding, 0.9)


@pytest.mark.parametrize("rate_hz", [25.0, 29.97, 60.0])
def test_views_hold_the_frames_nearest_to_their_moments(rate_hz: float) -> None:
    frames = make_frames(round(3.0 * rate_hz), rate_hz)
    views = list(gather_views(frames, [1.0, 1.3, 1.31]))
    assert [view.time_s for view in views] == [1.0, 1.3, 1.31]
    for view in views:
        for steps, shown in ((WIDE_STEPS, view.wide), (NEAR_STEPS, view.near)):
            at_s = shown.reshape(len(steps), -1).mean(axis=1) / rate_hz
            wanted_s = view.time_s + np.asarray(steps) * FRAME_S
            assert np.abs(at_s - wanted_s).max() <= 0.5 / rate_hz + 1e-6
    assert views[0].wide.shape == (len(WIDE_STEPS), WIDE_ROWS, WIDE_COLUMNS)


def test_hits_at_the_ends_of_a_clip_are_seen_too() -> None:
    views = list(gather_views(make_frames(20, 30.0), [0.0, 0.66]))
    assert len(views) == 2 and views[0].near.min() == 0 and views[1].near.max() == 19
    assert list(gather_views([], [0.5])) == []


def test_only_frames_of_hits_not_yet_seen_are_held() -> None:
    given = iter(make_frames(250, 30.0))
    first = next(gather_views(given, [1.0, 7.0]))
    assert first.time_s == 1.0
    assert next(given)[0] < 1.0 + 12 * FRAME_S + 0.1  # no more than the hit needs has been read


@pytest.mark.parametrize("scale", [0.4, -0.4])
def test_a_crop_is_centred_where_the_contact_is(scale: float) -> None:
    frame = torch.zeros(1, 1, 3, 72, 128)
    x, y = 90, 30
    frame[..., y - 1 : y + 2, x - 1 : x + 2] = 1.0
    place = torch.tensor([[(x + 0.5) / 128, (y + 0.5) / 72]])
    crop = cut_crops(frame, place, torch.tensor([[scale]]))[0, 0, 0, 0]
    rows, columns = torch.nonzero(crop > 0.5, as_tuple=True)
    assert abs(float(rows.float().mean()) + 0.5 - CROP / 2) < 1.0
    assert abs(float(columns.float().mean()) + 0.5 - CROP / 2) < 1.0


def test_a_mirrored_crop_is_the_crop_of_the_mirrored_picture() -> None:
    frame = torch.rand(1, 2, 3, 72, 128)
    place, scales = torch.tensor([[0.7, 0.4]]), torch.tensor([[0.5]])
    one = cut_crops(frame, place, -scales)
    other = cut_crops(frame.flip(-1), torch.tensor([[0.3, 0.4]]), scales)
    assert torch.allclose(one, other, atol=1e-4)


def test_a_place_is_read_where_the_map_is_highest() -> None:
    heat = torch.zeros(2, 18, 32)
    heat[0, 4, 20] = 9.0
    heat[1, 15, 3:5] = 9.0
    places, sure = decode_heatmaps(heat)
    assert torch.allclose(places, torch.tensor([[20.5 / 32, 4.5 / 18], [4.0 / 32, 15.5 / 18]]), atol=0.01)
    assert (sure > 0.9).all()


def test_hits_of_one_object_share_one_answer() -> None:
    near, far = (0.3, 0.5), (0.8, 0.5)
    hit_predictions = [
        make_hit_prediction(near, 0),
        make_hit_prediction((0.31, 0.5), 0, "metal"),
        make_hit_prediction(far, 1),
        make_hit_prediction(near, 0),
    ]
    assert cluster_hits(hit_predictions) == [0, 0, 1, 0]
    predictions = pool_objects(hit_predictions, [0, 0, 1, 0], 1.0)
    assert len(predictions) == 2
    assert max(predictions[0].material, key=lambda name: predictions[0].material[name]) == "wood"
    assert predictions[0].confidence == pytest.approx(max(predictions[0].material.values()))
    assert sum(predictions[0].material.values()) == pytest.approx(1.0)
    assert cluster_hits([]) == [] and cluster_hits(hit_predictions[:1]) == [0]


def test_things_in_one_place_that_look_unlike_are_two() -> None:
    assert cluster_hits([make_hit_prediction((0.5, 0.5), 0), make_hit_prediction((0.5, 0.5), 1)]) == [0, 1]


def test_the_order_of_hits_and_their_mates_do_not_change_what_is_seen_of_each() -> None:
    model = make_network()
    random = np.random.default_rng(0)
    frames = [(k / 30.0, random.integers(0, 255, (72, 128, 3), dtype=np.uint8)) for k in range(150)]
    alone = list(gather_views(frames, [2.0]))
    among = list(gather_views(frames, [1.0, 2.0, 3.0]))
    from engine.vision.predict import predict_hits

    one, many = predict_hits(model, alone)[0], predict_hits(model, among)[1]
    assert np.allclose(one.material, many.material, atol=1e-4) and one.place == pytest.approx(many.place, abs=1e-5)
    objects, predictions = predict_objects(model, among)
    assert len(objects) == 3 and len(predictions) == max(objects) + 1


def test_the_bank_is_ranked_by_what_is_seen() -> None:
    model = make_network()
    bank = embed_bank(
        model,
        make_bank([make_entry(f"{m} {k}", 200.0 * (k + 1) * len(m), m) for m in ("wood", "glass") for k in range(4)]),
    )
    assert bank.embeddings.shape == (8, EMBEDDING_SIZE)
    assert np.allclose(np.linalg.norm(bank.embeddings, axis=1), 1.0, atol=1e-5)
    found = rank_by_prediction(bank, make_prediction("glass"), 3, RankConfig(embedding=0.0))
    assert [candidate.material for candidate in found] == ["glass"] * 3
    assert all(0.0 <= candidate.score <= 1.0 for candidate in found) and found[0].score >= found[-1].score
    assert "glass" in found[0].why
    near = rank_by_prediction(bank, make_prediction("", bank.embeddings[5]), 1, RankConfig(material=0.0, size=0.0))
    assert near[0].name == bank.entries[5].name
    with pytest.raises(BadInput, match="empty"):
        rank_by_prediction(
            Bank((), np.zeros((0, DESCRIPTOR_SIZE)), np.zeros((0, EMBEDDING_SIZE))), make_prediction("wood")
        )


def test_what_is_offered_is_least_far_off_on_average() -> None:
    entries = [make_entry(f"low {k}", 200.0 + k, "wood") for k in range(5)] + [make_entry("high", 6000.0, "wood")]
    bank = make_bank(entries)
    bank = replace(bank, embeddings=np.zeros((6, EMBEDDING_SIZE), np.float32))
    found = rank_by_prediction(bank, make_prediction("wood"), 2, RankConfig(size=0.0))
    assert found[0].name.startswith("low")  # nothing tells them apart, and five of six are low
    assert found[1].name == "high"  # the second is for when the first is wrong
    assert found[0].score >= found[1].score


def test_a_temperature_makes_too_sure_a_network_honest() -> None:
    random = np.random.default_rng(0)
    classes = random.integers(0, 4, 4000)
    logits = random.normal(0.0, 1.0, (4000, 4)) + 1.5 * np.eye(4)[classes]
    temperature = fit_temperature(6.0 * logits, classes)
    right = logits.argmax(axis=1) == classes
    before, after = (to_probabilities(6.0 * logits, t).max(axis=1) for t in (1.0, temperature))
    assert temperature > 2.0
    assert expected_calibration_error(after, right) < 0.03 < 0.1 < expected_calibration_error(before, right)


def test_a_checkpoint_says_the_same_after_a_round_trip(tmp_path: Path) -> None:
    model = replace(make_network(), temperature=1.7)
    save_vision_model(tmp_path, model, {"minutes": 1})
    other = load_vision_model(tmp_path)
    assert other.temperature == 1.7 and other.network.config == SMALL
    views = list(gather_views(make_frames(60, 30.0), [1.0]))
    one, two = (predict_objects(w, views)[1][0] for w in (model, other))
    assert one.material["wood"] == pytest.approx(two.material["wood"], abs=0.02)


@pytest.mark.parametrize("damage", ["weights", "config", "kind", "missing"])
def test_a_damaged_checkpoint_is_refused_in_one_sentence(tmp_path: Path, damage: str) -> None:
    save_vision_model(tmp_path, make_network(), {})
    if damage == "weights":
        (tmp_path / WEIGHTS).write_bytes((tmp_path / WEIGHTS).read_bytes()[:1000])
    elif damage == "config":
        (tmp_path / CONFIG).write_text("{")
    elif damage == "kind":
        stored = json.loads((tmp_path / CONFIG).read_text())
        (tmp_path / CONFIG).write_text(json.dumps({**stored, "kind": "onsets"}))
    else:
        (tmp_path / WEIGHTS).unlink()
    with pytest.raises(BadInput, match="vision") as refused:
        load_vision_model(tmp_path)
    assert "\n" not in str(refused.value) and "restore" in str(refused.value)


def write_backbone(folder: Path, features: int = 6) -> Path:
    """A made-up backbone of a convolution, a residual step and a wider one."""
    torch.manual_seed(0)
    folder.mkdir(exist_ok=True)
    weights = {
        "a.weight": torch.randn(4, 3, 3, 3),
        "b.weight": torch.randn(4, 1, 3, 3),
        "c.weight": torch.randn(6, 4, 1, 1),
    }
    weights |= {f"n.{k}": torch.ones(4) for k in ("weight", "bias", "running_mean", "running_var")}
    save_file(weights, str(folder / WEIGHTS))
    layers = [
        {"conv": "a", "norm": "n", "stride": 2, "act": "relu"},
        {"maxpool": 3, "stride": 2},
        {"keep": "x"},
        {"conv": "b", "act": "silu"},
        {"add": "x", "act": "relu"},
        {"conv": "c", "same": True},
    ]
    config = {"format": 1, "kind": "backbone", "input_size": 32, "mean": [0.5] * 3, "std": [0.25] * 3}
    (folder / CONFIG).write_text(json.dumps({**config, "features": features, "layers": layers}))
    return folder


def test_a_backbone_of_ones_own_is_looked_through(tmp_path: Path) -> None:
    backbone = load_backbone(write_backbone(tmp_path / "mine"))
    seen = backbone.encode(torch.rand(2, 2, 3, 3, 32, 32))
    assert seen.shape == (2, 12)
    torch.manual_seed(0)
    network = VisionNetwork(replace(SMALL, features=12)).eval().requires_grad_(False)
    save_vision_model(tmp_path / "sight", VisionModel(network, 1.0, backbone), {})
    model = load_vision_model(tmp_path / "sight")
    assert model.backbone is not None
    objects, predictions = predict_objects(model, list(gather_views(make_frames(60, 30.0), [1.0])))
    assert objects == [0] and sum(predictions[0].material.values()) == pytest.approx(1.0)


def test_a_backbone_that_does_not_fit_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="features") as refused:
        load_backbone(write_backbone(tmp_path, features=7))
    assert "docs/vision.md" in str(refused.value)
    with pytest.raises(BadInput, match="backbone"):
        load_backbone(tmp_path / "nothing")


def make_squares(count: int, seed: int) -> HitFrames:
    """Hits on squares somewhere in the picture, wood where they are red and metal where they are blue."""
    random = np.random.default_rng(seed)
    hits, wide, near = [], [], []
    for k in range(count):
        x, y, red = random.uniform(0.25, 0.75), random.uniform(0.25, 0.75), bool(k % 2)
        frame = random.integers(90, 110, (126, 224, 3)).astype(np.uint8)
        frame[int(126 * y) - 18 : int(126 * y) + 18, int(224 * x) - 18 : int(224 * x) + 18] = (
            (200, 40, 40) if red else (40, 40, 200)
        )
        near.append(np.stack([frame] * len(KEPT_NEAR)))
        wide.append(np.zeros((len(KEPT_WIDE), WIDE_ROWS, WIDE_COLUMNS), np.uint8))
        name = f"take {k}"
        hits.append(
            LabelledHit(
                name, "", "", name, name, False, 1.0, 1.0, "hit", "wood" if red else "metal", 0.2, "stick", x, y
            )
        )
    return HitFrames(tuple(hits), tuple(wide), tuple(near))


def test_a_little_training_tells_two_colours_apart(tmp_path: Path) -> None:
    from engine.lab.data.vision.batches import draw_crops
    from engine.lab.training.vision.train import Training, TrainingConfig

    config = TrainingConfig(steps=24, batch=8, locator_share=0.0, warmup_steps=4, learning_rate=8e-3, ema_decay=0.7)
    torch.manual_seed(0)
    training = Training(VisionNetwork(SMALL), config, tmp_path, torch.device("cpu"))
    random = np.random.default_rng(0)
    descriptors = random.normal(-30.0, 10.0, (32, DESCRIPTOR_SIZE)).astype(np.float32)
    training.run(make_squares(32, 0), HitFrames((), (), ()), descriptors)
    unseen = make_squares(16, 1)
    crops = draw_crops(unseen, np.arange(16), random, None)
    with torch.inference_mode():
        output = training.average.head(training.average.encode(crops)).material.argmax(dim=1)
    assert [MATERIALS[int(k)] for k in output] == [hit.material for hit in unseen.hits]


def test_heads_on_a_backbone_tell_two_colours_apart(tmp_path: Path) -> None:
    from engine.lab.training.vision.heads import HeadConfig, extract_hit_features, train_heads

    torch.manual_seed(0)
    model = VisionModel(
        VisionNetwork(replace(SMALL, features=12)), 1.0, load_backbone(write_backbone(tmp_path / "mine"))
    )
    config = HeadConfig(steps=60, batch=16, views=2)
    known, unseen = make_squares(24, 0), make_squares(12, 1)
    features = extract_hit_features(model, known, tmp_path, config)
    assert features.shape == (2, 24, 12)
    assert torch.equal(features, extract_hit_features(model, known, tmp_path, config))  # kept, not made anew
    descriptors = np.random.default_rng(0).normal(-30.0, 10.0, (24, DESCRIPTOR_SIZE)).astype(np.float32)
    train_heads(model.network, features, known, descriptors, config)
    asked = extract_hit_features(model, unseen, tmp_path, config)[0]
    with torch.inference_mode():
        output = model.network.head(asked).material.argmax(dim=1)
    assert np.mean([MATERIALS[int(k)] == hit.material for k, hit in zip(output, unseen.hits, strict=True)]) > 0.9


def test_no_object_has_more_than_its_share_of_hits() -> None:
    hits = [replace(make_squares(1, 0).hits[0], time_s=float(k), apart_s=float(k % 3)) for k in range(6)]
    assert [hit.time_s for hit in limit_hits_per_object(hits, 2)] == [2.0, 5.0]  # those before the longest quiet


def test_the_network_is_small() -> None:
    assert count_parameters(VisionNetwork()) < 2_000_000


def test_the_network_that_ships_finds_contacts_and_is_sure_of_something() -> None:
    model = load_vision_model(VISION_CHECKPOINT)
    assert 0.2 <= model.temperature <= 20.0
    dark = np.full((126, 224, 3), 90, np.uint8)
    frames = []
    for k in range(60):  # a bright thing comes down on a spot and goes up again
        frame = dark.copy()
        y = 80 - abs(k - 30) * 5
        frame[max(0, y - 14) : max(0, y), 146:156] = 230
        frames.append((k * FRAME_S, frame))
    objects, predictions = predict_objects(model, list(gather_views(frames, [30 * FRAME_S])))
    assert objects == [0]
    assert abs(predictions[0].place[0] - 151 / 224) < 0.2 and abs(predictions[0].place[1] - 80 / 126) < 0.3
