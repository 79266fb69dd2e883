"""The onset network: it looks at time evenly, in pieces as at one go, and finds what stops."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.core.errors import BadInput
from engine.core.paths import ASSETS
from engine.lab.data.onsets.batches import BatchConfig, draw_batch, draw_piece, freeze, label_frames, splice
from engine.lab.data.onsets.clips import OnsetClip, shift_clip
from engine.lab.evaluation.onsets.scores import match_pairs
from engine.lab.training.onsets.train import Training, TrainingConfig, align
from engine.onsets import watch
from engine.onsets.frames import TARGET_PIXELS, choose_rows, choose_stride, downsample, prepare_frames
from engine.onsets.network import OnsetNetwork, OnsetNetworkConfig
from engine.onsets.peaks import calibrate_strength, pick_peaks
from engine.onsets.track import DEFAULT_THRESHOLD, Onset, onset_velocity_db, pick
from engine.onsets.watch import (
    CHUNK_FRAMES,
    detect_with_network,
    estimate_stats,
    extract_features,
    iter_network_tracks,
    load_onset_network,
    make_track,
    predict_frames,
    save_onset_network,
)
from engine.pipeline.detect_onsets import ONSET_NETWORK, detect_onsets, find_onset_network
from engine.pipeline.events import OnsetsFound, last_event
from engine.pipeline.open_clip import open_clip

SMALL = OnsetNetworkConfig(widths=(8, 8, 16, 16), temporal=32, dilations=(1, 2, 4))


@pytest.fixture(scope="module")
def network() -> OnsetNetwork:
    """A network that has learnt nothing but whose every part does something."""
    torch.manual_seed(0)
    fresh = OnsetNetwork(SMALL).eval()
    for norm in fresh.encoder.norms:
        torch.nn.init.uniform_(norm.weight, 0.5, 2.0)
        torch.nn.init.uniform_(norm.bias, -0.1, 0.1)
    return fresh.requires_grad_(False)


def make_noise(count: int, rows: int = 32, columns: int = 56, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (count, rows, columns)).astype(np.uint8)


def make_squares(seed: int, count: int = 150, rate_hz: float = 30.0) -> OnsetClip:
    """A bright square that falls again and again on a dark ground, each time stopping dead between two frames."""
    random = np.random.default_rng(seed)
    times = np.arange(count) / rate_hz
    hits, at = [], 0.5
    while at < times[-1] - 0.3:
        hits.append(at)
        at += random.uniform(0.45, 0.8)
    frames = np.full((count, 64, 112), 60.0) + random.normal(0, 1, (count, 64, 112))
    left = int(random.integers(20, 70))
    for k, time_s in enumerate(times):
        ahead = [hit - time_s for hit in hits if hit > time_s]
        past = [time_s - hit for hit in hits if hit <= time_s]
        height = 0.0 if past and past[-1] < 0.08 else min(30.0, 130.0 * ahead[0]) if ahead else 30.0
        bottom = 56.0 - height
        share = np.clip(np.arange(64) + 1 - (bottom - 14), 0, 1) * np.clip(bottom - np.arange(64), 0, 1)
        frames[k, :, left : left + 18] += 150.0 * share[:, None]
    velocity = np.full(len(hits), 0.7)
    pictures = np.clip(frames, 0, 255).astype(np.uint8)
    none = np.zeros(0)
    marks = np.asarray(hits)
    return OnsetClip(
        f"squares {seed}",
        "made",
        False,
        pictures,
        times,
        marks,
        velocity,
        ("hit",) * len(hits),
        none,
        marks,
        count / rate_hz,
    )


def test_later_by_some_frames_is_found_later_by_as_many(network: OnsetNetwork) -> None:
    frames, times = make_noise(120), np.arange(140) / 30
    still = np.repeat(frames[:1], 20, axis=0)
    stats = estimate_stats(network, list(frames))
    now = predict_frames(network, times[:120], frames, stats)
    later = predict_frames(network, times, np.concatenate((still, frames)), stats)[20:]
    assert np.abs(now[30:] - later[30:]).max() < 5e-3
    assert np.abs(now[30:].std(axis=0)).min() > 1e-6


@pytest.mark.parametrize("count", [5, CHUNK_FRAMES, CHUNK_FRAMES + 4, 3 * CHUNK_FRAMES + 9])
def test_in_pieces_the_same_is_seen_as_at_one_go(
    network: OnsetNetwork, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "prefers_bfloat16", lambda device: False)
    frames, times = make_noise(count), np.arange(count) / 25
    pieces = predict_frames(network, times, frames)
    gray = torch.from_numpy(frames.astype(np.float32))
    stats = estimate_stats(network, list(frames))
    with torch.no_grad():
        whole = network(torch.stack((gray, gray.flip(-1))), torch.full((2, count), 1 / 25), stats)
    whole = whole.mean(dim=0).numpy()
    assert pieces.shape == (count, 3)
    assert np.abs(pieces - whole).max() < 5e-3 < 0.1 * whole[:, 0].std()


def test_a_clip_is_judged_by_its_own_levels_and_not_by_its_batch_mates(network: OnsetNetwork) -> None:
    one, two = (torch.from_numpy(make_noise(40, seed=seed).astype(np.float32)) for seed in (1, 2))
    interval = torch.full((2, 40), 1 / 30)
    with torch.no_grad():
        alone = network(one[None], interval[:1])[0]
        together = network(torch.stack((one, 0.3 * two)), interval)[0]
        by_stats = network(one[None], interval[:1], network.encoder.estimate_stats(one))[0]
    assert torch.allclose(alone, together, atol=1e-4) and torch.allclose(alone, by_stats, atol=5e-3)


def test_the_mirror_image_is_watched_where_the_network_wants_it(network: OnsetNetwork) -> None:
    times, frames = np.arange(80) / 30, make_noise(80)
    alone = OnsetNetwork(replace(network.config, mirrored=False)).eval()
    alone.load_state_dict(network.state_dict())
    stats = estimate_stats(network, list(frames))
    one, other = (predict_frames(alone, times, view, stats) for view in (frames, frames[:, :, ::-1].copy()))
    assert np.abs(one - other).max() > 0.01
    assert predict_frames(network, times, frames, stats) == pytest.approx(0.5 * (one + other), abs=1e-3)


def test_levels_of_a_long_clip_follow_what_it_shows_in_bounded_memory(
    network: OnsetNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.onsets.watch.STATS_FRAMES", 128)
    still, lively = np.full((300, 32, 56), 90, np.uint8), make_noise(600)
    times = np.arange(900) / 30
    given = ((float(t), frame) for t, frame in zip(times, np.concatenate((still, lively)), strict=True))
    parts = [part for _, part in extract_features(network, given)]
    by_itself = torch.cat(
        [p for _, p in extract_features(network, zip(times[:600].tolist(), lively, strict=True))], dim=1
    )
    at_first, at_last = (torch.cat(parts, dim=1)[:, a:b].float() for a, b in ((320, 380), (820, 880)))
    wanted = by_itself[:, 520:580].float()
    assert (at_last.mean() - wanted.mean()).abs() < 0.2 * (at_first.mean() - wanted.mean()).abs()


def test_a_long_clip_thought_over_in_parts_is_the_same_as_at_one_go(
    network: OnsetNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames, times = make_noise(150), np.arange(150) / 30
    whole = predict_frames(network, times, frames)
    monkeypatch.setattr("engine.onsets.watch.TEMPORAL_CHUNK_FRAMES", 40)
    assert np.abs(predict_frames(network, times, frames) - whole).max() < 1e-4


def test_partial_tracks_are_told_on_the_way_and_few_frames_hold_no_hits(network: OnsetNetwork) -> None:
    frames = [(k / 30, frame) for k, frame in enumerate(make_noise(300))]
    steps = list(iter_network_tracks(network, 0.3, iter(frames), Fraction(30), 10.0, partial=True))
    *partial, track = [found for _, found in steps if found is not None]
    assert len(partial) == 2 and track.curve.values.size == 1000
    reached_s = [time_s for time_s, _ in steps]
    assert len(steps) > 300 and reached_s == sorted(reached_s) and reached_s[-1] == 10.0
    for count in range(5):
        assert detect_with_network(network, 0.3, frames[:count], Fraction(30), 1.0).curve.values.size == 100


def test_fast_clips_are_thinned_and_their_times_kept() -> None:
    rates = (24, 25, Fraction(30000, 1001), 50, Fraction(60000, 1001), 60, 120, 240)
    assert [choose_stride(rate) for rate in rates] == [1, 1, 1, 1, 1, 1, 2, 4]
    frames = [(k / 240, np.zeros((64, 112), np.uint8)) for k in range(48)]
    assert [t for t, _ in prepare_frames(frames, 240)] == [k / 60 for k in range(12)]


def test_a_picture_of_any_shape_is_shrunk_to_means_of_its_pixels() -> None:
    for height, width in ((720, 1280), (1280, 720), (480, 640), (90, 720)):
        frame = np.tile(np.linspace(0, 250, width), (height, 1)).astype(np.uint8)
        small = downsample(frame)
        assert 0.7 < small.size / TARGET_PIXELS < 1.4
        assert abs(small.shape[1] / small.shape[0] / (width / height) - 1) < 0.15
        assert abs(float(small.mean()) - float(frame.mean())) < 1.0
        assert choose_rows(width, height) == small.shape[0]
    assert downsample(np.zeros((12, 16), np.uint8)).shape[0] >= 16
    for width, height in ((16_000, 2), (2, 16_000)):  # a clip of any shape costs as much
        small = downsample(np.zeros((choose_rows(width, height), max(1, width // 9)), np.uint8))
        assert min(small.shape) >= 16 and small.size <= TARGET_PIXELS


def test_labels_are_told_to_a_part_of_a_frame() -> None:
    clip = make_squares(0)
    config = BatchConfig(margin=0)
    target, weight, offset, near, velocity = (
        v.numpy() for v in label_frames(clip, clip.times_s, np.full(len(clip.times_s), 1 / 30), config)
    )
    for hit_s in clip.hits_s:
        nearest = round(hit_s * 30)
        assert near[nearest] == 1 and abs(nearest + offset[nearest] - hit_s * 30) < 1e-4
        assert target[nearest] > 0.75 and velocity[nearest] == pytest.approx(0.7)
    assert target[5] < 1e-6 and weight.min() == 1.0
    moved = label_frames(shift_clip(clip, 1 / 30), clip.times_s, np.full(len(clip.times_s), 1 / 30), config)
    assert np.allclose(moved[0].numpy()[1:], target[:-1], atol=1e-4)


def test_what_is_only_heard_does_not_count() -> None:
    clip = make_squares(1)

    unsure = replace(clip, doubtful_s=clip.hits_s, hits_s=np.zeros(0), velocity=np.zeros(0), action=())
    weight = label_frames(unsure, clip.times_s, np.full(len(clip.times_s), 1 / 30), BatchConfig(margin=0))[1].numpy()
    assert all(weight[round(hit_s * 30)] == 0 for hit_s in clip.hits_s) and weight.mean() > 0.7


def test_a_cut_is_no_hit_and_one_that_it_halves_does_not_count() -> None:
    one, two = make_squares(0), make_squares(1)
    config = BatchConfig(frames=60, margin=0, vary=False)
    random = np.random.default_rng(3)
    first, second = draw_piece([one], config, random), draw_piece([two], config, random)
    quiet = [k for k in range(10, 50) if max(first[2][k - 3 : k + 3].max(), second[2][k - 3 : k + 3].max()) < 0.01]
    struck = int(first[2][10:50].argmax()) + 10
    whole, halved = splice(first, second, quiet[0]), splice(first, second, struck)
    assert whole[3].min() == 1.0 and whole[2][quiet[0] - 2 : quiet[0] + 2].max() < 0.01
    assert halved[3][struck - 2 : struck + 2].max() == 0.0
    still = freeze(first, random)
    assert still[2].max() == 0.0 and still[3].min() >= 1.0 and still[0].std(dim=0).max() < 12.0


def test_a_batch_is_the_same_for_the_same_seed() -> None:
    clips = [make_squares(k) for k in range(2)]
    one, two = (draw_batch(clips, BatchConfig(frames=48, size=2), np.random.default_rng(5)) for _ in range(2))
    assert all(
        torch.equal(a.nan_to_num(), b.nan_to_num()) for a, b in zip(vars(one).values(), vars(two).values(), strict=True)
    )
    assert one.frames.shape == (2, 48, 64, 112) and one.frames.min() >= 0 and one.frames.max() <= 255


@pytest.mark.slow
def test_a_little_training_finds_squares_that_stop_to_half_a_frame(tmp_path: Path) -> None:
    torch.manual_seed(1)
    clips = [make_squares(seed) for seed in range(12)]
    training = Training(OnsetNetwork(SMALL), TrainingConfig(minutes=5, warmup_steps=10), tmp_path, torch.device("cpu"))
    for _ in range(60):
        training.train_step(lambda random: draw_batch(clips, BatchConfig(frames=64, size=2, vary=False), random))
    unseen = make_squares(100)
    found = predict_frames(training.network, unseen.times_s, unseen.frames)
    best = sorted(pick_peaks(unseen.times_s, found), key=lambda pair: -found[pair[0], 0])[: len(unseen.hits_s)]
    pairs = match_pairs([t for _, t in best], unseen.hits_s, 0.1)
    errors = [best[i][1] - unseen.hits_s[j] for i, j in pairs]
    assert len(pairs) >= len(unseen.hits_s) - 1
    assert np.median(np.abs(errors)) < 0.5 / 30


def test_a_clip_whose_sound_lags_is_set_in_step_with_its_picture() -> None:

    clip = make_squares(3)

    class Knowing(OnsetNetwork):
        def temporal_forward(self, features: torch.Tensor, interval_s: torch.Tensor) -> torch.Tensor:
            gaps = np.abs(clip.times_s[:, None] - clip.hits_s).min(axis=1)
            told = torch.zeros(1, len(gaps), 3)
            told[0, :, 0] = torch.from_numpy(6.0 - 300.0 * gaps)
            return told

    late = replace(clip, real=True, hits_s=clip.hits_s + 0.06)
    assert align(late, Knowing(SMALL)).shift_s == pytest.approx(-0.06, abs=0.011)
    assert align(clip, Knowing(SMALL)).shift_s == 0.0


def test_strengths_put_the_balanced_probability_at_the_default_threshold() -> None:
    told = calibrate_strength(np.array([0.0, 0.1, 0.3, 0.8, 1.0]), 0.3)
    assert told[2] == pytest.approx(DEFAULT_THRESHOLD) and np.all(np.diff(told) > 0)
    assert told[0] == 0.0 and told[-1] == pytest.approx(1.0)


def test_the_curve_cuts_where_the_candidates_do_and_velocity_is_told_apart() -> None:
    times = np.arange(60) / 30
    found = np.full((60, 3), -6.0)
    found[[20, 21, 40]] = [(2.0, 0.4, 0.5), (1.0, -0.6, 0.5), (-1.0, 0.0, 1.5)]
    found[18:23, 2], found[38:43, 2] = (0.3, 0.4, 0.5, 0.6, 0.7), 1.5  # the mean of five frames is told
    track = make_track(times, found, 0.3, 2.0)
    assert [round(o.time_s, 4) for o in track.candidates] == [round(20.4 / 30, 4), round(40 / 30, 4)]
    assert [o.velocity for o in track.candidates] == pytest.approx([0.5, 1.0])
    assert len(pick(track)) == 1 and onset_velocity_db(track.candidates[0]) == pytest.approx(-12.0)
    assert track.velocity is not None and len(track.velocity) == len(track.curve.values)
    there = [track.velocity[round(100 * frame / 30)] for frame in (20, 40)]  # what a hit has that is put there by hand
    assert there == pytest.approx([0.5, 1.0], abs=0.11)  # a value lies up to 5 ms beside the frame
    assert onset_velocity_db(Onset(1.0, 0.25)) == -18.0


def test_a_hit_spread_over_the_frames_of_fast_film_counts_as_much_as_in_slow_film() -> None:
    def find_odds(rate_hz: float, probability: float) -> float:
        found = np.full((40, 3), -6.0)
        found[20] = (np.log(probability / (1.0 - probability)), 0.0, 0.5)
        track = make_track(np.arange(40) / rate_hz, found, 0.4, 40 / rate_hz)
        return track.candidates[0].strength / (1.0 - track.candidates[0].strength)

    assert find_odds(60, 0.3) == pytest.approx(2.0 * find_odds(30, 0.3), rel=1e-6)
    assert find_odds(24, 0.3) == pytest.approx(find_odds(30, 0.3), rel=1e-6)
    assert find_odds(60, 0.25) == pytest.approx(1.0, rel=1e-6)  # 2 x 1/3: the odds of the calibrated threshold


def test_a_checkpoint_comes_back_and_a_damaged_one_is_refused_in_one_sentence(
    network: OnsetNetwork, tmp_path: Path
) -> None:
    save_onset_network(tmp_path / "onsets", network, 0.4, {"step": 1})
    again, threshold = load_onset_network(tmp_path / "onsets")
    frames, times = make_noise(20), np.arange(20) / 30
    assert threshold == 0.4
    assert np.abs(predict_frames(network, times, frames) - predict_frames(again, times, frames)).max() < 0.02
    weights, config = tmp_path / "onsets" / "model.safetensors", tmp_path / "onsets" / "config.json"
    whole, words = weights.read_bytes(), config.read_text(encoding="utf-8")

    def refuse() -> None:
        with pytest.raises(BadInput) as refused:
            load_onset_network(tmp_path / "onsets")
        assert "\n" not in str(refused.value) and "restore it" in str(refused.value)

    weights.write_bytes(whole[:500])
    refuse()
    weights.unlink()
    refuse()
    weights.write_bytes(whole)
    for change in ({"kind": "sampler"}, {"balanced": 2.0}, {"network": {"widths": [8, 8]}}):
        config.write_text(json.dumps({**json.loads(words), **change}), encoding="utf-8")
        refuse()
    config.write_text("{", encoding="utf-8")
    refuse()


@pytest.mark.slow
def test_without_a_network_motion_tells_and_with_one_it_does(tmp_path: Path, network: OnsetNetwork) -> None:
    clip = open_clip(ASSETS / "demo_silent.mp4").project.clip
    truth = [o["time_s"] for o in json.loads((ASSETS / "demo_silent.truth.json").read_text(encoding="utf-8"))["onsets"]]
    moved = [onset.time_s for onset in pick(last_event(detect_onsets(clip, "video", tmp_path), OnsetsFound).track)]
    assert len(match_pairs(moved, truth, 0.05)) == len(truth) == len(moved)
    save_onset_network(tmp_path, network, 0.4, {})
    track = last_event(detect_onsets(clip, "video", tmp_path), OnsetsFound).track
    assert all(onset.velocity is not None for onset in track.candidates)


def test_a_folder_of_checkpoints_brings_its_own_network_or_else_the_shipped_one_looks(
    tmp_path: Path, network: OnsetNetwork
) -> None:
    assert find_onset_network(None) == find_onset_network(tmp_path) == ONSET_NETWORK
    save_onset_network(tmp_path / "onsets", network, 0.4, {})
    assert find_onset_network(tmp_path) == tmp_path / "onsets"


@pytest.mark.slow
def test_the_shipped_network_finds_the_hits_of_the_silent_demo() -> None:
    truth = [o["time_s"] for o in json.loads((ASSETS / "demo_silent.truth.json").read_text(encoding="utf-8"))["onsets"]]
    load_onset_network(ONSET_NETWORK)
    clip = open_clip(ASSETS / "demo_silent.mp4").project.clip
    found = [onset.time_s for onset in pick(last_event(detect_onsets(clip), OnsetsFound).track)]
    assert len(found) == len(truth)
    assert len(match_pairs(found, truth, 0.05)) == len(truth)


@pytest.mark.slow
def test_half_the_bits_hardly_change_what_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same hits of the demo within a millisecond and a half, about as strong."""
    clip, found = open_clip(ASSETS / "demo_silent.mp4").project.clip, []
    for halved in (False, True):
        monkeypatch.setattr(watch, "prefers_bfloat16", lambda device, halved=halved: halved)
        found.append(pick(last_event(detect_onsets(clip), OnsetsFound).track))
    assert len(found[0]) == len(found[1]) > 8
    for whole, half in zip(*found, strict=True):
        assert abs(whole.time_s - half.time_s) < 1.5e-3
        assert abs(whole.strength - half.strength) < 0.06
        assert whole.velocity is not None and half.velocity is not None
        assert abs(whole.velocity - half.velocity) < 0.05


def test_pieces_are_normalised_each_by_its_own(network: OnsetNetwork) -> None:
    """All pieces of a batch in one pass, as on a GPU, give what one after the other does."""
    frames = torch.from_numpy(np.stack([make_noise(12, seed=1), make_noise(12, seed=2) // 3])).float()
    one_by_one = network.encoder(frames)
    at_once, _ = network.encoder._encode(frames, None)
    torch.testing.assert_close(at_once, one_by_one, atol=1e-4, rtol=1e-4)
