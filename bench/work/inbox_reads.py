"""An inbox page, the unread count, resuming, searching and marking as read, as the store grows around one user.

The user has 1,000 notifications in every store; all others belong to somebody else. Each figure is held
against the same request on a store of 10 k rows, measured in the same run.
"""

import contextlib
import http.client
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from urllib.parse import quote

from bench.large_store import add_rows
from bench.machine import idle_within
from bench.native import CannotMeasureError
from bench.plan import Plan
from bench.report import Figures, Goal, Row
from bench.server_process import SEND_PATH, Admin, ServerProcess, new_folder, tocsin

NAME = "inbox-reads"
SMALL = 10_000
OWN, BROADCASTS, MISSED = 900, 100, 100
REQUESTS = 200
INDEX_SECONDS = 3600.0
READER = "bench-reader"
COMMON = "search for a word that all have"
COMMON_HALF_TYPED = "search for half of a word that all have"
MARK = "mark all read"
MARKS = 50
FLAT = Goal(at_most=1.3)


def measure(plan: Plan) -> list[Row]:
    """Milliseconds a request, median of each round, for each size of store."""
    sizes = [SMALL, 1_000_000, *([plan.large_store_rows] if plan.large_store_rows else [])]
    found: dict[int, dict[str, Figures]] = {}
    rows: list[Row] = []
    for size in sizes:
        try:
            found[size] = _one_store(plan, size)
        except CannotMeasureError as problem:
            return [*rows, Row(NAME, f"{size:,} rows", problems=[str(problem)])]
        for what, figures in found[size].items():
            row = Row(NAME, f"{what}, {size:,} rows", measured=figures)
            if size != SMALL:
                row.floor, row.floor_is = found[SMALL][what], f"{SMALL:,} rows"
                row.goal = None if what in (COMMON, COMMON_HALF_TYPED) else FLAT
            rows.append(row)
    if not plan.large_store_rows:
        rows[0].notes.append("without --large the largest store has 1 M rows")
    return rows


def _one_store(plan: Plan, size: int) -> dict[str, Figures]:
    kept = plan.stores / f"inbox-{size}" if plan.stores else None
    folder = kept or new_folder()
    told = folder / "reader.json"
    try:
        if not told.exists():
            # What an interrupted run has left of it.
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            told.write_text(json.dumps(_fill(plan, folder, size)))
        reader, since = json.loads(told.read_text())
        server = tocsin(plan.server_core, folder)
        try:
            server.wait_until_ready()
            return _measured(plan, server, reader, since)
        finally:
            server.stop()
    finally:
        if not kept:
            shutil.rmtree(folder, ignore_errors=True)


def _fill(plan: Plan, folder: Path, size: int) -> tuple[str, str]:
    """Others' rows, the reader's, and others' again. Returns the reader's key, and the position to resume from."""
    rest = size - OWN - BROADCASTS
    _served(plan, folder, lambda admin: admin.ask("POST", SEND_PATH, _text(0) | {"userId": "user456"}))
    add_rows(folder, rest // 2)
    told: dict[str, str] = {}

    def send(admin: Admin) -> None:
        admin.ask("PUT", f"/api/users/{READER}", {"permissions": []})
        told["key"] = str(admin.ask("POST", "/api/keys", {"userId": READER, "name": "bench"})["key"])
        for number in range(OWN + BROADCASTS):
            if number == OWN + BROADCASTS - MISSED:
                told["since"] = str(admin.ask("GET", "/api/changes")["position"])
            own = {} if number % 10 == 9 else {"userId": READER}
            admin.ask("POST", SEND_PATH, _text(number) | own)

    _served(plan, folder, send)
    add_rows(folder, rest - rest // 2)
    return told["key"], told["since"]


def _text(number: int) -> dict[str, str]:
    rare = " zugspitze" if number == OWN else ""
    return {
        "title": f"Disk {number} is nearly full",
        "message": f"Only a little is left on it{rare}",
        "type": "warning",
    }


def _served(plan: Plan, folder: Path, work: Callable[[Admin], object]) -> None:
    server = tocsin(plan.server_core, folder)
    try:
        server.wait_until_ready()
        work(Admin(server.port))
    finally:
        server.stop()


def _measured(plan: Plan, server: ServerProcess, key: str, since: str) -> dict[str, Figures]:
    asked = {
        "inbox page of 50": "/api/notifications",
        "unread count": "/api/notifications/unread",
        "resume, 100 missed": f"/api/changes?limit=200&since={quote(since)}",
        "search": "/api/notifications?q=zugspitze",
        # Of five letters, of which the index has no list.
        "search, half typed": "/api/notifications?q=zugsp",
        COMMON: "/api/notifications?q=near",
        COMMON_HALF_TYPED: "/api/notifications?q=nearl",
    }
    _wait_for_index(server, key, asked["search"])
    found: dict[str, Figures] = {}
    for what, path in asked.items():
        rounds = [_round(server.port, key, path) for _ in plan.rounds_and_warm_up]
        found[what] = Figures("ms", tuple(rounds[1:]))
    rounds = [_marking(server.port, key) for _ in plan.rounds_and_warm_up]
    found[MARK] = Figures("ms", tuple(rounds[1:]))
    return found


def _wait_for_index(server: ServerProcess, key: str, path: str) -> None:
    ends = time.monotonic() + INDEX_SECONDS
    while True:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)) as connection:
            status, body = _ask(connection, key, path)
        if status == 200 and b"zugspitze" in body:
            break
        if status not in (200, 503):
            raise CannotMeasureError(f"{path} answered {status}: {body[:200]!r}")
        if time.monotonic() > ends:
            raise CannotMeasureError("the search index was not filled in time")
        time.sleep(1.0)
    # The rest of the index is still being filled: it would be measured along.
    if not idle_within(server.pid, ends - time.monotonic()):
        raise CannotMeasureError("the search index was not filled in time")


def _round(port: int, key: str, path: str) -> float:
    taken = []
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        for _ in range(REQUESTS):
            began = time.perf_counter()
            _answer(connection, key, "GET", path)
            taken.append(time.perf_counter() - began)
    return median(taken) * 1000


def _marking(port: int, key: str) -> float:
    """As somebody does who marks all as read, in which one was unread: it is kept, on the disk, when it is answered."""
    taken = []
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        newest = json.loads(_answer(connection, key, "GET", "/api/notifications?limit=1"))["notifications"][0]["id"]
        for _ in range(MARKS):
            _answer(connection, key, "DELETE", f"/api/notifications/{newest}/read")
            if _unread(connection, key) == 0:
                raise CannotMeasureError("there is nothing to mark as read")
            began = time.perf_counter()
            _answer(connection, key, "POST", "/api/notifications/read-all")
            taken.append(time.perf_counter() - began)
            if _unread(connection, key) != 0:
                raise CannotMeasureError("not all was marked as read")
    return median(taken) * 1000


def _unread(connection: http.client.HTTPConnection, key: str) -> int:
    return int(json.loads(_answer(connection, key, "GET", "/api/notifications/unread"))["total"])


def _answer(connection: http.client.HTTPConnection, key: str, method: str, path: str) -> bytes:
    status, body = _ask(connection, key, path, method)
    if status != 200:
        raise CannotMeasureError(f"{path} answered {status}: {body[:200]!r}")
    return body


def _ask(connection: http.client.HTTPConnection, key: str, path: str, method: str = "GET") -> tuple[int, bytes]:
    body = b"{}" if method == "POST" else None
    connection.request(method, path, body, {"X-API-Key": key, "Content-Type": "application/json"})
    response = connection.getresponse()
    return response.status, response.read()
