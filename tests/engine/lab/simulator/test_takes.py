"""Simulated takes: falls obey gravity, contacts are what the physics did, takes are read like the data set."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.core.errors import BadInput, StruckError
from engine.core.units import SAMPLE_RATE_HZ
from engine.lab.data.greatest_hits import list_takes
from engine.lab.simulator import takes
from engine.lab.simulator.camera import project, render_frames
from engine.lab.simulator.command import main
from engine.lab.simulator.drawing import check_drawing
from engine.lab.simulator.materials import GROUNDS, MATERIALS, PROPS
from engine.lab.simulator.motion import SLOWEST_HIT_M_PER_S, Contact, Gesture, interpolate_hermite, merge_contacts
from engine.lab.simulator.plan import TakePlan, draw_take
from engine.lab.simulator.sound import ACOUSTIC_MATERIALS, draw_modal_object
from engine.lab.simulator.stage import Paint, Striker, Thing
from engine.lab.simulator.takes import (
    describe_contacts,
    format_times,
    is_complete,
    make_take,
    simulate_take,
    synthesize_take,
    write_takes,
)
from engine.media.sound import read_recording

SIZE = (64, 36)
GRAVITY = 9.81
PAINT = Paint("plain", (0.8, 0.2, 0.2), (0.1, 0.1, 0.1), 1)
STICK = Striker(
    "stick", "wood", 0.3, 0.01, 0.008, 0.03, (0.8, 0.6, 0.4), (0.8, 0.6, 0.5), (0.1, 0.2, 0.5), (0.9, 0.1, 0.4)
)
BLOW = Gesture("hit", 0.5, (0.0, 0.0, 0.0), (0.0, 0.0, 1.0), (-1.0, 0.0, 0.0), 0.25, 2.5, 0.6)  # fmt: skip


def bare_plan(things: tuple[Thing, ...] = (), gestures: tuple[Gesture, ...] = (), duration_s: float = 1.5) -> TakePlan:
    """A stage of bare concrete on which only what is given happens."""
    plan = draw_take(1, 0)
    stage = replace(plan.stage, ground="concrete", things=things, strikers=(STICK,) if gestures else (), movers=())
    stage = replace(stage, table_half_m=None)
    camera = replace(plan.camera, frame_rate=Fraction(25), switches=())
    return replace(
        plan, stage=stage, gestures=(gestures,) if gestures else (), camera=camera, duration_s=duration_s, tremor_m=0.0
    )


def ball(height_m: float, material: str = "rubber", radius_m: float = 0.04, release_s: float = 0.1) -> Thing:
    at = (0.0, 0.0, height_m + radius_m)
    return Thing(material, "sphere", (radius_m,) * 3, at, 0.0, PAINT, "loose", release_s=release_s)


@pytest.fixture
def drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain frames where the machine cannot draw; the simulator must then have said what to install."""
    try:
        check_drawing()
    except StruckError as error:
        assert "apt install" in str(error)

        def plain(
            stage: Any, trajectory: Any, camera: Any, size: tuple[int, int], duration_s: float
        ) -> Iterator[np.ndarray]:
            for k in range(round(duration_s * camera.frame_rate)):
                yield np.full((size[1], size[0], 3), k % 200, np.uint8)

        monkeypatch.setattr(takes, "render_frames", plain)
        monkeypatch.setattr(takes, "check_drawing", lambda: None)


@pytest.mark.parametrize("height_m", [0.3, 0.8])
def test_a_dropped_ball_lands_when_gravity_says(height_m: float) -> None:
    trajectory = simulate_take(bare_plan((ball(height_m),)), SIZE)
    first = trajectory.contacts[0]
    assert first.action == "hit"
    assert first.time_s == pytest.approx(0.1 + math.sqrt(2 * height_m / GRAVITY), abs=0.001)
    assert first.speed_m_per_s == pytest.approx(math.sqrt(2 * GRAVITY * height_m), rel=0.01)
    assert np.allclose(first.at_m, 0.0, atol=0.005)


