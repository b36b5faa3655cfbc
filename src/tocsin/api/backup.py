"""A backup of the running server: the whole database as the answer."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from tocsin.api.answer import Headers
from tocsin.api.call import Call
from tocsin.api.endpoint import Streaming
from tocsin.errors import Conflict

SQLITE = "application/vnd.sqlite3"
_PART_BYTES = 256 * 1024

Message = MutableMapping[str, Any]


@runtime_checkable
class InOneFile(Protocol):
    """A store that can be had as one file while it is written to."""

    def snapshot(self) -> AbstractAsyncContextManager[Path]:
        """That file, which is removed when the context is left.

        Raises:
            Conflict: another one is being made. Unavailable: it cannot be made now.
        """
        ...


async def back_up(call: Call) -> Streaming:
    """`POST /api/backup`."""
    store = call.parts.store
    if not isinstance(store, InOneFile):
        raise Conflict("This server keeps its data in PostgreSQL: back that up with pg_dump or pg_basebackup")
    # Before it is made, so that it is in there, too: whoever has the file has every secret.
    await store.record(call.audit("backup.make", ""))
    made = AsyncExitStack()
    path = await made.enter_async_context(store.snapshot())

    async def run(headers: Headers, _receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Any]) -> None:
        async with made:
            await _send_file(path, headers, send, made.aclose)

    return Streaming(run)


async def _send_file(
    path: Path, headers: Headers, send: Callable[[Message], Any], done_with: Callable[[], Awaitable[None]]
) -> None:
    file = await asyncio.to_thread(path.open, "rb")
    try:
        left = os.fstat(file.fileno()).st_size
        headers = [
            (b"content-type", SQLITE.encode()),
            (b"content-length", b"%d" % left),
            (b"content-disposition", b'attachment; filename="tocsin-backup.db"'),
            *headers,
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        while left:
            part = await asyncio.to_thread(file.read, _PART_BYTES)
            left -= len(part)
            if not left:
                # Whoever has all of it may ask for another at once.
                await done_with()
            # A file that is cut short leaves the answer short of its length, which its reader sees.
            await send({"type": "http.response.body", "body": part, "more_body": left > 0})
            if not part:
                return
    finally:
        file.close()
