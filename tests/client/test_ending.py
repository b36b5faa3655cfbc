"""Ending a stream from elsewhere, wherever it is in its life, and leaving nothing behind."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from harness.http import DEV_KEY
from harness.patience import PATIENCE
from harness.ports import free_port
from harness.server import Server
from tocsin.client import AsyncClient, AsyncStream, CaughtUp, Client, Event, Notification, Stream

ENOUGH = 8.0
"""Seconds; far above what an end takes, below the 10 of a connection that is opened in vain."""


@pytest.fixture
def silent() -> Iterator[str]:
    """The URL of somebody who takes connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def iterate(stream: Stream[Event], taken: list[Event]) -> threading.Thread:
    thread = threading.Thread(target=lambda: taken.extend(stream))
    thread.start()
    return thread


def test_a_thread_that_waits_for_what_comes_is_let_go(dev: Server) -> None:
    with Client(dev.url, DEV_KEY) as client:
        stream = client.stream(events=True)
        assert isinstance(next(stream), CaughtUp)
        thread = iterate(stream, [])
        stream.close()
        thread.join(ENOUGH)
        assert not thread.is_alive()


def test_a_thread_that_waits_to_come_back_is_let_go(killable: Server) -> None:
    server = killable
    waits = threading.Event()
    with Client(server.url, DEV_KEY) as client:
        stream = client.stream(events=True, waiting=lambda why, seconds: waits.set() if seconds > 1.5 else None)
        assert isinstance(next(stream), CaughtUp)
        server.kill()
        thread = iterate(stream, [])
        assert waits.wait(PATIENCE)
        stream.close()
        thread.join(ENOUGH)
        assert not thread.is_alive()


def test_a_thread_that_waits_for_a_connection_is_let_go(silent: str) -> None:
    with Client(silent) as client:
        stream = client.stream(events=True)
        thread = iterate(stream, [])
        time.sleep(0.2)
        stream.close()
        thread.join(ENOUGH)
        assert not thread.is_alive()


async def collected(stream: AsyncStream[Event]) -> list[Event]:
    return [event async for event in stream]


def alone() -> bool:
    return asyncio.all_tasks() == {asyncio.current_task()}


def test_a_task_that_waits_for_what_comes_is_let_go(dev: Server) -> None:
    async def main() -> None:
        async with AsyncClient(dev.url, DEV_KEY) as client:
            stream = client.stream(events=True)
            assert isinstance(await anext(stream), CaughtUp)
            task = asyncio.create_task(collected(stream))
            await asyncio.sleep(0.05)
            await stream.close()
            await asyncio.wait_for(task, ENOUGH)
            assert alone()

    asyncio.run(main())


def test_a_task_that_waits_to_come_back_is_let_go(killable: Server) -> None:
    server = killable

    async def main() -> None:
        waits = asyncio.Event()
        async with AsyncClient(server.url, DEV_KEY, waiting=lambda why, s: waits.set() if s > 1.5 else None) as client:
            stream = client.stream(events=True)
            assert isinstance(await anext(stream), CaughtUp)
            server.kill()
            task = asyncio.create_task(collected(stream))
            await asyncio.wait_for(waits.wait(), PATIENCE)
            await asyncio.sleep(0)
            await stream.close()
            await asyncio.wait_for(task, ENOUGH)
            assert alone()

    asyncio.run(main())


def test_a_task_that_waits_for_a_connection_is_let_go(silent: str) -> None:
    async def main() -> None:
        async with AsyncClient(silent) as client:
            stream = client.stream(events=True)
            task = asyncio.create_task(collected(stream))
            await asyncio.sleep(0.2)
            await stream.close()
            await asyncio.wait_for(task, ENOUGH)
            assert alone()

    asyncio.run(main())


def test_a_task_that_is_cancelled_ends_with_its_stream_whatever_it_waits_for(dev: Server, silent: str) -> None:
    async def watch(url: str) -> None:
        async with AsyncClient(url, DEV_KEY) as client, client.stream() as stream:
            async for _ in stream:
                pass

    async def main() -> None:
        for url in (dev.url, silent):
            task = asyncio.create_task(watch(url))
            await asyncio.sleep(0.3)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(task, ENOUGH)
            assert alone()

    asyncio.run(main())


def test_a_wait_that_is_cancelled_loses_nothing(killable: Server) -> None:
    server = killable

    async def main() -> None:
        seen: list[str] = []
        async with AsyncClient(server.url, DEV_KEY) as client, client.stream() as stream:
            while not seen:  # until the stream is open
                await client.send("open", "m", user_id="system")
                seen += await impatient(stream, 0.5)
            sent = [(await client.send(f"n{number}", "m", user_id="system")).notification_id for number in range(200)]
            while len(seen) < 1_000 and sent[-1] not in seen:
                seen += await impatient(stream, 0.001)
        assert [id_ for id_ in seen if id_ in set(sent)] == sent

    async def impatient(stream: AsyncStream[Notification], seconds: float) -> list[str]:
        try:
            return [(await asyncio.wait_for(anext(stream), seconds)).id]
        except TimeoutError:
            return []

    asyncio.run(main())


def test_a_call_that_is_cancelled_leaves_nothing_behind(silent: str) -> None:
    async def main() -> None:
        async with AsyncClient(silent, DEV_KEY) as client:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.send("t", "m"), 0.2)
            assert alone()

    asyncio.run(main())


def test_two_tasks_send_at_the_same_time(dev: Server) -> None:
    async def main() -> None:
        async with AsyncClient(dev.url, DEV_KEY) as client:
            sent = await asyncio.gather(*(client.send(f"t{number}", "m", user_id="user123") for number in range(20)))
        assert len({one.notification_id for one in sent}) == 20

    asyncio.run(main())


def test_a_server_that_is_not_there_yet_is_waited_for_by_a_send(start_server: Callable[..., Server]) -> None:
    server = start_server(ready=False, port=free_port())

    async def main() -> str:
        def waiting(why: str, seconds: float) -> None:
            if server.process is None:
                server.launch()

        async with AsyncClient(server.url, DEV_KEY, waiting=waiting) as client:
            return (await client.send("t", "m")).notification_id

    assert asyncio.run(main())
