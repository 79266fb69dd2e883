"""Progress of a session's activities, and which one is shown."""

from __future__ import annotations

import time
from collections.abc import Callable

from ui.protocol.events import Status

STATUS_EVERY_S = 0.05
ACTIVITIES = ("work", "export", "sampling", "proxy")
"""Activities in the order of precedence; one does not hide the end of another."""

ENDED = ("done", "cancelled", "error")


class StatusBoard:
    """Progress by activity; ``send`` is called with what to show. Its caller holds the session's lock."""

    def __init__(self, send: Callable[[Status], None]) -> None:
        self._send = send
        self._statuses: dict[str, Status] = {}
        self._sent_at = 0.0

    def set(self, activity: str, status: Status) -> None:
        """Set the progress of an activity; of many reports of one phase only some are sent."""
        previous = self._statuses.get(activity)
        self._statuses[activity] = status
        now = time.monotonic()
        is_repeat = previous is not None and previous.phase == status.phase and status.phase not in ENDED
        if is_repeat and now - self._sent_at < STATUS_EVERY_S:
            return
        self._sent_at = now
        self._send(self.shown())

    def clear(self, activity: str) -> None:
        """Drop the status of an activity."""
        if self._statuses.pop(activity, None):
            self._send(self.shown())

    def forget_errors(self) -> None:
        """Drop what failed, since the user has gone on."""
        failed = [activity for activity, status in self._statuses.items() if status.phase == "error"]
        for activity in failed:
            del self._statuses[activity]
        if failed:
            self._send(self.shown())

    def reset(self) -> None:
        """Drop every status, without sending."""
        self._statuses.clear()

    def shown(self) -> Status:
        """The status to show: of a running activity, else a failed one, else a finished one."""
        order = [self._statuses[a] for a in ACTIVITIES if a in self._statuses]
        running = [s for s in order if s.phase not in ENDED]
        if running:
            return running[0]
        troubled = [s for s in order if s.phase == "error"]
        return troubled[0] if troubled else order[-1] if order else Status("idle")
