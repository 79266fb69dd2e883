"""Rendering of one session's document in the background: the latest document wins, the rest comes from the cache."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from engine.core.errors import Cancelled, StruckError
from engine.core.lru import LRU
from engine.core.words import counted
from engine.document.project import Hit, Project, RenderSettings
from ui.context import AppContext
from ui.protocol.events import ErrorNotice, Note, Rendered, RenderedSound, ServerMessage

if TYPE_CHECKING:
    import numpy as np

    from engine.pipeline.events import RenderedHit

BATCH_ON_CPU = 4
BATCH_ON_GPU = 32
SETTLE_S = 0.03
MOST_LENGTHS = 50_000


@dataclass(frozen=True)
class Focus:
    """The user's position: the playhead and the ids of the selected hits."""

    time_s: float = 0.0
    hit_ids: frozenset[str] = frozenset()


@dataclass(frozen=True)
class RenderCallbacks:
    """Callbacks of a renderer into its session.

    ``lock`` guards the session, so that the document and the list of its rendered hits are consistent.
    ``project`` returns the document to render, None while there is none or analysis is about to replace it.
    ``focus`` returns the user's position, since near hits are sampled first.
    ``send`` sends a message to the session's tabs, ``send_welcome`` the current list of checkpoints.
    ``rendered`` is called once every hit of the document is rendered.
    ``report`` shows an exception and returns its sentence.
    """

    lock: threading.RLock
    project: Callable[[], Project | None]
    focus: Callable[[], Focus]
    send: Callable[[ServerMessage], None]
    send_welcome: Callable[[], None]
    set_status: Callable[..., None]
    clear_status: Callable[[str], None]
    rendered: Callable[[], None]
    report: Callable[[Exception, str], str]


