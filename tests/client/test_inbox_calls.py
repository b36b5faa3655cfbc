"""What a client asks and does, over a real server, with both clients."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from client.both import KINDS, opened
from harness.http import DEV_KEY
from harness.server import Server
from tocsin.client import (
    CaughtUp,
    Inbox,
    Mark,
    NotFound,
    Notification,
    Receipt,
    Refused,
    Unread,
    WholeRefused,
    Withdrawn,
)

pytestmark = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
def server(start_server: Callable[..., Server]) -> Server:
    return start_server()


@pytest.fixture
def anna(kind: str, server: Server) -> Iterator[Any]:
    """A client of one user."""
    with opened(kind, server.url, server.token("user456")) as client:
        yield client


@pytest.fixture
def admin(kind: str, server: Server) -> Iterator[Any]:
    """A client of a superuser."""
    with opened(kind, server.url, DEV_KEY) as client:
        yield client


def test_what_was_sent_is_listed_with_its_state_and_its_places(anna: Any) -> None:
    ids = [anna.send(f"t{number}", "m", type="error", group="g").notification_id for number in range(3)]
    anna.send("other", "m")
    page = anna.list(limit=2, type=["error", "warning"], group="g", unread=True)

    assert [one.id for one in page.items] == [ids[2], ids[1]]
    assert page.next is not None
    assert [one.id for one in anna.list(before=page.next, type="error").items] == [ids[0]]
    assert [one.title for one in anna.notifications(group="g")] == ["t2", "t1", "t0"]
    assert [one.title for one in anna.notifications(dismissed=True)] == []
    found = anna.get(ids[0])
    assert (found.read, found.dismissed, found.acknowledged) == (None, None, None)
    assert found.first == found.since == found.position < page.position
    with pytest.raises(NotFound):
        anna.get("notif_nothing")


def test_state_is_told_as_it_is(anna: Any) -> None:
    id_ = anna.send("t", "m", dismissible=False).notification_id
    assert anna.unread().total == 1

    read = anna.mark_read(id_)
    assert read.read is not None
    assert anna.mark_read(id_) == read
    assert anna.unread().types["info"] == 0
    assert anna.mark_unread(id_).read is None
    with pytest.raises(Refused) as caught:
        anna.dismiss(id_)
    assert caught.value.status == 409
    acknowledged = anna.acknowledge(id_)
    dismissed = anna.dismiss(id_)
    assert dismissed.acknowledged == acknowledged.acknowledged is not None
    assert dismissed.dismissed is not None
    assert anna.undismiss(id_).dismissed is None
    assert anna.get(id_).acknowledged == acknowledged.acknowledged


def test_all_is_read_up_to_a_position_of_a_type_or_a_device(anna: Any) -> None:
    anna.send("t", "m", device_id="d")
    here = anna.list(limit=1).position
    anna.send("t", "m", type="error")
    anna.send("t", "m", device_id="d")

    done = anna.read_all(here)
    assert (done.up_to, done.unread.total) == (here, 2)
    assert anna.read_all(type="error").unread.types == anna.unread().types
    assert anna.read_all(device_id="d").unread.total == 0


def test_many_are_sent_in_one_request(anna: Any) -> None:
    items = [
        {"title": "a", "message": "m", "tags": ["x"]},
        {"title": "", "message": "m"},
        {"title": "c", "message": "m"},
    ]
    first, second, third = anna.send_many(items)

    assert (first.success, second.success, third.success) == (True, False, True)
    assert second.status == 422
    assert second.error
    assert [one.id for one in anna.notifications()] == [third.notification_id, first.notification_id]
    with pytest.raises(WholeRefused) as caught:
        anna.send_many(items, whole=True)
    assert [result.success for result in caught.value.results] == [False] * 3
    again = anna.send_many(items[:1], idempotency_key="k", whole=True)
    assert anna.send_many(items[:1], idempotency_key="k", whole=True)[0].notification_id == again[0].notification_id
    assert len(list(anna.notifications())) == 3


def test_its_sender_sees_what_became_of_it_and_takes_it_back(anna: Any, admin: Any) -> None:
    id_ = admin.send("t", "m", user_id="user456").notification_id
    anna.mark_read(id_)

    found = admin.receipts(id_)
    assert (found.recipients, found.read, found.dismissed, found.withdrawn) == (1, 1, 0, None)
    assert [(one.user_id, one.read is not None) for one in found.receipts] == [("user456", True)]
    with pytest.raises(NotFound):
        anna.receipts(id_)
    assert admin.withdraw(id_) is None
    assert admin.withdraw(id_) is None
    assert admin.receipts(id_).withdrawn is not None
    with pytest.raises(NotFound):
        anna.get(id_)


def test_changes_and_a_stream_tell_the_same(anna: Any) -> None:
    start = anna.changes().position
    id_ = anna.send("t", "m").notification_id
    anna.mark_read(id_)
    anna.mark_unread(id_)
    anna.read_all()
    gone = anna.send("gone", "m").notification_id
    anna.withdraw(gone)

    told = anna.changes(start)
    assert not told.more
    stream = anna.stream(start, events=True)
    caught_up = list(itertools.takewhile(lambda event: not isinstance(event, CaughtUp), stream))
    assert caught_up == told.events
    kinds = [type(event) for event in told.events]
    assert kinds[0] is Notification
    assert {Notification, Mark, Receipt, Withdrawn} >= set(kinds) >= {Notification, Mark, Withdrawn}
    # The counts follow by themselves.
    unread = next(event for event in stream if isinstance(event, Unread))
    assert unread.total == anna.unread().total == 0


def test_an_inbox_that_applied_all_events_is_a_fresh_read(anna: Any, admin: Any) -> None:
    ids = [anna.send(f"t{number}", "m", device_id="d" if number % 2 else None).notification_id for number in range(6)]
    anna.mark_read(ids[0])
    inbox = Inbox()
    page = anna.list(limit=4)
    inbox.load(page.items, page.position)
    anna.dismiss(ids[1])  # between the pages
    rest = anna.list(limit=4, before=page.next)
    inbox.load(rest.items, rest.position)
    stream = anna.stream(inbox.position, events=True)

    broadcast = admin.send("to all", "m", type="emergency").notification_id
    anna.read_all(device_id="d")
    anna.mark_unread(ids[3])
    anna.acknowledge(broadcast)
    anna.withdraw(ids[4])
    anna.read_all(page.position)
    last = anna.send("last", "m").notification_id
    for event in stream:
        inbox.apply(event)
        if isinstance(event, Notification) and event.id == last:
            break

    fresh = Inbox()
    fresh.load(anna.notifications(), anna.unread().position)
    assert inbox.notifications == fresh.notifications
    assert [one.id for one in inbox.notifications][:2] == [last, broadcast]
    assert inbox.unread().types == anna.unread().types
    assert inbox.whole
