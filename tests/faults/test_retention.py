"""Retention in a server that is in use: streams are told, nobody waits, and a kill in the midst of it is no matter."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import apsw
import pytest

from faults.database import database_file
from faults.weakening import without
from harness.http import Http, inbox
from harness.patience import PATIENCE
from harness.server import Server
from harness.websocket import WebSocket
from inbox.people import eventually

DAY_MS = 86_400_000
AT_ONCE = {"TOCSIN_RETENTION__EVERY_SECONDS": "0.1"}
NEVER = {"TOCSIN_RETENTION__DAYS": "100000"}


@contextmanager
def opened(data: Path) -> Iterator[apsw.Connection]:
    """The database of a server."""
    with closing(apsw.Connection(str(database_file(data)))) as connection, connection:
        yield connection


def age(data: Path, days: int) -> None:
    """Make all that a server holds so much older."""
    with opened(data) as connection:
        connection.set_busy_timeout(30_000)
        connection.execute("UPDATE notifications SET created_at = created_at - ?", (days * DAY_MS,))


def unread(client: Http) -> int:
    total: int = client.get("/api/notifications/unread").json["total"]
    return total


def titles(client: Http) -> list[str]:
    return [row["title"] for row in inbox(client)]


def resumed(server: Server, since: str) -> list[dict[str, Any]]:
    """What a stream of user123 from there on is told until it has caught up; that something is gone, above all."""
    with WebSocket(server.url, token=server.token("user123"), subprotocol="tocsin.v1", since=since) as stream:
        events: list[dict[str, Any]] = []
        while not events or events[-1]["event"] != "caught-up":
            events.append(stream.recv_json())
    assert "gap" in [event["event"] for event in events], "a stream from before is not told that something is gone"
    return events


def told_what_goes(stream: WebSocket, seconds: float = PATIENCE) -> dict[bool, Any]:
    """The events of an open stream that one's own notifications went and that broadcasts did, by which it is."""
    told: dict[bool, Any] = {}
    while len(told) < 2:
        data = stream.recv_event("purged", timeout=seconds)["data"]
        told[data["broadcasts"]] = data
    return told


def test_a_stream_from_before_is_told_that_something_is_gone(start_server: Callable[..., Server]) -> None:
    server = start_server(env=NEVER)
    with WebSocket(server.url, token=server.token("user123"), subprotocol="tocsin.v1") as stream:
        before = stream.recv_event("hello")["position"]
    for n in range(3):
        assert server.service().send(f"old {n}", userId="user123").status == 200
        assert server.service().send(f"old {n} to all").status == 200
    server.stop()
    age(server.data, 100)
    server.env = dict(AT_ONCE)
    server.start()
    user = server.user("user123")
    assert eventually(lambda: inbox(user) == [])
    assert server.service().send("young", userId="user123").status == 200

    events = resumed(server, before)
    assert [event["data"]["title"] for event in events if event["event"] == "notification"] == ["young"]
    assert unread(user) == 1


def test_an_open_stream_is_told_what_goes_and_counts_follow(start_server: Callable[..., Server]) -> None:
    server = start_server(env=AT_ONCE)
    for n in range(20):
        assert server.service().send(f"old {n}", **({"userId": "user123"} if n % 2 else {})).status == 200
    user = server.user("user123")
    assert unread(user) == 20
    with WebSocket(server.url, token=server.token("user123"), subprotocol="tocsin.v1") as stream:
        stream.recv_event("caught-up")
        age(server.data, 100)
        told = told_what_goes(stream)
    assert all(data["appId"] is None for data in told.values())
    assert eventually(lambda: unread(user) == 0)
    assert inbox(user) == []


