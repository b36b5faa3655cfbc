"""The state machine of one stream: whatever happens in whatever order, its reader gets the log, once, in order."""

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from live.histories import EPOCH, STEPS, History, RecordingDoor
from tocsin.live.closing import Close
from tocsin.live.form import ENVELOPE_LINES, FLAT_WEBSOCKET
from tocsin.live.stream import HOLD, State, Stream
from tocsin.ports import Page
from tocsin.position import Epoch, Position

histories = st.lists(st.sampled_from(STEPS), max_size=60)


def is_whole(history: History, steps: list[str]) -> bool:
    """Whether the reader got every number of the log, in order, once."""
    history.run(steps)
    return history.got == list(range(1, len(history.log) + 1))


def test_the_reader_gets_the_log_in_order_none_missing_none_twice(soak: bool) -> None:
    @settings(max_examples=20_000 if soak else 400, deadline=None, database=None)
    @given(histories)
    def look(steps: list[str]) -> None:
        history = History()
        assert is_whole(history, steps), (steps, history.got)
        assert history.stream.state is State.LIVE

    look()


class HoldsNothing(Stream):
    """Lets live frames go while it catches up."""

    def begin_page(self) -> None:
        super().begin_page()
        self._hold = None


class KeepsNoCursor(Stream):
    """Writes held frames whether or not the page had them."""

    def take_page(self, epoch: Epoch, page: Page) -> None:
        held = list(self._hold or [])
        super().take_page(epoch, page)
        if self.state is State.LIVE:
            for seq, frame in held:
                if seq <= page.upto:
                    self.door.write(frame)


class ForgetsTheOverrun(Stream):
    """Goes live although the hold ran over."""

    def take_page(self, epoch: Epoch, page: Page) -> None:
        self._overrun = False
        super().take_page(epoch, page)


@pytest.mark.parametrize(
    "broken",
    [
        {"page_first": True},
        {"stream_type": HoldsNothing},
        {"stream_type": KeepsNoCursor},
        {"stream_type": ForgetsTheOverrun},
    ],
    ids=["hold begun after the page", "no hold", "no cursor", "overrun forgotten"],
)
def test_with_a_rule_broken_a_history_shows_it(broken: dict[str, object]) -> None:
    def is_torn(steps: list[str]) -> bool:
        try:
            return not is_whole(History(**broken), steps)  # type: ignore[arg-type]
        except AssertionError:
            return True

    try:
        found = find(
            histories,
            is_torn,
            settings=settings(max_examples=5_000, deadline=None, database=None, phases=[Phase.generate]),
        )
    except NoSuchExample:
        pytest.fail("the search would not notice this")
    assert is_whole(History(), found), "the same history is whole with the rule"


def opened(since: str | None, *, head: int = 10) -> tuple[Stream, RecordingDoor]:
    door = RecordingDoor()
    stream = Stream(ENVELOPE_LINES, door)
    stream.since = Position.parse(since) if since else None
    stream.open(EPOCH, head)
    return stream, door


def told(door: RecordingDoor) -> list[tuple[object, object]]:
    return [(event["event"], event["position"]) for event in door.events]


def test_without_since_it_is_live_at_once_and_says_where() -> None:
    stream, door = opened(None)

    assert stream.state is State.LIVE
    assert told(door) == [("hello", f"{EPOCH}-10"), ("caught-up", f"{EPOCH}-10")]


def test_hello_carries_the_since_it_was_given_and_never_a_later_place() -> None:
    stream, door = opened(f"{EPOCH}-4")

    assert stream.state is State.CATCHING_UP
    assert told(door) == [("hello", f"{EPOCH}-4")]


def test_a_since_of_another_epoch_is_a_gap_then_live_from_the_head() -> None:
    stream, door = opened("ffffffff-4")

    assert stream.state is State.LIVE
    assert [event for event, _ in told(door)] == ["hello", "gap", "caught-up"]
    assert told(door)[1:] == [("gap", f"{EPOCH}-10"), ("caught-up", f"{EPOCH}-10")]


def test_a_since_of_the_future_is_a_gap_then_live_from_the_head() -> None:
    stream, door = opened(f"{EPOCH}-99")
    stream.begin_page()
    stream.take_page(EPOCH, Page([], 99, 10, full=False))

    assert stream.state is State.LIVE
    assert told(door)[1:] == [("gap", f"{EPOCH}-10"), ("caught-up", f"{EPOCH}-10")]
    stream.offer(11, b'{"event":"notification","position":"x-11","data":{}}')
    assert len(door.events) == 4, "what comes next is not taken for old"


def test_a_flat_websocket_that_lost_its_place_is_closed_4510() -> None:
    for since in ("ffffffff-4", f"{EPOCH}-99"):
        door = RecordingDoor()
        stream = Stream(FLAT_WEBSOCKET, door)
        stream.since = Position.parse(since)
        stream.open(EPOCH, 10)
        if stream.state is State.CATCHING_UP:
            stream.begin_page()
            stream.take_page(EPOCH, Page([], 99, 10, full=False))
        assert door.closed is Close.LOST
        assert int(Close.LOST) == 4510
        assert stream.state is State.CLOSING


def test_a_closing_stream_is_written_to_no_more() -> None:
    stream, door = opened(f"{EPOCH}-4")
    stream.begin_page()
    stream.close(Close.RESTART, "restart")
    before = len(door.events)

    stream.offer(11, b"{}")
    stream.take_page(EPOCH, Page([], 10, 10, full=False))
    stream.close(Close.SLOW, "again")

    assert (len(door.events), door.closed) == (before, Close.RESTART)


def test_what_is_held_is_bounded() -> None:
    stream, door = opened(f"{EPOCH}-4")
    stream.begin_page()
    frame = b'{"event":"x","position":"0123abcd-1","data":"%b"}' % (b"x" * 1000)
    for seq in range(11, 11 + 10 * HOLD // 1000):
        stream.offer(seq, frame)

    assert sum(len(held) for _, held in stream._hold or []) <= HOLD
    assert len(door.events) == 1
