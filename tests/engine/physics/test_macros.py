"""Macros: what each does to the frequency, decay and centroid one measures, and that none costs what was edited."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import fftconvolve

from engine.core.units import SILENCE_DB
from engine.physics.macros import apply_hit_offsets, apply_macros, contact_gain_db, contact_time_s
from engine.physics.model import MACRO_NAMES, Macros, Modes, NoiseComponent, Physics, Residual
from engine.physics.noise import expected_power
from engine.physics.noise_bands import rebin
from engine.physics.synthesis import synthesize
from tests.bell import BELL, NOISE

RATE = 48_000
EVERY = [(name, value) for name in MACRO_NAMES for value in (-1.0, -0.4, 0.4, 1.0)]


def heard(modes: Modes = BELL, residual: Residual | None = None, velocity_db: float = 0.0, **macros: float) -> Physics:
    return Physics(*apply_macros(modes, residual or Residual(), Macros(**macros), velocity_db), RATE)


def half_sine_gain_db(frequency_hz: float, contact_s: float, ratio: float) -> float:
    """Ratio in dB of the envelopes 1 / sqrt(1 + (2 f T)^4) of half-sine forces of T = ratio contact_s and contact_s."""
    return 10.0 * math.log10(
        (1.0 + (2.0 * frequency_hz * contact_s) ** 4) / (1.0 + (2.0 * frequency_hz * contact_s * ratio) ** 4)
    )


def quarter_period_s(modes: Modes) -> float:
    """A quarter of the period at the mean log frequency weighted by amplitude."""
    return 0.25 / float(
        np.exp(np.average(np.log(modes.frequency_hz), weights=10.0 ** (np.array(modes.power_db) / 20.0)))
    )


def measure(physics: Physics, near_hz: Sequence[float]) -> np.ndarray:
    """Frequency, decay and level of the modes nearest to some frequencies, [3, M], from the sound's analytic bands."""
    sound = synthesize(physics, 1.2)
    spectrum, frequency = np.fft.rfft(sound), np.fft.rfftfreq(sound.size, 1 / RATE)
    found = []
    for hz in near_hz:
        band = spectrum * np.exp(-0.5 * ((frequency - hz) / (0.05 * hz)) ** 2)
        ring = np.fft.ifft(2.0 * np.append(band, np.zeros(sound.size - band.size)))
        time_s = np.arange(sound.size) / RATE
        heard_s = (time_s > 10.0 / hz) & (np.abs(ring) > 0.05 * np.abs(ring).max()) & (time_s < 1.0)
        turn, _ = np.polyfit(time_s[heard_s], np.unwrap(np.angle(ring[heard_s])), 1)
        fall, start = np.polyfit(time_s[heard_s], np.log(np.abs(ring[heard_s])), 1)
        found.append((turn / (2.0 * np.pi), -fall, start * 20.0 / np.log(10.0)))
    return np.array(found).T


def with_low_mode() -> Modes:
    frequency, power, decay = (40.0, *BELL.frequency_hz), (-30.0, *BELL.power_db), (3.0, *BELL.decay_per_s)
    return Modes(frequency, power, decay, (0.0,) * 7, (False,) * 7)


def centroid_hz(physics: Physics, length_s: float = 0.4) -> float:
    sound = synthesize(physics, length_s)
    power = np.abs(np.fft.rfft(sound)) ** 2
    return float((power * np.fft.rfftfreq(sound.size, 1 / RATE)).sum() / power.sum())


def band_level_db(
    physics: Physics, low_hz: float, high_hz: float, from_s: float = 0.0, length_s: float = 0.4, draws: int = 2
) -> float:
    """Mean of some draws of the noise."""
    sounds = [synthesize(physics, from_s + length_s, seed)[round(from_s * RATE) :] for seed in range(draws)]
    power = np.mean([np.abs(np.fft.rfft(sound)) ** 2 / sound.size**2 for sound in sounds], axis=0)
    frequency = np.fft.rfftfreq(sounds[0].size, 1 / RATE)
    return float(10 * np.log10(power[(frequency >= low_hz) & (frequency < high_hz)].sum() + 1e-30))


