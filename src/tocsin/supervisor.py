"""Tells systemd, or whoever listens on NOTIFY_SOCKET, how the process is (sd_notify(3)); says nothing elsewhere."""

from __future__ import annotations

import logging
import os
import socket

log = logging.getLogger("tocsin.server")

READY = b"READY=1"
STOPPING = b"STOPPING=1"


def tell_supervisor(state: bytes) -> None:
    """Tell it; that nobody can be told keeps nothing from going on."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)  # noqa: FBT003  (a socket's own signature)
            sock.sendto(state, f"\0{address[1:]}" if address[0] == "@" else address)
    except OSError as error:
        log.warning("the supervisor could not be told: %s", error)
