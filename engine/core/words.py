"""Counted nouns in sentences."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """A number with its noun, in the plural unless the number is 1: ``1 hit``, ``12 hits``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