# --- identity, continuity, composition ------------------------------------------------------------


def test_defaults_change_nothing_at_all() -> None:
    assert apply_macros(BELL, NOISE) == (BELL, NOISE)
    modes, residual = apply_macros(BELL, NOISE, Macros(), 0.0)
    assert modes is BELL and residual is NOISE


@pytest.mark.parametrize("bare", [False, True], ids=["noisy", "modes alone"])
@pytest.mark.parametrize("name", [*MACRO_NAMES, "velocity_db"])
def test_a_small_turn_has_a_small_effect_everywhere(name: str, bare: bool) -> None:
    frequency, time = np.geomspace(30, 20_000, 60), np.array([0.0, 0.01, 0.1, 0.5])

    def state(value: float) -> tuple[np.ndarray, np.ndarray]:
        settings = {name: value * 12.0} if name == "velocity_db" else {name: value}
        physics = heard(residual=Residual() if bare else NOISE, **settings)
        values = np.log([physics.modes.frequency_hz, physics.modes.decay_per_s, np.exp(physics.modes.power_db)])
        return values, np.sqrt(expected_power(physics.residual, frequency, time) * 1e3)

    for value in (-1.0, -0.99, -0.5, -1e-9, 0.0, 1e-9, 0.3, 0.998):
        (modes, noise), (near_modes, near_noise) = state(value), state(value + 0.001)
        assert np.abs(near_modes - modes).max() < 0.12, value  # of an octave, a decay ratio or a decibel
        assert np.abs(near_noise - noise).max() < 0.02 * max(noise.max(), near_noise.max(), 0.05), value


@pytest.mark.parametrize(("name", "value"), EVERY)
def test_muted_modes_stay_muted_and_do_not_count(name: str, value: float) -> None:
    loud = Modes((90.0, *BELL.frequency_hz), (12.0, *BELL.power_db), (1.0, *BELL.decay_per_s), (0.0, *BELL.phase_rad),
                 (True, *BELL.muted))  # fmt: skip
    modes, residual = apply_macros(loud, NOISE, Macros(**{name: value}), -9.0)
    without, same = apply_macros(BELL, NOISE, Macros(**{name: value}), -9.0)
    assert modes.muted == loud.muted and modes.frequency_hz[1:] == pytest.approx(without.frequency_hz)
    assert modes.power_db[1:] == pytest.approx(without.power_db) and residual == same


def test_what_is_pushed_past_half_the_rate_is_silent_and_not_lost() -> None:
    physics = heard(mass=-1.0)
    assert len(physics.modes) == len(BELL) and max(physics.modes.frequency_hz) > RATE / 2
    sounding = Modes(*(column[:5] for column in vars(physics.modes).values()))
    np.testing.assert_allclose(synthesize(physics, 0.2), synthesize(replace(physics, modes=sounding), 0.2), atol=1e-6)


@pytest.mark.parametrize("odd", [Modes(), Modes((0.0, 1e300), (-400.0, 120.0), (0.0, 1e300), (), ()), BELL])
@pytest.mark.parametrize("residual", [Residual(), NOISE, replace(NOISE, room=None, attack=None)])
def test_odd_sounds_stay_finite(odd: Modes, residual: Residual) -> None:
    for name, value in EVERY:
        modes, noise = apply_macros(odd, residual, Macros(**{name: value}), 12.0)
        numbers = [*modes.frequency_hz, *modes.power_db, *modes.decay_per_s, noise.rise_s]
        numbers += [v for _, stage in noise.components for v in (*stage.power_db, *stage.decay_per_s)]
        assert all(math.isfinite(v) for v in numbers) and 0.0 <= noise.rise_s <= 0.1
        assert all(len(stage.power_db) == len(noise.edges_hz) - 1 for _, stage in noise.components)


