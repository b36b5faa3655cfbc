"""What one process promises, three nodes on one log promise."""

from __future__ import annotations

import signal
import socket
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from typing import Any

import pytest

from harness.http import Http, inbox
from harness.http_stream import Refused, Sse
from harness.patience import PATIENCE, SLACK
from harness.postgresql import Cluster
from harness.websocket import Closed, WebSocket
from inbox.people import eventually
from nodes.three import Nodes
from send.hour import wait_for_room_in_the_hour


def stream(nodes: Nodes, n: int, user: str, **options: Any) -> WebSocket:
    opened = WebSocket(nodes[n].url, token=nodes.token(user), subprotocol="tocsin.v1", **options)
    until(opened, "caught-up")
    return opened


def until(opened: WebSocket, event: str, seconds: float = PATIENCE) -> dict[str, Any]:
    """The first event of that name."""
    ends = time.monotonic() + seconds
    while True:
        message = opened.recv_json(ends - time.monotonic())
        if message["event"] == event:
            return dict(message)


def notifications(opened: WebSocket, many: int, seconds: float = PATIENCE) -> list[str]:
    """The ids of so many notifications."""
    return [until(opened, "notification", seconds)["data"]["id"] for _ in range(many)]


def silent(opened: WebSocket, seconds: float = 0.3) -> bool:
    try:
        until(opened, "notification", seconds)
    except TimeoutError:
        return True
    return False


def wait_until_nodes_know_of_each_other(nodes: Nodes) -> None:
    ends = time.monotonic() + PATIENCE
    while any(nodes.metric("tocsin_nodes", n) != len(nodes.all) for n in range(len(nodes.all))):
        assert time.monotonic() < ends, "they do not know of each other"
        time.sleep(0.1)


def new_user(nodes: Nodes) -> tuple[str, Http, Any]:
    """A user of their own, a client of theirs, and their key."""
    name = f"user-{uuid.uuid4().hex[:8]}"
    admin = nodes[0].service()
    assert admin.put(f"/api/users/{name}", {"permissions": ["notifications"]}).status in (200, 201)
    key = admin.post("/api/keys", {"userId": name, "name": "k"}).json
    return name, Http(nodes[0].url, key=key["key"]), key


@pytest.fixture
def settled(three: Nodes) -> Iterator[None]:
    yield
    for node in three.all:
        node.check_log()


