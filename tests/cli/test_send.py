"""`tocsin send`."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from cli.command import installed, tocsin
from client.proxy import LosingProxy
from harness.http import DEV_APP, DEV_APP_SECRET, DEV_KEY, inbox
from harness.ports import free_port
from harness.server import Server
from send.hour import wait_for_room_in_the_hour


def test_it_prints_the_id_and_the_recipient_count(dev: Server) -> None:
    ran = installed("send", "t", "m", "--user", "user456", server=dev, token=DEV_KEY)

    assert ran.status == 0
    id_, recipients = ran.out.split("  ")
    assert recipients == "kept; written to 0 open streams\n"
    assert ran.err == ""
    assert id_ in [one["id"] for one in inbox(dev.user("user456"))]


def test_every_option_reaches_the_notification(dev: Server) -> None:
    options = ["--type", "error", "--user", "user123", "--device", "cam-1", "--not-dismissible"]
    options += ["--metadata", '{"b": 1.10, "a": 12345678901234567890}', "--url-link", "https://a.example/x"]
    options += [
        "--icon",
        "https://a.example/i.png",
        "--tag",
        "one",
        "--tag",
        "two",
        "--group",
        "g",
        "--app",
        "demo-app",
    ]
    ran = tocsin("send", "Title", "Message", *options, "--json", server=dev, token=DEV_KEY)

    assert ran.status == 0
    assert ran.json["success"] is True
    answer = dev.user("user123").get(f"/api/notifications/{ran.json['notificationId']}")
    found = answer.json
    assert (found["type"], found["title"], found["message"]) == ("error", "Title", "Message")
    assert (found["userId"], found["deviceId"], found["dismissible"]) == ("user123", "cam-1", False)
    assert '"metadata":{"b": 1.10, "a": 12345678901234567890}' in answer.text
    assert (found["url"], found["icon"]) == ("https://a.example/x", "https://a.example/i.png")
    assert (found["tags"], found["group"], found["appId"]) == (["one", "two"], "g", "demo-app")


def test_a_message_of_a_dash_is_read_from_standard_input(dev: Server) -> None:
    ran = tocsin("send", "t", "-", "--json", server=dev, token=dev.token("user123"), stdin="two\nlines ü\n")

    found = dev.user("user123").get(f"/api/notifications/{ran.json['notificationId']}").json
    assert found["message"] == "two\nlines ü"


@pytest.mark.parametrize(
    ("args", "token", "status", "sentence"),
    [
        (["t", ""], DEV_KEY, 1, "message"),
        (["t", "m", "--metadata", "[1]"], DEV_KEY, 2, "metadata must be a JSON object"),
        (["t", "m", "--metadata", '{}, "userId": "user123"'], DEV_KEY, 2, "metadata must be a JSON object"),
        (["t", "m", "--type", "loud"], DEV_KEY, 2, "loud"),
        (["t"], DEV_KEY, 2, "MESSAGE"),
        (["t", "m"], None, 4, "TOCSIN_TOKEN"),
        (["t", "m"], "wrong", 4, "does not hold"),
        (["t", "m", "--idempotency-key", ""], DEV_KEY, 2, "idempotency key"),
        (["t", "m", "--idempotency-key", "käse"], DEV_KEY, 2, "idempotency key"),
        (["t", "m", "--retry-for", "nan"], DEV_KEY, 2, "retry"),
        (["t", "m", "--user", "nobody-there"], DEV_KEY, 6, "User not found"),
        (["t", "m", "--url-link", "javascript:1"], DEV_KEY, 1, "tocsin: --url-link: must be an http"),
        (["t", "m", "--icon", "ftp://x"], DEV_KEY, 1, "tocsin: icon: must be the http or https URL of a picture"),
        (["t", "m", "--url", "nonsense"], DEV_KEY, 2, "no address of a server"),
        (["t", "m", "--url", f"http://127.0.0.1:{free_port()}"], DEV_KEY, 3, "cannot be reached"),
    ],
)
def test_each_way_to_fail_has_its_status_and_one_sentence(
    args: list[str], token: str | None, status: int, sentence: str, dev: Server
) -> None:
    ran = tocsin("send", "--retry-for", "0", *args, server=dev, token=token)

    assert ran.status == status, ran.err
    assert sentence in ran.err
    assert "Traceback" not in ran.err
    assert ran.out == ""


def test_a_user_who_may_not_send_is_told_so(dev: Server) -> None:
    ran = tocsin("send", "t", "m", server=dev, token=dev.token("viewer"))

    assert ran.status == 5
    assert "Missing required permissions: notifications" in ran.err


def test_a_user_who_names_another_is_told_that_it_went_to_themselves(dev: Server) -> None:
    token = dev.token("user123")
    other = tocsin("send", "t", "m", "--user", "user456", "--json", server=dev, token=token)
    own = tocsin("send", "t", "m", "--user", "user123", server=dev, token=token)

    assert (other.status, own.status) == (0, 0)
    assert other.json["success"]
    assert other.err == "tocsin: --user is for superusers: it went to yourself, user123\n"
    assert own.err == ""


def test_bytes_that_are_no_text_are_a_mistake_of_usage(dev: Server) -> None:
    ran = installed("send", "t", "-", server=dev, token=DEV_KEY, stdin=b"\xff\xfe")

    assert ran.status == 2
    assert "UTF-8" in ran.err


@pytest.mark.fault
def test_it_outlasts_lost_answers_and_says_so(dev: Server) -> None:
    token = dev.token("user456")
    with LosingProxy(dev.port, losing=2) as proxy:
        ran = installed("send", "lost twice", "m", "--url", proxy.url, token=token)

    assert ran.status == 0, ran.err
    assert ran.err.count("trying again in") == 2
    [kept] = [one["id"] for one in inbox(dev.user("user456")) if one["title"] == "lost twice"]
    assert ran.out.startswith(kept)


@pytest.mark.fault
def test_who_is_left_in_doubt_is_told_the_key_and_finds_out_with_it(dev: Server) -> None:
    token = dev.token("user456")
    with LosingProxy(dev.port, losing=1) as proxy:
        ran = tocsin("send", "in doubt", "m", "--url", proxy.url, "--retry-for", "0", token=token)
    assert ran.status == 3
    assert "unknown" in ran.err
    key = ran.err.partition("--idempotency-key ")[2].split()[0]

    again = tocsin("send", "in doubt", "m", "--idempotency-key", key, "--json", server=dev, token=token)
    kept = [one["id"] for one in inbox(dev.user("user456")) if one["title"] == "in doubt"]
    assert kept == [again.json["notificationId"]]
    other = tocsin("send", "another", "m", "--idempotency-key", key, server=dev, token=token)
    assert other.status == 1
    assert "was used for another request" in other.err


def test_nobody_there_leaves_no_doubt(dev: Server) -> None:
    ran = tocsin("send", "t", "m", "--url", f"http://127.0.0.1:{free_port()}", "--retry-for", "0.1", token=DEV_KEY)

    assert ran.status == 3
    assert "trying again in" in ran.err
    assert "--idempotency-key" not in ran.err


def test_a_spent_quota_is_later_at_once(start_server: Callable[..., Server]) -> None:
    wait_for_room_in_the_hour(seconds=40)
    server = start_server()
    for _ in range(9):
        assert server.http().send_from_app("user123", "m").status == 200
    last = installed("app", "send", DEV_APP, "user123", "-", server=server, token=DEV_APP_SECRET, stdin="the tenth ü\n")
    assert last.status == 0, last.err
    refused = installed("app", "send", DEV_APP, "user123", "m", server=server, token=DEV_APP_SECRET)

    assert refused.status == 7
    assert "trying again" not in refused.err
    assert re.search(r"Too many requests; try again in \d+ s\n", refused.err), refused.err
    assert refused.out == ""
    newest = inbox(server.user("user123"))[0]
    assert last.out.startswith(newest["id"])
    assert (newest["message"], newest["appId"]) == ("the tenth ü", DEV_APP)


def test_sending_as_an_app_with_a_key_of_a_user_says_what_it_takes(dev: Server) -> None:
    ran = tocsin("app", "send", DEV_APP, "user123", "m", server=dev, token=DEV_KEY)

    assert ran.status == 4
    assert "tocsin app secret create" in ran.err


def test_sending_as_an_app_to_who_has_not_installed_it_says_that_this_may_be_why(dev: Server) -> None:
    for user in ("viewer", "nobody-there"):
        ran = tocsin("app", "send", DEV_APP, user, "m", server=dev, token=DEV_APP_SECRET)
        assert ran.status == 6
        assert f"tocsin app install {DEV_APP} --user NAME" in ran.err
