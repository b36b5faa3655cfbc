"""Batches share the event loop by turns, and none waits for what another looks up."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest

from harness.patience import PATIENCE
from tocsin.api.batch import _Drafts
from tocsin.api.batch_room import BatchRoom
from tocsin.errors import NotFound, Unavailable
from tocsin.notification import Draft
from tocsin.principal import Principal

SERVICE = Principal(kind="service", credential="key:k", user_id=None, superuser=True)


class Looking:
    """Finds everybody but `nobody`, and `slow` only when it is let."""

    def __init__(self) -> None:
        self.asked: list[str | None] = []
        self.waiting, self.let = asyncio.Event(), asyncio.Event()

    async def in_name_of(self, _principal: Principal, app: str | None) -> str | None:
        return app

    async def audience(self, _principal: Principal, user: str | None) -> str | None:
        self.asked.append(user)
        if user == "slow":
            self.waiting.set()
            await self.let.wait()
        if user == "nobody":
            raise NotFound("User")
        if user == "away":
            raise Unavailable
        return user


def drafts(room: BatchRoom, looking: Looking, users: list[str]) -> Any:
    parts = SimpleNamespace(batch_room=room, authorize=looking)
    call: Any = SimpleNamespace(parts=parts, principal=SERVICE, wanted=None, turn_away=lambda *_: None)
    items = [json.dumps({"title": "t", "message": str(n), "userId": user}).encode() for n, user in enumerate(users)]
    return _Drafts(call, 1_800_000_000_000).of(items)


def test_a_batch_whose_user_is_looked_up_slowly_holds_up_no_other() -> None:
    async def test() -> None:
        room, looking = BatchRoom(), Looking()
        slow = asyncio.create_task(drafts(room, looking, ["known", "slow", "known"]))
        await asyncio.wait_for(looking.waiting.wait(), PATIENCE)
        found = await asyncio.wait_for(drafts(room, looking, ["known"]), PATIENCE)
        assert [draft.user_id for draft in found] == ["known"]
        assert not slow.done()
        looking.let.set()
        assert [draft.user_id for draft in await slow] == ["known", "slow", "known"]

    asyncio.run(test())


def test_each_user_is_looked_up_once_and_each_item_is_judged_in_its_place() -> None:
    async def test() -> None:
        looking = Looking()
        users = [("a", "nobody", "b")[n % 3] for n in range(3_000)]
        found = await drafts(BatchRoom(), looking, users)
        assert sorted(looking.asked, key=str) == ["a", "b", "nobody"]
        for n, (one, user) in enumerate(zip(found, users, strict=True)):
            if isinstance(one, Draft):
                assert (one.user_id, json.loads(one.body)["message"]) == (user, str(n))
            else:
                assert isinstance(one, NotFound)
                assert user == "nobody"

    asyncio.run(test())


def test_a_batch_is_refused_as_a_whole_where_somebody_cannot_be_looked_up() -> None:
    async def test() -> None:
        room, looking = BatchRoom(), Looking()
        with pytest.raises(Unavailable):
            await drafts(room, looking, ["a", "away"])
        assert len(await asyncio.wait_for(drafts(room, looking, ["a"]), PATIENCE)) == 1

    asyncio.run(test())
