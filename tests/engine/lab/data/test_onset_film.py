"""Packed film: it comes back as it was, and batches cut on a device are labelled as the clips are."""

from __future__ import annotations

import json
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from engine.core.errors import BadInput
from engine.core.units import SAMPLE_RATE_HZ
from engine.lab.data.clip_writer import write_clip
from engine.lab.data.onsets.batches import BatchConfig, label_frames
from engine.lab.data.onsets.clips import OnsetClip
from engine.lab.data.onsets.device_batches import FilmStore, draw_device_batch, label_pieces, vary_view
from engine.lab.data.onsets.film import find_days, read_simulated_film
from engine.lab.data.onsets.fold_networks import open_folds
from engine.lab.data.onsets.lag import choose_shifts, measure_agreement
from engine.lab.data.onsets.pack import PackedClip, encode_frames, read_pack, write_pack
from engine.lab.training.onset_folds.folds import FOLDS, FoldConfig, draw_share, load_beginning, train_folds
from engine.lab.training.onset_folds.train import main
from engine.onsets.network import OnsetNetwork, OnsetNetworkConfig
from engine.onsets.watch import save_onset_network

RATE_HZ = 30.0


def make_clip(seed: int = 0, count: int = 120, shape: tuple[int, int] = (64, 96), real: bool = True) -> PackedClip:
    """A dark square that moves over a slope of gray, with random hits."""
    random = np.random.default_rng(seed)
    frames = np.tile(np.linspace(60, 200, shape[1]), (count, shape[0], 1))
    for index in range(count):
        frames[index, 10:20, 5 + index % 30 : 15 + index % 30] = 20
    hits_s = np.sort(random.uniform(0.3, count / RATE_HZ - 0.3, 6))
    return PackedClip(
        name=f"clip {seed}",
        days=("2020-01-01",),
        source="some film",
        real=real,
        frames=frames.astype(np.uint8),
        times_s=np.arange(count) / RATE_HZ,
        hits_s=hits_s,
        confidence=np.ones(6),
        velocity=np.asarray([0.5, np.nan, 1.0, 0.0, 0.25, 0.75]),
        doubtful_s=np.asarray([0.1]),
        shift_s=0.02,
    )


def test_a_pack_gives_its_clips_back(tmp_path: Path) -> None:
    clips = [make_clip(0), make_clip(1, 40, (96, 64), real=False)]
    write_pack(tmp_path / "film.pack", clips, [encode_frames(clip.frames, 12, "medium") for clip in clips])
    for clip, back in zip(clips, read_pack(tmp_path / "film.pack", 2), strict=True):
        assert (back.name, back.days, back.source, back.real, back.shift_s) == (
            clip.name,
            clip.days,
            clip.source,
            clip.real,
            clip.shift_s,
        )
        assert back.frames.shape == clip.frames.shape
        assert np.abs(back.frames.astype(float) - clip.frames).mean() < 3.0
        for name in ("times_s", "hits_s", "confidence", "velocity", "doubtful_s"):
            np.testing.assert_allclose(getattr(back, name), getattr(clip, name), atol=1e-4)


def test_takes_in_which_nothing_is_touched_are_learnt_from(tmp_path: Path) -> None:
    """A swing that stops short is no hit, which only such takes teach; one whose sound is missing is unfinished."""
    frames = (np.full((48, 64, 3), 90 + k, np.uint8) for k in range(40))
    write_clip(tmp_path / "idle.mp4", frames, Fraction(25), None)
    (tmp_path / "idle_times.txt").write_text("")
    (tmp_path / "cut_times.txt").write_text("0.5 wood hit static\n")
    (tmp_path / "cut_denoised_thumb.mp4").write_bytes((tmp_path / "idle.mp4").read_bytes())
    (clip,) = read_simulated_film(tmp_path, 2048)
    assert (clip.name, len(clip.frames), clip.real) == ("idle", 40, False)
    assert not len(clip.hits_s) and not len(clip.velocity) and not len(clip.doubtful_s)


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "film.pack").write_bytes(b"something else")
    with pytest.raises(BadInput, match="is no packed film"):
        read_pack(tmp_path / "film.pack")
    with pytest.raises(BadInput, match="cannot be read"):
        read_pack(tmp_path / "none.pack")


