"""`GET /api/notifications`: what there is, found again by what it is, page by page, at one moment."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qs, quote, urljoin, urlsplit

import pytest

from harness.http import Http
from harness.server import Server
from inbox.people import Person, number, sent


@pytest.fixture(scope="module")
def reader(dev_process: Server) -> Person:
    """Somebody with one of each kind; a title says what it is."""
    made = Person(dev_process)
    for app in ("one-app", "another app"):
        assert dev_process.service().put(f"/api/apps/{quote(app)}", {}).status in (200, 201)
    made.sent("plain")
    made.sent("warning", type="warning")
    made.sent("error d1", type="error", deviceId="d1")
    made.sent("d2 g1", deviceId="d2", group="g1")
    made.sent("app g2", appId="one-app", group="g2")
    made.sent("other app", appId="another app", type="error")
    sent(dev_process, "everyone's d1", deviceId="d1", type="error")
    read, dismissed, both = made.sent("read"), made.sent("dismissed"), made.sent("read and dismissed")
    made.did("PUT", read, "read")
    made.did("PUT", dismissed, "dismissal")
    made.did("PUT", both, "read")
    made.did("PUT", both, "dismissal")
    return made


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"type": "warning"}, ["warning"]),
        ({"type": ["warning", "error"]}, ["everyone's d1", "other app", "error d1", "warning"]),
        ({"type": ["warning", "warning"]}, ["warning"]),
        ({"type": "emergency"}, []),
        ({"deviceId": "d1"}, ["everyone's d1", "error d1"]),
        ({"deviceId": ["d1", "d2"]}, ["everyone's d1", "d2 g1", "error d1"]),
        ({"deviceId": "nothing"}, []),
        ({"appId": "one-app"}, ["app g2"]),
        ({"appId": ["one-app", "another app"]}, ["other app", "app g2"]),
        ({"group": "g1"}, ["d2 g1"]),
        ({"group": ["g1", "g2"]}, ["app g2", "d2 g1"]),
        ({"group": "g"}, []),
        ({"type": "error", "deviceId": "d1"}, ["everyone's d1", "error d1"]),
        ({"type": "error", "appId": "another app"}, ["other app"]),
        ({"type": "warning", "deviceId": "d1"}, []),
        ({"unread": "false"}, ["read and dismissed", "read"]),
        ({"dismissed": "true"}, ["read and dismissed", "dismissed"]),
        ({"dismissed": "true", "unread": "true"}, ["dismissed"]),
        ({"dismissed": "false", "unread": "false"}, ["read"]),
        ({"unread": "true", "type": "error"}, ["everyone's d1", "other app", "error d1"]),
    ],
    ids=str,
)
def test_a_filter_gives_what_fits_all_of_it_newest_first(
    reader: Person, query: dict[str, Any], expected: list[str]
) -> None:
    assert reader.titles(**query) == expected
    assert [*pages_of(reader, limit=1, **query)] == expected, "also one by one"


def test_unread_and_dismissed_split_the_inbox_in_two(reader: Person) -> None:
    everything = set(reader.titles())
    for name in ("unread", "dismissed"):
        yes, no = set(reader.titles(**{name: "true"})), set(reader.titles(**{name: "false"}))
        assert yes | no == everything
        assert not yes & no


def pages_of(reader: Person, **query: Any) -> list[str]:
    """Titles of all pages, each the one that the `Link` of the page before leads to."""
    answer = reader.http.get("/api/notifications", **query)
    found = []
    while True:
        assert answer.status == 200, answer.text
        found += [item["title"] for item in answer.json["notifications"]]
        link = answer.headers.get("link")
        assert (link is None) == (answer.json["next"] is None)
        if link is None:
            return found
        assert link.endswith('>; rel="next"')
        target = urljoin(f"{reader.server.url}/api/notifications", link[1 : link.index(">")])
        asked = parse_qs(urlsplit(target).query)
        assert asked["before"] == [answer.json["next"]], "the last page's `before` is not dragged along"
        answer = Http(reader.server.url, key=reader.key).get(target.removeprefix(reader.server.url))


def test_a_link_leads_to_the_next_page_of_the_same_question(reader: Person) -> None:
    everything = reader.titles()
    for limit in (1, 3, len(everything), 200):
        assert pages_of(reader, limit=limit) == everything
    assert pages_of(reader, limit=1, appId=["another app", "one-app"], type=["info", "error"]) == [
        "other app",
        "app g2",
    ]


def test_from_and_to_are_moments_the_first_included_the_second_not(person: Person) -> None:
    made: list[datetime] = []
    while len(made) < 3:
        at = datetime.fromisoformat(person.item(person.sent(f"{len(made)}"))["timestamp"])
        assert not made or at > made[-1], "a send takes longer than a millisecond"
        made.append(at)
    first, second, third = (at.isoformat(timespec="milliseconds") for at in made)

    assert person.titles(**{"from": second}) == ["2", "1"]
    assert person.titles(to=second) == ["0"]
    assert person.titles(**{"from": first, "to": third}) == ["1", "0"]
    assert person.titles(**{"from": second, "to": second}) == []
    assert person.titles(**{"from": "2020-01-01T00:00:00Z", "to": "2099-01-01T00:00:00Z"}) == ["2", "1", "0"]
    assert person.titles(to="2020-01-01T00:00:00Z") == person.titles(**{"from": "2099-01-01T00:00:00Z"}) == []
    elsewhere = made[1].astimezone(timezone(timedelta(hours=5, minutes=30))).isoformat(timespec="milliseconds")
    assert person.titles(**{"from": elsewhere}) == ["2", "1"]
    # Many write the plus sign of a zone into an address as it is.
    answer = person.http.get(f"/api/notifications?from={elsewhere}")
    assert [item["title"] for item in answer.json["notifications"]] == ["2", "1"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("type", "critical"),
        ("type", ""),
        ("type", ["info", "INFO"]),
        ("deviceId", ""),
        ("deviceId", "x" * 129),
        ("appId", "a\nb"),
        ("deviceId", ["d"] * 101),
        ("group", ["g"] * 101),
        ("unread", "1"),
        ("unread", ""),
        ("dismissed", "yes"),
        ("from", ""),
        ("from", "yesterday"),
        ("from", "2026-01-01T00:00:00"),
        ("to", "2026-01-01"),
        ("to", "1764000000"),
        ("to", "2026-13-01T00:00:00Z"),
        ("before", "5"),
        ("before", "notif_x"),
        ("before", "00000000-2"),
        ("limit", "0"),
        ("limit", "201"),
    ],
)
def test_a_question_that_cannot_be_understood_is_422_and_named(person: Person, name: str, value: Any) -> None:
    answer = person.http.get("/api/notifications", **{name: value})

    assert answer.status == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["field"] == name
    assert name in answer.json["error"]


@pytest.mark.parametrize("text", ["'; DROP TABLE notifications; --", '"', "*", "%", "\\", "[1]", "null", "ä\u0000"])
def test_a_filter_is_data_never_syntax(person: Person, text: str) -> None:
    person.sent("t", group="g")
    assert person.titles(group=text) == []
    assert person.titles() == ["t"]


def test_a_page_says_of_what_moment_it_is_and_a_stream_goes_on_from_there(person: Person) -> None:
    empty = person.page()
    assert empty["notifications"] == []
    id_ = person.sent("before")
    page = person.page()
    assert number(page["position"]) > number(empty["position"])
    assert number(page["position"]) >= number(page["notifications"][0]["position"])

    person.did("PUT", id_, "read")
    later = person.sent("after")
    events = person.changes(since=page["position"])["changes"]
    assert [(event["event"], event["data"]["id"]) for event in events] == [("receipt", id_), ("notification", later)]
    with person.websocket(since=page["position"]) as stream:
        told = [stream.recv_json() for _ in range(4)]
    assert [event["event"] for event in told] == ["hello", "receipt", "notification", "caught-up"]


def test_reading_is_at_one_moment_for_list_count_and_changes(person: Person) -> None:
    person.sent("t")
    page, count = person.page()["position"], person.http.get("/api/notifications/unread").json["position"]
    assert page == count == person.now()


def test_what_came_before_somebody_joined_is_not_theirs(dev: Server, somebody: Callable[[], Person]) -> None:
    old = sent(dev, "old")
    late = somebody()
    new = sent(dev, "new")

    assert late.titles() == ["new"]
    assert late.http.get(f"/api/notifications/{old}").status == 404
    assert late.http.get(f"/api/notifications/{new}").status == 200
    assert late.unread() == {"info": 1}


@pytest.mark.parametrize(
    "query", [{"dismissed": "true"}, {"group": "seldom"}, {"type": "emergency"}, {"appId": "one-app"}], ids=str
)
def test_a_page_that_had_to_look_through_too_much_is_short_and_the_next_goes_on(
    crowded: Person, query: dict[str, str]
) -> None:
    first = crowded.page(**query)
    assert first["notifications"] == []
    assert first["next"] is not None
    assert [item["title"] for item in at_the_end(crowded, **query)] == ["the oldest"]


def at_the_end(reader: Person, **query: str) -> Any:
    """What the last page shows."""
    pages, found = 1, reader.page(**query)
    while found["next"] is not None:
        assert pages < 20
        found, pages = reader.page(**query, before=found["next"]), pages + 1
    return found["notifications"]


def test_what_a_notification_is_about_is_named_however_long_ago_it_came(crowded: Person, person: Person) -> None:
    [oldest] = at_the_end(crowded, type="emergency")
    assert crowded.http.get("/api/names", id=oldest["id"]).json == {"devices": {}, "apps": {"one-app": "one-app"}}
    assert person.http.get("/api/names", id=oldest["id"]).json == {"devices": {}, "apps": {}}


@pytest.fixture(scope="module")
def crowded(dev_process: Server) -> Person:
    """Somebody with one that is of interest below very many that are not."""
    made = Person(dev_process)
    assert dev_process.service().put("/api/apps/one-app", {}).status in (200, 201)
    oldest = made.sent("the oldest", type="emergency", group="seldom", appId="one-app")
    made.did("PUT", oldest, "dismissal")
    body = json.dumps([{"title": "t", "message": "m", "userId": made.id}] * 8_000).encode()
    client = Http(dev_process.url, key=dev_process.service().key, timeout=120)
    answer = client.request("POST", "/api/notifications/batch", body=body, headers={"Content-Type": "application/json"})
    assert all(one["success"] for one in answer.json["results"])
    return made


def test_the_newest_are_at_hand_however_many_there_are(crowded: Person) -> None:
    page = crowded.page(unread="true", type="info", limit=200)
    assert len(page["notifications"]) == 200
    assert crowded.unread() == {"info": 8_000, "emergency": 1}
    crowded.marked(type="info")
    assert crowded.unread() == {"emergency": 1}
    assert crowded.page(unread="true")["notifications"] or crowded.page(unread="true")["next"] is not None
