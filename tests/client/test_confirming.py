"""What a client confirms to have received: judged without any connection and any clock."""

from __future__ import annotations

from typing import Any

import pytest

from client.events import at, envelope, notification, take
from tocsin.client import CaughtUp
from tocsin.client.following import Following
from tocsin.errors import Malformed


def received(seq: int) -> bytes:
    return b'{"received":"%b"}' % at(seq).encode()


def reconnect(following: Following) -> str | None:
    """Where the next connection begins."""
    return dict(following.request(0.0).query).get("since")


def test_only_what_the_reader_came_back_from_is_confirmed_and_not_too_often() -> None:
    following = Following(None)
    following.take(envelope("hello", 1), 0.0)
    following.take(notification(2), 0.0)
    assert following.confirmation(0.0) == b""
    assert following.seconds_left(0.0) is None

    following.came_back()
    assert following.confirmation(0.0) == received(2)
    assert following.confirmation(100.0) == b""
    take(following, notification(3), notification(4))
    assert following.confirmation(4.9) == b""
    assert following.seconds_left(3.0) == 2.0
    assert following.confirmation(5.0) == received(3)
    following.came_back()
    assert following.confirmation(5.1) == b""
    assert following.confirmation(5.1, last=True) == received(4)


def test_the_next_connection_goes_back_to_what_was_confirmed_and_drops_what_comes_twice() -> None:
    following = Following(None)
    take(following, envelope("hello", 1), notification(2), notification(3))
    assert following.confirmation(0.0) == received(2)
    take(following, notification(4), now=5.0)
    # The server believes a confirmation of 4 only from a stream that began at 2 or before.
    assert reconnect(following) == at(2)

    assert take(following, envelope("hello", 2)) == []
    # Not before this connection has come as far.
    assert following.confirmation(10.0) == b""
    assert following.seconds_left(10.0) is None
    assert take(following, notification(3), notification(4), envelope("caught-up", 4)) == [CaughtUp(position=at(4))]
    assert following.confirmation(10.0) == received(4)


def test_when_all_is_confirmed_it_goes_on_where_it_was() -> None:
    following = Following(None)
    take(following, envelope("hello", 1), notification(2))
    following.came_back()
    assert following.confirmation(0.0) == received(2)
    take(following, envelope("unread", None, {"total": 0, "types": {}}), envelope("withdrawn", 7, {"id": "n2",
         "first": at(2)}), now=6.0)  # fmt: skip
    assert reconnect(following) == at(7)


def test_a_confirmation_that_may_have_been_lost_is_made_again() -> None:
    following = Following(None)
    take(following, envelope("hello", 1), notification(2))
    following.came_back()
    assert following.confirmation(0.0) == received(2)
    take(following, notification(3), now=1.0)
    # The server may have been gone before it noted anything.
    assert reconnect(following) == at(1)
    assert take(following, envelope("hello", 1), notification(2), notification(3)) == []
    assert following.confirmation(2.0) == received(3)


def test_under_load_each_confirmation_makes_the_one_before_it_sure() -> None:
    following = Following(None)
    take(following, envelope("hello", 1))
    for number in range(2, 10):
        take(following, notification(number), now=number * 5 - 0.1)
        following.came_back()
        assert following.confirmation(number * 5.0) == received(number)
    assert reconnect(following) == at(8)


@pytest.mark.parametrize("options", [{"named": False}, {"devices": ["d"]}, {"confirm": False}])
def test_who_is_not_asked_confirms_nothing(options: dict[str, Any]) -> None:
    following = Following(None, **options)
    take(following, envelope("hello", 1), notification(2), notification(3))
    assert following.confirmation(0.0, last=True) == b""
    assert reconnect(following) == at(3)


def test_a_reader_can_confirm_by_hand() -> None:
    following = Following(None, confirm=False)
    take(following, envelope("hello", 1), notification(2), notification(3))
    following.confirm(at(2))
    assert following.confirmation(0.0) == received(2)
    with pytest.raises(Malformed):
        following.confirm("nonsense")
