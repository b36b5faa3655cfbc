"""Signs of life: every stream is pinged every 15 seconds, whoever else comes and goes."""

import asyncio
import time
from typing import Any

from harness.http_stream import Ndjson, Sse
from harness.patience import SLACK
from harness.server import Server
from harness.websocket import PING, WebSocket
from live.histories import RecordingDoor
from tocsin.live.asgi_door import AsgiDoor
from tocsin.live.closing import Close
from tocsin.live.form import FLAT_WEBSOCKET
from tocsin.live.hub import PING_SECONDS, Hub
from tocsin.live.stream import Stream
from tocsin.position import Epoch


class Seconds:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.at = 1_000.0

    def now(self) -> int:
        return int(self.at * 1000)

    def monotonic(self) -> float:
        return self.at


class CountingDoor(RecordingDoor):
    """Counts the bytes it is given, and writes them nowhere."""

    def __init__(self, hub_clock: Seconds) -> None:
        super().__init__()
        self.clock = hub_clock
        self.at: list[float] = []

    def write(self, frame: bytes) -> None:
        self.at.append(self.clock.at)


def hub_at(clock: Seconds) -> Hub:
    # No stream here resumes, so the store is never asked.
    store: Any = None
    return Hub(Epoch("0123abcd"), 0, store, clock, per_user=1000, per_address=100_000)


def come_in(hub: Hub, door: Any) -> Stream:
    stream = Stream(FLAT_WEBSOCKET, door)
    hub.enter(stream)
    return stream


def test_a_stream_is_pinged_every_15_seconds_however_many_come_and_go() -> None:
    for a_second in range(4):
        clock = Seconds()
        hub = hub_at(clock)
        doors = [CountingDoor(clock) for _ in range(30)]
        streams = [come_in(hub, door) for door in doors]
        for _ in range(60):
            clock.at += 1
            for _ in range(a_second):
                hub.leave(come_in(hub, CountingDoor(clock)))
            hub.sweep()
            for stream in streams:
                stream.pings = 0  # all of them answer
        for door in doors:
            gaps = [later - earlier for earlier, later in zip([1_000.0, *door.at], door.at, strict=False)]
            assert len(door.at) == 4, a_second
            assert max(gaps) <= PING_SECONDS, a_second


def test_a_peer_that_leaves_two_pings_unanswered_is_closed() -> None:
    clock = Seconds()
    hub = hub_at(clock)
    door = CountingDoor(clock)
    come_in(hub, door)
    for _ in range(3 * PING_SECONDS + 1):
        clock.at += 1
        hub.sweep()

    assert len(door.at) == 2
    assert door.closed is Close.SLOW


def test_behind_another_server_that_pings_by_itself_a_quiet_reader_stays() -> None:
    async def run() -> tuple[AsgiDoor, list[Any]]:
        clock, sent = Seconds(), []
        hub = hub_at(clock)
        door = AsgiDoor(lambda frame: None, lambda code, reason: {"type": "websocket.close", "code": int(code)})
        come_in(hub, door)

        async def send(message: Any) -> None:
            sent.append(message)

        async def until_gone() -> None:
            await asyncio.sleep(3600)

        serving = asyncio.create_task(door.run(send, until_gone))
        for _ in range(10 * PING_SECONDS):
            clock.at += 1
            hub.sweep()
            await asyncio.sleep(0)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        return door, sent

    _, sent = asyncio.run(run())

    assert sent == []


def test_every_form_of_a_stream_gets_a_sign_of_life_within_15_seconds(dev: Server) -> None:
    token = dev.token("user123")
    flat = WebSocket(dev.url, token=token, pong=False)
    events, lines = Sse(dev.url, token=token), Ndjson(dev.url, token=token)
    began = time.monotonic()

    while flat.recv_frame().opcode != PING:
        pass
    while not events.line(20).startswith(":"):
        pass
    while lines.line(20) != "":
        pass

    assert time.monotonic() - began <= 15 + 2 * SLACK
    for stream in (flat, events, lines):
        stream.close()
