"""Linters and types are clean, and everything that is imported is declared."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys

import pytest

from engine.core.paths import ROOT

DISTRIBUTION_OF = {
    "PIL": "pillow",
    "cv2": "opencv-python-headless",
    "sample": "lim-sample",
    "sklearn": "scikit-learn",
    "importlinter": "import-linter",
    "imageio_ffmpeg": "imageio-ffmpeg",
    "aaf2": "pyaaf2",
    "otio_aaf_adapter": "otio-aaf-adapter",
}
"""Distributions that are called otherwise than the package they bring."""

OWN = {"engine", "ui", "tests", "launch", "struck"}


def run_module(*arguments: str) -> str:
    """What a module prints when it fails; empty when it succeeds."""
    done = subprocess.run([sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def declared(*files: str) -> set[str]:
    """Names of the distributions that requirements files list."""
    lines = "\n".join((ROOT / name).read_text(encoding="utf-8") for name in files)
    return {name.lower() for name in re.findall(r"^([A-Za-z0-9_.-]+)==", lines, flags=re.MULTILINE)}


def imported(*folders: str) -> set[str]:
    """Distributions that the code of some folders imports, at the top or inside functions."""
    names: set[str] = set()
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    for node in (node for path in paths for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return {DISTRIBUTION_OF.get(name, name).lower() for name in names - OWN - set(sys.stdlib_module_names)}


def test_ruff_finds_nothing() -> None:
    assert run_module("ruff", "check", ".") == ""


def test_ruff_would_format_nothing() -> None:
    assert run_module("ruff", "format", "--check", ".") == ""


@pytest.mark.slow
def test_types_are_clean() -> None:
    fresh = ("--cache-dir", os.devnull) if "STRUCK_CI" in os.environ else ()  # a cache that nothing reads costs a fifth
    assert run_module("mypy", *fresh) == ""


@pytest.mark.slow
def test_what_the_product_imports_is_declared() -> None:
    parts = [path.name for path in (ROOT / "engine").iterdir() if path.is_dir() and path.name not in ("lab", "farm")]
    product = imported("ui", *(f"engine/{part}" for part in parts))
    assert product - declared("requirements.txt") == set()
    assert imported("engine/farm") - declared("requirements.txt", "requirements-farm.txt") == set()


@pytest.mark.slow
def test_what_lab_and_tests_import_is_declared() -> None:
    assert imported("engine/lab") - declared("requirements.txt", "requirements-lab.txt") == set()
    everything = declared(*(f"requirements{part}.txt" for part in ("", "-lab", "-farm", "-test")))
    assert imported("tests") - everything == set()
