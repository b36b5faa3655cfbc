"""What can happen to one stream, step by step: commits, fan-out, pages, overruns, cuts; and what its reader got.

The log, the hub and the reader here are a few lines each; the stream is the real one.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from tocsin.live.closing import Close
from tocsin.live.form import ENVELOPE_LINES
from tocsin.live.stream import State, Stream
from tocsin.notification import Notification, NotificationId
from tocsin.ports import Page
from tocsin.position import Epoch, Position
from tocsin.receipt import Item

EPOCH = Epoch("0123abcd")
LIMIT = 3
"""Notifications in a page, few so that pages fill."""

STEPS = ["commit", "commit", "commit big", "fan out", "fan out", "page", "read", "take", "over budget", "cut"]


class RecordingDoor:
    """A door that keeps what it was given, as the reader decodes it."""

    hears_pongs = True
    paused = False
    descriptor: int | None = None

    def __init__(self) -> None:
        self.events: list[dict[str, object]] = []
        self.closed: Close | None = None

    def write(self, frame: bytes) -> None:
        assert self.closed is None, "nothing is written after close"
        self.events.append(json.loads(frame))

    def write_all(self, frames: Sequence[bytes]) -> None:
        for frame in frames:
            self.write(frame)

    def unsent(self) -> int:
        return 0

    async def drained(self, below: int) -> None:
        return None

    def close(self, code: Close, reason: str) -> None:
        self.closed = code


@dataclass
class History:
    """One run. `stream_type` and `page_first` are for controls, which break a rule on purpose."""

    stream_type: type[Stream] = Stream
    page_first: bool = False
    log: list[Notification] = field(default_factory=list)
    fanned_out: int = 0
    got: list[int] = field(default_factory=list)
    began: bool = False
    page: Page | None = None

    def __post_init__(self) -> None:
        self.door = RecordingDoor()
        self.open(None)

    def open(self, since: Position | None) -> None:
        self.door = RecordingDoor()
        self.stream = self.stream_type(ENVELOPE_LINES, self.door)
        self.stream.since = since
        self.began, self.page = False, None
        self.stream.open(EPOCH, self.fanned_out)

    def run(self, steps: list[str]) -> None:
        """Take the steps that are possible where they stand, then let everything come to rest."""
        for step in steps:
            self.take(step)
        while self.fanned_out < len(self.log):
            self.take("fan out")
        while self.stream.state is State.CATCHING_UP:
            for step in ("page", "read", "take"):
                self.take(step)
        self.read_on()

    def take(self, step: str) -> None:
        stream = self.stream
        match step:
            case "commit" | "commit big":
                number = len(self.log) + 1
                body = b'{"n":%d,"x":"%b"}' % (number, b"x" * (40_000 if step == "commit big" else 1))
                id_ = NotificationId(f"notif_{number}")
                self.log.append(
                    Notification(
                        first=number, seq=number, since=number, id=id_, user_id=None, device_id=None, body=body
                    )
                )
            case "fan out" if self.fanned_out < len(self.log):
                notification = self.log[self.fanned_out]
                self.fanned_out += 1
                stream.offer(notification.seq, ENVELOPE_LINES.notification(EPOCH, Item(notification)))
            case "page" if stream.state is State.CATCHING_UP and not self.began:
                self.began = True
                if self.page_first:
                    self.page = self.read_page()
                else:
                    stream.begin_page()
            case "read" if self.began and self.page is None:
                self.page = self.read_page()
            case "take" if self.page is not None:
                if self.page_first:
                    stream.begin_page()
                stream.take_page(EPOCH, self.page)
                self.began, self.page = False, None
            case "over budget":
                stream.fall_behind()
            case "cut":
                stream.gone()
                self.open(Position.parse(self.read_on()))

    def read_page(self) -> Page:
        since = self.stream.upto
        found = self.log[since : since + LIMIT]
        head = len(self.log)
        upto = found[-1].seq if len(found) == LIMIT else head
        return Page([Item(notification) for notification in found], upto, head, full=upto < head)

    def read_on(self) -> str:
        """Take note of what came by this connection, hold it to its own rules, and return the last position."""
        events = self.door.events
        assert [event["event"] for event in events].count("hello") == 1
        assert events[0]["event"] == "hello"
        assert [event["event"] for event in events].count("caught-up") <= 1
        places = [int(str(event["position"]).split("-")[1]) for event in events]
        assert places == sorted(places), "positions never go back"
        for event in events:
            if event["event"] == "notification":
                data = event["data"]
                assert isinstance(data, dict)
                assert event["position"] == f"{EPOCH}-{data['n']}"
                self.got.append(int(data["n"]))
        return str(events[-1]["position"])
