"""Fills a store with many rows, by SQL, so that a start on it can be timed."""

from pathlib import Path

import apsw

from bench.durability import store_file
from bench.paced_sends import BROADCAST
from bench.plan import Plan
from bench.server_process import SEND_PATH, Admin, tocsin

CHUNK = 500_000
USERS = 1_000

# Columns that differ from row to row; all others are copied from a notification that the server itself kept.
# A row's text still names the first one's id: enough to start on, not to serve.
CHANGED = {
    "first": ":head + k",
    "seq": ":head + k",
    "since": ":head + k",
    "id": "printf('notif_%026d', :head + k)",
    "user_id": f"printf('bench-user-%05d', k % {USERS})",
}


def fill(plan: Plan, folder: Path) -> None:
    """Let a server make a store in `folder`, end it, and add the plan's rows to its log.

    Raises CannotMeasureError when the server does not start or take the first notification.
    """
    server = tocsin(plan.server_core, folder)
    try:
        server.wait_until_ready()
        Admin(server.port).ask("POST", SEND_PATH, BROADCAST)
    finally:
        server.stop()
    add_rows(folder, plan.large_store_rows)


def add_rows(folder: Path, count: int) -> None:
    """Add rows to the log of a store that has one notification and that nobody runs on."""
    store = apsw.Connection(str(store_file(folder / "data")))
    # What is measured comes later: filling need not survive a power cut.
    store.execute("pragma synchronous = off").fetchall()
    columns = [str(row[1]) for row in store.execute("pragma table_info(notifications)")]
    values = ", ".join(CHANGED.get(column, column) for column in columns)
    insert = (
        f"WITH RECURSIVE n(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM n WHERE k < :rows) "
        f"INSERT INTO notifications ({', '.join(columns)}) SELECT {values} "
        f"FROM n, (SELECT * FROM notifications ORDER BY first LIMIT 1)"
    )
    while count > 0:
        rows = min(CHUNK, count)
        head = int(store.execute("select head from log").get)
        with store:
            store.execute(insert, {"head": head, "rows": rows})
            store.execute("update log set head = ?", (head + rows,))
        count -= rows
    store.close()
