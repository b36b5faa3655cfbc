"""Evidence that durability was on while a rate was measured: rows in the file, syncs seen by the kernel."""

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import apsw

from bench.native import CannotMeasureError
from bench.server_process import SEND_PATH, Admin, ServerProcess

TRACED_SENDS = 20


def store_file(data: Path) -> Path:
    """The SQLite file below `data` that holds the notifications.

    Raises CannotMeasureError when there is none with such a table.
    """
    for file in sorted(data.rglob("*")):
        if file.is_file() and _begins_with(file, b"SQLite format 3\0"):
            store = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY)
            tables = {name for (name,) in store.execute("select name from sqlite_schema where type = 'table'")}
            store.close()
            if "notifications" in tables:
                return file
    raise CannotMeasureError("no store with a table `notifications` was found")


def _begins_with(file: Path, mark: bytes) -> bool:
    with file.open("rb") as content:
        return content.read(len(mark)) == mark


def rows_stored(data: Path) -> int:
    """Notifications in the store below `data`, counted in its file after the server has ended."""
    store = apsw.Connection(str(store_file(data)), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return int(store.execute("select count(*) from notifications").get)
    finally:
        store.close()


def syncs_are_made(server: ServerProcess) -> str:
    """One sentence: how many syncs the server made for a few sends that waited for each other.

    Raises CannotMeasureError when there were fewer syncs than sends: then the figures are not durable ones.
    """
    with Admin(server.port) as admin:
        body = {"title": "Synced", "message": "One commit, one sync", "userId": "user456"}
        return syncs_of([server.pid], lambda: admin.ask("POST", SEND_PATH, body))


def syncs_of(pids: Sequence[int], send: Callable[[], object]) -> str:
    """The same of any server: `send` returns when one send has been answered.

    Looked at with strace after the measured rounds, because tracing slows a server down. Raises CannotMeasureError
    when there were fewer syncs than sends.
    """
    strace = shutil.which("strace")
    if strace is None:
        return "syncs per send were not looked at: strace not found"
    with tempfile.NamedTemporaryFile("r") as trace:
        whom = [word for pid in pids for word in ("-p", str(pid))]
        command = [strace, "-f", "-e", "trace=fdatasync,fsync", "-o", trace.name, *whom]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
            for _ in pids:
                line = tracer.stderr.readline()
                if "attached" not in line:
                    tracer.kill()
                    return f"syncs per send were not looked at: {line.strip()}"
            for _ in range(TRACED_SENDS):
                send()
            tracer.terminate()
        syncs = sum("fdatasync(" in line or "fsync(" in line for line in trace)
    if syncs < TRACED_SENDS:
        raise CannotMeasureError(f"only {syncs} syncs for {TRACED_SENDS} sends: a commit did not reach the disk")
    return f"{syncs} syncs (fdatasync, fsync) were seen for {TRACED_SENDS} sends that waited for each other"
