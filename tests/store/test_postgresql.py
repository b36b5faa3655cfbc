"""What only the store on PostgreSQL promises: many nodes on one log, nothing lost with a connection, schema, epoch."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from harness.patience import PATIENCE, SLACK
from harness.postgresql import cluster
from store.adapters import ADAPTERS, NOW, Recorder, all_changes, audit, draft, kept, outcome, put_users
from store.test_contract_sessions import session
from tocsin import announcement
from tocsin.errors import StartError, Unavailable
from tocsin.nodes import Settling
from tocsin.notification import Notification
from tocsin.ports import Entry, Span
from tocsin.principal import User, UserId
from tocsin.receipt import Mark, Receipt, Withdrawn
from tocsin.store.postgresql import schema, writer
from tocsin.store.postgresql.store import PostgresqlStore

ANNA = UserId("anna")


@pytest.fixture
def url(tmp_path: Path) -> str:
    return str(ADAPTERS["postgresql"].url(tmp_path))


@asynccontextmanager
async def node(url: str, name: str = "a", announcer: Any = None, **more: Any) -> AsyncIterator[Any]:
    store = await PostgresqlStore.open(url, announcer or Recorder(), node=name, **more)
    try:
        yield store
    finally:
        await store.close()


async def admin(url: str) -> Any:
    place = cluster()
    return await asyncpg.connect(
        host=str(place.folder), port=place.port, user="postgres", database=url.rpartition("/")[2]
    )


def run(test: Any, seconds: float = 2 * PATIENCE) -> None:
    asyncio.run(asyncio.wait_for(test, seconds))


async def until(true: Callable[[], bool]) -> None:
    while not true():  # noqa: ASYNC110  (`run` ends it)
        await asyncio.sleep(0.01)


# -- many nodes


def test_nodes_share_one_sequence_and_each_reads_what_all_have_written(url: str) -> None:
    async def test() -> None:
        async with node(url, "a") as a, node(url, "b") as b, node(url, "c") as c:
            await put_users(a, ANNA)
            start = a.head
            sent = await asyncio.gather(
                *(s.append(draft(f"{n}", user=ANNA if n % 3 else None)) for n in range(300) for s in (a, b, c))
            )
            seqs = sorted(entry.seq for entry in sent)
            assert seqs == list(range(start + 1, start + 901))
            for store in (a, b, c):
                assert await store.position() == (a.epoch, start + 900)
                assert (await store.unread(ANNA)).total == 900
            span = await b.tail(start, 1000)
            assert (span.first, span.last) == (start + 1, start + 900)
            assert [entry.seq for entry in span.entries] == seqs

    run(test())


def test_the_tail_tells_every_kind_of_change_as_its_own_node_was_told(url: str) -> None:
    async def test() -> None:
        recorder = Recorder()
        async with node(url, "a", recorder) as a, node(url, "b") as b:
            await put_users(a, ANNA, "bert")
            sent = await kept(a, "own", user=ANNA, device="d")
            broadcast = await kept(a, "all")
            gone = await kept(a, "gone", user=ANNA)
            await a.act(ANNA, broadcast.id, "dismiss", NOW)
            await a.mark(ANNA, sent.first, "info", "d", NOW)
            await a.withdraw(gone.id, NOW, audit())
            await a.put_install("app", ANNA, audit())
            await a.put_session(session("s", "anna"), NOW, None)
            await a.delete_user(UserId("bert"), audit())
            whole = (await b.tail(0, 1000)).entries
            told = {entry.seq: entry for entry in recorder.entries}
            # What has changed since is told at its new place only.
            assert [e.seq for e in whole] == [s for s in sorted(told) if s != gone.seq]
            for entry in whole:
                assert (entry.notification, entry.change, entry.identity) == (
                    told[entry.seq].notification,
                    told[entry.seq].change,
                    told[entry.seq].identity,
                )
            kinds = {type(entry.notification or entry.change or entry.identity) for entry in whole}
            assert kinds == {Notification, Receipt, Mark, Withdrawn, tuple}
            assert ("session", "s") in [entry.identity for entry in whole]
            page = await b.tail(0, 4)
            assert (page.entries, page.last) == (whole[:4], whole[3].seq)
            for entry in whole:
                assert announcement.entry_of(json.loads(json.dumps(announcement.row_of(entry)))) == entry

    run(test())


def test_the_database_tells_of_each_commit_in_order_with_what_fits(url: str) -> None:
    async def test() -> None:
        heard: list[announcement.Announcement] = []
        listener = await asyncpg.connect(url)
        await listener.add_listener("tocsin", lambda *told: heard.append(announcement.decode(told[3])))
        async with node(url, "a") as a, node(url, "b", notify=False) as b:
            await put_users(a, ANNA)
            small = await a.append(draft('quoted " \\ \U0001f389', user=ANNA))
            large = await a.append(draft("x" * 8000))
            await b.append(draft("in silence"))
            await a.append(draft("last"))
            await until(lambda: len(heard) >= 4)
        await listener.close()
        assert [(one.first, one.last) for one in heard] == [(1, 1), (2, 2), (3, 3), (5, 5)]
        assert {one.node for one in heard} == {"a"}
        assert {one.epoch for one in heard} == {a.epoch}
        assert heard[1].entries == [Entry(seq=2, notification=small.notification)]
        assert heard[2].entries is None
        assert large.seq == 3
        span = Span(a.epoch, 2, 2, [small])
        assert announcement.decode(announcement.encode(span, "a")) == heard[1]

    run(test())


def test_a_span_names_the_other_nodes_that_have_streams_for_it_and_waits_for_them(url: str) -> None:
    class Gathering(Recorder):
        async def settled(self, span: Span) -> None:
            await asyncio.sleep(0.01)
            for entry in span.entries:
                entry.streamed = 7

    async def test() -> None:
        gathering = Gathering()
        assert isinstance(gathering, Settling)
        async with node(url, "a", gathering) as a, node(url, "b") as b, node(url, "c") as c:
            await put_users(a, ANNA, "bert")
            await b.note_presence("b", ["anna", ""], [])
            await c.note_presence("c", [""], ["anna"])
            await a.note_presence("a", ["anna", "bert", ""], [])
            for user, awaited in (("anna", {"b"}), (None, {"b", "c"}), ("bert", set())):
                entry = await a.append(draft("x", user=user))
                assert entry.streamed == 7, "whoever sent it hears of it once it is known"
                assert set(gathering.spans[-1].awaited) == awaited
            await b.note_presence("b", [], ["anna"])
            await a.append(draft("x", user="anna"))
            assert gathering.spans[-1].awaited == ()
            await b.forget_node("b")
            await a.append(draft("x"))
            assert gathering.spans[-1].awaited == ("c",)
            # Whoever is known may be known to any node that lives.
            await c.note_presence("c", [], [])
            await a.put_user(User(id=UserId("carl"), name="carl"), audit())
            assert gathering.spans[-1].awaited == ("c",)

    run(test())


def test_who_takes_too_long_to_gather_holds_up_nobody(url: str) -> None:
    class Slow(Recorder):
        async def settled(self, span: Span) -> None:
            await asyncio.sleep(30)

    async def test() -> None:
        async with node(url, "a", Slow()) as a:
            began = time.monotonic()
            await asyncio.gather(*(a.append(draft("x")) for _ in range(20)))
            assert time.monotonic() - began < 2 * SLACK

    run(test())


def test_a_lease_is_one_nodes_until_it_ends_or_is_given_back(url: str) -> None:
    async def test() -> None:
        async with node(url, "a") as a, node(url, "b") as b:
            assert await a.lease("work", "a", 30)
            assert not await b.lease("work", "b", 30)
            assert await a.lease("work", "a", 30)
            assert await a.lease("work", "a", 0)
            assert await b.lease("work", "b", 0.05)
            await asyncio.sleep(0.1)
            assert await a.lease("work", "a", 30)
            taken = await asyncio.gather(*(s.lease("other", n, 30) for s, n in ((a, "a"), (b, "b")) * 5))
            assert set(taken) == {True, False}
            names = [name for name, seconds in await a.nodes() if seconds < 60]
            assert names == ["a", "b"]

    run(test())


# -- lost connections


@pytest.mark.fault
def test_connections_that_are_cut_lose_nothing_and_double_nothing(url: str) -> None:
    """Cut while twenty senders send: what was answered is there once, what was refused may be sent again."""

    async def test() -> None:
        recorder = Recorder()
        async with node(url, "a", recorder) as a:
            await put_users(a, ANNA)
            start, ends, over = a.head, time.monotonic() + PATIENCE, asyncio.Event()
            answered: list[str] = []
            refused = cuts = 0

            async def send(number: int) -> None:
                nonlocal refused
                count = 0
                while not over.is_set():
                    made = draft(f"{number}-{count}", user=ANNA)
                    found = await outcome(a.append(made))
                    if isinstance(found, Entry):
                        answered.append(made.id)
                        count += 1
                    else:
                        assert isinstance(found, Unavailable), found
                        refused += 1
                        await asyncio.sleep(0.05)

            async def cut() -> None:
                nonlocal cuts
                superuser = await admin(url)
                while (cuts < 5 or len(answered) < 200) and time.monotonic() < ends:
                    await asyncio.sleep(0.4)
                    cuts += await superuser.fetchval(
                        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                        " WHERE application_name = 'tocsin writer' AND datname = current_database()"
                    )
                await superuser.close()
                over.set()

            await asyncio.gather(cut(), *(send(n) for n in range(20)))
            ids = [row[0] for row in await a._reader.rows("SELECT id FROM notifications ORDER BY first")]
            assert len(ids) == len(set(ids))
            assert set(answered) <= set(ids), "what was answered is there"
            assert len(answered) >= 200
            assert cuts >= 5
            told = [entry.seq for entry in recorder.entries]
            assert told == sorted(set(told)), "told once, in order"
            assert set(range(start + 1, a.head + 1)) >= {entry.seq for entry in recorder.entries if entry.seq > start}

    run(test())


def test_a_batch_that_was_given_up_on_cannot_come_in_late(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        monkeypatch.setattr(writer, "_CHECK_SECONDS", PATIENCE)  # a slow look reconnects, and knows better
        async with node(url, "a") as a:
            await a.append(draft("x"))
            stale = a._writer._batch
            await a.append(draft("y"))
            a._writer._batch = stale
            found = await outcome(a.append(draft("late")))
            assert isinstance(found, Unavailable)
            assert (await a.position())[1] == 2
            await a.append(draft("z"))
            assert a.head == 3

    run(test())


@pytest.mark.fault
def test_a_lock_that_somebody_holds_is_answered_within_three_seconds(url: str) -> None:
    async def test() -> None:
        async with node(url, "a") as a:
            await a.append(draft("x"))
            superuser = await admin(url)
            async with superuser.transaction():
                await superuser.execute("SELECT * FROM log FOR UPDATE")
                began = time.monotonic()
                found = await outcome(a.append(draft("held up")))
                assert isinstance(found, Unavailable)
                assert time.monotonic() - began < 3 * SLACK
                assert a.troubles()
            await superuser.close()
            entry = await a.append(draft("after"))
            assert entry.seq == 2
            assert not a.troubles()

    run(test())


# -- schema and epoch


def test_nodes_that_start_at_once_make_one_schema(tmp_path: Path) -> None:
    url = cluster().database(f"started_{time.time_ns()}")

    async def test() -> None:
        stores = await asyncio.gather(*(PostgresqlStore.open(url, Recorder(), node=f"n{n}") for n in range(4)))
        assert len({store.epoch for store in stores}) == 1
        entries = await asyncio.gather(*(store.append(draft("x")) for store in stores))
        assert sorted(entry.seq for entry in entries) == [1, 2, 3, 4]
        for store in stores:
            await store.close()

    run(test())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("INSERT INTO migrations VALUES (9999, 'x')", "newer"),
        ("UPDATE migrations SET checksum = 'x' WHERE number = 1", "was changed"),
    ],
)
def test_a_schema_that_is_not_known_refuses_to_start(url: str, change: str, says: str) -> None:
    async def test() -> None:
        connection = await asyncpg.connect(url)
        await connection.execute(change)
        await connection.close()
        with pytest.raises(StartError, match=says):
            await PostgresqlStore.open(url, Recorder(), node="a")

    run(test())


def test_a_step_for_after_waits_until_no_older_node_is_about(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    late = schema.Migration(99, "after", "ALTER TABLE devices ADD COLUMN later integer")
    known = schema.migrations()
    columns = "SELECT count(*) FROM information_schema.columns WHERE table_name = 'devices' AND column_name = 'later'"

    async def test() -> None:
        async with node(url, "old") as old:
            monkeypatch.setattr(schema, "migrations", lambda: [*known, late])
            async with node(url, "new") as new:
                assert await new._reader.value(columns) == 0
                await new.put_user(User(id=ANNA, name="x"), audit())
                assert await old.user(ANNA) is not None
        async with node(url, "new") as new:
            assert await new._reader.value(columns) == 1

    run(test())


def test_a_dump_that_is_read_back_has_another_epoch_and_a_restart_has_not(url: str) -> None:
    epochs: list[str] = []

    async def test() -> None:
        for _ in range(2):
            async with node(url, "a") as a:
                epochs.append(a.epoch)
                await a.append(draft("x"))
        connection = await asyncpg.connect(url)
        await connection.execute("CREATE TABLE again (LIKE log INCLUDING ALL); INSERT INTO again SELECT * FROM log")
        await connection.execute("DROP TABLE log; ALTER TABLE again RENAME TO log")
        await connection.close()
        async with node(url, "a") as a:
            epochs.append(a.epoch)
            assert a.head == 2

    run(test())
    assert epochs[0] == epochs[1] != epochs[2]


def test_a_row_that_the_disk_has_changed_is_never_shown(url: str) -> None:
    async def test() -> None:
        async with node(url, "a") as a:
            await put_users(a, ANNA)
            bad = await kept(a, "bad", user=ANNA)
            good = await kept(a, "good", user=ANNA)
            await a._reader.rows(
                "UPDATE notifications SET body = replace(body, 'bad', 'mad') WHERE first = $1", bad.first
            )
            assert isinstance(await outcome(a.notification(ANNA, bad.id)), Unavailable)
            page = await a.changes(ANNA, None, 0, 10)
            assert [change.notification.id for change in page.changes] == [good.id]

    run(test())


def test_what_lies_behind_a_page_of_rows_that_the_disk_has_changed_is_told(url: str) -> None:
    async def test() -> None:
        async with node(url, "a") as a:
            await put_users(a, ANNA)
            for _ in range(20):
                await kept(a, "bad" * 2_700, user=ANNA)
            await a._reader.rows("UPDATE notifications SET body = replace(body, 'bad', 'mad')")
            good = await kept(a, "good", user=ANNA)
            assert await all_changes(a, ANNA, 0, 200) == [good.seq]

    run(test())
