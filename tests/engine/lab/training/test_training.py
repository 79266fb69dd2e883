"""Training from a folder of recordings to a checkpoint and its evaluation, at a very small size."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from engine.core.errors import BadInput
from engine.diffusion.checkpoint import load_velocity_network
from engine.diffusion.conditioning import CONTEXT_DIM, DETAIL_DIM
from engine.diffusion.spectrogram import compress, expand
from engine.diffusion.unet import NetworkConfig, VelocityNetwork
from engine.lab.data.recordings import is_held_out, list_recordings, read_hit
from engine.lab.data.sampler.examples import Batch, make_batch, make_example
from engine.lab.data.sampler.hits import AnalysedHit
from engine.lab.evaluation.sampler import evaluate as evaluation
from engine.lab.evaluation.sampler import sounds
from engine.lab.metrics import distribution
from engine.lab.training.sampler import train as training
from engine.lab.training.sampler.level_loss import level_loss
from engine.physics.model import Modes, Physics, Residual
from engine.physics.synthesis import synthesize
from tests.command_line import refuse

RATE = 48_000
NOISE = Residual((100.0, 1000.0, 8000.0), (-36.0, -40.0), (50.0, 80.0), None)


def make_hit(seed: int) -> Physics:
    rng = np.random.default_rng(seed)
    count = 4
    frequency = np.sort(rng.uniform(200.0, 6000.0, count))
    modes = Modes(
        tuple(frequency), tuple(rng.uniform(-25, -12, count)), tuple(rng.uniform(20, 80, count)), (0.0,) * count
    )
    return Physics(modes, NOISE, RATE)


def as_hit(physics: Physics, sound: np.ndarray) -> AnalysedHit:
    return AnalysedHit(sound, physics.modes, physics.residual, 24_000.0, "", "", False)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen objects, enough for some on either side of the split, struck after a little silence."""
    folder = tmp_path_factory.mktemp("corpus")
    for index in range(16):
        sound = synthesize(make_hit(index), 0.25, seed=index)
        (folder / f"object_{index}").mkdir()
        path = folder / f"object_{index}" / "strike.wav"
        soundfile.write(path, np.concatenate([np.zeros(960, np.float32), sound]), RATE, subtype="FLOAT")
    return folder


def test_split_keeps_takes_of_one_object_together(corpus: Path) -> None:
    recordings = list_recordings(corpus)
    held_out = [is_held_out(r) for r in recordings]
    assert len(recordings) == 16 and 0 < sum(held_out) < 16
    assert held_out == [is_held_out(r) for r in list_recordings(corpus)]
    with pytest.raises(BadInput, match="holds no recordings"):
        list_recordings(corpus / "nowhere")


def test_manifest_chooses_by_tier(corpus: Path, tmp_path: Path) -> None:
    columns = ("path", "tier", "kind", "material", "licence", "fmax_hz")
    rows = [
        ("audio/a/one_1.flac", "A", "single", "wood", "CC0", ""),
        ("audio/a/one_2.flac", "A-", "single", "wood", "CC0", "16000"),
        ("audio/a/two.flac", "B", "single", "wood", "x", ""),
        ("audio/a/many.flac", "A", "sequence", "wood", "x", ""),
    ]
    with open(tmp_path / "MANIFEST.csv", "w", newline="", encoding="utf-8") as table:
        csv.writer(table).writerows([columns, *rows])
    found = list_recordings(tmp_path)
    assert [r.path.name for r in found] == ["one_1.flac", "one_2.flac"]
    assert found[0].group == found[1].group and found[1].fmax_hz == 16_000


def test_recording_is_near_its_prior(corpus: Path) -> None:
    hit = read_hit(list_recordings(corpus)[0])
    physics = make_hit(0)
    example = make_example([as_hit(replace(physics, residual=Residual()), synthesize(physics, 0.25))])
    sound, mean = example.arrays[:2].astype(np.float32), example.arrays[2:4].astype(np.float32)
    loud = example.arrays[5] > 0.5
    assert np.abs(sound - mean)[:, loud].mean() < 0.2 * np.abs(mean)[:, loud].mean() + 0.05
    assert np.abs(hit).max() > 0.05


