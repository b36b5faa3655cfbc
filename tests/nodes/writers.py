"""Sixty-four who write to one user at once while commits are delayed by chance, and those who follow on every node.

Each writer numbers what it sends from 1 on, and sends the next only when the last was answered: single ones and
batches, by chance. So every follower has to see each writer's numbers without a hole, all positions rising, and in the
end just what the database holds.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import time
import uuid
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import uvloop

from faults.listening import Findings, Reader
from faults.load import Damage
from faults.paced import TIMEOUT_SECONDS, Line
from harness.http import SEND
from harness.postgresql_proxy import PostgresqlProxy
from nodes.three import Nodes

WRITERS = 64

BATCH = "/api/notifications/batch"

ON_THE_WAY = 0.02
"""Seconds that what a node asks of the database is on its way, at most."""

_STALLED = 300.0

SIZES = ((1, 1), (2, 20), (100, 250))
"""How many are sent in a request: one of these ranges, and a number in it. More has followers catch up."""

_LATE = """
CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF TG_TABLE_NAME = 'log' OR coalesce(current_setting('tests.late', true), '') = '' THEN
        PERFORM set_config('tests.late', 'once', true);
        PERFORM pg_sleep(random() * CASE WHEN random() < 0.1 THEN 0.1 ELSE 0.01 END);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER late AFTER INSERT ON notifications FOR EACH STATEMENT EXECUTE FUNCTION late();
CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON log DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION late()
"""
"""A transaction waits twice: when its first rows are there with their numbers, and, put off until then, at its commit.
Each time up to 10 ms, and one time in ten up to 100."""

_HELD = """
SELECT array_agg(first ORDER BY first), array_agg(body ->> '$.title' ORDER BY first), count(DISTINCT xmin::text)
FROM notifications WHERE user_id = ?
"""


class Seen(NamedTuple):
    """What came of it.

    Attributes:
        seed: what the chances were drawn from.
        sent: notifications; `commits`: transactions that they were kept in.
        seconds: until everybody had the last.
        statuses: of all answers; `cut_off`: requests that were not answered.
        resumed: how often a follower came back.
    """

    seed: str
    sent: int
    commits: int
    seconds: float
    statuses: Counter[int]
    cut_off: int
    resumed: int

    def __str__(self) -> str:
        return (
            f"{self.sent} sends of {WRITERS} writers, followed on three nodes without a gap: {self.statuses.total()} "
            f"requests, {self.statuses[503]} of them refused and {self.cut_off} cut off, {self.commits} commits, "
            f"{self.seconds:.1f} s, {self.resumed} times resumed (seed {self.seed}, load {os.getloadavg()[0]:.1f})"
        )


def long_runs(nodes: Nodes, proxies: Sequence[PostgresqlProxy], folder: Path) -> Iterator[str]:
    """TOCSIN_SOAK_RUNS times 64 writers with TOCSIN_SOAK_SENDS each, on nodes and a database of their own each time."""
    runs, many = int(os.environ.get("TOCSIN_SOAK_RUNS", "20")), int(os.environ.get("TOCSIN_SOAK_SENDS", "10000"))
    for run in range(1, runs + 1):
        fresh = Nodes(folder, nodes.postgresql, ports=[proxy.port for proxy in proxies])
        try:
            seen = write_and_follow(fresh.start(), proxies, many=many, within=_STALLED)
        finally:
            fresh.close()
            nodes.postgresql.sql(f'DROP DATABASE "{fresh.name}" WITH (FORCE)')
        yield f"run {run} of {runs}: {seen}"


def write_and_follow(nodes: Nodes, proxies: Sequence[PostgresqlProxy], *, many: int, within: float) -> Seen:
    """Have 64 writers send so many each, and compare what those who follow saw with each other and with the database.

    Parameters:
        proxies: between the nodes and their database.
        within: seconds in which somebody must have got something.

    Raises:
        Damage: somebody missed something, had it twice or out of order; or nothing went on.
    """
    seed = uuid.uuid4().hex[:8]
    service = nodes[0].service()
    assert service.put(f"/api/users/{seed}", {}).status == 201
    key = service.post("/api/keys", {"userId": seed}).json["key"]
    writing = _Writing(nodes, seed, key, many)
    for proxy in proxies:
        proxy.delay = ON_THE_WAY
    try:
        with _late_commits(nodes), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            seconds = runner.run(writing.run(within))
    except Damage as damage:
        raise Damage(f"seed {seed}: {damage}") from None
    finally:
        for proxy in proxies:
            proxy.delay = 0.0
    commits = _judge(nodes, seed, writing.followers, many)
    resumed = writing.findings.opened - len(writing.followers)
    return Seen(seed, WRITERS * many, commits, seconds, writing.statuses, writing.cut_off, resumed)


class Follower(Reader):
    """A reader who keeps the number, the writer and the writer's own number of all it gets."""

    def __init__(self, name: str, port: int, user: str, key: str, findings: Findings, *, sse: bool) -> None:
        super().__init__(name, port, user, key, findings, sse=sse)
        self.last = {str(n): 0 for n in range(WRITERS)}
        self.numbers, self.which = array("q"), array("q")

    def _count(self, audience: str, serial: int, position: str | None) -> None:
        assert position is not None
        number = int(position.rpartition("-")[2])
        if number > self.number and self.last.get(audience) == serial - 1:
            self.number, self.last[audience] = number, serial
        else:
            super()._count(audience, serial, position)
        self.numbers.append(number)
        self.which.append(_one(audience, serial))


