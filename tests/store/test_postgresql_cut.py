"""A batch whose answer is lost, and then the answer of what asks after it, too."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from store.adapters import ADAPTERS, Recorder, draft, put_users
from store.test_postgresql import ANNA, node, run
from tocsin.errors import Unavailable
from tocsin.store.postgresql.batch import CALL


class Cuts:
    """How many answers are still to be lost, behind which the database did what it was asked.

    Parameters:
        calls: of the call of a batch.
        fences: of what asks after one, once a call was cut.
        kept: whether the batch that is cut reaches the database.
    """

    def __init__(self, calls: int = 0, fences: int = 0, kept: bool = True) -> None:
        self.calls, self.fences, self.kept = calls, fences, kept


class Cut:
    """A connection that is cut as often as it was told."""

    def __init__(self, real: Any, cuts: Cuts) -> None:
        self._real = real
        self._cuts = cuts

    async def fetchval(self, sql: str, *arguments: Any, **more: Any) -> Any:
        cut = sql == CALL and self._cuts.calls > 0
        answer = await self._real.fetchval(sql, *arguments, **more) if not cut or self._cuts.kept else None
        if cut:
            self._cuts.calls -= 1
            self._lose()
        return answer

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        async with self._real.transaction():
            yield
        if not self._cuts.calls and self._cuts.fences > 0:
            self._cuts.fences -= 1
            self._lose()

    def _lose(self) -> None:
        self._real.terminate()
        raise ConnectionResetError("cut")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


@pytest.mark.fault
@pytest.mark.parametrize("fences", [0, 1, 2])
@pytest.mark.parametrize("kept", [True, False])
def test_what_became_of_a_batch_is_found_out_however_often_the_answer_is_lost(
    tmp_path: Path, fences: int, kept: bool
) -> None:
    async def test() -> None:
        recorder, cuts = Recorder(), Cuts()
        async with node(str(ADAPTERS["postgresql"].url(tmp_path)), announcer=recorder) as store:
            real = store._writer._connect

            async def connect() -> Any:
                return Cut(await real(), cuts)

            store._writer._connect = connect
            await store._writer._hang_up()
            await put_users(store, ANNA)
            cuts.calls, cuts.fences, cuts.kept = 1, fences, kept
            if kept:
                entry = await store.append(draft("x", user=ANNA))
                assert [one.seq for one in recorder.entries if one.notification] == [entry.seq]
            else:
                with pytest.raises(Unavailable) as refusal:
                    await store.append(draft("x", user=ANNA))
                assert not refusal.value.outcome_unknown
            assert (cuts.calls, cuts.fences) == (0, 0)
            assert (await store.unread(ANNA)).total == kept
            await store.append(draft("y", user=ANNA))
            assert (await store.unread(ANNA)).total == kept + 1

    run(test())
