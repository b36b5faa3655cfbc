"""The schema on PostgreSQL: looked at, brought up to date, and held to the epoch of the log."""

from __future__ import annotations

import hashlib
import logging
import re
import secrets
from importlib.resources import files

import asyncpg
import msgspec

from tocsin.errors import StartError
from tocsin.position import Epoch

log = logging.getLogger("tocsin.store")

OLDEST = 140_000
"""PostgreSQL 14."""

_LOCK = 7_862_359_001
_NAMED = re.compile(r"(\d{4})_\w+\.(before|after)\.sql")
_GONE_SECONDS = 60


class Ready(msgspec.Struct, frozen=True):
    """What a node has found.

    Attributes:
        search_path: where its functions and the tables are.
        version: of the schema that it knows.
        functions: the name of the schema that its functions are in.
    """

    epoch: Epoch
    head: int
    search_path: str
    version: int
    functions: str


class Migration(msgspec.Struct, frozen=True):
    """One step of the schema; `phase` says whether the version before can live with it."""

    number: int
    phase: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of its text."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations() -> list[Migration]:
    """All there are, in order."""
    folder = files("tocsin.store.postgresql") / "migrations"
    found = []
    for file in folder.iterdir():
        if named := _NAMED.fullmatch(file.name):
            found.append(Migration(int(named[1]), named[2], file.read_text(encoding="utf-8")))
    return sorted(found, key=lambda migration: migration.number)


def functions() -> tuple[str, str]:
    """The name of the schema that the functions of this version are in, and what makes them."""
    folder = files("tocsin.store.postgresql")
    text = "".join((folder / name).read_text(encoding="utf-8") for name in ("functions.sql", "reads.sql"))
    return f"tocsin_{hashlib.sha256(text.encode()).hexdigest()[:12]}", text


async def prepare(connection: asyncpg.Connection, node: str) -> Ready:
    """Bring the schema up to date and enter the node; safe with several nodes at once.

    Raises:
        StartError: the server is too old, a standby, or not UTF-8; the schema is newer, or was changed.
    """
    await _judge(connection)
    await connection.fetchval("SELECT pg_advisory_lock($1)", _LOCK)
    try:
        place = str(await connection.fetchval("SELECT current_schema()") or "")
        if not place:
            raise StartError("PostgreSQL: the search_path of this user names no schema that exists")
        version = await _migrate(connection, node)
        name, text = functions()
        path = f'"{name}", "{place}"'
        if not await connection.fetchval("SELECT to_regnamespace($1) IS NOT NULL", name):
            async with connection.transaction():
                await connection.execute(f'CREATE SCHEMA "{name}"; SET LOCAL search_path TO {path};' + text)
        ready = Ready(Epoch(""), 0, path, version, name)
        await enter(connection, node, ready)
        await _drop_unused(connection, name)
    finally:
        await connection.fetchval("SELECT pg_advisory_unlock($1)", _LOCK)
    epoch, head = await hold_to_epoch(connection)
    return msgspec.structs.replace(ready, epoch=epoch, head=head)


async def enter(connection: asyncpg.Connection, node: str, ready: Ready) -> None:
    """Have a row for a node; those that were not seen for a day are forgotten."""
    await connection.execute(_ENTER, node, ready.version, ready.functions)
    await connection.execute(_FORGET)


_ENTER = """
INSERT INTO nodes (id, version, functions) VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE
SET version = excluded.version, functions = excluded.functions, seen_at = clock_timestamp()
"""
_FORGET = """
WITH gone AS (DELETE FROM nodes WHERE seen_at < clock_timestamp() - interval '1 day' RETURNING id)
DELETE FROM presence USING gone WHERE presence.node = gone.id
"""


