"""Presets of the export dialog: kept in the data folder, replaced, deleted, and never written over unread."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from engine.core.errors import BadInput
from engine.core.paths import ROOT
from tests.ui_tab import Tab, check_sentence
from ui.export_plan import check_export
from ui.export_presets import FILE, ExportPresets
from ui.protocol.codec import decode_fields
from ui.protocol.exporting import ExportOptions, ExportPreset


def names(tab: Tab) -> list[str]:
    return [preset["name"] for preset in tab.last("welcome")["export_presets"]]


def test_choices_are_kept_replaced_and_deleted(tab: Tab) -> None:
    home = tab.session.context.home
    options: dict[str, Any] = {"sample_rate_hz": 96000, "channels": "5.1", "start_timecode": "01:00:00:00"}
    tab.ask("save_export_preset", preset={"name": " Film, 96 kHz ", "what": ["wav", "stems"], "options": options})
    tab.ask("save_export_preset", preset={"name": "atmo", "what": ["wav"], "options": {}})
    assert names(tab) == ["atmo", "Film, 96 kHz"] and not tab.errors
    film = ExportPresets(home).list()[1]  # as after a restart
    assert film == ExportPreset("Film, 96 kHz", ("wav", "stems"), ExportOptions(**options))
    tab.ask("save_export_preset", preset={"name": "atmo", "what": ["mp4"], "options": {"video_ending": ".mov"}})
    assert ExportPresets(home).list()[0].what == ("mp4",)
    for name in names(tab):
        tab.ask("delete_export_preset", name=name)
    assert names(tab) == [] and not tab.errors


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("delete_export_preset", {"name": "ghost"}),
        ("save_export_preset", {"preset": {"name": " ", "what": ["wav"], "options": {}}}),
        ("save_export_preset", {"preset": {"name": "x" * 41, "what": ["wav"], "options": {}}}),
        ("save_export_preset", {"preset": {"name": "none", "what": [], "options": {}}}),
        ("save_export_preset", {"preset": {"name": "odd", "what": ["wav"], "options": {"sample_rate_hz": 12}}}),
    ],
)
def test_what_is_no_preset_is_refused_in_a_sentence(tab: Tab, kind: str, values: dict[str, Any]) -> None:
    tab.ask(kind, **values)
    check_sentence(tab.errors[-1])
    assert not tab.session.context.export_presets.list()


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"version": 9, "presets": []}', json.dumps({"version": 1, "presets": [{"name": 3}]})]
)
def test_a_damaged_file_is_none_and_stays_as_it_is(text: str, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(text)
    presets = ExportPresets(tmp_path)
    assert presets.list() == ()
    with pytest.raises(BadInput):
        presets.put(ExportPreset("a", ("wav",), ExportOptions()))
    assert (tmp_path / FILE).read_text() == text


def test_the_presets_that_ship_can_be_exported() -> None:
    source = (ROOT / "ui" / "editor" / "panels" / "export_presets.js").read_text("utf-8")
    rows = re.findall(r'^  "([^"]+)": \{ kinds: (\[.*?\]), options: (\{.*?\}) \},$', source, re.MULTILINE)
    presets = {
        name: (json.loads(kinds), json.loads(re.sub(r"(\w+): ", r'"\1": ', options))) for name, kinds, options in rows
    }
    assert {"Reaper, film", "Pro Tools, 5.1", "Wwise pack"} <= set(presets)
    for kinds, values in presets.values():
        assert set(check_export(kinds, decode_fields(ExportOptions, values, "a preset"))) == set(kinds)
    film = presets["Pro Tools, 5.1"][1]
    assert (film["channels"], film["start_timecode"], film["two_pop"]) == ("5.1", "00:59:58:00", True)


def test_a_folder_in_place_of_the_file_is_named_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    assert ExportPresets(tmp_path).list() == ()
    with pytest.raises(BadInput, match="is a directory") as refused:
        ExportPresets(tmp_path).put(ExportPreset("atmo", ("wav",), ExportOptions()))
    assert "Errno" not in str(refused.value)
