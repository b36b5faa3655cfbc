"""A SQLite store that cannot be opened as a whole leaves nothing open."""

import asyncio
import itertools
import os
import threading
from pathlib import Path
from typing import Any

import apsw
import pytest

from store.adapters import ADAPTERS, Recorder, draft
from tocsin.errors import StartError
from tocsin.ports import Store
from tocsin.store.sqlite import file, reader, store
from tocsin.store.sqlite.store import SqliteStore

OPENED = 4
"""Connections that a store opens: the writer's, the checkpointer's, and two to read."""


@pytest.mark.parametrize("nth", range(1, OPENED + 1))
def test_where_a_connection_is_refused_it_says_so_and_lets_go_of_all(
    folder: Path, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    asked = itertools.count(1)

    def refuses_the_nth(path: Path, **options: Any) -> apsw.Connection:
        if next(asked) == nth:
            # As where there is no file descriptor left.
            raise apsw.CantOpenError("unable to open database file")
        return file.connect(path, **options)

    async def send(kept: Store, _recorder: Recorder) -> None:
        await kept.append(draft("x"))

    async def test() -> None:
        before = (held(folder), threading.active_count())
        with pytest.raises(StartError, match="unable to open database file"):
            await SqliteStore.open(folder, Recorder())
        assert (held(folder), threading.active_count()) == before

    ADAPTERS["sqlite"].run(folder, send)
    with monkeypatch.context() as patched:
        for module in (store, reader):
            patched.setattr(module, "connect", refuses_the_nth)
        asyncio.run(test())
    ADAPTERS["sqlite"].run(folder, send)


def held(folder: Path) -> list[str]:
    """The files of a folder that this process has open."""
    found = []
    for number in os.listdir("/proc/self/fd"):
        try:
            found.append(os.readlink(f"/proc/self/fd/{number}"))
        except OSError:
            continue
    return sorted(one for one in found if one.startswith(str(folder)))
