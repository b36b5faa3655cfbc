"""A process that does nothing but send at a steady rate to a user of its own, and read what it sent on one stream.

A process with thousands of readers is busy with them: what it would measure is itself.

    witness = Witness(server, rate=50)
    ...
    seen = witness.stop()            # Seen: how long answers took, and until each was read on the stream
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from harness.http import Http
from harness.patience import PATIENCE
from harness.server import Server
from harness.websocket import WebSocket

USER = "witness"

LINES = 16
"""Connections that it sends over: one that waits for its answer holds up no other send."""


@dataclass(frozen=True)
class Seen:
    """Seconds from when each send was due until it was answered, and until it was read."""

    answered: list[float]
    read: list[float]


class Witness:
    """Begins at once.

    Args:
        server: of several processes, it speaks to the first.
        rate: sends a second, each when it is due, whether or not those before it were answered.
    """

    def __init__(self, server: Server, *, rate: float) -> None:
        service = server.service()
        assert service.put(f"/api/users/{USER}", {}).status in (200, 201)
        key = service.post("/api/keys", {"userId": USER}).json["key"]
        self._process = subprocess.Popen(
            # Past the balancer of the tests, which would be what is measured.
            [sys.executable, "-m", "faults.witness", server.urls[0], str(service.key), key, str(rate)],
            cwd=Path(__file__).parent.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"begun\n"

    def stop(self) -> Seen:
        try:
            told, _ = self._process.communicate(b"", timeout=2 * PATIENCE)
        finally:
            self._process.kill()
        assert self._process.returncode == 0
        return Seen(**json.loads(told))


def run(url: str, sender: str, reader: str, rate: float) -> Seen:
    """Send until the standard input ends."""
    asked_to_end, sent_all = threading.Event(), threading.Event()
    ws = WebSocket(url, key=reader, subprotocol="tocsin.v1")
    ws.recv_event("caught-up")
    read: list[float] = []
    answered: list[float] = []

    def follow() -> None:
        while not (sent_all.is_set() and len(read) == len(answered)):
            with suppress(TimeoutError):
                told = ws.recv_event("notification", timeout=0.2)["data"]
                if told["userId"] == USER:
                    read.append(time.monotonic() - float(told["message"]))

    def send() -> None:
        client = Http(url, key=sender, keep=True)
        while not asked_to_end.is_set():
            serial = next(turn)
            due = began + serial / rate
            time.sleep(max(0.0, due - time.monotonic()))
            answer = client.send(f"{serial}", f"{due:.6f}", userId=USER)
            assert answer.status == 200, answer.text
            answered.append(time.monotonic() - due)

    following = threading.Thread(target=follow, daemon=True)
    following.start()
    threading.Thread(target=lambda: (sys.stdin.read(), asked_to_end.set()), daemon=True).start()
    print("begun", flush=True)
    turn, began = itertools.count(), time.monotonic()
    with ThreadPoolExecutor(LINES) as lines:
        sending = [lines.submit(send) for _ in range(LINES)]
    for line in sending:
        line.result()
    sent_all.set()
    following.join(PATIENCE)
    assert len(read) == len(answered), f"{len(answered)} sent, {len(read)} read"
    return Seen(answered, read)


if __name__ == "__main__":
    seen = run(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4]))
    print(json.dumps({"answered": seen.answered, "read": seen.read}))
