"""`ws` for Node: a loop over `socket.send`, as its own examples broadcast.

Started as a program of ours, `broadcast/ws_rooms.mjs`, on Node's HTTP server, with `ws` at a pinned version from the
npm registry and without the native add-ons that it can use. It keeps nothing: no store, no credential, no position,
no bound on a slow reader; no setting makes its sends durable. It is given the flat object that Tocsin streams and
passes it on as it is; an answer comes after it was handed to every socket.
"""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.native import BUILD, CannotMeasureError
from bench.peers.broadcast.rooms import each, room
from bench.peers.peer import Peer, Running
from bench.server_process import ServerProcess, free_port, new_folder

VERSION = "8.23.0"
FOLDER = BUILD / "peers" / f"ws-{VERSION}"
PROGRAM = Path(__file__).parent / "broadcast" / "ws_rooms.mjs"


def build() -> Path:
    """Install it below build/. Raises CannotMeasureError without node or npm, or when npm cannot bring it."""
    installed = FOLDER / "node_modules" / "ws"
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise CannotMeasureError("node and npm not found")
    if not installed.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        ended = subprocess.run(
            ["npm", "install", "--prefix", str(FOLDER), "--no-audit", "--no-fund", "--ignore-scripts", f"ws@{VERSION}"],
            cwd=FOLDER,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        if ended.returncode:
            raise CannotMeasureError(f"npm: {ended.stderr.strip()[-300:]}")
    return installed


@contextmanager
def started(core: int) -> Iterator[Running]:
    """The program on a port of its own."""
    port = free_port()
    command = ["node", str(PROGRAM), str(port), str(build())]
    with ServerProcess(command, core, "/", new_folder(), port) as server:
        yield Running(server=server, everyone=room("everyone"), each=each)


PEERS = (Peer(name=f"ws {VERSION} on Node", durability="keeps nothing", durable=False, build=build, start=started),)
