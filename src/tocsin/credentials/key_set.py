"""The public keys of one issuer, and which of them may check which token."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey

_Kind = type[RSAKey] | type[ECKey] | type[OKPKey]
_KINDS: dict[str, _Kind] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
_CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
_PRIVATE_PART = "d"
SMALLEST_RSA = 2048
"""Bits of the modulus, RFC 7518 section 3.3."""

UNREADABLE = (JoseError, UnsupportedAlgorithm, ValueError, TypeError, KeyError, AttributeError)
"""What the libraries raise over a key that is none."""


class KeySet:
    """The keys that may check the tokens of one issuer under its one algorithm.

    Parameters:
        named: keys by their `kid`.
        unnamed: the only key there is, when it was given without a `kid`: checks tokens whatever their `kid`.
    """

    def __init__(self, named: dict[str, Key] | None = None, *, unnamed: Key | None = None) -> None:
        self._named = named or {}
        self._unnamed = unnamed

    def __len__(self) -> int:
        return len(self._named) + (self._unnamed is not None)

    def find(self, kid: str | None) -> Key | None:
        """The key for a token, by the exact `kid` in its header, or None.

        A token without a `kid` is checked only where there is no choice. The `kid` is looked up among the
        keys of the issuer that this set belongs to and nowhere else: two issuers may use the same one.
        """
        if self._unnamed is not None:
            return self._unnamed
        if kid is not None:
            return self._named.get(kid)
        return next(iter(self._named.values())) if len(self._named) == 1 else None


def own_key_set(secret: bytes) -> KeySet:
    """The key that Tocsin signs its own tokens with.

    Raises:
        ValueError: the bytes look like a public key, which is no secret.
    """
    return KeySet(unnamed=OctKey.import_key(secret))


def key_set_from_pem(text: str, algorithm: str) -> KeySet:
    """The one public key that stands in the settings.

    Parameters:
        text: PEM form.
        algorithm: that the key must fit.

    Raises:
        ValueError: no public key, or one that does not fit the algorithm or is too weak; says which.
    """
    for kind in _KINDS.values():
        try:
            key = _import(kind, text)
        except UNREADABLE:
            continue
        if key.is_private:
            raise ValueError("this is a private key; Tocsin needs the public one only")
        reason = _unfit(key, algorithm)
        if reason:
            raise ValueError(reason)
        return KeySet(unnamed=key)
    raise ValueError("this is no public key in PEM form")


def key_set_from_jwks(keys: Iterable[object], algorithm: str) -> KeySet:
    """Those keys of a JWK set (RFC 7517) that may check signatures of this algorithm.

    Others are left out: RFC 7517 section 5 asks to pass over what is not understood.

    Raises:
        ValueError: none is left.
    """
    named: dict[str, Key] = {}
    unnamed: list[Key] = []
    for member in keys:
        key = _from_jwk(member, algorithm)
        if key is None:
            continue
        kid = key.get("kid")
        if isinstance(kid, str) and kid:
            named.setdefault(kid, key)
        else:
            unnamed.append(key)
    if len(unnamed) == 1 and not named:
        return KeySet(unnamed=unnamed[0])
    if not named:
        raise ValueError(f"no usable key for {algorithm}")
    return KeySet(named)


def _from_jwk(member: object, algorithm: str) -> Key | None:
    # A shared secret has no place in a published set, and a private key there is known to everybody.
    if not isinstance(member, dict) or _PRIVATE_PART in member:
        return None
    kty = member.get("kty")
    kind = _KINDS.get(kty) if isinstance(kty, str) else None
    if kind is None or member.get("use", "sig") != "sig" or member.get("alg", algorithm) != algorithm:
        return None
    operations = member.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        return None
    try:
        key = _import(kind, member)
        return None if _unfit(key, algorithm) else key
    except UNREADABLE:
        return None


def _import(kind: _Kind, given: Any) -> Key:
    # The library warns of a short RSA key and takes it; `_unfit` refuses it, so nobody needs the warning.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)
        return kind.import_key(given)


def _unfit(key: Key, algorithm: str) -> str | None:
    """Why a key cannot check signatures of an algorithm; None where it can."""
    if algorithm.startswith(("RS", "PS")):
        if not isinstance(key, RSAKey):
            return f"{algorithm} needs an RSA key"
        if key.raw_value.key_size < SMALLEST_RSA:
            return f"an RSA key needs {SMALLEST_RSA} bits or more"
        return None
    if algorithm.startswith("ES"):
        fits = isinstance(key, ECKey) and key.curve_name == _CURVES[algorithm]
        return None if fits else f"{algorithm} needs an EC key on {_CURVES[algorithm]}"
    fits = isinstance(key, OKPKey) and key.curve_name == "Ed25519"
    return None if fits else f"{algorithm} needs an Ed25519 key"
