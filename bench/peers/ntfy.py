"""ntfy: a message is published to a topic, every subscriber of the topic sees it.

Built from its Go module. The published module lacks the web app and the documentation that it embeds (`server/site`,
`server/docs`), so the module is copied and an empty page put into each; nothing that is measured goes through them.

As it comes it keeps messages in memory. The second row has them in a file, with a write-ahead log and
`synchronous=FULL` as Tocsin's store; an answer then comes after the commit. Both stand in the name of the file, since
`--cache-startup-queries` reaches one of its connections only and the others would not sync: SQLite as built into it
has `NORMAL` for write-ahead logs. In both rows it gives a message to the subscribers before it keeps it; the store
in memory refuses some sends that come at once ("database table is locked"), which is counted and said.

The requests of loopback are exempt from its limit and one visitor may have 20,000 subscriptions, since one address
sends and holds everything here. A message has the title, the text, a priority, and the rest as tags; streams are
WebSockets.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.peers.go_module import built_from_module
from bench.peers.peer import FIELDS, Address, Peer, Running
from bench.server_process import ServerProcess, free_port, new_folder

VERSION = "v2.13.0"
LIMITS = ["--visitor-request-limit-exempt-hosts", "127.0.0.1", "--visitor-subscription-limit", "20000"]
DURABLE = "file:cache.db?_journal_mode=WAL&_synchronous=FULL"


def build() -> Path:
    """Raises CannotMeasureError."""
    return built_from_module("ntfy", "heckel.io/ntfy/v2", VERSION, prepare=_put_pages_in)


def _put_pages_in(source: Path) -> None:
    for name in ("site", "docs"):
        folder = source / "server" / name
        folder.mkdir(exist_ok=True)
        for page in ("index.html", "app.html"):
            (folder / page).write_text("<!doctype html><title>ntfy</title>")


@contextmanager
def started(core: int) -> Iterator[Running]:
    """With its messages in memory."""
    with _serving(core) as running:
        yield running


@contextmanager
def started_durable(core: int) -> Iterator[Running]:
    """With its messages in a new file."""
    with _serving(core, "--cache-file", DURABLE) as running:
        yield running


@contextmanager
def _serving(core: int, *cache: str) -> Iterator[Running]:
    port = free_port()
    command = [str(build()), "serve", "--listen-http", f"127.0.0.1:{port}", *LIMITS, *cache]
    with ServerProcess(command, core, "/v1/health", new_folder(), port) as server:
        yield Running(
            server=server,
            everyone=_topic("everyone"),
            each=lambda count: [_topic(f"user-{number:05d}") for number in range(count)],
        )


def _topic(name: str) -> Address:
    body = {
        "topic": name,
        "title": FIELDS["title"],
        "message": FIELDS["message"],
        "priority": 4,
        "tags": [FIELDS["deviceId"], *dict(FIELDS["metadata"]).values()],
    }
    return Address(stream_path=f"/{name}/ws", send_path="/", body=json.dumps(body, separators=(",", ":")))


PEERS = (
    Peer(name=f"ntfy {VERSION[1:]}", durability="in memory (default)", durable=False, build=build, start=started),
    Peer(
        name=f"ntfy {VERSION[1:]}",
        durability="on disk",
        durable=True,
        build=build,
        start=started_durable,
    ),
)
