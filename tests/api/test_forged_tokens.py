"""Tokens that nobody signed, or that say what they must not: none opens anything, and none makes the server ask."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from api.people import signing_key
from harness.http import Http
from harness.server import Server


def test_forty_forged_tokens_open_nothing(server: Server) -> None:
    client = Http(server.url, keep=True)
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        forged = list(forgeries(server, f"http://127.0.0.1:{elsewhere.getsockname()[1]}/keys"))
        assert len(forged) >= 40
        refuse_all(client, forged)
        # Nor does a token make the server fetch anything.
        elsewhere.settimeout(0.5)
        with pytest.raises(TimeoutError):
            elsewhere.accept()


def refuse_all(client: Http, forged: list[tuple[str, str]]) -> None:
    for name, token in forged:
        answer = client.request("GET", "/api/auth/me", headers={"Authorization": f"Bearer {token}"})
        assert answer.status == 401, name
        answer = client.request("GET", "/api/users", headers={"Authorization": f"Bearer {token}"})
        assert answer.status == 401, name


def test_the_unforged_token_opens(server: Server) -> None:
    # Else the forgeries could be refused for their form alone.
    token = signed(good_header(), good_claims(), signing_key(server))
    assert server.http(token=token).get("/api/users").status == 200


def good_header() -> dict[str, Any]:
    return {"alg": "HS256", "typ": "JWT"}


def good_claims() -> dict[str, Any]:
    now = int(time.time())
    return {
        "iss": "tocsin",
        "aud": "tocsin",
        "sub": "admin",
        "permissions": ["notifications"],
        "superuser": True,
        "iat": round(time.time(), 3),
        "exp": now + 3600,
        "jti": "forged",
    }


def signed(header: dict[str, Any], claims: Any, key: bytes, digest: str = "sha256") -> str:
    text = f"{packed(json.dumps(header).encode())}.{packed(json.dumps(claims).encode())}"
    return f"{text}.{packed(hmac.new(key, text.encode(), digest).digest())}"


def packed(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def forgeries(server: Server, elsewhere: str) -> Iterator[tuple[str, str]]:
    """Name and text of each.

    Args:
        elsewhere: an address that tokens would have keys fetched from.
    """
    key, header, claims = signing_key(server), good_header(), good_claims()
    now = claims["iat"]
    for alg in ("none", "None", "NONE", "nOnE", ""):
        text = f"{packed(json.dumps({**header, 'alg': alg}).encode())}.{packed(json.dumps(claims).encode())}."
        yield f"unsigned, alg {alg!r}", text
        yield f"unsigned with a signature, alg {alg!r}", text + packed(b"x" * 32)
        yield f"signed, alg {alg!r}", signed({**header, "alg": alg}, claims, key)
    for alg, digest in (("HS384", "sha384"), ("HS512", "sha512"), ("RS256", "sha256"), ("ES256", "sha256")):
        yield f"another algorithm, {alg}", signed({**header, "alg": alg}, claims, key, digest)
    for name, other in (
        ("empty", b""),
        ("guessed", b"secret"),
        ("hashed", hashlib.sha256(key).digest()),
        ("encoded", base64.b64encode(key)),
        ("half", key[:16]),
    ):
        yield f"a key that is {name}", signed(header, claims, other)
    for extra in ("crit", "jku", "jwk", "x5u", "x5c"):
        yield (
            f"the header {extra}",
            signed({**header, extra: ["exp"] if extra == "crit" else elsewhere}, claims, key),
        )
    changes: dict[str, Any] = {
        "expired": {"exp": now - 3600},
        "exp a text": {"exp": str(now + 3600)},
        "exp nothing": {"exp": None},
        "exp true": {"exp": True},
        "exp huge": {"exp": 1e300},
        "exp negative": {"exp": -1},
        "another issuer": {"iss": "https://issuer.example"},
        "no issuer": {"iss": None},
        "another audience": {"aud": "somebody"},
        "no subject": {"sub": None},
        "subject a list": {"sub": ["admin"]},
        "unknown subject": {"sub": "never-seen"},
        "subject empty": {"sub": ""},
    }
    for name, change in changes.items():
        yield name, signed(header, {**claims, **change}, key)
    whole = signed(header, claims, key)
    head, body, signature = whole.split(".")
    yield "another body", f"{head}.{packed(json.dumps({**claims, 'sub': 'user123'}).encode())}.{signature}"
    yield "a signature cut short", whole[:-4]
    yield "a signature changed", whole[:-2] + ("AA" if whole[-2:] != "AA" else "BB")
    yield "no signature", f"{head}.{body}."
    yield "four parts", f"{whole}.x"
    yield "a megabyte", whole + "A" * 14_000
    yield "a key set of their own", signed(header, {**claims, "iss": elsewhere.removesuffix("/keys")}, key)
    yield "a path for a key", signed({**header, "kid": "../../etc/passwd"}, {**claims, "iss": "x"}, key)
    yield "a list for claims", signed(header, [claims], key)
