"""The HTTP API: the editor's operations, checks and limits, for programs; once over a socket as a user starts it."""

from __future__ import annotations

import io
import json
import threading
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
from starlette.testclient import TestClient

from engine.core.paths import ASSETS
from tests.app_process import serve
from tests.clips import make_clicking_clip, make_clicks
from tests.ui_tab import DEMO_HITS, check_sentence, make_context
from ui.jobs import Job
from ui.renderer import Renderer
from ui.server import create_app
from ui.session import Session

DEMO = str(ASSETS / "demo_sound.struck.json")
V1 = "/api/v1"


@pytest.fixture(scope="module")
def demo(client: TestClient) -> str:
    """Address of an open project."""
    answer = client.post(f"{V1}/projects", json={"path": DEMO})
    assert answer.status_code == 201, answer.text
    return f"{V1}/projects/{answer.json()['id']}"


@pytest.mark.slow
def test_a_clip_is_sent_edited_rendered_and_exported(client: TestClient, tmp_path: Path) -> None:
    clip = make_clicking_clip(tmp_path / "c.mp4")
    project = f"{V1}/projects/{client.post(f'{V1}/projects').json()['id']}"
    assert client.get(project).json()["project"] is None
    answer = client.put(f"{project}/clip", params={"name": "c.mp4"}, content=clip.read_bytes())
    document = answer.json()["project"]
    assert answer.status_code == 200 and document["clip"]["name"] == "c.mp4"
    assert [hit["time_s"] for hit in document["hits"]] == pytest.approx([0.5, 1.2], abs=0.02)
    found = client.post(f"{project}/detect", json={"source": "audio", "threshold": 0.4}).json()["project"]
    assert found["detection"] == {"source": "audio", "threshold": 0.4} and len(found["hits"]) == 2
    # Physics by words, of a recording that is sent, and a preset; a move is undone.
    sound = found["sounds"][0]["id"]
    named = client.post(f"{project}/physics", json={"sound_id": sound, "words": "thin glass bottle"}).json()["project"]
    assert named["sounds"][0]["origin"] == "text"
    soundfile.write(tmp_path / "ding.wav", make_clicks([0.1], 1.0), 48_000)
    place = client.post(f"{project}/files", params={"name": "ding.wav"}, content=(tmp_path / "ding.wav").read_bytes())
    body = {"sound_id": sound, "recording": place.json()["path"]}
    assert client.post(f"{project}/physics", json=body).json()["project"]["sounds"][0]["name"] == "ding"
    ids = [hit["id"] for hit in found["hits"]]
    moved = client.post(f"{project}/edits", json={"kind": "move_hits", "ids": ids, "delta_s": 0.25}).json()
    assert moved["undo"] == "Move 2 hits"
    quiet = client.post(f"{project}/edits", json={"kind": "set_mix", "gain_db": -20.0}).json()["project"]
    track, rate_hz = soundfile.read(io.BytesIO(client.get(f"{project}/track").content), dtype="float32")
    assert (rate_hz, track.shape) == (48_000, (2 * 48_000, 2))
    first = int(np.flatnonzero(np.abs(track[:, 0]) > 0.1 * np.abs(track).max())[0])
    assert first / 48_000 == pytest.approx(quiet["hits"][0]["time_s"], abs=0.02)
    files = client.post(f"{project}/exports", json={"what": ["wav", "midi"]}).json()["files"]
    assert [file["name"] for file in files] == ["c.wav", "c.mid"]
    written = soundfile.read(io.BytesIO(client.get(files[0]["url"]).content), dtype="float32")[0]
    assert np.abs(written - np.clip(track, -1, 1)).max() <= 2**-23
    again = client.post(f"{project}/exports", json={"what": ["wav"]})
    assert again.status_code == 409 and again.json()["existing"] == ["c.wav"]
    kept = client.post(f"{project}/exports", json={"what": ["wav"], "existing": "keep"}).json()["files"]
    assert kept[0]["name"] == "c 2.wav"
    assert client.delete(project).status_code == 204 and client.get(project).status_code == 404


