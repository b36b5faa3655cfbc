"""Tickets: what a browser puts into the URL of a stream instead of a credential; each opens one stream."""

from __future__ import annotations

import hashlib
import math
import secrets
from typing import NamedTuple, Protocol

from tocsin.errors import TooMany, Unauthenticated
from tocsin.ports import Clock
from tocsin.principal import Principal

LIFE_SECONDS = 60
OPEN_PER_HOLDER = 100
OPEN_IN_ALL = 100_000


class Issuing(Protocol):
    """Gives out tickets."""

    def issue(self, principal: Principal) -> tuple[str, int]:
        """A ticket for whoever this is, and when it expires in milliseconds UTC.

        Raises:
            TooMany: too many are open.
        """
        ...


class Tickets:
    """The open tickets of this process; a restart forgets them, and pages ask for another.

    Parameters:
        clock: times are measured by its monotonic side, so that setting the clock prolongs no ticket.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        # Both in order of issue, which is the order of expiry, for all live equally long.
        self._open: dict[bytes, _Ticket] = {}
        self._of_holder: dict[str, dict[bytes, None]] = {}

    def issue(self, principal: Principal) -> tuple[str, int]:
        """A ticket for whoever this is.

        Returns:
            Its text, and when it expires in milliseconds UTC.

        Raises:
            TooMany: 100 of this principal's, or 100,000 in all, are open.
        """
        now = self._clock.monotonic()
        self._forget_expired(now)
        holder = principal.sender
        own = self._of_holder.get(holder, {})
        if len(own) >= OPEN_PER_HOLDER or len(self._open) >= OPEN_IN_ALL:
            oldest = next(iter(own if len(own) >= OPEN_PER_HOLDER else self._open))
            wait = math.ceil(self._open[oldest].expires - now)
            raise TooMany("Too many open tickets", retry_after=max(1, wait))
        text = secrets.token_urlsafe(32)
        digest = _digest(text)
        self._open[digest] = _Ticket(principal, now + LIFE_SECONDS)
        self._of_holder.setdefault(holder, own)[digest] = None
        return text, self._clock.now() + LIFE_SECONDS * 1000

    def redeem(self, text: str) -> Principal:
        """Whoever the ticket was issued to; it is used up by this.

        Raises:
            Unauthenticated: unknown, used or expired, or the credential that it was got with has expired.
        """
        ticket = self._take(_digest(text))
        if ticket is None or ticket.expires <= self._clock.monotonic():
            raise Unauthenticated
        principal = ticket.principal
        if principal.expires_at is not None and principal.expires_at <= self._clock.now():
            raise Unauthenticated
        return principal

    def forget(self, text: str) -> None:
        """It was used; nothing where it is not known here."""
        self._take(_digest(text))

    def __len__(self) -> int:
        return len(self._open)

    def _forget_expired(self, now: float) -> None:
        while self._open:
            digest = next(iter(self._open))
            if self._open[digest].expires > now:
                return
            self._take(digest)

    def _take(self, digest: bytes) -> _Ticket | None:
        ticket = self._open.pop(digest, None)
        if ticket is not None:
            holder = ticket.principal.sender
            del self._of_holder[holder][digest]
            if not self._of_holder[holder]:
                del self._of_holder[holder]
        return ticket


class _Ticket(NamedTuple):
    principal: Principal
    expires: float


def _digest(text: str) -> bytes:
    # Looked up by hash: how far a guess agrees with a ticket cannot be read from the time it takes.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
