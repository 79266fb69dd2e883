"""The Reaper script, run by Lua with a stand-in for Reaper's functions, against the real command on a made clip."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
from lupa.lua54 import LuaRuntime

from engine.core.paths import ROOT
from tests.clips import make_clicking_clip

SCRIPT = ROOT / "integrations" / "reaper" / "Struck.lua"
HITS_S = (0.5, 1.2)


class Reaper:
    """The functions of Reaper that the script calls, on a project of tracks, items and markers kept here."""

    def __init__(self, folder: Path, clip: Path, values: dict[str, float]) -> None:
        self.folder = folder
        self.source = SimpleNamespace(path=str(clip), kind="VIDEO", parent=None)
        self.section = SimpleNamespace(path="", kind="SECTION", parent=self.source, from_s=0.0, reversed=False)
        take = SimpleNamespace(source=self.section, values=values)
        self.track = SimpleNamespace(name="Picture", items=[])
        self.selected = [SimpleNamespace(takes=[take], values=values, track=self.track)]
        self.tracks = [self.track]
        self.markers: list[tuple[float, str]] = []
        self.told: list[str] = []
        self.commands: list[str] = []
        self.waiting: list[Any] = []
        self.state: dict[str, str] = {}
        self.undo: list[str] = []

    def start(self, command: str, timeout_ms: int) -> None:
        """Start what Reaper would; launch.py, which makes an environment first, is left out."""
        self.commands.append(command)
        words = shlex.split(command, posix=os.name != "nt")
        at = next(k for k, word in enumerate(words) if word.endswith("launch.py"))
        run = f"import sys; sys.path[0] = {str(ROOT)!r}; from engine.__main__ import main; sys.exit(main())"
        words[at : at + 1] = ["-c", run, "--ckpt-dir", str(self.folder / "none")]
        subprocess.Popen(words)

    def table(self, lua: Any) -> Any:
        """The table ``reaper`` as Lua sees it."""
        functions = {
            "GetOS": lambda: "Win64" if os.name == "nt" else "Other",
            "get_action_context": lambda: (True, str(SCRIPT)),
            "file_exists": os.path.isfile,
            "GetExtState": lambda section, key: self.state.get(key, ""),
            "SetExtState": lambda section, key, value, kept: self.state.__setitem__(key, value),
            "GetUserInputs": lambda *_: (True, f"{ROOT},{sys.executable}"),
            "MB": lambda text, title, kind: self.told.append(text),
            "Help_Set": lambda *_: None,
            "GetProjectPath": lambda: str(self.folder),
            "RecursiveCreateDirectory": lambda path, _: os.makedirs(path, exist_ok=True),
            "EnumerateFiles": lambda path, k: dict(enumerate(sorted(os.listdir(path)))).get(int(k)),
            "ExecProcess": self.start,
            "defer": self.waiting.append,
            "CountSelectedMediaItems": lambda _: len(self.selected),
            "GetSelectedMediaItem": lambda _, k: self.selected[int(k)],
            "GetActiveTake": lambda item: item.takes[0],
            "TakeIsMIDI": lambda take: False,
            "GetMediaItemTake_Source": lambda take: take.source,
            "GetMediaSourceParent": lambda source: source.parent,
            "PCM_Source_GetSectionInfo": lambda source: (True, source.from_s, 60.0, source.reversed),
            "GetMediaSourceType": lambda source: source.kind,
            "GetMediaSourceFileName": lambda source: source.path,
            "GetMediaItem_Track": lambda item: item.track,
            "ValidatePtr2": lambda project, item, kind: item in self.selected,
            "GetMediaItemInfo_Value": lambda item, name: item.values[name],
            "GetMediaItemTakeInfo_Value": lambda take, name: take.values[name],
            "GetMediaTrackInfo_Value": lambda track, name: float(self.tracks.index(track) + 1),
            "SetMediaItemInfo_Value": lambda item, name, value: item.values.__setitem__(name, value),
            "SetMediaItemTakeInfo_Value": lambda take, name, value: take.values.__setitem__(name, value),
            "InsertTrackAtIndex": lambda k, _: self.tracks.insert(k, SimpleNamespace(name="", items=[])),
            "GetTrack": lambda _, k: self.tracks[k],
            "GetSetMediaTrackInfo_String": lambda track, name, text, _: setattr(track, "name", text),
            "AddMediaItemToTrack": lambda track: self._add(track.items, SimpleNamespace(takes=[], values={})),
            "AddTakeToMediaItem": lambda item: self._add(item.takes, SimpleNamespace(source=None, values={})),
            "PCM_Source_CreateFromFile": lambda path: SimpleNamespace(path=path, kind="WAVE", parent=None),
            "SetMediaItemTake_Source": lambda take, source: setattr(take, "source", source),
            "ColorToNative": lambda red, green, blue: red | green << 8 | blue << 16,
            "AddProjectMarker2": lambda _, region, at_s, end_s, name, number, color: self.markers.append((at_s, name)),
            "Undo_BeginBlock": lambda: None,
            "Undo_EndBlock": lambda text, _: self.undo.append(text),
            "PreventUIRefresh": lambda _: None,
            "UpdateArrange": lambda: None,
        }
        return lua.table_from(functions)

    @staticmethod
    def _add(items: list, item: Any) -> Any:
        items.append(item)
        return item


def run_script(reaper: Reaper, meanwhile: Callable[[], object] = lambda: None) -> None:
    """Run the script and what it defers to its end; ``meanwhile`` happens once it waits for Struck."""
    lua = LuaRuntime(unpack_returned_tuples=True)
    lua.globals()["reaper"] = reaper.table(lua)
    lua.execute(SCRIPT.read_text("utf-8"))
    meanwhile()
    while reaper.waiting:
        time.sleep(0.02)
        reaper.waiting.pop(0)()


@pytest.mark.slow
def test_hits_and_stems_come_back_where_the_item_lies(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    clip = make_clicking_clip(tmp_path / "a take, two.mp4", HITS_S)
    # The item shows the clip from 1 s on, at half speed, 10 s into the project: the second hit alone. It is moved
    # there while Struck renders.
    values = {"D_POSITION": 4.0, "D_LENGTH": 2.0, "D_STARTOFFS": 0.25, "D_PLAYRATE": 0.5}
    reaper = Reaper(tmp_path, clip, values)
    reaper.section.from_s = 0.75
    reaper.state = {"folder": str(ROOT), "python": sys.executable}
    run_script(reaper, lambda: values.__setitem__("D_POSITION", 10.0))
    assert not reaper.told
    ((at_s, name),) = reaper.markers
    assert at_s == pytest.approx(10.0 + (HITS_S[1] - 1.0) / 0.5, abs=0.01) and name.endswith(" dB")
    assert reaper.tracks[0].name == "Picture" and len(reaper.tracks) >= 2
    for track in reaper.tracks[1:]:
        (item,) = track.items
        assert item.values["D_POSITION"] == 10.0 and item.values["D_LENGTH"] == 2.0
        assert item.takes[0].values == {"D_STARTOFFS": 1.0, "D_PLAYRATE": 0.5}
        assert track.name == Path(item.takes[0].source.path).stem and name.startswith(track.name)
    stems = [soundfile.read(track.items[0].takes[0].source.path)[0] for track in reaper.tracks[1:]]
    heard = np.abs(sum(stems)).max(axis=1)
    assert len(heard) == 2 * 48_000 and heard[: round(0.45 * 48_000)].max() < 0.1 * heard.max()
    assert reaper.undo == ["Struck: hits and stems of a take, two.mp4"]
    # A second run replaces nothing.
    (tmp_path / "a take, two.mp4").write_bytes(clip.read_bytes()[:3000])
    run_script(reaper)
    assert len(reaper.tracks) == 1 + len(stems) and "a take, two.mp4 is not whole" in reaper.told[0]
    assert {path.name for path in (tmp_path / "Struck").iterdir()} == {"a take, two", "a take, two 2"}


def test_items_that_run_backwards_or_are_gone_get_no_stems(tmp_path: Path) -> None:
    values = {"D_POSITION": 10.0, "D_LENGTH": 2.0, "D_STARTOFFS": 1.0, "D_PLAYRATE": 1.0}
    reaper = Reaper(tmp_path, tmp_path / "c.mp4", values)
    reaper.state = {"folder": str(ROOT), "python": sys.executable}
    reaper.section.reversed = True
    run_script(reaper)
    assert reaper.told == ["c.mp4 runs backwards in its item; take the reversal off"] and not reaper.commands
    reaper.section.reversed = False
    reaper.start = lambda command, _: reaper.commands.append(command)  # type: ignore[method-assign]

    def end_without_item() -> None:
        reaper.selected.clear()
        (tmp_path / "Struck" / "c" / "status.txt").write_text("0")

    run_script(reaper, end_without_item)
    assert "is not in this project any more; its hits and stems are in " in reaper.told[1]
    assert reaper.tracks == [reaper.track] and not reaper.undo


def test_without_a_video_item_it_says_what_to_select(tmp_path: Path) -> None:
    reaper = Reaper(tmp_path, tmp_path / "c.wav", {})
    reaper.source.kind = "WAVE"
    run_script(reaper)
    reaper.selected = []
    run_script(reaper)
    assert reaper.told == ["No video item is selected; select one that shows the hits"] * 2 and not reaper.commands
