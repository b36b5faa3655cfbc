"""The JavaScript client against a real server: in Node, over lines as there, and over a WebSocket as in browsers."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from api.people import eventually, make_key
from client.proxy import LosingProxy
from harness.http import DEV_KEY, inbox
from harness.patience import PATIENCE
from harness.server import Server
from web.cutting import CuttingProxy
from web.node_client import JsError, NodeClient

TRANSPORTS = pytest.mark.parametrize("websocket", [False, True], ids=["lines", "websocket"])

_numbers = itertools.count(1)


@pytest.fixture
def node() -> Iterator[Callable[..., NodeClient]]:
    """A factory of clients: `node(url, token=…)`."""
    clients: list[NodeClient] = []

    def make(url: str, **options: Any) -> NodeClient:
        clients.append(NodeClient(url, **options))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def someone(server: Server) -> str:
    """A new user."""
    name = f"js-{next(_numbers)}"
    answer = server.service().put(f"/api/users/{name}", {"permissions": ["notifications"]})
    assert answer.status == 201
    return name


def key_of(server: Server, user: str) -> str:
    return str(make_key(server.service(), user)["key"])


def send_many(server: Server, user: str, titles: list[str]) -> None:
    drafts = [{"title": title, "message": "m", "userId": user} for title in titles]
    for at in range(0, len(drafts), 1_000):
        answer = server.service().post("/api/notifications/batch", drafts[at : at + 1_000])
        assert answer.status == 200, answer.text


# ------------------------------------------------------------ requests


def test_it_sends_finds_and_tells_what_became_of_it(dev: Server, node: Callable[..., NodeClient]) -> None:
    user = someone(dev)
    client, sender = node(dev.url, token=key_of(dev, user)), node(dev.url + "/", token=DEV_KEY)
    sent = [
        sender.call("send", {"title": f"t{n}", "message": "m", "userId": user, "type": "warning", "deviceId": f"d{n}"})
        for n in range(3)
    ]
    assert all(one["success"] for one in sent)
    first, second, third = (one["notificationId"] for one in sent)
    assert [item["id"] for item in client.call("list")["notifications"]] == [third, second, first]
    page = client.call("list", {"limit": 1, "deviceId": ["d0", "d1"], "unread": True})
    assert [item["id"] for item in page["notifications"]] == [second]
    rest = client.call("list", {"limit": 1, "deviceId": ["d0", "d1"], "before": page["next"]})
    assert [item["id"] for item in rest["notifications"]] == [first]
    assert client.call("get", first)["title"] == "t0"
    assert client.call("unreadCount")["types"]["warning"] == 3
    assert client.call("read", first)["read"]
    assert client.call("unread", first)["read"] is None
    assert client.call("dismiss", second)["dismissed"]
    assert client.call("undismiss", second)["dismissed"] is None
    assert client.call("acknowledge", third)["acknowledged"]
    assert client.call("readAll", {"deviceId": "d1"})["unread"]["total"] == 2
    assert client.call("readAll")["unread"]["total"] == 0
    assert sender.call("receipts", third)["acknowledged"] == 1
    assert sender.call("withdraw", third) is None
    assert len(client.call("list")["notifications"]) == 2
    assert client.call("session")["user"]["id"] == user


def test_a_refusal_says_what_is_wrong_and_is_not_tried_again(dev: Server, node: Callable[..., NodeClient]) -> None:
    client = node(dev.url, token=key_of(dev, someone(dev)))
    began = time.monotonic()
    for method, argument, status in (("get", "notif_none", 404), ("list", {"limit": 0}, 422), ("receipts", "x/y", 404)):
        with pytest.raises(JsError) as refused:
            client.call(method, argument)
        assert refused.value.told["status"] == status
        assert refused.value.told["name"] == "TocsinError"
    with pytest.raises(JsError) as refused:
        client.call("send", {"title": "", "message": "m"})
    assert refused.value.told["status"] == 422
    with pytest.raises(JsError) as refused:
        node(dev.url, token="tsn_nobody").call("list")
    assert refused.value.told["status"] == 401
    assert time.monotonic() - began < PATIENCE


@pytest.mark.fault
@pytest.mark.parametrize("part", [0, 40])
def test_a_send_whose_answers_are_lost_is_kept_once(dev: Server, node: Callable[..., NodeClient], part: int) -> None:
    user = someone(dev)
    with LosingProxy(dev.port, losing=3, part=part) as proxy:
        sent = node(proxy.url, token=DEV_KEY).call("send", {"title": "once", "message": "m", "userId": user})
        assert proxy.lost == 3
    found = inbox(dev.http(key=key_of(dev, user)))
    assert [item["id"] for item in found] == [sent["notificationId"]]


@pytest.mark.fault
def test_control_without_one_key_for_all_attempts_it_is_kept_more_than_once(
    dev: Server, node: Callable[..., NodeClient]
) -> None:
    user = someone(dev)
    with LosingProxy(dev.port, losing=3) as proxy:
        client = node(proxy.url, token=DEV_KEY)
        draft = {"title": "often", "message": "m", "userId": user}
        client.call("request", "POST", "api/notifications/send", {"body": draft})
    assert len(inbox(dev.http(key=key_of(dev, user)))) == 4


def test_a_server_that_is_away_is_waited_for_and_not_for_ever(own: Server, node: Callable[..., NodeClient]) -> None:
    server = own
    client, hasty = node(server.url, token=DEV_KEY), node(server.url, token=DEV_KEY, retryFor=0.5)
    server.kill()
    waiting = client.start("send", {"title": "t", "message": "m", "userId": "user123"})
    with pytest.raises(JsError) as gave_up:
        hasty.call("unreadCount")
    assert gave_up.value.told["status"] == 0
    server.start()
    assert client.result(waiting)["success"]


# ------------------------------------------------------------ streams


@TRANSPORTS
def test_a_stream_says_how_it_is_and_gives_each_once(
    dev: Server, node: Callable[..., NodeClient], websocket: bool
) -> None:
    user = someone(dev)
    send_many(dev, user, ["before"])
    stream = node(dev.url, token=key_of(dev, user), websocket=websocket).stream()
    stream.until("live")
    send_many(dev, user, ["one", "two", "three"])
    assert stream.titles(3) == ["one", "two", "three"]
    assert stream.states == ["connecting", "live"]
    stream.stop()
    assert stream.ended() is None
    assert stream.states[-1] == "ended"


@TRANSPORTS
def test_it_goes_on_where_another_reader_stopped(dev: Server, node: Callable[..., NodeClient], websocket: bool) -> None:
    user = someone(dev)
    first = node(dev.url, token=key_of(dev, user), websocket=websocket).stream()
    at = first.event("caught-up")["position"]
    send_many(dev, user, [f"{n}" for n in range(500)])
    again = node(dev.url, token=key_of(dev, user), websocket=websocket).stream(since=at)
    assert again.titles(500) == [f"{n}" for n in range(500)]
    again.until("live")
    assert again.states == ["connecting", "catching up", "live"]


@TRANSPORTS
def test_it_tells_what_other_screens_do_and_what_is_taken_back(
    dev: Server, node: Callable[..., NodeClient], websocket: bool
) -> None:
    user = someone(dev)
    client = node(dev.url, token=key_of(dev, user), websocket=websocket)
    stream = client.stream()
    stream.until("live")
    id_ = dev.service().send("t", userId=user).json["notificationId"]
    assert stream.event("notification")["data"]["read"] is None
    client.call("read", id_)
    assert stream.event("receipt")["data"]["id"] == id_
    client.call("readAll")
    assert stream.event("mark")["data"]["deviceId"] is None
    dev.service().delete(f"/api/notifications/{id_}")
    assert stream.event("withdrawn")["data"]["id"] == id_
    assert stream.event("unread")["position"] is None


@TRANSPORTS
def test_only_what_is_about_its_devices_comes(dev: Server, node: Callable[..., NodeClient], websocket: bool) -> None:
    user = someone(dev)
    stream = node(dev.url, token=key_of(dev, user), websocket=websocket).stream(devices=["a", "b"])
    stream.until("live")
    for device in ("a", "c", "b"):
        dev.service().send(device, userId=user, deviceId=device)
    assert stream.titles(2) == ["a", "b"]


@pytest.mark.fault
@TRANSPORTS
def test_over_kills_of_the_server_nothing_is_missing_and_nothing_comes_twice(
    own: Server, node: Callable[..., NodeClient], websocket: bool, soak: bool
) -> None:
    server = own
    user = someone(server)
    stream = node(server.url, token=key_of(server, user), websocket=websocket).stream()
    stream.until("live")
    titles = []
    for round_ in range(20 if soak else 2):
        some = [f"{round_}.{n}" for n in range(60)]
        send_many(server, user, some[:30])
        # Killed while it may still be writing what was just kept.
        server.kill()
        server.start()
        send_many(server, user, some[30:])
        titles += some
    assert stream.titles(len(titles)) == titles
    assert stream.nothing_for(0.5)
    assert "offline" in stream.states
    assert stream.states[-1] == "live"


@pytest.mark.fault
@TRANSPORTS
def test_cut_in_the_midst_of_an_event_it_is_given_whole_and_once(
    dev: Server, node: Callable[..., NodeClient], websocket: bool
) -> None:
    user, chance = someone(dev), random.Random(7)
    start = node(dev.url, token=key_of(dev, user)).call("list")["position"]
    titles = [f"{n} {'ä€😀' * chance.randrange(20)}" for n in range(120)]
    send_many(dev, user, titles)
    # The head of the answer takes some 600 bytes, an event 500 to 900: nearly every cut is within one.
    lengths = (chance.randrange(1_500, 6_000) for _ in range(12))
    with CuttingProxy(dev.port, lengths) as proxy:
        stream = node(proxy.url, token=key_of(dev, user), websocket=websocket).stream(since=start, confirm=False)
        assert stream.titles(len(titles)) == titles
        assert stream.nothing_for(0.3)
        assert proxy.cuts >= 8


def test_what_was_given_before_a_cut_is_not_fetched_again(dev: Server, node: Callable[..., NodeClient]) -> None:
    user = someone(dev)
    titles = [f"{n} {'x' * 200}" for n in range(300)]
    with CuttingProxy(dev.port) as proxy:
        stream = node(proxy.url, token=key_of(dev, user)).stream()
        stream.until("live")
        send_many(dev, user, titles)
        assert stream.titles(len(titles)) == titles
        carried = proxy.carried
        proxy.cut()
        send_many(dev, user, ["after"])
        assert stream.titles(1) == ["after"]
        assert proxy.carried - carried < 20_000, "of a hundred thousand that were given before"


@pytest.mark.fault
def test_control_a_reader_that_does_not_resume_misses_what_was_sent_meanwhile(
    dev: Server, node: Callable[..., NodeClient]
) -> None:
    user = someone(dev)
    with CuttingProxy(dev.port) as proxy:
        stream = node(proxy.url, token=key_of(dev, user)).stream()
        stream.until("live")
        proxy.cut()
        fresh = node(dev.url, token=key_of(dev, user))
        send_many(dev, user, ["meanwhile"])
        anew = fresh.stream()
        anew.until("live")
        assert anew.nothing_for(0.3)
        assert stream.titles(1) == ["meanwhile"]


@TRANSPORTS
def test_another_log_is_told_as_a_gap_and_gone_on_from(
    dev: Server, node: Callable[..., NodeClient], websocket: bool
) -> None:
    user = someone(dev)
    stream = node(dev.url, token=key_of(dev, user), websocket=websocket).stream(since="00000000-5")
    gap = stream.event("gap")
    assert gap["data"]["oldest"] == gap["position"]
    stream.until("live")
    assert stream.states == ["connecting", "catching up", "gap", "live"]
    send_many(dev, user, ["after the gap"])
    assert stream.titles(1) == ["after the gap"]


@TRANSPORTS
def test_a_credential_that_does_not_hold_ends_it(dev: Server, node: Callable[..., NodeClient], websocket: bool) -> None:
    ended = node(dev.url, token="tsn_no", websocket=websocket).stream().ended()
    assert ended is not None
    assert (ended["close"], ended["status"]) == ((4401, 0) if websocket else (0, 401))

    made = make_key(dev.service(), "user456")
    stream = node(dev.url, token=made["key"], websocket=websocket).stream()
    stream.until("live")
    assert dev.service().delete(f"/api/keys/{made['id']}").status == 204
    revoked = stream.ended()
    assert revoked is not None
    assert revoked["close"] == 4410


@TRANSPORTS
def test_who_gives_tokens_is_asked_again_when_one_no_longer_holds(
    dev: Server, node: Callable[..., NodeClient], websocket: bool
) -> None:
    user = someone(dev)
    good = key_of(dev, user)
    stream = node(dev.url, tokens=["bad", good], websocket=websocket).stream()
    stream.until("live")
    send_many(dev, user, ["it holds"])
    assert stream.titles(1) == ["it holds"]
    assert node(dev.url, tokens=["bad", good]).call("unreadCount")["total"] == 1
    ended = node(dev.url, tokens=["bad", "worse", good], websocket=websocket).stream().ended()
    assert ended is not None


def test_over_a_websocket_senders_learn_what_has_arrived(dev: Server, node: Callable[..., NodeClient]) -> None:
    user = someone(dev)
    stream = node(dev.url, token=key_of(dev, user), websocket=True).stream()
    stream.until("live")
    id_ = dev.service().send("t", userId=user).json["notificationId"]
    stream.titles(1)
    sender = dev.service()
    assert eventually(lambda: sender.get(f"/api/notifications/{id_}/receipts").json["delivered"] == 1)


def test_a_slow_reader_of_a_websocket_gets_all_of_it_and_each_once(
    own: Server, node: Callable[..., NodeClient]
) -> None:
    server = own
    user = someone(server)
    stream = node(server.url, token=key_of(server, user), websocket=True).stream(slow=1)
    stream.until("live")
    titles = [f"{n}" for n in range(5_500)]
    send_many(server, user, titles)
    assert stream.titles(len(titles)) == titles
    assert stream.states.count("connecting") > 1, "more came than may wait"


def test_its_retries_are_spread_out_and_bounded(node: Callable[..., NodeClient]) -> None:
    import subprocess

    from web.node_client import CLIENT

    script = f"""
    import {{ retryDelay }} from "{CLIENT}";
    const all = [];
    for (const attempt of [0, 1, 5, 50]) for (const chance of [0, 1]) all.push(retryDelay(attempt, null, chance));
    all.push(retryDelay(0, 9, 0), retryDelay(0, 9, 1), retryDelay(0, 9999, 0));
    console.log(JSON.stringify(all));
    """
    found = subprocess.run(
        ["node", "--input-type=module", "-e", script], capture_output=True, text=True, check=True, timeout=PATIENCE
    )
    assert found.stdout.strip() == "[0.125,0.25,0.25,0.5,4,8,15,30,9,11.25,300]"
