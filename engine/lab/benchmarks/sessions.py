"""``bench sessions``: many browser sessions edit and render at once against a real server, over HTTP and WebSocket."""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.cli.console import check_json_target, say, whole_number, write_json
from engine.core.errors import BadInput, StruckError
from engine.core.paths import ROOT
from engine.core.units import SAMPLE_RATE_HZ
from engine.lab.benchmarks.machine import describe_machine, find_load, find_processor_s, find_resident_mb

PAUSE_S = (4.0, 12.0)
"""Range of the pause between two edits of a session."""

DRAG_EDITS, DRAG_STEP_S = 3, 0.1
LONGEST_WAIT_S = 300.0
START_S = 180.0
ASK_AFTER_S = 3.0
REST_S = 30.0
"""Time from closing the last session to reading memory."""

PITCH_TOLERANCE_HZ = 4.0


@dataclass
class SessionLog:
    """Log of one session: seconds from its last edit to the first and to the last hit of the sound, and faults."""

    number: int
    first_s: list[float] = field(default_factory=list)
    all_s: list[float] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)


class Client:
    """One browser tab: keeps the newest document and the newest list of rendered hits."""

    def __init__(self, address: str, name: str) -> None:
        self.address, self.name = address, name
        self.project: dict[str, Any] | None = None
        self.rendered: dict[str, str] = {}
        self.errors: list[str] = []
        self._number = 0
        self._handled = 0
        self._socket = self._connect()

    def _connect(self) -> Any:
        from websockets.sync.client import connect

        address = f"ws://{self.address}/struck/ws?session={self.name}&tab=t"
        # What is told is read at once, as a browser does: a full queue would hold back the answers to pings.
        return connect(address, max_size=None, open_timeout=60, ping_interval=None, max_queue=None)

    def reconnect(self) -> None:
        """Lose the connection and make it anew."""
        self._socket.close()
        self._socket = self._connect()

    def send(self, message: dict[str, Any]) -> None:
        self._socket.send(json.dumps(message))

    def edit(self, gesture: str, **values: Any) -> None:
        """Send a numbered edit."""
        self.send_numbered({"type": "edit", "edit": values, "gesture": gesture})

    def send_numbered(self, message: dict[str, Any]) -> None:
        """Send a change of the document."""
        self._number += 1
        self.send(message | {"number": self._number})

    @property
    def is_settled(self) -> bool:
        """Whether the document holds every edit that was sent."""
        return self._handled >= self._number

    def receive(self, timeout_s: float) -> bool:
        """Take one message; False when none came in time."""
        try:
            message = json.loads(self._socket.recv(timeout=max(0.0, timeout_s)))
        except TimeoutError:
            return False
        self.note(message)
        if message["type"] == "document":
            self.project, self._handled = message["project"], message["handled"]
        elif message["type"] == "rendered":
            self.rendered = {hit: sound["key"] for hit, sound in message["hits"].items()}
        elif message["type"] == "error":
            self.errors.append(message["message"])
        return True

    def note(self, message: dict[str, Any]) -> None:
        """Called with every message; does nothing here."""

    def fetch_sound(self, key: str) -> np.ndarray:
        """Samples of a rendered hit."""
        with urllib.request.urlopen(f"http://{self.address}/struck/sound/{key}", timeout=60) as answer:
            return np.frombuffer(answer.read(), "<f4")

    def close(self) -> None:
        self._socket.close()


def run(args: list[str]) -> int:
    """The command ``bench sessions``. Raises BadInput and StruckError."""
    parser = argparse.ArgumentParser(prog="bench sessions", description="Many sessions at once on one server.")
    parser.add_argument("--sessions", type=whole_number(1, 200), default=20, metavar="N")
    parser.add_argument("--minutes", type=float, default=10.0, metavar="M")
    parser.add_argument("--json", metavar="F", help="write the figures to a file; - is standard output")
    options = parser.parse_args(args)
    if not 0.0 < options.minutes <= 1440.0:
        raise BadInput(f"--minutes {options.minutes:g} is out of range; give a number above 0 and up to 1440")
    check_json_target(options.json)
    report = measure(options.sessions, 60.0 * options.minutes)
    if options.json != "-":
        sys.stdout.write(format_report(report))
    if options.json is not None:
        write_json(report, options.json, sys.stdout)
    return 0


