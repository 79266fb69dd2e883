"""Hits of sounds with parts: the sum of single strikes at their offsets and levels, each kept by itself."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from engine.core.cache import Cache
from engine.document.edits.messages import apply_message
from engine.document.project import Hit, Project
from engine.document.seeds import derive_seed
from engine.document.serialization import project_from_json, project_to_json
from engine.document.strip import Strip
from engine.physics.model import Modes, NoiseComponent, Physics, Residual
from engine.physics.synthesis import synthesize
from engine.pipeline.channel_strip import room_gain
from engine.pipeline.delivery import make_stems
from engine.pipeline.layers import split_layers
from engine.pipeline.part_strikes import hit_lead
from engine.pipeline.render import hit_key, hit_physics, render_hits, sample_hits
from engine.pipeline.track import Track, hit_room, hit_side
from engine.pipeline.versions import cut_passage, find_passage
from tests.delivered_project import deliver
from tests.engine.pipeline.test_render import BOWL, RATE, CountingSampler, make_project

LATE = 1440  # samples: 30 ms


def do(project: Project, kind: str, **fields: Any) -> Project:
    return apply_message(project, {"kind": kind, **fields}).apply(project)


def layered() -> Project:
    """h0 and h1 of ``make_project``: h0 strikes a bowl, with the crate that h1 strikes 30 ms later at -6 dB."""
    return do(make_project(2), "add_part", sound_id="s1", part_sound_id="s2", offset_s=0.03, gain_db=-6.0)


def strike(project: Project, hit: Hit, sound_id: str, seed: int) -> np.ndarray:
    """A strike rendered by itself, from the law of synthesis."""
    own = replace(hit, sound_id=sound_id, seed=seed)
    return np.asarray(synthesize(Physics(*hit_physics(project, own), RATE), seed=seed))


def test_a_hit_is_the_sum_of_its_strikes_sample_by_sample() -> None:
    project = layered()
    hit = project.hit("h0")
    bowl = strike(project, hit, "s1", hit.seed)
    crate = strike(project, hit, "s2", derive_seed(hit.seed, "part p1"))
    expected = np.zeros(max(len(bowl), LATE + len(crate)))
    expected[: len(bowl)] += bowl
    expected[LATE : LATE + len(crate)] += 10.0 ** (-6.0 / 20.0) * crate
    sound = render_hits(project, None, Cache(None))["h0"].samples
    assert sound.shape == expected.shape and np.abs(sound - expected).max() < 1e-6 * np.abs(expected).max()
    # The same in the track: one hit, mixed like any, at a time between two samples too.
    rendered = render_hits(project, None, Cache(None))
    mixed = Track(project, rendered)[:][:, 0]
    other = Track(replace(project, hits=project.hits[1:]), rendered)[:][:, 0]
    start = round(hit.time_s * RATE)
    assert np.allclose((mixed - other)[start : start + 5000], expected[:5000], atol=1e-6)


def early(time_s: float = 0.5) -> Project:
    """``layered`` with the crate 30 ms before the bowl; h0 lies at ``time_s``, h1 is out of the way."""
    project = do(layered(), "set_part", sound_id="s1", part_id="p1", values={"offset_s": -0.03})
    first, *_ = project.hits
    return replace(project, hits=(replace(first, time_s=time_s),))


def test_a_part_before_the_hit_lies_before_it_in_track_and_stems() -> None:
    """At a sample and between two: the bowl's strike stays at the hit's time, to the sample."""
    project = early()
    hit = project.hit("h0")
    bowl = strike(project, hit, "s1", hit.seed)
    crate = 10.0 ** (-6.0 / 20.0) * strike(project, hit, "s2", derive_seed(hit.seed, "part p1"))
    expected = np.zeros(max(LATE + len(bowl), len(crate)))
    expected[LATE : LATE + len(bowl)] += bowl
    expected[: len(crate)] += crate
    rendered = render_hits(project, None, Cache(None))
    assert hit_lead(project, hit) == LATE
    assert np.abs(rendered["h0"].samples - expected).max() < 1e-6 * np.abs(expected).max()
    start = RATE // 2 - LATE
    mixed = Track(project, rendered)[:]
    assert not mixed[:start].any() and np.allclose(mixed[start : start + 9000, 0], expected[:9000], atol=1e-6)
    # Between two samples the whole is what its strikes are at their own times.
    between = early(0.5 + 0.4 / RATE)
    alone = do(between, "delete_parts", sound_id="s1", part_ids=["p1"])
    crates = do(
        alone, "set_hits", ids=["h0"], values={"sound_id": "s2", "gain_db": -6.0, "seed": derive_seed(0, "part p1")}
    )
    crates = do(crates, "move_hits", ids=["h0"], delta_s=-0.03)
    parts = [Track(one, render_hits(one, None, Cache(None)))[:] for one in (alone, crates)]
    assert np.allclose(Track(between, render_hits(between, None, Cache(None)))[:], sum(parts), atol=2e-6)
    for kind in ("sound", "layer"):
        stems = make_stems(replace(deliver(project, stems=kind), rendered=rendered))
        assert np.allclose(sum(stem[:] for stem in stems.values()), mixed, atol=1e-5)


def test_a_part_before_the_clip_is_cut_there() -> None:
    project = early(0.01)
    rendered = render_hits(project, None, Cache(None))
    whole, mixed = rendered["h0"].samples, Track(project, rendered)[:]
    cut = LATE - RATE // 100
    assert np.allclose(mixed[96:5000, 0], whole[cut + 96 : cut + 5000], atol=1e-7)
    assert abs(mixed[0, 0]) < 0.01 * np.abs(whole[cut : cut + 96]).max()


@pytest.mark.parametrize("samples", [0, 40, 40.5])
def test_a_hit_at_the_beginning_keeps_its_attack_beside_a_part_before_it(samples: float) -> None:
    """The cut part fades in until the hit's own time, from which on nothing is taken off."""
    project = early(samples / RATE)
    mixed = Track(project, render_hits(project, None, Cache(None)))[:]
    later = early(0.5 + samples / RATE)
    whole = Track(later, render_hits(later, None, Cache(None)))[RATE // 2 :]
    own = math.ceil(samples)
    assert np.allclose(mixed[own : own + 5000], whole[own : own + 5000], atol=2e-6)
    assert samples == 0 or abs(mixed[0, 0]) < 0.01 * np.abs(whole[: own + 96, 0]).max()


def test_side_and_passage_begin_with_the_early_part() -> None:
    project = early()
    hit = project.hit("h0")
    crate = replace(hit, sound_id="s2", seed=derive_seed(hit.seed, "part p1"))  # the bowl has no noise, so no side
    wanted = 10.0 ** (-6.0 / 20.0) * hit_side(replace(project, hits=(crate,)), crate, 30_000)
    assert np.allclose(hit_side(project, hit, 30_000), wanted, atol=1e-7) and wanted[:LATE].any()
    start_s, _ = find_passage(project, ["h0"])
    assert start_s == pytest.approx(0.5 - 0.03 - 0.1)
    assert cut_passage(project, 0.2, 0.48).hits and not cut_passage(project, 0.2, 0.46).hits


def test_a_hit_of_a_sound_without_physics_is_its_parts_alone() -> None:
    project = do(make_project(2), "join_sounds", sound_ids=["s2"])
    project = do(project, "set_hits", ids=["h0"], values={"sound_id": "s3"})
    project = do(project, "set_part", sound_id="s3", part_id="p1", values={"offset_s": 0.25})
    sound = render_hits(project, None, Cache(None))["h0"].samples
    assert not sound[:12_000].any()
    assert np.array_equal(sound[12_000:], strike(project, project.hit("h0"), "s2", derive_seed(0, "part p1")))
    silent = do(project, "set_part", sound_id="s3", part_id="p1", values={"mute": True})
    assert not render_hits(silent, None, Cache(None))["h0"].samples.any()


def test_an_edit_of_a_part_samples_that_part_alone() -> None:
    plain, cache, sampler = make_project(2), Cache(None), CountingSampler()
    render_hits(plain, sampler, cache)
    assert len(sampler.seeds) == 2
    project = layered()
    first = render_hits(project, sampler, cache)
    assert sampler.seeds[2:] == [derive_seed(0, "part p1")]  # the bowl itself was there already
    for values in ({"offset_s": 0.5}, {"gain_db": 3.0}, {"mute": True}):
        moved = do(project, "set_part", sound_id="s1", part_id="p1", values=values)
        again = render_hits(moved, sampler, cache)
        assert len(sampler.seeds) == 3 and again["h0"].key != first["h0"].key and again["h1"].key == first["h1"].key
    two = do(project, "add_part", sound_id="s1", part_sound_id="s2")
    render_hits(two, sampler, cache)
    assert sampler.seeds[3:] == [derive_seed(0, "part p2")]
    harder = do(project, "add_mode", sound_id="s2", frequency_hz=500.0, power_db=-20.0, decay_per_s=9.0)
    render_hits(harder, sampler, cache)
    assert len(sampler.seeds) == 6  # h1, and the part of h0; the bowl is kept
    render_hits(project, sampler, Cache(None))
    assert np.array_equal(render_hits(project, CountingSampler(), Cache(None))["h0"].samples, first["h0"].samples)
    # Without parts a hit has the key that it had before there were any.
    bare = do(project, "delete_parts", sound_id="s1", part_ids=["p1"])
    assert hit_key(bare, bare.hit("h0"), "") == hit_key(plain, plain.hit("h0"), "")


def test_the_editor_and_a_stored_project_give_the_same_samples() -> None:
    """Hit by hit over one cache, as the editor samples what is asked for, and all at once from the project's file."""
    project, cache = layered(), Cache(None)
    stored = project_from_json(json.loads(json.dumps(project_to_json(project))))
    whole = render_hits(stored, None, Cache(None))
    for hit in reversed(project.hits):
        (event,) = [e for e in sample_hits(replace(project, hits=(hit,)), None, cache, group_hits=1) if e.hits]
        assert event.hits[hit.id].key == whole[hit.id].key
        assert np.array_equal(event.hits[hit.id].samples, whole[hit.id].samples)


def test_a_take_of_a_hit_has_takes_of_its_parts() -> None:
    project, sampler = layered(), CountingSampler()
    taken = do(project, "set_hits", ids=["h0"], values={"seed": 77})
    render_hits(replace(taken, hits=(taken.hit("h0"),)), sampler, Cache(None))
    assert sorted(sampler.seeds) == sorted([77, derive_seed(77, "part p1")])


def test_parts_go_through_the_strip_of_their_hit() -> None:
    """Mute, solo and level of the part's own sound are for its own hits."""
    project = layered()
    rendered = render_hits(project, None, Cache(None))
    plain = Track(project, rendered, [project.hit("h0")])[:]
    deaf = replace(project, sounds=(project.sounds[0], replace(project.sounds[1], strip=Strip(-20.0, mute=True))))
    assert np.array_equal(Track(deaf, rendered, [deaf.hit("h0")])[:], plain) and plain.any()
    half = replace(project, sounds=(replace(project.sounds[0], strip=Strip(-6.0)), project.sounds[1]))
    halved = Track(half, rendered, [half.hit("h0")])[:]
    assert np.allclose(halved, 10.0 ** (-6.0 / 20.0) * plain, atol=1e-7)


def test_stems_keep_the_parts_with_their_sound_and_sum_to_the_track() -> None:
    project = layered()
    rendered = render_hits(project, None, Cache(None))
    track = Track(project, rendered)[:]
    for kind, names in (("sound", ["Bowl", "Crate"]), ("layer", ["Modes", "Residual", "Room"])):
        stems = make_stems(replace(deliver(project, stems=kind), rendered=rendered))
        assert list(stems) == names
        assert np.allclose(sum(stem[:] for stem in stems.values()), track, atol=1e-5)
    bowl = Track(project, rendered, [project.hit("h0")])[:]
    assert np.array_equal(make_stems(replace(deliver(project), rendered=rendered))["Bowl"][:], bowl)


def test_a_layer_holds_the_modes_of_every_part() -> None:
    """A bowl of modes alone and another of modes and a little noise 30 ms later: the modes of both are in one stem."""
    noise = Residual((0.0, 1000.0, 24000.0), (-60.0, -66.0), (40.0, 60.0))
    late = Modes((610.0, 1490.0), (-14.0, -20.0), (10.0, 15.0), (0.2, -0.5), (False, False))
    project = layered()
    project = replace(project, sounds=(project.sounds[0], replace(project.sounds[1], modes=late, residual=noise)))
    hit = project.hit("h0")
    sound = render_hits(project, None, Cache(None))["h0"].samples
    split = split_layers(project, hit, sound)
    first = synthesize(Physics(BOWL), seed=0)
    second = 10.0 ** (-6.0 / 20.0) * synthesize(Physics(late), seed=0)
    expected = np.zeros(len(sound))
    expected[: min(len(first), len(sound))] += first[: len(sound)]
    room = min(len(second), len(sound) - LATE)
    expected[LATE : LATE + room] += second[:room]
    assert np.square(split["Modes"] - expected).sum() < 1e-4 * np.square(expected).sum()
    assert np.allclose(sum(split.values()), sound, atol=1e-6)


def test_side_and_room_are_those_of_the_parts() -> None:
    project = layered()
    room = NoiseComponent((-40.0, -46.0), (12.0, 16.0))
    crate = replace(project.sounds[1], residual=replace(project.sounds[1].residual, room=room))
    project = replace(project, sounds=(project.sounds[0], crate))
    hit = project.hit("h0")
    side = hit_side(project, hit, 30_000)
    assert side.shape == (30_000,) and not side[:LATE].any() and side[LATE : LATE + 2000].any()  # the bowl has no noise
    both = hit_room(project, hit, 30_000)
    assert both.shape[0] == 2 and both.shape[1] >= 30_000 and not both[:, :LATE].any()
    # At 4 m the direct sound has a sixteenth of its power; the room of the crate is filled up, the bowl has none.
    assert room_gain(project, hit, 4.0) ** 2 == pytest.approx(1.0 - 1.0 / 16.0)


@pytest.mark.slow
def test_a_scrape_of_a_sound_with_parts_scrapes_them_all() -> None:
    stroke = {"length_s": 0.3, "speeds": [0.5, 1.0], "top_speed_m_per_s": 0.5, "grain_mm": 0.5}
    project = do(layered(), "set_hits", ids=["h0"], values={"stroke": stroke})
    hit = project.hit("h0")
    sound = render_hits(project, None, Cache(None))["h0"].samples
    alone = do(project, "delete_parts", sound_id="s1", part_ids=["p1"])
    bowl = render_hits(alone, None, Cache(None))["h0"].samples
    joined = do(do(project, "join_sounds", sound_ids=["s2"]), "set_hits", ids=["h0"], values={"sound_id": "s3"})
    crate = render_hits(joined, None, Cache(None))["h0"].samples
    expected = np.zeros(len(sound))
    expected[: len(bowl)] += bowl
    expected[LATE : LATE + len(crate)] += 10.0 ** (-6.0 / 20.0) * crate
    assert np.allclose(sound, expected, atol=1e-6 * np.abs(expected).max() + 1e-9)
    assert len(hit_side(project, hit, len(sound))) == len(sound)
    assert np.allclose(sum(split_layers(project, hit, sound).values()), sound, atol=1e-6)
