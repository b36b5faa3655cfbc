"""Mercure: an update is published to a topic, every subscriber of the topic sees it.

Built from its Go module, which has a command of its own without Caddy around it; that command says of itself that the
Caddy module is preferred. The hub, its store and its streams are the same library in both.

Started as it comes, but for anonymous subscribers, who are allowed: history in a Bolt file, one transaction an update,
each synced before it is given to subscribers, and answered after that; so there is one row. Streams are SSE, it has no
WebSocket. An update carries the flat object that Tocsin streams, unchanged, in a form field.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

from bench.peers.go_module import built_from_module
from bench.peers.peer import FLAT, Address, Peer, Running
from bench.server_process import ServerProcess, free_port, new_folder

VERSION = "v0.20.1"
KEY = "a key of the benchmark, long enough for HS256"
HUB = "/.well-known/mercure"


def build() -> Path:
    """Raises CannotMeasureError."""
    return built_from_module("mercure", "github.com/dunglas/mercure", VERSION, package="./cmd/mercure")


@contextmanager
def started(core: int) -> Iterator[Running]:
    """On a new Bolt file in its folder."""
    port = free_port()
    command = [str(build()), "--addr", f"127.0.0.1:{port}", "--jwt-key", KEY, "--allow-anonymous"]
    with ServerProcess(command, core, "/healthz", new_folder(), port) as server:
        yield Running(
            server=server,
            everyone=_topic("everyone"),
            each=lambda count: [_topic(f"user-{number:05d}") for number in range(count)],
            stream_kind="sse",
            content_type="application/x-www-form-urlencoded",
        )


def _topic(name: str) -> Address:
    data = json.dumps(FLAT, separators=(",", ":"))
    return Address(
        stream_path=f"{HUB}?topic={name}",
        send_path=HUB,
        send_header=f"Authorization: Bearer {_token()}",
        body=urlencode({"topic": name, "data": data}, safe="#"),
    )


def _token() -> str:
    parts = ({"alg": "HS256", "typ": "JWT"}, {"mercure": {"publish": ["*"]}})
    signed = ".".join(_base64(json.dumps(part).encode()) for part in parts)
    return f"{signed}.{_base64(hmac.digest(KEY.encode(), signed.encode(), hashlib.sha256))}"


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


PEERS = (
    Peer(
        name=f"Mercure {VERSION[1:]}",
        durability="on disk (default)",
        durable=True,
        build=build,
        start=started,
    ),
)
