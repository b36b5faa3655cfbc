"""Retention in the midst of all else: whoever applies all changes is right, wherever a run is cut off."""

import asyncio
import random
from pathlib import Path
from typing import Any

import msgspec
import pytest

from store.adapters import NOW, Recorder, put_users
from store.purging import ANNA, BERT, DAY, check_counts, inbox, on_a_store, purge, rows, sent, types
from tocsin.app import AppId
from tocsin.errors import Unavailable
from tocsin.notification import TYPES
from tocsin.ports import Item
from tocsin.principal import UserId
from tocsin.receipt import Mark, Purged, Receipt, Withdrawn
from tocsin.store.purge import NO_APP
from tocsin.store.sqlite.store import SqliteStore


class Follower:
    """A client that applies every change, in order."""

    def __init__(self, user: UserId, apps: dict[int, str | None]) -> None:
        self.user = user
        self.held: dict[int, Item] = {}
        self._apps = apps
        self._at = 0

    async def follow(self, store: SqliteStore) -> None:
        while True:
            page = await store.changes(self.user, None, self._at, 7)
            for change in page.changes:
                self._apply(change)
            self._at = page.upto
            if not page.full:
                return

    def _apply(self, change: Item | Receipt | Mark | Purged | Withdrawn) -> None:
        match change:
            case Item(notification=notification):
                self.held[notification.first] = change
            case Withdrawn(first=first):
                self.held.pop(first, None)
            case Receipt(first=first, state=state):
                if first in self.held:
                    self.held[first] = Item(self.held[first].notification, state)
            case Mark():
                for first, item in self.held.items():
                    if self._covers(change, item):
                        state = msgspec.structs.replace(item.state, read=change.at)
                        self.held[first] = Item(item.notification, state)
            case Purged(upto=upto, user_id=owner, app_id=app):
                gone = [
                    first
                    for first, item in self.held.items()
                    if first <= upto
                    and (item.notification.user_id is None) == (owner is None)
                    and (app is None or app == (self._apps[first] or NO_APP))
                ]
                for first in gone:
                    del self.held[first]

    def _covers(self, mark: Mark, item: Item) -> bool:
        notification = item.notification
        return (
            item.state.read is None
            and notification.since <= mark.upto
            and mark.type in (None, types[notification.first])
            and mark.device_id in (None, notification.device_id)
        )


def some_now(*values: int, later: tuple[int, ...]) -> list[Any]:
    """Values of a test, some of which are for the soak only."""
    return [*values, *(pytest.param(value, marks=pytest.mark.soak) for value in later)]


RULES: list[dict[str, Any]] = [
    {},
    {"per_user": 6},
    {"apps": {AppId("noise"): 20}},
    {"apps": {AppId("bills"): 300}},
    {"apps": {AppId("bills"): 300, AppId("noise"): 20}, "per_user": 12},
]


@pytest.mark.parametrize("rules", RULES, ids=["days", "per user", "shorter", "longer", "all"])
@pytest.mark.parametrize("seed", some_now(0, later=(1, 2, 3)))
def test_whoever_applies_all_changes_has_what_a_fresh_read_gives(either: Path, seed: int, rules: Any) -> None:
    chance = random.Random(f"{seed} {rules}")
    users = [ANNA, BERT]
    apps: dict[int, str | None] = {}

    async def act(store: SqliteStore, day: float) -> None:
        user = chance.choice(users if day >= 20 else [ANNA])
        held = await inbox(store, user)
        now = NOW + int(day * DAY)
        match chance.choice(["own", "own", "all", "all", "read", "read", "unread", "mark", "withdraw"]):
            case "own" | "all" as whom:
                app = chance.choice([None, None, "noise", "bills"])
                number = await sent(
                    store,
                    day=day,
                    kind=chance.choice(TYPES),
                    user=user if whom == "own" else None,
                    device=chance.choice([None, "cam"]),
                    app=app,
                )
                apps[number] = app
            case "read" | "unread" as what if held:
                await store.act(user, chance.choice(held).notification.id, what, now)
            case "mark" if held:
                upto = chance.choice([None, chance.choice(held).notification.first])
                device: Any = chance.choice([None, None, "cam"])
                await store.mark(user, upto, chance.choice([None, "info"]), device, now)
            case "withdraw" if held:
                await store.withdraw(chance.choice(held).notification.id, now, None)

    async def test(store: SqliteStore, _recorder: Recorder) -> None:
        await put_users(store, ANNA)
        followers = [Follower(user, apps) for user in users]
        for day in range(150):
            if day == 20:
                await put_users(store, BERT)
            await act(store, day)
            if chance.random() < 0.1:
                await followers[day % 2].follow(store)
            if chance.random() < 0.1:
                await purge(store, day=day, days=40, **rules)
                await check_counts(store, *users)
        await purge(store, day=150, days=40, **rules)
        for follower in followers:
            await follower.follow(store)
            fresh = {item.notification.first: item for item in await inbox(store, follower.user)}
            assert {first: item.state for first, item in follower.held.items()} == {
                first: item.state for first, item in fresh.items()
            }
        await check_counts(store, *users)

    on_a_store(either, test)


@pytest.mark.parametrize("cut", some_now(1, 3, 5, 9, later=(2, 4, 7, 12)))
def test_wherever_it_is_cut_off_the_rest_holds_and_the_next_run_goes_on(either: Path, cut: int) -> None:
    async def before(store: SqliteStore, _recorder: Recorder) -> None:
        await put_users(store, *(f"u{n}" for n in range(60)), ANNA)
        await asyncio.gather(*(sent(store, user=ANNA if n % 3 == 0 else None) for n in range(500)))
        items = await inbox(store, ANNA)
        for n in range(60):
            item = items[n * 3]
            user = ANNA if item.notification.user_id else UserId(f"u{n}")
            await store.act(user, item.notification.id, "read", NOW)
        await store.mark(ANNA, items[200].notification.first, None, None, NOW)

    async def cut_off(store: SqliteStore, _recorder: Recorder) -> None:
        submit, left = store._writer.submit, [cut]

        def some(command: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                raise Unavailable
            return submit(command)

        store._writer.submit = some  # type: ignore[method-assign]
        try:
            await purge(store, day=100)
        except Unavailable:
            pass
        finally:
            store._writer.submit = submit  # type: ignore[method-assign]
        await check_counts(store, ANNA, *(UserId(f"u{n}") for n in range(0, 60, 6)))

    async def after(store: SqliteStore, _recorder: Recorder) -> None:
        await check_counts(store, ANNA, *(UserId(f"u{n}") for n in range(0, 60, 6)))
        await purge(store, day=100)
        await check_counts(store, ANNA, *(UserId(f"u{n}") for n in range(60)))
        assert (await store.unread(ANNA)).total == 0

    for test in (before, cut_off, after):
        on_a_store(either, test)
    for table in ("notifications", "receipts"):
        assert rows(either, f"SELECT count(*) FROM {table}") == [(0,)], table
