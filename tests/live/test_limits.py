"""How many streams there may be, how long one may stay nobody's, and how all of them end."""

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from harness.http import Http
from harness.http_stream import Ndjson, Refused, Sse
from harness.patience import PATIENCE, SLACK
from harness.server import Server
from harness.websocket import Closed, WebSocket
from live.people import make_user, superuser

PER_ADDRESS = 60


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that is not `--dev`, with small limits."""
    server = Server(
        tmp_path_factory.mktemp("strict") / "data",
        dev=False,
        env={"TOCSIN_LIMITS__STREAMS_PER_USER": "20", "TOCSIN_LIMITS__STREAMS_PER_ADDRESS": str(PER_ADDRESS)},
    )
    server.start()
    yield server
    server.close()
    server.check_log()


@pytest.fixture(scope="module")
def admin(strict: Server) -> Http:
    return superuser(strict)


def refusal(open_stream: Callable[[], Any]) -> Refused:
    with pytest.raises(Refused) as refused:
        open_stream()
    return refused.value


def gone(server: Server, admin: Http) -> None:
    """Wait until the server has let go of all streams."""
    deadline = time.monotonic() + PATIENCE
    while (line := "tocsin_streams 0.0") not in admin.get("/metrics").text:
        assert time.monotonic() < deadline, line
        time.sleep(0.02)


def comes_in(open_stream: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """The stream, once a place that was given up can be taken."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return open_stream()
        except Refused:
            assert time.monotonic() < deadline, "the place that was given up stays taken"
            time.sleep(0.05)


# -- nobody's


def test_a_websocket_that_never_says_whose_it_is_is_closed_4408_after_five_seconds(strict: Server) -> None:
    began = time.monotonic()
    streams = [WebSocket(strict.url), WebSocket(strict.url, subprotocol="tocsin.v1")]
    assert [stream.closed_within() for stream in streams] == [4408, 4408]
    assert 4.0 <= time.monotonic() - began <= 5 * SLACK


def test_sse_and_ndjson_without_a_credential_are_401(strict: Server) -> None:
    for kind in (Sse, Ndjson):
        refused = refusal(lambda kind=kind: kind(strict.url))
        assert (refused.status, refused.body) == (401, b'{"error":"Authentication required"}')
        assert "www-authenticate" in refused.headers


def test_nothing_is_told_before_the_first_frame(strict: Server, admin: Http) -> None:
    with WebSocket(strict.url, subprotocol="tocsin.v1") as stream:
        assert admin.send("a broadcast").json["recipientCount"] == 0
        assert stream.silent_for(0.3)
        stream.send_json({"auth": admin.token})
        assert stream.recv_json()["event"] == "hello"
        assert stream.recv_json()["event"] == "caught-up"
        admin.send("another")
        assert stream.recv_event("notification")["data"]["title"] == "another"


def test_a_first_frame_resumes_where_the_url_said(strict: Server, admin: Http) -> None:
    with WebSocket(strict.url, token=admin.token, subprotocol="tocsin.v1") as stream:
        place = stream.recv_event("caught-up")["position"]
    admin.send("missed")

    with WebSocket(strict.url, subprotocol="tocsin.v1", since=place) as stream:
        stream.send_json({"auth": admin.token})
        assert stream.recv_json() == {"event": "hello", "position": place, "data": {}}
        assert stream.recv_json()["data"]["title"] == "missed"


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ('{"read": "notif_1"}', 4401),
        ('{"acknowledge": "notif_1"}', 4401),
        ('{"auth": "wrong"}', 4401),
        ("{}", 4401),
        ("not json", 4400),
    ],
)
def test_before_the_first_auth_frame_nothing_else_may_come(strict: Server, frame: str, code: int) -> None:
    stream = WebSocket(strict.url)
    stream.send_text(frame)

    assert stream.closed_within() == code


def test_two_auth_frames_at_once_are_4400(strict: Server, admin: Http) -> None:
    stream = WebSocket(strict.url)
    stream.send_json({"auth": admin.token})
    stream.send_json({"auth": admin.token})

    assert stream.closed_within() == 4400


@pytest.mark.one_process(reason="a limit of streams is shared out among nodes")
def test_twenty_of_one_address_may_wait_for_their_first_frame(strict: Server, admin: Http) -> None:
    gone(strict, admin)
    time.sleep(0.3)

    def try_one(_: int) -> WebSocket | int:
        try:
            return WebSocket(strict.url)
        except Refused as refused:
            return refused.status if "retry-after" in refused.headers else -refused.status

    with ThreadPoolExecutor(30) as pool:
        found = list(pool.map(try_one, range(30)))
    waiting = [stream for stream in found if isinstance(stream, WebSocket)]

    assert Counter(one if isinstance(one, int) else 101 for one in found) == {101: 20, 429: 10}
    with WebSocket(strict.url, token=admin.token):
        pass  # who says so at once is not counted among them
    waiting[0].send_json({"auth": admin.token})
    waiting.append(comes_in(lambda: WebSocket(strict.url)))
    for stream in waiting:
        stream.close()


# -- somebody's


