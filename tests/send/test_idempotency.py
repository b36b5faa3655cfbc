"""The same send retried under its `Idempotency-Key` gives the same notification."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.http import DEV_APP, SEND, Answer, Http
from harness.server import Server
from send.hour import wait_for_room_in_the_hour
from send.posting import JSON, fields, sent


def post(server: Server, key: str, body: bytes, *, client: Http | None = None) -> Answer:
    headers = {"Content-Type": JSON, "Idempotency-Key": key}
    return (client or server.service()).request("POST", SEND, body=body, headers=headers)


def by_app(server: Server, key: str, *, message: str = "hi", uid: str = "user123") -> Answer:
    path = f"/v2/integrations/{DEV_APP}/notification?uid={uid}&message={message}"
    return Http(server.url, token="demo-app-secret").request("POST", path, headers={"Idempotency-Key": key})


def titled(server: Server, title: str) -> int:
    """How many notifications with that title the store holds."""
    [(count,)] = server.rows("SELECT count(*) FROM notifications WHERE body ->> '$.title' = ?", title)
    return int(count)


def test_a_hundred_parallel_sends_under_one_key_make_one_notification(dev: Server) -> None:
    body = fields(title="once of a hundred")
    with ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(lambda _: post(dev, "hundred", body), range(100)))
    assert {answer.status for answer in answers} == {200}
    assert len({sent(answer) for answer in answers}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    assert titled(dev, "once of a hundred") == 1


def test_without_a_key_each_send_is_its_own(dev: Server) -> None:
    body = fields(title="no key, no twin")
    assert sent(dev.service().request("POST", SEND, body=body, headers={"Content-Type": JSON})) != sent(
        dev.service().request("POST", SEND, body=body, headers={"Content-Type": JSON})
    )
    assert titled(dev, "no key, no twin") == 2


def test_another_request_under_the_same_key_is_refused_and_not_kept(dev: Server) -> None:
    sent(post(dev, "reused", fields(title="the first")))
    refused = post(dev, "reused", fields(title="the second"))
    assert refused.status == 422
    assert "Idempotency-Key" in refused.json["error"]
    assert titled(dev, "the second") == 0


def test_keys_of_two_credentials_never_meet(dev: Server) -> None:
    body = fields(title="same key, two senders")
    first = sent(post(dev, "shared", body))
    assert sent(post(dev, "shared", body, client=dev.user("user123"))) != first


def test_the_first_answer_is_repeated_though_the_user_is_gone(dev: Server) -> None:
    assert dev.service().put("/api/users/soon-gone", {}).status == 201
    body = json.dumps({"title": "t", "message": "m", "userId": "soon-gone"}).encode()
    first = sent(post(dev, "gone", body))
    assert dev.service().delete("/api/users/soon-gone").status == 204
    again = post(dev, "gone", body)
    assert (again.status, sent(again), again.headers["idempotency-replayed"]) == (200, first, "true")
    assert post(dev, "another-of-the-gone", body).status == 404


def test_a_replay_spends_no_quota_and_comes_before_it(start_server: Callable[..., Server]) -> None:
    wait_for_room_in_the_hour(seconds=20)
    server = start_server()
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: by_app(server, "app-key"), range(20)))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.json["notificationId"] for answer in answers}) == 1
    for number in range(9):
        assert by_app(server, f"other-{number}").status == 200
    assert by_app(server, "the eleventh").status == 429
    again = by_app(server, "app-key")
    told = [again.headers.get(f"x-ratelimit-{name}") for name in ("limit", "remaining")]
    assert (again.status, again.headers["idempotency-replayed"], told) == (200, "true", ["10", "0"])
    assert 0 < int(again.headers["x-ratelimit-reset"]) <= 3600
    assert again.headers["ratelimit"].startswith('"hour";r=0;t=')


def test_a_key_outlives_a_kill(killable: Server) -> None:
    server = killable
    body = fields(title="before the kill")
    first = sent(post(server, "killed", body))
    server.kill()
    server.start()
    assert sent(post(server, "killed", body)) == first
    assert titled(server, "before the kill") == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "käse"])
def test_a_key_that_cannot_be_one_is_refused(dev: Server, key: str) -> None:
    assert post(dev, key.encode().decode("latin-1"), fields(title="bad key")).status == 400
