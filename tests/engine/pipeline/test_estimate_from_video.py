"""Estimates from the picture: which checkpoint is used, and predictions for every hit of a clip in its order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.bank.bank import make_bank
from engine.pipeline.estimate_from_video import HitsEstimated, estimate_hits, find_vision_network
from engine.pipeline.events import PictureProgress, last_event
from engine.pipeline.open_clip import open_clip
from engine.vision.predict import save_vision_model
from tests.clips import make_clip
from tests.frames import make_entry, make_model


@pytest.mark.parametrize("names", [("vision",), ("sight",), ("sight", "vision")])
def test_a_network_is_found_under_its_present_and_its_former_folder_s_name(tmp_path: Path, names: tuple[str]) -> None:
    for name in names:
        save_vision_model(tmp_path / name, make_model(), {})
    assert find_vision_network(tmp_path) == tmp_path / names[-1]  # the present name first


def test_where_there_is_none_the_network_that_ships_is_used(tmp_path: Path) -> None:
    (tmp_path / "sight").mkdir()
    assert find_vision_network(tmp_path) is None and find_vision_network(None) is None


def test_hits_are_estimated_in_the_order_given(tmp_path: Path) -> None:
    clip = open_clip(make_clip(tmp_path / "silent.mp4")).project.clip
    bank = make_bank([make_entry(f"{m} {k}", 300.0 + 100.0 * k, m) for m in ("wood", "glass") for k in range(3)])
    events = list(estimate_hits(clip, [0.9, 0.3], bank, make_model(), top=2))
    one, two = last_event(events, HitsEstimated).estimates
    progress = [event.fraction for event in events if isinstance(event, PictureProgress)]
    assert (one.time_s, two.time_s) == (0.9, 0.3) and two.object == 0  # objects are numbered by their first hit
    assert all(len(hit.candidates) == 2 for hit in (one, two))
    assert progress == sorted(progress) and progress[-1] == 1.0
    (alone,) = last_event(estimate_hits(clip, [0.9], bank, make_model(), top=2), HitsEstimated).estimates
    if one.object != two.object:  # otherwise both share one prediction
        assert np.allclose(alone.prediction.embedding, one.prediction.embedding, atol=1e-4)
    assert last_event(estimate_hits(clip, [], bank, make_model()), HitsEstimated).estimates == ()
