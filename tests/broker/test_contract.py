"""What every broker does for nodes: carries words, loses them quietly, and finds its way back."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from harness.patience import SLACK
from harness.ports import free_port
from harness.postgresql import Cluster
from harness.redis import Redis
from tocsin.broker.postgresql import PostgresqlBroker
from tocsin.broker.redis import RedisBroker, found_in, hosts


class OnPostgresql:
    """LISTEN and NOTIFY of a server of this module's own, which is killed now and then."""

    def __init__(self) -> None:
        self.server = Cluster()
        self.url = self.server.database("broker")

    def broker(self, node: str) -> Any:
        return PostgresqlBroker(self.url, node)

    def kill(self) -> None:
        self.server.stop(signal.SIGQUIT)

    def start(self) -> None:
        self.server.start()


class OnRedis:
    """Pub/sub of a Redis, by itself or as a cluster."""

    def __init__(self, *, cluster: bool = False) -> None:
        self.server = Redis(cluster=cluster)

    def broker(self, node: str) -> Any:
        return RedisBroker(self.server.url, node, "tests")

    def kill(self) -> None:
        self.server.kill()

    def start(self) -> None:
        self.server.start()


KINDS: dict[str, Callable[[], Any]] = {
    "postgresql": OnPostgresql,
    "redis": OnRedis,
    "redis-cluster": lambda: OnRedis(cluster=True),
}


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> Iterator[Any]:
    made = KINDS[request.param]()
    yield made
    made.server.remove()


class Node:
    """A broker, and what it heard."""

    def __init__(self, broker: Any) -> None:
        self.broker = broker
        self.announced: list[bytes] = []
        self.told: list[bytes] = []
        broker.subscribe(self.announced.append, self.told.append)


async def until(true: Callable[[], bool], seconds: float = 60.0) -> float:
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds, "it never came to be"
        await asyncio.sleep(0.005)
    return time.monotonic() - began


@asynccontextmanager
async def nodes(kind: Any, *names: str) -> AsyncIterator[list[Node]]:
    made = [Node(kind.broker(name)) for name in names]
    running = [asyncio.create_task(node.broker.run()) for node in made]
    try:
        await until(lambda: not any(node.broker.trouble for node in made))
        yield made
    finally:
        for task in running:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*running)


def run(test: Awaitable[None]) -> None:
    async def within() -> None:
        async with asyncio.timeout(600):
            await test

    asyncio.run(within())


def test_what_is_announced_comes_to_every_node_in_the_order_in_which_one_said_it(kind: Any) -> None:
    async def test() -> None:
        async with nodes(kind, "a", "b", "c") as (a, b, c):
            said = [b"announcement %d" % n for n in range(500)]
            for one in said:
                a.broker.announce(one)
            for node in (b, c):
                await until(lambda node=node: len(node.announced) == 500)  # type: ignore[misc]
                assert node.announced == said
            assert not b.told

    run(test())


def test_what_one_node_is_told_comes_to_that_node_only_and_what_all_are_told_to_all(kind: Any) -> None:
    async def test() -> None:
        async with nodes(kind, "a", 'b "\x01 é' + "long " * 20, "c") as (a, b, c):
            a.broker.tell('b "\x01 é' + "long " * 20, b"for b \xc3\xa9")
            a.broker.tell("", b"for all")
            a.broker.tell("nobody", b"for nobody")
            await until(lambda: len(b.told) == 2 and len(c.told) == 1)
            assert b.told == [b"for b \xc3\xa9", b"for all"]
            assert c.told == [b"for all"]
            assert not b.announced

    run(test())


def test_what_is_as_large_as_may_be_is_carried_whole(kind: Any) -> None:
    async def test() -> None:
        async with nodes(kind, "a", "b") as (a, b):
            large = b"x" * 7_900
            for _ in range(20):
                a.broker.tell("b", large)
                a.broker.announce(large + b"y")
            await until(lambda: large in b.told and large + b"y" in b.announced)

    run(test())


@pytest.mark.fault
def test_a_broker_that_was_killed_is_found_again_and_nobody_who_speaks_meanwhile_waits_or_fails(
    kind: Any, soak: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        async with nodes(kind, "a", "b") as (a, b):
            for round_ in range(30 if soak else 1):
                await asyncio.to_thread(kind.kill)
                await until(lambda: bool(a.broker.trouble) and bool(b.broker.trouble))
                began = time.monotonic()
                for n in range(1_000):
                    a.broker.announce(b"lost %d" % n)
                    a.broker.tell("b", b"lost %d" % n)
                assert time.monotonic() - began < 2.0 * SLACK
                await asyncio.to_thread(kind.start)
                back = await until(lambda: not a.broker.trouble and not b.broker.trouble)
                assert back < (5.0 if soak else 40.0)
                a.broker.announce(b"back %d" % round_)
                await until(lambda last=b"back %d" % round_: last in b.announced)  # type: ignore[misc]
            assert not [one for one in b.announced + b.told if one.startswith(b"lost")], "old news is no news"

    run(test())
    assert caplog.text.count("reached again") == caplog.text.count("out of reach") >= 2


@pytest.mark.parametrize("scheme", ["redis", "postgresql"])
def test_a_broker_that_was_never_reached_is_told_of_once_and_with_its_address(
    scheme: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        url = f"{scheme}://me:secret@127.0.0.1:{free_port()}/0"
        broker: Any = RedisBroker(url, "a", "tests") if scheme == "redis" else PostgresqlBroker(url, "a")
        tried = 0
        carry = broker._carry

        async def count(patience: Any) -> None:
            nonlocal tried
            tried += 1
            await carry(patience)

        broker._carry = count
        running = asyncio.create_task(broker.run())
        await until(lambda: tried >= 3)
        running.cancel()
        [line] = [record.getMessage() for record in caplog.records if record.name == "tocsin.broker"]
        assert line.startswith(f"{url.replace('me:secret@', '').removesuffix('/0')}: the broker is out of reach")
        assert "secret" not in caplog.text

    run(test())


@pytest.mark.fault
def test_a_redis_that_stands_still_is_noticed_and_left(soak: bool) -> None:
    async def test() -> None:
        kind = OnRedis()
        try:
            async with nodes(kind, "a") as (a,):
                kind.server.signal(signal.SIGSTOP)
                noticed = await until(lambda: bool(a.broker.trouble))
                kind.server.signal(signal.SIGCONT)
                await until(lambda: not a.broker.trouble)
                assert noticed < (10.0 if soak else 60.0)
        finally:
            kind.server.signal(signal.SIGCONT)
            kind.server.remove()

    run(test())


def test_of_several_addresses_the_one_that_answers_is_used() -> None:
    async def test() -> None:
        kind = OnRedis()
        try:
            broker = RedisBroker(f"redis://127.0.0.1:1,127.0.0.1:{kind.server.port}/0", "a", "tests")
            running = asyncio.create_task(broker.run())
            await until(lambda: not broker.trouble)
            running.cancel()
        finally:
            kind.server.remove()

    run(test())


def test_addresses_are_read_off_a_url_and_off_what_a_cluster_says() -> None:
    assert hosts("rediss://me:secret@a:1,b:2/0?x=y") == ["rediss://me:secret@a:1/0?x=y", "rediss://me:secret@b:2/0?x=y"]
    assert found_in([[0, 8191, [b"10.0.0.1", 7000, b"id"], [b"10.0.0.2", 7001, b"id"]]]) == [
        ("10.0.0.1", 7000),
        ("10.0.0.2", 7001),
    ]
