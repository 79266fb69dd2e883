"""What the near views of the timeline need of the server: the clip's samples, and transients to snap to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from engine.media.sound import read_clip_audio
from tests.clips import make_clicks, make_clip
from tests.ui_tab import Tab, check_sentence, make_context
from ui.server import create_app


@pytest.mark.slow
def test_the_clips_own_samples_are_served_in_short_spans(tmp_path: Path) -> None:
    app = create_app(make_context(tmp_path))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        tab = Tab(app.state.sessions.get("near-views"))
        tab.open_demo()
        clip = tab.session.require_project().clip
        address = f"/struck/samples/{tab.session.id}"
        answer = client.get(address, params={"start_s": 2.0, "end_s": 4.0})
        samples = np.frombuffer(answer.content, "<f4")
        assert np.array_equal(samples, read_clip_audio(clip.path, 48_000, 2.0, 2.0)) and len(samples) == 96_000
        for start_s, end_s in ((0.0, 60.0), (3.0, 2.0), (-1.0, 1.0)):
            refused = client.get(address, params={"start_s": start_s, "end_s": end_s})
            assert refused.status_code == 400
            check_sentence(refused.json()["error"])


@pytest.mark.slow
def test_hits_snap_to_transients_as_one_edit_and_the_rest_is_told(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", count=60, sounds=[(0.0, make_clicks([0.6, 1.4], 2.4))])
    tab = Tab(create_app(make_context(tmp_path)).state.sessions.get("snapping-1"))
    tab.ask("open", path=str(clip))
    tab.settle()
    first, second = (hit.id for hit in tab.session.require_project().hits)
    tab.edit("set_each_hit", values={first: {"time_s": 0.63}, second: {"time_s": 1.0}})
    tab.ask("snap_hits", hits=[first, second])
    tab.settle()
    times_s = [hit.time_s for hit in tab.session.require_project().hits]
    assert times_s == pytest.approx([0.6, 1.0], abs=0.002) and not tab.errors
    assert tab.last("note")["message"].startswith("1 of 2 stay")
    tab.ask("undo")
    assert [hit.time_s for hit in tab.session.require_project().hits] == [0.63, 1.0]
