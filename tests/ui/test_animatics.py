"""Animatics over the app's messages: a frame of the clip moves at the hits, and requests that cannot be met say why."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from engine.animate.network import MotionNetwork, MotionNetworkConfig, save_motion_network
from engine.media.probe import probe
from tests.ui_tab import Tab, check_sentence

OUTSIDE = ({"at_x": 2.0, "at_y": 0.5}, {"at_x": 0.5, "at_y": -1.0}, {"guidance": 9.0}, {"time_s": -1.0})


@pytest.mark.slow
def test_a_frame_of_the_clip_becomes_a_film_as_long_as_the_clip(
    tab: Tab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    tiny = MotionNetwork(MotionNetworkConfig(field_width=6, track_width=12, vector_width=8, dilations=(1,)))
    save_motion_network(tmp_path, tiny, {})
    monkeypatch.setattr("engine.pipeline.make_animatic.find_motion_network", lambda _: tmp_path)
    monkeypatch.setattr("ui.animatic_service.MOST_ROWS", 72)
    told = len(tab.errors)
    for wrong in ({"at_x": 0.5}, {"image": "upload:none/none.png"}, {"seed": -1}, *OUTSIDE):
        tab.ask("make_animatic", **wrong)
        assert len(tab.errors) == told + 1
        told += 1
        check_sentence(tab.errors[-1])
    tab.ask("make_animatic", time_s=1.0, at_x=0.25, at_y=0.5, striker="mallet")
    tab.settle()
    made = tab.last("animatic_made")
    assert (made["at_x"], made["at_y"], made["hits"]) == (0.25, 0.5, len(tab.session.require_project().hits))
    clip = tab.session.require_project().clip
    film = probe(tab.session.folder("exports") / made["name"])
    assert film.duration_s == pytest.approx(clip.duration_s, abs=0.1) and film.has_audio
