"""`GET /api/notifications/unread`: exact, whatever was sent, done, marked and withdrawn, by however many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from harness.http import Http
from harness.server import Server
from inbox.people import TYPES, Person, eventually, sent


def recount(person: Person) -> dict[str, int]:
    """What the inbox itself says."""
    return dict(Counter(item["type"] for item in person.inbox() if item["read"] is None))


def test_nothing_is_unread_at_first_and_everything_is_named(person: Person) -> None:
    told = person.http.get("/api/notifications/unread").json
    assert told == {"total": 0, "types": dict.fromkeys(TYPES, 0), "position": person.now()}


def test_own_ones_and_broadcasts_count_by_type_and_others_do_not(
    dev: Server, person: Person, somebody: Callable[[], Person]
) -> None:
    other = somebody()
    for type_ in TYPES:
        person.sent(type=type_)
    sent(dev, "t", type="error")
    sent(dev, "t", type="error")
    other.sent(type="emergency")

    assert person.unread() == {"info": 1, "success": 1, "warning": 1, "error": 3, "emergency": 1}
    assert other.unread() == {"error": 2, "emergency": 1}


def test_only_reading_counts(person: Person) -> None:
    id_ = person.sent()
    person.did("PUT", id_, "dismissal")
    person.did("PUT", id_, "acknowledgement")
    assert person.unread() == {"info": 1}
    person.did("PUT", id_, "read")
    assert person.unread() == {}
    person.did("DELETE", id_, "read")
    assert person.unread() == {"info": 1}
    person.did("DELETE", id_, "dismissal")
    assert person.unread() == {"info": 1}


@pytest.mark.parametrize("everyones", [False, True], ids=["own", "everyone's"])
@pytest.mark.parametrize("before", ["unread", "read", "marked", "marked, then set unread", "read, then marked"])
def test_a_withdrawn_one_is_not_counted_whatever_it_was(
    dev: Server, person: Person, everyones: bool, before: str
) -> None:
    id_, kept = (sent(dev, f"{n}") if everyones else person.sent(f"{n}") for n in range(2))
    if before.startswith("read"):
        person.did("PUT", id_, "read")
    if "marked" in before:
        person.marked()
        person.did("DELETE", kept, "read")
    if before.endswith("set unread"):
        person.did("DELETE", id_, "read")

    assert dev.service().delete(f"/api/notifications/{id_}").status == 204

    assert person.unread() == recount(person) == {"info": 1}
    person.marked()
    assert person.unread() == {}
    person.did("DELETE", kept, "read")
    assert person.unread() == {"info": 1}


def test_who_joins_later_counts_from_there(dev: Server, somebody: Callable[[], Person]) -> None:
    early = somebody()
    sent(dev, "t")
    late = somebody()
    sent(dev, "t")

    assert (early.unread(), late.unread()) == ({"info": 2}, {"info": 1})


def test_who_is_made_again_under_an_old_name_starts_from_nothing(dev: Server, person: Person) -> None:
    ids = [person.sent(), sent(dev, "t")]
    person.did("PUT", ids[1], "read")
    service = dev.service()
    assert service.delete(f"/api/users/{person.id}").status == 204
    assert person.http.get("/api/notifications/unread").status == 401
    assert service.put(f"/api/users/{person.id}", {}).status == 201
    again = Http(dev.url, key=service.post("/api/keys", {"userId": person.id}).json["key"])

    assert again.get("/api/notifications/unread").json["total"] == 0
    assert again.get("/api/notifications").json["notifications"] == []
    # What they had had leaves by and by.
    assert service.delete(f"/api/notifications/{ids[0]}").status in (204, 404)
    assert again.get("/api/notifications/unread").json["total"] == 0


def test_counts_outlive_a_kill(start_server: Callable[..., Server]) -> None:
    server = start_server()
    person = Person(server)
    ids = [person.sent(type="error"), sent(server, "t"), sent(server, "u")]
    person.marked(upTo=person.item(ids[1])["position"])
    person.did("DELETE", ids[1], "read")
    server.kill()
    server.start()

    assert person.unread() == recount(person) == {"info": 2}
    person.marked()
    assert eventually(lambda: person.unread() == {})
