"""Following a stream over connections that break: judged without any connection at all."""

from __future__ import annotations

import pytest

from client.events import at, envelope, notification, take
from tocsin.client import (
    CaughtUp,
    ClientError,
    Event,
    Forbidden,
    Gap,
    Mark,
    Notification,
    Purged,
    Receipt,
    Refused,
    StreamEnded,
    Unauthenticated,
    Unreachable,
    Unread,
    Withdrawn,
)
from tocsin.client.exchange import LONGEST_DELAY, judge, retry_delay
from tocsin.client.following import Following
from tocsin.client.request import api
from tocsin.errors import Malformed

LOST = Unreachable("the connection ended")


def titles(events: list[Event]) -> list[str]:
    return [event.title for event in events if isinstance(event, Notification)]


def since(following: Following) -> str | None:
    return dict(following.request(0.0).query).get("since")


def later(following: Following, why: ClientError = LOST, chance: float = 0.5, now: float = 1.0) -> float:
    return following.lost(why, now, chance)


def test_the_next_connection_goes_on_after_the_last_event() -> None:
    following = Following(None, ["d1", "d2"])
    assert since(following) is None
    assert [value for name, value in following.request(0.0).query if name == "deviceId"] == ["d1", "d2"]

    take(following, envelope("hello", 7))
    assert since(following) == at(7)
    assert titles(take(following, notification(9))) == ["t9"]
    assert since(following) == at(9)


def test_what_was_given_out_is_not_given_again() -> None:
    found = take(Following(None), notification(5), notification(5), notification(4), notification(6))

    assert titles(found) == ["t5", "t6"]


def test_every_event_has_its_form_and_its_position() -> None:
    found = take(
        Following(None),
        envelope("hello", 1),
        envelope("receipt", 2, {"id": "n1", "first": at(1), "read": "T", "dismissed": None, "acknowledged": None}),
        envelope("mark", 3, {"upTo": at(2), "type": "info", "deviceId": None, "at": "T"}),
        envelope("withdrawn", 4, {"id": "n1", "first": at(1)}),
        envelope("purged", 5, {"upTo": at(4), "broadcasts": True, "appId": None}),
        envelope("unread", None, {"total": 1, "types": {"info": 1}, "position": at(5)}),
        envelope("a word of the future", 6, {"x": 1}),
        envelope("caught-up", 7),
    )

    assert found == [
        Receipt(id="n1", first=at(1), read="T", position=at(2)),
        Mark(up_to=at(2), type="info", at="T", position=at(3)),
        Withdrawn(id="n1", first=at(1), position=at(4)),
        Purged(up_to=at(4), broadcasts=True, position=at(5)),
        Unread(total=1, types={"info": 1}, position=at(5)),
        CaughtUp(position=at(7)),
    ]


def test_after_a_gap_it_goes_on_in_the_other_log() -> None:
    following = Following(at(500))
    found = take(
        following,
        envelope("hello", 500),
        envelope("gap", 3, {"oldest": "ffffffff-3"}, epoch="ffffffff"),
        notification(4, "ffffffff"),
    )

    assert found[0] == Gap(oldest="ffffffff-3", position="ffffffff-3")
    assert titles(found) == ["t4"]
    assert following.position == "ffffffff-4"


def test_after_a_gap_in_the_same_log_what_is_left_is_given() -> None:
    # What is gone reached up to 8; a broadcast from before is still there.
    found = take(Following(at(2)), envelope("hello", 2), envelope("gap", 2, {"oldest": at(8)}), notification(5))
    assert isinstance(found[0], Gap)
    assert titles(found) == ["t5"]


def test_a_gap_in_what_was_given_before_is_none() -> None:
    following = Following(at(2))
    take(following, envelope("hello", 2), notification(3), notification(9))
    assert since(following) == at(2)
    assert take(following, envelope("hello", 2), envelope("gap", 2, {"oldest": at(8)}), notification(9)) == []


def test_a_position_from_the_future_is_given_up() -> None:
    following = Following(at(500))
    found = take(following, envelope("hello", 500), envelope("gap", 20, {"oldest": at(20)}), notification(21))
    assert isinstance(found[0], Gap)
    assert titles(found) == ["t21"]


# ---------------------------------------------------------------- how connections end


@pytest.mark.parametrize("code", [4400, 4401, 4403, 4410, 4413])
def test_a_44xx_is_the_end(code: int) -> None:
    following = Following(None)
    following.request(0.0)
    following.take(envelope("hello", 1), 0.0)
    why = following.closed(code, "why")
    assert isinstance(why, StreamEnded)
    assert why.code == code
    with pytest.raises(StreamEnded):
        later(following, why)


