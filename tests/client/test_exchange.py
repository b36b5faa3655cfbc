"""Whether to try again, and when: judged without any connection and any clock."""

from __future__ import annotations

import inspect
import json
import math
from datetime import datetime, timedelta, timezone

import pytest

from tocsin.client import AsyncClient, Client, ClientError, Gap, Mark, Refused, Unreachable
from tocsin.client.calls import call, changes, list_notifications, mark_read, read_all
from tocsin.client.exchange import ANSWER_SECONDS, SHORTEST_ANSWER_SECONDS, Trying, judge
from tocsin.client.options import following
from tocsin.client.request import Request, with_key
from tocsin.client.sending import send, send_as_app, send_many

KEYED = send("t", "m", idempotency_key="k").request
UNKEYED = call("POST", "keys", body={}).request
PAGE = list_notifications().request
UNSENT = Unreachable("nobody there", doubtful=False)
CUT = Unreachable("cut off")


def refusal(status: int, **headers: str) -> Refused:
    with pytest.raises(Refused) as caught:
        judge(status, {name.replace("_", "-"): value for name, value in headers.items()}, b'{"error": "why"}')
    return caught.value


def repeats(request: Request, why: ClientError) -> bool:
    try:
        return Trying(request, tries=5, retry_for=60).failed(why, 0.0, 0.5) > 0
    except ClientError as raised:
        return raised is not why


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again_under_a_key(status: int) -> None:
    assert repeats(KEYED, refusal(status))
    assert repeats(PAGE, refusal(status))
    # Without a key only what surely had no effect is.
    assert repeats(UNKEYED, refusal(status)) == (status == 429)


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 408, 409, 413, 415, 422, 501])
def test_what_will_not_pass_is_not_tried_again(status: int) -> None:
    assert not repeats(KEYED, refusal(status))


def test_a_lost_answer_is_asked_for_again_under_a_key_only() -> None:
    assert repeats(KEYED, CUT)
    assert repeats(send_as_app("a", "u", "m", idempotency_key="k").request, CUT)
    assert not repeats(UNKEYED, CUT)
    assert repeats(UNKEYED, UNSENT)


def test_a_certificate_nobody_trusts_and_bytes_of_no_tocsin_are_not_asked_again() -> None:
    assert not repeats(KEYED, Unreachable("not trusted", doubtful=False, temporary=False))
    assert not repeats(KEYED, ClientError("no Tocsin"))


def test_a_retry_after_is_kept_to_and_a_longer_one_than_there_is_time_ends_it() -> None:
    for chance in (0.0, 0.5, 1.0):
        assert 7 <= Trying(KEYED, tries=5, retry_for=10).failed(refusal(429, retry_after="7"), 0.0, chance) <= 8.75
    # Spread, but not past the end: the last attempt is still made.
    assert Trying(KEYED, tries=5, retry_for=10).failed(refusal(429, retry_after="10"), 0.0, 1.0) == 10
    with pytest.raises(Refused):
        Trying(KEYED, tries=5, retry_for=10).failed(refusal(429, retry_after="11"), 0.0, 0.0)
    with pytest.raises(Refused):
        Trying(KEYED, tries=5, retry_for=10).failed(refusal(429, retry_after="7"), 4.0, 0.0)


def test_a_retry_after_may_be_a_date() -> None:
    date = "Sun, 22 Nov 2026 10:00:00 GMT"
    assert refusal(503, retry_after="Sun, 22 Nov 2026 10:00:09 GMT", date=date).retry_after == 9
    assert refusal(503, retry_after="Sun, 22 Nov 2026 09:00:00 GMT", date=date).retry_after == 0
    for nonsense in ("soon", "-1", "1e9", "٣", "9" * 30, "Sun, 22 Nov 2026 10:00:09 -0000"):
        assert refusal(503, retry_after=nonsense, date=date).retry_after is None
    assert refusal(503, retry_after=date).retry_after is None


def test_it_ends_by_tries_and_by_time() -> None:
    trying = Trying(KEYED, tries=3, retry_for=1_000)
    assert [trying.failed(UNSENT, 0.0, 1.0) for _ in range(2)] == [0.25, 0.5]
    with pytest.raises(Unreachable):
        trying.failed(UNSENT, 0.0, 1.0)

    trying, began = Trying(KEYED, tries=100, retry_for=10), [0.0]
    while began[-1] < 10:
        began.append(began[-1] + trying.failed(UNSENT, began[-1], 1.0))
    # The last as time is up, and none after that.
    assert began == [0, 0.25, 0.75, 1.75, 3.75, 7.75, 10]
    with pytest.raises(Unreachable):
        trying.failed(UNSENT, 10.0, 1.0)

    with pytest.raises(Unreachable):
        Trying(KEYED, tries=100, retry_for=0).failed(UNSENT, 0.0, 0.5)


def test_an_attempt_that_hangs_leaves_time_for_another() -> None:
    trying = Trying(KEYED, tries=5, retry_for=20)
    assert trying.answer_seconds(0.0) == 10
    assert trying.answer_seconds(16.0) == 2
    assert trying.answer_seconds(20.0) == SHORTEST_ANSWER_SECONDS
    # Where there is no other attempt, all the time is this one's.
    assert Trying(KEYED, tries=5, retry_for=0).answer_seconds(0.0) == ANSWER_SECONDS
    assert Trying(KEYED, tries=1, retry_for=20).answer_seconds(0.0) == ANSWER_SECONDS
    assert Trying(UNKEYED, tries=5, retry_for=20).answer_seconds(0.0) == ANSWER_SECONDS


