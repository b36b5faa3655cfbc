"""A WebSocket over a raw socket, with its own framing, so that a test can also send what no library would.

    ws = WebSocket(server.url, token=jwt)                  # sends ?token=; or key=…, headers={…}, params={…}
    ws.recv_json(timeout=2)                                # the next text frame; pings are answered
    ws.send_json({"auth": jwt}); ws.send_frame(0x9, b"x" * 126, mask=False)
    assert ws.closed_within() == 4400                     # the close code; None when cut off without one
    WebSocket(server.url, token=jwt, subprotocol="tocsin.v1", since=position, rcvbuf=4096)

`Refused` (status, headers, body) is raised when the upgrade is refused, `Closed` (code, reason) when a read
meets the end, `TimeoutError` when nothing came in time. To stop reading, do not call anything.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import socket
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

from harness.http_stream import Refused, parse_head
from harness.patience import PATIENCE

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA

__all__ = [
    "BINARY",
    "CLOSE",
    "CONTINUATION",
    "PING",
    "PONG",
    "TEXT",
    "Closed",
    "Frame",
    "Refused",
    "WebSocket",
    "frame",
]


class Closed(Exception):
    """The connection is over; `code` is None when no close frame came."""

    def __init__(self, code: int | None, reason: str) -> None:
        super().__init__(f"closed with {code} {reason!r}")
        self.code, self.reason = code, reason


@dataclass(frozen=True)
class Frame:
    """One frame as it came."""

    opcode: int
    payload: bytes
    final: bool
    reserved: int


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    final: bool = True,
    reserved: int = 0,
    mask: bool = True,
    length: int | None = None,
) -> bytes:
    """Return the bytes of one frame; `length` lies about the payload's, `reserved` is the three bits 0-7."""
    size = len(payload) if length is None else length
    head = bytearray([(0x80 if final else 0) | (reserved << 4) | opcode])
    masked = 0x80 if mask else 0
    if size < 126:
        head.append(masked | size)
    elif size < 65_536:
        head += bytes([masked | 126]) + struct.pack("!H", size)
    else:
        head += bytes([masked | 127]) + struct.pack("!Q", size)
    if not mask:
        return bytes(head) + payload
    key = os.urandom(4)
    whole = key * (len(payload) // 4 + 1)
    mixed = int.from_bytes(payload, "big") ^ int.from_bytes(whole[: len(payload)], "big")
    return bytes(head) + key + mixed.to_bytes(len(payload), "big")


class WebSocket:
    """One connection to the stream.

    Args:
        token: a JWT, sent as `?token=`; `key`: an API key, sent in `X-API-Key`.
        since: the position to resume from; `params`: more of the query; `headers`: more headers.
        rcvbuf: SO_RCVBUF in bytes, set before connecting, for a reader that is to stall.
        pong: answer pings.
    """

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
        subprotocol: str | None = None,
        rcvbuf: int | None = None,
        pong: bool = True,
        timeout: float = PATIENCE,
    ) -> None:
        parts = urlsplit(url)
        query: dict[str, Any] = {**(params or {})}
        query |= {name: value for name, value in (("token", token), ("since", since)) if value is not None}
        sent = {
            "Host": parts.netloc,
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
            "Sec-WebSocket-Version": "13",
        }
        if key:
            sent["X-API-Key"] = key
        if subprotocol:
            sent["Sec-WebSocket-Protocol"] = subprotocol
        sent.update(headers or {})
        self.pong, self.close_code, self.close_reason = pong, None, ""
        self._buffer, self._parts, self._over = bytearray(), bytearray(), False
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if rcvbuf:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        try:
            self.socket.settimeout(timeout)
            self.socket.connect((parts.hostname or "127.0.0.1", parts.port or 80))
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            target = f"{path}?{urlencode(query, doseq=True)}" if query else path
            lines = [f"GET {target} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items())]
            self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
            self._open(time.monotonic() + timeout)
        except BaseException:
            self.socket.close()
            raise

    # -- reading --------------------------------------------------------------------------------------

    def recv_frame(self, timeout: float = PATIENCE) -> Frame:
        """The next frame of any kind, unanswered; raises Closed at the end of the connection."""
        deadline = time.monotonic() + timeout
        while (found := self._parse()) is None:
            self._fill(deadline)
        if found.opcode == CLOSE:
            self.close_code = struct.unpack("!H", found.payload[:2])[0] if found.payload else 1005
            self.close_reason = found.payload[2:].decode()
        return found

    def recv_text(self, timeout: float = PATIENCE) -> str:
        """The next text message; answers pings and the closing handshake."""
        deadline = time.monotonic() + timeout
        while True:
            if self.close_code is not None:
                raise Closed(self.close_code, self.close_reason)
            got = self.recv_frame(deadline - time.monotonic())
            if got.opcode == PING and self.pong:
                self.send_frame(PONG, got.payload)
            elif got.opcode == CLOSE:
                self._answer_close()
                raise Closed(self.close_code, self.close_reason)
            elif got.opcode in (TEXT, CONTINUATION):
                self._parts += got.payload
                if got.final:
                    text, self._parts = self._parts.decode(), bytearray()
                    return text

    def recv_json(self, timeout: float = PATIENCE) -> Any:
        """The next text message, decoded."""
        return json.loads(self.recv_text(timeout))

    def recv_event(self, *names: str, timeout: float = PATIENCE) -> Any:
        """On `tocsin.v1`: the next event with one of these names; others are dropped."""
        deadline = time.monotonic() + timeout
        while (message := self.recv_json(deadline - time.monotonic()))["event"] not in names:
            pass
        return message

    def silent_for(self, seconds: float) -> bool:
        """Whether no message comes for so long."""
        try:
            self.recv_text(seconds)
        except TimeoutError:
            return True
        return False

    def counts_only_for(self, seconds: float) -> bool:
        """On `tocsin.v1`: whether nothing but how much is unread comes for so long."""
        deadline = time.monotonic() + seconds
        try:
            while (message := self.recv_json(max(0.0, deadline - time.monotonic())))["event"] == "unread":
                pass
        except TimeoutError:
            return True
        raise AssertionError(f"there came {message}")

    def closed_within(self, seconds: float = PATIENCE) -> int | None:
        """Read on until the connection is over, and return the close code (None: cut off without one).

        Raises AssertionError when it is still open after `seconds`.
        """
        deadline = time.monotonic() + seconds
        try:
            while True:
                self.recv_text(max(0.0, deadline - time.monotonic()))
        except Closed:
            pass
        except TimeoutError:
            raise AssertionError(f"still open after {seconds} s") from None
        try:
            while True:  # the server must also end the TCP connection, not only say so
                self._fill(deadline + 1.0)
        except Closed:
            return self.close_code
        except TimeoutError:
            raise AssertionError(f"close frame {self.close_code}, but the socket is open after {seconds} s") from None

    # -- writing --------------------------------------------------------------------------------------

    def send_raw(self, data: bytes) -> None:
        self.socket.settimeout(PATIENCE)
        self.socket.sendall(data)

    def send_frame(self, opcode: int, payload: bytes = b"", **shape: Any) -> None:
        """Send one frame; see `frame` for the shapes it can be given."""
        self.send_raw(frame(opcode, payload, **shape))

    def send_text(self, text: str) -> None:
        self.send_frame(TEXT, text.encode())

    def send_json(self, value: Any) -> None:
        self.send_text(json.dumps(value))

    def close(self, code: int = 1000) -> None:
        """Say goodbye and close; `abort` cuts the connection with a reset instead."""
        try:
            if self.close_code is None and not self._over:
                self.send_frame(CLOSE, struct.pack("!H", code))
        except OSError:
            pass
        self.socket.close()

    def abort(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def __del__(self) -> None:
        # A test that is done with a connection may just drop it.
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    # -- inside ---------------------------------------------------------------------------------------

    def _open(self, deadline: float) -> None:
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            self._fill(deadline)
        self.status, self.headers = parse_head(bytes(self._buffer[:end]))
        del self._buffer[: end + 4]
        self.subprotocol = self.headers.get("sec-websocket-protocol")
        if self.status == 101:
            return
        length = int(self.headers.get("content-length", "0"))
        try:
            while len(self._buffer) < length:
                self._fill(deadline)
        except Closed:
            pass
        raise Refused(self.status, self.headers, bytes(self._buffer))

    def _fill(self, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("nothing came in time")
        self.socket.settimeout(left)
        try:
            part = self.socket.recv(65_536)
        except ConnectionError:
            part = b""
        if not part:
            self._over = True
            raise Closed(self.close_code, self.close_reason)
        self._buffer += part

    def _parse(self) -> Frame | None:
        data = self._buffer
        if len(data) < 2:
            return None
        assert not data[1] & 0x80, "a server must not mask"
        size, start = data[1] & 0x7F, 2
        if size >= 126:
            wide = 2 if size == 126 else 8
            if len(data) < 2 + wide:
                return None
            size, start = int.from_bytes(data[2 : 2 + wide], "big"), 2 + wide
        if len(data) < start + size:
            return None
        found = Frame(data[0] & 0x0F, bytes(data[start : start + size]), bool(data[0] & 0x80), data[0] >> 4 & 7)
        del data[: start + size]
        return found

    def _answer_close(self) -> None:
        with contextlib.suppress(OSError):
            self.send_frame(CLOSE, struct.pack("!H", self.close_code) if self.close_code != 1005 else b"")