def test_a_ball_rebounds_as_its_restitution_says() -> None:
    """Between bounces it flies for 2 v / g, and each bounce keeps the same share of the speed."""
    trajectory = simulate_take(bare_plan((ball(0.5),), duration_s=2.5), SIZE)
    hits = [t for t in trajectory.contacts if t.speed_m_per_s > 0.4]
    assert len(hits) >= 4
    speeds = np.array([t.speed_m_per_s for t in hits])
    flights = np.diff([t.time_s for t in hits])
    in_contact = np.array([t.lasts_s for t in hits[:-1]])
    assert np.allclose(flights - in_contact, 2 * speeds[1:] / GRAVITY, atol=0.004)
    kept = speeds[1:] / speeds[:-1]
    assert np.ptp(kept) < 0.08
    damping = 0.5 * (MATERIALS["rubber"].damping + MATERIALS["concrete"].damping)
    assert kept.mean() == pytest.approx(math.exp(-math.pi * damping / math.sqrt(1 - damping**2)), abs=0.12)


def test_impulse_is_the_change_of_momentum() -> None:
    plan = bare_plan((ball(0.5, "wood"),), duration_s=1.0)
    trajectory = simulate_take(plan, SIZE)
    first, second = trajectory.contacts[:2]
    mass = float(trajectory.model.body("thing0").mass[0])
    gained = mass * (first.speed_m_per_s + second.speed_m_per_s)
    assert first.impulse_n_s == pytest.approx(gained + mass * GRAVITY * first.lasts_s, rel=0.05)


def test_cloth_swallows_a_fall_and_rubber_does_not() -> None:
    bounces = {}
    for material in ("cloth", "rubber"):
        trajectory = simulate_take(bare_plan((ball(0.4, material),), duration_s=2.0), SIZE)
        bounces[material] = len(trajectory.contacts)
    assert bounces["cloth"] < bounces["rubber"]


def test_a_blow_lands_when_it_was_meant_to_and_a_miss_does_not() -> None:
    gestures = (BLOW, replace(BLOW, kind="miss", time_s=1.0, gap_m=0.03), replace(BLOW, time_s=1.5, speed_m_per_s=1.2))
    plan = bare_plan(gestures=gestures, duration_s=2.0)
    trajectory = simulate_take(plan, SIZE)
    assert [t.time_s for t in trajectory.contacts] == pytest.approx([0.5, 1.5], abs=0.02)
    hard, soft = trajectory.contacts
    assert hard.speed_m_per_s > 1.4 * soft.speed_m_per_s and hard.impulse_n_s > soft.impulse_n_s
    truth = describe_contacts(plan, trajectory, SIZE)
    assert [row["struck"] for row in truth["contacts"]] == ["concrete", "concrete"]
    assert [(row["time_s"], row["action"]) for row in truth["none"]] == [(1.0, "miss")]


def test_a_scrape_is_a_contact_that_slides() -> None:
    scrape = replace(BLOW, kind="scrape", speed_m_per_s=0.5, slide_m=(0.05, 0.12, 0.0), slide_s=0.5, lift_rad=0.3)
    trajectory = simulate_take(bare_plan(gestures=(scrape,)), SIZE)
    slid = [t for t in trajectory.contacts if t.action == "scrape"]
    assert len(slid) == 1
    assert slid[0].slide_m == pytest.approx(0.13, abs=0.03)
    assert slid[0].lasts_s > 0.4


@pytest.mark.slow
def test_waving_and_misses_have_no_truth_and_no_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drawing) -> None:  # type: ignore[no-untyped-def]
    gestures = (replace(BLOW, kind="wave", gap_m=0.1, slide_s=0.4), replace(BLOW, kind="miss", time_s=1.2, gap_m=0.02))
    plan = bare_plan(gestures=gestures)
    assert simulate_take(plan, SIZE).contacts == ()
    monkeypatch.setattr(takes, "draw_take", lambda seed, index, duration_s: plan)
    assert make_take(tmp_path, 3, 0, SIZE)["contacts"] == []
    (take,) = list_takes(tmp_path)
    assert take.contacts == () and take.picture is not None and take.picture.name == "sim_3_00000.mp4"


def test_chatter_is_one_hit() -> None:
    one = Contact(1.0, (0, 2), "hit", 1.0, 0.1, (0.0, 0.0, 0.0), 0.002, 0.0)
    merged = merge_contacts([one, replace(one, time_s=1.02, speed_m_per_s=0.3), replace(one, time_s=1.2)])
    assert [t.time_s for t in merged] == [1.0, 1.2]
    assert merged[0].impulse_n_s == pytest.approx(0.2)


