"""A store whose answers about users and keys come late: LATE_SECONDS after they were read.

Loaded by the interpreter because the test puts this folder on PYTHONPATH. What is read is true when it is read;
between that and its use there is time for the rest of the world, as on a disk or a machine that is busy.
"""

import asyncio
import os
from typing import Any

if "LATE_SECONDS" in os.environ:
    from tocsin.store.postgresql.identity import PostgresqlIdentity
    from tocsin.store.sqlite.identity import SqliteIdentity

    SECONDS = float(os.environ["LATE_SECONDS"])

    def late(read: Any) -> Any:
        async def read_late(*about: Any) -> Any:
            found = await read(*about)
            await asyncio.sleep(SECONDS)
            return found

        return read_late

    for kind in (SqliteIdentity, PostgresqlIdentity):
        for name in ("user", "key"):
            setattr(kind, name, late(getattr(kind, name)))