# --- each law, measured ---------------------------------------------------------------------------


@pytest.mark.parametrize("mass", [-0.25, 0.5])
def test_mass_slows_the_whole_sound_down(mass: float) -> None:
    size = 4.0**mass
    frequency_hz, decay_per_s, level_db = measure(heard(mass=mass), np.array(BELL.frequency_hz) / size)
    assert np.abs(1200 * np.log2(frequency_hz * size / BELL.frequency_hz)).max() < 1.0
    np.testing.assert_allclose(decay_per_s * size, BELL.decay_per_s, rtol=0.03)
    np.testing.assert_allclose(level_db, BELL.power_db, atol=0.3)
    assert centroid_hz(heard(mass=mass), 1.2) == pytest.approx(centroid_hz(heard(), 1.2 / size) / size, rel=0.01)


def test_mass_moves_the_objects_noise_and_not_the_rooms() -> None:
    now = heard(Modes(), NOISE, mass=0.5)
    low = Residual((100.0, 200.0, 400.0, 800.0, 1600.0, 3200.0), (-90.0, -90.0, -90.0, -90.0, -20.0), (50.0,) * 5)
    moved = heard(Modes(), low, mass=0.5).residual
    assert moved.power_db[3] == pytest.approx(-20.0) and moved.power_db[4] == SILENCE_DB
    assert moved.decay_per_s[3] == pytest.approx(25.0)
    assert now.residual.room and NOISE.room and now.residual.room.decay_per_s == NOISE.room.decay_per_s
    assert now.residual.edges_hz == NOISE.edges_hz
    assert now.residual.rise_s == pytest.approx(0.0016)


def test_rebinning_keeps_power_and_the_decay_of_what_dominates() -> None:
    stage = NoiseComponent((-10.0, -30.0, SILENCE_DB), (10.0, 100.0, 5.0))
    edges = (0.0, 100.0, 300.0, 700.0)
    fine = rebin(stage, edges, (0.0, 50.0, 100.0, 200.0, 700.0, 900.0))
    total = sum(10 ** (p / 10) for p in fine.power_db)
    assert total == pytest.approx(0.1 + 0.001)
    assert fine.power_db[:2] == pytest.approx((-13.0103,) * 2, abs=1e-3) and fine.power_db[4] == SILENCE_DB
    whole = rebin(stage, edges, (0.0, 700.0))
    assert whole.decay_per_s[0] == pytest.approx(10.0 * 10 ** (1 / 101))
    assert rebin(stage, edges, edges).power_db == pytest.approx(stage.power_db)


def test_damping_scales_decays_by_its_law_and_leaves_pitch_and_attack() -> None:
    frequency_hz, decay_per_s, _ = measure(heard(damping=0.5), BELL.frequency_hz)
    np.testing.assert_allclose(frequency_hz, BELL.frequency_hz, rtol=2e-4)
    wanted = [(10.0 * math.sqrt((1.0 + f / 1000.0) / 2.0)) ** 0.5 for f in BELL.frequency_hz]
    np.testing.assert_allclose(decay_per_s / BELL.decay_per_s, wanted, rtol=0.04)
    kilohertz = Modes((1000.0,), (0.0,), (3.0,), (0.0,), (False,))
    for damping, decay in ((1.0, 30.0), (-1.0, 0.3)):
        assert heard(kilohertz, damping=damping).modes.decay_per_s == pytest.approx((decay,))
    assert wanted == sorted(wanted)  # the material's share grows with frequency
    residual = heard(BELL, NOISE, damping=0.5).residual
    assert residual.attack == NOISE.attack
    assert residual.tail and NOISE.tail
    assert (
        residual.decay_per_s[12] / NOISE.decay_per_s[12] == residual.tail.decay_per_s[12] / NOISE.tail.decay_per_s[12]
    )


THIRDS_HZ = tuple(200.0 * 2.0 ** (k / 3.0) for k in range(16))
ROOM = NoiseComponent((-30.0,) * 15, (12.0,) * 15)


