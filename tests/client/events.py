"""Events as a server sends them, and a reader who takes them: without any connection."""

from __future__ import annotations

import json

from tocsin.client import Event
from tocsin.client.following import Following

EPOCH = "0a1b2c3d"


def at(seq: int) -> str:
    """A position."""
    return f"{EPOCH}-{seq}"


def envelope(event: str, seq: int | None, data: object = None, epoch: str = EPOCH) -> bytes:
    """An event as one message."""
    position = None if seq is None else f"{epoch}-{seq}"
    return json.dumps({"event": event, "position": position, "data": data or {}}).encode()


def notification(seq: int, epoch: str = EPOCH) -> bytes:
    """One that was created with that number; its title is `t<number>`."""
    data = {
        "id": f"n{seq}",
        "type": "info",
        "title": f"t{seq}",
        "message": "m",
        "timestamp": "2026-01-01T00:00:00.000Z",
    }
    return envelope("notification", seq, data, epoch)


def take(following: Following, *messages: bytes, now: float = 0.0) -> list[Event]:
    """What a reader is given who comes back for more after each."""
    given = []
    for message in messages:
        following.came_back()
        event = following.take(message, now)
        given += [] if event is None else [event]
    return given
