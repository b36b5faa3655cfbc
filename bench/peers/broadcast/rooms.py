"""How both programs of rooms are spoken to."""

import json

from bench.peers.peer import FLAT, Address

BODY = json.dumps(FLAT, separators=(",", ":"))


def room(name: str) -> Address:
    """A room: what is posted to it, every WebSocket in it sees unchanged."""
    return Address(stream_path=f"/stream/{name}", send_path=f"/send/{name}", body=BODY)


def each(count: int) -> list[Address]:
    """So many rooms."""
    return [room(f"user-{number:05d}") for number in range(count)]
