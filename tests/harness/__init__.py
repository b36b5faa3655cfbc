"""What the tests stand on: a real server process and clients that can also misbehave.

    from harness.server import Server        a `tocsin serve` process: start, kill -9, restart, its log
    from harness.http import Http            one request, one answer; login and the fixtures' credentials
    from harness.websocket import WebSocket  a raw-socket WebSocket with its own framing
    from harness.http_stream import Sse, Ndjson    blocking readers of the same stream over HTTP

The fixtures `dev` and `start_server` are in `tests/conftest.py`.
"""
