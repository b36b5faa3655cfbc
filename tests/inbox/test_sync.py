"""What somebody does on one screen is on all of their screens, and on nobody else's."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

from harness.http_stream import Ndjson
from harness.server import Server
from harness.websocket import WebSocket
from inbox.people import Person, eventually, number, sent
from inbox.screens import Screen, screens

STEPS = [("PUT", "read"), ("DELETE", "read"), ("PUT", "dismissal"), ("DELETE", "dismissal"), ("PUT", "acknowledgement")]


def told_of(screen: Screen, name: str) -> Any:
    """The next event but counts, which has this name."""
    event = screen.change()
    assert event["event"] == name, event
    return event


# -- by the API


@pytest.mark.parametrize("everyones", [False, True], ids=["own", "everyone's"])
def test_each_step_is_told_to_all_screens_of_theirs_with_the_counts_after_it_and_to_nobody_else(
    dev: Server, person: Person, somebody: Callable[[], Person], everyones: bool
) -> None:
    other = somebody()
    id_ = sent(dev, "t") if everyones else person.sent()
    first = person.item(id_)["first"]
    mine, theirs = screens(person), screens(other)

    for method, what in STEPS:
        state = person.did(method, id_, what)
        place, count = person.now(), person.unread()
        receipt = {"event": "receipt", "position": place, "data": {"id": id_, "first": first, **state}}
        for screen in mine:
            assert told_of(screen, "receipt") == receipt
            counted = screen.counted(place)
            assert {name: n for name, n in counted["types"].items() if n} == count
            assert counted["total"] == sum(count.values())
    assert all(screen.counts_only_for(0.3) for screen in theirs)


def test_a_mark_is_one_event_however_much_it_covers(dev: Server, person: Person) -> None:
    ids = [person.sent(f"{n}") if n % 2 else sent(dev, f"{n}") for n in range(10)]
    mine = screens(person)
    answer = person.marked(type="info")

    read = person.item(ids[-1])["read"]
    expected = {"upTo": person.item(ids[-1])["first"], "type": "info", "deviceId": None, "at": read}
    for screen in mine:
        assert told_of(screen, "mark")["data"] == expected
        assert screen.counted(answer["unread"]["position"])["total"] == 0
        assert screen.counts_only_for(0.1)


def test_what_a_mark_takes_back_is_told_one_by_one_before_it(person: Person) -> None:
    ids = [person.sent(f"{n}") for n in range(3)]
    person.marked()
    person.did("DELETE", ids[1], "read")
    person.sent("new")
    mine = screens(person)
    person.marked()

    for screen in mine:
        receipt, mark = told_of(screen, "receipt"), told_of(screen, "mark")
        assert receipt["data"]["id"] == ids[1]
        assert receipt["data"]["read"] == mark["data"]["at"]
        assert number(receipt["position"]) < number(mark["position"])


def test_what_changes_nothing_is_not_told(person: Person) -> None:
    id_ = person.sent(dismissible=False)
    person.marked()
    mine = screens(person)
    person.did("PUT", id_, "read")
    person.did("DELETE", id_, "dismissal")
    person.marked()
    assert person.act("PUT", id_, "dismissal").status == 409

    assert all(screen.counts_only_for(0.3) for screen in mine)


def test_new_notifications_are_told_without_counts(person: Person) -> None:
    [screen, *_] = screens(person)
    # Counts of the beginning may be late, but then they are over.
    for _ in range(5):
        for n in range(20):
            person.sent(f"{n}")
        events = screen.until(lambda event: event["event"] == "notification" and event["data"]["title"] == "19")
        if len(events) == 20 and screen.silent_for(0.5):
            return
    pytest.fail("there were counts each time")


def test_counts_come_at_most_once_in_a_quarter_of_a_second_and_the_last_is_right(person: Person) -> None:
    ids = [person.sent(f"{n}") for n in range(40)]
    [stream, *_] = screens(person)
    person.http.keep = True
    before = number(person.now())
    began = time.monotonic()
    for id_ in ids:
        person.did("PUT", id_, "read")
    place = person.now()
    events = stream.until(
        lambda event: event["event"] == "unread" and number(event["data"]["position"]) >= number(place)
    )
    took = time.monotonic() - began

    counts = [event for event in events if event["event"] == "unread" and number(event["data"]["position"]) > before]
    assert len(counts) <= took / 0.25 + 1
    assert counts[-1]["data"]["total"] == 0
    assert len([event for event in events if event["event"] == "receipt"]) == 40


def test_a_screen_that_was_away_is_told_when_it_comes_back_and_then_how_much_is_unread(person: Person) -> None:
    ids = [person.sent(f"{n}") for n in range(3)]
    since = person.page()["position"]
    person.did("PUT", ids[0], "read")
    person.marked(upTo=person.item(ids[1])["first"])

    for stream in (person.websocket(since=since), person.sse(since=since), person.sse(last_event_id=since)):
        events = Screen(stream).until_event("unread")
        assert [event["event"] for event in events] == ["hello", "receipt", "mark", "caught-up", "unread"]
        assert events[-1]["data"]["total"] == 1
        assert events[-1]["position"] is None
        stream.close()


def test_a_screen_of_some_devices_is_told_what_is_about_them(person: Person) -> None:
    ids = {device: person.sent(device, deviceId=device) for device in ("d1", "d2")}
    mine = screens(person, params={"deviceId": "d1"})
    for device in ("d2", "d1"):
        person.did("PUT", ids[device], "read")
    person.sent("new", deviceId="d2")
    person.marked(deviceId="d2")
    person.marked(deviceId="d1", type="error")
    person.sent("new", deviceId="d1")
    person.marked()

    for screen in mine:
        assert told_of(screen, "receipt")["data"]["id"] == ids["d1"]
        assert told_of(screen, "mark")["data"]["deviceId"] == "d1"
        assert told_of(screen, "notification")["data"]["title"] == "new"
        assert told_of(screen, "mark")["data"]["deviceId"] is None, "one of all devices is one of theirs, too"


# -- those who hear nothing of it


def test_flat_streams_hear_of_notifications_only(dev: Server, person: Person) -> None:
    with (
        WebSocket(dev.url, key=person.key) as socket,
        Ndjson(dev.url, key=person.key) as lines,
        Ndjson(dev.url, key=person.key, since=person.now()) as resumed,
    ):
        flat = [Screen(socket), Screen(lines), Screen(resumed)]
        gone, id_ = person.sent("gone"), person.sent("first")
        for what in ("read", "acknowledgement", "dismissal"):
            person.did("PUT", id_, what)
        person.marked()
        assert dev.service().delete(f"/api/notifications/{gone}").status == 204
        person.sent("second")

        for stream in flat:
            frames = [stream.next() for _ in range(3)]
            assert [frame["title"] for frame in frames] == ["gone", "first", "second"]
            assert {len(frame) for frame in frames} == {9}
            assert stream.silent_for(0.3)


def test_a_stream_of_nobody_hears_of_broadcasts_and_their_end_only(dev: Server, person: Person) -> None:
    with WebSocket(dev.url, subprotocol="tocsin.v1") as stream:
        stream.send_json({"auth": "wrong"})
        assert stream.closed_within() == 4401
    with Ndjson(dev.url, params={"protocol": "tocsin.v1"}) as lines:
        nobody = Screen(lines)
        assert [nobody.next()["event"] for _ in range(2)] == ["hello", "caught-up"]
        id_ = sent(dev, "t")
        person.did("PUT", id_, "read")
        person.marked()
        assert dev.service().delete(f"/api/notifications/{id_}").status == 204

        told = [nobody.next() for _ in range(2)]
        assert [event["event"] for event in told] == ["notification", "withdrawn"]
        assert told[0]["data"]["read"] is None
        assert nobody.silent_for(0.3)


# -- by commands


def test_a_command_does_what_the_api_does_and_all_screens_are_told(person: Person) -> None:
    id_ = person.sent(dismissible=False)
    mine = screens(person)
    for command, member in (("read", "read"), ("acknowledge", "acknowledged"), ("dismiss", "dismissed")):
        mine[0].stream.send_json({command: id_})
        receipts = [told_of(screen, "receipt") for screen in mine]
        assert receipts[0] == receipts[1] == receipts[2]
        assert receipts[0]["data"][member] == person.item(id_)[member] is not None
    assert person.unread() == {}


def test_commands_are_done_in_their_order(person: Person) -> None:
    id_ = person.sent(dismissible=False)
    screen = Screen(person.websocket())
    screen.until_event("unread")
    for command in ({"acknowledge": id_}, {"dismiss": id_}, {"read": id_}):
        screen.stream.send_json(command)

    receipts = [told_of(screen, "receipt")["data"] for _ in range(3)]
    done = [{name for name in ("read", "dismissed", "acknowledged") if one[name]} for one in receipts]
    assert done == [{"acknowledged"}, {"acknowledged", "dismissed"}, {"acknowledged", "dismissed", "read"}]


def test_what_was_told_before_the_connection_went_is_done(person: Person) -> None:
    ids = [person.sent(f"{n}") for n in range(5)]
    stream = person.websocket()
    for id_ in ids:
        stream.send_json({"read": id_})
    # Not closed: a reset would take with it what has not arrived.
    stream.socket.shutdown(socket.SHUT_WR)

    assert eventually(lambda: not person.unread())


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda person, other: {"read": "notif_none"}, "not-found"),
        (lambda person, other: {"acknowledge": ""}, "not-found"),
        (lambda person, other: {"dismiss": other.sent()}, "not-found"),
        (lambda person, other: {"dismiss": person.sent(dismissible=False)}, "conflict"),
        (lambda person, other: {"received": "x"}, "malformed"),
        (lambda person, other: {"received": "00000000-1"}, "malformed"),
        (lambda person, other: {"received": f"{person.now()}0"}, "malformed"),
    ],
    ids=["nobody's", "empty", "another's", "not dismissible", "no position", "of another log", "of the future"],
)
def test_what_is_refused_is_told_to_who_asked_and_the_stream_goes_on(
    person: Person, somebody: Callable[[], Person], make: Callable[[Person, Person], dict[str, str]], code: str
) -> None:
    command = make(person, somebody())
    mine = screens(person)
    mine[0].stream.send_json(command)

    refused = mine[0].change()
    [(verb, value)] = command.items()
    assert (refused["event"], refused["position"]) == ("refused", None)
    assert {**refused["data"], "error": ""} == {"command": verb, "id": value, "code": code, "error": ""}
    assert refused["data"]["error"]
    assert mine[1].counts_only_for(0.2)
    id_ = person.sent("next")
    mine[0].stream.send_json({"read": id_})
    assert [mine[0].change()["event"] for _ in range(2)] == ["notification", "receipt"]


def test_a_stream_of_devices_cannot_say_that_everything_was_received(person: Person) -> None:
    screen = Screen(person.websocket(params={"deviceId": "d1"}))
    screen.until_event("unread")
    screen.stream.send_json({"received": person.now()})
    refused = screen.change()
    assert (refused["event"], refused["data"]["code"]) == ("refused", "invalid")


@pytest.mark.parametrize(
    "frame",
    [
        {"unread": "x"},
        {"undismiss": "x"},
        {"read": ["x"]},
        {"read": None},
        {"read": "x", "dismiss": "x"},
        {"READ": "x"},
    ],
    ids=str,
)
def test_what_is_no_command_ends_the_stream(person: Person, frame: dict[str, Any]) -> None:
    stream = person.websocket()
    stream.send_json(frame)
    assert stream.closed_within() == 4400


def test_commands_are_for_users_with_the_envelope(dev: Server, person: Person) -> None:
    id_ = person.sent()
    flat = WebSocket(dev.url, key=person.key)
    flat.send_json({"read": id_})
    assert flat.closed_within() == 4400
    nobody = WebSocket(dev.url, subprotocol="tocsin.v1")
    nobody.send_json({"read": id_})
    assert nobody.closed_within() in (4400, 4401)
    assert person.unread() == {"info": 1}
