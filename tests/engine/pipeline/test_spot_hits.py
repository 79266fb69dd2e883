"""A spotting list as hits: they are called as they were, however often a list is written and read."""

from __future__ import annotations

from engine.media.spotting.spots import Spot
from engine.pipeline.spot_hits import hit_values
from tests.delivered_project import make_project


def test_names_of_struck_s_own_lists_do_not_grow() -> None:
    project = make_project()
    sound = project.sounds[0]
    spots = [
        Spot(0.1, f"{sound.name} h3 lid falls", sound.name),
        Spot(0.2, f"{sound.name} h4"),
        Spot(0.3, "door h4 slams", sound.name, -3.0),
        Spot(0.4, f"{sound.name} h5 lid falls -4.5 dB"),
        Spot(0.5, f"{sound.name} h6 +1.0 dB"),
        Spot(0.6, "h7", sound.name),
    ]
    values = hit_values(project, spots)
    assert [given["name"] for given in values] == ["lid falls", "", "door h4 slams", "lid falls", "", ""]
    assert [given.get("sound_id") for given in values] == [sound.id] * 6
    assert [given.get("velocity_db") for given in values] == [None, None, -3.0, -4.5, 1.0, None]


def test_they_do_not_grow_in_a_clip_that_has_no_sounds_by_their_names_yet() -> None:
    spots = [
        Spot(0.1, "Jar · bright h3 lid falls", "Jar · bright", -2.0),
        Spot(0.2, "Jar h4", "Jar"),
        Spot(0.3, "Jar h5 lid falls -4.5 dB"),
        Spot(0.4, "Jar h6 +1.0 dB"),
        Spot(0.5, "door h2"),
        Spot(0.6, "door h2", "Jar"),
        Spot(0.7, "quieter by -3.0 dB"),
    ]
    values = hit_values(make_project(), spots)
    assert [given["name"] for given in values] == [
        "lid falls", "", "lid falls", "", "door h2", "door h2", "quieter by -3.0 dB",
    ]  # fmt: skip
    assert [given.get("velocity_db") for given in values] == [-2.0, None, -4.5, 1.0, None, None, None]
