"""For controls only: SQLite keeps the `synchronous` of WEAKENED_SYNCHRONOUS, whatever the server asks for.

Loaded by the interpreter because the control puts this folder on PYTHONPATH.
"""

import os

import apsw


def _weaken(connection: apsw.Connection) -> None:
    connection.execute(f"PRAGMA synchronous={os.environ['WEAKENED_SYNCHRONOUS']}")

    def decide(action: int, first: str | None, second: str | None, *_: str | None) -> int:
        if action == apsw.SQLITE_PRAGMA and (first or "").lower() == "synchronous" and second is not None:
            return apsw.SQLITE_IGNORE
        return apsw.SQLITE_OK

    connection.authorizer = decide


if "WEAKENED_SYNCHRONOUS" in os.environ:
    apsw.connection_hooks.append(_weaken)
