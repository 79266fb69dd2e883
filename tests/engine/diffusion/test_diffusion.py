"""The sampler by what must hold for any weights: the transform, the condition, the process, the checkpoint."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.core.checkpoint import CONFIG, WEIGHTS
from engine.core.errors import BadInput, Cancelled
from engine.diffusion.checkpoint import load_velocity_network, save_velocity_network
from engine.diffusion.interpolant import interpolate, make_denoise
from engine.diffusion.prior import build_condition, count_frames, expect_noise_power
from engine.diffusion.sampler import Sampler, load_sampler
from engine.diffusion.solver import angle_schedule, sample
from engine.diffusion.spectrogram import (
    BINS,
    HOP,
    N_FFT,
    ONSET_SAMPLE,
    compress,
    draw_white,
    expand,
    spectrogram_to_wave,
)
from engine.diffusion.spectrogram import wave_to_spectrogram as transform
from engine.diffusion.tail import extend_tail
from engine.diffusion.unet import NetworkConfig, VelocityNetwork
from engine.physics.model import Modes, NoiseComponent, Physics, Residual
from engine.physics.noise import synthesize_residual
from engine.physics.synthesis import synthesize

RATE = 48_000
CPU = torch.device("cpu")
TINY = NetworkConfig(channels=(8, 16), blocks=1, embedding=32)
MODES = Modes((400.0, 1230.0, 5100.0), (-12.0, -15.0, -22.0), (6.0, 12.0, 25.0), (0.3, -1.0, 2.0), (False,) * 3)
ROOM = NoiseComponent((-50.0,) * 3, (12.0,) * 3)
NOISE = Residual((100.0, 800.0, 4000.0, 20_000.0), (-34.0, -30.0, -36.0), (40.0, 60.0, 90.0), ROOM)
SHORT = Modes((900.0,), (-12.0,), (60.0,), (0.0,), (False,))


def make_network(seed: int = 0, live: bool = True) -> VelocityNetwork:
    """Random weights; a network that is not live answers velocity 0, as one does before training."""
    torch.manual_seed(seed)
    network = VelocityNetwork(TINY)
    if live:
        with torch.no_grad():
            for values in network.parameters():
                values.add_(0.02 * torch.randn_like(values))
    return network


@pytest.fixture(scope="module")
def sampler() -> Sampler:
    return Sampler(make_network(), "a digest", CPU)


@pytest.fixture(scope="module")
def untrained() -> Sampler:
    return Sampler(make_network(live=False), "another digest", CPU)


def measure_db(sound: np.ndarray) -> float:
    return 10 * math.log10(float(np.mean(np.square(sound, dtype=np.float64))) + 1e-20)


def test_transform_is_inverted() -> None:
    wave = torch.randn(2, 64 * HOP, generator=torch.Generator().manual_seed(1))
    spectrogram = transform(wave)
    assert spectrogram.shape == (2, BINS, 64)
    assert (spectrogram_to_wave(spectrogram) - wave)[:, : -N_FFT // 2].abs().max() < 1e-4


def test_compression_is_inverted_and_keeps_phase() -> None:
    generator = torch.Generator().manual_seed(2)
    ratio = torch.complex(*(30.0 * torch.randn(2, 1, 50, 20, generator=generator)))
    picture = compress(ratio)
    assert torch.allclose(expand(picture), ratio, rtol=1e-3, atol=1e-4)
    assert torch.allclose(torch.atan2(picture[:, 1], picture[:, 0]), ratio.angle(), atol=1e-4)
    assert float(torch.linalg.vector_norm(compress(torch.tensor([[1.0 + 0j]])))) == pytest.approx(1.0)
    assert not expand(torch.zeros(1, 2, 3, 3)).any() and not compress(torch.zeros(1, 3, 3, dtype=torch.complex64)).any()


def test_white_is_of_unit_power_and_agrees_with_itself() -> None:
    white = draw_white(8, 64, torch.Generator().manual_seed(5))
    power = white.abs().square().mean(dim=(0, 2))
    assert white.shape == (8, BINS, 64) and float(power.mean()) == pytest.approx(1.0, abs=0.02)
    assert float(power.min()) > 0.7 and float(power.max()) < 1.4
    again = transform(spectrogram_to_wave(white))
    assert (again - white)[:, :, 4:-4].abs().max() < 1e-3


@pytest.mark.slow
def test_expected_noise_is_what_noise_has() -> None:
    frames = 64
    expected = expect_noise_power(NOISE, frames)
    mean = np.zeros_like(expected)
    for seed in range(120):
        wave = np.zeros(frames * HOP, np.float32)
        wave[ONSET_SAMPLE:] = synthesize_residual(NOISE, wave.size - ONSET_SAMPLE, RATE, seed)
        mean += np.abs(transform(torch.from_numpy(wave)[None])[0].numpy()) ** 2 / 120
    for low, high in ((150, 750), (900, 3800), (4500, 19_000)):
        band = slice(int(low / RATE * N_FFT), int(high / RATE * N_FFT))
        ratio_db = 10 * np.log10(mean[band, 1:50].sum(axis=0) / expected[band, 1:50].sum(axis=0))
        assert np.abs(ratio_db).max() < 1.5 and abs(ratio_db.mean()) < 0.4


def test_frames_follow_the_hit() -> None:
    assert count_frames(SHORT, Residual()) == 64
    assert count_frames(replace(SHORT, decay_per_s=(15.0,)), Residual()) == 128
    assert count_frames(MODES, NOISE) == 256
    assert count_frames(Modes(), Residual()) == 64
    muted = Modes((400.0, 900.0), (-12.0, -12.0), (1.0, 60.0), (0.0, 0.0), (True, False))
    assert count_frames(muted, Residual()) == 64


def test_angles_end_at_the_sound() -> None:
    generator = torch.Generator().manual_seed(3)
    noise, deviation = torch.randn(2, 1, 2, 4, 4, generator=generator)
    at_start, _ = interpolate(noise, deviation, torch.zeros(1))
    at_end, _ = interpolate(noise, deviation, torch.full((1,), math.pi / 2))
    assert torch.allclose(at_start, noise) and torch.allclose(at_end, deviation, atol=1e-6)
    angle = torch.tensor([0.7], requires_grad=True)
    moved, velocity = interpolate(noise, deviation, angle)
    slope = torch.autograd.grad(moved[0, 0, 0, 0], angle)[0]
    assert float(slope) == pytest.approx(float(velocity[0, 0, 0, 0].detach()), abs=1e-5)


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("ratio", [0.4, 0.7, 1.0, 1.4, 2.5])
def test_noise_of_one_level_becomes_noise_of_another(steps: int, ratio: float) -> None:
    """Where draw and sound are independent and normal, the velocity is known and so is where it leads."""
    draw, mean = torch.randn(2, 1, 2, 8, 8, generator=torch.Generator().manual_seed(4))

    def velocity(x: torch.Tensor, angle: float) -> torch.Tensor:
        sin, cos = math.sin(angle), math.cos(angle)
        turn = (ratio**2 - 1.0) * sin * cos / (cos**2 + ratio**2 * sin**2)
        return cos * mean + turn * (x - sin * mean)

    found = sample(velocity, draw, angle_schedule(steps)) - mean  # the mean is exact however few the steps
    gain = found / draw
    assert torch.allclose(gain, gain.mean().expand_as(gain), atol=2e-3)
    if ratio == 1.0:
        assert torch.allclose(found, draw, atol=1e-5)
    error_db = abs(20.0 * math.log10(float(gain.mean()) / ratio))
    assert error_db < {1: 20.0, 2: 2.7, 3: 1.1, 4: 1.6, 8: 1.2}[steps]
    if steps == 1:
        assert float(gain.mean()) == pytest.approx(1.0, abs=1e-3)


def test_without_training_it_is_the_prior(untrained: Sampler) -> None:
    quiet = [untrained.sample([(Modes(), NOISE)], [seed], steps=2)[0] for seed in range(12)]
    prior = [synthesize_residual(NOISE, len(quiet[0]), RATE, seed) for seed in range(12)]
    for start, end in ((48, 2400), (2400, 9600)):
        got, wanted = (measure_db(np.concatenate([s[start:end] for s in sounds])) for sounds in (quiet, prior))
        assert got == pytest.approx(wanted, abs=1.5)
    sound = untrained.sample([(MODES, Residual())], [5], steps=1)[0]
    clean = synthesize(Physics(MODES, Residual()), len(sound) / RATE)
    assert np.corrcoef(sound, clean)[0, 1] > 0.97


def test_modal_tail_goes_on_without_a_seam(untrained: Sampler) -> None:
    long = Modes((523.0,), (-12.0,), (1.2,), (0.5,), (False,))
    sound = untrained.sample([(long, Residual())], [1], steps=1)[0]
    clean = synthesize(Physics(long, Residual()), len(sound) / RATE)
    assert len(sound) > 4 * RATE
    seam = slice(int(1.2 * RATE), int(2.0 * RATE))
    residue = sound[seam] - clean[seam] * (sound[seam] @ clean[seam]) / (clean[seam] @ clean[seam])
    assert measure_db(residue) < measure_db(clean[seam]) - 14.0
    assert np.abs(np.diff(sound[seam])).max() < 1.6 * np.abs(np.diff(clean[seam])).max()
    assert np.abs(sound[-8:]).max() < 1e-4


def test_ring_out_takes_away_what_is_not_a_number() -> None:
    wave = np.full(4096, np.nan, np.float32)
    assert np.isfinite(extend_tail(wave, SHORT, Residual(), seed=0)).all()


def test_seed_and_company(sampler: Sampler) -> None:
    physics = [(MODES, NOISE), (SHORT, Residual()), (SHORT, NOISE)]
    together = sampler.sample(physics, [7, 8, 9], steps=2)
    alone = [sampler.sample([p], [seed], steps=2)[0] for p, seed in zip(physics, [7, 8, 9], strict=True)]
    for one, other in zip(together, alone, strict=True):
        assert one.dtype == np.float32 and np.isfinite(one).all() and np.array_equal(one, other)
    assert not np.array_equal(together[1], sampler.sample([physics[1]], [80], steps=2)[0])


def test_louder_is_only_louder(sampler: Sampler) -> None:
    def raised(db: float) -> tuple[Modes, Residual]:
        room = NOISE.room
        assert room is not None
        noise = replace(
            NOISE,
            power_db=tuple(p + db for p in NOISE.power_db),
            room=replace(room, power_db=tuple(p + db for p in room.power_db)),
        )
        return replace(MODES, power_db=tuple(p + db for p in MODES.power_db)), noise

    quiet, loud = sampler.sample([raised(0.0), raised(20.0)], [4, 4], steps=1)
    assert np.abs(10.0 * quiet - loud).max() < 0.02 * np.abs(loud).max()


def test_muted_modes_and_silence(sampler: Sampler) -> None:
    silent = sampler.sample([(Modes(), Residual())], [1], steps=1)[0]
    assert np.abs(silent).max() < 1e-6
    muted = replace(MODES, muted=(True, True, True))
    one, other = sampler.sample([(muted, NOISE), (Modes(), NOISE)], [1, 1], steps=1)
    assert np.array_equal(one, other)


def test_progress_counts_hits_and_stops(sampler: Sampler) -> None:
    heard: list[tuple[int, int]] = []
    hits = [(SHORT, Residual())] * 3
    sampler.sample(hits, [1, 2, 3], steps=2, on_step=lambda done, total: heard.append((done, total)))
    assert heard[-1] == (3, 3) and [done for done, _ in heard] == sorted(done for done, _ in heard)

    def stop(done: int, total: int) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        sampler.sample([(SHORT, Residual())], [1], steps=2, on_step=stop)


def test_guidance_is_a_line_through_told_and_untold() -> None:
    network, condition = make_network(3).eval(), build_condition([(SHORT, NOISE)], 64, "cpu")
    noisy = torch.randn(1, 2, BINS, 64, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        none, told, more = (make_denoise(network, condition, g, False)(noisy, 0.5) for g in (0.0, 1.0, 2.0))
    assert torch.allclose(more - told, told - none, atol=1e-4) and not torch.allclose(told, none, atol=1e-3)


def test_checkpoint_comes_back_and_misfits_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    network = make_network(6)
    save_velocity_network(folder, network, {"step": 1})
    loaded, digest = load_velocity_network(folder)
    for name, value in network.state_dict().items():
        assert torch.allclose(value, loaded.state_dict()[name], atol=1e-3)
    assert load_sampler(tmp_path, "one", CPU).digest == digest
    save_velocity_network(tmp_path / "two", make_network(7), {"step": 1})
    assert load_velocity_network(tmp_path / "two")[1] != digest

    whole = json.loads((folder / CONFIG).read_text())
    for change, reason in (
        ({"format": 99}, "format 99"),
        ({"kind": "onsets"}, "onsets"),
        ({"network": {**whole["network"], "channels": [16, 32]}}, "does not fit"),
        ({"network": None}, "damaged"),
    ):
        (folder / CONFIG).write_text(json.dumps({**whole, **change}))
        with pytest.raises(BadInput, match=reason):
            load_velocity_network(folder)
    (folder / CONFIG).write_text(json.dumps(whole))
    (folder / WEIGHTS).write_bytes(b"\x08")
    with pytest.raises(BadInput, match="'one' does not fit"):
        load_velocity_network(folder)
    with pytest.raises(BadInput, match="was not found"):
        load_velocity_network(tmp_path / "none")
