"""`GET /notifications` as a WebSocket, flat and as `tocsin.v1`: who sees what, in which order, and after a cut."""

import uuid
from typing import Any

import pytest

from harness.server import Server
from harness.websocket import Closed, WebSocket

V1 = "tocsin.v1"


def notifications(stream: WebSocket, count: int) -> list[Any]:
    return [stream.recv_json()["title"] for _ in range(count)]


def until_caught_up(stream: WebSocket) -> list[dict[str, Any]]:
    """All events up to and with `caught-up`."""
    events = []
    while not events or events[-1]["event"] != "caught-up":
        events.append(stream.recv_json())
    return events


def send(dev: Server, title: str, **fields: Any) -> str:
    answer = dev.service().send(title, **fields)
    assert answer.status == 200, answer.text
    return str(answer.json["notificationId"])


def position_of(dev: Server, user: str, id_: str) -> str:
    return str(dev.user(user).get(f"/api/notifications/{id_}").json["position"])


# -- the two forms


def test_a_flat_stream_has_the_documented_frames_and_nothing_else(dev: Server) -> None:
    with WebSocket(dev.url, token=dev.token("user123")) as stream:
        assert stream.subprotocol is None
        assert stream.silent_for(0.3), "no hello, no caught-up"
        send(dev, "one", userId="user123")
        send(dev, "two")

        frames = [stream.recv_json(), stream.recv_json()]

    assert [frame["title"] for frame in frames] == ["one", "two"]
    assert [len(frame) for frame in frames] == [9, 9]


@pytest.mark.parametrize("how", ["subprotocol", "query", "both"])
def test_v1_is_asked_for_by_subprotocol_or_query(dev: Server, how: str) -> None:
    subprotocol = V1 if how != "query" else None
    params = {"protocol": V1} if how != "subprotocol" else {}
    with WebSocket(dev.url, token=dev.token("user123"), subprotocol=subprotocol, params=params) as stream:
        assert stream.subprotocol == subprotocol
        hello, caught_up = stream.recv_json(), stream.recv_json()
        id_ = send(dev, "t", userId="user123")
        event = stream.recv_event("notification")

    assert (hello["event"], caught_up["event"]) == ("hello", "caught-up")
    assert hello["position"] == caught_up["position"]
    assert list(event) == ["event", "position", "data"]
    assert event["event"] == "notification"
    assert event["data"]["id"] == id_
    assert event["position"] == position_of(dev, "user123", id_)


def test_v1_is_found_among_other_subprotocols(dev: Server) -> None:
    with WebSocket(dev.url, token=dev.token("user123"), subprotocol="other, tocsin.v1") as stream:
        assert stream.subprotocol == V1
        assert stream.recv_json()["event"] == "hello"


def test_an_unknown_subprotocol_gets_the_flat_stream(dev: Server) -> None:
    with WebSocket(dev.url, token=dev.token("user123"), subprotocol="other") as stream:
        assert stream.subprotocol is None
        send(dev, "t", userId="user123")
        assert stream.recv_json()["title"] == "t"


# -- whose


def test_nobody_sees_what_is_for_somebody_else(dev: Server) -> None:
    people = ["user123", "user456", "viewer"]
    streams = {name: WebSocket(dev.url, token=dev.token(name)) for name in people}
    streams["nobody"] = WebSocket(dev.url)
    for n in range(5):
        for name in people:
            send(dev, f"{name} {n}", userId=name)
    send(dev, "everyone")

    for name, stream in streams.items():
        own = [f"{name} {n}" for n in range(5)] if name in people else []
        assert notifications(stream, len(own) + 1) == [*own, "everyone"]
        assert stream.silent_for(0.1)
        stream.close()


def test_a_stream_of_devices_sees_only_what_is_about_them(dev: Server) -> None:
    token = dev.token("user123")
    devices = {"one": ["device123"], "two": ["device123", "device456"], "unknown": ["nothing/about ä"], "all": []}
    streams = {
        name: WebSocket(dev.url, token=token, params={"deviceId": ids} if ids else {}) for name, ids in devices.items()
    }
    send(dev, "a", userId="user123", deviceId="device123")
    send(dev, "b", deviceId="device456")
    send(dev, "c", userId="user123")
    send(dev, "d", userId="user456", deviceId="device123")
    send(dev, "e", userId="user123", deviceId="nothing/about ä")

    expected = {"one": ["a"], "two": ["a", "b"], "unknown": ["e"], "all": ["a", "b", "c", "e"]}
    for name, stream in streams.items():
        assert notifications(stream, len(expected[name])) == expected[name]
        assert stream.silent_for(0.1)
        stream.close()


