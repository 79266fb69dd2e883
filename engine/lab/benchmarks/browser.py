"""A Chrome or Chromium of this machine, for tests and benchmarks that look at the editor."""

from __future__ import annotations

import os
import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
USUAL_PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    r"%ProgramFiles%\Google\Chrome\Application\chrome.exe",
    r"%ProgramFiles(x86)%\Microsoft\Edge\Application\msedge.exe",
)


def find_browser() -> str | None:
    """Path of a browser of this machine; None where there is none."""
    on_path = next(filter(None, map(shutil.which, NAMES)), None)
    return on_path or next(filter(os.path.exists, map(os.path.expandvars, USUAL_PLACES)), None)
