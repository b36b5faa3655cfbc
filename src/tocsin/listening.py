"""Where the server listens."""

from __future__ import annotations

import errno
import socket

from tocsin.config import Config
from tocsin.errors import StartError

BACKLOG = 4096
"""Connections that may wait to be taken."""


def reserve(config: Config) -> socket.socket:
    """Hold the address that is configured. Whoever connects is refused until `listen`: nobody would answer them yet.

    Raises:
        StartError: it is none of this machine, or the port is taken.
    """
    return _bound(config, config.port)


def listen(config: Config, sock: socket.socket) -> None:
    """Take connections from now on.

    Raises:
        StartError: another process has reserved the same port and was the first to listen.
    """
    try:
        sock.listen(BACKLOG)
    except OSError as error:
        raise _refusal(config, error) from None
    sock.setblocking(False)  # noqa: FBT003  (a socket's own signature)


def check_host(config: Config) -> None:
    """Whether the address is one that a server could listen on; the port may be taken, perhaps by that server.

    Raises:
        StartError: it is none of this machine.
    """
    _bound(config, 0).close()


def _bound(config: Config, port: int) -> socket.socket:
    try:
        found = socket.getaddrinfo(config.host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, proto, _, address = found[0]
        sock = socket.socket(family, kind, proto)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(address)
        except OSError:
            sock.close()
            raise
    # UnicodeError: a name that no name server could be asked for.
    except (OSError, UnicodeError) as error:
        raise _refusal(config, error) from None
    return sock


def _refusal(config: Config, error: OSError | UnicodeError) -> StartError:
    taken = isinstance(error, OSError) and error.errno in (errno.EADDRINUSE, errno.EACCES)
    other = "port: --port, TOCSIN_PORT, or PORT= with make run" if taken else "address: --host, TOCSIN_HOST"
    why = getattr(error, "strerror", None) or error
    return StartError(f"cannot listen on {config.host} port {config.port}: {why}; another {other}")