def test_a_stream_of_devices_resumes_within_its_scope(dev: Server) -> None:
    token, params = dev.token("user123"), {"deviceId": "device123"}
    with WebSocket(dev.url, token=token, subprotocol=V1, params=params) as stream:
        place = until_caught_up(stream)[-1]["position"]
    send(dev, "mine", userId="user123", deviceId="device123")
    for n in range(250):
        dev.service().send(f"other {n}", userId="user123")
    send(dev, "late", userId="user123", deviceId="device123")

    with WebSocket(dev.url, token=token, subprotocol=V1, params=params, since=place) as stream:
        events = until_caught_up(stream)

    assert [event["data"]["title"] for event in events[1:-1]] == ["mine", "late"]


# -- resuming


def test_resuming_from_any_position_gives_everything_after_it_once(dev: Server) -> None:
    token = dev.token("user123")
    with WebSocket(dev.url, token=token, subprotocol=V1) as stream:
        start = until_caught_up(stream)[-1]["position"]
        for n in range(6):
            send(dev, f"{n}", **({"userId": "user123"} if n % 2 else {}))
        live = [stream.recv_event("notification") for _ in range(6)]

    for n, place in enumerate([start, *(event["position"] for event in live)]):
        with WebSocket(dev.url, token=token, subprotocol=V1, since=place) as stream:
            hello, *rest, caught_up = until_caught_up(stream)
        assert hello["position"] == place
        assert rest == live[n:]
        assert caught_up["position"] == live[-1]["position"]


def test_a_resumed_stream_is_whole_while_others_go_on_sending(dev: Server) -> None:
    token = dev.token("user456")
    with WebSocket(dev.url, token=token, subprotocol=V1) as stream:
        place = until_caught_up(stream)[-1]["position"]
    client = dev.service()
    client.keep = True
    expected, got = [], []
    stream = WebSocket(dev.url, token=token, subprotocol=V1, since=place)
    for n in range(600):
        # Bodies large enough for several pages, and a cut now and then wherever the reader stands.
        expected.append(client.send(f"{n}", "x" * 2000, userId="user456").json["notificationId"])
        if n % 97 == 96:
            event = stream.recv_event("notification", "hello", "caught-up")
            if event["event"] == "notification":
                got.append(event["data"]["id"])
            stream.abort()
            stream = WebSocket(dev.url, token=token, subprotocol=V1, since=event["position"])
    caught_up = 0
    while len(got) < len(expected) or not caught_up:
        event = stream.recv_event("notification", "gap", "caught-up")
        assert event["event"] != "gap"
        if event["event"] == "caught-up":
            # Before the last of them, where pages are read faster than others send.
            caught_up += 1
        else:
            got.append(event["data"]["id"])

    assert got == expected
    assert caught_up == 1
    assert stream.counts_only_for(0.2)
    stream.close()


def test_a_reader_who_pauses_for_longer_than_its_budget_gets_everything_once_in_order(dev: Server) -> None:
    flat = WebSocket(dev.url, token=dev.token("user456"), rcvbuf=4096)
    v1 = WebSocket(dev.url, token=dev.token("user456"), subprotocol=V1, rcvbuf=4096)
    client = dev.service()
    client.keep = True
    # 2.4 MB for each, some ten times what may wait for one reader.
    ids = [client.send(f"{n}", "x" * 8000, userId="user456").json["notificationId"] for n in range(300)]

    assert [flat.recv_json()["id"] for _ in ids] == ids
    assert [v1.recv_event("notification", "gap")["data"].get("id") for _ in ids] == ids
    assert flat.silent_for(0.2)
    assert v1.counts_only_for(0.1), "caught up is told once, at the beginning"
    flat.close()
    v1.close()


def test_a_flat_stream_resumes_too(dev: Server) -> None:
    first = send(dev, "first", userId="user123")
    send(dev, "second", userId="user123")

    with WebSocket(dev.url, token=dev.token("user123"), since=position_of(dev, "user123", first)) as stream:
        assert stream.recv_json()["title"] == "second"


@pytest.mark.parametrize(
    "since", ["", "x", "0", "-1", "0123abcd", "0123abcd-", "0123abcd--1", "0123ABCD-1", "0123abcd-01"]
)
def test_a_malformed_since_is_accepted_and_closed_4400(dev: Server, since: str) -> None:
    stream = WebSocket(dev.url, token=dev.token("user123"), params={"since": since})

    assert stream.closed_within() == 4400


def test_a_since_of_another_epoch_is_told_as_a_gap(dev: Server) -> None:
    with WebSocket(dev.url, token=dev.token("user123"), subprotocol=V1, since="00000000-1") as stream:
        hello, gap, caught_up = until_caught_up(stream)

        assert (hello["event"], hello["position"]) == ("hello", "00000000-1")
        assert gap["event"] == "gap"
        assert gap["data"]["oldest"] == gap["position"] == caught_up["position"]
        send(dev, "after", userId="user123")
        assert stream.recv_event("notification")["data"]["title"] == "after"


