"""The last moment of a server's sockets: what has come in, and nobody has looked at yet, is not cut off with them."""

from __future__ import annotations

import asyncio
import fcntl
import socket
import struct
import termios
from collections.abc import Callable

import uvicorn

_A_MOMENT = 0.05
_HANDSHAKE_SECONDS = 1.0


def part(transport: asyncio.BaseTransport, end: Callable[[], None]) -> None:
    """End a connection, a moment later where something was received that is not read yet: closed over it, it is reset.

    Parameters:
        end: does it, once what is under way is answered.
    """
    if _unread(transport):
        asyncio.get_running_loop().call_later(_A_MOMENT, end)
    else:
        end()


class PatientServer(uvicorn.Server):
    """uvicorn that takes the connections that wait to be taken, before it closes the socket that they wait at."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        waiting = [connection for listening in sockets or () for connection in _taken_from(listening)]
        for server in self.servers:
            server.close()
        loop, ssl = asyncio.get_running_loop(), self.config.ssl
        patience = _HANDSHAKE_SECONDS if ssl is not None else None
        made = [
            loop.connect_accepted_socket(self._protocol, connection, ssl=ssl, ssl_handshake_timeout=patience)
            for connection in waiting
        ]
        # One whose peer has gone is no matter.
        await asyncio.gather(*made, return_exceptions=True)
        await super().shutdown(sockets)

    def _protocol(self) -> asyncio.Protocol:
        make: Callable[..., asyncio.Protocol] = self.config.http_protocol_class
        return make(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)


def _taken_from(listening: socket.socket) -> list[socket.socket]:
    # For those who made them they are connections like any other, and closing the socket resets them.
    found = []
    try:
        while True:
            connection, _ = listening.accept()
            connection.setblocking(False)  # noqa: FBT003  (a socket's own signature)
            found.append(connection)
    except OSError:
        return found


def _unread(transport: asyncio.BaseTransport) -> int:
    try:
        number = transport.get_extra_info("socket").fileno()
        found: int = struct.unpack("i", fcntl.ioctl(number, termios.FIONREAD, bytes(4)))[0]
    except (AttributeError, OSError, ValueError):
        # It is closed.
        return 0
    return found
