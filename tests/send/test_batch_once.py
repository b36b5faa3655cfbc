"""A batch retried under its `Idempotency-Key` gives what it gave, and keeps what was not kept: nothing twice."""

import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from typing import Any

import pytest

from harness.http import Answer
from harness.patience import PATIENCE
from harness.server import Server
from send.batching import items, kept, post_batch, results
from send.test_idempotency import post as post_one


def ids(found: list[dict[str, Any]]) -> list[str]:
    return [result["notificationId"] for result in found]


def test_the_same_again_gets_the_same_results(dev: Server) -> None:
    body = items(1200, "the same again")
    body[3] = {"title": "the same again"}
    body[900] = {"title": "the same again", "message": "m", "userId": "nobody"}
    body[901] = {"title": "x" * 257, "message": "m"}
    first, again = (post_batch(dev, body, key="same") for _ in range(2))
    assert results(again) == results(first)
    assert [result.get("status") for result in results(first)[899:902]] == [None, 404, 422]
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert len(kept(dev, "the same again")) == 1197


def test_another_request_under_the_key_is_refused(dev: Server) -> None:
    results(post_batch(dev, items(2, "reused by none"), key="reused"))
    for answer in (
        post_batch(dev, items(2, "another"), key="reused"),
        post_batch(dev, items(2, "reused by none"), key="reused", whole="true"),
    ):
        assert answer.status == 422
        assert answer.json["code"] == "idempotency-key-used"
    assert kept(dev, "another") == []
    assert len(kept(dev, "reused by none")) == 2


def test_keys_of_the_two_routes_and_of_two_senders_never_meet(dev: Server) -> None:
    body = items(1, "three of a key")
    post_one(dev, "three", b'{"title":"three of a key","message":"0","userId":"user123"}')
    results(post_batch(dev, body, key="three"))
    results(post_batch(dev, body, key="three", client=dev.user("user123")))
    assert len(kept(dev, "three of a key")) == 3


def test_parallel_twins_keep_one_set(dev: Server) -> None:
    body = items(1500, "twins")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: post_batch(dev, body, key="twins", client=patient(dev)), range(8)))
    found = [ids(results(answer)) for answer in answers]
    assert all(one == found[0] for one in found)
    assert kept(dev, "twins") == list(zip(found[0], map(str, range(1500)), strict=True))


def test_the_results_are_repeated_though_the_user_is_gone(dev: Server) -> None:
    assert dev.service().put("/api/users/gone-by-then", {}).status == 201
    body = [*items(1, "gone"), *items(1, "gone", userId="gone-by-then")]
    first = results(post_batch(dev, body, key="batch-gone"))
    assert dev.service().delete("/api/users/gone-by-then").status == 204
    assert results(post_batch(dev, body, key="batch-gone")) == first
    assert [result.get("status") for result in results(post_batch(dev, body, key="batch-anew"))] == [None, 404]


def test_a_refusal_is_repeated_though_it_would_be_fine_now(dev: Server) -> None:
    body = [*items(1, "refused once"), *items(1, "refused once", userId="comes-too-late")]
    first = results(post_batch(dev, body, key="refused-once"))
    assert first[1]["status"] == 404
    assert dev.service().put("/api/users/comes-too-late", {}).status == 201
    assert results(post_batch(dev, body, key="refused-once")) == first
    assert dev.service().delete("/api/users/comes-too-late").status == 204


def test_who_was_deleted_leaves_no_keys_to_another_of_that_name(dev: Server) -> None:
    def batch_of_a_new_one() -> list[str]:
        made = dev.service().put("/api/users/namesake", {"password": "a password", "permissions": ["notifications"]})
        assert made.status == 201
        client = dev.http(token=dev.http().login("namesake", "a password"))
        found = ids(results(post_batch(dev, items(1, "namesakes"), key="mine", client=client)))
        assert dev.service().delete("/api/users/namesake").status == 204
        return found

    assert batch_of_a_new_one() != batch_of_a_new_one()


def test_results_outlive_a_kill(killable: Server) -> None:
    server = killable
    body = items(600, "six hundred before the kill")
    first = results(post_batch(server, body, key="batch-killed"))
    server.kill()
    server.start()
    assert ids(results(post_batch(server, body, key="batch-killed"))) == ids(first)
    assert len(kept(server, "six hundred before the kill")) == 600


@pytest.mark.parametrize("parts", [1, 3, 9])
def test_a_batch_cut_in_two_by_a_kill_is_finished_by_the_next_try(killable: Server, parts: int) -> None:
    server, title = killable, f"cut after {parts}"
    body = items(6000, title)
    sending = threading.Thread(
        target=lambda: quietly(lambda: post_batch(server, body, key=f"cut-{parts}", client=patient(server)))
    )
    sending.start()
    deadline = time.monotonic() + PATIENCE
    while len(before := kept(server, title)) < parts * 250:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    server.kill()
    sending.join()
    before = kept(server, title)
    server.start()
    found = results(again := post_batch(server, body, key=f"cut-{parts}", client=patient(server)))
    assert again.headers["idempotency-replayed"] == "true"
    after = kept(server, title)
    assert after[: len(before)] == before
    assert after == list(zip(ids(found), map(str, range(6000)), strict=True))


def patient(server: Server) -> Any:
    client = server.service()
    client.timeout = 100
    return client


def quietly(send: Callable[[], Answer]) -> None:
    with contextlib.suppress(OSError, HTTPException):
        send()
