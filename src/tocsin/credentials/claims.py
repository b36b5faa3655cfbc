"""What a JWT says once its signature holds (RFC 7519 section 4), read strictly."""

from __future__ import annotations

import msgspec

from tocsin.errors import Unauthenticated
from tocsin.principal import UserId, parse_id

_YEAR_9999 = 253_402_300_799


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What a token proved.

    Attributes:
        issuer: the external issuer, or None for a token of our own.
        subject: the user's id, in its canonical form.
        superuser: true only from ourselves or an issuer with `trusted_roles`.
        token_id: names the token in logs and the audit; no secret.
        issued_at: milliseconds UTC; 0 when an external token does not say.
        not_before: milliseconds UTC from which it holds, without leeway; 0 for always.
        expires_at: milliseconds UTC until which it holds, without leeway.
        create_user: whether the issuer may bring users that are not known yet.
    """

    issuer: str | None
    subject: UserId
    permissions: frozenset[str]
    superuser: bool
    token_id: str
    issued_at: int
    not_before: int
    expires_at: int
    create_user: bool = False


class _Payload(msgspec.Struct):
    aud: str | list[str]
    exp: int | float
    sub: str
    iat: int | float | None = None
    nbf: int | float | None = None
    permissions: list[str] | None = None
    superuser: object = False
    jti: object = None


def read_own(payload: bytes, audience: str) -> Claims:
    """The claims of a token that we issued.

    Raises:
        Unauthenticated, Invalid, msgspec.MsgspecError, ValueError: they are not as we write them.
    """
    given = _given(payload, audience)
    if given.iat is None or not isinstance(given.jti, str) or not isinstance(given.superuser, bool):
        raise Unauthenticated
    return Claims(
        issuer=None,
        subject=UserId(parse_id(given.sub, where="sub")),
        permissions=frozenset(given.permissions or ()),
        superuser=given.superuser,
        token_id=given.jti,
        issued_at=_milliseconds(given.iat),
        # Our own `iat` may lie ahead, when somebody has set the clock back since: that locks nobody out.
        not_before=0,
        expires_at=_milliseconds(given.exp),
    )


def read_external(
    payload: bytes, audience: str, *, issuer: str, token_id: str, trusted_roles: bool, create_user: bool
) -> Claims:
    """The claims of a token that somebody else issued.

    Parameters:
        token_id: names the token; its own `jti` may collide with another's, or break a line of the log.
        trusted_roles: whether its `superuser` counts; otherwise it is not even looked at.

    Raises:
        Unauthenticated, Invalid, msgspec.MsgspecError, ValueError: a claim is missing, of the wrong type
            or out of range, or the token is meant for somebody else.
    """
    given = _given(payload, audience)
    if trusted_roles and not isinstance(given.superuser, bool):
        raise Unauthenticated
    issued_at = 0 if given.iat is None else _milliseconds(given.iat)
    return Claims(
        issuer=issuer,
        subject=UserId(parse_id(given.sub, where="sub")),
        permissions=frozenset(given.permissions or ()),
        superuser=trusted_roles and given.superuser is True,
        token_id=token_id,
        issued_at=issued_at,
        not_before=max(issued_at, 0 if given.nbf is None else _milliseconds(given.nbf)),
        expires_at=_milliseconds(given.exp),
        create_user=create_user,
    )


def _given(payload: bytes, audience: str) -> _Payload:
    given = msgspec.json.decode(payload, type=_Payload)
    if audience not in ([given.aud] if isinstance(given.aud, str) else given.aud):
        raise Unauthenticated
    return given


def _milliseconds(seconds: float) -> int:
    if not 0 <= seconds <= _YEAR_9999:
        raise Unauthenticated
    return round(seconds * 1000)
