"""TCP ports for what tests start: below the kernel's own range, and of one test worker alone."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Sequence

_WORKERS = 16
_FIRST, _END = 12_000, 32_000
_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _WORKERS
_given: set[int] = set()


def free_port(*, and_above: Sequence[int] = ()) -> int:
    """Return a TCP port nobody listens on and nobody else was given.

    A port the kernel hands out could be taken by an outgoing connection while the server is down
    between two rounds, or before it has started; these cannot.

    Parameters:
        and_above: distances above it, in steps of 16, at which a port must be free too.
    """
    distances = (0, *and_above)
    for _ in range(10_000):
        port = random.randrange(_FIRST + _worker, _END - max(distances), _WORKERS)
        ports = {port + distance for distance in distances}
        if not ports & _given and all(_is_free(each) for each in ports):
            _given.update(ports)
            return port
    raise RuntimeError("no port is free")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
