"""Sampler of the DDPM baseline by known answers: schedule, ancestral sampling, spectrograms and checkpoints."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.core.errors import BadInput
from engine.lab.baselines.ddpm.physics import LENGTH, RATE_HZ, DdpmPhysics, divide_by_peak, estimate_ddpm_batch
from engine.lab.baselines.ddpm.physics import spectrogram as stft_magnitude
from engine.lab.baselines.ddpm.sampler import (
    STEPS,
    Ddpm,
    add_noise,
    estimate_clean,
    expand_magnitude,
    find_noise,
    invert_spectrogram,
    load_ddpm,
    log_spectrogram,
    make_schedule,
    run_ancestral_sampling,
    save_ddpm,
    weigh_clean,
)
from engine.lab.baselines.ddpm.unet import DdpmConfig, DdpmNetwork
from tests.sounds import ddpm_clip

TINY = DdpmConfig(base=8, multipliers=(1, 2), patch=(4, 2))
CPU = torch.device("cpu")


def make_ddpm(steps: int = 5) -> Ddpm:
    torch.manual_seed(3)
    return Ddpm(DdpmNetwork(TINY), "", CPU, steps, bfloat16=False)


def test_the_schedule_is_the_published_cosine_and_its_posterior_keeps_power() -> None:
    schedule = make_schedule()
    assert schedule.alpha_bar.shape == (1000,)
    assert (schedule.alpha_bar.diff() < 0).all()
    assert schedule.alpha_bar[0] > 0.999 and schedule.alpha_bar[-1] < 1e-4
    middle = np.cos((0.5 + 0.008) / 1.008 * np.pi / 2) ** 2
    assert float(schedule.alpha_bar[499]) == pytest.approx(middle, rel=1e-3)
    # a step back keeps the power of a spectrogram and noise of power 1, and ends at the clean spectrogram
    before = torch.cat((torch.ones(1, dtype=torch.float64), schedule.alpha_bar[:-1]))
    mean = schedule.clean_weight + schedule.noisy_weight * schedule.alpha_bar.sqrt()
    assert torch.allclose(mean, before.sqrt())
    power = schedule.noisy_weight.square() * (1.0 - schedule.alpha_bar) + schedule.sigma.square()
    assert torch.allclose(power, 1.0 - before, atol=1e-12)
    assert float(schedule.sigma[0]) == 0.0 and float(schedule.clean_weight[0]) == pytest.approx(1.0)


def test_the_clean_estimate_inverts_added_noise_at_any_step() -> None:
    schedule, random = make_schedule(), torch.Generator().manual_seed(0)
    clean = torch.rand(1000, 6, generator=random, dtype=torch.float64) * 2.0 - 1.0
    noise = torch.randn(1000, 6, generator=random, dtype=torch.float64)
    noisy = add_noise(schedule, clean, noise, torch.arange(1000))
    for step in (0, 1, 17, 500, 998, 999):
        assert torch.allclose(estimate_clean(schedule, noisy[step], noise[step], step), clean[step], atol=1e-9), step


def test_errors_of_the_clean_spectrogram_weigh_as_those_of_velocity() -> None:
    """Velocity is the derivative of cos a clean + sin a noise by the angle a (Salimans and Ho 2022)."""
    schedule, random = make_schedule(), torch.Generator().manual_seed(0)
    clean, guess, noise = (torch.rand(1000, 6, generator=random, dtype=torch.float64) - 0.5 for _ in range(3))
    steps = torch.arange(1000)
    noisy = add_noise(schedule, clean, noise, steps)
    guessed = find_noise(schedule, guess, noisy, steps)
    assert torch.allclose(find_noise(schedule, clean, noisy, steps), noise, atol=1e-9)
    angle = torch.arccos(schedule.alpha_bar.sqrt())[:, None]
    error = (torch.cos(angle) * (guessed - noise) - torch.sin(angle) * (guess - clean)).abs()
    weighed = (guess - clean).abs() * weigh_clean(schedule, clean, steps)
    noisy_enough = torch.sin(angle[:, 0]) > 0.05
    assert torch.allclose(weighed[noisy_enough], error[noisy_enough], atol=1e-9)
    assert bool((weighed < 20.0 * (guess - clean).abs() + 1e-9).all())


def test_a_network_of_clean_spectrograms_is_sampled_as_one_of_noise() -> None:
    """The same answers, told as the clean spectrogram: the same spectrogram."""
    schedule, clean = make_schedule(20), torch.rand(1, 1, 1025, 44, generator=torch.Generator().manual_seed(1)) - 0.5

    class Oracle(DdpmNetwork):
        def forward(
            self, x: torch.Tensor, step: torch.Tensor, latent: torch.Tensor, drawing: torch.Tensor | None = None
        ) -> torch.Tensor:
            of_clean, of_noise = schedule.alpha_bar[step[0]].sqrt(), (1.0 - schedule.alpha_bar[step[0]]).sqrt()
            noise = (x - of_clean * clean) / of_noise
            return clean if self.config.clean else noise.float()

    physics = estimate_ddpm_batch([ddpm_clip(800.0, 0.3)], steps=2)
    for told_clean in (True, False):
        ddpm = Ddpm(Oracle(replace(TINY, clean=told_clean)), "", CPU, 20, bfloat16=False)
        assert ddpm.sample_spectrograms(physics, [1])[0] == pytest.approx(clean[0, 0].numpy(), abs=2e-3)


def test_an_oracle_s_noise_leads_to_its_spectrogram() -> None:
    schedule = make_schedule(50)
    clean = torch.rand(2, 1, 9, 4, generator=torch.Generator().manual_seed(1)) * 2.0 - 1.0
    draw, steps = torch.Generator().manual_seed(2), []

    def predict(noisy: torch.Tensor, step: int) -> torch.Tensor:
        alpha_bar = float(schedule.alpha_bar[step])
        return (noisy - alpha_bar**0.5 * clean) / (1.0 - alpha_bar) ** 0.5

    start = torch.randn(clean.shape, generator=draw)
    sampled = run_ancestral_sampling(
        predict, start, schedule, lambda: torch.randn(clean.shape, generator=draw), steps.append
    )
    assert torch.allclose(sampled, clean, atol=1e-4)
    assert steps == list(range(1, 51))

    def diverge(noisy: torch.Tensor, step: int) -> torch.Tensor:
        return torch.full_like(noisy, 1e3)

    clamped = run_ancestral_sampling(diverge, start, schedule, lambda: torch.zeros_like(start))
    assert float(clamped.abs().max()) <= 1.0 + 1e-6


@pytest.mark.slow
def test_a_spectrogram_keeps_magnitudes_and_its_inversion_level_and_pitch() -> None:
    sound = divide_by_peak(ddpm_clip(1200.0, 0.4)).astype(np.float32)
    spectrogram = log_spectrogram(torch.from_numpy(sound)[None])
    assert spectrogram.shape == (1, 1, 1025, 44) and float(spectrogram.abs().max()) <= 1.0
    magnitude = expand_magnitude(spectrogram[0, 0].numpy())
    assert np.allclose(magnitude, stft_magnitude(sound), rtol=2e-3, atol=1e-4)
    wave = invert_spectrogram(spectrogram[0, 0].numpy(), seed=3)
    assert wave.shape == (LENGTH,) and wave.dtype == np.float32
    assert 20 * np.log10(np.std(wave) / np.std(sound)) == pytest.approx(0.0, abs=1.0)
    peak_hz = np.argmax(np.abs(np.fft.rfft(wave))) * RATE_HZ / LENGTH
    assert peak_hz == pytest.approx(1200.0, abs=8.0)
    silence = log_spectrogram(torch.zeros(1, LENGTH))
    assert float(silence.max()) == pytest.approx(-1.0, abs=1e-6)


@pytest.fixture(scope="module")
def physics() -> DdpmPhysics:
    return estimate_ddpm_batch([0.5 * ddpm_clip(800.0, 0.3), 0.25 * ddpm_clip(3000.0, 0.05, noise=0.2)], steps=2)


@pytest.mark.slow
def test_a_seed_determines_the_sound(physics: DdpmPhysics) -> None:
    ddpm, reports = make_ddpm(), []
    assert ddpm.steps == 5 and make_ddpm(STEPS).steps == 1000
    first = ddpm.sample(physics, [1, 2], lambda done, total: reports.append((done, total)))
    assert [sound.shape for sound in first] == [(LENGTH,)] * 2 and first[0].dtype == np.float32
    assert reports == [(k, 5) for k in range(1, 6)]
    for sound, peak in zip(first, physics.peak, strict=True):
        assert np.abs(sound).max() == pytest.approx(peak, rel=1e-4)
    assert all(np.array_equal(a, b) for a, b in zip(first, ddpm.sample(physics, [1, 2]), strict=True))
    other = ddpm.sample(physics, [1, 3])
    assert np.array_equal(other[0], first[0]) and not np.allclose(other[1], first[1], atol=1e-3)
    spectrograms = ddpm.sample_spectrograms(physics, [1, 1])
    assert not np.allclose(spectrograms[0], spectrograms[1], atol=1e-3)  # the same seed, other physics
    assert np.allclose(ddpm.sample_spectrograms(physics.take([0]), [1]), spectrograms[:1], atol=1e-3)
    with pytest.raises(ValueError, match="seeds"):
        ddpm.sample(physics, [1])
    assert ddpm.sample(physics.take([]), []) == []


@pytest.mark.slow
def test_a_checkpoint_comes_back_as_it_was_or_is_refused_with_its_reason(tmp_path: Path) -> None:
    torch.manual_seed(1)
    network, folder = DdpmNetwork(TINY), tmp_path / "one"
    save_ddpm(folder, network, {"minutes": 1.0})
    back = load_ddpm(folder, CPU, bfloat16=False).network
    for name, value in network.state_dict().items():
        assert torch.allclose(back.state_dict()[name], value, atol=4e-3), name
    with pytest.raises(BadInput, match="was not found"):
        load_ddpm(tmp_path / "none", CPU)
    config = json.loads((folder / "config.json").read_text())

    def check_refused(changed: dict[str, object], reason: str) -> None:
        (folder / "config.json").write_text(json.dumps({**config, **changed}))
        with pytest.raises(BadInput, match=reason):
            load_ddpm(folder, CPU)

    check_refused({"kind": "sampler"}, "reads ddpm format 1")
    check_refused({"network": 3}, "damaged")
    check_refused({"network": {**config["network"], "base": 16}}, "does not fit this Struck")
    check_refused({"network": {**config["network"], "depth": 4}}, "does not fit this Struck")
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "model.safetensors").write_bytes(b"broken")
    with pytest.raises(BadInput, match="does not fit this Struck"):
        load_ddpm(folder, CPU)


def test_a_checkpoint_with_the_former_names_of_weights_loads_unchanged(tmp_path: Path) -> None:
    torch.manual_seed(1)
    folder = tmp_path / "one"
    save_ddpm(folder, DdpmNetwork(TINY), {})
    wanted = load_ddpm(folder, CPU, bfloat16=False).network.state_dict()
    former = {"to_qkv": "ask", "to_out": "answer", "downsample": "shrink", "upsample": "grow"}
    path = folder / "model.safetensors"
    stored = {".".join(former.get(p, p) for p in name.split(".")): v for name, v in load_file(path).items()}
    assert any(".ask." in name for name in stored) and any(name.startswith("grow.") for name in stored)
    save_file(stored, path)
    loaded = load_ddpm(folder, CPU, bfloat16=False).network.state_dict()
    assert loaded.keys() == wanted.keys() and all(torch.equal(loaded[name], wanted[name]) for name in wanted)
