"""The fine envelope of a hit's noise: estimated, not confused with chance, and used by every renderer."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.signal import butter, sosfilt

from engine.core.dsp import erb_edges
from engine.core.errors import BadInput
from engine.diffusion.prior import draw_noise, expect_noise_power
from engine.diffusion.sampler import Sampler
from engine.diffusion.spectrogram import FRAME_COUNTS, HOP, ONSET_SAMPLE, wave_to_spectrogram
from engine.diffusion.tail import age_residual
from engine.diffusion.unet import NetworkConfig, VelocityNetwork
from engine.lab.data.sampler.augment import play_faster
from engine.lab.data.sampler.hits import AnalysedHit
from engine.physics.analysis.analyze import analyze_hit
from engine.physics.analysis.envelope import fit_envelope, stretch_envelope
from engine.physics.macros import apply_macros
from engine.physics.model import (
    ENVELOPE_STEP_S,
    LONGEST_ENVELOPE,
    Macros,
    Modes,
    NoiseComponent,
    Physics,
    Residual,
    physics_from_json,
    physics_to_json,
)
from engine.physics.morph import morph
from engine.physics.noise import envelope_gain
from engine.physics.synthesis import synthesize

RATE = 48_000
EDGES = tuple(erb_edges(20.0, RATE / 2, 48).tolist())
CENTRES = np.sqrt(np.maximum(EDGES[:-1], 1.0) * np.array(EDGES[1:]))
SMOOTH = Residual(EDGES, tuple((-35.0 - 0.2 * np.arange(48)).tolist()), tuple((8.0 + CENTRES / 800).tolist()))
STEPS = np.arange(50)
KNOCKS = tuple((12.0 * np.exp(-((STEPS - 12) ** 2) / 3.0) - 9.0 * np.exp(-((STEPS - 5) ** 2) / 8.0)).round(2).tolist())
RATTLING = replace(SMOOTH, envelope_db=KNOCKS)
BELL = Modes((660.0, 1870.0), (-20.0, -24.0), (6.0, 9.0), (0.2, 1.0))


def draw(residual: Residual, seed: int = 3, duration_s: float = 0.6) -> np.ndarray:
    return synthesize(Physics(Modes(), residual), duration_s, seed).astype(float)


def test_an_envelope_is_found_where_it_was_put() -> None:
    for seed in range(4):
        found = np.array(fit_envelope(draw(RATTLING, seed), Modes(), SMOOTH, RATE))
        wanted = np.pad(KNOCKS, (0, len(found) - len(KNOCKS)))
        assert len(found) == LONGEST_ENVELOPE and int(np.argmax(found)) == 12
        assert np.sqrt(np.mean((found - wanted) ** 2)) < 1.5


@pytest.mark.slow
def test_beside_ringing_modes_the_noise_is_still_heard() -> None:
    sound = draw(RATTLING) + synthesize(Physics(BELL), 0.6)
    found = np.array(fit_envelope(sound, BELL, SMOOTH, RATE))[: len(KNOCKS)]
    assert np.sqrt(np.mean((found - KNOCKS) ** 2)) < 2.0


def test_chance_alone_is_no_envelope() -> None:
    for seed in range(4):
        found = fit_envelope(draw(SMOOTH, seed), Modes(), SMOOTH, RATE)
        assert not found or np.sqrt(np.mean(np.square(found))) < 0.7
    assert fit_envelope(synthesize(Physics(BELL), 0.6).astype(float), BELL, Residual(), RATE) == ()


@pytest.mark.slow
def test_what_the_place_hums_on_with_is_no_envelope() -> None:
    """Steady noise 30 dB under the hit outlasts it; the envelope does not hold the hit's noise up to it."""
    steady = 10 ** (-60 / 20) * np.random.default_rng(0).standard_normal(RATE)
    found = np.array(
        fit_envelope(draw(replace(SMOOTH, decay_per_s=(60.0,) * 48), 1, 1.0) + steady, Modes(), SMOOTH, RATE)
    )
    assert not found.size or found[-10:].max() < 6.0


@pytest.mark.slow
def test_an_analysis_finds_the_rebound_of_a_hit() -> None:
    once = draw(replace(SMOOTH, decay_per_s=(45.0,) * 48), 5)
    hit = once.copy()
    hit[round(0.06 * RATE) :] += 0.6 * draw(replace(SMOOTH, decay_per_s=(45.0,) * 48), 6)[: -round(0.06 * RATE)]
    for sound, rebounds in ((once, False), (hit, True)):
        physics, _ = analyze_hit(sound, RATE, onset_s=0.0)
        envelope = np.pad(physics.residual.envelope_db, (0, LONGEST_ENVELOPE))
        rise_db = envelope[12:15].max() - envelope[8:11].min()
        assert (rise_db > 4.0) == rebounds, rise_db
        flat = replace(physics, residual=replace(physics.residual, envelope_db=()))
        distance = [
            np.mean(np.abs(_levels_db(sound) - _levels_db(synthesize(p, 0.6, 9).astype(float))))
            for p in (physics, flat)
        ]
        assert distance[0] < distance[1] + 0.2
        assert not rebounds or distance[0] < 0.85 * distance[1]


