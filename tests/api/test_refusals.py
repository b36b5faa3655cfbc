"""Sends that were refused, as a superuser finds them."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

from api.people import make_key, make_user
from harness.http import Http
from harness.patience import PATIENCE
from harness.server import Server


def page_of(server: Server, **query: Any) -> dict[str, Any]:
    """What all nodes tell: one that is too busy to answer is named, and asked again."""
    ends = time.monotonic() + PATIENCE
    while (answer := server.service().get("/api/refusals", **query)).json.get("missing"):
        assert time.monotonic() < ends, answer.text
    assert answer.status == 200, answer.text
    return dict(answer.json)


def refusals(server: Server, **query: Any) -> list[dict[str, Any]]:
    return list(page_of(server, **query)["refusals"])


def test_each_refusal_says_why_whose_and_to_whom_and_the_same_again_is_counted(server: Server) -> None:
    admin = server.service()
    key = make_key(admin, "admin")
    viewer = make_key(admin, "viewer")["key"]
    sender = Http(server.url, key=key["key"])
    for _ in range(3):
        assert sender.send(userId="nobody-of-this-name").status == 404
    # Each node has counted what it refused.
    unknown, *elsewhere = refusals(server, userId="nobody-of-this-name")
    assert sum(one["count"] for one in (unknown, *elsewhere)) == 3
    assert len({one["node"] for one in (unknown, *elsewhere)}) == 1 + len(elsewhere)
    told = {
        "route": "/api/notifications/send", "status": 404, "code": "not-found", "error": "User not found",
        "userId": "nobody-of-this-name", "sender": "user:admin", "credential": f"key:{key['id']}", "keyId": None,
        "appId": None, "address": "127.0.0.1",
    }  # fmt: skip
    assert {name: unknown[name] for name in told} == told
    assert unknown["since"] <= unknown["at"]

    assert Http(server.url, key=viewer).send("not theirs to send").status == 403
    newest = refusals(server, userId="viewer")[0]
    assert (newest["status"], newest["userId"], newest["sender"]) == (403, "viewer", "user:viewer")
    assert "notifications" in newest["error"]


def test_a_credential_that_does_not_hold_is_named_as_far_as_it_names_itself(server: Server) -> None:
    made = make_key(server.service(), "user123")
    id_, secret = made["id"], made["key"].rpartition("_")[2]
    assert server.http(key=f"tsn_{id_}_{'x' * 52}").send().status == 401
    first = refusals(server, limit=1)[0]
    assert (first["status"], first["keyId"], first["sender"], first["credential"]) == (401, id_, None, None)
    assert server.http(key="no key at all").send().status == 401
    assert refusals(server, limit=1)[0]["keyId"] is None
    assert server.http().send_from_app("user123", "rain", secret=made["key"]).status == 401
    of_app = refusals(server, limit=1)[0]
    assert (of_app["appId"], of_app["userId"], of_app["keyId"]) == ("demo-app", "user123", id_)
    # Put where a name belongs.
    assert server.http().send_from_app(made["key"], "rain", app=made["key"], secret="x").status == 401
    misplaced = refusals(server, limit=1)[0]
    assert (misplaced["appId"], misplaced["userId"]) == ("(hidden)", "(hidden)")
    text = server.service().get("/api/refusals", limit=200).text
    assert secret not in text
    assert "no key at all" not in text


def test_what_an_app_may_not_send_and_what_is_over_its_quota(server: Server) -> None:
    admin, user = server.service(), make_user(server.service(), "somebody-without-the-app")
    assert server.http().send_from_app(user, "rain").status == 404
    assert refusals(server, userId=user)[0]["sender"] == "app:demo-app"
    assert admin.put("/api/apps/scarce", {"name": "Scarce", "quotaPerHour": 1, "installForAll": True}).status == 201
    secret = admin.post("/api/apps/scarce/secrets").json["secret"]
    statuses = {server.http().send_from_app(user, f"{n}", app="scarce", secret=secret).status for n in range(4)}
    assert statuses == {200, 429}
    over = refusals(server, userId=user)[0]
    assert (over["status"], over["sender"], over["userId"]) == (429, "app:scarce", user)


def test_of_a_batch_each_that_is_refused_is_told(server: Server) -> None:
    key = make_key(server.service(), "admin")
    items = [
        {"title": "t", "message": "m", "userId": "user123"},
        {"title": "t", "message": "m", "userId": "nobody-in-a-batch"},
        {"title": "x" * 300, "message": "m"},
    ]
    results = Http(server.url, key=key["key"]).post("/api/notifications/batch", items).json["results"]
    assert [result["success"] for result in results] == [True, False, False]
    [mine] = refusals(server, userId="nobody-in-a-batch")
    assert (mine["route"], mine["status"], mine["credential"]) == ("/api/notifications/batch", 404, f"key:{key['id']}")
    too_long = refusals(server, limit=1)[0]
    assert (too_long["status"], too_long["userId"]) == (422, None)
    assert too_long["error"].startswith("title: ")


def test_whoever_is_refused_over_and_over_pushes_out_no_other(server: Server) -> None:
    admin = server.service()
    quiet, loud = (Http(server.url, key=make_key(admin, make_user(admin, name))["key"]) for name in ("quiet", "loud"))
    assert admin.put("/api/users/quiet", {"permissions": ["notifications"]}).status == 200
    assert admin.put("/api/users/loud", {"superuser": True}).status == 200
    assert quiet.send("", "m").status == 422
    for number in range(75):
        assert loud.send("t", "m", userId=f"nobody-{number}").status == 404
        # Of an app that is not there, by somebody whom nobody knows.
        assert server.http().send_from_app(f"u{number}", "m", app=f"none{number}").status == 401
    assert len(refusals(server, userId="quiet")) == 1
    strangers = [one for one in refusals(server, limit=200) if (one["appId"] or "").startswith("none")]
    for theirs in (refusals(server, userId="loud", limit=200), strangers):
        assert set(Counter(one["node"] for one in theirs).values()) == {20}
    # Page by page, newest first, each once.
    found: list[dict[str, Any]] = []
    before: str | None = None
    while True:
        page = page_of(server, limit=7, **({"before": before} if before else {}))
        found += page["refusals"]
        before = page["next"]
        if before is None:
            break
    assert found == refusals(server, limit=200)
    assert [one["at"] for one in found] == sorted((one["at"] for one in found), reverse=True)
