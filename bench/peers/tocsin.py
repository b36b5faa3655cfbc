"""Tocsin itself, measured by the very code that measures the others.

Started as everywhere in this benchmark: `tocsin serve --dev` on a new store, its limit of streams per user raised,
nothing else changed. An answer comes after the commit is on the disk (WAL, `synchronous=FULL`, one sync for all that is
queued), a delivery after that. Streams are WebSockets with the documented flat frame.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from bench.peers.peer import FIELDS, Address, Peer, Running
from bench.server_process import AS_SUPERUSER, SEND_PATH, STREAM_PATH, Admin, tocsin


@contextmanager
def started(core: int) -> Iterator[Running]:
    """A server on a new store."""
    with tocsin(core) as server:
        yield Running(
            server=server,
            everyone=Address(
                stream_path=STREAM_PATH,
                stream_header=AS_SUPERUSER,
                send_path=SEND_PATH,
                send_header=AS_SUPERUSER,
                body=json.dumps(FIELDS, separators=(",", ":")),
            ),
            each=lambda count: _each(server.port, count),
        )


def _each(port: int, count: int) -> list[Address]:
    with Admin(port) as admin:
        return users_with_keys(admin, count)


def users_with_keys(admin: Admin, count: int) -> list[Address]:
    """`count` users, each with an API key to listen with. No password: none is needed."""
    addresses = []
    for number in range(count):
        user = f"user-{number:05d}"
        admin.ask("PUT", f"/api/users/{user}", {"permissions": ["notifications"]})
        key = admin.ask("POST", "/api/keys", {"userId": user, "name": "bench"})["key"]
        addresses.append(
            Address(
                stream_path=STREAM_PATH,
                stream_header=f"Authorization: Bearer {key}",
                send_path=SEND_PATH,
                send_header=AS_SUPERUSER,
                body=json.dumps(FIELDS | {"userId": user}, separators=(",", ":")),
            )
        )
    return addresses


TOCSIN = Peer(
    name="Tocsin",
    durability="on disk",
    durable=True,
    build=lambda: None,
    start=started,
)
