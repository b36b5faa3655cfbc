"""Tocsin's own issuer and six others, and the tokens that they sign: sound, or wrong in one thing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from credentials import forge
from tocsin.config import Issuer
from tocsin.credentials.jwt import TokenIssuer, Verifier
from tocsin.credentials.key_set import key_set_from_jwks, key_set_from_pem
from tocsin.errors import Unauthenticated

NOW = 1_800_000_000_000
NOW_S = NOW // 1000
SECRET = b"0123456789abcdef0123456789abcdef-own"

ID = "https://id.example"
OTHER = "https://other.example"
PINNED = "https://pinned.example"
CURVE = "https://curve.example"
EDWARDS = "https://edwards.example"
PSS = "https://pss.example"


def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


@dataclass
class World:
    """Tocsin's own issuer and six others, with the private keys of all of them."""

    id: rsa.RSAPrivateKey = field(default_factory=rsa_key)
    other: rsa.RSAPrivateKey = field(default_factory=rsa_key)
    stranger: rsa.RSAPrivateKey = field(default_factory=rsa_key)
    curve: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    edwards: ed25519.Ed25519PrivateKey = field(default_factory=ed25519.Ed25519PrivateKey.generate)

    def __post_init__(self) -> None:
        self.own = TokenIssuer(SECRET)
        issuers = [
            Issuer(issuer=ID, audience="tocsin-api", algorithm="RS256", jwks_url="https://id.example/jwks"),
            Issuer(
                issuer=OTHER,
                audience="tocsin-api",
                algorithm="RS256",
                jwks_url="https://other.example/jwks",
                trusted_roles=True,
                create_users=True,
            ),
            Issuer(issuer=PINNED, audience="tocsin-api", algorithm="RS256", public_key=forge.pem(self.id)),
            Issuer(issuer=CURVE, audience="tocsin-api", algorithm="ES256", public_key=forge.pem(self.curve)),
            Issuer(issuer=EDWARDS, audience="tocsin-api", algorithm="EdDSA", public_key=forge.pem(self.edwards)),
            Issuer(issuer=PSS, audience="tocsin-api", algorithm="PS256", public_key=forge.pem(self.id)),
        ]
        # The same kid at two issuers.
        self.keys = forge.HeldKeys(
            {
                ID: key_set_from_jwks([forge.jwk(self.id, kid="k1"), forge.jwk(rsa_key(), kid="k2")], "RS256"),
                OTHER: key_set_from_jwks([forge.jwk(self.other, kid="k1")], "RS256"),
                **{
                    issuer.issuer: key_set_from_pem(issuer.public_key, issuer.algorithm)
                    for issuer in issuers
                    if issuer.public_key
                },
            }
        )
        self.verifier = Verifier(self.own, issuers, self.keys)


def own_claims(**changes: Any) -> dict[str, Any]:
    return _with(
        {
            "iss": "tocsin",
            "aud": "tocsin",
            "sub": "ada",
            "permissions": ["notifications"],
            "superuser": False,
            "iat": NOW_S,
            "exp": NOW_S + 3600,
            "jti": "abc",
        },
        changes,
    )


def claims(**changes: Any) -> dict[str, Any]:
    return _with(
        {
            "iss": ID,
            "aud": "tocsin-api",
            "sub": "ada",
            "iat": NOW_S,
            "exp": NOW_S + 3600,
            "permissions": ["notifications"],
        },
        changes,
    )


def _with(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`None` takes a member out; `NULL` puts a null in."""
    merged = {**base, **changes}
    return {name: None if value is NULL else value for name, value in merged.items() if value is not None}


NULL = object()


def own(header: Any = None, payload: Any = None, secret: bytes = SECRET) -> str:
    return forge.token(header or {"alg": "HS256", "typ": "JWT"}, payload or own_claims(), forge.hs256(secret))


def by_id(world: World, header: dict[str, Any] | None = None, payload: Any = None) -> str:
    """Signed by the real key of an external issuer, so that only what a test changes can be wrong."""
    full = _with({"alg": "RS256", "kid": "k1"}, header or {})
    return forge.token(full, payload or claims(), forge.rs256(world.id))


def refused(world: World, token: str, now: int = NOW) -> None:
    with pytest.raises(Unauthenticated) as refusal:
        world.verifier.verify(token, now)
    assert str(refusal.value) == "Authentication required"
    assert refusal.value.__cause__ is None
