"""What every store promises about an inbox: states, marks, counts, pages, changes; done twice nothing changes."""

import asyncio
import random
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from store.adapters import NOW, Recorder, kept, outcome, pages, put_users
from tocsin.device import DeviceId
from tocsin.errors import Conflict, Invalid, NotFound
from tocsin.notification import TYPES, Notification, NotificationId
from tocsin.ports import Store
from tocsin.principal import UserId
from tocsin.receipt import UNTOUCHED, Item, Mark, Receipt, State, Unread

A, B = UserId("a"), UserId("b")
ACTS = ["read", "unread", "dismiss", "undismiss", "acknowledge"]


async def state(store: Store, user: UserId, one: Notification) -> State:
    item = await store.notification(user, one.id)
    assert item is not None
    return item.state


async def recount(store: Store, user: UserId) -> dict[str, int]:
    """What is unread, by looking at everything."""
    found = await pages(store, user, 50)
    types = Counter(msgspec.json.decode(item.notification.body)["type"] for item in found if item.state.read is None)
    return {kind: types[kind] for kind in TYPES}


# -- acting


def test_acting_takes_a_number_and_is_announced_before_it_is_answered_twice_it_is_nothing(
    adapter: Any, folder: Path
) -> None:
    async def test(store: Store, recorder: Recorder) -> None:
        await put_users(store, "a", "b")
        one = await kept(store, device="d")
        expected = UNTOUCHED
        for at, act in enumerate(ACTS, NOW):
            head = store.head
            expected = expected.after(act, at, dismissible=True)
            assert await store.act(A, one.id, act, at) == expected
            told = recorder.entries[-1]
            assert told.change == Receipt(
                seq=head + 1, user_id=A, id=one.id, first=one.first, device_id=DeviceId("d"), state=expected
            )
            assert (told.seq, store.head) == (head + 1, head + 1)
            assert await store.act(A, one.id, act, at + 1000) == expected
            assert store.head == head + 1, "the second time takes no number"
            assert await state(store, A, one) == expected
        assert await state(store, B, one) == UNTOUCHED, "each has a state of their own"

    adapter.run(folder, test)


def test_of_many_who_act_at_once_one_is_first(adapter: Any, folder: Path) -> None:
    async def test(store: Store, recorder: Recorder) -> None:
        await put_users(store, "a")
        one = await kept(store)
        head = store.head
        found = await asyncio.gather(*(store.act(A, one.id, "read", NOW + n) for n in range(50)))
        assert set(found) == {State(read=NOW)}
        assert store.head == head + 1

    adapter.run(folder, test)


def test_what_is_not_theirs_is_not_found_and_takes_no_number(adapter: Any, folder: Path) -> None:
    async def test(store: Store, recorder: Recorder) -> None:
        early = await kept(store)
        await put_users(store, "a", "b")
        others, withdrawn, theirs = [await kept(store, user=user) for user in ("b", "a", "a")]
        await store.withdraw(withdrawn.id, NOW, None)
        head = store.head
        for act in ACTS:
            for id_ in (early.id, others.id, withdrawn.id, NotificationId("notif_none")):
                assert type(await outcome(store.act(A, id_, act, NOW))) is NotFound
            assert type(await outcome(store.act(UserId("nobody"), early.id, act, NOW))) is NotFound
        assert store.head == head
        calls = [store.act(A, theirs.id, "read", NOW), store.act(A, others.id, "read", NOW)]
        calls.append(store.act(B, others.id, "read", NOW))
        done = await asyncio.gather(*(outcome(call) for call in calls))
        assert [type(one) for one in done] == [State, NotFound, State], "a refusal does not spoil its batch"

    adapter.run(folder, test)


def test_what_is_not_dismissible_is_acknowledged_first(adapter: Any, folder: Path) -> None:
    async def test(store: Store, recorder: Recorder) -> None:
        await put_users(store, "a")
        one = await kept(store, user="a", dismissible=False)
        head = store.head
        assert type(await outcome(store.act(A, one.id, "dismiss", NOW))) is Conflict
        assert store.head == head
        await store.act(A, one.id, "acknowledge", NOW)
        assert (await store.act(A, one.id, "dismiss", NOW + 1)).dismissed == NOW + 1

    adapter.run(folder, test)


# -- marks and counts


