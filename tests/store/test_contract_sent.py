"""What every store promises to senders: many at once, what became of them, and taking them back."""

import asyncio
import random
from pathlib import Path
from typing import Any

import msgspec

from store.adapters import NOW, Recorder, all_changes, audit, draft, kept, outcome, pages, put_users
from tocsin.device import DeviceId
from tocsin.errors import Forbidden, NotFound, Refusal, UsedKey
from tocsin.idempotency import Once
from tocsin.notification import Notification, NotificationId
from tocsin.ports import Entry, Recipient, Replay, Store, Whereabouts
from tocsin.principal import UserId
from tocsin.receipt import State, Withdrawn

A, B = UserId("a"), UserId("b")


async def became(store: Store, one: Notification, **page: Any) -> Whereabouts:
    found = await store.whereabouts(one.id, page.get("before"), page.get("limit", 50))
    assert found is not None
    return found


async def delivered(store: Store, *some: Notification) -> list[int | None]:
    return [(await became(store, one)).page[0].delivered for one in some]


# -- taking back


def test_what_is_withdrawn_is_nowhere_but_in_what_changed(adapter: Any, folder: Path) -> None:
    async def test(store: Store, recorder: Recorder) -> None:
        await put_users(store, "a", "b")
        start = store.head
        own = await kept(store, "a secret", user="a", device="d")
        everyones = await kept(store, "a secret")
        stays = await kept(store, user="a")
        await store.act(A, own.id, "acknowledge", NOW)
        for one in (own, everyones):
            head = store.head
            await store.withdraw(one.id, NOW + 5, None)
            assert recorder.entries[-1].change == Withdrawn(
                seq=head + 1, first=one.first, id=one.id, user_id=one.user_id, device_id=one.device_id
            )
            assert recorder.entries[-1].seq == store.head == head + 1

        assert [item.notification.id for item in await pages(store, "a", 10)] == [stays.id]
        assert await pages(store, "b", 10) == []
        assert await store.notification(A, own.id) is None
        assert [(await store.unread(user)).total for user in (A, B)] == [1, 0]
        told = (await store.changes(A, None, start, 100)).changes
        assert [type(change).__name__ for change in told] == ["Item", "Withdrawn", "Withdrawn"]
        assert "a secret" not in repr(told)
        assert await all_changes(store, "a", own.seq, 1, devices=["d"]) == [told[1].seq]  # type: ignore[union-attr]
        assert await all_changes(store, "b", start, 1) == [store.head]

        head = store.head
        await store.withdraw(own.id, NOW + 9, audit("again"))
        assert store.head == head, "the second time takes no number"
        assert (await became(store, own)).withdrawn == NOW + 5
        assert type(await outcome(store.withdraw(NotificationId("notif_none"), NOW, None))) is NotFound

    async def after(store: Store, recorder: Recorder) -> None:
        assert len(await pages(store, "a", 10)) == 1
        assert (await store.unread(A)).total == 1

    adapter.run(folder, test, after)


def test_it_is_in_the_audit_log_when_it_is_to_be_and_once(adapter: Any, folder: Path) -> None:
    async def test(store: Store, recorder: Recorder) -> None:
        await put_users(store, "a")
        one, other = await kept(store, user="a"), await kept(store, user="a")
        before = len(await store.audits(None, 100))
        await asyncio.gather(*(store.withdraw(one.id, NOW, audit("withdraw", one.id)) for _ in range(5)))
        await store.withdraw(other.id, NOW, None)
        assert [entry.what for _, entry in await store.audits(None, 100)][:-before] == [one.id]

    adapter.run(folder, test)


# -- what became of it


