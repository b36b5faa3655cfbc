"""Forged JWTs prove nothing, each beside a sound one of the same family that does."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from credentials import forge
from credentials.issuers import (
    CURVE,
    EDWARDS,
    ID,
    NOW,
    NOW_S,
    NULL,
    OTHER,
    PINNED,
    PSS,
    SECRET,
    World,
    by_id,
    claims,
    own,
    own_claims,
    refused,
)


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def test_controls_of_every_family_hold(world: World) -> None:
    sound = {
        "own": own(),
        "rs256 by kid": by_id(world),
        "rs256 pinned": forge.token({"alg": "RS256"}, claims(iss=PINNED), forge.rs256(world.id)),
        "rs256 pinned, any kid": forge.token({"alg": "RS256", "kid": "z"}, claims(iss=PINNED), forge.rs256(world.id)),
        "es256": forge.token({"alg": "ES256"}, claims(iss=CURVE), forge.es256(world.curve)),
        "eddsa": forge.token({"alg": "EdDSA"}, claims(iss=EDWARDS), forge.eddsa(world.edwards)),
        "ps256": forge.token({"alg": "PS256"}, claims(iss=PSS), forge.ps256(world.id)),
        "one key, no kid": forge.token({"alg": "RS256"}, claims(iss=OTHER, superuser=False), forge.rs256(world.other)),
        "at+jwt": by_id(world, {"typ": "at+JWT"}),
        "x5t is no key": by_id(world, {"x5t": "abc", "nonce": "abc"}),
        "aud in a list": by_id(world, payload=claims(aud=["else", "tocsin-api"])),
        "exp within leeway": by_id(world, payload=claims(exp=NOW_S - 59)),
        "exp with a fraction": by_id(world, payload=claims(exp=NOW_S + 0.5)),
        "nbf within leeway": by_id(world, payload=claims(nbf=NOW_S + 60)),
        "iat within leeway": by_id(world, payload=claims(iat=NOW_S + 60)),
        "no iat": by_id(world, payload=claims(iat=None)),
        "no permissions": by_id(world, payload=claims(permissions=None)),
        "unknown claims": by_id(world, payload=claims(email="ada@example.org", nested={"a": [1]})),
    }
    for name, token in sound.items():
        assert world.verifier.verify(token, NOW).subject == "ada", name


HEADERS: dict[str, dict[str, Any]] = {
    "crit": {"crit": ["exp"]},
    "crit empty": {"crit": []},
    "crit null": {"crit": NULL},
    "crit unknown": {"crit": ["x"], "x": 1},
    "b64": {"b64": False},
    "b64 with crit": {"b64": False, "crit": ["b64"]},
    "jku": {"jku": "https://evil.example/jwks"},
    "jku null": {"jku": NULL},
    "x5u": {"x5u": "https://evil.example/cert"},
    "x5c": {"x5c": ["MIIB"]},
    "jwk": {"jwk": {"kty": "oct", "k": "AAAA"}},
    "enc": {"enc": "A256GCM"},
    "kid of a path": {"kid": "../../../../../../dev/null"},
    "kid of an url": {"kid": "https://evil.example/k1"},
    "kid of sql": {"kid": "' UNION SELECT 'k1"},
    "kid unknown": {"kid": "k9"},
    "kid in capitals": {"kid": "K1"},
    "kid with a zero byte": {"kid": "k1\0"},
    "kid empty": {"kid": ""},
    "kid a number": {"kid": 1},
    "kid a list": {"kid": ["k1"]},
    "kid missing, two keys": {"kid": None},
    "kid of the wrong key": {"kid": "k2"},
    "alg none": {"alg": "none"},
    "alg None": {"alg": "None"},
    "alg nOnE": {"alg": "nOnE"},
    "alg rs256 in small letters": {"alg": "rs256"},
    "alg of the same key, not configured": {"alg": "RS512"},
    "alg PS256 with an RS256 key": {"alg": "PS256"},
    "alg missing": {"alg": None},
    "alg null": {"alg": NULL},
    "alg a list": {"alg": ["RS256"]},
    "alg empty": {"alg": ""},
    "typ of a logout notice": {"typ": "logout+jwt"},
    "typ of a security event": {"typ": "secevent+jwt"},
    "typ a number": {"typ": 1},
}

PAYLOADS: dict[str, dict[str, Any]] = {
    "iss missing": {"iss": None},
    "iss a list": {"iss": [ID]},
    "iss null": {"iss": NULL},
    "iss with a slash more": {"iss": ID + "/"},
    "iss in capitals": {"iss": ID.upper()},
    "iss unknown": {"iss": "https://evil.example"},
    "iss ours, not our key": {"iss": "tocsin", "aud": "tocsin"},
    "iss of another issuer": {"iss": OTHER},
    "aud missing": {"aud": None},
    "aud null": {"aud": NULL},
    "aud of somebody else": {"aud": "another-api"},
    "aud ours": {"aud": "tocsin"},
    "aud a longer text": {"aud": "tocsin-api-2"},
    "aud list without us": {"aud": ["a", "b"]},
    "aud empty list": {"aud": []},
    "aud list of a list": {"aud": [["tocsin-api"]]},
    "aud an object": {"aud": {"tocsin-api": 1}},
    "aud a list with a number": {"aud": ["tocsin-api", 1]},
    "exp missing": {"exp": None},
    "exp null": {"exp": NULL},
    "exp a text": {"exp": str(NOW_S + 3600)},
    "exp true": {"exp": True},
    "exp a list": {"exp": [NOW_S + 3600]},
    "exp in milliseconds": {"exp": NOW + 3_600_000},
    "exp negative": {"exp": -1},
    "exp beyond any number": {"exp": 10**400},
    "exp past the leeway": {"exp": NOW_S - 60},
    "exp long past": {"exp": 0},
    "nbf past the leeway": {"nbf": NOW_S + 61},
    "nbf a text": {"nbf": "0"},
    "iat past the leeway": {"iat": NOW_S + 61},
    "iat a text": {"iat": "now"},
    "iat false": {"iat": False},
    "sub missing": {"sub": None},
    "sub null": {"sub": NULL},
    "sub empty": {"sub": ""},
    "sub a number": {"sub": 1},
    "sub a list": {"sub": ["ada"]},
    "sub with a line break": {"sub": "ada\nadmin"},
    "sub with a zero byte": {"sub": "ada\0"},
    "sub with white space around": {"sub": " ada"},
    "sub too long": {"sub": "a" * 129},
    "sub half a surrogate": {"sub": "\ud800"},
    "permissions a text": {"permissions": "notifications"},
    "permissions an object": {"permissions": {"notifications": True}},
    "permissions with a number": {"permissions": ["notifications", 1]},
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_that_asks_for_trust_gets_none(world: World, name: str) -> None:
    refused(world, by_id(world, HEADERS[name]))


@pytest.mark.parametrize("name", PAYLOADS)
def test_a_claim_that_is_missing_or_wrong_is_refused(world: World, name: str) -> None:
    refused(world, by_id(world, payload=claims(**PAYLOADS[name])))


@pytest.mark.parametrize("alg", ["none", "None", "nOnE", "NONE", ""])
@pytest.mark.parametrize("issuer", ["tocsin", ID])
def test_a_token_without_a_signature_is_refused(world: World, alg: str, issuer: str) -> None:
    payload = own_claims() if issuer == "tocsin" else claims()
    forged = forge.token({"alg": alg, "kid": "k1"}, payload, forge.unsigned)
    refused(world, forged)
    refused(world, forged + "AA")


def test_a_real_signature_by_another_algorithm_than_the_configured_one_is_refused(world: World) -> None:
    """The key is the right one and the signature holds: only the settings say no."""

    def rs512(signed: bytes) -> bytes:
        return world.id.sign(signed, padding.PKCS1v15(), hashes.SHA512())

    world.verifier.verify(by_id(world), NOW)
    refused(world, forge.token({"alg": "RS512", "kid": "k1"}, claims(), rs512))
    refused(world, forge.token({"alg": "PS256", "kid": "k1"}, claims(), forge.ps256(world.id)))
    refused(world, forge.token({"alg": "RS256"}, claims(iss=PSS), forge.rs256(world.id)))
    refused(world, forge.token({"alg": "Ed25519"}, claims(iss=EDWARDS), forge.eddsa(world.edwards)))
    refused(world, forge.token({"alg": "HS256", "kid": "k1"}, claims(), forge.hs256(SECRET)))


def test_a_public_key_is_no_shared_secret(world: World) -> None:
    public = forge.pem(world.id)
    for secret in (public, public.strip(), public.replace("\n", ""), json.dumps(forge.jwk(world.id))):
        for issuer in (ID, PINNED, "tocsin"):
            for alg in ("HS256", "RS256"):
                payload = claims(iss=issuer, aud=["tocsin-api", "tocsin"], jti="x", superuser=False)
                refused(world, forge.token({"alg": alg, "kid": "k1"}, payload, forge.hs256(secret.encode())))


def test_other_keys_sign_nothing(world: World) -> None:
    stranger = forge.rs256(world.stranger)
    refused(world, forge.token({"alg": "RS256", "kid": "k1"}, claims(), stranger))
    refused(world, forge.token({"alg": "RS256"}, claims(iss=PINNED), stranger))
    refused(world, forge.token({"alg": "RS256", "jwk": forge.jwk(world.stranger)}, claims(), stranger))
    refused(world, forge.token({"alg": "ES256"}, claims(iss=CURVE), stranger))
    refused(world, forge.token({"alg": "ES256"}, claims(iss=CURVE), lambda _: bytes(64)))
    refused(world, forge.token({"alg": "RS256"}, claims(iss=PINNED), lambda _: bytes(256)))
    refused(world, own(secret=b"another secret of thirty-two bytes or more"))
    refused(world, own(secret=b""))


def test_a_kid_of_one_issuer_opens_nothing_at_another(world: World) -> None:
    """Both have a `k1`; whichever was asked for first, the other's key is not taken."""
    at_id, at_other = claims(), claims(iss=OTHER, superuser=False)
    header = {"alg": "RS256", "kid": "k1"}
    for _ in range(2):
        assert world.verifier.verify(forge.token(header, at_id, forge.rs256(world.id)), NOW).issuer == ID
        refused(world, forge.token(header, at_id, forge.rs256(world.other)))
        assert world.verifier.verify(forge.token(header, at_other, forge.rs256(world.other)), NOW).issuer == OTHER
        refused(world, forge.token(header, at_other, forge.rs256(world.id)))


