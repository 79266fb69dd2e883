"""Exports of the editor: the chosen form, sessions as ZIP, and an export that opens as the project it came from."""

from __future__ import annotations

import io
import re
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import wavinfo
from mido import MidiFile
from starlette.testclient import TestClient

from engine.media.export.loudness import LoudnessMeter
from tests.ui_tab import Tab, check_sentence, make_context
from ui.export_plan import read_settings
from ui.server import create_app


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    app = create_app(make_context(tmp_path_factory.mktemp("home")))
    with TestClient(app, base_url="http://127.0.0.1") as opened:
        yield opened


@pytest.fixture(scope="module")
def tab(client: TestClient) -> Tab:
    tab = Tab(client.app.state.sessions.get("export-tab-00"))  # type: ignore[attr-defined]
    tab.open_demo()
    return tab


def export(tab: Tab, client: TestClient, *what: str, **options: object) -> dict[str, bytes]:
    tab.ask("export", what=list(what), options=options, existing="replace")
    tab.settle()
    assert not tab.errors
    return {file["name"]: client.get(file["url"]).content for file in tab.last("exported")["files"]}


@pytest.mark.slow
def test_sessions_and_pieces_come_with_their_files(tab: Tab, client: TestClient) -> None:
    options = {"ucs_names": True, "creator": "ANN", "sample_rate_hz": 44_100, "bits": 16, "takes": 0, "layers": 2}
    files = export(tab, client, "wav", "pieces", "reaper", "edl", **options)
    stem = "METLImpt_Demo Sound_ANN_FOLEY"
    assert set(files) == {f"{stem}.wav", f"{stem}_pieces.zip", f"{stem}_reaper.zip", f"{stem}.edl"}
    assert soundfile.info(io.BytesIO(files[f"{stem}.wav"])).samplerate == 44_100
    inside = zipfile.ZipFile(io.BytesIO(files[f"{stem}_reaper.zip"]))
    text = inside.read(f"{stem}.rpp").decode()
    media = [name for name in inside.namelist() if name.endswith(".wav")]
    assert len(media) == 12 and all(f'"{name}"' in text for name in media)
    pieces = zipfile.ZipFile(io.BytesIO(files[f"{stem}_pieces.zip"])).namelist()
    assert len(pieces) == 12 and "Glass jar/GLASImpt_Glass Jar_ANN_FOLEY_v2_01.wav" in pieces
    folder = tab.session.folder("exports")
    assert not [path for path in folder.iterdir() if path.is_dir()]


@pytest.mark.slow
def test_a_page_that_is_loaded_anew_finds_the_files_until_another_clip_is_opened(tab: Tab, client: TestClient) -> None:
    files = export(tab, client, "markers")
    again = Tab(tab.session).last("exported")
    assert [file["name"] for file in again["files"]] == list(files) and again["is_current"] and again["again"]
    tab.edit("set_mix", gain_db=-1.0)
    assert not Tab(tab.session).last("exported")["is_current"]
    tab.ask("undo")
    tab.open_demo()
    assert not Tab(tab.session).heard("exported")


