"""Who may speak to the app: names, passwords, sessions; and what of this machine a session cannot reach."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import soundfile
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

import ui.__main__ as start
from engine.core.paths import ASSETS, ROOT
from tests.clips import make_clicks, make_clip
from tests.ui_tab import Tab, check_sentence, make_context
from ui import uploads
from ui.context import AppContext
from ui.jobs import hide_folders
from ui.request_checks import Headers, check_host
from ui.server import create_app

# --- names, passwords, sessions ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "local", "listening"),
    [
        ("127.0.0.1:7860", 200, 200), ("localhost", 200, 200), ("[::1]:7860", 200, 200), ("LOCALHOST.", 200, 200),
        ("192.168.1.7:7860", 403, 200), ("[fe80::1]", 403, 200), ("studio", 403, 200), ("a b", 400, 400),
        ("studio.evil.example", 403, 403), ("127.0.0.1.evil.example", 403, 403), ("evil.example:7860", 403, 403),
    ],
)  # fmt: skip
def test_a_name_bound_anew_to_this_machine_is_not_answered(name: str, local: int, listening: int) -> None:
    headers = Headers({"headers": [(b"host", name.encode())]})
    names = {"127.0.0.1", "localhost", "::1"}
    for is_public, known, status in ((False, names, local), (True, {*names, "studio"}, listening)):
        refusal = check_host(headers, known, is_public)
        assert (refusal.status if refusal else 200) == status
        if refusal:
            check_sentence(refusal.reason)


@pytest.mark.parametrize(
    ("options", "warns"),
    [({"listen": True}, True), ({"share": True}, True), ({"listen": True, "auth": ("a", "b")}, False), ({}, False)],
)
def test_serving_others_without_a_password_warns(
    options: dict[str, Any], warns: bool, tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    monkeypatch.setattr(start, "WARM_AFTER_S", 0.0)
    monkeypatch.setattr(start, "_share", lambda context, port: "Public address: none in a test")
    context = make_context(tmp_path, open_browser=False, **options)
    monkeypatch.setattr(context, "warm", lambda: None)
    start._after_start(SimpleNamespace(started=True), context, 7860)
    assert ("--gradio-auth" in capsys.readouterr().err) == warns


def test_a_shared_address_is_answered_and_a_tunnel_that_fails_is_said(tmp_path: Path, monkeypatch: Any) -> None:
    """The tunnel itself is Gradio's, and needs the network."""
    from gradio import networking

    context = make_context(tmp_path, share=True)
    monkeypatch.setattr(networking, "CERTIFICATE_PATH", "")
    headers = Headers({"headers": [(b"host", b"a1b2c3.gradio.live")]})
    assert check_host(headers, context.host_names, True) is not None

    def fail(*_: Any) -> str:
        raise RuntimeError("Could not get share link\nfrom the server.")

    monkeypatch.setattr(networking, "setup_tunnel", fail)
    said = start._share(context, 7860)
    check_sentence(said)
    assert "(Could not get share link from the server); check the network" in said
    monkeypatch.setattr(networking, "setup_tunnel", lambda host, port, *_: f"https://a1b2c3.gradio.live?{host}:{port}")
    assert "https://a1b2c3.gradio.live?127.0.0.1:7860" in start._share(context, 7860)
    assert check_host(headers, context.host_names, True) is None
    assert Path(networking.CERTIFICATE_PATH).is_relative_to(context.home)


def walk_routes(routes: Any, prefix: str = "") -> Iterator[tuple[str, set[str]]]:
    """Path and methods of every route of an app, those of mounted apps and included routers too."""
    for route in routes:
        within = (route, getattr(route, "app", None), getattr(route, "original_router", None))
        inner = next((holder.routes for holder in within if getattr(holder, "routes", None)), None)
        path = prefix + (getattr(route, "path", "") or "")
        if inner is not None:
            yield from walk_routes(inner, path)
        else:
            yield path, set(getattr(route, "methods", None) or {"GET"})


STUB = ROOT / "ui" / "editor" / "component.pyi"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A client of the whole app, Gradio's routes included, started with a password."""
    STUB.unlink(missing_ok=True)  # of an earlier version
    from ui.app import mount  # imports Gradio, which takes seconds: only the process that runs this needs it

    context = make_context(tmp_path_factory.mktemp("guarded"), listen=True, auth=("ann", "sécret:1"))
    with TestClient(mount(create_app(context), 7860), base_url="http://192.168.1.7:7860") as client:
        yield client


@pytest.mark.slow
def test_gradio_writes_no_stub_of_the_editor(guarded: TestClient) -> None:
    assert not STUB.exists()


