"""The editor's JavaScript: no lint, no type error, and its own tests pass under Node."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from engine.core.paths import ROOT

TESTS = ROOT / "tests" / "js"
TOOLS = ROOT / "node_modules" / ".bin"


def find_tool(name: str, folder: Path | None = None) -> str:
    """Path of a program; where it is missing the test is skipped, or fails under .ci/run."""
    found = shutil.which(name, path=None if folder is None else str(folder))
    if found is None:
        reason = f"{name} is not installed: it comes with Node 20 and `python3 launch.py test` (or `npm ci`)"
        if os.environ.get("STRUCK_CI") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def run(*line: str) -> str:
    """What a program prints when it fails; empty when it succeeds."""
    done = subprocess.run(line, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_eslint_finds_nothing() -> None:
    assert run(find_tool("eslint", TOOLS), "--max-warnings", "0", ".") == ""


@pytest.mark.parametrize("project", ["tsconfig.json", "tests/js/tsconfig.json"])
def test_types_are_clean(project: str) -> None:
    assert run(find_tool("tsc", TOOLS), "--project", project) == ""


def test_node_tests_pass() -> None:
    assert run(find_tool("node"), "--test", *map(str, sorted(TESTS.rglob("*.test.js")))) == ""


def test_every_module_is_type_checked() -> None:
    unchecked = [
        path.relative_to(ROOT).as_posix()
        for path in sorted((ROOT / "ui" / "editor").rglob("*.js"))
        if not path.read_text(encoding="utf-8").startswith("// @ts-check\n")
    ]
    assert unchecked == []