class Renderer:
    """Samples the hits whose render key changed, and cancels those that the document no longer needs."""

    def __init__(self, context: AppContext, callbacks: RenderCallbacks) -> None:
        self._context = context
        self._session = callbacks
        self._lock = threading.Lock()
        self._wanted = False
        self._stopped = False
        self._held = False  # cancelled by the user: nothing is sampled until it is asked for
        self._unrecognised_too = False  # whether to sample sounds for which the user has yet to say what is struck
        self._changes: dict[str, int] = {}  # by hit: the number of the document change that last changed its sound
        self._thread: threading.Thread | None = None
        self._keys: tuple[Project, str, dict[str, str]] | None = None
        self._documents = 0  # how many were begun with
        self._reported_fault = ""
        self._reported_trouble = ""
        self._lengths = LRU[str, int](MOST_LENGTHS)
        self._rendered: dict[str, RenderedSound] = {}
        self.problem: str | None = None

    # --- running --------------------------------------------------------------------------------

    def request(self, asked: bool = False, unrecognised_too: bool = False) -> None:
        """Render soon: the document may have changed.

        After ``hold`` nothing is sampled until it is ``asked`` for. Sounds whose object was not recognised wait for the
        user's choice, until the user asks with ``unrecognised_too`` to sample this document as it is.
        """
        with self._lock:
            self._unrecognised_too = self._unrecognised_too or unrecognised_too
            self._wanted = True
            self._stopped = False
            self._held = self._held and not asked
            if self._thread is None:
                self._thread = threading.Thread(target=self._loop, name="render", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Sample nothing more until the next request."""
        self._stopped = True

    def hold(self) -> None:
        """Stop sampling until it is requested with ``asked``; changes of the document do not resume it."""
        with self._lock:
            self._held = self._held or self._thread is not None
        self._stopped = True

    @property
    def busy(self) -> bool:
        """Whether something is being rendered or about to be."""
        return self._thread is not None

    def wait(self, check: Callable[[], None]) -> None:
        """Return when the sound is up to date; StruckError if rendering failed."""
        if self._held or self._missing():
            self.request(asked=True, unrecognised_too=True)
        while self.busy:
            check()
            time.sleep(0.02)
        check()  # sampling may have been cancelled together with the waiting job
        if self.problem:
            raise StruckError(self.problem)

    def _loop(self) -> None:
        reported_done = False
        while True:
            with self._lock:
                if not self._wanted:
                    self._thread = None
                    return
                self._wanted = False
            self.problem = None
            try:
                if self._render():
                    reported_done = True
                elif not reported_done:
                    self._session.clear_status("sampling")
            except Cancelled:
                reported_done = False
                self._session.set_status("sampling", "cancelled", message="Sampling stopped")
            except Exception as error:
                reported_done = False
                self.problem = self._session.report(error, "Sampling")
                self._session.set_status("sampling", "error", message=self.problem)

    def _missing(self) -> bool:
        project = self._session.project()
        return project is not None and len(self._publish(project)) > 0

    def _render(self) -> int:
        """Sample until nothing is missing; returns the number of hits sampled."""
        from engine.pipeline.render import sample_hits

        session, context = self._session, self._context
        started = time.monotonic()
        settings = RenderSettings()
        settled: Project | None = None
        sampled, number = 0, self._documents
        while True:
            if number != self._documents:  # what was sampled of another is no news of this one
                started, sampled, number = time.monotonic(), 0, self._documents
            project = session.project()
            if project is None:
                return sampled
            settings = project.render
            missing = self._publish(project)
            if not missing:
                session.rendered()
                break
            if not self._unrecognised_too:
                waiting = {sound.id for sound in project.sounds if sound.is_unrecognised}
                missing = [hit for hit in missing if hit.sound_id not in waiting]
            if not missing:
                break
            if self._held:
                raise Cancelled
            if project is not settled:  # wait for the rest of a gesture
                time.sleep(SETTLE_S)
                settled = project
                if session.project() is not project:
                    continue
            sampler = context.sampler(project.render)
            if sampler is None:
                self._report_fault(project.render)
            on_gpu = sampler is not None and getattr(sampler, "device", context.device()[0]).type != "cpu"
            batch = sampling_order(missing, session.focus(), self._changes)[: BATCH_ON_GPU if on_gpu else BATCH_ON_CPU]
            total = sampled + len(missing)
            wanted = {self.keys(project)[hit.id] for hit in batch}
            check = self._check_wanted(project, wanted)
            session.set_status("sampling", "sampling", sampled, total, f"Sampling {sampled} of {total}", started)
            try:
                with context.sampling_lock.acquire(check) as yield_lock:
                    part = replace(project, hits=tuple(batch))
                    group = len(batch) if on_gpu else 1
                    for event in sample_hits(part, sampler, context.cache, check, True, group):
                        for hit in event.hits.values():
                            self.remember(hit.key, len(hit.samples))
                        self._publish(project)
                        now = min(sampled + event.done, total)
                        session.set_status("sampling", "sampling", now, total, f"Sampling {now} of {total}", started)
                        check()
                        yield_lock()  # once per hit: yielding at every step would delay all sessions
                self._report_trouble(sampler)
                sampled += len(batch)
            except Cancelled:
                if self._stopped or self._held:
                    raise
        if sampled:
            lacks = "" if context.checkpoints() else ": no checkpoint"
            how = "" if context.digest(settings) else f" (prior only{lacks})"
            message = f"Sampled {sampled} of {counted(sampled, 'hit')}{how}"
            session.set_status("sampling", "done", sampled, sampled, message, started)
        return sampled

    def _report_fault(self, settings: RenderSettings) -> None:
        """Report once why the document's checkpoint is refused; the Sampler tab shows a missing one by itself."""
        name = settings.checkpoint
        fault = self._context.fault(name) if name in self._context.checkpoints() else None
        if fault and fault != self._reported_fault:
            self._session.send(ErrorNotice(f"{fault}; until then modes and noise alone sound"))
            self._session.send_welcome()  # its list of checkpoints names the fault too
        self._reported_fault = fault or self._reported_fault

    def _report_trouble(self, sampler: Any) -> None:
        """Report once that the sampler's device has failed."""
        trouble = getattr(sampler, "trouble", "")
        if trouble and trouble != self._reported_trouble:
            self._session.send(Note(trouble))
            self._reported_trouble = trouble

    def _check_wanted(self, project: Project, wanted: set[str]) -> Callable[[], None]:
        def check() -> None:
            if self._stopped or self._held:
                raise Cancelled
            now = self._session.project()
            if now is project:
                return
            if now is None or not wanted <= set(self.keys(now).values()):
                raise Cancelled

        return check

    # --- what is rendered -----------------------------------------------------------------------

    def keys(self, project: Project) -> dict[str, str]:
        """Render key of every hit of a document."""
        from engine.pipeline.render import hit_keys

        digest = self._context.digest(project.render)
        known = self._keys
        if known is not None and known[0] is project and known[1] == digest:
            return known[2]
        keys = hit_keys(project, digest)
        before = known[2] if known is not None else {}
        number = max(self._changes.values(), default=0) + 1
        self._changes = {i: self._changes.get(i, 0) if before.get(i) == key else number for i, key in keys.items()}
        self._keys = (project, digest, keys)
        return keys

    def remember(self, key: str, length: int) -> None:
        """Record that the cache holds a sound of this many samples."""
        self._lengths.put(key, length)

    def forget(self, key: str) -> None:
        """Record that the cache has dropped a sound; it is rendered again if the document needs it."""
        with self._session.lock:
            self._lengths.remove(key)
            wanted = any(entry.key == key for entry in self._rendered.values())
        if wanted:
            self.request()

    def reset(self) -> None:
        """Begin with another document, none of whose hits is rendered yet."""
        with self._session.lock:
            self._held = self._unrecognised_too = False
            self._documents += 1
            self._changes = {}
            self._rendered = {}
            self._session.send(self.message())

    def message(self) -> Rendered:
        """Render key, length and lead of each hit whose sound is ready."""
        return Rendered(dict(self._rendered))

    def wait_for_mix(self, check: Callable[[], None]) -> tuple[Project, Mapping[str, RenderedHit]]:
        """``mix``, once all hits are there; StruckError if rendering failed."""
        while True:
            self.wait(check)
            mixed = self.mix()
            check()  # the document may have been left meanwhile
            if mixed is not None:
                return mixed
            time.sleep(0.05)

    def mix(self) -> tuple[Project, Mapping[str, RenderedHit]] | None:
        """The document and the rendered sound of all its hits; None while some are still missing."""
        from engine.pipeline.kept_hits import KeptHits

        project = self._session.project()
        if project is None:
            return None
        keys = self.keys(project)
        for key in set(keys.values()):
            if self._context.cache.get(key) is None:
                self.forget(key)
                self.request(asked=True)
                return None
        return project, KeptHits(self._context.cache, keys)

    def find_part(self, key: str, what: str) -> np.ndarray | None:
        """``side`` or ``room`` of a rendered hit of this key, for the mix; None where the document has no such hit."""
        from engine.pipeline.track import hit_room, hit_side

        project, samples = self._session.project(), self._context.cache.get(key)
        if project is None or samples is None:
            return None
        keys = self.keys(project)
        hit = next((hit for hit in project.hits if keys[hit.id] == key), None)
        if hit is None:
            return None
        return (hit_side if what == "side" else hit_room)(project, hit, len(samples))

    def _publish(self, project: Project) -> list[Hit]:
        """Send which of a document's hits are rendered, if that has changed; returns the hits that are not."""
        from engine.pipeline.part_strikes import hit_lead

        keys = self.keys(project)
        for key in set(keys.values()):
            if key not in self._lengths:
                samples = self._context.cache.get(key)
                if samples is not None:
                    self.remember(key, len(samples))
        with self._session.lock:
            rendered = {
                hit.id: RenderedSound(keys[hit.id], length, hit_lead(project, hit))
                for hit in project.hits
                if (length := self._lengths.get(keys[hit.id])) is not None
            }
            if self._session.project() is project and rendered != self._rendered:
                self._rendered = rendered
                self._session.send(self.message())
        return [hit for hit in project.hits if hit.id not in rendered]


BEHIND = 4.0
"""Factor on the distance of hits before the playhead, so that those after it are sampled first."""


def sampling_order(hits: Sequence[Hit], focus: Focus, changes: Mapping[str, int]) -> list[Hit]:
    """Hits in the order to sample them: those changed last, of these the selected ones, then by distance.

    ``changes`` is the number of each hit's last change. Of a single sound the loudest hit comes before the nearest.
    """
    loudest = max((hit.velocity_db for hit in hits), default=0.0) if len({hit.sound_id for hit in hits}) == 1 else None

    def rank(hit: Hit) -> tuple[int, bool, bool, float, str]:
        ahead_s = hit.time_s - focus.time_s
        distance_s = ahead_s if ahead_s >= 0 else -ahead_s * BEHIND
        # The editor plays the loudest one as soon as it is there, unless others are selected.
        is_heard = hit.velocity_db == loudest
        return -changes.get(hit.id, 0), hit.id not in focus.hit_ids, not is_heard, distance_s, hit.id

    return sorted(hits, key=rank)
