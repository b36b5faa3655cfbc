"""An hour's quota holds when sends overtake one another at its turn."""

from __future__ import annotations

from pathlib import Path

import msgspec

from store.adapters import NOW, Recorder, SqliteAdapter, draft, outcome, put_app, put_users
from tocsin.errors import TooMany
from tocsin.ports import Store

HOUR = 3_600_000
QUOTA = 3


def test_a_send_of_the_last_hour_that_comes_late_does_not_renew_the_quota(tmp_path: Path) -> None:
    async def test(store: Store, recorder: Recorder) -> None:
        await put_users(store, "anna")
        await put_app(store, "door", quota=QUOTA)

        async def send(number: int, *, at: int) -> object:
            sent = draft(f"{number}", user="anna", app="door", quota=QUOTA)
            return await outcome(store.append(msgspec.structs.replace(sent, created_at=at)))

        now = NOW - NOW % HOUR + HOUR
        granted = 0
        for number in range(QUOTA * 3):
            granted += not isinstance(await send(number, at=now), TooMany)
            granted += not isinstance(await send(100 + number, at=now - 1), TooMany)
        assert granted == QUOTA, "what came late is charged to the newer hour"

    SqliteAdapter().run(tmp_path, test)
