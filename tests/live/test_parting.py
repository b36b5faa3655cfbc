"""A server that ends: what has come in and nobody has looked at yet is answered, and not cut off with its socket."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from attacks.raw import upgrade
from harness.patience import PATIENCE
from tocsin.live.parting import PatientServer, part
from tocsin.live.turnstile import OrderlyHttpProtocol, Turnstile
from tocsin.live.uvicorn_protocol import WebSocketProtocol
from tocsin.server import _new_loop

ASKED = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
CLOSED = b"\x88\x02" + (1012).to_bytes(2)
LOOPS = pytest.mark.parametrize("loop", [_new_loop, asyncio.SelectorEventLoop])


async def closing_with(_scope: Any, _receive: Any, send: Any) -> None:
    headers = [(b"content-length", b"2"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


@contextlib.contextmanager
def listening() -> Iterator[socket.socket]:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        made.listen()
        made.setblocking(False)
        yield made


def made(kind: type[uvicorn.Server], app: Any) -> uvicorn.Server:
    """A server that can be started, and answers on idle connections for a moment when it ends."""
    http = OrderlyHttpProtocol.behind(Turnstile(), lambda: 0.2)
    config = uvicorn.Config(app, http=http, ws=WebSocketProtocol, lifespan="off", log_config=None)
    config.load()
    server = kind(config)
    server.lifespan = config.lifespan_class(config)
    return server


def told_at_the_end(kind: type[uvicorn.Server], loop: Any) -> bytes:
    """What one hears whose connection was made, and whose request was sent, while the server looked elsewhere."""

    async def run() -> bytes:
        server = made(kind, closing_with)
        with listening() as at:
            await server.startup(sockets=[at])
            with socket.create_connection(at.getsockname(), timeout=PATIENCE) as client:
                client.sendall(ASKED)
                await server.shutdown(sockets=[at])
                return client.recv(4096)

    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(run())


@LOOPS
def test_a_request_on_a_connection_that_nobody_has_taken_yet_is_answered(loop: Any) -> None:
    assert told_at_the_end(PatientServer, loop).startswith(b"HTTP/1.1 200 ")


@pytest.mark.fault
def test_control_a_server_that_closes_its_socket_at_once_cuts_it_off() -> None:
    with pytest.raises(ConnectionResetError):
        told_at_the_end(uvicorn.Server, _new_loop)


@LOOPS
def test_a_connection_on_which_something_has_come_in_is_closed_a_moment_later(loop: Any) -> None:
    async def run() -> None:
        made: asyncio.Queue[asyncio.BaseTransport] = asyncio.Queue()

        class Protocol(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                made.put_nowait(transport)

        with listening() as at:
            server = await asyncio.get_running_loop().create_server(Protocol, sock=at)
            with socket.create_connection(at.getsockname(), timeout=PATIENCE) as client:
                transport, ended = await made.get(), asyncio.Event()
                part(transport, ended.set)
                assert ended.is_set()
                ended.clear()
                client.sendall(ASKED)
                part(transport, ended.set)
                assert not ended.is_set()
                await asyncio.wait_for(ended.wait(), PATIENCE)
                transport.close()
            server.close()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(run())


async def hanging_up(_scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close", "code": 1012})


@LOOPS
def test_a_connection_that_becomes_a_websocket_while_the_server_parts_from_it_ends_as_one(loop: Any) -> None:
    troubles: list[dict[str, Any]] = []

    async def run() -> bytes:
        asyncio.get_running_loop().set_exception_handler(lambda _, trouble: troubles.append(trouble))
        server = made(PatientServer, hanging_up)
        with listening() as at:
            await server.startup(sockets=[at])
            reader, writer = await asyncio.open_connection(*at.getsockname())
            ended = asyncio.ensure_future(server.shutdown(sockets=[at]))
            await asyncio.sleep(0.05)
            writer.write(upgrade("/"))
            said = await asyncio.wait_for(reader.readuntil(CLOSED), PATIENCE)
            writer.close()
            await asyncio.wait_for(ended, PATIENCE)
            await asyncio.sleep(0.3)  # until after the moment at which it would have been ended
            return said

    with asyncio.Runner(loop_factory=loop) as runner:
        said = runner.run(run())
    assert said.startswith(b"HTTP/1.1 101 ")
    assert troubles == []
