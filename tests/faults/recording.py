"""A recording of everything a server did to its files, and the disks a power cut could have left.

The server runs under `strace`; the trace holds every byte it wrote, every sync with its outcome, and every
answer. `Disk` replays it: what a completed sync covered is durable, what came after is in the drive's cache
only, and a cut keeps any part of that, even half a write. Nothing of the server is replaced or imitated.

A sync that fails takes its writes with it: Linux marks the pages clean, so a second sync succeeds without
having written them. A sync whose outcome `strace` made up (`inject=fdatasync:retval=0`) writes nothing.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

CALLS = "pwrite64,pwritev,pwritev2,write,writev,sendto,sendmsg,fdatasync,fsync,ftruncate,unlink,rename"
SECTOR = 512


@cache
def why_not() -> str | None:
    """Why nothing can be traced here, or None when it can."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    probe = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, check=False)
    return None if probe.returncode == 0 else f"strace may not trace here: {probe.stderr.decode()[:200]}"


def tracing(trace: Path, *more: str) -> list[str]:
    """The command that runs a server traced; `more` are further options of strace, as `-e inject=…`."""
    base = ["strace", "-D", "-f", "--seccomp-bpf", "-yy", "-xx", "-s", "200000"]
    return [*base, "-e", f"trace={CALLS}", *more, "-o", str(trace)]


@dataclass(frozen=True)
class Write:
    path: str
    offset: int
    data: bytes


@dataclass(frozen=True)
class Truncate:
    path: str
    size: int


@dataclass(frozen=True)
class Removed:
    """A file's name is gone; taken as durable at once, which is what a journaling file system mostly does."""

    path: str


@dataclass(frozen=True)
class SyncBegun:
    path: str
    thread: int


@dataclass(frozen=True)
class SyncEnded:
    path: str
    thread: int
    outcome: str  # "ok", "failed" or "made up"


@dataclass(frozen=True)
class Answer:
    """A successful answer to a send left the server."""

    id: str


Event = Write | Truncate | Removed | SyncBegun | SyncEnded | Answer

_LINE = re.compile(r"(\d+)\s+(\w+)\((.*)")
_RESUMED = re.compile(r"(\d+)\s+<\.\.\. (\w+) resumed>(.*)")
_STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_FILE = re.compile(r"\d+<((?:\\x[0-9a-f]{2})+)>")
_TAIL = re.compile(r'", (\d+), (\d+)(?:\) += (-?\d+)| <unfinished)')
_SIZE = re.compile(r">, (\d+)")
_ID = re.compile(rb'"success":true,"notificationId":"(notif_[0-9a-z]+)"')


def events(trace: Path, folder: Path) -> Iterator[Event]:
    """Read a trace; only files in `folder` count, and answers on any socket."""
    with trace.open(encoding="latin-1") as lines:
        waiting: dict[int, str] = {}
        for line in lines:
            if found := _RESUMED.match(line):
                thread, call, rest = int(found[1]), found[2], found[3]
                if call in ("fdatasync", "fsync") and thread in waiting:
                    yield SyncEnded(waiting.pop(thread), thread, _outcome(rest))
            elif found := _LINE.match(line):
                yield from _call(int(found[1]), found[2], found[3], str(folder), waiting)


