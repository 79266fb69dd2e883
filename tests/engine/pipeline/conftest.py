"""Clips that tests of the pipeline share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.struck_clip import make_sound, write_clip


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of a bell and a crate struck five times."""
    return write_clip(tmp_path_factory.mktemp("clip") / "bell and crate.mkv", 4.0, make_sound())


@pytest.fixture(scope="session")
def silent_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip without a sound track."""
    return write_clip(tmp_path_factory.mktemp("clip") / "silent.mkv", 2.0, None)
