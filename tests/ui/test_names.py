"""Clips of difficult names in the editor: opened, exported, saved, kept and taken up again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.clips import make_clicks, make_clip
from tests.ui_tab import Tab, make_context
from ui import clip_service
from ui.session import Session


@pytest.mark.slow
@pytest.mark.parametrize("stem", [b"caf\xe9", "鐘".encode() * 80])
def test_a_clip_of_a_difficult_name_is_opened_exported_and_kept(tmp_path: Path, stem: bytes) -> None:
    clip = tmp_path / f"{os.fsdecode(stem)}.mp4"
    try:
        make_clip(tmp_path / "c.mp4", sounds=[(0.0, make_clicks([0.5], 2.0))]).rename(clip)
    except OSError:
        pytest.skip("this file system takes UTF-8 names alone")
    context = make_context(tmp_path)
    tab = Tab(Session(context, "named-tab"))
    clip_service.open_path(tab.session, clip)
    tab.settle()
    tab.ask("export", what=["wav", "mp4", "stems", "markers", "project"])
    tab.settle()
    tab.ask("save")
    tab.session.keep(is_last=True)
    files = tab.last("exported")["files"]
    assert len(files) == 5 and not tab.heard("error")
    assert all(len(file["name"].encode()) <= 255 for file in files)
    again = Tab(Session(context, "named-tab"))
    assert again.session.resume() and again.session.project == tab.session.project
    assert tab.session.saved_as is not None and tab.session.saved_as.is_file()