def measure(sessions: int, duration_s: float) -> dict[str, Any]:
    """Serve, let ``sessions`` sessions edit for ``duration_s`` and gather what they met."""
    with tempfile.TemporaryDirectory(prefix="struck-bench-", ignore_cleanup_errors=True) as folder:
        line = [sys.executable, "-m", "ui", "--no-browser", "--device", "cpu", "--data-dir", folder]
        with subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
            try:
                address = read_address(server)
                return _measure_server(server.pid, address, sessions, duration_s)
            finally:
                server.terminate()


def read_address(server: subprocess.Popen[str]) -> str:
    """Address that a started server says it serves at. Raises StruckError where it ends without."""
    assert server.stdout is not None
    for line in server.stdout:
        found = re.search(r"http://(127\.0\.0\.1:\d+)", line)
        if found:
            return found[1]
    raise StruckError("the server did not start; start `launch.py` alone to see why")


def _measure_server(pid: int, address: str, sessions: int, duration_s: float) -> dict[str, Any]:
    warm_up = SessionLog(-1)
    _run_session(address, warm_up, time.monotonic() + 20.0)
    before_mb, before_cpu_s = find_resident_mb(pid), find_processor_s(pid)
    began_s = time.monotonic()
    logs = [SessionLog(number) for number in range(sessions)]
    end_s = time.monotonic() + duration_s
    threads = [threading.Thread(target=_run_session, args=(address, log, end_s), daemon=True) for log in logs]
    say(f"{sessions} sessions edit for {duration_s:.0f} s")
    loads, peak_mb = [], 0.0
    for thread in threads:
        thread.start()
        time.sleep(min(1.0, 0.1 * duration_s / sessions))  # people do not come all at once
    while any(thread.is_alive() for thread in threads):
        time.sleep(0.5)
        peak_mb = max(peak_mb, find_resident_mb(pid) or 0.0)
        loads.append(find_load() or 0.0)
    after_cpu_s, took_s = find_processor_s(pid), time.monotonic() - began_s
    time.sleep(REST_S)
    return summarize(logs) | {
        "machine": describe_machine(),
        "sessions": sessions,
        "duration_s": duration_s,
        "load": statistics.fmean(loads),
        "cores_used": (after_cpu_s - before_cpu_s) / took_s if after_cpu_s and before_cpu_s else None,
        "memory_mb": {"before": before_mb, "peak": peak_mb, "after": find_resident_mb(pid)},
    }


def _run_session(address: str, log: SessionLog, end_s: float) -> None:
    try:
        client = Client(address, f"bench-session-{log.number + 1}")
        try:
            _edit_until(client, log, end_s)
        finally:
            client.close()
        log.faults += client.errors
    except Exception as error:  # a session that breaks off is a result
        log.faults.append(f"{type(error).__name__}: {error}")


def _edit_until(client: Client, log: SessionLog, end_s: float) -> None:
    """Edit as a person does: drag a mode of a sound, listen to what comes, pause."""
    draw = random.Random(log.number)
    if not _open_demo(client):
        log.faults.append(f"the demo was not there after {START_S:.0f} s")
        return
    turn = 0
    while time.monotonic() < end_s:
        turn += 1
        _edit_once(client, log, turn, draw)
        pause_end_s = time.monotonic() + draw.uniform(*PAUSE_S)
        while time.monotonic() < min(pause_end_s, end_s):
            client.receive(min(pause_end_s, end_s) - time.monotonic())


def _open_demo(client: Client) -> bool:
    """Wait until the demo is open and rendered; False where that takes longer than START_S.

    A new session opens it by itself, unless unsaved work of a closed one is offered instead; then it is asked for.
    """
    began_s = time.monotonic()
    is_asked = False
    while client.project is None or set(client.rendered) != {hit["id"] for hit in client.project["hits"]}:
        if time.monotonic() - began_s > START_S:
            return False
        if client.project is None and not is_asked and time.monotonic() - began_s > ASK_AFTER_S:
            is_asked = True
            client.send({"type": "open_demo", "name": "sound"})
        client.receive(0.5)
    return True


