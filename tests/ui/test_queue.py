"""The queue: clips rendered one after another by the batch's code; links, failures, cancelling, pausing."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
import soundfile
from starlette.testclient import TestClient

from engine.core.paths import ASSETS
from engine.media.export.ucs import load_table
from tests.clips import make_clicking_clip
from tests.ui_tab import Tab, check_sentence, make_context, wait_until
from ui.server import create_app


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    make_clicking_clip(folder / "a.mp4")
    make_clicking_clip(folder / "b.mp4", [0.4], 1.0)
    (folder / "torn.mp4").write_bytes((folder / "a.mp4").read_bytes()[:3000])
    return folder


def open_tab(client: TestClient, name: str) -> Tab:
    return Tab(client.app.state.sessions.get(name))  # type: ignore[attr-defined]


def items(tab: Tab) -> list[dict[str, Any]]:
    return tab.last("queue")["items"]


def phases(tab: Tab) -> list[str]:
    return [item["phase"] for item in items(tab)]


def ended(tab: Tab) -> bool:
    return not tab.session.queue.busy and not {"waiting", "rendering"} & set(phases(tab))


@pytest.mark.slow
def test_a_folder_is_queued_rendered_and_linked(client: TestClient, clips: Path) -> None:
    tab = open_tab(client, "queue-tab-00")
    tab.ask("queue_clips", paths=[str(clips)], what=["wav", "markers"], options={"bits": 16})
    wait_until(lambda: ended(tab))
    a, b, torn = items(tab)
    assert (a["name"], a["phase"], a["message"]) == ("a.mp4", "done", "2 hits, 1 sound")
    assert [file["name"] for file in a["files"]] == ["a.wav", "a_markers.csv"] and b["files"][0]["name"] == "b.wav"
    sound = soundfile.SoundFile(io.BytesIO(client.get(a["files"][0]["url"]).content))
    assert (sound.subtype, sound.frames) == ("PCM_16", 2 * 48_000)
    assert torn["phase"] == "failed" and "torn.mp4" in torn["message"] and not tab.errors
    check_sentence(torn["message"])
    page = client.get(tab.last("queue")["report"]).text
    assert page.count("<img") == 2 and page.count("torn.mp4") == 2 and str(clips) not in page
    fractions = [item["fraction"] for state in tab.heard("queue") for item in state["items"][:1]]
    assert fractions == sorted(fractions) and len(set(fractions)) > 3
    # The same again is done at once; other settings get a name of their own; a session comes as a ZIP.
    tab.ask("queue_clips", paths=[str(clips / "b.mp4")], what=["wav", "markers"], options={"bits": 16})
    tab.ask("queue_clips", paths=[str(clips / "b.mp4")], what=["reaper"], options={"bits": 24})
    wait_until(lambda: ended(tab))
    assert [file["name"] for item in items(tab)[3:] for file in item["files"]] == ["b.wav", "b_markers.csv", "b 2.zip"]
    inside = zipfile.ZipFile(io.BytesIO(client.get(items(tab)[4]["files"][0]["url"]).content)).namelist()
    assert "b 2.rpp" in inside and any(name.startswith("b 2 rpp media/") for name in inside)
    # By UCS, the clip's names and those in its ZIP are the pattern's.
    ucs = {"ucs_names": True, "creator": "ANN", "bits": 16}
    for _ in range(2):
        tab.ask("queue_clips", paths=[str(clips / "b.mp4")], what=["wav", "mp4", "reaper"], options=ucs)
    wait_until(lambda: ended(tab))
    (file,), (same,) = (item["files"] for item in items(tab)[5:])
    assert file == same
    archive = zipfile.ZipFile(io.BytesIO(client.get(file["url"]).content))
    stem = file["name"].removesuffix(".zip")
    assert stem.split("_")[1:] == ["B", "ANN", "FOLEY"] and stem.split("_")[0] in load_table()["categories"]
    assert {f"{stem}.wav", f"{stem}.rpp", "b 3.mp4"} < set(archive.namelist())
    project = archive.read(f"{stem}.rpp").decode()
    media = [name for name in archive.namelist() if name.startswith(f"{stem} rpp media/")]
    assert media and all(f'"{name}"' in project for name in media)
    tab.ask("clear_queue")
    assert items(tab) == [] and client.get(a["files"][0]["url"]).status_code == 200


@pytest.mark.slow
def test_a_level_over_full_scale_is_warned_of(client: TestClient, tmp_path: Path) -> None:
    """As an export of the same project is; the report of the queue says it, too."""
    project = json.loads((ASSETS / "demo_sound.struck.json").read_text("utf-8"))
    (tmp_path / "demo_sound.mp4").write_bytes((ASSETS / "demo_sound.mp4").read_bytes())
    for name, gain_db in (("hot", 24.0), ("calm", -12.0)):
        project["mix"]["gain_db"] = gain_db
        (tmp_path / f"{name}.struck.json").write_text(json.dumps(project), "utf-8")
    tab = open_tab(client, "queue-tab-04")
    paths = [str(tmp_path / f"{name}.struck.json") for name in ("hot", "calm")]
    tab.ask("queue_clips", paths=paths, what=["wav"], options={"bits": 24})
    wait_until(lambda: ended(tab))
    hot, calm = items(tab)
    samples = soundfile.read(io.BytesIO(client.get(hot["files"][0]["url"]).content), dtype="int32")[0] >> 8
    over = (samples == 2**23 - 1) | (samples == -(2**23))  # no other sample of so loud a mix lies just there
    assert over.any() and hot["warning"] == f"hot.wav is over full scale in {over.sum()} samples; lower the mix"
    assert calm["phase"] == "done" and calm["warning"] == ""
    assert client.get(tab.last("queue")["report"]).text.count(hot["warning"]) == 1


@pytest.mark.slow
def test_it_is_cancelled_and_goes_on_with_the_tab(client: TestClient, clips: Path) -> None:
    tab = open_tab(client, "queue-tab-01")
    with tab.session.context.analysis_lock.acquire(lambda: None):  # nothing is rendered meanwhile
        tab.ask("queue_clips", paths=[str(clips / "a.mp4"), str(clips / "b.mp4")], what=["wav"])
        wait_until(lambda: phases(tab) == ["rendering", "waiting"])
        tab.ask("cancel_queued", id=items(tab)[0]["id"])
        wait_until(lambda: phases(tab) == ["cancelled", "rendering"])
        tab.session.rest()
        wait_until(lambda: not tab.session.queue.busy)
        assert phases(tab) == ["cancelled", "waiting"]
    again = Tab(tab.session)
    wait_until(lambda: ended(again))
    assert phases(again) == ["cancelled", "done"]


def test_what_cannot_be_queued_is_said(client: TestClient, clips: Path, tmp_path: Path) -> None:
    tab = open_tab(client, "queue-tab-02")
    for message, reason in (
        ({"paths": [str(tmp_path)], "what": ["wav"]}, "no clip was found there"),
        ({"paths": ["/nowhere.mp4"], "what": ["wav"]}, "nowhere.mp4 does not exist"),
        ({"paths": [str(clips)], "what": []}, "no known kind of file"),
        ({"paths": [str(clips)], "what": ["wav"], "options": {"bits": 8}}, "bit depth '8' is not offered"),
    ):
        tab.ask("queue_clips", **message)
        assert reason in tab.errors[-1]
        check_sentence(tab.errors[-1])
    assert not items(tab)
    outside = Tab(create_app(make_context(tmp_path / "home", listen=True)).state.sessions.get("queue-tab-03"))
    folder = outside.session.folder("uploads") / "1"
    folder.mkdir()
    (folder / "p.struck.json").write_bytes((ASSETS / "demo_sound.struck.json").read_bytes())
    for path in (str(clips / "a.mp4"), "upload:1/p.struck.json"):
        outside.ask("queue_clips", paths=[path], what=["wav"])
    assert (
        "paths on this machine are closed" in outside.errors[0] and "the queue takes clips alone" in outside.errors[1]
    )