class _Result(msgspec.Struct):
    success: bool
    status: int = 200


class _Results(msgspec.Struct):
    results: list[_Result]


_results = msgspec.json.Decoder(_Results)


class _Writing:
    """The writers, a follower on each node, and one who goes from node to node."""

    def __init__(self, nodes: Nodes, user: str, key: str, many: int) -> None:
        self.findings = Findings()
        self.statuses: Counter[int] = Counter()
        self.cut_off = 0
        self._ports = [node.port for node in nodes.all]
        self._user, self._many = user, many
        self._chance = random.Random(user)
        self.followers = [
            Follower(f"who stays on {n}", port, user, key, self.findings, sse=bool(n % 2))
            for n, port in enumerate(self._ports)
        ]
        self._roamer = Follower("who roams", self._ports[0], user, key, self.findings, sse=self._chance.random() < 0.5)
        self.followers.append(self._roamer)

    async def run(self, within: float) -> float:
        """The seconds from the first send until everybody had the last."""
        for follower in self.followers:
            follower.come()
        await self._until(lambda: all(follower.open and follower.greeted for follower in self.followers), within)
        began = time.monotonic()
        roaming = asyncio.ensure_future(self._roam())
        writers = [asyncio.ensure_future(self._write(n)) for n in range(WRITERS)]
        try:
            await self._until(lambda: all(writer.done() for writer in writers), within)
            for writer in writers:
                writer.result()
            roaming.cancel()
            sent = {str(n): self._many for n in range(WRITERS)}
            await self._until(lambda: all(follower.has(sent) for follower in self.followers), within)
        finally:
            for task in (roaming, *writers):
                task.cancel()
            await asyncio.gather(roaming, *writers, return_exceptions=True)
            for follower in self.followers:
                follower.leave()
            await asyncio.sleep(0.1)  # until the loop has closed what was aborted
        return time.monotonic() - began

    async def _until(self, true: Callable[[], bool], within: float) -> None:
        """Wait, as long as somebody gets something at least every `within` seconds."""
        read, ends = -1, 0.0
        while not true():
            self._check()
            if (now := sum(len(follower.numbers) for follower in self.followers)) > read:
                read, ends = now, time.monotonic() + within
            if time.monotonic() > ends:
                last = {follower.name: len(follower.numbers) for follower in self.followers}
                raise Damage(f"nothing goes on: {dict(self.statuses)}, {self.cut_off} cut off, read: {last}")
            await asyncio.sleep(0.02)
        self._check()

    def _check(self) -> None:
        if self.findings.damage:
            raise Damage(f"{len(self.findings.damage)} found, first: " + "; ".join(self.findings.damage[:5]))

    async def _roam(self) -> None:
        while True:
            await asyncio.sleep(self._chance.uniform(0.5, 2.0))
            self._roamer.port = self._chance.choice(self._ports)
            self._roamer.cut(reset=self._chance.random() < 0.5)

    async def _write(self, n: int) -> None:
        at = n % len(self._ports)
        turn = itertools.cycle(self._ports[at:] + self._ports[:at])
        line = Line(next(turn))
        chance = random.Random(f"{self._user} {n}")
        serial = 0
        try:
            while serial < self._many:
                size = min(chance.randint(*chance.choice(SIZES)), self._many - serial)
                key = f"{self._user} {n} {serial}"
                items = [
                    {"title": f"{n} {serial + k}", "message": "m", "userId": self._user} for k in range(1, size + 1)
                ]
                path = SEND if size == 1 else chance.choice([BATCH, f"{BATCH}?whole=true"])
                while not await self._kept(line, path, items[0] if size == 1 else items, key):
                    # Under its key it may be asked again of any node.
                    line.close()
                    line.port = next(turn)
                    await asyncio.sleep(chance.uniform(0.05, 0.3))
                serial += size
        finally:
            line.close()

    async def _kept(self, line: Line, path: str, told: Any, key: str) -> bool:
        """Whether all that was asked for is kept; otherwise the same is to be asked again."""
        try:
            status, _, said = await asyncio.wait_for(line.post(told, key, path), TIMEOUT_SECONDS)
        except (OSError, EOFError, asyncio.TimeoutError):  # noqa: UP041  (3.11 has two)
            self.cut_off += 1
            return False
        self.statuses[status] += 1
        assert status in (200, 503), (status, said)
        if status == 200 and path != SEND:
            refused = [result.status for result in _results.decode(said).results if not result.success]
            assert set(refused) <= {503}, said
            return not refused
        return status == 200


