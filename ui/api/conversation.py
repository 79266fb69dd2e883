"""One request's conversation with a session: messages in, what they did out."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Mapping
from typing import Any

from engine.core.errors import BadInput, StruckError
from ui.fair_pool import FairPool
from ui.handlers import handle
from ui.jobs import describe_error
from ui.protocol.animating import AnimaticMade
from ui.protocol.events import DocumentState, ErrorNotice, Note, ServerMessage, Status
from ui.protocol.exporting import Exported, ExportPlan
from ui.protocol.searching import SearchAnswer
from ui.session import Session

POLL_S = 0.02
FOR_PAGES, FOR_PROGRAMS = "; reload the page", "; see /api/v1/docs"


class Failed(BadInput):
    """A session refused a message, or its work failed."""


class Broken(StruckError):
    """A fault of Struck's own."""


class Conversation:
    """Joins a session as a tab does, and keeps it at work until it is idle; ``put`` is called by any thread."""

    tab = ""

    def __init__(self, session: Session, pool: FairPool, wait_s: float) -> None:
        self.session = session
        self.notes: list[str] = []
        self.exported: Exported | None = None
        self.plan: ExportPlan | None = None
        self.answer: SearchAnswer | None = None
        self.animatic: AnimaticMade | None = None
        self.document = DocumentState(0, None, None, None)
        self.status = Status("idle")
        self._pool, self._until = pool, time.monotonic() + wait_s
        self._errors: list[str] = []

    def put(self, message: ServerMessage) -> None:
        """Hear a message of the session."""
        if isinstance(message, ErrorNotice):
            self._errors.append(message.message)
        elif isinstance(message, DocumentState):
            self.document = message
        elif isinstance(message, Status):
            self.status = message
        elif isinstance(message, Note):
            self.notes.append(message.message)
        elif isinstance(message, Exported) and not message.again:
            self.exported = message
        elif isinstance(message, ExportPlan):
            self.plan = message
        elif isinstance(message, SearchAnswer):
            self.answer = message
        elif isinstance(message, AnimaticMade):
            self.animatic = message

    async def __aenter__(self) -> Conversation:
        await self._run(lambda: self.session.join(self))  # type: ignore[arg-type]
        self.notes.clear()  # of the time before
        return self

    async def __aexit__(self, *error: object) -> None:
        if self.busy:  # a session that nobody watches stops working
            _leavers.add(task := asyncio.create_task(self._leave_when_idle()))
            task.add_done_callback(_leavers.discard)
        else:
            self.session.leave(self)  # type: ignore[arg-type]

    async def _leave_when_idle(self) -> None:
        try:
            while self.busy:
                await asyncio.sleep(10 * POLL_S)
        finally:
            self.session.leave(self)  # type: ignore[arg-type]

    async def ask(self, type: str, rendered: bool = False, **values: Any) -> None:
        """Send a message and wait until its work is done, of the sampling too if ``rendered``, or the time is up.

        Raises Failed where the session refuses it or its work fails, and Broken for a fault of Struck's own.
        """
        message: Mapping[str, Any] = {"type": type, **values}
        await self._run(functools.partial(handle, self.session, message))
        await self.settle(rendered)

    async def settle(self, rendered: bool = False) -> None:
        """Wait as ``ask`` does."""
        while (self.busy if rendered else self.works) and time.monotonic() < self._until:
            if self._errors:
                break
            await asyncio.sleep(POLL_S)
        if self._errors:
            sentence = self._errors[0].replace(FOR_PAGES, FOR_PROGRAMS)
            raise Broken(sentence) if sentence == describe_error(None) else Failed(sentence)

    @property
    def busy(self) -> bool:
        """Whether the session works or samples."""
        return self.works or self.session.renderer.busy

    @property
    def works(self) -> bool:
        """Whether the session works on something but samples."""
        session = self.session
        workers = (session.worker, session.leveller, session.search_worker, session.exports, session.animatics)
        return any(worker.busy for worker in workers)

    async def _run(self, function: Any) -> None:
        await self._pool.run(self.session.id, function)


_leavers: set[asyncio.Task[None]] = set()
"""Tasks that run on; the event loop alone would not keep them."""
