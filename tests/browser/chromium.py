"""A Chrome or Chromium for the browser tests: the machine's own, else one that is installed."""

from __future__ import annotations

import ctypes
import functools
import os
import shutil
import subprocess
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


def install_browser() -> str | None:
    """Install a browser; its path, or None for Playwright's own. RuntimeError where none can be had."""
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    extra = ["--with-deps"] if is_root and sys.platform == "linux" else []
    if subprocess.run([sys.executable, "-m", "playwright", "install", *extra, "chromium"], check=False).returncode == 0:
        return None
    if is_root and shutil.which("apt-get"):
        subprocess.run(["apt-get", "update"], check=False)
        subprocess.run(["apt-get", "install", "-y", "--no-install-recommends", "chromium"], check=False)
    found = find_browser()
    if found is None:
        raise RuntimeError("no browser for the tests could be installed; install Chrome or Chromium and start again")
    return found


@functools.cache
def forbid_realtime() -> None:
    """Keep what this process starts from real-time priority, which Chrome's sound threads take where it runs as root.

    There they come before everything else on the machine: one that spins leaves a twentieth of a core to the rest.
    """
    if sys.platform == "linux":
        drop_from_bounding_set, sys_nice = 24, 23  # PR_CAPBSET_DROP, CAP_SYS_NICE
        ctypes.CDLL(None).prctl(drop_from_bounding_set, sys_nice, 0, 0, 0)


@functools.cache
def browser_path() -> str | None:
    """What Playwright's ``executable_path`` takes: this machine's browser, installed first where there is none."""
    return find_browser() or install_browser()
