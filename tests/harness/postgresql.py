"""A real PostgreSQL for tests: a cluster of its own, on a port of its own, under a user of its own."""

import asyncio
import atexit
import contextlib
import glob
import os
import pwd
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import asyncpg

from harness.patience import PATIENCE
from harness.ports import free_port
from tocsin.ports import Span
from tocsin.store.postgresql.store import PostgresqlStore

PASSWORD = "not-for-anybody-else"
DURABLE = ("fsync = on", "full_page_writes = on")
"""Settings of a cluster that is measured, or whose machine goes."""

_START_SECONDS = PATIENCE


class Cluster:
    """One `postgres` with its data in a temporary folder; its role `tocsin` owns databases and is nothing more.

    Parameters:
        settings: lines of `postgresql.conf`.
    """

    def __init__(self, settings: Sequence[str] = ()) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="tocsin-postgresql-"))
        self.data = self.folder / "data"
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._made: set[str] = set()
        if os.getuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        subprocess.run(["cp", "-a", _initialised(), self.data], check=True)
        with (self.data / "postgresql.conf").open("a") as conf:
            lines = [
                f"port = {self.port}",
                "listen_addresses = '127.0.0.1'",
                f"unix_socket_directories = '{self.folder}'",
                "max_connections = 200",
                "shared_buffers = 64MB",
                # What processes lose that are killed is lost with this, too; what machines lose is not tried here.
                "fsync = off",
                "full_page_writes = off",
                *settings,
            ]
            conf.write("\n".join(lines) + "\n")
        self.start()
        self.sql(f"CREATE ROLE tocsin LOGIN PASSWORD '{PASSWORD}'")

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        # It must not outlive the tests, however those end.
        guard = ["setpriv", "--pdeathsig", "QUIT"] if shutil.which("setpriv") else []
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*_as_user(), *guard, _program("postgres"), "-D", str(self.data)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        ends = time.monotonic() + _START_SECONDS
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > ends:
                raise RuntimeError(f"PostgreSQL did not start: {(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it: SIGINT cuts connections off in order, SIGQUIT and SIGKILL do not."""
        if self._process is not None and self._process.poll() is None:
            others = self._others()
            self._process.send_signal(how)
            self._process.wait(PATIENCE)
            _wait_until_gone(others)

    def kill(self) -> None:
        """SIGKILL to all of its processes, as when the machine goes; what it had on the disk stays."""
        assert self._process is not None
        others = self._others()
        for pid in [self.pid, *others]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait(PATIENCE)
        _wait_until_gone(others)

    def _others(self) -> list[int]:
        """Its processes besides the first."""
        return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    @property
    def pid(self) -> int:
        """Of the first of its processes."""
        assert self._process is not None
        return self._process.pid

    def remove(self) -> None:
        """Stop it and remove all it has."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Run a statement as the superuser; what it gives, unaligned."""
        done = subprocess.run(
            [_program("psql"), "-h", str(self.folder), "-p", str(self.port), "-U", "postgres", "-d", database,
             "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{statement}: {done.stderr}")
        return done.stdout.strip()

    def url(self, database: str) -> str:
        """How Tocsin is told of a database."""
        return f"postgresql://tocsin:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def database(self, name: str, template: str = "template0") -> str:
        """The URL of a database, which is made where it is missing."""
        if name not in self._made:
            self.sql(f'CREATE DATABASE "{name}" OWNER tocsin ENCODING \'UTF8\' TEMPLATE "{template}"')
            self._made.add(name)
        return self.url(name)

    def database_with_tables(self, name: str) -> str:
        """The same, with Tocsin's tables in it already: making them takes longer than copying them."""
        if "made" not in self._made:
            url = self.database("made")

            async def make() -> None:
                store = await PostgresqlStore.open(url, _Nobody())
                await store.close()

            # In a thread of its own: this one's loop may be running.
            with ThreadPoolExecutor(1) as pool:
                pool.submit(asyncio.run, make()).result()
        return self.database(name, template="made")

    def rows(self, url: str, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Run a statement that was written for SQLite."""
        sql = re.sub(r"body ->> '\$\.(\w+)'", r"body::json ->> '\1'", sql)
        numbers = iter(range(1, 100))
        sql = re.sub(r"\?", lambda _: f"${next(numbers)}", sql)

        async def run() -> list[tuple[Any, ...]]:
            connection = await asyncpg.connect(url)
            try:
                return [tuple(row) for row in await connection.fetch(sql, *values)]
            finally:
                await connection.close()

        with ThreadPoolExecutor(1) as pool:
            return pool.submit(asyncio.run, run()).result()

    def _is_ready(self) -> bool:
        """Whether it asks a stranger for a password, as pg_isready finds out."""
        asked = b"user\0nobody\0\0"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            # StartupMessage, https://www.postgresql.org/docs/current/protocol-message-formats.html
            connection.sendall(struct.pack("!II", 8 + len(asked), 3 << 16) + asked)
            return connection.recv(1) == b"R"
        return False


def _wait_until_gone(pids: Sequence[int]) -> None:
    """Its shared memory goes with the last of them; a new one does not start before."""
    ends = time.monotonic() + PATIENCE
    while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < ends:
        time.sleep(0.01)


class _Nobody:
    def announce(self, span: Span) -> None:
        """Nobody is to hear of it."""


@cache
def cluster() -> Cluster:
    """The one of this test process; started when it is first needed."""
    made = Cluster()
    atexit.register(made.remove)
    return made


@cache
def _initialised() -> Path:
    """The files of a cluster that was never started, only to be copied: making them takes a second, copying none."""
    folder = Path(tempfile.mkdtemp(prefix="tocsin-postgresql-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    if os.getuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    told = [
        *_as_user(), _program("initdb"), "--pgdata", str(folder / "data"), "--encoding=UTF8", "--locale=C",
        "--username=postgres", "--auth-local=trust", "--auth-host=scram-sha-256", "--no-instructions", "--no-sync",
    ]  # fmt: skip
    subprocess.run(told, check=True, capture_output=True, cwd=folder)
    return folder / "data"


def _as_user() -> list[str]:
    # PostgreSQL refuses to run as root.
    if os.getuid() != 0:
        return []
    user = pwd.getpwnam("postgres")
    return ["setpriv", "--reuid", str(user.pw_uid), "--regid", str(user.pw_gid), "--clear-groups"]


@cache
def _program(name: str) -> str:
    found = sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"), key=lambda path: int(path.split("/")[4]))
    program = found[-1] if found else shutil.which(name)
    if program is None:
        raise RuntimeError(f"there is no {name} here: install PostgreSQL (Debian: postgresql)")
    return program
