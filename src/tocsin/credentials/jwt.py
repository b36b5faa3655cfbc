"""JWTs: Tocsin's own, and those of issuers in the settings.

Nothing that a token says decides how it is checked: which issuers there are, their algorithm, audience and
keys stand in the settings, and no token makes Tocsin fetch anything. See RFC 8725 for the attacks meant.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import msgspec
from cryptography.exceptions import InvalidSignature
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwa import JWSAlgModel
from joserfc.jws import JWSRegistry

from tocsin.config import Issuer
from tocsin.credentials.claims import Claims as Claims
from tocsin.credentials.claims import read_external, read_own
from tocsin.credentials.key_set import KeySet, own_key_set
from tocsin.errors import Refusal, StartError, Unauthenticated, Unavailable
from tocsin.principal import User

OWN = "tocsin"
"""`iss` and `aud` of the tokens that Tocsin issues."""

LIFE_MS = 24 * 3_600_000
LEEWAY_MS = 60_000
"""How far the clocks of two machines may stand apart."""

LONGEST = 8 * 1024
"""Most characters of a token; a longer one is not even looked at."""

REMEMBERED = 10_000
"""Tokens whose signature need not be checked again."""

NO_KEYS_RETRY_SECONDS = 5
"""When to come back with a token whose issuer has given no keys yet; it is asked every 15 s."""

_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)

# A header that brings or fetches its own key, or asks for rules (`crit`) that are not followed here.
_REFUSED_HEADERS = frozenset({"crit", "jku", "jwk", "x5u", "x5c", "b64", "zip", "enc"})

# Other kinds of JWT that an issuer signs with the same key (a logout notice, say) must not sign anybody in.
_TYPES = frozenset({"jwt", "at+jwt", "application/jwt", "application/at+jwt"})

_UNREADABLE = (
    JoseError,
    InvalidSignature,
    Refusal,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)


class Keys(Protocol):
    """The keys of external issuers, at hand without waiting."""

    def current(self, issuer: str) -> KeySet:
        """The keys of that issuer as last seen; the same object until they change. May be empty."""
        ...


class TokenIssuer:
    """Signs Tocsin's own tokens.

    Parameters:
        signing_key: 32 random bytes or more, the same on every node.

    Raises:
        StartError: the key is too short, or is no secret.
    """

    def __init__(self, signing_key: bytes) -> None:
        if len(signing_key) < 32:
            raise StartError("the signing key of tokens has less than 32 bytes; make a new one")
        try:
            self.key_set = own_key_set(signing_key)
        except ValueError:
            raise StartError("the signing key of tokens is a public key; make a random one") from None
        self._key = self.key_set.find(None)
        self._registry = _OneAlgorithm("HS256")

    def issue(self, user: User, now_ms: int) -> tuple[str, int]:
        """A token for a user who has signed in.

        Parameters:
            now_ms: milliseconds UTC.

        Returns:
            The token, and when it expires in milliseconds UTC.
        """
        # Not before `tokens_after`: after somebody set the clock back, a new token would not hold at all.
        issued_at = max(now_ms, user.tokens_after)
        expires_at = (now_ms + LIFE_MS) // 1000 * 1000
        claims = {
            "iss": OWN,
            "aud": OWN,
            "sub": user.id,
            "permissions": sorted(user.permissions),
            "superuser": user.superuser,
            # To the millisecond, which RFC 7519 section 2 allows: a token made in the second in which
            # the user's earlier ones were revoked must hold.
            "iat": issued_at / 1000,
            "exp": expires_at // 1000,
            "jti": secrets.token_urlsafe(16),
        }
        header = {"alg": "HS256", "typ": "JWT"}
        token = jws.serialize_compact(header, msgspec.json.encode(claims), self._key, registry=self._registry)
        return token, expires_at


class Verifier:
    """Says what a token proves, or that it proves nothing.

    Parameters:
        own: whose tokens are ours.
        issuers: whose else are taken.
        keys: theirs.

    Raises:
        StartError: two issuers of one name, one that is named as we are, or one without an audience.
    """

    def __init__(self, own: TokenIssuer, issuers: Sequence[Issuer], keys: Keys) -> None:
        self._rules = {OWN: _own_rules(own)}
        for issuer in issuers:
            if issuer.issuer in self._rules or not issuer.issuer or not issuer.audience:
                raise StartError(
                    f"configuration: issuers: {issuer.issuer!r}: each needs a name of its own and an audience"
                )
            self._rules[issuer.issuer] = _external_rules(issuer, keys)
        self._proven: OrderedDict[bytes, _Proof] = OrderedDict()

    def verify(self, token: str, now_ms: int) -> Claims:
        """What a token proves at this moment.

        That a signature held is remembered (the last 10,000 tokens, until the issuer's keys change); the
        times are looked at on every use. Measured for one of our own on one core: 1.5 µs remembered,
        18 µs checked.

        Parameters:
            now_ms: milliseconds UTC.

        Raises:
            Unauthenticated: it does not hold; never says why. Unavailable: its issuer's keys have not been had yet, so
                nobody can tell.
        """
        if len(token) > LONGEST or not _FORM.fullmatch(token):
            raise Unauthenticated
        digest = hashlib.sha256(token.encode()).digest()
        proof = self._proven.get(digest)
        if proof is None or proof.keys is not proof.rules.keys():
            try:
                proof = self._prove(token, digest)
            except Unavailable:
                raise
            except _UNREADABLE:
                self._proven.pop(digest, None)
                raise Unauthenticated from None
        claims = proof.claims
        if now_ms >= claims.expires_at + LEEWAY_MS or now_ms < claims.not_before - LEEWAY_MS:
            self._proven.pop(digest, None)
            raise Unauthenticated
        self._proven[digest] = proof
        self._proven.move_to_end(digest)
        if len(self._proven) > REMEMBERED:
            self._proven.popitem(last=False)
        return claims

    def _prove(self, token: str, digest: bytes) -> _Proof:
        head, body, _ = token.split(".")
        members = msgspec.json.decode(_decode(head), type=dict[str, object])
        header = msgspec.convert(members, _Header)
        if not _REFUSED_HEADERS.isdisjoint(members) or header.typ.lower() not in _TYPES:
            raise Unauthenticated
        # Read before the signature is checked, and only to pick the rules that it will be checked by.
        rules = self._rules.get(msgspec.json.decode(_decode(body), type=_Named).iss)
        if rules is None or header.alg != rules.registry.name:
            raise Unauthenticated
        keys = rules.keys()
        if not keys:
            # Not "does not hold": whoever is told so stays away, and the keys may be there in a moment.
            raise Unavailable("The keys of the token's issuer are not known yet", retry_after=NO_KEYS_RETRY_SECONDS)
        key = keys.find(header.kid)
        if key is None:
            raise Unauthenticated
        signed = jws.deserialize_compact(token, key, registry=rules.registry)
        if signed.payload is None:
            raise Unauthenticated
        return _Proof(rules.read(signed.payload, digest), rules, keys)


class _Rules(NamedTuple):
    """How the tokens of one issuer are checked, and how their claims are read."""

    registry: _OneAlgorithm
    keys: Callable[[], KeySet]
    read: Callable[[bytes, bytes], Claims]


class _Proof(NamedTuple):
    claims: Claims
    rules: _Rules
    keys: KeySet


def _own_rules(own: TokenIssuer) -> _Rules:
    return _Rules(_OneAlgorithm("HS256"), lambda: own.key_set, lambda payload, _: read_own(payload, OWN))


def _external_rules(issuer: Issuer, keys: Keys) -> _Rules:
    def read(payload: bytes, digest: bytes) -> Claims:
        return read_external(
            payload,
            issuer.audience,
            issuer=issuer.issuer,
            token_id=digest.hex()[:32],
            trusted_roles=issuer.trusted_roles,
            create_user=issuer.create_users,
        )

    return _Rules(_OneAlgorithm(issuer.algorithm), lambda: keys.current(issuer.issuer), read)


class _OneAlgorithm(JWSRegistry):
    """The library's table of algorithms with one row: no token can choose another.

    Other header members are passed over instead of refused (Entra ID sends `x5t`, for one); those that
    matter have been refused before. Nor does the library warn here of an algorithm that was configured.
    """

    def __init__(self, name: str) -> None:
        super().__init__(algorithms=[name], strict_check_header=False)
        self.name = name

    def get_alg(self, name: str) -> JWSAlgModel:
        if name != self.name:
            raise Unauthenticated
        return self.algorithms[name]


class _Header(msgspec.Struct):
    alg: str
    typ: str = "JWT"
    kid: str | None = None


class _Named(msgspec.Struct):
    iss: str


def _decode(segment: str) -> bytes:
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