def _call(thread: int, call: str, rest: str, folder: str, waiting: dict[int, str]) -> Iterator[Event]:
    if call in ("unlink", "rename"):
        names = [_text(part).decode() for part in _STRING.findall(rest)]
        if names[0].startswith(folder + "/") and " = 0" in rest:
            if call == "rename":
                raise NotImplementedError(f"rename of {names[0]}: teach the recording to read it")
            yield Removed(names[0])
        return
    file = _FILE.match(rest)
    path = _text(file[1]).decode() if file else ""
    if not path.startswith(folder + "/"):
        if call in ("write", "writev", "sendto", "sendmsg") and not path.startswith("/"):
            data = b"".join(_text(part) for part in _STRING.findall(rest))
            yield from (Answer(id_.decode()) for id_ in _ID.findall(data))
        return
    if call in ("fdatasync", "fsync"):
        yield SyncBegun(path, thread)
        if "unfinished" in rest:
            waiting[thread] = path
        else:
            yield SyncEnded(path, thread, _outcome(rest))
    elif call == "pwrite64" and (tail := _TAIL.search(rest)):
        text = _STRING.search(rest)
        assert text is not None
        data = _text(text[1])
        assert len(data) == int(tail[1]), "the trace was cut short"
        if tail[3] is None or int(tail[3]) > 0:
            yield Write(path, int(tail[2]), data[: int(tail[3])] if tail[3] else data)
    elif call == "ftruncate" and (size := _SIZE.search(rest)):
        yield Truncate(path, int(size[1]))
    elif call in ("pwritev", "pwritev2"):
        raise NotImplementedError(f"{call} on {path}: teach the recording to read it")


def _outcome(rest: str) -> str:
    if "INJECTED" in rest and "= 0" in rest:
        return "made up"
    return "ok" if "= 0" in rest else "failed"


def _text(escaped: str) -> bytes:
    return bytes.fromhex(escaped.replace("\\x", ""))


@dataclass
class _File:
    durable: bytearray = field(default_factory=bytearray)
    pending: list[Write | Truncate] = field(default_factory=list)


class Disk:
    """The files as a drive holds them, between what is durable and what is only cached."""

    def __init__(self) -> None:
        self._files: dict[str, _File] = {}
        self._syncing: dict[int, tuple[_File, list[Write | Truncate]]] = {}

    def apply(self, event: Event) -> None:
        if isinstance(event, Write | Truncate):
            self._files.setdefault(event.path, _File()).pending.append(event)
        elif isinstance(event, Removed):
            self._files.pop(event.path, None)
        elif isinstance(event, SyncBegun):
            file = self._files.setdefault(event.path, _File())
            self._syncing[event.thread] = (file, list(file.pending))
        elif isinstance(event, SyncEnded):
            file, covered = self._syncing.pop(event.thread)
            if event.outcome == "made up":
                return
            seen = {id(change) for change in covered}
            for change in (c for c in file.pending if id(c) in seen):
                if event.outcome == "ok":
                    _put(file.durable, change)
            file.pending = [c for c in file.pending if id(c) not in seen]

    def holds(self, text: bytes) -> bool:
        """Whether these bytes are durable in some file."""
        return any(text in file.durable for file in self._files.values())

    def cut(self, folder: Path, dice: random.Random) -> list[Path]:
        """Write the files as a power cut now may leave them to `folder`, without the shared memory file."""
        folder.mkdir(parents=True, exist_ok=True)
        kept_share = dice.choice((0.0, 0.5, 0.9, 1.0))
        found = []
        for path, file in self._files.items():
            if path.endswith("-shm"):
                continue
            content = bytearray(file.durable)
            for change in file.pending:
                if dice.random() < kept_share:
                    _put(content, _torn(change, dice) if dice.random() < 0.2 else change)
            target = folder / os.path.basename(path)
            target.write_bytes(content)
            found.append(target)
        return found


def _put(content: bytearray, change: Write | Truncate) -> None:
    if isinstance(change, Truncate):
        del content[change.size :]
        content.extend(bytes(change.size - len(content)))
        return
    if len(content) < change.offset:
        content.extend(bytes(change.offset - len(content)))
    content[change.offset : change.offset + len(change.data)] = change.data


def _torn(change: Write | Truncate, dice: random.Random) -> Write | Truncate:
    if isinstance(change, Truncate) or len(change.data) <= 1:
        return change
    sectors = len(change.data) // SECTOR
    length = dice.randint(0, sectors) * SECTOR if sectors else dice.randrange(len(change.data))
    return Write(change.path, change.offset, change.data[:length])


def answered(found: Sequence[Event]) -> list[str]:
    """The ids of all successful answers, in order."""
    return [event.id for event in found if isinstance(event, Answer)]