def test_any_changed_part_breaks_the_signature(world: World) -> None:
    for good in (own(), by_id(world)):
        head, body, signature = good.split(".")
        world.verifier.verify(good, NOW)
        swapped = forge.b64(json.dumps(claims(sub="admin")).encode()).decode()
        refused(world, f"{head}.{swapped}.{signature}")
        refused(world, f"{head}.{body}.{signature[:-4]}")
        refused(world, f"{head}.{body}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}")
        header = json.loads(forge.decode(head)) | {"typ": "at+jwt"}
        refused(world, f"{forge.b64(json.dumps(header).encode()).decode()}.{body}.{signature}")


SHAPES = [
    "",
    ".",
    "..",
    "...",
    "a.b.c",
    "e30.e30.e30",
    "e30.e30",
    "e30.e30.",
    ".e30.e30",
    "e30..e30",
    "e30.e30.e30.e30.e30",
    "W10.W10.W10",
    "bnVsbA.bnVsbA.bnVsbA",
    "\u00e9.\u00e9.\u00e9",
    "\ud800.a.b",
    "{} . {} . {}",
    "A" * 1_000_000,
    "A" * 500_000 + "." + "A" * 500_000 + ".AAAA",
    "\0",
]


@pytest.mark.parametrize("text", SHAPES, ids=range(len(SHAPES)))
def test_what_is_no_token_is_refused(world: World, text: str) -> None:
    refused(world, text)


