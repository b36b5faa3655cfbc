"""The hub: every stream of this node, by user and by device; writes each notification to those it is for."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterable

from tocsin.device import DeviceId
from tocsin.errors import TooMany, Unavailable
from tocsin.live.broadcast_group import BroadcastGroup
from tocsin.live.closing import Close
from tocsin.live.door import KERNEL_UNSENT
from tocsin.live.form import Form, change
from tocsin.live.stream import State, Stream
from tocsin.live.unread import UnreadEvents
from tocsin.ports import Clock, Page, Span, Store
from tocsin.position import Epoch
from tocsin.principal import UserId
from tocsin.receipt import InboxChange, Item, Mark, Purged

log = logging.getLogger("tocsin.live")

PAGE = 200
"""Most notifications in one page of catching up."""

PING_SECONDS = 15
"""Between two pings of one stream; after two that were not answered it is closed."""

SLOW_SECONDS = 8.0
"""How long a reader may take nothing of what waits for it."""

FIRST_FRAME_SECONDS = 5.0
"""How long a WebSocket without a credential may wait before it sends one."""


class Hub:
    """Feeds the streams of this node.

    Parameters:
        epoch: of the log.
        head: the number to start after.
        store: where a stream that is behind reads what it missed.
        clock: for pings, stalls and expiry.

    Attributes:
        nodes: how many nodes share the limits.
        left: told of a user whose last stream here has closed, and of '' when there is no stream at all.
    """

    def __init__(self, epoch: Epoch, head: int, store: Store, clock: Clock, *, per_user: int, per_address: int) -> None:
        self.epoch = epoch
        self.last = head
        self.deliveries = 0
        self.notifications = 0
        self._opened = 0
        self.nodes: Callable[[], int] = lambda: 1
        self.left: Callable[[str], None] = lambda _audience: None
        self._store = store
        self._clock = clock
        self._per_user = per_user
        self._per_address = per_address
        self._streams: set[Stream] = set()
        self._everything: dict[Form, BroadcastGroup] = {}
        self._selective: set[Stream] = set()
        self._by_user: dict[UserId, set[Stream]] = {}
        self._by_address: dict[str, int] = {}
        self._connecting: dict[str, set[Stream]] = {}
        self._catching_up: dict[Stream, asyncio.Task[None]] = {}
        self._unread = UnreadEvents(store, lambda user: self._by_user.get(user, ()))
        self._slot = 0
        self._next_slot = 0

    # ------------------------------------------------------------ coming and going

    def __len__(self) -> int:
        return len(self._streams)

    @property
    def streams(self) -> Iterable[Stream]:
        """All streams now open on this node."""
        return tuple(self._streams)

    def audiences(self) -> list[str]:
        """The users who have streams here, and '' where there is any stream."""
        return [*self._by_user, *([""] if self._streams else [])]

    def has(self, audience: str) -> bool:
        """Whether a user, or with '' anybody, has a stream here."""
        return audience in self._by_user if audience else bool(self._streams)

    def _share(self, limit: int) -> int:
        return max(1, limit // self.nodes())

    def admit(self, address: str) -> None:
        """Count a connection of an address before it becomes a stream; `release` counts it off.

        Raises:
            TooMany: that address has too many.
        """
        open_now = self._by_address.get(address, 0)
        if open_now >= self._share(self._per_address):
            raise TooMany("Too many streams from this address", retry_after=30)
        self._by_address[address] = open_now + 1

    def release(self, address: str) -> None:
        """Count a connection of an address off."""
        left = self._by_address.get(address, 0) - 1
        if left > 0:
            self._by_address[address] = left
        else:
            self._by_address.pop(address, None)

    def has_room_for(self, user: UserId) -> bool:
        """Whether that user may open another stream."""
        return len(self._by_user.get(user, ())) < self._share(self._per_user)

    def reach(self, user: UserId | None, device: DeviceId | None) -> int:
        """To how many streams a notification would be written now.

        Parameters:
            user: whom it is for; None for everyone.
            device: what it is about, if anything.
        """
        streams = self._streams if user is None else self._by_user.get(user, set())
        return sum(
            stream.state is not State.CLOSING and (stream.devices is None or device in stream.devices)
            for stream in streams
        )

    def waiting_for_first_frame(self, address: str) -> int:
        """How many connections of an address have not said yet who they are."""
        return len(self._connecting.get(address, ()))

    def wait_for_first_frame(self, stream: Stream) -> None:
        """Keep a stream that is nobody's yet; closed when it does not say in time."""
        stream.stalled_since = self._clock.monotonic()
        self._connecting.setdefault(stream.address, set()).add(stream)

    def enter(self, stream: Stream) -> None:
        """Take a stream in, which from now on is written to."""
        self._forget_connecting(stream)
        self._opened = stream.number = self._opened + 1
        stream.opened = self._clock.now()
        self._next_slot = stream.slot = (self._next_slot + 1) % PING_SECONDS
        self._streams.add(stream)
        self._index(stream)
        stream.open(self.epoch, self.last)
        self._look_after(stream)
        self._count_for(stream)

    def adopt(self, stream: Stream) -> None:
        """A stream that was nobody's has become somebody's."""
        # What came for that user before is not brought by it: it is not theirs to confirm.
        stream.begin_after(self.last)
        self._index(stream)
        self._count_for(stream)

    def _count_for(self, stream: Stream) -> None:
        if stream.user_id is not None and stream.state is State.LIVE:
            self._unread.caught_up(stream)

    def leave(self, stream: Stream) -> None:
        """The connection is gone."""
        stream.gone()
        self._forget_connecting(stream)
        self._streams.discard(stream)
        self._selective.discard(stream)
        if (alike := self._everything.get(stream.form)) is not None:
            alike.discard(stream)
        user = stream.user_id
        if user is not None and (theirs := self._by_user.get(user)) is not None:
            theirs.discard(stream)
            if not theirs:
                del self._by_user[user]
                self.left(user)
        if not self._streams:
            self.left("")
        if (task := self._catching_up.pop(stream, None)) is not None:
            task.cancel()

    def _index(self, stream: Stream) -> None:
        if stream.devices is None:
            self._everything.setdefault(stream.form, BroadcastGroup()).add(stream)
        else:
            self._selective.add(stream)
        if stream.user_id is not None:
            self._by_user.setdefault(stream.user_id, set()).add(stream)

    def _forget_connecting(self, stream: Stream) -> None:
        waiting = self._connecting.get(stream.address)
        if waiting is not None:
            waiting.discard(stream)
            if not waiting:
                del self._connecting[stream.address]

    # ------------------------------------------------------------ fan-out

    def fan_out(self, span: Span) -> None:
        """Write what a commit added to every stream it is for, and note to how many."""
        by_user = self._by_user
        for entry in span.entries:
            if (notification := entry.notification) is not None:
                self.notifications += 1
                # Most people have no stream open.
                if notification.user_id is None or notification.user_id in by_user:
                    entry.streamed = self._write(Item(notification))
            elif entry.change is not None:
                self._tell(entry.change)
        self.last = span.last

    def _tell(self, told: InboxChange) -> None:
        frames: dict[Form, bytes] = {}
        user = told.user_id
        for stream in tuple(self._streams if user is None else self._by_user.get(user, ())):
            if stream.devices is not None and not _is_about(told, stream.devices):
                continue
            frame = frames.get(stream.form)
            if frame is None:
                frame = frames[stream.form] = change(stream.form, self.epoch, told)
            stream.offer(told.seq, frame)
        for concerned in tuple(self._by_user) if user is None else (user,):
            self._unread.changed(concerned)

    def _write(self, item: Item) -> int:
        notification = item.notification
        seq = notification.seq
        frames: dict[Form, bytes] = {}
        count = 0
        if notification.user_id is not None:
            for stream in tuple(self._by_user.get(notification.user_id, ())):
                count += self._offer(stream, item, frames)
        else:
            for form, group in self._everything.items():
                if group:
                    count += group.write(seq, form.notification(self.epoch, item))
            for stream in tuple(self._selective):
                count += self._offer(stream, item, frames)
        self.deliveries += count
        return count

    def _offer(self, stream: Stream, item: Item, frames: dict[Form, bytes]) -> int:
        if stream.state is State.CLOSING:
            return 0
        if stream.devices is not None and item.notification.device_id not in stream.devices:
            return 0
        frame = frames.get(stream.form)
        if frame is None:
            frame = frames[stream.form] = stream.form.notification(self.epoch, item)
        stream.offer(item.notification.seq, frame)
        return 1

    # ------------------------------------------------------------ catching up

    def over_budget(self, stream: Stream) -> None:
        """The door says that more waits than may: from here on the store keeps it for the reader."""
        stream.fall_behind()
        self._look_after(stream)

    def _look_after(self, stream: Stream) -> None:
        if stream.state is State.CATCHING_UP and stream not in self._catching_up:
            task = asyncio.get_running_loop().create_task(self._catch_up(stream))
            self._catching_up[stream] = task

    async def _catch_up(self, stream: Stream) -> None:
        try:
            while stream.state is State.CATCHING_UP:
                await stream.door.drained(KERNEL_UNSENT)
                stream.begin_page()
                page = await self._page(stream)
                if page is not None:
                    stream.take_page(self.epoch, page)
                # A reader that keeps up with the pages must not keep everybody else waiting.
                await asyncio.sleep(0)
        except Exception:
            log.exception("catching up failed")
            stream.close(Close.RESTART, "catching up failed; come back and resume")
        finally:
            self._catching_up.pop(stream, None)
            self._look_after(stream)
            self._count_for(stream)

    async def _page(self, stream: Stream) -> Page | None:
        try:
            return await self._store.changes(stream.user_id, stream.devices, stream.upto, PAGE)
        except Unavailable:
            # By chance: all who read when the store was lost would come back to it at once.
            await asyncio.sleep(random.uniform(0.5, 1.5))  # noqa: S311  (no secret)
            return None

    # ------------------------------------------------------------ looking after

    async def run(self) -> None:
        """Once a second: ping some, close those who are stuck, expired or silent. Never ends by itself."""
        while True:
            await asyncio.sleep(1.0)
            try:
                self.sweep()
            except Exception:
                log.exception("the sweep failed")

    def sweep(self) -> None:
        """One round of looking after."""
        now, utc = self._clock.monotonic(), self._clock.now()
        self._slot = (self._slot + 1) % PING_SECONDS
        for stream in tuple(self._streams):
            principal = stream.principal
            if principal is not None and principal.expires_at is not None and principal.expires_at <= utc:
                stream.close(Close.BAD_CREDENTIAL, "the credential has expired")
            elif self._is_stuck(stream, now):
                stream.close(Close.SLOW, f"nothing was taken for {SLOW_SECONDS:.0f} seconds")
            elif stream.slot == self._slot and stream.state is not State.CLOSING and not stream.door.unsent():
                # One who has not read what is there would answer into a connection that may be closed by then,
                # and the reset would take the reason with it; whether it is stuck shows without a ping.
                self._ping(stream)
        for stream in [stream for waiting in self._connecting.values() for stream in waiting]:
            if now - stream.stalled_since < FIRST_FRAME_SECONDS or stream.authenticating:
                continue
            if stream.may_be_nobody:
                self.enter(stream)
            else:
                stream.close(Close.NO_CREDENTIAL, f"no credential within {FIRST_FRAME_SECONDS:.0f} seconds")

    def _is_stuck(self, stream: Stream, now: float) -> bool:
        unsent = stream.door.unsent()
        taken = stream.sent - unsent
        if not unsent or taken != stream.taken:
            stream.taken = taken
            stream.stalled_since = now
            return False
        return now - stream.stalled_since >= SLOW_SECONDS

    @staticmethod
    def _ping(stream: Stream) -> None:
        if stream.pings >= 2:
            stream.close(Close.SLOW, "two pings were left unanswered")
            return
        if stream.form.answers_pings and stream.door.hears_pongs:
            stream.pings += 1
        stream.ping()

    # ------------------------------------------------------------ ending

    def restart(self) -> None:
        """Close every stream at once, to come back and resume."""
        for stream in [*self._streams, *(stream for some in self._connecting.values() for stream in some)]:
            stream.close(Close.RESTART, "the server lost its place in the log")

    def begin_anew(self, epoch: Epoch, head: int) -> None:
        """The log is another one: close every stream, and start after a number of that log."""
        self.restart()
        self.epoch, self.last = epoch, head

    async def close_all(self, code: Close, reason: str, seconds: float) -> None:
        """Close every stream, spread evenly.

        Parameters:
            seconds: over how long; those who come back at once should not all come at once.
        """
        waiting = list(self._streams) + [stream for some in self._connecting.values() for stream in some]
        started = asyncio.get_running_loop().time()
        for at, stream in enumerate(waiting):
            due = started + seconds * at / max(1, len(waiting))
            if (ahead := due - asyncio.get_running_loop().time()) > 0.01:
                await asyncio.sleep(ahead)
            stream.close(code, reason)


def _is_about(told: InboxChange, devices: frozenset[DeviceId]) -> bool:
    if isinstance(told, Purged):
        return True
    # A mark without a device covers theirs, too.
    return told.device_id in devices or (isinstance(told, Mark) and told.device_id is None)
