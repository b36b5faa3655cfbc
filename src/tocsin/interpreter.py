"""How the interpreter and the C library are set for a server that runs for months."""

from __future__ import annotations

import ctypes
import gc
import os
import sys

_M_ARENA_MAX = -8
"""Of mallopt(3), glibc."""


def set_for_a_server() -> None:
    """Set them; before any thread but the first is started."""
    # A commit's thread gets the interpreter after this long at most, instead of 5 ms.
    sys.setswitchinterval(0.001)
    # What the program is made of stays; what requests make is mostly freed by counting.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 10)
    if "MALLOC_ARENA_MAX" not in os.environ:
        _share_one_heap()


def _share_one_heap() -> None:
    # A heap for each thread keeps the room that its thread once needed for itself, and each goes on growing by a
    # little for hours. The interpreter lock leaves next to nothing to wait for at one.
    try:
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)
    except (AttributeError, OSError):
        # Another C library, with another way.
        return
