"""``serve-sampler``: sample the hits of many editors on this machine's GPU."""

from __future__ import annotations

import argparse
import os
import secrets
import threading
from pathlib import Path
from typing import IO, Any

from engine.cli.console import say, whole_number
from engine.core.errors import BadInput, StruckError
from engine.core.paths import CHECKPOINTS

DEFAULT_PORT = 8790
SHORTEST_TOKEN = 16


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at; 0.0.0.0 for all of this machine's")
    parser.add_argument("--port", type=whole_number(1, 65535), default=DEFAULT_PORT)


def run(options: argparse.Namespace, stdout: IO[str]) -> None:
    """Serve until it is interrupted. Raises BadInput where no checkpoint is there or the address cannot be had."""
    import uvicorn

    from engine.core.checkpoint import list_checkpoints
    from engine.diffusion.checkpoint import SAMPLER
    from engine.farm.fair_batcher import FairBatcher
    from engine.farm.sampler_service import make_app
    from engine.pipeline.shared_sampler import TOKEN, URL

    folder = Path(options.ckpt_dir) if options.ckpt_dir else CHECKPOINTS
    if not list_checkpoints(folder, SAMPLER):
        raise BadInput(f"no sampler was found in {folder}; give a folder that holds one with --ckpt-dir")
    token = os.environ.get(TOKEN, "")
    if token and len(token) < SHORTEST_TOKEN:
        raise BadInput(f"the token of {TOKEN} is short; give one of at least {SHORTEST_TOKEN} letters, or none")
    find = SamplerFinder(folder, options.device)
    for name in list_checkpoints(folder, SAMPLER)[:1]:
        find(name)
    say(f"editors: {URL}=http://{options.host}:{options.port}")
    if not token:
        token = secrets.token_urlsafe(24)
        stdout.write(f"{TOKEN}={token}\n")
        stdout.flush()
    server = uvicorn.Server(
        uvicorn.Config(
            make_app(FairBatcher(find), find, token), options.host, options.port, log_level="error", lifespan="off"
        )
    )
    try:
        server.run()
    except SystemExit:
        where = f"{options.host}:{options.port}"
        raise StruckError(f"{where} cannot be listened at; another program may, so give another --port") from None


class SamplerFinder:
    """Loads samplers by name once each."""

    def __init__(self, folder: Path, device_name: str) -> None:
        self._folder, self._device_name, self._lock = folder, device_name, threading.Lock()
        self._held: dict[str, Any] = {}

    def __call__(self, name: str) -> Any:
        """The sampler of a checkpoint's name; None where there is none."""
        from engine.core.checkpoint import list_checkpoints
        from engine.diffusion.checkpoint import SAMPLER
        from engine.pipeline.load_sampler import find_sampler

        with self._lock:
            if name not in self._held and name in list_checkpoints(self._folder, SAMPLER):
                self._held[name], notes = find_sampler(name, self._folder, self._device_name, shared=False)
                for note in notes:
                    say(note)
            return self._held.get(name)
