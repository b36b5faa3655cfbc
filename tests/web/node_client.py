"""The JavaScript client in a Node process, driven from a test."""

from __future__ import annotations

import itertools
import json
import queue
import subprocess
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from harness.patience import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
CLIENT = ROOT / "src" / "tocsin" / "web" / "client.js"
DRIVER = Path(__file__).parent / "node" / "driver.mjs"


class JsError(Exception):
    """What the client threw."""

    def __init__(self, told: dict[str, Any]) -> None:
        super().__init__(told["message"])
        self.told = told


class NodeClient:
    """One `Tocsin` of the client.

    Args:
        websocket: give Node the WebSocket that browsers have; without it the client reads lines.
        client: another copy of its files.
        options: of its constructor; `tokens` is a list that a provider gives out one after the other, and `faster` how
            many of its seconds pass in one.
    """

    def __init__(self, url: str, *, websocket: bool = False, client: Path = CLIENT, **options: Any) -> None:
        self._numbers = itertools.count(1)
        self._answers: dict[int, queue.Queue[dict[str, Any]]] = {}
        self._process = subprocess.Popen(
            [
                "node",
                *(["--experimental-websocket", "--no-warnings"] if websocket else []),
                *(["--expose-gc"] if "faster" in options else []),
                str(DRIVER),
                str(client),
                json.dumps({"url": url, **options}),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def start(self, method: str, *arguments: Any) -> int:
        """Begin a call; `result` waits for it."""
        return self._say(call=[method, *arguments])

    def result(self, id_: int, timeout: float = PATIENCE) -> Any:
        answer = self._answers[id_].get(timeout=timeout)
        if "error" in answer:
            raise JsError(answer["error"])
        return answer["ok"]

    def call(self, method: str, *arguments: Any, timeout: float = PATIENCE) -> Any:
        """Call a method and return what it gave, or raise what it threw."""
        return self.result(self.start(method, *arguments), timeout)

    def stream(self, **options: Any) -> NodeStream:
        """Begin to read a stream."""
        return NodeStream(self, self._say(stream=options))

    def _say(self, **command: Any) -> int:
        id_ = next(self._numbers)
        self._answers[id_] = queue.Queue()
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"id": id_, **command}) + "\n")
        self._process.stdin.flush()
        return id_

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            said = json.loads(line)
            self._answers[said["id"]].put(said)

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()


class NodeStream:
    """What a stream of the client says.

    Attributes:
        states: those told so far, as they were read.
    """

    def __init__(self, client: NodeClient, id_: int) -> None:
        self._client = client
        self._id = id_
        self.states: list[str] = []

    def event(self, *names: str, timeout: float = PATIENCE) -> dict[str, Any]:
        """The next event with one of these names; others are passed over."""
        deadline = time.monotonic() + timeout
        while True:
            said = self._next(deadline)
            if "event" in said and (not names or said["event"]["event"] in names):
                return dict(said["event"])
            assert "ended" not in said, said

    def titles(self, count: int, timeout: float = PATIENCE) -> list[str]:
        """The titles of the next notifications."""
        return [self.event("notification", timeout=timeout)["data"]["title"] for _ in range(count)]

    def until(self, state: str, timeout: float = PATIENCE) -> None:
        """Read on until that state is told."""
        deadline = time.monotonic() + timeout
        while not self.states or self.states[-1] != state:
            assert "ended" not in (said := self._next(deadline)), said

    def ended(self, timeout: float = PATIENCE) -> dict[str, Any] | None:
        """Read on to the end, and return what ended it."""
        deadline = time.monotonic() + timeout
        while "ended" not in (said := self._next(deadline)):
            pass
        found: dict[str, Any] | None = said["ended"]
        return found

    def next_or_end(self) -> dict[str, Any] | None:
        """The next event, whenever it comes; None once it has ended.

        Raises:
            JsError: something else than its reader has ended it.
        """
        while "event" not in (said := self._next()):
            if "ended" in said:
                if said["ended"] is not None:
                    raise JsError(said["ended"])
                return None
        return dict(said["event"])

    def stop(self) -> None:
        self._client._say(stop=self._id)

    def nothing_for(self, seconds: float) -> bool:
        """Whether no notification comes for so long."""
        try:
            self.event("notification", timeout=seconds)
        except TimeoutError:
            return True
        return False

    def _next(self, deadline: float | None = None) -> dict[str, Any]:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        try:
            said = self._client._answers[self._id].get(timeout=left)
        except queue.Empty:
            raise TimeoutError(f"nothing more came; states: {self.states}") from None
        if "state" in said:
            self.states.append(said["state"])
        return said