@pytest.mark.slow
def test_every_route_asks_for_the_password(guarded: TestClient) -> None:
    routes = list(walk_routes(guarded.app.routes))  # type: ignore[attr-defined]
    assert len(routes) > 60 and {"/", "/config", "/struck/upload", "/struck/static"} <= {path for path, _ in routes}
    for path, methods in [*routes, ("/none", {"GET"})]:
        address = path.replace("{path:path}", "x").replace("{", "").replace("}", "")
        for method in methods | {"OPTIONS"}:
            for headers in ({}, {"Authorization": "Basic YTpi"}, {"Cookie": "struck_7860=0"}):
                answer = guarded.request(method, address, headers=headers)
                assert answer.status_code == 401, (method, address)
                assert "set-cookie" not in answer.headers
        with pytest.raises(WebSocketDisconnect):
            guarded.websocket_connect(f"ws://192.168.1.7:7860{address}").__enter__()


@pytest.mark.slow
def test_the_cookie_of_an_earlier_start_is_renewed_and_opens_the_websocket(guarded: TestClient) -> None:
    stale = {"Cookie": b"struck_7860=0123; struck_7860=\xe9"}
    answer = guarded.get("/struck/static/main.js", auth=("ann", "sécret:1"), headers=stale)
    assert answer.status_code == 200
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    fresh = {"Cookie": cookie.partition(";")[0]}
    again = guarded.get("/struck/static/main.js", headers=fresh)
    assert again.status_code == 200 and "set-cookie" not in again.headers
    with guarded.websocket_connect("ws://192.168.1.7:7860/struck/ws?session=guarded", headers=fresh) as socket:
        assert socket.receive_json()["type"] == "welcome"


def test_an_id_that_is_none_opens_no_session(client: TestClient) -> None:
    for name in ("abcdef%0A", "%0Aabcdef", "abc", "../../etc", "a" * 65, "abcdef%00", "%D9%A1" * 8, ""):
        with client.websocket_connect(f"ws://127.0.0.1/struck/ws?session={name}") as socket:
            check_sentence(socket.receive_json()["message"])
            with pytest.raises(WebSocketDisconnect):
                socket.receive_json()
        assert client.post(f"/struck/upload?session={name}&name=a.wav", content=b"").status_code == 400


# --- uploads ----------------------------------------------------------------------------------


@pytest.fixture
def click(tmp_path: Path) -> bytes:
    """A short recording, as bytes."""
    soundfile.write(tmp_path / "click.wav", make_clicks([0.2], 0.5), 48_000)
    return (tmp_path / "click.wav").read_bytes()


def send(client: TestClient, tab: Tab, name: str, content: Any, **headers: str) -> Any:
    params = {"session": tab.session.id, "name": name}
    return client.post("/struck/upload", params=params, content=content, headers=headers)


