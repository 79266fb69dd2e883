"""Errors a person may see: one clear sentence that names the thing, the reason and the remedy."""

from __future__ import annotations

from typing import Any


class StruckError(Exception):
    """A failure whose message is fit to show to the user as it stands."""


class BadInput(StruckError):
    """Something the user gave cannot be used; the command line exits with status 2."""


class Cancelled(Exception):
    """Work was abandoned because newer work replaced it; never shown to the user."""


def quote(value: Any) -> str:
    """A value as it may stand in a sentence: at most 40 characters."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an integer too long to print, a list too deep
        text = type(value).__name__
    return text if len(text) <= 40 else text[:37] + "..."