BYTES: dict[str, bytes] = {
    "deep": b"[" * 5000,
    "deep objects": b'{"a":' * 800 + b"1" + b"}" * 800,
    "not UTF-8": b'{"iss":"\xff\xfe"}',
    "NaN": b'{"iss":"https://id.example","aud":"tocsin-api","sub":"ada","exp":NaN}',
    "infinite": b'{"iss":"https://id.example","aud":"tocsin-api","sub":"ada","exp":1e999}',
    "no JSON": b"\x00\x01\x02",
    "a text": b'"tocsin"',
    "a list": b"[1,2]",
    "null": b"null",
    "digits": b'{"iss":"https://id.example","exp":' + b"9" * 5000 + b"}",
    "something after": json.dumps(claims()).encode() + b"{}",
    "a byte order mark": b"\xef\xbb\xbf" + json.dumps(claims()).encode(),
}


@pytest.mark.parametrize("name", BYTES)
def test_bytes_that_are_no_claims_are_refused_even_when_signed(world: World, name: str) -> None:
    refused(world, forge.token({"alg": "RS256", "kid": "k1"}, BYTES[name], forge.rs256(world.id)))
    refused(world, forge.token(BYTES[name], claims(), forge.rs256(world.id)))
    refused(world, own(payload=BYTES[name]))


def test_a_token_over_8_kib_is_not_looked_at_and_one_under_is(world: World) -> None:
    sound = own(payload=own_claims(note="x" * 5000))
    assert len(sound) < 8192
    world.verifier.verify(sound, NOW)
    large = own(payload=own_claims(note="x" * 6200))
    assert len(large) > 8192
    refused(world, large)


_watched: list[str] | None = None


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if _watched is not None and event in {"open", "socket.connect", "socket.getaddrinfo", "socket.__new__"}:
        _watched.append(f"{event} {arguments!r:.100}")


@pytest.fixture
def reached_out() -> Iterator[list[str]]:
    """What the interpreter opened or connected to meanwhile."""
    global _watched  # noqa: PLW0603 - an audit hook cannot be taken away again, only told to rest
    sys.addaudithook(_watch)
    _watched = []
    yield _watched
    _watched = None


def test_no_token_makes_tocsin_open_a_file_or_a_socket(world: World, reached_out: list[str]) -> None:
    world.verifier.verify(by_id(world), NOW)
    reached_out.clear()
    for header in HEADERS.values():
        refused(world, by_id(world, header))
    for change in PAYLOADS.values():
        refused(world, by_id(world, payload=claims(**change)))
    assert reached_out == []
    socket.socket().close()
    assert reached_out  # the watch would have seen it
