"""Makes JWTs by hand, byte by byte, so that any of them can be wrong."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tocsin.credentials.key_set import KeySet

Sign = Callable[[bytes], bytes]
Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def token(header: Any, payload: Any, sign: Sign) -> str:
    """A compact JWS; a header or payload that is bytes is taken as it is."""
    signed = _part(header) + b"." + _part(payload)
    return (signed + b"." + b64(sign(signed))).decode()


def b64(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def hs256(secret: bytes) -> Sign:
    return lambda signed: hmac.digest(secret, signed, "sha256")


def rs256(key: rsa.RSAPrivateKey) -> Sign:
    return lambda signed: key.sign(signed, padding.PKCS1v15(), hashes.SHA256())


def ps256(key: rsa.RSAPrivateKey) -> Sign:
    return lambda signed: key.sign(signed, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())


def es256(key: ec.EllipticCurvePrivateKey) -> Sign:
    def sign(signed: bytes) -> bytes:
        r, s = decode_dss_signature(key.sign(signed, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    return sign


def eddsa(key: ed25519.Ed25519PrivateKey) -> Sign:
    return key.sign


def unsigned(_: bytes) -> bytes:
    return b""


def pem(key: Private) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def jwk(key: Private, **members: Any) -> dict[str, Any]:
    """The public half of a key as a JWK."""
    public = key.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        numbers = public.public_numbers()
        return {"kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e), **members}
    if isinstance(public, ec.EllipticCurvePublicKey):
        point = public.public_numbers()
        names = {"secp256r1": "P-256", "secp384r1": "P-384"}
        size = (public.curve.key_size + 7) // 8
        return {
            "kty": "EC",
            "crv": names[public.curve.name],
            "x": b64(point.x.to_bytes(size, "big")).decode(),
            "y": b64(point.y.to_bytes(size, "big")).decode(),
            **members,
        }
    return {"kty": "OKP", "crv": "Ed25519", "x": b64(public.public_bytes_raw()).decode(), **members}


class HeldKeys:
    """Key sets that a test puts in place and exchanges."""

    def __init__(self, sets: dict[str, KeySet]) -> None:
        self.sets = sets

    def current(self, issuer: str) -> KeySet:
        return self.sets.get(issuer, KeySet())


def _part(content: Any) -> bytes:
    return b64(content if isinstance(content, bytes) else json.dumps(content).encode())


def _number(value: int) -> str:
    return b64(value.to_bytes((value.bit_length() + 7) // 8, "big")).decode()