def test_of_each_recipient_it_is_known_what_they_did(adapter: Any, folder: Path) -> None:
    async def test(store: Store, recorder: Recorder) -> None:
        names = [f"u{n}" for n in range(6)]
        await put_users(store, *names)
        one = await kept(store, device="d", type="error")
        await put_users(store, "later")
        await store.act(UserId("u0"), one.id, "read", NOW + 1)
        await store.mark(UserId("u1"), None, "error", DeviceId("d"), NOW + 2)
        await store.mark(UserId("u2"), None, "info", None, NOW + 3)
        await store.mark(UserId("u3"), None, None, None, NOW + 4)
        await store.act(UserId("u3"), one.id, "unread", NOW + 5)
        await store.act(UserId("u4"), one.id, "acknowledge", NOW + 6)
        await store.act(UserId("u4"), one.id, "dismiss", NOW + 7)

        whole = await became(store, one)
        states = [State(NOW + 1), State(NOW + 2), State(), State(), State(None, NOW + 7, NOW + 6), State()]
        assert whole.page == [Recipient(UserId(name), None, state) for name, state in zip(names, states, strict=True)]
        assert (whole.sender, whole.withdrawn, whole.next) == ("user:tests", None, None)
        counts = (whole.recipients, whole.delivered, whole.read, whole.dismissed, whole.acknowledged)
        assert counts == (6, 0, 2, 1, 1)
        for limit in (1, 2, 5, 6):
            found: list[Recipient] = []
            before: str | None = None
            while True:
                page = await became(store, one, before=before, limit=limit)
                assert (page.recipients, page.read) == (6, 2)
                found += page.page
                before = page.next
                if before is None:
                    break
            assert found == whole.page
        assert await store.whereabouts(NotificationId("notif_none"), None, 10) is None

        own = await became(store, await kept(store, user="u5"))
        assert [recipient.user_id for recipient in own.page] == ["u5"]

    adapter.run(folder, test)


def test_delivered_is_what_was_brought(adapter: Any, folder: Path) -> None:
    async def test(store: Store, recorder: Recorder) -> None:
        await put_users(store, "a")
        joined = store.head
        one, two, three, four = [await kept(store, f"{n}", user="a") for n in range(4)]
        head = store.head

        await store.confirm(A, joined, one.seq, NOW + 1)
        assert await delivered(store, one, two) == [NOW + 1, None]
        await store.confirm(A, two.seq, three.seq, NOW + 2)
        assert await delivered(store, one, two, three) == [NOW + 1, None, NOW + 2], "two was not brought"
        await store.confirm(A, joined, store.head + 1, NOW + 2)
        assert await delivered(store, two) == [None], "a number that was not given out"
        await store.confirm(A, one.seq, two.seq, NOW + 3)
        await store.confirm(A, joined, one.seq, NOW + 4)
        await store.confirm(A, joined, two.seq, NOW + 4)
        assert await delivered(store, one, two, three) == [NOW + 1, NOW + 3, NOW + 2], "when it was first said"
        await put_users(store, "b")
        await store.confirm(A, two.seq, four.seq, NOW + 5)
        later = await kept(store)
        await store.confirm(A, later.seq - 1, later.seq, NOW + 6)
        assert await delivered(store, three, four, later) == [NOW + 2, NOW + 5, NOW + 6], (
            "nothing of theirs lay between"
        )
        await store.confirm(UserId("nobody"), 0, later.seq, NOW)
        assert (await became(store, later)).delivered == 1
        assert store.head == head + 2, "a watermark takes no number"

    adapter.run(folder, test)


def test_what_streams_have_brought_is_delivered_whatever_lies_between(adapter: Any, folder: Path) -> None:
    """Against a plain list: each number has the time of the first stream that said so."""
    dice = random.Random(7)

    async def test(store: Store, recorder: Recorder) -> None:
        await put_users(store, "a")
        joined = store.head
        sent: list[Notification] = []
        said: dict[int, int] = {}
        for turn in range(300):
            if turn % 3 == 0:
                sent.append(await kept(store, user="a" if dice.random() < 0.7 else None))
            began, upto = sorted(dice.choices(range(joined, store.head + 1), k=2))
            began = began if dice.random() < 0.7 else max(joined, store.head - 2)
            await store.confirm(A, began, max(began, upto), NOW + turn)
            for one in sent:
                if began < one.seq <= upto:
                    said.setdefault(one.seq, NOW + turn)
        assert 50 < len(said) < len(sent), "some of either"
        assert await delivered(store, *sent) == [said.get(one.seq) for one in sent]

    adapter.run(folder, test)


# -- many at once


