"""Authentication and origin checks: ASGI middleware before every route and websocket, Gradio's included."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from ui.context import Options

LOCAL_NAMES = {"localhost", "127.0.0.1", "::1"}
COOKIE = "struck"


class AuthMiddleware:
    """Checks the host name, the origin and the password of each request.

    A page of another site that the user visits must not drive an app on the user's own machine: its
    requests carry a foreign Origin, or, with a rebound name, a foreign Host.
    """

    def __init__(self, app: Any, options: Options) -> None:
        self._app = app
        self._options = options
        self._key = secrets.token_bytes(32)

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        status, reason = self._judge(scope, headers)
        if status == 200:
            await self._app(scope, receive, self._with_cookie(scope, headers, send))
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": reason})
        else:
            answer = [(b"content-type", b"text/plain; charset=utf-8")]
            if status == 401:
                answer.append((b"www-authenticate", b'Basic realm="Struck", charset="UTF-8"'))
            await send({"type": "http.response.start", "status": status, "headers": answer})
            await send({"type": "http.response.body", "body": reason.encode()})

    def _judge(self, scope: dict[str, Any], headers: dict[str, str]) -> tuple[int, str]:
        host = headers.get("host", "")
        if not self._options.public and host_name(host) not in LOCAL_NAMES:
            return 403, f"Struck answers on this machine only, not as {host}; start it with --listen to open it up."
        changes = scope["type"] == "websocket" or scope["method"] not in ("GET", "HEAD", "OPTIONS")
        origin = headers.get("origin")
        if changes and origin is not None:
            hosts = {host, *headers.get("x-forwarded-host", "").replace(" ", "").split(",")} - {""}
            if urlsplit(origin).netloc not in hosts:
                return 403, "Another web site tried to use Struck; this is refused."
        if self._options.auth is None or self._knows(headers):
            return 200, ""
        return 401, "Struck asks for the name and password it was started with."

    def _knows(self, headers: dict[str, str]) -> bool:
        token = self._token()
        if any(hmac.compare_digest(value, token) for value in cookies(headers, COOKIE)):
            return True
        scheme, _, value = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            given = base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            return False
        return hmac.compare_digest(given, ":".join(self._options.auth or ()).encode())

    def _token(self) -> str:
        return hmac.new(self._key, ":".join(self._options.auth or ()).encode(), hashlib.sha256).hexdigest()

    def _with_cookie(self, scope: dict[str, Any], headers: dict[str, str], send: Any) -> Any:
        """The cookie lets the websocket in where a browser sends no password along."""
        if self._options.auth is None or scope["type"] != "http" or any(cookies(headers, COOKIE)):
            return send

        async def send_with_cookie(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                cookie = f"{COOKIE}={self._token()}; Path=/; HttpOnly; SameSite=Strict"
                message = {**message, "headers": [*message.get("headers", []), (b"set-cookie", cookie.encode())]}
            await send(message)

        return send_with_cookie


def host_name(host: str) -> str:
    """The name in a Host header, without its port."""
    return (urlsplit(f"//{host}").hostname or "") if host else ""


def cookies(headers: dict[str, str], name: str) -> Iterable[str]:
    """Values of the cookies of a name."""
    for part in headers.get("cookie", "").split(";"):
        key, _, value = part.strip().partition("=")
        if key == name:
            yield value
