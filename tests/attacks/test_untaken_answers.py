"""Clients that ask and ask, and take none of the answers."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import pytest

from attacks.raw import connect, head, reset
from harness.server import Server


def ask_until_stuck(server: Server) -> socket.socket:
    """A connection with an answer that cannot be written, and a few requests behind it."""
    connection = connect(server, rcvbuf=4096)
    size = len(server.http().get("/openapi.json").body)
    # One by one: many that are read at once are refused as too many. A kernel takes up to 4 MiB for a slow reader.
    for _ in range((6 << 20) // size + 1):
        connection.sendall(head("/openapi.json"))
        time.sleep(0.015)
    return connection


def test_a_client_that_leaves_its_answers_behind_leaves_no_traceback(start_server: Callable[..., Server]) -> None:
    server = start_server()
    calm = server.at_rest(server.sockets)
    stuck = ask_until_stuck(server)
    assert server.sockets() > calm
    reset(stuck)
    assert server.sockets_fall_to(calm)
    assert "raceback" not in server.log()


@pytest.mark.soak
def test_a_client_that_takes_no_answer_is_cut_off_in_time(start_server: Callable[..., Server]) -> None:
    server = start_server()
    calm = server.at_rest(server.sockets)
    with ask_until_stuck(server):
        assert server.at_rest(server.sockets) == calm + 1, "nothing is stuck: the answers were all taken"
        assert server.sockets_fall_to(calm)
