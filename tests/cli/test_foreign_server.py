"""Commands sent to an address where something else than Tocsin answers everything with 200, as a proxy may."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from cli.command import tocsin
from harness.http import DEV_KEY

COMMANDS = (
    "key revoke k", "key create anna", "user create anna", "user show anna", "user delete anna", "user disable anna",
    "app create a", "app delete a", "app install a", "app uninstall a", "app secret create a", "app secret revoke a s",
    "device set d Door", "device delete d", "token --user anna", "token --ticket",
)  # fmt: skip


@pytest.fixture(scope="module", params=[b"", b"{}", b"[]", b"<html>"], ids=lambda body: body.decode() or "nothing")
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Of a server that gives that answer to whatever it is asked."""

    class Always(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self.send_response(200)
            self.send_header("content-length", str(len(request.param)))
            self.end_headers()
            self.wfile.write(request.param)

        do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815  (the library's names)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Always)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_nothing_is_said_to_be_done_that_no_tocsin_server_has_done(url: str) -> None:
    for command in COMMANDS:
        ran = tocsin(*command.split(), "--url", url, token=DEV_KEY, stdin="a password\n")
        assert ran.status == 1, (command, ran)
        assert ran.out == "", command
        assert "not that of a Tocsin server: is the address right?" in ran.err, (command, ran.err)
