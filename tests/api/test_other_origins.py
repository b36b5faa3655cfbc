"""What a page of a listed origin may read of an answer, besides its body."""

from collections.abc import Callable

import pytest

from harness.http import DEV_APP, DEV_APP_SECRET, SEND, Answer, Http
from harness.server import Server
from send.hour import wait_for_room_in_the_hour

LISTED = "https://app.example.org"
TOLD = {"x-request-id", "link", "idempotency-replayed", "retry-after", "ratelimit", "ratelimit-policy"}
TOLD |= {f"x-ratelimit-{what}" for what in ("limit", "remaining", "reset")}


@pytest.fixture
def server(start_server: Callable[..., Server]) -> Server:
    wait_for_room_in_the_hour(seconds=20)
    return start_server(env={"TOCSIN_ORIGINS": LISTED})


def asked(client: Http, method: str, path: str, origin: str, **headers: str) -> Answer:
    body = b'{"title":"t","message":"m"}' if path == SEND else None
    kind = {"Content-Type": "application/json"} if body else {}
    return client.request(method, path, body=body, headers={"Origin": origin, **kind, **headers})


def answers(server: Server, origin: str) -> list[Answer]:
    """One of each kind that says something in its head."""
    service, app = server.service(), Http(server.url)
    sent = [asked(service, "POST", SEND, origin, **{"Idempotency-Key": "a"}) for _ in range(2)]
    listed = asked(server.user("user123"), "GET", "/api/notifications?limit=1", origin)
    by_app = [
        asked(
            app,
            "POST",
            f"/v2/integrations/{DEV_APP}/notification?uid=user123&message=m",
            origin,
            Authorization=f"Bearer {DEV_APP_SECRET}",
        )
        for _ in range(11)
    ]
    return [*sent, *by_app, listed, asked(app, "GET", "/api/notifications", origin)]


def test_a_page_of_a_listed_origin_reads_what_the_head_of_an_answer_says(server: Server) -> None:
    server.service().send("another")
    found = answers(server, LISTED)
    assert {answer.status for answer in found} == {200, 401, 429}
    assert {name for answer in found for name in answer.headers} >= TOLD, "not every header was seen"
    for answer in found:
        assert answer.headers["access-control-allow-origin"] == LISTED
        exposed = {name.strip().lower() for name in answer.headers["access-control-expose-headers"].split(",")}
        assert exposed == TOLD


def test_a_page_of_another_origin_reads_nothing(server: Server) -> None:
    for answer in answers(server, "https://elsewhere.example"):
        assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_a_page_of_a_listed_origin_may_send_every_header_that_means_something(server: Server) -> None:
    said = {"authorization", "content-type", "idempotency-key", "last-event-id", "x-api-key", "x-request-id"}
    asking = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": ",".join(sorted(said))}
    for path in (SEND, "/notifications"):
        answer = asked(Http(server.url), "OPTIONS", path, LISTED, **asking)
        allowed = answer.headers["access-control-allow-headers"].split(",")
        assert {name.strip().lower() for name in allowed} == said
