"""A Chrome or Chromium for the browser tests: the machine's own, else one that is installed."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.lab.benchmarks.browser import find_browser

__all__ = ["browser_path", "find_browser", "install_browser", "install_package", "installing"]


def install_package(name: str) -> None:
    """Install a package of Debian's or Ubuntu's; nothing happens elsewhere, or without the right to."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    for args in (["update"], ["install", "-y", "--no-install-recommends", name]):
        subprocess.run(["apt-get", "-o", "DPkg::Lock::Timeout=300", *args], check=False)


@contextmanager
def installing() -> Iterator[None]:
    """One process installs at a time, since the system's packages take no two at once; others wait."""
    if os.name == "nt":
        yield
        return
    import fcntl

    with open(Path(tempfile.gettempdir()) / "struck-tests-install.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def install_browser() -> str | None:
    """Install a browser; its path, or None for Playwright's own. RuntimeError where none can be had."""
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    extra = ["--with-deps"] if is_root and sys.platform == "linux" else []
    with installing():
        if found := find_browser():  # by another process meanwhile
            return found
        command = [sys.executable, "-m", "playwright", "install", *extra, "chromium"]
        if subprocess.run(command, check=False).returncode == 0:
            return None
        install_package("chromium")
    found = find_browser()
    if found is None:
        raise RuntimeError("no browser for the tests could be installed; install Chrome or Chromium and start again")
    return found


@functools.cache
def browser_path() -> str | None:
    """What Playwright's ``executable_path`` takes: this machine's browser, installed first where there is none."""
    return find_browser() or install_browser()
