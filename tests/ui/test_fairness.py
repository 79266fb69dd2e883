"""Work of one session never holds up another's, and ends when its tabs are closed."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from websockets.sync.client import connect

import ui.routes
import ui.session_registry
from engine.core.errors import Cancelled
from tests.ui_tab import Tab, make_context, wait_until
from ui.fair_lock import FairLock, acquire_all
from ui.fair_pool import Busy, FairPool
from ui.jobs import Job
from ui.server import create_app
from ui.session_registry import SessionRegistry


def test_owners_are_served_in_turn_and_none_may_queue_without_end() -> None:
    async def fill() -> list[str]:
        pool, served, gate = FairPool(1, 50), [], threading.Event()

        def work(owner: str) -> None:
            gate.wait()
            served.append(owner)

        async def ask(owner: str) -> None:
            await pool.run(owner, lambda: work(owner))

        waiting = [asyncio.create_task(ask("greedy")) for _ in range(51)]
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await pool.run("greedy", lambda: None)
        waiting += [asyncio.create_task(ask(owner)) for owner in ("modest", "quiet", "modest")]
        await asyncio.sleep(0)
        dropped = waiting.pop(30)  # its tab went away
        dropped.cancel()
        gate.set()
        await asyncio.gather(*waiting)
        assert await pool.run("greedy", lambda: "free again") == "free again"
        return served

    served = asyncio.run(fill())
    assert len(served) == 53 and served.count("modest") == 2
    assert served[:7] == ["greedy", "greedy", "modest", "quiet", "greedy", "modest", "greedy"]


def test_work_that_holds_two_locks_and_yields_them_never_waits_without_end() -> None:
    """As clips of several queues that are rendered at once, beside analyses and sampling of other tabs."""
    locks = (FairLock(), FairLock())
    stop, holders, most, done = threading.Event(), [0, 0], [0, 0], []

    def check() -> None:
        if stop.is_set():
            raise Cancelled

    def work(numbers: tuple[int, ...]) -> None:
        with contextlib.suppress(Cancelled), acquire_all([locks[k] for k in numbers], check) as yield_locks:
            for _ in range(100):
                for k in numbers:
                    holders[k] += 1
                    most[k] = max(most[k], holders[k])
                for k in numbers:
                    holders[k] -= 1
                yield_locks()
            done.append(numbers)

    wanted = [(0, 1), (0,), (0, 1), (1,), (0, 1)]
    threads = [threading.Thread(target=work, args=(numbers,)) for numbers in wanted]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: len(done) == len(wanted), 60.0)
    finally:
        stop.set()
    assert most == [1, 1] and not any(lock.waiting for lock in locks)


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """The app's server in a thread."""
    config = uvicorn.Config(create_app(make_context(tmp_path)), port=0, log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_until(lambda: server.started)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join()


def wait_for(socket: Any, holds: Any) -> Any:
    while True:
        message = json.loads(socket.recv(60))
        if holds(message):
            return message


@pytest.mark.slow
def test_many_filmstrips_of_one_session_do_not_hold_up_anothers_edit(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, begun = threading.Event(), threading.Semaphore(0)

    def make_slowly(*_: object) -> bytes:
        begun.release()
        gate.wait()
        return b"jpeg"

    monkeypatch.setattr(ui.routes, "make_sprite", make_slowly)
    statuses: list[int] = []

    def fetch(number: int) -> None:
        wire = http.client.HTTPConnection("127.0.0.1", port)
        wire.request("GET", f"/struck/filmstrip/greedy-tab?start_s=0&end_s={1 + number}&count=2&height=20")
        statuses.append(wire.getresponse().status)

    def is_open(message: Any) -> bool:
        return message["type"] == "document" and message["project"] is not None

    address = f"ws://127.0.0.1:{port}/struck/ws?session="
    with connect(f"{address}greedy-tab") as greedy, connect(f"{address}modest-tab&tab=t") as modest:
        wait_for(greedy, is_open)
        wait_for(modest, is_open)
        threads = [threading.Thread(target=fetch, args=(number,)) for number in range(120)]
        for thread in threads:
            thread.start()
        begun.acquire()
        edit = {"kind": "set_mix", "gain_db": -5.0}
        modest.send(json.dumps({"type": "edit", "edit": edit, "gesture": None, "number": 1}))
        done = wait_for(modest, lambda message: message.get("handled") == 1)
        assert done["project"]["mix"]["gain_db"] == -5.0 and not gate.is_set() and not statuses
        gate.set()
        for thread in threads:
            thread.join()
    assert statuses == [200] * 120


class EndlessSampler:
    """A sampler that never ends by itself."""

    digest = "endless"

    def __init__(self) -> None:
        self.steps = 0

    def sample(
        self, physics: Any, seeds: Any, steps: int, guidance: float, on_step: Callable[[int, int], None], *_: Any
    ) -> None:
        while True:
            self.steps += 1
            on_step(0, 1)
            time.sleep(0.01)


@pytest.mark.slow
def test_work_stops_when_the_last_tab_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ui.session_registry, "REST_AFTER_S", 0.0)
    monkeypatch.setattr(ui.session_registry, "SWEEP_S", 0.01)
    context, sampler = make_context(tmp_path), EndlessSampler()
    monkeypatch.setattr(context, "checkpoints", lambda: ("sampler",))
    monkeypatch.setattr(context, "digest", lambda settings: sampler.digest)
    monkeypatch.setattr(context, "sampler", lambda settings: sampler)
    sessions = SessionRegistry(context)
    session = sessions.get("closed-tab")
    tab, other = Tab(session), Tab(session, "other")
    tab.ask("open_demo", name="sound")

    def work_for_ever(job: Job) -> None:
        while True:
            job.check()
            time.sleep(0.01)

    workers = (session.search_worker, session.exports)
    wait_until(lambda: sampler.steps > 3)  # the demo is open; jobs asked for before end with what was
    for worker in workers:
        worker.start(work_for_ever)
    session.leave(other)  # type: ignore[arg-type]
    steps = sampler.steps
    wait_until(lambda: sampler.steps > steps + 3)  # one tab is still open
    assert all(worker.busy for worker in workers)
    session.leave(tab)  # type: ignore[arg-type]
    wait_until(lambda: not session.renderer.busy and not any(worker.busy for worker in workers))
    steps = sampler.steps
    back = Tab(session)
    assert "paused while no tab was open" in back.last("note")["message"]
    wait_until(lambda: sampler.steps > steps)  # sampling goes on
    sessions.close()
    wait_until(lambda: not session.renderer.busy)
