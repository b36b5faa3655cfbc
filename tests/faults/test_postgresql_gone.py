"""A real server while its PostgreSQL is killed, away and back: nothing answered is lost, nobody waits for long."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.http import Http
from harness.patience import PATIENCE, SLACK
from harness.postgresql import Cluster
from harness.server import Server
from store.adapters import Recorder, draft
from tocsin.store.postgresql import connection as postgresql_connection
from tocsin.store.postgresql.store import PostgresqlStore

LONGEST_SECONDS = 3.0 * SLACK
BACK_SECONDS = 5.0 * SLACK
SENDERS = 4


@pytest.fixture
def server(own_postgresql: Cluster, tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path / "data", args=["--database", own_postgresql.database("tocsin")])
    made.start(within=60)
    yield made
    made.close()
    made.check_log()


def send(service: Http, title: str, key: str = "") -> tuple[int, float, Any]:
    """The status, how many seconds it took, and the answer."""
    began = time.monotonic()
    headers = {"Idempotency_Key": key} if key else {}
    body = {"type": "info", "title": title, "message": "m", "userId": "user123"}
    answer = service.post("/api/notifications/send", body, **headers)
    return answer.status, time.monotonic() - began, answer


def titles(server: Server) -> list[str]:
    """All that user123 has, oldest first."""
    client, found = server.user("user123"), []
    query: dict[str, Any] = {"limit": 200}
    while True:
        page = client.get("/api/notifications", **query).json
        found += [one["title"] for one in page["notifications"]]
        if page["next"] is None:
            break
        query["before"] = page["next"]
    return found[::-1]


@pytest.mark.fault
def test_while_it_is_away_sends_are_refused_soon_and_afterwards_all_goes_on(
    server: Server, own_postgresql: Cluster
) -> None:
    service = server.service()
    assert send(service, "before")[0] == 200
    server.token("user123")
    own_postgresql.stop()
    for number in range(3):
        status, took, answer = send(service, f"away {number}")
        assert status == 503
        assert took < LONGEST_SECONDS
        assert int(answer.headers["retry-after"]) >= 1
    readiness = server.http().get("/readyz")
    assert readiness.status == 503
    assert f"PostgreSQL at 127.0.0.1:{own_postgresql.port}: " in readiness.json["reasons"][0]
    began = time.monotonic()
    own_postgresql.start()
    started = time.monotonic()
    while not server.ready():
        assert time.monotonic() - started < BACK_SECONDS, "it does not come back"
        time.sleep(0.05)
    assert send(service, "after")[0] == 200
    assert time.monotonic() - began < PATIENCE
    assert titles(server) == ["before", "after"]
    said = server.log_path.read_text()
    assert said.index("the store cannot take writes now: PostgreSQL at") < said.index("the store takes writes again")


@pytest.mark.fault
def test_one_that_starts_before_its_database_refuses_connections_until_it_can_answer(
    server: Server, own_postgresql: Cluster
) -> None:
    """A balancer goes on to the next node; taken and not answered, a send would wait for a minute."""
    server.stop()
    own_postgresql.stop()
    server.launch()
    ends = time.monotonic() + PATIENCE
    while "the store is not there yet" not in server.log_path.read_text():
        assert time.monotonic() < ends, server.tail()
        time.sleep(0.02)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)
    own_postgresql.start()
    server.wait_ready()
    assert send(server.service(), "after")[0] == 200


@pytest.mark.fault
def test_killed_under_load_nothing_that_was_answered_is_lost_or_doubled(
    server: Server, own_postgresql: Cluster, soak: bool
) -> None:
    """Each sender tries a title again under its key until it is answered 200; all are there once, in its order."""
    sent: dict[int, list[str]] = {}
    over = threading.Event()
    slowest: list[float] = []

    def sending(number: int) -> None:
        service, count = server.service(), 0
        mine = sent.setdefault(number, [])
        while not over.is_set():
            title = f"{number}-{count}"
            status, took, _answer = send(service, title, key=title)
            slowest.append(took)
            if status == 200:
                mine.append(title)
                count += 1
            else:
                assert status == 503
                time.sleep(0.1)

    server.token("user123")
    senders = [threading.Thread(target=sending, args=(number,)) for number in range(SENDERS)]
    for thread in senders:
        thread.start()
    for _round in range(50 if soak else 3):
        all_go_on(sent)
        own_postgresql.kill()
        own_postgresql.start()
    all_go_on(sent)
    over.set()
    for thread in senders:
        thread.join()
    there = titles(server)
    assert len(there) == len(set(there)), "none twice"
    for number, mine in sent.items():
        its = [title for title in there if title.startswith(f"{number}-")]
        assert its[: len(mine)] == mine
        assert len(its) <= len(mine) + 1, "the last one may have been kept unanswered"
        assert mine
    assert max(slowest) < LONGEST_SECONDS + 1


def all_go_on(sent: dict[int, list[str]]) -> None:
    """Wait until each sender is answered once more."""
    before = {number: len(mine) for number, mine in list(sent.items())}
    ends = time.monotonic() + PATIENCE
    while any(len(sent.get(number, [])) <= before.get(number, 0) for number in range(SENDERS)):
        assert time.monotonic() < ends, "a sender is not answered any more"
        time.sleep(0.02)


@pytest.mark.fault
@pytest.mark.parametrize("synchronous", ["on", "off"])
def test_what_was_answered_is_on_the_disk_and_without_waiting_for_it_it_is_not(
    synchronous: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control is a session that does not wait: then the end of what was answered is gone."""
    settings = postgresql_connection._settings
    monkeypatch.setattr(
        postgresql_connection, "_settings", lambda *of: {**settings(*of), "synchronous_commit": synchronous}
    )
    # On a busy machine PostgreSQL's own writer may come first, after ten seconds at the latest: then once more.
    whole = all(there_is_all() for _ in range(4 if synchronous == "off" else 1))
    assert whole is (synchronous == "on")


def there_is_all() -> bool:
    """Whether all that was answered is there after PostgreSQL was killed; what is there is the beginning of it."""
    # So that nobody else writes the log to the disk meanwhile.
    place = Cluster(["wal_writer_delay = 10s", "wal_writer_flush_after = 0", "checkpoint_timeout = 1h"])
    answered: list[str] = []

    async def test() -> None:
        store = await PostgresqlStore.open(place.database("kept"), Recorder())
        for number in range(30):
            made = draft(f"{number}")
            await store.append(made)
            answered.append(made.id)
        place.kill()
        store._writer._closing = True
        await store.close()

    try:
        asyncio.run(asyncio.wait_for(test(), 60))
        place.start()
        there = place.sql("SELECT id FROM notifications ORDER BY first", "kept").split()
    finally:
        place.remove()
    assert there == answered[: len(there)]
    return there == answered
