"""A simulated browser tab for benchmarks: it stores messages, waits and fetches; and a server for it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from engine.core.errors import StruckError
from engine.core.paths import ROOT
from engine.lab.benchmarks.sessions import Client, read_address

LONGEST_WAIT_S = 300.0
STILL_WORKING = 409
QUIET_S = 2.0


class Tab(Client):
    """A browser tab that keeps the last message of each type, and fetches what the editor fetches."""

    def __init__(self, address: str, longest_wait_s: float = LONGEST_WAIT_S) -> None:
        self.longest_wait_s = longest_wait_s
        self.last: dict[str, dict[str, Any]] = {}
        self.asked: Counter[str] = Counter()
        super().__init__(address, "bench-edits")

    def note(self, message: dict[str, Any]) -> None:
        self.last[message["type"]] = message

    def wait(self, holds: Callable[[], bool], what: str) -> None:
        """Take messages until something holds. Raises StruckError."""
        until_s = time.monotonic() + self.longest_wait_s
        while not holds():
            if not self.receive(until_s - time.monotonic()):
                raise StruckError(f"{what} did not happen within {self.longest_wait_s:.0f} s")

    def ask(self, answer: str, **message: Any) -> dict[str, Any]:
        """Send a request and wait for its answer."""
        self.asked[message["type"]] += 1
        self.last.pop(answer, None)
        failed = len(self.errors)
        self.send(message)
        self.wait(lambda: answer in self.last or len(self.errors) > failed, f"an answer to {message['type']}")
        return self.last.get(answer, {})

    def change(self, gesture: str | None, **edit: Any) -> None:
        """Send an edit and wait until it is handled."""
        self.asked[edit["kind"]] += 1
        self.edit(gesture or "", **edit)
        self.wait(lambda: self.is_settled, f"the edit {edit['kind']}")

    def step(self, kind: str) -> None:
        """Undo or redo, and wait until it is handled."""
        self.asked[kind] += 1
        self.send_numbered({"type": kind})
        self.wait(lambda: self.is_settled, kind)

    def open(self, name: str) -> None:
        """Open a demo."""
        revision = self.last["document"]["revision"] if "document" in self.last else -1
        self.asked["open_demo"] += 1
        self.send({"type": "open_demo", "name": name})

        def is_open() -> bool:
            told = self.last.get("document")
            if told is None or told["project"] is None or told["revision"] <= revision:
                return False
            return name in told["project"]["clip"]["name"] and told["undo"] is None

        self.wait(is_open, "opening a demo")

    def leave_network(self) -> None:
        """Switch to synthesis without the network, which an undo may have reverted."""
        if self.document["render"]["checkpoint"]:
            self.change(None, kind="set_render", checkpoint="", steps=1)

    def hear(self) -> None:
        """Wait until every hit is synthesised."""
        self.leave_network()
        self.wait_for_hits()

    def wait_for_hits(self) -> None:
        """Wait until every hit of the document is rendered."""
        self.wait(lambda: set(self.rendered) == {hit["id"] for hit in self.document["hits"]}, "rendering")

    def wait_for_quiet(self) -> None:
        """Wait until no message has arrived for QUIET_S."""
        until_s = time.monotonic() + LONGEST_WAIT_S
        while self.receive(QUIET_S):
            if time.monotonic() > until_s:
                raise StruckError(f"the server was not quiet within {LONGEST_WAIT_S:.0f} s")

    @property
    def document(self) -> dict[str, Any]:
        assert self.project is not None
        return self.project

    def fetch(self, path: str) -> None:
        """Fetch something to its end, once it is there."""
        self.asked[path.split("/")[0]] += 1
        while True:
            try:
                address = f"http://{self.address}/struck/{path}"
                with urllib.request.urlopen(address, timeout=self.longest_wait_s) as answer:
                    while answer.read(1 << 20):
                        pass
                return
            except urllib.error.HTTPError as error:
                if error.code != STILL_WORKING:
                    raise StruckError(f"{path.split('?')[0]} was answered by {error.code}") from None
                self.receive(0.1)


@contextlib.contextmanager
def start_server(data: Path, temporary: Path, *arguments: str) -> Iterator[tuple[int, str]]:
    """A server of its own; yields its process's number and its address."""
    line = [sys.executable, "-m", "ui", "--no-browser", "--device", "cpu", "--data-dir", str(data), *arguments]
    environment = os.environ | {"TMPDIR": str(temporary)}
    with subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment) as server:
        try:
            yield server.pid, read_address(server)
        finally:
            server.terminate()
