"""Unread counts, which are kept and not counted: they equal a recount, and cost the same however much there is."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import apsw
import msgspec
import pytest

from inbox.model import Model, Seen
from store.adapters import ADAPTERS, NOW, Recorder, audit, draft, outcome, put_users
from store.purging import DAY, check_counts, inbox, on_a_store, purge, send, sent
from tocsin.device import DeviceId
from tocsin.notification import TYPES, NotificationId
from tocsin.ports import Entry
from tocsin.principal import User, UserId
from tocsin.store.sqlite.file import connect
from tocsin.store.sqlite.inbox import read_unread
from tocsin.store.sqlite.store import FILE, SqliteStore

ANN, BOB = UserId("ann"), UserId("bob")
EVERYBODY = [UserId(f"user {n}") for n in range(4)]


async def ids(store: SqliteStore, user: UserId) -> list[NotificationId]:
    return [item.notification.id for item in await inbox(store, user)]


async def another_of_that_name(store: SqliteStore, user: UserId, *then: Any) -> list[Any]:
    """A user goes and another one comes in one transaction with what follows: what they had is still being removed."""
    calls = [store.delete_user(user, audit()), store.put_user(User(id=user, name=user), audit()), *then]
    return await asyncio.gather(*[outcome(call) for call in calls])


@pytest.mark.parametrize("seed", [0, *(pytest.param(n, marks=pytest.mark.soak) for n in (1, 2))])
def test_the_count_equals_a_recount_after_each_of_many_changes(either: Path, soak: bool, seed: int) -> None:
    chance = random.Random(seed)
    model = Model()

    async def change(store: SqliteStore, now: int) -> None:
        user = chance.choice(list(model.people))
        theirs = list(model.people[user])
        match chance.choice(["send", "send", "act", "act", "act", "mark", "withdraw", "join"]):
            case "send":
                owner = chance.choice([None, user])
                device, kind = chance.choice([None, "door", "oven"]), chance.choice(TYPES)
                made = msgspec.structs.replace(draft("text", user=owner, device=device), type=kind)
                entry = await store.append(made)
                assert isinstance(entry, Entry)
                model.send(Seen(made.id, entry.seq, owner, kind, device, None, True, now))
            case "act" if theirs:
                id_, what = NotificationId(chance.choice(theirs)), chance.choice(["read", "read", "unread", "dismiss"])
                await store.act(UserId(user), id_, what, now)  # type: ignore[arg-type]
                model.act(user, id_, what, now)
            case "mark":
                kind, device = chance.choice([None, *TYPES]), chance.choice([None, "door", "oven"])
                upto = chance.choice([None, store.head, max(0, store.head - chance.randrange(60))])
                about = None if device is None else DeviceId(device)
                reached, unread = await store.mark(UserId(user), upto, kind, about, now)
                model.mark(user, reached, kind, device, now)
                assert unread.types == model.unread(user)
            case "withdraw" if theirs:
                id_ = NotificationId(chance.choice(theirs))
                await store.withdraw(id_, now, None)
                model.withdraw(id_)
            case "join" if len(model.people) < len(EVERYBODY):
                user = EVERYBODY[len(model.people)]
                await put_users(store, user)
                model.join(user)

    async def test(store: SqliteStore, _recorder: Recorder) -> None:
        await put_users(store, EVERYBODY[0])
        model.join(EVERYBODY[0])
        for n in range(2_000 if soak else 250):
            await change(store, NOW + n)
            for user in model.people:
                assert (await store.unread(UserId(user))).types == model.unread(user), (n, user)

    on_a_store(either, test)


def test_what_another_of_the_same_name_had_is_not_taken_off_the_count(either: Path) -> None:
    async def test(store: SqliteStore, _recorder: Recorder) -> None:
        await put_users(store, ANN)
        await send(store, user=ANN)
        await send(store)
        [_, old] = await ids(store, ANN)

        await another_of_that_name(store, ANN, store.withdraw(old, NOW, None))

        assert (await store.unread(ANN)).total == 0
        await sent(store, user=ANN)
        assert (await store.unread(ANN)).total == 1

    on_a_store(either, test)


def test_what_another_of_the_same_name_set_unread_is_not_counted_and_not_told(either: Path) -> None:
    async def test(store: SqliteStore, recorder: Recorder) -> None:
        await put_users(store, ANN)
        for _ in range(2):
            await send(store)
        [newer, older] = await ids(store, ANN)
        await store.mark(ANN, None, None, None, NOW)
        for id_ in (newer, older):
            await store.act(ANN, id_, "unread", NOW)
        await store.withdraw(older, NOW, None)
        recorder.spans.clear()

        done = await another_of_that_name(
            store, ANN, store.append(draft("text")), store.mark(ANN, None, None, None, NOW), store.unread(ANN)
        )

        assert done[3][1].total == 0
        told = [entry.change for entry in recorder.entries if entry.change is not None]
        assert [type(change).__name__ for change in told] == ["Mark"]
        assert (await store.unread(ANN)).total == 0

    on_a_store(either, test)


def test_what_another_of_the_same_name_had_is_removed_for_its_age_without_counting(either: Path) -> None:
    async def test(store: SqliteStore, _recorder: Recorder) -> None:
        await put_users(store, ANN)
        for _ in range(3):
            await send(store, user=ANN)
        await store.mark(ANN, None, None, None, NOW)
        for id_ in await ids(store, ANN):
            await store.act(ANN, id_, "unread", NOW)
        # Those who leave are let go of by the way; here retention comes first.
        store._somebody_left = lambda: None  # type: ignore[method-assign]
        await another_of_that_name(store, ANN)
        await sent(store, day=100, user=ANN)

        await purge(store, day=100)

        assert (await store.unread(ANN)).total == 1
        await check_counts(store, ANN)

    on_a_store(either, test)


def test_read_by_two_marks_it_was_read_at_the_first_though_the_clock_went_back(either: Path) -> None:
    async def test(store: SqliteStore, _recorder: Recorder) -> None:
        await put_users(store, ANN)
        await send(store, user=ANN)
        await store.mark(ANN, None, "info", None, NOW)
        await store.mark(ANN, None, None, None, NOW - DAY)

        [item] = await inbox(store, ANN)

        assert item.state.read == NOW
        found = await store.whereabouts(item.notification.id, None, 10)
        assert found is not None
        assert [one.state.read for one in found.page] == [NOW]

    on_a_store(either, test)


def steps(folder: Path, user: UserId) -> int:
    """Steps of SQLite's machine for one reading of the count: the same on any computer."""
    connection = connect(folder / FILE, read_only=True)
    found: list[int] = []
    try:
        read_unread(connection, user)
        connection.trace_v2(
            apsw.SQLITE_TRACE_PROFILE,
            lambda told: found.append(told["stmt_status"]["SQLITE_STMTSTATUS_VM_STEP"]),
        )
        read_unread(connection, user)
    finally:
        connection.close()
    assert len(found) > 3
    return sum(found)


