"""Hostile WebSocket frames: the right close code, at once, and the server does not mind."""

from __future__ import annotations

import json
import random
import socket
import struct
import time
from collections.abc import Callable

import pytest

from harness.patience import PATIENCE
from harness.server import Server
from harness.websocket import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Refused, WebSocket, frame

LIMIT = 64 * 1024

AT_ONCE = 10.0
"""Seconds: a second is promised, and a busy machine is given some more. It takes milliseconds."""


def closing(code: int, reason: bytes = b"") -> bytes:
    return struct.pack("!H", code) + reason


def long_form(opcode: int, payload: bytes, wide: int) -> bytes:
    """A frame whose length stands in more bytes than it needs (RFC 6455 §5.2 forbids it)."""
    size = struct.pack("!H", len(payload)) if wide == 126 else struct.pack("!Q", len(payload))
    return bytes([0x80 | opcode, 0x80 | wide]) + size + bytes(4) + payload


# What is sent on a signed-in stream, and the codes that may answer it.
VECTORS: dict[str, tuple[bytes, set[int]]] = {
    "one byte over the limit": (frame(TEXT, b"x" * (LIMIT + 1)), {1009}),
    "a length of 2^63-1, announced only": (frame(TEXT, b"x", length=2**63 - 1), {1009}),
    "a length with its top bit set": (frame(TEXT, b"x", length=2**63), {1002, 1009}),
    "16 MiB announced": (frame(TEXT, b"", length=16 << 20), {1009}),
    "fragments that add up to more than the limit": (
        frame(TEXT, b"x" * 40_000, final=False) + frame(CONTINUATION, b"x" * 40_000),
        {1009},
    ),
    "binary": (frame(BINARY, b"{}"), {1003}),
    "empty binary": (frame(BINARY, b""), {1003}),
    "binary in fragments": (frame(BINARY, b"{", final=False) + frame(CONTINUATION, b"}"), {1003}),
    "bad UTF-8": (frame(TEXT, b"\xff\xfe"), {1007}),
    "a cut UTF-8 sequence at the end": (frame(TEXT, b'{"a": "\xe2\x82'), {1007}),
    "an overlong UTF-8 slash": (frame(TEXT, b"\xc0\xaf"), {1007}),
    "an encoded surrogate": (frame(TEXT, b'"\xed\xa0\x80"'), {1007}),
    "above U+10FFFF": (frame(TEXT, b'"\xf4\x90\x80\x80"'), {1007}),
    "bad UTF-8 over two fragments": (
        frame(TEXT, b"\xe2", final=False) + frame(CONTINUATION, b"\x28\xa1"),
        {1007},
    ),
    "unmasked text": (frame(TEXT, b"{}", mask=False), {1002}),
    "unmasked ping": (frame(PING, b"x", mask=False), {1002}),
    "unmasked close": (frame(CLOSE, closing(1000), mask=False), {1002}),
    "ping of 126 bytes": (frame(PING, b"x" * 126), {1002}),
    "ping in fragments": (frame(PING, b"x", final=False), {1002}),
    "pong in fragments": (frame(PONG, b"x", final=False), {1002}),
    "close in fragments": (frame(CLOSE, closing(1000), final=False), {1002}),
    "close of 126 bytes": (frame(CLOSE, closing(1000, b"x" * 124)), {1002}),
    "close with one byte": (frame(CLOSE, b"\x03"), {1002}),
    "close with bad UTF-8": (frame(CLOSE, closing(1000, b"\xff")), {1007}),
    "a continuation of nothing": (frame(CONTINUATION, b"x"), {1002}),
    "a final continuation of nothing after a message": (
        frame(PING, b"x") + frame(CONTINUATION, b"x", final=False),
        {1002},
    ),
    "a new message inside a fragmented one": (
        frame(TEXT, b"{", final=False) + frame(TEXT, b"}"),
        {1002},
    ),
    "a 16-bit length for 5 bytes": (long_form(TEXT, b"hello", 126), {1002, 4400}),
    "a 64-bit length for 5 bytes": (long_form(TEXT, b"hello", 127), {1002, 4400}),
    "a compressed frame, though nothing was agreed": (frame(TEXT, b"\xca\x00", reserved=4), {1002}),
    "not JSON": (frame(TEXT, b"hello"), {4400}),
    "empty text": (frame(TEXT, b""), {4400}),
    "half an object": (frame(TEXT, b'{"read": '), {4400}),
    "an array": (frame(TEXT, b"[]"), {4400}),
    "a number": (frame(TEXT, b"1e999"), {4400}),
    "NaN": (frame(TEXT, b'{"received": NaN}'), {4400}),
    "null": (frame(TEXT, b"null"), {4400}),
    "a lone surrogate": (frame(TEXT, b'{"auth": "\\ud800"}'), {4400, 4401}),
    "U+0000": (frame(TEXT, b'{"auth": "\\u0000"}'), {4400, 4401}),
    "an unknown command": (frame(TEXT, b'{"reboot": true}'), {4400}),
    "100,000 levels": (frame(TEXT, b"[" * 60_000), {4400}),
    "deep objects": (frame(TEXT, b'{"a":' * 10_000 + b"1" + b"}" * 10_000), {4400}),
    "5,000 digits": (frame(TEXT, b'{"received": ' + b"9" * 5_000 + b"}"), {4400}),
    **{f"reserved bits {bits}": (frame(TEXT, b"{}", reserved=bits), {1002}) for bits in range(1, 8)},
    **{f"reserved opcode {code:#x}": (frame(code, b"x"), {1002}) for code in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)},
    **{
        f"close with code {code}": (frame(CLOSE, closing(code)), {1002})
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535)
    },
}


