"""History: undo and redo are inverse, a drag is one entry, an equal value adds nothing."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from fractions import Fraction

import pytest

from engine.core.errors import BadInput
from engine.document.edits.hits import add_hit, move_hits
from engine.document.edits.settings import set_mix
from engine.document.edits.values import Edit
from engine.document.history import LEVELS, History, commit, redo, undo
from engine.document.project import Clip, Hit, Project, Sound
from engine.document.source import Source
from engine.physics.model import Modes, Residual

PROJECT = Project(
    Clip("/c.mp4", "d", 10.0, Fraction(25), 320, 240),
    (Sound("s1", "Bell", Modes(), Residual(), Source("preset")),),
    (Hit("h1", 1.0, "s1", 1),),
)


@pytest.mark.parametrize("seed", range(60))
def test_undoing_everything_gives_the_first_document_and_redoing_the_last(seed: int) -> None:
    rng = random.Random(seed)
    history = History(PROJECT)
    for _ in range(30):
        kind = rng.choice(["undo", "redo", "gain", "gain"])
        gain_db, gesture = rng.choice([-6.0, 0.0, 3.0]), rng.choice([None, "a", "b"])
        before = history
        if kind == "undo":
            history = undo(history)
            assert redo(history).now == before.now if before.past else history is before
        elif kind == "redo":
            history = redo(history)
            assert undo(history).now == before.now if before.future else history is before
        else:
            history = commit(history, set_mix(gain_db=gain_db), gesture)
            assert history.now.mix.gain_db == gain_db
            if before.now.mix.gain_db == gain_db:
                assert history is before
            else:
                assert not history.future
        neighbours = [*(s.project for s in history.past), history.now, *(s.project for s in reversed(history.future))]
        assert all(a != b for a, b in itertools.pairwise(neighbours))
    end = history
    for _ in range(len(end.past)):
        history = undo(history)
    assert history.now == PROJECT and history.undo_label is None
    for _ in range(len(history.future)):
        history = redo(history)
    assert len(history.past) == len(end.past) + len(end.future)


def test_a_drag_is_one_entry_and_vanishes_where_it_began() -> None:
    history = History(PROJECT)
    for _ in range(50):
        history = commit(history, move_hits(["h1"], 0.01), "drag 1")
    assert len(history.past) == 1 and history.undo_label == "Move hit"
    assert undo(history).now == PROJECT
    history = commit(history, move_hits(["h1"], 0.5), "drag 2")
    assert len(history.past) == 2
    history = History(PROJECT)
    for gain_db in (-1.0, -2.0, 0.0):
        history = commit(history, set_mix(gain_db=gain_db), "drag 3")
    assert history == History(PROJECT)


def test_a_gesture_is_named_by_its_first_edit_or_by_one_that_takes_the_place_of_those_before() -> None:
    history = commit(History(PROJECT), add_hit(2.0), "a")
    history = commit(history, set_mix(gain_db=-1.0), "a")
    assert history.undo_label == "Add hit"
    renamed = commit(history, set_mix(gain_db=-2.0), "a", renames=True)
    assert renamed.undo_label == set_mix(gain_db=-2.0).label != "Add hit"
    assert undo(renamed).now == PROJECT and undo(renamed).redo_label == renamed.undo_label


def test_a_drag_after_an_undo_is_a_new_entry() -> None:
    history = commit(History(PROJECT), set_mix(gain_db=-1.0), "a")
    history = redo(undo(history))
    history = commit(history, set_mix(gain_db=-2.0), "a")
    assert len(history.past) == 2


def test_at_least_200_levels_and_a_bound() -> None:
    history = History(PROJECT)
    for k in range(LEVELS + 50):
        history = commit(history, Edit("Set seed", lambda p, k=k: replace(p, render=replace(p.render, seed=k + 1))))
    assert LEVELS >= 200 and len(history.past) == LEVELS
    for _ in range(LEVELS):
        history = undo(history)
    assert history.now.render.seed == 50


def test_a_refused_edit_changes_nothing() -> None:
    history = commit(History(PROJECT), add_hit(2.0))
    with pytest.raises(BadInput):
        commit(history, move_hits(["nobody"], 1.0))
    assert history.redo_label is None and history.undo_label == "Add hit"


def test_the_newest_entry_is_known_by_its_gesture_until_it_is_undone() -> None:
    history = commit(commit(History(PROJECT), set_mix(gain_db=3.0), "a"), set_mix(gain_db=6.0), "b")
    assert history.undo_gesture == "b"
    assert undo(history).undo_gesture == "a" and undo(undo(history)).undo_gesture is None
    assert redo(undo(history)).undo_gesture is None  # a drag does not go on in it
