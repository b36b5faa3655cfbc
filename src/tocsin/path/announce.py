"""Announce: after the commit, tell this node's streams and caches what the log has become."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Protocol

from tocsin.directory import Directory
from tocsin.errors import Unavailable
from tocsin.path.authorize import Authorize
from tocsin.ports import Span
from tocsin.principal import Principal

log = logging.getLogger("tocsin.live")


class Stream(Protocol):
    """What announcing needs of a stream."""

    principal: Principal | None

    def revoke(self) -> None:
        """Close it: its credential was taken away."""
        ...

    def suspect(self) -> None:
        """Close it, to come back with its credential: whether that still holds cannot be known."""
        ...


class Streams(Protocol):
    """What announcing needs of the hub."""

    last: int

    @property
    def streams(self) -> Iterable[Stream]: ...

    def fan_out(self, span: Span) -> None:
        """Write what the span added to every stream it is for."""
        ...

    def restart(self) -> None:
        """Close every stream, to come back and resume."""
        ...


class Announce:
    """What a node does with a committed span, its own or another's: all come in by this door.

    Parameters:
        directory: forgets what changed.
        authorize: says whether a stream's credential still holds.
        streams: written to, and closed where their credential went.
    """

    def __init__(self, directory: Directory, authorize: Authorize, streams: Streams) -> None:
        self._directory = directory
        self._authorize = authorize
        self._streams = streams
        self._checking: set[asyncio.Task[None]] = set()

    def __call__(self, span: Span) -> None:
        """Take a span that begins right after the last one.

        A span that does not would mean that numbers were missed: streams are then closed, so that their
        readers come back and read what they have not seen.
        """
        if span.last <= self._streams.last:
            return
        if span.first != self._streams.last + 1:
            log.error("numbers %d to %d were never announced here", self._streams.last + 1, span.first - 1)
            self._streams.restart()
        users: set[str] = set()
        credentials: set[str] = set()
        for entry in span.entries:
            if entry.identity is not None:
                kind, id_ = entry.identity
                self._directory.forget(kind, id_)
                if kind == "user":
                    users.add(id_)
                elif kind in ("key", "session"):
                    credentials.add(f"{kind}:{id_}")
        if users or credentials:
            task = asyncio.get_running_loop().create_task(self._close_where_gone(users, credentials))
            self._checking.add(task)
            task.add_done_callback(self._checking.discard)
        self._streams.fan_out(span)

    async def _close_where_gone(self, users: set[str], credentials: set[str]) -> None:
        for stream in self._streams.streams:
            principal = stream.principal
            if principal is None:
                continue
            touched = principal.user_id in users or principal.credential in credentials
            try:
                if touched and not await self._authorize.still_holds(principal):
                    stream.revoke()
            except Unavailable:
                # Nobody will tell of the change again.
                stream.suspect()