def test_pieces_on_a_device_are_labelled_like_others() -> None:
    clip = make_clip(3)
    other = OnsetClip(
        name="",
        day="",
        real=True,
        frames=clip.frames,
        times_s=clip.times_s,
        hits_s=clip.hits_s,
        velocity=clip.velocity,
        action=(),
        doubtful_s=clip.doubtful_s,
        audible_s=clip.hits_s,
        duration_s=4.0,
        shift_s=clip.shift_s,
    )
    index = np.arange(10, 106)
    times = clip.times_s[index]
    interval = np.full(96, 1 / RATE_HZ)
    expected = label_frames(other, times, interval, BatchConfig())
    store = FilmStore([clip], torch.device("cpu"))
    tensors = (torch.from_numpy(values.astype(np.float32))[None] for values in (times, interval))
    found = label_pieces(store, torch.tensor([0]), *tensors, torch.tensor([0.02]))
    target, weight, offset, near, velocity = (value[0] for value in found)
    torch.testing.assert_close(target, expected[0], atol=2e-3, rtol=0)
    torch.testing.assert_close(weight, expected[1])
    torch.testing.assert_close(near, expected[3])
    torch.testing.assert_close(offset, expected[2] * expected[3], atol=2e-3, rtol=0)
    close = near > 0
    torch.testing.assert_close(velocity[close], expected[4][close], equal_nan=True)


def test_a_view_stays_inside_the_clip() -> None:
    """The padding of a smaller clip is black here, and no view shows it."""
    frames = torch.zeros((8, 16, 64, 64))
    frames[:, :, :36, :64] = 100.0
    seen = vary_view(frames, np.tile([36.0, 64.0], (8, 1)), (36, 64), np.random.default_rng(0))
    assert seen.shape == (8, 16, 36, 64)
    assert float(seen[:, :, 2:-2, 2:-2].min()) > 45.0


def test_batches_hold_what_the_network_takes() -> None:
    clips = [make_clip(0), make_clip(1, 200, (64, 48)), make_clip(2, real=False)]
    store = FilmStore(clips, torch.device("cpu"))
    random = np.random.default_rng(0)
    batch = draw_device_batch(store, np.arange(3), np.zeros(3), 32, 6, (40, 64), 0.5, random)
    assert batch.frames.shape == (6, 32, 40, 64)
    assert float(batch.frames.min()) >= 0.0 and float(batch.frames.max()) <= 255.0
    for name in ("interval_s", "target", "weight", "offset", "near"):
        value = getattr(batch, name)
        assert value.shape == (6, 32) and bool(value.isfinite().all()), name
    again = draw_device_batch(store, np.arange(3), np.zeros(3), 32, 6, (40, 64), 0.5, np.random.default_rng(0))
    torch.testing.assert_close(again.target, batch.target)


def test_lags_are_found() -> None:
    times = np.arange(300) / RATE_HZ
    agreements = []
    for seed in range(3):
        hits = np.sort(np.random.default_rng(seed).uniform(1, 9, 12))
        probability = np.exp(-0.5 * ((times[:, None] - hits - 0.05) / 0.03) ** 2).max(axis=1)
        agreements.append(measure_agreement(times, probability, hits, np.ones(12)))
    agreements.append(np.zeros_like(agreements[0]))
    assert choose_shifts(agreements, ["a", "a", "b", "a"]) == pytest.approx([0.05] * 4, abs=0.011)


def test_days_are_found() -> None:
    assert find_days("2015-03-12-20-11-15_mic") == ("2015-03-12",)
    assert find_days("gh_armchair_2015-10-03-13-39-43-1") == ("2015-10-03",)
    assert find_days("hammering") == ()


@pytest.mark.slow
def test_networks_come_back_as_checkpoints(tmp_path: Path) -> None:
    """One that learns from no real clip and one that leaves days out, each with what it has learnt from."""
    clips = [make_clip(0), make_clip(1, real=False)]
    store = FilmStore(clips, torch.device("cpu"))
    small = OnsetNetworkConfig(widths=(8, 8, 16, 16), temporal=16, dilations=(1, 2))
    config = FoldConfig(size=2, frames=24, clean_share=0.5)
    now_s = time.monotonic()
    train_folds(store, ["a"], config, small, tmp_path, tmp_path / "out.safetensors", now_s + 2.0, now_s, {})
    main(["--adopt", str(tmp_path / "out.safetensors"), "--out", str(tmp_path / "adopted")])
    judges = {path.name: open_folds(path)[0] for path in (tmp_path / "adopted").iterdir()}
    assert set(judges) == {"clean", "ab", "a"}
    assert judges["clean"].clean and not judges["clean"].shifts_s
    assert judges["a"].left_out == set(FOLDS["a"]) and set(judges["a"].shifts_s) == {"clip 0"}
    assert judges["a"].network.config == small
    # Gone on from the adopted one, without a stage before it; with no time left it takes one step.
    adopted, out = tmp_path / "adopted", tmp_path / "again.safetensors"
    again = train_folds(store, ["a"], config, small, tmp_path / "again", out, now_s, now_s, {}, adopted)
    assert [fold.step for fold in again] == [0, 0, 0, 1]
    wanted = judges["a"].network.state_dict()
    assert all(torch.allclose(value, wanted[name], atol=0.01) for name, value in again[-1].average.state_dict().items())


