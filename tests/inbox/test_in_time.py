"""What somebody does is before them everywhere within 250 ms, at 500 notifications and three streams."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median

import pytest

from harness.patience import SLACK
from harness.server import Server
from inbox.people import Person, number
from inbox.screens import Event, Watched

ALLOWED = 0.25
MANY = 500

Fits = Callable[[Event], bool]


@pytest.fixture
def full(killable: Server) -> Person:
    """Somebody with MANY notifications on a server that nobody else uses meanwhile, half of them everyone's."""
    server = killable
    person = Person(server)
    person.http.keep = True
    for to in ({"userId": person.id}, {}):
        items = [{"title": f"{n}", "message": "m", "deviceId": f"d{n % 4}", **to} for n in range(MANY // 2)]
        assert server.service().post("/api/notifications/batch", items).status == 200
    assert person.unread() == {"info": MANY}
    return person


@contextmanager
def watched(person: Person) -> Iterator[list[Watched]]:
    """Their three streams."""
    streams = [Watched(person.websocket()), Watched(person.sse()), Watched(person.lines())]
    try:
        yield streams
    finally:
        for stream in streams:
            stream.stop()


def seconds_until_told(streams: list[Watched], act: Callable[[], object], fits: Fits) -> tuple[float, float]:
    """From the request on until all streams were told of what was done; and until they had the counts after it."""
    # Counts are told once in 250 ms: the last ones are over.
    time.sleep(0.3)
    starts = [len(stream.events) for stream in streams]
    began = time.monotonic()
    act()
    told = [stream.first(fits, start) for stream, start in zip(streams, starts, strict=True)]
    place = max(number(event["position"]) for _, event in told)

    def counts(event: Event) -> bool:
        return event["event"] == "unread" and number(event["data"]["position"]) >= place

    counted = [stream.first(counts, start) for stream, start in zip(streams, starts, strict=True)]
    return max(at for at, _ in told) - began, max(at for at, _ in counted) - began


def hold(what: str, took: list[tuple[float, float]], capsys: pytest.CaptureFixture[str]) -> None:
    """One that waited for a busy machine says nothing of the server: the middle one does."""
    told, counted = (sorted(times) for times in zip(*took, strict=True))
    with capsys.disabled():
        print(f"\n  {what}: told in {median(told) * 1e3:.1f} ms (most {told[-1] * 1e3:.1f}), ", end="")
        print(f"counts in {median(counted) * 1e3:.1f} ms (most {counted[-1] * 1e3:.1f})", end="")
    assert median(told) <= ALLOWED * SLACK
    assert median(counted) <= ALLOWED * SLACK


def test_a_single_act_is_everywhere_in_time(full: Person, capsys: pytest.CaptureFixture[str]) -> None:
    ids = [item["id"] for item in full.inbox()][:: MANY // 12]

    def told_of(id_: str) -> Fits:
        return lambda event: event["event"] == "receipt" and event["data"]["id"] == id_

    with watched(full) as streams:
        took = [seconds_until_told(streams, lambda id_=id_: full.did("PUT", id_, "read"), told_of(id_)) for id_ in ids]
    hold("a receipt", took, capsys)


def test_a_mark_is_everywhere_in_time(full: Person, capsys: pytest.CaptureFixture[str]) -> None:
    """Each covers more than the one before it, the last one everything."""
    uptos = [item["first"] for item in full.inbox()][:: MANY // 12][::-1]
    with watched(full) as streams:
        took = [
            seconds_until_told(
                streams, lambda upto=upto: full.marked(upTo=upto), lambda event: event["event"] == "mark"
            )
            for upto in uptos
        ]
    assert full.unread() == {}
    hold("a mark", took, capsys)


@pytest.mark.soak
def test_a_mark_that_takes_all_back_is_everywhere_in_time(full: Person, capsys: pytest.CaptureFixture[str]) -> None:
    """The dearest one: each notification was set unread, so each is told."""
    ids = [item["id"] for item in full.inbox()]
    with watched(full) as streams:
        took = []
        for n in range(3):
            full.marked()
            for id_ in ids:
                full.did("DELETE", id_, "read")
            # What a mark covers is behind it: one more lets the next one reach further.
            full.sent(f"{n}")
            took.append(seconds_until_told(streams, full.marked, lambda event: event["event"] == "mark"))
    assert full.unread() == {}
    hold(f"{MANY} receipts and a mark", took, capsys)
