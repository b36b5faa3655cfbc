"""Streams of people whose tokens another issuer signs, on a server that knows that issuer by its key."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from credentials import forge
from harness.http_stream import Ndjson, Refused, Sse
from harness.server import Server
from harness.websocket import WebSocket

NAME = "https://id.example"
KEY = ed25519.Ed25519PrivateKey.generate()


@pytest.fixture
def server(start_server: Callable[..., Server], tmp_path: Path) -> Server:
    folder = tmp_path / "with-issuer"
    folder.mkdir(mode=0o700)
    told = {"issuer": NAME, "audience": "tocsin", "algorithm": "EdDSA", "public_key": forge.pem(KEY)}
    lines = [f"{name} = {json.dumps(value)}" for name, value in told.items()]
    (folder / "tocsin.toml").write_text("\n".join(["[[issuers]]", *lines]) + "\n")
    return start_server(data=folder)


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
