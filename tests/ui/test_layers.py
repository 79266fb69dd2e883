"""Velocity layers measured from the hits of the demo, in one undoable step."""

from __future__ import annotations

import pytest

from tests.ui_tab import Tab, check_sentence


@pytest.mark.slow
def test_a_sound_gets_layers_from_its_hits(tab: Tab) -> None:
    session = tab.session
    project = session.require_project()
    sound = max(project.sounds, key=lambda s: len({round(h.velocity_db) for h in project.hits if h.sound_id == s.id}))
    hits = [hit for hit in project.hits if hit.sound_id == sound.id]
    tab.ask("measure_layers", sound_id=sound.id, hits=[hit.id for hit in hits])
    tab.settle()
    assert not tab.errors
    layers = session.require_project().sound(sound.id).layers
    velocities = [layer.velocity_db for layer in layers]
    assert layers and set(velocities) <= {hit.velocity_db for hit in hits} and velocities == sorted(velocities)
    told = next(one for one in tab.last("document")["project"]["sounds"] if one["id"] == sound.id)
    assert [layer["modes"] for layer in told["layers"]] == [len(layer.modes) for layer in layers]
    tab.ask("undo")
    assert session.require_project() == project

    other = next(hit for hit in project.hits if hit.sound_id != sound.id)
    tab.ask("measure_layers", sound_id=sound.id, hits=[other.id])
    check_sentence(tab.errors[-1])