def make_knock(decay_per_s: float, room: NoiseComponent | None) -> Residual:
    """A strike of noise from 500 to 2000 Hz, in thirds of octaves from 200 to 6400 Hz."""
    strike = tuple(-20.0 if 500.0 < low < 1990.0 else SILENCE_DB for low in THIRDS_HZ[:-1])
    return Residual(THIRDS_HZ, strike, (decay_per_s,) * 15, room)


def raise_of_room_db(decay_per_s: float, **macros: float) -> float:
    room = heard(Modes(), make_knock(decay_per_s, ROOM), **macros).residual.room
    assert room is not None and room.decay_per_s == ROOM.decay_per_s
    return 10.0 * math.log10(sum(10.0 ** (p / 10.0) for p in room.power_db) / (15 * 1e-3))


@pytest.mark.parametrize(
    ("decay_per_s", "macros"), [(40.0, {"damping": 0.5}), (60.0, {"damping": 1.0}), (60.0, {"mass": 0.25})]
)
def test_a_room_gets_the_energy_of_a_convolution(decay_per_s: float, macros: dict[str, float]) -> None:
    rng, rate_hz = np.random.default_rng(4), 48_000
    response = rng.standard_normal(rate_hz) * np.exp(-12.0 * np.arange(rate_hz) / rate_hz)
    dry = make_knock(decay_per_s, None)
    sounds = [synthesize(Physics(Modes(), own), 1.0, seed=3) for own in (dry, heard(Modes(), dry, **macros).residual)]
    before, after = (float(np.square(fftconvolve(sound, response)).sum()) for sound in sounds)
    assert raise_of_room_db(decay_per_s, **macros) == pytest.approx(10.0 * math.log10(after / before), abs=1.0)


def test_an_object_that_outlasts_its_room_feeds_it_as_a_steady_sound_does() -> None:
    assert 0.0 < raise_of_room_db(3.0, damping=-1.0) < 0.5


def test_a_softer_striker_takes_highs_and_comes_on_slowly() -> None:
    centroids = [centroid_hz(heard(hardness=h)) for h in (-1.0, -0.5, 0.0, 0.5, 1.0)]
    assert centroids == sorted(centroids) and centroids[-1] > 2.0 * centroids[2] > 3.0 * centroids[0]
    deep = Modes(
        (30.0, *BELL.frequency_hz), (-40.0, *BELL.power_db), (3.0, *BELL.decay_per_s), (0.0,) * 7, (False,) * 7
    )
    contact_s = quarter_period_s(deep)
    for hardness in (-0.6, 0.6):
        changed = heard(deep, hardness=hardness).modes
        gains = np.array(changed.power_db) - deep.power_db
        assert abs(gains[0]) < 0.02 and (np.diff(np.abs(gains)) > 0).all()  # the low end stays, the high end moves most
        assert np.abs(gains).max() <= 40.0 * math.log10(6.0**0.6) + 1e-9  # bounded
        wanted = [half_sine_gain_db(f, contact_s, 6.0**-hardness) for f in deep.frequency_hz]
        np.testing.assert_allclose(gains, wanted, atol=1e-9)
    assert heard(residual=NOISE, hardness=-0.5).residual.rise_s == pytest.approx(0.0008 * 6**0.5)
    assert heard(hardness=-0.5).residual.rise_s > 0.0 == heard(hardness=0.5).residual.rise_s


def test_the_contact_law_follows_the_half_sines_spectrum() -> None:
    """Between its zeros the pulse's own spectrum reaches the envelope, within 3 dB."""
    contact_s, rate = 0.001, 1_000_000
    pulse = np.sin(np.pi * np.arange(round(contact_s * rate)) / (contact_s * rate))
    spectrum = np.abs(np.fft.rfft(pulse, 1 << 20))
    spectrum_db = 20 * np.log10(spectrum / spectrum[0] + 1e-12)
    frequency = np.fft.rfftfreq(1 << 20, 1 / rate)
    for hz in (100.0, 300.0, 500.0, 1000.0, 2000.0, 3000.0, 5000.0):
        envelope_db = -contact_gain_db(hz, contact_s, 1e-9)
        assert abs(spectrum_db[np.argmin(np.abs(frequency - hz))] - envelope_db) < 3.0


