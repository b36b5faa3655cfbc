"""Stands between nodes and PostgreSQL: loses, doubles and reorders notifications, besides what a TcpProxy does."""

from __future__ import annotations

import asyncio
import random
import struct

from harness.tcp_proxy import TcpProxy

_SSL_REQUEST = struct.pack("!II", 8, 80877103)
_NOTIFICATION = ord("A")


class PostgresqlProxy(TcpProxy):
    """A TCP proxy which knows the frames that the server sends.

    Parameters:
        port: of the server.

    Attributes:
        lose, double, swap: how often a notification is lost, comes twice, or comes after the next one.
        delay: seconds that each frame from the client waits, at most; by chance.
        touched: how many notifications were lost, doubled or swapped.
    """

    def __init__(self, port: int) -> None:
        self.lose = self.double = self.swap = self.delay = 0.0
        self.touched = 0
        self._chance = random.Random(7)
        super().__init__(port)

    async def _begin(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, there: asyncio.StreamWriter
    ) -> None:
        first = await reader.readexactly(8)
        if first == _SSL_REQUEST:
            writer.write(b"N")
        else:
            there.write(first)

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while part := await reader.read(65_536):
            await self._moving.wait()
            if self.delay:
                await asyncio.sleep(self._chance.uniform(0, self.delay))
            writer.write(part)
            await writer.drain()

    async def _down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        data, kept = bytearray(), b""
        while part := await reader.read(65_536):
            data += part
            await self._moving.wait()
            passed, at = bytearray(), 0
            while len(data) - at >= 5:
                end = at + 1 + int.from_bytes(data[at + 1 : at + 5], "big")
                if end > len(data):
                    break
                frame = bytes(data[at:end])
                if data[at] == _NOTIFICATION:
                    frame, kept = self._told(frame, kept)
                    passed += frame
                else:
                    passed += frame + kept
                    kept = b""
                at = end
            del data[:at]
            writer.write(passed)
            await writer.drain()

    def _told(self, frame: bytes, kept: bytes) -> tuple[bytes, bytes]:
        """What is passed on where a notification came, and what comes after the next frame."""
        chance = self._chance.random()
        if chance < self.lose:
            self.touched += 1
            return b"", kept
        if chance < self.lose + self.double:
            self.touched += 1
            frame += frame
        elif chance < self.lose + self.double + self.swap and not kept:
            self.touched += 1
            return b"", frame
        return frame + kept, b""