@pytest.mark.usefixtures("settled")
class TestThree:
    """Three nodes that are left in peace."""

    def test_a_send_on_any_node_is_seen_on_the_streams_of_all_once_and_in_order(self, three: Nodes) -> None:
        with ExitStack() as stack:
            streams = [stack.enter_context(stream(three, n, "user123")) for n in (0, 1, 2, 0, 1, 2)]
            sent = [
                three[n % 3].service().send(f"order {n}", "m", **({"userId": "user123"} if n % 2 else {}))
                for n in range(30)
            ]
            assert {answer.status for answer in sent} == {200}
            ids = [answer.json["notificationId"] for answer in sent]
            for opened in streams:
                assert notifications(opened, 30) == ids
            assert all(silent(opened) for opened in streams)

    def test_sends_on_all_nodes_at_once_come_to_all_streams_in_one_order(self, three: Nodes) -> None:
        with ExitStack() as stack:
            streams = [stack.enter_context(stream(three, n, "user456")) for n in range(3)]
            with ThreadPoolExecutor(12) as pool:
                sent = list(pool.map(lambda n: three[n % 3].service().send(f"at once {n}", "m"), range(120)))
            ids = {answer.json["notificationId"] for answer in sent}
            got = [notifications(opened, 120) for opened in streams]
            assert got[0] == got[1] == got[2]
            assert set(got[0]) == ids
            assert got[0] == [row["id"] for row in reversed(inbox(three.user("user456"))) if row["id"] in ids]

    def test_the_count_of_recipients_is_exact_while_nodes_answer_and_a_known_lower_bound_else(
        self, three: Nodes
    ) -> None:
        name, client, key = new_user(three)
        with ExitStack() as stack:
            for n in (0, 1, 1, 2, 2, 2):
                opened = WebSocket(three[n].url, key=key["key"], subprotocol="tocsin.v1")
                until(stack.enter_context(opened), "caught-up")

            def bounds() -> float:
                return sum(three.metric("tocsin_recipient_count_lower_bounds", n) for n in range(3))

            before = bounds()
            counts = []
            # Who answered late once is not waited for until it has answered: on a busy machine that takes some sends.
            ends = time.monotonic() + PATIENCE
            while len(counts) < 30 or (counts.count(6) < 10 and time.monotonic() < ends):
                counts.append(three[len(counts) % 3].service().send("count", "m", userId=name).json["recipientCount"])
                time.sleep(0.02)
            told = Counter(counts)
            assert max(told) == 6
            assert sum(many for count, many in told.items() if count < 6) <= bounds() - before
            assert told[6] >= 10, f"hardly ever exact: {told}"
        del client

    def test_who_was_cut_off_resumes_on_another_node(self, three: Nodes) -> None:
        name, _, key = new_user(three)
        send = three[0].service().send
        with WebSocket(three[0].url, key=key["key"], subprotocol="tocsin.v1") as opened:
            until(opened, "caught-up")
            first = send("one", "m", userId=name).json["notificationId"]
            message = until(opened, "notification")
            assert message["data"]["id"] == first
        missed = [three[n].service().send(f"missed {n}", "m", userId=name).json["notificationId"] for n in range(3)]
        with WebSocket(three[2].url, key=key["key"], subprotocol="tocsin.v1", since=message["position"]) as opened:
            assert notifications(opened, 3) == missed
            later = three[1].service().send("later", "m", userId=name).json["notificationId"]
            assert notifications(opened, 1) == [later]

    def test_what_has_changed_since_a_position_every_node_tells_alike(self, three: Nodes) -> None:
        name, _, key = new_user(three)
        ask = [Http(three[n].url, key=key["key"]).get for n in range(3)]
        before = ask[1]("/api/changes").json["position"]
        # All by one node: the others have written nothing, and know only from the log.
        sent = [three[0].service().send(f"{n}", "m", userId=name).json["notificationId"] for n in range(3)]
        told = ask[0]("/api/changes", since=before).json
        assert [event["data"]["id"] for event in told["changes"]] == sent
        for asked in ask:
            assert asked("/api/changes").json["position"] == told["position"]
            assert asked("/api/changes", since=before).json == told
            for at, event in enumerate(told["changes"]):
                assert asked("/api/changes", since=event["position"]).json["changes"] == told["changes"][at + 1 :]

    def test_a_key_that_is_revoked_on_one_node_ends_streams_and_holds_on_none_within_two_seconds(
        self, three: Nodes
    ) -> None:
        _, _, key = new_user(three)
        with ExitStack() as stack:
            streams = [
                stack.enter_context(WebSocket(three[n].url, key=key["key"], subprotocol="tocsin.v1")) for n in range(3)
            ]
            for opened in streams:
                until(opened, "caught-up")
            assert [Http(three[n].url, key=key["key"]).get("/api/auth/me").status for n in range(3)] == [200] * 3
            assert three[1].service().delete(f"/api/keys/{key['id']}").status == 204
            began = time.monotonic()
            for opened in streams:
                with pytest.raises(Closed) as closed:
                    until(opened, "nothing")
                assert closed.value.code == 4410
            assert time.monotonic() - began <= 2.0 * SLACK
            assert [Http(three[n].url, key=key["key"]).get("/api/auth/me").status for n in range(3)] == [401] * 3

    def test_of_40_parallel_calls_of_an_app_on_three_nodes_exactly_10_succeed(self, three: Nodes) -> None:
        wait_for_room_in_the_hour(seconds=30)
        name, _, _ = new_user(three)
        assert three[0].service().put(f"/api/apps/demo-app/installs/{name}").status in (200, 201, 204)
        with ThreadPoolExecutor(40) as pool:
            answers = list(pool.map(lambda n: Http(three[n % 3].url).send_from_app(name, f"m {n}"), range(40)))
        assert Counter(answer.status for answer in answers) == {200: 10, 429: 30}

    def test_a_hundred_parallel_sends_under_one_key_on_three_nodes_are_one(self, three: Nodes) -> None:
        name, _, _ = new_user(three)
        once = uuid.uuid4().hex
        body = {"title": "once", "message": "m", "userId": name}

        def send(n: int) -> Any:
            return three[n % 3].service().post("/api/notifications/send", body, Idempotency_Key=once)

        with ThreadPoolExecutor(50) as pool:
            answers = list(pool.map(send, range(100)))
        assert Counter(answer.status for answer in answers) == {200: 100}
        assert len({answer.json["notificationId"] for answer in answers}) == 1
        held = three.postgresql.sql(f"SELECT count(*) FROM notifications WHERE user_id = '{name}'", three.name)
        assert held == "1"
        other = three[1].service().post("/api/notifications/send", {**body, "message": "x"}, Idempotency_Key=once)
        assert other.status == 422

    def test_a_ticket_of_one_node_opens_one_stream_on_another_and_none_after_that(self, three: Nodes) -> None:
        assert opened_by_one_ticket(three) == 1

    def test_a_ticket_that_somebody_has_changed_opens_nothing(self, three: Nodes) -> None:
        text = three.user("user123").post("/api/auth/ticket").json["ticket"]
        random, sealed, seal = text.split(".")
        other = f"{'y' if random[0] == 'x' else 'x'}{random[1:]}"
        for forged in (f"{other}.{sealed}.{seal}", f"{random}.{sealed[:-2]}AA.{seal}", f"{random}..", "..", ""):
            with pytest.raises(Refused) as refused:
                Sse(three[1].url, params={"ticket": forged})
            assert refused.value.status == 401

    def test_failed_sign_ins_count_on_all_nodes_together(self, three: Nodes) -> None:
        name, _, _ = new_user(three)

        def sign_in(n: int) -> int:
            return Http(three[n % 3].url).post("/api/auth/login", {"username": name, "password": "wrong"}).status

        def is_refused(n: int) -> bool:
            """Asked twice at most: on its own a node would let four pass."""
            for seconds in (0.2, 5.0):
                time.sleep(seconds)
                if sign_in(n) == 429:
                    return True
            return False

        assert [sign_in(n) for n in range(4)] == [401] * 4
        assert all(is_refused(n) for n in range(3))

    def test_the_limit_of_streams_of_a_user_is_shared_out_among_the_nodes(self, three: Nodes) -> None:
        _, _, key = new_user(three)
        wait_until_nodes_know_of_each_other(three)
        with ExitStack() as stack:
            for n in range(3):
                for _ in range(10):
                    opened = stack.enter_context(WebSocket(three[n].url, key=key["key"], subprotocol="tocsin.v1"))
                    until(opened, "caught-up")
                with (
                    pytest.raises(Closed) as closed,
                    WebSocket(three[n].url, key=key["key"], subprotocol="tocsin.v1") as one_more,
                ):
                    until(one_more, "caught-up")
                assert closed.value.code == 4413

    def test_the_list_of_open_streams_is_of_all_nodes_and_names_them(self, three: Nodes) -> None:
        name, _, key = new_user(three)
        wait_until_nodes_know_of_each_other(three)
        with ExitStack() as stack:
            for n in (0, 1, 1, 2):
                opened = WebSocket(three[n].url, key=key["key"], subprotocol="tocsin.v1")
                until(stack.enter_context(opened), "caught-up")
                time.sleep(0.01)  # of two nodes in one millisecond nobody knows who was first
            for n in range(3):
                asked = lambda n=n, **query: three[n].service().get("/api/streams", **query).json  # noqa: E731
                pages = [asked(limit=2)]
                while pages[-1]["next"] is not None:
                    pages.append(asked(limit=2, before=pages[-1]["next"]))
                assert [page["missing"] for page in pages] == [[]] * len(pages)
                listed = [one for page in pages for one in page["streams"]]
                assert len({one["id"] for one in listed}) == len(listed) == pages[0]["total"]
                assert listed == sorted(listed, key=lambda one: one["since"], reverse=True)
                mine = [one["node"] for one in listed if one["userId"] == name]
                assert mine == ["node2", "node1", "node1", "node0"]
                assert three[n].service().get("/api/audience", userId=name).json == {"users": 1, "streams": 4}

    def test_what_was_refused_is_told_of_all_nodes_whichever_is_asked(self, three: Nodes) -> None:
        name, _, key = new_user(three)
        wait_until_nodes_know_of_each_other(three)
        for n in (0, 2, 1, 2):
            assert Http(three[n].url, key=key["key"]).send(f"{n}" * 300).status == 422
            time.sleep(0.01)  # of two nodes in one millisecond nobody knows who was first
        for n in range(3):
            asked = lambda n=n, **query: three[n].service().get("/api/refusals", userId=name, **query).json  # noqa: E731
            pages = [asked(limit=2)]
            while pages[-1]["next"] is not None:
                pages.append(asked(limit=2, before=pages[-1]["next"]))
            assert [page["missing"] for page in pages] == [[]] * len(pages)
            told = [(one["node"], one["count"]) for page in pages for one in page["refusals"]]
            assert told == [("node2", 2), ("node1", 1), ("node0", 1)]

    def test_three_nodes_that_started_at_once_made_their_people_once(self, three: Nodes) -> None:
        asked = "SELECT count(*) FROM audit WHERE action = 'sample' AND what = 'user123'"
        assert three.postgresql.sql(asked, three.name) == "1"


