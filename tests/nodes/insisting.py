"""Senders who do not give up."""

from __future__ import annotations

import itertools
import threading
import time
import uuid
from collections import Counter
from http.client import HTTPException

from harness.server import Server
from nodes.three import Nodes


class Insisting:
    """Senders who repeat a send under its key, on any node, until it is answered 200.

    Attributes:
        kept: by title, the ids that a send was answered with.
        slowest: seconds that an answer took.
    """

    def __init__(self, nodes: Nodes, threads: int) -> None:
        self.kept: dict[str, set[str]] = {}
        self.statuses: Counter[int] = Counter()
        self.slowest = 0.0
        self._nodes = nodes
        self._about = uuid.uuid4().hex[:8]
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
            title, once = f"{self._about} insists {next(self._serial)}", uuid.uuid4().hex
            body = {"title": title, "message": "m", "userId": "user123"}
            answers: set[str] = set()
            # One more after it was answered: the answer must be the same.
            for after in (False, True):
                while not self._sent(next(turn), body, once, answers):
                    time.sleep(0.1)
                if not after and self._stop.is_set():
                    break
            self.kept[title] = answers

    def _sent(self, node: Server, body: dict[str, str], once: str, answers: set[str]) -> bool:
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
