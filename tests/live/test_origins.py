"""Which pages may open a stream: their Origin is looked at before the upgrade, whatever else they carry."""

from collections.abc import Callable
from typing import Any

import pytest

from harness.http_stream import Ndjson, Refused, Sse
from harness.server import Server
from harness.websocket import WebSocket
from inbox.people import eventually
from live.people import superuser

PUBLIC = "https://tocsin.example.com"
LISTED = "https://app.example.org"

FOREIGN = [
    "null",
    "",
    "http://tocsin.example.com",
    "https://tocsin.example.com:8443",
    "https://tocsin.example.com.evil.com",
    "https://evil-tocsin.example.com",
    "https://tocsin.example.comevil.com",
    "https://xn--tcsin-mta.example.com",
    "https://app.example.org.evil.com",
    "https://evil.com/https://app.example.org",
    "https://tocsin.example.com@evil.com",
    "https://evil.com#tocsin.example.com",
    "file://",
    "https://tocsin.example.com/",
    "https://app.example.org https://evil.com",
    "chrome-extension://abc",
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A server that knows its public address and one other page."""
    found = Server(
        tmp_path_factory.mktemp("origins") / "data",
        dev=False,
        env={"TOCSIN_BASE_URL": PUBLIC, "TOCSIN_ORIGINS": LISTED},
    )
    found.start()
    yield found
    found.close()
    found.check_log()


@pytest.fixture(scope="module")
def token(server: Server) -> str:
    admin = superuser(server)
    assert admin.token is not None
    return admin.token


@pytest.mark.parametrize("origin", FOREIGN)
@pytest.mark.parametrize("kind", [WebSocket, Sse, Ndjson])
def test_a_foreign_origin_is_403_whatever_else_it_carries(server: Server, token: str, kind: Any, origin: str) -> None:
    for credential in ({"token": token}, {}):
        with pytest.raises(Refused) as refused:
            kind(server.url, headers={"Origin": origin}, **credential)
        assert refused.value.status == 403
        assert "access-control-allow-origin" not in refused.value.headers


def test_the_log_tells_which_origin_was_refused(server: Server, token: str) -> None:
    """Who set `base_url` wrong finds there what their browser sends."""
    origin = "https://misspelt.example.com"
    for kind in (WebSocket, Sse):
        before = server.log().count(origin)
        with pytest.raises(Refused):
            kind(server.url, token=token, headers={"Origin": origin})
        assert eventually(lambda before=before: server.log().count(origin) == before + 1)  # type: ignore[misc]
    assert token not in server.log()


@pytest.mark.parametrize("origin", [PUBLIC, LISTED, None])
@pytest.mark.parametrize("kind", [WebSocket, Sse, Ndjson])
def test_our_own_pages_listed_ones_and_programs_are_let_in(
    server: Server, token: str, kind: Any, origin: str | None
) -> None:
    headers = {} if origin is None else {"Origin": origin}
    with kind(server.url, headers=headers, token=token) as stream:
        allowed = stream.headers.get("access-control-allow-origin")
        if kind is not WebSocket:
            assert allowed == (LISTED if origin == LISTED else None)


def test_without_a_base_url_its_own_address_is_its_origin(start_server: Callable[..., Server]) -> None:
    server = start_server(dev=False)
    token = superuser(server).token

    WebSocket(server.url, token=token, headers={"Origin": server.url}).close()
    for origin in (f"http://127.0.0.1:{server.port + 1}", server.url.replace("http", "https"), "http://localhost"):
        with pytest.raises(Refused) as refused:
            WebSocket(server.url, token=token, headers={"Origin": origin})
        assert refused.value.status == 403


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost:3000", 101),
        ("http://127.0.0.1:5173", 101),
        ("http://[::1]:8000", 101),
        ("https://localhost", 101),
        ("http://localhost.evil.com", 403),
        ("http://127.0.0.1.evil.com", 403),
        ("null", 403),
        ("http://evil.com", 403),
    ],
)
def test_in_dev_every_loopback_origin_is_listed(dev: Server, origin: str, status: int) -> None:
    def answer() -> int:
        try:
            with WebSocket(dev.url, token=dev.token("user123"), headers={"Origin": origin}) as stream:
                return stream.status
        except Refused as refused:
            return refused.status

    assert answer() == status
    # What a browser lets a page read of its own streams, and of what it sends.
    allowed = origin if status == 101 else None
    page = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    for method, path in (("OPTIONS", "/api/notifications/send"), ("GET", "/api/notifications")):
        told = dev.user("user123").request(method, path, headers=page).headers
        assert told.get("access-control-allow-origin") == allowed
    if allowed:
        with Sse(dev.url, token=dev.token("user123"), headers={"Origin": origin}) as events:
            assert events.headers["access-control-allow-origin"] == allowed
