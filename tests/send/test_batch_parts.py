"""What the store promises of a batch when it fails half-way, or when what is known of it is old."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from harness.patience import PATIENCE
from store.adapters import ADAPTERS, NOW, Recorder, draft, put_users
from tocsin.errors import Invalid, Unavailable, UsedKey
from tocsin.idempotency import KEPT_MS, Once
from tocsin.ports import Entry, Replay, Span
from tocsin.store import bulk
from tocsin.store.bulk import Bulk


@pytest.fixture(params=list(ADAPTERS))
def adapter(request: pytest.FixtureRequest) -> Any:
    return ADAPTERS[request.param]


ONCE = Once(scope="key:tests batch", key="k", fingerprint=b"one")


def test_what_stands_behind_a_part_that_failed_is_not_tried_and_goes_on_under_the_key(
    adapter: Any, tmp_path: Path
) -> None:
    async def test(store: Any, recorder: Recorder) -> None:
        await put_users(store, "a")
        drafts = [draft(str(n), user="a") for n in range(1000)]
        submitted = 0

        def submit(command: Any) -> Any:
            nonlocal submitted
            submitted += 1
            if submitted == 3:
                raise Unavailable("Too many writes are waiting")
            return store._bulk._submit(command)

        found = await Bulk(submit).append_all(drafts, ONCE, NOW, whole=False)
        assert [type(one) for one in found] == [Entry] * 500 + [Unavailable] * 500
        assert submitted == 3
        assert str(found[500]) == "Too many writes are waiting"
        assert str(found[-1]).startswith("Not tried")

        again = await store.append_all(drafts, ONCE, NOW, whole=False)
        assert [type(one) for one in again] == [Replay] * 500 + [Entry] * 500
        assert [one.id for one in again] == [one.id for one in drafts]
        told = [entry.id for entry in recorder.entries if entry.notification is not None]
        assert told == [one.id for one in drafts]

    adapter.run(tmp_path, test)


def test_when_the_first_part_fails_it_is_the_whole_request_that_is_not_available(adapter: Any, tmp_path: Path) -> None:
    async def test(store: Any, recorder: Recorder) -> None:
        def submit(command: Any) -> Any:
            raise Unavailable

        with pytest.raises(Unavailable):
            await Bulk(submit).append_all([draft("x")], None, NOW, whole=False)

    adapter.run(tmp_path, test)


def test_parts_of_another_size_are_found_again(adapter: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(store: Any, recorder: Recorder) -> None:
        drafts = [draft(str(n)) for n in range(170)]
        first = await store.append_all(drafts[:120], ONCE, NOW, whole=False)
        monkeypatch.setattr(bulk, "PART_COST", 35)
        again = await store.append_all(drafts, ONCE, NOW, whole=False)
        assert [one.id for one in again[:120]] == [one.id for one in first]
        assert [type(one) for one in again] == [Replay] * 120 + [Entry] * 50

    adapter.run(tmp_path, test)


class Seen(Recorder):
    """An announcer that has told so many streams of each broadcast."""

    def __init__(self, streams: int) -> None:
        super().__init__()
        self._streams = streams

    def announce(self, span: Span) -> None:
        for entry in span.entries:
            if entry.notification is not None and entry.notification.user_id is None:
                entry.streamed = self._streams
        super().announce(span)


@pytest.mark.parametrize(
    ("streams", "parts"),
    [(0, [50, 250, 200]), (1, [50, 125, 125, 125, 75]), (4, [50] * 10), (1_000, [50] * 10)],
)
def test_broadcasts_go_in_smaller_parts_where_streams_see_them(streams: int, parts: list[int], tmp_path: Path) -> None:
    async def test() -> None:
        seen = Seen(streams)
        async with ADAPTERS["sqlite"].open(tmp_path, seen) as store:
            await store.append_all([draft(str(n)) for n in range(500)], ONCE, NOW, whole=False)
        assert [len(span.entries) for span in seen.spans] == parts

    asyncio.run(test())


def test_what_went_to_one_user_says_nothing_of_what_broadcasts_cost(tmp_path: Path) -> None:
    async def test(store: Any, recorder: Recorder) -> None:
        await put_users(store, "a")
        before = len(recorder.spans)
        drafts = [draft(str(n), user="a") for n in range(250)] + [draft(str(n)) for n in range(100)]
        await store.append_all(drafts, None, NOW, whole=False)
        assert [len(span.entries) for span in recorder.spans[before:]] == [250, 50, 50]

    ADAPTERS["sqlite"].run(tmp_path, test)


def test_after_a_day_a_key_begins_anew_whatever_was_left_of_it(adapter: Any, tmp_path: Path) -> None:
    async def test(store: Any, recorder: Recorder) -> None:
        old = [draft(f"old {n}") for n in range(100)]
        await store.append_all(old, ONCE, NOW, whole=False)
        # The last part is younger, as if a later try had added it.
        late = NOW + KEPT_MS - 1
        await store.append_all([*old, draft("late")], ONCE, late, whole=False)
        other = Once(scope=ONCE.scope, key=ONCE.key, fingerprint=b"two")
        with pytest.raises(UsedKey):
            await store.append_all([draft("too early")], other, late, whole=False)
        new = [draft(f"new {n}") for n in range(121)]
        found = await store.append_all(new, other, NOW + KEPT_MS + 1, whole=False)
        assert [one.id for one in found] == [one.id for one in new]

    adapter.run(tmp_path, test)


def test_a_whole_that_is_refused_takes_no_number(adapter: Any, tmp_path: Path) -> None:
    async def test(store: Any, recorder: Recorder) -> None:
        await put_users(store, "a")
        start = store.head
        for bad in (draft("x", user="nobody"), Invalid("title", "is required")):
            both = asyncio.gather(
                store.append_all([draft("1", user="a"), bad, draft("2")], ONCE, NOW, whole=True),
                store.append(draft("another's", user="a")),
            )
            refused, kept = await both
            assert [one.code for one in refused] == [
                "withheld",
                bad.code if isinstance(bad, Invalid) else "not-found",
                "withheld",
            ]
            assert kept.seq == start + 1
            start = store.head
        assert (await store.unread("a")).types["info"] == 2

    adapter.run(tmp_path, test)


def test_expired_parts_are_removed(adapter: Any, tmp_path: Path) -> None:
    async def test(store: Any, recorder: Recorder) -> None:
        long_ago = 1_000_000_000_000
        await store.append_all([draft(str(n)) for n in range(400)], ONCE, long_ago, whole=False)

    async def after(store: Any, recorder: Recorder) -> None:
        async def left() -> int:
            rows = await adapter.rows_of(store, "SELECT count(*) FROM batches")
            return int(rows[0][0])

        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends:
            if not await left():
                return
            await asyncio.sleep(0.02)
        raise AssertionError("they are still there")

    adapter.run(tmp_path, test, after)
