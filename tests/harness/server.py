"""A real `tocsin serve` process under the control of a test.

    def test_something(start_server):
        server = start_server()                      # a process and a data folder of its own, ready
        server.service().post("/api/notifications/send", {"title": "t", "message": "m"})
        server.kill()                                # SIGKILL
        server.start()                               # same port, same data
        assert server.stop() == 0                    # SIGTERM, the exit code

With `TOCSIN_TEST_STORE=postgresql` each data folder has a database of its own on a real PostgreSQL instead of a file;
with `TOCSIN_TEST_NODES=3` besides there are three processes on it, behind a balancer: clients speak to that, signals go
to all of them, what is said of "the process" (memory, descriptors) is their sum.

A server is a process of its own, forked from one that has read the program already (`harness/warm.py`) where nothing
speaks against it.

`start_server(args=[…], env={…}, data=…, wrap=[…])` passes options on; `server.token("user123")` logs in once and
remembers. When the test ends, every process is ended and its log must hold no traceback; a test that provokes one on
purpose says why: `server.tracebacks_expected = "the disk fails"`.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.balancer import Balancer
from harness.http import DEV_KEY, Http
from harness.patience import PATIENCE
from harness.ports import free_port
from harness.postgresql import cluster
from harness.warm import INTERPRETER, Forked
from harness.warm import warm as warm_process

PROGRAM = [sys.executable, "-m", "tocsin"]

Process = subprocess.Popen[bytes] | Forked

NODES = int(os.environ.get("TOCSIN_TEST_NODES", "1"))
"""Processes that make up a server."""


class StartFailure(AssertionError):
    """The process ended, or was not ready in time; the message holds the end of its log."""


class Server:
    """One `tocsin serve` process, its data folder and its log.

    Args:
        data: the data folder; created by the server.
        dev: start with `--dev`.
        port: a fixed port; by default a free one, kept over restarts.
        args: further options of `serve`.
        env: added to the environment; a None takes a variable away.
        wrap: a command that runs the server, as `["strace", "-D", …]`. It must `exec` the server or
            leave it as the direct child, so that a signal to the pid reaches the server.
        log: where its output goes; by default beside the data folder.
        nodes: how many processes; several are behind a balancer.
        warm: forked from a process that has read the program already; else started from nothing, as a user would.
    """

    def __init__(
        self,
        data: Path,
        *,
        dev: bool = True,
        port: int | None = None,
        args: Sequence[str] = (),
        env: Mapping[str, str | None] | None = None,
        wrap: Sequence[str] = (),
        log: Path | None = None,
        nodes: int = NODES,
        warm: bool = True,
    ) -> None:
        self.data = data
        self.dev = dev
        self.port = port or free_port()
        self.args = list(args)
        self.env = dict(env or {})
        self.wrap = list(wrap)
        self.log_path = log or data.parent / f"{data.name}.log"
        self.warm = warm
        self.tracebacks_expected: str | None = None
        self.processes: list[Process] = []
        self._ports = [self.port] if nodes == 1 else [free_port() for _ in range(nodes)]
        self._balancer: Balancer | None = None
        self._tokens: dict[str, str] = {}
        self._checked = 0

    # -- the process ----------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def urls(self) -> list[str]:
        """Of each of its processes: for what each has for itself, as `/metrics`."""
        return [f"http://127.0.0.1:{port}" for port in self._ports]

    @property
    def process(self) -> Process | None:
        """The first of its processes."""
        return self.processes[0] if self.processes else None

    @property
    def pid(self) -> int:
        assert self.process is not None, "the server was never started"
        return self.process.pid

    @property
    def running(self) -> bool:
        return any(process.poll() is None for process in self.processes)

    def command(self, port: int | None = None) -> list[str]:
        """The command line of this server, or of its process on that port."""
        dev = ["--dev"] if self.dev else []
        base = [*PROGRAM, "serve", *dev, "--host", "127.0.0.1"]
        store = ["--database", self.database] if self.database else []
        return [*self.wrap, *base, "--port", str(port or self.port), "--data", str(self.data), *store, *self.args]

    @property
    def database(self) -> str:
        """The URL of this server's database; empty where it is a file in the data folder."""
        if os.environ.get("TOCSIN_TEST_STORE") != "postgresql":
            return ""
        return cluster().database_with_tables(f"s{hashlib.sha256(str(self.data).encode()).hexdigest()[:20]}")

    def environment(self) -> dict[str, str]:
        """The environment of this process without any TOCSIN_ setting, plus the test's own."""
        env = {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")}
        env |= INTERPRETER
        for name, value in self.env.items():
            env.pop(name, None)
            if value is not None:
                env[name] = value
        return env

    def launch(self) -> None:
        """Start the process and return at once, ready or not."""
        assert not self.running, "the server runs already"
        self.processes = [self._launched(port) for port in self._ports]
        self._no_balancer()
        if len(self._ports) > 1:
            self._balancer = Balancer(self._ports, port=self.port)

    def _launched(self, port: int) -> Process:
        command, environment, folder = self.command(port), self.environment(), self.data.parent
        warm = warm_process() if self.warm else None
        if warm is not None and command[:3] == PROGRAM and warm.fits(environment):
            return warm.start(command[3:], environment=environment, folder=folder, log=self.log_path)
        with self.log_path.open("ab") as log:
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=environment, cwd=folder
            )

    def _no_balancer(self) -> None:
        if self._balancer is not None:
            self._balancer.close()
            self._balancer = None

    def start(self, *, within: float = PATIENCE) -> float:
        """Start the process, wait until `/readyz` answers 200, and return the seconds that took."""
        began = time.monotonic()
        self.launch()
        self.wait_ready(within=within)
        return time.monotonic() - began

    def ready(self) -> bool:
        """Whether `/readyz` answers 200 now, of each of its processes."""
        scheme = "https" if "--tls-cert" in self.args else "http"
        # Whose certificate it is, is for the test to judge.
        anybody = ssl._create_unverified_context() if scheme == "https" else None
        try:
            for port in self._ports:
                url = f"{scheme}://127.0.0.1:{port}/readyz"
                with urllib.request.urlopen(url, timeout=10, context=anybody) as answer:
                    if answer.status != 200:
                        return False
        except (urllib.error.URLError, OSError):
            return False
        return True

    def wait_ready(self, *, within: float = PATIENCE) -> None:
        # A database of its own is copied first, and its pages are cold.
        deadline = time.monotonic() + within * (3 if self.database else 1)
        # A refused connection costs next to nothing, an opener of URLs a twentieth of a start.
        while not self._listens() or not self.ready():
            if any(process.poll() is not None for process in self.processes):
                raise StartFailure(f"serve ended with {self.process and self.process.returncode}:\n{self.tail()}")
            if time.monotonic() > deadline:
                raise StartFailure(f"serve was not ready in {within} s:\n{self.tail()}")
            time.sleep(0.01)
        if self._balancer is not None:
            self._balancer.take_all()

    def _listens(self) -> bool:
        if "--tls-cert" in self.args:
            return True  # it would complain of a peer without TLS
        for port in self._ports:
            with socket.socket() as sock:
                sock.settimeout(PATIENCE)
                if sock.connect_ex(("127.0.0.1", port)):
                    return False
        return True

    def wait_exit(self, *, within: float = PATIENCE) -> int:
        """Wait until the process has ended by itself and return its exit code; of several, the worst."""
        assert self.processes
        try:
            return max((process.wait(within) for process in self.processes), key=abs)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"serve still runs after {within} s:\n{self.tail()}") from None
        finally:
            self._no_balancer()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        for process in self.processes:
            process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL: the process gets no chance to tidy up."""
        self.signal(signal.SIGKILL)
        for process in self.processes:
            process.wait(PATIENCE)
        self._no_balancer()

    def stop(self, *, within: float = PATIENCE) -> int:
        """SIGTERM, and the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait_exit(within=within)

    def restart(self) -> float:
        """Stop gracefully, start again, and return the seconds until it was ready."""
        self.stop()
        return self.start()

    def close(self) -> None:
        """End the process, whatever it does."""
        self.signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            for process in self.processes:
                process.wait(5)
        self.kill()

    # -- what it holds --------------------------------------------------------------------------------

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Run a statement on its database, whichever that is; written for SQLite, with `?` and `body ->> '$.name'`."""
        if self.database:
            return cluster().rows(self.database, sql, *values)
        with contextlib.closing(sqlite3.connect(self.data / "tocsin.db", timeout=PATIENCE)) as database, database:
            return database.execute(sql, values).fetchall()

    def tables(self) -> list[str]:
        """The names of the tables of its database."""
        names = "SELECT name FROM sqlite_master WHERE type = 'table'"
        if self.database:
            names = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        return [str(name) for (name,) in self.rows(names)]

    # -- what it did ----------------------------------------------------------------------------------

    def log(self) -> str:
        """All that the process has written to stdout and stderr, over all its starts."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def tail(self, lines: int = 40) -> str:
        return "\n".join(self.log().splitlines()[-lines:])

    def check_log(self) -> None:
        """Fail when the log has got a traceback since the last check, unless the test expects one."""
        if not self.log_path.exists():
            return
        with self.log_path.open("rb") as log:
            log.seek(self._checked)
            written = log.read()
        self._checked += len(written)
        fresh = written.decode(errors="replace")
        found = re.search(r"Traceback|Fatal Python error", fresh)
        if found and self.tracebacks_expected is None:
            raise AssertionError(f"the server's log has a traceback:\n{fresh[max(0, found.start() - 500) :][:6000]}")

    def rss(self) -> int:
        """Resident memory of the process in bytes (Linux)."""
        pages = [int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) for process in self.processes]
        return sum(pages) * os.sysconf("SC_PAGE_SIZE")

    def descriptors(self) -> int:
        """How many file descriptors the process holds (Linux)."""
        return sum(len(os.listdir(f"/proc/{process.pid}/fd")) for process in self.processes)

    def sockets(self) -> int:
        """How many of its file descriptors are sockets (Linux), but for those to its database, which come and go."""
        links = []
        for process in self.processes:
            for number in os.listdir(f"/proc/{process.pid}/fd"):
                with contextlib.suppress(FileNotFoundError):
                    links.append(os.readlink(f"/proc/{process.pid}/fd/{number}"))
        to_database = self._to_database()
        return sum(link.startswith("socket:") and link not in to_database for link in links)

    def _to_database(self) -> set[str]:
        if not self.database:
            return set()
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        # Its third column is the other end, address:port in hexadecimal digits, its tenth the inode.
        return {f"socket:[{row[9]}]" for row in rows if int(row[2].partition(":")[2], 16) == cluster().port}

    def at_rest(self, count: Callable[[], int]) -> int:
        """What `count` (as `server.sockets`) settles at, once connections of earlier requests are closed here, too."""
        found = [count()]
        for _ in range(100):
            time.sleep(0.1)
            found.append(count())
            if len(found) > 5 and len(set(found[-5:])) == 1:
                break
        return found[-1]

    def sockets_fall_to(self, calm: int, *, within: float = PATIENCE) -> bool:
        """Whether the server lets go of its connections in so many seconds.

        A stalled peer cannot see it: the kernel keeps what was under way until it wakes up.
        """
        deadline = time.monotonic() + within
        while self.sockets() > calm and time.monotonic() < deadline:
            time.sleep(0.1)
        return self.sockets() <= calm

    # -- clients --------------------------------------------------------------------------------------

    def http(self, **credential: str) -> Http:
        """A client with no credential, or with `key=…`, `token=…`."""
        return Http(self.url, **credential)

    def service(self) -> Http:
        """The superuser service of `--dev`."""
        return Http(self.url, key=DEV_KEY)

    def token(self, user: str) -> str:
        """A JWT of one of the users of `--dev`; logs in once."""
        if user not in self._tokens:
            self._tokens[user] = Http(self.url).login(user)
        return self._tokens[user]

    def user(self, user: str) -> Http:
        """A client signed in as one of the users of `--dev`: user123, user456, viewer, admin."""
        return Http(self.url, token=self.token(user))