@pytest.mark.slow
def test_an_animatic_is_cancelled(client: TestClient, demo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()

    def make_for_ever(session: Session, job: Job, *_: object) -> None:
        try:
            while not ended.wait(0.01):
                job.check()
        finally:
            ended.set()

    monkeypatch.setattr("ui.animatic_service._make", make_for_ever)
    monkeypatch.setattr("engine.pipeline.make_animatic.find_motion_network", lambda _: None)
    assert client.post(f"{demo}/animatic", params={"wait_s": 0.1}, json={"time_s": 0.5}).status_code == 202
    answer = client.post(f"{demo}/cancel")
    was_ended = ended.is_set()
    ended.set()
    assert was_ended and answer.status_code == 200


@pytest.mark.slow
def test_sampling_counts_as_work(client: TestClient, demo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert client.get(demo, params={"wait_s": 60}).json()["busy"] is False
    monkeypatch.setattr(Renderer, "busy", property(lambda _: True))
    answer = client.get(demo, params={"wait_s": 0.1})
    assert (answer.status_code, answer.json()["busy"]) == (202, True)
    answer = client.post(f"{demo}/edits", json={"kind": "set_mix", "gain_db": -1.0})  # is done, whatever is sampled
    assert (answer.status_code, answer.json()["busy"]) == (200, True)
    monkeypatch.undo()
    client.post(f"{demo}/undo")
    refused = client.post(f"{demo}/detect", json={"threshold": 5})
    assert refused.status_code == 400 and refused.json()["error"] == "threshold 5 is out of range; give 0 to 1"


@pytest.mark.slow
def test_it_is_saved_undone_and_taken_up_from_the_autosave(client: TestClient, demo: str, tmp_path: Path) -> None:
    before = client.get(demo).json()["project"]
    assert len(before["hits"]) == DEMO_HITS
    client.post(f"{demo}/edits", json={"kind": "delete_hits", "ids": [before["hits"][0]["id"]]})
    assert client.post(f"{demo}/undo").json()["redo"] == "Delete hit"
    assert len(client.post(f"{demo}/redo").json()["project"]["hits"]) == DEMO_HITS - 1
    path = tmp_path / "mine.struck.json"
    assert client.post(f"{demo}/save", json={"path": str(path)}).json()["saved_as"] == str(path)
    (tmp_path / "other.struck.json").write_text("{}")
    refused = client.post(f"{demo}/save", json={"path": str(tmp_path / "other.struck.json")})
    assert refused.status_code == 400 and "exists already" in refused.json()["error"]
    for same in (str(path), str(path).removesuffix(".struck.json")):
        assert client.post(f"{demo}/save", json={"path": same}).status_code == 200
    for odd in (str(tmp_path / "other"), str(tmp_path / ("x" * 300)), str(tmp_path / "none" / "a"), "/"):
        refused = client.post(f"{demo}/save", json={"path": odd})
        assert refused.status_code == 400, odd
        check_sentence(refused.json()["error"].replace("x" * 300, "x"))
    endless = tmp_path / "endless.struck.json"
    endless.symlink_to("/dev/zero")
    assert client.post(f"{demo}/save", json={"path": str(endless)}).status_code == 400
    assert client.post(f"{demo}/save", json={"path": str(endless), "overwrite": True}).status_code == 200
    assert client.post(f"{demo}/save", json={"path": str(path), "overwrite": True}).status_code == 200
    path.write_text(path.read_text() + " ")  # by another tab or program
    refused = client.post(f"{demo}/save", json={"path": str(path)})
    assert refused.status_code == 400 and path.read_text().endswith(" ")
    sessions = client.app.state.sessions  # type: ignore[attr-defined]
    session = sessions.find(demo.rpartition("/")[2])
    session.keep(is_last=True)
    sessions._sessions.pop(session.id)
    assert len(client.get(demo).json()["project"]["hits"]) == DEMO_HITS - 1


@pytest.mark.slow
def test_what_is_wrong_is_refused_in_a_sentence(client: TestClient, demo: str) -> None:
    def post(route: str, body: Any, status: int = 400) -> str:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = client.post(route, content=content)
        assert answer.status_code == status, answer.text
        check_sentence(answer.json()["error"])
        assert "reload" not in answer.json()["error"]
        return answer.json()["error"]

    count = len(client.app.state.sessions._sessions)  # type: ignore[attr-defined]
    assert "nowhere.mp4" in post(f"{V1}/projects", {"path": "/nowhere.mp4"})
    assert len(client.app.state.sessions._sessions) == count  # type: ignore[attr-defined]
    assert "'colour', which is no field" in post(f"{V1}/projects", {"colour": "red"})
    assert "path is 3, not a text" in post(f"{V1}/projects", {"path": 3})
    assert "not a JSON object" in post(f"{V1}/projects", [1])
    assert "the body cannot be used" in post(f"{V1}/projects", b"{")
    assert "larger than 4 MB" in post(f"{V1}/projects", b" " * (5 << 20), 413)
    assert "edit 'fly' is not known; see /api/v1/docs" in post(f"{demo}/edits", {"kind": "fly"})
    assert "preset 'Unobtainium' is not known" in post(f"{demo}/physics", {"sound_id": "s1", "preset": "Unobtainium"})
    assert "sounds; give the sound_id" in post(f"{demo}/physics", {"words": "glass"})
    assert {"name": "Wine glass", "material": "glass"} in client.get(f"{V1}/presets").json()["presets"]
    assert "several sources" in post(f"{demo}/physics", {"words": "glass", "preset": "x"})
    assert "no known kind of file" in post(f"{demo}/exports", {"what": ["exe"]})
    assert "sample rate '8000' is not offered" in post(
        f"{demo}/exports", {"what": ["wav"], "options": {"sample_rate_hz": 8000}}
    )
    assert "misstates wait_s; see /api/v1/docs" in post(f"{demo}/undo?wait_s=nan", {}, 422)
    assert "project is not known" in post(f"{V1}/projects/nobody-000/undo", {}, 404)
    assert client.get(f"{demo}/exports/no.wav").status_code == 404


def test_the_page_and_its_document_name_every_route(client: TestClient) -> None:
    api = client.get(f"{V1}/openapi.json").json()
    steps = ("clip", "files", "detect", "physics", "edits", "undo", "redo", "cancel", "track", "exports", "save")
    assert {f"{V1}/projects/{{project_id}}/{step}" for step in steps} <= set(api["paths"])
    schemas = api["components"]["schemas"]
    referred = set(json.dumps(api).split('"#/components/schemas/')[1:])
    assert {part.partition('"')[0] for part in referred} <= set(schemas)
    assert schemas["MoveHits"]["properties"]["kind"] == {"const": "move_hits"}
    assert "project" in schemas["Answer"]["properties"] and "sample_rate_hz" in schemas["ExportOptions"]["properties"]
    page = client.get(f"{V1}/docs").text
    assert all(path in page for path in api["paths"]) and "move_hits: Shift hits together" in page
    assert "<script" not in page and "http" not in page.replace("--gradio-auth</code> go along as HTTP", "")


def test_requests_pass_the_editors_checks(tmp_path: Path) -> None:
    app = create_app(make_context(tmp_path, auth=("ann", "secret"), listen=True))
    with TestClient(app, base_url="http://192.0.2.1") as outside:
        assert outside.post(f"{V1}/projects").status_code == 401
        assert outside.get(f"{V1}/docs").status_code == 401
        made = outside.post(f"{V1}/projects", auth=("ann", "secret"))
        assert made.status_code == 201
        closed = outside.post(f"{V1}/projects", json={"path": DEMO}, auth=("ann", "secret"))
        assert closed.status_code == 400 and "paths on this machine are closed" in closed.json()["error"]
        foreign = {"origin": "http://evil.example"}
        assert outside.post(f"{V1}/projects", headers=foreign, auth=("ann", "secret")).status_code == 403


@pytest.mark.slow
def test_a_program_drives_the_editor_that_a_user_started(tmp_path: Path) -> None:
    clip = make_clicking_clip(tmp_path / "clicks.mp4", (0.3,), 1.0)
    with serve(tmp_path / "home") as address, httpx.Client(base_url=address + V1, timeout=300) as api:
        project = f"/projects/{api.post('/projects', json={'path': str(clip)}).raise_for_status().json()['id']}"
        api.post(f"{project}/edits", json={"kind": "set_mix", "gain_db": -6}).raise_for_status()
        track = soundfile.read(io.BytesIO(api.get(f"{project}/track").raise_for_status().content))[0]
        files = api.post(f"{project}/exports", json={"what": ["wav"], "options": {"bits": 32}}).json()["files"]
        written = soundfile.read(io.BytesIO(api.get(files[0]["url"].removeprefix(V1)).content))[0]
        assert np.abs(track).max() > 0.01 and np.array_equal(track, written)
        assert api.get("/docs").status_code == 200
        assert httpx.get(address + V1 + "/docs", headers={"host": "evil.example"}).status_code == 403