def test_of_many_each_is_answered_for_in_its_place(adapter: Any, folder: Path) -> None:
    async def test(store: Store, recorder: Recorder) -> None:
        await put_users(store, "a")
        start = store.head
        drafts: list[Any] = [draft(f"{n}", user=["a", None, "nobody"][n % 3]) for n in range(900)]
        drafts[4] = Forbidden("refused before")

        found = await store.append_all(drafts, None, NOW, whole=False)

        entries = [one for one in found if isinstance(one, Entry)]
        assert [one.seq for one in entries] == list(range(start + 1, start + 600))
        assert found[4] is drafts[4]
        assert {type(one) for one in found[2::3]} == {NotFound}
        assert [entry.seq for entry in recorder.entries if entry.seq > start] == [one.seq for one in entries]
        for given, one in zip(drafts, found, strict=True):
            assert not isinstance(one, Entry) or one.id == given.id

    adapter.run(folder, test)


def test_all_or_none(adapter: Any, folder: Path) -> None:
    async def test(store: Store, recorder: Recorder) -> None:
        await put_users(store, "a")
        start = store.head
        good = [draft(f"{n}", user="a") for n in range(300)]
        found = await store.append_all([*good, draft("x", user="nobody")], None, NOW, whole=True)
        assert all(isinstance(one, Refusal) for one in found)
        assert isinstance(found[-1], NotFound)
        assert store.head == start

        found = await store.append_all(good, None, NOW, whole=True)
        assert [one.seq for one in found if isinstance(one, Entry)] == list(range(start + 1, start + 301))

    adapter.run(folder, test)


def test_the_same_many_again_are_kept_once(adapter: Any, folder: Path) -> None:
    once = Once(scope="user:a batch", key="k", fingerprint=b"1")

    def ids(found: Any) -> list[str]:
        return [one.id for one in found if isinstance(one, (Entry, Replay))]

    async def test(store: Store, recorder: Recorder) -> None:
        await put_users(store, "a")
        start = store.head
        drafts: list[Any] = [draft(f"{n}", user="nobody" if n == 7 else "a") for n in range(600)]
        twins = await asyncio.gather(*(store.append_all(drafts, once, NOW, whole=False) for _ in range(3)))
        assert store.head == start + 599
        assert len({tuple(ids(found)) for found in twins}) == 1
        assert all(type(found[7]) is NotFound for found in twins), "a refusal is remembered, too"
        await put_users(store, "nobody")
        again = await store.append_all(drafts, once, NOW, whole=False)
        assert ids(again) == ids(twins[0])
        assert type(again[7]) is NotFound
        other = msgspec.structs.replace(once, fingerprint=b"2")
        assert type(await outcome(store.append_all(drafts, other, NOW, whole=False))) is UsedKey

    async def after(store: Store, recorder: Recorder) -> None:
        head = store.head
        drafts: list[Any] = [draft(f"{n}", user="a") for n in range(600)]
        assert len(ids(await store.append_all(drafts, once, NOW, whole=False))) == 599
        assert store.head == head

    adapter.run(folder, test, after)


# -- what anybody sent


def test_all_that_was_sent_is_listed_between_two_numbers(adapter: Any, folder: Path) -> None:
    async def test(store: Store, recorder: Recorder) -> None:
        await put_users(store, "a", "b")
        start = store.head
        made = [await kept(store, f"{n}", user=("a", "b", None)[n % 3], device="d") for n in range(6)]
        found = await store.sent(None, start, 10)
        assert [one.first for one in found] == [one.first for one in made[::-1]]
        assert [(one.id, one.user_id, one.device_id, one.body) for one in found] == [
            (one.id, one.user_id, one.device_id, one.body) for one in made[::-1]
        ]
        assert {(one.sender, one.credential, one.created_at, one.type) for one in found} == {
            ("user:tests", "key:tests", NOW, "info")
        }
        assert [one.first for one in await store.sent(made[4].first, made[1].first, 10)] == [
            made[3].first,
            made[2].first,
        ]
        assert await store.sent(0, 0, 10) == []
        assert [one.first for one in await store.sent(None, start, 2)] == [made[5].first, made[4].first]
        await store.withdraw(made[5].id, NOW + 1, None)
        [taken] = await store.sent(None, made[4].first, 10)
        assert (taken.withdrawn, taken.body) == (NOW + 1, None)
        story = await store.whereabouts(made[0].id, None, 10)
        assert story is not None
        assert (story.sender, story.credential, story.user_id, story.created_at) == (
            "user:tests", "key:tests", "a", NOW,
        )  # fmt: skip
        assert await store.count_users() == 2

    adapter.run(folder, test)
