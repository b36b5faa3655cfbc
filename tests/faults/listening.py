"""One reader of the stream that costs next to nothing, so that one process can hold thousands of them.

It keeps no list of what it got. Every notification has a title `<audience> <serial>`, counted from 1 for each
audience without holes, so that one lost, doubled or out of order is seen when the next one comes.
"""

from __future__ import annotations

import asyncio
import base64
import os
import random
import socket
import struct
import time
from array import array
from collections import Counter
from typing import cast

import msgspec

from harness.http_stream import parse_head
from harness.websocket import CLOSE, PING, PONG, TEXT, frame

EVERYONE = "all"
"""The audience of a broadcast in a title."""


class _Told(msgspec.Struct):
    title: str
    message: str


class _Envelope(msgspec.Struct):
    event: str
    position: str | None = None
    data: msgspec.Raw = msgspec.Raw(b"{}")


_envelope = msgspec.json.Decoder(_Envelope)
_told = msgspec.json.Decoder(_Told)


class Findings:
    """What all readers of a crowd saw.

    Attributes:
        damage: what was lost, doubled, out of order or wrong otherwise; the first hundred.
        closes: codes that streams were ended with, None for a connection that ended without one.
        refusals: statuses of refused handshakes, and how many of them said when to come back.
        delays: seconds from when a notification was due to be sent until it was read; filled while `timing`.
        received, opened: notifications and connections so far.
    """

    def __init__(self) -> None:
        self.damage: list[str] = []
        self.closes: Counter[int | None] = Counter()
        self.refusals: Counter[int] = Counter()
        self.without_retry_after = 0
        self.delays = array("d")
        self.timing = False
        self.received = 0
        self.opened = 0

    def add(self, damage: str) -> None:
        if len(self.damage) < 100:
            self.damage.append(damage)


class Reader:
    """One reader: comes, reads, is cut off, comes back and resumes.

    Args:
        user: whose stream; `key` is an API key of theirs.
        sse: Server-Sent Events instead of a WebSocket.

    Attributes:
        last: the last serial of each of its audiences.
        wanted: whether it comes back when its stream ends.
        rcvbuf: SO_RCVBUF of the next connection in bytes, for a reader that is to stall.
    """

    def __init__(self, name: str, port: int, user: str, key: str, findings: Findings, *, sse: bool) -> None:
        self.name, self.port, self.user, self.key, self.sse = name, port, user, key, sse
        self.findings = findings
        self.position: str | None = None
        self.number = -1
        self.last = {EVERYONE: 0, user: 0}
        self.wanted = False
        self.greeted = False
        self.rcvbuf: int | None = None
        self.connection: _Connection | None = None
        self._coming: asyncio.TimerHandle | None = None
        self._opening: asyncio.Task[None] | None = None

    @property
    def open(self) -> bool:
        return self.connection is not None and self.connection.established

    def come(self, after: float = 0.0) -> None:
        """Connect, and come back whenever the stream ends."""
        self.wanted = True
        if self.connection is None and self._coming is None and self._opening is None:
            self._coming = asyncio.get_running_loop().call_later(after, self._connect)

    def leave(self, *, reset: bool = False) -> None:
        """Close the connection, by a reset or as a program does that ends; `come` resumes."""
        self.wanted = False
        self.cut(reset=reset)
        if self._coming is not None:
            self._coming.cancel()
            self._coming = None

    def cut(self, *, reset: bool = True) -> None:
        """The connection breaks; the reader comes back by itself."""
        if self.connection is not None:
            self.connection.drop(reset=reset)

    def stall(self) -> None:
        """Read nothing more, until `wake`.

        The answer to a ping that lies in what was left unread would go to a connection that is over by then, and
        the reset that comes back would take the reason with it.
        """
        assert self.connection is not None, f"{self.name} is not connected"
        self.connection.pong = False
        self.connection.transport.pause_reading()

    def wake(self) -> None:
        """Read again."""
        if self.connection is not None:
            self.connection.transport.resume_reading()

    def has(self, serials: dict[str, int]) -> bool:
        """Whether it got everything up to those serials of its audiences."""
        return all(serial >= serials.get(audience, 0) for audience, serial in self.last.items())

    # ------------------------------------------------------------ from the connection

    def take(self, event: str, position: str | None, data: msgspec.Raw | bytes) -> None:
        if event == "notification":
            told = _told.decode(data)
            audience, _, serial = told.title.rpartition(" ")
            self._count(audience, int(serial), position)
            if self.findings.timing:
                self.findings.delays.append(time.monotonic() - float(told.message.split(" ", 1)[0]))
        elif event == "gap":
            self.findings.add(f"{self.name}: a gap was told at {position}, though nothing was purged")
        elif event == "hello":
            self.greeted = True
        if position is not None:
            self.position = position

    def ended(self, code: int | None, refused: tuple[int, str | None] | None) -> None:
        self.connection = None
        pause = random.uniform(0.02, 0.2)
        if refused is not None:
            status, retry_after = refused
            self.findings.refusals[status] += 1
            self.findings.without_retry_after += retry_after is None
            if status not in (429, 503):
                self.findings.add(f"{self.name}: refused with {status}")
            pause = random.uniform(0.5, 1.5) * float(retry_after or 1)
        elif self.greeted or code is not None:
            self.findings.closes[code] += 1
        if self.wanted:
            self.come(pause)

    def _count(self, audience: str, serial: int, position: str | None) -> None:
        self.findings.received += 1
        number = int(position.rpartition("-")[2]) if position else -1
        if number <= self.number:
            self.findings.add(f"{self.name}: {audience} {serial} has number {number} after {self.number}")
        self.number = number
        last = self.last.get(audience)
        if last is None:
            self.findings.add(f"{self.name}: got {audience} {serial}, which is not theirs")
        elif serial != last + 1:
            wrong = "doubled or out of order" if serial <= last else f"{serial - last - 1} lost"
            self.findings.add(f"{self.name}: {audience} {serial} after {last}: {wrong}")
        self.last[audience] = max(serial, last or 0)

    # ------------------------------------------------------------ connecting

    def _connect(self) -> None:
        self._coming = None
        self._opening = asyncio.get_running_loop().create_task(self._open())

    async def _open(self) -> None:
        kind = _Events if self.sse else _Frames
        sock = socket.socket()
        if self.rcvbuf is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.rcvbuf)
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        try:
            await loop.sock_connect(sock, ("127.0.0.1", self.port))
            _, self.connection = await loop.create_connection(lambda: kind(self), sock=sock)
        except OSError:
            sock.close()
        except BaseException:  # the crowd goes home
            sock.close()
            raise
        finally:
            self._opening = None
        if self.connection is None:
            if self.wanted:
                self.come(random.uniform(0.05, 0.3))
        elif not self.wanted:
            self.connection.drop(reset=True)