def _edit_once(client: Client, log: SessionLog, turn: int, draw: random.Random) -> None:
    """Drag the first mode of a sound, loud and long, to a frequency that no other session uses; wait for its hits."""
    assert client.project is not None
    used = sorted({hit["sound_id"] for hit in client.project["hits"]})
    sound_id = used[turn % len(used)]
    hits = [hit["id"] for hit in client.project["hits"] if hit["sound_id"] == sound_id]
    before = dict(client.rendered)
    for step in range(DRAG_EDITS):
        frequency_hz = round(draw.uniform(400.0, 4000.0), 1) + 0.001 * (log.number + 1)
        values: dict[str, Any] = {"frequency_hz": [frequency_hz], "power_db": [0.0], "decay_per_s": [6.0]}
        client.edit(f"drag-{turn}", kind="set_modes", sound_id=sound_id, indices=[0], **values)
        if step + 1 < DRAG_EDITS:
            time.sleep(DRAG_STEP_S)
    sent_s = time.monotonic()
    first_s = None
    while True:
        waited_s = time.monotonic() - sent_s
        if not client.receive(LONGEST_WAIT_S - waited_s):
            log.faults.append(f"edit {turn} was not rendered within {LONGEST_WAIT_S:.0f} s")
            return
        ready = [hit for hit in hits if client.rendered.get(hit, before.get(hit)) != before.get(hit)]
        if client.is_settled and ready and first_s is None:
            first_s = time.monotonic() - sent_s
        if client.is_settled and len(ready) == len(hits):
            break
    log.first_s.append(first_s or 0.0)
    log.all_s.append(time.monotonic() - sent_s)
    log.keys |= {client.rendered[hit] for hit in hits}
    found = next(sound for sound in client.project["sounds"] if sound["id"] == sound_id)["modes"]["frequency_hz"][0]
    if abs(found - frequency_hz) > 1e-6:
        log.faults.append(f"edit {turn}: the document has {found} Hz, the last edit was {frequency_hz} Hz")
    heard_hz = find_peak_hz(client.fetch_sound(client.rendered[hits[0]]))
    if abs(heard_hz - frequency_hz) > PITCH_TOLERANCE_HZ:
        log.faults.append(f"edit {turn}: the sound peaks at {heard_hz:.1f} Hz instead of {frequency_hz:.1f} Hz")


def find_peak_hz(samples: np.ndarray) -> float:
    """Frequency of the strongest bin of a sound's spectrum, its first second, zero-padded to four."""
    size = 4 * SAMPLE_RATE_HZ
    spectrum = np.abs(np.fft.rfft(samples[:SAMPLE_RATE_HZ], size))
    return float(np.argmax(spectrum)) * SAMPLE_RATE_HZ / size


def summarize(logs: Sequence[SessionLog]) -> dict[str, Any]:
    """Waits over all sessions and of the worst one, and all faults."""
    faults = [f"session {log.number}: {fault}" for log in logs for fault in log.faults]
    owners: dict[str, int] = {}
    for log in logs:
        for key in log.keys:
            if owners.setdefault(key, log.number) != log.number:
                faults.append(f"sessions {owners[key]} and {log.number} were given one sound")
    edits = [len(log.all_s) for log in logs]
    return {
        "edits": sum(edits),
        "edits_of_a_session": {"fewest": min(edits), "most": max(edits)},
        "first_hit_s": _describe([log.first_s for log in logs]),
        "all_hits_s": _describe([log.all_s for log in logs]),
        "faults": faults,
    }


def _describe(waits_s: Sequence[Sequence[float]]) -> dict[str, float]:
    """Median, 95th percentile and longest of all waits; the median of the session that waited longest."""
    together = [wait_s for own in waits_s for wait_s in own]
    if not together:
        return {}
    median, late = np.percentile(together, [50, 95])
    worst = max(statistics.median(own) for own in waits_s if own)
    return {"median": float(median), "p95": float(late), "longest": max(together), "worst_session_median": worst}


def format_report(report: dict[str, Any]) -> str:
    """The figures as lines of text."""
    memory, edits = report["memory_mb"], report["edits_of_a_session"]
    lines = [
        report["machine"],
        f"{report['sessions']} sessions, {report['duration_s']:.0f} s, load of the machine {report['load']:.1f}",
        f"the server had {report['cores_used'] or 0.0:.2f} cores",
        f"{report['edits']} edits, {edits['fewest']} to {edits['most']} a session",
    ]
    for name in ("first_hit_s", "all_hits_s"):
        values = ", ".join(f"{what} {value:.2f}" for what, value in report[name].items())
        lines.append(f"{name}: {values or 'none'}")
    held = ", ".join(f"{when} {value:.0f}" for when, value in memory.items() if value is not None)
    lines += [f"memory in MiB: {held}", f"{len(report['faults'])} faults", *report["faults"][:20]]
    return "\n".join(lines) + "\n"