def _one(writer: str, serial: int) -> int:
    return int(writer) * 1_000_000 + serial


@contextmanager
def _late_commits(nodes: Nodes) -> Iterator[None]:
    nodes.postgresql.sql(_LATE, nodes.name)
    try:
        yield
    finally:
        nodes.postgresql.sql("DROP FUNCTION late() CASCADE", nodes.name)


def _judge(nodes: Nodes, user: str, followers: Sequence[Follower], many: int) -> int:
    """Compare with what the database holds.

    Returns:
        In how many transactions it was kept.
    """
    [(numbers, titles, commits)] = nodes.postgresql.rows(nodes.postgresql.url(nodes.name), _HELD, user)
    if numbers != list(range(numbers[0], numbers[0] + WRITERS * many)):
        raise Damage(f"{len(numbers)} are held, {numbers[0]} to {numbers[-1]}, of {WRITERS * many}")
    which = array("q", (_one(*_read(title)) for title in titles))
    last = Counter[int]()
    for writer, serial in (divmod(one, 1_000_000) for one in which):
        if serial != last[writer] + 1:
            raise Damage(f"the log holds {serial} of writer {writer} after {last[writer]}")
        last[writer] = serial
    for follower in followers:
        if follower.numbers.tolist() != numbers or follower.which != which:
            raise Damage(f"{follower.name} read {len(follower.numbers)}, the database holds {len(numbers)}, or others")
    return int(commits)


def _read(title: str) -> tuple[str, int]:
    writer, _, serial = title.partition(" ")
    return writer, int(serial)
