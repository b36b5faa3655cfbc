"""Many notifications in one request: each is judged as if it were sent alone, and answered in its place."""

import json
from typing import Any

import pytest

from harness.counts import is_count, lower_bounds
from harness.http import SEND, inbox
from harness.server import Server
from harness.websocket import WebSocket
from send.batching import LINES, items, kept, post_batch, results

JUDGED: list[Any] = [
    {"title": "a good one", "message": "m", "userId": "user123"},
    {"title": "", "message": "m"},
    {"title": "no message"},
    {"title": "nobody's", "message": "m", "userId": "nobody-at-all"},
    {"title": "no such app", "message": "m", "appId": "no-app"},
    {"title": "type", "message": "m", "type": "loud"},
    {"title": "url", "message": "m", "url": "javascript:alert(1)"},
    {"title": "long", "message": "m" * 8193},
    {"title": "metadata", "message": "m", "metadata": {"a": "b" * 16384}},
    {"title": "later", "message": "m", "sendAt": "2030-01-01T00:00:00Z"},
    {"title": "nul", "message": "a\0b"},
    {"title": "id", "message": "m", "userId": "a\nb"},
    [],
    None,
    "text",
    7,
    {"title": "deep", "message": "m", "metadata": json.loads('{"a":' * 40 + "1" + "}" * 40)},
    {
        "title": "another good one",
        "message": "m",
        "userId": "user456",
        "metadata": {"a": [1, {"b": None}]},
        "tags": ["x"],
    },
]


@pytest.mark.parametrize("who", ["service", "user123"])
def test_each_is_answered_as_if_it_were_sent_alone(dev: Server, who: str) -> None:
    client = dev.service() if who == "service" else dev.user(who)
    found = results(post_batch(dev, JUDGED, client=client))
    assert len(found) == len(JUDGED)
    for item, result in zip(JUDGED, found, strict=True):
        body = json.dumps(item).encode()
        alone = client.request("POST", SEND, body=body, headers={"Content-Type": "application/json"})
        if alone.status == 200:
            assert result["success"], (item, result)
        else:
            assert (result["status"], result["error"]) == (alone.status, alone.json["error"]), item
    assert found[0]["success"]
    assert found[-1]["success"]
    assert {result.get("status") for result in found} >= ({404, 422, 400} if who == "service" else {403, 422, 400})


def test_what_is_kept_reads_back_as_it_was_sent_alone(dev: Server) -> None:
    item = JUDGED[-1] | {"userId": "user123", "deviceId": "d1", "group": "g", "dismissible": False}
    text = json.dumps(item, indent=1).encode()
    alone = dev.service().request("POST", SEND, body=text, headers={"Content-Type": "application/json"})
    [found] = results(post_batch(dev, b"[" + text + b"]"))
    own = {"id", "timestamp", "position", "first", "since"}
    one, other = (
        {
            name: value
            for name, value in dev.user("user123").get(f"/api/notifications/{id_}").json.items()
            if name not in own
        }
        for id_ in (alone.json["notificationId"], found["notificationId"])
    )
    assert one == other
    assert one["metadata"] == item["metadata"]


def test_a_regular_users_batch_reaches_only_themself(dev: Server) -> None:
    mine, theirs = ({"title": "whose", "message": "m", **more} for more in ({}, {"userId": "user456"}))
    found = results(post_batch(dev, [mine, theirs], client=dev.user("user123")))
    ids = {result["notificationId"] for result in found}
    assert ids <= {item["id"] for item in inbox(dev.user("user123"))}
    assert not ids & {item["id"] for item in inbox(dev.user("user456"))}


def test_a_superusers_batch_reaches_one_or_everyone(dev: Server) -> None:
    body = [{"title": "t", "message": "all"}, {"title": "t", "message": "one", "userId": "user456"}]
    everyone, one = (result["notificationId"] for result in results(post_batch(dev, body)))
    assert {everyone, one} <= {item["id"] for item in inbox(dev.user("user456"))}
    listed = {item["id"] for item in inbox(dev.user("user123"))}
    assert everyone in listed
    assert one not in listed


def test_they_take_their_numbers_and_come_on_a_stream_in_their_order(dev: Server) -> None:
    title = "in their order"
    with WebSocket(dev.url, token=dev.token("user123"), subprotocol="tocsin.v1") as stream:
        stream.recv_event("hello")
        body = items(1200, title)
        body[400] = {"title": title}
        found = results(post_batch(dev, body))
        wanted = [str(n) for n in range(1200) if n != 400]
        got: list[str] = []
        while len(got) < len(wanted):
            data = stream.recv_event("notification")["data"]
            if data["title"] == title:
                got.append(data["message"])
        assert got == wanted
        ids = [result["notificationId"] for result in found if result["success"]]
        assert kept(dev, title) == list(zip(ids, wanted, strict=True))


