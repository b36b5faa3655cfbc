"""Connections that end in ways a polite client would not choose."""

from __future__ import annotations

import json
import socket
import time
import uuid
from collections.abc import Callable
from functools import partial

import pytest

from attacks.raw import MIB, at_once, connect, head, private_memory, read_to_the_end, reset, shares, statuses
from harness.http import DEV_KEY, SEND
from harness.server import NODES, Server


def test_connections_that_end_in_a_reset_do_not_stay_in_memory(start_server: Callable[..., Server]) -> None:
    """As of health checks that close without reading their answer."""
    server = start_server(env={"TOCSIN_LOG_REQUESTS": "none"})

    def come_and_go(turns: range) -> None:
        for _ in turns:
            connection = connect(server)
            connection.sendall(head("/healthz"))
            time.sleep(0.001)
            reset(connection)

    at_once(*(partial(come_and_go, turns) for turns in shares(2_000, 4)))
    before = private_memory(server)
    at_once(*(partial(come_and_go, turns) for turns in shares(6_000, 4)))

    grown = private_memory(server) - before
    assert grown < 16 * MIB * NODES, f"memory grew by {grown / MIB:.0f} MiB with 6,000 connections"


def test_who_has_said_all_it_has_to_say_is_still_answered(dev: Server) -> None:
    """A client that closes its side after the request, as small devices do."""
    body = json.dumps({"title": f"half-closed {uuid.uuid4()}", "message": "m", "userId": "user123"}).encode()
    fields = (f"X-API-Key: {DEV_KEY}", "Content-Type: application/json", f"Content-Length: {len(body)}")
    for request in (head("/healthz"), head(SEND, *fields, method="POST") + body):
        with connect(dev) as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            assert statuses(read_to_the_end(connection)) == [200]


@pytest.mark.parametrize("ahead", [0, 1, 20])
def test_a_request_that_ends_before_it_is_whole_is_refused_at_once(dev: Server, ahead: int) -> None:
    """It waited for the rest of its body until that was too late: half a minute."""
    fields = (f"X-API-Key: {DEV_KEY}", "Content-Type: application/json")
    known = head(SEND, *fields, "Content-Length: 100", method="POST") + b'{"title":'
    chunked = head(SEND, *fields, "Transfer-Encoding: chunked", method="POST") + b'9\r\n{"title":\r\n'
    for half in (known, chunked):
        with connect(dev) as connection:
            began = time.monotonic()
            connection.sendall(head("/healthz") * ahead + half)
            connection.shutdown(socket.SHUT_WR)
            assert statuses(read_to_the_end(connection)) == [200] * ahead + [400]
            assert time.monotonic() - began < 8, "it waited for what cannot come"
