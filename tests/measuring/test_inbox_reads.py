"""What the bench takes for an answer to a read of an inbox."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from bench.native import CannotMeasureError
from bench.work import inbox_reads


@contextmanager
def answering(status_of: Callable[[int], int]) -> Iterator[int]:
    """A server; which status its n-th answer has. Its port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        asked = 0

        def do_GET(self) -> None:
            Handler.asked += 1
            self.send_response(status_of(Handler.asked))
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def test_one_search_that_was_refused_voids_the_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox_reads, "REQUESTS", 20)
    with answering(lambda n: 200) as port:
        assert inbox_reads._round(port, "key", "/") > 0
    with answering(lambda n: 503 if n == 7 else 200) as port, pytest.raises(CannotMeasureError, match="503"):
        inbox_reads._round(port, "key", "/")
