"""A Chrome or Chromium of this machine, for tests and benchmarks that look at the editor."""

from __future__ import annotations

import ctypes
import functools
import os
import shutil
import sys

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


@functools.cache
def forbid_realtime() -> None:
    """Keep what this process starts from real-time priority, which Chrome's sound threads take where it runs as root.

    There they come before everything else on the machine: one that spins leaves a twentieth of a core to the rest.
    """
    if sys.platform == "linux":
        drop_from_bounding_set, sys_nice = 24, 23  # PR_CAPBSET_DROP, CAP_SYS_NICE
        ctypes.CDLL(None).prctl(drop_from_bounding_set, sys_nice, 0, 0, 0)
