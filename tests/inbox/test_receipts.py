"""`GET /api/notifications/{id}/receipts`: to its sender, what became of a notification."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.http import DEV_APP, DEV_APP_SECRET, Http
from harness.server import Server
from inbox.people import Person, eventually, sent

COUNTS = ("recipients", "delivered", "read", "dismissed", "acknowledged")


def receipts(client: Http, id_: str, **query: Any) -> Any:
    answer = client.get(f"/api/notifications/{id_}/receipts", **query)
    assert answer.status == 200, (answer.status, answer.text)
    return answer.json


def counts(told: Any) -> tuple[int, ...]:
    return tuple(told[name] for name in COUNTS)


def is_delivered(client: Http, id_: str) -> bool:
    return bool(receipts(client, id_)["delivered"])


# -- what it says


def test_of_one_recipient_it_says_when_they_did_what(dev: Server, person: Person) -> None:
    id_ = person.sent()
    untouched = receipts(dev.service(), id_)
    state = {**person.did("PUT", id_, "read")}
    state = person.did("PUT", id_, "acknowledgement")
    told = receipts(dev.service(), id_)

    nothing = dict.fromkeys(("delivered", "read", "dismissed", "acknowledged"))
    assert untouched.pop("notification")["title"] == person.item(id_)["title"]
    assert untouched == {
        "id": id_,
        "sentAt": person.item(id_)["timestamp"],
        "sender": "user:system",
        "credential": "key:sample",
        "userId": person.id,
        "streamed": 0,
        "withdrawn": None,
        "recipients": 1,
        **dict.fromkeys(COUNTS[1:], 0),
        "receipts": [{"userId": person.id, **nothing}],
        "next": None,
    }
    assert counts(told) == (1, 0, 1, 0, 1)
    assert told["receipts"] == [{"userId": person.id, "delivered": None, **state}]
    assert state["read"] is not None
    person.did("DELETE", id_, "read")
    assert counts(receipts(dev.service(), id_)) == (1, 0, 0, 0, 1)


def test_what_a_mark_covers_is_read_at_its_time_but_for_what_was_set_unread(dev: Server, person: Person) -> None:
    ids = [person.sent(type="error"), person.sent(), person.sent()]
    person.marked(type="error")
    person.marked()
    person.did("DELETE", ids[2], "read")

    told = [receipts(dev.service(), id_) for id_ in ids]
    assert [one["read"] for one in told] == [1, 1, 0]
    assert [one["receipts"][0]["read"] for one in told] == [person.item(id_)["read"] for id_ in ids]


def test_streamed_is_to_how_many_streams_it_was_written_when_it_was_sent(person: Person) -> None:
    service = person.server.service()
    with person.websocket(), person.sse(), person.lines():
        assert eventually(lambda: service.send(userId=person.id).json["recipientCount"] == 3)
        id_ = person.sent()
        assert eventually(lambda: receipts(service, id_)["streamed"] == 3)
    with person.websocket(since=f"{person.now().split('-')[0]}-0") as late:
        late.recv_event("caught-up")
    assert receipts(service, id_)["streamed"] == 3, "who reads it later is not counted"


def test_of_a_broadcast_it_says_how_many_did_what_and_who_page_by_page(start_server: Callable[..., Server]) -> None:
    server = start_server()
    service = server.service()
    people = [Person(server) for _ in range(7)]
    id_ = sent(server, "t", type="error")
    Person(server)  # who joined later has no part in it
    for one in people[:5]:
        one.did("PUT", id_, "acknowledgement")
    people[0].did("PUT", id_, "read")
    people[1].marked(type="error")
    people[2].marked(type="info")
    people[3].did("PUT", id_, "dismissal")

    whole = receipts(service, id_, limit=200)
    samples = ["admin", "system", "user123", "user456", "viewer"]
    assert counts(whole) == (12, 0, 2, 1, 5)
    assert [one["userId"] for one in whole["receipts"]] == sorted([*samples, *(one.id for one in people)])
    by_id = {one["userId"]: one for one in whole["receipts"]}
    for one in people:
        item = one.item(id_)
        assert {name: item[name] for name in ("read", "dismissed", "acknowledged")}.items() <= by_id[one.id].items()

    for limit in (1, 5, 11, 12):
        found, before = [], None
        while True:
            page = receipts(service, id_, limit=limit, **({"before": before} if before else {}))
            assert counts(page) == counts(whole), "of all, not of the page"
            assert len(page["receipts"]) <= limit
            found += page["receipts"]
            before = page["next"]
            if before is None:
                break
        assert found == whole["receipts"]

    assert service.delete(f"/api/users/{people[0].id}").status == 204
    assert counts(receipts(service, id_)) == (11, 0, 1, 1, 4)


@pytest.mark.parametrize("limit", ["0", "201", "x"])
def test_a_limit_is_from_1_to_200(dev: Server, person: Person, limit: str) -> None:
    answer = dev.service().get(f"/api/notifications/{person.sent()}/receipts", limit=limit)
    assert answer.status == 422
    assert answer.json["field"] == "limit"


def test_a_withdrawn_one_still_says_what_became_of_it(dev: Server, person: Person) -> None:
    id_ = person.sent()
    person.did("PUT", id_, "read")
    assert dev.service().delete(f"/api/notifications/{id_}").status == 204

    told = receipts(dev.service(), id_)
    assert told["withdrawn"].endswith("Z")
    assert counts(told) == (1, 0, 1, 0, 0)


# -- to whom


def test_it_is_for_its_sender_and_superusers(dev: Server, person: Person, somebody: Callable[[], Person]) -> None:
    own = person.http.send("to oneself").json["notificationId"]
    got = person.sent("from a service")
    clients = [person.http, somebody().http, dev.user("admin"), dev.service(), dev.http()]

    def statuses(id_: str) -> list[int]:
        return [client.get(f"/api/notifications/{id_}/receipts").status for client in clients]

    assert statuses(own) == [200, 404, 200, 200, 401]
    assert statuses(got) == [404, 404, 200, 200, 401], "its recipient is not told what its sender is"
    nobodys, others = (clients[1].get(f"/api/notifications/{id_}/receipts") for id_ in ("notif_none", got))
    assert nobodys.json == others.json


def test_another_of_the_senders_name_is_not_its_sender(dev: Server, person: Person) -> None:
    service, path = dev.service(), f"/api/users/{person.id}"
    service.put(path, {"superuser": True})
    id_ = person.http.send("to everyone").json["notificationId"]
    assert person.http.get(f"/api/notifications/{id_}/receipts").status == 200

    assert service.delete(path).status == 204
    assert service.put(path, {"permissions": ["notifications"]}).status == 201
    another = dev.http(key=service.post("/api/keys", {"userId": person.id}).json["key"])

    assert another.get(f"/api/notifications/{id_}/receipts").status == 404
    assert another.delete(f"/api/notifications/{id_}").status == 404
    own = another.send("to oneself").json["notificationId"]
    assert another.get(f"/api/notifications/{own}/receipts").status == 200
    assert another.delete(f"/api/notifications/{own}").status == 204
    assert service.delete(f"/api/notifications/{id_}").status == 204


def test_an_app_asks_with_any_secret_of_its_own(dev: Server) -> None:
    service = dev.service()
    made = dev.http().send_from_app("user456", "by the app")
    id_ = made.json["notificationId"]
    second = service.post(f"/api/apps/{DEV_APP}/secrets").json["secret"]
    assert service.put("/api/apps/stranger", {}).status in (200, 201)
    strange = service.post("/api/apps/stranger/secrets").json["secret"]

    found = [dev.http(token=one).get(f"/api/notifications/{id_}/receipts") for one in (DEV_APP_SECRET, second, strange)]

    assert [answer.status for answer in found] == [200, 200, 404]
    assert found[0].json["receipts"][0]["userId"] == "user456"


def test_an_app_made_again_under_the_id_of_a_deleted_one_is_not_its_sender(dev: Server, person: Person) -> None:
    service, name = dev.service(), f"again-{person.id}"

    def made() -> tuple[Http, str]:
        assert service.put(f"/api/apps/{name}", {"installForAll": True}).status == 201
        secret = service.post(f"/api/apps/{name}/secrets").json["secret"]
        sent = dev.http().send_from_app(person.id, "by the app", app=name, secret=secret)
        return dev.http(token=secret), sent.json["notificationId"]

    first, of_first = made()
    assert first.get(f"/api/notifications/{of_first}/receipts").status == 200
    assert service.put(f"/api/apps/{name}", {"installForAll": True, "name": "Changed"}).status == 200
    assert first.get(f"/api/notifications/{of_first}/receipts").status == 200
    assert service.delete(f"/api/apps/{name}").status == 204
    second, of_second = made()

    assert second.get(f"/api/notifications/{of_first}/receipts").status == 404
    assert second.delete(f"/api/notifications/{of_first}").status == 404
    assert second.get(f"/api/notifications/{of_second}/receipts").status == 200
    assert second.delete(f"/api/notifications/{of_second}").status == 204
    assert service.get(f"/api/notifications/{of_first}/receipts").status == 200


# -- delivered


def test_delivered_is_what_a_screen_says_that_it_received(person: Person) -> None:
    service = person.server.service()
    with person.websocket() as screen:
        screen.recv_event("caught-up")
        first, second = person.sent("first"), person.sent("second")
        place = screen.recv_event("notification")["position"]
        screen.recv_event("notification")
        assert not is_delivered(service, first), "written is not received"
        screen.send_json({"received": place})
        assert eventually(lambda: is_delivered(service, first))
        assert not is_delivered(service, second)
        screen.send_json({"received": person.item(second)["position"]})
        screen.send_json({"received": place})
        assert eventually(lambda: is_delivered(service, second)), "an earlier one takes nothing back"

    told = [receipts(service, id_)["receipts"][0]["delivered"] for id_ in (first, second)]
    assert told[0] < told[1]
    assert person.unread() == {"info": 2}, "delivered is not read"


def test_it_is_not_numbered_and_nobody_is_told(person: Person) -> None:
    service = person.server.service()
    with person.websocket() as screen, person.websocket() as other:
        for stream in (screen, other):
            stream.recv_event("unread")
        id_ = person.sent()
        place = other.recv_event("notification")["position"]
        screen.send_json({"received": place})
        assert eventually(lambda: is_delivered(service, id_))
        assert other.counts_only_for(0.4)
        assert person.now() == place


def test_what_a_screen_says_as_it_goes_is_noted(person: Person) -> None:
    service = person.server.service()
    ids = []
    with person.websocket() as screen:
        screen.recv_event("caught-up")
        for n in range(3):
            ids.append(person.sent(f"{n}"))
            screen.send_json({"received": screen.recv_event("notification")["position"]})
    assert eventually(lambda: all(is_delivered(service, id_) for id_ in ids))


def test_what_a_screen_did_not_bring_is_not_delivered_by_what_it_did(person: Person) -> None:
    service = person.server.service()
    with person.websocket() as screen:
        since = screen.recv_event("caught-up")["position"]
    missed = person.sent("missed")
    with person.websocket() as screen:
        screen.recv_event("caught-up")
        later = person.sent("later")
        place = screen.recv_event("notification")["position"]
        screen.send_json({"received": place})
        screen.send_json({"read": later})
        screen.recv_event("receipt")
    assert eventually(lambda: is_delivered(service, later))
    assert not is_delivered(service, missed)

    with person.websocket(since=since) as screen:
        screen.recv_event("caught-up")
        screen.send_json({"received": place})
        assert eventually(lambda: is_delivered(service, missed))
    told = [receipts(service, id_)["receipts"][0]["delivered"] for id_ in (missed, later)]
    assert told[0] > told[1], "each when it was first said"


def test_what_came_before_a_stream_was_somebodys_is_not_delivered_by_it(person: Person) -> None:
    service = person.server.service()
    with person.websocket(key=None) as screen:
        screen.recv_event("caught-up")
        missed = person.sent("missed")
        screen.send_json({"auth": person.key})
        screen.recv_event("unread")
        later = person.sent("later")
        place = screen.recv_event("notification")["position"]
        screen.send_json({"received": place})
        assert eventually(lambda: is_delivered(service, later))
    assert not is_delivered(service, missed)


def test_of_a_broadcast_it_is_delivered_to_those_who_said_so(dev: Server, somebody: Callable[[], Person]) -> None:
    people = [somebody() for _ in range(3)]
    id_ = sent(dev, "t")
    for one in people[:2]:
        with one.websocket(since=f"{one.now().split('-')[0]}-0") as screen:
            screen.send_json({"received": screen.recv_event("caught-up")["position"]})

    assert eventually(lambda: receipts(dev.service(), id_)["delivered"] == 2)
    told = {one["userId"]: one["delivered"] for one in receipts(dev.service(), id_, limit=200)["receipts"]}
    assert [told[one.id] is not None for one in people] == [True, True, False]


def test_what_was_noted_outlives_a_kill(start_server: Callable[..., Server]) -> None:
    server = start_server()
    person = Person(server)
    with person.websocket() as screen:
        screen.recv_event("caught-up")
        id_ = person.sent()
        screen.send_json({"received": screen.recv_event("notification")["position"]})
        assert eventually(lambda: is_delivered(server.service(), id_))
        assert eventually(lambda: receipts(server.service(), id_)["streamed"] == 1)
    before = receipts(server.service(), id_)
    server.kill()
    server.start()
    assert receipts(server.service(), id_) == before
