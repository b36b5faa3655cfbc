"""Bits that flip and pages that vanish in the file: said aloud or repaired, never served as the truth."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path

import pytest

from faults.database import database_file
from harness.http import inbox
from harness.server import Server, StartFailure

ROWS = 120


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, tuple[str, str]]]:
    """A data folder at rest, only to be copied, and what it holds: id → (title, message)."""
    server = Server(tmp_path_factory.mktemp("stored") / "data")
    server.start()
    texts = [(f"title {n:04}", f"message {n:04} " + "lorem ipsum " * (n % 20)) for n in range(ROWS)]
    drafts = [{"title": title, "message": message, "userId": "user123"} for title, message in texts]
    sent = server.service().post("/api/notifications/batch", drafts).json["results"]
    assert server.stop() == 0
    server.check_log()
    return server.data, {one["notificationId"]: text for one, text in zip(sent, texts, strict=True)}


def wrong_rows(server: Server, known: dict[str, tuple[str, str]]) -> list[object] | None:
    """Rows served with other content than was sent; None when the server refused to serve the list."""
    server.tracebacks_expected = None
    try:
        server.start()
    except StartFailure:
        assert server.wait_exit() in (1, 2)
        assert len(server.tail(5)) > 20, "it refused to start without saying why"
        return None
    found: list[object] = []
    try:
        client = server.http(token=server.http().login("user123"))
        client.keep = True
        for id_, (title, message) in known.items():
            answer = client.get(f"/api/notifications/{id_}")
            if answer.status == 200:
                row = answer.json
                if (row["id"], row["title"], row["message"]) != (id_, title, message):
                    found.append(row)
            else:
                assert answer.status in (404, 500, 503), answer.status
        rows = inbox(client)
    except (OSError, HTTPException, AssertionError):
        return found or None
    for row in rows:
        if known.get(row["id"]) != (row["title"], row["message"]):
            found.append(row)
    return found


def damaged(data: Path, target: Path, how: str, dice: random.Random) -> str:
    """Copy a data folder and damage its database in one place; say where."""
    shutil.copytree(data, target)
    path = database_file(target)
    content = bytearray(path.read_bytes())
    if how == "text":  # a bit of a stored title or message, which no structure of the file depends on
        places = [n for n in range(len(content) - 6) if content[n : n + 6] in (b"title ", b"messag")]
        place = dice.choice(places) + 7 + dice.randrange(3)
        content[place] ^= 1
    elif how == "bit":
        place = dice.randrange(100, len(content))
        content[place] ^= 1 << dice.randrange(8)
    elif how == "page":
        place = dice.randrange(1, len(content) // 4096) * 4096
        content[place : place + 4096] = bytes(4096)
    else:
        place = dice.randrange(1, len(content) // 4096) * 4096
        del content[place:]
    path.write_bytes(content)
    return f"{how} at {place} of {len(content)}"


@pytest.mark.parametrize("how", ["text", "bit", "page", "cut"])
def test_damage_is_never_served_as_content(
    start_server: Callable[..., Server],
    stored: tuple[Path, dict[str, tuple[str, str]]],
    tmp_path: Path,
    how: str,
    soak: bool,
) -> None:
    data, known = stored
    dice = random.Random(f"{how} 7")
    for n in range(50 if soak else 2):
        target = tmp_path / f"{how}{n}"
        where = damaged(data, target, how, dice)
        server = start_server(data=target, ready=False)
        wrong = wrong_rows(server, known)
        server.close()
        server.tracebacks_expected = "the file is damaged"
        assert not wrong, f"{where}: served {wrong[0]}"


def test_control_wrong_content_is_recognised(
    start_server: Callable[..., Server], stored: tuple[Path, dict[str, tuple[str, str]]], tmp_path: Path
) -> None:
    data, known = stored
    server = start_server(data=shutil.copytree(data, tmp_path / "copy"), ready=False)
    assert wrong_rows(server, known) == []
    server.close()
    id_ = next(iter(known))
    assert wrong_rows(server, known | {id_: ("title 0000", "messagd 0000 ")})
