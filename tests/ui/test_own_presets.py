"""Presets of one's own: kept in the data folder, used, exported, taken in, deleted, and never written over unread."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.core.errors import BadInput
from engine.document.preset_files import presets_to_bytes, read_presets
from engine.physics.macros import apply_macros
from tests.ui_tab import Tab, check_sentence
from ui.own_presets import FILE, OwnPresets


def own(tab: Tab) -> dict[str, list[str]]:
    return {one["name"]: one["tags"] for one in tab.last("welcome")["presets"] if one["is_own"]}


@pytest.mark.slow
def test_a_sound_is_kept_used_exported_and_taken_in(tab: Tab, tmp_path: Path) -> None:
    session = tab.session
    home, sound = session.context.home, session.require_project().sounds[0]
    other = session.require_project().sounds[-1]
    tab.edit("set_macros", sound_id=sound.id, values={"mass": 0.4})
    tab.edit("add_part", sound_id=sound.id, part_sound_id=other.id, offset_s=-0.05, gain_db=-6.0)
    sound = session.require_project().sounds[0]
    tab.ask("save_preset", sound_id=sound.id, name="  My  bin ", tags=["Metal", "bin", "metal"])
    assert own(tab) == {"My bin": ["metal", "bin"]} and (home / FILE).is_file()
    (kept,) = OwnPresets(home).list()  # as after a restart
    assert (kept.modes, kept.residual) == apply_macros(sound.modes, sound.residual, sound.macros)

    assert kept.parts == sound.parts and [one.modes for one in kept.sounds] == [other.modes]
    tab.ask("strike", sound_id=sound.id, velocity_db=0.0)
    tab.settle()
    tab.ask("audition_preset", name="My bin")
    tab.settle()
    heard = [session.context.cache.get(one["key"]) for one in tab.heard("audition")]
    assert np.allclose(heard[0], heard[1], atol=1e-6 * np.abs(heard[0]).max())  # preset and sound, part and all

    tab.edit("apply_preset", sound_id=other.id, name="My bin")
    taken = session.require_project().sound(other.id)
    assert taken.modes == kept.modes and taken.parts[0].offset_s == -0.05 and taken.parts[0].sound_id != other.id

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
