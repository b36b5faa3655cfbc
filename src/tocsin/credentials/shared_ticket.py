"""Tickets that open one stream on whichever of several nodes they come to.

A ticket carries whom it was issued to, sealed with a key that all nodes have, but not what they may do: a stream asks
for no permission, and the list of an issuer's token may be longer than a URL. That it was used is known to all by a
register in which only the first who takes a name gets it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Awaitable, Callable

import msgspec

from tocsin.credentials.ticket import LIFE_SECONDS, Tickets
from tocsin.errors import Unauthenticated
from tocsin.ports import Clock
from tocsin.principal import Principal

LONGEST = 4_096
"""Most characters of a ticket."""

SKEW_MS = 5_000
"""How far the clocks of two nodes may stand apart."""


class _Sealed(msgspec.Struct):
    principal: Principal
    expires_at: int


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Sealed).decode


class SharedTickets:
    """Issues tickets here, and redeems those of every node.

    Parameters:
        own: holds how many of a holder's are open; what is used on another node counts there until it expires.
        key: what all nodes have; another key is derived from it.
        take: takes a name for so many seconds; False when somebody has it.
    """

    def __init__(self, own: Tickets, clock: Clock, key: bytes, take: Callable[[str, float], Awaitable[bool]]) -> None:
        self._own = own
        self._clock = clock
        self._key = hmac.digest(key, b"tickets", "sha256")
        self._take = take

    def issue(self, principal: Principal) -> tuple[str, int]:
        """As Tickets does; what comes of it opens a stream and may do nothing else.

        Raises:
            TooMany: as Tickets does.
        """
        text, expires_at = self._own.issue(principal)
        reader = msgspec.structs.replace(principal, permissions=frozenset(), superuser=False)
        sealed = base64.urlsafe_b64encode(_encode(_Sealed(reader, expires_at))).decode().rstrip("=")
        return f"{text}.{sealed}.{self._seal(text, sealed)}", expires_at

    async def redeem(self, ticket: str) -> Principal:
        """Whoever the ticket was issued to, without their permissions; it is used up by this, everywhere.

        Raises:
            Unauthenticated: forged, used or expired, or the credential that it was got with has expired.
            Unavailable: whether it was used cannot be found out.
        """
        text, _, rest = ticket.partition(".")
        sealed, _, seal = rest.partition(".")
        if len(ticket) > LONGEST or not ticket.isascii() or not hmac.compare_digest(self._seal(text, sealed), seal):
            raise Unauthenticated
        found = _decode(base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4)))
        now, principal = self._clock.now(), found.principal
        if found.expires_at + SKEW_MS <= now or (principal.expires_at is not None and principal.expires_at <= now):
            raise Unauthenticated
        digest = hashlib.sha256(text.encode()).hexdigest()
        if not await self._take(f"ticket:{digest}", LIFE_SECONDS * 2):
            raise Unauthenticated
        self._own.forget(text)
        return principal

    def _seal(self, text: str, sealed: str) -> str:
        return base64.urlsafe_b64encode(hmac.digest(self._key, f"{text}.{sealed}".encode(), "sha256")).decode()
