"""The server behind the page: what is wrong is refused in a sentence, what is delivered belongs to the session."""

from __future__ import annotations

import asyncio
import io
import json
import socket
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from engine.core.paths import ASSETS
from engine.document.serialization import project_from_json, project_to_json
from engine.pipeline.track import hit_side, place_hits
from tests.clips import make_clicks, make_clip
from tests.ui_tab import DEMO_HITS, Tab, check_sentence, make_context
from ui.__main__ import bind
from ui.context import AppContext, Options
from ui.handlers import handle
from ui.server import create_app

# --- bad files --------------------------------------------------------------------------------


def mangled(folder: Path, name: str) -> Path:
    """A file that is not what its name says, in one way or another."""
    path = folder / name
    demo = ASSETS / "demo_sound.mp4"
    if name == "truncated.mp4":
        path.write_bytes(demo.read_bytes()[: demo.stat().st_size // 2])
    elif name == "empty.mov":
        path.write_bytes(b"")
    elif name == "letter.mp4":
        path.write_text("Dear film,\n" * 500)
    elif name == "noise.mkv":
        path.write_bytes(np.random.default_rng(1).bytes(200_000))
    elif name in ("sound.mp4", "sound.wav"):
        soundfile.write(path, make_clicks([0.2], 1.0), 48_000, format="WAV")
    elif name == "folder.mp4":
        path.mkdir()
    elif name == "torn.struck.json":
        path.write_text((ASSETS / "demo_sound.struck.json").read_text()[:5000])
    elif name == "foreign.json":
        path.write_text('{"colour": "red"}')
    elif name == "binary.struck.json":
        path.write_bytes(b"\x00\xff\xfe" * 100)
    elif name.endswith(".struck.json"):
        project = json.loads((ASSETS / "demo_sound.struck.json").read_text())
        project["clip"]["path"] = str(demo)
        if name == "newer.struck.json":
            project["version"] = 999
        elif name == "absurd.struck.json":
            project["hits"][0]["time_s"] = 1e300
        elif name == "negative.struck.json":
            project["sounds"][0]["modes"]["frequency_hz"][0] = -440.0
        elif name == "orphan.struck.json":
            project["hits"][0]["sound_id"] = "nobody"
        elif name == "lost.struck.json":
            project["clip"]["path"] = project["clip"]["relative_path"] = "nowhere/gone.mp4"
        path.write_text(json.dumps(project))
    return path


BAD_FILES = (
    "missing.mp4", "empty.mov", "truncated.mp4", "letter.mp4", "noise.mkv", "sound.mp4", "sound.wav", "folder.mp4",
    "torn.struck.json", "foreign.json", "binary.struck.json", "newer.struck.json", "absurd.struck.json",
    "negative.struck.json", "orphan.struck.json", "lost.struck.json",
)  # fmt: skip


def test_bad_files_are_refused_in_a_sentence_and_the_open_project_stays(tab: Tab, tmp_path: Path) -> None:
    tab.edit("add_hit", time_s=3.0, velocity_db=-3.0)
    tab.settle()
    before, rendered = tab.session.history, tab.last("rendered")
    for number, name in enumerate(BAD_FILES, 1):
        tab.ask("open", path=str(mangled(tmp_path, name)))
        tab.settle()
        assert len(tab.errors) == number, name
        check_sentence(tab.errors[-1])
        assert name in tab.errors[-1]
        assert tab.session.history is before
        assert tab.last("status")["phase"] == "error"
        assert tab.last("status")["message"] == tab.errors[-1]
    assert tab.last("document")["project"]["hits"] and tab.last("document")["undo"]
    assert tab.last("rendered") == rendered


def test_a_bad_path_is_refused(tab: Tab) -> None:
    before = tab.session.history
    for path in (None, 7, "", "   ", "a\0b.mp4", "upload:../../../etc/passwd", "upload:nothing.mp4", ["x"], "x" * 5000):
        tab.ask("open", path=path)
        tab.settle()
        check_sentence(tab.errors[-1])
        assert tab.session.history is before
    assert len(tab.errors) == 9


def test_a_recording_that_is_none_leaves_the_sound(tab: Tab, tmp_path: Path) -> None:
    before = tab.session.history
    sound_id = tab.session.require_project().sounds[0].id
    silent = tmp_path / "silent.wav"
    soundfile.write(silent, np.zeros(4800, np.float32), 48_000)
    not_finite = tmp_path / "wild.wav"
    soundfile.write(not_finite, np.full(4800, np.nan, np.float32), 48_000, subtype="FLOAT")
    for path in (mangled(tmp_path, "letter.mp4"), mangled(tmp_path, "empty.mov"), silent, not_finite):
        tab.ask("sound_from_file", sound_id=sound_id, path=str(path))
        tab.settle()
        check_sentence(tab.errors[-1])
        assert tab.session.history is before
    assert len(tab.errors) == 4


# --- nonsense ---------------------------------------------------------------------------------


def absurd_edits(project: Any) -> list[dict[str, Any]]:
    hit, sound = project.hits[0].id, project.sounds[0].id
    mode = {"kind": "set_modes", "sound_id": sound, "indices": [0]}
    return [
        {},
        {"kind": None},
        {"kind": "explode"},
        {"kind": "add_hit", "time_s": float("nan"), "velocity_db": 0},
        {"kind": "add_hit", "time_s": "soon", "velocity_db": 0},
        {"kind": "add_hit", "time_s": None, "velocity_db": 0},
        {"kind": "add_hit", "time_s": True, "velocity_db": 0},
        {"kind": "add_hit", "time_s": 1.0, "velocity_db": float("inf")},
        {"kind": "move_hits", "ids": [hit], "delta_s": float("nan")},
        {"kind": "move_hits", "ids": "all", "delta_s": 0.1},
        {"kind": "move_hits", "ids": ["ghost"], "delta_s": 0.1},
        {"kind": "set_hits", "ids": [hit], "values": {"seed": -5}},
        {"kind": "set_hits", "ids": [hit], "values": {"sound_id": "ghost"}},
        {"kind": "set_hits", "ids": [hit], "values": {"colour": "red"}},
        {"kind": "set_hits", "ids": [hit], "values": 3},
        {"kind": "delete_hits", "ids": [None]},
        {**mode, "frequency_hz": [440.0, 441.0]},
        {**mode, "indices": [10_000], "power_db": [0.0]},
        {**mode, "indices": [-1], "power_db": [0.0]},
        {**mode, "sound_id": "ghost", "power_db": [0.0]},
        {"kind": "set_residual", "sound_id": sound, "component": "attic", "indices": [0], "power_db": [0.0]},
        {"kind": "delete_sound", "sound_id": sound},
        {"kind": "apply_preset", "sound_id": sound, "name": "unobtainium"},
        {"kind": "set_source", "source": "smell"},
    ]


def test_absurd_edits_are_refused_in_a_sentence_and_change_nothing(tab: Tab) -> None:
    before, sent = tab.session.history, len(tab.heard("document"))
    for number, edit in enumerate(absurd_edits(tab.session.require_project()), 1):
        tab.ask("edit", edit=edit, gesture=None)
        assert len(tab.errors) == number, edit
        check_sentence(tab.errors[-1])
        assert tab.session.history is before, edit
    assert len(tab.heard("document")) == sent


@pytest.mark.slow
def test_numbers_out_of_range_are_held_to_it(tab: Tab) -> None:
    project = tab.session.require_project()
    hit, sound = project.hits[0].id, project.sounds[0].id
    tab.edit("add_hit", time_s=1e9, velocity_db=1e308)
    tab.edit("move_hits", ids=[hit], delta_s=-1e9)
    tab.edit("set_hits", ids=[hit], values={"pan": 40, "gain_db": -1e9, "pitch_cents": 1e9})
    tab.edit("set_modes", sound_id=sound, indices=[0, 1], frequency_hz=[-5.0, 1e12], decay_per_s=[-3.0, 1e9])
    tab.edit("rename_sound", sound_id=sound, name="x" * 100_000)
    tab.edit("set_render", steps=10**9, guidance=-1e9)
    tab.edit("set_mix", gain_db=1e6)
    tab.edit("set_threshold", threshold=7)
    tab.settle()
    assert not tab.errors
    after = tab.session.require_project()
    assert all(0.0 <= h.time_s <= after.clip.duration_s for h in after.hits)
    assert after.hit(hit).pan == 1.0 and after.render.steps <= 64 and len(after.sound(sound).name) <= 120
    assert project_from_json(project_to_json(after)) == after  # what is allowed can be kept
    mixed = tab.session.renderer.mix()
    assert mixed is not None and np.isfinite(place_hits(*mixed)).all()


def test_messages_that_make_no_sense_are_refused(tab: Tab) -> None:
    before = tab.session.history
    messages = [
        None, 3, "open", [], {}, {"type": 5}, {"type": "format_disk"}, {"type": "edit"}, {"type": "edit", "edit": [1]},
        {"type": "open_demo", "name": "../secret"}, {"type": "open_demo"}, {"type": "export"},
        {"type": "export", "what": []}, {"type": "export", "what": ["exe"]}, {"type": "export", "what": [{}]},
        {"type": "analyse", "hits": ["ghost"]}, {"type": "analyse", "hits": [{}]}, {"type": "strike"},
        {"type": "strike", "sound_id": tab.session.require_project().sounds[0].id, "velocity_db": 900},
        {"type": "audition_preset", "name": {}}, {"type": "sound_from_file", "sound_id": "ghost", "path": "x.wav"},
    ]  # fmt: skip
    for number, message in enumerate(messages, 1):
        handle(tab.session, message)
        tab.settle()
        assert len(tab.errors) == number, message
        check_sentence(tab.errors[-1])
    assert tab.session.history is before


def test_text_that_is_no_json_is_refused_over_the_wire(client: TestClient) -> None:
    with client.websocket_connect("ws://127.0.0.1/struck/ws?session=wire-test") as socket:
        for text in ("{", "[" * 100_000, '{"type": NaN}', "\u2028"):
            socket.send_text(text)
            while (message := socket.receive_json())["type"] != "error":
                pass
            check_sentence(message["message"])


# --- targets that cannot be written -----------------------------------------------------------


def test_a_target_that_cannot_be_written_is_told(tab: Tab, context: AppContext, tmp_path: Path) -> None:
    before = tab.session.project
    taken = tmp_path / "taken.struck.json"
    taken.mkdir()
    for path in (tmp_path / "no such folder" / "a.struck.json", taken):
        tab.ask("save", path=str(path))
        check_sentence(tab.errors[-1])
    assert len(tab.errors) == 2 and not tab.last("document")["project"]["saved"]
    (context.home / "exports" / tab.session.folder_name).write_text("in the way")
    tab.ask("export", what=["wav"])
    tab.settle()
    assert len(tab.errors) == 3
    check_sentence(tab.errors[-1])
    assert not tab.heard("exported")
    assert tab.session.project is before


# --- what is delivered ------------------------------------------------------------------------


def test_only_files_of_the_editor_and_the_session_are_served(client: TestClient, tab: Tab, context: AppContext) -> None:
    secret = context.home / "exports" / "secret.txt"
    secret.write_text("secret")
    (context.home / "recent.json").write_text("[]")
    own = f"/struck/export/{tab.session.id}"
    for address in (
        f"{own}/../secret.txt", f"{own}/..%2Fsecret.txt", f"{own}/%2e%2e%2fsecret.txt", f"{own}/..%5csecret.txt",
        f"{own}/%2Fetc%2Fpasswd", f"{own}/none.wav", "/struck/export/nobody-here/secret.txt",
        "/struck/static/component.py", "/struck/static/../server.py", "/struck/static/%2e%2e/server.py",
        "/struck/static/..%2f..%2flaunch.py", "/struck/static/__init__.py", "/struck/media/nobody-here",
        "/struck/sound/..%2f..%2frecent.json", "/struck/sound/short", "/struck/track/nobody-here",
    ):  # fmt: skip
        answer = client.get(address)
        assert answer.status_code in (400, 404), address
        assert "secret" not in answer.text.replace("secret.txt", "") and "root:" not in answer.text
    assert client.get("/struck/static/main.js").status_code == 200


@pytest.mark.slow
def test_a_wide_mix_has_the_sides_that_the_track_has(client: TestClient, tab: Tab) -> None:
    """What the browser mixes (mid and side) is what the server exports, and the mono sum is that of the mono mix."""
    tab.settle()

    def track() -> np.ndarray:
        answer = client.get(f"/struck/track/{tab.session.id}")
        return np.asarray(soundfile.read(io.BytesIO(answer.content))[0])

    narrow = track()
    tab.edit("set_mix", width=1.0)
    tab.settle()
    wide = track()
    assert tab.last("document")["project"]["mix"]["width"] == 1.0
    assert wide.sum(axis=1) == pytest.approx(narrow.sum(axis=1), abs=1e-5)
    assert not np.array_equal(wide[:, 0], wide[:, 1])
    project, hit = tab.session.require_project(), tab.session.require_project().hits[0]
    entry = tab.last("rendered")["hits"][hit.id]
    side = np.frombuffer(client.get(f"/struck/side/{entry['key']}").content, "<f4")
    assert len(side) == entry["length"] and np.array_equal(side, hit_side(project, hit, len(side)))
    room = np.frombuffer(client.get(f"/struck/room/{entry['key']}").content, "<f4")
    assert len(room) % 2 == 0 and len(room) >= 2 * len(side) and np.isfinite(room).all()
    assert client.get("/struck/side/nobody-has-this").status_code == 404


def test_an_upload_stays_in_its_folder_whatever_its_name(
    client: TestClient, tab: Tab, context: AppContext, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "click.wav", make_clicks([0.2], 0.5), 48_000)
    content = (tmp_path / "click.wav").read_bytes()
    names = ["../../evil.mp4", "C:\\fakepath\\evil.mp4", "/etc/passwd", "..", "", "two\nlines\t.mp4", "nul\0.m\0v"]
    names += ["é" * 300 + ".mp4", "太鼓" * 60 + ".mp4"]
    for name in names:
        answer = client.post("/struck/upload", params={"session": tab.session.id, "name": name}, content=content)
        assert answer.status_code == 200, answer.text
        place = answer.json()["path"].removeprefix("upload:")
        folder = tab.session.folder("uploads").resolve()
        path = (folder / place).resolve()
        assert path.is_relative_to(folder) and path.read_bytes() == content
    assert client.post("/struck/upload", params={"session": "../x", "name": "a"}, content=b"").status_code == 400


@pytest.mark.slow
def test_a_clip_dropped_on_the_page_opens_and_plays_by_range(client: TestClient, tab: Tab) -> None:
    clip = (ASSETS / "demo_silent.mp4").read_bytes()
    answer = client.post("/struck/upload", params={"session": tab.session.id, "name": "dropped.mp4"}, content=clip)
    tab.ask("open", path=answer.json()["path"])
    tab.settle()
    assert not tab.errors
    url = tab.last("document")["project"]["clip"]["media_url"]
    part = client.get(url, headers={"Range": "bytes=100-199"})
    assert part.status_code == 206 and part.content == clip[100:200]


@pytest.mark.slow
def test_the_track_and_the_exports_are_the_same_sound(client: TestClient, tab: Tab, tmp_path: Path) -> None:
    tab.ask("export", what=["wav", "stems", "markers", "project"])
    tab.settle()
    assert not tab.errors
    files = {file["name"].rpartition(".")[2]: client.get(file["url"]) for file in tab.last("exported")["files"]}
    assert set(files) == {"wav", "zip", "csv", "json"} and all(f.status_code == 200 for f in files.values())
    for name in ("wav", "track"):
        content = files["wav"].content if name == "wav" else client.get(f"/struck/track/{tab.session.id}").content
        (tmp_path / name).write_bytes(content)
    wave, rate_hz = soundfile.read(tmp_path / "wav", dtype="float32")
    track, track_rate_hz = soundfile.read(tmp_path / "track", dtype="float32")
    assert rate_hz == track_rate_hz == 48_000
    assert np.abs(wave - np.clip(track, -1, 1)).max() <= 2**-23
    assert files["csv"].text.count("\n") >= DEMO_HITS


def test_the_exported_wave_lies_at_the_clips_timecode(tab: Tab, client: TestClient, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "tc.mov", timecode="01:00:00:00", rate=Fraction(25))
    tab.ask("open", path=str(clip))
    tab.settle()
    tab.edit("add_hit", time_s=0.5, velocity_db=0.0)
    tab.ask("export", what=["wav"])
    tab.settle()
    content = client.get(tab.last("exported")["files"][0]["url"]).content
    at = content.index(b"bext") + 8 + 338  # description, originator, reference, date and time come before
    assert int.from_bytes(content[at : at + 8], "little") == 3600 * 48_000


def test_other_sites_and_other_names_are_kept_out(client: TestClient) -> None:
    assert client.get("/struck/static/main.js", headers={"Host": "evil.example"}).status_code == 403
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}):
        answer = client.post("/struck/upload?session=abcdefgh&name=a", headers=headers, content=b"")
        assert answer.status_code == 403
        with pytest.raises(WebSocketDisconnect):
            client.websocket_connect("ws://127.0.0.1/struck/ws?session=abcdefgh", headers=headers).__enter__()