@pytest.mark.slow
def test_training_resumes_and_its_checkpoint_is_evaluated(corpus: Path, tmp_path: Path) -> None:
    out, work = tmp_path / "checkpoints" / "small", tmp_path / "work"
    small = ["--imagined", "1", "--pool", "6", "--batch-frames", "64", "--adversarial", "0", "--workers", "1"]
    args = ["--data", str(corpus), "--out", str(out), "--work", str(work), "--device", "cpu", *small]
    training.main([*args, "--steps", "2", "--channels", "8,16"])
    first = torch.load(work / "state.pt", weights_only=True)
    training.main([*args, "--steps", "4", "--channels", "8,16"])
    second = torch.load(work / "state.pt", weights_only=True)
    assert (first["step"], second["step"]) == (2, 4) and second["spent_s"] > first["spent_s"] > 0.0
    log = [json.loads(line) for line in (work / "log.jsonl").read_text().splitlines()]
    assert len(log) == 2 and all(np.isfinite(line["held_out"]) and line["held_out_prior"] > 0 for line in log)
    with pytest.raises(BadInput, match="does not fit this training"):
        training.main([*args, "--steps", "5", "--channels", "16,16"])

    network, _ = load_velocity_network(out)
    assert network.config.channels == (8, 16)
    facts = json.loads((out / "config.json").read_text())["training"]
    assert facts["complete"] and facts["recordings"] == sum(not is_held_out(r) for r in list_recordings(corpus))

    figures, picture = tmp_path / "figures.json", tmp_path / "figure.png"
    where = ["--data-dir", str(corpus), "--ckpt-dir", str(out.parent), "--checkpoint", "small", "--device", "cpu"]
    few = ["--control", "0", "--objects", "0", "--takes", "0", "--jobs", "1"]
    evaluation.main([*where, *few, "--steps", "1", "--json", str(figures), "--figure", str(picture)])
    result = json.loads(figures.read_text())
    assert [row["system"] for row in result["systems"]] == ["prior alone", "sampler, 1 step"]
    assert all(np.isfinite(row["frechet_distance"]) and row["log_mel_db"] > 0 for row in result["systems"])
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_level_loss_is_the_error_of_level_in_db() -> None:
    """A network that knows the sound, twice as loud or not, is told so; without noise there is nothing else."""
    physics = make_hit(3)
    example = make_example([as_hit(physics, synthesize(physics, 0.25))])
    arrays = torch.from_numpy(example.arrays)[None].float()
    sound, features = arrays[:, :2], arrays[:, 2:6]
    still = torch.zeros_like(features[:, 0], dtype=torch.complex64)
    whole = torch.zeros(1, DETAIL_DIM)
    batch = Batch(
        sound - features[:, :2],
        features,
        torch.ones_like(sound[:, :1]),
        torch.zeros(1, CONTEXT_DIM),
        still,
        whole,
    )

    def found_db(gain: float) -> float:
        answer = compress(gain * expand(sound)) - features[:, :2]
        return float(level_loss(lambda *_: answer, batch, 1, torch.Generator().manual_seed(1), False))

    assert found_db(1.0) < 0.3
    assert 2.0 < found_db(2.0) < 6.1 and 2.0 < found_db(0.5) < 6.1  # what lies under the floor does not count
    assert found_db(4.0) > 1.8 * found_db(2.0)


def test_an_attack_that_comes_on_slowly_costs() -> None:
    """The first 5 ms at half the level: frames of 21 ms hardly show it, the attack's own do."""
    physics = make_hit(3)
    struck = synthesize(physics, 0.25)
    dulled = struck * np.interp(np.arange(struck.size), [0, 240, 241], [0.5, 0.5, 1.0]).astype(np.float32)
    batch = make_batch([make_example([as_hit(physics, struck)])], torch.device("cpu"), None)
    batch = replace(batch, noise=torch.zeros_like(batch.noise))
    other = make_batch([make_example([as_hit(physics, dulled)])], torch.device("cpu"), None)
    losses = [
        float(level_loss(lambda *_, found=found: found, batch, 1, torch.Generator().manual_seed(1), False))
        for found in (batch.deviation, other.deviation)
    ]
    assert losses[0] < 0.3 and losses[1] > losses[0] + 0.3


def test_distances_are_distances() -> None:
    one, other = (synthesize(make_hit(k), 0.25, seed=k) for k in (1, 2))
    assert sounds.measure_distance(one, one, 9600, 24_000.0) == (0.0, 0.0)
    near = sounds.measure_distance(one, 0.9 * one, 9600, 24_000.0)[1]
    far = sounds.measure_distance(one, other, 9600, 24_000.0)[1]
    assert near == pytest.approx(0.915, abs=0.05) and far > 3 * near
    rng = np.random.default_rng(1)
    cloud, same, moved = rng.normal(size=(400, 4)), rng.normal(size=(400, 4)), rng.normal(size=(400, 4)) + 2.0
    assert distribution.frechet_distance(cloud, cloud) == pytest.approx(0.0, abs=1e-6)
    assert distribution.frechet_distance(cloud, moved) == pytest.approx(16.0, rel=0.15)
    assert abs(distribution.kernel_distance(cloud, same)) < 0.1 < 1.0 < distribution.kernel_distance(cloud, moved)


def test_a_blend_lies_between_two_networks() -> None:
    config = NetworkConfig(channels=(8, 16))
    torch.manual_seed(1)
    before, after = VelocityNetwork(config), VelocityNetwork(config)
    between = training.blend_networks(before, after, 0.25)
    for old, new, mixed in zip(before.parameters(), after.parameters(), between.parameters(), strict=True):
        torch.testing.assert_close(mixed, 0.75 * old + 0.25 * new)
    with pytest.raises(BadInput, match="--blend"):
        training.main(["--blend", "0.5"])


def test_a_training_without_makers_of_examples_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert "--workers: 0 is out of range; give 1 to 256" in refuse(capsys, "train", "sampler", "--workers", "0")
