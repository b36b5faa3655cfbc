"""Those who come for a stream wait their turn; whoever comes for something else does not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from tocsin.live.turnstile import A_TURN, LATEST, SOONEST, OrderlyHttpProtocol, Turnstile

STREAM = b"GET /notifications HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n"
OTHER = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


def test_so_many_are_let_in_a_turn_and_in_their_order() -> None:
    async def run() -> None:
        turnstile, let_in = Turnstile(), list[int]()
        for n in range(3 * A_TURN):
            assert turnstile.enter(lambda n=n: let_in.append(n))  # type: ignore[misc]
        seen = [len(let_in)]
        for _ in range(4):
            await asyncio.sleep(0)
            seen.append(len(let_in))
        assert seen[:3] == [A_TURN, 2 * A_TURN, 3 * A_TURN]
        assert let_in == list(range(3 * A_TURN))

    asyncio.run(run())


def test_whoever_comes_when_nobody_waits_is_let_in_at_once() -> None:
    async def run() -> None:
        turnstile = Turnstile()
        for _ in range(3):
            came = list[str]()
            assert turnstile.enter(lambda came=came: came.append("in"))  # type: ignore[misc]
            assert came == ["in"]
            await asyncio.sleep(0.01)

    asyncio.run(run())


def test_a_send_on_its_way_to_the_disk_goes_first_and_those_who_come_after_it() -> None:
    async def run() -> None:
        busy, let_in = True, list[int]()
        turnstile = Turnstile(busy=lambda: busy)
        for n in range(2 * A_TURN):
            assert turnstile.enter(lambda n=n: let_in.append(n))  # type: ignore[misc]
        assert let_in == []
        busy = False
        await until_in(let_in, 2 * A_TURN)
        assert let_in == list(range(2 * A_TURN))

    asyncio.run(run())


def test_sends_without_end_keep_nobody_out() -> None:
    async def run() -> None:
        turnstile, let_in = Turnstile(busy=lambda: True), list[int]()
        for n in range(5 * A_TURN):
            assert turnstile.enter(lambda n=n: let_in.append(n))  # type: ignore[misc]
        await until_in(let_in, 5 * A_TURN)
        assert let_in == list(range(5 * A_TURN))

    asyncio.run(run())


async def until_in(let_in: list[int], many: int) -> None:
    """Wait until so many are in, or a minute."""
    for _ in range(6_000):
        if len(let_in) >= many:
            return
        await asyncio.sleep(0.01)


async def app(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


def served(most: int, ask: Callable[[Callable[[bytes], Awaitable[bytes]]], Awaitable[None]]) -> None:
    """Ask a server before whose streams so many may wait."""

    async def run() -> None:
        config = uvicorn.Config(app, lifespan="off", log_config=None)
        config.load()
        state, kind = ServerState(), OrderlyHttpProtocol.behind(Turnstile(most=most))
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: kind(config=config, server_state=state, app_state={}), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]

        async def answer(request: bytes) -> bytes:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request)
            found = await reader.readuntil(b"\r\n\r\n")
            writer.transport.abort()
            return found

        try:
            await ask(answer)
        finally:
            server.close()

    asyncio.run(run())


def test_too_many_are_turned_away_each_to_come_back_at_another_time() -> None:
    async def ask(answer: Callable[[bytes], Awaitable[bytes]]) -> None:
        streams, others = [answer(STREAM) for _ in range(60)], [answer(OTHER) for _ in range(60)]
        found = await asyncio.gather(*streams, *others)
        assert {head.split()[1] for head in found[60:]} == {b"200"}
        refused = [head for head in found[:60] if head.split()[1] == b"503"]
        assert len(found[:60]) > len(refused) > 10
        after = {int(head.lower().split(b"retry-after: ")[1].split(b"\r\n")[0]) for head in refused}
        assert len(after) > 3
        assert min(after) >= SOONEST
        assert max(after) <= LATEST

    served(0, ask)


def test_control_with_room_to_wait_nobody_is_turned_away() -> None:
    async def ask(answer: Callable[[bytes], Awaitable[bytes]]) -> None:
        assert {head.split()[1] for head in await asyncio.gather(*(answer(STREAM) for _ in range(60)))} == {b"200"}

    served(60, ask)
