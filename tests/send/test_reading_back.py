"""`GET /api/notifications`: what was sent is still there, page by page, for those it was for."""

import json
import uuid
from collections.abc import Callable

import pytest

from harness.http import Http, inbox
from harness.server import Server


@pytest.fixture(scope="module")
def reader(dev_process: Server) -> Http:
    """A user of this module's own, who may send to themself."""
    name, password = f"reader-{uuid.uuid4().hex[:8]}", "a password long enough"
    body = {"name": name, "password": password, "permissions": ["notifications"]}
    assert dev_process.user("admin").put(f"/api/users/{name}", body).status == 201
    client = Http(dev_process.url, token=Http(dev_process.url).login(name, password))
    for n in range(120):
        assert client.send(f"{n}").status == 200
    return client


def test_fifty_a_page_newest_first_and_next_leads_on(reader: Http) -> None:
    titles, before = [], None
    sizes = []
    while True:
        page = reader.get("/api/notifications", **({"before": before} if before else {})).json
        assert list(page) == ["notifications", "next", "position"]
        sizes.append(len(page["notifications"]))
        titles += [item["title"] for item in page["notifications"]]
        before = page["next"]
        if before is None:
            break

    assert titles == [f"{n}" for n in range(119, -1, -1)]
    assert sizes == [50, 50, 20]


@pytest.mark.parametrize("limit", [1, 7, 60, 119, 120, 121, 200])
def test_every_limit_gives_the_same_list(reader: Http, limit: int) -> None:
    if limit == 1:
        assert len(reader.get("/api/notifications", limit=1).json["notifications"]) == 1
    else:
        assert [item["title"] for item in inbox(reader, limit=limit)] == [f"{n}" for n in range(119, -1, -1)]


def test_a_page_stays_what_it_is_while_new_ones_arrive(dev: Server) -> None:
    me = dev.user("viewer")
    for n in range(6):
        dev.service().send(f"{n}", userId="viewer")
    first = me.get("/api/notifications", limit=3).json
    dev.service().send("newer", userId="viewer")
    second = me.get("/api/notifications", limit=3, before=first["next"]).json

    assert [item["title"] for item in first["notifications"] + second["notifications"]] == [
        "5",
        "4",
        "3",
        "2",
        "1",
        "0",
    ]


def test_an_item_is_the_flat_object_its_places_in_the_log_and_what_became_of_it(reader: Http) -> None:
    item = reader.get("/api/notifications", limit=1).json["notifications"][0]
    keys = ["id", "type", "title", "message", "userId", "deviceId", "dismissible", "metadata", "timestamp"]

    assert list(item) == [*keys, "position", "first", "since", "read", "dismissed", "acknowledged"]
    assert item["position"] == item["first"] == item["since"]
    assert item["read"] is item["dismissed"] is item["acknowledged"] is None
    assert reader.get(f"/api/notifications/{item['id']}").json == item


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "201"}, {"limit": "-1"}, {"limit": "x"}, {"limit": ""}, {"limit": "1.0"}]
)
def test_a_limit_is_from_1_to_200(reader: Http, query: dict[str, str]) -> None:
    answer = reader.get("/api/notifications", **query)

    assert answer.status == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert "limit" in answer.json["error"]


@pytest.mark.parametrize("before", ["", "x", "5", "0123abcd-x", "0123abcd-99999999999999999999"])
def test_a_before_that_no_page_gave_is_422(reader: Http, before: str) -> None:
    answer = reader.get("/api/notifications", before=before)

    assert answer.status == 422
    assert "before" in answer.json["error"]


@pytest.mark.parametrize("id_", ["notif_none", "%00", "%ff", "..", "a%2Fb", "x" * 3000, "'%20OR%201=1"])
def test_what_is_not_there_is_404_with_a_problem(reader: Http, id_: str) -> None:
    answer = reader.get(f"/api/notifications/{id_}")

    assert answer.status == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["status"] == 404
    assert answer.json["error"]


def test_nobody_reads_without_a_credential(dev: Server) -> None:
    for path in ("/api/notifications", "/api/notifications/notif_x"):
        answer = Http(dev.url).get(path)
        assert answer.status == 401
        assert "www-authenticate" in answer.headers


def test_head_is_get_without_a_body(reader: Http) -> None:
    answer = reader.request("HEAD", "/api/notifications")

    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.headers["content-length"]) == len(reader.get("/api/notifications").body)


def test_a_retry_after_an_unclean_end_finds_one_of_each(start_server: Callable[..., Server]) -> None:
    server = start_server()
    ids = [server.service().send(f"{n}").json["notificationId"] for n in range(20)]
    server.kill()
    server.start()

    found = inbox(server.user("user123"))
    assert [item["id"] for item in found] == ids[::-1]
    assert len({json.dumps(item["position"]) for item in found}) == 20
