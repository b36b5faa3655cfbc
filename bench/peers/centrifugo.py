"""Centrifugo: a publication into a channel, every client that is subscribed to the channel sees it.

Built from its Go module. Streams are its unidirectional WebSockets, which take the subscription from the URL and, as
Tocsin's, need nothing from the client afterwards; clients are anonymous. The sender uses the HTTP API with its key. A
publication carries the flat object that Tocsin streams, unchanged, inside Centrifugo's envelope.

As it comes, it runs on its memory engine, without history: an answer promises nothing that outlives the process. It has
no durable store of its own. The second row is the nearest that it can be made to: its Redis engine, with history, on a
`redis-server` beside it on the same core that syncs its log at every write (`appendonly yes`, `appendfsync always`);
CPU and memory are those of both.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import quote

from bench.native import CannotMeasureError
from bench.peers.go_module import built_from_module
from bench.peers.peer import FLAT, Address, Peer, Running
from bench.server_process import ServerProcess, free_port, new_folder

VERSION = "v6.9.1"
KEY = "key-of-the-benchmark"


def build() -> Path:
    """Raises CannotMeasureError."""
    return built_from_module("centrifugo", "github.com/centrifugal/centrifugo/v6", VERSION)


def build_with_redis() -> None:
    """Raises CannotMeasureError also without redis-server."""
    build()
    if shutil.which("redis-server") is None:
        raise CannotMeasureError("redis-server not found")


@contextmanager
def started(core: int) -> Iterator[Running]:
    """On the memory engine."""
    with _serving(core, {}, {}) as server:
        yield _running(server)


@contextmanager
def started_on_redis(core: int) -> Iterator[Running]:
    """On a Redis of its own that syncs every write."""
    folder, port = new_folder(), free_port()
    command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder), "--save", ""]
    command += ["--appendonly", "yes", "--appendfsync", "always"]
    with ExitStack() as stack:
        redis = stack.enter_context(ServerProcess(command, core, "", folder, port))
        engine = {"engine": {"type": "redis", "redis": {"address": [f"redis://127.0.0.1:{port}"]}}}
        history = {"history_size": 1_000, "history_ttl": "12h"}
        server = stack.enter_context(_serving(core, engine, history))
        yield _running(server, redis)


@contextmanager
def _serving(core: int, engine: dict[str, object], history: dict[str, object]) -> Iterator[ServerProcess]:
    folder, port = new_folder(), free_port()
    channel = {"allow_subscribe_for_client": True, "allow_subscribe_for_anonymous": True, **history}
    settings = {
        "http_server": {"address": "127.0.0.1", "port": port},
        "http_api": {"key": KEY},
        "health": {"enabled": True},
        "uni_websocket": {"enabled": True},
        "client": {"allow_anonymous_connect_without_token": True},
        "channel": {"without_namespace": channel},
        **engine,
    }
    file = folder / "config.json"
    file.write_text(json.dumps(settings))
    with ServerProcess([str(build()), "--config", str(file)], core, "/health", folder, port) as server:
        yield server


def _running(server: ServerProcess, *beside: ServerProcess) -> Running:
    return Running(
        server=server,
        everyone=_channel("everyone"),
        each=lambda count: [_channel(f"user-{number:05d}") for number in range(count)],
        beside=beside,
    )


def _channel(name: str) -> Address:
    connect = quote(json.dumps({"subs": {name: {}}}, separators=(",", ":")))
    return Address(
        stream_path=f"/connection/uni_websocket?cf_connect={connect}",
        send_path="/api/publish",
        send_header=f"X-API-Key: {KEY}",
        body=json.dumps({"channel": name, "data": FLAT}, separators=(",", ":")),
    )


PEERS = (
    Peer(
        name=f"Centrifugo {VERSION[1:]}",
        durability="in memory (default)",
        durable=False,
        build=build,
        start=started,
    ),
    Peer(
        name=f"Centrifugo {VERSION[1:]}",
        durability="on disk by Redis",
        durable=True,
        build=build_with_redis,
        start=started_on_redis,
    ),
)
