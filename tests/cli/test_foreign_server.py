"""Commands sent to an address where something else than Tocsin answers everything with 200, as a proxy may."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cli.command import tocsin
from harness.http import DEV_KEY

COMMANDS = (
    "key revoke k", "key create anna", "user create anna", "user show anna", "user delete anna", "user disable anna",
    "app create a", "app delete a", "app install a", "app uninstall a", "app secret create a", "app secret revoke a s",
    "device set d Door", "device delete d", "token --user anna", "token --ticket",
)  # fmt: skip


DEEP = b"[" * 100_000
"""Deeper than a reader of JSON goes down."""


class Foreign(BaseHTTPRequestHandler):
    """Gives one answer to whatever it is asked."""

    status = 200
    body = b""

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(self.status)
        if self.status != 204:
            self.send_header("content-length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815  (the library's names)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@contextmanager
def running(status_: int, body_: bytes) -> Iterator[str]:
    """A server that answers so; its URL."""

    class Always(Foreign):
        status, body = status_, body_

    server = ThreadingHTTPServer(("127.0.0.1", 0), Always)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(
    scope="module", params=[b"", b"{}", b"[]", b"<html>", DEEP], ids=["nothing", "{}", "[]", "<html>", "deep"]
)
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Of a server that gives that answer to whatever it is asked."""

    with running(200, request.param) as url:
        yield url


def test_nothing_is_said_to_be_done_that_no_tocsin_server_has_done(url: str) -> None:
    for command in COMMANDS:
        ran = tocsin(*command.split(), "--url", url, token=DEV_KEY, stdin="a password\n")
        assert ran.status == 1, (command, ran)
        assert ran.out == "", command
        assert "not that of a Tocsin server: is the address right?" in ran.err, (command, ran.err)


@pytest.mark.parametrize("name", ["user list", "app list", "send t m", "doctor"])
def test_an_answer_without_end_is_not_that_of_a_tocsin_server(name: str) -> None:
    with running(200, DEEP) as url:
        ran = tocsin(*name.split(), env={"TOCSIN_URL": url}, token=DEV_KEY)
    assert ran.status == 1
    assert "not that of a Tocsin server" in ran.out + ran.err


@pytest.mark.parametrize("status", [200, 204])
def test_an_empty_answer_is_no_backup(status: int, tmp_path: Path) -> None:
    with running(status, b"") as url:
        ran = tocsin("backup", str(tmp_path / "b.db"), "--url", url, token=DEV_KEY)
    assert ran.status == 1, ran
    assert ran.err.startswith("tocsin: ")
    assert list(tmp_path.iterdir()) == []
