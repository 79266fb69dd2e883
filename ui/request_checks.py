"""Checks of a request's address, host name and origin."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?", re.ASCII | re.IGNORECASE)
LONGEST_PATH_BYTES = 1024
LONGEST_PART_BYTES = 255
LONGEST_QUERY_BYTES = 16_384

OPEN_PATHS = frozenset({"/", "/config", "/theme.css", "/favicon.ico", "/manifest.json", "/robots.txt"})
OPEN_FOLDERS = ("/struck/", "/api/v1/", "/static/", "/assets/", "/svelte/")
"""Routes of page and API. Gradio's other routes accept uploads, serve files and fetch addresses: all are closed."""


@dataclass(frozen=True)
class Refusal:
    """An HTTP status and the sentence that goes with it."""

    status: int
    reason: str


class Headers:
    """Headers of an ASGI scope; a name may occur several times."""

    def __init__(self, scope: dict[str, Any]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            self._values.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))

    def all(self, name: str) -> Sequence[str]:
        """Every value of a header."""
        return self._values.get(name, [])

    def first(self, name: str) -> str:
        """The first value of a header, "" where there is none."""
        return next(iter(self.all(name)), "")


def own_names() -> set[str]:
    """Names under which this machine can be reached, without looking any up."""
    name = socket.gethostname().lower()
    short = name.partition(".")[0]
    return {*LOCAL_NAMES, name, short, f"{short}.local"}


def check_address(scope: dict[str, Any]) -> Refusal | None:
    """Refuse addresses that are too long or hold control characters, and routes that the editor does not need."""
    path = scope["path"]
    parts = path.encode("utf-8", "replace").split(b"/")
    if (
        len(path.encode("utf-8", "replace")) > LONGEST_PATH_BYTES
        or max(map(len, parts)) > LONGEST_PART_BYTES
        or len(scope.get("query_string", b"")) > LONGEST_QUERY_BYTES
    ):
        return Refusal(414, "the address is longer than any of Struck's; reload the page")
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in path):
        return Refusal(400, "the address holds control characters; reload the page")
    if path not in OPEN_PATHS and not path.startswith(OPEN_FOLDERS):
        return Refusal(404, "Struck has no such page; open its first one")
    return None


def check_host(headers: Headers, names: set[str] | None, is_public: bool) -> Refusal | None:
    """Refuse a missing, odd or foreign host name; ``names`` None accepts every name.

    After DNS rebinding a site whose name resolves to this machine has the app's origin for the browser, and only its
    host name identifies it. A numeric address cannot be rebound.
    """
    hosts = headers.all("host")
    match = HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
    if match is None:
        return Refusal(400, "the request names no host, several or an odd one; type Struck's address anew")
    if names is None:
        return None
    name = (match[1] or match[2]).lower().rstrip(".")
    if name in names or (is_public and _is_ip_address(name)):
        return None
    if is_public:
        return Refusal(
            403, f"Struck does not answer as {name} without a password; use an address in numbers or add --gradio-auth"
        )
    return Refusal(403, f"Struck answers on this machine only, not as {name}; start it with --listen to open it up")


def _is_ip_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def check_origin(scope: dict[str, Any], headers: Headers, is_public: bool) -> Refusal | None:
    """Refuse requests and embeddings of another site's page; a link to the first page is allowed.

    Another port of this machine is another site. ``X-Forwarded-Host`` counts in public mode only, where a proxy may
    stand in front: a page cannot send it elsewhere without a preflight, which is refused here for its foreign origin.
    """
    hosts = set(headers.all("host"))
    if is_public:
        hosts.update(name.strip() for value in headers.all("x-forwarded-host") for name in value.split(","))
    refusal = Refusal(403, "another web site tried to use Struck; open Struck's own page instead")
    for origin in headers.all("origin"):
        scheme, _, host = origin.partition("://")
        if scheme not in ("http", "https") or not host or host not in hosts:
            return refusal
    if any(site in ("cross-site", "same-site") for site in headers.all("sec-fetch-site")):
        is_link = (
            scope.get("method") in ("GET", "HEAD")
            and headers.first("sec-fetch-mode") == "navigate"
            and headers.first("sec-fetch-dest") == "document"
        )
        if not is_link:
            return refusal
    return None