def test_a_curve_goes_through_its_knots() -> None:
    knots = [(0.0, 1.0, 0.0, 0.0), (1.0, 2.0, 3.0, -1.0), (2.0, 0.0, 0.0, 0.0)]
    assert interpolate_hermite(knots, np.array([-1.0, 0.0, 1.0, 2.0, 3.0])) == pytest.approx([1.0, 1.0, 2.0, 0.0, 0.0])
    near = interpolate_hermite(knots, np.array([0.999, 1.0, 1.001]))
    assert np.diff(near) / 0.001 == pytest.approx([3.0, -1.0], abs=0.05)


def test_plans_are_drawn_from_seed_and_index_alone() -> None:
    assert draw_take(4, 2) == draw_take(4, 2)
    assert len({repr(draw_take(4, k)) for k in range(4)} | {repr(draw_take(5, 0))}) == 5


def test_takes_differ_in_all_that_they_should() -> None:
    plans = [draw_take(9, k) for k in range(150)]
    assert {a.kind for p in plans for row in p.gestures for a in row} == {"hit", "miss", "scrape", "wave"}
    assert {s.kind for p in plans for s in p.stage.strikers} == {"stick", "hammer", "mallet", "hand", "fist"}
    assert {t.held for p in plans for t in p.stage.things} == {"fixed", "rocking", "loose"}
    assert len({t.material for p in plans for t in p.stage.things}) >= 10
    assert max(len(p.stage.strikers) for p in plans) == 2
    assert any(len(p.camera.shots) > 1 for p in plans) and any(p.camera.shake_rad for p in plans)
    assert any(p.stage.movers for p in plans) and any(p.camera.switches for p in plans)
    assert all(24 > p.camera.frame_rate > 23 or 24 <= p.camera.frame_rate <= 60 for p in plans)
    for row in (row for p in plans for row in p.gestures):
        assert all(a.end_s <= b.time_s for a, b in pairwise(row))


def test_two_hands_take_turns_and_strike_apart() -> None:
    """They are one player's, and pass neither through each other nor strike at once."""
    plans = [plan for plan in (draw_take(11, k) for k in range(200)) if len(plan.stage.strikers) == 2]
    assert len(plans) > 5
    for plan in plans:
        one, other = plan.stage.strikers
        assert (one.skin, one.sleeve) == (other.skin, other.sleeve)
        assert one.elbow[0] * other.elbow[0] < 0.0
        left, right = plan.gestures if one.elbow[0] < 0.0 else plan.gestures[::-1]
        blows = [[g for g in row if g.kind in ("hit", "miss")] for row in (left, right)]
        assert all(b.at_m[0] - a.at_m[0] > 0.02 for a in blows[0] for b in blows[1])
        times_s = sorted(g.time_s for row in blows for g in row)
        assert all(later - before >= 0.14 for before, later in pairwise(times_s))
    both = [plan for plan in plans if all(len(row) > 1 for row in plan.gestures)]
    assert len(both) > len(plans) / 2


def test_every_material_has_a_look_and_a_voice() -> None:
    assert set(GROUNDS) | set(PROPS) <= set(MATERIALS)
    assert set(ACOUSTIC_MATERIALS) == set(MATERIALS)


def test_modes_follow_stiffness_and_size() -> None:
    def lowest(material: str, size_m: float) -> float:
        return float(draw_modal_object(material, "capsule", size_m, np.random.default_rng(0)).frequency_hz.min())

    assert lowest("metal", 0.3) > lowest("plastic", 0.3)
    assert lowest("wood", 0.2) == pytest.approx(2 * lowest("wood", 0.4), rel=0.01)


def test_sound_starts_at_the_contact() -> None:
    plan = bare_plan((ball(0.5, "wood"),), duration_s=0.6)
    trajectory = simulate_take(plan, SIZE)
    sound = synthesize_take(plan, trajectory)
    assert sound is not None and sound.dtype == np.float32 and sound.size == round(0.6 * SAMPLE_RATE_HZ)
    at = round(trajectory.contacts[0].time_s * SAMPLE_RATE_HZ)
    assert np.abs(sound[: at - 5]).max() < 0.02 < 0.2 < np.abs(sound[at : at + 480]).max()


