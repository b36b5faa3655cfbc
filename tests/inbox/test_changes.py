"""`GET /api/changes`: what a stream would have told, asked for."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from harness.server import Server
from inbox.people import Person, number, sent


def names(told: Any) -> list[str]:
    return [event["event"] for event in told["changes"]]


def make_all_kinds(person: Person) -> None:
    """Two notifications, a receipt each, a mark, and a withdrawal."""
    server = person.server
    first, second = person.sent("first"), sent(server, "second")
    person.did("PUT", first, "acknowledgement")
    person.did("PUT", second, "read")
    person.marked(type="info")
    gone = person.sent("gone")
    assert server.service().delete(f"/api/notifications/{gone}").status == 204


def test_without_since_there_is_only_the_position_of_now(person: Person) -> None:
    person.sent()
    told = person.changes()
    assert (told["changes"], told["more"]) == ([], False)
    assert told["position"] == person.page()["position"]
    person.sent("next")
    assert [event["data"]["title"] for event in person.changes(since=told["position"])["changes"]] == ["next"]


def test_it_is_what_a_stream_tells_that_resumes_there(person: Person) -> None:
    since = person.now()
    make_all_kinds(person)

    told = person.changes(since=since)
    with person.websocket(since=since) as stream:
        events = [stream.recv_json()]
        while events[-1]["event"] != "caught-up":
            events.append(stream.recv_json())

    assert told["changes"] == events[1:-1]
    assert told["position"] == events[-1]["position"]
    assert names(told) == ["notification", "notification", "receipt", "receipt", "mark", "withdrawn"]


def test_what_a_mark_read_was_read_when_the_list_says_whatever_else_is_told(person: Person) -> None:
    since = person.now()
    early = person.sent("early")
    person.marked()
    late = person.sent("late")
    person.did("PUT", late, "acknowledgement")
    time.sleep(0.005)  # the two marks at times of their own
    person.marked()

    changes = person.changes(since=since)["changes"]
    told = {event["data"]["id"]: event["data"]["read"] for event in changes if event["event"] == "notification"}

    assert told[early] == person.item(early)["read"] < person.item(late)["read"]


def test_events_say_what_happened_and_where(person: Person) -> None:
    since = person.now()
    id_ = person.sent("t", type="error", deviceId="d1")
    state = person.did("PUT", id_, "acknowledgement")
    person.marked(type="error", deviceId="d1", upTo=person.item(id_)["first"])
    item = person.item(id_)
    _notification, receipt, mark = person.changes(since=since)["changes"]
    assert person.server.service().delete(f"/api/notifications/{id_}").status == 204
    told = person.changes(since=since)

    # A receipt says what holds now: what a mark has done is in it, too.
    assert receipt["data"] == {"id": id_, "first": item["first"], **state, "read": item["read"]}
    assert told["changes"][0] == mark, "of what was taken back nothing else is told"
    [_mark, withdrawn] = told["changes"]
    assert mark["data"] == {"upTo": item["first"], "type": "error", "deviceId": "d1", "at": item["read"]}
    assert withdrawn["data"] == {"id": id_, "first": item["first"]}
    places = [event["position"] for event in told["changes"]]
    assert places == sorted(set(places), key=number)
    assert told["position"] == places[-1]


def test_a_notification_is_told_as_it_is_now(person: Person) -> None:
    since = person.now()
    id_ = person.sent()
    person.did("PUT", id_, "read")

    told, receipt = person.changes(since=since)["changes"]

    item = person.item(id_)
    assert told["position"] == item.pop("position")
    assert told["data"] == item
    assert receipt["data"]["read"] == item["read"]


@pytest.mark.parametrize("limit", [1, 2, 5, 200])
def test_pages_lead_on_without_a_gap_whatever_their_size(person: Person, limit: int) -> None:
    since = person.now()
    for _ in range(3):
        make_all_kinds(person)
    whole = person.changes(since=since, limit=200)
    assert whole["more"] is False

    found: list[Any] = []
    place, more = since, True
    while more:
        told = person.changes(since=place, limit=limit)
        assert all(number(place) < number(event["position"]) <= number(told["position"]) for event in told["changes"])
        assert not told["more"] or number(told["position"]) > number(place)
        found += told["changes"]
        place, more = told["position"], told["more"]

    assert found == whole["changes"]
    assert place == whole["position"]


def test_from_every_position_there_is_the_rest(person: Person) -> None:
    since = person.now()
    make_all_kinds(person)
    events = person.changes(since=since)["changes"]
    for at, event in enumerate(events):
        assert person.changes(since=event["position"])["changes"] == events[at + 1 :]


def test_nothing_of_others_is_told(dev: Server, person: Person, somebody: Callable[[], Person]) -> None:
    other, since = somebody(), person.now()
    everyones = sent(dev, "t")
    make_all_kinds(other)
    other.did("PUT", everyones, "dismissal")

    told = person.changes(since=since)
    assert [event["data"].get("title") for event in told["changes"]] == ["t", "second"]
    assert all(event["data"]["read"] is event["data"]["dismissed"] is None for event in told["changes"])


def test_of_some_devices_only(dev: Server, person: Person) -> None:
    since = person.now()
    ids = {device: person.sent(device, deviceId=device) for device in ("d1", "d2", "d3")}
    neither = person.sent("neither")
    for id_ in (*ids.values(), neither):
        person.did("PUT", id_, "acknowledgement")
    person.marked(deviceId="d1")
    person.marked(deviceId="d3")
    person.marked(type="info")
    for id_ in (ids["d2"], ids["d3"]):
        assert dev.service().delete(f"/api/notifications/{id_}").status == 204

    told = person.changes(since=since, deviceId=["d1", "d2"])["changes"]

    about = [
        (event["event"], event["data"].get("deviceId", "-") if event["event"] == "mark" else event["data"].get("id"))
        for event in told
    ]
    assert about == [
        ("notification", ids["d1"]),
        ("receipt", ids["d1"]),
        ("mark", "d1"),
        ("mark", None),
        ("withdrawn", ids["d2"]),
    ]
    assert person.changes(since=since, deviceId="nothing")["changes"] == [told[3]]


@pytest.mark.parametrize("since", ["", "x", "5", "0123abcd", "0123abcd-", "0123ABCD-1", "0123abcd-01", "0123abcd--1"])
def test_a_malformed_since_is_400(person: Person, since: str) -> None:
    answer = person.http.get("/api/changes", since=since)
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("name", "value"), [("limit", "0"), ("limit", "201"), ("deviceId", ""), ("deviceId", "x" * 129)]
)
def test_a_question_that_cannot_be_understood_is_422(person: Person, name: str, value: str) -> None:
    answer = person.http.get("/api/changes", **{"since": person.now(), name: value})
    assert answer.status == 422
    assert name in answer.json["error"]


@pytest.mark.parametrize("where", ["another log", "the future"])
def test_a_since_of_another_log_or_of_the_future_is_a_gap_and_now_is_where_it_goes_on(
    person: Person, where: str
) -> None:
    person.sent()
    now = person.now()
    since = "00000000-1" if where == "another log" else f"{now.split('-')[0]}-{number(now) + 1000}"

    told = person.changes(since=since)

    assert told == {
        "changes": [{"event": "gap", "position": now, "data": {"oldest": now}}],
        "position": now,
        "more": False,
    }
    person.sent("after")
    assert [event["data"]["title"] for event in person.changes(since=told["position"])["changes"]] == ["after"]


def test_before_one_came_there_was_nothing_to_miss(dev: Server, somebody: Callable[[], Person]) -> None:
    start = dev.user("admin").get("/api/changes").json["position"]
    old = sent(dev, "old")
    late = somebody()
    sent(dev, "new")
    assert dev.service().delete(f"/api/notifications/{old}").status == 204

    told = late.changes(since=start)
    assert [event["data"].get("title") for event in told["changes"]] == ["new"]
    assert late.changes(since=f"{start.split('-')[0]}-0")["changes"] == told["changes"]


def test_a_client_that_applies_them_has_what_a_fresh_read_gives(person: Person) -> None:
    held: dict[str, Any] = {}
    place = person.now()
    for round_ in range(3):
        make_all_kinds(person)
        if round_ == 1:
            person.did("DELETE", person.inbox()[-1]["id"], "read")
        told = person.changes(since=place, limit=1 + round_)
        while True:
            for event in told["changes"]:
                apply(held, event)
            place = told["position"]
            if not told["more"]:
                break
            told = person.changes(since=place, limit=1 + round_)
        fresh = {item["id"]: {name: at for name, at in item.items() if name != "position"} for item in person.inbox()}
        assert held == fresh


def apply(held: dict[str, Any], event: Any) -> None:
    data = event["data"]
    match event["event"]:
        case "notification":
            held[data["id"]] = data
        case "withdrawn":
            held.pop(data["id"], None)
        case "receipt":
            held[data["id"]] = {**held[data["id"]], **data}
        case "mark":
            for item in held.values():
                fits = data["type"] in (None, item["type"]) and data["deviceId"] in (None, item["deviceId"])
                if fits and item["read"] is None and number(item["since"]) <= number(data["upTo"]):
                    item["read"] = data["at"]