@pytest.mark.parametrize("protocol", [None, "tocsin.v1"], ids=["flat", "tocsin.v1"])
@pytest.mark.parametrize("name", VECTORS)
def test_a_malformed_frame_closes_the_stream_with_its_code(dev: Server, name: str, protocol: str | None) -> None:
    sent, codes = VECTORS[name]
    ws = WebSocket(dev.url, token=dev.token("user123"), subprotocol=protocol)
    ws.send_raw(sent)
    assert ws.closed_within(AT_ONCE) in codes, (ws.close_code, ws.close_reason)


ALLOWED = {
    "a ping": frame(PING, b"here"),
    "a ping of 125 bytes": frame(PING, b"x" * 125),
    "an unasked pong": frame(PONG, b"x"),
    "an unasked pong and pings between": frame(PONG) + frame(PING) + frame(PONG),
    "a ping byte by byte": frame(PING, b"slow"),
}


@pytest.mark.parametrize("name", ALLOWED)
def test_control_what_the_protocol_allows_leaves_the_stream_open(dev: Server, name: str) -> None:
    with WebSocket(dev.url, token=dev.token("user123")) as ws:
        if "byte by byte" in name:
            for byte in ALLOWED[name]:
                ws.send_raw(bytes([byte]))
        else:
            ws.send_raw(ALLOWED[name])
        title = f"still open after {name}"
        assert dev.service().send(title, userId="user123").status == 200
        while ws.recv_json()["title"] != title:
            pass


def test_a_ping_is_answered_with_its_own_payload(dev: Server) -> None:
    with WebSocket(dev.url, token=dev.token("user123")) as ws:
        ws.send_frame(PING, b"echo me")
        while (got := ws.recv_frame()).opcode != PONG:
            pass
        assert got.payload == b"echo me"


@pytest.mark.parametrize("code", [1000, 1001, 1003, 1007, 1011, 3000, 3999, 4000, 4999])
def test_a_proper_goodbye_is_returned(dev: Server, code: int) -> None:
    ws = WebSocket(dev.url, token=dev.token("user123"))
    ws.send_frame(CLOSE, closing(code, b"bye"))
    assert ws.closed_within(AT_ONCE) in (code, 1000)


def test_nothing_is_sent_after_the_close_frame(dev: Server) -> None:
    with WebSocket(dev.url, token=dev.token("user123")) as ws:
        ws.send_frame(CLOSE, closing(1000))
        for n in range(5):
            dev.service().send(f"after close {n}", userId="user123")
        while ws.recv_frame().opcode != CLOSE:
            pass
        ws.socket.settimeout(PATIENCE)
        assert ws.socket.recv(1) == b"", "bytes came after the close frame"


def test_more_than_sixty_messages_a_minute_are_too_many(start_server: Callable[..., Server]) -> None:
    """Pings are messages too: each costs the server a frame in and a frame out."""
    server = start_server()
    ws = WebSocket(server.url, token=server.token("user123"), subprotocol="tocsin.v1")
    sent = 0
    try:
        for _ in range(200):
            ws.send_frame(PING, b"x")
            sent += 1
    except OSError:
        pass
    assert ws.closed_within(AT_ONCE) == 4529
    assert sent > 60


