"""Blocking readers of the stream over HTTP: SSE and NDJSON.

    stream = Sse(server.url, token=jwt)                     # also key=…, since=…, params={…}
    event = stream.next(timeout=2)                          # Event(name, data, id); name "message" if unnamed
    event.json["title"], event.id                           # comments and empty lines are skipped
    Sse(server.url, token=jwt, last_event_id=event.id)      # resume
    Ndjson(server.url, token=jwt).next(timeout=2)           # one decoded line

`Refused` (status, headers, body) is raised when the answer is not 200; `Ended` when the server ended the
stream; `TimeoutError` when nothing came in time. `rcvbuf` sets SO_RCVBUF before connecting.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

from harness.patience import PATIENCE


class Ended(Exception):
    """The server ended the stream; `clean` when the body was complete."""

    def __init__(self, *, clean: bool) -> None:
        super().__init__("ended" if clean else "cut off")
        self.clean = clean


class Refused(Exception):
    """The server answered the opening request with something else than a stream."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        super().__init__(f"{status} {body[:300]!r}")
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Event:
    """One server-sent event."""

    name: str
    data: str
    id: str | None

    @property
    def json(self) -> Any:
        return json.loads(self.data)


def parse_head(head: bytes) -> tuple[int, dict[str, str]]:
    """Return the status and the headers (names in lower case) of a raw answer head."""
    lines = head.decode("latin-1").split("\r\n")
    pairs = (line.split(":", 1) for line in lines[1:] if ":" in line)
    return int(lines[0].split()[1]), {name.lower(): value.strip() for name, value in pairs}


class LineStream:
    """A GET whose body is read line by line as it comes."""

    accept = "*/*"

    def __init__(
        self,
        url: str,
        path: str = "/notifications",
        *,
        token: str | None = None,
        key: str | None = None,
        since: str | None = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        rcvbuf: int | None = None,
        timeout: float = PATIENCE,
    ) -> None:
        parts = urlsplit(url)
        query = urlencode({**(params or {}), **({"since": since} if since else {})}, doseq=True)
        sent = {"Host": parts.netloc, "Accept": self.accept}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        if key:
            sent["X-API-Key"] = key
        sent.update(headers or {})
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if rcvbuf:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self._raw, self._body, self._left = bytearray(), bytearray(), 0
        self._deadline = time.monotonic() + timeout
        try:
            self.socket.settimeout(timeout)
            self.socket.connect((parts.hostname or "127.0.0.1", parts.port or 80))
            target = f"{path}?{query}" if query else path
            head = [f"GET {target} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items())]
            self.socket.sendall(("\r\n".join(head) + "\r\n\r\n").encode())
            self.status, self.headers = parse_head(self._until(b"\r\n\r\n"))
            self.chunked = self.headers.get("transfer-encoding", "").lower() == "chunked"
            if self.status != 200:
                raise Refused(self.status, self.headers, self._rest())
        except BaseException:
            self.socket.close()
            raise

    def line(self, timeout: float = PATIENCE) -> str:
        """The next line without its end; raises Ended or TimeoutError."""
        self._deadline = time.monotonic() + timeout
        while (end := self._body.find(b"\n")) < 0:
            self._feed()
        line = bytes(self._body[:end])
        del self._body[: end + 1]
        return line.decode().removesuffix("\r")

    def ended_within(self, seconds: float = PATIENCE) -> bool:
        """Read on, dropping what comes, until the stream ends; False when it did not in time."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                self.line(left)
            except Ended:
                return True
            except TimeoutError:
                return False
        return False

    def close(self) -> None:
        self.socket.close()

    def __del__(self) -> None:
        # A test that is done with a connection may just drop it.
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def _receive(self) -> None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("nothing came in time")
        self.socket.settimeout(left)
        try:
            part = self.socket.recv(65_536)
        except ConnectionError:
            raise Ended(clean=False) from None
        if not part:
            raise Ended(clean=False)
        self._raw += part

    def _until(self, mark: bytes) -> bytes:
        while (end := self._raw.find(mark)) < 0:
            self._receive()
        taken = bytes(self._raw[:end])
        del self._raw[: end + len(mark)]
        return taken

    def _feed(self) -> None:
        """Move some of what was received into the body, undoing the chunks."""
        if not self.chunked:
            if not self._raw:
                self._receive()
            self._body += self._raw
            self._raw.clear()
            return
        if self._left == 0:
            size = int(self._until(b"\r\n").split(b";")[0], 16)
            if size == 0:
                raise Ended(clean=True)
            self._left = size + 2
        if not self._raw:
            self._receive()
        part = self._raw[: self._left]
        del self._raw[: len(part)]
        # The last two of a chunk are its CR LF.
        keep = max(0, min(len(part), self._left - 2))
        self._left -= len(part)
        self._body += part[:keep]

    def _rest(self) -> bytes:
        length = self.headers.get("content-length")
        try:
            while length is None or len(self._body) < int(length):
                self._feed()
        except Ended:
            pass
        return bytes(self._body)


class Ndjson(LineStream):
    """The stream as one JSON object a line."""

    accept = "application/x-ndjson"

    def next(self, timeout: float = PATIENCE) -> Any:
        """The next object; empty lines (heartbeats) are skipped."""
        deadline = time.monotonic() + timeout
        while not (line := self.line(deadline - time.monotonic())).strip():
            pass
        return json.loads(line)


class Sse(LineStream):
    """The stream as server-sent events."""

    accept = "text/event-stream"

    def __init__(
        self, url: str, path: str = "/notifications", *, last_event_id: str | None = None, **more: Any
    ) -> None:
        if last_event_id is not None:
            more["headers"] = {**(more.get("headers") or {}), "Last-Event-ID": last_event_id}
        self.last_event_id = last_event_id
        self._fields: list[tuple[str, str]] = []
        super().__init__(url, path, **more)

    def next(self, timeout: float = PATIENCE) -> Event:
        """The next event that carries data; comments are skipped. What came of it before a TimeoutError is kept."""
        deadline = time.monotonic() + timeout
        while True:
            if line := self.line(deadline - time.monotonic()):
                field, _, value = line.partition(":")
                self._fields.append((field, value.removeprefix(" ")))
                continue
            fields, self._fields = self._fields, []
            named = dict(fields)
            if data := [value for field, value in fields if field == "data"]:
                self.last_event_id = named.get("id") or self.last_event_id
                return Event(named.get("event", "message"), "\n".join(data), named.get("id"))

    def next_notification(self, timeout: float = PATIENCE) -> Event:
        """The next unnamed event: a notification."""
        deadline = time.monotonic() + timeout
        while (event := self.next(deadline - time.monotonic())).name != "message":
            pass
        return event
