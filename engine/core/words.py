"""Counted nouns and plain numbers in sentences and tables."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """A number with its noun, in the plural unless the number is 1: ``1 hit``, ``12 hits``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def format_number(value: float, form: str) -> str:
    """A number by a format such as ``+.1f``; what rounds to minus zero is zero."""
    text = format(value, form)
    return text if float(text) else format(0.0, form)
