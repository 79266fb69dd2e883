"""Memory that was freed, given back to the system."""

from __future__ import annotations

import ctypes
import sys


def return_freed_memory() -> None:
    """Give the C library's freed memory back to the system, where it can: glibc keeps it for each thread otherwise."""
    if sys.platform != "linux":
        return
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError):  # another C library
        return
