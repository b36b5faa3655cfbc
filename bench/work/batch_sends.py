"""How many durable notifications one core takes in batches of a thousand, into a store that is not empty.

Beside each round stands the least that keeping them can cost: the same rows into a copy of the same store, by
statements that are prepared once, in transactions as large as the server's, each committed to the disk.
"""

import contextlib
import http.client
import json
import shutil
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.durability import rows_stored, store_file
from bench.large_store import USERS, add_rows
from bench.machine import idle_within, process_cpu_ns
from bench.native import CannotMeasureError, run_pinned
from bench.paced_sends import BROADCAST
from bench.plan import Plan
from bench.report import Figures, Goal, Row
from bench.server_process import DEV_KEY, SEND_PATH, Admin, ServerProcess, new_folder, tocsin

NAME = "batch-sends"
STORED = 250_000
STORED_LARGE = 1_000_000
SIZE = 1_000
CONNECTIONS = 2
INDEX_SECONDS = 600.0
PATH = "/api/notifications/batch"
KINDS = ("one recipient", "1,000 recipients", "broadcast")
FLOOR_IS = "a bare group commit of the same rows into a copy of the store: prepared statement, 250 a transaction"
NEVER_SLOWER = Goal(at_least=50_000)


class Measured:
    """What the rounds of one kind of batch gave, the server and the bare commit side by side."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.rate: list[float] = []
        self.cpu: list[float] = []
        self.floor: list[float] = []
        self.body = json.dumps([self._item(number) for number in range(SIZE)], separators=(",", ":")).encode()

    def user(self, number: int) -> str | None:
        """Whom the `number`th notification of a batch is for."""
        if self.what == "broadcast":
            return None
        return name(number % USERS if self.what == "1,000 recipients" else 0)

    def _item(self, number: int) -> dict[str, object]:
        user = self.user(number)
        return BROADCAST if user is None else BROADCAST | {"userId": user}

    def rows(self) -> list[Row]:
        """The rate with its goal, what each costs, and the rate beside the bare commit's."""
        rate = Figures("/s", tuple(self.rate))
        beside = Row(NAME, f"{self.what}: beside a bare group commit", rate)
        beside.floor, beside.floor_is = Figures("/s", tuple(self.floor)), FLOOR_IS
        return [
            Row(NAME, f"{self.what}: notifications", rate, goal=NEVER_SLOWER),
            Row(NAME, f"{self.what}: server CPU per notification", Figures("µs", tuple(self.cpu))),
            beside,
        ]


def name(number: int) -> str:
    """A user of the large store."""
    return f"bench-user-{number:05d}"


def measure(plan: Plan) -> list[Row]:
    """Notifications a second to one user, to a thousand and to everyone; no stream open."""
    kinds = [Measured(kind) for kind in KINDS]
    disk = Row(NAME, "durability of what was answered")
    rows_before = STORED_LARGE if plan.large_store_rows else STORED
    folder = new_folder()
    try:
        _fill(plan, folder, rows_before)
        copy = folder / "bare.db"
        shutil.copyfile(store_file(folder / "data"), copy)
        before = rows_stored(folder / "data")
        with _serving(plan, folder) as server:
            # What was there before the start goes into the search index: it would be measured along.
            if not idle_within(server.pid, INDEX_SECONDS):
                raise CannotMeasureError("the search index was not filled in time")
            accepted = 0
            for number in plan.rounds_and_warm_up:
                for kind in kinds:
                    accepted += _round(plan, server, copy, kind, keep=number > 0)
        stored = rows_stored(folder / "data") - before
        disk.measured = Figures("rows", (float(stored),))
        if stored < accepted:
            disk.problems.append(f"{accepted} notifications were answered as kept, {stored} are in the store")
        disk.notes.append(
            f"{SIZE} a request, {CONNECTIONS} requests under way, into a store of {rows_before:,}; what is sent goes "
            "into the search index meanwhile"
        )
    except CannotMeasureError as problem:
        return [Row(NAME, kind.what, goal=NEVER_SLOWER, problems=[str(problem)]) for kind in kinds]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    rows = [row for kind in kinds for row in kind.rows()]
    for row in rows:
        row.problems += disk.problems
    return [*rows, disk]


@contextlib.contextmanager
def _serving(plan: Plan, folder: Path) -> Iterator[ServerProcess]:
    server = tocsin(plan.server_core, folder)
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.stop()


def _fill(plan: Plan, folder: Path, count: int) -> None:
    with _serving(plan, folder) as server:
        admin = Admin(server.port)
        admin.ask("POST", SEND_PATH, BROADCAST)
        for number in range(USERS):
            admin.ask("PUT", f"/api/users/{name(number)}", {"permissions": []})
    add_rows(folder, count)


def _round(plan: Plan, server: ServerProcess, copy: Path, kind: Measured, *, keep: bool) -> int:
    spent, began = process_cpu_ns(server.pid), time.monotonic()
    with ThreadPoolExecutor(CONNECTIONS) as connections:
        until = began + plan.seconds
        kept = sum(connections.map(lambda _: _send_until(until, server.port, kind.body), range(CONNECTIONS)))
    took, spent = time.monotonic() - began, process_cpu_ns(server.pid) - spent
    floor = _bare_commit(plan, copy, kind)
    if keep:
        kind.rate.append(kept / took)
        kind.cpu.append(spent / kept / 1000)
        kind.floor.append(floor)
    return kept


def _send_until(until: float, port: int, body: bytes) -> int:
    """Batch after batch; how many notifications were kept. Raises CannotMeasureError when one was not."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"X-API-Key": DEV_KEY, "Content-Type": "application/json"}
    batches = 0
    while time.monotonic() < until:
        connection.request("POST", PATH, body, headers)
        response = connection.getresponse()
        answer = response.read()
        if response.status != 200 or answer.count(b'"success":true') != SIZE:
            raise CannotMeasureError(f"a batch was answered {response.status}: {answer[:200]!r}")
        batches += 1
    connection.close()
    return batches * SIZE


def _bare_commit(plan: Plan, copy: Path, kind: Measured) -> float:
    """Rows a second on the server's core."""
    program = Path(__file__).parents[1] / "floor" / "group_commit.py"
    users = json.dumps([kind.user(number) for number in range(SIZE)])
    answer = run_pinned([sys.executable, str(program), str(copy), str(plan.seconds / 2)], plan.server_core, users)
    return float(answer["rows_per_second"])
