"""Keeping real-time priority from this process and what it starts."""

from __future__ import annotations

import ctypes
import functools
import sys

_DROP_FROM_BOUNDING_SET, _SYS_NICE = 24, 23  # PR_CAPBSET_DROP, CAP_SYS_NICE of Linux
_VERSION = 0x20080522  # _LINUX_CAPABILITY_VERSION_3


@functools.cache
def forbid_realtime() -> None:
    """Give up the right to real-time priority, which some libraries take wherever they run as root.

    Chrome's sound threads do, and SVT-AV1's encoder for the thread that calls it. There they come before everything
    else on the machine: two threads that wait for others of ordinary priority without sleeping stop it altogether.
    """
    if sys.platform != "linux":
        return
    system = ctypes.CDLL(None)
    system.prctl(_DROP_FROM_BOUNDING_SET, _SYS_NICE, 0, 0, 0)  # of what is started
    header = (ctypes.c_uint32 * 2)(_VERSION, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable, and their upper halves
    if system.capget(header, sets) == 0:
        for place in range(3):
            sets[place] &= ~(1 << _SYS_NICE)
        system.capset(header, sets)
