"""An app's quota: per app, user and UTC clock hour, decided with the notification in one transaction."""

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.http import DEV_APP, Answer, Http, inbox
from harness.server import Server
from send.hour import wait_for_room_in_the_hour


@pytest.fixture
def server(start_server: Callable[..., Server]) -> Server:
    wait_for_room_in_the_hour(seconds=20)
    return start_server()


def send(server: Server, uid: str = "user123", message: str = "hi") -> Answer:
    return Http(server.url).send_from_app(uid, message)


def assert_rate_limit(answer: Answer, *, remaining: int) -> None:
    """Both spellings of the limit are there and agree with the clock."""
    until = 3600 - time.time() % 3600
    headers = answer.headers
    assert headers["x-ratelimit-limit"] == "10"
    assert headers["x-ratelimit-remaining"] == str(remaining)
    reset = int(headers["x-ratelimit-reset"])
    assert abs(reset - until) <= 30, "a minute has other units, and a busy machine some seconds"
    assert headers["ratelimit-policy"].split(";")[1:] == ["q=10", "w=3600"]
    name = headers["ratelimit-policy"].split(";")[0]
    assert headers["ratelimit"] == f"{name};r={remaining};t={reset}"


def test_of_40_parallel_calls_exactly_10_succeed(server: Server) -> None:
    with ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(lambda n: send(server, message=f"number {n}"), range(40)))

    assert Counter(answer.status for answer in answers) == {200: 10, 429: 30}
    kept = inbox(server.user("user123"))
    assert {item["id"] for item in kept} == {a.json["notificationId"] for a in answers if a.status == 200}
    remaining = [int(answer.headers["x-ratelimit-remaining"]) for answer in answers if answer.status == 200]
    assert sorted(remaining) == list(range(10))
    for answer in answers:
        if answer.status == 429:
            assert answer.body == b'{"error":"Too many requests"}'


def test_each_answer_says_how_much_is_left(server: Server) -> None:
    for n in range(10):
        answer = send(server)
        assert answer.status == 200
        assert_rate_limit(answer, remaining=9 - n)
        assert "retry-after" not in answer.headers

    refused = send(server)

    assert refused.status == 429
    assert list(refused.json) == ["error"]
    assert_rate_limit(refused, remaining=0)
    assert refused.headers["retry-after"] == refused.headers["x-ratelimit-reset"]


def test_a_call_that_fails_costs_nothing(server: Server) -> None:
    client = Http(server.url)
    for _ in range(5):
        assert send(server, message="").status == 422
        assert send(server, message="a\0b").status == 422
        assert client.send_from_app("user123", "hi", secret="wrong").status == 401
        assert client.send_from_app("viewer", "hi").status == 404

    assert send(server).headers["x-ratelimit-remaining"] == "9"
    for _ in range(9):
        assert send(server).status == 200
    for _ in range(20):
        assert send(server).status == 429
    assert len(inbox(server.user("user123"))) == 10


def test_users_have_their_own_quota(server: Server) -> None:
    for _ in range(10):
        assert send(server, "user123").status == 200

    assert send(server, "user123").status == 429
    assert send(server, "user456").status == 200


def test_the_documented_send_route_has_no_rate_limit(server: Server) -> None:
    client = server.service()
    client.keep = True

    assert {client.send(appId=DEV_APP, userId="user123").status for _ in range(30)} == {200}
    assert send(server).headers["x-ratelimit-remaining"] == "9", "only what the app itself sends counts"


def test_the_quota_outlives_a_kill(server: Server) -> None:
    for _ in range(10):
        assert send(server).status == 200
    server.kill()
    server.start()

    assert send(server).status == 429


def test_a_new_utc_hour_starts_anew(server: Server) -> None:
    for _ in range(10):
        send(server)
    assert send(server).status == 429
    # What was used in an hour before this one.
    server.stop()
    [(hour,)] = server.rows("SELECT hour FROM quotas")
    assert hour == int(time.time()) // 3600
    server.rows("UPDATE quotas SET hour = hour - 1")
    server.start()

    assert send(server).headers["x-ratelimit-remaining"] == "9"