def test_hardness_shapes_all_noise_and_leaves_every_decay() -> None:
    changed = heard(BELL, NOISE, hardness=-0.7).residual
    for name, stage in NOISE.components:
        now = changed.component(name)
        assert now and now.decay_per_s == stage.decay_per_s
        gains = np.array(now.power_db) - stage.power_db
        assert abs(gains[0]) < 0.1 and gains[-1] < -15.0 and (np.diff(gains) <= 0).all()


def test_velocity_is_hertzian_louder_and_brighter() -> None:
    contact_s = min(NOISE.rise_s, quarter_period_s(BELL))
    for velocity_db in (-24.0, 12.0):
        now = heard(BELL, NOISE, velocity_db)
        ratio = (10 ** (velocity_db / 20)) ** -0.2
        gains = np.array(now.modes.power_db) - BELL.power_db - velocity_db
        np.testing.assert_allclose(
            gains, [half_sine_gain_db(f, contact_s, ratio) for f in BELL.frequency_hz], atol=1e-9
        )
        assert now.residual.power_db[0] - NOISE.power_db[0] == pytest.approx(velocity_db, abs=0.01)
        assert now.residual.rise_s == pytest.approx(NOISE.rise_s * ratio)
    centroids = [centroid_hz(heard(velocity_db=v)) for v in (-40.0, -20.0, 0.0, 12.0)]
    assert centroids == sorted(centroids) and centroids[0] < 0.8 * centroids[-1]
    low = [band_level_db(heard(with_low_mode(), None, v), 30, 50) for v in (0.0, -20.0)]
    assert low[0] - low[1] == pytest.approx(20.0, abs=0.2)
    both = heard(BELL, NOISE, 6.0, hardness=0.5).modes
    ratio = 6.0**-0.5 * 10 ** (-0.2 * 6 / 20)
    wanted = [
        p + 6 + half_sine_gain_db(f, contact_s, ratio) for p, f in zip(BELL.power_db, BELL.frequency_hz, strict=True)
    ]
    assert both.power_db == pytest.approx(wanted)


def test_position_weighs_modes_by_their_shape() -> None:
    bar = Modes(tuple(200.0 * n * n for n in (1, 2, 3, 4)), (-10.0, -14.0, -18.0, -22.0), (4.0,) * 4, (0.0,) * 4,
                (False,) * 4)  # fmt: skip
    middle, edge = (np.array(heard(bar, position=p).modes.power_db) - bar.power_db for p in (1.0, -1.0))
    assert middle[1] < middle[0] - 6.0 and middle[3] < middle[2]  # the even ones have a node there
    assert edge[0] < -8.0 and edge[3] > edge[0] + 3.0  # the fundamental is weakest at the edge: thinner
    assert (
        centroid_hz(heard(bar, position=-1.0)) > 1.3 * centroid_hz(heard(bar)) > centroid_hz(heard(bar, position=1.0))
    )
    assert np.abs([middle, edge]).max() < 21.0
    assert heard(bar, position=0.7).modes.decay_per_s == bar.decay_per_s
    assert heard(bar, NOISE, position=0.7).residual == NOISE