def test_takes_are_read_like_the_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drawing) -> None:  # type: ignore[no-untyped-def]
    import av

    plan = bare_plan((ball(0.4, "wood"),), duration_s=1.0)
    monkeypatch.setattr(takes, "draw_take", lambda seed, index, duration_s: plan)
    truth = make_take(tmp_path, 7, 3, SIZE)
    (take,) = list_takes(tmp_path)
    assert take.name == "sim_7_00003"
    assert [c.time_s for c in take.contacts] == pytest.approx([row["time_s"] for row in truth["contacts"]], abs=1e-4)
    assert {(c.material, c.action) for c in take.contacts} == {("concrete", "hit")}
    assert take.sound == take.picture and take.picture is not None
    with av.open(str(take.picture)) as file:
        picture = file.streams.video[0]
        assert picture.average_rate == Fraction(truth["frame_rate"]) == 25
        assert sum(1 for _ in file.decode(video=0)) == truth["frames"] == 25
    sound, rate_hz = read_recording(take.picture)
    at = round(take.contacts[0].time_s * rate_hz)
    level = np.abs(sound[:, 0])
    assert level[: at - 240].max() < 0.1 * level[at - 48 : at + 480].max()
    assert set(json.loads((tmp_path / "sim_7_00003.truth.json").read_text())["contacts"][0]) >= {
        "time_s", "impulse_n_s", "struck", "striker", "x", "y", "size_m", "action", "in_picture", "in_sight",
    }  # fmt: skip


def test_a_times_file_has_the_words_of_the_data_set() -> None:
    truth = {"contacts": [{"time_s": 1.5, "struck": "cloth", "action": "scrape"}]}
    assert format_times(truth) == "1.500000 cloth scratch deform\n"


@pytest.mark.slow
def test_takes_are_the_same_in_any_process_and_are_taken_up_again(tmp_path: Path, drawing) -> None:  # type: ignore[no-untyped-def]
    one, two, seed = tmp_path / "one", tmp_path / "two", 269
    one.mkdir()
    make_take(one, seed, 0, (32, 32), 2.0)
    assert write_takes(one, 1, seed, (32, 32), 1, 2.0) == 0
    assert write_takes(two, 1, seed, (32, 32), 2, 2.0) == 1
    names = sorted(path.name for path in one.iterdir())
    assert len(names) == 3 and names == sorted(path.name for path in two.iterdir())
    assert all((one / name).read_bytes() == (two / name).read_bytes() for name in names)
    assert not is_complete(one, seed, 0, (64, 32)) and not is_complete(one, seed, 0, (32, 32), 3.0)
    next(one.glob("*_00000*.mp4")).unlink()
    assert not is_complete(one, seed, 0, (32, 32))


def test_a_contact_is_drawn_where_the_truth_says(drawing) -> None:  # type: ignore[no-untyped-def]
    """A white ball on dark ground, at rest in the picture's middle: where it is bright is where it lies."""
    white = replace(ball(0.0, radius_m=0.03), paint=replace(PAINT, colour=(1.0, 1.0, 1.0)))
    plan = bare_plan((replace(white, held="fixed", at_m=(0.1, 0.0, 0.03)),), duration_s=0.1)
    shot = replace(plan.camera.shots[0], eye_m=(0.0, -1.0, 0.7), target_m=(0.0, 0.0, 0.0), fov_deg=30.0, roll_rad=0.0)
    camera = replace(plan.camera, shots=(shot,), shake_rad=0.0, noise=0.0)
    stage = replace(plan.stage, ground_paint=replace(PAINT, colour=(0.0, 0.0, 0.0)), wall_y_m=50.0, sky=(0.0, 0.0, 0.0))
    x, y, depth = project(camera, 0.0, (0.1, 0.0, 0.03), 128 / 72)
    assert 0.5 < x < 0.8 and 0.2 < y < 0.5 and depth > 1.0
    try:
        frame = next(iter(render_frames(stage, simulate_take(plan, (128, 72)), camera, (128, 72), 0.1)))
    except StruckError:
        return
    bright = np.argwhere(frame.min(axis=2) > 0.7 * frame.min(axis=2).max())
    assert bright.mean(axis=0) == pytest.approx([72 * y, 128 * x], abs=4.0)


@pytest.mark.parametrize("size", ["big", "33x32", "10x10", "64"])
def test_sizes_that_cannot_be_filmed_are_refused(size: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="--size"):
        main(["--out", str(tmp_path), "--size", size])


def test_bad_commands_are_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="choose another folder"):
        main(["--out", str(tmp_path / "file" / "x"), "--count", "1"])
    with pytest.raises(BadInput, match="--count 0"):
        main(["--out", str(tmp_path), "--count", "0"])
    with pytest.raises(BadInput, match="--seconds"):
        main(["--out", str(tmp_path), "--seconds", "1"])
    assert SLOWEST_HIT_M_PER_S > 0
