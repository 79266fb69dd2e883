"""Errors a person may see: one clear sentence that names the thing, the reason and the remedy."""

from __future__ import annotations


class StruckError(Exception):
    """A failure whose message is fit to show to the user as it stands."""


class BadInput(StruckError):
    """Something the user gave cannot be used; the command line exits with status 2."""


class Cancelled(Exception):
    """Work was abandoned because newer work replaced it; never shown to the user."""
