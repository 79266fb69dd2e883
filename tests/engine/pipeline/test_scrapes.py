"""Scrapes in a project: rendered from the strike of their object, mixed, moved and saved like any hit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.core.cache import Cache
from engine.core.errors import BadInput
from engine.document.edits.messages import apply_message
from engine.document.project import Project
from engine.document.serialization import project_from_json, project_to_json
from engine.physics.scrape import draw_force
from engine.pipeline.layers import split_layers
from engine.pipeline.render import hit_key, render_hits
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


def test_it_is_saved_copied_and_checked() -> None:
    project = scraped()
    assert project_from_json(project_to_json(project)) == project
    assert "stroke" not in project_to_json(project)["hits"][1]
    copied = do(project, kind="add_hits", hits=[{"time_s": 2.0, "stroke": STROKE}], how="paste")
    assert copied.hit("h2").stroke == project.hit("h0").stroke
    for wrong in ({"speed": 1}, {"speeds": [0.0] * 600}, {"length_s": "long"}, []):
        with pytest.raises(BadInput):
            do(project, kind="set_hits", ids=["h0"], values={"stroke": wrong})
