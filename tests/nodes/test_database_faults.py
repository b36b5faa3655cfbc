"""PostgreSQL that is killed, gone, or slow, under three nodes (F03, F08, F21)."""

from __future__ import annotations

import itertools
import signal
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from http.client import HTTPException
from typing import Any

import pytest

from faults.load import Publishers
from harness.http import inbox
from harness.postgresql import Cluster
from harness.postgresql_proxy import PostgresqlProxy
from nodes.judging import SLACK, followers, judge, lag, refused_of
from nodes.three import Nodes

pytestmark = pytest.mark.fault


class Insisting:
    """Senders who repeat a send under its key, on any node, until it is answered 200."""

    def __init__(self, nodes: Nodes, threads: int) -> None:
        self.kept: dict[str, set[str]] = {}
        self.statuses: Counter[int] = Counter()
        self.slowest = 0.0
        self._nodes = nodes
        self._stop = threading.Event()
        self._serial = itertools.count()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive(), "a sender hangs"

    def _run(self) -> None:
        turn = itertools.cycle(self._nodes.all)
        while not self._stop.is_set():
            title, once = f"insists {next(self._serial)}", uuid.uuid4().hex
            body = {"title": title, "message": "m", "userId": "user123"}
            answers: set[str] = set()
            # One more after it was answered: the answer must be the same.
            for after in (False, True):
                while not self._sent(next(turn), body, once, answers):
                    time.sleep(0.1)
                if not after and self._stop.is_set():
                    break
            self.kept[title] = answers

    def _sent(self, node: Any, body: dict[str, str], once: str, answers: set[str]) -> bool:
        began = time.monotonic()
        try:
            answer = node.service().post("/api/notifications/send", body, Idempotency_Key=once)
        except (OSError, HTTPException):
            return False
        self.slowest = max(self.slowest, time.monotonic() - began)
        self.statuses[answer.status] += 1
        if answer.status == 200:
            answers.add(answer.json["notificationId"])
        return bool(answer.status == 200)


def test_a_postgresql_that_is_killed_or_gone_loses_nothing_and_what_is_insisted_on_is_kept_once(
    start_nodes: Callable[..., Nodes], postgresql: Cluster, soak: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    nodes = start_nodes()
    back: list[float] = []
    with followers(nodes) as following:
        publishers = Publishers(nodes.clients(), threads=6, pause=0.05)
        insisting = Insisting(nodes, 3)
        try:
            for round_ in range(50 if soak else 2):
                time.sleep(0.7)
                postgresql.stop(signal.SIGKILL if round_ % 2 == 0 else signal.SIGQUIT)
                if round_ == 1:
                    refuses_in_time(nodes)
                    time.sleep(30.0 if soak else 1.0)
                postgresql.start()
                back.append(seconds_until_taken(nodes))
            time.sleep(1.0)
        finally:
            publishers.stop()
            insisting.stop()
        assert lag(nodes, following) <= 5.0 * SLACK
        judge(nodes, publishers, following)
        kept = Counter(row["title"] for row in inbox(nodes.user("user123")))
    assert set(publishers.statuses) <= {200, 503}, publishers.statuses
    assert set(insisting.statuses) <= {200, 503}, insisting.statuses
    assert all(len(answers) == 1 for answers in insisting.kept.values())
    assert {title: kept[title] for title in insisting.kept} == dict.fromkeys(insisting.kept, 1)
    with capsys.disabled():
        print(f"\n  PostgreSQL killed {len(back)} times: {len(publishers.acked)} acknowledged, ", end="")
        print(f"{len(insisting.kept)} insisted on, sends taken again {max(back):.2f} s after it was back at worst")
    assert max(back) <= 5.0 * SLACK
    assert insisting.slowest <= 6.0 * SLACK


def refuses_in_time(nodes: Nodes) -> None:
    for n, node in enumerate(nodes.all):
        began = time.monotonic()
        assert node.service().send("t", "m").status == 503
        assert time.monotonic() - began <= 3.5 * SLACK, f"node {n} kept a sender waiting"
        assert node.http().get("/healthz").status == 200
        assert not node.ready()


def seconds_until_taken(nodes: Nodes) -> float:
    began = time.monotonic()
    for node in nodes.all:
        while node.service().send("again", "m").status != 200:
            assert time.monotonic() - began < 30 * SLACK
            time.sleep(0.05)
    return time.monotonic() - began


@pytest.fixture
def proxy(postgresql: Cluster) -> Iterator[PostgresqlProxy]:
    made = PostgresqlProxy(postgresql.port)
    yield made
    made.close()


def test_64_writers_to_one_user_whose_commits_are_delayed_by_chance_leave_no_gap_for_those_who_follow(
    proxy: PostgresqlProxy, start_nodes: Callable[..., Nodes], soak: bool
) -> None:
    nodes = start_nodes(ports=[proxy.port])
    proxy.delay = 0.02
    many = 10_000 if soak else 8
    with followers(nodes) as following:
        publishers = Publishers(nodes.clients(), threads=64)
        ends = time.monotonic() + (1_200 if soak else 25)
        while len(publishers.acked) < 64 * many and time.monotonic() < ends:
            time.sleep(0.05)
        publishers.stop()
        proxy.delay = 0.0
        judge(nodes, publishers, following, seconds=60)
    assert refused_of(publishers) <= (0 if soak else 0.02), publishers.statuses
    assert len(publishers.acked) >= 64 * 4
