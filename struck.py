"""Struck as a Python package: ``struck.open(CLIP)``, then detect, choose_physics, edit, render and export.

The functions are those of ``engine.api``; docs/api.md has an example.
"""

from __future__ import annotations

from engine.api import OpenProject
from engine.api import list_presets as presets
from engine.api import open_clip as open
from engine.core.errors import BadInput, StruckError

__all__ = ("BadInput", "OpenProject", "StruckError", "open", "presets")