def test_thirty_messages_are_not_too_many(dev: Server) -> None:
    with WebSocket(dev.url, token=dev.token("user123")) as ws:
        for n in range(30):
            ws.send_frame(PING, str(n).encode())
        pongs = 0
        while pongs < 30:
            pongs += ws.recv_frame().opcode == PONG


# -- random frames ------------------------------------------------------------------------------------


def scrambled(dice: random.Random) -> bytes:
    """A frame that is nearly right: right in most of its parts, wrong in some."""
    kinds = [b"", b"{}", b'{"auth": "x"}', b'{"received": "0-0"}', b'{"read": "notif_x"}', dice.randbytes(20)]
    payload = dice.choice([*kinds, dice.randbytes(dice.choice([1, 125, 126, 127, 300, 70_000]))])
    shape = frame(
        dice.choice([TEXT, TEXT, PING, PONG, CLOSE, dice.randrange(16)]),
        payload,
        final=dice.random() < 0.8,
        reserved=dice.choice([0, 0, 0, 0, dice.randrange(8)]),
        mask=dice.random() < 0.9,
        length=None if dice.random() < 0.9 else dice.choice([0, 1, 125, 65_535, 2**40]),
    )
    if dice.random() < 0.2:
        place = dice.randrange(len(shape))
        shape = shape[:place] + bytes([shape[place] ^ 1 << dice.randrange(8)]) + shape[place + 1 :]
    return shape[: dice.randrange(len(shape))] if dice.random() < 0.05 else shape


def over(ws: WebSocket) -> bool:
    """End the sending half; whether the server then ends its own at once."""
    try:
        ws.socket.shutdown(socket.SHUT_WR)
    except OSError:
        return True
    ends = time.monotonic() + AT_ONCE
    while (left := ends - time.monotonic()) > 0:
        ws.socket.settimeout(left)
        try:
            if not ws.socket.recv(65_536):
                return True
        except TimeoutError:
            return False
        except ConnectionError:
            return True
    return False


def test_random_frames_do_no_harm(start_server: Callable[..., Server], soak: bool) -> None:
    frames, seed = (1_000_000 if soak else 3_000), random.randrange(2**32)
    dice = random.Random(seed)
    server = start_server()
    token = server.token("user123")
    witness = WebSocket(server.url, token=server.token("user456"))
    sent, opened, resting = 0, 0, 0
    while sent < frames:
        ws = WebSocket(
            server.url, token=token, subprotocol=dice.choice([None, "tocsin.v1"]), params={"deviceId": "none"}
        )
        opened += 1
        try:
            for _ in range(dice.randrange(1, 20)):
                ws.send_raw(scrambled(dice))
                sent += 1
        except OSError:
            pass  # it was closed before all was sent, as it should be
        assert over(ws), f"a connection stayed open (seed {seed}, connection {opened})"
        ws.socket.close()
        if opened == 200 or (sent >= frames and not resting):
            resting = server.rss()
    assert server.running
    assert server.rss() - resting < 8 << 20, f"memory grew by {(server.rss() - resting) >> 20} MiB (seed {seed})"
    assert server.service().send("after the storm", userId="user456").status == 200
    assert witness.recv_json()["title"] == "after the storm"
    witness.close()


HANDSHAKES = {
    "no key": {"Sec-WebSocket-Key": ""},
    "a short key": {"Sec-WebSocket-Key": "c2hvcnQ="},
    "an old version": {"Sec-WebSocket-Version": "8"},
    "no version": {"Sec-WebSocket-Version": ""},
}


@pytest.mark.parametrize("name", HANDSHAKES)
def test_a_malformed_handshake_is_refused(dev: Server, name: str) -> None:
    with pytest.raises(Refused) as refused:
        WebSocket(dev.url, token=dev.token("user123"), headers=HANDSHAKES[name])
    assert 400 <= refused.value.status < 500


def test_compression_is_not_agreed_to(dev: Server) -> None:
    with WebSocket(
        dev.url, token=dev.token("user123"), headers={"Sec-WebSocket-Extensions": "permessage-deflate"}
    ) as ws:
        assert "sec-websocket-extensions" not in ws.headers


def test_a_client_that_says_nothing_is_closed_for_it(start_server: Callable[..., Server]) -> None:
    server = start_server(env={"TOCSIN_ANONYMOUS_BROADCASTS": "false"}, dev=False, ready=False)
    server.start()
    ws = WebSocket(server.url)
    began = time.monotonic()
    assert ws.closed_within() == 4408
    assert time.monotonic() - began > 4
    ws = WebSocket(server.url)
    ws.send_text(json.dumps({"auth": "nonsense"}))
    assert ws.closed_within() == 4401
