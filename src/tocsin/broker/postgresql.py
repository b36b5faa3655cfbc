"""The broker that PostgreSQL is: LISTEN on a connection of its own, and NOTIFY.

The store's batch function announces by itself, within its transaction; so what is announced arrives once per commit and
in commit order. Words to a single node go by a channel of that node's.
"""

from __future__ import annotations

import hashlib
from typing import Any

import asyncpg

from tocsin.broker.outbox import Carrier, Patience

ANNOUNCED = "tocsin"
"""The channel that the store's batch function notifies."""

LARGEST = 7_999
"""Bytes of a payload; PostgreSQL refuses more."""

_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 3.0
_QUIET_SECONDS = 5.0


class PostgresqlBroker(Carrier):
    """Carries words by LISTEN and NOTIFY.

    Parameters:
        url: of the database; directly, for a pooler that shares connections does not pass LISTEN on.
        node: this node's name.
    """

    def __init__(self, url: str, node: str) -> None:
        super().__init__(url)
        self._url = url
        self._own = _channel(node)

    def announce(self, told: bytes) -> None:
        self._put(ANNOUNCED, told)

    def tell(self, node: str, message: bytes) -> None:
        self._put(_channel(node), message)

    def _put(self, channel: str, message: bytes) -> None:
        if not self.trouble and len(message) <= LARGEST:
            self._outbox.put(channel, message)

    async def _carry(self, patience: Patience) -> None:
        # A word to a node is nothing that a crash may not lose: its transaction need not wait for the disk.
        settings = {"application_name": "tocsin-broker", "synchronous_commit": "off"}
        connection = await asyncpg.connect(self._url, timeout=_CONNECT_SECONDS, server_settings=settings)
        try:
            await connection.add_listener(ANNOUNCED, self._hear_announced)
            await connection.add_listener(self._own, self._hear_told)
            await connection.add_listener(_channel(""), self._hear_told)
            self._is_reached(patience)
            while True:
                some = await self._outbox.take(_QUIET_SECONDS)
                # Without anything to say, it is asked whether it is there: a lost network says nothing.
                channels, messages = [channel for channel, _ in some], [message.decode() for _, message in some]
                await connection.execute(
                    "SELECT pg_notify(channel, message) FROM unnest($1::text[], $2::text[]) AS t(channel, message)",
                    channels,
                    messages,
                    timeout=_ANSWER_SECONDS,
                )
        finally:
            connection.terminate()

    def _hear_announced(self, _connection: Any, _pid: int, _channel: str, payload: Any) -> None:
        self._announced(payload.encode())

    def _hear_told(self, _connection: Any, _pid: int, _channel: str, payload: Any) -> None:
        self._told(payload.encode())


def _channel(node: str) -> str:
    # A name of a channel has at most 63 bytes, one of a node may have any characters.
    return f"tocsin_{hashlib.sha256(node.encode()).hexdigest()[:16]}" if node else "tocsin_all"
