"""A process killed while it edits, samples, analyses and exports loses nothing acknowledged and leaves nothing torn."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.core.files import write_file
from engine.document.storage import autosave
from engine.lab.evaluation.robustness.kills import check_folder_after_kill, edit, make_first_project, run_kills
from engine.lab.evaluation.robustness.seeds import write_clip


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_and_nothing_torn_is_read(tmp_path: Path) -> None:
    totals = run_kills(12, 7, tmp_path)
    assert min(totals[name] for name in ("edit", "project", "sample", "wave", "bank")) > 0


@pytest.mark.slow
def test_the_check_finds_a_lost_edit_and_a_torn_export(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip.mp4", "libx264", "aac", {})
    project = edit(make_first_project(tmp_path / "clip.mp4"))
    autosave(tmp_path / "sessions", project, "tab")
    check_folder_after_kill(tmp_path, tmp_path / "clip.mp4", [("edit", 1)])
    with pytest.raises(AssertionError, match="edit 2 is lost"):
        check_folder_after_kill(tmp_path, tmp_path / "clip.mp4", [("edit", 2)])
    write_file(tmp_path / "markers.csv", b"time_s\n0.1\n")
    with pytest.raises(AssertionError):
        check_folder_after_kill(tmp_path, tmp_path / "clip.mp4", [])
