"""The simulator: contacts where they were planned, sound where the contacts are, bodies that obey their physics."""

from __future__ import annotations

import json
import math
from fractions import Fraction

import numpy as np
import pytest

from engine.core.paths import ASSETS
from engine.core.units import SAMPLE_RATE_HZ
from engine.lab.simulator.demo.projects import DEMOS
from engine.lab.simulator.demo.scene import GLASS_JAR, STEEL_BIN, WOODEN_BLOCK, paint_texture
from engine.lab.simulator.demo.sound import BODIES, mix_strikes, strike_sound
from engine.lab.simulator.demo.strikes import plan_blows, simulate
from engine.lab.simulator.lathe import make_lathe
from engine.lab.simulator.mode_ratios import bar_ratios, plate_ratios, ring_ratios

PROPS = (STEEL_BIN, WOODEN_BLOCK, GLASS_JAR)
PATTERN = ((0.5, 0, 0.4), (0.95, 0, 0.9), (1.5, 2, 0.6))


@pytest.mark.slow
def test_the_stick_meets_what_was_planned_when_it_was_planned() -> None:
    take = simulate(PROPS, plan_blows(PROPS, PATTERN, 3), 1.8, (64, 36), 3)
    assert [s.prop for s in take.strikes] == [0, 0, 2]
    assert np.allclose([s.time_s for s in take.strikes], [t for t, _, _ in PATTERN], atol=0.006)
    soft, hard, _ = (s.speed_m_per_s for s in take.strikes)
    assert 1.0 < soft < hard < 8.0


@pytest.mark.slow
def test_a_take_is_the_same_every_time() -> None:
    one, two = (simulate(PROPS, plan_blows(PROPS, PATTERN[:1], 5), 0.6, (64, 36), 5) for _ in range(2))
    assert np.array_equal(one.states, two.states)


def test_the_stick_comes_down_before_and_goes_up_after_a_contact() -> None:
    take = simulate(PROPS, plan_blows(PROPS, PATTERN[:1], 3), 0.7, (64, 36), 3)
    step = round(take.strikes[0].time_s / take.step_s)
    pitch = take.states[:, -1]  # positive is down
    assert pitch[step - 40] < pitch[step] - 0.05
    assert pitch[step + 100] < pitch[step] - 0.05


def test_known_ratios() -> None:
    assert bar_ratios(2)[:3] == pytest.approx((1.0, 1.83, (2.5 / 1.5) ** 2))
    assert ring_ratios(2)[1] == pytest.approx((24 / math.sqrt(10)) / (6 / math.sqrt(5)))
    assert plate_ratios(2)[1] == pytest.approx(2.08, abs=0.01)


@pytest.mark.parametrize("name", BODIES)
def test_a_harder_blow_is_louder_and_brighter(name: str) -> None:
    soft, hard = (strike_sound(BODIES[name], speed, 0.3, 1)[0] for speed in (1.5, 5.5))
    assert soft.frequency_hz == hard.frequency_hz
    assert max(hard.power_db) > max(soft.power_db) + 8
    centre = [np.average(m.frequency_hz, weights=10 ** (np.array(m.power_db) / 10)) for m in (soft, hard)]
    assert centre[1] > centre[0]


def test_wood_dies_before_glass_and_steel() -> None:
    slowest = {name: min(strike_sound(body, 3.0, 0.3, 1)[0].decay_per_s) for name, body in BODIES.items()}
    assert slowest["Wooden block"] > 4 * max(slowest["Glass jar"], slowest["Steel bin"])


def test_the_sound_begins_at_the_contact() -> None:
    track = mix_strikes([(0.5, "Wooden block", 4.0, 0.2)], 1.0, 1)
    assert track.shape == (SAMPLE_RATE_HZ,) and track.dtype == np.float32
    assert np.abs(track[: SAMPLE_RATE_HZ // 2]).max() < 0.003
    assert np.abs(track[SAMPLE_RATE_HZ // 2 :][:240]).max() > 0.1


def test_a_lathe_is_closed_in_angle_and_as_tall_as_its_profile() -> None:
    vertices, coordinates, faces = make_lathe(GLASS_JAR.profile_m, 24)
    assert len(vertices) == len(coordinates) and faces.max() < len(vertices)
    assert vertices[:, 2].max() == GLASS_JAR.height_m
    ring = vertices.reshape(len(GLASS_JAR.profile_m), 25, 3)
    assert np.allclose(ring[:, 0], ring[:, -1])


@pytest.mark.parametrize("kind", ["table", "wood", "steel", "clay"])
def test_textures_are_pictures_and_repeat(kind: str) -> None:
    assert paint_texture(kind, 1) == paint_texture(kind, 1)
    assert paint_texture(kind, 1).startswith(b"\x89PNG")


@pytest.mark.parametrize("demo", DEMOS, ids=lambda demo: demo.name)
def test_the_shipped_clips_are_what_their_truth_says(demo) -> None:  # type: ignore[no-untyped-def]
    import av

    truth = json.loads((ASSETS / f"demo_{demo.name}.truth.json").read_text(encoding="utf-8"))
    assert len(truth["onsets"]) == len(demo.pattern)
    assert [o["struck"] for o in truth["onsets"]] == [demo.props[p].name for _, p, _ in demo.pattern]
    with av.open(str(ASSETS / f"demo_{demo.name}.mp4")) as file:
        picture = file.streams.video[0]
        assert picture.average_rate == Fraction(truth["frame_rate"])
        assert bool(file.streams.audio) is not bool(demo.presets)
        assert picture.frames == round(truth["duration_s"] * 30)


def test_the_demos_are_small_enough_to_ship() -> None:
    assert sum(path.stat().st_size for path in ASSETS.glob("demo_*")) <= 3_000_000
