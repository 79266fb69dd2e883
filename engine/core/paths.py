"""Folders of the checkout."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ASSETS = ROOT / "assets"
CHECKPOINTS = ROOT / "checkpoints"


def default_data_folder() -> Path:
    """The user's data folder where no other is named; a place where nothing can be kept for a user without a home."""
    try:
        return Path.home() / ".struck"
    except RuntimeError:
        return Path(os.devnull) / ".struck"
