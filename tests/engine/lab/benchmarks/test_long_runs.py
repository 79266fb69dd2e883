"""The benches of hours of edits and of long clips: what they send is taken, what they film is what they say."""

from __future__ import annotations

import random
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from engine.core.units import SAMPLE_RATE_HZ
from engine.lab.benchmarks import edits, long_clip
from engine.lab.benchmarks.draw_edits import DRAWS, draw_edit
from engine.media.probe import probe, scan_picture
from engine.media.sound import iter_clip_audio
from tests.clips import draw_frame
from tests.ui_tab import Tab
from ui.protocol.edits import EditMessage

NEEDY = {"delete_sound", "merge_sounds", "set_marker", "delete_marker"}
NEEDY |= {"ungroup_hits", "delete_layers", "clear_strokes"}
NEEDY |= {"add_part", "set_part", "delete_parts", "join_sounds"}
"""Kinds that need what a document may not have: markers, groups, more sounds, parts or none."""


def test_edits_of_all_kinds_are_drawn() -> None:
    assert set(DRAWS) == {kind.kind for kind in get_args(EditMessage)}


@pytest.mark.slow
def test_what_is_drawn_is_an_edit_of_the_document(tab: Tab) -> None:
    draw, made = random.Random(3), set()
    kinds = [kind for kind in DRAWS if kind not in ("set_source", "set_track")] * 3
    for wanted in draw.sample(kinds, len(kinds)):
        kind, fields = draw_edit(draw, tab.last("document")["project"], wanted)
        tab.edit(kind, **fields)
        made.add(kind)
    assert not tab.errors and made >= set(kinds) - NEEDY
    tab.settle()


def held(hours: float, **values: int) -> edits.Held:
    known = {"memory_mb": 700.0, "threads": 8, "open_files": 20, "temporary_files": 0, "data_files": 9}
    return edits.Held(hours=hours, **{**known, **values})  # type: ignore[arg-type]


def test_growth_is_told_and_caches_that_fill_are_none() -> None:
    hours = [0.25 * k for k in range(33)]
    full = [held(hour, memory_mb=round(400 + min(300, 200 * hour))) for hour in hours]  # type: ignore[call-arg]
    assert edits.find_growth(full) == []
    leak = [held(hour, memory_mb=round(700 + 10 * hour), open_files=round(20 + 2 * hour)) for hour in hours]
    assert [fault.split()[0] for fault in edits.find_growth(leak)] == ["memory_mb", "open_files"]
    assert edits.find_growth([held(0.5), held(1.0, memory_mb=900)]) == []  # caches still fill
    assert [fault.split()[0] for fault in edits.find_growth([held(h, temporary_files=int(h > 6)) for h in hours])] == [
        "temporary_files"
    ]


@pytest.mark.slow
def test_a_long_clip_repeats_its_hits_in_picture_and_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_clip, "_draw_frames", lambda: map(draw_frame, range(500)))
    path = tmp_path / "long.mp4"
    long_clip.make_long_clip(path, 1.0)
    picture = scan_picture(path)
    assert probe(path).duration_s == pytest.approx(60.0) and picture.frame_count == 1500
    assert np.diff(picture.frame_times_s) == pytest.approx(0.04, abs=1e-4)
    sound = np.concatenate(list(iter_clip_audio(path, SAMPLE_RATE_HZ, 10.0, 0)))
    loop = round(long_clip.LOOP_S * SAMPLE_RATE_HZ)
    first, last = sound[:loop], sound[2 * loop : 3 * loop]
    assert np.corrcoef(first, last)[0, 1] > 0.99
    for time_s in long_clip.LOOP_HITS_S:
        at = round(time_s * SAMPLE_RATE_HZ)
        before, after = (np.abs(first[part]).max() for part in (slice(at - 2000, at - 200), slice(at, at + 2000)))
        assert after > 3.0 * before
