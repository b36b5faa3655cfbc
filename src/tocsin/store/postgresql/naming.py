"""A node's name is held by the process that runs under it: a second one is refused while the first gives signs of life.

Each connection for writing holds a shared lock of the session, which the database lets go of when the process is gone.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime

import asyncpg

from tocsin.errors import StartError

log = logging.getLogger("tocsin.store")

WATCH_SECONDS = 8.0
"""For so long it is watched whether whoever has a name gives signs of life; they are two seconds apart at most."""

APART_SECONDS = 1.0
"""Between two signs that count: what was under way when a process was killed may still come in as one."""

_LOOK_SECONDS = 0.05


async def claim(connection: asyncpg.Connection, node: str) -> None:
    """Hold a name for as long as this connection lasts.

    At once where nobody has a connection under that name, as after a kill; after `WATCH_SECONDS` where whoever has it
    is stopped, or on a machine that is gone.

    Raises:
        StartError: another process runs under it.
    """
    loop = asyncio.get_running_loop()
    ends = loop.time() + WATCH_SECONDS
    last: datetime | None = None
    first_sign: float | None = None
    while loop.time() < ends:
        if await connection.fetchval(f"SELECT pg_try_advisory_lock({_KEY})", node):
            await hold(connection, node)
            await connection.execute(f"SELECT pg_advisory_unlock({_KEY})", node)
            return
        seen: datetime | None = await connection.fetchval("SELECT seen_at FROM nodes WHERE id = $1", node)
        if seen is not None and last is not None and seen != last:
            first_sign = first_sign or loop.time()
            if loop.time() - first_sign >= APART_SECONDS:
                raise StartError(
                    f"another process runs as node {node} on this database: give each node a name of its own"
                    " (--node, TOCSIN_NODE, node in tocsin.toml), or none; or stop the other one first"
                )
        last = seen or last
        await asyncio.sleep(_LOOK_SECONDS)
    log.warning("whoever ran as node %s gives no sign of life: this process takes its name", node)
    await hold(connection, node)


async def hold(connection: asyncpg.Connection, node: str) -> None:
    """Have it seen for as long as this connection lasts that somebody runs under a name."""
    await connection.execute(f"SELECT pg_advisory_lock_shared({_KEY})", node)


# Of these tables: in one database there may be several schemas with a log each.
_KEY = "hashtextextended($1, 'nodes'::regclass::oid::bigint)"
