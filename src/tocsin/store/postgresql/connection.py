"""Connections to PostgreSQL: where it is, and what holds for every session there."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import asyncpg

_CONNECT_SECONDS = 5.0
_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl")

OF_THE_STORE = (
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.LockNotAvailableError,
    asyncpg.TransactionRollbackError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.PostgresConnectionError,
    asyncpg.PostgresSystemError,
    asyncpg.InternalServerError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
)
"""What says that the database cannot do it now; nothing of that call was kept."""

LOST = (
    asyncpg.InterfaceError,
    # The driver's own words for a connection that was cut in the midst of an answer.
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    OSError,
    TimeoutError,
)
"""What says that a connection is not there any more, and not what became of what was sent over it."""


class Place:
    """A database, as a URL names it.

    Parameters:
        url: `postgresql://user:password@host:port/database`.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        parts = urlsplit(url)
        self._password = parts.password or ""
        host = parts.netloc.rpartition("@")[2]
        self._files = {name: path for name, path in parse_qsl(parts.query) if name in _FILES}
        self._shown = f"postgresql://{host}{parts.path}"
        self._host = host or "its socket"

    def __str__(self) -> str:
        """The URL without user, password and parameters."""
        return self._shown

    def without_secrets(self, error: BaseException) -> str:
        """What an error says, on one line and without the password."""
        lines = (" ".join(line.split()).removesuffix(".") for line in str(error).splitlines())
        said = "; ".join(filter(None, lines)) or type(error).__name__
        if isinstance(error, FileNotFoundError) and self._missing:
            said = f"{said}: {self._missing}"
        for secret in filter(None, (self._url, self._password, unquote(self._password))):
            said = said.replace(secret, "…")
        return said

    @property
    def _missing(self) -> str:
        # The system does not say which one it did not find.
        return ", ".join(f"{name}={path}" for name, path in self._files.items() if not os.path.exists(path))

    def explain(self, error: BaseException) -> str:
        """What an error says, and that it is of PostgreSQL, and where that is."""
        return f"PostgreSQL at {self._host}: {self.without_secrets(error)}"

    async def connect(
        self, name: str, *, search_path: str | None = None, lock_seconds: float | None = 1.0
    ) -> asyncpg.Connection:
        """A connection for writing.

        Parameters:
            name: how the database shows it.
            search_path: where functions and tables are; None for the user's own.
            lock_seconds: longest that a statement may take and wait; None for any time.
        """
        settings = _settings(name, search_path, lock_seconds)
        connection = await asyncpg.connect(self._url, timeout=_CONNECT_SECONDS, server_settings=settings)
        try:
            await _learn(connection)
        except BaseException:
            connection.terminate()
            raise
        return connection

    async def pool(self, size: int, search_path: str) -> asyncpg.Pool:
        """Connections for reading; they come and go as they are needed."""
        return await asyncpg.create_pool(
            self._url,
            min_size=0,
            max_size=size,
            reset=_nothing,
            init=_learn,
            timeout=_CONNECT_SECONDS,
            server_settings=_settings("tocsin reader", search_path, 2.0),
        )


async def _learn(connection: asyncpg.Connection) -> None:
    # The driver asks for what arrays are when it first meets them, which takes a while: not in the midst of a batch.
    await connection.fetchval(
        "SELECT cardinality($1::text[] || $2::bigint[]::text[] || $3::bytea[]::text[])", [], [], []
    )


async def _nothing(_connection: Any) -> None:
    # Reads leave nothing behind in their session.
    return


def _settings(name: str, search_path: str | None, seconds: float | None) -> dict[str, str]:
    settings = {
        "application_name": name,
        "synchronous_commit": "on",
        "jit": "off",
    }
    if search_path is not None:
        settings["search_path"] = search_path
    if seconds is not None:
        milliseconds = str(int(seconds * 1000))
        settings["lock_timeout"] = milliseconds
        settings["statement_timeout"] = milliseconds
        settings["idle_in_transaction_session_timeout"] = milliseconds
    return settings