@pytest.mark.one_process(reason="a limit of streams is shared out among nodes")
def test_a_user_has_a_limit_of_streams_on_all_forms_together(strict: Server, admin: Http) -> None:
    tokens = [make_user(strict, admin, name) for name in ("many", "other")]
    streams: list[Any] = [WebSocket(strict.url, token=tokens[0]) for _ in range(18)]
    streams += [Sse(strict.url, token=tokens[0]), Ndjson(strict.url, token=tokens[0])]

    assert WebSocket(strict.url, token=tokens[0]).closed_within() == 4413
    late = WebSocket(strict.url)
    late.send_json({"auth": tokens[0]})
    assert late.closed_within() == 4413
    for kind in (Sse, Ndjson):
        assert refusal(lambda kind=kind: kind(strict.url, token=tokens[0])).status == 429

    with WebSocket(strict.url, token=tokens[1]) as other:
        admin.send("to the other", userId="other")
        assert other.recv_json()["title"] == "to the other"
    streams.pop().close()
    streams.pop().close()
    with comes_in(lambda: Ndjson(strict.url, token=tokens[0])) as stream:
        admin.send("room again", userId="many")
        assert stream.next()["title"] == "room again"
    for stream in streams:
        stream.close()
    gone(strict, admin)


@pytest.mark.one_process(reason="a limit of streams is shared out among nodes")
def test_an_address_has_a_limit_of_streams(strict: Server, admin: Http) -> None:
    gone(strict, admin)
    tokens = [make_user(strict, admin, f"crowd-{n}") for n in range(3)]
    streams: list[Any] = [WebSocket(strict.url, token=token) for token in tokens for _ in range(20)]

    for kind in (WebSocket, Sse, Ndjson):
        refused = refusal(lambda kind=kind: kind(strict.url, token=admin.token))
        assert refused.status == 429
        assert int(refused.headers["retry-after"]) > 0
    streams[0].close()
    comes_in(lambda: WebSocket(strict.url, token=admin.token)).close()
    for stream in streams:
        stream.close()
    gone(strict, admin)


@pytest.mark.one_process(reason="a limit of streams is shared out among nodes")
def test_refused_streams_are_not_counted(strict: Server, admin: Http) -> None:
    make_user(strict, admin, "signed-in")
    cookie = {"Cookie": strict.http().sign_in("signed-in", "signed-in-has-a-long-password")}
    # Of each kind one more than there may be, so that it is found out whichever stays counted.
    for _ in range(PER_ADDRESS + 1):
        assert refusal(lambda: WebSocket(strict.url, headers={"Origin": "https://evil.example"})).status == 403
        assert refusal(lambda: WebSocket(strict.url, headers=cookie)).status == 403, "no page says that it is ours"
        assert refusal(lambda: Sse(strict.url, token="wrong")).status == 401
        assert WebSocket(strict.url, token="wrong").closed_within() == 4401
        assert admin.request("HEAD", "/notifications", headers={"Accept": "text/event-stream"}).status == 200

    streams = [WebSocket(strict.url, token=admin.token) for _ in range(20)]
    for stream in streams:
        stream.close()


# -- a graceful end


def test_sigterm_closes_1012_spread_out_answers_readyz_503_meanwhile_and_exits_0(
    start_server: Callable[..., Server],
) -> None:
    server = start_server(env={"TOCSIN_DRAIN_SECONDS": "4"})
    token = server.token("user123")
    streams = [WebSocket(server.url, token=token) for _ in range(8)]
    events, anonymous = Sse(server.url, token=token), WebSocket(server.url)
    ends: list[tuple[float, int | None]] = []

    def watch(stream: WebSocket) -> None:
        try:
            while True:
                stream.recv_text()
        except Closed as closed:
            ends.append((time.monotonic(), closed.code))

    threads = [threading.Thread(target=watch, args=(stream,)) for stream in [*streams, anonymous]]
    for thread in threads:
        thread.start()
    seen: list[int] = []
    began = time.monotonic()
    done: list[int] = []
    stopper = threading.Thread(target=lambda: done.append(server.stop()))
    stopper.start()
    while (status := Http(server.url).get("/readyz").status) == 200 and time.monotonic() - began < PATIENCE:
        pass
    seen.append(status)
    assert Http(server.url).get("/healthz").status == 200
    assert server.service().send("still taken").status in (200, 503)
    assert refusal(lambda: WebSocket(server.url, token=token)).status == 503
    assert refusal(lambda: Sse(server.url, token=token)).status == 503
    for thread in threads:
        thread.join(PATIENCE)
    stopper.join(PATIENCE)

    assert done == [0]
    assert seen == [503]
    assert [code for _, code in ends] == [1012] * 9
    spread = max(at for at, _ in ends) - min(at for at, _ in ends)
    assert 2 <= spread <= 4 * SLACK
    assert events.ended_within()


def test_what_was_answered_while_draining_is_kept(start_server: Callable[..., Server]) -> None:
    server = start_server(env={"TOCSIN_DRAIN_SECONDS": "0.5"})
    streams = [WebSocket(server.url, token=server.token("user123")) for _ in range(3)]
    client = server.user("user123")
    acked: list[str] = []
    stopper = threading.Thread(target=server.stop)
    with contextlib.suppress(OSError):
        while True:
            answer = client.send("late")
            if answer.status == 200:
                acked.append(answer.json["notificationId"])
            if stopper.ident is None:
                stopper.start()
    stopper.join(PATIENCE)
    server.start()

    kept = server.user("user123").get("/api/notifications", limit=200).json["notifications"]
    assert acked
    assert {item["id"] for item in kept} >= set(acked[-200:])
    for stream in streams:
        stream.close()