def test_control_a_server_that_tells_nobody_what_goes_is_found_out(start_server: Callable[..., Server]) -> None:
    server = start_server(env=AT_ONCE | without("telling"))
    user = server.user("user123")
    with WebSocket(server.url, token=server.token("user123"), subprotocol="tocsin.v1") as stream:
        before = stream.recv_event("hello")["position"]
        for fields in ({}, {"userId": "user123"}):
            assert server.service().send("old", **fields).status == 200
        age(server.data, 100)
        assert eventually(lambda: inbox(user) == [])
        with pytest.raises(TimeoutError):
            told_what_goes(stream, seconds=1.0)
    with pytest.raises(AssertionError, match="is not told"):
        resumed(server, before)


def test_a_kill_in_the_midst_of_it_leaves_nothing_wrong(start_server: Callable[..., Server], soak: bool) -> None:
    server = start_server(env=NEVER)
    server.stop()
    fill(server.data, 20_000 if soak else 5_000, users=100)
    server.env = dict(AT_ONCE)
    kill_in_the_midst(server, step=1_000)
    server.start()
    assert eventually(lambda: count(server.data) == 0)
    server.stop()
    check_counters(server.data)
    with opened(server.data) as connection:
        assert connection.execute("SELECT count(*) FROM receipts").fetchall() == [(0,)]
        assert connection.execute("SELECT sum(own) FROM counters").fetchall() == [(0,)]


def kill_in_the_midst(server: Server, *, step: int) -> None:
    """Start it, and kill it when so many more have gone; each time the counts have to be right."""
    left = count(server.data)
    for _ in range(20):
        server.start()
        # One that has come far enough to be cut off in the midst of something.
        eventually(lambda: count(server.data) < max(1, left - step))  # noqa: B023
        server.kill()
        left = count(server.data)
        check_counters(server.data)
        if not left:
            break


def test_control_a_server_that_removes_in_two_steps_is_found_out(start_server: Callable[..., Server]) -> None:
    server = start_server(env=NEVER)
    server.stop()
    fill(server.data, 2_000, users=100)
    server.env = {**AT_ONCE, **without("removing-at-once")}
    with pytest.raises(AssertionError, match="counted"):
        kill_in_the_midst(server, step=100)


def test_settings_say_who_keeps_how_much(start_server: Callable[..., Server]) -> None:
    server = start_server(env=AT_ONCE | {"TOCSIN_RETENTION__PER_USER": "3"})
    server.service().send("to all")
    for n in range(10):
        assert server.service().send(f"{n}", userId="user123").status == 200
    user = server.user("user123")
    assert eventually(lambda: titles(user) == ["9", "8", "7", "to all"])
    assert unread(user) == 4


@pytest.mark.soak
def test_a_million_rows_go_and_nobody_waits_for_it(start_server: Callable[..., Server], soak: bool) -> None:
    server = start_server(env=NEVER)
    server.stop()
    rows = 1_000_000 if soak else 100_000
    fill(server.data, rows, users=1_000)
    server.start(within=60)
    calm = percentile(server, lambda: False, seconds=20)
    server.stop()
    server.env = {"TOCSIN_RETENTION__EVERY_SECONDS": "60"}
    server.start(within=60)
    busy = percentile(server, lambda: not are_left(server.data), seconds=3_000)
    print(f"\np99 of sends: {calm * 1000:.0f} ms, and {busy * 1000:.0f} ms while {rows:,} rows went")
    assert count(server.data) == 0
    # What the machine itself takes is not retention's.
    assert busy <= max(0.1, 3 * calm)


def percentile(server: Server, done: Callable[[], bool], *, seconds: float) -> float:
    """The 99th of a hundred sends, in seconds, at 300 a second until it is done, or that long."""
    took: list[float] = []
    stop = threading.Event()

    def lane() -> None:
        client = server.service()
        client.keep = True
        began, n = time.monotonic(), 0
        while not stop.is_set():
            due = began + n / 75
            time.sleep(max(0.0, due - time.monotonic()))
            assert client.send("t", "m", **({"userId": "user123"} if n % 2 else {})).status == 200
            took.append(time.monotonic() - due)
            n += 1

    lanes = [threading.Thread(target=lane) for _ in range(4)]
    for one in lanes:
        one.start()
    ends = time.monotonic() + seconds
    while not done() and time.monotonic() < ends:
        time.sleep(2)
    stop.set()
    for one in lanes:
        one.join(30)
    return sorted(took)[int(len(took) * 0.99)]