def test_a_since_of_the_future_is_told_as_a_gap_and_the_head_is_where_it_goes_on(dev: Server) -> None:
    with WebSocket(dev.url, token=dev.token("user123"), subprotocol=V1) as stream:
        epoch, number = stream.recv_json()["position"].split("-")
    future = f"{epoch}-{int(number) + 1000}"

    with WebSocket(dev.url, token=dev.token("user123"), subprotocol=V1, since=future) as stream:
        events = until_caught_up(stream)
        assert [event["event"] for event in events] == ["hello", "gap", "caught-up"]
        assert events[0]["position"] == future
        assert events[1]["position"] == events[2]["position"] == f"{epoch}-{number}"
        send(dev, "after", userId="user123")
        assert stream.recv_event("notification")["data"]["title"] == "after"


@pytest.mark.parametrize("since", ["00000000-1", "future"])
def test_a_flat_stream_that_cannot_be_told_of_a_loss_is_closed_4510(dev: Server, since: str) -> None:
    if since == "future":
        with WebSocket(dev.url, token=dev.token("user123"), subprotocol=V1) as stream:
            since = stream.recv_json()["position"].split("-")[0] + "-999999999"

    assert WebSocket(dev.url, token=dev.token("user123"), since=since).closed_within() == 4510


def test_positions_outlive_a_restart(killable: Server) -> None:
    server = killable
    token = server.token("user123")
    with WebSocket(server.url, token=token, subprotocol=V1) as stream:
        place = until_caught_up(stream)[-1]["position"]
    ids = [server.service().send(f"{n}", userId="user123").json["notificationId"] for n in range(5)]
    server.kill()
    server.start()
    ids += [server.service().send(f"{n}").json["notificationId"] for n in range(5)]

    with WebSocket(server.url, token=token, subprotocol=V1, since=place) as stream:
        events = until_caught_up(stream)

    assert [event["event"] for event in events] == ["hello", *["notification"] * 10, "caught-up"]
    assert [event["data"]["id"] for event in events[1:-1]] == ids


# -- parameters that cannot be understood


@pytest.mark.parametrize(
    "params",
    [
        {"protocol": "tocsin.v2"},
        {"protocol": ""},
        {"deviceId": ""},
        {"deviceId": "x" * 129},
        {"deviceId": "a\nb"},
    ],
)
def test_a_parameter_that_cannot_be_understood_is_closed_4400(dev: Server, params: dict[str, str]) -> None:
    assert WebSocket(dev.url, token=dev.token("user123"), params=params).closed_within() == 4400


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "5", '{"nonsense": 1}', '{"auth": 5}', '{"auth": "x", "more": 1}', '{"ping": ""}', "x" * 65_000],
)
def test_a_frame_that_is_no_command_is_closed_4400(dev: Server, text: str) -> None:
    stream = WebSocket(dev.url, token=dev.token("user123"))
    stream.send_text(text)

    assert stream.closed_within() == 4400


@pytest.mark.parametrize("verb", ["read", "dismiss", "acknowledge", "received"])
def test_a_command_of_nobody_asks_for_a_credential(dev: Server, verb: str) -> None:
    stream = WebSocket(dev.url, subprotocol="tocsin.v1")
    stream.recv_event("caught-up")
    stream.send_json({verb: "notif_1"})

    assert stream.closed_within() == 4401


@pytest.mark.parametrize("named", [True, False])
def test_whoever_follows_may_ask_whether_somebody_is_there(dev: Server, named: bool) -> None:
    with WebSocket(dev.url, token=dev.token("user123") if named else None, subprotocol=V1) as stream:
        until_caught_up(stream)
        for text in ("", "é" * 100):
            stream.send_json({"ping": text})
            assert stream.recv_event("pong") == {"event": "pong", "position": None, "data": {"ping": text}}


def test_nothing_is_written_after_close(dev: Server) -> None:
    stream = WebSocket(dev.url, token=dev.token("user123"))
    stream.send_text("nonsense")
    for n in range(20):
        dev.service().send(f"{n}", userId="user123")
    assert stream.closed_within() == 4400
    with pytest.raises(Closed):
        stream.recv_frame()


def test_a_user_made_later_gets_no_earlier_broadcast(dev: Server) -> None:
    with WebSocket(dev.url, token=dev.token("user123"), subprotocol=V1) as stream:
        before = until_caught_up(stream)[-1]["position"]
    send(dev, "before they came")
    name = f"late-{uuid.uuid4().hex[:8]}"
    password = "a password long enough"
    answer = dev.user("admin").put(f"/api/users/{name}", {"name": name, "password": password})
    assert answer.status in (200, 201), answer.text
    send(dev, "after they came")
    token = dev.http().login(name, password)

    with WebSocket(dev.url, token=token, subprotocol=V1, since=before) as stream:
        titles = [event["data"]["title"] for event in until_caught_up(stream) if event["event"] == "notification"]

    assert titles == ["after they came"]