def _levels_db(sound: np.ndarray) -> np.ndarray:
    return 10 * np.log10(np.mean(np.square(sound[: round(0.25 * RATE)].reshape(-1, 240)), axis=1) + 1e-9)


def test_only_noise_follows_it_and_not_the_rooms() -> None:
    room = NoiseComponent(SMOOTH.power_db, (3.0,) * 48)
    silent = (-200.0,) * 48
    for residual in (replace(SMOOTH, power_db=silent, room=room), Residual()):
        sounds = [
            synthesize(Physics(BELL, replace(residual, envelope_db=envelope)), 0.4, 1) for envelope in (KNOCKS, ())
        ]
        assert np.array_equal(*sounds)
    ratio = draw(RATTLING)[:14_000] / draw(SMOOTH)[:14_000]
    steps = 10.0 ** (np.array([*KNOCKS, 0.0]) / 20.0)
    assert ratio == pytest.approx(np.interp(np.arange(14_000) / 240, np.arange(len(steps)), steps), rel=1e-3)


def test_beyond_its_end_it_changes_nothing() -> None:
    gain = envelope_gain(np.array([0.0, 0.5, 1.0, 1.5, 2.0, 999.0]) * ENVELOPE_STEP_S, (20.0, -20.0))
    assert gain == pytest.approx([10.0, 5.05, 0.1, 0.55, 1.0, 1.0])


@pytest.mark.slow
def test_the_sampler_expects_what_is_drawn() -> None:
    power = expect_noise_power(RATTLING, 64)
    waves = torch.from_numpy(np.stack([draw_noise(RATTLING, 64, seed) for seed in range(60)]))
    assert not waves[:, :ONSET_SAMPLE].any()
    drawn = wave_to_spectrogram(waves).abs().square().mean(dim=0).numpy()
    bands = [slice(20, 60), slice(60, 160), slice(160, 480)]
    found_db = [10 * np.log10(drawn[band, 2:60].mean(axis=0) / power[band, 2:60].mean(axis=0)) for band in bands]
    assert np.abs(found_db).max() < 1.5 and np.abs(np.mean(found_db)) < 0.3


def test_a_network_that_has_learnt_nothing_gives_the_prior_back_attack_and_all() -> None:
    """Sampled sounds start from the realisation that synthesis without the sampler uses."""
    torch.manual_seed(0)
    network = VelocityNetwork(NetworkConfig(channels=(16, 32), blocks=1, embedding=32))
    sampler = Sampler(network, "none", torch.device("cpu"))
    (sampled,) = sampler.sample([(BELL, RATTLING)], [7], steps=2)
    alone = synthesize(Physics(BELL, RATTLING), (FRAME_COUNTS[-1] * HOP - ONSET_SAMPLE) / RATE, 7)
    assert len(sampled) > FRAME_COUNTS[-2] * HOP
    above = butter(4, 200.0, "highpass", fs=RATE, output="sos")  # drift is taken off, with phases near it
    heard = [sosfilt(above, sound[:12_000]) for sound in (sampled, alone)]
    levels_db = [10 * np.log10(np.mean(np.square(x.reshape(-1, 120)), axis=1)) for x in heard]
    assert np.corrcoef(*heard)[0, 1] > 0.99
    assert np.abs(np.subtract(*levels_db)).max() < 1.0  # every 2.5 ms


def test_it_is_kept_in_json_and_checked() -> None:
    physics = Physics(BELL, RATTLING)
    assert physics_from_json(physics_to_json(physics)).residual == RATTLING
    assert "envelope_db" not in physics_to_json(Physics(BELL, SMOOTH))["residual"]
    for wrong in ([99.0], [0.0] * (LONGEST_ENVELOPE + 1), [float("nan")], "loud"):
        table = physics_to_json(physics)
        table["residual"]["envelope_db"] = wrong
        with pytest.raises(BadInput, match="envelope_db"):
            physics_from_json(table)


def test_it_moves_with_speed_roughness_morph_and_age() -> None:
    faster = play_faster(AnalysedHit(draw(RATTLING), BELL, RATTLING, 20e3, "wood", "x", False), 2.0)
    assert int(np.argmax(faster.residual.envelope_db)) == 6
    assert stretch_envelope((), 2.0) == () and int(np.argmax(stretch_envelope(KNOCKS, 1.5))) == 18
    for roughness, depth in ((-1.0, 0.0), (0.5, 1.5)):
        _, changed = apply_macros(BELL, RATTLING, Macros(roughness=roughness))
        assert changed.envelope_db == pytest.approx(np.multiply(depth, KNOCKS), abs=1e-9)
    _, between = morph((BELL, RATTLING), (BELL, SMOOTH), 0.5)
    assert between.envelope_db == pytest.approx(np.multiply(0.5, KNOCKS))
    assert age_residual(RATTLING, 0.05).envelope_db == KNOCKS[10:] and age_residual(RATTLING, 1.0).envelope_db == ()
