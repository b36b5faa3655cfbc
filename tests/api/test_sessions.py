"""Being signed in with a browser: the cookie, what ends it, and what it is worth in the hands of other pages."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api.people import eventually, make_key, make_user
from api.sessions import SESSION, sign_in, signed_in
from harness.http import SEND, Http
from harness.http_stream import Ndjson, Refused, Sse
from harness.server import Server
from harness.websocket import WebSocket


def stream(server: Server, client: Http, kind: Any = WebSocket, **options: Any) -> Any:
    assert client.cookie is not None
    return kind(server.url, headers={"Cookie": client.cookie, "Origin": server.url}, **options)


# ------------------------------------------------------------ the cookie


def test_on_loopback_the_cookie_is_one_that_no_page_and_no_other_host_can_touch(server: Server) -> None:
    answer = sign_in(server.http(), "user123")
    assert answer.status == 201
    assert answer.json["user"]["id"] == "user123"
    left = datetime.fromisoformat(answer.json["expiresAt"]) - datetime.now(UTC)
    assert timedelta(days=29, hours=23) < left <= timedelta(days=30)
    pair, *attributes = answer.headers["set-cookie"].split("; ")
    assert re.fullmatch(r"__Host-tocsin=tsn_[a-z2-7]{16}_[a-z2-7]{52}", pair)
    assert sorted(attributes) == ["HttpOnly", "Max-Age=2592000", "Path=/", "SameSite=Strict", "Secure"]


@pytest.fixture(scope="module")
def behind_a_proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    started = Server(tmp_path_factory.mktemp("proxied") / "data", env={"TOCSIN_TRUSTED_PROXIES": "127.0.0.1"})
    started.start()
    yield started
    started.close()
    started.check_log()


@pytest.mark.parametrize(
    ("headers", "secure"),
    [
        ({"Host": "tocsin.example:8000"}, False),
        ({"Host": "localhost:8000"}, True),
        ({"Host": "[::1]:8000"}, True),
        ({"Host": "tocsin.example", "X-Forwarded-Proto": "https"}, True),
        ({"Host": "localhost.evil.com"}, False),
    ],
)
def test_it_is_secure_wherever_a_browser_would_keep_that(
    behind_a_proxy: Server, headers: dict[str, str], secure: bool
) -> None:
    server = behind_a_proxy
    body = {"username": "user123", "password": "user123"}
    made = server.http().request("POST", SESSION, json=body, headers=headers)
    name, attributes = made.headers["set-cookie"].split("=", 1)
    assert (name, "Secure" in attributes) == (("__Host-tocsin", True) if secure else ("tocsin", False))
    value = made.headers["set-cookie"].partition(";")[0].partition("=")[2]
    for given in ("__Host-tocsin", "tocsin"):
        looked = server.http().request("GET", SESSION, headers={**headers, "Cookie": f"{given}={value}"})
        assert looked.status == (200 if given == name else 401), given


def test_a_server_with_a_public_address_is_asked_securely_there(start_server: Callable[..., Server]) -> None:
    server = start_server(env={"TOCSIN_BASE_URL": "https://tocsin.example.com"})
    body = {"username": "user123", "password": "user123"}
    made = server.http().request("POST", SESSION, json=body, headers={"Host": "tocsin.example.com"})
    assert made.headers["set-cookie"].startswith("__Host-tocsin=")


@pytest.mark.one_file(reason="looks into the files of SQLite")
def test_the_store_keeps_a_hash_and_no_log_has_the_cookie(server: Server) -> None:
    client = signed_in(server, "user123")
    assert client.get(SESSION).status == 200
    secret = str(client.cookie).rpartition("_")[2]
    assert server.http(cookie=f"{client.cookie}x").get(SESSION).status == 401
    files = [path.read_bytes() for path in server.data.iterdir() if path.is_file()]
    assert files
    assert not any(secret.encode() in content for content in files)
    assert secret not in server.log()


def test_every_sign_in_makes_a_new_session_and_ends_the_one_that_was_sent_along(server: Server) -> None:
    planted = signed_in(server, "user456")
    answer = sign_in(planted, "user123")
    cookie = answer.headers["set-cookie"].partition(";")[0]
    assert cookie != planted.cookie
    assert planted.get(SESSION).status == 401
    assert server.http(cookie=cookie).get(SESSION).json["user"]["id"] == "user123"
    made_up = server.http(cookie="__Host-tocsin=tsn_aaaaaaaaaaaaaaaa_" + "b" * 52)
    assert sign_in(made_up, "user123").headers["set-cookie"].partition(";")[0] != made_up.cookie


def test_wrong_passwords_count_as_they_do_elsewhere(start_server: Callable[..., Server]) -> None:
    server = start_server()
    statuses = [sign_in(server.http(), "user123", "wrong").status for _ in range(6)]
    statuses += [
        server.http().post("/api/auth/login", {"username": "user123", "password": "wrong"}).status for _ in range(4)
    ]
    assert statuses == [401] * 10
    answer = sign_in(server.http(), "user123")
    assert answer.status == 429
    assert int(answer.headers["retry-after"]) > 0


def test_the_same_refusal_for_everybody(server: Server) -> None:
    answers = [sign_in(server.http(), "viewer", "wrong"), sign_in(server.http(), "nobody-of-that-name", "wrong")]
    assert {(answer.status, answer.body) for answer in answers} == {(401, answers[0].body)}
    assert "set-cookie" not in answers[0].headers


# ------------------------------------------------------------ what ends it


def test_signing_out_ends_the_session_and_its_streams_and_nothing_else(server: Server) -> None:
    client, other = signed_in(server, "user123"), signed_in(server, "user123")
    with stream(server, client, subprotocol="tocsin.v1") as one, stream(server, client, Sse) as events:
        with stream(server, other) as theirs:
            one.recv_event("caught-up")
            answer = client.delete(SESSION)
            assert answer.status == 204
            assert "Max-Age=0" in answer.headers["set-cookie"]
            assert one.closed_within() == 4410
            assert theirs.silent_for(0.2)
        assert events.ended_within()
    assert client.get(SESSION).status == 401
    assert other.get(SESSION).status == 200


def test_signing_out_everywhere_ends_every_session_and_token_but_no_key(server: Server) -> None:
    make_user(server.service(), "leaver", password="leaves everything")
    key = make_key(server.service(), "leaver")["key"]
    token = server.http().login("leaver", "leaves everything")
    one, two = signed_in(server, "leaver", "leaves everything"), signed_in(server, "leaver", "leaves everything")
    with stream(server, two) as first, WebSocket(server.url, token=token) as second:
        assert one.delete("/api/sessions").status == 204
        assert [first.closed_within(), second.closed_within()] == [4410, 4410]
    assert [client.get(SESSION).status for client in (one, two, server.http(token=token))] == [401] * 3
    assert server.http(key=key).get(SESSION).json == {
        "user": {"id": "leaver", "name": "leaver", "permissions": [], "superuser": False},
        "expiresAt": None,
    }
    assert server.http(key=key).delete("/api/sessions").status == 403
    assert signed_in(server, "leaver", "leaves everything").get(SESSION).status == 200


def test_a_changed_password_leaves_only_the_session_that_changed_it(server: Server) -> None:
    make_user(server.service(), "mover", password="before this")
    token = server.http().login("mover", "before this")
    here, there = signed_in(server, "mover", "before this"), signed_in(server, "mover", "before this")
    with stream(server, there) as away:
        assert here.put("/api/auth/password", {"current": "not it", "new": "after that"}).status == 403
        answer = here.put("/api/auth/password", {"current": "before this", "new": "after that"})
        assert answer.status == 200
        assert set(answer.json) == {"expiresAt", "user"}
        assert away.closed_within() == 4410
    cookie = answer.headers["set-cookie"].partition(";")[0]
    assert cookie != here.cookie
    assert server.http(cookie=cookie).get(SESSION).status == 200
    assert [client.get(SESSION).status for client in (here, there, server.http(token=token))] == [401] * 3
    assert sign_in(server.http(), "mover", "before this").status == 401


@pytest.mark.parametrize("how", ["disabled", "deleted", "given another password"])
def test_what_a_superuser_does_to_a_user_ends_their_sessions(server: Server, how: str) -> None:
    admin, name = server.service(), f"gone-{how.split()[0]}"
    make_user(admin, name, password="was here once")
    client = signed_in(server, name, "was here once")
    with stream(server, client) as open_one:
        if how == "deleted":
            admin.delete(f"/api/users/{name}")
            make_user(admin, name, password="was here once")
        else:
            admin.put(f"/api/users/{name}", {"disabled": True} if how == "disabled" else {"password": "another one"})
        assert open_one.closed_within() == 4410
    assert client.get(SESSION).status == 401


def test_the_audit_log_tells_of_signing_in_and_out(server: Server) -> None:
    client = signed_in(server, "user456")
    client.delete(SESSION)
    signed_in(server, "user456").delete("/api/sessions")
    server._tokens.clear()
    said = [entry for entry in server.service().get("/api/audit").json["audit"] if entry["what"] == "user456"][:4]
    assert [entry["action"] for entry in said] == ["sign-out.everywhere", "sign-in", "sign-out", "sign-in"]
    assert [entry["who"].split()[0] for entry in said] == ["user:user456"] * 4
    assert said[2]["who"].startswith("user:user456 by session:")


# ------------------------------------------------------------ other pages


DRAFT = b'{"title": "t", "message": "m"}'
JSON = {"Content-Type": "application/json"}


def shapes(server: Server) -> list[tuple[str, dict[str, str], int]]:
    evil, own = "https://evil.example", server.url
    return [
        ("cross-site", {**JSON, "Origin": evil, "Sec-Fetch-Site": "cross-site"}, 403),
        ("same-site", {**JSON, "Origin": "http://other.localhost", "Sec-Fetch-Site": "same-site"}, 403),
        ("null origin", {**JSON, "Origin": "null"}, 403),
        ("text/plain JSON", {"Content-Type": "text/plain", "Origin": own, "Sec-Fetch-Site": "same-origin"}, 415),
        ("form", {"Content-Type": "application/x-www-form-urlencoded", "Origin": own}, 415),
        ("form of another site", {"Content-Type": "multipart/form-data; boundary=x", "Origin": evil}, 403),
        ("no word of a browser", JSON, 403),
        ("a site that contradicts", {**JSON, "Origin": own, "Sec-Fetch-Site": "cross-site"}, 403),
        ("an origin that contradicts", {**JSON, "Origin": evil, "Sec-Fetch-Site": "same-origin"}, 403),
        ("another port", {**JSON, "Origin": f"http://127.0.0.1:{server.port + 1}", "Sec-Fetch-Site": "same-site"}, 403),
        ("our own page", {**JSON, "Origin": own, "Sec-Fetch-Site": "same-origin"}, 200),
        ("our own page, of an old browser", {**JSON, "Origin": own}, 200),
        ("our own page, without an origin", {**JSON, "Sec-Fetch-Site": "same-origin"}, 200),
    ]


def test_a_page_of_another_origin_gets_nothing_done_by_the_cookie(server: Server) -> None:
    cookie = server.http().sign_in("user123")
    for name, headers, status in shapes(server):
        answer = server.http().request("POST", SEND, body=DRAFT, headers={**headers, "Cookie": cookie})
        assert answer.status == status, name
        # Pages of this machine may read what they get with a key (`--dev`), and nobody what a cookie gets.
        if not headers.get("Origin", "").startswith("http://127.0.0.1:"):
            assert "access-control-allow-origin" not in answer.headers
        assert "access-control-allow-credentials" not in answer.headers
        # Who says who they are in a header was not sent there by a page.
        if status == 403 and headers["Content-Type"] == "application/json":
            headers = {**headers, "Authorization": f"Bearer {server.token('user123')}", "Cookie": cookie}
            assert server.http().request("POST", SEND, body=DRAFT, headers=headers).status == 200, name


def test_whose_page_was_refused_is_in_the_log_and_the_answer_names_the_settings(server: Server) -> None:
    given = {"username": "user123", "password": "user123"}
    answer = server.http().post(SESSION, given, Origin="https://not-this.example")

    assert answer.status == 403
    assert "`base_url`, `origins`" in answer.text
    assert eventually(lambda: '"origin": "https://not-this.example"' in server.log())


@pytest.mark.parametrize("line", ["POST /api/auth/ticket", "POST /api/notifications/read-all", "DELETE /api/session"])
def test_a_form_does_nothing_where_no_body_is_needed(server: Server, line: str) -> None:
    method, path = line.split()
    cookie = server.http().sign_in("user123")
    form = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookie}
    own = {"Origin": server.url, "Sec-Fetch-Site": "same-origin"}
    assert server.http().request(method, path, body=b"", headers={**form, **own}).status == 415
    assert server.http().request(method, path, headers={"Cookie": cookie, "Origin": "null"}).status == 403
    assert server.http(cookie=cookie).get(SESSION).status == 200


def test_another_page_signs_nobody_in(server: Server) -> None:
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://x.localhost", "Sec-Fetch-Site": "same-site"},
    ):
        body = {"username": "user123", "password": "user123"}
        answer = server.http().request("POST", SESSION, json=body, headers=headers)
        assert (answer.status, "set-cookie" in answer.headers) == (403, False), headers


ORIGINS = [
    "null",
    "https://127.0.0.1:{port}",
    "http://127.0.0.1.evil.com",
    "http://evil.com/127.0.0.1:{port}",
    "http://evil127.0.0.1:{port}",
    "http://tocsin.example.com@evil.com",
    "http://xn--tcsin-mta.example.com",
    "file://",
]


@pytest.mark.parametrize("kind", [WebSocket, Sse, Ndjson])
def test_only_our_own_pages_open_streams_by_the_cookie(real: Server, kind: Any) -> None:
    note = (real.data / "first-superuser.txt").read_text()
    password = dict(line.split(": ", 1) for line in note.splitlines())["password"]
    client = signed_in(real, "admin", password)
    cookie = {"Cookie": str(client.cookie)}
    refused = [{"Origin": origin.format(port=real.port)} for origin in ORIGINS]
    for headers in [*refused, {}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}]:
        with pytest.raises(Refused) as answer:
            kind(real.url, headers={**cookie, **headers})
        assert answer.value.status == 403, headers
        assert "access-control-allow-origin" not in answer.value.headers
    with stream(real, client, kind):
        pass
    token = real.http().login("admin", password)
    with kind(real.url, headers={**cookie, "Authorization": f"Bearer {token}"}) as by_header:
        assert by_header.status in (101, 200)


def test_an_event_source_says_in_its_own_way_that_it_is_of_our_own_page(real: Server) -> None:
    note = (real.data / "first-superuser.txt").read_text()
    password = dict(line.split(": ", 1) for line in note.splitlines())["password"]
    cookie = real.http().sign_in("admin", password)
    with Sse(real.url, headers={"Cookie": cookie, "Sec-Fetch-Site": "same-origin"}) as events:
        assert events.status == 200
    with pytest.raises(Refused) as refused:
        WebSocket(real.url, headers={"Cookie": cookie, "Sec-Fetch-Site": "same-origin"})
    assert refused.value.status == 403


def test_a_first_frame_that_was_promised_counts_and_the_cookie_does_not(server: Server) -> None:
    client = signed_in(server, "user456")
    with stream(server, client, params={"auth": "frame"}) as opened:
        opened.send_json({"auth": server.http().login("user123")})
        told: list[str] = []

        def something_came() -> bool:
            server.service().send("for the cookie", userId="user456")
            server.service().send("for the frame", userId="user123")
            with contextlib.suppress(TimeoutError):
                told.append(opened.recv_json(0.5)["title"])
            return bool(told)

        assert eventually(something_came)
        assert told == ["for the frame"]
    with stream(server, client, params={"auth": "frame"}) as silent:
        assert silent.closed_within() == 4408
    with WebSocket(server.url, params={"auth": "cookie"}) as odd:
        assert odd.closed_within() == 4400


def test_a_stream_of_a_session_is_its_users(server: Server) -> None:
    client = signed_in(server, "user456")
    with stream(server, client) as opened:
        server.service().send("not theirs", userId="user123")
        server.service().send("theirs", userId="user456")
        assert opened.recv_json()["title"] == "theirs"
    bad = {"Cookie": str(client.cookie)[:-1] + "!", "Origin": server.url}
    with WebSocket(server.url, headers=bad) as refused:
        assert refused.closed_within() == 4401
    ticket = client.post("/api/auth/ticket").json["ticket"]
    with WebSocket(server.url, params={"ticket": ticket}) as by_ticket:
        client.delete(SESSION)
        assert by_ticket.closed_within() == 4410
    assert eventually(lambda: client.get(SESSION).status == 401)
