"""Authentication and request checks: ASGI middleware before every route and websocket, Gradio's included."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable
from typing import Any

from ui.context import AppContext
from ui.request_checks import Headers, Refusal, check_address, check_host, check_origin

CONTENT_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; "
    "connect-src 'self' blob: data:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
"""Gradio needs inline and evaluated scripts; nothing is loaded from, sent to or framed by another site."""

SAFETY_HEADERS = tuple(
    (name.encode(), value.encode())
    for name, value in {
        "content-security-policy": CONTENT_POLICY,
        "x-frame-options": "DENY",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cross-origin-resource-policy": "same-origin",
    }.items()
)
FORWARDED = (b"forwarded", b"x-forwarded-")
GRADIO_ROOT = b"x-gradio-server"
"""With this header a client could give Gradio another address of the server."""


class AuthMiddleware:
    """Checks address, host name, origin and password of each request, and adds security headers to each response.

    A page of another site that the user visits must not drive an app on the user's own machine: its
    requests have a foreign Origin or, after DNS rebinding, a foreign Host.
    """

    def __init__(self, app: Any, context: AppContext) -> None:
        self._app = app
        self._context = context
        self._auth = context.options.auth
        self._key = secrets.token_bytes(32)

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope)
        refusal = self._check(scope, headers)
        if refusal is None:
            # A local app has no proxy; Gradio would trust the headers that one adds.
            dropped = (GRADIO_ROOT,) if self._context.options.public else (GRADIO_ROOT, *FORWARDED)
            kept = [(name, value) for name, value in scope["headers"] if not name.lower().startswith(dropped)]
            scope = {**scope, "headers": kept}
            await self._app(scope, receive, self._with_headers(scope, headers, send))
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": refusal.reason})
        else:
            answer = [(b"content-type", b"application/json"), *SAFETY_HEADERS]
            if refusal.status == 401:
                answer.append((b"www-authenticate", b'Basic realm="Struck", charset="UTF-8"'))
            await send({"type": "http.response.start", "status": refusal.status, "headers": answer})
            await send({"type": "http.response.body", "body": json.dumps({"error": refusal.reason}).encode()})

    def _check(self, scope: dict[str, Any], headers: Headers) -> Refusal | None:
        is_public = self._context.options.public
        # A password keeps rebound names out as well: the browser sends neither it nor the cookie along to them.
        names = None if is_public and self._auth else self._context.host_names
        return (
            check_host(headers, names, is_public)
            or check_origin(scope, headers, is_public)
            or self._check_password(scope, headers)
            or check_address(scope)
        )

    def _check_password(self, scope: dict[str, Any], headers: Headers) -> Refusal | None:
        if self._auth is None or self._has_token(scope, headers):
            return None
        for value in headers.all("authorization"):
            scheme, _, given = value.partition(" ")
            if scheme.lower() == "basic" and hmac.compare_digest(_decode_base64(given), ":".join(self._auth).encode()):
                return None
        return Refusal(401, "Struck needs the name and password it was started with; type them")

    def _has_token(self, scope: dict[str, Any], headers: Headers) -> bool:
        token = self._token().encode()
        return any(
            hmac.compare_digest(value.encode("latin-1"), token) for value in cookies(headers, cookie_name(scope))
        )

    def _token(self) -> str:
        return hmac.new(self._key, ":".join(self._auth or ()).encode(), hashlib.sha256).hexdigest()

    def _with_headers(self, scope: dict[str, Any], headers: Headers, send: Any) -> Any:
        """Add the security headers, and the cookie for websockets, where browsers send no Basic credentials."""
        if scope["type"] != "http":
            return send
        extra = list(SAFETY_HEADERS)
        if self._auth is not None and not self._has_token(scope, headers):  # none yet, or one of an earlier start
            secure = "; Secure" if scope.get("scheme") == "https" else ""
            cookie = f"{cookie_name(scope)}={self._token()}; Path=/; HttpOnly; SameSite=Strict{secure}"
            extra.append((b"set-cookie", cookie.encode()))

        async def send_with_headers(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), *extra]}
            await send(message)

        return send_with_headers


def cookie_name(scope: dict[str, Any]) -> str:
    """Name of the cookie; the port is in it, since cookies of one host are shared among its ports."""
    return f"struck_{(scope.get('server') or ('', 0))[1]}"


def cookies(headers: Headers, name: str) -> Iterable[str]:
    """Values of the cookies of a name."""
    for header in headers.all("cookie"):
        for part in header.split(";"):
            key, _, value = part.strip().partition("=")
            if key == name:
                yield value


def _decode_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
