"""Starts a server on a core of its own, waits until it answers, ends it and removes what it wrote."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from bench.native import BUILD, CannotMeasureError

DEV_KEY = "dev-api-key-12345"
AS_SUPERUSER = f"X-API-Key: {DEV_KEY}"
SEND_PATH = "/api/notifications/send"
STREAM_PATH = "/notifications"
READY_SECONDS = 120.0

# One user holds all streams of a fan-out; the limit against that is not what is measured here.
WIDE_LIMITS = {"TOCSIN_LIMITS__STREAMS_PER_USER": "20000"}


def without_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment without what would set Tocsin otherwise than its defaults."""
    return {name: value for name, value in environment.items() if not name.startswith("TOCSIN_")}


def free_port() -> int:
    """A loopback port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class ServerProcess:
    """A server under measurement: one process, one core, its own folder on the disk of this repository."""

    def __init__(
        self,
        command: list[str],
        core: int,
        ready_path: str,
        folder: Path,
        port: int,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start `command`; returns before it is ready. An empty `ready_path`: it is, once it takes connections."""
        self.port = port
        self.folder = folder
        self.log = folder / "server.log"
        self.ready_seconds = 0.0
        self._ready_path = ready_path
        self.started_at = time.monotonic()
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=without_settings(os.environ) | {"PYTHONDONTWRITEBYTECODE": ""} | dict(environment or {}),
                preexec_fn=lambda: os.sched_setaffinity(0, {core}),  # noqa: PLW1509  (no thread is running here)
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    def wait_until_ready(self) -> float:
        """Seconds from its start to the first 200 of its ready path, looked at every 2 ms.

        Raises CannotMeasureError when it ends before or takes longer than two minutes.
        """
        while True:
            if self.process.poll() is not None:
                raise CannotMeasureError(f"the server ended with {self.process.returncode}: {self._last_words()}")
            if time.monotonic() - self.started_at > READY_SECONDS:
                raise CannotMeasureError(f"the server was not ready in {READY_SECONDS:.0f} s: {self._last_words()}")
            try:
                status = self._look()
            except (OSError, http.client.HTTPException):
                status = 0
            if status == 200:
                self.ready_seconds = time.monotonic() - self.started_at
                return self.ready_seconds
            time.sleep(0.002)

    def _look(self) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.connect()
            if not self._ready_path:
                return 200
            connection.request("GET", self._ready_path)
            return connection.getresponse().status
        finally:
            connection.close()

    def _last_words(self) -> str:
        return self.log.read_text(errors="replace").strip()[-300:]

    def __enter__(self) -> "ServerProcess":
        try:
            self.wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def stop(self) -> None:
        """End it as an operator would, and by force after 15 s; its folder stays."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def new_folder() -> Path:
    """A new folder under build/, on the repository's disk: a store in memory is another measurement."""
    BUILD.mkdir(exist_ok=True)
    return Path(tempfile.mkdtemp(prefix="data-", dir=BUILD))


def tocsin_command(folder: Path, port: int) -> list[str]:
    """How Tocsin is started to be measured: no option but where it listens and where its data is."""
    command = [str(Path(sys.executable).with_name("tocsin")), "serve", "--dev", "--host", "127.0.0.1"]
    return [*command, "--port", str(port), "--data", str(folder / "data")]


def tocsin(core: int, folder: Path | None = None, environment: Mapping[str, str] | None = None) -> ServerProcess:
    """`tocsin serve --dev` on a new store, or on the one that `folder` holds.

    Parameters:
        environment: variables besides those of WIDE_LIMITS. No measurement gives any; tests of the
            measurement do.
    """
    folder, port = folder or new_folder(), free_port()
    command = tocsin_command(folder, port)
    return ServerProcess(command, core, "/readyz", folder, port, WIDE_LIMITS | dict(environment or {}))


def do_nothing_route(core: int) -> ServerProcess:
    """A Starlette route that answers at once, under the same uvicorn, uvloop and httptools."""
    folder, port = new_folder(), free_port()
    module = Path(__file__).with_name("do_nothing_route.py")
    return ServerProcess([sys.executable, str(module), str(port)], core, "/ready", folder, port)


class Admin:
    """One keep-alive connection of the superuser, for what a measurement needs besides its load."""

    def __init__(self, port: int) -> None:
        """Connects at the first request."""
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def __enter__(self) -> "Admin":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def ask(self, method: str, path: str, body: object = None) -> dict[str, object]:
        """The answer's JSON object. Raises CannotMeasureError for any status outside 2xx."""
        headers = {"X-API-Key": DEV_KEY}
        encoded = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            encoded = json.dumps(body)
        self._connection.request(method, path, body=encoded, headers=headers)
        response = self._connection.getresponse()
        text = response.read()
        if response.status // 100 != 2:
            raise CannotMeasureError(f"{method} {path} answered {response.status}: {text[:200]!r}")
        answer: dict[str, object] = json.loads(text) if text else {}
        return answer
