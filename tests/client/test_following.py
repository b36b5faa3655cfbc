"""Following a stream over connections that break: judged without any connection at all."""

from __future__ import annotations

import json

import pytest

from tocsin.client import ClientError, Event, Refused, StreamEnded, Unauthenticated, Unreachable
from tocsin.client.exchange import LONGEST_DELAY, judge, retry_delay
from tocsin.client.following import LONGEST_LINE, Following
from tocsin.client.request import call
from tocsin.errors import Malformed

EPOCH = "0a1b2c3d"
LOST = Unreachable("the connection ended")


def notification(seq: int, epoch: str = EPOCH) -> bytes:
    data = {
        "id": f"n{seq}",
        "type": "info",
        "title": f"t{seq}",
        "message": "m",
        "timestamp": "2026-01-01T00:00:00.000Z",
    }
    return envelope("notification", seq, data, epoch)


def envelope(event: str, seq: int | None, data: object = None, epoch: str = EPOCH) -> bytes:
    position = None if seq is None else f"{epoch}-{seq}"
    return json.dumps({"event": event, "position": position, "data": data or {}}).encode() + b"\n"


def titles(events: list[Event]) -> list[str]:
    return [event.notification.title for event in events if event.notification is not None]


def since(following: Following) -> str | None:
    return dict(following.request().query).get("since")


def test_the_next_connection_goes_on_after_the_last_event() -> None:
    following = Following(None, ["d1", "d2"])
    assert since(following) is None
    assert [value for name, value in following.request().query if name == "deviceId"] == ["d1", "d2"]

    list(following.take(envelope("hello", 7)))
    assert since(following) == f"{EPOCH}-7"
    assert titles(list(following.take(notification(9)))) == ["t9"]
    assert since(following) == f"{EPOCH}-9"


@pytest.mark.parametrize("size", [1, 2, 7, 100, 10_000])
def test_bytes_may_be_cut_anywhere(size: int) -> None:
    following = Following(None, [])
    data = envelope("hello", 1) + b"\n" + b"".join(map(notification, range(2, 20)))
    found = [event for at in range(0, len(data), size) for event in following.take(data[at : at + size])]

    assert titles(found) == [f"t{seq}" for seq in range(2, 20)]


def test_half_a_line_of_a_broken_connection_is_not_joined_to_the_next_one() -> None:
    following = Following(None, [])
    list(following.take(envelope("hello", 1) + notification(2)[:30]))
    following.lost(LOST, 0.5)

    assert since(following) == f"{EPOCH}-1"
    assert titles(list(following.take(notification(2) + notification(3)))) == ["t2", "t3"]


def test_what_was_given_out_is_not_given_again() -> None:
    following = Following(None, [])
    found = list(following.take(notification(5) + notification(5) + notification(4) + notification(6)))

    assert titles(found) == ["t5", "t6"]


def test_after_a_gap_it_goes_on_in_the_other_log() -> None:
    following = Following(f"{EPOCH}-500", [])
    lines = envelope("hello", 500) + envelope("gap", 3, epoch="ffffffff") + notification(4, "ffffffff")
    found = list(following.take(lines))

    assert [event.event for event in found] == ["hello", "gap", "notification"]
    assert since(following) == "ffffffff-4"


@pytest.mark.parametrize("code", [4400, 4401, 4403, 4410, 4413])
def test_a_44xx_is_the_end(code: int) -> None:
    following = Following(None, [])
    list(following.take(envelope("hello", 1)))
    with pytest.raises(StreamEnded) as caught:
        list(following.take(envelope("error", None, {"code": code, "reason": "why"})))
    with pytest.raises(StreamEnded):
        following.lost(caught.value, 0.5)
    assert caught.value.code == code


@pytest.mark.parametrize("code", [1012, 1013, 4508, 4510, 4529])
def test_other_ends_are_an_invitation_to_come_back(code: int) -> None:
    following = Following(None, [])
    list(following.take(envelope("hello", 1)))
    with pytest.raises(Unreachable) as caught:
        list(following.take(envelope("error", None, {"code": code, "reason": "why"})))

    assert following.lost(caught.value, 0.5) > 0


def test_a_server_that_was_never_there_is_not_waited_for() -> None:
    with pytest.raises(Unreachable):
        Following(None, []).lost(LOST, 0.5)


@pytest.mark.parametrize(
    ("status", "ends"), [(401, True), (403, True), (404, True), (400, True), (429, False), (503, False)]
)
def test_a_refused_connection_ends_it_unless_the_server_says_later(status: int, ends: bool) -> None:
    following = Following(None, [])
    list(following.take(envelope("hello", 1)))
    with pytest.raises(Refused) as caught:
        judge(status, {"retry-after": "7"}, b'{"error": "why"}')
    if ends:
        with pytest.raises(Refused):
            following.lost(caught.value, 0.0)
    else:
        assert following.lost(caught.value, 0.0) == 7


def test_delays_grow_and_begin_anew_once_the_stream_lives() -> None:
    following = Following(None, [])
    list(following.take(envelope("hello", 1)))
    delays = [following.lost(LOST, 1.0) for _ in range(12)]
    assert delays[:4] == [0.25, 0.5, 1.0, 2.0]
    assert delays[-1] == LONGEST_DELAY

    # A server that greets and closes again and again is not one that works.
    list(following.take(envelope("hello", 1)))
    assert following.lost(LOST, 1.0) == LONGEST_DELAY
    list(following.take(b"\n"))
    assert following.lost(LOST, 1.0) == 0.25
    list(following.take(notification(2)))
    assert following.lost(LOST, 1.0) == 0.25


@pytest.mark.parametrize(
    "data", [b"<html>\n", b"{}\n", b'{"event": "notification"}\n', b"\xff\n", b"x" * (LONGEST_LINE + 1)]
)
def test_what_is_no_stream_is_said_to_be_none(data: bytes) -> None:
    following = Following(None, [])
    with pytest.raises(ClientError, match="not that of a Tocsin server") as caught:
        list(following.take(data))
    with pytest.raises(ClientError):
        following.lost(caught.value, 0.5)


def test_a_position_is_looked_at_before_anything_is_sent() -> None:
    with pytest.raises(Malformed):
        Following("nonsense", [])


def test_delays_are_spread_and_never_below_what_the_server_asks() -> None:
    assert retry_delay(3, 0.0) == 1.0
    assert retry_delay(3, 1.0) == 2.0
    assert retry_delay(0, 0.0, 10) == 10
    assert retry_delay(0, 1.0, 10) == 12.5
    assert retry_delay(0, 0.0, 86_400) == 300


def test_ids_stay_one_segment_of_the_path() -> None:
    assert call("GET", "users", "a/b").path == "/api/users/a%2Fb"
    assert call("GET", "users", "..").path == "/api/users/%2E%2E"
    assert call("GET", "users", "ü?#").path == "/api/users/%C3%BC%3F%23"


def test_an_answer_that_is_no_tocsin_is_still_judged() -> None:
    with pytest.raises(Unauthenticated, match="is the address right"):
        judge(401, {}, b"<html>")
