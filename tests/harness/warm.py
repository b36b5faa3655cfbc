"""Servers that are forked from a process which has read the program already: reading it is most of what a start costs.

What is started so is `tocsin serve` in a process of its own, with its own arguments, environment and log; a child of
this process like any other: it gets signals, ends and is waited for. It can be told from one that was started from
nothing by its command line only. `make soak` starts every server from nothing, and so does a test that gives it
another interpreter's surroundings: `wrap`, `PYTHONPATH`, a locale.
"""

from __future__ import annotations

import atexit
import ctypes
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

_SUBREAPER = 36
"""PR_SET_CHILD_SUBREAPER, prctl(2)."""

INTERPRETER = {"PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1"}
"""With what every server is started."""


class Forked:
    """A process that is a child of this one, used as one of `subprocess`."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._waiting = threading.Lock()

    def poll(self) -> int | None:
        """Its exit code, below zero for a signal; None while it runs."""
        with self._waiting:
            if self.returncode is None:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                if pid:
                    self.returncode = os.waitstatus_to_exitcode(status)
            return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended."""
        ends = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if ends is not None and time.monotonic() > ends:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0.0)
            time.sleep(0.005)
        return code

    def send_signal(self, number: int) -> None:
        """Nothing, where it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)


class Warm:
    """The process of which servers are forked."""

    def __init__(self) -> None:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")} | INTERPRETER
        self._surroundings = _surroundings(clean)
        self._prctl = ctypes.CDLL(None, use_errno=True).prctl
        self._asking = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-P", Path(__file__).resolve()], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=clean
        )

    def fits(self, environment: Mapping[str, str]) -> bool:
        """Whether a program that is started with this environment would read itself as this one did."""
        return _surroundings(environment) == self._surroundings

    def start(self, args: Sequence[str], *, environment: Mapping[str, str], folder: Path, log: Path) -> Forked:
        """Start `tocsin` with these arguments, in that folder; what it writes goes to the end of the log."""
        order = {"args": list(args), "environment": dict(environment), "folder": str(folder), "log": str(log)}
        asked, told = self._process.stdin, self._process.stdout
        assert asked is not None
        assert told is not None
        with self._asking:
            # Whoever forks it ends at once and leaves it to this process, which adopts nobody else's orphans.
            self._adopt(1)
            try:
                asked.write(json.dumps(order).encode() + b"\n")
                asked.flush()
                return Forked(int(told.readline()))
            finally:
                self._adopt(0)

    def close(self) -> None:
        """End it; what was forked of it stays."""
        self._process.communicate()

    def _adopt(self, wanted: int) -> None:
        if self._prctl(_SUBREAPER, wanted, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "prctl")


@cache
def warm() -> Warm | None:
    """The one of this test process, made when it is first asked for; none where servers are started from nothing."""
    if sys.platform != "linux" or os.environ.get("TOCSIN_SOAK") == "1":
        return None
    made = Warm()
    atexit.register(made.close)
    return made


def _surroundings(environment: Mapping[str, str]) -> dict[str, str]:
    """What an interpreter, and what is imported, may look at; not what `serve` reads when it runs."""
    read_late = ("PYTEST_CURRENT_TEST", "NOTIFY_SOCKET")
    return {
        name: value for name, value in environment.items() if not name.startswith("TOCSIN_") and name not in read_late
    }


def _forked() -> dict[str, Any] | None:
    """Fork for each order that comes in; in what was forked, its order."""
    for line in sys.stdin.buffer:
        if (go_between := os.fork()) == 0:
            if (server := os.fork()) == 0:
                order: dict[str, Any] = json.loads(line)
                return order
            os.write(1, b"%d" % server)
            os._exit(0)
        os.waitpid(go_between, 0)
        os.write(1, b"\n")
    return None


def _become(order: dict[str, Any]) -> None:
    """Have what a process has that was started with this order."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    log = os.open(order["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.closerange(3, log + 1)
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.argv = [str(Path(tocsin.__file__).with_name("__main__.py")), *order["args"]]


if __name__ == "__main__":
    import asyncpg  # noqa: F401
    import uvloop  # noqa: F401

    import tocsin
    import tocsin.cli.serve
    import tocsin.server
    from tocsin.cli.main import main

    found = _forked()
    if found is not None:
        _become(found)
        main(prog_name="tocsin")
