"""Gotify: an application of a user sends, every client of that user sees it.

Built from its Go module. The published module lacks the web page that it embeds (`ui/build`), so the module is copied
and an empty page put in; nothing that is measured goes through it. As its releases are, it is built for production.

Started as it comes: SQLite through one connection, with that library's defaults, a rollback journal and
`synchronous=FULL`. So an answer comes after the commit is on the disk, as Tocsin's, and there is one row for both. A
delivery is handed to the clients after the commit. A send has the title, the message, a priority, and the rest as
`extras`; streams are WebSockets. For recipients of their own, users, applications and clients are put into its database
with SQL, because its API hashes a password for each.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from bench.peers.go_module import built_from_module
from bench.peers.peer import FIELDS, Address, Peer, Running
from bench.server_process import ServerProcess, free_port, new_folder

VERSION = "v2.9.1"
BODY = json.dumps(
    {
        "title": FIELDS["title"],
        "message": FIELDS["message"],
        "priority": 5,
        "extras": {"tocsin::bench": {"deviceId": FIELDS["deviceId"], **dict(FIELDS["metadata"])}},
    },
    separators=(",", ":"),
)


def build() -> Path:
    """Raises CannotMeasureError."""
    flags = ("-ldflags", "-X main.Mode=prod")
    return built_from_module("gotify", "github.com/gotify/server/v2", VERSION, prepare=_put_page_in, flags=flags)


def _put_page_in(source: Path) -> None:
    page = source / "ui" / "build"
    (page / "static").mkdir(parents=True)
    (page / "static" / "empty").touch()
    (page / "index.html").write_text("<!doctype html><title>Gotify</title>")
    (page / "manifest.json").write_text("{}")


@contextmanager
def started(core: int) -> Iterator[Running]:
    """On a new database."""
    folder, port = new_folder(), free_port()
    environment = {"GOTIFY_SERVER_LISTENADDR": "127.0.0.1", "GOTIFY_SERVER_PORT": str(port)}
    with ServerProcess([str(build())], core, "/health", folder, port, environment) as server:
        database = folder / "data" / "gotify.db"
        yield Running(
            server=server,
            everyone=_recipients(database, 0, 1)[0],
            each=lambda count: _recipients(database, 1, count),
        )


def _recipients(database: Path, first: int, count: int) -> list[Address]:
    """Users of their own, each with an application and a client, used just now."""
    now = datetime.now(UTC).isoformat(sep=" ")
    addresses = []
    with closing(sqlite3.connect(database, timeout=10)) as store, store:
        for number in range(first, first + count):
            user, app, client = 1_000 + number, f"A{number:014d}", f"C{number:014d}"
            store.execute("insert into users (id, name, admin) values (?, ?, false)", (user, f"user-{number:05d}"))
            store.execute(
                "insert into applications (token, user_id, name, description, internal, image, default_priority, "
                "last_used, sort_key) values (?, ?, 'bench', '', false, '', 0, ?, 'a0')",
                (app, user, now),
            )
            store.execute(
                "insert into clients (token, user_id, name, last_used) values (?, ?, 'bench', ?)", (client, user, now)
            )
            addresses.append(
                Address(
                    stream_path=f"/stream?token={client}",
                    send_path="/message",
                    send_header=f"X-Gotify-Key: {app}",
                    body=BODY,
                )
            )
    return addresses


PEERS = (
    Peer(
        name=f"Gotify {VERSION[1:]}",
        durability="on disk (default)",
        durable=True,
        build=build,
        start=started,
    ),
)
