"""`DELETE /api/notifications/{id}`: taken back everywhere, live and for those who were away, and its text with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.http import DEV_APP_SECRET, SEND
from harness.server import Server
from harness.websocket import WebSocket
from inbox.people import Person, eventually, sent
from inbox.screens import screens


def withdraw(server: Server, id_: str) -> None:
    answer = server.service().delete(f"/api/notifications/{id_}")
    assert (answer.status, answer.body) == (204, b"")


@pytest.mark.parametrize("everyones", [False, True], ids=["own", "everyone's"])
def test_all_screens_are_told_at_once(
    dev: Server, person: Person, somebody: Callable[[], Person], everyones: bool
) -> None:
    other = somebody()
    id_ = sent(dev, "t") if everyones else person.sent()
    first = person.item(id_)["first"]
    mine, theirs = screens(person), screens(other)
    withdraw(dev, id_)

    for screen in mine + (theirs if everyones else []):
        told = screen.change()
        assert told == {"event": "withdrawn", "position": person.now(), "data": {"id": id_, "first": first}}
        assert screen.counted(told["position"])["total"] == 0
    if not everyones:
        assert all(screen.counts_only_for(0.3) for screen in theirs)


def test_it_is_gone_from_wherever_one_looks(dev: Server, person: Person) -> None:
    about = {"type": "error", "deviceId": "d1", "group": "g"}
    id_, kept = person.sent("halibut soup", **about), person.sent("kept soup", **about)
    assert eventually(lambda: len(person.titles(q="soup")) == 2)
    page = person.page(limit=1)
    withdraw(dev, id_)

    assert [item["id"] for item in person.inbox()] == [kept]
    assert person.http.get(f"/api/notifications/{id_}").status == 404
    for query in ({"type": "error"}, {"deviceId": "d1"}, {"group": "g"}, {"unread": "true"}, {"q": "soup"}):
        assert person.titles(**query) == ["kept soup"], query
    assert person.titles(q="halibut") == []
    assert person.page(before=page["next"])["notifications"] == []
    assert person.unread() == {"error": 1}
    for method, what in (("PUT", "read"), ("DELETE", "read"), ("PUT", "dismissal"), ("PUT", "acknowledgement")):
        assert person.act(method, id_, what).status == 404


def test_who_was_away_is_told_that_it_is_gone_and_not_what_it_was(dev: Server, person: Person) -> None:
    with person.websocket() as stream:
        before = stream.recv_event("caught-up")["position"]
    id_ = person.sent("a secret")
    seen = person.item(id_)["position"]
    person.did("PUT", id_, "read")
    withdraw(dev, id_)

    for since in (before, seen):
        with person.websocket(since=since) as stream:
            events = [stream.recv_json()]
            while events[-1]["event"] != "caught-up":
                events.append(stream.recv_json())
        assert [event["event"] for event in events] == ["hello", "withdrawn", "caught-up"]
        assert events[1]["data"]["id"] == id_
        assert "a secret" not in str(events)
        assert person.changes(since=since)["changes"] == events[1:-1]
    with WebSocket(dev.url, key=person.key, since=before) as flat:
        person.sent("next")
        assert flat.recv_json()["title"] == "next"


def test_taken_back_twice_nothing_changes(dev: Server, person: Person) -> None:
    id_ = person.sent()
    withdraw(dev, id_)
    told = dev.service().get(f"/api/notifications/{id_}/receipts").json
    place = person.now()
    withdraw(dev, id_)

    assert person.now() == place
    assert dev.service().get(f"/api/notifications/{id_}/receipts").json == told


def test_its_recipient_cannot_take_it_back_but_who_sent_it_to_themself_can(dev: Server, person: Person) -> None:
    got = person.sent()
    own = person.http.send().json["notificationId"]

    assert person.http.delete(f"/api/notifications/{got}").status == 404
    assert dev.http().delete(f"/api/notifications/{got}").status == 401
    assert person.http.delete(f"/api/notifications/{own}").status == 204
    assert [item["id"] for item in person.inbox()] == [got]


def test_an_app_takes_back_what_it_sent_and_nothing_else(dev: Server) -> None:
    service = dev.service()
    reader = dev.user("user123")
    ids = [dev.http().send_from_app("user123", f"{n}").json["notificationId"] for n in range(2)]
    by_service = service.send(userId="user123", appId="demo-app").json["notificationId"]
    assert service.put("/api/apps/stranger", {}).status in (200, 201)
    strange = dev.http(token=service.post("/api/apps/stranger/secrets").json["secret"])
    app = dev.http(token=DEV_APP_SECRET)

    assert strange.delete(f"/api/notifications/{ids[0]}").status == 404
    assert app.delete(f"/api/notifications/{ids[0]}").status == 204
    assert app.delete(f"/api/notifications/{by_service}").status == 404, "sent in its name is not sent by it"
    found = [reader.get(f"/api/notifications/{id_}").status for id_ in (*ids, by_service)]
    assert found == [404, 200, 200]


def audited(server: Server, id_: str) -> list[dict[str, Any]]:
    entries = server.service().get("/api/audit", limit=200).json["audit"]
    return [entry for entry in entries if entry["what"] == id_]


def test_what_a_superuser_takes_back_for_others_is_in_the_audit_log_once(dev: Server, person: Person) -> None:
    others, own = person.http.send().json["notificationId"], person.sent()
    admin = dev.user("admin")
    for _ in range(2):
        assert admin.delete(f"/api/notifications/{others}").status == 204
    withdraw(dev, own)

    [entry] = audited(dev, others)
    assert entry["action"] == "notification.withdraw"
    assert entry["who"].startswith("user:admin by token:")
    assert entry["result"] == "done"
    assert audited(dev, own) == [], "by its sender"
    assert person.inbox() == []


def test_the_same_send_again_does_not_bring_it_back(dev: Server, person: Person) -> None:
    body = {"title": "t", "message": "m", "userId": person.id}
    first = dev.service().post(SEND, body, Idempotency_Key=f"key of {person.id}")
    id_ = first.json["notificationId"]
    withdraw(dev, id_)

    again = dev.service().post(SEND, body, Idempotency_Key=f"key of {person.id}")
    assert (again.status, again.json["notificationId"]) == (200, id_)
    assert person.inbox() == []


def rows_holding(server: Server, text: str) -> set[str]:
    """The tables of the database that have a row with this text in it."""
    found = set()
    for table in server.tables():
        for row in server.rows(f'SELECT * FROM "{table}"'):
            if any(text.encode() in (one if isinstance(one, bytes) else str(one).encode()) for one in row):
                found.add(table)
    return found


def test_its_text_is_in_no_row_of_the_database(dev: Server, person: Person) -> None:
    words = {name: f"{name}-{person.id}" for name in ("title", "message", "metadata", "url")}
    fields = {**words, "metadata": {"x": words["metadata"]}, "url": f"https://example.org/{words['url']}"}
    id_ = person.sent(**fields)
    assert eventually(lambda: person.titles(q=f'"{words["message"]}"') == [words["title"]])
    assert all(rows_holding(dev, text) == {"notifications"} for text in words.values())

    withdraw(dev, id_)

    assert {text: rows_holding(dev, text) for text in words.values()} == {text: set() for text in words.values()}
    # On PostgreSQL a node's row keeps what its last batch was answered, until the next one.
    assert rows_holding(dev, id_) - {"nodes"} == {"notifications"}, "its place stays"
