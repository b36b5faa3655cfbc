"""Sends by a fixed schedule, each until it was answered 2xx, in the order of its audience."""

from __future__ import annotations

import asyncio
import json
import time
from array import array
from collections import Counter
from collections.abc import Sequence
from typing import Any

from faults.listening import EVERYONE
from harness.http import DEV_KEY, SEND

TIMEOUT_SECONDS = 15.0

CONNECTIONS = 8
"""Over which is sent; each has one request under way."""


class Paced:
    """Sends for a crowd.

    A send that failed is repeated with its `Idempotency-Key` until it is answered 200; meanwhile nothing else is
    sent to that audience. So serials reach the log in order, each once, whatever happens to the server.

    Args:
        serials: how many each audience was sent so far; counted on here.
        size: bytes of a message.

    Attributes:
        took: seconds from when a send was due until its answer; filled while `timing`.
        statuses: of all answers; `cut_off`: requests that were not answered.
    """

    def __init__(self, port: int, serials: Counter[str], *, size: int = 200) -> None:
        self.port, self.size = port, size
        self.serials = serials
        self.took = array("d")
        self.timing = False
        self.statuses: Counter[int] = Counter()
        self.cut_off = 0
        self._stopping = False
        self._run_id = f"{time.time_ns():x}"
        self._lanes: list[asyncio.Future[None]] = []

    def begin(self, users: Sequence[str], *, rate: float, broadcasts: float) -> None:
        """Send from now on: `rate` a second in all, `broadcasts` of them to everyone, the others to users in turn."""
        lanes = [lane for n in range(CONNECTIONS) if (lane := users[n::CONNECTIONS])]
        self._lanes = [asyncio.ensure_future(self._lane(lane, (rate - broadcasts) / len(lanes))) for lane in lanes]
        self._lanes.append(asyncio.ensure_future(self._lane([EVERYONE], broadcasts)))

    async def stop(self) -> None:
        """Finish what is under way."""
        self._stopping = True
        await asyncio.gather(*self._lanes)

    async def send_each(self, audiences: Sequence[str], count: int) -> None:
        """Send so many to each of them, as fast as the answers come."""

        async def run(lane: Sequence[str]) -> None:
            line = Line(self.port)
            for audience in lane:
                for _ in range(count):
                    await self._send(line, audience, time.monotonic())
            line.close()

        await asyncio.gather(*(run(audiences[n::CONNECTIONS]) for n in range(CONNECTIONS)))

    async def _lane(self, audiences: Sequence[str], rate: float) -> None:
        line = Line(self.port)
        began, count = time.monotonic(), 0
        try:
            while not self._stopping:
                due = began + count / rate
                if (ahead := due - time.monotonic()) > 0:
                    await asyncio.sleep(ahead)
                await self._send(line, audiences[count % len(audiences)], due)
                count += 1
        finally:
            line.close()

    async def _send(self, line: Line, audience: str, due: float) -> None:
        serial = self.serials[audience] + 1
        fields = {"title": f"{audience} {serial}", "message": f"{due:.6f} ".ljust(self.size, "m")}
        if audience != EVERYONE:
            fields["userId"] = audience
        while True:
            try:
                status, retry_after, _ = await asyncio.wait_for(
                    line.post(fields, f"{self._run_id} {audience} {serial}"), TIMEOUT_SECONDS
                )
            except (OSError, EOFError, asyncio.TimeoutError):  # noqa: UP041  (3.11 has two)
                line.close()
                self.cut_off += 1
                await asyncio.sleep(0.05)
                continue
            self.statuses[status] += 1
            if status == 200:
                break
            assert status in (429, 503), f"a send was answered {status}"
            await asyncio.sleep(min(retry_after, 0.2))
        if self.timing:
            self.took.append(time.monotonic() - due)
        self.serials[audience] = serial


class Line:
    """A keep-alive connection, opened when there is something to send.

    Attributes:
        port: where the next one goes.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def post(self, told: Any, key: str, path: str = SEND) -> tuple[int, float, bytes]:
        """Send once; the status, the seconds to wait that came with it, and the body of the answer."""
        if self._writer is None or self._reader is None or self._writer.is_closing():
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self.port)
        body = json.dumps(told).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: {DEV_KEY}\r\nIdempotency-Key: {key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._writer.write(head.encode() + body)
        lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
        named = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
        body = await self._reader.readexactly(int(named["content-length"]))
        if named.get("connection") == "close":
            self.close()
        return int(lines[0].split()[1]), float(named.get("retry-after", 0)), body

    def close(self) -> None:
        if self._writer is not None:
            self._writer.transport.abort()
        self._reader = self._writer = None
