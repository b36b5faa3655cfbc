"""Streams of people whose tokens another issuer signs, on a server that knows that issuer by its key or fetches it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from cli.command import Listening
from credentials import forge
from credentials.test_jwks import KeyServer
from harness.http_stream import Ndjson, Refused, Sse
from harness.patience import PATIENCE
from harness.server import Server
from harness.websocket import WebSocket

NAME = "https://id.example"
KEY = ed25519.Ed25519PrivateKey.generate()


def told(folder: Path, **keys: str) -> Path:
    """A data folder whose settings name the issuer."""
    folder.mkdir(mode=0o700)
    settings = {"issuer": NAME, "audience": "tocsin", "algorithm": "EdDSA", **keys}
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    (folder / "tocsin.toml").write_text("\n".join(["[[issuers]]", *lines]) + "\n")
    return folder


@pytest.fixture
def server(start_server: Callable[..., Server], tmp_path: Path) -> Server:
    return start_server(data=told(tmp_path / "with-issuer", public_key=forge.pem(KEY)))


def token(expires_in: float) -> str:
    claims = {"iss": NAME, "aud": "tocsin", "sub": "user123", "exp": int(time.time() + expires_in)}
    return forge.token({"alg": "EdDSA", "typ": "JWT"}, claims, forge.eddsa(KEY))


@pytest.mark.parametrize("kind", [WebSocket, Sse, Ndjson])
def test_a_token_of_an_issuer_opens_its_users_stream(server: Server, kind: Any) -> None:
    with kind(server.url, token=token(3600)) as stream:
        server.service().send("theirs", userId="user456")
        server.service().send("mine", userId="user123")
        event = (
            stream.recv_json()
            if kind is WebSocket
            else stream.next_notification().json
            if kind is Sse
            else stream.next()
        )
        assert event["title"] == "mine"


def test_a_token_that_has_just_expired_opens_no_stream_but_is_still_answered(server: Server) -> None:
    """Clocks may be a minute apart; a stream that ends with its token would begin only to end."""
    late = token(-20)
    assert server.http(token=late).get("/api/auth/me").status == 200
    assert server.http(token=token(-90)).get("/api/auth/me").status == 401
    for kind in (Sse, Ndjson):
        with pytest.raises(Refused) as refused:
            kind(server.url, token=late)
        assert refused.value.status == 401
    assert WebSocket(server.url, token=late).closed_within() == 4401
    with WebSocket(server.url, params={"auth": "frame"}) as stream:
        stream.send_json({"auth": late})
        assert stream.closed_within() == 4401


@pytest.mark.fault
def test_who_comes_before_the_keys_of_their_issuer_is_told_to_come_back_and_does(
    start_server: Callable[..., Server], tmp_path: Path
) -> None:
    keys, come = KeyServer(), threading.Event()
    keys.publish(forge.jwk(KEY, kid="k1"))
    keys.before = lambda: come.wait(PATIENCE)  # type: ignore[assignment,return-value]
    try:
        server = start_server(data=told(tmp_path / "early", jwks_url=f"http://127.0.0.1:{keys.port}/"))
        early = token(3600)
        answer = server.http(token=early).get("/api/auth/me")
        assert (answer.status, answer.json["code"]) == (503, "unavailable")
        assert int(answer.headers["retry-after"]) > 0
        for kind in (Sse, Ndjson):
            with pytest.raises(Refused) as refused:
                kind(server.url, token=early)
            assert refused.value.status == 503
        assert WebSocket(server.url, token=early).closed_within() == 1013
        with WebSocket(server.url, params={"auth": "frame"}) as stream:
            stream.send_json({"auth": early})
            assert stream.closed_within() == 1013
        asked = len(keys.asked)
        assert asked <= 1, "no token causes a fetch"
        assert server.http(token=token(3600)[:-8] + "forged__").get("/api/auth/me").status == 503
        assert server.http(token="a.b.c").get("/api/auth/me").status == 401
        with Listening("--json", "--count", "1", server=server, token=early) as listening:
            until(lambda: "not known yet" in listening.err)
            come.set()
            until(lambda: server.http(token=early).get("/api/auth/me").status == 200)
            until(lambda: listening.begun > 0)
            server.service().send("mine", userId="user123")
            assert listening.notification()["title"] == "mine"
        assert server.http(token=token(3600)[:-8] + "forged__").get("/api/auth/me").status == 401
    finally:
        come.set()
        keys.close()


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, "did not come about"
        time.sleep(0.05)