@pytest.mark.slow
def test_a_public_start_opens_no_paths_of_this_machine_and_asks_for_its_password(tmp_path: Path) -> None:
    context = make_context(tmp_path, listen=True, auth=("ann", "secret"))
    app = create_app(context)
    with TestClient(app, base_url="http://struck.example") as client:
        assert client.get("/struck/static/main.js").status_code == 401
        assert client.get("/struck/static/main.js", auth=("ann", "wrong")).status_code == 401
        assert client.get("/struck/static/main.js", auth=("ann", "secret")).status_code == 200
        tab = Tab(app.state.sessions.get("public-tab"))
        for kind in ("open", "save"):
            tab.open_demo()
            tab.ask(kind, path=str(ASSETS / "demo_silent.mp4"))
            check_sentence(tab.errors[-1])
        assert len(tab.errors) == 2 and tab.session.name == "demo_sound"


def test_a_connection_sends_at_once_what_it_has() -> None:
    """Without this the body of each answer waits until its head is acknowledged: 40 ms on Linux."""

    async def connect() -> int:
        connected: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def look(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            held = writer.get_extra_info("socket")
            connected.set_result(held.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listener = bind(Options())
        async with await asyncio.start_server(look, sock=listener):
            _, writer = await asyncio.open_connection(*listener.getsockname())
            writer.close()
            return await connected

    assert asyncio.run(connect()) != 0