def test_a_doubt_stays_though_the_last_attempt_reached_nobody() -> None:
    trying = Trying(KEYED, tries=3, retry_for=60)
    trying.failed(CUT, 0.0, 0.5)
    trying.failed(refusal(429), 0.0, 0.5)
    last = Unreachable("nobody there", doubtful=False)
    with pytest.raises(Unreachable):
        trying.failed(last, 0.0, 0.5)
    assert last.doubtful


@pytest.mark.parametrize("key", ["", " ", "a ", " a", "x" * 256, "käse", "a\nb"])
def test_what_can_be_no_key_is_refused_at_once(key: str) -> None:
    with pytest.raises(ValueError, match="idempotency key"):
        send("t", "m", idempotency_key=key)
    with pytest.raises(ValueError, match="idempotency key"):
        send_as_app("a", "u", "m", idempotency_key=key)


def test_a_text_that_is_no_unicode_is_refused_at_once() -> None:
    with pytest.raises(UnicodeEncodeError):
        send_as_app("a", "u", "\ud800", idempotency_key="k")


def test_a_send_wants_a_key_until_it_has_one() -> None:
    for made in (send("t", "m"), send_as_app("a", "u", "m"), send_many([{"title": "t", "message": "m"}])):
        assert made.request.wants_key
        assert not made.request.safe
        keyed = with_key(made.request, "k")
        assert (keyed.wants_key, keyed.safe, keyed.headers["Idempotency-Key"]) == (False, True, "k")


def test_what_is_done_twice_with_the_effect_of_once_is_repeated() -> None:
    assert repeats(mark_read("n1").request, CUT)
    assert repeats(read_all("0a1b2c3d-5").request, CUT)
    # What came in between would be read by the second attempt.
    assert not repeats(read_all().request, CUT)


def test_filters_are_the_words_of_the_api() -> None:
    at = datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=2)))
    asked = list_notifications(
        before="0a1b2c3d-9", limit=7, type=["error", "info"], device_id="d", unread=True, dismissed=False, from_=at,
        to=None, q="a b",
    )  # fmt: skip
    assert list(asked.request.query) == [
        ("limit", "7"), ("before", "0a1b2c3d-9"), ("type", "error"), ("type", "info"), ("deviceId", "d"),
        ("unread", "true"), ("dismissed", "false"), ("from", "2025-12-31T22:00:00.000000Z"), ("q", "a b"),
    ]  # fmt: skip
    with pytest.raises(ValueError, match="zone"):
        list_notifications(from_=at.replace(tzinfo=None))


def test_a_misspelt_word_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match="usr"):
        send("t", "m", usr="x")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="kind"):
        list_notifications(kind="x")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="device_id"), Client("http://127.0.0.1:1") as client:
        client.stream(device_id="cam-1")  # type: ignore[call-overload]


def test_one_device_or_tag_is_not_taken_for_its_letters() -> None:
    assert ("deviceId", "cam-1") in changes(devices="cam-1").request.query
    opening = following(None, {"devices": "cam-1"}, named=True).request(0.0)
    assert [value for name, value in opening.query if name == "deviceId"] == ["cam-1"]
    body = json.loads(send("t", "m", tags="door").request.body or b"")
    assert body["tags"] == ["door"]
    assert "tags" not in json.loads(send("t", "m", tags=None).request.body or b"")


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_json_has_not_is_refused_and_not_made_nothing(number: float) -> None:
    for metadata in ({"at": number}, {"at": [1, {"x": (number,)}]}):
        with pytest.raises(ValueError, match="NaN"):
            send("t", "m", metadata=metadata)


def test_changes_are_read_as_events_and_unknown_ones_left_out() -> None:
    body = json.dumps(
        {
            "changes": [
                {"event": "gap", "position": "0a1b2c3d-1", "data": {"oldest": "0a1b2c3d-4"}},
                {"event": "mark", "position": "0a1b2c3d-5", "data": {"upTo": "0a1b2c3d-4", "type": None,
                 "deviceId": "d", "at": "2026-01-01T00:00:00.000Z"}},
                {"event": "of the future", "position": "0a1b2c3d-6", "data": {"x": 1}},
            ],
            "position": "0a1b2c3d-6",
            "more": True,
        }
    ).encode()  # fmt: skip
    found = changes().read(body)

    assert (found.position, found.more) == ("0a1b2c3d-6", True)
    assert found.events == [
        Gap(oldest="0a1b2c3d-4", position="0a1b2c3d-1"),
        Mark(up_to="0a1b2c3d-4", device_id="d", at="2026-01-01T00:00:00.000Z", position="0a1b2c3d-5"),
    ]


def test_both_clients_ask_for_the_same() -> None:
    def asked(client: type) -> dict[str, str]:
        public = [name for name in vars(client) if not name.startswith("_")]
        return {name: str(inspect.signature(getattr(client, name))).partition(" -> ")[0] for name in public}

    assert asked(Client) == asked(AsyncClient)
    assert len(asked(Client)) > 20
    assert "device_id" in asked(Client)["read_all"]
