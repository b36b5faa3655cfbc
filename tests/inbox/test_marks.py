"""`POST /api/notifications/read-all`: read at once, all or of a kind, up to a place; and what is then set unread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.server import Server
from inbox.people import Person, number, sent


def unread_titles(person: Person) -> list[str]:
    """Oldest first, as a list says it, held against the flag of each item."""
    listed = person.page(unread="true")["notifications"]
    assert listed == [item for item in person.inbox() if item["read"] is None]
    return [item["title"] for item in reversed(listed)]


@pytest.fixture
def mixed(dev: Server, person: Person) -> Person:
    """Somebody with own ones and broadcasts of two types, about two devices and none."""
    for type_ in ("info", "error"):
        for device in (None, "d1", "d2"):
            about = {"deviceId": device} if device else {}
            person.sent(f"own {type_} {device}", type=type_, **about)
            sent(dev, f"all {type_} {device}", type=type_, **about)
    return person


@pytest.mark.parametrize(
    ("scope", "left"),
    [
        ({}, lambda type_, device: False),
        ({"type": "error"}, lambda type_, device: type_ != "error"),
        ({"deviceId": "d1"}, lambda type_, device: device != "d1"),
        ({"type": "error", "deviceId": "d1"}, lambda type_, device: (type_, device) != ("error", "d1")),
        ({"type": "warning"}, lambda type_, device: True),
        ({"deviceId": "nothing"}, lambda type_, device: True),
    ],
    ids=["all", "a type", "a device", "both", "a type of none", "a device of none"],
)
def test_a_mark_reads_what_it_is_of_and_nothing_else(
    mixed: Person, scope: dict[str, str], left: Callable[[str, str], bool]
) -> None:
    answer = mixed.marked(**scope)

    expected = [
        f"{whose} {type_} {device}"
        for type_ in ("info", "error")
        for device in ("None", "d1", "d2")
        for whose in ("own", "all")
        if left(type_, device)
    ]
    assert unread_titles(mixed) == expected
    count = {type_: sum(f" {type_} " in title for title in expected) for type_ in ("info", "error")}
    assert mixed.unread() == {type_: n for type_, n in count.items() if n}
    assert answer["unread"]["types"] == {"success": 0, "warning": 0, "emergency": 0, **count}
    assert answer["unread"]["total"] == len(expected)
    assert answer["unread"]["position"] == mixed.now()


def test_two_marks_together(mixed: Person) -> None:
    mixed.marked(type="error")
    answer = mixed.marked(deviceId="d1")
    expected = ["own info None", "all info None", "own info d2", "all info d2"]
    assert unread_titles(mixed) == expected
    assert answer["unread"]["total"] == 4
    mixed.sent("new d1", deviceId="d1")
    mixed.sent("new error", type="error")
    assert unread_titles(mixed) == [*expected, "new d1", "new error"]
    assert mixed.unread() == {"info": 5, "error": 1}


def test_what_comes_after_a_mark_is_unread(dev: Server, person: Person) -> None:
    person.sent("before")
    sent(dev, "before, to all")
    person.marked()
    person.sent("after")
    sent(dev, "after, to all")

    assert unread_titles(person) == ["after", "after, to all"]
    assert person.unread() == {"info": 2}


def test_up_to_a_position(dev: Server, person: Person) -> None:
    ids = [person.sent(f"{n}") if n % 2 else sent(dev, f"{n}") for n in range(6)]
    third = person.item(ids[2])["position"]

    answer = person.marked(upTo=third)

    assert answer["upTo"] == third
    assert unread_titles(person) == ["3", "4", "5"]
    assert answer["unread"]["total"] == 3
    earlier = person.item(ids[0])["position"]
    assert person.marked(upTo=earlier)["unread"]["total"] == 3, "an earlier one takes nothing back"
    assert unread_titles(person) == ["3", "4", "5"]
    person.marked(upTo=person.page()["position"])
    assert unread_titles(person) == []


def test_a_list_that_was_on_the_screen_is_marked_and_nothing_that_came_meanwhile(person: Person) -> None:
    person.sent("seen")
    seen_at = person.page()["position"]
    person.sent("came meanwhile")

    person.marked(upTo=seen_at)

    assert unread_titles(person) == ["came meanwhile"]


@pytest.mark.parametrize("everyones", [False, True], ids=["own", "everyone's"])
@pytest.mark.parametrize("scope", [{}, {"type": "error"}, {"deviceId": "d1"}], ids=str)
def test_what_is_set_unread_below_a_mark_stays_so_until_the_next_that_covers_it(
    dev: Server, person: Person, everyones: bool, scope: dict[str, str]
) -> None:
    about: dict[str, Any] = {"type": "error", "deviceId": "d1"}
    ids = [sent(dev, f"{n}", **about) if everyones else person.sent(f"{n}", **about) for n in range(3)]
    person.marked(**scope)
    read = person.item(ids[1])["read"]

    assert person.did("DELETE", ids[1], "read")["read"] is None
    assert unread_titles(person) == ["1"]
    assert person.unread() == {"error": 1}
    person.marked(type="info")
    person.marked(deviceId="d2")
    person.marked(upTo=person.item(ids[0])["position"])
    assert unread_titles(person) == ["1"], "none of these covers it"

    person.marked(**scope)
    assert unread_titles(person) == []
    assert person.unread() == {}
    assert person.item(ids[1])["read"] >= read
    assert person.did("DELETE", ids[1], "read")["read"] is None, "and once more"
    assert unread_titles(person) == ["1"]
    person.did("PUT", ids[1], "read")
    assert person.unread() == {}


def test_a_mark_up_to_an_earlier_place_covers_what_was_set_unread_there(person: Person) -> None:
    ids = [person.sent(f"{n}") for n in range(3)]
    person.marked()
    for id_ in ids:
        person.did("DELETE", id_, "read")

    person.marked(upTo=person.item(ids[1])["position"])

    assert unread_titles(person) == ["2"]
    assert person.unread() == {"info": 1}


def test_the_time_is_that_of_the_first_mark_that_covered_it_and_one_by_one_goes_before(person: Person) -> None:
    by_hand, by_mark = person.sent(), person.sent()
    said = person.did("PUT", by_hand, "read")["read"]
    person.marked()
    first = person.item(by_mark)["read"]
    person.sent()
    person.marked(type="info")
    person.marked()

    assert person.item(by_mark)["read"] == first
    assert person.item(by_hand)["read"] == said
    assert person.did("PUT", by_mark, "read")["read"] == first, "it is read already"


def test_a_mark_neither_dismisses_nor_acknowledges(person: Person) -> None:
    id_, dismissed = person.sent(), person.sent()
    person.did("PUT", dismissed, "dismissal")
    person.marked()

    assert (person.item(id_)["dismissed"], person.item(id_)["acknowledged"]) == (None, None)
    assert person.item(dismissed)["dismissed"] is not None
    assert person.did("PUT", id_, "acknowledgement")["read"] == person.item(id_)["read"] is not None


def test_marked_twice_nothing_changes_and_nothing_is_told(person: Person) -> None:
    person.sent()
    first = person.marked()
    place = person.now()
    again = person.marked()

    assert person.now() == place
    assert again["unread"] == first["unread"] | {"position": place}
    assert person.changes(since=place)["changes"] == []


def test_an_empty_inbox_can_be_marked(person: Person) -> None:
    assert person.marked()["unread"]["total"] == 0
    person.sent()
    assert person.unread() == {"info": 1}


def test_a_mark_is_ones_own(dev: Server, person: Person, somebody: Callable[[], Person]) -> None:
    other = somebody()
    sent(dev, "t")
    person.marked()

    assert person.unread() == {}
    assert other.unread() == {"info": 1}


def position(of: str, by: int) -> Callable[[Person], str]:
    def make(person: Person) -> str:
        epoch, place = person.now().split("-")
        return f"{of or epoch}-{int(place) + by}"

    return make


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"upTo": position("", 1)}, "upTo"),
        ({"upTo": position("", 10**9)}, "upTo"),
        ({"upTo": position("00000000", 0)}, "upTo"),
        ({"upTo": "x"}, "upTo"),
        ({"upTo": ""}, "upTo"),
        ({"upTo": 5}, "upTo"),
        ({"type": "critical"}, "type"),
        ({"type": ""}, "type"),
        ({"deviceId": ""}, "deviceId"),
        ({"deviceId": "x" * 129}, "deviceId"),
        ({"deviceid": "d"}, "deviceid"),
        ({"userId": "admin"}, "userId"),
    ],
)
def test_a_mark_that_cannot_be_is_422_and_changes_nothing(person: Person, body: dict[str, Any], field: str) -> None:
    person.sent()
    body = {name: value(person) if callable(value) else value for name, value in body.items()}

    answer = person.http.post("/api/notifications/read-all", body)

    assert answer.status == 422, answer.text
    assert field in answer.json["error"]
    assert person.unread() == {"info": 1}


@pytest.mark.parametrize("body", [None, {}, {"upTo": None}, {"type": None, "deviceId": None}], ids=str)
def test_nothing_and_null_mean_everything(person: Person, body: Any) -> None:
    person.sent()
    answer = person.http.post("/api/notifications/read-all", body)

    assert answer.status == 200, answer.text
    assert list(answer.json) == ["upTo", "unread"]
    assert number(answer.json["upTo"]) <= number(person.now())
    assert person.unread() == {}


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [(b"not json", "application/json", 400), (b"{}", "text/plain", 415), (b"[]", "application/json", 422)],
)
def test_a_body_that_is_there_must_be_right(person: Person, body: bytes, kind: str, status: int) -> None:
    answer = person.http.request("POST", "/api/notifications/read-all", body=body, headers={"Content-Type": kind})
    assert answer.status == status