def test_each_says_to_how_many_streams_it_went(dev: Server) -> None:
    with (
        WebSocket(dev.url, token=dev.token("viewer"), subprotocol="tocsin.v1") as one,
        WebSocket(dev.url, token=dev.token("viewer"), subprotocol="tocsin.v1") as other,
    ):
        one.recv_event("hello")
        other.recv_event("hello")
        body = [{"title": "t", "message": "m", "userId": user} for user in ("viewer", "nobody", "viewer")]
        before = lower_bounds(dev)
        counts = [result.get("recipientCount") for result in results(post_batch(dev, body))]
        assert all(is_count(dev, told, 2, before) for told in (counts[0], counts[2]))
        assert counts[1] is None


# -- NDJSON


def test_a_line_that_cannot_be_read_spoils_only_itself(dev: Server) -> None:
    good = b'{"title":"lines","message":"m","userId":"user123"}'
    bad = [
        b"{",
        b'{"title":"a","title":"b","message":"m"}',
        b'{"title":NaN}',
        b"[1,]",
        b'{"title":"\xff","message":"m"}',
    ]
    bad += [b'{"title":"\\ud800","message":"m"}', b'{"title":1e999}', good + b" x"]
    body = b"\n".join([good, *bad, good])
    found = results(post_batch(dev, body, kind=LINES))
    assert [result.get("status") for result in found] == [None, *[400] * len(bad), None]
    assert [id_ for id_, _ in kept(dev, "lines")] == [found[0]["notificationId"], found[-1]["notificationId"]]


def test_blank_lines_are_passed_over_and_line_ends_may_be_of_any_kind(dev: Server) -> None:
    good = b'{"title":"blank lines","message":"m","userId":"user123"}'
    body = b"\r\n" + good + b"\r\n\r\n \t\n" + good + b"\n\n"
    assert [result["success"] for result in results(post_batch(dev, body, kind=f"{LINES}; charset=utf-8"))] == [
        True,
        True,
    ]


@pytest.mark.parametrize(("body", "kind"), [(b"[]", "application/json"), (b"", LINES), (b"\n\n", LINES)])
def test_nothing_is_answered_with_nothing(dev: Server, body: bytes, kind: str) -> None:
    assert results(post_batch(dev, body, kind=kind)) == []


# -- JSON


def test_half_a_letter_in_an_array_spoils_only_what_it_stands_in(dev: Server) -> None:
    """As a program writes it that cuts a title off in the middle of an emoji."""
    good = b'{"title":"cut off","message":"m","userId":"user123"}'
    body = b"[" + good + rb', {"title":"\ud83d","message":"m"}, ' + good + b"]"
    answers = results(post_batch(dev, body))
    assert [answer.get("status") for answer in answers] == [None, 400, None]
    assert answers[1]["error"].startswith(r'half a character in a string of "title" (\ud83d alone)')


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[",
        b'[{"title":"spoilt","message":"m"}',
        b'[{"title":"spoilt","message":"m"},]',
        b'[{"title":"spoilt","message":"m"}] x',
        b'[{"title":"spoilt","message":"m"},NaN]',
        b'[{"title":"spoilt","message":"m"} {"title":"spoilt","message":"m"}]',
        b"\xef\xbb\xbf[]",
        b"[" * 100_000,
    ],
)
def test_an_array_that_is_not_json_is_refused_whole(dev: Server, body: bytes) -> None:
    answer = post_batch(dev, body)
    assert (answer.status, answer.json["code"]) == (400, "malformed")
    assert kept(dev, "spoilt") == []


def test_an_element_that_loses_meaning_spoils_only_itself(dev: Server) -> None:
    body = (
        b'[{"title":"a","message":"m","metadata":{"k":1,"k":2}},{"title":"b","message":"\\u0000"},'
        b'{"title":"meaning","message":"a \\"quoted\\" \\\\ \\n word","userId":"user123"}]'
    )
    found = results(post_batch(dev, body))
    assert [result.get("status") for result in found] == [400, 422, None]
    assert kept(dev, "meaning") == [(found[2]["notificationId"], 'a "quoted" \\ \n word')]


@pytest.mark.parametrize("body", [b"{}", b"null", b'"a"', b'{"title":"t","message":"m"}'])
def test_what_is_no_array_is_refused(dev: Server, body: bytes) -> None:
    answer = post_batch(dev, body)
    assert answer.status == 422
    assert "must be an array" in answer.json["error"]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-ndjson; charset=latin-1", "application/jsonl", ""])
def test_another_content_type_is_refused(dev: Server, kind: str) -> None:
    assert post_batch(dev, b"[]", kind=kind).status == 415
