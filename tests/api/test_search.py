"""`GET /api/notifications?q=`: found by its words within a second or so, by whom it is for, and by nobody else."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from api.people import eventually, make_user
from harness.http import Http
from harness.server import Server

PATIENCE = 20.0


def send(server: Server, message: str, **fields: Any) -> str:
    answer = server.service().send(fields.pop("title", "title"), message, **fields)
    assert answer.status == 200, answer.text
    return str(answer.json["notificationId"])


def found(client: Http, words: str, **query: Any) -> list[str]:
    """The ids of all pages."""
    ids: list[str] = []
    while True:
        answer = client.get("/api/notifications", q=words, **query)
        assert answer.status == 200, (words, answer.status, answer.text)
        ids += [one["id"] for one in answer.json["notifications"]]
        query["before"] = answer.json["next"]
        assert ("link" in answer.headers) is (query["before"] is not None)
        if query["before"] is None:
            return ids


def finds(client: Http, expected: list[str], words: str, **query: Any) -> None:
    assert eventually(lambda: found(client, words, **dict(query)) == expected, PATIENCE), found(client, words, **query)


def test_what_was_sent_is_found_by_whom_it_is_for(server: Server) -> None:
    own = send(server, "Zürich antwortet nicht", title="Brückenalarm", userId="user123")
    theirs = send(server, "Zürich antwortet wieder", userId="user456")
    everyones = send(server, "zurich calling", type="warning")
    one, other = server.user("user123"), server.user("user456")

    finds(one, [everyones, own], "zur")
    finds(other, [everyones, theirs], "ZÜR")
    assert found(one, "brucken zürich") == [own]
    assert found(one, '"antwortet nicht"') == [own]
    assert found(one, '"nicht antwortet"') == []
    assert found(one, "wieder") == []
    assert found(one, "zur", type="warning") == [everyones]
    assert found(one, "zur", unread="false") == []


def test_who_came_later_does_not_find_what_was_sent_before(server: Server) -> None:
    before = send(server, "antediluvian news")
    finds(server.user("user123"), [before], "antediluvian")
    name = make_user(server.service(), "latecomer")
    newcomer = server.http(token=server.http().login(name, f"password of {name}"))
    after = send(server, "antediluvian gossip")
    finds(newcomer, [after], "antediluvian")


def test_what_was_withdrawn_is_found_no_more(server: Server) -> None:
    kept, gone = send(server, "quicksand kept"), send(server, "quicksand gone")
    finds(server.user("user123"), [gone, kept], "quicksand")
    assert server.service().delete(f"/api/notifications/{gone}").status == 204
    assert found(server.user("user123"), "quicksand") == [kept]


def test_pages_lead_through_all_of_it(server: Server) -> None:
    sent = [send(server, f"lighthouse {n}", userId="user123") for n in range(45)]
    finds(server.user("user123"), sent[::-1], "lighthouse", limit=7)
    finds(server.user("user123"), sent[::-1], "lighthouse")


@pytest.mark.parametrize("words", ["x" * 513, "x " * 33])
def test_too_much_is_refused_by_name(server: Server, words: str) -> None:
    answer = server.user("user123").get("/api/notifications", q=words)
    assert answer.status == 422, answer.text
    assert "q" in answer.json["error"]


def test_no_text_is_an_error(server: Server) -> None:
    client, chance = server.user("user123"), random.Random(11)
    pieces = [
        *"\"*()^:{}-+'\\;%_",
        "AND",
        "OR",
        "NOT",
        "NEAR(a b, 2)",
        "title:",
        "owner:",
        "rowid",
        "words",
        "é",
        "東",
        "\0",
        " ",
    ]
    for _ in range(200):
        words = "".join(chance.choices(pieces, k=chance.randint(0, 12)))
        answer = client.get("/api/notifications", q=words)
        assert answer.status == 200, (words, answer.status, answer.text)


def lost(path: Path) -> None:
    path.unlink()


def garbage(path: Path) -> None:
    path.write_bytes(random.Random(1).randbytes(100_000))


def cut(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(5_000)


@pytest.mark.parametrize("damage", [lost, garbage, cut])
@pytest.mark.one_file(reason="on PostgreSQL the index is a table of the database")
def test_a_server_starts_without_its_index_and_makes_it_again(
    start_server: Callable[..., Server], damage: Callable[[Path], None]
) -> None:
    server = start_server()
    sent = [send(server, f"lantern {n}", userId="user123") for n in range(20)]
    finds(server.user("user123"), sent[::-1], "lantern")
    server.kill()
    damage(server.data / "search.db")
    server.start()
    sent.append(send(server, "lantern after", userId="user123"))
    finds_again(server, sent[::-1])
    assert server.stop() == 0


def finds_again(server: Server, expected: list[str]) -> None:
    """As `finds`; while the index is looked at and thrown away, a search may be told to come back."""

    def holds() -> bool:
        answer = server.user("user123").get("/api/notifications", q="lantern", limit=100)
        assert answer.status in (200, 503), answer.text
        return answer.status == 200 and [one["id"] for one in answer.json["notifications"]] == expected

    assert eventually(holds, PATIENCE)


def test_a_kill_loses_nothing_that_can_be_found(start_server: Callable[..., Server]) -> None:
    server = start_server()
    sent: list[str] = []
    for _ in range(3):
        sent += [send(server, f"lantern {n}", userId="user123") for n in range(20)]
        server.kill()
        server.start()
    finds_again(server, sent[::-1])
