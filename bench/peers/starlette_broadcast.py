"""Starlette's plain WebSocket broadcast: a set of sockets and a loop over `send_text`, as tutorials have it.

Started as a program of ours, `broadcast/starlette_rooms.py`, on the Starlette, uvicorn, uvloop and httptools that
Tocsin runs on. It keeps nothing: no store, no credential, no position, no bound on a slow reader. So its sends are no
rival of durable ones, and there is no setting that would make them durable. It is given the flat object that Tocsin
streams and passes it on as it is; an answer comes after it was handed to every socket.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from bench.peers.broadcast.rooms import each, room
from bench.peers.peer import Peer, Running
from bench.server_process import ServerProcess, free_port, new_folder

PROGRAM = Path(__file__).parent / "broadcast" / "starlette_rooms.py"


@contextmanager
def started(core: int) -> Iterator[Running]:
    """The program on a port of its own."""
    port = free_port()
    command = [sys.executable, str(PROGRAM), str(port)]
    with ServerProcess(command, core, "/ready", new_folder(), port) as server:
        yield Running(server=server, everyone=room("everyone"), each=each)


PEERS = (
    Peer(
        name=f"Starlette {version('starlette')} broadcast",
        durability="keeps nothing",
        durable=False,
        build=lambda: None,
        start=started,
    ),
)