class _Connection(asyncio.Protocol):
    """The connection under a reader; what comes over it belongs to the reader as long as it is its own."""

    transport: asyncio.Transport

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.established = False
        self.pong = True
        self.code: int | None = None
        self._refused: tuple[int, str | None] | None = None
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.reader.greeted = False
        self.reader.findings.opened += 1
        self.transport.write(self.request().encode())

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self.established:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            status, headers = parse_head(bytes(self._buffer[:end]))
            del self._buffer[: end + 4]
            if status not in (101, 200):
                self._refused = (status, headers.get("retry-after"))
                self.transport.abort()
                return
            self.established = True
        self.read()

    def connection_lost(self, exc: Exception | None) -> None:
        self.established = False
        self.reader.ended(self.code, self._refused)

    def drop(self, *, reset: bool) -> None:
        sock = self.transport.get_extra_info("socket")
        if reset and sock is not None and not self.transport.is_closing():
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.established = False
        self.transport.abort()

    def read(self) -> None:
        raise NotImplementedError

    def request(self) -> str:
        raise NotImplementedError

    def _head(self, *fields: str) -> str:
        since = f"?since={self.reader.position}" if self.reader.position else ""
        named = ["Host: 127.0.0.1", f"X-API-Key: {self.reader.key}", *fields, "", ""]
        return "\r\n".join([f"GET /notifications{since} HTTP/1.1", *named])


class _Frames(_Connection):
    """A WebSocket."""

    def request(self) -> str:
        return self._head(
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Protocol: tocsin.v1",
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        )

    def read(self) -> None:
        data, at, end = self._buffer, 0, len(self._buffer)
        while end - at >= 2 and self.established:
            size, start = data[at + 1], at + 2
            if size == 126:
                size, start = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
            elif size == 127:
                size, start = int.from_bytes(data[at + 2 : at + 10], "big"), at + 10
            if end < start or end - start < size:
                break
            self._frame(data[at] & 0x0F, bytes(data[start : start + size]))
            at = start + size
        del data[:at]

    def _frame(self, opcode: int, payload: bytes) -> None:
        if opcode == TEXT:
            told = _envelope.decode(payload)
            self.reader.take(told.event, told.position, told.data)
        elif opcode == PING and self.pong:
            self.transport.write(frame(PONG, payload))
        elif opcode == CLOSE:
            self.code = int.from_bytes(payload[:2], "big")
            self.transport.write(frame(CLOSE, payload[:2]))
            self.transport.close()


class _Events(_Connection):
    """Server-Sent Events."""

    def request(self) -> str:
        return self._head("Accept: text/event-stream")

    def read(self) -> None:
        *whole, rest = bytes(self._buffer).split(b"\n\n")
        self._buffer = bytearray(rest)
        for block in whole:
            if not self.established:
                return
            fields = dict(line.split(b": ", 1) for line in block.split(b"\n") if b": " in line)
            if b"data" in fields:
                event = fields.get(b"event", b"notification").decode()
                position = fields[b"id"].decode() if b"id" in fields else None
                if event == "error":
                    self.code = msgspec.json.decode(fields[b"data"], type=dict)["code"]
                self.reader.take(event, position, fields[b"data"])