@pytest.mark.parametrize(
    ("code", "kind", "status"),
    [
        (4400, Refused, 400),
        (4401, Unauthenticated, 401),
        (4403, Forbidden, 403),
        (4408, Unauthenticated, 401),
        (4413, Refused, 429),
    ],
)
def test_a_connection_closed_before_its_greeting_is_a_refusal(code: int, kind: type[Refused], status: int) -> None:
    following = Following(None)
    following.request(0.0)
    why = following.closed(code, "why")
    assert type(why) is kind
    assert isinstance(why, Refused)
    assert (why.status, str(why)) == (status, "why")


@pytest.mark.parametrize("code", [None, 1000, 1011, 1012, 1013, 4508, 4510, 4529])
def test_other_ends_are_an_invitation_to_come_back(code: int | None) -> None:
    following = Following(None)
    following.take(envelope("hello", 1), 0.0)
    assert later(following, following.closed(code, "why")) > 0


@pytest.mark.parametrize(("code", "waits"), [(1012, True), (1013, True), (4529, True), (1000, False), (1011, False)])
def test_a_server_that_says_come_back_before_its_greeting_is_waited_for(code: int, waits: bool) -> None:
    following = Following(None)
    following.request(0.0)
    why = following.closed(code, "why")
    if waits:
        assert later(following, why) > 0
    else:
        with pytest.raises(Unreachable):
            later(following, why)


def test_a_server_that_was_never_there_is_not_waited_for() -> None:
    with pytest.raises(Unreachable):
        later(Following(None))


@pytest.mark.parametrize(
    ("status", "ends"), [(401, True), (403, True), (404, True), (400, True), (429, False), (503, False)]
)
@pytest.mark.parametrize("opened", [True, False])
def test_a_refused_connection_ends_it_unless_the_server_says_later(status: int, ends: bool, opened: bool) -> None:
    following = Following(None)
    if opened:
        following.take(envelope("hello", 1), 0.0)
    with pytest.raises(Refused) as caught:
        judge(status, {"retry-after": "7"}, b'{"error": "why"}')
    if ends:
        with pytest.raises(Refused):
            later(following, caught.value)
    else:
        assert later(following, caught.value, chance=0.0) == 7


def test_delays_grow_and_begin_anew_once_the_stream_lives() -> None:
    following = Following(None)
    following.take(envelope("hello", 1), 0.0)
    delays = [later(following, chance=1.0) for _ in range(12)]
    assert delays[:4] == [0.25, 0.5, 1.0, 2.0]
    assert delays[-1] == LONGEST_DELAY

    # A server that greets and closes again and again is not one that works.
    following.request(100.0)
    take(following, envelope("hello", 1), envelope("caught-up", 1))
    assert later(following, chance=1.0, now=101.0) == LONGEST_DELAY
    following.request(200.0)
    take(following, envelope("hello", 1))
    assert later(following, chance=1.0, now=216.0) == 0.25
    take(following, notification(2))
    assert later(following, chance=1.0, now=216.0) == 0.25


@pytest.mark.parametrize(
    "message",
    [b"<html>", b"{}", b'{"event": "notification"}', b"\xff", b"", b'{"event": "mark", "position": "0a1b2c3d-1"}',
     b'{"event": "hello", "position": "1"}'],
)  # fmt: skip
def test_what_is_no_stream_is_said_to_be_none(message: bytes) -> None:
    following = Following(None)
    with pytest.raises(ClientError, match="not that of a Tocsin server") as caught:
        following.take(message, 0.0)
    with pytest.raises(ClientError):
        later(following, caught.value)


def test_a_position_is_looked_at_before_anything_is_sent() -> None:
    with pytest.raises(Malformed):
        Following("nonsense")


def test_delays_are_spread_and_never_below_what_the_server_asks() -> None:
    assert retry_delay(3, 0.0) == 1.0
    assert retry_delay(3, 1.0) == 2.0
    assert retry_delay(0, 0.0, 10) == 10
    assert retry_delay(0, 1.0, 10) == 12.5
    assert retry_delay(0, 0.0, 86_400) == 300


def test_ids_stay_one_segment_of_the_path() -> None:
    assert api("GET", "users", "a/b").path == "/api/users/a%2Fb"
    assert api("GET", "users", "..").path == "/api/users/%2E%2E"
    assert api("GET", "users", "ü?#").path == "/api/users/%C3%BC%3F%23"


def test_an_answer_that_is_no_tocsin_is_still_judged() -> None:
    with pytest.raises(Unauthenticated, match="is the address right"):
        judge(401, {}, b"<html>")
