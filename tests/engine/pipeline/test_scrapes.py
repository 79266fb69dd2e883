"""Scrapes in a project: rendered from the strike of their object, mixed, moved and saved like any hit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from engine.core.cache import Cache
from engine.core.errors import BadInput
from engine.document.edits.messages import apply_message
from engine.document.project import Project
from engine.document.serialization import project_from_json, project_to_json
from engine.physics.model import Modes, NoiseComponent, Physics, Residual, Stroke
from engine.physics.scrape import draw_force, scrape
from engine.physics.synthesis import synthesize
from engine.pipeline.layers import split_layers
from engine.pipeline.render import hit_key, hit_physics, render_hits
from engine.pipeline.track import Track, hit_side
from tests.engine.pipeline.test_render import RATE, CountingSampler, make_project

STROKE = {"length_s": 0.4, "speeds": [0.2, 1.0, 0.4], "top_speed_m_per_s": 0.8, "grain_mm": 0.3}


def do(project: Project, **message: Any) -> Project:
    return apply_message(project, message).apply(project)


def scraped() -> Project:
    return do(make_project(2), kind="set_hits", ids=["h0"], values={"stroke": STROKE})


def test_a_scrape_is_the_strike_under_the_force_of_its_stroke() -> None:
    project, cache = scraped(), Cache(None)
    hit = project.hit("h0")
    assert hit.stroke is not None
    strike = render_hits(make_project(2), None, Cache(None))["h0"].samples
    sound = render_hits(project, None, cache)["h0"].samples
    force = draw_force(hit.stroke, RATE, hit.seed)
    assert len(sound) == len(force) + len(strike) - 1
    assert np.abs(sound - np.convolve(force[:24_000], strike)[: len(sound)]).max() < 1e-5 * np.abs(sound).max()
    assert len(hit_side(project, hit, len(sound))) == len(sound)
    assert np.allclose(sum(split_layers(project, hit, sound).values()), sound, atol=1e-6)
    # It is mixed like any hit, and a move renders nothing anew.
    moved = do(project, kind="move_hits", ids=["h0"], delta_s=0.25)
    assert hit_key(moved, moved.hit("h0"), "") == hit_key(project, hit, "")
    mixed = Track(moved, render_hits(moved, None, cache))
    first = round(0.75 * RATE)
    assert np.allclose(mixed[first : first + 3000][:, 0], sound[:3000], atol=1e-6)


def test_the_room_of_a_scrape_is_a_layer_of_its_own() -> None:
    """Strikes of noise and of room, made apart and scraped by one force.

    While the stroke lasts the room is a minor part of the noise, which a Wiener filter takes for less than it is; once
    the contact has ended, the layer is the room.
    """
    project, stroke = scraped(), scraped().hit("h0").stroke
    assert stroke is not None
    edges, room = (0.0, 2000.0, 12_000.0), NoiseComponent((-44.0, -50.0), (12.0, 16.0))
    contact = Residual(edges, (-30.0, -34.0), (90.0, 120.0))
    sounds = tuple(replace(sound, residual=contact.with_component("room", room)) for sound in project.sounds)
    project = replace(project, sounds=sounds)
    hit = project.hit("h0")
    modes, residual = hit_physics(project, hit)
    strikes = (Physics(modes, Residual(), RATE), Physics(Modes(), contact, RATE),
               Physics(Modes(), Residual(residual.edges_hz, room=residual.room), RATE))  # fmt: skip
    parts = [scrape(synthesize(physics, 0.6, seed=3 + k), stroke, RATE, hit.seed) for k, physics in enumerate(strikes)]
    found = split_layers(project, hit, np.sum(parts, axis=0))
    assert np.abs(sum(found.values()) - np.sum(parts, axis=0)).max() < 1e-5
    during, after = slice(0, round(0.4 * RATE)), slice(round(0.46 * RATE), round(0.75 * RATE))
    assert np.corrcoef(found["Room"][after], parts[2][after])[0, 1] > 0.95
    levels_db = [10.0 * np.log10(np.mean(found["Room"][k] ** 2) / np.mean(parts[2][k] ** 2)) for k in (during, after)]
    assert abs(levels_db[1]) < 1.0 and -10.0 < levels_db[0] < 0.0
    assert np.corrcoef(found["Residual"][during], parts[1][during])[0, 1] > 0.8


def test_a_changed_stroke_samples_no_strike_again() -> None:
    project, cache, sampler = scraped(), Cache(None), CountingSampler()
    render_hits(project, sampler, cache)
    asked = len(sampler.seeds)
    slower = do(project, kind="set_hits", ids=["h0"], values={"stroke": {**STROKE, "top_speed_m_per_s": 0.2}})
    assert hit_key(slower, slower.hit("h0"), "") != hit_key(project, project.hit("h0"), "")
    render_hits(slower, sampler, cache)
    assert len(sampler.seeds) == asked
    back = do(slower, kind="clear_strokes", ids=["h0"])
    assert hit_key(back, back.hit("h0"), "") == hit_key(make_project(2), make_project(2).hit("h0"), "")


def test_a_single_speed_is_that_of_the_whole_way() -> None:
    """In an edit, and in a project that was saved with one."""
    given = do(make_project(2), kind="set_hits", ids=["h0"], values={"stroke": {**STROKE, "speeds": [0.6]}})
    saved = project_to_json(scraped())
    saved["hits"][0]["stroke"]["speeds"] = [0.6]
    whole = do(make_project(2), kind="set_hits", ids=["h0"], values={"stroke": {**STROKE, "speeds": [0.6, 0.6]}})
    for project in (given, project_from_json(saved)):
        assert project.hit("h0").stroke == whole.hit("h0").stroke
    assert Stroke(0.4, (0.6,)).speeds == (0.6, 0.6)


def test_it_is_saved_copied_and_checked() -> None:
    project = scraped()
    assert project_from_json(project_to_json(project)) == project
    assert "stroke" not in project_to_json(project)["hits"][1]
    copied = do(project, kind="add_hits", hits=[{"time_s": 2.0, "stroke": STROKE}], how="paste")
    assert copied.hit("h2").stroke == project.hit("h0").stroke
    for wrong in ({"speed": 1}, {"speeds": [0.0] * 600}, {"length_s": "long"}, []):
        with pytest.raises(BadInput):
            do(project, kind="set_hits", ids=["h0"], values={"stroke": wrong})