def test_a_mark_reaches_as_far_as_there_is_anything_and_twice_is_nothing(adapter: Any, folder: Path) -> None:
    async def test(store: Store, recorder: Recorder) -> None:
        await put_users(store, "a")
        first, second = await kept(store, user="a"), await kept(store)
        await put_users(store, "b")
        head = store.head

        upto, unread = await store.mark(A, None, "info", None, NOW)

        assert (upto, unread) == (head, Unread(dict.fromkeys(TYPES, 0), head + 1))
        assert recorder.entries[-1].change == Mark(
            seq=head + 1, user_id=A, type="info", device_id=None, upto=second.first, at=NOW
        )
        assert (await store.mark(A, None, "info", None, NOW + 9))[1] == unread
        assert store.head == head + 1
        assert [await state(store, A, one) for one in (first, second)] == [State(read=NOW)] * 2
        for beyond in (store.head + 1, 1 << 60):
            assert type(await outcome(store.mark(A, beyond, None, None, NOW))) is Invalid
        assert (await store.unread(B)).total == 0

    adapter.run(folder, test)


def test_a_mark_turns_what_it_covers_and_was_set_unread_into_read(adapter: Any, folder: Path) -> None:
    async def test(store: Store, recorder: Recorder) -> None:
        await put_users(store, "a")
        made = [await kept(store, device=device) for device in ("d1", "d2", "d1")]
        await store.mark(A, None, None, None, NOW)
        for one in made:
            await store.act(A, one.id, "unread", NOW)
        head = store.head

        _, unread = await store.mark(A, made[1].first, None, DeviceId("d1"), NOW + 5)

        changes = [entry.change for entry in recorder.entries if entry.seq > head]
        assert [type(change) for change in changes] == [Receipt, Mark], "each with a number of its own"
        assert [(await state(store, A, one)).read for one in made] == [NOW + 5, None, None]
        assert unread.types["info"] == 2
        await store.mark(A, None, None, DeviceId("d1"), NOW + 6)
        assert [(await state(store, A, one)).read for one in made] == [NOW + 5, None, NOW + 6]

    adapter.run(folder, test)


def test_changes_tell_the_first_mark_that_covers_one_whatever_else_a_page_holds(adapter: Any, folder: Path) -> None:
    async def test(store: Store, _recorder: Recorder) -> None:
        await put_users(store, "a")
        older, newer = await kept(store, user="a"), await kept(store, user="a")
        await store.act(A, newer.id, "dismiss", NOW)
        await store.mark(A, older.first, None, None, NOW + 1)
        await store.mark(A, None, None, None, NOW + 2)
        page = await store.changes(A, None, 0, 100)
        told = {one.notification.id: one.state.read for one in page.changes if isinstance(one, Item)}
        assert told == {older.id: NOW + 1, newer.id: NOW + 2}
        assert [(await state(store, A, one)).read for one in (older, newer)] == [NOW + 1, NOW + 2]

    adapter.run(folder, test)


@pytest.mark.parametrize("seed", range(2))
def test_counts_equal_a_recount_whatever_happens_at_once_and_after_opening_again(
    adapter: Any, folder: Path, seed: int
) -> None:
    chance = random.Random(seed)
    made: list[Notification] = []

    async def send(store: Store) -> None:
        kind = chance.choice(TYPES)
        who, device = chance.choice([None, "a", "b"]), chance.choice([None, "d1", "d2"])
        made.append(await kept(store, type=kind, user=who, device=device))

    def change(store: Store) -> Any:
        user = chance.choice([A, B])
        match chance.choice(["send", "send", "act", "act", "act", "act", "mark", "withdraw"]):
            case "act":
                what = chance.choice(["read", "read", "unread", "dismiss"])
                return store.act(user, chance.choice(made).id, what, NOW)  # type: ignore[arg-type]
            case "mark":
                scope = chance.choice([None, *TYPES]), chance.choice([None, DeviceId("d1")])
                return store.mark(user, chance.choice([None, chance.choice(made).first]), *scope, NOW)  # type: ignore[arg-type]
            case "withdraw":
                return store.withdraw(chance.choice(made).id, NOW, None)
        return send(store)

    async def test(store: Store, recorder: Recorder) -> None:
        await put_users(store, "a", "b")
        for _ in range(5):
            await send(store)
        for _ in range(12):
            await asyncio.gather(*(outcome(change(store)) for _ in range(25)))
            await look(store, recorder)

    async def look(store: Store, recorder: Recorder) -> None:
        for user in (A, B):
            unread = await store.unread(user)
            assert unread.types == await recount(store, user)
            assert unread.head == store.head

    adapter.run(folder, test, look)
