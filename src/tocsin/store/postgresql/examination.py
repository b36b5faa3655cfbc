"""What `tocsin doctor` looks at on PostgreSQL; opens no store and changes nothing."""

from __future__ import annotations

import asyncio

import asyncpg
import msgspec

from tocsin.errors import StartError
from tocsin.store.postgresql.connection import Place
from tocsin.store.postgresql.schema import OLDEST, migrations

_SECONDS = 5.0


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What holds on the server.

    Attributes:
        version: as `150003`.
        standbys: how many synchronous standbys are connected.
        schema: the newest migration that was applied; None for an empty database.
        known: the newest that this program knows.
        owner: whether tables can be made there.
    """

    version: int
    encoding: str
    is_standby: bool
    fsync: bool
    full_page_writes: bool
    synchronous_commit: str
    standbys: int
    connections: int
    schema: int | None
    known: int
    owner: bool

    @property
    def is_old(self) -> bool:
        """Whether it is older than what Tocsin runs on."""
        return self.version < OLDEST


def look(url: str) -> Settings:
    """Ask the server.

    Raises:
        StartError: it cannot be reached; the sentence has no password in it.
    """
    place = Place(url)
    try:
        return asyncio.run(asyncio.wait_for(_look(place), 2 * _SECONDS))
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ValueError, TimeoutError) as error:
        raise StartError(f"{place}: {place.without_secrets(error)}") from None


async def _look(place: Place) -> Settings:
    connection = await place.connect("tocsin doctor", lock_seconds=_SECONDS)
    try:

        async def shown(name: str) -> str:
            return str(await connection.fetchval("SELECT current_setting($1)", name))

        migrated = await connection.fetchval("SELECT to_regclass('migrations') IS NOT NULL")
        return Settings(
            version=int(await shown("server_version_num")),
            encoding=await shown("server_encoding"),
            is_standby=await connection.fetchval("SELECT pg_is_in_recovery()"),
            fsync=await shown("fsync") == "on",
            full_page_writes=await shown("full_page_writes") == "on",
            # The session's own is always on; what `remote_apply` and the like say is kept.
            synchronous_commit=await connection.fetchval(
                "SELECT reset_val FROM pg_settings WHERE name = 'synchronous_commit'"
            ),
            standbys=await connection.fetchval(
                "SELECT count(*) FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')"
            ),
            connections=int(await shown("max_connections")),
            schema=await connection.fetchval("SELECT max(number) FROM migrations") if migrated else None,
            known=max(migration.number for migration in migrations()),
            owner=await connection.fetchval(
                "SELECT has_schema_privilege(current_schema(), 'CREATE')"
                " AND has_database_privilege(current_database(), 'CREATE')"
            ),
        )
    finally:
        await connection.close()