def test_roughness_is_noise_at_the_contact_brighter_and_longer() -> None:
    plain = replace(NOISE, rise_s=0.0)
    levels = [
        [
            # without modes: theirs leaks up to there from where the spectrum of 50 ms cuts them off
            band_level_db(heard(Modes(), plain, roughness=r), 9e3, 2e4, 0.0, 0.05, draws=10),
            band_level_db(heard(BELL, plain, roughness=r), 100.0, 300.0, 0.0, 0.05, draws=10),
        ]
        for r in (-1.0, 0.0, 0.5, 1.0)
    ]
    high, low = np.diff(np.array(levels), axis=0).T
    assert (high > 4.0).all() and (high > low).all() and (low > 0.0).all()
    modes, residual = apply_macros(BELL, NOISE, Macros(roughness=0.5))
    assert modes == BELL and residual.room == NOISE.room and residual.tail == NOISE.tail
    assert residual.attack and NOISE.attack and max(residual.attack.decay_per_s) < min(NOISE.attack.decay_per_s)
    made = apply_macros(BELL, Residual(), Macros(roughness=0.01))[1].attack
    assert made and max(made.power_db) < -60.0  # from silence


def test_the_room_goes_to_exactly_none_and_comes_from_silence() -> None:
    assert heard(BELL, NOISE, room=-1.0).residual == replace(NOISE, room=None)
    assert NOISE.room
    for room in (-0.5, 1.0):
        now = heard(BELL, NOISE, room=room).residual
        assert now.room and now.room.decay_per_s == NOISE.room.decay_per_s
        assert now.room.power_db[3] == pytest.approx(-62.0 + 40 * math.log10(1 + room))
        assert replace(now, room=None) == replace(NOISE, room=None)
    dry = replace(NOISE, room=None)
    assert heard(BELL, dry, room=-1.0).residual == dry
    quiet, full = (heard(BELL, dry, room=r).residual.room for r in (0.001, 1.0))
    assert quiet and full and max(quiet.power_db) < -60.0
    assert np.diff(full.decay_per_s).min() > 0.0  # highs die sooner, smoothly


def test_a_room_that_was_not_there_rings_as_long_as_it_says() -> None:
    click = Modes((1000.0, 1100.0, 1220.0), (-6.0,) * 3, (200.0,) * 3, (0.0,) * 3, (False,) * 3)
    physics = heard(click, room=1.0)
    levels = [band_level_db(physics, 600, 2000, at_s, 0.1) for at_s in (0.1, 0.3)]
    assert (levels[0] - levels[1]) / 0.2 == pytest.approx(60.0 / (0.5 / math.sqrt(1.25)), rel=0.2)
    gone = [band_level_db(heard(click), 600, 2000, 0.1, 0.1), levels[0]]
    assert gone[1] > gone[0] + 40.0


def test_the_contact_time_is_the_rise_or_what_the_pitch_allows() -> None:
    tone = Modes((1000.0,), (-10.0,), (5.0,), (0.0,), (False,))
    assert contact_time_s(tone, Residual()) == pytest.approx(0.00025)
    assert contact_time_s(tone, NOISE) == pytest.approx(0.00025)
    assert contact_time_s(tone, replace(NOISE, rise_s=0.0001)) == pytest.approx(0.0001)
    assert contact_time_s(Modes(), NOISE) == pytest.approx(0.0008) and contact_time_s(Modes(), Residual()) == 0.0005
    assert contact_time_s(replace(tone, frequency_hz=(20.0,)), Residual()) == 0.005


def test_a_hit_s_offsets_are_arithmetic_on_the_numbers() -> None:
    modes, residual = apply_hit_offsets(
        BELL, NOISE, pitch_cents=1200.0, decay_ratio=2.0, residual_db=3.0, velocity_db=-6.0
    )
    assert modes.frequency_hz[0] == pytest.approx(2 * BELL.frequency_hz[0])
    assert modes.decay_per_s[0] == pytest.approx(2 * BELL.decay_per_s[0])
    assert modes.power_db[0] == pytest.approx(BELL.power_db[0] - 6.0)
    assert residual.power_db[0] == pytest.approx(NOISE.power_db[0] - 3.0)
    assert residual.room is not None and NOISE.room is not None
    assert residual.room.power_db[0] == pytest.approx(NOISE.room.power_db[0] - 3.0)
    assert apply_hit_offsets(BELL, NOISE) == (BELL, NOISE)
