"""The paper's baseline by known answers: schedule, chain, pictures, physics, training and checkpoints."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from engine.core.checkpoint import count_parameters
from engine.core.errors import BadInput
from engine.lab.baselines.ddpm import physics as ddpm_physics
from engine.lab.baselines.ddpm import sampler as ddpm
from engine.lab.baselines.ddpm.physics import LENGTH, RATE_HZ, DdpmPhysics, estimate_ddpm_batch, estimate_ddpm_physics
from engine.lab.baselines.ddpm.sampler import Ddpm, load_ddpm, make_schedule, save_ddpm
from engine.lab.baselines.ddpm.unet import DdpmConfig, DdpmNetwork, stack_features
from engine.lab.training.ddpm import train as training
from engine.lab.training.ddpm.card import measure_sounds
from engine.lab.training.ddpm.clips import Clips

TINY = DdpmConfig(base=8, multipliers=(1, 2), patch=(4, 2))
CPU = torch.device("cpu")


def make_clip(frequency_hz: float, t60_s: float, noise: float = 0.02, seed: int = 0) -> np.ndarray:
    """A decaying tone in decaying noise, 0.25 s."""
    t = np.arange(LENGTH) / RATE_HZ
    white = np.random.default_rng(seed).standard_normal(LENGTH)
    sound = np.cos(2 * np.pi * frequency_hz * t) * 10 ** (-3 * t / t60_s) + noise * white * 10 ** (-3 * t / 0.05)
    return sound.astype(np.float32)


@pytest.fixture(scope="module")
def clips() -> list[np.ndarray]:
    return [0.5 * make_clip(800.0, 0.3), 0.25 * make_clip(3000.0, 0.05, noise=0.2)]


@pytest.fixture(scope="module")
def physics(clips: list[np.ndarray]) -> DdpmPhysics:
    return estimate_ddpm_batch(clips, steps=12)


def make_ddpm(steps: int = 5) -> Ddpm:
    torch.manual_seed(3)
    return Ddpm(DdpmNetwork(TINY), "", CPU, steps, bfloat16=False)


def test_noise_takes_over_step_by_step() -> None:
    schedule = make_schedule()
    assert schedule.signal.shape == (1000,)
    assert (schedule.signal.diff() < 0).all()
    assert schedule.signal[0] > 0.999 and schedule.signal[-1] < 1e-4
    middle = np.cos((0.5 + 0.008) / 1.008 * np.pi / 2) ** 2
    assert float(schedule.signal[499]) == pytest.approx(middle, rel=1e-3)
    # the way back keeps the power of a picture and noise of power 1, and ends at the clean picture
    before = torch.cat((torch.ones(1, dtype=torch.float64), schedule.signal[:-1]))
    mean = schedule.from_clean + schedule.from_noisy * schedule.signal.sqrt()
    assert torch.allclose(mean, before.sqrt())
    power = schedule.from_noisy.square() * (1.0 - schedule.signal) + schedule.spread.square()
    assert torch.allclose(power, 1.0 - before, atol=1e-12)
    assert float(schedule.spread[0]) == 0.0 and float(schedule.from_clean[0]) == pytest.approx(1.0)


def test_what_noise_hid_comes_back_at_any_step() -> None:
    schedule, random = make_schedule(), torch.Generator().manual_seed(0)
    clean = torch.rand(1000, 6, generator=random, dtype=torch.float64) * 2.0 - 1.0
    noise = torch.randn(1000, 6, generator=random, dtype=torch.float64)
    noisy = ddpm.add_noise(schedule, clean, noise, torch.arange(1000))
    for step in (0, 1, 17, 500, 998, 999):
        back = ddpm.remove_noise(schedule, noisy[step], noise[step], step)
        assert torch.allclose(back, clean[step], atol=1e-9), step


def test_a_network_that_knows_the_answer_leads_to_it() -> None:
    schedule = make_schedule(50)
    clean = torch.rand(2, 1, 9, 4, generator=torch.Generator().manual_seed(1)) * 2.0 - 1.0
    draw, heard = torch.Generator().manual_seed(2), []

    def predict(noisy: torch.Tensor, step: int) -> torch.Tensor:
        signal = float(schedule.signal[step])
        return (noisy - signal**0.5 * clean) / (1.0 - signal) ** 0.5

    start = torch.randn(clean.shape, generator=draw)
    made = ddpm.run_chain(predict, start, schedule, lambda: torch.randn(clean.shape, generator=draw), heard.append)
    assert torch.allclose(made, clean, atol=1e-4)
    assert heard == list(range(1, 51))

    def refuse(noisy: torch.Tensor, step: int) -> torch.Tensor:
        return torch.full_like(noisy, 1e3)

    wild = ddpm.run_chain(refuse, start, schedule, lambda: torch.zeros_like(start))
    assert float(wild.abs().max()) <= 1.0 + 1e-6  # the clean picture is clamped


@pytest.mark.slow
def test_a_picture_keeps_the_magnitudes_and_griffin_lim_the_level() -> None:
    sound = ddpm_physics.divide_by_peak(make_clip(1200.0, 0.4)).astype(np.float32)
    picture = ddpm.waves_to_pictures(torch.from_numpy(sound)[None])
    assert picture.shape == (1, 1, 1025, 44) and float(picture.abs().max()) <= 1.0
    wanted = ddpm_physics.spectrogram(sound)
    back = ddpm.picture_to_magnitude(picture[0, 0].numpy())
    assert np.allclose(back, wanted, rtol=2e-3, atol=1e-4)
    made = ddpm.picture_to_wave(picture[0, 0].numpy(), seed=3)
    assert made.shape == (LENGTH,) and made.dtype == np.float32
    assert 20 * np.log10(np.std(made) / np.std(sound)) == pytest.approx(0.0, abs=1.0)
    peak_hz = np.argmax(np.abs(np.fft.rfft(made))) * RATE_HZ / LENGTH
    assert peak_hz == pytest.approx(1200.0, abs=8.0)
    silence = ddpm.waves_to_pictures(torch.zeros(1, LENGTH))
    assert float(silence.max()) == pytest.approx(-1.0, abs=1e-6)


def test_physics_tells_tone_decay_noise_and_level(clips: list[np.ndarray], physics: DdpmPhysics) -> None:
    assert len(physics) == 2
    assert physics.frequency_hz.shape == physics.power_db.shape == physics.t60_s.shape == (2, 1025)
    assert physics.weight.shape == physics.noise_t60_s.shape == (2, 100)
    loudest = physics.power_db.argmax(axis=1)
    assert physics.frequency_hz[0, loudest[0]] == pytest.approx(800.0, abs=11.0)
    assert physics.frequency_hz[1, loudest[1]] == pytest.approx(3000.0, abs=11.0)
    assert physics.t60_s[0, loudest[0]] > 2 * physics.t60_s[1, loudest[1]]
    assert physics.weight[1].mean() > physics.weight[0].mean()
    assert physics.peak == pytest.approx([0.5, np.abs(clips[1]).max()], abs=0.03)
    alone = ddpm_physics.fit_bands(*(np.stack([x]) for x in _sound_and_modes(clips[1])), steps=12)
    assert np.allclose(alone[0][0], physics.weight[1], atol=1e-3)  # the batch does not matter
    again = estimate_ddpm_physics(np.repeat(clips[0], 2), 2 * RATE_HZ, steps=1)
    assert again.frequency_hz[0, loudest[0]] == pytest.approx(800.0, abs=11.0) and len(again) == 1
    with pytest.raises(BadInput, match="silent"):
        estimate_ddpm_physics(np.zeros(2000, np.float32), RATE_HZ)


def _sound_and_modes(clip: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    sound = ddpm_physics.divide_by_peak(clip.astype(np.float64))
    return sound, ddpm_physics.ring_bins(ddpm_physics.estimate_bins(sound), LENGTH)


def test_the_latent_depends_on_every_input(physics: DdpmPhysics) -> None:
    torch.manual_seed(0)
    network = DdpmNetwork(TINY).eval()
    one = physics.take([0])
    latent = network.encode(stack_features(one))
    assert latent.shape == (1, 256) and float(latent.detach().abs().max()) < 1.0
    for name in ("frequency_hz", "power_db", "t60_s", "weight", "noise_t60_s"):
        moved = replace(one, **{name: getattr(physics, name)[1:]})
        assert not torch.allclose(network.encode(stack_features(moved)), latent, atol=1e-4), name


def test_sizes_are_the_papers_and_pictures_keep_their_shape() -> None:
    with torch.device("meta"):
        millions = count_parameters(DdpmNetwork(DdpmConfig())) / 1e6
    assert millions == pytest.approx(35.0, rel=0.15)
    for config in (TINY, DdpmConfig(base=8, multipliers=(1, 1, 1, 1), patch=(4, 2)), DdpmConfig(base=8)):
        network = DdpmNetwork(config).eval()
        with torch.no_grad():
            found = network(torch.randn(1, 1, 1025, 44), torch.tensor([7]), torch.zeros(1, 256))
        assert found.shape == (1, 1, 1025, 44), config
    # patches are put back where they were taken
    taken = torch.nn.functional.unfold(torch.arange(32.0).reshape(1, 1, 8, 4), (4, 2), stride=(4, 2))
    joined = DdpmNetwork(TINY)._join_patches(taken.reshape(1, 8, 2, 2))
    assert torch.equal(joined.flatten(), torch.arange(32.0))


@pytest.mark.slow
def test_a_seed_is_a_sound(physics: DdpmPhysics) -> None:
    made, heard = make_ddpm(), []
    assert made.steps == 5 and make_ddpm(ddpm.STEPS).steps == 1000
    first = made.sample(physics, [1, 2], lambda done, total: heard.append((done, total)))
    assert [sound.shape for sound in first] == [(LENGTH,)] * 2 and first[0].dtype == np.float32
    assert heard == [(k, 5) for k in range(1, 6)]
    for sound, peak in zip(first, physics.peak, strict=True):
        assert np.abs(sound).max() == pytest.approx(peak, rel=1e-4)
    assert all(np.array_equal(a, b) for a, b in zip(first, made.sample(physics, [1, 2]), strict=True))
    other = made.sample(physics, [1, 3])
    assert np.array_equal(other[0], first[0]) and not np.allclose(other[1], first[1], atol=1e-3)
    pictures = made.sample_pictures(physics, [1, 1])
    assert not np.allclose(pictures[0], pictures[1], atol=1e-3)  # the same seed, other physics
    assert np.allclose(made.sample_pictures(physics.take([0]), [1]), pictures[:1], atol=1e-3)
    with pytest.raises(ValueError, match="seeds"):
        made.sample(physics, [1])
    assert made.sample(physics.take([]), []) == []


@pytest.mark.slow
def test_training_lowers_the_loss(clips: list[np.ndarray], physics: DdpmPhysics) -> None:
    waves = torch.from_numpy(np.stack([clip / np.abs(clip).max() for clip in clips]))
    whole = ddpm.waves_to_pictures(waves)[:, 0].numpy().astype(np.float16)
    some = Clips(whole[:, :96, :16], physics, np.array([False, False]))  # a corner is quicker
    torch.manual_seed(0)
    network, schedule, random = DdpmNetwork(TINY), make_schedule(), torch.Generator().manual_seed(0)
    adam = torch.optim.AdamW(network.parameters(), lr=2e-3)
    losses = []
    for _ in range(70):
        loss = training.noise_loss(network, schedule, some, np.array([0, 1]), random, False)
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(float(loss.detach()))
    assert np.mean(losses[-10:]) < 0.85 * np.mean(losses[:4])
    rows = training.draw_rows(replace(some, held_out=np.array([True, False])), 3, seed=1)
    assert set(next(rows)) == {1}
    with pytest.raises(BadInput, match="every recording"):
        next(training.draw_rows(replace(some, held_out=np.array([True, True])), 3, seed=1))
    facts = measure_sounds(make_ddpm(2), Clips(whole, physics, np.array([True, True])), 2)
    assert facts["sounds"] == 2 and facts["sound_db"] > 0 and facts["other_recording_db"] > 5.0


@pytest.mark.slow
def test_training_resumes_and_writes_a_checkpoint_with_its_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, out, work = tmp_path / "data", tmp_path / "checkpoints" / "small", tmp_path / "work"
    for k in range(10):
        (data / f"object_{k}").mkdir(parents=True)
        sound = np.concatenate([np.zeros(960, np.float32), 0.5 * make_clip(400.0 + 300.0 * k, 0.1, seed=k)])
        soundfile.write(data / f"object_{k}" / "strike.wav", sound, RATE_HZ, subtype="FLOAT")
    monkeypatch.setattr("engine.lab.training.ddpm.clips.estimate_ddpm_batch", partial(estimate_ddpm_batch, steps=2))
    size = ["--base", "8", "--multipliers", "1,2", "--patch", "4,2", "--device", "cpu", "--sounds", "0"]
    args = ["--data", str(data), "--out", str(out), "--work", str(work), *size]
    training.main([*args, "--minutes", "0.001"])
    kept = (work / "clips.npz").stat().st_mtime_ns
    spent = json.loads((work / "log.jsonl").read_text())["minutes"]
    training.main([*args, "--minutes", str(spent + 0.02)])
    assert (work / "clips.npz").stat().st_mtime_ns == kept
    log = [json.loads(line) for line in (work / "log.jsonl").read_text().splitlines()]
    assert len(log) == 2 and log[1]["step"] > log[0]["step"] > 0
    assert all(0.0 < line["held_out"] < 3.0 and line["held_out_other_physics"] > 0.0 for line in log)
    with pytest.raises(BadInput, match="does not fit this training"):
        training.main([*args, "--minutes", "0.2", "--base", "16"])
    with pytest.raises(SystemExit):
        training.main([*args, "--base", "12"])

    loaded = load_ddpm(out, CPU)
    assert loaded.network.config == TINY and loaded.steps == 1000 and len(loaded.digest) == 64
    facts = json.loads((out / "config.json").read_text())
    assert facts["kind"] == "ddpm" and facts["training"]["complete"]
    card = (out / "CARD.md").read_text()
    assert "not the paper's figures" in card and "the user's own" in card and "launch.py train ddpm" in card


def test_a_checkpoint_comes_back_as_it_was_or_is_refused_with_its_reason(tmp_path: Path) -> None:
    torch.manual_seed(1)
    network, folder = DdpmNetwork(TINY), tmp_path / "one"
    save_ddpm(folder, network, {"minutes": 1.0})
    back = load_ddpm(folder, CPU, bfloat16=False).network
    for name, value in network.state_dict().items():
        assert torch.allclose(back.state_dict()[name], value, atol=1e-3), name
    with pytest.raises(BadInput, match="was not found"):
        load_ddpm(tmp_path / "none", CPU)
    config = json.loads((folder / "config.json").read_text())

    def refused(changed: dict[str, object], reason: str) -> None:
        (folder / "config.json").write_text(json.dumps({**config, **changed}))
        with pytest.raises(BadInput, match=reason):
            load_ddpm(folder, CPU)

    refused({"kind": "sampler"}, "reads ddpm format 1")
    refused({"network": 3}, "damaged")
    refused({"network": {**config["network"], "base": 16}}, "does not fit this Struck")
    refused({"network": {**config["network"], "depth": 4}}, "does not fit this Struck")
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "model.safetensors").write_bytes(b"broken")
    with pytest.raises(BadInput, match="does not fit this Struck"):
        load_ddpm(folder, CPU)
