"""A Chrome or Chromium for the browser tests: the machine's own, else one that is installed."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys

from engine.lab.benchmarks.browser import find_browser

__all__ = ["browser_path", "find_browser", "install_browser"]


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
def browser_path() -> str | None:
    """What Playwright's ``executable_path`` takes: this machine's browser, installed first where there is none."""
    return find_browser() or install_browser()
