"""All of a batch or none of it, where that is asked for."""

import pytest

from harness.server import Server
from send.batching import items, kept, post_batch, results


def test_when_all_are_good_all_are_kept(dev: Server) -> None:
    found = results(post_batch(dev, items(1000, "whole and good"), whole="true"))
    assert [id_ for id_, _ in kept(dev, "whole and good")] == [result["notificationId"] for result in found]


@pytest.mark.parametrize(
    "bad", [{"title": "whole and bad"}, {"title": "whole and bad", "message": "m", "userId": "nobody"}]
)
def test_when_one_is_refused_none_is_kept(dev: Server, bad: dict[str, str]) -> None:
    body = items(700, "whole and bad")
    body[600] = bad
    answer = post_batch(dev, body, whole="true")
    found = results(answer, 422)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["code"] == "whole-refused"
    assert found[600]["status"] == (404 if "userId" in bad else 422)
    assert {result["status"] for place, result in enumerate(found) if place != 600} == {424}
    assert kept(dev, "whole and bad") == []
    assert results(post_batch(dev, items(1, "whole and bad again"), whole="true"))[0]["success"]


def test_a_refusal_is_not_remembered_under_a_key(dev: Server) -> None:
    body = [*items(2, "whole, later"), {"title": "whole, later", "message": "2", "userId": "comes-later"}]
    assert post_batch(dev, body, whole="true", key="whole-later").status == 422
    assert dev.service().put("/api/users/comes-later", {}).status == 201
    found = results(again := post_batch(dev, body, whole="true", key="whole-later"))
    assert "idempotency-replayed" not in again.headers
    assert dev.service().delete("/api/users/comes-later").status == 204
    assert results(third := post_batch(dev, body, whole="true", key="whole-later")) == found
    assert third.headers["idempotency-replayed"] == "true"


def test_a_thousand_are_the_most(dev: Server) -> None:
    answer = post_batch(dev, items(1001, "too many for a whole"), whole="true")
    assert answer.status == 422
    assert "1000" in answer.json["error"]
    assert kept(dev, "too many for a whole") == []


@pytest.mark.parametrize("whole", ["", "1", "yes", "True"])
def test_what_is_neither_true_nor_false_is_refused(dev: Server, whole: str) -> None:
    answer = post_batch(dev, items(1, "t"), whole=whole)
    assert (answer.status, answer.json["field"]) == (422, "whole")
    assert results(post_batch(dev, [{}], whole="false"))[0]["status"] == 422