def test_uploads_are_limited_in_size_kind_and_number(
    client: TestClient, tab: Tab, click: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tab.session.folder("uploads")
    monkeypatch.setattr(uploads, "MOST_BYTES", len(click) + 100)
    refused = [
        (send(client, tab, "long.wav", click + bytes(200)), 413),
        (send(client, tab, "long.wav", iter([click, bytes(200)])), 413),  # its length is not declared
        (send(client, tab, "page.mp4", b"<!doctype html><script>alert(1)</script>"), 415),
        (send(client, tab, "run.exe", b"MZ" + bytes(500)), 415),
        (send(client, tab, "list.m3u8", b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1/secret\n"), 415),
        (send(client, tab, "x.struck.json", b"[1]"), 415),
        (send(client, tab, "empty.wav", b""), 415),
    ]
    for answer, status in refused:
        assert answer.status_code == status, answer.text
        check_sentence(answer.json()["error"])
    assert not list(folder.iterdir())
    monkeypatch.setattr(uploads, "MOST_FILES", 2)
    assert [send(client, tab, "a.wav", click).status_code for _ in range(3)] == [200, 200, 429]
    assert len(list(folder.iterdir())) == 2
    monkeypatch.setattr(uploads, "MOST_BYTES", 1 << 30)
    monkeypatch.setattr(uploads, "SPARE_DISK_BYTES", 1 << 60)
    monkeypatch.setattr(uploads, "MOST_FILES", 9)
    assert send(client, tab, "a.wav", click).status_code == 413
    assert len(list(folder.iterdir())) == 2


def test_a_recording_that_was_read_is_removed(client: TestClient, tab: Tab, click: bytes) -> None:
    path = send(client, tab, "太鼓 <b>.wav", click).json()["path"]
    sound_id = tab.session.require_project().sounds[0].id
    tab.ask("sound_from_file", sound_id=sound_id, path=path)
    tab.settle()
    assert not tab.errors and not list(tab.session.folder("uploads").iterdir())
    assert tab.session.require_project().sound(sound_id).source.name.startswith("太鼓")


# --- what is shown and what can be reached ----------------------------------------------------


@pytest.mark.slow
def test_the_session_id_is_in_nothing_that_is_shown_or_exported(
    client: TestClient, tab: Tab, tmp_path: Path, click: bytes
) -> None:
    clip = make_clip(tmp_path / "taps.mp4", sounds=[(0.0, make_clicks([0.5], 2.0))])
    tab.ask("open", path=send(client, tab, "taps.mp4", clip.read_bytes()).json()["path"])
    tab.settle()
    sound_id = tab.session.require_project().sounds[0].id
    tab.ask("sound_from_file", sound_id=sound_id, path=send(client, tab, "c.wav", click).json()["path"])
    tab.ask("add_to_bank", paths=[send(client, tab, "d.wav", click).json()["path"]])
    tab.settle()
    tab.ask("search", by="words", text="c", request=1)
    tab.ask("open", path="upload:00000000/none.mp4")
    tab.settle()
    tab.ask("save")
    tab.ask("export", what=["project", "markers"])
    tab.settle()
    told = [message for message in tab.told if message["type"] not in ("media", "exported")]
    for message in told:  # the addresses of bulk data go to the tab alone
        text = json.dumps(message).replace(f"/struck/media/{tab.session.id}", "")
        assert tab.session.id not in text, message
    for file in tab.last("exported")["files"]:
        assert tab.session.id not in client.get(file["url"]).text
    names = [
        str(path)
        for kind in ("uploads", "exports", "projects")
        for path in (tab.session.context.home / kind).rglob("*")
    ]
    assert names and not [name for name in names if tab.session.id in name]
    assert hide_folders(f"{tab.session.folder('uploads')}/12345678/a.mp4 is torn", tab.session.context.home) == (
        "a.mp4 is torn"
    )
    kept = tab.session.context.folder("sessions") / f"{tab.session.id}.struck.json"
    said = hide_folders(f"{kept} cannot be written (no space left)", tab.session.context.home)
    assert said == "the autosave of this tab cannot be written (no space left)"


@pytest.mark.slow
def test_a_project_cannot_ask_for_files_of_the_server(tmp_path: Path) -> None:
    context = make_context(tmp_path, listen=True)
    secret = tmp_path / "secret.mp4"
    secret.write_bytes((ASSETS / "demo_silent.mp4").read_bytes())
    app = create_app(context)
    with TestClient(app, base_url="http://127.0.0.1") as client:
        tab = Tab(app.state.sessions.get("curious-tab"))
        project = json.loads((ASSETS / "demo_silent.struck.json").read_text())
        said = set()
        for path, relative in (
            (str(secret), "x.mp4"), (str(tmp_path / "nothing.mp4"), "x.mp4"), ("/etc/passwd", "x.mp4"),
            ("x.mp4", "../../../../secret.mp4"), ("/dev/zero", "x.mp4"), (str(context.home / "struck.log"), "x.mp4"),
        ):  # fmt: skip
            project["clip"] |= {"path": path, "relative_path": relative}
            content = json.dumps(project).encode()
            tab.ask("open", path=send(client, tab, "p.struck.json", content).json()["path"])
            tab.settle()
            said.add(tab.errors[-1].replace(Path(path).name, "NAME"))
            check_sentence(tab.errors[-1])
        assert len(tab.errors) == 6 and len(said) == 1 and tab.session.project is None
        project["clip"]["path"] = "x.mp4"
        content = json.dumps(project).encode()
        send(client, tab, "x.mp4", secret.read_bytes())
        tab.ask("open", path=send(client, tab, "p.struck.json", content).json()["path"])
        tab.settle()
        assert tab.session.project is not None and len(tab.errors) == 6  # the clip that was dropped beside it is found
        tab.ask("export", what=["project"])
        tab.settle()
        exported = client.get(tab.last("exported")["files"][0]["url"]).json()
        assert exported["clip"]["path"] == exported["clip"]["relative_path"] == "x.mp4"


@pytest.mark.slow
def test_a_clip_that_was_deleted_is_gone(client: TestClient, tab: Tab, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "brief.mp4", sounds=[(0.0, make_clicks([0.5], 2.0))])
    tab.ask("open", path=str(clip))
    tab.settle()
    tab.session.context.cache = type(tab.session.context.cache)(None)  # the waveform is not known any more
    clip.unlink()
    session_id = tab.session.id
    for address in (
        f"media/{session_id}", f"filmstrip/{session_id}?start_s=0&end_s=1&count=2&height=40", f"waveform/{session_id}"
    ):  # fmt: skip
        answer = client.get(f"/struck/{address}")
        assert answer.status_code == 410, answer.text
        assert answer.headers["cache-control"] == "no-store"  # or it would be gone for the browser once it is back
        check_sentence(answer.json()["error"])
        assert "brief.mp4" in answer.json()["error"]


def test_an_idle_app_rests(context: AppContext) -> None:
    from ui.app import mount

    async def count_passes() -> int:
        selector = asyncio.get_running_loop()._selector  # type: ignore[attr-defined]
        select, passes = selector.select, []
        selector.select = lambda timeout=None: passes.append(timeout) or select(timeout)
        await asyncio.sleep(0.5)
        del selector.select
        return len(passes)

    with TestClient(mount(create_app(context), 7860), base_url="http://127.0.0.1:7860") as client:
        assert client.portal is not None and client.portal.call(count_passes) < 30
