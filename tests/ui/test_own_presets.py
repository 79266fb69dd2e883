"""Presets of one's own: kept in the data folder, used, exported, taken in, deleted, and never written over unread."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.core.errors import BadInput
from engine.physics.macros import apply_macros
from engine.physics.preset_files import presets_to_bytes, read_presets
from tests.ui_tab import Tab, check_sentence
from ui.own_presets import FILE, OwnPresets


def own(tab: Tab) -> dict[str, list[str]]:
    return {one["name"]: one["tags"] for one in tab.last("welcome")["presets"] if one["is_own"]}


@pytest.mark.slow
def test_a_sound_is_kept_used_exported_and_taken_in(tab: Tab, tmp_path: Path) -> None:
    session = tab.session
    home, sound = session.context.home, session.require_project().sounds[0]
    tab.edit("set_macros", sound_id=sound.id, values={"mass": 0.4})
    sound = session.require_project().sounds[0]
    tab.ask("save_preset", sound_id=sound.id, name="  My  bin ", tags=["Metal", "bin", "metal"])
    assert own(tab) == {"My bin": ["metal", "bin"]} and (home / FILE).is_file()
    (kept,) = OwnPresets(home).list()  # as after a restart
    assert (kept.modes, kept.residual) == apply_macros(sound.modes, sound.residual, sound.macros)

    other = session.require_project().sounds[-1]
    tab.edit("apply_preset", sound_id=other.id, name="My bin")
    assert session.require_project().sounds[-1].modes == kept.modes

    exported = tmp_path / "presets.json"
    exported.write_bytes((home / FILE).read_bytes())
    tab.ask("delete_preset", name="My bin")
    assert own(tab) == {}
    tab.ask("import_presets", path=str(exported))
    assert own(tab) == {"My bin": ["metal", "bin"]} and not tab.errors

    shipped = session.context.shipped_presets()[0].name
    exported.write_text('{"format": "struck-presets"}')
    for kind, values in (
        ("save_preset", {"sound_id": sound.id, "name": shipped}),
        ("save_preset", {"sound_id": sound.id, "name": " "}),
        ("delete_preset", {"name": "ghost"}),
        ("import_presets", {"path": str(exported)}),
    ):
        before = len(tab.errors)
        tab.ask(kind, **values)
        assert len(tab.errors) == before + 1
        check_sentence(tab.errors[-1])
    tab.ask("delete_preset", name="My bin")


def test_a_damaged_file_is_none_and_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("{")
    presets = OwnPresets(tmp_path)
    assert presets.list() == ()
    with pytest.raises(BadInput):
        presets.put([])
    assert (tmp_path / FILE).read_text() == "{"
    (tmp_path / FILE).write_bytes(presets_to_bytes(()))
    assert read_presets(tmp_path / FILE) == ()
