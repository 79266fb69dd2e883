"""The editor's JavaScript: no lint, no type error, and its own tests pass under Node."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from engine.core.paths import ROOT
from tests.js.tools import find_checker

TESTS = ROOT / "tests" / "js"


def require(name: str, found: str | None) -> str:
    """Path of a program; where it was not found the test is skipped, or fails under .ci/run."""
    if found is None:
        reason = f"{name} is not installed; install Node 20, which brings npm, and test again"
        if os.environ.get("STRUCK_CI") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def run(*line: str) -> str:
    """What a program prints when it fails; empty when it succeeds."""
    done = subprocess.run(line, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.slow
def test_eslint_finds_nothing() -> None:
    assert run(require("eslint", find_checker("eslint")), "--max-warnings", "0", ".") == ""


@pytest.mark.slow
@pytest.mark.parametrize("project", ["tsconfig.json", "tests/js/tsconfig.json"])
def test_types_are_clean(project: str) -> None:
    assert run(require("tsc", find_checker("tsc")), "--project", project) == ""


@pytest.mark.slow
def test_node_tests_pass() -> None:
    assert run(require("node", shutil.which("node")), "--test", *map(str, sorted(TESTS.rglob("*.test.js")))) == ""


def test_every_module_is_type_checked() -> None:
    unchecked = [
        path.relative_to(ROOT).as_posix()
        for path in sorted((ROOT / "ui" / "editor").rglob("*.js"))
        if not path.read_text(encoding="utf-8").startswith("// @ts-check\n")
    ]
    assert unchecked == []
