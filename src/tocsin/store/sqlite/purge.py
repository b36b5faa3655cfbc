"""What retention does on SQLite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import apsw

from tocsin.app import AppId
from tocsin.store.purge import Part, Row
from tocsin.store.sqlite import floors
from tocsin.store.sqlite.batch import Batch
from tocsin.store.sqlite.queries import queries
from tocsin.store.sqlite.reader import Reader
from tocsin.store.sqlite.writer import Writer

_OWNERS = 200
_LITTLE = 256


class SqliteGround:
    """The store as retention sees it.

    Parameters:
        writer, reader: of the store.
    """

    def __init__(self, writer: Writer, reader: Reader) -> None:
        self._writer = writer
        self._reader = reader

    @property
    def queued(self) -> int:
        return self._writer.queued

    async def may_begin(self) -> bool:
        return True

    async def look(self, name: str, *values: Any) -> list[Row]:
        return await self._reader.rows(name, *values)

    async def owners(self, after: str) -> list[Row]:
        return await self._reader.read(partial(_owners, after=after))

    async def remove_own(self, parts: Sequence[Part]) -> int:
        gone: int = await self._writer.submit(partial(floors.remove_own, parts=parts))
        return gone

    async def raise_broadcasts(self, before: int, upto: int, by_type: Mapping[str, int]) -> bool:
        command = partial(floors.raise_broadcasts, before=before, upto=upto, by_type=by_type)
        done: bool = await self._writer.submit(command)
        return done

    async def void_broadcasts(self, app: AppId, firsts: Sequence[int], now: int) -> int:
        gone: int = await self._writer.submit(partial(floors.void_broadcasts, app=app, firsts=firsts, now=now))
        return gone

    async def remove_receipts(self, of: Mapping[str, Sequence[int]]) -> None:
        await self._writer.submit(partial(floors.remove_receipts, of=of))

    async def remove_broadcasts(self, firsts: Sequence[int]) -> None:
        await self._writer.submit(partial(floors.remove_broadcasts, firsts=firsts))

    async def remove_spent(self, kind: str, keys: Sequence[Row]) -> None:
        await self._writer.submit(partial(_run_each, name=f"purge_{kind.removesuffix('s')}", keys=keys))

    async def give_back(self) -> bool:
        # A little is used again soon.
        [(pages, free)] = await self._reader.rows("pages")
        if free <= max(_LITTLE, pages // 8):
            return False
        await self._writer.submit(_give_back)
        return True


def _run_each(batch: Batch, name: str, keys: Sequence[Row]) -> None:
    for key in keys:
        batch.run(name, *key)


def _give_back(batch: Batch) -> None:
    batch.run("give_back")


def _owners(connection: apsw.Connection, after: str) -> list[Row]:
    found: list[Row] = []
    while len(found) < _OWNERS and (row := connection.execute(queries()["next_owner"], (after,)).fetchone()):
        found.append(row)
        after = row[0]
    return found
