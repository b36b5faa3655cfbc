"""The floor of batch sends: rows into the log of a store that nobody runs on, a group a transaction, each on the disk.

group_commit.py STORE SECONDS, with a JSON array of the users that rows go to in turn on stdin (null: everyone).

The last row of the log is put in again and again under new numbers and ids, for those users. Nothing is parsed,
checked or counted. Prints one line of JSON.
"""

import json
import sys
import time

import apsw

GROUP = 250


def main() -> None:
    """Insert until the time is over."""
    path, seconds, users = sys.argv[1], float(sys.argv[2]), json.load(sys.stdin)
    store = apsw.Connection(path)
    for setting in ("journal_mode = wal", "synchronous = full", "fullfsync = on", "cache_size = -16384"):
        store.execute(f"pragma {setting}")
    columns = [str(row[1]) for row in store.execute("pragma table_info(notifications)")]
    names = ", ".join(columns)
    row = list(store.execute(f"select {names} from notifications order by first desc limit 1").get)
    places = [columns.index(column) for column in ("first", "seq", "since", "id", "user_id")]
    insert = f"insert into notifications ({names}) values ({', '.join('?' * len(columns))})"
    number, written = int(row[columns.index("first")]), 0
    began = time.monotonic()
    while (took := time.monotonic() - began) < seconds:
        rows = []
        for _ in range(GROUP):
            number += 1
            written += 1
            new = row.copy()
            values = (number, number, number, f"notif_z{number:025d}", users[written % len(users)])
            for place, value in zip(places, values, strict=True):
                new[place] = value
            rows.append(new)
        store.execute("begin immediate")
        store.executemany(insert, rows)
        store.execute("update log set head = ?", (number,))
        store.execute("commit")
    print(json.dumps({"rows_per_second": written / took}))


if __name__ == "__main__":
    main()