def opened_by_one_ticket(nodes: Nodes) -> int:
    """How many streams a ticket opens that is shown to every node, twice, at once."""
    text = nodes.user("user123").post("/api/auth/ticket").json["ticket"]

    def opens(n: int) -> bool:
        with suppress(Refused), Sse(nodes[n % len(nodes.all)].url, params={"ticket": text}):
            return True
        return False

    with ThreadPoolExecutor(6) as pool:
        return sum(pool.map(opens, range(6)))


@pytest.fixture(scope="module")
def careless(postgresql: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    """Two nodes that lack rules."""
    nodes = Nodes(tmp_path_factory.mktemp("careless"), postgresql, count=2, weakened="tickets,forgetting,counting")
    try:
        yield nodes.start()
    finally:
        nodes.close()


def test_control_without_a_register_of_them_a_ticket_opens_several_streams(careless: Nodes) -> None:
    assert opened_by_one_ticket(careless) > 1


def test_control_a_node_that_does_not_hear_of_changes_lets_a_revoked_key_in(careless: Nodes) -> None:
    _, _, key = new_user(careless)
    assert Http(careless[1].url, key=key["key"]).get("/api/auth/me").status == 200
    assert careless[0].service().delete(f"/api/keys/{key['id']}").status == 204
    time.sleep(2.0)
    assert Http(careless[1].url, key=key["key"]).get("/api/auth/me").status == 200


def test_control_nodes_that_do_not_hear_one_another_count_their_own_streams_only(careless: Nodes) -> None:
    with stream(careless, 0, "user123"), stream(careless, 1, "user123"):

        def waited_in_vain() -> bool:
            assert careless[0].service().send("t", "m", userId="user123").json["recipientCount"] == 1
            return careless.metric("tocsin_recipient_count_lower_bounds", 0) >= 1

        # Until the one knows of the other's stream, it asks nobody.
        assert eventually(waited_in_vain, 30)


def test_an_idle_connection_to_a_node_that_ends_is_answered_for_a_moment_after_no_more_are_taken(three: Nodes) -> None:
    """A proxy keeps connections, and finds out that a node has gone by one that is refused."""
    node = three[0]
    idle = node.service()
    idle.keep = True
    try:
        assert idle.send("before", userId="user123").status == 200
        node.signal(signal.SIGTERM)
        assert refused_within(30, node.port)
        answer = idle.send("after", userId="user123")
        assert answer.status == 200
        assert answer.headers["connection"] == "close"
    finally:
        idle.close()
        assert node.wait_exit(within=60) == 0
        node.start(within=120)
    wait_until_nodes_know_of_each_other(three)


def refused_within(seconds: float, port: int) -> bool:
    """Whether no new connection is taken there from some moment on."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except OSError:
            return True
        time.sleep(0.005)
    return False