@pytest.mark.slow
def test_film_is_learnt_from_where_it_lies(tmp_path: Path) -> None:
    """One real clip with a click and one take in which nothing is touched."""
    clips, takes = tmp_path / "data" / "video" / "greatest_hits", tmp_path / "takes"
    clips.mkdir(parents=True)
    takes.mkdir()
    (tmp_path / "data" / "greatest_hits_labels.csv").write_text("video,t_label,t_audio_onset,action\n")
    sound = np.zeros(SAMPLE_RATE_HZ * 4, np.float32)
    sound[2 * SAMPLE_RATE_HZ :][:400] = 0.8 * np.hanning(400) * np.sign(np.sin(np.arange(400)))
    for path, heard in ((clips / "2015-09-23-1.mp4", sound), (takes / "idle.mp4", None)):
        write_clip(path, (np.full((48, 64, 3), 90 + k // 8, np.uint8) for k in range(100)), Fraction(25), heard)
    (takes / "idle_times.txt").write_text("")
    small = {"widths": [8, 8, 16, 16], "temporal": 16, "dilations": [1, 2]}
    given = {"data": tmp_path / "data", "sim": takes, "work": tmp_path / "work", "out": tmp_path / "out.safetensors"}
    given |= {"folds": "all", "minutes": 0, "size": 2, "device": "cpu", "network-config": json.dumps(small)}
    main(["--unpacked", "--no-align", *(word for name, value in given.items() for word in (f"--{name}", str(value)))])
    with safe_open(tmp_path / "out.safetensors", "pt") as held:
        training = json.loads(held.metadata()["training"])
    assert training["all"]["real_clips"] == 1 and training["all"]["simulated_takes"] == 1
    assert list(training["all"]["shifts_s"]) == ["2015-09-23-1"]


def test_the_network_of_every_day_begins_with_the_mean_of_the_folds(tmp_path: Path) -> None:
    networks = {
        name: OnsetNetwork(OnsetNetworkConfig(widths=(8, 8, 8, 8), temporal=8, dilations=(1,))) for name in FOLDS
    }
    for name, network in networks.items():
        save_onset_network(tmp_path / name, network, 0.4, {})
    mean = load_beginning(tmp_path, "all").state_dict()
    bias = torch.stack([network.head.bias.detach() for network in networks.values()])
    assert torch.allclose(mean["head.bias"], bias.mean(dim=0), atol=1e-3)  # stored in half precision
    assert torch.allclose(load_beginning(tmp_path, "b").head.bias, networks["b"].head.bias, atol=1e-3)
    save_onset_network(tmp_path / "all", networks["c"], 0.4, {})
    assert torch.allclose(load_beginning(tmp_path, "all").head.bias, networks["c"].head.bias, atol=1e-3)


def test_without_a_network_of_its_own_a_fold_begins_with_the_clean_one(tmp_path: Path) -> None:
    network = OnsetNetwork(OnsetNetworkConfig(widths=(8, 8, 8, 8), temporal=8, dilations=(1,)))
    save_onset_network(tmp_path / "clean", network, 0.4, {})
    for name in ("b", "all"):
        assert torch.allclose(load_beginning(tmp_path, name).head.bias, network.head.bias, atol=1e-3)


def test_a_smaller_share_of_the_clips_is_part_of_a_larger_one() -> None:
    """Simulated takes are always learnt from, and so is one clip at least."""
    store = FilmStore([make_clip(k, real=k < 16) for k in range(20)], torch.device("cpu"))
    shares = [set(draw_share(store, range(20), share, seed=3).tolist()) for share in (0.01, 0.25, 0.5, 1.0)]
    assert [len(share) for share in shares] == [4 + 1, 4 + 4, 4 + 8, 4 + 16]
    assert shares[0] < shares[1] < shares[2] < shares[3] and set(range(16, 20)) < shares[0]


@pytest.mark.slow
def test_a_number_of_steps_is_taken_whatever_their_time(tmp_path: Path) -> None:
    """A training that was ended goes on to the same number."""
    store = FilmStore([make_clip(0), make_clip(1, real=False)], torch.device("cpu"))
    small = OnsetNetworkConfig(widths=(8, 8, 8, 8), temporal=8, dilations=(1,))
    save_onset_network(tmp_path / "begin" / "clean", OnsetNetwork(small), 0.4, {})
    now_s = time.monotonic()
    for steps in (2, 3):
        config = FoldConfig(size=1, frames=24, steps=steps, align_at=())
        work, out = tmp_path / "work", tmp_path / "out.safetensors"
        folds = train_folds(store, ["a", "b"], config, small, work, out, now_s, now_s, {}, tmp_path / "begin")
        assert [fold.step for fold in folds[-2:]] == [steps, steps]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (["--steps", "-5"], "--steps -5 is too few; give 0 or more"),
        (["--size", "0"], "--size 0 is too few; give 1 or more"),
    ],
)
def test_a_training_of_less_than_nothing_is_refused(given: list[str], reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        main(["--unpacked", *given])
