"""An editor's side of a shared sampler: hits are sampled by the studio's service, or here where it is away."""

from __future__ import annotations

import http.client
import os
import time
import urllib.parse
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from engine.core.errors import BadInput
from engine.physics.detail import Detail
from engine.physics.model import Context, Modes, Residual
from engine.pipeline.hit_to_sample import gather_hits
from engine.pipeline.sampler_wire import MOST_HITS, WireSettings, decode_sounds, digest_code, encode_request

URL, TOKEN = "STRUCK_SAMPLER", "STRUCK_SAMPLER_TOKEN"
USER = uuid.uuid4().hex
_TIMEOUT_S, _REST_S = 60.0, 30.0


class SharedSampler:
    """As the ``local`` sampler of a checkpoint, whose digest the service must have too.

    Where the service is away, refuses or takes longer than a minute, ``local`` samples, ``trouble`` is the reason, and
    the service is asked again half a minute later.
    """

    def __init__(self, local: Any, checkpoint: str, url: str, token: str, user: str = USER) -> None:
        self.digest, self.device, self._local = local.digest, getattr(local, "device", None), local
        self._checkpoint, self._token, self._user = checkpoint, token, user
        self._url = urllib.parse.urlsplit(url)
        if self._url.scheme not in ("http", "https") or not self._url.hostname:
            raise BadInput(f"{URL} {url[:100]!r} is no address; give one such as http://HOST:8790")
        self._service_trouble, self._rests_until_s = "", 0.0

    @property
    def trouble(self) -> str:
        """Why the service does not sample, or the local sampler's own trouble; "" where all is well."""
        return self._service_trouble or getattr(self._local, "trouble", "")

    def sample(
        self,
        physics: Sequence[tuple[Modes, Residual]],
        seeds: Sequence[int],
        steps: int = 4,
        guidance: float = 1.0,
        on_step: Callable[[int, int], None] | None = None,
        contexts: Sequence[Context] | None = None,
        details: Sequence[Detail] | None = None,
    ) -> list[np.ndarray]:
        """Sounds of hits, as ``Sampler.sample``."""
        hits = gather_hits(physics, seeds, contexts, details)
        settings = WireSettings(self._checkpoint, self.digest, digest_code(), steps, guidance)
        sounds: list[np.ndarray] = []
        while len(sounds) < len(hits) and time.monotonic() >= self._rests_until_s:
            piece = hits[len(sounds) : len(sounds) + MOST_HITS]
            try:
                sounds += decode_sounds(self._ask(encode_request(self._user, settings, piece)), len(piece))
                self._service_trouble = ""
            except (OSError, ValueError, http.client.HTTPException) as error:
                self._rests_until_s = time.monotonic() + _REST_S
                reason = str(error) or type(error).__name__
                self._service_trouble = f"the shared sampler is away ({reason[:120]}), so this machine samples"
            if on_step is not None:
                on_step(len(sounds), len(hits))
        at = len(sounds)
        if at < len(hits):
            rest = slice(at, None)
            sounds += self._local.sample(
                physics[rest],
                seeds[rest],
                steps,
                guidance,
                on_step,
                [hit.context for hit in hits[rest]],
                [hit.detail for hit in hits[rest]],
            )
        return sounds

    def _ask(self, body: bytes) -> bytes:
        """The service's answer. Raises OSError, with the reason that it gives."""
        kind = http.client.HTTPSConnection if self._url.scheme == "https" else http.client.HTTPConnection
        connection = kind(self._url.hostname or "", self._url.port, timeout=_TIMEOUT_S)
        try:
            headers = {"authorization": f"Bearer {self._token}", "content-type": "application/json"}
            connection.request("POST", f"{self._url.path.rstrip('/')}/sample", body, headers)
            answer = connection.getresponse()
            data = answer.read()
            if answer.status != 200:
                raise OSError(data[:200].decode(errors="replace") or f"status {answer.status}")
            return data
        finally:
            connection.close()


def share_sampler(local: Any, checkpoint: str) -> Any:
    """The sampler that STRUCK_SAMPLER names in place of the local one, which is kept for when it is away."""
    url = os.environ.get(URL, "")
    return SharedSampler(local, checkpoint, url, os.environ.get(TOKEN, "")) if url and local is not None else local