def count(data: Path) -> int:
    """How many of the old ones are left, seen from beside a running server."""
    with closing(apsw.Connection(str(database_file(data)), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
        connection.set_busy_timeout(2_000)
        found = connection.execute("SELECT count(*) FROM notifications WHERE sender = 'user:old'").fetchall()
    return int(found[0][0])


def are_left(data: Path) -> bool:
    """Whether any of the old ones is left; counting them all each time would hold the log's readers up."""
    with closing(apsw.Connection(str(database_file(data)), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
        connection.set_busy_timeout(2_000)
        found = connection.execute("SELECT EXISTS (SELECT 1 FROM notifications WHERE sender = 'user:old')").fetchall()
    return bool(found[0][0])


def check_counters(data: Path) -> None:
    """Of a stopped server: the counts of one's own and of broadcasts are what counting gives."""
    with opened(data) as connection:
        wrong = connection.execute(
            "SELECT c.user_id FROM counters c WHERE c.user_id LIKE 'old%' AND c.own <> "
            "(SELECT count(*) FROM notifications n WHERE n.user_id = c.user_id AND n.type = c.type)"
        ).fetchall()
        assert wrong == [], f"what {len(wrong)} have is not what is counted"
        floor = connection.execute("SELECT max(upto) FROM floors WHERE owner = ''").fetchall()[0][0] or 0
        [(above, kept)] = connection.execute(
            "SELECT (SELECT count(*) FROM notifications WHERE user_id IS NULL AND first > ?),"
            " (SELECT sum(total - at_floor) FROM totals)",
            (floor,),
        ).fetchall()
        assert above == kept


def fill(data: Path, rows: int, *, users: int) -> None:
    """Put old notifications into a stopped server's database: half to everyone, half to users `old0`, `old1`, ….

    Each tenth broadcast was read by somebody.
    """
    values = {"rows": rows, "users": users, "at": int(time.time() * 1000) - 200 * DAY_MS}
    with opened(data) as connection:
        [(head,)] = connection.execute("SELECT head FROM log").fetchall()
        connection.execute(_FILL, {**values, "head": head})


_FILL = """
WITH RECURSIVE n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < :users - 1)
INSERT INTO users (id, name, permissions, superuser, disabled, joined, tokens_after)
SELECT 'old' || n, 'old', '[]', 0, 0, :head, 0 FROM n;

INSERT INTO counters (user_id, type, mark, base)
SELECT u.id, t.type, :head, t.total FROM users u, totals t WHERE u.id LIKE 'old%';

WITH RECURSIVE n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < :rows - 1)
INSERT INTO notifications (first, seq, since, id, user_id, type, sender, credential, created_at, body, crc)
SELECT :head + n + 1, :head + n + 1, :head + n + 1, printf('notif_%026d', n),
    CASE WHEN n % 2 THEN 'old' || (n / 2 % :users) END, 'info', 'user:old', 'key:old', :at,
    '{"title":"old","message":"' || hex(zeroblob(100)) || '"}', 0 FROM n;

INSERT INTO receipts (user_id, first, seq, broadcast, type, read, read_at)
SELECT 'old' || (first % :users), first, seq, 1, 'info', 1, 1 FROM notifications
WHERE user_id IS NULL AND sender = 'user:old' AND first % 20 < 2;

UPDATE totals SET total = total + (SELECT count(*) FROM notifications n
    WHERE n.user_id IS NULL AND n.sender = 'user:old' AND n.type = totals.type);

UPDATE counters SET
    own = (SELECT count(*) FROM notifications n WHERE n.user_id = counters.user_id AND n.type = counters.type),
    seen = (SELECT count(*) FROM receipts r WHERE r.user_id = counters.user_id AND r.type = counters.type)
WHERE user_id LIKE 'old%';

UPDATE log SET head = head + :rows;
"""
