"""A real Redis for tests: on a port of its own, keeping nothing."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from harness.patience import PATIENCE
from harness.ports import free_port

_START_SECONDS = PATIENCE
_TO_BUS = 10_000
"""Members of a cluster speak to one another on the port this far above."""


class Redis:
    """One `redis-server` (or `valkey-server`).

    Parameters:
        port: a fixed one; by default a free one, kept over restarts.
        cluster: as a cluster of one node.
    """

    def __init__(self, *, port: int | None = None, cluster: bool = False) -> None:
        self.port = port or free_port(and_above=[_TO_BUS] if cluster else [])
        self.folder = Path(tempfile.mkdtemp(prefix="tocsin-redis-"))
        self._cluster = cluster
        self._process: subprocess.Popen[bytes] | None = None
        self.start()
        if cluster:
            self._say(b"CLUSTER ADDSLOTSRANGE 0 16383")

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        program = shutil.which("redis-server") or shutil.which("valkey-server")
        if program is None:
            raise RuntimeError("there is no redis-server here: install Redis (Debian: redis-server)")
        guard = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        if self._cluster:
            options += ["--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf"]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*guard, program, *options, "--dir", str(self.folder)], stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        ends = time.monotonic() + _START_SECONDS
        while time.monotonic() < ends:
            with contextlib.suppress(OSError):
                if self._say(b"PING").startswith(b"+PONG"):
                    return
            time.sleep(0.02)
        self.kill()
        raise RuntimeError(f"Redis did not start: {(self.folder / 'log').read_text()[-2000:]}")

    def say(self, command: str) -> None:
        """Give it a command that it must obey."""
        answer = self._say(command.encode())
        assert answer.startswith(b"+OK"), answer

    def _say(self, command: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as sock:
            sock.sendall(command + b"\r\n")
            return sock.recv(1000)

    def signal(self, number: signal.Signals) -> None:
        """SIGSTOP and SIGCONT."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(10)

    def remove(self) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
