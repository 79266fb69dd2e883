"""Which browser the tests take, and how one is installed where there is none."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from types import SimpleNamespace

import pytest

from tests.browser import chromium


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A machine without a browser; ``answer`` says how a command ends, ``found`` what a search then finds."""
    fake = SimpleNamespace(calls=[], found=None, answer=lambda line: 0)

    def run(line: Sequence[str], **_: object) -> subprocess.CompletedProcess[str]:
        fake.calls.append(list(line))
        return subprocess.CompletedProcess(list(line), fake.answer(line))

    monkeypatch.setattr(chromium.subprocess, "run", run)
    monkeypatch.setattr(chromium, "find_browser", lambda: fake.found)
    chromium.browser_path.cache_clear()
    monkeypatch.setattr(chromium.os, "geteuid", lambda: 0, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(chromium.shutil, "which", lambda name: f"/usr/bin/{name}")
    return fake


def test_a_browser_of_the_machine_is_taken_as_it_is(system: SimpleNamespace) -> None:
    system.found = "/usr/bin/chromium"
    assert chromium.browser_path() == "/usr/bin/chromium" and system.calls == []


def test_else_playwrights_own_is_installed(system: SimpleNamespace) -> None:
    assert chromium.install_browser() is None
    assert system.calls == [[sys.executable, "-m", "playwright", "install", "--with-deps", "chromium"]]


def test_else_the_systems_package(system: SimpleNamespace) -> None:
    def answer(line: Sequence[str]) -> int:
        if line[0] == "apt-get" and "install" in line:
            system.found = "/usr/bin/chromium"
        return int("playwright" in line)

    system.answer = answer
    assert chromium.install_browser() == "/usr/bin/chromium"
    assert [line[0] for line in system.calls] == [sys.executable, "apt-get", "apt-get"]


def test_no_browser_at_all_is_a_failure_with_its_remedy(system: SimpleNamespace) -> None:
    system.answer = lambda line: 1
    with pytest.raises(RuntimeError, match="install Chrome or Chromium and start again"):
        chromium.install_browser()
