"""A refusal that is due while requests ahead of the refused one are not answered yet."""

from __future__ import annotations

import time
import uuid

import pytest

from attacks.raw import connect, head, read_to_the_end, statuses, upgrade
from attacks.test_pipelining import sending
from harness.server import Server


def titles(server: Server, *wanted: str) -> list[str]:
    """Which of these are in the inbox, looked at until no send can be on its way any more."""
    time.sleep(0.3)
    answer = server.user("user123").get("/api/notifications", limit=200)
    return [row["title"] for row in answer.json["notifications"] if row["title"] in wanted]


@pytest.mark.parametrize("behind", ["an upgrade", "a malformed head", "one behind many"])
def test_a_refusal_is_never_the_answer_of_a_request_that_is_kept(dev: Server, behind: str) -> None:
    """The first answer belongs to the first request: who reads 400 there will send it again."""
    token = dev.token("user123")
    for _ in range(5):
        names = [f"{behind} {uuid.uuid4()}" for _ in range(40 if behind == "one behind many" else 1)]
        refused = {
            "an upgrade": upgrade("/notifications", f"Authorization: Bearer {token}"),
            "a malformed head": head("/healthz", "Host: another"),
            "one behind many": head("/healthz", "Host: another"),
        }[behind]
        with connect(dev) as connection:
            connection.sendall(b"".join(sending(token, name) for name in names) + refused)
            answers = statuses(read_to_the_end(connection))
        kept = titles(dev, *names)
        told = [name for name, status in zip(names, answers, strict=False) if status != 200]
        assert not set(told) & set(kept), (answers, len(kept))
        assert answers.count(200) <= len(kept)


@pytest.mark.parametrize("unfinished", [b"", b"GET / HT", b"{"])
def test_nothing_is_carried_out_behind_an_answer_that_ends_the_connection(dev: Server, unfinished: bytes) -> None:
    """Nobody would be told of it, and whoever wrote it would send it again (RFC 9112 §9.6)."""
    token, name = dev.token("user123"), f"behind the end {uuid.uuid4()}"
    fields = (f"Authorization: Bearer {token}", "Content-Type: application/json", "Content-Length: 70000")
    refused = head("/api/notifications/send", *fields, method="POST") + b" " * 70_000
    with connect(dev) as connection:
        connection.sendall(refused + sending(token, name) + unfinished)
        assert statuses(read_to_the_end(connection)) == [413]
    assert titles(dev, name) == []