@pytest.mark.slow
def test_nothing_is_still_exported_once_the_files_are_told(
    tab: Tab, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another activity, as sampling is, may say anything as soon as the session lets go of its lock."""
    shown: list[str] = []

    class Lock:
        def __init__(self, lock: threading.RLock) -> None:  # type: ignore[valid-type]
            self.lock: Any = lock
            self.depth = 0

        def __enter__(self) -> None:
            self.lock.__enter__()
            self.depth += 1

        def __exit__(self, *error: object) -> None:
            self.depth -= 1
            if self.depth == 0 and tab.heard("exported"):
                shown.append(tab.session.board.shown().phase)
            self.lock.__exit__(*error)

    monkeypatch.setattr(tab.session, "lock", Lock(tab.session.lock))
    tab.told.clear()
    export(tab, client, "markers")
    assert shown and set(shown) == {"done"}


@pytest.mark.slow
def test_a_note_tells_the_form_that_the_file_has_and_its_loudness(tab: Tab, client: TestClient) -> None:
    export(tab, client, "wav", sound_ending=".mp3")
    assert tab.last("exported")["files"][0]["note"] == "48 kHz, stereo"
    (content,) = export(tab, client, "wav", channels="mono", bits=32).values()
    note = tab.last("exported")["files"][0]["note"]
    told = re.fullmatch(r"48 kHz, 32 bit, mono, −([\d.]+) LUFS, true peak .+", note)
    assert told, note
    samples, rate_hz = soundfile.read(io.BytesIO(content))
    meter = LoudnessMeter(1, rate_hz)
    meter.add(samples.astype(np.float32)[:, None])
    assert -float(told[1]) == pytest.approx(meter.finish().integrated_lufs, abs=0.06)


@pytest.mark.slow
def test_a_note_counts_the_hits_that_are_in_the_file(tab: Tab, client: TestClient) -> None:
    """Muted hits and sounds are in no MIDI file or list of markers, and the notes say so."""
    first, *_, last = tab.session.require_project().hits
    tab.edit("set_hits", ids=[first.id], values={"mute": True})
    tab.edit("set_strip", sound_id=last.sound_id, values={"mute": True})
    files = export(tab, client, "midi", "markers", "project")
    by_ending = {Path(name).suffix: content for name, content in files.items()}
    notes = sum(event.type == "note_on" for event in MidiFile(file=io.BytesIO(by_ending[".mid"])))
    assert by_ending[".csv"].count(b"\n") == notes + 1
    told = [file["note"] for file in tab.last("exported")["files"]]
    name = tab.session.require_project().sound(last.sound_id).name
    assert told[:2] == 2 * [f"{notes} hits; without {name} (muted, or not solo)"]
    assert name not in told[2]
    tab.ask("undo")
    tab.ask("undo")


@pytest.mark.slow
def test_without_a_hit_sessions_are_refused_before_anything_is_written(client: TestClient) -> None:
    tab = Tab(client.app.state.sessions.get("export-tab-01"))  # type: ignore[attr-defined]
    tab.open_demo()
    tab.edit("set_hits", ids=[hit.id for hit in tab.session.require_project().hits], values={"mute": True})
    for kind in ("stems", "pieces", "reaper", "dawproject"):
        tab.ask("plan_export", what=["wav", kind], options={})
        assert tab.last("export_plan")["fault"].startswith("no hit sounds, so there are no stems")
    tab.ask("plan_export", what=["wav", "mp4", "markers", "project", "midi", "csv"], options={})
    assert not tab.last("export_plan")["fault"]  # as the command line writes them
    tab.ask("export", what=["wav", "reaper"], options={}, existing="replace")
    (refusal,) = tab.errors
    check_sentence(refusal)
    tab.settle()
    assert not tab.heard("exported") and not list(tab.session.folder("exports").iterdir())


@pytest.mark.slow
def test_an_archive_that_fails_leaves_the_former_one(
    tab: Tab, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    ((name, before),) = export(tab, client, "stems").items()

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "write", fail)
    tab.ask("export", what=["stems"], options={}, existing="replace")
    tab.settle()
    (said,) = tab.errors
    assert said.startswith(f"{name} cannot be written (no space left on device)")
    tab.told[:] = [message for message in tab.told if message["type"] != "error"]
    folder = tab.session.folder("exports")
    assert (folder / name).read_bytes() == before and not list(folder.glob(".struck-*"))


@pytest.mark.slow
def test_an_export_dropped_back_is_its_project(tab: Tab, client: TestClient, tmp_path: Path) -> None:
    (content,) = export(tab, client, "wav", two_pop=True, start_timecode="00:59:58:00").values()
    before = tab.session.require_project()
    (tmp_path / "out.wav").write_bytes(content)
    bext = wavinfo.WavInfoReader(str(tmp_path / "out.wav")).bext
    assert bext.time_reference == 3598 * 48_000 and bext.originator_date.count("-") == 2
    copy = tmp_path / "demo_sound.mp4"
    copy.write_bytes(Path(before.clip.path).read_bytes())
    for message in ({"kind": "open"}, {"kind": "sound_from_file", "sound_id": before.sounds[0].id}):
        tab.edit("delete_hits", ids=[before.hits[0].id])
        tab.ask(message.pop("kind"), path=str(tmp_path / "out.wav"), **message)
        tab.settle()
        after = tab.session.require_project()
        assert not tab.errors and (after.hits, after.sounds) == (before.hits, before.sounds)
        assert after.clip.path == str(copy) and tab.session.saved_as is None
    restored = soundfile.read(io.BytesIO(next(iter(export(tab, client, "wav").values()))))[0]
    assert np.array_equal(soundfile.read(io.BytesIO(content))[0][2 * 48_000 :], restored)


@pytest.mark.slow
def test_earlier_files_are_asked_for_and_the_project_remembers_how_it_was_exported(
    client: TestClient, tmp_path: Path
) -> None:
    tab = Tab(client.app.state.sessions.get("export-ask-00"))  # type: ignore[attr-defined]
    tab.open_demo()
    what, options = ["markers", "wav"], {"sound_ending": ".flac", "start_timecode": "", "creator": "ANN"}
    tab.ask("plan_export", what=what, options=options)
    names = ["demo_sound.flac", "demo_sound_markers.csv"]
    assert tab.last("export_plan") == {
        "type": "export_plan", "names": names, "existing": [], "asks": False, "fault": "",
    }  # fmt: skip
    tab.ask("plan_export", what=what, options={"ucs_names": True, "name_pattern": "{nobody}"})
    assert "which is no field" in tab.last("export_plan")["fault"]
    tab.ask("plan_export", what=what, options={"start_timecode": "99:00:00:00"})
    assert "is that of no frame" in tab.last("export_plan")["fault"]
    files = export(tab, client, *what, **options)
    assert sorted(files) == names
    # Asked what becomes of them, nothing is written; kept, the new ones are numbered.
    tab.told.clear()
    tab.ask("export", what=what, options=options)
    tab.settle()
    assert tab.last("export_plan")["existing"] == names and tab.last("export_plan")["asks"]
    assert not tab.heard("exported")
    tab.ask("export", what=what, options=options, existing="keep")
    tab.settle()
    assert [file["name"] for file in tab.last("exported")["files"]] == ["demo_sound 2.flac", "demo_sound_markers 2.csv"]
    # The project remembers it through undo, a file and a new session; an undo changes the document alone.
    hits = tab.session.require_project().hits
    tab.edit("delete_hits", ids=[hits[0].id])
    tab.ask("undo")
    kept = tab.last("document")["project"]["export"]
    assert kept["what"] == ["wav", "markers"] and kept["options"]["creator"] == "ANN"
    path = tmp_path / "kept.struck.json"
    tab.ask("save", path=str(path))
    other = Tab(client.app.state.sessions.get("export-ask-01"))  # type: ignore[attr-defined]
    other.ask("open", path=str(path))
    other.settle()
    assert other.last("document")["project"]["export"] == kept and not other.errors


@pytest.mark.parametrize(
    ("kept", "settings"),
    [
        ((), None),
        ((("what", "wav exe"), ("bits", 16), ("creator", "ANN")), (("wav",), 16, "ANN")),
        ((("what", "wav"), ("bits", 8), ("creator", 3), ("flavour", "new")), (("wav",), 24, "STRUCK")),
    ],
)
def test_settings_of_another_version_are_read_as_far_as_they_are_known(kept: tuple, settings: tuple | None) -> None:
    read = read_settings(kept)
    assert (read and (read.what, read.options.bits, read.options.creator)) == settings


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"sample_rate_hz": 8000}, "sample rate '8000' is not offered"),
        ({"start_timecode": "25:00"}, "timecode '25:00' is not of the form"),
        ({"sound_ending": ".exe"}, "no known format was chosen"),
        ({"sound_ending": ".flac", "bits": 32}, ".flac does not hold 32 bits"),
        ({"name_pattern": "{nobody}"}, "which is no field"),
        ({"takes": 10**9}, "takes are out of range"),
        ({"bits": "many"}, "bits"),
    ],
)
def test_options_that_are_not_offered_are_refused(tab: Tab, options: dict, reason: str) -> None:
    told = len(tab.errors)
    tab.ask("export", what=["wav"], options=options)
    tab.settle()
    assert len(tab.errors) == told + 1 and reason in tab.errors[-1]
    check_sentence(tab.errors[-1])
    tab.told.clear()
