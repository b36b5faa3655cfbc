"""For the soak only: what grows for an hour and then stops is kept small, so that what never stops shows in minutes.

Page caches fill up to a fixed size, 16 MiB for each connection to the store. That is no leak; here they have 512 KiB.

Loaded by the interpreter because the test puts this folder on PYTHONPATH.
"""

import sys

import apsw


def _shrink(connection: apsw.Connection) -> None:
    connection.execute("PRAGMA cache_size=-512")

    def decide(action: int, first: str | None, second: str | None, *_: str | None) -> int:
        if action == apsw.SQLITE_PRAGMA and (first or "").lower() == "cache_size" and second is not None:
            return apsw.SQLITE_IGNORE
        return apsw.SQLITE_OK

    connection.authorizer = decide


if "serve" in sys.orig_argv:
    apsw.connection_hooks.append(_shrink)
