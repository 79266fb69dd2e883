"""The server looks nothing up and connects to nobody while it serves."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from websockets.sync.client import connect

from engine.core.paths import ROOT
from tests.app_process import free_port

WATCHED = """
import sys
LOCAL = ("127.0.0.1", "::1", "localhost", "0.0.0.0", "", None)

def watch(event, values):
    if event == "socket.connect" and isinstance(values[1], tuple) and values[1][0] not in LOCAL:
        note(event, values[1])
    if event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr") and values[0] not in LOCAL:
        note(event, values[0])

def note(event, place):
    with open(sys.argv[-1], "a") as file:
        print(event, place, file=file)

sys.addaudithook(watch)
import socket
try:
    socket.create_connection(("192.0.2.1", 9), 0.001)  # the hook itself works
except OSError:
    pass
from ui.__main__ import main
sys.exit(main(sys.argv[1:-1]))
"""


@pytest.mark.slow
def test_the_server_makes_no_outside_request(tmp_path: Path) -> None:
    port, seen = free_port(), tmp_path / "seen"
    arguments = ["--no-browser", "--device", "cpu", "--port", str(port), "--data-dir", str(tmp_path / "home")]
    process = subprocess.Popen(
        [sys.executable, "-c", WATCHED, *arguments, str(seen)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None and str(port) in process.stdout.readline()
        with connect(f"ws://127.0.0.1:{port}/struck/ws?session=watched-tab") as socket:
            device = "starting"
            while device == "starting":  # until all is imported and loaded
                message = json.loads(socket.recv(120))
                device = message["device"] if message["type"] == "welcome" else device
            socket.send(json.dumps({"type": "search", "by": "words", "text": "glass", "request": 1}))
            while json.loads(socket.recv(120))["type"] != "search_results":
                pass
        time.sleep(0.2)
    finally:
        process.terminate()
        process.wait(60)
    lines = seen.read_text().splitlines()
    assert len(lines) == 2 and all("192.0.2.1" in line for line in lines)
