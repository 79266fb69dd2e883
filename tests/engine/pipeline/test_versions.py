"""Versions to compare by ear: which passage, which earlier state, and equal loudness."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from engine.document.edits.messages import apply_message
from engine.document.history import History, commit
from engine.physics.model import Modes
from engine.pipeline.versions import find_changes, find_passage, match_loudness
from tests.engine.document.test_arranging import make_project

TIME_S = np.arange(48_000) / 48_000.0


def tone(frequency_hz: float, level_db: float) -> np.ndarray:
    wave = 10.0 ** (level_db / 20.0) * np.sin(2.0 * np.pi * frequency_hz * TIME_S)
    return np.repeat(wave[:, None], 2, axis=1).astype(np.float32)


def test_versions_are_made_equally_loud_and_none_clips() -> None:
    # A sine of 997 Hz in both channels has the loudness of its level in dBFS (ITU-R BS.1770-4, annex 1).
    loudness, gains_db = match_loudness([tone(997.0, -30.0), tone(997.0, -20.0), np.zeros((48_000, 2), np.float32)])
    assert loudness[:2] == pytest.approx([-30.0, -20.0], abs=0.1) and math.isnan(loudness[2])
    assert gains_db == pytest.approx([0.0, -10.0, 0.0], abs=0.05)
    # K weighting: 40 Hz counts for less than 3 kHz of the same level, so it is raised; all give way to its peak.
    low, high = tone(40.0, -3.0), tone(3000.0, -3.0)
    _, gains_db = match_loudness([high, low])
    assert gains_db[1] - gains_db[0] > 6.0
    assert gains_db[1] - 3.0 == pytest.approx(-1.0, abs=0.01)


def test_the_last_audible_change_is_found_and_names_are_passed_over() -> None:
    history = History(make_project(1.0, 2.0, 6.0))
    for message in (
        {"kind": "set_hits", "ids": ["h1"], "values": {"velocity_db": -6.0}},
        {"kind": "set_hits", "ids": ["h3"], "values": {"gain_db": 3.0}},
        {"kind": "set_hits", "ids": ["h1"], "values": {"name": "door"}},
        {"kind": "set_mix", "clip_gain_db": -3.0},
    ):
        history = commit(history, apply_message(history.now, message))
    (change,) = find_changes(history, {"h1"})
    assert change.label == "Set velocity of hit" and change.project.hit("h1").velocity_db == 0.0
    assert [step.project.hit("h3").gain_db for step in find_changes(history, {"h3"})] == [0.0]
    assert find_changes(history, {"h2"}) == []
    assert find_passage(history.now, {"h1"}) == pytest.approx((0.9, 2.0))
    assert find_passage(history.now, {"h1", "h2"}) == pytest.approx((0.9, 4.0))
    assert find_passage(history.now, {"h3"}) == pytest.approx((5.9, 8.0))


def test_another_sound_s_solo_is_a_change_of_what_it_silences() -> None:
    project = make_project(1.0, 2.0)
    other = replace(project.sounds[0], id="s9")
    project = replace(project, sounds=(*project.sounds, other))
    history = History(replace(project, hits=(project.hits[0], replace(project.hits[1], sound_id="s9"))))
    history = commit(
        history, apply_message(history.now, {"kind": "set_strip", "sound_id": "s9", "values": {"solo": True}})
    )
    assert not {"h1"} & {hit.id for hit in history.now.heard_hits()}
    (change,) = find_changes(history, {"h1"})
    assert change.project is history.past[-1].project and find_changes(history, {"h2"})


def test_what_rings_into_the_passage_counts_and_a_colour_does_not() -> None:
    project = make_project(0.9, 1.1, 1.3)
    slow = Modes((440.0,), (-12.0,), (20.0,), (0.0,))  # 30 dB take 0.17 s
    project = replace(project, sounds=tuple(replace(sound, modes=slow) for sound in project.sounds))
    history = History(project)
    for message in (
        {"kind": "set_hits", "ids": ["h1"], "values": {"gain_db": -9.0}},
        {"kind": "delete_hits", "ids": ["h2"]},
        {"kind": "set_color", "sound_id": "s2", "color": "#112233"},
    ):
        history = commit(history, apply_message(history.now, message))
    assert len(history.past) == 3
    assert [change.label for change in find_changes(history, {"h3"})] == ["Delete hit"]
    assert [change.label for change in find_changes(history, {"h1"})] == ["Delete hit", "Set level of hit"]
