"""A store whose answers about users and keys come late: LATE_SECONDS after they were read.

Loaded by the interpreter because the test puts this folder on PYTHONPATH. What is read is true when it is read;
between that and its use there is time for the rest of the world, as on a disk or a machine that is busy.
"""

import asyncio
import os
from typing import Any

if "LATE_SECONDS" in os.environ:
    from tocsin.store.sqlite.reader import Reader

    SECONDS = float(os.environ["LATE_SECONDS"])
    read_at_once = Reader.rows

    async def rows(self: Reader, name: str, *values: Any) -> Any:
        found = await read_at_once(self, name, *values)
        if name in ("user", "key"):
            await asyncio.sleep(SECONDS)
        return found

    Reader.rows = rows  # type: ignore[method-assign]
