"""The broker that a Redis (6 or newer) or Valkey is: plain pub/sub, which any node of a cluster passes on to all.

One connection listens, one speaks. Redis keeps nothing and needs to keep nothing: what it loses, the log brings.
"""

from __future__ import annotations

import asyncio
import itertools
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from tocsin.broker.outbox import Carrier, Patience

_CONNECT_SECONDS = 3.0
_ANSWER_SECONDS = 3.0
_QUIET_SECONDS = 2.5
_MOST_KNOWN = 32
_LOG = "log"


class RedisBroker(Carrier):
    """Carries words by PUBLISH and SUBSCRIBE.

    Parameters:
        url: `redis://` or `rediss://`, with one host or several (`redis://a:6379,b:6379`): whichever answers is
            used, and where it is one of a cluster, the others are found through it.
        node: this node's name.

    Attributes:
        name: what the log is called; others that use the same Redis have other names. Set before `run`.
    """

    def __init__(self, url: str, node: str, name: str = "") -> None:
        super().__init__(url)
        self._known = hosts(url)
        self._next = 0
        self.name = name
        self._node = node

    def announce(self, told: bytes) -> None:
        self._put(_LOG, told)

    def tell(self, node: str, message: bytes) -> None:
        self._put(_to(node), message)

    def _put(self, channel: str, message: bytes) -> None:
        if not self.trouble:
            self._outbox.put(self._channel(channel), message)

    def _channel(self, channel: str) -> str:
        return f"tocsin:{self.name}:{channel}"

    async def _carry(self, patience: Patience) -> None:
        url = self._known[self._next % len(self._known)]
        self._next += 1
        client: Any = Redis.from_url(
            url,
            protocol=3,
            socket_connect_timeout=_CONNECT_SECONDS,
            socket_keepalive=True,
            retry=Retry(NoBackoff(), 0),
        )
        ears = client.pubsub()
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                await self._get_to_know(client, url)
            # The client waits for ever for the answer to its greeting, where the network begins to swallow it.
            async with asyncio.timeout(_ANSWER_SECONDS):
                await ears.subscribe(*map(self._channel, (_LOG, _to(self._node), _to(""))))
            async with asyncio.TaskGroup() as group:
                group.create_task(self._listen(ears, patience))
                group.create_task(self._speak(client))
        finally:
            try:
                await ears.aclose()
            finally:
                await client.aclose()

    async def _get_to_know(self, client: Any, url: str) -> None:
        about = await client.info("cluster")
        if not int(about.get("cluster_enabled", 0)):
            return
        ranges = await client.execute_command("CLUSTER SLOTS")
        for host, port in found_in(ranges):
            other = _at(url, host, port)
            if other not in self._known and len(self._known) < _MOST_KNOWN:
                self._known.append(other)

    async def _listen(self, ears: PubSub, patience: Patience) -> None:
        quiet = 0
        while True:
            message = await ears.get_message(timeout=_QUIET_SECONDS)
            if message is None:
                quiet += 1
                if quiet > 1:
                    raise TimeoutError("it does not answer")
                await ears.ping()
                continue
            quiet = 0
            if message["type"] == "subscribe" and self.trouble:
                self._is_reached(patience)
            elif message["type"] == "message":
                announced = message["channel"] == self._channel(_LOG).encode()
                (self._announced if announced else self._told)(message["data"])

    async def _speak(self, client: Any) -> None:
        while True:
            some = await self._outbox.take(_QUIET_SECONDS)
            if not some:
                continue
            async with asyncio.timeout(_ANSWER_SECONDS):
                pipeline = client.pipeline(transaction=False)
                for channel, message in some:
                    pipeline.publish(channel, message)
                await pipeline.execute()


def hosts(url: str) -> list[str]:
    """One URL for each host that a URL names."""
    parts = urlsplit(url)
    userinfo, at, places = parts.netloc.rpartition("@")
    return [urlunsplit(parts._replace(netloc=f"{userinfo}{at}{place}")) for place in places.split(",")]


def found_in(ranges: Any) -> list[tuple[str, int]]:
    """Addresses in what CLUSTER SLOTS answers, as the client gives it or as the server does."""
    if isinstance(ranges, dict):
        places = [value["primary"] for value in ranges.values()]
        return [(str(host), int(port)) for host, port, *_ in places]
    places = list(itertools.chain.from_iterable(entry[2:] for entry in ranges))
    return [(host.decode() if isinstance(host, bytes) else str(host), int(port)) for host, port, *_ in places]


def _at(url: str, host: str, port: int) -> str:
    parts = urlsplit(url)
    userinfo, at, _ = parts.netloc.rpartition("@")
    return urlunsplit(
        parts._replace(netloc=f"{userinfo}{at}[{host}]:{port}" if ":" in host else f"{userinfo}{at}{host}:{port}")
    )


def _to(node: str) -> str:
    return f"to:{node}" if node else "all"
