"""Training of the DDPM baseline: the loss falls, a run resumes, and its checkpoint comes with a card."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from engine.core.errors import BadInput
from engine.lab.baselines.ddpm.physics import RATE_HZ, estimate_ddpm_batch
from engine.lab.baselines.ddpm.sampler import Ddpm, load_ddpm, log_spectrogram, make_schedule
from engine.lab.baselines.ddpm.unet import DdpmConfig, DdpmNetwork
from engine.lab.training.ddpm import train as training
from engine.lab.training.ddpm.card import measure_sounds
from engine.lab.training.ddpm.clips import Clips
from tests.sounds import ddpm_clip

pytestmark = pytest.mark.slow
TINY = DdpmConfig(base=8, multipliers=(1, 2), patch=(4, 2))


@pytest.fixture(scope="module")
def clips() -> Clips:
    sounds = [0.5 * ddpm_clip(800.0, 0.3), 0.25 * ddpm_clip(3000.0, 0.05, noise=0.2)]
    waves = torch.from_numpy(np.stack([sound / np.abs(sound).max() for sound in sounds]))
    spectrograms = log_spectrogram(waves)[:, 0].numpy().astype(np.float16)
    return Clips(spectrograms, estimate_ddpm_batch(sounds, steps=2), np.array([False, False]))


def test_training_lowers_the_loss(clips: Clips) -> None:
    corner = replace(clips, spectrograms=clips.spectrograms[:, :96, :16])  # quicker
    torch.manual_seed(0)
    network, schedule, random = DdpmNetwork(TINY), make_schedule(), torch.Generator().manual_seed(0)
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
    losses = []
    for _ in range(70):
        loss = training.noise_loss(network, schedule, corner, np.array([0, 1]), random, False)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert np.mean(losses[-10:]) < 0.85 * np.mean(losses[:4])


def test_held_out_clips_are_not_drawn(clips: Clips) -> None:
    rows = training.draw_rows(replace(clips, held_out=np.array([True, False])), 3, seed=1)
    assert set(next(rows)) == {1}
    with pytest.raises(BadInput, match="every recording"):
        next(training.draw_rows(replace(clips, held_out=np.array([True, True])), 3, seed=1))


def test_sampled_sounds_are_compared_with_held_out_recordings(clips: Clips) -> None:
    torch.manual_seed(3)
    ddpm = Ddpm(DdpmNetwork(TINY), "", torch.device("cpu"), 2, bfloat16=False)
    facts = measure_sounds(ddpm, replace(clips, held_out=np.array([True, True])), 2)
    assert facts["sounds"] == 2 and facts["sound_db"] > 0 and facts["other_recording_db"] > 5.0


def test_training_resumes_and_writes_a_checkpoint_with_its_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, out, work = tmp_path / "data", tmp_path / "checkpoints" / "small", tmp_path / "work"
    for k in range(10):
        (data / f"object_{k}").mkdir(parents=True)
        sound = np.concatenate([np.zeros(960, np.float32), 0.5 * ddpm_clip(400.0 + 300.0 * k, 0.1, seed=k)])
        soundfile.write(data / f"object_{k}" / "strike.wav", sound, RATE_HZ, subtype="FLOAT")
    monkeypatch.setattr("engine.lab.training.ddpm.clips.estimate_ddpm_batch", partial(estimate_ddpm_batch, steps=2))
    size = ["--base", "8", "--multipliers", "1,2", "--patch", "4,2", "--device", "cpu", "--sounds", "0"]
    args = ["--data", str(data), "--out", str(out), "--work", str(work), *size]
    training.main([*args, "--steps", "1"])
    cached = (work / "clips.npz").stat().st_mtime_ns
    training.main([*args, "--steps", "3"])
    assert (work / "clips.npz").stat().st_mtime_ns == cached
    assert sorted(path.name for path in work.iterdir()) == ["clips.npz", "log.jsonl", "state.pt"]
    log = [json.loads(line) for line in (work / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in log] == [1, 3]
    assert all(0.0 < line["held_out"] < 3.0 and line["held_out_other_physics"] > 0.0 for line in log)
    with pytest.raises(BadInput, match="does not fit this training"):
        training.main([*args, "--steps", "4", "--base", "16"])
    with pytest.raises(SystemExit):
        training.main([*args, "--base", "12"])

    loaded = load_ddpm(out, torch.device("cpu"))
    assert loaded.network.config == TINY and loaded.steps == 1000 and len(loaded.digest) == 64
    facts = json.loads((out / "config.json").read_text())
    assert facts["kind"] == "ddpm" and facts["training"]["complete"]
    card = (out / "CARD.md").read_text()
    assert "not the paper's figures" in card and "the user's own" in card and "launch.py train ddpm" in card
