"""The listening test in a browser: by the keyboard alone, over a reload, to the summary."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Browser

from engine.core.paths import ROOT
from tests.app_process import free_port
from tests.browser.chromium import browser_path

TRIALS = 3


def test_a_test_by_the_keyboard(browser: Browser, tmp_path: Path) -> None:
    port, out = free_port(), tmp_path / "tally.json"
    command = [sys.executable, "-m", "engine", "listen", "--no-browser", "--device", "cpu", "--port", str(port)]
    command += ["--trials", str(TRIALS), "--levels", "as measured", "--steps", "1", "--out", str(out)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        said = next(line for line in process.stderr if "http://" in line or line.startswith("Struck:"))
        assert f"http://127.0.0.1:{port}" in said
        with browser.browser_type.launch(executable_path=browser_path()) as plain:  # sound waits for a key there
            page = plain.new_page()
            problems: list[str] = []
            page.on("pageerror", lambda error: problems.append(str(error)))
            page.goto(f"http://127.0.0.1:{port}")
            for number in range(TRIALS):
                if number == 1:
                    page.reload()  # nothing is lost
                page.get_by_text(f"{number + 1} of {TRIALS}").wait_for()
                if page.locator("#begin").is_visible():
                    page.locator("#begin").press("Enter")
                if number == 1:
                    other = plain.new_page()
                    other.goto(f"http://127.0.0.1:{port}")
                    other.locator("#begin").press("Enter")
                    other.locator("#play-a:focus").wait_for()
                    page.bring_to_front()
                    page.locator("#play-a").focus()
                page.locator("#play-a:focus").wait_for()
                page.keyboard.press("1")  # nothing has been heard yet
                assert page.locator("#answers button:enabled").count() == 0
                for key in "abx":
                    page.keyboard.press(key)
                page.locator("#play-x.is-heard").wait_for()
                page.keyboard.press("2")
                if number == 1:  # the other tab is at that trial yet
                    for key in "abx":
                        other.keyboard.press(key)
                    other.locator("#play-x.is-heard").wait_for()
                    other.keyboard.press("1")
                    other.get_by_text("Trial 2 was answered in another tab").wait_for()
                    other.get_by_text(f"3 of {TRIALS}").wait_for()
            page.locator("#summary table").wait_for()
            assert page.locator("#summary tr").count() == 1 + 3  # one comparison each
            assert problems == []
    finally:
        process.send_signal(signal.SIGINT)  # Ctrl+C ends it with the summary
        printed, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert printed.count("| as measured | 1 |") == 3
    answers = json.loads(out.read_text())["answers"]
    assert [(row["choice"], row["plays"]) for row in answers] == [("b", {"a": 1, "b": 1, "x": 1})] * TRIALS