def test_it_costs_the_same_however_much_there_is(folder: Path) -> None:
    """Also for one who has read a few of very many, set some unread, and never marked anything."""
    costs: list[int] = []

    async def fill(store: SqliteStore, count: int) -> None:
        for _ in range(count // 500):
            await asyncio.gather(*[store.append(draft("text", user=ANN if n % 5 == 0 else None)) for n in range(500)])

    async def test(store: SqliteStore, _recorder: Recorder) -> None:
        await put_users(store, ANN, BOB)
        await fill(store, 500)
        some = (await ids(store, ANN))[:40]
        for id_ in some:
            await store.act(ANN, id_, "read", NOW)
        await store.mark(ANN, 100, None, None, NOW)
        costs.append(steps(folder, ANN) + steps(folder, BOB))
        await fill(store, 10_000)
        costs.append(steps(folder, ANN) + steps(folder, BOB))
        assert (await store.unread(BOB)).total == 8_400

    ADAPTERS["sqlite"].run(folder, test)
    before, after = costs
    assert after <= before * 1.05, f"{before} steps with 500 notifications, {after} with 10,500"


def test_nobody_has_nothing_unread(either: Path) -> None:
    async def test(store: SqliteStore, _recorder: Recorder) -> None:
        await send(store)
        assert (await store.unread(UserId("nobody"))).types == dict.fromkeys(TYPES, 0)

    on_a_store(either, test)
