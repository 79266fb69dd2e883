"""A session of the server as tests talk to it: what a browser tab asks and what it is told."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import ui.server  # noqa: F401 - imports SciPy, as the app does: two jobs that did so at once would meet half of it
from ui.context import AppContext, Options
from ui.handlers import handle
from ui.protocol.codec import encode
from ui.protocol.events import ServerMessage
from ui.session import Session

WAIT_S = 180.0
DEMO_HITS = 12


def wait_until(holds: Callable[[], Any], most_s: float = WAIT_S) -> None:
    """Wait for something another thread does; a busy machine is slow, and no test is about speed."""
    until = time.monotonic() + most_s
    while not holds():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.01)


class Tab:
    """What one browser tab is told, and what it asks."""

    def __init__(self, session: Session, tab: str = "") -> None:
        self.session = session
        self.tab = tab
        self.told: list[dict[str, Any]] = []
        session.join(self)  # type: ignore[arg-type]

    def put(self, message: ServerMessage) -> None:
        self.told.append(json.loads(encode(message)))

    def ask(self, kind: str, **values: Any) -> None:
        handle(self.session, {"type": kind, **values})

    def edit(self, kind: str, **values: Any) -> None:
        self.ask("edit", edit={"kind": kind, **values}, gesture=None)

    def settle(self) -> None:
        """Wait until nothing is going on any more."""
        own = self.session
        workers = (
            own.worker,
            own.helper,
            own.detector,
            own.leveller,
            own.auditions,
            own.search_worker,
            own.sync_meter,
            own.animatics,
            own.picturing,
            own.thumbnails,
            own.storyboards,
            own.exports,
        )
        wait_until(lambda: not own.renderer.busy and not any(worker.busy for worker in workers))

    def open_demo(self, name: str = "sound") -> None:
        """Open a demo; without a sampler, what a tab of this process has rendered before is not rendered again."""
        own = self.session
        for key, samples in _rendered.items():
            own.context.cache.put(key, samples)
        self.ask("open_demo", name=name)
        self.settle()
        project = own.project
        if project is not None and not own.context.digest(project.render):
            keys = set(own.renderer.keys(project).values()) - _rendered.keys()
            _rendered.update({key: samples for key in keys if (samples := own.context.cache.get(key)) is not None})

    def heard(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.told if message["type"] == kind]

    def last(self, kind: str) -> dict[str, Any]:
        return self.heard(kind)[-1]

    @property
    def errors(self) -> list[str]:
        return [message["message"] for message in self.heard("error")]

    @property
    def phases(self) -> list[str]:
        return [message["phase"] for message in self.heard("status")]


def make_context(folder: Path, **options: Any) -> AppContext:
    """An app context with its data in a folder; without samplers unless ``checkpoint_folder`` names some."""
    context = AppContext(Options(**{"data_folder": folder / "data", "checkpoint_folder": folder / "none", **options}))
    context.ready.set()
    return context


def open_tab(sessions: Any) -> Tab:
    """A new session with the demo open."""
    tab = Tab(sessions.get(f"session-{next(_numbers)}"))
    tab.open_demo()
    assert not tab.errors
    return tab


_numbers = itertools.count()
_rendered: dict[str, np.ndarray] = {}
"""Hits of the demos without a sampler, by keys that name all they depend on."""


def check_sentence(said: str) -> None:
    """One sentence a person can act on: the thing, the reason, the remedy."""
    assert 20 < len(said) < 300 and "\n" not in said and ". " not in said, said
    assert "; " in said or ", " in said, said
    assert not any(word in said for word in ("Traceback", "Errno", "Error(", "Exception", "object at")), said
