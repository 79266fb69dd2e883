"""The checkers of JavaScript are installed once for a lock file, and again when an installation failed."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from engine.core.paths import ROOT
from tests.js import tools


def test_the_checkers_are_installed_once_for_a_lock_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[list[str]] = []
    status = 1

    def npm(line: Sequence[str], **_: object) -> subprocess.CompletedProcess[str]:
        calls.append(list(line))
        (tmp_path / "node_modules").mkdir(exist_ok=True)
        return subprocess.CompletedProcess(line, status)

    monkeypatch.setattr(tools.subprocess, "run", npm)
    (tmp_path / "package-lock.json").write_text("1")
    tools.install_tools(tmp_path, "npm")
    status = 0
    tools.install_tools(tmp_path, "npm")
    tools.install_tools(tmp_path, "npm")
    assert [line[:2] for line in calls] == [["npm", "ci"]] * 2
    (tmp_path / "package-lock.json").write_text("2")
    tools.install_tools(tmp_path, "npm")
    assert len(calls) == 3


def test_the_lock_file_names_no_registry() -> None:
    text = (ROOT / "package-lock.json").read_text(encoding="utf-8")
    assert "://" not in text
    assert "resolved" not in text
