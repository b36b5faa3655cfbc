"""Acknowledge: what a recipient does with a notification, noted once and told to every screen they have."""

from __future__ import annotations

from tocsin.device import DeviceId
from tocsin.notification import NotificationId, Type
from tocsin.ports import Clock, Store
from tocsin.position import number_in
from tocsin.principal import UserId
from tocsin.receipt import Act, State, Unread


class Acknowledge:
    """The last step of the path; the same for the API and for commands on a stream.

    Parameters:
        store: decides and keeps; the log tells the streams.
        clock: says when.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def act(self, user: UserId, id_: str, what: Act) -> State:
        """Read, dismiss, acknowledge, or take the first two back.

        Raises:
            NotFound: there is no such notification of theirs. Conflict: it must be acknowledged first.
        """
        return await self._store.act(user, NotificationId(id_), what, self._clock.now())

    async def mark(
        self, user: UserId, upto: str | None, type_: Type | None, device: DeviceId | None
    ) -> tuple[int, Unread]:
        """Mark as read up to a position, or all there is.

        Raises:
            Invalid: no position of this log.
        """
        number = None if upto is None else number_in(self._store.epoch, upto, "upTo")
        return await self._store.mark(user, number, type_, device, self._clock.now())

    async def received(self, user: UserId, began: int, upto: int) -> None:
        """A stream that began at one number has brought everything up to another."""
        await self._store.confirm(user, began, upto, self._clock.now())
