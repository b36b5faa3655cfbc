"""`tocsin` run to its end, or listening.

ran = tocsin("send", "title", "message", server=dev, token=DEV_KEY)
assert ran.status == 0 and ran.json["success"]
with Listening("--json", server=dev, token=DEV_KEY) as listening:
    listening.wait_open(); listening.line()

`tocsin` runs the command in this process, which is several times quicker; `installed` starts the program that a user
would. Both give and take the same. What takes the process's signals for itself (serve, listen) is always started.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

from click.testing import CliRunner

from harness.http import DEV_KEY, Http
from harness.patience import PATIENCE
from harness.server import Server
from tocsin.cli.main import main

PROGRAM = Path(sys.executable).parent / "tocsin"


@dataclass(frozen=True)
class Ran:
    """How a command ended and what it said."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def environment(server: Server | None, token: str | None, env: Mapping[str, str] | None) -> dict[str, str]:
    """This process's environment without any TOCSIN_ variable, plus those that are asked for."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")}
    if server is not None:
        clean["TOCSIN_URL"] = server.url
    if token is not None:
        clean["TOCSIN_TOKEN"] = token
    return clean | dict(env or {})


def tocsin(
    *args: str,
    server: Server | None = None,
    token: str | None = None,
    stdin: str | bytes = "",
    env: Mapping[str, str] | None = None,
) -> Ran:
    """Run the command to its end."""
    if args[0] in ("serve", "listen"):
        return installed(*args, server=server, token=token, stdin=stdin, env=env)
    wanted: dict[str, str | None] = dict.fromkeys(os.environ)
    wanted |= environment(server, token, env)
    done = CliRunner().invoke(main, args, input=stdin, env=wanted, prog_name="tocsin")
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Ran(done.exit_code, done.stdout, done.stderr)


def installed(
    *args: str,
    server: Server | None = None,
    token: str | None = None,
    stdin: str | bytes = "",
    env: Mapping[str, str] | None = None,
    within: float = PATIENCE,
) -> Ran:
    """Run the installed program to its end."""
    done = subprocess.run(
        [PROGRAM, *args],
        input=stdin.encode() if isinstance(stdin, str) else stdin,
        capture_output=True,
        env=environment(server, token, env),
        timeout=within,
        check=False,
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


class Listening:
    """A running `tocsin listen`, whose lines are read as they come."""

    def __init__(self, *args: str, server: Server, token: str | None = DEV_KEY) -> None:
        self._server = server
        self._begun = f"tocsin: listening at {server.url}"
        self._before = _ids(server)
        self.process = subprocess.Popen(
            [PROGRAM, "listen", *args],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            env=environment(server, token, None),
        )
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._complaints: list[str] = []
        self._readers = [
            threading.Thread(target=self._read, args=(self.process.stdout, self._lines.put), daemon=True),
            threading.Thread(target=self._read, args=(self.process.stderr, self._complaints.append), daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    @staticmethod
    def _read(pipe: IO[bytes], take: Any) -> None:
        for line in pipe:
            take(line.decode().rstrip("\n"))

    @property
    def err(self) -> str:
        """What it complained of: all but that it listens."""
        return "\n".join(line for line in self._complaints if line != self._begun)

    @property
    def begun(self) -> int:
        """How often it has said that it listens."""
        return self._complaints.count(self._begun)

    def line(self, within: float = PATIENCE) -> str:
        """The next line; fails when none comes in time."""
        try:
            return self._lines.get(timeout=within)
        except queue.Empty:
            raise AssertionError(f"nothing was printed in {within} s; on stderr:\n{self.err}") from None

    def notification(self, within: float = PATIENCE) -> Any:
        """With --json: the next one, decoded."""
        return json.loads(self.line(within))

    def wait_open(self, within: float = PATIENCE) -> None:
        """Wait until the server has a stream that was not there before."""
        deadline = time.monotonic() + within
        while not _ids(self._server) - self._before:
            assert time.monotonic() < deadline, f"no stream was opened in {within} s; on stderr:\n{self.err}"
            time.sleep(0.02)

    def end(self, number: int = signal.SIGTERM, within: float = PATIENCE) -> int:
        """Send a signal and return the exit status."""
        self.process.send_signal(number)
        return self.wait(within)

    def wait(self, within: float = PATIENCE) -> int:
        """The exit status, once it has ended by itself; all it wrote has been read then."""
        status = self.process.wait(within)
        for reader in self._readers:
            reader.join(within)
        return status

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(PATIENCE)
        for reader in self._readers:
            reader.join(PATIENCE)
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()


def _ids(server: Server) -> set[str]:
    """Of the streams that are open."""
    return {str(one["id"]) for one in server.service().get("/api/streams", limit=200).json["streams"]}


def streams(server: Server) -> int:
    """How many streams the server has open, on all of its nodes."""
    lines = [line for url in server.urls for line in Http(url).get("/metrics").text.splitlines()]
    return sum(int(float(line.split()[1])) for line in lines if line.startswith("tocsin_streams "))


def streams_left(server: Server, within: float = PATIENCE) -> int:
    """The same, once streams that are about to end have ended: zero, or what stays open for so long."""
    deadline = time.monotonic() + within
    while (count := streams(server)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return count
