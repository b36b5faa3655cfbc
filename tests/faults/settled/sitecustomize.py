"""For the soak only: what grows for an hour and then stops is kept small, so that what never stops shows in minutes.

Page caches fill up to a fixed size, 16 MiB for each connection to the store. What a closed stream leaves behind in
cycles waits until 50,000 objects do. Neither is a leak; here the caches have 512 KiB, and cycles are collected every
half minute. What is still referred to by anything stays, and is seen.

Loaded by the interpreter because the test puts this folder on PYTHONPATH.
"""

import gc
import sys
import threading
import time

import apsw

EVERY_SECONDS = 30


def _shrink(connection: apsw.Connection) -> None:
    connection.execute("PRAGMA cache_size=-512")

    def decide(action: int, first: str | None, second: str | None, *_: str | None) -> int:
        if action == apsw.SQLITE_PRAGMA and (first or "").lower() == "cache_size" and second is not None:
            return apsw.SQLITE_IGNORE
        return apsw.SQLITE_OK

    connection.authorizer = decide


def _collect() -> None:
    while True:
        time.sleep(EVERY_SECONDS)
        gc.collect()


if "serve" in sys.orig_argv:
    apsw.connection_hooks.append(_shrink)
    threading.Thread(target=_collect, daemon=True).start()
