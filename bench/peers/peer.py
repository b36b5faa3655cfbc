"""What is measured beside Tocsin: how it is started, how one sends to it, where one listens."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from bench.machine import memory_kib, process_cpu_ns
from bench.server_process import ServerProcess

PLACE = "##########"
"""Stands in a body for a send's number; `load/send_to_seen.c` puts it in."""

MESSAGE = f"bench-{PLACE}: the capture action did not come back: connection timeout on line 7"
"""The text of every notification; the load programs count it by its beginning."""

FIELDS = {
    "type": "error",
    "title": "Action Failed",
    "message": MESSAGE,
    "deviceId": "device123",
    "dismissible": True,
    "metadata": {"actionName": "capture", "errorCode": "TIMEOUT"},
}

FLAT = {
    "id": "notif_069t0000000000000000000000",
    **FIELDS,
    "userId": None,
    "timestamp": "2026-11-25T12:00:00.000Z",
}
"""What Tocsin makes of FIELDS and streams. A peer that passes text on and adds nothing is given this, so that its
frames are as long."""


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where somebody listens, and what is sent to be seen there. A header is one line without its end, or empty."""

    stream_path: str
    send_path: str
    body: str
    stream_header: str = ""
    send_header: str = ""
    greeting: str = ""
    """What a WebSocket sends first, where the peer wants that."""

    def as_line(self) -> str:
        """As `load/send_to_seen.c` reads it."""
        parts = (self.stream_path, self.stream_header, self.greeting, self.send_path, self.send_header, self.body)
        return "\t".join(parts) + "\n"


@dataclass(frozen=True, kw_only=True)
class Running:
    """A peer that runs, ready.

    Attributes:
        server: the process that is sent to and listened to.
        everyone: an address whose send is seen by all of its streams.
        each: so many addresses with a recipient of their own.
        beside: further processes that the peer needs; their CPU and memory are the peer's.
    """

    server: ServerProcess
    everyone: Address
    each: Callable[[int], list[Address]]
    stream_kind: str = "ws"
    content_type: str = "application/json"
    beside: tuple[ServerProcess, ...] = ()

    @property
    def pids(self) -> list[int]:
        """Of all its processes."""
        return [process.pid for process in (self.server, *self.beside)]

    def cpu_ns(self) -> int:
        """CPU of all its processes so far, by the kernel's accounting."""
        return sum(process_cpu_ns(pid) for pid in self.pids)

    def resident_kib(self) -> int:
        """Resident memory of all its processes."""
        return sum(memory_kib(pid)[0] for pid in self.pids)


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A system as it is measured: one name and one durability; a system with two durabilities is two of these.

    Attributes:
        durability: what an answer promises, in a few words.
        durable: whether what was answered is on the disk, so that rates may be held against Tocsin's.
        build: brings and builds what `start` needs; raises CannotMeasureError with the reason why it cannot.
        start: starts it on a core, with a new store; ends it and removes the store at the end of the context.
    """

    name: str
    durability: str
    durable: bool
    build: Callable[[], object]
    start: Callable[[int], AbstractContextManager[Running]]

    @property
    def what(self) -> str:
        """How a row names it."""
        return f"{self.name}, {self.durability}"