async def hold_to_epoch(connection: asyncpg.Connection) -> tuple[Epoch, int]:
    """The epoch and the head; a new epoch where the numbers are of another cluster, history or table."""
    async with connection.transaction():
        row = await connection.fetchrow("SELECT head, epoch, cluster, timeline, identity FROM log FOR UPDATE")
        found = await connection.fetchrow(_HISTORY)
        if tuple(row[2:]) == tuple(found):
            return Epoch(row["epoch"]), int(row["head"])
        # A log that was copied in, and has no history yet, keeps the epoch it came with.
        epoch = Epoch(row["epoch"] if not row["cluster"] and row["epoch"] else secrets.token_hex(4))
        await connection.execute("UPDATE log SET epoch = $1, cluster = $2, timeline = $3, identity = $4", epoch, *found)
        return epoch, int(row["head"])


_HISTORY = """
SELECT (SELECT system_identifier::text FROM pg_control_system()),
    substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8),
    (SELECT oid FROM pg_database WHERE datname = current_database()) || '.' || 'log'::regclass::oid
"""


async def _judge(connection: asyncpg.Connection) -> None:
    version = int(await connection.fetchval("SHOW server_version_num"))
    if version < OLDEST:
        raise StartError(f"PostgreSQL {version // 10_000} is too old: 14 or newer is needed")
    if await connection.fetchval("SELECT pg_is_in_recovery()"):
        raise StartError("this PostgreSQL is a standby: name the primary")
    encoding = await connection.fetchval("SHOW server_encoding")
    if encoding != "UTF8":
        raise StartError(f"the database has the encoding {encoding}: make one with ENCODING 'UTF8' TEMPLATE template0")


async def _migrate(connection: asyncpg.Connection, node: str) -> int:
    await connection.execute(
        "CREATE TABLE IF NOT EXISTS migrations (number integer PRIMARY KEY, checksum text NOT NULL, "
        "applied_at timestamptz NOT NULL DEFAULT now())"
    )
    known = {migration.number: migration for migration in migrations()}
    applied = await connection.fetch("SELECT number, checksum FROM migrations ORDER BY number")
    for number, checksum in applied:
        if number not in known:
            raise StartError(
                f"the schema of this database is newer (migration {number}) than this version of Tocsin knows;"
                " start a newer version"
            )
        if known[number].checksum != checksum:
            raise StartError(f"migration {number} was changed after it was applied to this database")
    version = max(known)
    was = now = max((number for number, _checksum in applied), default=0)
    older = None
    for number in sorted(set(known) - {number for number, _checksum in applied}):
        migration = known[number]
        if migration.phase == "after":
            # While a node of a version before is about, it would not know what it finds.
            if older is None:
                older = await connection.fetchval(_OLDER, node, version, float(_GONE_SECONDS))
            if older:
                break
        async with connection.transaction():
            await connection.execute(migration.sql)
            await connection.execute(
                "INSERT INTO migrations (number, checksum) VALUES ($1, $2)", number, migration.checksum
            )
        now = number
    if was and now != was:
        log.info("schema brought from %d to %d", was, now)
    await connection.execute(
        "INSERT INTO log (id, head, epoch) VALUES (1, 0, $1) ON CONFLICT DO NOTHING", secrets.token_hex(4)
    )
    return version


_OLDER = """
SELECT count(*) FROM nodes
WHERE id <> $1 AND version < $2 AND seen_at > clock_timestamp() - make_interval(secs => $3)
"""


async def _drop_unused(connection: asyncpg.Connection, mine: str) -> None:
    """Functions of versions that no node has run for a day."""
    unused = await connection.fetch(
        "SELECT nspname FROM pg_namespace WHERE nspname ~ '^tocsin_[0-9a-f]{12}$' AND nspname <> $1 AND NOT EXISTS ("
        "SELECT 1 FROM nodes WHERE functions = nspname AND seen_at > clock_timestamp() - interval '1 day')",
        mine,
    )
    for (name,) in unused:
        await connection.execute(f'DROP SCHEMA IF EXISTS "{name}" CASCADE')
