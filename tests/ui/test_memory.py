"""What the server holds in memory goes when nobody looks, and a long track is never all in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.core.cache import Cache
from engine.core.errors import StruckError
from engine.pipeline.kept_hits import KeptHits
from tests.ui_tab import make_context, wait_until
from ui import session_registry
from ui.send_queue import CoalescingSendQueue
from ui.session_registry import SessionRegistry


def test_without_a_tab_sounds_are_kept_on_disk_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_registry, "LEAVE_MEMORY_AFTER_S", 0.0)
    monkeypatch.setattr(session_registry, "TRIM_EVERY_S", 0.0)
    monkeypatch.setattr(session_registry, "SWEEP_S", 0.01)
    context = make_context(tmp_path)
    sessions = SessionRegistry(context)
    session = sessions.get("session-1")
    queue: CoalescingSendQueue = _Queue()  # type: ignore[assignment]
    session.join(queue)
    samples = context.cache.put("k", np.ones(1000, np.float32))
    context.changed.set()
    wait_until(lambda: not context.changed.is_set())
    assert context.cache.get("k") is samples
    session.leave(queue)
    wait_until(lambda: "k" not in context.cache._memory)
    np.testing.assert_array_equal(context.cache.get("k"), samples)
    sessions.close()


class _Queue:
    tab = "t"

    def put(self, message: object) -> None:
        """What a tab is told does not matter here."""


def test_a_sound_that_could_not_be_kept_is_told(tmp_path: Path) -> None:
    cache = Cache(tmp_path, memory_bytes=0)
    cache.put("k", np.ones(10, np.float32))
    hits = KeptHits(cache, {"h1": "k", "h2": "gone"})
    assert len(hits["h1"].samples) == 10 and "h2" in hits and list(hits) == ["h1", "h2"]
    with pytest.raises(StruckError, match="could not be kept; make room on the disk"):
        hits["h2"]
