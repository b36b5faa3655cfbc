"""The gate before every stream: one check for WebSocket, SSE and NDJSON alike."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from tocsin.config import Config
from tocsin.credentials.address import address_bucket
from tocsin.credentials.key import is_sample, parse_key
from tocsin.device import DeviceId
from tocsin.errors import Forbidden, ForeignPage, Invalid, Unauthenticated, Unavailable
from tocsin.live.form import ENVELOPE
from tocsin.live.hub import Hub
from tocsin.path.acknowledge import Acknowledge
from tocsin.path.authorize import Authorize
from tocsin.ports import Clock
from tocsin.position import Position
from tocsin.principal import Principal, parse_id
from tocsin.request import Request

FIRST_FRAME = "frame"
"""Value of `?auth=`: the first frame brings the credential, and a cookie does not count."""

MOST_DEVICES = 100
"""Most `deviceId` parameters of one stream."""


class Asked(msgspec.Struct, frozen=True):
    """What a stream was asked to be.

    Attributes:
        principal: whose; None where no credential was presented.
        since: resume right after this position, or None: from the head.
        devices: only notifications about these, or None: all.
        envelope: whether `?protocol=tocsin.v1` was given.
        first_frame: whether `?auth=frame` promises a credential in the first frame.
    """

    principal: Principal | None
    since: Position | None
    devices: frozenset[DeviceId] | None
    envelope: bool
    first_frame: bool = False


def devices_asked(request: Request) -> frozenset[DeviceId] | None:
    """The devices that `?deviceId=` names; None where it names none: all.

    Raises:
        Invalid: too many, or one that cannot be an id.
    """
    devices = request.query.get("deviceId")
    if devices is None:
        return None
    if len(devices) > MOST_DEVICES:
        raise Invalid("deviceId", f"at most {MOST_DEVICES}")
    return frozenset(DeviceId(parse_id(id_, where="deviceId")) for id_ in devices)


class Gate:
    """Says who may open which stream.

    Parameters:
        redeem: whom a ticket was issued to; it is used up by this.
        turned_down: why no new streams are taken now, empty when they are.
        arrive: has it known among nodes that somebody (or '', anybody) is about to have a stream here.
    """

    def __init__(
        self,
        hub: Hub,
        authorize: Authorize,
        acknowledge: Acknowledge,
        redeem: Callable[[str], Awaitable[Principal]],
        config: Config,
        clock: Clock,
        turned_down: Callable[[], str],
        arrive: Callable[[str], Awaitable[None]],
    ) -> None:
        self.hub = hub
        self.authorize = authorize
        self.acknowledge = acknowledge
        self.config = config
        self.clock = clock
        self._redeem = redeem
        self._turned_down = turned_down
        self._arrive = arrive

    def address(self, request: Request) -> str:
        """The client's address as limits count it (IPv6 by /64)."""
        return address_bucket(request.address)

    def admit(self, request: Request) -> None:
        """What is decided before anything is accepted; counts the address in.

        Raises:
            ForeignPage: of a foreign origin. Unavailable: going down. TooMany: the address is full.
        """
        if not request.from_allowed_origin():
            raise ForeignPage
        if reason := self._turned_down():
            raise Unavailable(reason, retry_after=2)
        self.hub.admit(self.address(request))

    def release(self, request: Request) -> None:
        """Count the address off."""
        self.hub.release(self.address(request))

    async def read(self, request: Request) -> Asked:
        """What was asked for, and by whom.

        Raises:
            Unauthenticated: a credential is there and does not hold. Forbidden: an app's.
            ForeignPage: a cookie is to open it, and no page of ours is known to ask.
            Malformed, Invalid: a parameter that cannot be understood.
        """
        principal = await self._principal(request)
        # A browser that reconnects asks for the same URL, `since` and all; what it saw last is in the header.
        given = request.header(b"last-event-id") or request.asked("since")
        protocol = request.asked("protocol")
        if protocol not in (None, ENVELOPE):
            raise Invalid("protocol", f"there is only {ENVELOPE}")
        auth = request.asked("auth")
        if auth not in (None, FIRST_FRAME):
            raise Invalid("auth", f"there is only {FIRST_FRAME}")
        since = Position.parse(given) if given is not None else None
        devices = devices_asked(request)
        if (ticket := request.asked("ticket")) is not None:
            # Last: it is used up by this, and all else that was asked for can be had.
            principal = await self._by_ticket(ticket, principal)
        await self._arrive((principal and principal.user_id) or "")
        first_frame = principal is None and auth is not None
        return Asked(principal, since, devices, protocol is not None, first_frame)

    def crowded(self, request: Request) -> bool:
        """Whether that address has too many connections that have not said who they are."""
        waiting = self.hub.waiting_for_first_frame(self.address(request))
        return waiting >= self.config.limits.unauthenticated_per_address

    async def identify(self, credential: str) -> Principal:
        """Who a first frame's credential is.

        Raises:
            Unauthenticated: it does not hold. Forbidden: an app's. Unavailable: no streams are taken now.
        """
        if reason := self._turned_down():
            raise Unavailable(reason, retry_after=2)
        principal = self._reading(await self.authorize.identify(credential))
        await self._arrive(principal.user_id or "")
        return principal

    async def _principal(self, request: Request) -> Principal | None:
        """Who it says it is; a ticket is looked at when all else is known to be well."""
        credential, token = request.credential, request.asked("token")
        # A long-lived secret in a URL ends in histories and logs; a token lasts a day at most.
        if token is not None and not self.config.allow_key_in_query and (parse_key(token) or is_sample(token)):
            raise Unauthenticated
        given = dict.fromkeys(one for one in (credential, token) if one is not None)
        if not given:
            return await self._signed_in(request) if request.asked("ticket") is None else None
        found = [self._reading(await self.authorize.identify(one)) for one in given]
        if len({principal.user_id for principal in found}) > 1:
            raise Unauthenticated
        return found[0]

    async def _by_ticket(self, ticket: str, named: Principal | None) -> Principal:
        principal = self._reading(await self._redeem(ticket))
        if named is not None and named.user_id != principal.user_id:
            raise Unauthenticated
        if not await self.authorize.still_holds(principal):
            raise Unauthenticated
        return principal

    def _reading(self, principal: Principal) -> Principal:
        if principal.kind == "app":
            raise Forbidden("An app secret sends; it does not read")
        # A stream ends when its credential does: without the minute that clocks may be apart, in which requests are
        # still answered, it would begin only to end.
        if principal.expires_at is not None and principal.expires_at <= self.clock.now():
            raise Unauthenticated
        return principal

    async def _signed_in(self, request: Request) -> Principal | None:
        cookie = request.session_cookie
        if cookie is None or request.asked("auth") is not None:
            return None
        # A WebSocket is not held back by the rule of same origin; a browser always says who opens it. To its
        # own origin it says so of nothing else in `Origin`.
        if request.origin is None and (request.is_websocket or not request.page_may_act()):
            raise ForeignPage
        return await self.authorize.identify_session(cookie)
