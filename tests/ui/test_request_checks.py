"""Requests as another site, another machine or a hostile client sends them, to the app in a process of its own."""

from __future__ import annotations

import http.client
import json
import random
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app_process import serve

pytestmark = pytest.mark.slow

Started = tuple[int, Path]


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    """Port and data folder of a running app."""
    home = tmp_path_factory.mktemp("requests") / "home"
    with serve(home) as address:
        yield int(address.rpartition(":")[2]), home


def send(port: int, head: str, headers: bytes = b"", body: bytes = b"") -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the answer to a request given as it goes over the wire."""
    with socket.create_connection(("127.0.0.1", port), 20) as wire:
        wire.sendall(f"{head} HTTP/1.1\r\nConnection: close\r\n".encode() + headers + b"\r\n" + body)
        answer = http.client.HTTPResponse(wire, method=head.split()[0])
        answer.begin()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


def host(port: int) -> bytes:
    return f"Host: 127.0.0.1:{port}\r\n".encode()


PAGES = (
    "/",
    "/config",
    "/struck/static/main.js",
    "/struck/media/nobody-here",
    "/struck/upload?session=abcdefgh&name=a",
)


def test_no_site_may_frame_or_embed_the_page(started: Started) -> None:
    port, _ = started
    for path in (*PAGES, "/none", "/struck/none"):
        _, headers, _ = send(port, f"GET {path}", host(port))
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-frame-options"] == "DENY" and headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin" and "server" not in headers


def test_another_port_of_this_machine_is_another_site(started: Started) -> None:
    port, home = started
    upload = "POST /struck/upload?session=abcdefgh&name=a.wav"
    other = f"Origin: http://127.0.0.1:{port + 1}\r\n"
    for more in ("", f"X-Forwarded-Host: 127.0.0.1:{port + 1}\r\n", "Forwarded: host=evil.example\r\n"):
        assert send(port, upload, host(port) + (other + more).encode() + b"Content-Length: 0\r\n")[0] == 403
    asked = f"{other}Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: x-forwarded-host\r\n"
    for path in ("/struck/upload", "/config", "/gradio_api/upload", "/"):
        status, headers, _ = send(port, f"OPTIONS {path}", host(port) + asked.encode())
        assert status == 403 and not any(name.startswith("access-control") for name in headers)
    assert send(port, "GET /config", host(port) + other.encode())[0] == 403
    for name in ("X-Gradio-Server", "X-Forwarded-Host"):  # Gradio would take the address for its own
        status, _, page = send(port, "GET /config", host(port) + f"{name}: http://evil.example\r\n".encode())
        assert status == 200 and b"evil" not in page
    assert not list((home / "uploads").glob("*/*"))


def test_what_another_site_embeds_or_submits_is_refused_and_a_link_is_followed(started: Started) -> None:
    port, _ = started
    embeds = "Sec-Fetch-Site: {}\r\nSec-Fetch-Mode: {}\r\nSec-Fetch-Dest: {}\r\n"
    for site in ("cross-site", "same-site"):
        for mode, dest in (("no-cors", "image"), ("no-cors", "script"), ("navigate", "iframe"), ("cors", "empty")):
            assert send(port, "GET /", host(port) + embeds.format(site, mode, dest).encode())[0] == 403
        link = embeds.format(site, "navigate", "document").encode()
        assert send(port, "GET /", host(port) + link)[0] == 200
        assert send(port, "POST /struck/upload?session=abcdefgh&name=a", host(port) + link)[0] == 403
    own = f"Origin: http://127.0.0.1:{port}\r\n{embeds.format('same-origin', 'cors', 'empty')}"
    assert send(port, "GET /config", host(port) + own.encode())[0] == 200


def test_odd_headers_are_no_server_error(started: Started) -> None:
    port, _ = started
    names = (
        "Cookie", "Origin", "Range", "If-Range", "If-None-Match", "If-Modified-Since", "Authorization", "Accept",
        "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-For", "Accept-Encoding", "Content-Type", "Referer",
        "Content-Length", "Expect", "Upgrade", "Sec-Fetch-Site", "Sec-WebSocket-Key", "X-Gradio-User",
    )  # fmt: skip
    values = (
        b"", b"\xe9\xff\xfe", b"[::1", b"http://[::1", b"-1", b"9" * 400, b"bytes=9-1", b"bytes=-", b"bytes=abc",
        b"bytes=" + b",".join([b"0-1"] * 500), b"A" * 7000, b"struck=\xe9", f"struck_{port}=\xe9".encode("latin-1"),
        b"Basic \xff", b"Basic ====", b"null", b"h2c", b"websocket", b";=;=", b'"', b"%00", b"https://evil:99999999999",
    )  # fmt: skip
    draw = random.Random(5)
    for path in PAGES:
        for name in names:
            for value in draw.sample(values, 4):
                method = draw.choice(("GET", "POST", "OPTIONS"))
                header = name.encode() + b": " + value + b"\r\n"
                status, _, _ = send(port, f"{method} {path}", host(port) + header)
                assert status < 500, (path, header)
    for odd in (
        b"",
        b"[::1",
        b"a[b",
        b"127.0.0.1:99999999",
        b"\xe9",
        b"a@127.0.0.1",
        b"127.0.0.1, evil",
        b"evil.example",
    ):
        assert send(port, "GET /", b"Host: " + odd + b"\r\n")[0] in (400, 403), odd
    assert send(port, "GET /", host(port) + b"Host: evil.example\r\n")[0] == 400


def test_overlong_and_odd_addresses_are_the_clients_error(started: Started) -> None:
    port, _ = started
    long = "x" * 5000
    for path in (
        f"/{long}", f"/struck/static/{long}", f"/struck/static/{'x' * 300}.js", f"/struck/export/abcdefgh/{long}",
        f"/struck/export/abcdefgh/{'%E9' * 300}", f"/struck/match/abcdefgh/{long}", f"/assets/{'x' * 256}",
        f"/static/{'a/' * 3000}", f"/struck/sound/{long}", f"/theme.css?v={'x' * 20_000}", "/struck/static/%00.js",
        "/assets/%00", "/%0a", "/struck/media/%0d%0aX: y", f"/struck/media/{'x' * 255}", "//evil.example/", "/%ff%fe",
    ):  # fmt: skip
        status, _, body = send(port, f"GET {path.replace(' ', '%20')}", host(port))
        assert status in (400, 404, 414), (path[:40], status)
        assert b"Traceback" not in body


def test_gradios_own_uploads_files_and_fetches_are_closed(started: Started) -> None:
    port, _ = started
    for path in (
        "/gradio_api/upload", "/gradio_api/file=/etc/passwd", "/gradio_api/proxy=https://example.com/", "/upload",
        "/gradio_api/queue/join", "/gradio_api/queue/data", "/gradio_api/call/x", "/gradio_api/component_server",
        "/gradio_api/info", "/openapi.json", "/monitoring", "/login", "/logout", "/docs",
    ):  # fmt: skip
        for method in ("GET", "POST"):
            assert send(port, f"{method} {path}", host(port))[0] == 404, path


def test_what_lies_in_the_data_folder_is_its_owners_alone(started: Started) -> None:
    port, home = started
    send(port, "GET /struck/media/nobody-here", host(port))
    upload = "POST /struck/upload?session=abcdefgh&name=a.struck.json"
    status, _, body = send(port, upload, host(port) + b"Content-Length: 2\r\n", b"{}")
    assert status == 200 and json.loads(body)["path"].endswith("/a.struck.json")
    places = [home, *home.rglob("*")]
    assert len(places) > 8 and not [place for place in places if place.stat().st_mode & 0o077]
